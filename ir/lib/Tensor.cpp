// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Tensor.h"

#include "llvm/Support/ErrorHandling.h"

namespace tw::ir {

int64_t byteWidth(ElementType type) {
  switch (type) {
  case ElementType::I8:
  case ElementType::U8:
    return 1;
  case ElementType::F32:
  case ElementType::I32:
    return 4;
  case ElementType::I64:
    return 8;
  }
  llvm_unreachable("all element types are listed");
}

std::string_view elementTypeName(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return "float32";
  case ElementType::I8:
    return "int8";
  case ElementType::U8:
    return "uint8";
  case ElementType::I32:
    return "int32";
  case ElementType::I64:
    return "int64";
  }
  llvm_unreachable("all element types are listed");
}

double Tensor::numberAt(int64_t index) const {
  return type == ElementType::F32 ? data<float>()[index] : static_cast<double>(integerAt(index));
}

int64_t Tensor::integerAt(int64_t index) const {
  switch (type) {
  case ElementType::F32:
    return static_cast<int64_t>(data<float>()[index]);
  case ElementType::I8:
    return data<int8_t>()[index];
  case ElementType::U8:
    return data<uint8_t>()[index];
  case ElementType::I32:
    return data<int32_t>()[index];
  case ElementType::I64:
    return data<int64_t>()[index];
  }
  llvm_unreachable("all element types are listed");
}

Shape stridesOf(Dims shape) {
  Shape strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

} // namespace tw::ir
