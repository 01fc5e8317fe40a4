// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Sequences.h"
#include "tw/isa/Numerics.h"
#include <cassert>
#include <cmath>
#include <numbers>
#include <utility>

namespace tw::isa {
namespace {

// What a row's record says; the fields that an instruction does not read stay as they are.
struct Record {
  int8_t lo = -128, hi = 127;
  int32_t ma = 1, mb = 0;
  int8_t za = 0, zb = 0, zy = 0;
  int shift = 0;
};

// Rows of an int8 tensor whose tokens are lanes: `count` for each token block.
struct Rows {
  uint32_t at = 0, count = 0, blockStride = 0;
};

// Builds a sequence. The operand is transposed first: N tokens, a token block, become the lanes; each channel is a row.
// A statistic is a row (or a vector of int32) for each token block.
class Builder {
public:
  Builder(const HwConfig &config, TokenShape shape, SequencePlace place)
      : config(config), n(config.n), shape(shape), place(place), tokenBlocks(shape.tokens / n) {
    assert(shape.tokens % n == 0 && shape.channels >= 1 && shape.channels < 1 << 14);
    const auto bytes = scratchBytes(config, shape);
    second = place.parts ? (*place.parts)[0] : place.scratch + uint32_t(bytes[0]);
    free = place.parts ? (*place.parts)[1] : second + uint32_t(bytes[1]);
    end = free + uint32_t(bytes[2]);
  }

  // Three tensors: two of the scratch memory, and the result's place until the result comes.
  Rows x() const { return tensorAt(place.scratch, shape.channels); }
  Rows e() const { return tensorAt(second, shape.channels); }
  Rows y() const { return tensorAt(place.y, shape.channels); }
  // One byte for each token, and room to transpose it.
  Rows column() {
    Rows result = tensorAt(free, 1);
    take(tokenBlocks * result.blockStride);
    return result;
  }
  Rows row() { return {take(tokenBlocks * n), 1, n}; }
  uint32_t wide() { return take(tokenBlocks * wideStride()); }
  // The first row of a vector, as bytes.
  Rows bytesOf(uint32_t wide) const { return {wide, 1, wideStride()}; }

