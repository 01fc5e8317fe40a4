// SPDX-License-Identifier: Apache-2.0
// LSTM, GRU, RNN v22 and com.microsoft's DynamicQuantizeLSTM: unrolled, for the shapes are known. What does not depend
// on the state is one product for all steps; every step is the same operators on other values, so that all of them
// become one function.
#include "Compose.h"
#include "NamedFunctions.h"
#include "Quantised.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// Of all directions: more would take longer to compile than anybody waits.
constexpr int64_t kMostSteps = 4096;

struct State {
  Value hidden, cell;
};

// One of the layer's directions, its parameters taken out of theirs.
struct Direction {
  // [input, gates * hidden], [hidden, gates * hidden]; a scale where they are integers.
  QuantisedFactor weights, recurrence;
  Value bias, stateBias; // [gates * hidden]; null without
  Value peepholes;       // [3 * hidden]; null without
  State initial;
  llvm::SmallVector<Activation> activations;
  bool isReverse = false;
};

class Layer {
public:
  Layer(Node &node, int64_t gates, llvm::ArrayRef<llvm::StringRef> activations, bool isQuantised = false)
      : node(node), compose(node), gates(gates), names(activations), isQuantised(isQuantised) {}
  virtual ~Layer() = default;

  LogicalResult build() {
    if (failed(readInputs()) || failed(readDirections()))
      return failure();
    SmallVector<Value> outputs, lastHidden, lastCell;
    for (const Direction &direction : directions) {
      auto [sequence, last] = unroll(direction);
      outputs.push_back(compose.unsqueeze(sequence, 1));
      lastHidden.push_back(compose.unsqueeze(last.hidden, 0));
      if (hasCell())
        lastCell.push_back(compose.unsqueeze(last.cell, 0));
    }
    // [steps, directions, batch, hidden], and without steps
    Value all = compose.concat(outputs, 1), hiddenState = compose.concat(lastHidden, 0);
    if (!all || !hiddenState)
      return failure();
    node.setResult(0, isBatchFirst ? compose.transpose(all, {2, 0, 1, 3}) : all);
    node.setResult(1, batchOrder(hiddenState));
    if (hasCell())
      node.setResult(2, batchOrder(compose.concat(lastCell, 0)));
    return success();
  }

protected:
  // The next state; `projected` is the input's part of all gates [batch, gates * hidden].
  virtual State step(const Direction &direction, Value projected, const State &state) = 0;
  virtual bool hasCell() const { return false; }
  // Are both biases added before anything else is done with a product?
  virtual bool addsBiasesAtOnce() const { return true; }

  // The first factor is quantised by its values, if the weights are.
  Value product(Value value, const QuantisedFactor &weights) {
    if (!weights.scale)
      return compose.matmul(value, weights.integers);
    auto result = dynamicProduct(node, value, weights);
    return succeeded(result) ? *result : Value();
  }
  Value gate(Value all, int64_t index) { return compose.slice(all, shapeOf(all).size() - 1, index * hidden, hidden); }
  Value activate(const Direction &direction, size_t index, Value value) {
    return direction.activations[index](compose, clipped(value));
  }
  Value clipped(Value value) {
    if (clip <= 0 || !value)
      return value;
    return node.builder.create<ClipOp>(node.location, value.getType(), value, llvm::APFloat(-clip),
                                       llvm::APFloat(clip));
  }

  Node &node;
  Compose compose;
  const int64_t gates;
  int64_t steps = 0, batch = 0, inputs = 0, hidden = 0;

private:
  bool hasInput(size_t index) const { return node.hasInput(index); }

  // An input of a known shape in float32.
  FailureOr<Value> realInput(size_t index, llvm::StringRef what, Dims shape) {
    Value value = node.input(index);
    if (!value)
      return failure();
    if (shapeOf(value) != shape || elementTypeOf(value.getType()) != ElementType::F32)
      return node.fail(what + " is " + llvm::StringRef(elementTypeName(elementTypeOf(value.getType()))) + " " +
                       shapeText(shapeOf(value)) + ", expected float32 " + shapeText(shape));
    return value;
  }

