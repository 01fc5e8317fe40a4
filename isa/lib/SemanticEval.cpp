// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/SemanticEval.h"
#include "tw/isa/Numerics.h"
#include <algorithm>
#include <cstring>

namespace tw::isa {
namespace {

class Evaluator {
public:
  Evaluator(const Line &line, const HwConfig &config, Memories &memories)
      : line(line), row(*line.row()), semantics(*row.semantics), config(config), memories(memories) {}

  EvalResult run() {
    for (size_t i = 0; i != semantics.loops.size(); ++i)
      (semantics.loops[i].isReduction ? reductions : parallels).push_back(int(i));
    index.assign(semantics.loops.size(), 0);
    for (const Access &access : semantics.accesses) // a table is looked for before anything is computed
      if (access.space == Space::LUT && access.dir == Dir::Read && !memories.lutLoaded[field(access.baseField)])
        fault(FaultCode::UninitParam);
    if (result.fault != FaultCode::None)
      return result;
    const bool pads = reductions.empty() && std::ranges::any_of(semantics.accesses, hasPad);
    if (pads) // of a copy: padding comes first
      forEach(parallels, [&] {
        if (isPadding())
          point();
      });
    forEach(parallels, [&] {
      if (!pads || !isPadding())
        point();
    });
    return result;
  }

private:
  uint64_t value(const Value &v) const { return v.kind == Value::Field ? field(v.value) : fixedValue(v, config.n); }
  uint64_t field(int i) const { return uint64_t(line.get(row.fields[i].ref)); }
  void fault(FaultCode code) {
    if (result.fault == FaultCode::None)
      result.fault = code;
  }

  // Calls `body` for all values of these loops, the last one fastest; stops at a fault.
  template <typename Body> void forEach(const std::vector<int> &loops, const Body &body) {
    for (int loop : loops)
      index[loop] = 0;
    for (;;) {
      body();
      if (result.fault != FaultCode::None)
        return;
      size_t i = loops.size();
      while (i && ++index[loops[i - 1]] == value(semantics.loops[loops[i - 1]].extent))
        index[loops[--i]] = 0;
      if (!i)
        return;
    }
  }

  // One parallel point: reduce, finish, store.
  void point() {
    slots.assign(semantics.slotCount, 0);
    if (semantics.init == Init::Min8)
      slots.assign(semantics.slotCount, -128);
    if (semantics.init == Init::Max8)
      slots.assign(semantics.slotCount, 127);
    if (semantics.init == Init::Acc && field(findField(row, "accumulate")))
      for (const Node &node : semantics.body)
        if (node.storedAccess >= 0)
          slots[node.slot] = readElement(semantics.accesses[node.storedAccess]);
    count = 0;
    forEach(reductions, [&] {
      if (isSkipped())
        return;
      ++count;
      for (const Node &node : semantics.body)
        execute(node);
    });
    for (const Node &node : semantics.finish)
      execute(node);
    if (row.engine == Engine::MX)
      result.macs += uint64_t(count);
    if (result.fault != FaultCode::None)
      return;
    for (const auto *nodes : {&semantics.body, &semantics.finish})
      for (const Node &node : *nodes)
        if (node.storedAccess >= 0)
          writeElement(semantics.accesses[node.storedAccess], slots[node.slot]);
  }

  // Index of a dimension; false when it lies outside the dimension's extent.
  bool dimIndex(const Dim &dim, int64_t &out) const {
    out = 0;
    for (const Term &term : dim.terms)
      out += int64_t(index[term.loop] * value(term.factor));
    if (dim.originField >= 0)
      out -= int64_t(field(dim.originField));
    return dim.extentField < 0 || (out >= 0 && out < int64_t(field(dim.extentField)));
  }

  bool isInside(const Access &access) const {
    int64_t ignored;
    for (const Dim &dim : access.dims)
      if (!dimIndex(dim, ignored))
        return false;
    return true;
  }

  static bool hasPad(const Access &access) { return access.padField >= 0; }

  bool isPadding() const {
    return std::ranges::any_of(semantics.accesses,
                               [&](const Access &access) { return hasPad(access) && !isInside(access); });
  }

  // Outside the input an access without a pad value contributes nothing.
  bool isSkipped() const {
    for (const Access &access : semantics.accesses)
      if (access.padField < 0 && !isInside(access))
        return true;
    return false;
  }

  static unsigned elemBytes(const Access &access) { return access.elem == Elem::I8 ? 1 : 4; }

