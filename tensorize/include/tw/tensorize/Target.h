// SPDX-License-Identifier: Apache-2.0
// What for: everything the compiler may ask a machine, read from instruction records: memories, lanes, chains, copies,
// cost. Called by: the matcher and the scheduler; tests make a toy target from their own records. Does not: name an
// instruction, a field or a memory of any particular machine (lib/target/ does, once per machine).
#ifndef TW_TENSORIZE_TARGET_H
#define TW_TENSORIZE_TARGET_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/Tables.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace tw::tensorize {

/// A memory, by the number (isa::Space) under which the records name it.
struct Memory {
  std::string name;
  uint64_t granules = 0;     // addresses 0 .. granules-1; 0 for memory outside the machine
  uint64_t granuleBytes = 1; // bytes per address step
  bool isExternal = false;
  int groups = 1; // equal parts (highest address bits) between which accesses never meet
  int halves = 1; // parts that must not be used by producer and consumer at once
};

/// An instruction with the value of each field (same order as the record's fields).
struct Instruction {
  const isa::Instruction *row = nullptr;
  std::vector<int64_t> values;
};

/// A machine as the compiler sees it. The spans must outlive it.
struct Target {
  std::string name;
  int lanes = 0;
  std::vector<Memory> memories;
  std::span<const isa::Instruction> instructions;
  std::span<const isa::Intrinsic> intrinsics; // chains of more than one
  std::span<const isa::PrimitiveInfo> primitives;
  std::span<const isa::ParamWord> words;
  std::function<uint64_t(const Instruction &)> cycles; // closed form, start to end
  /// Steps of all lanes that an instruction of this row does in a cycle at most.
  std::function<int64_t(const isa::Instruction &)> stepsPerCycle = [](const isa::Instruction &) { return 1; };
  int64_t externalBytesPerCycle = 1;
  int constantRegion = 0, arenaRegion = 0; // region numbers of constants and of temporaries
};

/// The tw machine with this configuration.
Target makeTwTarget(const isa::HwConfig &config);

/// Field of one link of a chain; link -1: none.
struct FieldId {
  int link = -1, field = -1;
  explicit operator bool() const { return link >= 0; }
  bool operator==(const FieldId &) const = default;
};

/// A number that is known once the fields have values.
struct Quantity {
  enum Kind : uint8_t { Field, Lanes, Literal } kind = Literal;
  FieldId field;
  int64_t literal = 1;
};

struct ChainLoop {
  std::string name;
  std::vector<Quantity> extents; // more than one where links meet in this loop: all get the same value
  bool isReduction = false;
  bool isLanes = false; // extent = lanes / share
  int share = 1;
  int64_t fixed = 0;   // extent that no field says; 0: none
  bool isUnit = false; // exists in one link only and does not touch the meeting place: extent 1
};

/// Steps of a loop that lies in lanes.
inline int64_t laneSteps(const ChainLoop &loop, int lanes) { return lanes / loop.share; }

struct ChainTerm {
  int loop;
  Quantity factor;
};

struct ChainDim {
  std::vector<ChainTerm> terms;
  Quantity stride;
  FieldId extent, origin;
};

struct ChainAccess {
  std::string name;
  int link = 0;
  int space = 0;
  isa::Elem elem;
  bool isWritten = false;
  isa::LaneKind lane;
  int laneLoop = -1;
  FieldId base, region, pad;
  bool isStrided = false;
  std::vector<ChainDim> dims;
  std::vector<int> packed; // loops, outermost first
  int unit = 1, lead = 0;
};

struct ChainArg {
  enum Kind : uint8_t { Access, Field, Word, Slot, Running, Count } kind;
  int index = 0; // Field: index in link
  int link = 0;
};

struct ChainNode {
  std::string primitive;
  std::vector<ChainArg> args;
};

/// Where two links meet: the producer's result is the consumer's operand, addressed by the product of these loops.
struct Meeting {
  int space = 0;
  FieldId producerBase, consumerBase;
  std::vector<int> loops;
};

/// A chain with its composed semantics: the access through which two links meet has cancelled.
struct Chain {
  std::string name;
  std::vector<const isa::Instruction *> links;
  std::vector<ChainLoop> loops;
  std::vector<ChainAccess> accesses;
  std::vector<ChainNode> body, finish; // slots: body first, then finish
  std::vector<Meeting> meetings;

  int resultSlot() const { return int(body.size() + finish.size()) - 1; }
  /// Field of the first link that makes it add to what lies in the meeting place; no field if it always begins anew.
  FieldId accumulate{};

  const ChainNode &node(int slot) const {
    return slot < int(body.size()) ? body[slot] : finish[slot - int(body.size())];
  }
};

/// A strided copy between two memories, one instruction.
struct Mover {
  const isa::Instruction *row = nullptr;
  int from = 0, to = 0; // memories
  struct Level {
    int extentField = -1;
    int fromStrideField = -1, toStrideField = -1; // -1: contiguous
  };
  std::vector<Level> levels; // innermost first; the innermost is contiguous on both sides
  int fromBase = -1, toBase = -1, region = -1;
  int64_t unitBytes = 0; // bytes of one step of the innermost level
};

/// Blocks of as many rows as there are lanes, rows for lanes and lanes for rows, one instruction, within a memory.
struct Transposer {
  const isa::Instruction *row = nullptr;
  int memory = 0;
  int fromBase = -1, toBase = -1;
  int fromRowStride = -1, toRowStride = -1; // fields: bytes between the rows of a block
  std::vector<Mover::Level> levels;         // of blocks, innermost first
};

/// All chains a block may be matched with: the target's rows and each single instruction that computes.
std::vector<Chain> chainsOf(const Target &target);

/// All copies that leave nothing out: those with padding or with bytes of a row that stay are no movers, and neither
/// are those that change lanes.
std::vector<Mover> moversOf(const Target &target);
/// The first instruction that transposes in this memory; null row: there is none.
Transposer transposerOf(const Target &target, int memory);

/// Smallest and largest value a field can hold; what a field holds when nothing decides it (its minimum, at least 0).
const isa::Field &fieldOf(const Chain &chain, FieldId id);
int64_t defaultOf(const isa::Field &field);

int64_t elemBytes(isa::Elem elem);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_TARGET_H
