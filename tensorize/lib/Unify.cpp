// SPDX-License-Identifier: Apache-2.0
// Bodies: is the block's DAG the chain's DAG, up to commutativity and stages that do nothing?
#include "tw/tensorize/Match.h"

#include <algorithm>
#include <span>

namespace tw::tensorize {
namespace {

/// Permutation of arguments under which a primitive's value does not change. `swap` lists the pairs to exchange.
struct Commutation {
  std::string_view primitive;
  std::vector<std::pair<int, int>> swap;
};
const std::vector<Commutation> &commutations() {
  static const std::vector<Commutation> table = {
      {"mul_i8", {{0, 1}}},
      {"mul_zp", {{0, 2}, {1, 3}}},
      {"max_i8", {{0, 1}}},
      {"add_wrap32", {{0, 1}}},
      {"ew_add", {{0, 3}, {1, 4}, {2, 5}}},
      {"ew_min", {{0, 3}, {1, 4}, {2, 5}}},
      {"ew_max", {{0, 3}, {1, 4}, {2, 5}}},
      {"ew_mul", {{0, 2}, {1, 3}}},
  };
  return table;
}

const Commutation *commutationOf(std::string_view primitive) {
  for (const Commutation &commutation : commutations())
    if (commutation.primitive == primitive)
      return &commutation;
  return nullptr;
}

bool isReduced(const Chain &chain) {
  return std::ranges::any_of(chain.loops, [](const ChainLoop &loop) { return loop.isReduction; });
}

/// A stage that passes its first argument on when the others have these values.
struct Neutral {
  std::string_view primitive;
  std::vector<int64_t> others;
};
const std::vector<Neutral> &neutrals() {
  static const std::vector<Neutral> table = {
      {"clamp_i8", {-128, 127}},
      {"pool_max", {0, 1, 0, 0}},
      {"copy_i32", {}},
  };
  return table;
}

/// What was met on the way: a wrong type is met behind equal operations only, so it came further than another
/// operation.
struct Misses {
  std::string wrongType, mismatch;
};

class Unifier {
public:
  /// Bit i of `swaps`: exchange the arguments of the chain's node i.
  Unifier(const Block &block, const Chain &chain, unsigned swaps, Misses &misses)
      : block(block), chain(chain), swaps(swaps), misses(misses) {}

  std::optional<Binding> run() {
    Binding binding;
    binding.operandOf.assign(chain.accesses.size(), -1);
    binding.constantOf.assign(chain.accesses.size(), std::nullopt);
    int written = writtenOperand(block);
    for (size_t i = 0; i != chain.accesses.size(); ++i)
      if (chain.accesses[i].isWritten) {
        binding.operandOf[i] = written;
        if (chain.accesses[i].elem != block.operands[written].elem) {
          misses.wrongType = "the result has another element type";
          return std::nullopt;
        }
      }
    if (unifyNode(chain.resultSlot(), block.resultSlot(), binding))
      return binding;
    return std::nullopt;
  }

private:
  bool unifyNode(int chainSlot, int blockSlot, Binding &binding) {
    const ChainNode &c = chain.node(chainSlot);
    const Node &b = block.node(blockSlot);
    bool chainReduces = chainSlot < int(chain.body.size()) && isReduced(chain);
    bool blockReduces = blockSlot < int(block.body.size()) && block.isReduced();
    if (c.primitive == b.primitive && c.args.size() == b.args.size() && chainReduces == blockReduces) {
      std::vector<int> order(c.args.size());
      for (size_t i = 0; i != order.size(); ++i)
        order[i] = int(i);
      if (swaps >> chainSlot & 1)
        for (auto [i, j] : commutationOf(c.primitive)->swap)
          std::swap(order[i], order[j]);
      Binding attempt = binding;
      if (unifyArgs(c, b, order, attempt)) {
        binding = std::move(attempt);
        return true;
      }
    }
    // A stage of the chain that the block does not have, made to do nothing.
    for (const Neutral &neutral : neutrals())
      if (neutral.primitive == c.primitive && c.args[0].kind == ChainArg::Slot) {
        Binding attempt = binding;
        bool isNeutral = true;
        for (size_t i = 0; i != neutral.others.size(); ++i)
          isNeutral &= bindConstant(c.args[i + 1], neutral.others[i], attempt);
        if (isNeutral && unifyNode(c.args[0].index, blockSlot, attempt)) {
          binding = std::move(attempt);
          return true;
        }
      }
    if (c.primitive != b.primitive)
      misses.mismatch = "the chain computes " + c.primitive + " where the block has " + b.primitive;
    return false;
  }

