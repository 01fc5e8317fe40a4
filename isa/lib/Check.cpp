// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Check.h"
#include <algorithm>

namespace tw::isa {
namespace {

constexpr uint64_t saturate(unsigned __int128 value) { return value > kFootprintMax ? kFootprintMax : uint64_t(value); }

// One bit for each bit of a line that belongs to no field of the row.
Line reservedMask(const Instruction &row) {
  Line mask;
  for (int bit = 0; bit != kLineBits; ++bit)
    mask.set({uint16_t(bit), 1, false}, 1);
  for (const Field &field : kHeaderFields)
    mask.set({field.ref.lsb, field.ref.width, false}, 0);
  for (const Field &field : row.fields)
    mask.set({field.ref.lsb, field.ref.width, false}, 0);
  return mask;
}

bool hasReservedBits(const Line &line, const Instruction &row) {
  static const auto kMasks = [] {
    std::array<std::array<uint8_t, kLineBytes>, kInstructions.size()> masks;
    for (size_t i = 0; i != masks.size(); ++i)
      masks[i] = reservedMask(kInstructions[i]).bytes();
    return masks;
  }();
  auto bytes = line.bytes();
  const auto &mask = kMasks[&row - kInstructions.data()];
  for (int i = 0; i != kLineBytes; ++i)
    if (bytes[i] & mask[i])
      return true;
  for (const auto *slots : {&kWaitSlots, &kPostSlots})
    for (const SyncSlot &slot : *slots)
      if (line.get(slot.valid) ? !row.hasSync : line.get(slot.sem) || line.get(slot.amount))
        return true;
  return false;
}

// Two used wait slots, or two used post slots, with one semaphore.
bool namesSemaphoreTwice(const SyncActions &actions) {
  for (int i = 0; i != actions.count; ++i)
    for (int j = 0; j != i; ++j)
      if (actions.actions[i].semaphore == actions.actions[j].semaphore)
        return true;
  return false;
}

// Runs footprint programs step by step.
class Footprints {
public:
  Footprints(const Line &line, const Instruction &row, const HwConfig &config) : line(line), row(row), config(config) {}

  // Runs one operand's steps from `step` on; leaves `step` after its End and returns the operand's size.
  uint64_t run(const FootprintStep *&step) const {
    uint64_t acc = 0;
    for (; step->op != StepOp::End; ++step)
      acc = apply(*step, acc);
    ++step;
    return acc;
  }

private:
  uint64_t value(const Value &v) const {
    return v.kind == Value::Field ? uint64_t(line.get(row.fields[v.value].ref)) : fixedValue(v, config.n);
  }

  uint64_t apply(const FootprintStep &step, uint64_t acc) const {
    using Wide = unsigned __int128;
    uint64_t immediate = uint64_t(step.immediate) * (step.immediateTimesLanes ? config.n : 1);
    switch (step.op) {
    case StepOp::Start:
      return immediate;
    case StepOp::Mad:
      return saturate(Wide(acc) + Wide(value(step.extent) - 1) * value(step.stride));
    case StepOp::Mul:
      return saturate(Wide(acc) * value(step.extent));
    case StepOp::Ceil:
      return (acc + config.n - 1) / config.n;
    case StepOp::Lead:
      return saturate(Wide(acc) + immediate);
    case StepOp::End:
      break;
    }
    return acc;
  }

  const Line &line;
  const Instruction &row;
  const HwConfig &config;
};

} // namespace

std::optional<FaultCode> checkEncoding(const Line &line) {
  const Instruction *row = line.row();
  if (!row)
    return FaultCode::IllegalOpcode;
  if (row->isPlanned)
    return FaultCode::Unimplemented;
  if (hasReservedBits(line, *row))
    return FaultCode::ReservedBits;
  for (const Field &field : row->fields)
    if (int64_t value = line.get(field.ref); value < field.min || value > field.max)
      return FaultCode::BadShape;
  if (namesSemaphoreTwice(waits(line)) || namesSemaphoreTwice(posts(line)))
    return FaultCode::BadShape;
  return std::nullopt;
}

std::optional<FaultCode> checkFields(const Line &line, const HwConfig &config) {
  if (std::optional<FaultCode> code = checkEncoding(line))
    return code;
  for (const Field &field : line.row()->fields)
    if (field.alignRow && line.get(field.ref) % config.n)
      return FaultCode::Misaligned;
  return std::nullopt;
}

std::optional<Fault> checkLine(const Line &line, const HwConfig &config, const Regions &regions) {
  if (std::optional<FaultCode> code = checkFields(line, config))
    return Fault{*code, 0};
  const Instruction &row = *line.row();
  if (!row.semantics)
    return std::nullopt;
  Footprints footprints(line, row, config);
  const FootprintStep *step = row.footprint.data();
  for (const Access &access : row.semantics->accesses) {
    uint64_t end = footprints.run(step) + uint64_t(line.get(row.fields[access.baseField].ref));
    uint64_t size = spaceSize(config, access.space);
    if (access.space == Space::DRAM) {
      const uint64_t region = uint64_t(line.get(row.fields[access.regionField].ref));
      if (!isPermitted(regions, region, access.dir))
        return Fault{FaultCode::RegionPermission, 0};
      size = regions[region].limit;
    }
    if (end > size)
      return Fault{kSpaces[unsigned(access.space)].outOfBounds, end};
  }
  return std::nullopt;
}

bool isPermitted(const Regions &regions, uint64_t region, Dir dir) {
  return (kProgramRegions >> region & 1) && (dir == Dir::Read ? regions[region].canRead : regions[region].canWrite);
}

uint64_t footprint(const Line &line, const Instruction &row, int access, const HwConfig &config) {
  Footprints footprints(line, row, config);
  const FootprintStep *step = row.footprint.data();
  for (int i = 0; i != access; ++i)
    footprints.run(step);
  return footprints.run(step);
}

} // namespace tw::isa
