// SPDX-License-Identifier: Apache-2.0
#include "Buckets.h"

#include "tw/ir/Constants.h"
#include "tw/ir/Padding.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

namespace tw::tools {
namespace {

constexpr int64_t kMostImports = 1024, kMostBytes = int64_t(4) << 30;
constexpr const char *kMask = "attention_mask"; // as exporters name it: ones are seen, zeros are not

using codegen::EntryDim;
using Sizes = std::vector<int64_t>; // by dimension
using Axes = std::vector<std::pair<std::string, size_t>>;
using Reason = std::optional<std::string>;

mlir::func::FuncOp mainOf(mlir::ModuleOp module) { return module.lookupSymbol<mlir::func::FuncOp>("main"); }

/// The dimensions that a name is the sum of, by position; none if it is no sum, or one of other numbers.
std::vector<size_t> termsOf(const EntryDim &sum, llvm::ArrayRef<EntryDim> dims) {
  std::vector<size_t> terms;
  llvm::SmallVector<llvm::StringRef> words;
  llvm::StringRef(sum.name).split(words, '+');
  int64_t total = 0;
  for (llvm::StringRef word : words) {
    word = word.trim();
    int64_t number = 0;
    const auto *dim = llvm::find_if(dims, [&](const EntryDim &its) { return its.name == word; });
    if (dim != dims.end() && dim->name != sum.name) {
      terms.push_back(size_t(dim - dims.begin()));
      number = dim->most;
    } else if (word.getAsInteger(10, number)) {
      return {};
    }
    total += number;
  }
  return words.size() < 2 || total != sum.most ? std::vector<size_t>() : terms;
}

class Prover {
public:
  Prover(const std::string &path, const ir::OnnxImportOptions &options, llvm::ArrayRef<ir::StatePair> states,
         codegen::EntryGraph &entry)
      : path(path), options(options), entry(entry), dims(entry.dims), large(mainOf(entry.module)) {
    for (const EntryDim &dim : dims) {
      terms.push_back(termsOf(dim, dims));
      isOfState.push_back(llvm::any_of(dim.axes, [&](const auto &axis) {
        return llvm::is_contained(llvm::map_range(states, [](const auto &pair) { return pair.past; }), axis.first);
      }));
    }
    outputAxes.resize(dims.size());
  }

  llvm::Error run() {
    uint64_t bytes = 0;
    if (auto error = llvm::sys::fs::file_size(path, bytes))
      return errorAt(path, error.message());
    left = std::clamp<int64_t>(kMostBytes / std::max<int64_t>(int64_t(bytes), 1), 1, kMostImports);
    chooseProof();
    for (size_t d = 0; d != dims.size(); ++d) {
      if (!terms[d].empty())
        continue;
      lookAlong(d);
      joinOthers(d);
    }
    for (size_t d = 0; d != dims.size(); ++d)
      follow(d);
    if (llvm::all_of(dims, [](const EntryDim &dim) { return dim.least == dim.most; }))
      entry.shown.reset();
    return llvm::Error::success();
  }

private:
  // Where nothing is proved, something may be with a mask that shows a place.
  void chooseProof() {
    proof.emplace(entry.module);
    for (size_t d = 0; d != dims.size(); ++d) {
      if (!terms[d].empty() || isOfState[d] || dims[d].most == 1)
        continue;
      Sizes sizes = most();
      --sizes[d];
      const auto shown = placeFor(sizes);
      if (!shown || !whyNot(sizes) || !small)
        continue;
      auto other = std::make_unique<ir::PaddingProof>(entry.module, shown);
      if (other->whyNot(*small->module))
        continue;
      entry.shown = shown;
      proof.emplace(entry.module, shown);
      return;
    }
  }

