// SPDX-License-Identifier: Apache-2.0
// Host code that a test writes piece by piece, lowered, linked and loaded as HostCode does it. Called by the tests of
// those pieces. Does not tile or schedule anything.
#ifndef TW_TESTS_UNIT_CODEGEN_NATIVECODE_H
#define TW_TESTS_UNIT_CODEGEN_NATIVECODE_H

#include "HostLibrary.h"
#include "host/HostLink.h"
#include "host/LowerToLlvm.h"
#include "host/Processor.h"

#include "tw/ir/Register.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <gtest/gtest.h>

#include <optional>

namespace tw::test {

class NativeCode {
public:
  explicit NativeCode(const std::string &cpu = "x86-64-v3") : processor(llvm::cantFail(codegen::processorOf(cpu))) {
    mlir::DialectRegistry registry;
    ir::registerGraphDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    context.loadDialect<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::LLVM::LLVMDialect,
                        mlir::linalg::LinalgDialect, mlir::memref::MemRefDialect, mlir::scf::SCFDialect,
                        mlir::tensor::TensorDialect, mlir::vector::VectorDialect>();
    code = mlir::ModuleOp::create(at());
  }

  mlir::Location at() { return mlir::UnknownLoc::get(&context); }

  /// What a driver can call as `name`, on the memory of these arrays.
  using Write =
      llvm::function_ref<void(mlir::OpBuilder &, llvm::ArrayRef<mlir::Value> memory, mlir::Value lo, mlir::Value hi)>;
  void add(const std::string &name, const codegen::HostFunction &function, Write write) {
    codegen::HostEntry entry;
    entry.function = name;
    entry.body = name + "_body";
    entry.bufferCount = function.arrays.size();
    mlir::OpBuilder builder(&context);
    builder.setInsertionPointToEnd(code->getBody());
    llvm::SmallVector<mlir::Type> types;
    for (const codegen::HostArray &array : function.arrays) {
      entry.memory.push_back({false, types.size()});
      types.push_back(mlir::MemRefType::get({array.count}, codegen::memoryType(array.element)));
    }
    types.append(2, builder.getIndexType());
    auto made = builder.create<mlir::func::FuncOp>(at(), entry.body, builder.getFunctionType(types, {}));
    builder.setInsertionPointToStart(made.addEntryBlock());
    llvm::SmallVector<mlir::Value> arguments(made.getArguments().begin(), made.getArguments().end());
    write(builder, llvm::ArrayRef(arguments).drop_back(2), arguments.end()[-2], arguments.back());
    builder.create<mlir::func::ReturnOp>(at());
    entries.push_back(std::move(entry));
  }

  void link() {
    llvm::LLVMContext llvmContext;
    auto module = codegen::lowerToLlvm(*code, llvmContext, processor, entries);
    ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
    auto object = codegen::linkHostModule(**module, processor);
    ASSERT_TRUE(bool(object)) << llvm::toString(object.takeError());
    library.emplace(*object);
  }

  /// After link().
  void run(const std::string &name, std::vector<void *> buffers, int64_t lo = 0, int64_t hi = 1) {
    auto function = library->function(name);
    ASSERT_TRUE(function) << name;
    ASSERT_EQ(function(buffers.data(), nullptr, nullptr, lo, hi), 0);
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  const codegen::HostProcessor processor;
  mlir::OwningOpRef<mlir::ModuleOp> code;
  std::vector<codegen::HostEntry> entries;

private:
  std::optional<HostLibrary> library;
};

} // namespace tw::test

#endif // TW_TESTS_UNIT_CODEGEN_NATIVECODE_H
