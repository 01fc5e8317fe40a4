// SPDX-License-Identifier: Apache-2.0
// A block rewritten the way a chain walks memory: lanes split off, neighbouring loops fused, accesses composed.
#include "tw/tensorize/Match.h"

#include "Affine.h"
#include "Walk.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace tw::tensorize {

std::vector<int64_t> physicalShape(const std::vector<int64_t> &shape, int lanes, int64_t elementBytes) {
  std::vector<int64_t> physical(shape.begin(), shape.end());
  if (physical.empty())
    physical.push_back(1);
  physical.back() = int64_t(llvm::divideCeil(physical.back(), lanes));
  physical.push_back(lanes * elementBytes);
  return physical;
}

bool isPadding(const Mapping &mapping, const std::vector<int64_t> &point, int lanes) {
  return std::ranges::any_of(mapping.splits, [&](const LaneSplit &split) {
    return point[split.blockLoop] * lanes + point[split.laneLoop] >= split.extent;
  });
}

bool isPackedStream(const Mapping &mapping, int access) {
  const ChainAccess &its = mapping.chain->accesses[access];
  const int o = mapping.binding.operandOf[access];
  return o >= 0 && !its.isStrided && !its.isWritten && its.lane == isa::LaneKind::Loop &&
         !mapping.block.operands[o].constant;
}

bool isStream(const Mapping &mapping, int access) {
  return mapping.binding.operandOf[access] >= 0 &&
         (mapping.chain->accesses[access].isStrided || isPackedStream(mapping, access));
}

namespace {

class Rewriter {
public:
  Rewriter(const Block &original, const Chain &chain, const Binding &binding, const Target &target)
      : chain(chain), target(target) {
    mapping.chain = &chain;
    mapping.binding = binding;
    mapping.block = original;
    mapping.isPhysical.assign(original.operands.size(), false);
    for (const FieldValue &field : binding.fields)
      mapping.fixedFields[{field.link, field.field}] = field.value;
  }

  /// lanes[q]: block loop that feeds chain lane loop q.
  std::optional<Rejection> splitLanes(const std::vector<std::pair<int, int>> &lanes) {
    Block &block = mapping.block;
    laneLoopOf.assign(chain.loops.size(), -1);
    std::vector<int> laneOfLoop(block.loops.size(), -1);
    for (auto [q, loop] : lanes) {
      const int64_t steps = laneSteps(chain.loops[q], target.lanes);
      if (chain.loops[q].share > 1 && block.loops[loop].extent > steps)
        return Rejection{chain.name, "signature",
                         "loop " + block.loops[loop].name + " has " + std::to_string(block.loops[loop].extent) +
                             " steps, the instruction takes " + std::to_string(steps)};
      laneLoopOf[q] = int(block.loops.size());
      laneOfLoop[loop] = int(block.loops.size());
      mapping.splits.push_back({loop, int(block.loops.size()), block.loops[loop].extent});
      Loop lane{block.loops[loop].name + ".lane", steps, block.loops[loop].isReduction};
      block.loops[loop].extent = int64_t(llvm::divideCeil(block.loops[loop].extent, steps));
      block.loops.push_back(lane);
    }
    for (size_t i = 0; i != chain.accesses.size(); ++i) {
      int o = mapping.binding.operandOf[i];
      if (!isStream(mapping, int(i)))
        continue;
      const bool isBytes = chain.accesses[i].lane != isa::LaneKind::Loop;
      if (isBytes != block.operands[o].hasWholeRows)
        return Rejection{chain.name, "layout",
                         "operand " + chain.accesses[i].name +
                             (isBytes ? " is read as single bytes, the tensor lies in rows of lanes"
                                      : " is read in rows of lanes, the tensor lies as bytes")};
      if (mapping.isPhysical[o])
        continue;
      if (block.operands[o].constant && block.operands[o].tensor < 0)
        return Rejection{chain.name, "layout", "operand " + chain.accesses[i].name + " would be a packed constant"};
      block.operands[o].constant = nullptr; // a constant that is walked like a tensor lies like one
      mapping.isPhysical[o] = true;
      if (isBytes)
        for (Index &index : block.operands[o].index)
          splitTerms(index, laneOfLoop);
      else if (auto rejection = makePhysical(block.operands[o], laneOfLoop, !chain.accesses[i].isStrided))
        return rejection;
    }
    for (size_t i = 0; i != chain.accesses.size(); ++i)
      if (int o = mapping.binding.operandOf[i];
          o >= 0 && !isStream(mapping, int(i)) && (mapping.isPhysical[o] || !block.operands[o].constant))
        return Rejection{chain.name, "layout",
                         "operand " + chain.accesses[i].name +
                             " must be a constant: it is packed when the program is made"};
    for (size_t o = 0; o != block.operands.size(); ++o)
      if (!mapping.isPhysical[o])
        for (Index &index : block.operands[o].index)
          splitTerms(index, laneOfLoop);
    dropUnitTerms();
    return std::nullopt;
  }

