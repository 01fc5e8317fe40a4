// SPDX-License-Identifier: Apache-2.0
// Attention as ONNX Runtime's transformer optimiser writes it in com.microsoft: Attention, QAttention,
// MultiHeadAttention, GroupQueryAttention, RotaryEmbedding.
#include "Attention.h"
#include "Quantised.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

constexpr int64_t kMostScores = int64_t(1) << 26; // a mask of them is a constant

// Query, key and value [batch, heads, length, size]; the keys begin with those of the past.
struct Heads {
  Value query, key, value;
  int64_t past = 0;

  int64_t batch() const { return shapeOf(query)[0]; }
  int64_t queries() const { return shapeOf(query)[2]; }
  int64_t keys() const { return shapeOf(key)[2]; }
};

LogicalResult checkHeads(Node &node, const Heads &heads) {
  if (!heads.query || !heads.key || !heads.value)
    return failure();
  Dims query = shapeOf(heads.query), key = shapeOf(heads.key), value = shapeOf(heads.value);
  if (query[0] != key[0] || key[0] != value[0] || key[1] != value[1] || key[2] != value[2] || query[3] != key[3] ||
      query[1] % std::max<int64_t>(key[1], 1) != 0 || elementCount(query) == 0 || elementCount(key) == 0)
    return node.fail("query is " + shapeText(query) + ", key " + shapeText(key) + " and value " + shapeText(value) +
                     " as batch, heads, length and size, which do not fit each other");
  if (heads.queries() > kMostScores / heads.keys())
    return node.fail("has " + llvm::Twine(heads.queries()) + " queries for " + llvm::Twine(heads.keys()) +
                     " keys, at most " + llvm::Twine(kMostScores) + " scores of a head are supported");
  return success();
}

FailureOr<int64_t> headCount(Node &node, llvm::StringRef attribute, int64_t width) {
  const int64_t heads = node.integer(attribute, 0);
  if (heads < 1 || width % heads != 0)
    return node.fail(attribute + " is " + llvm::Twine(heads) + ", it must divide the width of " + llvm::Twine(width));
  return heads;
}

// 0 where the mask of integers at `index` lets a key through, else the attribute mask_filter_value.
FailureOr<Value> maskOf(Node &node, size_t index, const Heads &heads) {
  Compose compose(node);
  Value mask = node.input(index);
  if (!mask)
    return failure();
  if (elementTypeOf(mask.getType()) != ElementType::I32)
    return node.fail("its mask is " + llvm::StringRef(elementTypeName(elementTypeOf(mask.getType()))) +
                     ", expected int32");
  const int64_t batch = heads.batch(), queries = heads.queries(), keys = heads.keys();
  Dims shape = shapeOf(mask);
  Value isAllowed;
  if (shape == Dims{batch, keys}) {
    isAllowed = compose.reshape(mask, {batch, 1, 1, keys});
  } else if (shape == Dims{batch, queries, keys}) {
    isAllowed = compose.reshape(mask, {batch, 1, queries, keys});
  } else if (shape == Dims{batch} || shape == Dims{2 * batch}) { // where each ends, and where each begins
    Value places = compose.places(ElementType::I32, keys, 3, 4);
    auto bound = [&](int64_t first) { return compose.reshape(compose.slice(mask, 0, first, batch), {batch, 1, 1, 1}); };
    isAllowed = compose.compare(CompareKind::Less, places, bound(0));
    if (shape.front() != batch)
      isAllowed =
          compose.apply(BinaryKind::And, isAllowed, compose.compare(CompareKind::GreaterOrEqual, places, bound(batch)));
  } else {
    return node.fail("its mask is " + shapeText(shape) + ", expected " + llvm::Twine(batch) + ", " +
                     llvm::Twine(2 * batch) + ", " + shapeText({batch, keys}) + " or " +
                     shapeText({batch, queries, keys}));
  }
  if (isAllowed && elementTypeOf(isAllowed.getType()) != ElementType::Bool)
    isAllowed = compose.compare(CompareKind::Greater, isAllowed, compose.number(ElementType::I32, 0));
  return compose.where(isAllowed, compose.number(ElementType::F32, 0),
                       compose.number(ElementType::F32, static_cast<double>(node.real("mask_filter_value", -10000))));
}

