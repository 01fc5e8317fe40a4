// SPDX-License-Identifier: Apache-2.0
// From arithmetic as it is written to arithmetic as instructions have it: zero points leave the products, padding that
// changes nothing is skipped, sums of constants become one constant, the rest is named by the tables' primitives.
#include "Affine.h"
#include "linalg/Nest.h"
#include "linalg/Primitives.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace tw::tensorize {
namespace {

template <typename T> std::vector<T> valuesOf(const Operand &operand) {
  std::vector<T> values(operand.constant->size() / sizeof(T));
  std::memcpy(values.data(), operand.constant->data(), operand.constant->size());
  return values;
}
template <typename T> Bytes bytesOf(const std::vector<T> &values) {
  auto bytes = std::make_shared<std::vector<uint8_t>>(values.size() * sizeof(T));
  std::memcpy(bytes->data(), values.data(), bytes->size());
  return bytes;
}

class Normaliser {
public:
  explicit Normaliser(Nest given) : nest(std::move(given)) {}

  std::variant<Block, Rejection> run() {
    int reduced = -1;
    if (nest.update >= 0 && (reduced = hoist()) < 0)
      return *rejection;
    nest.result = rewrite(nest.result, reduced);
    if (rejection)
      return *rejection;
    if (nest.scalars[nest.result].kind == Scalar::Operand)
      return Rejection{"", "body", Rejection::kOnlyMoves};
    block.loops = nest.loops;
    std::vector<Node> *into = &block.body;
    nodes = into;
    if (nest.update >= 0) {
      cover(nest.update);
      nodes = &block.finish;
    }
    if (!rejection && nest.scalars[nest.result].kind != Scalar::Reduced)
      cover(nest.result);
    if (rejection)
      return *rejection;
    takeOperands();
    return std::move(block);
  }

private:
  int refuse(std::string kind, std::string text) {
    if (!rejection)
      rejection = Rejection{"", std::move(kind), std::move(text)};
    return -1;
  }

  //===- Zero points and padding
  //-----------------------------------------------------------------------------------------===//

  /// operand - offset, where the offset is a number or (of a constant) a constant operand.
  struct Factor {
    int scalar = -1, offset = -1;
  };

  std::optional<Factor> factorOf(int id) const {
    const Scalar &scalar = nest.scalars[id];
    if (scalar.kind == Scalar::Operand)
      return Factor{id, -1};
    if (scalar.kind == Scalar::Sub && nest.scalars[scalar.args[0]].kind == Scalar::Operand)
      return Factor{scalar.args[0], scalar.args[1]};
    return std::nullopt;
  }
  Operand &operandOf(int scalar) { return nest.operands[nest.scalars[scalar].operand]; }
  int64_t offsetOf(const Factor &factor) const { return factor.offset < 0 ? 0 : nest.scalars[factor.offset].number; }

  // The reduction's step becomes a plain sum, product sum or maximum; the value it stands for is returned.
  int hoist() {
    const Scalar update = nest.scalars[nest.update];
    auto isRunning = [&](int id) { return nest.scalars[id].kind == Scalar::Running; };
    if (update.args.size() != 2 || isRunning(update.args[0]) == isRunning(update.args[1]))
      return refuse("body", "its reduction is no sum or maximum of its terms");
    const int running = update.args[isRunning(update.args[0]) ? 0 : 1];
    const int term = update.args[isRunning(update.args[0]) ? 1 : 0];
    const int reduced = nest.add({Scalar::Reduced, nest.scalars[nest.update].bits});
    if (update.kind == Scalar::Max && nest.scalars[term].kind == Scalar::Operand)
      return skipPadding(operandOf(term), nest.start) ? reduced : -1;
    if (update.kind != Scalar::Add || nest.start != 0)
      return refuse("body", "its reduction is no sum or maximum of its terms");
    if (auto single = factorOf(term)) {
      if (single->offset >= 0 && nest.scalars[single->offset].kind != Scalar::Number)
        return refuse("body", "its terms have zero points that are not one number");
      const int64_t zero = offsetOf(*single);
      if (!skipPadding(operandOf(single->scalar), zero))
        return -1;
      nest.update = nest.add({Scalar::Add, 32, -1, 0, {running, single->scalar}});
      int shift = nest.add({Scalar::Mul, 32, -1, 0, {nest.add({Scalar::Count, 32}), nest.number(zero)}});
      return nest.add({Scalar::Sub, 32, -1, 0, {reduced, shift}});
    }
    if (nest.scalars[term].kind != Scalar::Mul)
      return refuse("body", "its sum is of something else than products");
    auto left = factorOf(nest.scalars[term].args[0]), right = factorOf(nest.scalars[term].args[1]);
    if (!left || !right)
      return refuse("body", "its sum is of something else than products of two tensors");
    return hoistProduct(running, reduced, *left, *right);
  }

