// SPDX-License-Identifier: Apache-2.0
// Softmax and layer normalisation over the channels of each token as instructions of the vector unit, a choice between
// two operands, and tables for functions of one value (GELU, SiLU). docs/rationale/vector-reductions.md derives them
// and states their error bounds. Called by tests and by whoever writes programs by hand; the lines need no semaphores
// among each other (one queue). Does not load operands, parameters or tables, place anything, or split tensors that do
// not fit.
#ifndef TW_ISA_SEQUENCES_H
#define TW_ISA_SEQUENCES_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/Line.h"
#include "tw/isa/SequenceNumbers.h"
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace tw::isa {

/// int8 tensors [tokens][blocks of N channels][N]. Lanes beyond `channels` are not looked at in the operand; in the
/// result they hold its zero point.
struct TokenShape {
  uint32_t tokens = 0;   // a multiple of N
  uint32_t channels = 0; // 1 to 16383
};

/// Where a sequence works: SPM bytes (multiples of N), the first of its parameter rows and of its tables.
struct SequencePlace {
  uint32_t x = 0, y = 0; // may be the same
  uint32_t scratch = 0;  // scratchBytes() of it, all parts one behind the other; overlaps neither x nor y
  uint32_t param = 0;
  uint32_t table = 0;
  // 0 where an element takes no part, else 1, as x is transposed: [blocks of N tokens][channels in whole blocks][N].
  std::optional<uint32_t> mask{};
  uint32_t second = 0; // the other operand of a sequence that has one
  // The second and third part of the scratch memory, if they are elsewhere. Instructions go from one part, or from x
  // and y, to another: in four groups of banks they do not wait for themselves.
  std::optional<std::array<uint32_t, 2>> parts{};
};

/// Lines in their order, all for VX, and what has to be in parameter memory and in the tables before the first.
struct Sequence {
  std::vector<Line> lines;
  std::vector<uint32_t> params; // rows of N words
  std::vector<int8_t> tables;   // 256 bytes each
};

/// Of each part of the scratch memory.
std::array<uint64_t, 3> scratchBytes(const HwConfig &config, TokenShape shape);

/// y = softmax(scale * x) with the scale, the output's scale and zero point of these numbers; within numbers.bound. A
/// masked element is the zero point; each token has one that is not masked.
Sequence softmaxSequence(const HwConfig &config, TokenShape shape, SequencePlace place, const SoftmaxNumbers &numbers);

/// y [tokens, 1] = mean((x - mean)^2), quantised; within numbers.bound.
Sequence varianceSequence(const HwConfig &config, TokenShape shape, SequencePlace place,
                          const VarianceNumbers &numbers);

/// y = (x - mean) * factor(v) with one v for each token in `second` [tokens, 1]; within numbers.bound.
Sequence normaliseSequence(const HwConfig &config, TokenShape shape, SequencePlace place,
                           const NormaliseNumbers &numbers);

/// h [tokens, channels] in place of x's transposed form (the scratch memory) and l in the second part of it: 64 h + l
/// is (x - mean) / sqrt(variance + eps) in numbers.unit. place.y is overwritten.
Sequence normSequence(const HwConfig &config, TokenShape shape, SequencePlace place, const NormNumbers &numbers);

/// y = (x - mean) / sqrt(variance + eps) in units of 1/32, zero point 0, saturated at 4 standard deviations. eps is in
/// squared units of x; one below 1/256 counts as 1/256. Gain and bias of a channel are a 1x1 dwconv behind it.
Sequence layerNormSequence(const HwConfig &config, TokenShape shape, SequencePlace place, int8_t zeroPoint, double eps);

/// Where a choice works: SPM bytes (multiples of N) of tensors of `rows` rows (1 to 65535), its first parameter row.
struct SelectPlace {
  uint32_t condition = 0; // bytes 0 or 1
  uint32_t a = 0, b = 0;
  uint32_t y = 0;       // overlaps neither the condition nor b
  uint32_t scratch = 0; // as large as y; overlaps nothing else
  uint32_t rows = 0;
  uint32_t param = 0;
};

/// y = condition ? a : b, exactly, for all bytes of a and b.
Sequence selectSequence(const HwConfig &config, SelectPlace place);

/// Real value (q - zero) * scale.
struct Quantised {
  double scale = 1;
  int8_t zero = 0;
};

/// The table of a function of one value: for each int8 the nearest result, halves to even, saturated. One `lut` is then
/// the whole operator, within half a unit of `to` where it does not saturate.
std::array<int8_t, 256> functionTable(double (*function)(double), Quantised from, Quantised to);
double gelu(double x); // x * (1 + erf(x / sqrt(2))) / 2
double silu(double x); // x / (1 + exp(-x))

} // namespace tw::isa
#endif