  // Granules from the start of the space: bytes in SPM and DRAM (lane included), rows or banks elsewhere.
  uint64_t address(const Access &access) const {
    uint64_t base = field(access.baseField);
    bool inBytes = access.space == Space::SPM || access.space == Space::DRAM;
    if (access.isStrided) {
      for (const Dim &dim : access.dims) {
        int64_t i;
        dimIndex(dim, i);
        base += uint64_t(i) * value(dim.stride);
      }
    } else {
      uint64_t packed = 0;
      for (uint8_t loop : access.packed)
        packed = packed * value(semantics.loops[loop].extent) + index[loop];
      if (access.lane == LaneKind::Count)
        packed = uint64_t(count ? count - 1 : 0) / config.n;
      base += (access.lead + access.unit * packed) * (inBytes && !access.unitIsBytes ? config.n : 1);
    }
    return inBytes ? base + lane(access) * elemBytes(access) : base;
  }

  uint64_t lane(const Access &access) const {
    if (access.lane == LaneKind::Count)
      return uint64_t(count ? count - 1 : 0) % config.n;
    return access.lane == LaneKind::Loop ? index[access.laneLoop] : 0;
  }

  uint8_t *bytes(const Access &access) const {
    return access.space == Space::SPM ? memories.spm.data() : memories.regions[field(access.regionField)].data();
  }

  int64_t readElement(const Access &access) {
    if (!isInside(access))
      return int64_t(field(access.padField));
    uint64_t at = address(access);
    switch (access.space) {
    case Space::SPM:
    case Space::DRAM: {
      if (access.elem == Elem::I8)
        return int8_t(bytes(access)[at]);
      uint32_t word;
      std::memcpy(&word, bytes(access) + at, sizeof word);
      return word;
    }
    case Space::ACC:
      return memories.acc[at * config.n + lane(access)];
    case Space::PARAM:
      if (!memories.paramLoaded[at])
        fault(FaultCode::UninitParam);
      return int32_t(memories.params[at * config.n + lane(access)]);
    case Space::LUT:
      if (!memories.lutLoaded[at])
        fault(FaultCode::UninitParam);
      return int64_t(at); // a table is named by its bank
    }
    return 0;
  }

  void writeElement(const Access &access, int64_t v) {
    if (!isInside(access))
      return;
    uint64_t at = address(access);
    switch (access.space) {
    case Space::SPM:
    case Space::DRAM:
      for (unsigned byte = 0; byte != elemBytes(access); ++byte)
        bytes(access)[at + byte] = uint8_t(uint64_t(v) >> 8 * byte);
      break;
    case Space::ACC:
      memories.acc[at * config.n + lane(access)] = int32_t(v);
      break;
    case Space::PARAM:
      memories.params[at * config.n + lane(access)] = uint32_t(v);
      memories.paramLoaded[at] = true;
      break;
    case Space::LUT:
      memories.luts[at * kLutBytes + lane(access)] = uint8_t(v);
      memories.lutLoaded[at] = true;
      break;
    }
  }

  // A word of the numerics record that operand `p` points at.
  int64_t word(const ParamWord &w) {
    for (const Access &access : semantics.accesses)
      if (access.name == "p") {
        uint64_t at = address(access);
        if (!memories.paramLoaded[at])
          fault(FaultCode::UninitParam);
        uint32_t bits = memories.params[at * config.n + w.word] >> w.lo << (32 - w.width);
        return w.isSigned ? int32_t(bits) >> (32 - w.width) : int64_t(bits >> (32 - w.width));
      }
    return 0;
  }

  int64_t argument(const Arg &arg) {
    switch (arg.kind) {
    case Arg::Access:
      return readElement(semantics.accesses[arg.index]);
    case Arg::Field:
      return int64_t(field(arg.index));
    case Arg::Word:
      return word(kParamWords[arg.index]);
    case Arg::Slot:
      return slots[arg.index];
    case Arg::Count:
      break;
    }
    return count;
  }

  void execute(const Node &node) {
    int64_t args[9] = {};
    for (size_t i = 0; i != node.args.size(); ++i)
      args[i] = argument(node.args[i]);
    if (result.fault == FaultCode::None)
      slots[node.slot] = apply(node.primitive, args);
  }

  int64_t requant(const int64_t *a) {
    uint32_t multiplier = uint32_t(a[2]);
    if (!validMultiplier(multiplier)) {
      fault(FaultCode::BadParam);
      return 0;
    }
    int32_t sum = addWrap32(int32_t(a[0]), int32_t(a[1]));
    int32_t whole = fp32RoundToInt(fp32Mul(fp32FromInt32(sum), multiplier)) + int8_t(a[3]);
    result.saturations += whole < -128 || whole > 127;
    return requantFp32(int32_t(a[0]), int32_t(a[1]), multiplier, int8_t(a[3]));
  }