  // sum((x - zx) * (w - zw)) = sum(x * (w - zw)) - zx * sum(w - zw), modulo 2^32.
  int hoistProduct(int running, int reduced, Factor x, Factor w) {
    if (operandOf(x.scalar).constant)
      std::swap(x, w);
    Operand &weights = operandOf(w.scalar);
    if (!weights.constant)
      return productOfTensors(running, reduced, x, w);
    if (operandOf(x.scalar).constant) {
      return refuse("body", "both factors are constants");
    } else if (!foldOffset(weights, w.offset)) {
      return -1;
    }
    nest.update =
        nest.add({Scalar::Add, 32, -1, 0, {running, nest.add({Scalar::Mul, 32, -1, 0, {x.scalar, w.scalar}})}});
    if (offsetOf(x) == 0)
      return reduced;
    std::optional<Operand> correction = sumOver(weights, -offsetOf(x));
    if (!correction)
      return refuse("layout", "its weights are indexed by more than one loop in a dimension");
    nest.operands.push_back(std::move(*correction));
    int constant = nest.add({Scalar::Operand, 32, int(nest.operands.size()) - 1});
    return nest.add({Scalar::Add, 32, -1, 0, {reduced, constant}});
  }

  // Neither is known: both keep their zero points.
  int productOfTensors(int running, int reduced, Factor x, Factor w) {
    std::vector<int> factors;
    for (const Factor &factor : {x, w}) {
      if (factor.offset >= 0 && nest.scalars[factor.offset].kind != Scalar::Number)
        return refuse("body", "both factors of its product are computed, and one has a zero point for each channel");
      if (operandOf(factor.scalar).outside != Outside::Never)
        return refuse("body", "both factors of its product are computed, and one is padded");
      factors.push_back(nest.add({Scalar::Sub, 32, -1, 0, {factor.scalar, nest.number(offsetOf(factor))}}));
    }
    nest.update = nest.add({Scalar::Add, 32, -1, 0, {running, nest.add({Scalar::Mul, 32, -1, 0, factors})}});
    return reduced;
  }

  // Elements outside that change nothing need not be read.
  bool skipPadding(Operand &operand, int64_t neutral) {
    if (operand.outside == Outside::Never)
      return true;
    if (operand.outside != Outside::Value || operand.outsideValue != neutral)
      return refuse("body",
                    "its padding holds " + std::to_string(operand.outsideValue) + ", which changes the result") >= 0;
    operand.outside = Outside::Skip;
    return true;
  }

  // weights - offset as new weights. Those that are no int8 become the sum of two that are: one more loop to reduce
  // over.
  bool foldOffset(Operand &weights, int offset) {
    if (offset < 0)
      return true;
    const Scalar zero = nest.scalars[offset];
    const std::vector<int8_t> values = valuesOf<int8_t>(weights);
    std::vector<int8_t> zeros, low, high;
    const Operand *operand = zero.kind == Scalar::Operand ? &nest.operands[zero.operand] : nullptr;
    if (operand)
      zeros = valuesOf<int8_t>(*operand);
    bool isNarrow = true;
    forEach(weights.shape, [&](int64_t flat, const std::vector<int64_t> &at) {
      int64_t z = zero.number;
      if (operand) {
        int64_t position = 0;
        for (size_t d = 0; d != operand->shape.size(); ++d)
          for (size_t e = 0; e != weights.shape.size(); ++e)
            if (operand->index[d] == weights.index[e])
              position = position * operand->shape[d] + at[e];
        z = zeros[size_t(position)];
      }
      const int64_t value = values[size_t(flat)] - z, first = std::clamp<int64_t>(value, -128, 127);
      if (value - first > 127)
        refuse("dtype", "a weight less its zero point is " + std::to_string(value) +
                            ", which is no sum of two int8: quantise the weights as int8");
      isNarrow &= value == first;
      low.push_back(int8_t(first));
      high.push_back(int8_t(value - first));
    });
    weights.tensor = -1;
    if (!isNarrow) {
      low.insert(low.end(), high.begin(), high.end());
      weights.shape.insert(weights.shape.begin(), 2);
      weights.index.insert(weights.index.begin(), {{{int(nest.loops.size()), 1}}, 0});
      nest.loops.push_back({"part", 2, true});
    }
    weights.constant = bytesOf(low);
    return !rejection;
  }

