// SPDX-License-Identifier: Apache-2.0
// Nests in tiles that no chooser would take: whatever the tiles, the same numbers, and nothing beside them.
#include "host/Emit.h"

#include "../NativeCode.h"
#include "tw/ir/FloatFunctions.h"

#include <algorithm>
#include <numeric>
#include <random>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

constexpr int64_t kGuard = 16;
constexpr int32_t kUntouched = 0x5a5a5a5a;

using Extents = SmallVector<int64_t, 8>;

struct EmitTest : testing::Test {
  // The body of a stage: `make` of the arguments.
  Block *body(ArrayRef<Type> types, llvm::function_ref<Value(OpBuilder &, Block &)> make) {
    function.bodies.push_back(std::make_unique<Region>());
    Block *block = &function.bodies.back()->emplaceBlock();
    for (Type type : types)
      block->addArgument(type, native.at());
    OpBuilder builder(&native.context);
    builder.setInsertionPointToEnd(block);
    builder.create<linalg::YieldOp>(native.at(), make(builder, *block));
    return block;
  }
  template <typename Op> Block *pairwise(Type type) {
    return body({type, type, type}, [&](OpBuilder &b, Block &block) -> Value {
      return b.create<Op>(native.at(), block.getArgument(0), block.getArgument(1));
    });
  }

  unsigned array(HostArray::Kind kind, Type element, int64_t count) {
    return function.addArray({kind, element, count + kGuard});
  }

  // Tiles of any size, in any order, the lanes along `lanes` if there is a vector.
  Tiling anyTiling(const HostNest &nest, int lanes) {
    Tiling tiling;
    tiling.lanes = random() % 4 == 0 ? -1 : lanes;
    tiling.vectorWidth = tiling.lanes < 0 ? 1 : int64_t(1) << random() % 4;
    for (unsigned loop = 0; loop != nest.loops(); ++loop) {
      tiling.tile.push_back(nest.isReduction[loop]      ? 1
                            : int(loop) == tiling.lanes ? tiling.vectorWidth * int64_t(1 + random() % 3)
                                                        : int64_t(1 + random() % 4));
      if (!nest.isReduction[loop])
        tiling.order.push_back(loop);
    }
    std::shuffle(tiling.order.begin(), tiling.order.end(), random);
    if (!tiling.order.empty())
      tiling.extent = (nest.extents[tiling.order[0]] + tiling.tile[tiling.order[0]] - 1) / tiling.tile[tiling.order[0]];
    return tiling;
  }

  // Writes the nest as function number `which`.
  void emit(const HostNest &nest, const Tiling &tiling, int which) {
    native.add("f" + std::to_string(which), function,
               [&](OpBuilder &builder, ArrayRef<Value> memory, Value lo, Value hi) {
                 emitNest(builder, native.at(), function, nest, tiling, native.processor, memory, lo, hi);
               });
  }

  // Runs it, its range cut anywhere; what lies behind the result stays.
  template <typename T>
  std::vector<T> result(const Tiling &tiling, int which, std::vector<void *> inputs, int64_t count) {
    std::vector<T> memory(size_t(count + kGuard));
    std::memset(memory.data(), 0x5a, memory.size() * sizeof(T));
    inputs.push_back(memory.data());
    const int64_t cut = tiling.extent == 0 ? 0 : int64_t(random() % uint64_t(tiling.extent + 1));
    native.run("f" + std::to_string(which), inputs, cut, tiling.extent);
    native.run("f" + std::to_string(which), inputs, 0, cut);
    for (int64_t i = count; i != count + kGuard; ++i)
      EXPECT_EQ(std::memcmp(&memory[size_t(i)], &kUntouched, std::min(sizeof(T), sizeof(kUntouched))), 0)
          << "written behind the end";
    memory.resize(size_t(count));
    return memory;
  }

  std::vector<int32_t> numbers(int64_t count) {
    std::vector<int32_t> list(size_t(count + kGuard));
    for (int32_t &each : list)
      each = int32_t(random()) >> 16;
    return list;
  }

  test::NativeCode native;
  Block outside; // what bodies read by index
  HostFunction function;
  std::mt19937 random{17};
};

} // namespace