  void transposeIn(uint32_t from, Rows to) { transpose(from, to.at, blocksOf(to.count), true); }
  // Back to [tokens][blocks][N]; lanes beyond the channels hold `zero`.
  void turn(Rows from, uint32_t to, int8_t zero) {
    const uint32_t blocks = blocksOf(from.count);
    if (uint32_t tail = blocks * n - from.count) {
      Rows behind{from.at + from.count * n, tail, from.blockStride};
      add(behind, behind, n, behind, {.ma = 0, .zy = zero});
    }
    transpose(from.at, to, blocks, false);
  }
  void transposeOut(Rows from, int8_t zero) { turn(from, place.y, zero); }
  // y = a * ma + b * mb for each channel; b is one row for all of them if bStride is 0.
  void add(Rows a, Rows b, uint32_t bStride, Rows y, Record record) {
    Line line = walk(Opcode::Ewadd, a);
    line.set(ewadd::b, b.at).set(ewadd::b_s0, bStride).set(ewadd::b_s2, b.blockStride);
    append(to(line, y, ewadd::y, ewadd::y_s0, ewadd::y_s2), ewadd::param, record);
  }
  void subtractRow(Rows x, Rows row, Rows y, Record record) { add(x, row, 0, y, record); }
  void addRows(Rows a, Rows b, Rows y, Record record) { add(a, b, n, y, record); }
  // What the mask has a 0 for becomes `zero`, the rest stays.
  void maskRows(Rows x, Rows y, int8_t zero) {
    Line line = walk(Opcode::Ewmul, x);
    line.set(ewmul::b, *place.mask).set(ewmul::b_s0, n).set(ewmul::b_s2, x.blockStride);
    append(to(line, y, ewmul::y, ewmul::y_s0, ewmul::y_s2), ewmul::param, {.za = zero, .zy = zero});
  }
  void lookUp(Rows a, uint32_t table, Rows y) {
    Line line = walk(Opcode::Lut, a);
    out.lines.push_back(to(line, y, lut::y, lut::y_s0, lut::y_s2).set(lut::table, place.table + table));
  }
  void top(Rows a, Rows y) {
    Line line = walk(Opcode::Redmax, a);
    append(line.set(redsum::y, y.at).set(redsum::y_s2, y.blockStride), redsum::param, {});
  }
  void reduce(Opcode opcode, Rows a, uint32_t y, Record record) {
    Line line = walk(opcode, a);
    append(line.set(redsum::y, y).set(redsum::y_s2, wideStride()), redsum::param, record);
  }
  void pair(Opcode opcode, uint32_t a, uint32_t b, uint32_t y, Record record) {
    Line line(opcode);
    line.set(wadd::n0, tokenBlocks).set(wadd::n1, 1);
    line.set(wadd::a, a).set(wadd::a_s0, wideStride()).set(wadd::b, b).set(wadd::b_s0, wideStride());
    append(line.set(wadd::y, y).set(wadd::y_s0, wideStride()), wadd::param, record);
  }
  void scale(uint32_t x, Record record) { pair(Opcode::Wadd, x, x, x, record); }
  void norm(Opcode opcode, uint32_t a, uint32_t y, int shift) {
    Line line(opcode);
    line.set(normrcp::n0, tokenBlocks).set(normrcp::n1, 1).set(normrcp::a, a).set(normrcp::a_s0, wideStride());
    append(line.set(normrcp::y, y).set(normrcp::y_s0, wideStride()), normrcp::param, {.shift = shift});
  }
  void multiplyAdd(Rows a, uint32_t m, uint32_t c, Rows y, Record record) {
    Line line = to(walk(Opcode::Ewmad, a), y, ewmad::y, ewmad::y_s0, ewmad::y_s2);
    line.set(ewmad::m, m).set(ewmad::m_s2, wideStride()).set(ewmad::c, c).set(ewmad::c_s2, wideStride());
    append(line, ewmad::param, record);
  }
  // y = a * m + b * k + c; b's rows lie as those of a do.
  void mix(Rows a, uint32_t m, Rows b, uint32_t k, uint32_t c, Rows y, Record record) {
    static_assert(ewadd::a.lsb == ewmix::a.lsb && ewadd::n2.lsb == ewmix::n2.lsb);
    Line line = to(walk(Opcode::Ewmix, a), y, ewmix::y, ewmix::y_s0, ewmix::y_s2).set(ewmix::b, b.at);
    line.set(ewmix::m, m).set(ewmix::m_s2, wideStride()).set(ewmix::c, c).set(ewmix::c_s2, wideStride());
    append(line.set(ewmix::k, k).set(ewmix::k_s2, wideStride()), ewmix::param, record);
  }
  // Consecutive rows of two operands.
  void combine(Opcode opcode, uint32_t rows, uint32_t a, uint32_t b, uint32_t y, Record record) {
    static_assert(ewadd::b.lsb == ewmul::b.lsb && ewadd::y.lsb == ewmul::y.lsb && ewadd::param.lsb == ewmul::param.lsb);
    Line line(opcode);
    line.set(ewadd::n0, rows).set(ewadd::n1, 1).set(ewadd::n2, 1);
    line.set(ewadd::a, a).set(ewadd::a_s0, n).set(ewadd::b, b).set(ewadd::b_s0, n);
    append(line.set(ewadd::y, y).set(ewadd::y_s0, n), ewadd::param, record);
  }
  // A number in every lane, from 2^31 - 1 in all of them; `most` may be `y`.
  void constant(uint32_t most, int32_t number, uint32_t y) {
    pair(Opcode::Wadd, most, most, y, {.ma = number, .shift = 31});
  }
  void most(uint32_t y) { // what the reciprocal of zero is
    zero(y);
    norm(Opcode::Normrcp, y, y, 0);
  }
  // Zero in every lane: nothing of either operand.
  void zero(uint32_t y) { pair(Opcode::Wadd, y, y, y, {.ma = 0}); }

  Sequence finish() {
    assert(free <= end && "what the caller has given");
    return std::move(out);
  }
  Sequence out;

private:
  uint32_t blocksOf(uint32_t channels) const { return (channels + n - 1) / n; }
  // Rows for so many channels; those of the last block are all there.
  Rows tensorAt(uint32_t at, uint32_t channels) const { return {at, channels, blocksOf(channels) * n * n}; }
  uint32_t wideStride() const { return n * kWordBytes; }
  uint32_t take(uint32_t bytes) {
    uint32_t at = free;
    free += bytes;
    return at;
  }

