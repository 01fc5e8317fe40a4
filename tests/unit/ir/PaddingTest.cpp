// SPDX-License-Identifier: Apache-2.0
// The proof that zeros beside an input change nothing: what it must refuse, what it should allow, and random graphs
// whose allowed ones are run by the reference for both sizes.
#include "OnnxBuilder.h"
#include "OnnxImporting.h"

#include "tw/ir/Padding.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <random>

using namespace mlir;

namespace tw::ir::test {
namespace {

using ::onnx::TensorProto;
using ::testing::HasSubstr;

constexpr int kInt8 = TensorProto::INT8, kBool = TensorProto::BOOL;
constexpr int64_t kMost = 8;

Import importOf(const OnnxBuilder &b, int64_t size) {
  OnnxImportOptions options;
  options.dims = {{"N", size}};
  return Import(b.bytes(), options);
}

using Shown = std::optional<ShownPlace>;

std::string whyNot(const OnnxBuilder &b, int64_t large, int64_t small, const Shown &shown = std::nullopt) {
  Import ours = importOf(b, large), theirs = importOf(b, small);
  if (!ours.module || !theirs.module)
    return "no model: " + ours.text() + theirs.text();
  return PaddingProof(*ours.module, shown).whyNot(*theirs.module).value_or("");
}

// Of every size up to kMost; empty if all are right.
std::string whyNotAny(const OnnxBuilder &b, const Shown &shown = std::nullopt) {
  for (int64_t small = kMost - 1; small != 0; --small)
    if (std::string reason = whyNot(b, kMost, small, shown); !reason.empty())
      return reason;
  return "";
}

std::vector<float> drawn(int64_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values;
  for (int64_t i = 0; i != count; ++i)
    values.push_back(float(int64_t(random() % 2001) - 1000) / 500);
  return values;
}

// x [N, 4] goes in, y comes out; an int8 quantiser and what undoes it.
OnnxBuilder rows() {
  OnnxBuilder b(13);
  b.input("x", {"N", "4"}).output("y", {});
  b.floats("s", {}, {0.05f});
  b.integers("z", {}, {3}, kInt8);
  b.floats("w", {4, 4}, drawn(16, 1));
  b.integers("axis0", {1}, {0});
  b.integers("axis1", {1}, {1});
  b.integers("two", {2}, {0, 0});
  return b;
}

std::string quantised(OnnxBuilder &b, const std::string &name) {
  b.node("QuantizeLinear", {name, "s", "z"}, name + "_q");
  b.node("DequantizeLinear", {name + "_q", "s", "z"}, name + "_d");
  return name + "_d";
}

// A [N, N] constant of the first rows and columns of one that is kMost on each side.
void causal(OnnxBuilder &b, const std::string &name, const std::function<float(int64_t, int64_t)> &at) {
  std::vector<float> values;
  for (int64_t i = 0; i != kMost; ++i)
    for (int64_t k = 0; k != kMost; ++k)
      values.push_back(at(i, k));
  b.floats(name + "_all", {kMost, kMost}, values);
  b.node("Shape", {"x"}, name + "_shape");
  b.node("Slice", {name + "_shape", "axis0", "axis1"}, name + "_n");
  b.node("Concat", {name + "_n", name + "_n"}, name + "_nn");
  OnnxBuilder::attribute(*b.graph().mutable_node(b.graph().node_size() - 1), "axis", int64_t(0));
  b.node("Slice", {name + "_all", "two", name + "_nn"}, name);
}

// Attention of rows among themselves: their products, hidden by what `mask` says, then a mean by shares.
OnnxBuilder attention(const std::function<float(int64_t, int64_t)> &mask, bool isQuantised = true) {
  OnnxBuilder b = rows();
  causal(b, "mask", mask);
  const std::string x = isQuantised ? quantised(b, "x") : "x";
  OnnxBuilder::attribute(b.node("Transpose", {x}, "xt"), "perm", std::vector<int64_t>{1, 0});
  b.node("MatMul", {x, "xt"}, "scores");
  b.node("Add", {"scores", "mask"}, "hidden");
  OnnxBuilder::attribute(b.node("Softmax", {"hidden"}, "shares"), "axis", int64_t(-1));
  b.node("MatMul", {"shares", x}, "y");
  return b;
}

TEST(PaddingTest, RowsThatDoNotMixMayBePadded) {
  OnnxBuilder b = rows();
  b.node("MatMul", {quantised(b, "x"), "w"}, "product");
  b.node("Relu", {"product"}, "positive");
  OnnxBuilder::attribute(b.node("Softmax", {"positive"}, "y"), "axis", int64_t(1));
  EXPECT_EQ(whyNotAny(b), "");
}

// A slice of a constant that takes all of it is none any more.
TEST(PaddingTest, HowAConstantIsMadeMayDependOnTheSize) {
  OnnxBuilder b = rows();
  b.floats("places", {kMost, 4}, drawn(kMost * 4, 2));
  b.node("Shape", {"x"}, "shape");
  b.node("Slice", {"shape", "axis0", "axis1"}, "size");
  b.node("Slice", {"places", "axis0", "size", "axis0"}, "first");
  b.node("Add", {"x", "first"}, "y");
  EXPECT_EQ(whyNotAny(b), "");
}

TEST(PaddingTest, AMeanOverWhatIsPaddedIsNamed) {
  OnnxBuilder b = rows();
  OnnxBuilder::attribute(b.node("ReduceMean", {"x"}, "y"), "axes", std::vector<int64_t>{0});
  EXPECT_EQ(whyNotAny(b), "node 'n_y' averages over what is padded");
}

TEST(PaddingTest, ASumOfZerosIsNotThatOfAnythingElse) {
  OnnxBuilder b = rows();
  b.node("ReduceSum", {"x", "axis0"}, "y");
  EXPECT_EQ(whyNotAny(b), "") << "zeros are what is filled in";
  OnnxBuilder c = rows();
  c.floats("one", {}, {1});
  c.node("Add", {"x", "one"}, "more");
  c.node("ReduceSum", {"more", "axis0"}, "y");
  EXPECT_EQ(whyNotAny(c), "node 'n_y' takes what is padded into a sum");
}

TEST(PaddingTest, TheLastRowIsAnotherOne) {
  OnnxBuilder b = rows();
  b.integers("last", {1}, {-1});
  b.integers("end", {1}, {1 << 20});
  b.node("Slice", {"x", "last", "end", "axis0"}, "y");
  EXPECT_THAT(whyNotAny(b), HasSubstr("node 'n_y' is another one for smaller dimensions"));
  OnnxBuilder c = rows();
  c.integers("end", {}, {-1});
  OnnxBuilder::attribute(c.node("Gather", {"x", "end"}, "y"), "axis", int64_t(0));
  EXPECT_EQ(whyNotAny(c), "node 'n_y' counts from the end of what is padded");
}

TEST(PaddingTest, ANumberMadeOfTheSizeIsSeen) {
  OnnxBuilder b = rows();
  b.node("Shape", {"x"}, "shape");
  OnnxBuilder::attribute(b.node("Cast", {"shape"}, "sizes"), "to", int64_t(TensorProto::FLOAT));
  b.node("Slice", {"sizes", "axis0", "axis1"}, "size");
  b.node("Div", {"x", "size"}, "y");
  EXPECT_THAT(whyNotAny(b), HasSubstr("takes other numbers for smaller dimensions"));
}

// Right for 7 and for 4, wrong for 3: only who looks at each size sees it.
TEST(PaddingTest, OneSizeOfManyIsSeen) {
  OnnxBuilder b = rows();
  b.node("Shape", {"x"}, "shape");
  b.node("Slice", {"shape", "axis0", "axis1"}, "size");
  b.integers("three", {1}, {3});
  b.node("Equal", {"size", "three"}, "is_three");
  OnnxBuilder::attribute(b.node("Cast", {"is_three"}, "odd"), "to", int64_t(TensorProto::FLOAT));
  b.node("Add", {"x", "odd"}, "y");
  EXPECT_EQ(whyNot(b, kMost, 7), "");
  EXPECT_EQ(whyNot(b, kMost, 4), "");
  EXPECT_THAT(whyNot(b, kMost, 3), HasSubstr("takes other numbers for smaller dimensions"));
}

TEST(PaddingTest, AttentionIsRightWhereAMaskHidesWhatIsPadded) {
  EXPECT_EQ(whyNotAny(attention([](int64_t i, int64_t k) { return k > i ? -1e9f : 0; })), "");
  EXPECT_EQ(whyNotAny(attention([](int64_t i, int64_t k) { return k > i ? -INFINITY : 0; })), "");
  const std::string open = "node 'n_shares' gives a share to what is padded, as nothing shows that it is hidden by a "
                           "mask";
  EXPECT_EQ(whyNotAny(attention([](int64_t, int64_t) { return 0; })), open);
  EXPECT_EQ(whyNotAny(attention([](int64_t i, int64_t k) { return k > i ? -20 : 0; })), open) << "not quite hidden";
  EXPECT_EQ(whyNotAny(attention([](int64_t i, int64_t k) { return k > i + 1 ? -1e9f : 0; })), open) << "one ahead";
  EXPECT_EQ(whyNotAny(attention([](int64_t, int64_t) { return -1e9f; })), open) << "then all have a share";
  // Rows that hide themselves, too, have a share in everything.
  EXPECT_EQ(whyNotAny(attention([](int64_t i, int64_t k) { return k >= i ? -1e9f : 0; })), open);
}

TEST(PaddingTest, AttentionOfAnythingMayBeInfinite) {
  EXPECT_NE(whyNotAny(attention([](int64_t i, int64_t k) { return k > i ? -1e9f : 0; }, false)), "");
}

// exp of -20 is small, and no zero: what is hidden by it has a share that float32 sees.
TEST(PaddingTest, AMaskHidesByHowFarItIsBelowWhatScoresMayBe) {
  const auto hiddenBy = [](float depth) {
    OnnxBuilder b = rows();
    causal(b, "mask", [&](int64_t i, int64_t k) { return k > i ? -depth : 0; });
    const std::string x = quantised(b, "x");
    OnnxBuilder::attribute(b.node("Transpose", {x}, "xt"), "perm", std::vector<int64_t>{1, 0});
    b.node("MatMul", {x, "xt"}, "products");
    b.node("Tanh", {"products"}, "scores"); // from -1 to 1
    b.node("Add", {"scores", "mask"}, "hidden");
    OnnxBuilder::attribute(b.node("Softmax", {"hidden"}, "shares"), "axis", int64_t(-1));
    b.node("MatMul", {"shares", x}, "y");
    return whyNotAny(b);
  };
  EXPECT_THAT(hiddenBy(20), HasSubstr("gives a share to what is padded"));
  EXPECT_THAT(hiddenBy(104), HasSubstr("gives a share to what is padded")) << "2 less where scores differ most";
  EXPECT_EQ(hiddenBy(113), "");
}

enum class Masking { Chosen, Added, Turned };

// Attention in which a mask of the caller's says what may be seen, as exporters write it: Where with a bool, a product
// with what is hidden, and the same with ones and zeros taken for each other.
OnnxBuilder masked(Masking how, const std::function<float(int64_t, int64_t)> &hidden = nullptr) {
  OnnxBuilder b = rows();
  b.input("mask", {"N"}, how == Masking::Chosen ? kBool : int(TensorProto::INT64));
  b.floats("low", {}, {-1e9f});
  b.floats("one", {}, {1});
  const std::string x = quantised(b, "x");
  OnnxBuilder::attribute(b.node("Transpose", {x}, "xt"), "perm", std::vector<int64_t>{1, 0});
  b.node("MatMul", {x, "xt"}, "scores");
  std::string scores = "scores";
  if (hidden) {
    causal(b, "later", hidden);
    b.node("Add", {scores, "later"}, "causal");
    scores = "causal";
  }
  if (how == Masking::Chosen) {
    b.node("Where", {"mask", scores, "low"}, "hidden");
  } else {
    OnnxBuilder::attribute(b.node("Cast", {"mask"}, "ones"), "to", int64_t(TensorProto::FLOAT));
    if (how == Masking::Added)
      b.node("Sub", {"one", "ones"}, "zeros");
    b.node("Mul", {how == Masking::Added ? "zeros" : "ones", "low"}, "depth");
    b.node("Add", {scores, "depth"}, "hidden");
  }
  OnnxBuilder::attribute(b.node("Softmax", {"hidden"}, "shares"), "axis", int64_t(-1));
  b.node("MatMul", {"shares", x}, "y");
  return b;
}

TEST(PaddingTest, AMaskOfTheCallerHidesNothingForSure) {
  for (Masking how : {Masking::Chosen, Masking::Added})
    EXPECT_THAT(whyNotAny(masked(how)), HasSubstr("gives a share to what is padded")) << "a mask of nothing but zeros";
}

TEST(PaddingTest, AMaskThatShowsAPlaceHidesWhatIsPadded) {
  for (Masking how : {Masking::Chosen, Masking::Added}) {
    EXPECT_EQ(whyNotAny(masked(how), ShownPlace{"mask", 0}), "");
    EXPECT_EQ(whyNot(masked(how), kMost, 6, ShownPlace{"mask", 5}), "") << "any place will do";
    EXPECT_EQ(whyNot(masked(how), kMost, 5, ShownPlace{"mask", 5}),
              "input 'mask' ends before the place that it has to show, 5");
    EXPECT_THAT(whyNotAny(masked(how), ShownPlace{"x", 0}), HasSubstr("gives a share")) << "another input";
  }
  EXPECT_THAT(whyNotAny(masked(Masking::Turned), ShownPlace{"mask", 0}), HasSubstr("gives a share to what is padded"))
      << "its zeros show";
  // Each row has to see the place that is shown.
  const auto once = [](int64_t i, int64_t k) { return i == 0 && k == 1 ? -INFINITY : 0; };
  const auto column = [](int64_t, int64_t k) { return k == 1 ? -1e9f : 0; };
  const auto ahead = [](int64_t i, int64_t k) { return k > i ? -1e9f : 0; };
  EXPECT_EQ(whyNot(masked(Masking::Added, once), kMost, 6, ShownPlace{"mask", 0}), "");
  EXPECT_THAT(whyNot(masked(Masking::Added, once), kMost, 6, ShownPlace{"mask", 1}), HasSubstr("gives a share"));
  EXPECT_THAT(whyNot(masked(Masking::Added, column), kMost, 6, ShownPlace{"mask", 1}), HasSubstr("gives a share"));
  EXPECT_EQ(whyNot(masked(Masking::Added, column), kMost, 6, ShownPlace{"mask", 2}), "");
  // What is hidden once has its share beside what is hidden twice, which is padded.
  EXPECT_EQ(whyNot(masked(Masking::Added, ahead), kMost, 6, ShownPlace{"mask", 1}), "");
}

// What is proved of a mask holds for the reference, whatever the mask hides beside the place that it shows.
TEST(PaddingTest, WhatIsProvedOfAMaskIsRightForRandomMasks) {
  std::mt19937_64 random(5);
  for (int64_t future : {0, 1, 3})
    for (int64_t small = 1; small != kMost; ++small) {
      const int64_t place = future == 0 ? small - 1 : 0;
      const OnnxBuilder b =
          masked(Masking::Added, [&](int64_t i, int64_t k) { return future && k >= i + future ? -1e9f : 0; });
      Import ours = importOf(b, kMost), theirs = importOf(b, small);
      ASSERT_EQ(PaddingProof(*ours.module, ShownPlace{"mask", place}).whyNot(*theirs.module).value_or(""), "");
      for (int round = 0; round != 20; ++round) {
        std::vector<float> values = drawn(small * 4, random());
        std::vector<int64_t> mask;
        for (int64_t i = 0; i != small; ++i)
          mask.push_back(i == place || random() % 2);
        const Tensor want = theirs.run({floats({small, 4}, values), Tensor::of<int64_t>({small}, mask)})[0];
        values.resize(kMost * 4, 0);
        mask.resize(kMost, 0);
        const Tensor large = ours.run({floats({kMost, 4}, values), Tensor::of<int64_t>({kMost}, mask)})[0];
        for (int64_t i = 0; i != want.size(); ++i)
          ASSERT_NEAR(want.numberAt(i), large.numberAt(i), 1e-5) << small << " rows, element " << i;
      }
    }
}

TEST(PaddingTest, AReshapeThatMixesRowsIsSeen) {
  OnnxBuilder b = rows();
  b.integers("flat", {1}, {-1});
  b.node("Reshape", {"x", "flat"}, "long");
  b.node("Relu", {"long"}, "y");
  EXPECT_EQ(whyNotAny(b), "") << "rows one behind another";
  OnnxBuilder c = rows();
  c.integers("turned", {2}, {4, -1});
  c.node("Reshape", {"x", "turned"}, "y");
  EXPECT_EQ(whyNotAny(c), "node 'n_y' mixes what is padded with the rest");
}

TEST(PaddingTest, WhatStandsBehindWhatIsPaddedMoves) {
  OnnxBuilder b = rows();
  b.floats("row", {1, 4}, {1, 2, 3, 4});
  OnnxBuilder::attribute(b.node("Concat", {"row", "x"}, "y"), "axis", int64_t(0));
  EXPECT_EQ(whyNotAny(b), "");
  OnnxBuilder c = rows();
  c.floats("row", {1, 4}, {1, 2, 3, 4});
  OnnxBuilder::attribute(c.node("Concat", {"x", "row"}, "y"), "axis", int64_t(0));
  EXPECT_EQ(whyNotAny(c), "node 'n_y' puts something behind what is padded");
}

//===--------------------------------------------------------------------------------------------------------------===//
// Random graphs
//===--------------------------------------------------------------------------------------------------------------===//

class Drawing {
public:
  explicit Drawing(uint64_t seed) : random(seed), b(rows()) {
    causal(b, "hide", [](int64_t i, int64_t k) { return k > i ? -1e9f : 0; });
    causal(b, "lower", [](int64_t i, int64_t k) { return k > i ? 0 : 0.25f; });
    values = {{"x", Kind::Rows}};
    const int64_t count = 2 + int64_t(random() % 7);
    for (int64_t i = 0; i != count; ++i)
      step("v" + std::to_string(i));
    b.node("Identity", {values.back().first}, "y");
  }

