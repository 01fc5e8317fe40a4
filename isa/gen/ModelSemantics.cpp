// SPDX-License-Identifier: Apache-2.0
// Semantics of an instruction: names resolved to indices, and the footprint program derived from the accesses.
#include "Reader.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace tw::tblgen {
namespace {

// Reads the semantics of one instruction.
class SemanticsReader {
public:
  SemanticsReader(Reader &reader, const Record *record, Instruction &instruction)
      : reader(reader), record(record), instruction(instruction) {}

  void read() {
    const Record *sem = record->getValueAsDef("Sem");
    out.init = sem->getValueAsString("Init").str();
    if (out.init != "" && out.init != "zero" && out.init != "min8" && out.init != "max8" && out.init != "acc")
      error("initial value '" + out.init + "' is not one of zero, min8, max8, acc");
    for (const Record *loop : sem->getValueAsListOfDefs("Loops"))
      readLoop(loop);
    for (const Record *access : sem->getValueAsListOfDefs("Accesses"))
      readAccess(access);
    for (const Record *node : sem->getValueAsListOfDefs("Body"))
      readNode(node, out.body, /*mayAccumulate=*/!out.init.empty());
    for (const Record *node : sem->getValueAsListOfDefs("Finish"))
      readNode(node, out.finish, /*mayAccumulate=*/false);
    out.slots = int(slots.size());
    checkWholeness();
    for (size_t i = 0; i != out.accesses.size(); ++i)
      addSteps(int(i));
    instruction.semantics = std::move(out);
  }

private:
  void error(const Twine &text) { reader.error(record, "'" + instruction.mnemonic + "': " + text); }

  int field(StringRef name) const { return indexOf(instruction.fields, name); }

  int fieldOfKind(StringRef name, StringRef kind, const Twine &use) {
    int index = field(name);
    if (index < 0)
      error(use + " names '" + name + "', which is no field of this instruction");
    else if (instruction.fields[index].kind != kind)
      error(use + " names field '" + name + "' of kind '" + instruction.fields[index].kind + "', but needs kind '" +
            kind + "'");
    return index;
  }

  Value value(StringRef text, const Twine &use) {
    if (text == "N")
      return {Value::Lanes, 0};
    int64_t literal;
    if (!text.getAsInteger(10, literal))
      return {Value::Literal, literal};
    int index = field(text);
    if (index < 0)
      error(use + " names '" + text + "', which is neither a field of this instruction, nor N, nor a number");
    return {Value::Field, index};
  }

  void readLoop(const Record *from) {
    Loop loop;
    loop.name = from->getValueAsString("Name").str();
    if (indexOf(out.loops, loop.name) >= 0)
      error("loop '" + loop.name + "' appears twice");
    if (from->getValueAsString("Extent") == "N/2")
      loop.extent = {Value::HalfLanes, 0};
    else
      loop.extent = value(from->getValueAsString("Extent"), "extent of loop '" + loop.name + "'");
    if (loop.extent.kind == Value::Field && loop.extent.value >= 0)
      fieldOfKind(from->getValueAsString("Extent"), "extent", "extent of loop '" + loop.name + "'");
    StringRef iter = from->getValueAsString("Iter");
    if (iter != "parallel" && iter != "reduction")
      error("loop '" + loop.name + "' is '" + iter + "', not parallel or reduction");
    loop.isReduction = iter == "reduction";
    out.loops.push_back(std::move(loop));
  }

  int loop(StringRef name, const Twine &use) {
    int index = indexOf(out.loops, name);
    if (index < 0)
      error(use + " names loop '" + name + "', which does not exist");
    return index;
  }

  void readDim(const Record *from, Access &access) {
    Dim dim;
    std::string use = "a dimension of operand '" + access.name + "'";
    for (const Record *term : from->getValueAsListOfDefs("Terms"))
      dim.terms.push_back({loop(term->getValueAsString("Loop"), use), value(term->getValueAsString("Factor"), use)});
    dim.stride = value(from->getValueAsString("Stride"), use);
    if (StringRef extent = from->getValueAsString("Extent"); !extent.empty())
      dim.extentField = fieldOfKind(extent, "extent", use);
    if (StringRef origin = from->getValueAsString("Origin"); !origin.empty())
      dim.originField = fieldOfKind(origin, "uint", use);
    bool isPlain =
        dim.terms.size() == 1 && dim.terms[0].factor.kind == Value::Literal && dim.terms[0].factor.value == 1;
    if (dim.extentField < 0 && !isPlain)
      error(use + " has no extent field and " + Twine(dim.terms.size()) +
            " terms: its footprint is known only for one term of factor 1");
    if (dim.extentField < 0 && dim.originField >= 0)
      error(use + " has an origin but no extent field: its index could be negative");
    access.dims.push_back(std::move(dim));
  }

