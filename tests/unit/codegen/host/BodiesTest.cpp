// SPDX-License-Identifier: Apache-2.0
// Bodies on lanes: what is read by index, one lane at a time or as neighbours, and what all lanes share.
#include "host/Bodies.h"

#include "../NativeCode.h"

#include "tw/ir/GraphDialect.h"

#include "mlir/Parser/Parser.h"

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

struct BodiesTest : testing::Test {
  // The generic of a function whose arguments are its tables.
  void parse(const std::string &text) {
    parsed = parseSourceString<ModuleOp>(text, &native.context);
    ASSERT_TRUE(parsed);
    auto block = *parsed->getOps<func::FuncOp>().begin();
    block.walk([&](linalg::GenericOp op) { stage.body = op.getBody(); });
    for (BlockArgument argument : block.getArguments()) {
      auto type = cast<RankedTensorType>(argument.getType());
      function.captured[argument] =
          function.addArray({HostArray::Argument, type.getElementType(), type.getNumElements()});
    }
    for (unsigned loop = 0; loop != 2; ++loop)
      stage.indexOf.push_back({{loop, 1}});
  }

  // Writes the body's values for so many lanes; loop `l` is at base[l], and grows by step[l] from lane to lane.
  void write(const std::string &name, int64_t lanes, std::vector<int64_t> base, std::vector<int64_t> step,
             Type result) {
    HostFunction with;
    with.arrays = function.arrays;
    with.captured = function.captured;
    const unsigned out = with.addArray({HostArray::Result, result, lanes});
    native.add(name, with, [&](OpBuilder &b, ArrayRef<Value> memory, Value, Value) {
      Writer writer{b, native.at(), with, memory};
      SmallVector<Value> none(stage.body->getNumArguments());
      Value made = evaluateBody(writer, stage, none, lanes, [&](const Stage::Parts &parts) {
        const unsigned loop = parts.front().first;
        return IndexValue{writer.index(base[loop]), step[loop]};
      });
      made = writer.spread(made, lanes);
      if (lanes == 1)
        writer.create<memref::StoreOp>(made, memory[out], writer.index(0));
      else
        writer.create<vector::StoreOp>(made, memory[out], writer.index(0));
    });
  }

  test::NativeCode native;
  OwningOpRef<ModuleOp> parsed;
  HostFunction function;
  Stage stage;
};

} // namespace