  // factor * the sum of a constant over the reduction: one number per step of the other loops that index it.
  std::optional<Operand> sumOver(const Operand &weights, int64_t factor) const {
    Operand sums;
    sums.name = "correction";
    sums.elem = isa::Elem::I32;
    std::vector<size_t> kept;
    std::vector<bool> isUsed(nest.loops.size(), false);
    for (size_t d = 0; d != weights.shape.size(); ++d) {
      const int loop = bareLoop(weights.index[d]);
      if (loop < 0 && (weights.shape[d] != 1 || !weights.index[d].terms.empty()))
        return std::nullopt;
      if (loop < 0)
        continue;
      isUsed[loop] = true;
      if (nest.loops[loop].isReduction)
        continue;
      kept.push_back(d);
      sums.shape.push_back(weights.shape[d]);
      sums.index.push_back(weights.index[d]);
    }
    for (size_t loop = 0; loop != nest.loops.size(); ++loop)
      if (nest.loops[loop].isReduction && !isUsed[loop])
        factor *= nest.loops[loop].extent;
    std::vector<int32_t> total(size_t(productOf(sums.shape)), 0);
    std::vector<int8_t> values = valuesOf<int8_t>(weights);
    forEach(weights.shape, [&](int64_t flat, const std::vector<int64_t> &at) {
      int64_t position = 0;
      for (size_t k = 0; k != kept.size(); ++k)
        position = position * sums.shape[k] + at[kept[k]];
      int32_t &sum = total[size_t(position)];
      sum = int32_t(uint32_t(sum) + uint32_t(factor * values[size_t(flat)]));
    });
    sums.constant = bytesOf(total);
    return sums;
  }

  //===- Sums of constants
  //-----------------------------------------------------------------------------------------------===//

  // A copy of an expression with Reduced replaced, in which 32-bit constants are added up.
  int rewrite(int id, int reduced) {
    if (auto known = rewritten.find(id); known != rewritten.end())
      return known->second;
    Scalar scalar = nest.scalars[id];
    if (scalar.kind == Scalar::Reduced)
      return reduced;
    for (int &arg : scalar.args)
      arg = rewrite(arg, reduced);
    int made = scalar.args.empty() ? id : nest.add(scalar);
    if (scalar.kind == Scalar::Add && scalar.bits == 32)
      for (int side : {0, 1}) {
        const Scalar inner = nest.scalars[scalar.args[side]];
        const int outer = scalar.args[1 - side];
        if (inner.kind == Scalar::Add && inner.bits == 32 && isConstant(outer) && isConstant(inner.args[1]))
          made = nest.add({Scalar::Add, 32, -1, 0, {inner.args[0], sumOf(inner.args[1], outer)}});
      }
    return rewritten[id] = made;
  }

  bool isConstant(int id) const {
    const Scalar &scalar = nest.scalars[id];
    return scalar.kind == Scalar::Number || (scalar.kind == Scalar::Operand && nest.operands[scalar.operand].constant &&
                                             nest.operands[scalar.operand].elem != isa::Elem::F32);
  }

  int sumOf(int a, int b) {
    if (nest.scalars[a].kind == Scalar::Number)
      std::swap(a, b);
    if (nest.scalars[a].kind == Scalar::Number)
      return nest.number(int32_t(uint32_t(nest.scalars[a].number) + uint32_t(nest.scalars[b].number)));
    Operand sum = operandOf(a);
    std::vector<int32_t> values = valuesOf<int32_t>(sum);
    if (nest.scalars[b].kind == Scalar::Number) {
      for (int32_t &value : values)
        value = int32_t(uint32_t(value) + uint32_t(nest.scalars[b].number));
    } else {
      const Operand &other = operandOf(b);
      if (other.shape != sum.shape || other.index != sum.index)
        return refuse("layout", "it adds constants that are indexed differently"), a;
      std::vector<int32_t> more = valuesOf<int32_t>(other);
      for (size_t i = 0; i != values.size(); ++i)
        values[i] = int32_t(uint32_t(values[i]) + uint32_t(more[i]));
      sum.name = other.name;
    }
    sum.constant = bytesOf(values);
    nest.operands.push_back(std::move(sum));
    return nest.add({Scalar::Operand, 32, int(nest.operands.size()) - 1});
  }

  //===- Names
  //-----------------------------------------------------------------------------------------------------------===//

