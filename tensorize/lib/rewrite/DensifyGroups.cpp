// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Rewrite.h"

#include "Affine.h"
#include "linalg/Primitives.h"

#include <algorithm>
#include <numeric>

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

// How many groups become one: `together` is a divisor of their number.
struct Bundles {
  int64_t groups, together;
  int64_t count() const { return groups / together; }
};

// Rearranges a constant: outputs, and so the reduction, are as long as all groups of a bundle together, with zeros
// between groups. The dimension of groups is one of bundles, or gone where there is one only.
bool densifyConstant(Operand &operand, const Groups &groups, const Bundles &bundles) {
  const int g = dimOf(operand, groups.group), o = dimOf(operand, groups.output), c = dimOf(operand, groups.depth);
  if (g < 0 && o < 0 && c < 0)
    return true;
  if (g < 0 || o < 0)
    return false;
  const std::vector<int64_t> old = operand.shape;
  std::vector<int64_t> shape = old;
  shape[g] = bundles.count();
  for (int d : {o, c})
    if (d >= 0)
      shape[d] *= bundles.together;
  const int64_t bytes = int64_t(operand.constant->size()) / productOf(old);
  auto dense = std::make_shared<std::vector<uint8_t>>(productOf(shape) * bytes, 0);
  forEach(old, [&](int64_t flat, const std::vector<int64_t> &at) {
    int64_t to = 0;
    for (int d = 0; d != int(old.size()); ++d) {
      const bool isSpread = d == o || d == c;
      to = to * shape[d] + (d == g     ? at[g] / bundles.together
                            : isSpread ? at[g] % bundles.together * old[d] + at[d]
                                       : at[d]);
    }
    std::copy_n(operand.constant->begin() + flat * bytes, bytes, dense->begin() + to * bytes);
  });
  operand.shape = std::move(shape);
  if (bundles.count() == 1) {
    operand.shape.erase(operand.shape.begin() + g);
    operand.index.erase(operand.index.begin() + g);
  }
  operand.constant = dense;
  operand.tensor = -1;
  return true;
}

// The groups of each bundle as one. Every tensor that the groups move is moved by them in its last dimension.
std::optional<Block> densify(const Block &block, const Groups &groups, int64_t together) {
  Block dense = block;
  const Bundles bundles{block.loops[groups.group].extent, together};
  for (Operand &operand : dense.operands) {
    if (operand.constant) {
      if (!densifyConstant(operand, groups, bundles))
        return std::nullopt;
      continue;
    }
    Operand rest = operand;
    for (Index &index : rest.index)
      if (index.terms.size() == 2 && index.terms[0].loop == groups.group)
        index.terms.erase(index.terms.begin());
    if (uses(rest, groups.group))
      return std::nullopt;
    if (bundles.count() == 1)
      operand = std::move(rest);
    else
      for (Index &index : operand.index)
        if (index.terms.size() == 2 && index.terms[0].loop == groups.group)
          index.terms[0].factor *= together;
  }
  dense.loops[groups.output].extent *= together;
  dense.loops[groups.depth].extent *= together;
  dense.loops[groups.group].extent = bundles.count();
  return dense;
}

} // namespace

std::optional<Block> densifyGroups(const Block &given) {
  const Block block = withUnits(given);
  std::optional<Groups> groups = sumsProducts(block) ? groupsOf(block) : std::nullopt;
  return groups ? densify(block, *groups, block.loops[groups->group].extent) : std::nullopt;
}

std::optional<Block> bundleGroups(const Block &given, int64_t lanes) {
  const Block block = withUnits(given);
  std::optional<Groups> groups = sumsProducts(block) ? groupsOf(block) : std::nullopt;
  if (!groups)
    return std::nullopt;
  const int64_t count = block.loops[groups->group].extent;
  // The fewest whose channels and outputs are both whole rows.
  auto needed = [&](int loop) { return lanes / std::gcd(block.loops[loop].extent, lanes); };
  const int64_t together = std::lcm(needed(groups->output), needed(groups->depth));
  if (together >= count || count % together != 0)
    return std::nullopt;
  return densify(block, *groups, together);
}

} // namespace tw::tensorize
