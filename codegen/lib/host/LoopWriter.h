// SPDX-License-Identifier: Apache-2.0
// What for: loops over arrays of constant shape as LLVM IR, with the few scalar functions that host operators need.
// Called by: host/HostCode.cpp, one instance per function.
// Does not: know operators; call a library.
#ifndef TW_CODEGEN_LIB_HOST_LOOPWRITER_H
#define TW_CODEGEN_LIB_HOST_LOOPWRITER_H

#include "tw/ir/Tensor.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

#include <functional>

namespace tw::codegen {

using Value = llvm::Value;
using Indices = llvm::SmallVector<Value *, 6>;

/// A row-major array of constant shape.
struct Array {
  Value *base = nullptr;
  ir::ElementType type = ir::ElementType::I8;
  ir::Shape shape;
};

class LoopWriter : public llvm::IRBuilder<> {
public:
  /// Begins a host function (struct tw_pkg_phase) of extent 1 in the module.
  LoopWriter(llvm::Module &module, const std::string &name);
  void finish(); // return 0

  Value *buffer(unsigned index);
  Value *index(int64_t value) { return getInt64(uint64_t(value)); }

  void loop(int64_t extent, const std::function<void(Value *)> &body);
  void nest(ir::Dims shape, const std::function<void(const Indices &)> &body);
  void onlyIf(Value *condition, const std::function<void()> &body);
  /// Begin of a variable that loops may change.
  llvm::AllocaInst *variable(llvm::Type *type, Value *initial);
  Value *get(llvm::AllocaInst *variable) { return CreateLoad(variable->getAllocatedType(), variable); }
  void set(llvm::AllocaInst *variable, Value *value) { CreateStore(value, variable); }

  llvm::Type *typeOf(ir::ElementType type);
  Value *load(const Array &array, llvm::ArrayRef<Value *> indices);
  Value *loadFlat(const Array &array, Value *offset);
  void store(const Array &array, llvm::ArrayRef<Value *> indices, Value *value);
  Value *offset(ir::Dims shape, llvm::ArrayRef<Value *> indices);
  /// Constant data as an array.
  Array constant(const ir::Tensor &tensor);

  Value *number(float value);
  Value *toInteger(Value *integer) { return CreateSExtOrTrunc(integer, getInt32Ty()); }
  Value *roundEven(Value *value);
  Value *floorOf(Value *value);
  Value *minimum(Value *a, Value *b); // floats: b if a is not smaller, as std::min(b, a) of the reference
  Value *maximum(Value *a, Value *b);
  Value *clampInteger(Value *value, int64_t lo, int64_t hi);
  /// e^x to within an ulp of float32, computed in double.
  Value *exponential(Value *x);
  Value *hyperbolicTangent(Value *x);
  /// sat8(RNE(limited value) + zero) as int32; value is float32.
  Value *quantise(Value *scaled, Value *zero, int64_t lo, int64_t hi);
  /// RNE(sum / 2^shift) + zero, limited; sum is int64.
  Value *rescale(Value *sum, int shift, int64_t zero, int64_t lo, int64_t hi);

private:
  Value *exponentialDouble(Value *x);

  llvm::Module &module_;
  llvm::Function *function_;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_LOOPWRITER_H