  // Of all directions; integers stand turned, with scales and zero points of directions or of their columns.
  FailureOr<QuantisedFactor> weightInput(size_t index, llvm::StringRef what, int64_t count, int64_t rows) {
    if (!isQuantised) {
      auto value = realInput(index, what, {count, gates * hidden, rows});
      if (failed(value))
        return failure();
      return QuantisedFactor{*value, {}, {}};
    }
    const size_t scale = index == 1 ? 8 : 10;
    QuantisedFactor factor{node.input(index), node.hasInput(scale + 1) ? node.input(scale + 1) : Value(),
                           node.input(scale)};
    if (!factor.integers || !factor.scale)
      return failure();
    if (shapeOf(factor.integers) != Dims{count, rows, gates * hidden})
      return node.fail(what + " is " + shapeText(shapeOf(factor.integers)) + ", expected " +
                       shapeText({count, rows, gates * hidden}));
    for (Value numbers : {factor.scale, factor.zero})
      if (numbers && shapeOf(numbers) != Dims{count} && shapeOf(numbers) != Dims{count, gates * hidden})
        return node.fail("scale or zero point of " + what + " is " + shapeText(shapeOf(numbers)) + ", expected " +
                         llvm::Twine(count) + " or " + shapeText({count, gates * hidden}));
    return factor;
  }