  void readAccess(const Record *from) {
    Access access;
    access.name = from->getValueAsString("Name").str();
    if (indexOf(out.accesses, access.name) >= 0)
      error("operand '" + access.name + "' appears twice");
    const Record *space = from->getValueAsDef("Where");
    access.space = indexOf(reader.model.spaces, space->getValueAsString("Name"));
    access.elem = from->getValueAsString("Elem").str();
    access.dir = from->getValueAsString("Dir").str();
    if (access.elem != "i8" && access.elem != "i32" && access.elem != "f32")
      error("operand '" + access.name + "' has elements '" + access.elem + "', not i8, i32 or f32");
    if (access.dir != "read" && access.dir != "write" && access.dir != "update")
      error("operand '" + access.name + "' is '" + access.dir + "', not read, write or update");
    static constexpr std::pair<const char *, const char *> kAddressKinds[] = {
        {"SPM", "spm"}, {"ACC", "acc"}, {"PARAM", "param"}, {"LUT", "lut"}, {"DRAM", "offset"}};
    for (auto [name, kind] : kAddressKinds)
      if (space->getValueAsString("Name") == name)
        access.baseField = fieldOfKind(from->getValueAsString("Base"), kind, "base of operand '" + access.name + "'");
    if (StringRef region = from->getValueAsString("Region"); !region.empty())
      access.regionField = fieldOfKind(region, "region", "operand '" + access.name + "'");
    if ((space->getValueAsString("Name") == "DRAM") != (access.regionField >= 0))
      error("operand '" + access.name + "': DRAM needs a region field, other memories have none");
    if (StringRef pad = from->getValueAsString("PadValue"); !pad.empty())
      access.padField = fieldOfKind(pad, "sint", "pad value of operand '" + access.name + "'");
    StringRef lane = from->getValueAsString("Lane");
    access.lane = lane.empty() ? Access::Scalar : lane == "count" ? Access::Count : Access::Loop;
    if (access.lane == Access::Loop)
      access.laneLoop = loop(lane, "lane of operand '" + access.name + "'");
    for (const Record *dim : from->getValueAsListOfDefs("Dims"))
      readDim(dim, access);
    for (StringRef name : from->getValueAsListOfStrings("Packed"))
      access.packed.push_back(loop(name, "operand '" + access.name + "'"));
    access.isStrided = !access.dims.empty();
    access.unit = int(from->getValueAsInt("Unit"));
    access.lead = int(from->getValueAsInt("Lead"));
    access.unitIsBytes = from->getValueAsBit("UnitIsBytes");
    if (access.isStrided && !access.packed.empty())
      error("operand '" + access.name + "' is both strided and packed");
    if (access.unit < 1 || access.lead < 0)
      error("operand '" + access.name + "': unit must be positive and lead not negative");
    StringRef fault = space->getValueAsString("OutOfBounds");
    if (!is_contained(instruction.raises, fault))
      error("operand '" + access.name + "' can leave " + space->getValueAsString("Name") +
            ", but Raises does not list " + fault);
    out.accesses.push_back(std::move(access));
  }

  int slotOf(StringRef name) const {
    auto it = llvm::find(slots, name);
    return it == slots.end() ? -1 : int(it - slots.begin());
  }

  Arg argument(StringRef name, StringRef result, bool mayAccumulate) {
    if (int slot = slotOf(name); slot >= 0)
      return {Arg::Slot, slot};
    if (name == result && mayAccumulate) { // the running value of a reduction
      slots.push_back(name.str());
      return {Arg::Slot, int(slots.size()) - 1};
    }
    if (int access = indexOf(out.accesses, name); access >= 0)
      return {Arg::Access, access};
    if (name == "count")
      return {Arg::Count, 0};
    if (name.consume_front("p.")) {
      int word = indexOf(reader.model.words, name);
      if (word >= 0 && indexOf(out.accesses, "p") >= 0)
        return {Arg::Word, word};
      error("'p." + name + "' needs an operand p and a row of ParamWord named '" + name + "'");
      return {Arg::Word, 0};
    }
    int index = field(name);
    if (index < 0)
      error("'" + name + "' is no operand, field, parameter word or earlier result");
    return {Arg::Field, index};
  }

