// SPDX-License-Identifier: Apache-2.0
// C++ records (Tables.inc) and the configuration struct (HwConfig.inc).
#include "Emitters.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tw::tblgen {

std::string upperCamel(StringRef name) {
  std::string result;
  bool upper = true;
  for (char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    result += upper ? toUpper(c) : toLower(c);
    upper = false;
  }
  return result;
}

std::string lowerCamel(StringRef name) {
  std::string result = upperCamel(name);
  result[0] = toLower(result[0]);
  return result;
}

std::string quoted(StringRef text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + "\"";
}

namespace {

const char *boolean(bool value) { return value ? "true" : "false"; }

std::string ref(const Field &f) { return formatv("{{{0}, {1}, {2}}", f.lsb, f.width, boolean(f.isSigned)); }

std::string value(const Value &v) {
  static constexpr const char *kKinds[] = {"Field", "Lanes", "HalfLanes", "Literal"};
  return formatv("{{Value::{0}, {1}}", kKinds[v.kind], v.value);
}

// Emits one instruction's arrays, deepest first, then leaves their names to the row.
class InstructionEmitter {
public:
  InstructionEmitter(const Model &model, const Instruction &instruction, raw_ostream &os)
      : model(model), instruction(instruction), os(os), prefix("k" + upperCamel(instruction.mnemonic)) {}

  void emit() {
    os << "\n// " << instruction.mnemonic << ": " << instruction.summary << "\n";
    emitFields();
    if (instruction.semantics)
      emitSemantics(*instruction.semantics);
    os << "inline constexpr std::array<FootprintStep, " << instruction.steps.size() << "> " << prefix << "Footprint{{";
    static constexpr const char *kOps[] = {"Start", "Mad", "Mul", "Ceil", "Lead", "End"};
    for (const Step &s : instruction.steps)
      os << formatv("\n    {{StepOp::{0}, {1}, {2}, {3}, {4}, {5}},", kOps[s.op], value(s.extent), value(s.stride),
                    s.immediate, boolean(s.immediateTimesLanes), s.access);
    os << "}};\n";
    os << "inline constexpr std::array<FaultCode, " << instruction.raises.size() << "> " << prefix << "Raises{{";
    for (const std::string &fault : instruction.raises)
      os << "FaultCode::" << upperCamel(fault) << ", ";
    os << "}};\n";
  }

  void emitRow() {
    os << formatv("    {{Opcode::{0}, {1}, {2}, Engine::{3}, {4}, {5}, {6}Fields, {7}, {6}Footprint, {6}Raises},\n",
                  upperCamel(instruction.mnemonic), quoted(instruction.mnemonic), quoted(instruction.summary),
                  model.engines[instruction.engine].name, boolean(instruction.isPlanned), boolean(instruction.hasSync),
                  prefix, instruction.semantics ? "&" + prefix + "Semantics" : "nullptr");
  }

private:
  void emitFields() {
    os << "inline constexpr std::array<Field, " << instruction.fields.size() << "> " << prefix << "Fields{{";
    for (const Field &f : instruction.fields)
      os << formatv("\n    {{{0}, {1}, FieldKind::{2}, {3}, {4}, {5}, {6}},", quoted(f.name), ref(f),
                    upperCamel(f.kind), boolean(f.alignRow), f.min, f.max, quoted(f.doc));
    os << "}};\n";
    if (instruction.fields.empty())
      return;
    os << "namespace " << instruction.mnemonic << " {\n";
    for (const Field &f : instruction.fields)
      os << formatv("inline constexpr FieldRef {0}{1};\n", f.name, ref(f));
    os << "} // namespace " << instruction.mnemonic << "\n";
  }

