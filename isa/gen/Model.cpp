// SPDX-License-Identifier: Apache-2.0
// Everything but the semantics: machine, faults, fields and their positions, registers, records, configuration schema.
#include "Model.h"
#include "Reader.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"
#include <map>
#include <set>

using namespace llvm;

namespace tw::tblgen {
namespace {

std::string text(const Record *record, StringRef name) { return record->getValueAsString(name).str(); }
int number(const Record *record, StringRef name) { return int(record->getValueAsInt(name)); }

bool isIdentifier(StringRef name) {
  return !name.empty() && isLower(name[0]) &&
         llvm::all_of(name, [](char c) { return isLower(c) || isDigit(c) || c == '_'; });
}

std::vector<Record *> recordsOf(const RecordKeeper &records, StringRef name) {
  return records.getAllDerivedDefinitionsIfDefined(name);
}

// Reports the second record that uses a number or name which must be unique.
template <typename Key> class Unique {
public:
  Unique(Reader &reader, StringRef what) : reader(reader), what(what) {}
  void add(const Record *record, const Key &key, const Twine &shown) {
    auto [it, isNew] = seen.try_emplace(key, record);
    if (isNew)
      return;
    reader.error(record, what + " " + shown + " is already used by '" + it->second->getName() + "'");
    PrintNote(it->second->getLoc(), "the other one is here");
  }

private:
  Reader &reader;
  StringRef what;
  std::map<Key, const Record *> seen;
};

void readMachine(Reader &reader, const RecordKeeper &records) {
  Model &model = reader.model;
  Unique<int> faultCodes(reader, "fault code"), engineIndices(reader, "engine index");
  Unique<std::string> names(reader, "name");
  for (const Record *r : recordsOf(records, "Fault")) {
    model.faults.push_back({number(r, "Code"), text(r, "Name"), text(r, "Models"), text(r, "Stage"), text(r, "Doc")});
    faultCodes.add(r, number(r, "Code"), Twine(number(r, "Code")));
    reader.requireDoc(r, "fault", text(r, "Doc"));
    if (text(r, "Models").find_first_not_of("fcr") != std::string::npos || text(r, "Models").empty())
      reader.error(r, "models '" + text(r, "Models") + "' must be letters of f, c, r");
    if (StringRef stage = r->getValueAsString("Stage"); stage != "decode" && stage != "run" && stage != "job")
      reader.error(r, "stage '" + stage + "' is not decode, run or job");
  }
  llvm::sort(model.faults, [](const Fault &a, const Fault &b) { return a.code < b.code; });
  for (const Record *r : recordsOf(records, "Engine")) {
    model.engines.push_back({number(r, "Index"), text(r, "Name"), text(r, "Doc")});
    engineIndices.add(r, number(r, "Index"), Twine(number(r, "Index")));
    reader.requireDoc(r, "engine", text(r, "Doc"));
  }
  llvm::sort(model.engines, [](const Engine &a, const Engine &b) { return a.index < b.index; });
  for (size_t i = 0; i != model.engines.size(); ++i)
    if (model.engines[i].index != int(i))
      reader.error(recordsOf(records, "Engine").front(), "engine indices must be 0 to " +
                                                             Twine(model.engines.size() - 1) +
                                                             " without a gap; index " + Twine(i) + " is missing");
  std::set<std::string> keys;
  for (const Record *r : recordsOf(records, "ConfigKey")) {
    model.configKeys.push_back({text(r, "Key"), text(r, "Unit"), text(r, "Doc"), r->getValueAsInt("Min"),
                                r->getValueAsInt("Max"), r->getValueAsBit("PowerOfTwo"), r->getValueAsInt("Before")});
    names.add(r, "config:" + text(r, "Key"), "'" + text(r, "Key") + "'");
    reader.requireDoc(r, "configuration key", text(r, "Doc"));
    if (r->getValueAsInt("Min") > r->getValueAsInt("Max"))
      reader.error(r,
                   "minimum " + Twine(r->getValueAsInt("Min")) + " is above maximum " + Twine(r->getValueAsInt("Max")));
    const ConfigKey &key = model.configKeys.back();
    if (key.before != -1 && (key.before < key.min || key.before > key.max ||
                             (key.powerOfTwo && !llvm::isPowerOf2_64(uint64_t(key.before)))))
      reader.error(r,
                   "the value from before there was the key, " + Twine(key.before) + ", is none that the key may have");
    keys.insert(text(r, "Key"));
  }
  // TableGen sorts records by name; a schema reads best in the order in which it was written.
  std::map<std::string, const char *> place;
  for (const Record *r : recordsOf(records, "ConfigKey"))
    place[text(r, "Key")] = r->getLoc().front().getPointer();
  llvm::sort(model.configKeys, [&](const ConfigKey &a, const ConfigKey &b) { return place[a.key] < place[b.key]; });
  static constexpr const char *kSpaceOrder[] = {"SPM", "ACC", "PARAM", "LUT", "DRAM"};
  for (const Record *r : recordsOf(records, "Space")) {
    model.spaces.push_back(
        {text(r, "Name"), text(r, "Granule"), text(r, "SizeKey"), text(r, "OutOfBounds"), text(r, "Doc")});
    reader.requireDoc(r, "memory", text(r, "Doc"));
    if (!is_contained(kSpaceOrder, text(r, "Name")))
      reader.error(r, "memory '" + text(r, "Name") + "' is not one that the generator knows");
    if (indexOf(model.faults, text(r, "OutOfBounds")) < 0)
      reader.error(r, "'" + text(r, "OutOfBounds") + "' is no fault");
    if (!text(r, "SizeKey").empty() && !keys.count(text(r, "SizeKey")))
      reader.error(r, "'" + text(r, "SizeKey") + "' is no configuration key");
  }
  llvm::sort(model.spaces, [](const Space &a, const Space &b) {
    return llvm::find(kSpaceOrder, a.name) < llvm::find(kSpaceOrder, b.name);
  });
  for (const Record *r : recordsOf(records, "Primitive")) {
    model.primitives.push_back({text(r, "Name"), text(r, "Doc"), number(r, "Arity")});
    names.add(r, "primitive:" + text(r, "Name"), "'" + text(r, "Name") + "'");
    reader.requireDoc(r, "primitive", text(r, "Doc"));
  }
  for (const Record *r : recordsOf(records, "ParamWord")) {
    model.words.push_back({text(r, "Name"), text(r, "Doc"), number(r, "Word"), number(r, "Lo"), number(r, "Width"),
                           r->getValueAsBit("Signed")});
    names.add(r, "word:" + text(r, "Name"), "'" + text(r, "Name") + "'");
    reader.requireDoc(r, "parameter word", text(r, "Doc"));
    if (number(r, "Lo") + number(r, "Width") > 32)
      reader.error(r, "bits " + Twine(number(r, "Lo")) + " to " + Twine(number(r, "Lo") + number(r, "Width") - 1) +
                          " do not fit a 32-bit word");
  }
  llvm::sort(model.words, [](const ParamWord &a, const ParamWord &b) {
    return std::make_pair(a.word, a.lo) < std::make_pair(b.word, b.lo);
  });
  for (const Record *r : recordsOf(records, "MachineConstant")) {
    model.constants.push_back({text(r, "Name"), text(r, "Doc"), r->getValueAsInt("Value")});
    names.add(r, "constant:" + text(r, "Name"), "'" + text(r, "Name") + "'");
    reader.requireDoc(r, "constant", text(r, "Doc"));
  }
  llvm::sort(model.constants, [](const Constant &a, const Constant &b) { return a.name < b.name; });
}

// Reads fields and assigns their bits from `lsb` upwards.
std::vector<Field> readFields(Reader &reader, const Record *owner, const std::vector<Record *> &list, int lsb) {
  static constexpr const char *kKinds[] = {"uint",   "sint",   "spm",    "acc",    "param", "lut",
                                           "region", "offset", "stride", "extent", "flag"};
  std::vector<Field> fields;
  for (const Record *r : list) {
    Field field;
    field.name = text(r, "Name");
    field.kind = text(r, "Kind");
    field.doc = text(r, "Doc");
    field.width = number(r, "Width");
    field.isSigned = r->getValueAsBit("Signed");
    field.alignRow = r->getValueAsString("Align") == "row";
    field.lsb = lsb;
    auto error = [&](const Twine &what) { reader.error(owner, "field '" + field.name + "': " + what); };
    if (!isIdentifier(field.name))
      error("a name is lower-case letters, digits and underscores");
    if (indexOf(fields, field.name) >= 0)
      error("appears twice");
    if (!is_contained(kKinds, field.kind))
      error("kind '" + field.kind + "' is unknown");
    if (field.width < 1 || field.width > 40) {
      error("width " + Twine(field.width) + " is outside 1 to 40");
      field.width = 1;
    }
    field.min = r->getValueAsInt("Min");
    field.max = r->getValueAsInt("Max");
    if (field.max == -1 && !(field.isSigned && field.min < -1))
      field.max = field.largest();
    if (field.min > field.max || field.min < field.smallest() || field.max > field.largest())
      error("range " + Twine(field.min) + " to " + Twine(field.max) + " is not inside " + Twine(field.smallest()) +
            " to " + Twine(field.largest()) + " of its " + Twine(field.width) + " bits");
    if (field.isSigned != (field.kind == "sint"))
      error("signed and kind '" + field.kind + "' contradict each other");
    if (StringRef align = r->getValueAsString("Align"); !align.empty() && align != "row")
      error("alignment '" + align + "' is not row");
    if (StringRef(field.doc).trim().empty())
      error("has no prose: say what it is for");
    lsb += field.width;
    fields.push_back(std::move(field));
  }
  return fields;
}

void readHeader(Reader &reader, const RecordKeeper &records) {
  Model &model = reader.model;
  std::vector<Record *> targets = recordsOf(records, "Target");
  if (targets.size() != 1) {
    PrintError("a table needs exactly one record of class Target, here are " + Twine(targets.size()));
    reader.failed = true;
    return;
  }
  const Record *target = targets.front();
  model.name = text(target, "Name");
  model.lineBytes = number(target, "LineBytes");
  model.minReservedBits = number(target, "MinReservedBits");
  model.header = readFields(reader, target, target->getValueAsListOfDefs("Header"), 0);
  for (const Field &field : model.header)
    model.headerBits += field.width;
  model.bodyLsb = (model.headerBits + 7) / 8 * 8;
  if (model.header.empty() || model.header.front().name != "opcode" || model.header.front().width != 8)
    reader.error(target, "the first field of the header must be opcode, 8 bits wide");
  if (model.bodyLsb + model.minReservedBits > model.lineBytes * 8)
    reader.error(target, "a header of " + Twine(model.headerBits) + " bits leaves no room in a line of " +
                             Twine(model.lineBytes * 8) + " bits");
}

void readInstruction(Reader &reader, const Record *r) {
  Model &model = reader.model;
  Instruction instruction;
  instruction.record = r->getName().str();
  instruction.mnemonic = text(r, "Mnemonic");
  instruction.opcode = number(r, "Opcode");
  instruction.engine = indexOf(model.engines, r->getValueAsDef("Unit")->getValueAsString("Name"));
  instruction.summary = text(r, "Summary");
  instruction.description = text(r, "Description");
  instruction.hasSync = r->getValueAsBit("HasSync");
  instruction.isPlanned = r->getValueAsString("Status") == "planned";
  reader.requireDoc(r, "instruction", instruction.summary);
  reader.requireDoc(r, "instruction", instruction.description);
  if (!isIdentifier(instruction.mnemonic))
    reader.error(r, "mnemonic '" + instruction.mnemonic + "' is not lower-case letters and digits");
  if (instruction.opcode < 1 || instruction.opcode > 255)
    reader.error(r, "opcode " + Twine(instruction.opcode) + " is outside 1 to 255 (a line of zeros must fault)");
  if (!instruction.isPlanned && r->getValueAsString("Status") != "implemented")
    reader.error(r, "status '" + r->getValueAsString("Status") + "' is not implemented or planned");
  for (const Record *fault : r->getValueAsListOfDefs("Raises"))
    instruction.raises.push_back(text(fault, "Name"));
  instruction.fields = readFields(reader, r, r->getValueAsListOfDefs("Fields"), model.bodyLsb);
  for (const Field &field : instruction.fields) {
    instruction.bodyBits += field.width;
    if (indexOf(model.header, field.name) >= 0)
      reader.error(r, "field '" + field.name + "' has the name of a header field");
  }
  instruction.reservedBits = model.lineBytes * 8 - model.headerBits - instruction.bodyBits;
  if (instruction.reservedBits < model.minReservedBits)
    reader.error(r, "'" + instruction.mnemonic + "' has " + Twine(instruction.bodyBits) +
                        " bits of fields and leaves " + Twine(instruction.reservedBits) + " reserved, but at least " +
                        Twine(model.minReservedBits) + " must stay reserved: use a second opcode");
  bool hasSemantics = !r->isValueUnset("Sem");
  if (instruction.isPlanned && (!instruction.fields.empty() || hasSemantics))
    reader.error(r, "'" + instruction.mnemonic +
                        "' is planned: its fields and semantics are fixed when it is implemented");
  bool isControl = r->getValueAsDef("Unit")->getValueAsString("Name") == "FE";
  if (!instruction.isPlanned && !isControl && !hasSemantics)
    reader.error(r, "'" + instruction.mnemonic + "' is implemented but has no semantics");
  if (!instruction.isPlanned && hasSemantics)
    reader.readSemantics(r, instruction);
  model.instructions.push_back(std::move(instruction));
}

void readIntrinsic(Reader &reader, const Record *r) {
  Model &model = reader.model;
  Intrinsic intrinsic{text(r, "Name"), text(r, "Doc"), {}};
  reader.requireDoc(r, "intrinsic", intrinsic.doc);
  for (const Record *link : r->getValueAsListOfDefs("Chain"))
    for (size_t i = 0; i != model.instructions.size(); ++i)
      if (model.instructions[i].record == link->getName())
        intrinsic.chain.push_back(int(i));
  if (intrinsic.chain.size() < 2)
    reader.error(r, "a chain has at least two instructions");
  for (size_t i = 1; i < intrinsic.chain.size(); ++i) {
    const Instruction &from = model.instructions[intrinsic.chain[i - 1]], &to = model.instructions[intrinsic.chain[i]];
    auto meets = [&](const Access &w) {
      return w.dir != "read" && to.semantics && llvm::any_of(to.semantics->accesses, [&](const Access &a) {
               return a.dir != "write" && a.space == w.space;
             });
    };
    if (!from.semantics || llvm::none_of(from.semantics->accesses, meets))
      reader.error(r, "'" + from.mnemonic + "' writes no memory that '" + to.mnemonic + "' reads");
  }
  model.intrinsics.push_back(std::move(intrinsic));
}

void readInstructions(Reader &reader, const RecordKeeper &records) {
  Unique<int> opcodes(reader, "opcode");
  Unique<std::string> mnemonics(reader, "mnemonic");
  for (const Record *r : recordsOf(records, "Instruction")) {
    opcodes.add(r, number(r, "Opcode"), "0x" + utohexstr(number(r, "Opcode"), true, 2));
    mnemonics.add(r, text(r, "Mnemonic"), "'" + text(r, "Mnemonic") + "'");
    readInstruction(reader, r);
  }
  llvm::sort(reader.model.instructions, [](const Instruction &a, const Instruction &b) { return a.opcode < b.opcode; });
  for (const Record *r : recordsOf(records, "Intrinsic"))
    readIntrinsic(reader, r);
}

std::vector<RegisterField> readRegisterFields(Reader &reader, const Record *owner) {
  std::vector<RegisterField> fields;
  uint64_t used = 0;
  for (const Record *r : owner->getValueAsListOfDefs("Fields")) {
    RegisterField field{text(r, "Name"), text(r, "Doc"), number(r, "Lo"), number(r, "Width")};
    reader.requireDoc(owner, "field '" + field.name + "'", field.doc);
    if (field.lo < 0 || field.width < 1 || field.lo + field.width > 32) {
      reader.error(owner, "field '" + field.name + "' does not fit a 32-bit register");
      continue;
    }
    uint64_t mask = ((uint64_t(1) << field.width) - 1) << field.lo;
    if (used & mask)
      reader.error(owner, "field '" + field.name + "' overlaps another field");
    used |= mask;
    fields.push_back(std::move(field));
  }
  return fields;
}

void readRegisters(Reader &reader, const RecordKeeper &records) {
  Model &model = reader.model;
  Unique<int> offsets(reader, "register offset"), regionOffsets(reader, "register offset");
  static constexpr const char *kAccess[] = {"ro", "rw", "rwi", "w1c", "wo"};
  for (const Record *r : recordsOf(records, "Register")) {
    model.registers.push_back(
        {text(r, "Name"), text(r, "Access"), text(r, "Doc"), number(r, "Offset"), readRegisterFields(reader, r)});
    offsets.add(r, number(r, "Offset"), "0x" + utohexstr(number(r, "Offset")));
    reader.requireDoc(r, "register", text(r, "Doc"));
    if (!is_contained(kAccess, text(r, "Access")))
      reader.error(r, "access '" + text(r, "Access") + "' is not ro, rw, rwi, w1c or wo");
    if (number(r, "Offset") % 4)
      reader.error(r, "offset " + Twine(number(r, "Offset")) + " is not a multiple of 4");
  }
  for (const Record *r : recordsOf(records, "RegionRegister")) {
    model.regionRegisters.push_back(
        {text(r, "Name"), "rwi", text(r, "Doc"), number(r, "Offset"), readRegisterFields(reader, r)});
    regionOffsets.add(r, number(r, "Offset"), "0x" + utohexstr(number(r, "Offset")));
    reader.requireDoc(r, "register", text(r, "Doc"));
  }
  for (const Record *r : recordsOf(records, "PortAnswer")) {
    model.portAnswers.push_back({text(r, "Name"), text(r, "Doc"), number(r, "Response")});
    reader.requireDoc(r, "answer", text(r, "Doc"));
    if (!is_contained({0, 2, 3}, number(r, "Response")))
      reader.error(r, "response " + Twine(number(r, "Response")) + " is not 0 (OKAY), 2 (SLVERR) or 3 (DECERR)");
  }
  llvm::sort(model.portAnswers, [](const PortAnswer &a, const PortAnswer &b) { return a.name < b.name; });
  auto byOffset = [](const Register &a, const Register &b) { return a.offset < b.offset; };
  llvm::sort(model.registers, byOffset);
  llvm::sort(model.regionRegisters, byOffset);
  for (auto [name, list] :
       {std::pair{"RegionRole", &model.regionRoles}, std::pair{"EngineState", &model.engineStates}}) {
    for (const Record *r : recordsOf(records, name)) {
      list->push_back({number(r, "Index"), text(r, "Name"), text(r, "Doc")});
      reader.requireDoc(r, name, text(r, "Doc"));
    }
    llvm::sort(*list, [](const Named &a, const Named &b) { return a.index < b.index; });
  }
}

void readCounters(Reader &reader, const RecordKeeper &records) {
  Model &model = reader.model;
  auto add = [&](const std::string &name, const std::string &doc) {
    model.counters.push_back({int(model.counters.size()), name, doc});
  };
  std::vector<Record *> rows = recordsOf(records, "Counter");
  llvm::sort(rows, [](const Record *a, const Record *b) {
    return a->getLoc().front().getPointer() < b->getLoc().front().getPointer();
  });
  for (const Record *r : rows) {
    reader.requireDoc(r, "counter", text(r, "Doc"));
    if (text(r, "Name") == "cycles")
      add("cycles", text(r, "Doc"));
  }
  for (const Engine &engine : model.engines)
    for (const Named &state : model.engineStates)
      if (engine.name != "FE")
        add("state_" + StringRef(engine.name).lower() + "_" + state.name,
            "cycles in which " + engine.name + ": " + state.doc);
  for (const Record *r : rows)
    if (text(r, "Name") != "cycles")
      add(text(r, "Name"), text(r, "Doc"));
}

void readMemoryRecords(Reader &reader, const RecordKeeper &records) {
  for (const Record *r : recordsOf(records, "MemoryRecord")) {
    MemoryRecord record{text(r, "Name"), text(r, "Doc"), number(r, "Bytes"), {}};
    reader.requireDoc(r, "record", record.doc);
    int next = 0;
    for (const Record *f : r->getValueAsListOfDefs("Fields")) {
      record.fields.push_back({text(f, "Name"), text(f, "Doc"), number(f, "Offset"), number(f, "Bytes")});
      reader.requireDoc(r, "field '" + text(f, "Name") + "'", text(f, "Doc"));
      if (number(f, "Offset") != next)
        reader.error(r, "field '" + text(f, "Name") + "' is at byte " + Twine(number(f, "Offset")) +
                            ", but the fields before it end at byte " + Twine(next));
      next = number(f, "Offset") + number(f, "Bytes");
    }
    if (next != record.bytes)
      reader.error(r, "fields end at byte " + Twine(next) + " of " + Twine(record.bytes));
    reader.model.memoryRecords.push_back(std::move(record));
  }
  llvm::sort(reader.model.memoryRecords, [](const MemoryRecord &a, const MemoryRecord &b) { return a.name > b.name; });
}

} // namespace

int Model::syncSlots() const {
  int slots = 0;
  for (const Field &field : header)
    slots += StringRef(field.name).starts_with("wait") && StringRef(field.name).ends_with("_valid");
  return slots;
}

std::optional<Model> readModel(const RecordKeeper &records) {
  Model model;
  Reader reader(model);
  readMachine(reader, records);
  readHeader(reader, records);
  readInstructions(reader, records);
  readRegisters(reader, records);
  readCounters(reader, records);
  readMemoryRecords(reader, records);
  if (reader.failed)
    return std::nullopt;
  model.hash = xxh3_64bits(canonicalText(model));
  return model;
}

std::string canonicalText(const Model &model) {
  std::string result;
  raw_string_ostream os(result);
  auto value = [&](const Value &v) { os << ' ' << int(v.kind) << ':' << v.value; };
  auto fields = [&](const std::vector<Field> &list) {
    for (const Field &f : list)
      os << "field " << f.name << ' ' << f.lsb << ' ' << f.width << ' ' << f.isSigned << ' ' << f.min << ' ' << f.max
         << ' ' << f.alignRow << ' ' << f.kind << '\n';
  };
  auto nodes = [&](const std::vector<Node> &list) {
    for (const Node &n : list) {
      os << "node " << n.slot << ' ' << n.storedAccess << ' ' << model.primitives[n.primitive].name;
      for (const Arg &a : n.args)
        os << ' ' << int(a.kind) << ':' << (a.kind == Arg::Word ? model.words[a.index].name : std::to_string(a.index));
      os << '\n';
    }
  };
  os << model.name << ' ' << model.lineBytes << '\n';
  fields(model.header);
  for (const Engine &e : model.engines)
    os << "engine " << e.index << ' ' << e.name << '\n';
  for (const Space &s : model.spaces)
    os << "space " << s.name << ' ' << s.granule << ' ' << s.sizeKey << ' ' << s.outOfBounds << '\n';
  for (const Fault &f : model.faults)
    os << "fault " << f.code << ' ' << f.name << '\n';
  for (const ParamWord &w : model.words)
    os << "word " << w.name << ' ' << w.word << ' ' << w.lo << ' ' << w.width << ' ' << w.isSigned << '\n';
  for (const Constant &c : model.constants)
    os << "constant " << c.name << ' ' << c.value << '\n';
  for (const Register &r : model.registers) {
    os << "register " << r.offset << ' ' << r.name << ' ' << r.access << '\n';
    for (const RegisterField &f : r.fields)
      os << "bits " << f.name << ' ' << f.lo << ' ' << f.width << '\n';
  }
  for (const PortAnswer &a : model.portAnswers)
    os << "answer " << a.name << ' ' << a.response << '\n';
  for (const Register &r : model.regionRegisters)
    os << "region-register " << r.offset << ' ' << r.name << '\n';
  for (const Named &c : model.counters)
    os << "counter " << c.name << '\n';
  for (const MemoryRecord &r : model.memoryRecords)
    for (const RecordField &f : r.fields)
      os << "record " << r.name << ' ' << f.name << ' ' << f.offset << ' ' << f.bytes << '\n';
  for (const Instruction &i : model.instructions) {
    os << "instruction " << i.opcode << ' ' << i.mnemonic << ' ' << i.engine << ' ' << i.isPlanned << ' ' << i.hasSync
       << '\n';
    fields(i.fields);
    if (!i.semantics)
      continue;
    os << "init " << i.semantics->init << '\n';
    for (const Loop &l : i.semantics->loops) {
      os << "loop " << l.isReduction;
      value(l.extent);
      os << '\n';
    }
    for (const Access &a : i.semantics->accesses) {
      os << "access " << a.elem << ' ' << a.dir << ' ' << a.space << ' ' << a.baseField << ' ' << a.regionField << ' '
         << a.padField << ' ' << a.laneLoop << ' ' << int(a.lane) << ' ' << a.unit << ' ' << a.lead << ' '
         << a.unitIsBytes;
      for (int p : a.packed)
        os << ' ' << p;
      os << '\n';
      for (const Dim &d : a.dims) {
        os << "dim " << d.extentField << ' ' << d.originField;
        value(d.stride);
        for (const Term &t : d.terms) {
          os << ' ' << t.loop;
          value(t.factor);
        }
        os << '\n';
      }
    }
    nodes(i.semantics->body);
    os << "finish\n";
    nodes(i.semantics->finish);
  }
  return result;
}

} // namespace tw::tblgen