  void readNode(const Record *from, std::vector<Node> &nodes, bool mayAccumulate) {
    Node node;
    node.result = from->getValueAsString("Result").str();
    StringRef primitive = from->getValueAsString("Primitive");
    node.primitive = indexOf(reader.model.primitives, primitive);
    std::vector<StringRef> args = from->getValueAsListOfStrings("Args");
    if (node.primitive < 0)
      error("'" + primitive + "' is no primitive");
    else if (int(args.size()) != reader.model.primitives[node.primitive].arity)
      error("'" + primitive + "' takes " + Twine(reader.model.primitives[node.primitive].arity) +
            " arguments, here are " + Twine(args.size()));
    for (StringRef arg : args)
      node.args.push_back(argument(arg, node.result, mayAccumulate));
    node.slot = slotOf(node.result);
    if (node.slot < 0) {
      node.slot = int(slots.size());
      slots.push_back(node.result);
    }
    int access = indexOf(out.accesses, node.result);
    if (access >= 0 && out.accesses[access].dir == "read")
      error("operand '" + node.result + "' is only read, but a result has its name");
    node.storedAccess = access;
    nodes.push_back(std::move(node));
  }

  void checkWholeness() {
    for (size_t i = 0; i != out.accesses.size(); ++i) {
      const Access &access = out.accesses[i];
      auto stores = [&](const Node &node) { return node.storedAccess == int(i); };
      if (access.dir != "read" && llvm::none_of(out.body, stores) && llvm::none_of(out.finish, stores))
        error("operand '" + access.name + "' is written by no node of the body");
    }
    if (out.init == "acc" && field("accumulate") < 0)
      error("a running value that starts in ACC needs the field 'accumulate'");
  }

  void addSteps(int accessIndex) {
    const Access &access = out.accesses[accessIndex];
    auto &steps = instruction.steps;
    const Space &space = reader.model.spaces[access.space];
    Step start{Step::Start};
    start.immediateTimesLanes = space.granule == "byte" && access.lane != Access::Scalar && !access.unitIsBytes;
    // A strided row of words is as many bytes; a packed operand says its unit.
    start.immediate = !access.isStrided ? access.unit : space.granule == "byte" && access.elem != "i8" ? 4 : 1;
    steps.push_back(start);
    for (const Dim &dim : access.dims) {
      Step mad{Step::Mad};
      mad.extent = dim.extentField >= 0 ? Value{Value::Field, dim.extentField} : out.loops[dim.terms[0].loop].extent;
      mad.stride = dim.stride;
      steps.push_back(mad);
    }
    bool isHalved = false; // two steps of N/2 each are N
    for (int packed : access.packed) {
      Step mul{Step::Mul};
      mul.extent = out.loops[packed].extent;
      if (mul.extent.kind == Value::Literal && mul.extent.value == 2 && !isHalved) {
        isHalved = true;
        continue;
      }
      if (mul.extent.kind == Value::HalfLanes && isHalved) {
        isHalved = false;
        mul.extent = {Value::Lanes, 0};
      }
      if (mul.extent.kind == Value::Literal || mul.extent.kind == Value::HalfLanes)
        error("operand '" + access.name + "' is packed by a loop of a fixed number of steps: its footprint is known " +
              "only for one of 2 followed by one of N/2");
      steps.push_back(mul);
    }
    if (isHalved)
      error("operand '" + access.name + "' is packed by a loop of 2 without one of N/2");
    if (access.lane == Access::Count)
      steps.push_back({Step::Ceil});
    // Rows of on-chip memories that repeat every Unit rows end with their own row, not with the gap after it.
    int gap = space.granule == "byte" ? 0 : access.unit - 1;
    // A step cannot subtract: what starts early in its unit is charged the rest of its last unit, too.
    if (int lead = access.lead - gap; lead > 0) {
      Step step{Step::Lead};
      step.immediate = lead;
      steps.push_back(step);
    }
    Step end{Step::End};
    end.access = accessIndex;
    steps.push_back(end);
  }

  Reader &reader;
  const Record *record;
  Instruction &instruction;
  Semantics out;
  std::vector<std::string> slots;
};

} // namespace

void Reader::readSemantics(const Record *record, Instruction &instruction) {
  SemanticsReader(*this, record, instruction).read();
}

} // namespace tw::tblgen