// Query i stands behind `past` + i keys, and sees none behind itself, nor any `window` keys or more before (0: all).
Value causalMask(Compose &compose, Node &node, const Heads &heads, int64_t window) {
  Tensor mask(ElementType::F32, {heads.queries(), heads.keys()});
  for (int64_t i = 0; i < heads.queries(); ++i)
    for (int64_t j = 0; j < heads.keys(); ++j)
      if (const int64_t distance = heads.past + i - j; distance < 0 || (window > 0 && distance >= window))
        mask.data<float>()[i * heads.keys() + j] = std::numeric_limits<float>::lowest();
  return node.constant("causal", mask);
}

// Past keys and values stand in front of the new ones.
LogicalResult addPast(Node &node, Heads &heads, Value key, Value value) {
  Compose compose(node);
  if (!key || !value || shapeOf(key).size() != 4)
    return node.fail("past keys and values come together, in four dimensions");
  heads.past = shapeOf(key)[2];
  heads.key = compose.concat({key, heads.key}, 2);
  heads.value = compose.concat({value, heads.value}, 2);
  return success(heads.key && heads.value);
}

// Result 0: [batch, length, heads * size].
LogicalResult attend(Node &node, const Heads &heads, llvm::ArrayRef<Value> biases) {
  if (failed(checkHeads(node, heads)))
    return failure();
  Compose compose(node);
  float scale = node.real("scale", 0);
  if (scale == 0)
    scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shapeOf(heads.query)[3])));
  const double cap = static_cast<double>(node.real("softcap", 0));
  const int64_t times = shapeOf(heads.query)[1] / shapeOf(heads.key)[1];
  Value keys = compose.transpose(repeatHeads(compose, heads.key, times), {0, 1, 3, 2});
  Value scores = compose.mul(compose.matmul(heads.query, keys), static_cast<double>(scale));
  if (cap > 0)
    scores = compose.mul(compose.tanh(compose.div(scores, cap)), cap);
  for (Value bias : biases)
    scores = compose.add(scores, bias);
  if (!scores)
    return failure();
  Value result =
      joinHeads(compose, compose.matmul(compose.softmax(scores, 3), repeatHeads(compose, heads.value, times)));
  if (!result)
    return failure();
  node.setResult(0, result);
  return success();
}

// Attention and QAttention: `projected` [batch, length, query + key + value].
LogicalResult attendProjected(Node &node, Value projected, size_t mask, size_t past, size_t bias) {
  Compose compose(node);
  for (const char *attribute : {"do_rotary", "past_present_share_buffer"})
    if (node.integer(attribute, 0))
      return node.fail(llvm::StringRef(attribute) + " is not supported");
  const int64_t width = shapeOf(projected)[2];
  const Shape sizes = node.integers("qkv_hidden_sizes").value_or(Shape(3, width / 3));
  auto count = headCount(node, "num_heads", width / 3);
  if (failed(count))
    return failure();
  if (sizes.size() != 3 || llvm::any_of(sizes, [&](int64_t size) { return size < 1 || size % *count != 0; }) ||
      sizes[0] + sizes[1] + sizes[2] != width)
    return node.fail("weights make " + llvm::Twine(width) + " columns for " + llvm::Twine(*count) +
                     " heads, of which query, key and value take " + shapeText(sizes));
  auto part = [&](int64_t first, int64_t size) {
    return splitHeads(compose, compose.slice(projected, 2, first, size), *count);
  };
  Heads heads{part(0, sizes[0]), part(sizes[0], sizes[1]), part(sizes[0] + sizes[1], sizes[2])};
  if (node.hasInput(past)) {
    Value both = node.input(past); // [2, batch, heads, length, size]
    if (!both || shapeOf(both).size() != 5 || shapeOf(both)[0] != 2)
      return node.fail("past is no pair of keys and values in four dimensions");
    auto one = [&](int64_t index) {
      Shape starts(5, 0), shape(shapeOf(both));
      starts[0] = index;
      shape[0] = 1;
      return compose.squeeze(compose.slice(both, starts, shape), 0);
    };
    if (failed(addPast(node, heads, one(0), one(1))))
      return failure();
  }
  SmallVector<Value> biases;
  if (node.hasInput(mask)) {
    auto filter = maskOf(node, mask, heads);
    if (failed(filter))
      return failure();
    biases.push_back(*filter);
  }
  if (node.integer("unidirectional", 0))
    biases.push_back(causalMask(compose, node, heads, 0));
  if (node.hasInput(bias))
    biases.push_back(node.input(bias));
  if (failed(attend(node, heads, biases)))
    return failure();
  if (node.isOutputRead(1))
    node.setResult(1, compose.concat({compose.unsqueeze(heads.key, 0), compose.unsqueeze(heads.value, 0)}, 0));
  return success();
}