  // Extents and first operand, at the places that all these rows share.
  Line walk(Opcode opcode, Rows a) const {
    static_assert(ewadd::a.lsb == lut::a.lsb && ewadd::a.lsb == redsum::a.lsb && ewadd::a.lsb == ewmad::a.lsb);
    static_assert(ewadd::n2.lsb == lut::n2.lsb && ewadd::n2.lsb == redsum::n2.lsb && ewadd::n2.lsb == ewmad::n2.lsb);
    static_assert(ewadd::a.lsb == ewmul::a.lsb && ewadd::n2.lsb == ewmul::n2.lsb);
    Line line(opcode);
    line.set(ewadd::n0, a.count).set(ewadd::n1, 1).set(ewadd::n2, tokenBlocks);
    return line.set(ewadd::a, a.at).set(ewadd::a_s0, n).set(ewadd::a_s2, a.blockStride);
  }
  Line to(Line line, Rows y, FieldRef address, FieldRef stride, FieldRef blockStride) const {
    return line.set(address, y.at).set(stride, n).set(blockStride, y.blockStride);
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

  // Blocks of N tokens and N channels; in the lanes-are-channels layout a token's rows are blocks * N apart.
  void transpose(uint32_t from, uint32_t to, uint32_t blocks, bool toRows) {
    Line line(Opcode::Movet);
    line.set(movet::n1, blocks).set(movet::n2, tokenBlocks);
    line.set(movet::a, from).set(movet::a_s0, toRows ? blocks * n : n);
    line.set(movet::a_s1, toRows ? n : n * n).set(movet::a_s2, blocks * n * n);
    line.set(movet::y, to).set(movet::y_s0, toRows ? n : blocks * n);
    out.lines.push_back(line.set(movet::y_s1, toRows ? n * n : n).set(movet::y_s2, blocks * n * n));
  }

  const HwConfig &config;
  const uint32_t n;
  const TokenShape shape;
  const SequencePlace place;
  const uint32_t tokenBlocks;
  uint32_t second, free, end; // of the scratch memory: its second part, what is free of the third, and the end of that
};

// -mean of the rows in units of 2^-22.
void negativeMean(Builder &b, Rows x, const MeanNumbers &mean, uint32_t to) {
  b.reduce(Opcode::Redsum, x, to, {.za = mean.center});
  b.scale(to, {.ma = -mean.inverse, .shift = mean.shift - MeanNumbers::kMeanBits});
}

} // namespace

std::array<uint64_t, 3> scratchBytes(const HwConfig &config, TokenShape shape) {
  const uint64_t n = config.n, tokens = shape.tokens, tensor = tokens * ((shape.channels + n - 1) / n * n);
  return {tensor, tensor, tokens * (2 * n + 6 * kWordBytes)}; // a tensor, a tensor, two columns and six vectors
}

Sequence softmaxSequence(const HwConfig &config, TokenShape shape, SequencePlace place, const SoftmaxNumbers &numbers) {
  Builder b(config, shape, place);
  b.out.tables = numbers.tables;
  const bool isMasked = place.mask.has_value();
  // Each instruction goes from one part of the memory to another.
  const Rows d = isMasked ? b.x() : b.e(), h = isMasked ? b.y() : b.x(), l = isMasked ? b.x() : b.y();
  const Rows result = b.e(), top = b.row();
  uint32_t high = b.wide(), low = b.wide(), rest = b.wide();
  b.transposeIn(place.x, b.x());
  if (isMasked)
    b.maskRows(b.x(), b.e(), -128); // below all others
  const Rows x = isMasked ? b.e() : b.x();
  b.top(x, top);
  b.subtractRow(x, top, d, {.mb = -1, .zy = 127}); // x - max + 127: all of -255..0
  auto lookUp = [&](uint32_t table, int8_t zero, Rows to) {
    b.lookUp(d, table, isMasked ? b.e() : to);
    if (isMasked)
      b.maskRows(b.e(), to, zero);
  };
  if (numbers.hasRest()) { // for the sum alone
    lookUp(2, 0, h);
    b.reduce(Opcode::Redsum, h, rest, {});
  }
  lookUp(0, -128, h);
  lookUp(1, -128, l);
  b.reduce(Opcode::Redsum, h, high, {.za = -128});
  b.reduce(Opcode::Redsum, l, low, {.za = -128});
  b.pair(Opcode::Wadd, high, low, high, {.ma = 256, .mb = 1});
  if (numbers.hasRest())
    b.pair(Opcode::Wadd, high, rest, high, {.ma = 256, .mb = 1, .shift = 8});
  b.norm(Opcode::Normrcp, high, high, 46); // 2^46 / sum, below 2^31
  b.scale(high, {.ma = numbers.factor, .shift = 30});
  b.pair(Opcode::Wadd, high, high, low, {.shift = 8});
  const uint32_t none = rest;
  b.zero(none);
  b.mix(h, high, l, low, none, result, {.za = -128, .zb = -128, .zy = numbers.zero, .shift = numbers.shift});
  b.transposeOut(result, numbers.zero);
  return b.finish();
}

Sequence varianceSequence(const HwConfig &config, TokenShape shape, SequencePlace place,
                          const VarianceNumbers &numbers) {
  Builder b(config, shape, place);
  const MeanNumbers &mean = numbers.mean;
  constexpr int kBits = VarianceNumbers::kVarianceBits;
  Rows x = b.x(), result = b.column();
  uint32_t square = b.wide(), first = b.wide(), work = b.wide();
  b.transposeIn(place.x, x);
  b.reduce(Opcode::Redsq, x, square, {.za = mean.center});
  if (mean.isCentred) {
    negativeMean(b, x, mean, first);
    b.pair(Opcode::Wmul, first, first, work, {.shift = 2 * MeanNumbers::kMeanBits - kBits});
    b.pair(Opcode::Wadd, square, work, square,
           {.ma = mean.inverse, .mb = -(1 << (mean.shift - kBits)), .shift = mean.shift - kBits});
  } else {
    b.scale(square, {.ma = mean.inverse, .shift = mean.shift - kBits});
  }
  b.scale(square, {.ma = numbers.factor, .shift = numbers.shift});
  b.zero(work);
  // To bytes: of zero with the vector as its addend.
  b.multiplyAdd(b.bytesOf(work), work, square, result, {.zy = numbers.zero, .shift = VarianceNumbers::kStepBits});
  b.transposeOut(result, numbers.zero);
  return b.finish();
}

Sequence normaliseSequence(const HwConfig &config, TokenShape shape, SequencePlace place,
                           const NormaliseNumbers &numbers) {
  Builder b(config, shape, place);
  b.out.tables = numbers.tables;
  const MeanNumbers &mean = numbers.mean;
  Rows x = b.x(), result = b.e(), v = b.column(), part = b.column();
  uint32_t factor = b.wide(), work = b.wide(), first = b.wide(), addend = b.wide();
  b.transposeIn(place.x, x);
  b.transposeIn(place.second, v);
  auto entry = [&](uint32_t table, int8_t zero, uint32_t to) {
    b.lookUp(v, table, part);
    b.reduce(Opcode::Redsum, part, to, {.za = zero}); // one row: made wide
  };
  entry(0, -128, factor);
  for (uint32_t table : {1u, 2u}) {
    entry(table, -128, work);
    b.pair(Opcode::Wadd, factor, work, factor, {.ma = 256, .mb = 1});
  }
  if (mean.isCentred)
    negativeMean(b, x, mean, first);
  else
    b.zero(first);
  b.pair(Opcode::Wmul, first, factor, addend, {.shift = MeanNumbers::kMeanBits});
  b.multiplyAdd(x, factor, addend, result, {.za = mean.center, .zy = numbers.zero, .shift = numbers.shift});
  if (numbers.hasFar()) {
    const Rows far = b.y();
    entry(3, 0, work);
    b.scale(work, {.ma = 1 << 16});
    b.pair(Opcode::Wmul, first, work, addend, {.shift = MeanNumbers::kMeanBits});
    b.multiplyAdd(x, work, addend, far, {.za = mean.center, .shift = numbers.farShift});
    b.addRows(result, far, x, {.mb = 4, .za = numbers.zero, .zy = numbers.zero});
    result = x;
  }
  b.transposeOut(result, numbers.zero);
  return b.finish();
}

Sequence normSequence(const HwConfig &config, TokenShape shape, SequencePlace place, const NormNumbers &numbers) {
  Builder b(config, shape, place);
  const MeanNumbers &mean = numbers.mean;
  constexpr int kLow = NormNumbers::kLowBits;
  const Rows x = b.x(), high = b.e(), low = b.y();
  uint32_t sum = b.wide(), square = b.wide(), first = b.wide(), next = b.wide(), moved = b.wide();
  b.transposeIn(place.x, x);
  b.reduce(Opcode::Redsq, x, square, {.za = mean.center});
  if (mean.isCentred) { // squares about the integer beside the mean fit int32, and so does what is left of the sum
    b.reduce(Opcode::Redsum, x, sum, {.za = mean.center});
    b.pair(Opcode::Wadd, sum, sum, first, {.ma = -mean.inverse, .shift = mean.shift - MeanNumbers::kMeanBits});
    b.pair(Opcode::Wadd, first, first, next, {.shift = MeanNumbers::kMeanBits});
    b.pair(Opcode::Wadd, sum, next, moved, {.mb = int32_t(shape.channels)});
    b.pair(Opcode::Wadd, sum, moved, sum, {.mb = 1});
    b.pair(Opcode::Wmul, sum, next, sum, {});
    b.pair(Opcode::Wadd, square, sum, square, {.mb = 1});
    b.pair(Opcode::Wmul, moved, moved, moved, {});
  } else {
    b.zero(first);
    b.zero(moved);
  }
  b.pair(Opcode::Wadd, square, moved, square, {.ma = 1 << 30, .mb = -numbers.means, .shift = numbers.varianceShift});
  b.most(next);
  b.constant(next, numbers.eps, moved);
  b.pair(Opcode::Wadd, square, moved, square, {.mb = 1});
  b.norm(Opcode::Normrsq, square, square, numbers.rootShift);
  b.scale(square, {.ma = numbers.factor, .shift = numbers.factorShift});
  b.pair(Opcode::Wmul, first, square, first, {.shift = MeanNumbers::kMeanBits});
  b.multiplyAdd(x, square, first, high, {.za = mean.center, .shift = numbers.shift + kLow});
  b.constant(next, -(1 << (numbers.shift + kLow)), next); // what is left of it
  b.mix(x, square, high, next, first, low, {.za = mean.center, .shift = numbers.shift});
  b.turn(high, x.at, 0);
  b.turn(low, high.at, 0); // the last of both has been read
  return b.finish();
}

Sequence layerNormSequence(const HwConfig &config, TokenShape shape, SequencePlace place, int8_t zeroPoint,
                           double eps) {
  Builder b(config, shape, place);
  constexpr int kVarianceBits = 14, kGainBits = 5, kFactorBits = 14;
  const MeanNumbers numbers = meanNumbers(shape.channels, true, zeroPoint);
  const int k = numbers.shift;
  const auto half = int32_t(std::nearbyint(std::ldexp(std::max(eps, 1.0 / 256), kVarianceBits - 1)));
  Rows x = b.x(), result = b.e();
  uint32_t mean = b.wide(), square = b.wide(), work = b.wide();
  b.transposeIn(place.x, x);
  negativeMean(b, x, numbers, mean);
  b.reduce(Opcode::Redsq, x, square, {.za = zeroPoint});
  b.pair(Opcode::Wmul, mean, mean, work, {.shift = 2 * MeanNumbers::kMeanBits - kVarianceBits});
  b.pair(Opcode::Wadd, square, work, square,
         {.ma = numbers.inverse, .mb = -(1 << (k - kVarianceBits)), .shift = k - kVarianceBits});
  b.most(work);
  b.pair(Opcode::Wadd, square, work, square, {.ma = 1 << 30, .mb = half, .shift = 30});
  b.norm(Opcode::Normrsq, square, square, kVarianceBits / 2 + kFactorBits + kGainBits);
  b.pair(Opcode::Wmul, mean, square, mean, {.shift = MeanNumbers::kMeanBits});
  b.multiplyAdd(x, square, mean, result, {.za = zeroPoint, .shift = kFactorBits});
  b.transposeOut(result, 0);
  return b.finish();
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