// y[i][j] = x[j][i] + b[j]: one operand across, one the same for all rows.
TEST_F(EmitTest, ElementwiseNestsInAnyTiles) {
  const int64_t rows = 13, columns = 21;
  const Type word = IntegerType::get(&native.context, 32);
  const unsigned x = array(HostArray::Argument, word, rows * columns), b = array(HostArray::Argument, word, columns),
                 y = array(HostArray::Result, word, rows * columns);
  HostNest nest;
  nest.extents = {rows, columns};
  nest.isReduction = {false, false};
  Stage stage;
  stage.body = pairwise<arith::AddIOp>(word);
  stage.inputs = {HostAccess{x, 0, {1, rows}}, HostAccess{b, 0, {0, 1}}};
  nest.stages.push_back(std::move(stage));
  nest.output = {y, 0, {columns, 1}};
  std::vector<Tiling> tilings;
  for (int which = 0; which != 24; ++which)
    emit(nest, tilings.emplace_back(anyTiling(nest, 1)), which);
  native.link();
  std::vector<int32_t> xs = numbers(rows * columns), bs = numbers(columns);
  for (int which = 0; which != 24; ++which) {
    const auto got = result<int32_t>(tilings[size_t(which)], which, {xs.data(), bs.data()}, rows * columns);
    for (int64_t i = 0; i != rows * columns; ++i)
      ASSERT_EQ(got[size_t(i)], xs[size_t(i % columns * rows + i / columns)] + bs[size_t(i % columns)])
          << "tiling " << which << ", element " << i;
  }
}

// y[m][n] = (b[n] + sum over k1, k2 of x[m][k1][k2] * w[k1][k2][n]) + z[m][n], short sums and long ones.
TEST_F(EmitTest, SumsInAnyTilesWithAnyBeginning) {
  const Type word = IntegerType::get(&native.context, 32);
  struct Made {
    HostNest nest;
    Tiling tiling;
    int64_t m, n, k1, k2;
    bool hasStart;
  };
  const unsigned x = array(HostArray::Argument, word, 2000), w = array(HostArray::Argument, word, 2000),
                 b = array(HostArray::Argument, word, 40), z = array(HostArray::Argument, word, 400),
                 y = array(HostArray::Result, word, 400);
  Block *product = body({word, word, word}, [&](OpBuilder &builder, Block &block) -> Value {
    Value both = builder.create<arith::MulIOp>(native.at(), block.getArgument(0), block.getArgument(1));
    return builder.create<arith::AddIOp>(native.at(), block.getArgument(2), both);
  });
  Block *sum = pairwise<arith::AddIOp>(word);
  std::vector<Made> all;
  for (int which = 0; which != 24; ++which) {
    const int64_t m = int64_t(1 + random() % 9), n = int64_t(1 + random() % 35), k1 = int64_t(random() % 5),
                  k2 = int64_t(1 + random() % 5);
    HostNest nest;
    nest.extents = {m, n, k1, k2};
    nest.isReduction = {false, false, true, true};
    nest.isReduced = true;
    Stage first, second;
    first.body = product;
    first.inputs = {HostAccess{x, 0, {k1 * k2, 0, k2, 1}}, HostAccess{w, 0, {0, 1, k2 * n, n}}};
    second.body = sum;
    second.inputs = {StageInput(0u), HostAccess{z, 0, {n, 1, 0, 0}}};
    nest.stages = {first, second};
    const bool hasStart = random() % 2;
    if (hasStart)
      nest.initial = HostAccess{b, 0, {0, 1, 0, 0}};
    else
      nest.initial = TypedAttr(IntegerAttr::get(word, 7));
    nest.output = {y, 0, {n, 1, 0, 0}};
    Tiling tiling = anyTiling(nest, 1);
    emit(nest, tiling, which);
    all.push_back({std::move(nest), std::move(tiling), m, n, k1, k2, hasStart});
  }
  native.link();
  std::vector<int32_t> xs = numbers(2000), ws = numbers(2000), bs = numbers(40), zs = numbers(400);
  for (int which = 0; which != 24; ++which) {
    const Made &made = all[size_t(which)];
    const auto got = result<int32_t>(made.tiling, which, {xs.data(), ws.data(), bs.data(), zs.data()}, 400);
    for (int64_t i = 0; i != made.m * made.n; ++i) {
      const int64_t row = i / made.n, column = i % made.n, length = made.k1 * made.k2;
      uint32_t expected = made.hasStart ? uint32_t(bs[size_t(column)]) : 7u;
      for (int64_t k = 0; k != length; ++k)
        expected += uint32_t(xs[size_t(row * length + k)]) * uint32_t(ws[size_t(k * made.n + column)]);
      ASSERT_EQ(uint32_t(got[size_t(i)]), expected + uint32_t(zs[size_t(i)])) << "nest " << which << ", element " << i;
    }
  }
}

