// SPDX-License-Identifier: Apache-2.0
// What for: a segment (consecutive blocks on the accelerator, one stream) becomes a list of instructions with
// addresses, in three steps: choose a schedule, place what it needs on chip, emit. A schedule is data: whoever made it,
// placing says whether it is possible, and emitting obeys it. Called by: code generation, after matching. Does not:
// synchronise (codegen derives that from the list), encode, or place tensors in DRAM (it leaves relocations).
#ifndef TW_TENSORIZE_SCHEDULE_H
#define TW_TENSORIZE_SCHEDULE_H

#include "tw/tensorize/Match.h"

#include <variant>

namespace tw::tensorize {

/// A tensor between blocks in rows of lanes: [..., block of lanes, lane].
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
  int mapping = 0;             // of the task's
  std::vector<int64_t> tile{}; // steps per loop of the mapping's block
  std::vector<int> order{};    // loops whose tiles follow one another (tileLoops), the slowest first
  int ahead = 0;               // blocks before it in whose time its buffers are already its own
  int lead = 0;                // 0: begins when the block before it has ended; else as soon as its input is there, but
                               // this many tiles behind a block whose results go through the outer memory
  uint64_t cycles = 0;         // estimate, to choose by: the busiest engine
  uint64_t externalBytes = 0;  // estimate: read from and written to the outer memory
  std::string boundBy{};       // which engine that is
  bool operator==(const BlockSchedule &) const = default;
};

struct Schedule {
  std::vector<BlockSchedule> blocks;
  std::vector<bool> isResident; // per tensor: stays on chip from its producer to its last user
  bool prefetches = true;       // constants have their room while the block before still runs
  bool operator==(const Schedule &) const = default;
};

/// A task that cannot run so (its index in `task`), and why.
struct ScheduleFailure {
  int task = 0;
  Rejection rejection;
};

/// Loops of the mapping's block that a schedule cuts into tiles, and those of which each step is a tile. Lanes and what
/// the chain reduces are always whole; a reduction outside it comes in passes over one result, behind all others.
std::vector<int> tileLoops(const Mapping &mapping);

/// Mappings, tiles, order and residence by the default policy, in the variants that are worth comparing; each has been
/// placed. The first is the best as far as its cost tells. The failure is of a task that does not fit however small its
/// tiles are.
std::variant<std::vector<Schedule>, ScheduleFailure> chooseSchedules(const Segment &segment, const Target &target);

/// Bytes of the memory that operands lie in with which each task fits when nothing else is on chip, of the one that
/// needs most: then a schedule of any segment can give way to it. The failure is of a task that does not fit.
std::variant<uint64_t, ScheduleFailure> leastMemory(const Segment &segment, const Target &target);

/// Fills in what each block should cost.
void estimate(const Segment &segment, const Target &target, Schedule &schedule);

/// Where everything that a schedule has on chip lies, in granules of its memory.
struct MemoryMap {
  std::vector<int64_t> residents;                                 // per tensor; -1: not resident
  std::vector<std::vector<std::vector<int64_t>>> images, streams; // per block: per image or stream, per slot
  uint64_t peakBytes = 0;                                         // of the memory that operands lie in
  uint64_t peakBound = 0; // no placement could need less: live bytes at the worst moment
};

/// Is the schedule one for this segment, can each kind of its tiles be encoded, and is there room for all of it?
std::variant<MemoryMap, ScheduleFailure> placeSchedule(const Segment &segment, const Target &target,
                                                       const Schedule &schedule);

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
};

/// Whether weights are packed. Who only wants to know how long the instructions take has them all at one place,
/// whatever lies there: packing, and the bytes that come of it, are most of the work.
enum class ConstantBytes : uint8_t { Packed, Counted };

/// The instructions of a schedule that has been placed. A failure is a defect of the compiler: placing has looked at
/// tiles of each kind, and emitting proves each by itself.
std::variant<LoweredSegment, ScheduleFailure> emitSchedule(const Segment &segment, const Target &target,
                                                           const Schedule &schedule, const MemoryMap &map,
                                                           ConstantBytes constants = ConstantBytes::Packed);

/// Instructions that copy `box` between two views with the mover; the external side's address goes to the offset field.
std::vector<Instruction> copyBox(const Mover &mover, const std::vector<int64_t> &extent,
                                 const std::vector<int64_t> &fromStride, int64_t fromAddress,
                                 const std::vector<int64_t> &toStride, int64_t toAddress, int region);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_SCHEDULE_H
