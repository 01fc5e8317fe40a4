// SPDX-License-Identifier: Apache-2.0
// The instruction set as constexpr records: what every encoder, model and compiler pass walks.
// Used by everybody above the tables; generated from isa/tables by tw-tblgen.
// Holds no algorithm: lines are in Line.h, legality in Check.h, meaning in SemanticEval.h.
#ifndef TW_ISA_TABLES_H
#define TW_ISA_TABLES_H

#include <cstdint>
#include <span>
#include <string_view>

namespace tw::isa {

// Position of a field inside a line. The typed constants conv::x_hs, header::tag ... are of this type.
struct FieldRef {
  uint16_t lsb;
  uint8_t width; // 1 to 40
  bool isSigned;
};

enum class FieldKind : uint8_t { Uint, Sint, Spm, Acc, Param, Lut, Region, Offset, Stride, Extent, Flag };

struct Field {
  std::string_view name;
  FieldRef ref;
  FieldKind kind;
  bool alignRow; // must be a multiple of N
  int64_t min, max;
  std::string_view doc;
};

// A number known at decode: field `value` of the instruction, the lanes N, half of them, or the literal `value`.
struct Value {
  enum Kind : uint8_t { Field, Lanes, HalfLanes, Literal } kind;
  int32_t value;
};

// A value that is no field, on a machine with n lanes.
constexpr uint64_t fixedValue(const Value &value, uint64_t n) {
  return value.kind == Value::Lanes ? n : value.kind == Value::HalfLanes ? n / 2 : uint64_t(value.value);
}

struct Loop {
  std::string_view name;
  Value extent;
  bool isReduction;
};

struct Term {
  uint8_t loop;
  Value factor;
};

// index = sum(loop * factor) - origin; outside [0, extent) the element is not in memory. -1: no such field.
struct Dim {
  std::span<const Term> terms;
  Value stride; // granules of the space per index step
  int16_t extentField, originField;
};

enum class Elem : uint8_t { I8, I32, F32 };
enum class Dir : uint8_t { Read, Write, Update };
// Loop: a loop walks the lanes of a row. Scalar: the address is the element (or the first row of a record).
// Count: lane and row are chosen by the number of contributions, minus one.
enum class LaneKind : uint8_t { Scalar, Loop, Count };

enum class Space : uint8_t;

struct Access {
  std::string_view name;
  Space space;
  Elem elem;
  Dir dir;
  LaneKind lane;
  int16_t laneLoop, baseField, regionField, padField; // -1: none
  bool isStrided;
  std::span<const Dim> dims;       // strided
  std::span<const uint8_t> packed; // contiguous: loops, outermost first
  int32_t unit, lead;
  bool unitIsBytes;
};

struct Arg {
  enum Kind : uint8_t { Access, Field, Word, Slot, Count } kind; // Word: row of kParamWords
  uint8_t index;
};

enum class Primitive : uint8_t;

// slot = primitive(args); stored in access `storedAccess` unless that is -1.
struct Node {
  std::string_view result;
  uint8_t slot;
  int8_t storedAccess;
  Primitive primitive;
  std::span<const Arg> args;
};

// Start of a running value: none, int32 0, -128, 127, or ACC (overwritten by the first contribution unless
// `accumulate`).
enum class Init : uint8_t { None, Zero, Min8, Max8, Acc };

struct Semantics {
  std::span<const Loop> loops; // outermost first
  std::span<const Access> accesses;
  std::span<const Node> body, finish; // finish: once per parallel point, after the reductions
  Init init;
  uint8_t slotCount;
};

// One step of the program that the front end runs over a line (one a cycle) to find where an operand ends. acc
// saturates at 2^40 - 1. End compares base + acc with the size of the access's space.
enum class StepOp : uint8_t {
  Start, // acc = immediate
  Mad,   // acc += (extent - 1) * stride
  Mul,   // acc *= extent
  Ceil,  // acc = ceil(acc / N)
  Lead,  // acc += immediate
  End,   // check access `access`
};

struct FootprintStep {
  StepOp op;
  Value extent, stride;
  int32_t immediate;
  bool immediateTimesLanes;
  uint8_t access;
};

enum class Engine : uint8_t;
enum class Opcode : uint8_t;
enum class FaultCode : uint8_t;
enum class RegisterOffset : uint16_t;
enum class CounterId : uint8_t;

struct Instruction {
  Opcode opcode;
  std::string_view mnemonic, summary;
  Engine engine;
  bool isPlanned, hasSync;
  std::span<const Field> fields;
  const Semantics *semantics; // null for control and planned rows
  std::span<const FootprintStep> footprint;
  std::span<const FaultCode> raises;
};

// A chain of instructions that meet in an on-chip memory: what the compiler matches.
struct Intrinsic {
  std::string_view name;
  std::span<const Opcode> chain;
};

struct SpaceInfo {
  std::string_view name;
  FaultCode outOfBounds;
};

struct FaultInfo {
  FaultCode code;
  std::string_view name, doc;
  bool onFunctional, onCycle, onRtl;
  std::string_view stage; // "decode", "run", "job"
};

struct ParamWord {
  std::string_view name;
  uint8_t word, lo, width;
  bool isSigned;
};

struct PrimitiveInfo {
  std::string_view name;
  uint8_t arity;
};

struct RegisterInfo {
  std::string_view name;
  uint16_t offset;
  bool isReadable, isWritable;
  bool isLocked; // written only while no job runs
};

struct RecordFieldInfo {
  std::string_view name;
  uint8_t offset, bytes;
};

} // namespace tw::isa

#include "tw/isa/Tables.inc"

namespace tw::isa {

inline constexpr int kLineBits = kLineBytes * 8;

// Row of an opcode; null when the table has none.
constexpr const Instruction *findInstruction(unsigned opcode) {
  return opcode < 256 && kRowOfOpcode[opcode] >= 0 ? &kInstructions[kRowOfOpcode[opcode]] : nullptr;
}
constexpr const Instruction &instruction(Opcode opcode) { return *findInstruction(unsigned(opcode)); }
constexpr std::string_view name(Opcode opcode) { return instruction(opcode).mnemonic; }
constexpr std::string_view name(FaultCode code) {
  for (const FaultInfo &fault : kFaults)
    if (fault.code == code)
      return fault.name;
  return "?";
}
constexpr std::string_view name(Engine engine) { return kEngineNames[unsigned(engine)]; }
constexpr std::string_view name(Space space) { return kSpaces[unsigned(space)].name; }
constexpr std::string_view name(CounterId counter) { return kCounterNames[unsigned(counter)]; }
// Steps of the footprint program: the front end takes one cycle for each.
constexpr int footprintSteps(Opcode opcode) { return int(instruction(opcode).footprint.size()); }
// Index of a field by name; -1 when the instruction has none of this name.
constexpr int findField(const Instruction &row, std::string_view fieldName) {
  for (size_t i = 0; i != row.fields.size(); ++i)
    if (row.fields[i].name == fieldName)
      return int(i);
  return -1;
}

} // namespace tw::isa
#endif
