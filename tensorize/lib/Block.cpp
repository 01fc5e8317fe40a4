// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Block.h"

#include "linalg/Primitives.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace tw::tensorize {

int writtenOperand(const Block &block) {
  for (size_t i = 0; i != block.operands.size(); ++i)
    if (block.operands[i].isWritten)
      return int(i);
  return -1;
}

namespace {

std::string text(const Index &index, const std::vector<Loop> &loops) {
  std::string result;
  for (const Term &term : index.terms)
    result += (result.empty() ? "" : " + ") + (term.factor == 1 ? "" : std::to_string(term.factor) + "*") +
              loops[term.loop].name;
  if (result.empty())
    return std::to_string(index.constant);
  if (index.constant != 0)
    result += (index.constant < 0 ? " - " : " + ") + std::to_string(std::abs(index.constant));
  return result;
}

std::string text(const Operand &operand, const std::vector<Loop> &loops) {
  static constexpr const char *kElems[] = {"i8", "i32", "f32"};
  std::string result = "  " + operand.name + ": " + kElems[int(operand.elem)] + "[";
  for (size_t d = 0; d != operand.shape.size(); ++d)
    result += (d ? "x" : "") + std::to_string(operand.shape[d]);
  result += "] at (";
  for (size_t d = 0; d != operand.index.size(); ++d)
    result += (d ? ", " : "") + text(operand.index[d], loops);
  result += ")";
  if (operand.outside == Outside::Value)
    result += ", outside " + std::to_string(operand.outsideValue);
  if (operand.outside == Outside::Skip)
    result += ", outside skipped";
  if (operand.constant && operand.elem != isa::Elem::F32 && operand.constant->size() <= 16) {
    result += ", constant";
    for (size_t i = 0; i < operand.constant->size(); i += operand.elem == isa::Elem::I8 ? 1 : 4) {
      int32_t value = int8_t((*operand.constant)[i]);
      if (operand.elem == isa::Elem::I32)
        std::memcpy(&value, &(*operand.constant)[i], 4);
      result += " " + std::to_string(value);
    }
  } else if (operand.constant) {
    result += ", constant";
  }
  return result + (operand.isWritten ? ", written\n" : "\n");
}

std::string text(const Arg &arg, const Block &block) {
  switch (arg.kind) {
  case Arg::Operand:
    return block.operands[arg.index].name;
  case Arg::Slot:
    return "%" + std::to_string(arg.index);
  case Arg::Running:
    return "running";
  case Arg::Constant:
    return std::to_string(arg.value);
  case Arg::Count:
    return "count";
  }
  return "";
}

} // namespace

std::string str(const Block &block) {
  std::string result = "for";
  for (bool isReduction : {false, true}) {
    bool isFirst = isReduction && block.isReduced();
    for (const Loop &loop : block.loops)
      if (loop.isReduction == isReduction) {
        result += (isFirst ? ", over " : " ") + loop.name + "=" + std::to_string(loop.extent);
        isFirst = false;
      }
  }
  result += "\n";
  for (const Operand &operand : block.operands)
    result += text(operand, block.loops);
  for (int slot = 0; slot <= block.resultSlot(); ++slot) {
    result += slot < int(block.body.size()) ? "  each: " : "  then: ";
    result += "%" + std::to_string(slot) + " = " + block.node(slot).primitive + "(";
    for (size_t a = 0; a != block.node(slot).args.size(); ++a)
      result += (a ? ", " : "") + text(block.node(slot).args[a], block);
    result += ")\n";
  }
  return result;
}

namespace {

bool isBare(const Index &index, int loop) {
  return index.constant == 0 && index.terms.size() == 1 && index.terms[0] == Term{loop, 1};
}

// Dimension d of a constant operand is the window's column and d + 1 the channel; -1: none.
int kernelColumn(const Operand &operand, int column, int channel) {
  for (size_t d = 0; operand.constant && d + 1 < operand.index.size(); ++d)
    if (isBare(operand.index[d], column) && isBare(operand.index[d + 1], channel))
      return int(d);
  return -1;
}

} // namespace