  /// What stands for each parameter of a form: a value of the DAG, or a number that makes an absent stage do nothing.
  struct Match {
    std::vector<std::optional<int>> scalar;
    std::vector<int64_t> number;
  };

  Arg cover(int id) {
    if (auto known = covered.find(id); known != covered.end())
      return known->second;
    const Scalar scalar = nest.scalars[id];
    switch (scalar.kind) {
    case Scalar::Operand:
      return {Arg::Operand, scalar.operand};
    case Scalar::Running:
      return {Arg::Running};
    case Scalar::Reduced:
      return {Arg::Slot, int(block.body.size()) - 1};
    case Scalar::Number:
      return {Arg::Constant, 0, scalar.number};
    case Scalar::Count:
      return {Arg::Count};
    case Scalar::Add:
    case Scalar::Sub:
    case Scalar::Mul:
    case Scalar::Max:
    case Scalar::Min:
    case Scalar::Requantize:
    case Scalar::Rescale:
    case Scalar::Lut:
      break; // covered by a primitive's form, below
    }
    for (const PrimitiveForm &form : primitiveForms()) {
      Match match{std::vector<std::optional<int>>(size_t(form.arity)), std::vector<int64_t>(size_t(form.arity), 0)};
      if (!matches(form.form, id, match) || std::ranges::find(match.scalar, std::optional(id)) != match.scalar.end())
        continue;
      Node node{std::string(form.name), {}};
      std::vector<ParamKind> kinds(size_t(form.arity), ParamKind::Number);
      kindsOf(form.form, kinds);
      for (int p = 0; p != form.arity && !rejection; ++p) {
        if (kinds[p] == ParamKind::Count)
          node.args.push_back({Arg::Count});
        else if (kinds[p] == ParamKind::PerCount)
          node.args.push_back({Arg::Operand, countTable(*match.scalar[p])});
        else
          node.args.push_back(match.scalar[p] ? cover(*match.scalar[p]) : Arg{Arg::Constant, 0, match.number[p]});
      }
      nodes->push_back(std::move(node));
      return covered[id] = {Arg::Slot, int(block.body.size() + block.finish.size()) - 1};
    }
    refuse("body", "no instruction has its arithmetic");
    return {};
  }

  static void kindsOf(const Pattern &pattern, std::vector<ParamKind> &kinds) {
    if (pattern.isParam)
      kinds[size_t(pattern.param)] = pattern.paramKind;
    for (const Pattern &arg : pattern.args)
      kindsOf(arg, kinds);
  }

  bool accepts(ParamKind kind, int id) const {
    const Scalar &scalar = nest.scalars[id];
    switch (kind) {
    case ParamKind::Byte:
      return scalar.bits == 8 && scalar.kind != Scalar::Number;
    case ParamKind::Word:
      return scalar.bits == 32 && scalar.kind != Scalar::Number;
    case ParamKind::Number:
      return scalar.kind == Scalar::Number;
    case ParamKind::Constant:
    case ParamKind::PerCount:
      return scalar.kind == Scalar::Number ||
             (scalar.kind == Scalar::Operand && nest.operands[scalar.operand].constant);
    case ParamKind::Count:
      return scalar.kind == Scalar::Count;
    }
    return false;
  }

  bool matches(const Pattern &pattern, int id, Match &match) const {
    if (pattern.isParam) {
      if (!accepts(pattern.paramKind, id))
        return false;
      match.scalar[size_t(pattern.param)] = id;
      return true;
    }
    const Scalar &scalar = nest.scalars[id];
    if (scalar.kind == pattern.kind && (pattern.bits == 0 || scalar.bits == pattern.bits)) {
      const bool canSwap = scalar.kind != Scalar::Sub && scalar.args.size() == 2 && scalar.kind != Scalar::Lut;
      for (bool swap : {false, true}) {
        Match attempt = match;
        bool isEqual = !swap || canSwap;
        for (size_t i = 0; isEqual && i != pattern.args.size(); ++i)
          isEqual = matches(pattern.args[i], scalar.args[swap ? 1 - i : i], attempt);
        if (isEqual) {
          match = std::move(attempt);
          return true;
        }
      }
    }
    // A stage that is absent, and would do nothing with the right number.
    static constexpr std::pair<Scalar::Kind, int64_t> kNeutral[] = {
        {Scalar::Add, 0}, {Scalar::Sub, 0}, {Scalar::Mul, 1}, {Scalar::Max, -128}, {Scalar::Min, 127}};
    auto neutral = std::ranges::find(kNeutral, pattern.kind, &std::pair<Scalar::Kind, int64_t>::first);
    if (neutral == std::end(kNeutral) || !pattern.args[1].isParam ||
        (pattern.args[1].paramKind != ParamKind::Number && pattern.args[1].paramKind != ParamKind::Constant))
      return false;
    match.number[size_t(pattern.args[1].param)] = neutral->second;
    return matches(pattern.args[0], id, match);
  }

