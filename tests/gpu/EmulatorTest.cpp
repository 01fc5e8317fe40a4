// SPDX-License-Identifier: Apache-2.0
// The emulator itself: what PTX's functions mean, and that it finds what a GPU leaves undefined.
#include "Emulator.h"
#include "Ptx.h"

#include "gpu/GpuCode.h"
#include "host/Nest.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/IntrinsicsNVPTX.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <gmock/gmock.h>

#include <numeric>

using namespace tw;
using namespace tw::test;

TEST(PtxTest, RegistersSayWhereAThreadIs) {
  const PtxThread thread{70, 96, 3, 5};
  EXPECT_EQ(read(PtxRegister::TidX, thread), 70u);
  EXPECT_EQ(read(PtxRegister::NtidX, thread), 96u);
  EXPECT_EQ(read(PtxRegister::CtaidX, thread), 3u);
  EXPECT_EQ(read(PtxRegister::NctaidX, thread), 5u);
  EXPECT_EQ(read(PtxRegister::LaneId, thread), 6u);
  EXPECT_EQ(read(PtxRegister::WarpSize, thread), 32u);
  for (PtxRegister zero : {PtxRegister::TidY, PtxRegister::TidZ, PtxRegister::CtaidY, PtxRegister::CtaidZ})
    EXPECT_EQ(read(zero, thread), 0u);
  for (PtxRegister one : {PtxRegister::NtidY, PtxRegister::NtidZ, PtxRegister::NctaidY, PtxRegister::NctaidZ})
    EXPECT_EQ(read(one, thread), 1u);
}

// c holds the last lane of a segment, and above, the bits of a lane that say in which segment it is.
TEST(PtxTest, ShufflesTakeTheLaneThatPtxSays) {
  const uint32_t whole = 31, halves = 31 | 16 << 8;
  using Source = PtxSource;
  EXPECT_EQ(shuffleSource(PtxShuffle::Index, 5, 9, whole), (Source{9, true}));
  EXPECT_EQ(shuffleSource(PtxShuffle::Index, 20, 3, halves), (Source{19, true}));
  EXPECT_EQ(shuffleSource(PtxShuffle::Index, 20, 41, whole), (Source{9, true})); // of b five bits count
  EXPECT_EQ(shuffleSource(PtxShuffle::Index, 2, 9, 7), (Source{2, false}));      // behind the last lane
  EXPECT_EQ(shuffleSource(PtxShuffle::Up, 5, 2, 0), (Source{3, true}));
  EXPECT_EQ(shuffleSource(PtxShuffle::Up, 1, 2, 0), (Source{1, false}));
  EXPECT_EQ(shuffleSource(PtxShuffle::Up, 17, 2, 16 << 8), (Source{17, false})); // not over the segment's first
  EXPECT_EQ(shuffleSource(PtxShuffle::Down, 5, 2, whole), (Source{7, true}));
  EXPECT_EQ(shuffleSource(PtxShuffle::Down, 30, 2, whole), (Source{30, false}));
  EXPECT_EQ(shuffleSource(PtxShuffle::Down, 14, 2, halves), (Source{14, false}));
  EXPECT_EQ(shuffleSource(PtxShuffle::Butterfly, 5, 16, whole), (Source{21, true}));
  EXPECT_EQ(shuffleSource(PtxShuffle::Butterfly, 5, 16, halves), (Source{5, false}));
}

namespace {

// A kernel on `data` of so many int32, written as NVVM.
std::unique_ptr<Emulator> emulate(const std::string &body) {
  const std::string text = R"ll(
target datalayout = "e-i64:64-i128:128-v16:16-v32:32-n16:32:64"
@s = internal addrspace(3) global [64 x i32] undef
declare i32 @llvm.nvvm.read.ptx.sreg.tid.x()
declare i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
declare i32 @llvm.nvvm.shfl.sync.bfly.i32(i32, i32, i32, i32)
declare { float, i1 } @llvm.nvvm.shfl.sync.idx.f32p(i32, float, i32, i32)
declare void @llvm.nvvm.barrier0()
declare i32 @llvm.nvvm.vote.ballot.sync(i32, i1)
define void @kernel(ptr %data) {
  %t = call i32 @llvm.nvvm.read.ptx.sreg.tid.x()
  %b = call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()
  %mine = getelementptr i32, ptr %data, i32 %t
  %own = getelementptr [64 x i32], ptr addrspace(3) @s, i32 0, i32 %t
  %r = sub i32 63, %t
  %other = getelementptr [64 x i32], ptr addrspace(3) @s, i32 0, i32 %r
)ll" + body + "\n  ret void\n}\n";
  auto context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic problem;
  auto module = llvm::parseAssemblyString(text, problem, *context);
  EXPECT_TRUE(module) << problem.getMessage().str();
  auto emulator = Emulator::make(std::move(context), std::move(module));
  if (!emulator) {
    ADD_FAILURE() << llvm::toString(emulator.takeError());
    return nullptr;
  }
  return std::move(*emulator);
}

