// SPDX-License-Identifier: Apache-2.0
#include "host/Writer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace tw::codegen {

using namespace mlir;

Value Writer::index(int64_t value) { return b.create<arith::ConstantIndexOp>(at, value); }
Value Writer::plus(Value left, Value right) {
  return !left ? right : !right ? left : Value(b.create<arith::AddIOp>(at, left, right));
}
Value Writer::times(Value value, int64_t factor) {
  return !value || factor == 0 ? Value()
         : factor == 1         ? value
                               : Value(b.create<arith::MulIOp>(at, value, index(factor)));
}
Value Writer::addressOf(Value dynamic, int64_t constant) {
  return !dynamic ? index(constant) : constant == 0 ? dynamic : plus(dynamic, index(constant));
}

Value Writer::load(unsigned array, Value address) {
  return fromMemory(array, b.create<memref::LoadOp>(at, memory[array], address));
}
Value Writer::loadVector(unsigned array, Value address, int64_t width) {
  if (width == 1)
    return load(array, address);
  auto type = VectorType::get({width}, memoryType(function.arrays[array].element));
  return fromMemory(array, b.create<vector::LoadOp>(at, type, memory[array], address));
}

Value Writer::fromMemory(unsigned array, Value value) {
  if (!function.arrays[array].element.isInteger(1))
    return value;
  Value zero = b.create<arith::ConstantOp>(at, b.getZeroAttr(value.getType()));
  return b.create<arith::CmpIOp>(at, arith::CmpIPredicate::ne, value, zero);
}
Value Writer::toMemory(unsigned array, Value value) {
  if (!function.arrays[array].element.isInteger(1))
    return value;
  Type type = b.getI8Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = VectorType::get(vector.getShape(), type);
  return b.create<arith::ExtUIOp>(at, type, value);
}

Value Writer::gathered(ArrayRef<Value> lanes) {
  if (lanes.size() == 1)
    return lanes.front();
  auto type = VectorType::get({int64_t(lanes.size())}, lanes.front().getType());
  return b.create<vector::FromElementsOp>(at, type, lanes);
}

Value Writer::spread(Value value, int64_t width) {
  if (width == 1 || isa<VectorType>(value.getType()))
    return value;
  return b.create<vector::BroadcastOp>(at, VectorType::get({width}, value.getType()), value);
}

Value Writer::number(TypedAttr attribute) { return b.create<arith::ConstantOp>(at, attribute); }

Value Writer::lane(Value vector, int64_t lane) { return b.create<vector::ExtractOp>(at, vector, lane); }

} // namespace tw::codegen