  // What is new of a mask is as long as what it goes with; the first of it is seen by all rows that are new.
  std::optional<ir::ShownPlace> placeFor(const Sizes &sizes) {
    for (unsigned i = 0; i != large.getNumArguments(); ++i) {
      if (ir::argumentName(large, i) != kMask || ir::shapeOf(large.getArgument(i)).empty())
        continue;
      const size_t last = ir::shapeOf(large.getArgument(i)).size() - 1;
      const Sizes all = withSums(sizes);
      for (size_t d = 0; d != dims.size(); ++d)
        if (all[d] != dims[d].most && llvm::is_contained(dims[d].axes, std::pair(std::string(kMask), last)))
          return ir::ShownPlace{kMask, terms[d].empty() ? 0 : dims[d].most - smallerTerm(d, all)};
    }
    return std::nullopt;
  }

  // Of the terms that are smaller now, the largest: as many rows are new.
  int64_t smallerTerm(size_t sum, const Sizes &sizes) const {
    int64_t fresh = 0;
    for (size_t term : terms[sum])
      if (sizes[term] != dims[term].most)
        fresh = std::max(fresh, dims[term].most);
    return fresh;
  }

  // Fewer and fewer along one dimension, the others as they are.
  void lookAlong(size_t d) {
    EntryDim &dim = dims[d];
    Sizes sizes = most();
    std::vector<Axes> axes(dims.size());
    while (dim.least > 1) {
      sizes[d] = dim.least - 1;
      std::vector<Axes> its(dims.size());
      Reason reason = isOfState[d] ? Reason("the state would be another one") : whyNot(sizes);
      if (!reason)
        reason = findAxes(withSums(sizes), its);
      if (!reason && dim.least != dim.most && its != axes)
        reason = "outputs have it on other axes than for more";
      if (reason) {
        dim.whyNot = llvm::formatv("with {0}, {1}", sizes[d], *reason);
        break;
      }
      axes = std::move(its);
      --dim.least;
    }
    for (size_t other = 0; other != dims.size(); ++other)
      llvm::append_range(outputAxes[other], axes[other]);
  }

  // With all combinations of the dimensions before.
  void joinOthers(size_t d) {
    EntryDim &dim = dims[d];
    Sizes sizes = most();
    const Reason reason = combine(d, 0, false, sizes);
    if (!reason)
      return;
    dim.least = dim.most;
    dim.whyNot = *reason;
  }

  Reason combine(size_t d, size_t before, bool isAnyFewer, Sizes &sizes) {
    const bool isLast = before == d;
    if (isLast && !isAnyFewer)
      return std::nullopt;
    if (!terms[before].empty()) // its size is that of its terms
      return combine(d, before + 1, isAnyFewer, sizes);
    for (int64_t size = dims[before].most - isLast; size >= dims[before].least; --size) {
      sizes[before] = size;
      Reason reason;
      if (!isLast)
        reason = combine(d, before + 1, isAnyFewer || size != dims[before].most, sizes);
      else if ((reason = whyNot(sizes)) || (reason = checkAxes(withSums(sizes))))
        reason = llvm::formatv("with {0} and fewer of another dimension, {1}", size, *reason).str();
      if (reason)
        return reason;
    }
    return std::nullopt;
  }

  // A sum is as much smaller as one of its terms may be; where two may be, runs could not say which is.
  void follow(size_t d) {
    EntryDim &dim = dims[d];
    for (size_t term : terms[d]) {
      if (dims[term].least == dims[term].most)
        continue;
      if (!dim.follows.empty()) {
        dims[term].least = dims[term].most;
        dims[term].whyNot = llvm::formatv("'{0}' may be fewer with '{1}' already", dim.name, dim.follows);
        continue;
      }
      dim.follows = dims[term].name;
      dim.least = dim.most - (dims[term].most - dims[term].least);
    }
    if (dim.least != dim.most)
      llvm::append_range(dim.axes, outputAxes[d]);
  }

  Reason whyNot(const Sizes &sizes) {
    small.reset(); // a module goes before its context
    if (left-- <= 0)
      return "that is more than is looked at";
    ir::OnnxImportOptions its = options;
    for (auto [dim, size] : llvm::zip_equal(dims, withSums(sizes)))
      its.dims[dim.name] = size;
    auto model = importModel(path, its);
    if (!model)
      return diagsOf(model.takeError()).front().str();
    small.emplace(std::move(*model));
    return proof->whyNot(*small->module);
  }