  /// Fuses loops that every operand walks as one. Was a reduction among them?
  bool fuseNeighbours(bool alsoReductions) {
    std::vector<Loop> &loops = mapping.block.loops;
    bool hasFusedReductions = false;
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t a = 0; a != loops.size() && !changed; ++a)
        for (size_t b = 0; b != loops.size() && !changed; ++b)
          if (a != b && (alsoReductions || !loops[a].isReduction) && canFuse(int(a), int(b))) {
            hasFusedReductions |= loops[a].isReduction;
            fuse(int(a), int(b));
            changed = true;
          }
    }
    return hasFusedReductions;
  }

  std::vector<Mapping> mappings(std::vector<Rejection> &rejections) {
    std::vector<Mapping> result;
    // Lane loops are settled; all others are enumerated.
    std::vector<LoopMap> maps = enumerate();
    for (LoopMap &map : maps) {
      Mapping candidate = mapping;
      candidate.loopTo = map;
      if (auto rejection = tooLong(candidate))
        rejections.push_back(std::move(*rejection));
      else if (auto composed = compose(candidate))
        rejections.push_back(std::move(*composed));
      else
        result.push_back(std::move(candidate));
    }
    return result;
  }

private:
  // A loop of one step moves nothing.
  void dropUnitTerms() {
    for (Operand &operand : mapping.block.operands)
      for (Index &index : operand.index)
        std::erase_if(index.terms, [&](const Term &term) { return mapping.block.loops[term.loop].extent == 1; });
  }

  void splitTerms(Index &index, const std::vector<int> &laneOfLoop) {
    for (size_t t = 0, e = index.terms.size(); t != e; ++t)
      if (int lane = laneOfLoop[index.terms[t].loop]; lane >= 0) {
        index.terms.push_back({lane, index.terms[t].factor});
        index.terms[t].factor *= target.lanes;
      }
  }

  // `isPacked`: rows may follow one another in any order, so that a loop of lanes may move a dimension of rows.
  std::optional<Rejection> makePhysical(Operand &operand, const std::vector<int> &laneOfLoop, bool isPacked) {
    const int64_t n = target.lanes;
    auto refuse = [&](std::string kind, std::string text) {
      return Rejection{chain.name, std::move(kind), "operand " + operand.name + ": " + std::move(text)};
    };
    if (operand.shape.empty()) {
      operand.shape.push_back(1);
      operand.index.push_back({});
    }
    Index &last = operand.index.back();
    int lane = -1;
    for (size_t d = 0; isPacked && d + 1 != operand.index.size(); ++d)
      splitTerms(operand.index[d], laneOfLoop);
    for (size_t d = 0; !isPacked && d + 1 != operand.index.size(); ++d)
      for (const Term &term : operand.index[d].terms)
        if (laneOfLoop[term.loop] >= 0)
          return refuse("layout", "loop " + mapping.block.loops[term.loop].name +
                                      " must lie in lanes, but it is not the last dimension");
    Index blocks;
    for (const Term &term : last.terms) {
      if (laneOfLoop[term.loop] >= 0 && term.factor == 1 && lane < 0) {
        lane = laneOfLoop[term.loop];
        blocks.terms.push_back(term);
      } else if (term.factor % n == 0) {
        blocks.terms.push_back({term.loop, term.factor / n});
      } else if (mapping.block.loops[term.loop].extent != 1) {
        return refuse("alignment", "steps of " + std::to_string(term.factor) +
                                       " in the last dimension do not fit rows of " + std::to_string(n));
      }
    }
    if (lane < 0)
      return refuse("layout", "its last dimension is not the one that lies in lanes");
    if (last.constant % n != 0)
      return refuse("alignment", "it begins at element " + std::to_string(last.constant) +
                                     " of its last dimension, rows have " + std::to_string(n));
    blocks.constant = last.constant / n;
    last = blocks;
    const int64_t bytes = elemBytes(operand.elem);
    operand.index.push_back({{{lane, bytes}}, 0});
    operand.shape = physicalShape(operand.shape, target.lanes, bytes);
    return std::nullopt;
  }

  bool isLane(int loop) const { return std::ranges::find(laneLoopOf, loop) != laneLoopOf.end(); }

  bool canFuse(int a, int b) const {
    const Block &block = mapping.block;
    if (block.loops[a].extent <= 1 || block.loops[b].extent <= 1 ||
        block.loops[a].isReduction != block.loops[b].isReduction || isLane(a) || isLane(b))
      return false;
    for (const Operand &operand : block.operands) {
      if (!uses(operand, a) && !uses(operand, b))
        continue;
      bool isAdjacent = false;
      for (size_t d = 0; d + 1 < operand.index.size(); ++d)
        isAdjacent |= isBare(operand.index[d], a) && isBare(operand.index[d + 1], b) &&
                      operand.shape[d + 1] == block.loops[b].extent;
      if (!isAdjacent)
        return false;
    }
    return true;
  }

  void fuse(int a, int b) {
    Block &block = mapping.block;
    block.loops[a].name += "*" + block.loops[b].name;
    block.loops[a].extent *= block.loops[b].extent;
    block.loops[b].extent = 1;
    // A fused block loop no longer tells its lanes apart; nothing packed is indexed by one.
    std::erase_if(mapping.splits, [&](const LaneSplit &split) { return split.blockLoop == a || split.blockLoop == b; });
    for (Operand &operand : block.operands)
      for (size_t d = 0; d + 1 < operand.index.size(); ++d)
        if (isBare(operand.index[d], a) && isBare(operand.index[d + 1], b)) {
          operand.shape[d] *= operand.shape[d + 1];
          operand.shape.erase(operand.shape.begin() + ptrdiff_t(d) + 1);
          operand.index.erase(operand.index.begin() + ptrdiff_t(d) + 1);
        }
  }

  // An outer reduction needs its partial sums back: the chain adds to what it left in its meeting place. Only for loops
  // that read other constants with the same tensors; all others are the instruction's own.
  bool canAccumulate(int loop) const {
    return chain.accumulate && !chain.meetings.empty() &&
           std::ranges::none_of(mapping.block.operands,
                                [&](const Operand &operand) { return !operand.constant && uses(operand, loop); });
  }

  // A loop of the chain whose extent no field says is walked whole, whether somebody uses it or not.
  static bool fits(const Loop &loop, const ChainLoop &chainLoop) {
    return chainLoop.fixed == 0 || loop.extent == chainLoop.fixed;
  }
  bool coversFixed(const std::vector<bool> &used) const {
    for (size_t q = 0; q != chain.loops.size(); ++q)
      if (!used[q] && chain.loops[q].fixed > 1)
        return false;
    return true;
  }

  std::vector<LoopMap> enumerate() {
    const Block &block = mapping.block;
    std::vector<LoopMap> result;
    LoopMap map(block.loops.size(), -1);
    std::vector<bool> used(chain.loops.size(), false);
    for (size_t q = 0; q != chain.loops.size(); ++q)
      if (laneLoopOf[q] >= 0) {
        map[laneLoopOf[q]] = int(q);
        used[q] = true;
      }
    auto assign = [&](auto &self, size_t loop) -> void {
      if (loop == block.loops.size()) {
        if (coversFixed(used))
          result.push_back(map);
        return;
      }
      if (isLane(int(loop)) || block.loops[loop].extent == 1) {
        self(self, loop + 1);
        return;
      }
      for (size_t q = 0; q != chain.loops.size(); ++q)
        if (!used[q] && !chain.loops[q].isLanes && fits(block.loops[loop], chain.loops[q]) &&
            areCompatible(block, int(loop), chain, int(q), mapping.binding)) {
          map[loop] = int(q);
          used[q] = true;
          self(self, loop + 1);
          used[q] = false;
        }
      map[loop] = -1;
      if (!block.loops[loop].isReduction || canAccumulate(int(loop)))
        self(self, loop + 1);
    };
    assign(assign, 0);
    return result;
  }

  // A scheduler cuts all loops but the reductions that the chain runs: those must fit their fields as they are.
  std::optional<Rejection> tooLong(const Mapping &candidate) const {
    for (size_t loop = 0; loop != candidate.loopTo.size(); ++loop) {
      const Loop &own = candidate.block.loops[loop];
      const int q = candidate.loopTo[loop];
      if (!own.isReduction || q < 0 || chain.loops[q].isLanes)
        continue;
      for (const Quantity &extent : chain.loops[q].extents)
        if (const isa::Field &field = fieldOf(chain, extent.field); own.extent > field.max)
          return Rejection{chain.name, "extent",
                           "loop " + own.name + " has " + std::to_string(own.extent) + " steps, " +
                               std::string(field.name) + " takes " + std::to_string(field.max)};
    }
    return std::nullopt;
  }

  std::optional<Rejection> compose(Mapping &candidate) const {
    candidate.dimOf.resize(chain.accesses.size());
    for (size_t i = 0; i != chain.accesses.size(); ++i) {
      const ChainAccess &access = chain.accesses[i];
      candidate.dimOf[i].assign(access.dims.size(), -1);
      if (int o = candidate.binding.operandOf[i]; o >= 0 && access.isStrided)
        if (auto rejection = composeStrided(candidate, int(i), candidate.block.operands[o]))
          return rejection;
      if (isPackedStream(candidate, int(i)))
        if (auto rejection = composePacked(candidate, int(i)))
          return rejection;
    }
    return std::nullopt;
  }

  std::optional<Rejection> composeStrided(Mapping &candidate, int i, const Operand &operand) const {
    const ChainAccess &access = chain.accesses[i];
    auto refuse = [&](std::string kind, std::string text) {
      return Rejection{chain.name, std::move(kind), "operand " + operand.name + ": " + std::move(text)};
    };
    const size_t lane = operand.hasWholeRows ? operand.index.size() : operand.index.size() - 1;
    if (!operand.hasWholeRows && candidate.loopTo[operand.index[lane].terms[0].loop] != access.laneLoop)
      return refuse("layout", "other elements than the instruction's lie in lanes");
    for (size_t d = 0; d != lane; ++d) {
      int dim = -1;
      for (const Term &term : operand.index[d].terms) {
        int q = candidate.loopTo[term.loop];
        if (q < 0)
          continue;
        auto [j, chainTerm] = dimWith(access, q);
        if (j < 0 || (dim >= 0 && dim != j))
          return refuse("signature", "one dimension is moved by loops that the instruction keeps apart");
        dim = j;
        if (chainTerm->factor.kind == Quantity::Field) {
          const FieldId id = chainTerm->factor.field;
          const isa::Field &field = fieldOf(chain, id);
          auto [it, isNew] = candidate.fixedFields.try_emplace({id.link, id.field}, term.factor);
          if (!isNew && it->second != term.factor)
            return refuse("descriptor", std::string(field.name) + " would have to be both " +
                                            std::to_string(it->second) + " and " + std::to_string(term.factor));
          if (term.factor < field.min || term.factor > field.max)
            return refuse("descriptor", std::string(field.name) + " = " + std::to_string(term.factor) + " is outside " +
                                            std::to_string(field.min) + ".." + std::to_string(field.max));
        } else if (term.factor !=
                   (chainTerm->factor.kind == Quantity::Lanes ? target.lanes : chainTerm->factor.literal)) {
          return refuse("descriptor", "steps of " + std::to_string(term.factor) + " where the instruction's are fixed");
        }
      }
      if (operand.outside != Outside::Never && (dim < 0 || !access.dims[dim].extent) &&
          mayLeave(candidate, operand, int(d)))
        return refuse("descriptor",
                      "it is read outside its shape in a dimension in which the instruction does not pad");
      if (dim < 0)
        continue;
      if (candidate.dimOf[i][dim] >= 0)
        return refuse("signature", "two dimensions would share one of the instruction's");
      candidate.dimOf[i][dim] = int(d);
      const bool isContiguous =
          std::all_of(operand.shape.begin() + ptrdiff_t(d) + 1, operand.shape.begin() + ptrdiff_t(lane),
                      [](int64_t steps) { return steps == 1; });
      if (access.dims[dim].stride.kind != Quantity::Field && !isContiguous)
        return refuse("layout", "the instruction steps through contiguous rows, this dimension does not");
    }
    if (operand.outside == Outside::Value && !access.pad && mayLeaveAny(candidate, operand))
      return refuse("body", "elements outside have a value, the instruction skips them");
    if (operand.outside == Outside::Skip && access.pad && mayLeaveAny(candidate, operand))
      return refuse("body", "elements outside are skipped, the instruction reads a value for them");
    return std::nullopt;
  }

  // Each loop of rows moves one dimension, and steps of a dimension go by equal distances in the access's own order.
  std::optional<Rejection> composePacked(const Mapping &candidate, int i) const {
    const ChainAccess &access = chain.accesses[i];
    const Operand &operand = candidate.block.operands[candidate.binding.operandOf[i]];
    auto refuse = [&](std::string kind, std::string text) {
      return Rejection{chain.name, std::move(kind), "operand " + operand.name + ": " + std::move(text)};
    };
    if (candidate.loopTo[operand.index.back().terms[0].loop] != access.laneLoop)
      return refuse("layout", "other elements than the instruction's lie in lanes");
    if (access.unit != 1 || access.lead != 0)
      return refuse("layout", "the instruction reads a record, the tensor has rows");
    for (const Index &index : operand.index)
      if (index.constant != 0)
        return refuse("layout", "it begins in the middle of the tensor");
    Ranges ranges;
    for (size_t loop = 0; loop != candidate.block.loops.size(); ++loop)
      ranges.push_back({0, candidate.loopTo[loop] < 0 ? 1 : candidate.block.loops[loop].extent});
    if (packedStrides(candidate, i, ranges, target.lanes).empty())
      return refuse("layout", "its rows would follow one another in an order that no copy makes");
    return std::nullopt;
  }

  static bool mayLeave(const Mapping &candidate, const Operand &operand, int d) {
    int64_t low = operand.index[d].constant, high = low;
    for (const Term &term : operand.index[d].terms)
      high += term.factor * (candidate.block.loops[term.loop].extent - 1);
    return low < 0 || high >= operand.shape[d];
  }
  static bool mayLeaveAny(const Mapping &candidate, const Operand &operand) {
    for (size_t d = 0; d + 1 < operand.index.size(); ++d)
      if (mayLeave(candidate, operand, int(d)))
        return true;
    return false;
  }

  static std::pair<int, const ChainTerm *> dimWith(const ChainAccess &access, int q) {
    for (size_t j = 0; j != access.dims.size(); ++j)
      for (const ChainTerm &term : access.dims[j].terms)
        if (term.loop == q)
          return {int(j), &term};
    return {-1, nullptr};
  }

  const Chain &chain;
  const Target &target;
  Mapping mapping;
  std::vector<int> laneLoopOf; // per chain loop: block loop of its lanes, or -1
};

} // namespace