  void emitAccess(const Access &a, int index) {
    std::string name = prefix + "Access" + std::to_string(index);
    for (auto [i, dim] : llvm::enumerate(a.dims)) {
      os << formatv("inline constexpr std::array<Term, {0}> {1}Dim{2}Terms{{{{", dim.terms.size(), name, i);
      for (const Term &t : dim.terms)
        os << formatv("{{{0}, {1}}, ", t.loop, value(t.factor));
      os << "}};\n";
    }
    os << formatv("inline constexpr std::array<Dim, {0}> {1}Dims{{{{", a.dims.size(), name);
    for (auto [i, dim] : llvm::enumerate(a.dims))
      os << formatv("{{{0}Dim{1}Terms, {2}, {3}, {4}}, ", name, i, value(dim.stride), dim.extentField, dim.originField);
    os << "}};\n";
    os << formatv("inline constexpr std::array<uint8_t, {0}> {1}Packed{{{{", a.packed.size(), name);
    for (int loop : a.packed)
      os << loop << ", ";
    os << "}};\n";
  }

  void emitNodes(const std::vector<Node> &nodes, StringRef which) {
    for (auto [i, node] : llvm::enumerate(nodes)) {
      static constexpr const char *kKinds[] = {"Access", "Field", "Word", "Slot", "Count"};
      os << formatv("inline constexpr std::array<Arg, {0}> {1}{2}{3}Args{{{{", node.args.size(), prefix, which, i);
      for (const Arg &arg : node.args)
        os << formatv("{{Arg::{0}, {1}}, ", kKinds[arg.kind], arg.index);
      os << "}};\n";
    }
    os << formatv("inline constexpr std::array<Node, {0}> {1}{2}{{{{", nodes.size(), prefix, which);
    for (auto [i, node] : llvm::enumerate(nodes))
      os << formatv("\n    {{{0}, {1}, {2}, Primitive::{3}, {4}{5}{6}Args},", quoted(node.result), node.slot,
                    node.storedAccess, upperCamel(model.primitives[node.primitive].name), prefix, which, i);
    os << "}};\n";
  }

  void emitSemantics(const Semantics &s) {
    os << formatv("inline constexpr std::array<Loop, {0}> {1}Loops{{{{", s.loops.size(), prefix);
    for (const Loop &l : s.loops)
      os << formatv("\n    {{{0}, {1}, {2}},", quoted(l.name), value(l.extent), boolean(l.isReduction));
    os << "}};\n";
    for (auto [i, access] : llvm::enumerate(s.accesses))
      emitAccess(access, int(i));
    os << formatv("inline constexpr std::array<Access, {0}> {1}Accesses{{{{", s.accesses.size(), prefix);
    static constexpr const char *kLanes[] = {"Scalar", "Loop", "Count"};
    for (auto [i, a] : llvm::enumerate(s.accesses))
      os << formatv(
          "\n    {{{0}, Space::{1}, Elem::{2}, Dir::{3}, LaneKind::{4}, {5}, {6}, {7}, {8}, {9}, {10}Access{11}Dims, "
          "{10}Access{11}Packed, {12}, {13}, {14}},",
          quoted(a.name), model.spaces[a.space].name, upperCamel(a.elem), upperCamel(a.dir), kLanes[a.lane], a.laneLoop,
          a.baseField, a.regionField, a.padField, boolean(a.isStrided), prefix, i, a.unit, a.lead,
          boolean(a.unitIsBytes));
    os << "}};\n";
    emitNodes(s.body, "Body");
    emitNodes(s.finish, "Finish");
    os << formatv(
        "inline constexpr Semantics {0}Semantics{{{0}Loops, {0}Accesses, {0}Body, {0}Finish, Init::{1}, {2}};\n",
        prefix, s.init.empty() ? "None" : upperCamel(s.init), s.slots);
  }