FailureOr<Value> sequenceInput(Node &node, size_t index, llvm::StringRef what) {
  Value input = node.input(index);
  if (!input)
    return failure();
  if (shapeOf(input).size() == 3)
    return input;
  return node.fail(what + " is " + shapeText(shapeOf(input)) + ", expected batch, length and width");
}

// [batch or 1, length, 1, half] of a cache [positions, half].
Value cachedFor(Compose &compose, Value cache, Value positions) {
  Value taken = compose.gather(cache, positions, 0);
  return taken ? compose.unsqueeze(taken, 2) : Value();
}

} // namespace

// input, weights, bias, mask, past, attention bias
LogicalResult buildContribAttention(Node &node) {
  auto input = sequenceInput(node, 0, "input");
  if (failed(input) || !node.input(1))
    return failure();
  Compose compose(node);
  Value projected = compose.matmul(*input, node.input(1));
  if (node.hasInput(2))
    projected = compose.add(projected, node.input(2));
  return projected ? attendProjected(node, projected, 3, 4, 5) : failure();
}

// input, weights, bias, scales of both, mask, zero points of both, past
LogicalResult buildQAttention(Node &node) {
  auto input = sequenceInput(node, 0, "input");
  if (failed(input) || !node.input(1) || !node.input(2) || !node.input(3) || !node.input(4))
    return failure();
  auto zero = [&](size_t index) { return node.hasInput(index) ? node.input(index) : Value(); };
  auto projected = realProduct(node, {*input, zero(6), node.input(3)}, {node.input(1), zero(7), node.input(4)});
  if (failed(projected))
    return failure();
  Value biased = Compose(node).add(*projected, node.input(2));
  return biased ? attendProjected(node, biased, 5, 8, node.inputCount()) : failure();
}

// query, key, value, bias, key padding mask, attention bias, past key, past value
LogicalResult buildMultiHeadAttention(Node &node) {
  auto query = sequenceInput(node, 0, "query"), key = sequenceInput(node, 1, "key"),
       value = sequenceInput(node, 2, "value");
  if (failed(query) || failed(key) || failed(value))
    return failure();
  Compose compose(node);
  const int64_t widths[] = {shapeOf(*query)[2], shapeOf(*key)[2], shapeOf(*value)[2]};
  auto count = headCount(node, "num_heads", widths[0]);
  if (failed(count))
    return failure();
  Value parts[] = {*query, *key, *value};
  if (widths[1] % *count != 0 || widths[2] % *count != 0)
    return node.fail("key and value are " + llvm::Twine(widths[1]) + " and " + llvm::Twine(widths[2]) +
                     " wide, which " + llvm::Twine(*count) + " heads do not divide");
  if (node.hasInput(3)) {
    Value bias = node.input(3);
    if (shapeOf(bias) != Dims{widths[0] + widths[1] + widths[2]})
      return node.fail("bias is " + shapeText(shapeOf(bias)) + ", expected " +
                       llvm::Twine(widths[0] + widths[1] + widths[2]));
    for (int64_t i = 0, first = 0; i < 3; first += widths[i++])
      parts[i] = compose.add(parts[i], compose.slice(bias, 0, first, widths[i]));
  }
  Heads heads{splitHeads(compose, parts[0], *count), splitHeads(compose, parts[1], *count),
              splitHeads(compose, parts[2], *count)};
  if (node.hasInput(6) != node.hasInput(7))
    return node.fail("past_key and past_value come together, only one is there");
  if (node.hasInput(6) && failed(addPast(node, heads, node.input(6), node.input(7))))
    return failure();
  for (size_t index : {8, 9})
    if (node.hasInput(index))
      return node.fail("input " + llvm::Twine(index) + " is not supported");
  SmallVector<Value> biases;
  if (node.hasInput(4)) {
    auto filter = maskOf(node, 4, heads);
    if (failed(filter))
      return failure();
    biases.push_back(*filter);
  }
  if (node.integer("unidirectional", 0))
    biases.push_back(causalMask(compose, node, heads, 0));
  if (node.hasInput(5))
    biases.push_back(node.input(5));
  if (failed(attend(node, heads, biases)))
    return failure();
  node.setResult(1, heads.key);
  node.setResult(2, heads.value);
  return success();
}

