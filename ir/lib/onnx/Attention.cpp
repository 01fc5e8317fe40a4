// SPDX-License-Identifier: Apache-2.0
// Attention v25 and RotaryEmbedding v23.
#include "Attention.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity(); // what a masked score is

constexpr int64_t kMostScores = int64_t(1) << 26; // a mask of them is a constant

class AttentionBuilder {
public:
  explicit AttentionBuilder(Node &node) : node(node), compose(node) {}

  LogicalResult build() {
    if (failed(readInputs()))
      return failure();
    const double scale = std::sqrt(static_cast<double>(
        node.real("scale", static_cast<float>(1 / std::sqrt(static_cast<double>(shapeOf(query)[3]))))));
    if (!(scale > 0))
      return node.fail("scale is " + std::to_string(node.real("scale", 0)) + ", it must be more than 0");
    const double cap = static_cast<double>(node.real("softcap", 0));
    Value keys = compose.transpose(repeated(key), {0, 1, 3, 2});
    Value scores = compose.matmul(compose.mul(query, scale), compose.mul(keys, scale));
    SmallVector<Value> modes{scores};
    if (cap > 0)
      scores = compose.mul(compose.tanh(compose.div(scores, cap)), cap);
    modes.push_back(scores);
    auto bias = readBias();
    if (failed(bias))
      return failure();
    if (*bias)
      scores = compose.add(scores, *bias);
    modes.push_back(scores);
    Value weights = softmax(scores, *bias);
    modes.push_back(weights);
    Value result = compose.matmul(weights, repeated(value));
    if (isFlat)
      result = joinHeads(compose, result);
    const int64_t mode = node.integer("qk_matmul_output_mode", 0);
    if (mode < 0 || mode > 3)
      return node.fail("qk_matmul_output_mode is " + llvm::Twine(mode) + ", expected 0 to 3");
    if (!result)
      return failure();
    node.setResult(0, result);
    node.setResult(1, key);
    node.setResult(2, value);
    node.setResult(3, modes[mode]);
    return success();
  }

private:
  // [batch, heads, length, size]; of three dimensions the last one holds the heads.
  FailureOr<Value> heads(size_t index, llvm::StringRef what, llvm::StringRef attribute) {
    Value input = node.input(index);
    if (!input)
      return failure();
    if (elementTypeOf(input.getType()) != ElementType::F32)
      return node.fail(what + " is " + llvm::StringRef(elementTypeName(elementTypeOf(input.getType()))) +
                       ", expected a float type of at most 32 bits");
    Dims shape = shapeOf(input);
    isFlat = shape.size() == 3;
    if (!isFlat && shape.size() != 4)
      return node.fail(what + " is " + shapeText(shape) + ", expected three or four dimensions");
    if (!isFlat)
      return input;
    const int64_t count = node.integer(attribute, 0);
    if (count < 1 || shape[2] % count != 0)
      return node.fail(attribute + " is " + llvm::Twine(count) + ", it must divide the last dimension of " + what +
                       ", " + shapeText(shape));
    return splitHeads(compose, input, count);
  }

  LogicalResult readInputs() {
    auto q = heads(0, "Q", "q_num_heads"), k = heads(1, "K", "kv_num_heads"), v = heads(2, "V", "kv_num_heads");
    if (failed(q) || failed(k) || failed(v))
      return failure();
    query = *q, key = *k, value = *v;
    if (node.hasInput(4) != node.hasInput(5))
      return node.fail("past_key and past_value come together, only one is there");
    if (node.hasInput(4)) {
      if (node.hasInput(6))
        return node.fail("nonpad_kv_seqlen and past_key exclude each other, both are there");
      Value past = node.input(4);
      key = compose.concat({past, key}, 2);
      value = compose.concat({node.input(5), value}, 2);
      if (!key || !value)
        return failure();
      offset = shapeOf(past)[2];
    }
    queries = shapeOf(query)[2];
    keys = shapeOf(key)[2];
    if (elementCount(shapeOf(query)) == 0 || elementCount(shapeOf(key)) == 0 || shapeOf(query)[3] != shapeOf(key)[3] ||
        keys != shapeOf(value)[2] || shapeOf(key)[1] != shapeOf(value)[1] || shapeOf(query)[1] % shapeOf(key)[1] != 0)
      return node.fail("Q is " + shapeText(shapeOf(query)) + ", K " + shapeText(shapeOf(key)) + " and V " +
                       shapeText(shapeOf(value)) + " as batch, heads, length and size, which do not fit each other");
    if (queries > kMostScores / keys)
      return node.fail("has " + llvm::Twine(queries) + " queries for " + llvm::Twine(keys) + " keys, at most " +
                       llvm::Twine(kMostScores) + " scores of a head are supported");
    return success();
  }