  const Model &model;
  const Instruction &instruction;
  raw_ostream &os;
  std::string prefix;
};

void emitEnums(const Model &model, raw_ostream &os) {
  os << formatv("inline constexpr std::string_view kIsaName = {0};\n", quoted(model.name));
  os << formatv("inline constexpr uint64_t kIsaHash = 0x{0};\n", utohexstr(model.hash, false, 16));
  os << formatv("inline constexpr int kLineBytes = {0};\ninline constexpr int kHeaderBits = {1};\n"
                "inline constexpr int kBodyLsb = {2};\n",
                model.lineBytes, model.headerBits, model.bodyLsb);
  os << "\n// Machine constants.\n";
  for (const Constant &c : model.constants)
    os << formatv("inline constexpr int k{0} = {1}; // {2}\n", upperCamel(c.name), c.value, c.doc);

  os << "\nenum class Opcode : uint8_t {\n";
  for (const Instruction &i : model.instructions)
    os << formatv("  {0} = 0x{1}, // {2}{3}\n", upperCamel(i.mnemonic), utohexstr(i.opcode, false, 2), i.summary,
                  i.isPlanned ? " (planned)" : "");
  os << "};\n\nenum class Engine : uint8_t {\n";
  for (const Engine &e : model.engines)
    os << formatv("  {0} = {1}, // {2}\n", e.name, e.index, e.doc);
  os << "};\n\nenum class FaultCode : uint8_t {\n";
  for (const Fault &f : model.faults)
    os << formatv("  {0} = {1}, // {2}\n", upperCamel(f.name), f.code, f.doc);
  os << "};\n\nenum class Space : uint8_t {\n";
  for (const Space &s : model.spaces)
    os << formatv("  {0}, // {1}\n", s.name, s.doc);
  os << "};\n\nenum class Primitive : uint8_t {\n";
  for (const Primitive &p : model.primitives)
    os << formatv("  {0}, // {1}\n", upperCamel(p.name), p.doc);
  os << "};\n\nenum class RegisterOffset : uint16_t {\n";
  for (const Register &r : model.registers)
    os << formatv("  {0} = 0x{1}, // {2}\n", upperCamel(r.name), utohexstr(r.offset, false, 3), r.doc);
  os << "};\n\n// Offsets inside one region's registers, which start at kRegionRegisters + region * "
        "kRegionRegisterStride.\n"
        "enum class RegionRegister : uint16_t {\n";
  for (const Register &r : model.regionRegisters)
    os << formatv("  {0} = 0x{1}, // {2}\n", upperCamel(r.name), utohexstr(r.offset, false, 2), r.doc);
  os << "};\n\nenum class RegionRole : uint8_t {\n";
  for (const Named &r : model.regionRoles)
    os << formatv("  {0} = {1}, // {2}\n", upperCamel(r.name), r.index, r.doc);
  os << "};\n\nenum class EngineState : uint8_t {\n";
  for (const Named &s : model.engineStates)
    os << formatv("  {0} = {1}, // {2}\n", upperCamel(s.name), s.index, s.doc);
  os << "};\n\n// Counter i is the pair of registers at kCounterRegisters + 8 * i.\nenum class CounterId : uint8_t {\n";
  for (const Named &c : model.counters)
    os << formatv("  {0} = {1}, // {2}\n", upperCamel(c.name), c.index, c.doc);
  os << "};\n";
  os << formatv("inline constexpr int kEngines = {0};\n", model.engines.size());
  os << formatv("inline constexpr int kEngineStates = {0};\n", model.engineStates.size());
  os << formatv("inline constexpr int kCounters = {0};\n", model.counters.size());
}

void emitLists(const Model &model, raw_ostream &os) {
  os << "\ninline constexpr std::array<std::string_view, kEngines> kEngineNames{{";
  for (const Engine &e : model.engines)
    os << quoted(e.name) << ", ";
  os << "}};\ninline constexpr std::array<std::string_view, kCounters> kCounterNames{{";
  for (const Named &c : model.counters)
    os << "\n    " << quoted(c.name) << ",";
  os << "}};\n";
  os << formatv("inline constexpr std::array<SpaceInfo, {0}> kSpaces{{{{", model.spaces.size());
  for (const Space &s : model.spaces)
    os << formatv("\n    {{{0}, FaultCode::{1}},", quoted(s.name), upperCamel(s.outOfBounds));
  os << "}};\n";
  os << formatv("inline constexpr std::array<FaultInfo, {0}> kFaults{{{{", model.faults.size());
  for (const Fault &f : model.faults)
    os << formatv("\n    {{FaultCode::{0}, {1}, {2}, {3}, {4}, {5}, {6}},", upperCamel(f.name), quoted(f.name),
                  quoted(f.doc), boolean(StringRef(f.models).contains('f')), boolean(StringRef(f.models).contains('c')),
                  boolean(StringRef(f.models).contains('r')), quoted(f.stage));
  os << "}};\n";
  os << formatv("inline constexpr std::array<ParamWord, {0}> kParamWords{{{{", model.words.size());
  for (const ParamWord &w : model.words)
    os << formatv("\n    {{{0}, {1}, {2}, {3}, {4}},", quoted(w.name), w.word, w.lo, w.width, boolean(w.isSigned));
  os << "}};\n// Words of the numerics record by name.\nnamespace record {\n";
  for (auto [i, w] : llvm::enumerate(model.words))
    os << formatv("inline constexpr const ParamWord &{0} = kParamWords[{1}]; // {2}\n", w.name, i, w.doc);
  os << "} // namespace record\n";
  os << formatv("inline constexpr std::array<PrimitiveInfo, {0}> kPrimitives{{{{", model.primitives.size());
  for (const Primitive &p : model.primitives)
    os << formatv("\n    {{{0}, {1}},", quoted(p.name), p.arity);
  os << "}};\n";
  for (auto [name, registers] : {std::pair{"kRegisters", &model.registers},
                                 // at their offsets inside one region's registers
                                 std::pair{"kRegionRegisterRows", &model.regionRegisters}}) {
    os << formatv("inline constexpr std::array<RegisterInfo, {0}> {1}{{{{", registers->size(), name);
    for (const Register &r : *registers)
      os << formatv("\n    {{{0}, 0x{1}, {2}, {3}, {4}},", quoted(r.name), utohexstr(r.offset, false, 3),
                    boolean(r.access != "wo"), boolean(r.access != "ro"), boolean(r.access == "rwi"));
    os << "}};\n";
  }
  os << "// Responses of the port to an access for which it has no use.\n";
  for (const PortAnswer &a : model.portAnswers)
    os << formatv("inline constexpr uint8_t kAnswer{0} = {1}; // {2}\n", upperCamel(a.name), a.response, a.doc);
  os << "// Bits of registers.\nnamespace regbits {\n";
  for (const Register &r : model.registers)
    for (const RegisterField &f : r.fields)
      os << formatv("inline constexpr FieldRef {0}{1}{{{2}, {3}, false}; // {4}\n", lowerCamel(r.name),
                    upperCamel(f.name), f.lo, f.width, f.doc);
  for (const Register &r : model.regionRegisters)
    for (const RegisterField &f : r.fields)
      os << formatv("inline constexpr FieldRef region{0}{1}{{{2}, {3}, false}; // {4}\n", upperCamel(r.name),
                    upperCamel(f.name), f.lo, f.width, f.doc);
  os << "} // namespace regbits\n";
  for (const MemoryRecord &r : model.memoryRecords) {
    os << formatv("\n// {0}: byte offsets of its little-endian fields.\ninline constexpr int k{1}Bytes = "
                  "{2};\nnamespace {3} {{\n",
                  r.doc, upperCamel(r.name), r.bytes, lowerCamel(r.name));
    for (const RecordField &f : r.fields)
      os << formatv("inline constexpr RecordFieldInfo {0}{{{1}, {2}, {3}}; // {4}\n", lowerCamel(f.name),
                    quoted(f.name), f.offset, f.bytes, f.doc);
    os << "} // namespace " << lowerCamel(r.name) << "\n";
  }
}

void emitInstructions(const Model &model, raw_ostream &os) {
  os << "\n// Header of every line.\nnamespace header {\n";
  for (const Field &f : model.header)
    os << formatv("inline constexpr FieldRef {0}{1}; // {2}\n", f.name, ref(f), f.doc);
  os << "} // namespace header\n";
  os << formatv("inline constexpr std::array<Field, {0}> kHeaderFields{{{{", model.header.size());
  for (const Field &f : model.header)
    os << formatv("\n    {{{0}, {1}, FieldKind::{2}, false, {3}, {4}, {5}},", quoted(f.name), ref(f),
                  upperCamel(f.kind), f.min, f.max, quoted(f.doc));
  os << "}};\n";
  os << "struct SyncSlot {\n  FieldRef valid, sem, amount;\n};\n";
  for (StringRef side : {"wait", "post"}) {
    os << formatv("inline constexpr std::array<SyncSlot, {0}> k{1}Slots{{{{", model.syncSlots(), upperCamel(side));
    for (int i = 0; i != model.syncSlots(); ++i)
      os << formatv("\n    {{header::{0}{1}_valid, header::{0}{1}_sem, header::{0}{1}_amount},", side, i);
    os << "}};\n";
  }
  for (const Instruction &instruction : model.instructions)
    InstructionEmitter(model, instruction, os).emit();
  os << formatv("\ninline constexpr std::array<Instruction, {0}> kInstructions{{{{\n", model.instructions.size());
  for (const Instruction &instruction : model.instructions)
    InstructionEmitter(model, instruction, os).emitRow();
  os << "}};\n// Index in kInstructions of each opcode, or -1.\ninline constexpr std::array<int16_t, 256> "
        "kRowOfOpcode{{";
  std::vector<int> rows(256, -1);
  for (auto [i, instruction] : llvm::enumerate(model.instructions))
    rows[instruction.opcode] = int(i);
  for (int i = 0; i != 256; ++i)
    os << (i % 32 ? " " : "\n    ") << rows[i] << ",";
  os << "}};\n";
  for (auto [i, intrinsic] : llvm::enumerate(model.intrinsics)) {
    os << formatv("inline constexpr std::array<Opcode, {0}> kIntrinsic{1}Chain{{{{", intrinsic.chain.size(), i);
    for (int link : intrinsic.chain)
      os << "Opcode::" << upperCamel(model.instructions[link].mnemonic) << ", ";
    os << "}};\n";
  }
  os << formatv("inline constexpr std::array<Intrinsic, {0}> kIntrinsics{{{{", model.intrinsics.size());
  for (auto [i, intrinsic] : llvm::enumerate(model.intrinsics))
    os << formatv("\n    {{{0}, kIntrinsic{1}Chain},", quoted(intrinsic.name), i);
  os << "}};\n";
}

} // namespace

