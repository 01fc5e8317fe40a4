// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Footprints.h"
#include "tw/isa/Check.h"
#include <algorithm>
#include <optional>

namespace tw::isa {
namespace {

struct Walk {
  uint64_t base, element;                          // granules
  std::vector<std::pair<uint64_t, uint64_t>> dims; // (stride, extent), sorted; without extents of 1 and strides of 0
  bool operator==(const Walk &) const = default;
};

uint64_t valueOf(const Line &line, const Instruction &row, const Value &v, const HwConfig &config) {
  return v.kind == Value::Field ? uint64_t(line.get(row.fields[v.value].ref)) : fixedValue(v, config.n);
}

uint64_t extentOf(const Line &line, const Instruction &row, const Dim &dim, const HwConfig &config) {
  return dim.extentField >= 0 ? uint64_t(line.get(row.fields[dim.extentField].ref))
                              : valueOf(line, row, row.semantics->loops[dim.terms[0].loop].extent, config);
}

// (stride, extent) of each dimension that has more than one point, in the order of the table.
std::vector<std::pair<uint64_t, uint64_t>> dimsOf(const Line &line, const Instruction &row, const Access &access,
                                                  const HwConfig &config) {
  std::vector<std::pair<uint64_t, uint64_t>> dims;
  for (const Dim &dim : access.dims)
    if (uint64_t extent = extentOf(line, row, dim, config); extent > 1)
      dims.emplace_back(valueOf(line, row, dim.stride, config), extent);
  return dims;
}

// The loops that walk these dimensions, one each; none if a window does: its elements come in an order of their own.
std::optional<std::vector<uint8_t>> loopsOf(const Line &line, const Instruction &row, const Access &access,
                                            const HwConfig &config) {
  std::vector<uint8_t> loops;
  for (const Dim &dim : access.dims) {
    if (extentOf(line, row, dim, config) <= 1)
      continue;
    const Value &factor = dim.terms[0].factor;
    if (dim.terms.size() != 1 || dim.originField >= 0 || factor.kind != Value::Literal || factor.value != 1)
      return std::nullopt;
    loops.push_back(dim.terms[0].loop);
  }
  return loops;
}

Walk walkOf(const Line &line, const Instruction &row, int accessIndex, const HwConfig &config) {
  const Access &access = row.semantics->accesses[accessIndex];
  bool isBytes = access.space == Space::SPM || access.space == Space::DRAM;
  Walk walk{uint64_t(line.get(row.fields[access.baseField].ref)), 1, {}};
  if (!access.isStrided) {
    uint64_t lead = access.lead * (isBytes && !access.unitIsBytes ? config.n : 1);
    walk.element = footprint(line, row, accessIndex, config) - lead;
    walk.base += lead;
    return walk;
  }
  if (isBytes && access.lane != LaneKind::Scalar)
    walk.element = access.elem == Elem::I8 ? config.n : uint64_t(config.n) * kWordBytes;
  for (auto [stride, extent] : dimsOf(line, row, access, config))
    if (stride)
      walk.dims.emplace_back(stride, extent);
  std::sort(walk.dims.begin(), walk.dims.end());
  return walk;
}

std::vector<Run> runsOf(const Walk &walk) {
  std::vector<Run> runs{{walk.base, walk.base + walk.element}};
  for (auto [stride, extent] : walk.dims) {
    if (runs.size() == 1 && stride <= runs[0].end - runs[0].begin) {
      runs[0].end += (extent - 1) * stride;
      continue;
    }
    std::vector<Run> shifted;
    shifted.reserve(runs.size() * extent);
    for (uint64_t i = 0; i != extent; ++i)
      for (const Run &run : runs)
        shifted.push_back({run.begin + i * stride, run.end + i * stride});
    std::sort(shifted.begin(), shifted.end(), [](const Run &a, const Run &b) { return a.begin < b.begin; });
    runs.clear();
    for (const Run &run : shifted)
      if (!runs.empty() && run.begin <= runs.back().end)
        runs.back().end = std::max(runs.back().end, run.end);
      else
        runs.push_back(run);
  }
  return runs;
}

bool intersect(const std::vector<Run> &a, const std::vector<Run> &b) {
  for (size_t i = 0, k = 0; i != a.size() && k != b.size();) {
    if (a[i].begin < b[k].end && b[k].begin < a[i].end)
      return true;
    a[i].end < b[k].end ? ++i : ++k;
  }
  return false;
}

// Both operands visit the same addresses in the same order, and none of them twice: then each point reads what it
// writes, and nothing that another point wrote.
bool walkTogether(const Line &line, int a, int b, const HwConfig &config) {
  const Instruction &row = *line.row();
  Walk walk = walkOf(line, row, a, config);
  auto loops = loopsOf(line, row, row.semantics->accesses[a], config);
  if (!loops || loops != loopsOf(line, row, row.semantics->accesses[b], config) ||
      walk != walkOf(line, row, b, config) ||
      dimsOf(line, row, row.semantics->accesses[a], config) != dimsOf(line, row, row.semantics->accesses[b], config))
    return false;
  uint64_t visited = walk.element, touched = 0;
  for (auto [stride, extent] : dimsOf(line, row, row.semantics->accesses[a], config))
    visited *= extent;
  for (const Run &run : runsOf(walk))
    touched += run.end - run.begin;
  return visited == touched;
}

} // namespace

std::vector<Touched> touchedBy(const Line &line, const HwConfig &config) {
  std::vector<Touched> result;
  const Instruction *row = line.row();
  if (!row || !row->semantics)
    return result;
  for (size_t i = 0; i != row->semantics->accesses.size(); ++i) {
    const Access &access = row->semantics->accesses[i];
    int region = access.regionField < 0 ? -1 : int(line.get(row->fields[access.regionField].ref));
    result.push_back({int(i), access.space, region, access.dir != Dir::Read, access.dir != Dir::Write,
                      runsOf(walkOf(line, *row, int(i), config))});
  }
  return result;
}

bool overlapsItself(const Line &line, const HwConfig &config) {
  std::vector<Touched> touched = touchedBy(line, config);
  for (const Touched &write : touched)
    for (const Touched &read : touched)
      if (write.isWrite && !read.isWrite && write.space == read.space && intersect(write.runs, read.runs) &&
          !walkTogether(line, write.access, read.access, config))
        return true;
  return false;
}

} // namespace tw::isa