  std::mt19937_64 random;
  OnnxBuilder b;

private:
  enum class Kind { Rows, Columns, Square }; // [N, 4], [4, N], [N, N]

  std::pair<std::string, Kind> pick() { return values[random() % values.size()]; }
  std::string pick(Kind kind) {
    std::vector<std::string> names;
    for (const auto &[name, its] : values)
      if (its == kind)
        names.push_back(name);
    return names.empty() ? "" : names[random() % names.size()];
  }

  void step(const std::string &name) {
    const auto [from, kind] = pick();
    const auto axis = int64_t(random() % 2);
    switch (random() % 14) {
    case 0:
      b.node("Identity", {from}, name);
      values.emplace_back(quantised(b, name), kind);
      return;
    case 1:
      OnnxBuilder::attribute(b.node("Transpose", {from}, name), "perm", std::vector<int64_t>{1, 0});
      values.emplace_back(name, kind == Kind::Rows ? Kind::Columns : kind == Kind::Columns ? Kind::Rows : kind);
      return;
    case 2:
      OnnxBuilder::attribute(b.node("Softmax", {from}, name), "axis", axis);
      break;
    case 3:
      OnnxBuilder::attribute(b.node("ReduceMean", {from}, name + "_m"), "axes", std::vector<int64_t>{axis});
      b.node("Sub", {from, name + "_m"}, name);
      break;
    case 4:
      b.node("ReduceSum", {from, axis ? "axis1" : "axis0"}, name + "_m");
      b.node("Add", {from, name + "_m"}, name);
      break;
    case 5:
      b.node("Add", {from, pick(kind)}, name);
      break;
    case 6:
      b.node("Mul", {from, pick(kind)}, name);
      break;
    case 7:
      b.node("Tanh", {from}, name);
      break;
    case 8:
      b.node("Sigmoid", {from}, name); // a half beside
      break;
    case 9:
      if (kind == Kind::Square)
        b.node("Add", {from, "hide"}, name);
      else
        b.node("Abs", {from}, name);
      break;
    case 10:
    case 11:
      if (kind == Kind::Square && !pick(Kind::Rows).empty()) {
        b.node("MatMul", {from, pick(Kind::Rows)}, name);
        values.emplace_back(name, Kind::Rows);
        return;
      }
      if (kind == Kind::Rows && !pick(Kind::Columns).empty()) {
        b.node("MatMul", {from, pick(Kind::Columns)}, name);
        values.emplace_back(name, Kind::Square);
        return;
      }
      b.node("Neg", {from}, name);
      break;
    case 12:
      if (kind != Kind::Rows) {
        b.node("Relu", {from}, name);
        break;
      }
      b.node("MatMul", {"lower", from}, name);
      break;
    default:
      if (kind == Kind::Square) {
        b.node("Mul", {from, "lower"}, name);
        break;
      }
      b.node("Exp", {from}, name);
      break;
    }
    values.emplace_back(name, kind);
  }

