// SPDX-License-Identifier: Apache-2.0
#include "Tensors.h"

#include "tw/ir/Constants.h"
#include "tw/tensorize/Match.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cassert>
#include <functional>
#include <numeric>

namespace tw::codegen {

using mlir::Value;

namespace {

int64_t productOf(const std::vector<int64_t> &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}

} // namespace

std::vector<int64_t> shapeVector(Value value) {
  auto shape = ir::shapeOf(value);
  return {shape.begin(), shape.end()};
}

std::string nameOf(Value value) {
  if (mlir::Operation *op = value.getDefiningOp())
    if (auto names = ir::nodeNames(op->getLoc()); !names.empty())
      return names.front().str();
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(value))
    if (auto function = llvm::dyn_cast<mlir::func::FuncOp>(argument.getOwner()->getParentOp()))
      if (auto given = function.getArgAttrOfType<mlir::StringAttr>(argument.getArgNumber(), "tw.name"))
        return given.str();
  return "";
}

TensorId TensorTable::of(Value value) {
  auto [found, isNew] = ids.try_emplace(value, TensorId(list.size()));
  if (isNew) {
    TensorInfo &made = list.emplace_back();
    made.name = nameOf(value);
    made.shape = shapeVector(value);
    made.elementBytes = ir::byteWidth(ir::elementTypeOf(value.getType()));
    made.value = value;
  }
  return found->second;
}

TensorId TensorTable::addPart(std::string name, std::vector<int64_t> shape) {
  TensorInfo &made = list.emplace_back();
  made.kind = TensorInfo::Part;
  made.name = std::move(name);
  made.shape = std::move(shape);
  return TensorId(list.size()) - 1;
}

TensorId TensorTable::imageRowsOf(TensorId source, int8_t fill) {
  auto [found, isNew] = imageRows.try_emplace({source, fill}, TensorId(list.size()));
  if (isNew) {
    TensorInfo made;
    made.kind = TensorInfo::ImageRows;
    made.name = list[size_t(source)].name;
    made.shape = list[size_t(source)].shape;
    made.shape[made.shape.size() - 2] *= made.shape.back();
    made.shape.pop_back();
    made.source = source;
    made.fill = fill;
    list.push_back(std::move(made));
  }
  return found->second;
}

TensorId TensorTable::original(TensorId id) const {
  const TensorInfo &info = (*this)[id];
  assert(info.kind == TensorInfo::OfMain && "others have no shape but their own");
  return info.source >= 0 ? info.source : id;
}

int64_t TensorTable::rowBytes(TensorId id) const { return productOf((*this)[id].shape) * (*this)[id].elementBytes; }

int64_t TensorTable::chipBytes(TensorId id, int lanes) const {
  return productOf(tensorize::physicalShape((*this)[id].shape, lanes, (*this)[id].elementBytes));
}

bool TensorTable::isOneRow(TensorId id) const {
  const std::vector<int64_t> &shape = (*this)[id].shape;
  return shape.empty() || productOf(shape) == shape.back();
}

} // namespace tw::codegen
