// SPDX-License-Identifier: Apache-2.0
// TfIdfVectorizer v9 of integers: how often each n-gram of a pool stands in a sequence, at any distance up to a
// largest.
#include "Compose.h"

#include <algorithm>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// The n-grams of one length, in the order of the pool; and which of all they are.
struct Grams {
  int64_t length, first;
  Shape words; // gram after gram
  int64_t count() const { return static_cast<int64_t>(words.size()) / length; }
};

// Those of a length that is asked for. Nothing where the attributes contradict each other.
std::optional<std::vector<Grams>> gramsOf(Dims pool, Dims starts, int64_t shortest, int64_t longest) {
  std::vector<Grams> all;
  int64_t first = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t length = static_cast<int64_t>(i) + 1, begin = starts[i],
                  end = i + 1 < starts.size() ? starts[i + 1] : static_cast<int64_t>(pool.size());
    if (begin < 0 || end < begin || end > static_cast<int64_t>(pool.size()) || (end - begin) % length != 0)
      return std::nullopt;
    if (begin != end && length >= shortest && length <= longest)
      all.push_back({length, first, Shape(pool.slice(begin, end - begin))});
    first += (end - begin) / length;
  }
  return all;
}

// [rows, grams] float32: how often each stands in a row with `step` from word to word. Null: it is too short.
Value countsAt(Node &node, Value rows, const Grams &grams, int64_t step) {
  Compose compose(node);
  const int64_t places = shapeOf(rows)[1] - (grams.length - 1) * step;
  if (places <= 0)
    return nullptr;
  Value found;
  for (int64_t word = 0; word < grams.length; ++word) {
    Tensor wanted(ElementType::I64, {1, 1, grams.count()});
    for (int64_t g = 0; g < grams.count(); ++g)
      wanted.data<int64_t>()[g] = grams.words[g * grams.length + word];
    Value given = compose.unsqueeze(compose.slice(rows, 1, word * step, places), 2);
    Value isEqual = compose.compare(CompareKind::Equal, given, node.constant("words", wanted));
    found = found ? compose.apply(BinaryKind::And, found, isEqual) : isEqual;
  }
  return compose.reduce(ReduceKind::Sum, compose.cast(found, ElementType::F32), {1}, false);
}

} // namespace

LogicalResult buildTfIdfVectorizer(Node &node) {
  auto input = inputOf(
      node, 0, [](ElementType type) { return type == ElementType::I32 || type == ElementType::I64; },
      "int32 or int64: strings have no tensors here");
  if (failed(input))
    return failure();
  Dims shape = shapeOf(*input);
  if (shape.size() != 1 && shape.size() != 2)
    return node.fail("input " + shapeText(shape) + " is no sequence and no list of them");
  auto pool = node.integers("pool_int64s"), starts = node.integers("ngram_counts"),
       places = node.integers("ngram_indexes");
  if (!pool || !starts || !places || places->empty() || *llvm::min_element(*places) < 0)
    return node.fail("pool_int64s, ngram_counts and ngram_indexes are needed, and no negative index");
  const int64_t shortest = node.integer("min_gram_length", 1), longest = node.integer("max_gram_length", 1);
  auto grams = gramsOf(*pool, *starts, shortest, longest);
  const int64_t width = *llvm::max_element(*places) + 1;
  const std::string mode = node.text("mode", "TF");
  if (!grams || (mode != "TF" && mode != "IDF" && mode != "TFIDF"))
    return node.fail("mode '" + mode + "' with ngram_counts " + shapeText(*starts) + " of " +
                     llvm::Twine(pool->size()) + " pool entries has no meaning");
  Compose compose(node);
  const int64_t count = shape.size() == 2 ? shape[0] : 1;
  Value rows = compose.cast(compose.reshape(*input, {count, shape.back()}), ElementType::I64);
  Value sums = node.constant("none", Tensor(ElementType::F32, {count, width}));
  for (const Grams &some : *grams) {
    if (some.first + some.count() > static_cast<int64_t>(places->size()))
      return node.fail("ngram_indexes has " + llvm::Twine(places->size()) + " entries, the pool has more n-grams");
    // Single words have no distance.
    const int64_t steps = some.length == 1 ? 1 : node.integer("max_skip_count", 0) + 1;
    Tensor counted(ElementType::F32, {some.count(), width}); // ones where a gram is counted
    for (int64_t g = 0; g < some.count(); ++g)
      counted.data<float>()[g * width + (*places)[some.first + g]] = 1;
    Value to = node.constant("places", counted);
    for (int64_t step = 1; step <= steps; ++step)
      if (Value counts = countsAt(node, rows, some, step))
        sums = compose.add(sums, compose.matmul(counts, to));
  }
  if (mode == "IDF")
    sums = compose.min(sums, 1);
  if (auto weights = node.reals("weights"); weights && mode != "TF") {
    if (static_cast<int64_t>(weights->size()) != width) // they scale the result's columns, as ONNX Runtime does
      return node.fail("weights has " + llvm::Twine(weights->size()) + " entries, the result " + llvm::Twine(width));
    sums = compose.mul(sums, node.constant("weights", Tensor::of<float>({1, width}, *weights)));
  }
  Shape result{width};
  if (shape.size() == 2)
    result.insert(result.begin(), count);
  node.setResult(0, compose.reshape(sums, result));
  return success();
}

} // namespace tw::ir::onnx