std::optional<Block> foldRows(const Block &block, int64_t lanes) {
  for (size_t o = 0; o != block.operands.size(); ++o) {
    const Operand &x = block.operands[o];
    const size_t rank = x.shape.size();
    if (x.constant || x.isWritten || x.outside == Outside::Skip || rank < 2 || x.index[rank - 2].terms.size() != 2 ||
        x.index[rank - 1].terms.size() != 1)
      continue;
    const int channel = x.index[rank - 1].terms[0].loop, pixel = x.index[rank - 2].terms[0].loop,
              column = x.index[rank - 2].terms[1].loop;
    const int64_t channels = x.shape[rank - 1];
    if (!isBare(x.index[rank - 1], channel) || x.index[rank - 2].terms[1].factor != 1 ||
        !block.loops[column].isReduction || !block.loops[channel].isReduction ||
        block.loops[channel].extent != channels)
      continue;
    Block folded = block;
    bool hasKernel = false;
    for (Operand &operand : folded.operands)
      if (int d = kernelColumn(operand, column, channel); d >= 0) {
        operand.shape[d] *= channels;
        operand.shape.erase(operand.shape.begin() + d + 1);
        operand.index.erase(operand.index.begin() + d + 1);
        hasKernel = true;
      }
    if (!hasKernel)
      continue;
    Operand &rows = folded.operands[o];
    rows.index[rank - 2] = {{{pixel, x.index[rank - 2].terms[0].factor * channels}, {column, 1}},
                            x.index[rank - 2].constant * channels};
    rows.index.pop_back();
    rows.shape[rank - 2] = (x.shape[rank - 2] * channels + lanes - 1) / lanes * lanes;
    rows.shape.pop_back();
    rows.hasWholeRows = true;
    folded.loops[column].name += "*" + folded.loops[channel].name;
    folded.loops[column].extent *= channels;
    folded.loops[channel].extent = 1;
    return folded;
  }
  return std::nullopt;
}

namespace {

// The loop over the columns of a kernel that an activation's window has, channels behind them; -1: none.
int columnLoop(const Block &block, int64_t lanes) {
  for (const Operand &x : block.operands) {
    const size_t rank = x.shape.size();
    if (x.constant || x.isWritten || x.hasWholeRows || x.outside == Outside::Skip || rank < 2 ||
        x.index[rank - 2].terms.size() != 2 || x.index[rank - 1].terms.size() != 1 ||
        !isBare(x.index[rank - 1], x.index[rank - 1].terms[0].loop) || 2 * x.shape[rank - 1] > lanes)
      continue;
    const Term &column = x.index[rank - 2].terms[1];
    if (column.factor == 1 && block.loops[column.loop].isReduction && block.loops[column.loop].extent > 2 &&
        block.loops[x.index[rank - 1].terms[0].loop].isReduction)
      return column.loop;
  }
  return -1;
}

} // namespace

std::optional<Block> pairColumns(const Block &block, int64_t lanes) {
  const int column = columnLoop(block, lanes);
  if (column < 0)
    return std::nullopt;
  Block paired = block;
  const int half = int(paired.loops.size());
  paired.loops.push_back({paired.loops[column].name + ".half", 2, true});
  paired.loops[column].extent = (paired.loops[column].extent + 1) / 2;
  const bool isOdd = block.loops[column].extent % 2 != 0;
  bool hasWeights = false;
  for (Operand &operand : paired.operands)
    for (Index &index : operand.index)
      for (size_t t = 0, e = index.terms.size(); t != e; ++t)
        if (index.terms[t].loop == column) {
          const int64_t factor = index.terms[t].factor;
          index.terms[t].factor = 2 * factor;
          index.terms.push_back({half, factor});
          hasWeights |= operand.constant != nullptr;
          if (isOdd && operand.outside == Outside::Never) // the column behind the last one, whose weights are zero
            operand.outside = Outside::Value;
          break;
        }
  return hasWeights ? std::optional(std::move(paired)) : std::nullopt;
}

namespace {

// Dimension of a constant that one loop alone moves; -1: none.
int dimOf(const Operand &operand, int loop) {
  for (size_t d = 0; d != operand.index.size(); ++d)
    if (isBare(operand.index[d], loop))
      return int(d);
  return -1;
}

bool uses(const Operand &operand, int loop) {
  return std::ranges::any_of(operand.index, [&](const Index &index) {
    return std::ranges::any_of(index.terms, [&](const Term &term) { return term.loop == loop; });
  });
}

/// Loops that are groups, outputs of a group, and its reduction.
struct Groups {
  int group, output, depth;
};

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
  int64_t size = 1, count = 1;
  for (int64_t extent : operand.shape)
    size *= extent;
  for (int64_t extent : old)
    count *= extent;
  const int64_t bytes = int64_t(operand.constant->size()) / count;
  auto dense = std::make_shared<std::vector<uint8_t>>(size * bytes, 0);
  std::vector<int64_t> at(old.size(), 0);
  for (int64_t flat = 0; flat != count; ++flat) {
    int64_t to = 0;
    for (size_t d = 0, e = 0; d != old.size(); ++d) {
      if (int(d) == g)
        continue;
      bool isSpread = int(d) == o || int(d) == c;
      to = to * operand.shape[e++] + at[d] + (isSpread ? at[g] * old[d] : 0);
    }
    std::copy_n(operand.constant->begin() + flat * bytes, bytes, dense->begin() + to * bytes);
    for (size_t d = old.size(); d-- > 0 && ++at[d] == old[d];)
      at[d] = 0;
  }
  operand.constant = dense;
  operand.tensor = -1;
  return true;
}

} // namespace

