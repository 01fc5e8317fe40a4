// SPDX-License-Identifier: Apache-2.0
#include "host/Join.h"

namespace tw::codegen {

using namespace mlir;

namespace {

// Makes two loops of one: the new one, last, walks `innerExtent` neighbours.
void splitLoop(HostNest &nest, unsigned loop, int64_t innerExtent) {
  const unsigned inner = nest.loops();
  nest.extents[loop] /= innerExtent;
  nest.extents.push_back(innerExtent);
  nest.isReduction.push_back(nest.isReduction[loop]);
  for (HostAccess *access : nest.accesses()) {
    access->steps.push_back(access->steps[loop]);
    access->steps[loop] *= innerExtent;
  }
  for (Stage &stage : nest.stages)
    for (auto &index : stage.indexOf)
      if (auto *part = llvm::find_if(index, [&](const auto &entry) { return entry.first == loop; });
          part != index.end()) {
        const int64_t factor = part->second;
        part->second *= innerExtent;
        index.push_back({inner, factor});
      }
}

} // namespace

Steps inNest(const HostNest &nest, ArrayRef<int64_t> own) {
  Steps steps(nest.loops(), 0);
  for (auto [step, index] : llvm::zip(own, nest.stages.back().indexOf))
    for (auto [loop, factor] : index)
      steps[loop] += step * factor;
  return steps;
}

bool join(HostNest &consumer, const HostNest &producer, ArrayRef<int64_t> reads) {
  if ((producer.isReduced && consumer.isReduced) || llvm::is_contained(consumer.extents, 0) ||
      llvm::is_contained(producer.extents, 0))
    return false;
  HostNest changed = consumer;
  Steps steps = inNest(changed, reads);
  std::vector<int> to(producer.loops(), -1);
  // Loops of the producer, finest first, are parts of those of the consumer.
  SmallVector<unsigned> order;
  for (unsigned loop = 0; loop != producer.loops(); ++loop)
    if (!producer.isReduction[loop] && producer.extents[loop] != 1)
      order.push_back(loop);
  llvm::sort(order, [&](unsigned a, unsigned b) { return producer.output.steps[a] < producer.output.steps[b]; });
  SmallVector<bool> isTaken(changed.isReduction.begin(),
                            changed.isReduction.end()); // reductions have nothing to do with it
  for (unsigned loop : order) {
    const int64_t step = producer.output.steps[loop], extent = producer.extents[loop];
    for (unsigned other = 0; other != changed.loops() && to[loop] < 0; ++other) {
      if (isTaken[other] || steps[other] != step || changed.extents[other] % extent != 0)
        continue;
      to[loop] = int(other);
      if (changed.extents[other] != extent) {
        splitLoop(changed, other, extent);
        steps.push_back(step);
        steps[other] *= extent;
        isTaken.push_back(true);
        to[loop] = int(changed.loops()) - 1;
      } else {
        isTaken[other] = true;
      }
    }
    if (to[loop] < 0)
      return false;
  }
  for (unsigned other = 0; other != changed.loops(); ++other)
    if (!isTaken[other] && changed.extents[other] != 1)
      return false;
  // The producer's reductions come last, in their order.
  for (unsigned loop = 0; loop != producer.loops(); ++loop)
    if (producer.isReduction[loop]) {
      to[loop] = int(changed.loops());
      changed.extents.push_back(producer.extents[loop]);
      changed.isReduction.push_back(true);
      for (HostAccess *access : changed.accesses())
        access->steps.push_back(0);
    }
  auto moved = [&](HostAccess access) {
    Steps there(changed.loops(), 0);
    for (unsigned loop = 0; loop != producer.loops(); ++loop)
      if (to[loop] >= 0)
        there[unsigned(to[loop])] += access.steps[loop];
    access.steps = std::move(there);
    return access;
  };
  if (producer.dot != Dot::None)
    for (unsigned loop = 0; loop != producer.loops(); ++loop)
      if (producer.output.steps[loop] == 1 && to[loop] >= 0 && changed.output.steps[unsigned(to[loop])] != 1)
        return false; // its lanes are neighbours in memory
  // A reduction is the first stage.
  const unsigned position = producer.isReduced ? 0 : unsigned(changed.stages.size()) - 1,
                 count = unsigned(producer.stages.size());
  for (Stage &stage : changed.stages)
    for (StageInput &input : stage.inputs)
      if (auto *earlier = std::get_if<unsigned>(&input); earlier && *earlier >= position)
        *earlier += count;
  std::vector<Stage> stages = producer.stages;
  for (Stage &stage : stages) {
    for (StageInput &input : stage.inputs)
      if (auto *access = std::get_if<HostAccess>(&input))
        *access = moved(*access);
      else if (auto *earlier = std::get_if<unsigned>(&input))
        *earlier += position;
    for (auto &index : stage.indexOf) {
      Stage::Parts there;
      for (auto [loop, factor] : index)
        if (to[loop] >= 0)
          there.push_back({unsigned(to[loop]), factor});
      index = std::move(there);
    }
  }
  changed.stages.insert(changed.stages.begin() + position, stages.begin(), stages.end());
  if (producer.isReduced) {
    changed.isReduced = true;
    changed.dot = producer.dot;
    changed.zeroOfWeights = producer.zeroOfWeights;
    changed.initial = producer.initial;
    if (auto *access = std::get_if<HostAccess>(&changed.initial))
      *access = moved(*access);
  }
  changed.stages.back().inputs.push_back(position + count - 1);
  consumer = std::move(changed);
  return true;
}

} // namespace tw::codegen