  LogicalResult readInputs() {
    const int64_t layout = node.integer("layout", 0);
    if (layout != 0 && layout != 1)
      return node.fail("layout is " + llvm::Twine(layout) + ", expected 0 or 1");
    isBatchFirst = layout == 1;
    direction = node.text("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
      return node.fail("direction '" + direction + "' is not forward, reverse or bidirectional");
    clip = node.real("clip", 0);
    Value x = node.input(0), recurrence = node.input(2);
    if (!x || !recurrence)
      return failure();
    if (shapeOf(x).size() != 3 || shapeOf(recurrence).size() != 3)
      return node.fail("X is " + shapeText(shapeOf(x)) + " and R " + shapeText(shapeOf(recurrence)) +
                       ", expected three dimensions each");
    steps = shapeOf(x)[isBatchFirst ? 1 : 0];
    batch = shapeOf(x)[isBatchFirst ? 0 : 1];
    inputs = shapeOf(x)[2];
    hidden = shapeOf(recurrence)[isQuantised ? 1 : 2];
    if (const int64_t size = node.integer("hidden_size", hidden); size != hidden)
      return node.fail("hidden_size is " + llvm::Twine(size) + ", R is " + shapeText(shapeOf(recurrence)));
    const int64_t total = steps * (direction == "bidirectional" ? 2 : 1);
    if (total > kMostSteps)
      return node.fail("has " + llvm::Twine(total) + " steps, at most " + llvm::Twine(kMostSteps) +
                       " are supported; give it a shorter sequence");
    if (std::min({steps, batch, inputs, hidden}) < 1)
      return node.fail("X is " + shapeText(shapeOf(x)) + " and R " + shapeText(shapeOf(recurrence)) +
                       ", which has no element to compute with");
    auto checked = realInput(0, "X", shapeOf(x));
    if (failed(checked))
      return failure();
    sequence = isBatchFirst ? compose.transpose(x, {1, 0, 2}) : x;
    return readLengths();
  }

  // Which steps of which sequence are inside it: [steps, batch, 1], or null where all are.
  LogicalResult readLengths() {
    if (!hasInput(4))
      return success();
    Value lengths = node.input(4);
    if (!lengths)
      return failure();
    if (shapeOf(lengths) != Dims{batch} || elementTypeOf(lengths.getType()) != ElementType::I32)
      return node.fail("sequence_lens is " + llvm::StringRef(elementTypeName(elementTypeOf(lengths.getType()))) + " " +
                       shapeText(shapeOf(lengths)) + ", expected int32 " + llvm::Twine(batch));
    if (auto known = node.constantInput(4)) {
      const auto values = known->values<int32_t>();
      if (llvm::all_of(values, [&](int32_t length) { return length == steps; }))
        return success();
      for (int32_t length : values)
        if (length < 0 || length > steps)
          return node.fail("sequence_lens holds " + llvm::Twine(length) + ", X has " + llvm::Twine(steps) + " steps");
    }
    Tensor places(ElementType::I32, {steps, 1, 1});
    for (int64_t t = 0; t < steps; ++t)
      places.data<int32_t>()[t] = static_cast<int32_t>(t);
    isInside =
        compose.compare(CompareKind::Less, node.constant("steps", places), compose.reshape(lengths, {1, batch, 1}));
    return success();
  }

  LogicalResult readDirections() {
    const bool isBoth = direction == "bidirectional";
    const int64_t count = isBoth ? 2 : 1;
    auto weights = weightInput(1, "W", count, inputs), recurrence = weightInput(2, "R", count, hidden);
    auto optional = [&](size_t index, llvm::StringRef what, Dims shape) -> FailureOr<Value> {
      return hasInput(index) ? realInput(index, what, shape) : FailureOr<Value>(Value());
    };
    const Shape stateShape = isBatchFirst ? Shape{batch, count, hidden} : Shape{count, batch, hidden};
    auto bias = optional(3, "B", {count, 2 * gates * hidden});
    auto first = optional(5, "initial_h", stateShape);
    auto cell = hasCell() ? optional(6, "initial_c", stateShape) : FailureOr<Value>(Value());
    auto peepholes = hasCell() ? optional(7, "P", {count, 3 * hidden}) : FailureOr<Value>(Value());
    auto activations = readActivations(node, names, count);
    if (failed(weights) || failed(recurrence) || failed(bias) || failed(first) || failed(cell) || failed(peepholes) ||
        failed(activations))
      return failure();
    for (int64_t d = 0; d < count; ++d) {
      auto own = [&](Value value) { return compose.squeeze(compose.slice(value, 0, d, 1), 0); };
      auto state = [&](Value value) {
        if (!value)
          return compose.zeros(ElementType::F32, {batch, hidden});
        return own(isBatchFirst ? compose.transpose(value, {1, 0, 2}) : value);
      };
      Direction next;
      auto factor = [&](const QuantisedFactor &all) -> QuantisedFactor {
        if (!isQuantised)
          return {compose.transpose(own(all.integers), {1, 0}), {}, {}};
        return {own(all.integers), all.zero ? own(all.zero) : Value(), own(all.scale)};
      };
      next.weights = factor(*weights);
      next.recurrence = factor(*recurrence);
      if (*bias) {
        next.bias = compose.slice(own(*bias), 0, 0, gates * hidden);
        next.stateBias = compose.slice(own(*bias), 0, gates * hidden, gates * hidden);
      }
      next.peepholes = *peepholes ? own(*peepholes) : Value();
      next.initial.hidden = state(*first);
      next.initial.cell = hasCell() ? state(*cell) : Value();
      next.activations.assign(activations->begin() + d * names.size(), activations->begin() + (d + 1) * names.size());
      next.isReverse = direction == "reverse" || d == 1;
      directions.push_back(std::move(next));
    }
    return success();
  }

  // All hidden states [steps, batch, hidden] and the last state. Behind its end a sequence keeps its state and gives 0.
  std::pair<Value, State> unroll(const Direction &direction) {
    Value projected = compose.reshape(product(compose.reshape(sequence, {steps * batch, inputs}), direction.weights),
                                      {steps, batch, gates * hidden});
    if (direction.bias)
      projected = compose.add(projected,
                              addsBiasesAtOnce() ? compose.add(direction.bias, direction.stateBias) : direction.bias);
    State state = direction.initial;
    SmallVector<Value> outputs(steps);
    for (int64_t i = 0; i < steps; ++i) {
      const int64_t t = direction.isReverse ? steps - 1 - i : i;
      Value place = node.constant("step", Tensor::of<int64_t>({}, {t}));
      const State next = step(direction, compose.gather(projected, place, 0), state);
      if (!isInside) {
        state = next;
        outputs[t] = compose.unsqueeze(state.hidden, 0);
        continue;
      }
      Value isNext = compose.gather(isInside, place, 0);
      state.hidden = compose.where(isNext, next.hidden, state.hidden);
      if (hasCell())
        state.cell = compose.where(isNext, next.cell, state.cell);
      outputs[t] = compose.unsqueeze(compose.where(isNext, next.hidden, compose.number(ElementType::F32, 0)), 0);
    }
    return {compose.concat(outputs, 0), state};
  }

  Value batchOrder(Value value) { return isBatchFirst ? compose.transpose(value, {1, 0, 2}) : value; }

  llvm::ArrayRef<llvm::StringRef> names; // the activations of one direction, by default
  const bool isQuantised;
  std::string direction;
  bool isBatchFirst = false;
  float clip = 0;
  Value sequence; // [steps, batch, inputs]
  Value isInside;
  llvm::SmallVector<Direction> directions;
};

// Gates: input, output, forget, cell.
class Lstm : public Layer {
public:
  explicit Lstm(Node &node, bool isQuantised = false)
      : Layer(node, 4, kActivations, isQuantised), couples(node.integer("input_forget", 0) != 0) {}

private:
  static constexpr llvm::StringRef kActivations[] = {"Sigmoid", "Tanh", "Tanh"};