  // A constant per output point as a table by the number of elements that the window has there.
  int countTable(int id) {
    int64_t size = 1;
    for (const Loop &loop : nest.loops)
      if (loop.isReduction)
        size *= loop.extent;
    Operand table{"multipliers", isa::Elem::I32, false, -1, {size}, {Index{}}};
    std::vector<int32_t> entries(size_t(size), 0);
    const Scalar &scalar = nest.scalars[id];
    if (scalar.kind == Scalar::Number) {
      entries.assign(size_t(size), int32_t(scalar.number));
    } else {
      std::map<int64_t, int32_t> known;
      const Operand &constant = nest.operands[scalar.operand];
      std::vector<int32_t> values = valuesOf<int32_t>(constant);
      forEach(constant.shape, [&](int64_t flat, const std::vector<int64_t> &at) {
        std::map<int, int64_t> point;
        for (size_t d = 0; d != at.size(); ++d)
          point[bareLoop(constant.index[d])] = at[d];
        int64_t count = countAt(point);
        if (count > 0 && known.try_emplace(count, values[size_t(flat)]).first->second != values[size_t(flat)])
          refuse("parameter", "two windows of " + std::to_string(count) + " elements have different multipliers");
      });
      if (!known.empty())
        entries.assign(size_t(size), known.begin()->second);
      for (auto [count, value] : known)
        entries[size_t(count) - 1] = value;
    }
    table.constant = bytesOf(entries);
    nest.operands.push_back(std::move(table));
    return int(nest.operands.size()) - 1;
  }

  // Elements of the reduction inside the tensor that it reads, at this point of the other loops (0 where not given).
  int64_t countAt(const std::map<int, int64_t> &point) const {
    int64_t count = 1;
    for (const Operand &operand : nest.operands) {
      if (operand.constant || operand.isWritten || operand.outside != Outside::Skip)
        continue;
      for (size_t d = 0; d != operand.shape.size(); ++d) {
        int64_t base = operand.index[d].constant, inside = 0;
        const Term *window = nullptr;
        for (const Term &term : operand.index[d].terms) {
          if (nest.loops[term.loop].isReduction)
            window = &term;
          else if (auto known = point.find(term.loop); known != point.end())
            base += known->second * term.factor;
        }
        if (!window)
          continue;
        for (int64_t step = 0; step != nest.loops[window->loop].extent; ++step)
          inside += base + step * window->factor >= 0 && base + step * window->factor < operand.shape[d];
        count *= inside;
      }
    }
    return count;
  }

  //===- Operands
  //--------------------------------------------------------------------------------------------------------===//

  // Those that the nodes name, in their order, the written one last.
  void takeOperands() {
    std::vector<int> renamed(nest.operands.size(), -1);
    auto visit = [&](const auto &use) {
      for (std::vector<Node> *list : {&block.body, &block.finish})
        for (Node &node : *list)
          for (Arg &arg : node.args)
            if (arg.kind == Arg::Operand)
              use(arg.index);
    };
    visit([&](int &index) { renamed[index] = 0; });
    for (size_t pass : {0, 1})
      for (size_t o = 0; o != nest.operands.size(); ++o)
        if (nest.operands[o].isWritten == (pass == 1) && (renamed[o] == 0 || pass == 1)) {
          renamed[o] = int(block.operands.size());
          block.operands.push_back(std::move(nest.operands[o]));
        }
    visit([&](int &index) { index = renamed[index]; });
    for (Operand &operand : block.operands)
      for (size_t d = operand.shape.size(); operand.constant && d-- > 0;)
        if (operand.shape[d] == 1 && operand.index[d].terms.empty() && operand.index[d].constant == 0) {
          operand.shape.erase(operand.shape.begin() + ptrdiff_t(d));
          operand.index.erase(operand.index.begin() + ptrdiff_t(d));
        }
  }

  Nest nest;
  Block block;
  std::vector<Node> *nodes = nullptr;
  std::map<int, int> rewritten;
  std::map<int, Arg> covered;
  std::optional<Rejection> rejection;
};

} // namespace

std::variant<Block, Rejection> normalise(Nest nest) { return Normaliser(std::move(nest)).run(); }

} // namespace tw::tensorize