std::string launch(Emulator &emulator, std::vector<int32_t> &data, int64_t blocks = 1, int64_t threads = 64) {
  return llvm::toString(
      emulator.launch("kernel", blocks, threads, Emulator::Memory{data.data(), data.size() * sizeof(int32_t)}));
}

constexpr const char *kStore = "  %v = load i32, ptr %mine\n  store i32 %v, ptr addrspace(3) %own\n";
constexpr const char *kBarrierText = "  call void @llvm.nvvm.barrier0()\n";
constexpr const char *kLoad = "  %w = load i32, ptr addrspace(3) %other\n  store i32 %w, ptr %mine\n";

} // namespace

TEST(EmulatorTest, ThreadsMeetAtABarrier) {
  auto emulator = emulate(std::string(kStore) + kBarrierText + kLoad);
  ASSERT_TRUE(emulator);
  std::vector<int32_t> data(64), wanted(64);
  std::iota(data.begin(), data.end(), 0);
  std::iota(wanted.rbegin(), wanted.rend(), 0);
  EXPECT_EQ(launch(*emulator, data), "");
  EXPECT_EQ(data, wanted);
}

TEST(EmulatorTest, AMissingBarrierIsARace) {
  auto emulator = emulate(std::string(kStore) + kLoad);
  ASSERT_TRUE(emulator);
  std::vector<int32_t> data(64);
  EXPECT_THAT(launch(*emulator, data), testing::HasSubstr("with no barrier between"));
}

TEST(EmulatorTest, BlocksAreNotOrdered) {
  auto writes = emulate("  store i32 1, ptr %mine"); // every block all of it
  auto reads = emulate("  %v = load i32, ptr %mine\n  %f = icmp eq i32 %b, 1\n  br i1 %f, label %yes, label %no\nyes:\n"
                       "  store i32 1, ptr %mine\n  br label %no\nno:");
  ASSERT_TRUE(writes && reads);
  std::vector<int32_t> data(64);
  EXPECT_EQ(launch(*writes, data), "");
  EXPECT_THAT(launch(*writes, data, 2), testing::HasSubstr("of block 0 has written with no barrier between"));
  EXPECT_THAT(launch(*reads, data, 2), testing::HasSubstr("has read with no barrier between"));
}

TEST(EmulatorTest, ABarrierThatNotAllThreadsReachIsSeen) {
  auto emulator = emulate("  %f = icmp ult i32 %t, 40\n  br i1 %f, label %yes, label %no\nyes:\n" +
                          std::string(kBarrierText) + "  br label %no\nno:");
  ASSERT_TRUE(emulator);
  std::vector<int32_t> data(64);
  EXPECT_EQ(launch(*emulator, data), "kernel 'kernel': 40 of 64 threads wait at a barrier, the others have ended");
}

TEST(EmulatorTest, WhatLiesBesideItsMemoryIsNotAKernels) {
  auto emulator = emulate("  %p = getelementptr i32, ptr %mine, i32 1\n  %v = load i32, ptr %p");
  ASSERT_TRUE(emulator);
  std::vector<int32_t> data(64);
  EXPECT_EQ(launch(*emulator, data), "kernel 'kernel': thread 63 of block 0 reads 4 bytes outside of its memory");
}

TEST(EmulatorTest, LanesExchangeValues) {
  auto emulator = emulate("  %v = load i32, ptr %mine\n  %w = call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 -1, i32 %v, "
                          "i32 1, i32 31)\n  store i32 %w, ptr %mine");
  auto pairs =
      emulate("  %v = load float, ptr %mine\n  %p = call { float, i1 } @llvm.nvvm.shfl.sync.idx.f32p(i32 -1, "
              "float %v, i32 3, i32 31)\n  %w = extractvalue { float, i1 } %p, 0\n  store float %w, ptr %mine");
  ASSERT_TRUE(emulator && pairs);
  std::vector<int32_t> data(64), wanted(64);
  std::iota(data.begin(), data.end(), 0);
  for (int i = 0; i != 64; ++i)
    wanted[size_t(i)] = i ^ 1;
  EXPECT_EQ(launch(*emulator, data), "");
  EXPECT_EQ(data, wanted);
  for (size_t i = 0; i != 64; ++i)
    wanted[i] = data[i / 32 * 32 + 3];
  EXPECT_EQ(launch(*pairs, data), "");
  EXPECT_EQ(data, wanted);
}