  bool hasCell() const override { return true; }
  State step(const Direction &direction, Value projected, const State &state) override {
    Value all = compose.add(projected, product(state.hidden, direction.recurrence));
    auto withPeephole = [&](Value value, int64_t index, Value cell) {
      return direction.peepholes ? compose.add(value, compose.mul(gate(direction.peepholes, index), cell)) : value;
    };
    Value input = activate(direction, 0, withPeephole(gate(all, 0), 0, state.cell));
    Value forget = couples ? compose.sub(1, input) : activate(direction, 0, withPeephole(gate(all, 2), 2, state.cell));
    Value candidate = activate(direction, 1, gate(all, 3));
    Value cell = compose.add(compose.mul(forget, state.cell), compose.mul(input, candidate));
    Value output = activate(direction, 0, withPeephole(gate(all, 1), 1, cell));
    // As ONNX Runtime has it, the clip bounds the gates and not the cell.
    return {compose.mul(output, direction.activations[2](compose, cell)), cell};
  }

  bool couples;
};

// Gates: update, reset, hidden.
class Gru : public Layer {
public:
  explicit Gru(Node &node) : Layer(node, 3, kActivations), resetsLast(node.integer("linear_before_reset", 0) != 0) {}

private:
  static constexpr llvm::StringRef kActivations[] = {"Sigmoid", "Tanh"};

  bool addsBiasesAtOnce() const override { return !resetsLast; }
  State step(const Direction &direction, Value projected, const State &state) override {
    auto columns = [&](Value value, int64_t first, int64_t count) {
      return compose.slice(value, shapeOf(value).size() - 1, first * hidden, count * hidden);
    };
    Value recurrence = direction.recurrence.integers;
    Value fromState = compose.matmul(state.hidden, resetsLast ? recurrence : columns(recurrence, 0, 2));
    if (resetsLast && direction.stateBias)
      fromState = compose.add(fromState, direction.stateBias);
    Value gatesSum = compose.add(columns(projected, 0, 2), columns(fromState, 0, 2));
    Value update = activate(direction, 0, gate(gatesSum, 0)), reset = activate(direction, 0, gate(gatesSum, 1));
    Value inner = resetsLast ? compose.mul(reset, gate(fromState, 2))
                             : compose.matmul(compose.mul(reset, state.hidden), columns(recurrence, 2, 1));
    Value candidate = activate(direction, 1, compose.add(gate(projected, 2), inner));
    return {compose.add(compose.mul(compose.sub(1, update), candidate), compose.mul(update, state.hidden)), Value()};
  }

  bool resetsLast;
};

class Rnn : public Layer {
public:
  explicit Rnn(Node &node) : Layer(node, 1, kActivations) {}

private:
  static constexpr llvm::StringRef kActivations[] = {"Tanh"};

  State step(const Direction &direction, Value projected, const State &state) override {
    Value sum = compose.add(projected, product(state.hidden, direction.recurrence));
    return {activate(direction, 0, sum), Value()};
  }
};

} // namespace

LogicalResult buildLstm(Node &node) { return Lstm(node).build(); }
LogicalResult buildDynamicQuantizeLstm(Node &node) { return Lstm(node, true).build(); }
LogicalResult buildGru(Node &node) { return Gru(node).build(); }
LogicalResult buildRnn(Node &node) { return Rnn(node).build(); }

} // namespace tw::ir::onnx
