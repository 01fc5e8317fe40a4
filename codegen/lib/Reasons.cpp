// SPDX-License-Identifier: Apache-2.0
#include "Reasons.h"

#include "tw/ir/Constants.h"

#include <algorithm>

namespace tw::codegen {
namespace {

bool isFloat(mlir::Value value) { return ir::elementTypeOf(value.getType()) == ir::ElementType::F32; }

// Activations of a call: constants do not count.
bool readsFloat(mlir::func::CallOp call) {
  return llvm::any_of(call.getOperands(), [](mlir::Value v) { return !ir::isConstant(v) && isFloat(v); });
}

std::string floatReason(BlockCall call) {
  const bool in = readsFloat(call.graph), out = isFloat(call.graph.getResult(0));
  const std::string kind = kindOf(call.graphFunction);
  if (in && out)
    return kind + " is a float32 operator: the NPU computes int8 only";
  if (in)
    return "turns float32 into int8 at the model's edge";
  if (out && llvm::hasSingleElement(call.graphFunction.front().getOps<ir::DequantizeOp>()) && kind == "dequantize")
    return "turns int8 into float32 at the model's edge";
  return kind + " computes in float32 between int8 tensors";
}

} // namespace

std::string reasonFor(BlockCall call, const std::vector<tensorize::Rejection> &rejections) {
  using tensorize::Rejection;
  // The chain that came furthest tells most: bodies are compared first.
  auto best = std::ranges::find_if(rejections, [](const Rejection &r) { return r.kind != "body"; });
  if (best == rejections.end())
    best = rejections.begin();
  if (best == rejections.end())
    return "no instruction computes it";
  if (best->intrinsic.empty() && best->kind == "dtype" && (readsFloat(call.graph) || best->text.ends_with("float32")))
    return floatReason(call);
  if (best->kind == "body" && !best->intrinsic.empty())
    return "no instruction has its arithmetic (" + best->intrinsic + ": " + best->text + ")";
  return best->intrinsic.empty() ? best->text : best->intrinsic + " would do it, but " + best->text;
}

} // namespace tw::codegen