std::vector<Mapping> matchChain(const Block &block, const Chain &chain, const Target &target,
                                std::vector<Rejection> &rejections) {
  std::string reason;
  std::vector<Binding> bindings = unifyBodies(block, chain, reason);
  if (bindings.empty())
    rejections.push_back({chain.name, "body", reason});
  std::vector<int> laneLoops;
  for (size_t q = 0; q != chain.loops.size(); ++q)
    if (chain.loops[q].isLanes)
      laneLoops.push_back(int(q));
  std::vector<Mapping> result;
  for (const Binding &binding : bindings) {
    std::vector<std::pair<int, int>> lanes; // (chain loop, block loop)
    bool hasLanes = false;
    auto choose = [&](auto &self, size_t next) -> void {
      if (next != laneLoops.size()) {
        for (size_t loop = 0; loop != block.loops.size(); ++loop)
          if (std::ranges::none_of(lanes, [&](auto &pair) { return pair.second == int(loop); }) &&
              areCompatible(block, int(loop), chain, laneLoops[next], binding)) {
            lanes.push_back({laneLoops[next], int(loop)});
            self(self, next + 1);
            lanes.pop_back();
          }
        return;
      }
      hasLanes = true;
      // One loop for neighbouring reductions is best, but may be too long for its field: then each by itself.
      for (bool alsoReductions : {true, false}) {
        Rewriter rewriter(block, chain, binding, target);
        if (auto rejection = rewriter.splitLanes(lanes)) {
          rejections.push_back(std::move(*rejection));
          return;
        }
        const bool hasFusedReductions = rewriter.fuseNeighbours(alsoReductions);
        std::vector<Mapping> found = rewriter.mappings(rejections);
        std::ranges::move(found, std::back_inserter(result));
        if (!found.empty() || !hasFusedReductions)
          return;
      }
    };
    choose(choose, 0);
    if (!hasLanes)
      rejections.push_back({chain.name, "signature", "no loop of the block can lie in the instruction's lanes"});
  }
  // Fewest steps outside the instruction first; equal ones in the order found.
  std::vector<std::pair<int64_t, size_t>> order;
  for (size_t i = 0; i != result.size(); ++i) {
    int64_t steps = 1;
    for (size_t loop = 0; loop != result[i].loopTo.size(); ++loop)
      if (result[i].loopTo[loop] < 0)
        steps *= result[i].block.loops[loop].extent;
    order.push_back({steps, i});
  }
  std::ranges::sort(order);
  std::vector<Mapping> sorted;
  for (auto [steps, i] : order)
    sorted.push_back(std::move(result[i]));
  return sorted;
}

} // namespace tw::tensorize
