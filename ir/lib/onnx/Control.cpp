// SPDX-License-Identifier: Apache-2.0
// Operators that hold graphs: If v25, Loop v25, Scan v25. There is no control flow in a compiled graph: a branch is
// chosen or both are computed, a loop is unrolled. Where its condition is computed at run time all iterations that its
// trip count allows are computed, and what it hands on is chosen after each.
#include "Node.h"

#include <limits>
#include <optional>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

FailureOr<bool> asBool(Node &node, const Tensor &tensor, llvm::StringRef what) {
  if (tensor.type != ElementType::Bool || tensor.size() != 1)
    return node.fail(what + " must be one bool, it is " + llvm::StringRef(elementTypeName(tensor.type)) + " " +
                     shapeText(tensor.shape));
  return tensor.integerAt(0) != 0;
}

Value reshapeTo(Node &node, Value value, Dims shape) {
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(value.getType()).getElementType());
  return node.builder.create<ReshapeOp>(node.location, type, value);
}

std::string typeText(Value value) {
  return std::string(elementTypeName(elementTypeOf(value.getType()))) + " " + shapeText(shapeOf(value));
}

// A condition of the run's as a scalar.
FailureOr<Value> asScalar(Node &node, Value condition) {
  if (elementTypeOf(condition.getType()) != ElementType::Bool || elementCount(shapeOf(condition)) != 1)
    return node.fail("its condition must be one bool, it is " + typeText(condition));
  return reshapeTo(node, condition, {});
}

// The types are the same.
Value choose(Node &node, Value condition, Value then, Value otherwise) {
  Value chosen = node.builder.create<WhereOp>(node.location, then.getType(), condition, then, otherwise);
  node.keepHeldType(then, chosen);
  return chosen;
}

// Both branches are computed, and each result is chosen by the condition.
LogicalResult chooseBranch(Node &node, Value condition) {
  auto scalar = asScalar(node, condition);
  if (failed(scalar))
    return failure();
  auto then = node.inlineGraph("then_branch", {}, "then"), otherwise = node.inlineGraph("else_branch", {}, "else");
  if (failed(then) || failed(otherwise))
    return failure();
  if (then->size() != otherwise->size())
    return node.fail("its branches give " + llvm::Twine(then->size()) + " and " + llvm::Twine(otherwise->size()) +
                     " values");
  for (size_t i = 0; i < then->size(); ++i) {
    const Value a = (*then)[i], b = (*otherwise)[i];
    if (a.getType() != b.getType())
      return node.fail("its condition is computed at run time, and result " + llvm::Twine(i) + " is " + typeText(a) +
                       " in one branch and " + typeText(b) +
                       " in the other: its type must be known when the model is compiled");
    node.setResult(i, choose(node, *scalar, a, b));
  }
  return success();
}

// One value from each iteration, along a new axis.
FailureOr<Value> stacked(Node &node, llvm::ArrayRef<Value> values, int64_t axis) {
  llvm::SmallVector<Value> parts;
  llvm::SmallVector<Shape> shapes;
  auto resolved = node.axis(axis, static_cast<int64_t>(shapeOf(values.front()).size()) + 1);
  if (failed(resolved))
    return failure();
  for (Value value : values) {
    if (value.getType() != values.front().getType())
      return node.fail("a value that it collects is " + shapeText(shapeOf(values.front())) +
                       " in the first iteration and " + shapeText(shapeOf(value)) + " in another");
    Shape shape(shapeOf(value));
    shape.insert(shape.begin() + *resolved, 1);
    parts.push_back(reshapeTo(node, value, shape));
    shapes.push_back(shape);
  }
  auto type = node.resultType(parts.front(), concatShape(shapes, *resolved));
  if (failed(type))
    return failure();
  Value result = node.builder.create<ConcatOp>(node.location, *type, parts, *resolved);
  node.keepHeldType(values.front(), result);
  return result;
}

