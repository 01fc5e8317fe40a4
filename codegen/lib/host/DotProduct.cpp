// SPDX-License-Identifier: Apache-2.0
#include "host/DotProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace tw::codegen {

using namespace mlir;

namespace {

Value asVector(Writer &writer, Value value) {
  if (isa<VectorType>(value.getType()))
    return value;
  return writer.create<vector::BroadcastOp>(VectorType::get({1}, value.getType()), value);
}

// Null: the processor has none of this width.
Value instruction(Writer &writer, Dot dot, const HostProcessor &processor, Value sum, Value x, Value w, int64_t width) {
  OpBuilder &b = writer.b;
  auto sums = VectorType::get({width}, b.getI32Type());
  auto call = [&](StringRef name, ValueRange arguments) {
    return writer.create<LLVM::CallIntrinsicOp>(sums, b.getStringAttr(name), arguments).getResult(0);
  };
  auto as = [&](Value value, unsigned bits) -> Value {
    auto type = VectorType::get({width * 32 / bits}, b.getIntegerType(bits));
    return value.getType() == type ? value : writer.create<vector::BitCastOp>(type, value).getResult();
  };
  if (dot == Dot::Pairs) {
    StringRef name = width == 16 && processor.vectorBits >= 512 ? "llvm.x86.avx512.pmaddw.d.512"
                     : width == 8                               ? "llvm.x86.avx2.pmadd.wd"
                     : width == 4                               ? "llvm.x86.sse2.pmadd.wd"
                                                                : "";
    if (name.empty())
      return nullptr;
    return writer.create<arith::AddIOp>(sum, call(name, {as(x, 16), as(w, 16)}));
  }
  StringRef name = width == 16  ? "llvm.x86.avx512.vpdpbusd.512"
                   : width == 8 ? "llvm.x86.avx512.vpdpbusd.256"
                   : width == 4 ? "llvm.x86.avx512.vpdpbusd.128"
                                : "";
  if (name.empty())
    return nullptr;
  return call(name, {sum, as(x, 32), as(w, 32)});
}

} // namespace

Value dotProduct(Writer &writer, Dot dot, const HostProcessor &processor, Value sum, Value x, Value w, int64_t lanes) {
  if (Value known = instruction(writer, dot, processor, sum, x, w, lanes))
    return known;
  const bool isPairs = dot == Dot::Pairs;
  const int64_t group = isPairs ? 2 : 4;
  auto parts = VectorType::get({lanes * group}, cast<VectorType>(w.getType()).getElementType());
  Value left = writer.create<vector::BitCastOp>(parts, asVector(writer, x));
  auto wide = VectorType::get({lanes * group}, writer.b.getI32Type());
  left = isPairs ? writer.create<arith::ExtSIOp>(wide, left).getResult()
                 : writer.create<arith::ExtUIOp>(wide, left).getResult();
  Value right = writer.create<arith::ExtSIOp>(wide, w);
  Value products = writer.create<arith::MulIOp>(left, right), total = asVector(writer, sum);
  for (int64_t member = 0; member != group; ++member) {
    SmallVector<int64_t> mask;
    for (int64_t lane = 0; lane != lanes; ++lane)
      mask.push_back(lane * group + member);
    total = writer.create<arith::AddIOp>(total, writer.create<vector::ShuffleOp>(products, products, mask));
  }
  return lanes == 1 ? writer.lane(total, 0) : total;
}

} // namespace tw::codegen
