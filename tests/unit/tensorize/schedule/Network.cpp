// SPDX-License-Identifier: Apache-2.0
#include "Network.h"

#include "tw/isa/Check.h"
#include "tw/isa/ConfigReader.h"
#include "tw/isa/Encoder.h"
#include "tw/isa/SemanticEval.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tw::test {

using namespace tensorize;

isa::HwConfig machine(const std::string &name, uint64_t spmBytes) {
  isa::HwConfig config = *isa::loadConfig(name);
  if (spmBytes != 0)
    config.spmBytes = uint32_t(spmBytes);
  return config;
}

Network::Network(const isa::HwConfig &config)
    : config(config), machineTarget(makeTwTarget(config)), chains(chainsOf(machineTarget)) {}

namespace {

int64_t elements(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

// Row-major elements in rows of lanes.
std::vector<uint8_t> inLanes(const std::vector<int8_t> &values, int64_t channels, int64_t lanes) {
  const int64_t padded = (channels + lanes - 1) / lanes * lanes;
  std::vector<uint8_t> bytes(size_t(int64_t(values.size()) / channels * padded), 0);
  for (int64_t i = 0; i != int64_t(values.size()); ++i)
    bytes[size_t(i / channels * padded + i % channels)] = uint8_t(values[size_t(i)]);
  return bytes;
}

} // namespace

int Network::input(std::vector<int64_t> shape) {
  const int number = int(made.tensors.size());
  made.tensors.push_back(
      {"t" + std::to_string(number), elements(physicalShape(shape, machineTarget.lanes)), true, false, nullptr});
  values[number].resize(size_t(elements(shape)));
  for (int8_t &value : values[number])
    value = int8_t(random());
  shapes.push_back(std::move(shape));
  return number;
}

int Network::add(Block block, const std::vector<int> &reads, bool isOutput, bool isProved) {
  const int number = int(made.tensors.size());
  size_t next = 0;
  for (Operand &operand : block.operands)
    if (operand.isWritten)
      operand.tensor = number;
    else if (!operand.constant)
      operand.tensor = reads.at(next++);
  randomiseConstants(block, random);
  const std::vector<int64_t> shape = block.operands[size_t(writtenOperand(block))].shape;
  made.tensors.push_back(
      {"t" + std::to_string(number), elements(physicalShape(shape, machineTarget.lanes)), false, isOutput, nullptr});
  values[number] = evaluate(block, values);
  shapes.push_back(shape);
  Task task{block.name + std::to_string(made.tasks.size()), uint16_t(made.tasks.size()), {}};
  std::vector<Rejection> why;
  for (const Chain &chain : chains)
    for (Mapping &mapping : matchChain(block, chain, machineTarget, why))
      if (!isProved || proveMapping(mapping, machineTarget).empty())
        task.mappings.push_back(std::move(mapping));
  EXPECT_FALSE(task.mappings.empty()) << str(block);
  made.tasks.push_back(std::move(task));
  return number;
}

std::string execute(const LoweredSegment &lowered, const isa::HwConfig &config, const Target &target,
                    const std::vector<int64_t> &offset, std::vector<uint8_t> &arena) {
  std::vector<uint8_t> constants = lowered.constants;
  isa::Memories memories(config, 0xAA);
  memories.regions[size_t(target.arenaRegion)] = arena;
  memories.regions[size_t(target.constantRegion)] = constants;
  for (const ScheduledInstruction &scheduled : lowered.instructions) {
    const isa::Instruction &row = *scheduled.instruction.row;
    std::vector<isa::FieldValue> fields;
    for (size_t f = 0; f != row.fields.size(); ++f) {
      const bool isMoved = scheduled.relocation.kind == Relocation::TensorBase && scheduled.relocation.field == int(f);
      fields.push_back({row.fields[f].name,
                        scheduled.instruction.values[f] + (isMoved ? offset[size_t(scheduled.relocation.tensor)] : 0)});
    }
    auto line = isa::encode(row.opcode, fields);
    if (!line)
      return line.diag().str();
    if (isa::evaluate(*line, config, memories).fault != isa::FaultCode::None)
      return std::string(row.mnemonic) + " faults";
  }
  return "";
}

std::string Network::run(const LoweredSegment &lowered) const {
  std::vector<int64_t> offset;
  int64_t bytes = 0;
  for (const Tensor &tensor : made.tensors) {
    offset.push_back(bytes);
    bytes += (tensor.bytes + 63) / 64 * 64;
  }
  std::vector<uint8_t> arena(size_t(bytes), 0xEE);
  for (size_t i = 0; i != made.tensors.size(); ++i)
    if (made.tensors[i].isInput)
      std::ranges::copy(inLanes(values.at(int(i)), shapes[i].back(), machineTarget.lanes), arena.begin() + offset[i]);
  if (std::string wrong = execute(lowered, config, machineTarget, offset, arena); !wrong.empty())
    return wrong;
  for (size_t i = 0; i != made.tensors.size(); ++i) {
    if (!made.tensors[i].isOutput)
      continue;
    const int64_t channels = shapes[i].back(), padded = made.tensors[i].bytes / (elements(shapes[i]) / channels);
    for (int64_t e = 0; e != elements(shapes[i]); ++e)
      if (const int8_t got = int8_t(arena[size_t(offset[i] + e / channels * padded + e % channels)]);
          got != values.at(int(i))[size_t(e)])
        return made.tensors[i].name + ": element " + std::to_string(e) + " is " + std::to_string(got) + " instead of " +
               std::to_string(values.at(int(i))[size_t(e)]);
  }
  return "";
}

std::string Network::run(const Schedule &schedule, std::string *refused) const {
  auto placed = placeSchedule(made, machineTarget, schedule);
  if (auto *failure = std::get_if<ScheduleFailure>(&placed)) {
    if (!refused)
      return failure->rejection.diag().str();
    *refused = failure->rejection.diag().str();
    return "";
  }
  auto emitted = emitSchedule(made, machineTarget, schedule, std::get<MemoryMap>(placed));
  if (auto *failure = std::get_if<ScheduleFailure>(&emitted))
    return made.tasks[size_t(failure->task)].name + ": " + failure->rejection.diag().str();
  return run(std::get<LoweredSegment>(emitted));
}

void addBottleneck(Network &network, int64_t size, int64_t channels, int64_t expanded) {
  const int x = network.input({1, size, size, channels});
  const int expand = network.add(conv2d({1, size, size, channels, expanded, 1, 1, 1, 1, 0}), {x});
  const int depth = network.add(depthwise({1, size, size, expanded, expanded, 3, 3, 1, 1, 1}), {expand});
  const int project = network.add(conv2d({1, size, size, expanded, channels, 1, 1, 1, 1, 0}), {depth});
  const int sum = network.add(addition({1, size, size, channels}), {x, project});
  network.add(conv2d({1, size, size, channels, expanded, 3, 3, 2, 1, 1}), {sum}, true);
}

Schedule randomSchedule(const Segment &segment, std::mt19937 &random) {
  auto below = [&](int64_t count) { return int64_t(random() % uint64_t(count)); };
  Schedule schedule;
  for (size_t t = 0; t != segment.tasks.size(); ++t) {
    BlockSchedule block{.mapping = int(below(int64_t(segment.tasks[t].mappings.size())))};
    const Mapping &mapping = segment.tasks[t].mappings[size_t(block.mapping)];
    block.order = tileLoops(mapping);
    std::ranges::shuffle(block.order, random);
    for (size_t loop = 0; loop != mapping.block.loops.size(); ++loop) {
      const int64_t extent = mapping.block.loops[loop].extent;
      const bool isCut = std::ranges::find(block.order, int(loop)) != block.order.end();
      const int64_t few = (extent + 3) / 4; // most often few tiles, else a network takes long to run
      block.tile.push_back(mapping.loopTo[loop] < 0 ? 1 : isCut ? extent - below(extent - few + 1) : extent);
    }
    block.ahead = int(below(std::min<int64_t>(int64_t(t), 2) + 1));
    block.lead = block.ahead > 0 ? int(below(5)) : 0;
    schedule.blocks.push_back(std::move(block));
  }
  for (size_t i = 0; i != segment.tensors.size(); ++i)
    schedule.isResident.push_back(below(2) == 0);
  schedule.prefetches = below(2) == 0;
  return schedule;
}

} // namespace tw::test
