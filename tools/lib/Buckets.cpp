// SPDX-License-Identifier: Apache-2.0
#include "Buckets.h"

#include "tw/ir/Padding.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>

namespace tw::tools {
namespace {

constexpr int64_t kMostImports = 1024, kMostBytes = int64_t(4) << 30;

using codegen::EntryDim;
using Sizes = std::vector<int64_t>; // by dimension
using Axes = std::vector<std::pair<std::string, size_t>>;
using Reason = std::optional<std::string>;

mlir::func::FuncOp mainOf(mlir::ModuleOp module) { return module.lookupSymbol<mlir::func::FuncOp>("main"); }

class Prover {
public:
  Prover(const std::string &path, const ir::OnnxImportOptions &options, mlir::ModuleOp large,
         std::vector<EntryDim> &dims)
      : path(path), options(options), large(mainOf(large)), proof(large), dims(dims) {}

  llvm::Error run() {
    uint64_t bytes = 0;
    if (auto error = llvm::sys::fs::file_size(path, bytes))
      return errorAt(path, error.message());
    left = std::clamp<int64_t>(kMostBytes / std::max<int64_t>(int64_t(bytes), 1), 1, kMostImports);
    for (size_t d = 0; d != dims.size(); ++d) {
      lookAlong(d);
      joinOthers(d);
    }
    return llvm::Error::success();
  }

private:
  // Fewer and fewer along one dimension, the others as they are.
  void lookAlong(size_t d) {
    EntryDim &dim = dims[d];
    Sizes sizes = most();
    Axes axes;
    while (dim.least > 1) {
      sizes[d] = dim.least - 1;
      Axes its;
      Reason reason = whyNot(sizes);
      if (!reason)
        reason = findAxes(sizes[d], dim.name, its);
      if (!reason && dim.least != dim.most && its != axes)
        reason = "outputs have it on other axes than for more";
      if (reason) {
        dim.whyNot = llvm::formatv("with {0}, {1}", sizes[d], *reason);
        break;
      }
      axes = std::move(its);
      --dim.least;
    }
    llvm::append_range(dim.axes, axes);
    outputAxes.push_back(axes.size());
  }

  // With all combinations of the dimensions before.
  void joinOthers(size_t d) {
    EntryDim &dim = dims[d];
    Sizes sizes = most();
    const Reason reason = combine(d, 0, false, sizes);
    if (!reason)
      return;
    dim.least = dim.most;
    dim.axes.resize(dim.axes.size() - outputAxes[d]);
    dim.whyNot = *reason;
  }

  Reason combine(size_t d, size_t before, bool isAnyFewer, Sizes &sizes) {
    const bool isLast = before == d;
    if (isLast && !isAnyFewer)
      return std::nullopt;
    for (int64_t size = dims[before].most - isLast; size >= dims[before].least; --size) {
      sizes[before] = size;
      Reason reason;
      if (!isLast)
        reason = combine(d, before + 1, isAnyFewer || size != dims[before].most, sizes);
      else if ((reason = whyNot(sizes)) || (reason = checkAxes(sizes)))
        reason = llvm::formatv("with {0} and fewer of another dimension, {1}", size, *reason).str();
      if (reason)
        return reason;
    }
    return std::nullopt;
  }

  Reason whyNot(const Sizes &sizes) {
    if (left-- <= 0)
      return "that is more than is looked at";
    ir::OnnxImportOptions its = options;
    for (size_t d = 0; d != sizes.size(); ++d)
      its.dims[dims[d].name] = sizes[d];
    auto model = importModel(path, its);
    if (!model)
      return diagsOf(model.takeError()).front().str();
    small.reset(); // a module goes before its context
    small.emplace(std::move(*model));
    return proof.whyNot(*small->module);
  }

  static ir::Dims resultShape(mlir::func::FuncOp main, unsigned i) {
    return mlir::cast<mlir::RankedTensorType>(main.getResultTypes()[i]).getShape();
  }

  // Where results of the graph that was looked at last are smaller.
  Reason findAxes(int64_t size, const std::string &name, Axes &axes) {
    for (unsigned i = 0; i != large.getNumResults(); ++i)
      for (auto [axis, ours, theirs] : llvm::enumerate(resultShape(large, i), resultShape(mainOf(*small->module), i))) {
        if (ours == theirs)
          continue;
        if (theirs != size)
          return llvm::formatv("output '{0}' has {1} on axis {2}, which is not {3} itself", ir::resultName(large, i),
                               theirs, axis, name)
              .str();
        axes.emplace_back(ir::resultName(large, i), axis);
      }
    return std::nullopt;
  }

  // Each has the size of its dimension, or the one that it always has.
  Reason checkAxes(const Sizes &sizes) {
    for (unsigned i = 0; i != large.getNumResults(); ++i)
      for (auto [axis, ours, theirs] : llvm::enumerate(resultShape(large, i), resultShape(mainOf(*small->module), i))) {
        int64_t expected = ours;
        for (size_t d = 0; d != outputAxes.size(); ++d)
          if (llvm::is_contained(llvm::ArrayRef(dims[d].axes).take_back(outputAxes[d]),
                                 std::pair(ir::resultName(large, i), axis)))
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

  const std::string &path;
  const ir::OnnxImportOptions &options;
  mutable mlir::func::FuncOp large;
  ir::PaddingProof proof;
  std::vector<EntryDim> &dims;
  std::vector<size_t> outputAxes; // by dimension: how many of its axes, the last ones, are of outputs
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

llvm::Error provePadding(const std::string &path, const ir::OnnxImportOptions &options, mlir::ModuleOp large,
                         std::vector<EntryDim> &dims) {
  return Prover(path, options, large, dims).run();
}

} // namespace tw::tools