// query, key, value, past key, past value, lengths, total length, cosines, sines, positions, attention bias. Lengths
// are those of the keys less one; they are known, and past and new keys are all that there are.
LogicalResult buildGroupQueryAttention(Node &node) {
  auto query = sequenceInput(node, 0, "query");
  if (failed(query))
    return failure();
  Compose compose(node);
  const int64_t batch = shapeOf(*query)[0], length = shapeOf(*query)[1], width = shapeOf(*query)[2],
                keyHeads = node.integer("kv_num_heads", 0), queryHeads = node.integer("num_heads", 0);
  const bool isPacked = !node.hasInput(1);
  if (queryHeads < 1 || keyHeads < 1 || width % (isPacked ? queryHeads + 2 * keyHeads : queryHeads) != 0)
    return node.fail("query is " + llvm::Twine(width) + " wide for num_heads " + llvm::Twine(queryHeads) +
                     " and kv_num_heads " + llvm::Twine(keyHeads));
  Value parts[3] = {*query, {}, {}};
  if (isPacked) {
    const int64_t size = width / (queryHeads + 2 * keyHeads);
    parts[0] = compose.slice(*query, 2, 0, queryHeads * size);
    parts[1] = compose.slice(*query, 2, queryHeads * size, keyHeads * size);
    parts[2] = compose.slice(*query, 2, (queryHeads + keyHeads) * size, keyHeads * size);
  } else {
    auto key = sequenceInput(node, 1, "key"), value = sequenceInput(node, 2, "value");
    if (failed(key) || failed(value))
      return failure();
    if (shapeOf(*key)[2] % keyHeads != 0 || shapeOf(*value)[2] % keyHeads != 0)
      return node.fail("key and value are " + llvm::Twine(shapeOf(*key)[2]) + " and " +
                       llvm::Twine(shapeOf(*value)[2]) + " wide, which kv_num_heads " + llvm::Twine(keyHeads) +
                       " does not divide");
    parts[1] = *key;
    parts[2] = *value;
  }
  const bool hasPast = node.hasInput(3) && node.hasInput(4);
  const int64_t past = hasPast && shapeOf(node.input(3)).size() == 4 ? shapeOf(node.input(3))[2] : 0;
  auto lengths = constantIntegers(node, 5, "seqlens_k");
  if (failed(lengths))
    return failure();
  for (int64_t last : *lengths)
    if (last != past + length - 1)
      return node.fail("seqlens_k holds " + llvm::Twine(last) + ", with " + llvm::Twine(past) + " past and " +
                       llvm::Twine(length) + " new keys it must be " + llvm::Twine(past + length - 1));
  if (node.integer("do_rotary", 0)) {
    Value cosines = node.input(7), sines = node.input(8);
    if (!cosines || !sines || shapeOf(cosines).size() != 2)
      return node.fail("needs cosines and sines of two dimensions to rotate");
    Value positions = node.hasInput(9) ? node.input(9) : Value();
    if (!positions || shapeOf(positions) != Dims{batch, length})
      positions = compose.integers(ElementType::I64, {1, length}, iota(length, past));
    const int64_t count = 2 * shapeOf(cosines)[1];
    cosines = cachedFor(compose, cosines, positions);
    sines = cachedFor(compose, sines, positions);
    for (auto [part, heads] : {std::pair(0, queryHeads), std::pair(1, keyHeads)}) {
      Shape shape(shapeOf(parts[part]));
      const int64_t size = shape[2] / heads;
      if (!cosines || !sines || count > size)
        return node.fail("rotates " + llvm::Twine(count) + " of " + llvm::Twine(size) + " numbers of a head");
      Value turned = rotated(compose, compose.reshape(parts[part], {batch, length, heads, size}), cosines, sines, count,
                             node.integer("rotary_interleaved", 0) != 0);
      parts[part] = turned ? compose.reshape(turned, shape) : Value();
      if (!parts[part])
        return failure();
    }
  }
  if (node.integer("smooth_softmax", 0) || node.hasInput(11))
    return node.fail("a smooth softmax is not supported");
  Heads heads{splitHeads(compose, parts[0], queryHeads), splitHeads(compose, parts[1], keyHeads),
              splitHeads(compose, parts[2], keyHeads)};
  if (hasPast && failed(addPast(node, heads, node.input(3), node.input(4))))
    return failure();
  SmallVector<Value> biases{
      causalMask(compose, node, heads, std::max<int64_t>(node.integer("local_window_size", -1), 0))};
  if (node.hasInput(10))
    biases.push_back(node.input(10));
  if (failed(attend(node, heads, biases)))
    return failure();
  node.setResult(1, heads.key);
  node.setResult(2, heads.value);
  return success();
}