std::optional<Block> densifyGroups(const Block &block) {
  std::optional<Groups> groups = groupsOf(block);
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
  int64_t tail = 1;
  for (size_t e = size_t(d) + 2; e < operand.shape.size(); ++e)
    tail *= operand.shape[e];
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
  if (channel < 0 || block.body.size() != 2 || block.body[0].args.size() != 2)
    return std::nullopt;
  const int64_t extent = block.loops[channel].extent, width = std::min(extent, lanes);
  if (extent % width != 0)
    return std::nullopt;
  Block result = block;
  const int lane = int(block.loops.size()), inner = lane + 1;
  result.loops[channel].extent = extent / width;
  result.loops.push_back({block.loops[channel].name + ".out", width});
  result.loops.push_back({block.loops[channel].name + ".in", width, true});
  // Only what is multiplied is summed over; a residual lies as the result does.
  auto isFactor = [&](size_t o) {
    return std::ranges::any_of(block.body[0].args,
                               [&](const Arg &arg) { return arg.kind == Arg::Operand && arg.index == int(o); });
  };
  for (size_t o = 0; o != result.operands.size(); ++o) {
    Operand &operand = result.operands[o];
    if (operand.constant)
      splitConstant(operand, channel, width, lane, inner);
    else
      operand.index.back() = {{{channel, width}, {isFactor(o) ? inner : lane, 1}}, 0};
  }
  return result;
}

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

bool readThroughReshape(Block &block, int tensor, const std::vector<int64_t> &shape) {
  for (size_t o = 0; o != block.operands.size(); ++o) {
    Operand &operand = block.operands[o];
    if (operand.tensor != tensor || operand.isWritten || operand.shape == shape)
      continue;
    // Leading dimensions agree; one dimension of ours is the product of the rest of theirs.
    size_t d = 0;
    while (d < operand.shape.size() && d < shape.size() && operand.shape[d] == shape[d])
      ++d;
    if (d + 1 != operand.shape.size() || operand.index[d].terms.size() != 1 || operand.index[d].terms[0].factor != 1 ||
        operand.index[d].constant != 0 || operand.outside != Outside::Never)
      return false;
    const int split = operand.index[d].terms[0].loop;
    const Loop old = block.loops[split];
    if (old.extent != operand.shape[d])
      return false;
    // The loop becomes the last of the new ones; the others are appended.
    std::vector<std::pair<int, int64_t>> parts; // (loop, its step in the old one)
    int64_t step = 1;
    std::vector<Index> index(shape.size() - d);
    for (size_t e = shape.size(); e-- > d;) {
      int loop = e + 1 == shape.size() ? split : int(block.loops.size());
      if (loop == split)
        block.loops[split].extent = shape[e];
      else
        block.loops.push_back({old.name + std::to_string(e), shape[e], old.isReduction});
      parts.push_back({loop, step});
      index[e - d] = {{{loop, 1}}, 0};
      step *= shape[e];
    }
    if (step != old.extent)
      return false;
    for (size_t other = 0; other != block.operands.size(); ++other)
      if (other != o)
        for (Index &i : block.operands[other].index)
          for (size_t t = 0, n = i.terms.size(); t != n; ++t)
            if (i.terms[t].loop == split) {
              int64_t factor = i.terms[t].factor;
              for (auto [loop, s] : parts)
                if (loop != split)
                  i.terms.push_back({loop, factor * s});
            }
    operand.index.erase(operand.index.begin() + ptrdiff_t(d), operand.index.end());
    operand.index.insert(operand.index.end(), index.begin(), index.end());
    operand.shape = shape;
  }
  return true;
}

} // namespace tw::tensorize
