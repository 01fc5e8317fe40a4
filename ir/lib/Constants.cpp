// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Constants.h"
#include "tw/ir/MappedConstant.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace tw::ir {
namespace {

// Above this size a constant is a resource: printed by name, its bytes elidable, never uniqued by content.
constexpr int64_t kInlineBytes = 64;

// A resource key that MLIR prints and reads as an identifier, whatever the model calls the tensor.
std::string resourceKey(llvm::StringRef name) {
  std::string key;
  for (char c : name)
    key += llvm::isAlnum(c) || c == '_' || c == '.' ? c : '_';
  return key.empty() || !llvm::isAlpha(key[0]) ? "t_" + key : key;
}

// The key, or with the first number behind it that is free. MLIR tries one after the other, each time from the first:
// of many constants with one name that is work without end.
std::string freeKey(DialectResourceBlobManager &manager, const std::string &key) {
  auto numbered = [&](int64_t number) { return number ? key + "_" + std::to_string(number) : key; };
  auto isTaken = [&](int64_t number) { return manager.lookup(numbered(number)) != nullptr; };
  if (!isTaken(0))
    return key;
  int64_t taken = 0, free = 1;
  for (; isTaken(free); free *= 2)
    taken = free;
  while (free - taken > 1) {
    const int64_t middle = taken + (free - taken) / 2;
    (isTaken(middle) ? taken : free) = middle;
  }
  return numbered(free);
}

DenseResourceElementsAttr makeResource(RankedTensorType type, llvm::StringRef name, AsmResourceBlob blob) {
  auto &manager = DenseResourceElementsHandle::getManagerInterface(type.getContext());
  const std::string key = freeKey(manager.getBlobManager(), resourceKey(name));
  return DenseResourceElementsAttr::get(type, manager.insert(key, std::move(blob)));
}

} // namespace

RankedTensorType toMlirType(MLIRContext *context, ElementType type, Dims shape) {
  Builder builder(context);
  return RankedTensorType::get(shape, withElementType(type, [&](auto element) -> Type {
                                 using T = decltype(element);
                                 if constexpr (std::is_same_v<T, Float16>)
                                   return builder.getF16Type();
                                 else if constexpr (std::is_same_v<T, BFloat16>)
                                   return builder.getBF16Type();
                                 else if constexpr (std::is_same_v<T, float>)
                                   return builder.getF32Type();
                                 else if constexpr (std::is_same_v<T, double>)
                                   return builder.getF64Type();
                                 else if constexpr (std::is_same_v<T, bool>)
                                   return builder.getI1Type();
                                 else if constexpr (std::is_unsigned_v<T>)
                                   return builder.getIntegerType(sizeof(T) * 8, false);
                                 else
                                   return builder.getIntegerType(sizeof(T) * 8);
                               }));
}

ElementType elementTypeOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isF32())
    return ElementType::F32;
  if (element.isF64())
    return ElementType::F64;
  if (element.isF16())
    return ElementType::F16;
  if (element.isBF16())
    return ElementType::BF16;
  const bool isUnsigned = element.isUnsignedInteger();
  switch (element.getIntOrFloatBitWidth()) {
  case 1:
    return ElementType::Bool;
  case 8:
    return isUnsigned ? ElementType::U8 : ElementType::I8;
  case 16:
    return isUnsigned ? ElementType::U16 : ElementType::I16;
  case 32:
    return isUnsigned ? ElementType::U32 : ElementType::I32;
  case 64:
    return isUnsigned ? ElementType::U64 : ElementType::I64;
  }
  llvm_unreachable("element types of tw tensors are listed in GraphOps.td");
}

ElementsAttr makeConstantAttr(MLIRContext *context, llvm::StringRef name, const Tensor &tensor) {
  RankedTensorType type = toMlirType(context, tensor.type, tensor.shape);
  const bool isSmall = static_cast<int64_t>(tensor.bytes.size()) <= kInlineBytes;
  if (isSmall && tensor.type == ElementType::Bool) // MLIR packs them as bits
    return DenseElementsAttr::get(type, tensor.values<bool>());
  if (isSmall)
    return DenseElementsAttr::getFromRawBuffer(type, tensor.bytes);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(tensor.bytes, /*align=*/64);
  return makeResource(type, name, std::move(blob));
}

Tensor readConstant(ElementsAttr attr) {
  auto type = cast<RankedTensorType>(attr.getType());
  Tensor tensor(elementTypeOf(type), type.getShape());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    assert(blob && blob->getData().size() == tensor.bytes.size() && "checked by the verifier of tw.constant");
    llvm::copy(blob->getData(), tensor.bytes.begin());
    return tensor;
  }
  auto dense = cast<DenseElementsAttr>(attr);
  if (tensor.type == ElementType::Bool) {
    llvm::copy(dense.getValues<bool>(), tensor.data<bool>());
    return tensor;
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat()) {
    llvm::copy(raw, tensor.bytes.begin());
    return tensor;
  }
  for (size_t offset = 0; offset < tensor.bytes.size(); offset += raw.size())
    llvm::copy(raw, tensor.bytes.begin() + offset);
  return tensor;
}

ConstantOp makeConstant(OpBuilder &builder, Location location, llvm::StringRef name, const Tensor &tensor) {
  ElementsAttr attr = makeConstantAttr(builder.getContext(), name, tensor);
  return builder.create<ConstantOp>(location, attr.getType(), attr);
}

ConstantOp makeMappedConstant(OpBuilder &builder, Location location, llvm::StringRef name, RankedTensorType type,
                              llvm::ArrayRef<char> bytes, std::shared_ptr<void> owner) {
  const auto alignment = llvm::MinAlign(reinterpret_cast<uintptr_t>(bytes.data()), 64);
  AsmResourceBlob blob(
      bytes, alignment, [owner = std::move(owner)](void *, size_t, size_t) {}, /*dataIsMutable=*/false);
  return builder.create<ConstantOp>(location, type, makeResource(type, name, std::move(blob)));
}

bool isConstant(Value value) { return value.getDefiningOp<ConstantOp>() != nullptr; }

std::optional<Tensor> constantOf(Value value) {
  if (auto op = value.getDefiningOp<ConstantOp>())
    return readConstant(op.getValue());
  return std::nullopt;
}

std::vector<float> constantFloats(Value value) {
  Tensor tensor = *constantOf(value);
  return tensor.values<float>().vec();
}

std::vector<int64_t> constantInts(Value value) {
  Tensor tensor = *constantOf(value);
  std::vector<int64_t> result(tensor.size());
  for (int64_t i = 0; i < tensor.size(); ++i)
    result[i] = tensor.integerAt(i);
  return result;
}

} // namespace tw::ir
