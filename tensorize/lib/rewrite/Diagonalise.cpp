// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Rewrite.h"

#include "Affine.h"
#include "linalg/Primitives.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tw::tensorize {
namespace {

// The loop that is the last dimension of every tensor and indexes the constants of a product, or -1.
int sharedChannel(const Block &block) {
  const Operand &result = block.operands[writtenOperand(block)];
  if (result.index.empty() || result.index.back().terms.size() != 1 || !block.isReduced())
    return -1;
  const int channel = result.index.back().terms[0].loop;
  bool indexesWeights = false;
  for (const Operand &operand : block.operands) {
    if (!operand.constant && (operand.index.empty() || !isBare(operand.index.back(), channel)))
      return -1;
    if (operand.constant && uses(operand, channel) && dimOf(operand, channel) < 0)
      return -1;
    indexesWeights |= operand.constant && operand.elem == isa::Elem::I8 && uses(operand, channel);
  }
  return indexesWeights ? channel : -1;
}

// A constant with more channels, which add nothing and are scaled by 1.
void lengthen(Operand &operand, int channel, int64_t channels) {
  const int d = dimOf(operand, channel);
  if (d < 0 || operand.shape[d] == channels)
    return;
  int64_t tail = operand.elem == isa::Elem::I8 ? 1 : 4, heads = 1; // bytes, elements
  for (size_t e = 0; e != operand.shape.size(); ++e)
    (int(e) < d ? heads : tail) *= int(e) == d ? 1 : operand.shape[e];
  const float one = operand.elem == isa::Elem::F32 ? 1 : 0;
  auto longer = std::make_shared<std::vector<uint8_t>>();
  for (int64_t head = 0; head != heads; ++head) {
    const auto from = operand.constant->begin() + head * operand.shape[d] * tail;
    longer->insert(longer->end(), from, from + operand.shape[d] * tail);
    for (int64_t byte = operand.shape[d] * tail; byte != channels * tail; ++byte)
      longer->push_back(reinterpret_cast<const uint8_t *>(&one)[byte % int64_t(sizeof(one))]);
  }
  operand.constant = longer;
  operand.shape[d] = channels;
}

// [.., c, ..] -> [.., group, lane, ..]; weights get a dimension of channels at the end, zero off the diagonal.
void splitConstant(Operand &operand, int channel, int64_t lanes, int lane, int inner) {
  const int d = dimOf(operand, channel);
  if (d < 0)
    return;
  operand.shape[d] /= lanes;
  operand.shape.insert(operand.shape.begin() + d + 1, lanes);
  operand.index.insert(operand.index.begin() + d + 1, {{{lane, 1}}, 0});
  operand.tensor = -1;
  if (operand.elem != isa::Elem::I8)
    return;
  const int64_t tail = productOf({operand.shape.begin() + d + 2, operand.shape.end()});
  auto diagonal = std::make_shared<std::vector<uint8_t>>(operand.constant->size() * lanes, 0);
  for (int64_t i = 0; i != int64_t(operand.constant->size()); ++i)
    (*diagonal)[i * lanes + i / tail % lanes] = (*operand.constant)[i];
  operand.constant = diagonal;
  operand.shape.push_back(lanes);
  operand.index.push_back({{{inner, 1}}, 0});
}

} // namespace

std::optional<Block> diagonalise(const Block &block, int64_t lanes) {
  const int channel = sharedChannel(block);
  if (channel < 0 || !sumsProducts(block))
    return std::nullopt;
  const int64_t extent = block.loops[channel].extent, width = std::min(extent, lanes);
  const int64_t groups = int64_t(llvm::divideCeil(extent, width));
  Block result = block;
  const int lane = int(block.loops.size()), inner = lane + 1;
  result.loops[channel].extent = groups;
  result.loops.push_back({block.loops[channel].name + ".out", width});
  result.loops.push_back({block.loops[channel].name + ".in", width, true});
  // Only what is multiplied is summed over; a residual lies as the result does.
  auto isFactor = [&](size_t o) {
    return std::ranges::any_of(block.body[0].args,
                               [&](const Arg &arg) { return arg.kind == Arg::Operand && arg.index == int(o); });
  };
  for (size_t o = 0; o != result.operands.size(); ++o) {
    Operand &operand = result.operands[o];
    if (operand.constant) {
      lengthen(operand, channel, groups * width);
      splitConstant(operand, channel, width, lane, inner);
    } else {
      operand.index.back() = {{{channel, width}, {isFactor(o) ? inner : lane, 1}}, 0};
    }
  }
  return result;
}

} // namespace tw::tensorize