  static ir::Dims resultShape(mlir::func::FuncOp main, unsigned i) {
    return mlir::cast<mlir::RankedTensorType>(main.getResultTypes()[i]).getShape();
  }

  // Where results of the graph that was looked at last are smaller: by dimension.
  Reason findAxes(const Sizes &sizes, std::vector<Axes> &axes) {
    for (unsigned i = 0; i != large.getNumResults(); ++i)
      for (auto [axis, ours, theirs] : llvm::enumerate(resultShape(large, i), resultShape(mainOf(*small->module), i))) {
        if (ours == theirs)
          continue;
        size_t d = 0;
        while (d != dims.size() && (sizes[d] == dims[d].most || sizes[d] != theirs || dims[d].most != ours))
          ++d;
        if (d == dims.size())
          return llvm::formatv("output '{0}' has {1} on axis {2}, which is no dimension itself",
                               ir::resultName(large, i), theirs, axis)
              .str();
        axes[d].emplace_back(ir::resultName(large, i), axis);
      }
    return std::nullopt;
  }

  // Each has the size of its dimension, or the one that it always has.
  Reason checkAxes(const Sizes &sizes) {
    for (unsigned i = 0; i != large.getNumResults(); ++i)
      for (auto [axis, ours, theirs] : llvm::enumerate(resultShape(large, i), resultShape(mainOf(*small->module), i))) {
        int64_t expected = ours;
        for (size_t d = 0; d != dims.size(); ++d)
          if (llvm::is_contained(outputAxes[d], std::pair(ir::resultName(large, i), axis)))
            expected = sizes[d];
        if (theirs != expected)
          return llvm::formatv("output '{0}' has {1} on axis {2}, which is no dimension itself",
                               ir::resultName(large, i), theirs, axis)
              .str();
      }
    return std::nullopt;
  }

  Sizes most() const {
    Sizes sizes;
    for (const EntryDim &dim : dims)
      sizes.push_back(dim.most);
    return sizes;
  }

  // Sums are as much below their most as their terms are.
  Sizes withSums(Sizes sizes) const {
    for (size_t d = 0; d != dims.size(); ++d)
      if (!terms[d].empty()) {
        sizes[d] = dims[d].most;
        for (size_t term : terms[d])
          sizes[d] -= dims[term].most - sizes[term];
      }
    return sizes;
  }

  const std::string &path;
  const ir::OnnxImportOptions &options;
  codegen::EntryGraph &entry;
  std::vector<EntryDim> &dims;
  mutable mlir::func::FuncOp large;
  std::optional<ir::PaddingProof> proof;
  std::vector<std::vector<size_t>> terms; // by dimension: of a sum
  std::vector<bool> isOfState;            // likewise
  std::vector<Axes> outputAxes;           // likewise
  std::optional<Model> small;
  int64_t left = 0; // imports
};

} // namespace

std::vector<EntryDim> exactDims(const ir::OnnxSurvey &survey, const ir::OnnxImportOptions &options) {
  std::vector<EntryDim> dims;
  for (const ir::OnnxInput &input : survey.inputs)
    for (const auto &[axis, name] : llvm::enumerate(input.dims)) {
      const auto bound = options.dims.find(name);
      if (bound == options.dims.end())
        continue;
      auto dim = std::ranges::find(dims, name, &EntryDim::name);
      if (dim == dims.end())
        dim = dims.insert(dim, {name, bound->second, bound->second});
      dim->axes.emplace_back(input.name, axis);
    }
  return dims;
}

llvm::Error provePadding(const std::string &path, const ir::OnnxImportOptions &options,
                         llvm::ArrayRef<ir::StatePair> states, codegen::EntryGraph &entry) {
  return Prover(path, options, states, entry).run();
}

} // namespace tw::tools
