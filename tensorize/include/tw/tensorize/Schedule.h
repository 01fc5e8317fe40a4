// SPDX-License-Identifier: Apache-2.0
// What for: a segment (consecutive blocks on the accelerator, one stream) becomes a list of instructions with
// addresses. Called by: code generation, after matching. The schedule itself is data that can be printed. Does not:
// synchronise (codegen derives that from the list), encode, or place tensors in DRAM (it leaves relocations).
#ifndef TW_TENSORIZE_SCHEDULE_H
#define TW_TENSORIZE_SCHEDULE_H

#include "tw/tensorize/Match.h"

#include <variant>

namespace tw::tensorize {

/// A tensor between blocks, int8, in rows of lanes: [..., block of lanes, lane].
struct Tensor {
  std::string name;
  int64_t bytes = 0;     // of its physical form
  bool isInput = false;  // in DRAM before the segment
  bool isOutput = false; // needed in DRAM after it
  Bytes constant{};      // an input that never changes: its bytes
};

/// A block and the ways in which it can run, best first. Operand::tensor is an index into Segment::tensors.
struct Task {
  std::string name;
  uint16_t tag = 0;
  std::vector<Mapping> mappings;
};

struct Segment {
  std::vector<Tensor> tensors;
  std::vector<Task> tasks;
};

/// How one block runs.
struct BlockSchedule {
  int mapping = 0;
  std::vector<int64_t> tile;  // steps per loop of the mapping's block
  bool constantsOuter = true; // tiles of constants change slowest, so each is loaded once
  uint64_t cycles = 0;        // estimate, to choose by: the busiest engine
  std::string boundBy;        // which engine that is
};

struct Schedule {
  std::vector<BlockSchedule> blocks;
  std::vector<bool> isResident; // per tensor: stays on chip from its producer to its last user
  std::string str(const Segment &segment) const;
};

/// What must still be added to a field once DRAM is laid out.
struct Relocation {
  enum Kind : uint8_t { None, Constant, TensorBase } kind = None;
  int field = -1, tensor = -1;
};

struct ScheduledInstruction {
  Instruction instruction;
  uint16_t tag = 0;
  Relocation relocation;
};

struct LoweredSegment {
  std::vector<ScheduledInstruction> instructions;
  std::vector<uint8_t> constants; // image of the constant region; relocations are relative to its start
  std::vector<bool> isInDram;     // per tensor
  Schedule schedule;
  uint64_t peakBytes = 0; // of the memory that operands lie in
  uint64_t peakBound = 0; // no placement could need less: live bytes at the worst moment
};

/// Chooses mappings, tiles and residence, places everything on chip, writes the instructions. A task that does not fit
/// however small its tiles are is the rejection (its index in `task`).
struct ScheduleFailure {
  int task = 0;
  Rejection rejection;
};
std::variant<LoweredSegment, ScheduleFailure> scheduleSegment(const Segment &segment, const Target &target);

/// Instructions that copy `box` between two views with the mover; the external side's address goes to the offset field.
std::vector<Instruction> copyBox(const Mover &mover, const std::vector<int64_t> &extent,
                                 const std::vector<int64_t> &fromStride, int64_t fromAddress,
                                 const std::vector<int64_t> &toStride, int64_t toAddress, int region);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_SCHEDULE_H
