// SPDX-License-Identifier: Apache-2.0
// An ONNX file as protobuf: parsed behind a wall, its versions checked, its functions found.
#ifndef TW_IR_LIB_ONNX_MODEL_H
#define TW_IR_LIB_ONNX_MODEL_H

#include "tw/ir/OnnxImport.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <onnx/onnx_pb.h>

namespace tw::ir::onnx {

// Of a graph, and what loops, branches and functions add to it: beyond that, compiling takes memory that nobody has.
constexpr int64_t kMostNodes = 200'000;

// The opset of each domain, ONNX's own under "": those of other domains need no range, their rows say it.
using Opsets = std::map<std::string, int64_t>;
int64_t opsetOf(const Opsets &opsets, const std::string &domain);
void addOpsets(Opsets &opsets, const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto> &imports);

// Parses the bytes and calls `use` inside the wall: protobuf throws, nothing of ours does.
void withModel(std::string_view bytes, std::vector<Diag> &problems,
               llvm::function_ref<void(const ::onnx::ModelProto &)> use);

// Nothing, with a problem, when a version is outside what is read.
std::optional<Opsets> readVersions(const ::onnx::ModelProto &model, std::vector<Diag> &problems);

// The name that the model gives a node, or that of its first result.
std::string nodeName(const ::onnx::NodeProto &node);
// The extent of a dimension; nothing: it is free, which older exporters write as -1.
std::optional<int64_t> extentOf(const ::onnx::TensorShapeProto::Dimension &dim);
// The name of a free dimension; one without a name gets one.
std::string freeDimName(const ::onnx::ValueInfoProto &info, int index);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_MODEL_H
