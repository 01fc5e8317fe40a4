// SPDX-License-Identifier: Apache-2.0
// Every library function is in the runtime of every architecture and needs nothing else. What they compute is compared
// by tests/e2e/LibraryTest.cpp.
#include "host/Library.h"

#include "host/HostLink.h"
#include "host/Processor.h"

#include "tw/ir/LibraryFunctions.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"

#include <gmock/gmock.h>

using namespace tw;
using namespace tw::codegen;
using testing::HasSubstr;

namespace {

const char *const kProcessors[] = {"x86-64-v3", "aarch64", "riscv64"};

// A call of a function of two tensors, of few and of as many dimensions as may be.
void addCall(llvm::Module &module, const std::string &function) {
  llvm::IRBuilder<> b(module.getContext());
  auto *type = llvm::FunctionType::get(b.getInt32Ty(), {b.getPtrTy(), b.getPtrTy()}, false);
  auto *caller = llvm::Function::Create(type, llvm::Function::ExternalLinkage, "call_" + function, module);
  b.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "entry", caller));
  LibraryCall call{function, {}, {-1, INT64_MIN}};
  call.tensors.push_back({ir::ElementType::F32, {2, 3}});
  call.tensors.push_back({ir::ElementType::I64, ir::Shape(ir::LibraryFunction::kMostDimensions, 1)});
  b.CreateRet(emitCall(b, call, {caller->getArg(0), caller->getArg(0)}, caller->getArg(1)));
}

struct Linked {
  Linked(const char *processorName, const std::string &function)
      : processor(llvm::cantFail(processorOf(processorName))) {
    module.setTargetTriple(processor.triple);
    if (!function.empty())
      addCall(module, function);
  }
  llvm::LLVMContext context;
  llvm::Module module{"test", context};
  const HostProcessor processor;
};

} // namespace

TEST(LibraryTest, EveryFunctionIsThereForEveryArchitectureAndNeedsNothing) {
  for (const char *name : kProcessors)
    for (const ir::LibraryFunction &row : ir::libraryFunctions()) {
      Linked its(name, std::string(row.name));
      ASSERT_FALSE(linkRuntime(its.module)) << name;
      EXPECT_FALSE(llvm::verifyModule(its.module, &llvm::errs())) << name << ", " << std::string(row.name);
      for (const llvm::Function &function : its.module) {
        EXPECT_FALSE(function.isDeclaration() && !function.isIntrinsic())
            << name << ": " << std::string(row.name) << " calls " << function.getName().str();
        EXPECT_EQ(function.hasLocalLinkage() || function.isIntrinsic(), !function.getName().starts_with("call_"))
            << function.getName().str();
        EXPECT_FALSE(function.hasFnAttribute("target-features")) << "it is compiled for the module's processor";
      }
    }
}

// The wish of one function brings no other.
TEST(LibraryTest, OnlyWhatIsCalledIsAdded) {
  Linked one("x86-64-v3", std::string(ir::libraryFunctions().front().name));
  ASSERT_FALSE(linkRuntime(one.module));
  int functions = 0;
  for (const llvm::Function &function : one.module)
    functions += function.getName().starts_with("tw_lib_") && !function.isDeclaration();
  EXPECT_GE(functions, 1);
  for (const ir::LibraryFunction &row : ir::libraryFunctions())
    if (row.name != ir::libraryFunctions().front().name)
      EXPECT_FALSE(one.module.getFunction("tw_lib_" + std::string(row.name))) << std::string(row.name);
  Linked none("x86-64-v3", "");
  ASSERT_FALSE(linkRuntime(none.module));
  EXPECT_TRUE(none.module.empty());
}

TEST(LibraryTest, AFunctionThatIsNoneIsNamedByTheLinker) {
  Linked its("x86-64-v3", "no_such_function");
  auto made = linkHostModule(its.module, its.processor);
  ASSERT_FALSE(bool(made));
  EXPECT_THAT(llvm::toString(made.takeError()), HasSubstr("tw_lib_no_such_function"));
}

// Each tensor takes the same number of words, whatever its rank.
TEST(LibraryTest, ACallDescribesItsTensorsInWordsOfFixedNumber) {
  llvm::LLVMContext context;
  llvm::Module module("test", context);
  addCall(module, "f");
  std::vector<uint64_t> sizes;
  std::vector<int64_t> last;
  for (const llvm::GlobalVariable &table : module.globals()) {
    EXPECT_TRUE(table.isConstant() && table.hasLocalLinkage());
    const auto *words = llvm::cast<llvm::ConstantDataArray>(table.getInitializer());
    sizes.push_back(words->getNumElements());
    last.clear();
    for (unsigned i = 0; i != words->getNumElements(); ++i)
      last.push_back(int64_t(words->getElementAsInteger(i)));
  }
  ASSERT_EQ(sizes.size(), 2u);
  EXPECT_EQ(sizes[0], 2u * (2 + ir::LibraryFunction::kMostDimensions)) << "type, rank and extents";
  EXPECT_EQ(last, (std::vector<int64_t>{-1, INT64_MIN}));
}