// Of no iteration there is nothing to collect: no value, of the type of `one`.
FailureOr<Value> noneOf(Node &node, Value one, int64_t axis) {
  Shape shape(shapeOf(one));
  auto resolved = node.axis(axis, static_cast<int64_t>(shape.size()) + 1);
  if (failed(resolved))
    return failure();
  shape.insert(shape.begin() + *resolved, 0);
  Value none = node.constant("none", Tensor(elementTypeOf(one.getType()), shape));
  node.keepHeldType(one, none);
  return none;
}

// What iterations hand on and collect.
struct Carried {
  llvm::SmallVector<Value> states;
  std::vector<llvm::SmallVector<Value>> collected; // by output, then by iteration
  llvm::SmallVector<Value> unrun;                  // by output, of an iteration that does not run: there was none
};

// Where outputs are collected in no iteration the body is built once all the same: it says what they would be.
LogicalResult runOnceForTypes(Node &node, Carried &carried, llvm::ArrayRef<Value> inputs, size_t first) {
  if (carried.collected.empty() || !carried.collected.front().empty())
    return success();
  auto results = node.inlineGraph("body", inputs, "none");
  if (failed(results))
    return failure();
  carried.unrun.assign(results->begin() + first, results->end());
  return success();
}

// The last states, then what was collected, as one tensor each.
FailureOr<llvm::SmallVector<Value>> finish(Node &node, const Carried &carried, llvm::ArrayRef<int64_t> axes) {
  llvm::SmallVector<Value> results(carried.states);
  for (auto [i, values] : llvm::enumerate(carried.collected)) {
    const size_t output = carried.states.size() + i;
    results.emplace_back();
    if (!node.isOutputRead(output))
      continue;
    const int64_t axis = axes.empty() ? 0 : axes[i];
    auto stack = values.empty() ? noneOf(node, carried.unrun[i], axis) : stacked(node, values, axis);
    if (failed(stack))
      return failure();
    results.back() = *stack;
  }
  return results;
}

void setResults(Node &node, llvm::ArrayRef<Value> results) {
  for (auto [i, value] : llvm::enumerate(results))
    if (value)
      node.setResult(i, value);
}

// Whether a loop's next iteration counts: known, or a bool of the run's, which stays false once it is.
struct GoesOn {
  bool isKnown = true; // what is known of it: true, or the loop has ended
  Value decided{};     // null: nothing but that
};

// After what a condition says.
LogicalResult decide(Node &node, Value condition, GoesOn &state) {
  if (auto tensor = node.valueOf(condition)) {
    auto value = asBool(node, *tensor, "its condition");
    if (failed(value))
      return failure();
    state.isKnown &= *value;
    return success();
  }
  auto scalar = asScalar(node, condition);
  if (failed(scalar))
    return failure();
  state.decided = state.decided ? choose(node, state.decided, *scalar, state.decided) : *scalar;
  return success();
}

// Values that an iteration hands on count only if it does.
LogicalResult handOn(Node &node, const GoesOn &state, llvm::ArrayRef<Value> results, llvm::SmallVector<Value> &states) {
  for (auto [i, value] : llvm::enumerate(results)) {
    if (state.decided && value.getType() != states[i].getType())
      return node.fail("its condition is computed at run time, and value " + llvm::Twine(i) + " that it hands on is " +
                       typeText(states[i]) + " before an iteration and " + typeText(value) +
                       " after it: its type must be known when the model is compiled");
    states[i] = state.decided ? choose(node, state.decided, value, states[i]) : value;
  }
  return success();
}

// The first output that is read and has a slice for each iteration.
std::optional<size_t> collectedOutput(Node &node, size_t states, size_t collected) {
  for (size_t i = states; i != states + collected; ++i)
    if (node.isOutputRead(i))
      return i;
  return std::nullopt;
}