// input, positions or the first of them, cosines, sines
LogicalResult buildContribRotaryEmbedding(Node &node) {
  Value x = node.input(0), positions = node.input(1), cosines = node.input(2), sines = node.input(3);
  if (!x || !positions || !cosines || !sines)
    return failure();
  Compose compose(node);
  const Shape given(shapeOf(x));
  if ((given.size() != 3 && given.size() != 4) || shapeOf(cosines).size() != 2)
    return node.fail("the input is " + shapeText(given) + " and cosines are " + shapeText(shapeOf(cosines)) +
                     ", expected three or four dimensions and two");
  const int64_t asked = node.integer("rotary_embedding_dim", 0), count = 2 * shapeOf(cosines)[1];
  if (given.size() == 4) {
    x = compose.transpose(x, {0, 2, 1, 3}); // to [batch, length, heads, size]
  } else {
    const int64_t heads = node.integer("num_heads", 0), size = asked && heads ? given[2] / heads : count;
    if (size < 1 || given[2] % size != 0)
      return node.fail("heads of " + llvm::Twine(size) + " numbers do not divide the last dimension of " +
                       shapeText(given));
    x = compose.reshape(x, {given[0], given[1], given[2] / size, size});
  }
  const int64_t length = shapeOf(x)[1];
  if (count > shapeOf(x)[3] || (asked && asked != count))
    return node.fail("rotates " + llvm::Twine(asked ? asked : count) + " of " + llvm::Twine(shapeOf(x)[3]) +
                     " numbers by " + llvm::Twine(count / 2) + " cosines");
  if (elementCount(shapeOf(positions)) == 1 && length != 1) // the first one
    positions = compose.add(compose.places(ElementType::I64, length, 1, 2), compose.reshape(positions, {1, 1}));
  else if (shapeOf(positions) != Dims{given[0], length})
    positions = compose.reshape(positions, {given[0], length});
  cosines = positions ? cachedFor(compose, cosines, positions) : Value();
  sines = positions ? cachedFor(compose, sines, positions) : Value();
  if (!cosines || !sines)
    return failure();
  Value turned = rotated(compose, x, cosines, sines, count, node.integer("interleaved", 0) != 0);
  if (!turned)
    return failure();
  turned = given.size() == 3 ? compose.reshape(turned, given) : compose.transpose(turned, {0, 2, 1, 3});
  const double scale = static_cast<double>(node.real("scale", 1));
  node.setResult(0, scale == 1 ? turned : compose.mul(turned, scale));
  return success();
}

} // namespace tw::ir::onnx
