// SPDX-License-Identifier: Apache-2.0
// The instruction-set tables as plain structs: names resolved, bit positions assigned, every rule checked.
// Used by the emitters of tw-tblgen, which never look at a TableGen record themselves.
// Does not know any output language.
#ifndef TW_ISA_GEN_MODEL_H
#define TW_ISA_GEN_MODEL_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class RecordKeeper;
}

namespace tw::tblgen {

struct Space {
  std::string name, granule, sizeKey, outOfBounds, doc;
};

struct Engine {
  int index;
  std::string name, doc;
};

struct Fault {
  int code;
  std::string name, models, stage, doc;
};

struct Field {
  std::string name, kind, doc;
  int lsb = 0, width = 0;
  bool isSigned = false, alignRow = false;
  int64_t min = 0, max = 0;
  int64_t smallest() const { return isSigned ? -(int64_t(1) << (width - 1)) : 0; }
  int64_t largest() const { return (int64_t(1) << (isSigned ? width - 1 : width)) - 1; }
};

// A number known when an instruction is decoded: a field (by index), the lanes N, or a literal.
struct Value {
  enum Kind { Field, Lanes, HalfLanes, Literal } kind = Literal;
  int64_t value = 0;
};

struct Loop {
  std::string name;
  Value extent;
  bool isReduction = false;
};

struct Term {
  int loop;
  Value factor;
};

struct Dim {
  std::vector<Term> terms;
  Value stride;
  int extentField = -1, originField = -1;
};

struct Access {
  enum LaneKind { Scalar, Loop, Count };
  std::string name, elem, dir;
  int space = 0, baseField = -1, regionField = -1, padField = -1, laneLoop = -1;
  LaneKind lane = Scalar;
  bool isStrided = false;
  std::vector<Dim> dims;
  std::vector<int> packed; // loops, outermost first
  int unit = 1, lead = 0;
  bool unitIsBytes = false;
};

struct Arg {
  enum Kind { Access, Field, Word, Slot, Count } kind;
  int index = 0; // Word: the index in Model::words
};

struct Node {
  std::string result;
  int slot = -1;         // local value that receives the result
  int storedAccess = -1; // access that is written with it, or -1
  int primitive = 0;
  std::vector<Arg> args;
};

struct Semantics {
  std::vector<Loop> loops;
  std::vector<Access> accesses;
  std::vector<Node> body, finish;
  std::string init;
  int slots = 0;
};

// One step of the footprint program that a front end runs before an instruction may start.
struct Step {
  enum Op { Start, Mad, Mul, Ceil, Lead, End } op;
  Value extent{};        // Mad, Mul
  Value stride{};        // Mad
  int64_t immediate = 0; // Start, Lead
  bool immediateTimesLanes = false;
  int access = 0; // End: the access that this ends
};

struct Instruction {
  std::string record, mnemonic, summary, description;
  int opcode = 0, engine = 0;
  bool isPlanned = false, hasSync = true;
  std::vector<Field> fields;
  std::optional<Semantics> semantics;
  std::vector<Step> steps;
  std::vector<std::string> raises;
  int bodyBits = 0, reservedBits = 0;
};

struct Intrinsic {
  std::string name, doc;
  std::vector<int> chain; // indices in Model::instructions
};

struct ParamWord {
  std::string name, doc;
  int word, lo, width;
  bool isSigned;
};

struct Primitive {
  std::string name, doc;
  int arity;
};

struct Constant {
  std::string name, doc;
  int64_t value;
};

struct RegisterField {
  std::string name, doc;
  int lo, width;
};

struct Register {
  std::string name, access, doc;
  int offset;
  std::vector<RegisterField> fields;
};

struct PortAnswer {
  std::string name, doc;
  int response;
};

struct RecordField {
  std::string name, doc;
  int offset, bytes;
};

struct MemoryRecord {
  std::string name, doc;
  int bytes;
  std::vector<RecordField> fields;
};

struct Named {
  int index;
  std::string name, doc;
};

struct ConfigKey {
  std::string key, unit, doc;
  int64_t min, max;
  bool powerOfTwo;
  int64_t before; // value of machines from before there was the key; -1: none

  bool isHashed() const { return key != "clock_mhz"; } // it turns cycles into time, and changes nothing else
};

struct Model {
  std::string name;
  int lineBytes = 0, minReservedBits = 0, headerBits = 0, bodyLsb = 0;
  std::vector<Field> header;
  std::vector<Space> spaces;
  std::vector<Engine> engines;
  std::vector<Fault> faults;
  std::vector<Primitive> primitives;
  std::vector<ParamWord> words;
  std::vector<Instruction> instructions; // by opcode
  std::vector<Intrinsic> intrinsics;
  std::vector<Constant> constants;
  std::vector<Register> registers, regionRegisters; // by offset
  std::vector<PortAnswer> portAnswers;              // in the order of their names
  std::vector<Named> regionRoles, engineStates;
  std::vector<Named> counters; // expanded: cycles, states of every engine, the others
  std::vector<MemoryRecord> memoryRecords;
  std::vector<ConfigKey> configKeys;
  uint64_t hash = 0; // encodings and semantics, not prose

  int syncSlots() const;
};

// Reads and checks all records. Every broken rule is reported at the record's place; nullopt when there was one.
std::optional<Model> readModel(const llvm::RecordKeeper &records);

// Everything that decides what a line means, as text; prose left out. Its hash is the ISA hash.
std::string canonicalText(const Model &model);

} // namespace tw::tblgen
#endif