  // Each head as often as queries share it.
  Value repeated(Value from) { return repeatHeads(compose, from, shapeOf(query)[1] / shapeOf(from)[1]); }

  Value masked(Value isAllowed) {
    return compose.where(isAllowed, compose.number(ElementType::F32, 0), compose.number(ElementType::F32, kNever));
  }

  // How far query i, in its place behind the keys before it, stands behind key j: [queries, keys], with a batch in
  // front where the number of keys is known when the model runs.
  Value distances() {
    Tensor tensor(ElementType::I64, {queries, keys});
    for (int64_t i = 0; i < queries; ++i)
      for (int64_t j = 0; j < keys; ++j)
        tensor.data<int64_t>()[i * keys + j] = i + offset - j;
    Value fixed = node.constant("distance", tensor);
    if (!node.hasInput(6))
      return fixed;
    return compose.add(fixed, compose.add(lengths(), -static_cast<double>(queries)));
  }
  Value lengths() { // [batch, 1, 1, 1]
    Value given = compose.cast(node.input(6), ElementType::I64);
    return compose.reshape(given, {shapeOf(query)[0], 1, 1, 1});
  }

  Value within(CompareKind kind, int64_t bound) {
    return masked(compose.compare(kind, distances(), compose.number(ElementType::I64, static_cast<double>(bound))));
  }

  // What is added to the scores; null for nothing.
  FailureOr<Value> readBias() {
    Value bias;
    auto join = [&](Value next) { bias = bias ? compose.add(bias, next) : next; };
    if (node.hasInput(3)) {
      auto mask = readMask();
      if (failed(mask))
        return failure();
      join(*mask);
    }
    if (node.integer("is_causal", 0))
      join(within(CompareKind::GreaterOrEqual, 0));
    if (const int64_t left = node.integer("left_window_size", -1); left >= 0)
      join(within(CompareKind::LessOrEqual, left));
    if (const int64_t right = node.integer("right_window_size", -1); right >= 0)
      join(within(CompareKind::GreaterOrEqual, -right));
    if (node.hasInput(6)) {
      Tensor places(ElementType::I64, {keys});
      for (int64_t j = 0; j < keys; ++j)
        places.data<int64_t>()[j] = j;
      join(masked(compose.compare(CompareKind::Less, node.constant("place", places), lengths())));
    }
    return bias;
  }

  // Keys behind the mask's end are masked.
  FailureOr<Value> readMask() {
    Value mask = node.input(3);
    if (!mask)
      return failure();
    if (elementTypeOf(mask.getType()) == ElementType::Bool)
      mask = masked(mask);
    if (!mask || elementTypeOf(mask.getType()) != ElementType::F32)
      return node.fail("attn_mask is neither bool nor of the type of Q");
    if (shapeOf(mask).empty() || shapeOf(mask).back() > keys)
      return node.fail("attn_mask is " + shapeText(shapeOf(mask)) + " for " + llvm::Twine(keys) + " keys");
    if (const int64_t missing = keys - shapeOf(mask).back(); missing > 0 && shapeOf(mask).back() > 1) {
      Shape shape(shapeOf(mask));
      shape.back() = missing;
      Value never = compose.expand(compose.number(ElementType::F32, kNever), shape);
      mask = compose.concat({mask, never}, static_cast<int64_t>(shape.size()) - 1);
    }
    return mask;
  }

  // A query that no key is allowed for gives 0.
  Value softmax(Value scores, Value bias) {
    if (!bias || !scores)
      return scores ? compose.softmax(scores, 3) : Value();
    const int64_t last = static_cast<int64_t>(shapeOf(bias).size()) - 1;
    Value most = compose.reduce(ReduceKind::Max, bias, {last}, true);
    Value isNone = compose.compare(CompareKind::Equal, most, compose.number(ElementType::F32, kNever));
    Value zero = compose.number(ElementType::F32, 0);
    return compose.where(isNone, zero, compose.softmax(compose.where(isNone, zero, scores), 3));
  }

  Node &node;
  Compose compose;
  bool isFlat = false;
  Value query, key, value;
  int64_t offset = 0, queries = 0, keys = 0; // keys before the first query
};

} // namespace

