// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Sequences.h"
#include "tw/isa/Numerics.h"
#include <bit>
#include <cassert>
#include <cmath>
#include <numbers>

namespace tw::isa {
namespace {

// What a row's record says; the fields that an instruction does not read stay as they are.
struct Record {
  int8_t lo = -128, hi = 127;
  int32_t ma = 1, mb = 0;
  int8_t za = 0, zb = 0, zy = 0;
  int shift = 0;
};

// Builds a sequence. The operand is transposed first: N tokens, a token block, become the lanes; each channel is a row.
// A statistic is a row (or a vector of int32) for each token block.
class Builder {
public:
  Builder(const HwConfig &config, TokenShape shape, SequencePlace place)
      : n(config.n), shape(shape), place(place), tokenBlocks(shape.tokens / n),
        channelBlocks((shape.channels + n - 1) / n), free(place.scratch) {
    assert(shape.tokens % n == 0 && shape.channels >= 1 && shape.channels < 1 << 14);
  }

  uint32_t tensor() { return take(tokenBlocks * tensorStride()); }
  uint32_t row() { return take(tokenBlocks * n); }
  uint32_t wide() { return take(tokenBlocks * wideStride()); }

  void transposeIn(uint32_t to) { transpose(place.x, false, to, true); }
  void transposeOut(uint32_t from, int8_t zero) {
    if (uint32_t tail = channelBlocks * n - shape.channels) {
      uint32_t rows = from + shape.channels * n;
      add(rows, tail, rows, n, tensorStride(), rows, {.ma = 0, .zy = zero});
    }
    transpose(from, true, place.y, false);
  }
  // y = a * ma + b * mb for each channel; b is a row of its own if bStride is not 0, else one for all channels.
  void add(uint32_t a, uint32_t channels, uint32_t b, uint32_t bStride, uint32_t bBlock, uint32_t y, Record record) {
    Line line = rows(Opcode::Ewadd, channels, a, y);
    line.set(ewadd::b, b).set(ewadd::b_s0, bStride).set(ewadd::b_s2, bBlock);
    append(line.set(ewadd::y, y).set(ewadd::y_s0, n).set(ewadd::y_s2, tensorStride()), ewadd::param, record);
  }
  void subtractRow(uint32_t x, uint32_t row, Record record) { add(x, shape.channels, row, 0, n, x, record); }
  void lookUp(uint32_t a, uint32_t table, uint32_t y) {
    Line line = rows(Opcode::Lut, shape.channels, a, y);
    out.lines.push_back(
        line.set(lut::y, y).set(lut::y_s0, n).set(lut::y_s2, tensorStride()).set(lut::table, place.table + table));
  }
  void reduce(Opcode opcode, uint32_t a, uint32_t y, Record record) {
    Line line = rows(opcode, shape.channels, a, y);
    append(line.set(redsum::y, y).set(redsum::y_s2, opcode == Opcode::Redmax ? n : wideStride()), redsum::param,
           record);
  }
  void pair(Opcode opcode, uint32_t a, uint32_t b, uint32_t y, Record record) {
    Line line(opcode);
    line.set(wadd::n0, tokenBlocks).set(wadd::n1, 1);
    line.set(wadd::a, a).set(wadd::a_s0, wideStride()).set(wadd::b, b).set(wadd::b_s0, wideStride());
    append(line.set(wadd::y, y).set(wadd::y_s0, wideStride()), wadd::param, record);
  }
  void norm(Opcode opcode, uint32_t a, uint32_t y, int shift) {
    Line line(opcode);
    line.set(normrcp::n0, tokenBlocks).set(normrcp::n1, 1).set(normrcp::a, a).set(normrcp::a_s0, wideStride());
    append(line.set(normrcp::y, y).set(normrcp::y_s0, wideStride()), normrcp::param, {.shift = shift});
  }
  void multiplyAdd(uint32_t a, uint32_t m, uint32_t c, uint32_t y, Record record) {
    Line line = rows(Opcode::Ewmad, shape.channels, a, y);
    line.set(ewmad::y, y).set(ewmad::y_s0, n).set(ewmad::y_s2, tensorStride());
    line.set(ewmad::m, m).set(ewmad::m_s2, wideStride()).set(ewmad::c, c).set(ewmad::c_s2, wideStride());
    append(line, ewmad::param, record);
  }
  // Consecutive rows of two operands.
  void combine(Opcode opcode, uint32_t rows, uint32_t a, uint32_t b, uint32_t y, Record record) {
    static_assert(ewadd::b.lsb == ewmul::b.lsb && ewadd::y.lsb == ewmul::y.lsb && ewadd::param.lsb == ewmul::param.lsb);
    Line line(opcode);
    line.set(ewadd::n0, rows).set(ewadd::n1, 1).set(ewadd::n2, 1);
    line.set(ewadd::a, a).set(ewadd::a_s0, n).set(ewadd::b, b).set(ewadd::b_s0, n);
    append(line.set(ewadd::y, y).set(ewadd::y_s0, n), ewadd::param, record);
  }
  // Zero in every lane: nothing of either operand.
  void zero(uint32_t y) { pair(Opcode::Wadd, y, y, y, {.ma = 0}); }