  std::vector<std::pair<std::string, Kind>> values;
};

// The corner of a tensor.
Tensor cornerOf(const Tensor &large, Dims shape) {
  Tensor corner(large.type, shape);
  const int64_t width = byteWidth(large.type);
  for (int64_t i = 0; i != corner.size(); ++i) {
    int64_t from = 0, stride = 1, index = i;
    for (size_t k = shape.size(); k-- != 0; index /= shape[k]) {
      from += index % shape[k] * stride;
      stride *= large.shape[k];
    }
    std::copy_n(large.bytes.begin() + from * width, width, corner.bytes.begin() + i * width);
  }
  return corner;
}

TEST(PaddingTest, WhatIsAllowedIsRightForRandomGraphs) {
  constexpr int kGraphs = 1500;
  int allowed = 0, masked = 0;
  for (uint64_t seed = 0; seed != kGraphs; ++seed) {
    Drawing drawing(seed);
    const auto small = int64_t(1 + drawing.random() % (kMost - 1));
    Import ours = importOf(drawing.b, kMost), theirs = importOf(drawing.b, small);
    ASSERT_TRUE(ours.module && theirs.module) << ours.text() << theirs.text();
    if (PaddingProof(*ours.module).whyNot(*theirs.module))
      continue;
    ++allowed;
    masked += ours.count<MatmulOp>() != 0;
    const std::vector<float> values = drawn(small * 4, seed);
    std::vector<float> filled = values;
    filled.resize(kMost * 4, 0);
    const Tensor large = ours.run({floats({kMost, 4}, filled)})[0], want = theirs.run({floats({small, 4}, values)})[0];
    const Tensor have = cornerOf(large, want.shape);
    for (int64_t i = 0; i != want.size(); ++i) {
      const double a = want.numberAt(i), c = have.numberAt(i);
      ASSERT_TRUE((std::isnan(a) && std::isnan(c)) || a == c || std::abs(a - c) <= 1e-4 * std::max(1.0, std::abs(a)))
          << "seed " << seed << ", " << small << " rows, element " << i << ": " << a << " against " << c;
    }
  }
  EXPECT_GT(allowed, kGraphs / 5);
  EXPECT_GT(masked, kGraphs / 20);
}

} // namespace
} // namespace tw::ir::test