// The order of a float sum is what the reference has: it decides the last bits.
TEST_F(EmitTest, ASumAlongNeighboursIsAddedInLanesAndThenLaneByLane) {
  const Type real = Float32Type::get(&native.context);
  const unsigned x = array(HostArray::Argument, real, 3 * 200), y = array(HostArray::Result, real, 3);
  Block *sum = body({real, real}, [&](OpBuilder &builder, Block &block) -> Value {
    return builder.create<arith::AddFOp>(native.at(), block.getArgument(0), block.getArgument(1));
  });
  const int64_t lanes = ir::kSumLanes;
  const std::vector<int64_t> lengths{1, 2, lanes - 1, lanes, lanes + 1, 2 * lanes, 3 * lanes + 5, 200};
  std::vector<Tiling> tilings;
  for (int64_t vectorWidth : {1, 4, 8})
    for (int64_t length : lengths) {
      HostNest nest;
      nest.extents = {3, length};
      nest.isReduction = {false, true};
      nest.isReduced = true;
      Stage stage;
      stage.body = sum;
      stage.inputs = {HostAccess{x, 0, {length, 1}}};
      nest.stages.push_back(std::move(stage));
      nest.initial = TypedAttr(FloatAttr::get(real, 0.0));
      nest.output = {y, 0, {1, 0}};
      Tiling tiling;
      tiling.reduceLanes = 1;
      tiling.vectorWidth = vectorWidth;
      tiling.tile = {2, 1};
      tiling.order = {0};
      tiling.extent = 2;
      emit(nest, tiling, int(tilings.size()));
      tilings.push_back(tiling);
    }
  native.link();
  std::vector<float> xs(3 * 200 + size_t(kGuard));
  for (float &each : xs)
    each = float(int32_t(random())) / 3e4f;
  for (size_t which = 0; which != tilings.size(); ++which) {
    const int64_t length = lengths[which % lengths.size()];
    const auto got = result<float>(tilings[which], int(which), {xs.data()}, 3);
    for (int64_t row = 0; row != 3; ++row) {
      std::vector<float> sums(size_t(std::min(length, lanes)), 0.0f);
      for (int64_t k = 0; k != length; ++k)
        sums[size_t(k % lanes)] = xs[size_t(row * length + k)] + sums[size_t(k % lanes)];
      float total = sums[0];
      for (size_t lane = 1; lane != sums.size(); ++lane)
        total = sums[lane] + total;
      EXPECT_EQ(got[size_t(row)], total) << length << " elements, vectors of " << tilings[which].vectorWidth;
    }
  }
}

// A body that asks for its place, where its own first loop is two of the nest's: y[i][j] = table[i][j].
TEST_F(EmitTest, ABodyKnowsItsPlaceInEveryLane) {
  const Type word = IntegerType::get(&native.context, 32);
  const int64_t rows = 6, columns = 19;
  const unsigned x = array(HostArray::Argument, word, rows * columns),
                 y = array(HostArray::Result, word, rows * columns);
  Value table = outside.addArgument(RankedTensorType::get({rows, columns}, word), native.at());
  function.captured[table] = x;
  Block *place = body({word}, [&](OpBuilder &builder, Block &) -> Value {
    auto index = [&](int64_t loop) -> Value { return builder.create<linalg::IndexOp>(native.at(), loop); };
    return builder.create<tensor::ExtractOp>(native.at(), table, ValueRange{index(0), index(1)});
  });
  HostNest nest;
  nest.extents = {rows / 2, 2, columns};
  nest.isReduction = {false, false, false};
  Stage stage;
  stage.body = place;
  stage.indexOf = {{{0, 2}, {1, 1}}, {{2, 1}}};
  nest.stages.push_back(std::move(stage));
  nest.output = {y, 0, {2 * columns, columns, 1}};
  std::vector<Tiling> tilings;
  for (int which = 0; which != 16; ++which)
    emit(nest, tilings.emplace_back(anyTiling(nest, 2)), which);
  native.link();
  std::vector<int32_t> xs = numbers(rows * columns);
  for (int which = 0; which != 16; ++which)
    EXPECT_EQ(result<int32_t>(tilings[size_t(which)], which, {xs.data()}, rows * columns),
              std::vector<int32_t>(xs.begin(), xs.end() - kGuard))
        << "tiling " << which;
}

// One point has no loop that could be cut, and no rows are no tiles.
TEST_F(EmitTest, OnePointIsWrittenOnceAndNoRowsNever) {
  const Type word = IntegerType::get(&native.context, 32);
  const unsigned y = array(HostArray::Result, word, 4);
  HostNest point;
  point.initial = TypedAttr(IntegerAttr::get(word, 9));
  point.output = {y, 2, {}};
  emit(point, Tiling(), 0);
  HostNest none = point;
  none.extents = {0, 4};
  none.isReduction = {false, false};
  none.output = {y, 0, {4, 1}};
  Tiling tiling;
  tiling.lanes = 1;
  tiling.vectorWidth = 4;
  tiling.tile = {1, 4};
  tiling.order = {0, 1};
  tiling.extent = 0;
  emit(none, tiling, 1);
  native.link();
  std::vector<int32_t> memory(4 + size_t(kGuard), kUntouched);
  native.run("f0", {memory.data()}, 0, 1);
  EXPECT_EQ(std::vector<int32_t>(memory.begin(), memory.begin() + 4),
            (std::vector<int32_t>{kUntouched, kUntouched, 9, kUntouched}));
  memory.assign(memory.size(), kUntouched);
  native.run("f1", {memory.data()}, 0, 0);
  EXPECT_EQ(memory, std::vector<int32_t>(memory.size(), kUntouched));
}
