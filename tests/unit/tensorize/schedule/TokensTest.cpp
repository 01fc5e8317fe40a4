// SPDX-License-Identifier: Apache-2.0
// Tokens in blocks: what a body finds on chip, and that the result is stored for each token and no other.
#include "tw/tensorize/Tokens.h"

#include "MovedRows.h"
#include "schedule/Lives.h"
#include "schedule/MoveWriter.h"

#include <algorithm>

using namespace tw::tensorize;
using namespace tw::test;

namespace {

// On chip, `bytes` from one place to another.
std::vector<Instruction> copied(const Target &target, int64_t bytes, int64_t from, int64_t to) {
  return copyBox(*Movers(target).within(memoryOfTensors(target)), {bytes}, {1}, from, {1}, to, 0);
}

const Memory &chipOf(const Target &target) { return target.memories[size_t(memoryOfTensors(target))]; }

// Tensors of tokens in rows, the last of which is made of the others.
struct Tokens {
  Tokens(const std::string &name, uint64_t spmBytes, int64_t tokens, std::vector<int64_t> rowsOfToken)
      : rows(name, spmBytes, times(rowsOfToken, tokens), uint32_t(tokens)) {
    stream.tensors = rows.moves.tensors;
    stream.tokens = tokens;
    for (int i = 0; i + 1 != int(rowsOfToken.size()); ++i)
      stream.operands.push_back({i, rowsOfToken[size_t(i)] * rows.lanes()});
    stream.result = {int(rowsOfToken.size()) - 1, rowsOfToken.back() * rows.lanes()};
    stream.body = [](const TokenTile &) { return std::vector<Instruction>(); };
  }
  static std::vector<int64_t> times(std::vector<int64_t> list, int64_t factor) {
    for (int64_t &each : list)
      each *= factor;
    return list;
  }
  void run() {
    auto tile = tokenTile(stream, rows.target);
    ASSERT_TRUE(std::holds_alternative<TokenTile>(tile)) << std::get<Rejection>(tile).text;
    rows.run(emitTokens(stream, rows.target, std::get<TokenTile>(tile)));
  }

  MovedRows rows;
  TokenStream stream;
};

// One less than the lanes, one more than a tile of blocks, and so on.
const std::vector<int64_t> kTokens{1, 7, 8, 9, 15, 16, 17, 63, 65, 200};

} // namespace

// A body that does nothing leaves the first operand.
TEST(TokensTest, TheResultIsStoredFromTheFirstOperandsPlace) {
  for (int64_t tokens : kTokens)
    for (uint64_t bytes : {0, 16384}) {
      Tokens its("tw8", bytes, tokens, {2, 2});
      its.run();
      for (int64_t row = 0; row != 2 * tokens; ++row)
        for (int64_t lane = 0; lane != 8; ++lane)
          ASSERT_EQ(its.rows.byte(1, row, lane), its.rows.byte(0, row, lane)) << tokens << ", row " << row;
    }
}

TEST(TokensTest, EachOperandLiesWhereTheBodyIsTold) {
  for (int64_t tokens : kTokens) {
    Tokens its("tw8", 16384, tokens, {3, 3, 3});
    its.stream.body = [&](const TokenTile &tile) {
      return copied(its.rows.target, tile.blocks * 8 * 24, tile.operands[1], tile.operands[0]);
    };
    its.run();
    for (int64_t row = 0; row != 3 * tokens; ++row)
      ASSERT_EQ(its.rows.byte(2, row, 0), its.rows.byte(1, row, 0)) << tokens << ", row " << row;
  }
}

// Three blocks of constants, then the first again, whatever a tile begins with.
TEST(TokensTest, ConstantsOfABlockComeRoundAgain) {
  for (int64_t tokens : kTokens) {
    Tokens its("tw8", 16384, tokens, {1, 1});
    its.stream.cycledBytes = 8 * 8;
    for (int i = 0; i != 3 * 64; ++i)
      its.stream.cycled.push_back(uint8_t(i));
    its.stream.body = [&](const TokenTile &tile) {
      return copied(its.rows.target, tile.blocks * 64, tile.cycled, tile.operands[0]);
    };
    its.run();
    for (int64_t token = 0; token != tokens; ++token)
      for (int64_t lane = 0; lane != 8; ++lane)
        ASSERT_EQ(its.rows.byte(1, token, lane), uint8_t(token % 24 * 8 + lane)) << tokens << ", token " << token;
  }
}

// Operands, scratch memory and constants of both slots, each for itself and inside the memory.
TEST(TokensTest, NothingOnChipOverlaps) {
  for (uint64_t bytes : {0, 16384})
    for (int64_t scratch : {64, 640}) {
      Tokens its("tw8", bytes, 300, {3, 1, 3});
      its.stream.cycledBytes = 192;
      its.stream.cycled.resize(192);
      its.stream.scratchBytes = {scratch, 64, 128};
      auto made = tokenTile(its.stream, its.rows.target);
      ASSERT_TRUE(std::holds_alternative<TokenTile>(made));
      const TokenTile tile = std::get<TokenTile>(made);
      EXPECT_GE(tile.blocks, 1);
      std::vector<std::pair<int64_t, int64_t>> places{{0, 2 * tile.blocks * 8 * (3 + 1) * 8},
                                                      {tile.cycled, 2 * tile.blocks * 192}};
      for (size_t part = 0; part != 3; ++part)
        places.push_back({tile.scratch[part], tile.blocks * its.stream.scratchBytes[part]});
      std::ranges::sort(places);
      for (size_t i = 0; i + 1 != places.size(); ++i)
        EXPECT_LE(places[i].first + places[i].second, places[i + 1].first) << bytes << ", " << i;
      EXPECT_LE(places.back().first + places.back().second, capacityOf(chipOf(its.rows.target)));
    }
}

// 8 tokens of 1024 rows: 64 KiB, twice.
TEST(TokensTest, ABlockThatDoesNotFitIsRefusedWithBothNumbers) {
  Tokens its("tw8", 16384, 8, {128, 128});
  its.stream.scratchBytes = {0, 0, 1};
  auto made = tokenTile(its.stream, its.rows.target);
  ASSERT_TRUE(std::holds_alternative<Rejection>(made));
  EXPECT_EQ(std::get<Rejection>(made).text, "8 tokens need 16385 bytes of SPM, it has 16384");
  EXPECT_EQ(leastBytesOf(its.stream, its.rows.target), 16385u);
  its.stream.scratchBytes = {};
  ASSERT_TRUE(std::holds_alternative<TokenTile>(tokenTile(its.stream, its.rows.target))) << "the last byte is enough";
  its.run();
}

TEST(TokensTest, AnImageIsLoadedOnceBeforeTheFirstTile) {
  Tokens its("tw8", 0, 40, {1, 1});
  const int64_t at = int64_t(chipOf(its.rows.target).granules) - 8; // the last bytes of it
  its.stream.images = {{memoryOfTensors(its.rows.target), at, std::vector<uint8_t>(8, 0x77)}};
  its.stream.body = [&](const TokenTile &tile) {
    std::vector<Instruction> all;
    for (int64_t row = 0; row != 8 * tile.blocks; ++row)
      std::ranges::move(copied(its.rows.target, 8, at, tile.operands[0] + 8 * row), std::back_inserter(all));
    return all;
  };
  its.run();
  for (int64_t token = 0; token != 40; ++token)
    ASSERT_EQ(its.rows.byte(1, token, token % 8), 0x77) << token;
}
