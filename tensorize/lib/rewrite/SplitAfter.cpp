// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Rewrite.h"

#include "Affine.h"
#include "linalg/Primitives.h"

namespace tw::tensorize {

std::vector<int> cutsOf(const Block &block) {
  std::vector<int> cuts;
  const int first = block.isReduced() ? int(block.body.size()) - 1 : 0;
  for (int cut = block.resultSlot() - 1; cut >= first; --cut) {
    bool isAlone = givesByte(block.node(cut).primitive);
    for (int slot = cut + 1; slot <= block.resultSlot(); ++slot)
      for (const Arg &arg : block.node(slot).args)
        isAlone &= arg.kind == Arg::Slot ? arg.index >= cut : arg.kind == Arg::Operand || arg.kind == Arg::Constant;
    if (isAlone)
      cuts.push_back(cut);
  }
  return cuts;
}

std::optional<std::pair<Block, Block>> splitAfter(const Block &block, int cut, int tensor) {
  const Operand &result = block.operands[writtenOperand(block)];
  Block head, tail;
  head.loops = block.loops;
  // Loops of the tail: the result's dimensions.
  std::vector<int> loopOf(block.loops.size(), -1);
  std::vector<Index> identity;
  for (size_t d = 0; d != result.shape.size(); ++d) {
    if (result.index[d].terms.size() == 1 && isBare(result.index[d], result.index[d].terms[0].loop))
      loopOf[result.index[d].terms[0].loop] = int(d);
    tail.loops.push_back({"d" + std::to_string(d), result.shape[d]});
    identity.push_back({{{int(d), 1}}, 0});
  }
  // Operands go to the part that names them; the tensor between is the head's result and the tail's first operand.
  Operand between = result;
  between.name = "between";
  between.tensor = tensor;
  between.isWritten = false;
  between.index = identity;
  tail.operands.push_back(between);
  std::vector<int> headOf(block.operands.size(), -1), tailOf(block.operands.size(), -1);
  bool isLegal = true;
  auto rename = [&](Arg arg, bool isHead) {
    if (arg.kind == Arg::Slot && !isHead) {
      if (arg.index == cut)
        return Arg{Arg::Operand, 0, 0};
      arg.index -= cut + 1;
    }
    if (arg.kind != Arg::Operand)
      return arg;
    int &known = (isHead ? headOf : tailOf)[arg.index];
    std::vector<Operand> &operands = isHead ? head.operands : tail.operands;
    if (known < 0) {
      known = int(operands.size());
      operands.push_back(block.operands[arg.index]);
      for (Index &index : operands.back().index)
        for (Term &term : index.terms)
          if (!isHead) {
            isLegal &= loopOf[term.loop] >= 0;
            term.loop = loopOf[term.loop];
          }
    }
    return Arg{Arg::Operand, known, 0};
  };
  for (int slot = 0; slot <= block.resultSlot(); ++slot) {
    const bool isHead = slot <= cut;
    Node node{block.node(slot).primitive, {}};
    for (const Arg &arg : block.node(slot).args)
      node.args.push_back(rename(arg, isHead));
    (!isHead || slot < int(block.body.size()) ? (isHead ? head.body : tail.body) : head.finish)
        .push_back(std::move(node));
  }
  Operand written = result;
  written.tensor = tensor;
  head.operands.push_back(written);
  tail.operands.push_back(result);
  tail.operands.back().index = identity;
  return isLegal ? std::optional(std::pair(std::move(head), std::move(tail))) : std::nullopt;
}

} // namespace tw::tensorize