  int64_t requantTfliteChecked(const int64_t *a) {
    int32_t acc = int32_t(a[0]), bias = int32_t(a[1]), multiplier = int32_t(a[2]), shift = int32_t(a[3]);
    if (!validTfliteMultiplier(multiplier) || !validTfliteShift(shift)) {
      fault(FaultCode::BadParam);
      return 0;
    }
    int32_t whole = requantTfliteWide(acc, bias, multiplier, shift, int8_t(a[4]));
    result.saturations += whole < -128 || whole > 127;
    return requantTflite(acc, bias, multiplier, shift, int8_t(a[4]));
  }

  int64_t apply(Primitive primitive, const int64_t *a) {
    auto i8 = [&](int i) { return int8_t(a[i]); };
    auto i32 = [&](int i) { return int32_t(a[i]); };
    switch (primitive) {
    case Primitive::MulI8:
      return mulI8(i8(0), i8(1));
    case Primitive::MulZp:
      return mulZp(i8(0), i8(1), i8(2), i8(3));
    case Primitive::AddWrap32:
      return addWrap32(i32(0), i32(1));
    case Primitive::AddI8:
      return addI8(i32(0), i8(1));
    case Primitive::MaxI8:
      return maxI8(i8(0), i8(1));
    case Primitive::MinI8:
      return minI8(i8(0), i8(1));
    case Primitive::SumI8:
      return sumI8(i32(0), i8(1), i8(2));
    case Primitive::SumsqI8:
      return sumsqI8(i32(0), i8(1), i8(2));
    case Primitive::RequantFp32:
      return requant(a);
    case Primitive::RequantTflite:
      return requantTfliteChecked(a);
    case Primitive::EwAdd:
      return ewAdd(i8(0), i8(1), i32(2), i8(3), i8(4), i32(5), int(a[6]), i8(7));
    case Primitive::EwMul:
      return ewMul(i8(0), i8(1), i8(2), i8(3), i32(4), int(a[5]), i8(6));
    case Primitive::EwMin:
      return ewMin(i8(0), i8(1), i32(2), i8(3), i8(4), i32(5), int(a[6]), i8(7));
    case Primitive::EwMax:
      return ewMax(i8(0), i8(1), i32(2), i8(3), i8(4), i32(5), int(a[6]), i8(7));
    case Primitive::EwMad:
      return ewMad(i8(0), i8(1), i32(2), i32(3), int(a[4]), i8(5));
    case Primitive::EwMix:
      return ewMix(i8(0), i8(1), i32(2), i8(3), i8(4), i32(5), i32(6), int(a[7]), i8(8));
    case Primitive::WideAdd:
      return wideAdd(i32(0), i32(1), i32(2), i32(3), int(a[4]));
    case Primitive::WideMul:
      return wideMul(i32(0), i32(1), int(a[2]));
    case Primitive::NormReciprocal:
      return normReciprocal(i32(0), int(a[1]));
    case Primitive::NormRsqrt:
      return normRsqrt(i32(0), int(a[1]));
    case Primitive::PoolAvg:
      return poolAvg(i32(0), i32(1), i8(2), i32(3), int(a[4]), i8(5));
    case Primitive::PoolMax:
      return poolMax(i8(0), i8(1), i32(2), int(a[3]), i8(4));
    case Primitive::ClampI8:
      return clampI8(i8(0), i8(1), i8(2));
    case Primitive::LutI8:
      return int8_t(memories.luts[uint64_t(a[0]) * kLutBytes + lutIndex(i8(1))]);
    case Primitive::CopyI8:
      return i8(0);
    case Primitive::CopyI32:
      return i32(0);
    }
    return 0;
  }

  const Line &line;
  const Instruction &row;
  const Semantics &semantics;
  const HwConfig &config;
  Memories &memories;
  EvalResult result;
  std::vector<int> parallels, reductions;
  std::vector<uint64_t> index; // current value of each loop
  std::vector<int64_t> slots;
  int64_t count = 0; // contributions to the current point
};

} // namespace

Memories::Memories(const HwConfig &config, uint8_t poison)
    : spm(config.spmBytes, poison), acc(size_t(config.accRows) * config.n, int32_t(poison * 0x01010101u)),
      params(size_t(config.paramRows) * config.n, poison * 0x01010101u),
      luts(size_t(config.lutBanks) * kLutBytes, poison), paramLoaded(config.paramRows, false),
      lutLoaded(config.lutBanks, false) {}

EvalResult evaluate(const Line &line, const HwConfig &config, Memories &memories) {
  const Instruction *row = line.row();
  if (!row || !row->semantics)
    return {};
  return Evaluator(line, config, memories).run();
}

} // namespace tw::isa
