// SPDX-License-Identifier: Apache-2.0
// Products of neighbours at the ends of their range, in any number of lanes, with the processor's instruction and
// without.
#include "host/DotProduct.h"

#include "../NativeCode.h"

#include <random>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

constexpr int64_t kLanes[] = {1, 2, 4, 8, 16};

// `x`: a group for all lanes; `w`: a group a lane; `sum`: a number a lane, which becomes the result.
template <typename X, typename W>
void expectProducts(const std::string &cpu, Dot dot, std::vector<std::pair<X, W>> ends) {
  test::NativeCode native(cpu);
  const int64_t group = dot == Dot::Pairs ? 2 : 4;
  const Type word = IntegerType::get(&native.context, 32), part = IntegerType::get(&native.context, 8 * sizeof(W));
  for (int64_t lanes : kLanes) {
    HostFunction function;
    const unsigned x = function.addArray({HostArray::Argument, part, group}),
                   w = function.addArray({HostArray::Argument, part, group * lanes}),
                   sum = function.addArray({HostArray::Result, word, lanes});
    native.add("f" + std::to_string(lanes), function, [&](OpBuilder &b, ArrayRef<Value> memory, Value, Value) {
      Writer writer{b, native.at(), function, memory};
      Value few =
          writer.create<vector::BitCastOp>(VectorType::get({1}, word), writer.loadVector(x, writer.index(0), group));
      Value spread = writer.create<vector::BroadcastOp>(VectorType::get({lanes}, word), writer.lane(few, 0));
      Value result = dotProduct(writer, dot, native.processor, writer.loadVector(sum, writer.index(0), lanes), spread,
                                writer.loadVector(w, writer.index(0), group * lanes), lanes);
      if (lanes == 1)
        writer.create<memref::StoreOp>(result, memory[sum], writer.index(0));
      else
        writer.create<vector::StoreOp>(result, memory[sum], writer.index(0));
    });
  }
  native.link();
  std::mt19937 random(3);
  for (int64_t lanes : kLanes)
    for (int trial = 0; trial != 50; ++trial) {
      std::vector<X> xs(static_cast<size_t>(group));
      std::vector<W> ws(size_t(group * lanes));
      std::vector<int32_t> sums(static_cast<size_t>(lanes)), expected;
      for (size_t i = 0; i != xs.size(); ++i)
        xs[i] = trial % 2 ? X(random()) : ends[random() % ends.size()].first;
      for (W &each : ws)
        each = trial % 2 ? W(random() % 511 - 255) : ends[random() % ends.size()].second;
      for (int64_t lane = 0; lane != lanes; ++lane) {
        sums[size_t(lane)] = trial % 3 ? int32_t(random()) : INT32_MAX - 5; // sums wrap
        uint32_t total = uint32_t(sums[size_t(lane)]);
        for (int64_t i = 0; i != group; ++i)
          total += uint32_t(int32_t(xs[size_t(i)]) * int32_t(ws[size_t(lane * group + i)]));
        expected.push_back(int32_t(total));
      }
      native.run("f" + std::to_string(lanes), {xs.data(), ws.data(), sums.data()});
      ASSERT_EQ(sums, expected) << cpu << ", " << lanes << " lanes, trial " << trial;
    }
}

} // namespace

// Bytes widened to 16 bits, weights less their zero point: -255 to 255.
TEST(DotProductTest, PairsOfInt16AreSummedAsTheyAre) {
  const std::vector<std::pair<int16_t, int16_t>> ends{{-128, -255}, {127, 255}, {-128, 255}, {0, 0}, {INT16_MAX, 255}};
  expectProducts<int16_t, int16_t>("x86-64-v3", Dot::Pairs, ends);
  if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    expectProducts<int16_t, int16_t>("skylake-avx512", Dot::Pairs, ends);
  else
    GTEST_SKIP() << "code for skylake-avx512 was not run: this computer lacks its instructions";
}

// The first factor has no sign, the second has: 255 * -128 four times is no saturated sum.
TEST(DotProductTest, QuadsOfBytesWithAndWithoutASign) {
  if (!__builtin_cpu_supports("avx512vnni"))
    GTEST_SKIP() << "code for cascadelake was not run: this computer lacks its instructions";
  expectProducts<uint8_t, int8_t>("cascadelake", Dot::Quads, {{255, -128}, {255, 127}, {128, -1}, {0, 0}});
}