void emitCppTables(const Model &model, raw_ostream &os) {
  os << "// Generated by tw-tblgen from isa/tables; included by tw/isa/Tables.h only.\n#include <array>\n\nnamespace "
        "tw::isa {\n\n";
  emitEnums(model, os);
  emitLists(model, os);
  emitInstructions(model, os);
  os << "\n} // namespace tw::isa\n";
}

void emitCppConfig(const Model &model, raw_ostream &os) {
  os << "// Generated by tw-tblgen from isa/tables/HwConfig.td; included by tw/isa/HwConfig.h only.\n\n"
        "namespace tw::isa {\n\n// A resolved machine configuration.\nstruct HwConfig {\n"
        "  std::string name; // not part of the machine's behaviour\n";
  for (const ConfigKey &k : model.configKeys)
    os << formatv("  uint32_t {0} = 0; // {1}; {2}\n", lowerCamel(k.key), k.unit, k.doc);
  os << "};\n\n// The schema: one row per key, in the order of the struct.\nstruct ConfigKey {\n  std::string_view "
        "key, unit, doc;\n"
        "  uint32_t min, max;\n  bool powerOfTwo;\n  bool hashed; // part of the machine's behaviour\n  uint32_t "
        "HwConfig::*member;\n};\n";
  os << formatv("inline constexpr std::array<ConfigKey, {0}> kConfigKeys{{{{", model.configKeys.size());
  for (const ConfigKey &k : model.configKeys)
    os << formatv("\n    {{{0}, {1}, {2}, {3}, {4}, {5}, {6}, &HwConfig::{7}},", quoted(k.key), quoted(k.unit),
                  quoted(k.doc), k.min, k.max, boolean(k.powerOfTwo), boolean(k.isHashed()), lowerCamel(k.key));
  os << "}};\n\n} // namespace tw::isa\n";
}

} // namespace tw::tblgen