  Sequence out;

private:
  uint32_t tensorStride() const { return channelBlocks * n * n; } // of a token block
  uint32_t wideStride() const { return n * kWordBytes; }
  uint32_t take(uint32_t bytes) {
    uint32_t at = free;
    free += bytes;
    return at;
  }

  // Extents and first operand, at the places that all these rows share.
  Line rows(Opcode opcode, uint32_t channels, uint32_t a, uint32_t) const {
    static_assert(ewadd::a.lsb == lut::a.lsb && ewadd::a.lsb == redsum::a.lsb && ewadd::a.lsb == ewmad::a.lsb);
    static_assert(ewadd::n2.lsb == lut::n2.lsb && ewadd::n2.lsb == redsum::n2.lsb && ewadd::n2.lsb == ewmad::n2.lsb);
    Line line(opcode);
    line.set(ewadd::n0, channels).set(ewadd::n1, 1).set(ewadd::n2, tokenBlocks);
    return line.set(ewadd::a, a).set(ewadd::a_s0, n).set(ewadd::a_s2, tensorStride());
  }

  void append(Line line, FieldRef param, const Record &r) {
    line.set(param, place.param + out.params.size() / n);
    out.lines.push_back(line);
    auto byte = [](int8_t value, int at) { return uint32_t(uint8_t(value)) << at; };
    size_t first = out.params.size();
    out.params.resize(first + n);
    uint32_t *words = &out.params[first];
    words[0] = byte(r.lo, 8) | byte(r.hi, 16);
    words[1] = uint32_t(r.ma);
    words[2] = uint32_t(r.mb);
    words[3] = byte(r.za, 0) | byte(r.zb, 8) | byte(r.zy, 16) | uint32_t(r.shift) << 24;
  }

  // Blocks of N tokens and N channels; in the lanes-are-channels layout a token's rows are channelBlocks * N apart.
  void transpose(uint32_t from, bool fromRows, uint32_t to, bool toRows) {
    Line line(Opcode::Movet);
    line.set(movet::n1, channelBlocks).set(movet::n2, tokenBlocks);
    line.set(movet::a, from).set(movet::a_s0, fromRows ? n : channelBlocks * n);
    line.set(movet::a_s1, fromRows ? n * n : n).set(movet::a_s2, tensorStride());
    line.set(movet::y, to).set(movet::y_s0, toRows ? n : channelBlocks * n);
    out.lines.push_back(line.set(movet::y_s1, toRows ? n * n : n).set(movet::y_s2, tensorStride()));
  }