// An end that the run decides needs one that is known, and no list of unknown length.
LogicalResult checkDecided(Node &node, int64_t trips, size_t states, size_t collected) {
  if (trips == std::numeric_limits<int64_t>::max())
    return node.fail("its condition is computed at run time, and no trip count ends it: give it one (input 0), all of "
                     "which is computed");
  if (const auto output = collectedOutput(node, states, collected))
    return node.fail("its condition is computed at run time, and output " + llvm::Twine(*output) +
                     " has a slice for each iteration: how many they are must be known when the model is compiled");
  return success();
}

FailureOr<int64_t> tripCount(Node &node) {
  if (!node.hasInput(0))
    return std::numeric_limits<int64_t>::max(); // the number of nodes ends it
  auto tensor = node.requiredConstant(0, "the trip count");
  if (failed(tensor))
    return failure();
  if (tensor->size() != 1)
    return node.fail("the trip count must be one number, it is " + shapeText(tensor->shape));
  return tensor->integerAt(0);
}

FailureOr<Shape> perValue(Node &node, llvm::StringRef attribute, size_t count) {
  Shape values = node.integers(attribute).value_or(Shape(count, 0));
  if (values.size() != count)
    return node.fail(attribute + " needs " + llvm::Twine(count) + " entries, it has " + llvm::Twine(values.size()));
  return values;
}

// Slice `index` of an axis, without the axis.
Value sliceOf(Node &node, Value value, int64_t axis, int64_t index) {
  Shape shape(shapeOf(value)), starts(shape.size(), 0), steps(shape.size(), 1);
  shape[axis] = 1;
  starts[axis] = index;
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(value.getType()).getElementType());
  Value slice = node.fold(node.builder.create<SliceOp>(node.location, type, value, starts, steps));
  shape.erase(shape.begin() + axis);
  Value result = node.fold(reshapeTo(node, slice, shape));
  node.keepHeldType(value, result);
  return result;
}

// An iteration's slice of a sequence that has none.
Value sliceOfNone(Node &node, Value value, int64_t axis) {
  Shape shape(shapeOf(value));
  shape.erase(shape.begin() + axis);
  Value none = node.constant("none", Tensor(elementTypeOf(value.getType()), shape));
  node.keepHeldType(value, none);
  return none;
}

// A Scan with its attributes: states, then sequences that it goes along.
struct Scan {
  llvm::SmallVector<Value> states, sequences;
  Shape axes, directions, outputAxes, outputDirections;
};

FailureOr<Scan> readScan(Node &node) {
  const bool isOld = node.version < 9; // with a batch in front, and the lengths of its sequences as first input
  if (isOld && node.hasInput(0))
    return node.fail("sequence_lens is not supported");
  auto size = node.graphSize("body");
  if (failed(size))
    return failure();
  const int64_t first = isOld, inputs = static_cast<int64_t>(node.inputCount()) - first;
  const int64_t scanned = node.integer("num_scan_inputs", 0);
  if (scanned < 1 || scanned > inputs || static_cast<int64_t>(size->inputs) != inputs ||
      static_cast<int64_t>(size->outputs) < inputs - scanned)
    return node.fail("has " + llvm::Twine(inputs) + " inputs and num_scan_inputs " + llvm::Twine(scanned) +
                     ", its body takes " + llvm::Twine(size->inputs) + " and gives " + llvm::Twine(size->outputs) +
                     " values");
  const int64_t states = inputs - scanned, outputs = static_cast<int64_t>(size->outputs) - states;
  auto axes = perValue(node, "scan_input_axes", scanned);
  auto directions = perValue(node, isOld ? "directions" : "scan_input_directions", scanned);
  auto outputAxes = perValue(node, "scan_output_axes", outputs);
  auto outputDirections = perValue(node, "scan_output_directions", outputs);
  if (failed(axes) || failed(directions) || failed(outputAxes) || failed(outputDirections))
    return failure();
  Scan scan{{}, {}, *axes, *directions, *outputAxes, *outputDirections};
  for (int64_t i = 0; i < inputs; ++i) {
    Value value = node.input(first + i);
    if (!value)
      return failure();
    (i < states ? scan.states : scan.sequences).push_back(value);
  }
  return scan;
}

