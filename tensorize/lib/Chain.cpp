// SPDX-License-Identifier: Apache-2.0
// Chains: the semantics of instructions that meet in a memory, composed; and copies, read off the records.
#include "tw/tensorize/Target.h"

#include <algorithm>
#include <optional>

namespace tw::tensorize {

const isa::Field &fieldOf(const Chain &chain, FieldId id) { return chain.links[id.link]->fields[id.field]; }

int64_t defaultOf(const isa::Field &field) { return std::max<int64_t>(field.min, 0); }

int64_t elemBytes(isa::Elem elem) { return elem == isa::Elem::I8 ? 1 : 4; }

namespace {

Quantity quantity(const isa::Value &value, int link) {
  switch (value.kind) {
  case isa::Value::Field:
    return {Quantity::Field, {link, value.value}, 0};
  case isa::Value::Lanes:
  case isa::Value::HalfLanes: // of loops alone, which keep their share
    return {Quantity::Lanes, {}, 0};
  case isa::Value::Literal:
    return {Quantity::Literal, {}, value.value};
  }
  return {};
}

FieldId fieldId(int link, int field) { return field < 0 ? FieldId{} : FieldId{link, field}; }

class Composer {
public:
  Composer(const Target &target) : target(target) {}

  // Adds one link; false if it does not meet what is there already.
  bool append(const isa::Instruction &row) {
    const isa::Semantics &sem = *row.semantics;
    int link = int(chain.links.size());
    chain.links.push_back(&row);
    if (link == 0 && sem.init == isa::Init::Acc) // the record language: what starts in ACC has this field
      chain.accumulate = fieldId(link, isa::findField(row, "accumulate"));
    int meetingAccess = -1;
    loopOf.assign(sem.loops.size(), -1);
    if (link > 0 && !(meetingAccess = meet(sem, link), meetingAccess >= 0))
      return false;
    for (size_t i = 0; i != sem.loops.size(); ++i) {
      Quantity extent = quantity(sem.loops[i].extent, link);
      if (loopOf[i] < 0) {
        loopOf[i] = int(chain.loops.size());
        ChainLoop loop{.name = std::string(sem.loops[i].name), .extents = {}, .isReduction = sem.loops[i].isReduction};
        loop.isLanes = extent.kind == Quantity::Lanes;
        loop.share = sem.loops[i].extent.kind == isa::Value::HalfLanes ? 2 : 1;
        loop.fixed = extent.kind == Quantity::Literal ? extent.literal : 0;
        loop.isUnit = link > 0 && !loop.isLanes;
        chain.loops.push_back(std::move(loop));
      }
      if (extent.kind == Quantity::Field)
        chain.loops[loopOf[i]].extents.push_back(extent);
    }
    accessOf.assign(sem.accesses.size(), -1);
    for (size_t i = 0; i != sem.accesses.size(); ++i)
      if (int(i) != meetingAccess) {
        accessOf[i] = int(chain.accesses.size());
        chain.accesses.push_back(access(sem.accesses[i], link));
      }
    addNodes(sem, link, meetingAccess);
    return true;
  }

  Chain take() {
    // What the first links left in a meeting place is no operand.
    for (const Meeting &meeting : chain.meetings)
      dropAccess(meeting.producerBase);
    return std::move(chain);
  }

private:
  // The consumer's read of a memory in which the chain leaves its result; loops unified from the left.
  int meet(const isa::Semantics &sem, int link) {
    for (size_t i = 0; i != sem.accesses.size(); ++i) {
      const isa::Access &read = sem.accesses[i];
      if (read.dir != isa::Dir::Read || read.isStrided || read.lane != isa::LaneKind::Loop)
        continue;
      for (const ChainAccess &made : chain.accesses) {
        if (!made.isWritten || made.space != int(read.space) || made.elem != read.elem || made.isStrided ||
            made.packed.size() > read.packed.size())
          continue;
        for (size_t j = 0; j != made.packed.size(); ++j)
          loopOf[read.packed[j]] = made.packed[j];
        loopOf[read.laneLoop] = made.laneLoop;
        chain.meetings.push_back({made.space, made.base, {link, read.baseField}, made.packed});
        return int(i);
      }
    }
    return -1;
  }

