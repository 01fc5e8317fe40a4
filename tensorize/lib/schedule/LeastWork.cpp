// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/LeastWork.h"

#include "tw/tensorize/Realise.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tw::tensorize {
namespace {

Ranges wholeOf(const Mapping &mapping) {
  Ranges ranges;
  for (const Loop &loop : mapping.block.loops)
    ranges.push_back({0, loop.extent});
  return ranges;
}

// Steps of one link with all lanes: its own loops, and whatever repeats the chain. Passes of an outer reduction repeat
// its first link; those behind the meeting place run once.
int64_t stepsOf(const Mapping &mapping, int link, const Ranges &whole) {
  auto isOfLink = [&](const Quantity &extent) { return extent.kind == Quantity::Field && extent.field.link == link; };
  int64_t steps = 1;
  for (size_t loop = 0; loop != mapping.chain->loops.size(); ++loop)
    if (const ChainLoop &its = mapping.chain->loops[loop]; !its.isLanes && std::ranges::any_of(its.extents, isOfLink))
      steps *= chainExtent(mapping, int(loop), whole);
  for (size_t loop = 0; loop != mapping.loopTo.size(); ++loop)
    if (mapping.loopTo[loop] < 0 && (link == 0 || !mapping.block.loops[loop].isReduction))
      steps *= mapping.block.loops[loop].extent;
  return steps;
}

// Bytes of packed constants, each image whole.
int64_t constantBytes(const Mapping &mapping, const Target &target, const Ranges &whole) {
  const std::vector<ChainAccess> &accesses = mapping.chain->accesses;
  int64_t bytes = 0;
  for (size_t i = 0; i != accesses.size(); ++i) {
    auto isImage = [&](size_t access) { return !accesses[access].isStrided && !isStream(mapping, int(access)); };
    bool isFirst = isImage(i); // of those that share a base
    for (size_t before = 0; before != i; ++before)
      isFirst &= !isImage(before) || accesses[before].base != accesses[i].base;
    if (isFirst)
      bytes += constantImageBytes(mapping, target, accesses[i].base, whole);
  }
  return bytes;
}

LeastWork workOf(const Mapping &mapping, const Target &target) {
  LeastWork work;
  const Ranges whole = wholeOf(mapping);
  for (size_t link = 0; link != mapping.chain->links.size(); ++link) {
    const isa::Instruction &row = *mapping.chain->links[link];
    work.cycles[size_t(row.engine)] +=
        llvm::divideCeil(uint64_t(stepsOf(mapping, int(link), whole)), uint64_t(target.stepsPerCycle(row)));
  }
  work.bytesRead = uint64_t(constantBytes(mapping, target, whole));
  return work;
}

} // namespace

LeastWork &LeastWork::operator+=(const LeastWork &other) {
  for (size_t engine = 0; engine != cycles.size(); ++engine)
    cycles[engine] += other.cycles[engine];
  bytesRead += other.bytesRead;
  bytesWritten += other.bytesWritten;
  return *this;
}

uint64_t LeastWork::bound(const Target &target) const {
  const uint64_t perCycle = uint64_t(target.externalBytesPerCycle);
  return std::max({*std::ranges::max_element(cycles), bytesRead / perCycle, bytesWritten / perCycle});
}

LeastWork leastWork(const Task &task, const Target &target) {
  LeastWork least = workOf(task.mappings.front(), target);
  for (const Mapping &mapping : task.mappings) {
    const LeastWork work = workOf(mapping, target);
    for (size_t engine = 0; engine != least.cycles.size(); ++engine)
      least.cycles[engine] = std::min(least.cycles[engine], work.cycles[engine]);
    least.bytesRead = std::min(least.bytesRead, work.bytesRead);
  }
  return least;
}

LeastWork leastWork(const Moves &moves, const Target &target) {
  LeastWork work;
  for (const RowBox &box : moves.boxes) {
    int64_t rows = 1;
    for (const RowBox::Level &level : box.levels)
      rows *= level.extent;
    work.bytesRead += uint64_t(rows * target.lanes);
  }
  work.bytesWritten = work.bytesRead;
  return work;
}

} // namespace tw::tensorize
