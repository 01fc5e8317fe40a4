// SPDX-License-Identifier: Apache-2.0
// Einsum: operands are joined two by two, each pair as a matrix product where something is summed, else as a product of
// elements.
#include "Compose.h"

#include "llvm/ADT/StringExtras.h"

#include <map>
#include <string>

using namespace mlir;

namespace tw::ir::onnx {
namespace {

// A dimension's label: a letter, or one of those that an ellipsis stands for, numbered from the last one on: they
// broadcast from the end.
using Label = int;
constexpr Label kEllipsis = 256;
using Labels = SmallVector<Label>;

struct Term {
  Value value; // null: of the result
  Labels labels;
};

bool contains(const Labels &labels, Label label) { return llvm::is_contained(labels, label); }

class Einsum {
public:
  explicit Einsum(Node &node) : node(node) {}

  LogicalResult build() {
    if (failed(readEquation()))
      return failure();
    Term result = terms.front();
    reduceUnused(result, 1);
    for (size_t k = 1; k < terms.size(); ++k) {
      Term next = terms[k];
      reduceUnused(next, k + 1, &result.labels);
      result = joined(result, next, k + 1);
    }
    // In the order of the output.
    Shape perm;
    for (Label label : output)
      perm.push_back(llvm::find(result.labels, label) - result.labels.begin());
    node.setResult(0, Compose(node).transpose(result.value, perm));
    return success();
  }

private:
  LogicalResult readEquation() {
    std::string text = node.text("equation", "");
    llvm::erase(text, ' ');
    StringRef left = text, right;
    const size_t arrow = left.find("->");
    const bool isExplicit = arrow != StringRef::npos;
    if (isExplicit) {
      right = left.drop_front(arrow + 2);
      left = left.take_front(arrow);
    }
    SmallVector<StringRef> parts;
    left.split(parts, ',');
    if (parts.size() != node.inputCount())
      return node.fail("equation '" + text + "' has " + llvm::Twine(parts.size()) + " operands, the node has " +
                       llvm::Twine(node.inputCount()));
    for (auto [k, part] : llvm::enumerate(parts)) {
      Value value = node.input(k);
      if (!value)
        return failure();
      auto labels = labelsOf(part, shapeOf(value).size());
      if (failed(labels))
        return failure();
      for (auto [label, extent] : llvm::zip(*labels, shapeOf(value)))
        if (int64_t &known = extents.try_emplace(label, 1).first->second; known == 1)
          known = extent;
        else if (extent != 1 && extent != known)
          return node.fail("equation '" + text + "' gives one label the extents " + llvm::Twine(known) + " and " +
                           llvm::Twine(extent));
      terms.push_back(diagonal({value, *labels}));
    }
    if (isExplicit) {
      auto labels = labelsOf(right, std::nullopt);
      if (failed(labels))
        return failure();
      output = *labels;
      for (size_t i = 0; i < output.size(); ++i)
        if (!extents.count(output[i]) || llvm::is_contained(ArrayRef(output).take_front(i), output[i]))
          return node.fail("equation '" + text + "' has an output label that no input has, or one twice");
      return success();
    }
    // Labels that stand once, in the order of letters, behind what ellipses stand for.
    std::map<Label, int> uses;
    for (StringRef part : parts)
      for (char c : part)
        if (c != '.')
          ++uses[static_cast<unsigned char>(c)];
    output = ellipsis();
    for (auto [label, count] : uses)
      if (count == 1)
        output.push_back(label);
    return success();
  }

  // What ellipses stand for, of all operands.
  Labels ellipsis() const {
    Labels labels;
    for (int k = ellipsisRank; k-- > 0;)
      labels.push_back(kEllipsis + k);
    return labels;
  }

  // The labels of a part; an operand's rank says how many an ellipsis is.
  FailureOr<Labels> labelsOf(StringRef part, std::optional<size_t> rank) {
    Labels labels;
    bool hasEllipsis = false;
    const size_t letters = llvm::count_if(part, [](char c) { return c != '.'; });
    for (size_t i = 0; i < part.size(); ++i) {
      if (part.substr(i).starts_with("...") && !hasEllipsis) {
        hasEllipsis = true;
        i += 2;
        const int count = rank ? static_cast<int>(*rank) - static_cast<int>(letters) : ellipsisRank;
        ellipsisRank = std::max(ellipsisRank, count);
        for (int k = count; k-- > 0;)
          labels.push_back(kEllipsis + k);
      } else if (llvm::isAlpha(part[i])) {
        labels.push_back(static_cast<unsigned char>(part[i]));
      } else {
        return node.fail("equation has '" + part + "', which is no list of letters");
      }
    }
    if (rank && labels.size() != *rank)
      return node.fail("equation has " + llvm::Twine(labels.size()) + " labels for an input of rank " +
                       llvm::Twine(*rank));
    return labels;
  }