// The slices that each of its sequences has.
FailureOr<int64_t> scanLength(Node &node, Scan &scan) {
  int64_t length = -1;
  for (auto [sequence, axis] : llvm::zip(scan.sequences, scan.axes)) {
    auto resolved = node.axis(axis, shapeOf(sequence).size());
    if (failed(resolved))
      return failure();
    axis = *resolved;
    const int64_t own = shapeOf(sequence)[axis];
    if (length >= 0 && own != length)
      return node.fail("its scan inputs have " + llvm::Twine(length) + " and " + llvm::Twine(own) + " slices");
    length = own;
  }
  return length;
}

FailureOr<llvm::SmallVector<Value>> runScan(Node &node, Scan scan, const llvm::Twine &label) {
  auto length = scanLength(node, scan);
  if (failed(length))
    return failure();
  Carried carried{scan.states, std::vector<llvm::SmallVector<Value>>(scan.outputAxes.size()), {}};
  for (int64_t trip = 0; trip < *length; ++trip) {
    llvm::SmallVector<Value> given = carried.states;
    for (auto [i, sequence] : llvm::enumerate(scan.sequences))
      given.push_back(sliceOf(node, sequence, scan.axes[i], scan.directions[i] ? *length - 1 - trip : trip));
    auto results = node.inlineGraph("body", given, label + llvm::Twine(trip));
    if (failed(results))
      return failure();
    const size_t states = carried.states.size();
    carried.states.assign(results->begin(), results->begin() + states);
    for (size_t i = 0; i < carried.collected.size(); ++i)
      carried.collected[i].push_back((*results)[states + i]);
  }
  if (*length == 0) {
    llvm::SmallVector<Value> given = carried.states;
    for (auto [sequence, axis] : llvm::zip(scan.sequences, scan.axes))
      given.push_back(sliceOfNone(node, sequence, axis));
    if (failed(runOnceForTypes(node, carried, given, carried.states.size())))
      return failure();
  }
  for (auto [values, isReverse] : llvm::zip(carried.collected, scan.outputDirections))
    if (isReverse)
      std::reverse(values.begin(), values.end());
  return finish(node, carried, scan.outputAxes);
}

// Version 8 has a batch in front: each of its entries is scanned for itself.
LogicalResult scanBatch(Node &node, const Scan &scan) {
  int64_t batch = -1;
  for (Value value : llvm::concat<const Value>(scan.states, scan.sequences)) {
    const int64_t own = shapeOf(value).empty() ? 0 : shapeOf(value)[0];
    if (own < 1 || (batch >= 0 && own != batch))
      return node.fail("an input is " + shapeText(shapeOf(value)) + ", which has no batch of " +
                       llvm::Twine(std::max<int64_t>(batch, 1)));
    batch = own;
  }
  std::vector<llvm::SmallVector<Value>> values;
  for (int64_t entry = 0; entry < batch; ++entry) {
    Scan one = scan;
    for (Value &value : one.states)
      value = sliceOf(node, value, 0, entry);
    for (Value &value : one.sequences)
      value = sliceOf(node, value, 0, entry);
    auto results = runScan(node, one, llvm::Twine(entry) + "/");
    if (failed(results))
      return failure();
    values.resize(results->size());
    for (size_t i = 0; i < values.size(); ++i)
      values[i].push_back((*results)[i]);
  }
  for (auto [i, entries] : llvm::enumerate(values)) {
    if (!entries.front())
      continue;
    auto stack = stacked(node, entries, 0);
    if (failed(stack))
      return failure();
    node.setResult(i, *stack);
  }
  return success();
}

} // namespace

