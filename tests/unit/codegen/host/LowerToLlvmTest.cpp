// SPDX-License-Identifier: Apache-2.0
// The entries that a driver calls, and what cannot be lowered.
#include "host/LowerToLlvm.h"

#include "../NativeCode.h"
#include "tw/isa/DiagError.h"

#include "llvm/IR/Instructions.h"
#include "llvm/IR/Verifier.h"

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

struct LowerToLlvmTest : testing::Test {
  // `name` stores the number of its memory's first element in it, plus where its range is.
  HostEntry &add(const std::string &name) {
    HostFunction function;
    const Type word = IntegerType::get(&native.context, 64);
    function.addArray({HostArray::Result, word, 1});
    native.add(name, function, [&](OpBuilder &b, ArrayRef<Value> memory, Value lo, Value hi) {
      Value zero = b.create<arith::ConstantIndexOp>(native.at(), 0);
      Value old = b.create<memref::LoadOp>(native.at(), memory[0], zero);
      Value ten = b.create<arith::ConstantIntOp>(native.at(), 10, 64);
      for (Value bound : {lo, hi}) {
        old = b.create<arith::MulIOp>(native.at(), old, ten);
        old = b.create<arith::AddIOp>(native.at(), old, b.create<arith::IndexCastOp>(native.at(), word, bound));
      }
      b.create<memref::StoreOp>(native.at(), old, memory[0], zero);
    });
    return native.entries.back();
  }
  llvm::Expected<std::unique_ptr<llvm::Module>> lower() {
    return lowerToLlvm(*native.code, llvmContext, native.processor, native.entries);
  }

  test::NativeCode native;
  llvm::LLVMContext llvmContext;
};

} // namespace

TEST_F(LowerToLlvmTest, AnEntryHandsOnItsBufferAndItsRange) {
  HostEntry &second = add("second");
  second.bufferCount = 2;
  second.memory = {{false, 1}};
  native.link();
  int64_t first = 5, other = 7;
  native.run("second", {&first, &other}, 3, 9);
  EXPECT_EQ(first, 5);
  EXPECT_EQ(other, 739);
}

// The scratch memory is the buffer behind the step's last one.
TEST_F(LowerToLlvmTest, ScratchLiesAtItsOffsetBehindTheBuffers) {
  HostEntry &entry = add("scratch");
  entry.bufferCount = 2;
  entry.memory = {{true, 16}};
  native.link();
  int64_t buffers[2] = {1, 1}, scratch[4] = {2, 3, 4, 5};
  native.run("scratch", {&buffers[0], &buffers[1], scratch}, 0, 1);
  EXPECT_EQ(scratch[0], 2);
  EXPECT_EQ(scratch[2], 401);
  EXPECT_EQ(scratch[3], 5);
}

TEST_F(LowerToLlvmTest, OnlyEntriesAreSeenFromOutside) {
  add("seen");
  add("quick").isOptimised = false;
  auto module = lower();
  ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
  EXPECT_FALSE(llvm::verifyModule(**module));
  std::vector<std::string> visible;
  for (const llvm::Function &function : **module)
    if (!function.hasLocalLinkage() && !function.isDeclaration())
      visible.push_back(function.getName().str());
  EXPECT_EQ(visible, (std::vector<std::string>{"seen", "quick"}));
}

// Work that is not worth an optimiser gets none, and is still right.
TEST_F(LowerToLlvmTest, WhatIsNotOptimisedIsMarkedSoAndRuns) {
  add("quick").isOptimised = false;
  add("slow");
  auto module = lower();
  ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
  EXPECT_TRUE((*module)->getFunction("quick")->hasFnAttribute(llvm::Attribute::OptimizeNone));
  for (const char *name : {"slow", "slow_body"})
    EXPECT_FALSE((*module)->getFunction(name)->hasFnAttribute(llvm::Attribute::OptimizeNone)) << name;
  auto object = linkHostModule(**module, native.processor);
  ASSERT_TRUE(bool(object)) << llvm::toString(object.takeError());
  test::HostLibrary library(*object);
  int64_t value = 1;
  void *buffers[] = {&value};
  EXPECT_EQ(library.function("quick")(buffers, nullptr, nullptr, 2, 3), 0);
  EXPECT_EQ(value, 123);
}

TEST_F(LowerToLlvmTest, NoFunctionsAreAModuleToo) {
  auto module = lower();
  ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
  EXPECT_TRUE((*module)->empty());
}

// What no pass takes away is an error, not a crash: its reasons name the operation.
TEST_F(LowerToLlvmTest, WhatHasNoLlvmFormIsRefused) {
  HostFunction function;
  function.addArray({HostArray::Result, IndexType::get(&native.context), 1});
  native.add("f", function, [&](OpBuilder &b, ArrayRef<Value> memory, Value lo, Value) {
    b.create<memref::StoreOp>(native.at(), b.create<linalg::IndexOp>(native.at(), 0), memory[0], lo);
  });
  auto module = lower();
  ASSERT_FALSE(bool(module));
  const Diag why = diagOf(module.takeError());
  EXPECT_TRUE(why.text == "host code cannot be lowered to LLVM (a defect of the compiler)" ||
              why.text == "host code cannot be translated to LLVM IR (a defect of the compiler)")
      << why.str();
  EXPECT_NE(why.str().find("linalg.index"), std::string::npos) << why.str();
}