// table[i][j] of 5 x 7 with lanes along either index, both, backwards, or none.
TEST_F(BodiesTest, ATableIsReadAtAnyStepFromLaneToLane) {
  parse(R"mlir(
#place = affine_map<(d0, d1) -> (d0, d1)>
func.func @f(%t: tensor<5x7xi32>) -> tensor<5x7xi32> {
  %e = tensor.empty() : tensor<5x7xi32>
  %y = linalg.generic {indexing_maps = [#place], iterator_types = ["parallel", "parallel"]}
      outs(%e : tensor<5x7xi32>) {
    ^bb0(%o: i32):
      %i = linalg.index 0 : index
      %j = linalg.index 1 : index
      %v = tensor.extract %t[%i, %j] : tensor<5x7xi32>
      linalg.yield %v : i32 } -> tensor<5x7xi32>
  return %y : tensor<5x7xi32>
})mlir");
  struct Walk {
    std::vector<int64_t> base, step;
  };
  const std::vector<Walk> walks{{{2, 1}, {0, 1}},   {{0, 3}, {1, 0}}, {{0, 0}, {1, 1}}, {{3, 5}, {0, -1}},
                                {{4, 6}, {-1, -1}}, {{1, 2}, {0, 0}}, {{3, 0}, {-1, 2}}};
  const Type word = IntegerType::get(&native.context, 32);
  for (size_t w = 0; w != walks.size(); ++w)
    for (int64_t lanes : {1, 4})
      write("f" + std::to_string(w) + "_" + std::to_string(lanes), lanes, walks[w].base, walks[w].step, word);
  native.link();
  std::vector<int32_t> table(35), got;
  for (size_t i = 0; i != table.size(); ++i)
    table[i] = int32_t(100 * (i / 7) + i % 7);
  for (size_t w = 0; w != walks.size(); ++w)
    for (int64_t lanes : {1, 4}) {
      got.assign(size_t(lanes), -1);
      native.run("f" + std::to_string(w) + "_" + std::to_string(lanes), {table.data(), got.data()});
      for (int64_t lane = 0; lane != lanes; ++lane)
        EXPECT_EQ(got[size_t(lane)],
                  100 * (walks[w].base[0] + lane * walks[w].step[0]) + walks[w].base[1] + lane * walks[w].step[1])
            << "walk " << w << ", lane " << lane;
    }
}

// An index that is itself read: each lane has its own, of any type that an index is made of.
TEST_F(BodiesTest, AnIndexThatIsReadIsOneOfEachLane) {
  parse(R"mlir(
#place = affine_map<(d0, d1) -> (d0, d1)>
func.func @f(%places: tensor<8xi64>, %t: tensor<3x9xi32>) -> tensor<3x8xi32> {
  %e = tensor.empty() : tensor<3x8xi32>
  %y = linalg.generic {indexing_maps = [#place], iterator_types = ["parallel", "parallel"]}
      outs(%e : tensor<3x8xi32>) {
    ^bb0(%o: i32):
      %i = linalg.index 0 : index
      %j = linalg.index 1 : index
      %p = tensor.extract %places[%j] : tensor<8xi64>
      %q = arith.index_cast %p : i64 to index
      %v = tensor.extract %t[%i, %q] : tensor<3x9xi32>
      linalg.yield %v : i32 } -> tensor<3x8xi32>
  return %y : tensor<3x8xi32>
})mlir");
  const Type word = IntegerType::get(&native.context, 32);
  write("lanes", 8, {2, 0}, {0, 1}, word);
  write("one", 1, {1, 5}, {0, 1}, word);
  write("shared", 8, {0, 3}, {0, 0}, word); // all lanes read the same place
  native.link();
  std::vector<int64_t> places{8, 0, 3, 3, 7, 1, 0, 8};
  std::vector<int32_t> table(27), got(8);
  for (size_t i = 0; i != table.size(); ++i)
    table[i] = int32_t(i);
  native.run("lanes", {places.data(), table.data(), got.data()});
  for (size_t lane = 0; lane != 8; ++lane)
    EXPECT_EQ(got[lane], 2 * 9 + places[lane]);
  native.run("one", {places.data(), table.data(), got.data()});
  EXPECT_EQ(got[0], 9 + places[5]);
  native.run("shared", {places.data(), table.data(), got.data()});
  EXPECT_EQ(got, std::vector<int32_t>(8, int32_t(places[3])));
}

// Every byte has its place in a table of 256, the least one the first.
TEST_F(BodiesTest, ALookUpTakesEveryByteAndAChoiceOneConditionForAllLanes) {
  parse(R"mlir(
#place = affine_map<(d0, d1) -> (d0, d1)>
func.func @f(%bytes: tensor<256xi8>, %turn: tensor<1xi1>, %t: tensor<256xi8>) -> tensor<1x256xi8> {
  %e = tensor.empty() : tensor<1x256xi8>
  %y = linalg.generic {indexing_maps = [#place], iterator_types = ["parallel", "parallel"]}
      outs(%e : tensor<1x256xi8>) {
    ^bb0(%o: i8):
      %i = linalg.index 0 : index
      %j = linalg.index 1 : index
      %b = tensor.extract %bytes[%j] : tensor<256xi8>
      %c = tensor.extract %turn[%i] : tensor<1xi1>
      %l = tw.lut %b, %t : tensor<256xi8>
      %v = arith.select %c, %l, %b : i8
      linalg.yield %v : i8 } -> tensor<1x256xi8>
  return %y : tensor<1x256xi8>
})mlir");
  const Type byte = IntegerType::get(&native.context, 8);
  std::vector<std::pair<int64_t, int64_t>> ways{{1, 0}, {1, 127}, {1, 128}, {1, 255}}; // lanes, first byte
  for (int64_t at = 0; at != 256; at += 32)
    ways.push_back({32, at});
  for (auto [lanes, at] : ways)
    write("f" + std::to_string(lanes) + "_" + std::to_string(at), lanes, {0, at}, {0, 1}, byte);
  native.link();
  std::vector<uint8_t> bytes(256), turn{1}, table(256), got(32);
  for (size_t i = 0; i != 256; ++i) {
    bytes[i] = uint8_t(i);
    table[i] = uint8_t(i * 7 + 3);
  }
  for (uint8_t isTurned : {1, 0}) {
    turn[0] = isTurned;
    for (auto [lanes, at] : ways) {
      native.run("f" + std::to_string(lanes) + "_" + std::to_string(at),
                 {bytes.data(), turn.data(), table.data(), got.data()});
      for (int64_t lane = 0; lane != lanes; ++lane) {
        const uint8_t its = uint8_t(at + lane);
        ASSERT_EQ(got[size_t(lane)], isTurned ? table[uint8_t(its + 128)] : its) << int(its);
      }
    }
  }
}