TEST(EmulatorTest, AShuffleThatALaneDoesNotReachIsSeen) {
  auto emulator = emulate("  %f = icmp ult i32 %t, 40\n  br i1 %f, label %yes, label %no\nyes:\n  %w = call i32 "
                          "@llvm.nvvm.shfl.sync.bfly.i32(i32 -1, i32 %t, i32 1, i32 31)\n  store i32 %w, ptr %mine\n"
                          "  br label %no\nno:");
  ASSERT_TRUE(emulator);
  std::vector<int32_t> data(64);
  EXPECT_EQ(launch(*emulator, data),
            "kernel 'kernel': lane 8 of a warp is not at the shuffle at which lane 0 waits for it");
}

TEST(EmulatorTest, AnIntrinsicThatItDoesNotHaveIsNamed) {
  auto context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic problem;
  auto module =
      llvm::parseAssemblyString("declare i32 @llvm.nvvm.vote.ballot.sync(i32, i1)\ndefine void @k() {\n  %v = "
                                "call i32 @llvm.nvvm.vote.ballot.sync(i32 -1, i1 1)\n  ret void\n}\n",
                                problem, *context);
  ASSERT_TRUE(module);
  auto emulator = Emulator::make(std::move(context), std::move(module));
  ASSERT_FALSE(bool(emulator));
  EXPECT_EQ(llvm::toString(emulator.takeError()), "the emulator has no 'llvm.nvvm.vote.ballot.sync'");
}

// Our own kernel: of each of its barriers somebody takes away.
TEST(EmulatorTest, EachBarrierOfAProductIsNeeded) {
  mlir::DialectRegistry registry;
  mlir::MLIRContext mlir(registry, mlir::MLIRContext::Threading::DISABLED);
  codegen::GpuCode code(&mlir, llvm::cantFail(codegen::gpuProcessorOf("sm_80")));
  mlir.loadDialect<mlir::func::FuncDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"mlir(
func.func private @product(%x: tensor<20x50xf32>, %w: tensor<50x20xf32>) -> tensor<20x20xf32> {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<20x20xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<20x20xf32>) -> tensor<20x20xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>,
                                        affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<20x50xf32>, tensor<50x20xf32>) outs(%f : tensor<20x20xf32>) {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %p = arith.mulf %a, %b : f32
      %s = arith.addf %c, %p : f32
      linalg.yield %s : f32 } -> tensor<20x20xf32>
  return %y : tensor<20x20xf32>
})mlir",
                                                        &mlir);
  ASSERT_TRUE(module);
  auto made = code.add(module->lookupSymbol<mlir::func::FuncOp>("product"), {false, false});
  ASSERT_TRUE(bool(made)) << llvm::toString(made.takeError());
  const codegen::GpuStep &step = **made;
  ASSERT_EQ(step.launches.size(), 1u);
  EXPECT_THAT(step.launches[0].mapping, testing::StartsWith("tiles"));
  llvm::LLVMContext whole;
  auto kernels = llvm::cantFail(code.link(whole));
  std::string text;
  llvm::raw_string_ostream(text) << *kernels;
  auto run = [&](int without) {
    auto context = std::make_unique<llvm::LLVMContext>();
    llvm::SMDiagnostic problem;
    auto copy = llvm::parseAssemblyString(text, problem, *context);
    int count = 0;
    llvm::SmallVector<llvm::Instruction *> removed;
    for (llvm::Function &function : *copy)
      for (llvm::Instruction &instruction : llvm::instructions(function))
        if (auto *intrinsic = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction))
          if (intrinsic->getIntrinsicID() == llvm::Intrinsic::nvvm_barrier0 && count++ == without)
            removed.push_back(intrinsic);
    for (llvm::Instruction *each : removed)
      each->eraseFromParent();
    auto emulator = llvm::cantFail(Emulator::make(std::move(context), std::move(copy)));
    std::vector<float> memory[3];
    std::vector<Emulator::Memory> arguments;
    for (const codegen::GpuLaunch::Memory &memory1 : step.launches[0].arguments) {
      std::vector<float> &its = memory[memory1.place];
      its.assign(step.buffers[memory1.place].kind == codegen::HostArray::Result ? 400 : 1000, 1.0f);
      arguments.push_back({its.data(), its.size() * sizeof(float)});
    }
    const auto &launch = step.launches[0];
    return std::pair(count, llvm::toString(emulator->launch(launch.kernel, launch.blocks, launch.threads, arguments)));
  };
  auto [barriers, fine] = run(-1);
  EXPECT_EQ(fine, "");
  EXPECT_GE(barriers, 2);
  for (int b = 0; b != barriers; ++b)
    EXPECT_THAT(run(b).second, testing::HasSubstr("shared memory, which thread")) << "barrier " << b;
}