  ChainAccess access(const isa::Access &from, int link) {
    ChainAccess to;
    to.name = from.name;
    to.link = link;
    to.space = int(from.space);
    to.elem = from.elem;
    to.isWritten = from.dir != isa::Dir::Read;
    to.lane = from.lane;
    to.laneLoop = from.laneLoop < 0 ? -1 : loopOf[from.laneLoop];
    to.base = fieldId(link, from.baseField);
    to.region = fieldId(link, from.regionField);
    to.pad = fieldId(link, from.padField);
    to.isStrided = from.isStrided;
    to.unit = from.unit;
    to.lead = from.lead;
    for (const isa::Dim &dim : from.dims) {
      ChainDim out{{}, quantity(dim.stride, link), fieldId(link, dim.extentField), fieldId(link, dim.originField)};
      for (const isa::Term &term : dim.terms)
        out.terms.push_back({loopOf[term.loop], quantity(term.factor, link)});
      to.dims.push_back(std::move(out));
    }
    for (uint8_t loop : from.packed)
      to.packed.push_back(loopOf[loop]);
    return to;
  }

  void addNodes(const isa::Semantics &sem, int link, int meetingAccess) {
    int meetingSlot = chain.resultSlot();
    std::vector<int> slotOf(sem.slotCount, -1);
    auto add = [&](std::span<const isa::Node> nodes, bool isBody) {
      for (const isa::Node &node : nodes) {
        ChainNode out{std::string(target.primitives[size_t(node.primitive)].name), {}};
        for (const isa::Arg &arg : node.args) {
          int index = arg.index;
          switch (arg.kind) {
          case isa::Arg::Access:
            if (index == meetingAccess)
              out.args.push_back({ChainArg::Slot, meetingSlot, link});
            else if (index == node.storedAccess)
              out.args.push_back({ChainArg::Running, 0, link});
            else
              out.args.push_back({ChainArg::Access, accessOf[index], link});
            break;
          case isa::Arg::Field:
            out.args.push_back({ChainArg::Field, index, link});
            break;
          case isa::Arg::Word:
            out.args.push_back({ChainArg::Word, index, link});
            break;
          case isa::Arg::Slot:
            if (slotOf[index] < 0)
              out.args.push_back({ChainArg::Running, 0, link});
            else
              out.args.push_back({ChainArg::Slot, slotOf[index], link});
            break;
          case isa::Arg::Count:
            out.args.push_back({ChainArg::Count, 0, link});
            break;
          }
        }
        slotOf[node.slot] = int(chain.body.size() + chain.finish.size());
        (isBody ? chain.body : chain.finish).push_back(std::move(out));
      }
    };
    // A later link's body runs once per point of the meeting place: it is part of the finish.
    add(sem.body, link == 0);
    add(sem.finish, false);
  }

  void dropAccess(FieldId base) {
    auto found = std::find_if(chain.accesses.begin(), chain.accesses.end(),
                              [&](const ChainAccess &a) { return a.isWritten && a.base == base; });
    if (found == chain.accesses.end())
      return;
    int dropped = int(found - chain.accesses.begin());
    chain.accesses.erase(found);
    for (std::vector<ChainNode> *nodes : {&chain.body, &chain.finish})
      for (ChainNode &node : *nodes)
        for (ChainArg &arg : node.args)
          if (arg.kind == ChainArg::Access && arg.index > dropped)
            --arg.index;
  }

