// SPDX-License-Identifier: Apache-2.0
// What linking refuses, and what the object may not need.
#include "host/HostLink.h"

#include "../HostLibrary.h"
#include "host/Processor.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/SourceMgr.h"

#include <gmock/gmock.h>

#include <cstdlib>

using namespace tw;
using namespace tw::codegen;
using testing::HasSubstr;

namespace {

struct HostLinkTest : testing::Test {
  std::unique_ptr<llvm::Module> parse(const std::string &text) {
    llvm::SMDiagnostic problem;
    auto module = llvm::parseIR(llvm::MemoryBufferRef(text, "test"), problem, context);
    EXPECT_TRUE(module) << problem.getMessage().str();
    return module;
  }
  llvm::Expected<std::vector<uint8_t>> link(llvm::Module &module) { return linkHostModule(module, processor); }
  std::string whyNot(llvm::Module &module) {
    auto made = link(module);
    return made ? "it is linked" : llvm::toString(made.takeError());
  }

  llvm::LLVMContext context;
  const HostProcessor processor = llvm::cantFail(processorOf("x86-64-v3"));
};

constexpr const char *kSeven = "define i32 @seven(ptr, ptr, ptr, i64, i64) {\n  ret i32 7\n}\n";

// PATH as long as this is there.
struct OnPath {
  explicit OnPath(const char *path) : before(std::getenv("PATH")) { setenv("PATH", path, 1); }
  ~OnPath() { setenv("PATH", before.c_str(), 1); }
  const std::string before;
};

} // namespace

TEST_F(HostLinkTest, WithoutALinkerItSaysWhatToInstall) {
  auto module = parse(kSeven);
  const OnPath nowhere("/nonexistent");
  EXPECT_EQ(whyNot(*module), "ld.lld-19 is not on PATH: install lld-19 (scripts/setup.sh)");
}

TEST_F(HostLinkTest, AModuleThatIsNoIrIsRefusedBeforeAnythingIsMade) {
  auto module = parse(kSeven);
  module->getFunction("seven")->front().getTerminator()->eraseFromParent();
  EXPECT_THAT(whyNot(*module), HasSubstr("host code is not valid LLVM IR: "));
}

TEST_F(HostLinkTest, WhatIsNowhereIsNamedInOneLine) {
  auto module =
      parse("declare void @\"no such \\22thing\\22\"()\n"
            "define i32 @f(ptr, ptr, ptr, i64, i64) {\n  call void @\"no such \\22thing\\22\"()\n  ret i32 0\n}\n");
  const std::string why = whyNot(*module);
  EXPECT_THAT(why, HasSubstr("host code cannot be linked: "));
  EXPECT_THAT(why, HasSubstr("no such \"thing\""));
  EXPECT_EQ(why.find('\n'), std::string::npos) << why;
}

TEST_F(HostLinkTest, AFunctionMayHaveAnyName) {
  auto module = parse("define i32 @\"tw_blk '\\C3\\BC%s' \\22x\\22_0\"(ptr, ptr, ptr, i64, i64) {\n  ret i32 7\n}\n");
  auto made = link(*module);
  ASSERT_TRUE(bool(made)) << llvm::toString(made.takeError());
  test::HostLibrary library(*made);
  auto function = library.function("tw_blk '\xC3\xBC%s' \"x\"_0");
  ASSERT_TRUE(function);
  EXPECT_EQ(function(nullptr, nullptr, nullptr, 0, 0), 7);
}

TEST_F(HostLinkTest, NoFunctionsAreAnObjectToo) {
  auto module = parse("");
  auto made = link(*module);
  ASSERT_TRUE(bool(made)) << llvm::toString(made.takeError());
  test::HostLibrary library(*made);
  EXPECT_FALSE(library.function("seven"));
}

// LLVM makes calls of memset and memcpy from such loops where it may.
TEST_F(HostLinkTest, LoopsThatFillAndCopyNeedNoLibrary) {
  std::string text;
  for (const char *name : {"fill", "copy"}) {
    const bool isCopy = name == std::string("copy");
    text += std::string("define i32 @") + name +
            "(ptr %b, ptr %d, ptr %s, i64 %lo, i64 %hi) {\nentry:\n  %to = load ptr, ptr %b\n"
            "  %second = getelementptr ptr, ptr %b, i64 1\n  %from = load ptr, ptr %second\n  br label %loop\n"
            "loop:\n  %i = phi i64 [ %lo, %entry ], [ %next, %loop ]\n"
            "  %at = getelementptr i8, ptr %to, i64 %i\n  %of = getelementptr i8, ptr %from, i64 %i\n" +
            (isCopy ? "  %v = load i8, ptr %of\n  store i8 %v, ptr %at\n" : "  store i8 90, ptr %at\n") +
            "  %next = add i64 %i, 1\n  %more = icmp slt i64 %next, %hi\n  br i1 %more, label %loop, label %done\n"
            "done:\n  ret i32 0\n}\n";
  }
  auto module = parse(text);
  auto made = link(*module);
  ASSERT_TRUE(bool(made)) << llvm::toString(made.takeError());
  auto object = llvm::object::ObjectFile::createELFObjectFile(
      llvm::MemoryBufferRef(llvm::StringRef(reinterpret_cast<const char *>(made->data()), made->size()), "object"));
  ASSERT_TRUE(bool(object)) << llvm::toString(object.takeError());
  const auto &elf = llvm::cast<llvm::object::ELF64LEObjectFile>(**object);
  for (const auto &symbol : elf.getDynamicSymbolIterators())
    EXPECT_FALSE(llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined)
        << llvm::cantFail(symbol.getName()).str();
  for (const auto &entry : llvm::cantFail(elf.getELFFile().dynamicEntries()))
    EXPECT_NE(entry.getTag(), llvm::ELF::DT_NEEDED);
  test::HostLibrary library(*made);
  std::vector<uint8_t> to(1000, 1), from(1000, 3);
  std::vector<void *> buffers{to.data(), from.data()};
  library.function("fill")(buffers.data(), nullptr, nullptr, 0, 1000);
  EXPECT_EQ(to, std::vector<uint8_t>(1000, 90));
  library.function("copy")(buffers.data(), nullptr, nullptr, 0, 999);
  EXPECT_EQ(to[998], 3);
  EXPECT_EQ(to[999], 90);
}