LogicalResult buildIf(Node &node) {
  Value condition = node.input(0);
  if (!condition)
    return failure();
  auto constant = node.constantInput(0);
  if (!constant)
    return chooseBranch(node, condition);
  auto isTrue = asBool(node, *constant, "its condition");
  if (failed(isTrue))
    return failure();
  auto results = node.inlineGraph(*isTrue ? "then_branch" : "else_branch", {}, *isTrue ? "then" : "else");
  if (failed(results))
    return failure();
  for (auto [i, value] : llvm::enumerate(*results))
    node.setResult(i, value);
  return success();
}

LogicalResult buildLoop(Node &node) {
  auto size = node.graphSize("body");
  auto trips = tripCount(node);
  if (failed(size) || failed(trips))
    return failure();
  const size_t states = node.inputCount() < 2 ? 0 : node.inputCount() - 2;
  if (size->inputs != states + 2 || size->outputs < states + 1)
    return node.fail("its body takes " + llvm::Twine(size->inputs) + " and gives " + llvm::Twine(size->outputs) +
                     " values, " + llvm::Twine(states + 2) + " and at least " + llvm::Twine(states + 1) +
                     " are needed for " + llvm::Twine(states) + " values that it hands on");
  const size_t collected = size->outputs - states - 1;
  GoesOn goesOn;
  const bool hasCondition = node.hasInput(1); // without one, what its body says of it does not count
  if (hasCondition) {
    Value condition = node.input(1);
    if (!condition)
      return failure();
    const bool mustBeKnown =
        *trips == std::numeric_limits<int64_t>::max() || collectedOutput(node, states, collected).has_value();
    if (isa<BlockArgument>(condition) && mustBeKnown) // of the graph's inputs: the caller can say what it is
      if (failed(node.requiredConstant(1, "the condition")))
        return failure();
    if (failed(decide(node, condition, goesOn)) ||
        (goesOn.decided && failed(checkDecided(node, *trips, states, collected))))
      return failure();
  }
  Carried carried;
  carried.collected.resize(collected);
  for (size_t i = 0; i < states; ++i) {
    carried.states.push_back(node.input(i + 2));
    if (!carried.states.back())
      return failure();
  }
  auto inputsOf = [&](int64_t trip) {
    llvm::SmallVector<Value> inputs{node.constant("trip", Tensor::of<int64_t>({}, {trip})),
                                    node.constant("condition", Tensor::of<bool>({}, {true}))};
    llvm::append_range(inputs, carried.states);
    return inputs;
  };
  for (int64_t trip = 0; goesOn.isKnown && trip < *trips; ++trip) {
    auto results = node.inlineGraph("body", inputsOf(trip), llvm::Twine(trip));
    if (failed(results) || failed(handOn(node, goesOn, llvm::ArrayRef(*results).slice(1, states), carried.states)))
      return failure();
    const bool wasDecided = goesOn.decided != nullptr;
    if (hasCondition && (failed(decide(node, results->front(), goesOn)) ||
                         (goesOn.decided && !wasDecided && failed(checkDecided(node, *trips, states, collected)))))
      return failure();
    for (size_t i = 0; i < carried.collected.size(); ++i)
      carried.collected[i].push_back((*results)[states + 1 + i]);
  }
  if (failed(runOnceForTypes(node, carried, inputsOf(0), states + 1)))
    return failure();
  auto results = finish(node, carried, {});
  if (failed(results))
    return failure();
  setResults(node, *results);
  return success();
}

LogicalResult buildScan(Node &node) {
  auto scan = readScan(node);
  if (failed(scan))
    return failure();
  if (node.version < 9)
    return scanBatch(node, *scan);
  auto results = runScan(node, *scan, "");
  if (failed(results))
    return failure();
  setResults(node, *results);
  return success();
}

} // namespace tw::ir::onnx