  // Of a label that stands twice, the elements whose two indices are the same.
  Term diagonal(Term term) {
    for (size_t first = 0; first < term.labels.size(); ++first)
      for (size_t second = first + 1; second < term.labels.size(); ++second) {
        if (term.labels[first] != term.labels[second])
          continue;
        const Shape shape(shapeOf(term.value));
        const int64_t rows = shape[first], columns = shape[second];
        Shape perm{static_cast<int64_t>(first), static_cast<int64_t>(second)};
        for (int64_t d : iota(shape.size()))
          if (!llvm::is_contained(Dims(perm).take_front(2), d))
            perm.push_back(d);
        Value value = Compose(node).transpose(term.value, perm);
        Shape flat{rows * columns};
        llvm::append_range(flat, Dims(shapeOf(value)).drop_front(2));
        // An extent of 1 goes along with any place.
        Shape places;
        for (int64_t i = 0; i < std::max(rows, columns); ++i)
          places.push_back(std::min(i, rows - 1) * columns + std::min(i, columns - 1));
        const int64_t count = places.size();
        value = Compose(node).gather(Compose(node).reshape(value, flat),
                                     Compose(node).integers(ElementType::I64, {count}, places), 0);
        Labels labels{term.labels[first]};
        for (int64_t d : Dims(perm).drop_front(2))
          labels.push_back(term.labels[d]);
        return diagonal({value, labels});
      }
    return term;
  }

  // Whether the output or an operand from `from` on asks for a label.
  bool isAskedFor(Label label, size_t from) const {
    return contains(output, label) || llvm::any_of(ArrayRef(terms).drop_front(from),
                                                   [&](const Term &term) { return contains(term.labels, label); });
  }

  // Sums over labels that nobody else has.
  void reduceUnused(Term &term, size_t from, const Labels *other = nullptr) {
    Shape axes;
    Labels kept;
    for (auto [d, label] : llvm::enumerate(term.labels))
      if (isAskedFor(label, from) || (other && contains(*other, label)))
        kept.push_back(label);
      else
        axes.push_back(static_cast<int64_t>(d));
    // One element that is broadcast counts as often as it is.
    double repeats = 1;
    for (int64_t axis : axes)
      if (shapeOf(term.value)[axis] == 1)
        repeats *= static_cast<double>(extents[term.labels[axis]]);
    term.value = Compose(node).reduce(ReduceKind::Sum, term.value, axes, false);
    if (repeats != 1)
      term.value = Compose(node).mul(term.value, Compose(node).number(elementTypeOf(term.value.getType()), repeats));
    term.labels = kept;
  }

  int64_t extentsOf(const Labels &labels) {
    int64_t count = 1;
    for (Label label : labels)
      count *= extents[label];
    return count;
  }

  // The operand with its dimensions in the order of the labels, each of its full extent.
  Value arranged(const Term &term, const Labels &order) {
    Shape perm, full;
    for (Label label : order) {
      perm.push_back(llvm::find(term.labels, label) - term.labels.begin());
      full.push_back(extents[label]);
    }
    return Compose(node).expand(Compose(node).transpose(term.value, perm), full);
  }

  // Two operands as one, of which what nobody asks for behind them is summed.
  Term joined(const Term &left, const Term &right, size_t from) {
    Labels batch, rows, columns, summed;
    for (Label label : left.labels)
      (!contains(right.labels, label) ? rows : isAskedFor(label, from) ? batch : summed).push_back(label);
    for (Label label : right.labels)
      if (!contains(left.labels, label))
        columns.push_back(label);
    auto list = [](std::initializer_list<const Labels *> parts) {
      Labels all;
      for (const Labels *part : parts)
        all.append(*part);
      return all;
    };
    const Labels all = list({&batch, &rows, &columns});
    Shape full, b{extentsOf(batch)};
    for (Label label : all)
      full.push_back(extents[label]);
    if (batch.empty())
      b.clear();
    auto shape = [&](int64_t first, int64_t second) {
      Shape result(b);
      result.append({first, second});
      return result;
    };
    const int64_t m = extentsOf(rows), n = extentsOf(columns), k = extentsOf(summed);
    Value x = Compose(node).reshape(arranged(left, list({&batch, &rows, &summed})), shape(m, k)), y, product;
    if (summed.empty()) {
      y = Compose(node).reshape(arranged(right, list({&batch, &columns})), shape(1, n));
      product = Compose(node).mul(x, y);
    } else {
      y = Compose(node).reshape(arranged(right, list({&batch, &summed, &columns})), shape(k, n));
      product = Compose(node).matmul(x, y);
    }
    return {Compose(node).reshape(product, full), all};
  }

  Node &node;
  std::vector<Term> terms;
  Labels output;
  std::map<Label, int64_t> extents;
  int ellipsisRank = 0;
};

} // namespace

LogicalResult buildEinsum(Node &node) { return Einsum(node).build(); }

} // namespace tw::ir::onnx
