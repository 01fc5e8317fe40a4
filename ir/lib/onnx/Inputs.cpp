// SPDX-License-Identifier: Apache-2.0
#include "Inputs.h"

#include "TensorReader.h"

#include "llvm/ADT/StringExtras.h"

namespace tw::ir::onnx {
namespace {

std::string placeOf(const ::onnx::ValueInfoProto &info) { return "input '" + info.name() + "'"; }

std::string kindOf(const ::onnx::TypeProto &type) {
  switch (type.value_case()) {
  case ::onnx::TypeProto::kSequenceType:
    return "a sequence";
  case ::onnx::TypeProto::kMapType:
    return "a map";
  case ::onnx::TypeProto::kOptionalType:
    return "an optional";
  case ::onnx::TypeProto::kSparseTensorType:
    return "a sparse tensor";
  default:
    return "of no type";
  }
}

// Numbers between commas; brackets around them may be left in.
llvm::SmallVector<llvm::StringRef> wordsOf(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef> words;
  text = text.trim();
  if (text.consume_front("["))
    text.consume_back("]");
  if (!text.trim().empty())
    text.split(words, ',');
  for (llvm::StringRef &word : words)
    word = word.trim();
  return words;
}

bool setElement(Tensor &tensor, int64_t index, llvm::StringRef word) {
  if (tensor.type == ElementType::Bool && (word == "true" || word == "false")) {
    tensor.setInteger(index, word == "true");
    return true;
  }
  if (isReal(tensor.type)) {
    double value;
    if (word.getAsDouble(value))
      return false;
    tensor.setNumber(index, value);
    return true;
  }
  uint64_t bits = 0;
  int64_t value = 0;
  if (tensor.type == ElementType::U64 ? word.getAsInteger(10, bits) : word.getAsInteger(10, value))
    return false;
  value = tensor.type == ElementType::U64 ? static_cast<int64_t>(bits) : value;
  tensor.setInteger(index, value);
  return tensor.integerAt(index) == value;
}

} // namespace

std::optional<int64_t> Inputs::dimOf(const ::onnx::ValueInfoProto &info, int index) {
  if (auto extent = extentOf(info.type().tensor_type().shape().dim(index)))
    return extent;
  const std::string name = freeDimName(info, index);
  if (auto bound = options.dims.find(name); bound != options.dims.end())
    return boundDims[name] = bound->second;
  if (auto bound = boundDims.find(name); bound != boundDims.end())
    return bound->second;
  return std::nullopt;
}

std::optional<Shape> Inputs::shapeOf(const ::onnx::ValueInfoProto &info) {
  Shape shape;
  int64_t count = 1;
  for (int d = 0; d < info.type().tensor_type().shape().dim_size(); ++d) {
    auto value = dimOf(info, d);
    if (!value) {
      const std::string name = freeDimName(info, d);
      report(placeOf(info), "dimension " + llvm::Twine(d) + " ('" + name +
                                "') is not bound; give it a value, for example --dim " + name + "=1");
      return std::nullopt;
    }
    if (*value < 0 || (*value > 0 && count > kMaxElements / *value)) {
      report(placeOf(info),
             "dimension " + llvm::Twine(d) + " is " + llvm::Twine(*value) + ", which is not a usable extent");
      return std::nullopt;
    }
    count *= *value;
    shape.push_back(*value);
  }
  return shape;
}

std::optional<Inputs::Type> Inputs::typeOf(const ::onnx::ValueInfoProto &info) {
  if (!info.type().has_tensor_type()) {
    report(placeOf(info), "is " + kindOf(info.type()) + ", only tensors are supported");
    return std::nullopt;
  }
  if (!info.type().tensor_type().has_shape()) {
    report(placeOf(info), "is not a tensor of known rank");
    return std::nullopt;
  }
  auto shape = shapeOf(info);
  const int declared = info.type().tensor_type().elem_type();
  auto element = storedTypeOfOnnx(declared);
  if (!element)
    report(placeOf(info), unsupportedType(declared));
  if (!shape || !element)
    return std::nullopt;
  return Type{*element, *shape, findHeldType(declared)};
}

// A rank that is not declared is what the value has.
bool Inputs::fits(const ::onnx::ValueInfoProto &info, const Tensor &tensor) {
  if (!info.type().tensor_type().has_shape())
    return true;
  const int rank = info.type().tensor_type().shape().dim_size();
  bool isFit = tensor.rank() == rank;
  for (int d = 0; isFit && d < rank; ++d) {
    auto bound = dimOf(info, d);
    isFit = !bound || *bound == tensor.shape[d];
    if (!bound)
      boundDims[freeDimName(info, d)] = tensor.shape[d];
  }
  return isFit;
}

std::optional<Tensor> Inputs::constantOf(const ::onnx::ValueInfoProto &info, const OnnxConstant &given) {
  const std::string place = "--const " + info.name();
  const auto type = storedTypeOfOnnx(info.type().tensor_type().elem_type());
  if (!type) {
    report(placeOf(info), unsupportedType(info.type().tensor_type().elem_type()));
    return std::nullopt;
  }
  Tensor tensor;
  if (given.tensor) {
    tensor = *given.tensor;
    if (tensor.type != *type) {
      report(place, "is " + llvm::StringRef(elementTypeName(tensor.type)) + ", the input is " +
                        llvm::StringRef(elementTypeName(*type)));
      return std::nullopt;
    }
  } else {
    const auto words = wordsOf(given.text);
    // As many numbers as the input has elements; a vector whose length is free is as long as they are.
    const auto &shape = info.type().tensor_type().shape();
    const bool isVector =
        info.type().tensor_type().has_shape() ? shape.dim_size() == 1 && !dimOf(info, 0) : words.size() != 1;
    Shape extents;
    if (isVector)
      extents.push_back(static_cast<int64_t>(words.size()));
    else if (auto declared = shapeOf(info))
      extents = *declared;
    else
      return std::nullopt;
    if (static_cast<int64_t>(words.size()) != elementCount(extents)) {
      report(place, "has " + llvm::Twine(words.size()) + " values, the input " + shapeText(extents) + " needs " +
                        llvm::Twine(elementCount(extents)));
      return std::nullopt;
    }
    tensor = Tensor(*type, extents);
    for (auto [i, word] : llvm::enumerate(words))
      if (!setElement(tensor, static_cast<int64_t>(i), word)) {
        report(place, "'" + word + "' is no " + llvm::StringRef(elementTypeName(*type)));
        return std::nullopt;
      }
  }
  if (fits(info, tensor))
    return tensor;
  std::string declared;
  for (int d = 0; d < info.type().tensor_type().shape().dim_size(); ++d) {
    auto bound = dimOf(info, d);
    declared += (d ? "x" : "") + (bound ? std::to_string(*bound) : freeDimName(info, d));
  }
  report(place, "is " + shapeText(tensor.shape) + ", the input is " + (declared.empty() ? "a scalar" : declared));
  return std::nullopt;
}

std::map<std::string, Tensor> Inputs::bindConstants() {
  std::map<std::string, Tensor> result;
  for (const auto &info : graph.input())
    if (auto given = options.constants.find(info.name()); given != options.constants.end())
      if (auto tensor = constantOf(info, given->second))
        result[info.name()] = *std::move(tensor);
  return result;
}

void Inputs::checkNames() const {
  for (const auto &[name, value] : options.dims)
    if (!boundDims.count(name))
      report("--dim " + name, "names no dimension of the model");
  for (const auto &[name, value] : options.constants)
    if (llvm::none_of(graph.input(), [&](const auto &info) { return info.name() == name; }))
      report("--const " + name, "names no input of the model");
}

} // namespace tw::ir::onnx
