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

// The first or last block: what the caller gives or gets.
bool isAtEdge(BlockCall call) {
  auto isResult = [](mlir::Operation *user) { return user->hasTrait<mlir::OpTrait::IsTerminator>(); };
  return llvm::any_of(call.graph.getOperands(), llvm::IsaPred<mlir::BlockArgument>) ||
         llvm::any_of(call.graph->getUsers(), isResult);
}

std::string floatReason(BlockCall call) {
  const bool in = readsFloat(call.graph), out = isFloat(call.graph.getResult(0));
  const std::string kind = kindOf(call.graphFunction), edge = isAtEdge(call) ? " at the model's edge" : "";
  if (kind == "quantize")
    return "quantises" + edge + ": float32 input, runs on the host";
  if (out && llvm::all_of(call.graphFunction.front().without_terminator(),
                          llvm::IsaPred<ir::ConstantOp, ir::DequantizeOp, ir::TransposeOp>))
    return "dequantises" + edge + ": float32 result, runs on the host";
  if (in || out)
    return kind + " computes in float32: the NPU has int8 only";
  return kind + " computes in float32 between int8 tensors: the NPU has no form of it";
}

std::string moveReason(BlockCall call) {
  return kindOf(call.graphFunction) + " only moves bytes" +
         (isAtEdge(call) ? " at the model's edge: runs on the host" : ": no instruction does that inside the chip");
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
  if (!best->intrinsic.empty())
    return best->kind == "body" ? "no instruction has its arithmetic (" + best->intrinsic + ": " + best->text + ")"
                                : best->intrinsic + " would compute it, but " + best->text;
  if (best->text == Rejection::kOnlyMoves)
    return moveReason(call);
  if (best->text == Rejection::kFloat)
    return floatReason(call);
  if (kindOf(call.graphFunction) == "flip_sign")
    return "changes between the caller's uint8 and int8 at the model's edge: runs on the host";
  return best->text;
}

} // namespace tw::codegen