  const uint32_t n;
  const TokenShape shape;
  const SequencePlace place;
  const uint32_t tokenBlocks, channelBlocks;
  uint32_t free; // first free byte of the scratch memory
};

} // namespace

uint64_t scratchBytes(const HwConfig &config, TokenShape shape) {
  uint64_t n = config.n, blocks = shape.tokens / n, rows = (shape.channels + n - 1) / n * n;
  return blocks * n * (2 * rows + 6 * kWordBytes); // two tensors; a row and at most five vectors of int32
}

Sequence softmaxSequence(const HwConfig &config, TokenShape shape, SequencePlace place, double scale) {
  Builder b(config, shape, place);
  // exp(scale * d) for d = x - max in -255..0, in units of 1/65280: a byte rounded to 1/255, and what is left of it.
  for (bool isLow : {false, true})
    for (int d = -255; d <= 0; ++d) {
      int value = int(std::nearbyint(65280 * std::exp(scale * d))), high = (value + 128) >> 8;
      b.out.tables.push_back(int8_t(isLow ? value - 256 * high : high - 128));
    }
  uint32_t x = b.tensor(), e = b.tensor(), top = b.row(), high = b.wide(), low = b.wide(), none = b.wide();
  b.transposeIn(x);
  b.reduce(Opcode::Redmax, x, top, {});
  b.subtractRow(x, top, {.mb = -1, .zy = 127}); // x - max + 127: all of -255..0
  b.lookUp(x, 0, e);
  b.lookUp(x, 1, x);
  b.reduce(Opcode::Redsum, e, high, {.za = -128});
  b.reduce(Opcode::Redsum, x, low, {});
  b.pair(Opcode::Wadd, high, low, high, {.ma = 256, .mb = 1});
  b.norm(Opcode::Normrcp, high, low, 46); // 2^46 / sum, below 2^31
  b.zero(none);
  b.multiplyAdd(e, low, none, e, {.za = -128, .zy = -128, .shift = 30}); // high * 2^16 / sum
  b.transposeOut(e, -128);
  return std::move(b.out);
}

Sequence layerNormSequence(const HwConfig &config, TokenShape shape, SequencePlace place, int8_t zeroPoint,
                           double eps) {
  Builder b(config, shape, place);
  constexpr int kMeanBits = 22, kVarianceBits = 14, kGainBits = 5, kFactorBits = 14;
  const int k = 30 + std::bit_width(shape.channels) - 1;
  const auto inverse = int32_t(std::nearbyint(std::ldexp(1.0, k) / shape.channels)); // 2^29..2^30
  const auto half = int32_t(std::nearbyint(std::ldexp(std::max(eps, 1.0 / 256), kVarianceBits - 1)));
  uint32_t x = b.tensor(), mean = b.wide(), square = b.wide(), work = b.wide();
  b.transposeIn(x);
  b.reduce(Opcode::Redsum, x, mean, {.za = zeroPoint});
  b.reduce(Opcode::Redsq, x, square, {.za = zeroPoint});
  b.pair(Opcode::Wadd, mean, mean, mean, {.ma = -inverse, .shift = k - kMeanBits}); // minus the mean
  b.pair(Opcode::Wmul, mean, mean, work, {.shift = 2 * kMeanBits - kVarianceBits});
  b.pair(Opcode::Wadd, square, work, square,
         {.ma = inverse, .mb = -(1 << (k - kVarianceBits)), .shift = k - kVarianceBits});
  b.zero(work);
  b.norm(Opcode::Normrcp, work, work, 0); // of zero: 2^31 - 1 in every lane
  b.pair(Opcode::Wadd, square, work, square, {.ma = 1 << 30, .mb = half, .shift = 30});
  b.norm(Opcode::Normrsq, square, square, kVarianceBits / 2 + kFactorBits + kGainBits);
  b.pair(Opcode::Wmul, mean, square, mean, {.shift = kMeanBits});
  b.multiplyAdd(x, square, mean, x, {.za = zeroPoint, .shift = kFactorBits});
  b.transposeOut(x, 0);
  return std::move(b.out);
}

std::array<int8_t, 256> functionTable(double (*function)(double), Quantised from, Quantised to) {
  std::array<int8_t, 256> table;
  for (int q = -128; q <= 127; ++q) {
    double y = std::nearbyint(function((q - from.zero) * from.scale) / to.scale) + to.zero;
    table[lutIndex(int8_t(q))] = int8_t(std::clamp(y, -128.0, 127.0));
  }
  return table;
}

// One of the products is zero. The negative multiplier keeps (1 - condition) * b inside int8 for b = -128, too.
Sequence selectSequence(const HwConfig &config, SelectPlace place) {
  Builder b(config, {config.n, 1}, {.param = place.param});
  b.combine(Opcode::Ewmul, place.rows, place.condition, place.a, place.y, {});
  b.combine(Opcode::Ewmul, place.rows, place.condition, place.b, place.scratch, {.ma = -1, .za = 1});
  b.combine(Opcode::Ewadd, place.rows, place.y, place.scratch, place.y, {.mb = 1});
  return b.out;
}

double gelu(double x) { return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2; }
double silu(double x) { return x / (1 + std::exp(-x)); }

} // namespace tw::isa
