// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Rewrite.h"

#include "Affine.h"
#include "linalg/Primitives.h"

#include <algorithm>

namespace tw::tensorize {
namespace {

/// Loops that are groups, outputs of a group, and its reduction.
struct Groups {
  int group, output, depth;
};

// The loop over groups, where one side has several channels a group, [.., g * C + c], and the other one, [.., g]; -1:
// none.
int lopsidedGroup(const Block &block) {
  int group = -1;
  for (const Operand &operand : block.operands)
    if (!operand.constant && !operand.index.empty() && operand.index.back().terms.size() == 2)
      group = operand.index.back().terms[0].loop;
  const bool hasSingle = group >= 0 && std::ranges::any_of(block.operands, [&](const Operand &operand) {
                           return !operand.constant && !operand.index.empty() && isBare(operand.index.back(), group);
                         });
  return hasSingle && block.isReduced() && !block.loops[group].isReduction ? group : -1;
}

// Such a block with a loop of one step over what a group has one of: its channels, x[.., g + c], or its outputs, y[..,
// g + o].
Block withUnits(const Block &block) {
  const int group = lopsidedGroup(block);
  if (group < 0)
    return block;
  const bool isDepth = !isBare(block.operands[writtenOperand(block)].index.back(), group);
  const int unit = int(block.loops.size());
  Block result = block;
  result.loops.push_back({block.loops[group].name + (isDepth ? ".in" : ".out"), 1, isDepth});
  for (Operand &operand : result.operands) {
    if (!operand.constant) {
      if (!operand.index.empty() && isBare(operand.index.back(), group))
        operand.index.back().terms.push_back({unit, 1});
    } else if (dimOf(operand, group) >= 0 && (!isDepth || operand.elem == isa::Elem::I8)) {
      operand.shape.push_back(1); // weights have both, bias and multipliers only outputs
      operand.index.push_back({{{unit, 1}}, 0});
    }
  }
  return result;
}

// x[.., g * C + c], y[.., g * P + o]
std::optional<Groups> groupsOf(const Block &block) {
  Groups groups{-1, -1, -1};
  for (const Operand &operand : block.operands) {
    if (operand.constant || operand.index.empty() || operand.index.back().terms.size() != 2)
      continue;
    const std::vector<Term> &terms = operand.index.back().terms;
    const Loop &inner = block.loops[terms[1].loop];
    if (operand.index.back().constant != 0 || terms[1].factor != 1 || terms[0].factor != inner.extent ||
        block.loops[terms[0].loop].isReduction)
      continue;
    groups.group = terms[0].loop;
    (inner.isReduction ? groups.depth : groups.output) = terms[1].loop;
  }
  return groups.output >= 0 && groups.depth >= 0 ? std::optional(groups) : std::nullopt;
}

// Rearranges a constant: without the dimension of groups, that of outputs as long as all groups together, and so the
// reduction's, with zeros between groups.
bool densifyConstant(Operand &operand, const Groups &groups, int64_t groupCount) {
  const int g = dimOf(operand, groups.group), o = dimOf(operand, groups.output), c = dimOf(operand, groups.depth);
  if (g < 0 && o < 0 && c < 0)
    return true;
  if (g < 0 || o < 0)
    return false;
  const std::vector<int64_t> old = operand.shape;
  operand.shape[o] *= groupCount;
  if (c >= 0)
    operand.shape[c] *= groupCount;
  operand.shape.erase(operand.shape.begin() + g);
  operand.index.erase(operand.index.begin() + g);
  const int64_t bytes = int64_t(operand.constant->size()) / productOf(old);
  auto dense = std::make_shared<std::vector<uint8_t>>(productOf(operand.shape) * bytes, 0);
  forEach(old, [&](int64_t flat, const std::vector<int64_t> &at) {
    int64_t to = 0;
    for (size_t d = 0, e = 0; d != old.size(); ++d) {
      if (int(d) == g)
        continue;
      const bool isSpread = int(d) == o || int(d) == c;
      to = to * operand.shape[e++] + at[d] + (isSpread ? at[g] * old[d] : 0);
    }
    std::copy_n(operand.constant->begin() + flat * bytes, bytes, dense->begin() + to * bytes);
  });
  operand.constant = dense;
  operand.tensor = -1;
  return true;
}

} // namespace

std::optional<Block> densifyGroups(const Block &given) {
  const Block block = withUnits(given);
  std::optional<Groups> groups = sumsProducts(block) ? groupsOf(block) : std::nullopt;
  if (!groups)
    return std::nullopt;
  Block dense = block;
  const int64_t count = block.loops[groups->group].extent;
  for (Operand &operand : dense.operands) {
    if (operand.constant) {
      if (!densifyConstant(operand, *groups, count))
        return std::nullopt;
      continue;
    }
    for (Index &index : operand.index)
      if (index.terms.size() == 2 && index.terms[0].loop == groups->group)
        index.terms.erase(index.terms.begin());
    if (uses(operand, groups->group))
      return std::nullopt;
  }
  dense.loops[groups->output].extent *= count;
  dense.loops[groups->depth].extent *= count;
  dense.loops[groups->group].extent = 1;
  return dense;
}

} // namespace tw::tensorize