  bool unifyArgs(const ChainNode &c, const Node &b, const std::vector<int> &order, Binding &binding) {
    for (size_t i = 0; i != order.size(); ++i)
      if (!unifyArg(c.args[i], b.args[order[i]], binding))
        return false;
    return true;
  }

  bool unifyArg(const ChainArg &c, const Arg &b, Binding &binding) {
    switch (c.kind) {
    case ChainArg::Slot:
      return b.kind == Arg::Slot && unifyNode(c.index, b.index, binding);
    case ChainArg::Running:
      return b.kind == Arg::Running;
    case ChainArg::Count:
      return b.kind == Arg::Count;
    case ChainArg::Access:
      if (b.kind == Arg::Constant)
        return bindConstant(c, b.value, binding);
      return b.kind == Arg::Operand && bindOperand(c.index, b.index, binding);
    case ChainArg::Word:
    case ChainArg::Field:
      return b.kind == Arg::Constant && bindConstant(c, b.value, binding);
    }
    return false;
  }

  bool bindOperand(int access, int operand, Binding &binding) {
    const ChainAccess &a = chain.accesses[access];
    const Operand &o = block.operands[operand];
    if (a.elem != o.elem) {
      misses.wrongType = "operand " + o.name + " has another element type than " + a.name;
      return false;
    }
    if (binding.operandOf[access] >= 0)
      return binding.operandOf[access] == operand;
    binding.operandOf[access] = operand;
    return true;
  }

  bool bindConstant(const ChainArg &c, int64_t value, Binding &binding) {
    if (c.kind == ChainArg::Access) {
      if (chain.accesses[c.index].isStrided || binding.operandOf[c.index] >= 0)
        return false;
      std::optional<int64_t> &slot = binding.constantOf[c.index];
      bool isFree = !slot || *slot == value;
      slot = value;
      return isFree;
    }
    if (c.kind == ChainArg::Field) {
      for (const FieldValue &field : binding.fields)
        if (field.link == c.link && field.field == c.index)
          return field.value == value;
      binding.fields.push_back({c.link, c.index, value});
      return true;
    }
    if (c.kind != ChainArg::Word)
      return false;
    for (const WordValue &word : binding.words)
      if (word.link == c.link && word.word == c.index)
        return word.value == value;
    binding.words.push_back({c.link, c.index, value});
    return true;
  }

  const Block &block;
  const Chain &chain;
  unsigned swaps;
  Misses &misses;
};

} // namespace

std::vector<Binding> unifyBodies(const Block &block, const Chain &chain, std::string &reason) {
  std::vector<Binding> result;
  Misses misses;
  unsigned exchangeable = 0;
  for (int slot = 0; slot <= chain.resultSlot(); ++slot)
    exchangeable |= unsigned(commutationOf(chain.node(slot).primitive) != nullptr) << slot;
  for (unsigned swaps = 0; swaps <= exchangeable; ++swaps)
    if ((swaps & ~exchangeable) == 0)
      if (auto binding = Unifier(block, chain, swaps, misses).run())
        if (std::ranges::find(result, binding->operandOf, &Binding::operandOf) == result.end())
          result.push_back(std::move(*binding));
  if (result.empty())
    reason = !misses.wrongType.empty()  ? misses.wrongType
             : !misses.mismatch.empty() ? misses.mismatch
                                        : "the block's last operation is " + block.node(block.resultSlot()).primitive;
  return result;
}

} // namespace tw::tensorize