  const Target &target;
  Chain chain;
  std::vector<int> loopOf, accessOf; // of the link being added
};

bool isCopy(const Target &target, const isa::Instruction &row) {
  const isa::Semantics &sem = *row.semantics;
  return sem.accesses.size() == 2 && sem.body.size() == 1 && sem.finish.empty() &&
         target.primitives[size_t(sem.body[0].primitive)].name.starts_with("copy");
}

/// Every element of the walk is copied: no bound leaves a part of it out or fills it with something else.
bool isWhole(const isa::Instruction &row) {
  for (const isa::Access &access : row.semantics->accesses)
    for (const isa::Dim &dim : access.dims)
      if (dim.extentField >= 0)
        return false;
  return true;
}

const isa::Access &accessOf(const isa::Instruction &copy, isa::Dir dir) {
  const isa::Semantics &sem = *copy.semantics;
  return sem.accesses[sem.accesses[0].dir == dir ? 0 : 1];
}

/// Do bytes keep their lanes?
bool isStraight(const isa::Instruction &copy) {
  return accessOf(copy, isa::Dir::Read).laneLoop == accessOf(copy, isa::Dir::Write).laneLoop;
}

// The field that says how far a step of the loop goes, or -1.
int strideField(const isa::Access &access, int loop) {
  for (const isa::Dim &dim : access.dims)
    if (dim.terms.size() == 1 && dim.terms[0].loop == loop && dim.stride.kind == isa::Value::Field)
      return int(dim.stride.value);
  return -1;
}

std::optional<Chain> compose(const Target &target, std::string name, std::span<const isa::Instruction *const> rows) {
  Composer composer(target);
  for (const isa::Instruction *row : rows)
    if (!row->semantics || !composer.append(*row))
      return std::nullopt;
  Chain chain = composer.take();
  chain.name = std::move(name);
  return chain;
}

// Levels of a copy: a loop is one level; its strides are what the two accesses give it.
Mover moverOf(const Target &target, const isa::Instruction &row) {
  const isa::Semantics &sem = *row.semantics;
  Mover mover;
  mover.row = &row;
  const isa::Access &read = accessOf(row, isa::Dir::Read), &write = accessOf(row, isa::Dir::Write);
  mover.from = int(read.space);
  mover.to = int(write.space);
  mover.fromBase = read.baseField;
  mover.toBase = write.baseField;
  mover.region = read.regionField >= 0 ? read.regionField : write.regionField;
  int64_t laneExtent = target.lanes;
  for (size_t loop = sem.loops.size(); loop-- > 0;) {
    const isa::Loop &l = sem.loops[loop];
    if (l.extent.kind == isa::Value::Literal)
      laneExtent = l.extent.value;
    if (l.extent.kind == isa::Value::Field)
      mover.levels.push_back({int(l.extent.value), strideField(read, int(loop)), strideField(write, int(loop))});
  }
  mover.unitBytes = laneExtent * elemBytes(read.elem);
  return mover;
}

} // namespace

std::vector<Chain> chainsOf(const Target &target) {
  std::vector<Chain> chains;
  auto find = [&](isa::Opcode opcode) {
    for (const isa::Instruction &row : target.instructions)
      if (row.opcode == opcode)
        return &row;
    return static_cast<const isa::Instruction *>(nullptr);
  };
  for (const isa::Intrinsic &intrinsic : target.intrinsics) {
    std::vector<const isa::Instruction *> rows;
    for (isa::Opcode opcode : intrinsic.chain)
      rows.push_back(find(opcode));
    if (auto chain = compose(target, std::string(intrinsic.name), rows))
      chains.push_back(std::move(*chain));
  }
  for (const isa::Instruction &row : target.instructions)
    if (row.semantics && !isCopy(target, row)) {
      const isa::Instruction *rows[] = {&row};
      if (auto chain = compose(target, std::string(row.mnemonic), rows))
        chains.push_back(std::move(*chain));
    }
  return chains;
}

std::vector<Mover> moversOf(const Target &target) {
  std::vector<Mover> movers;
  for (const isa::Instruction &row : target.instructions)
    if (row.semantics && isCopy(target, row) && isWhole(row) && isStraight(row))
      movers.push_back(moverOf(target, row));
  return movers;
}

Transposer transposerOf(const Target &target, int memory) {
  for (const isa::Instruction &row : target.instructions) {
    if (!row.semantics || !isCopy(target, row) || !isWhole(row) || isStraight(row))
      continue;
    const isa::Access &read = accessOf(row, isa::Dir::Read), &write = accessOf(row, isa::Dir::Write);
    if (int(read.space) != memory || int(write.space) != memory || read.elem != isa::Elem::I8)
      continue;
    Transposer found{&row,
                     memory,
                     read.baseField,
                     write.baseField,
                     strideField(read, write.laneLoop),
                     strideField(write, read.laneLoop),
                     {}};
    for (size_t loop = row.semantics->loops.size(); loop-- > 0;)
      if (const isa::Loop &its = row.semantics->loops[loop]; its.extent.kind == isa::Value::Field)
        found.levels.push_back({int(its.extent.value), strideField(read, int(loop)), strideField(write, int(loop))});
    if (found.fromRowStride >= 0 && found.toRowStride >= 0)
      return found;
  }
  return {};
}

} // namespace tw::tensorize