Value splitHeads(Compose &compose, Value value, int64_t heads) {
  if (!value)
    return {};
  Dims shape = shapeOf(value);
  return compose.transpose(compose.reshape(value, {shape[0], shape[1], heads, shape[2] / heads}), {0, 2, 1, 3});
}

Value joinHeads(Compose &compose, Value value) {
  if (!value)
    return {};
  Dims shape = shapeOf(value);
  return compose.reshape(compose.transpose(value, {0, 2, 1, 3}), {shape[0], shape[2], shape[1] * shape[3]});
}

Value repeatHeads(Compose &compose, Value value, int64_t times) {
  if (!value || times == 1)
    return value;
  Dims shape = shapeOf(value);
  Value wide = compose.expand(compose.unsqueeze(value, 2), {shape[0], shape[1], times, shape[2], shape[3]});
  return compose.reshape(wide, {shape[0], shape[1] * times, shape[2], shape[3]});
}

Value rotated(Compose &compose, Value x, Value cosines, Value sines, int64_t count, bool isInterleaved) {
  if (!x || !cosines || !sines)
    return {};
  const Shape shape(shapeOf(x));
  const int64_t half = count / 2;
  Value first = compose.slice(x, 3, 0, half, isInterleaved ? 2 : 1),
        second = compose.slice(x, 3, isInterleaved ? 1 : half, half, isInterleaved ? 2 : 1);
  Value real = compose.sub(compose.mul(cosines, first), compose.mul(sines, second));
  Value imaginary = compose.add(compose.mul(sines, first), compose.mul(cosines, second));
  Value turned = isInterleaved
                     ? compose.reshape(compose.concat({compose.unsqueeze(real, 4), compose.unsqueeze(imaginary, 4)}, 4),
                                       {shape[0], shape[1], shape[2], count})
                     : compose.concat({real, imaginary}, 3);
  return count < shape[3] ? compose.concat({turned, compose.slice(x, 3, count, shape[3] - count)}, 3) : turned;
}

LogicalResult buildAttention(Node &node) { return AttentionBuilder(node).build(); }

// input, cosines, sines, positions
LogicalResult buildRotaryEmbedding(Node &node) {
  auto inputs = node.floatInputs(3);
  if (failed(inputs))
    return failure();
  Compose compose(node);
  Value x = (*inputs)[0];
  const Shape given(shapeOf(x));
  if (given.size() != 3 && given.size() != 4)
    return node.fail("the input is " + shapeText(given) + ", expected three or four dimensions");
  if (given.size() == 3) { // to [batch, length, heads, size]
    const int64_t heads = node.integer("num_heads", 0);
    if (heads < 1 || given[2] % heads != 0)
      return node.fail("num_heads is " + llvm::Twine(heads) + ", it must divide the last dimension of " +
                       shapeText(given));
    x = compose.reshape(x, {given[0], given[1], heads, given[2] / heads});
  } else {
    x = compose.transpose(x, {0, 2, 1, 3});
  }
  const Shape shape(shapeOf(x));
  const int64_t asked = node.integer("rotary_embedding_dim", 0), size = asked ? asked : shape[3], half = size / 2;
  if (size < 2 || size % 2 != 0 || size > shape[3])
    return node.fail("rotates " + llvm::Twine(size) + " of " + llvm::Twine(shape[3]) +
                     " numbers, it must be an even number of them");
  // [batch, length, 1, half]
  auto factor = [&](Value cache) -> Value {
    if (node.hasInput(3)) {
      Value positions = node.input(3);
      if (!positions || elementTypeOf(positions.getType()) != ElementType::I64) {
        (void)node.fail("position_ids must be int64");
        return {};
      }
      cache = compose.gather(cache, positions, 0);
    }
    if (!cache)
      return {};
    if (shapeOf(cache) == Dims{shape[0], shape[1], half})
      return compose.unsqueeze(cache, 2);
    (void)node.fail("cosines or sines are " + shapeText(shapeOf(cache)) + ", expected " +
                    shapeText({shape[0], shape[1], half}));
    return {};
  };
  Value cosines = factor((*inputs)[1]), sines = factor((*inputs)[2]);
  if (!cosines || !sines)
    return failure();
  Value turned = rotated(compose, x, cosines, sines, size, node.integer("interleaved", 0) != 0);
  if (!turned)
    return failure();
  node.setResult(0, given.size() == 3 ? compose.reshape(turned, given) : compose.transpose(turned, {0, 2, 1, 3}));
  return success();
}

} // namespace tw::ir::onnx
