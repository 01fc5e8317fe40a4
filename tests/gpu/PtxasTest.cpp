// SPDX-License-Identifier: Apache-2.0
// NVIDIA's assembler on the PTX of each class of kernels, where it is installed: it takes it, nothing is spilled, and
// registers and shared memory are within what a launch needs to fill a multiprocessor.
#include "GpuCase.h"
#include "Packaged.h"

#include "tw/support/OperatorCases.h"
#include "tw/support/Paths.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Program.h"

#include <gmock/gmock.h>

#include <fstream>
#include <regex>

using namespace tw;
using namespace tw::test;
using codegen::ExecutorId;

namespace {

struct Used {
  int registers = 0, sharedBytes = 0, spilled = 0;
};

std::optional<std::string> assembler() {
  auto found = llvm::sys::findProgramByName("ptxas");
  if (!found)
    found = llvm::sys::findProgramByName("ptxas", {"/usr/local/cuda/bin"});
  return found ? std::optional(*found) : std::nullopt;
}

/// By kernel; empty: it was refused, which has failed the test.
std::map<std::string, Used> assembled(const std::string &program, const isa::Package &package) {
  const TempDir folder;
  const std::string ptx = (folder.path() / "a.ptx").string(), said = (folder.path() / "said").string();
  const std::vector<uint8_t> &image = package.others.front().bytes;
  std::ofstream(ptx, std::ios::binary).write(reinterpret_cast<const char *>(image.data()), ptrdiff_t(image.size()) - 1);
  const std::string cubin = (folder.path() / "a.cubin").string();
  const std::optional<llvm::StringRef> streams[] = {std::nullopt, said, said};
  std::string error;
  const int code = llvm::sys::ExecuteAndWait(program, {program, "-arch=sm_80", "-v", ptx, "-o", cubin}, std::nullopt,
                                             streams, 120, 0, &error);
  std::ifstream file(said);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::map<std::string, Used> kernels;
  EXPECT_EQ(code, 0) << error << text;
  Used *now = nullptr;
  std::smatch match;
  for (llvm::StringRef line : llvm::split(text, '\n')) {
    const std::string its = line.str();
    if (std::regex_search(its, match, std::regex("Compiling entry function '(.*)' for")))
      now = &kernels[match[1]];
    if (now && std::regex_search(its, match, std::regex("(\\d+) bytes spill stores, (\\d+) bytes spill loads")))
      now->spilled = std::stoi(match[1]) + std::stoi(match[2]);
    if (now && std::regex_search(its, match, std::regex("Used (\\d+) registers")))
      now->registers = std::stoi(match[1]);
    if (now && std::regex_search(its, match, std::regex("(\\d+) bytes smem")))
      now->sharedBytes = std::stoi(match[1]);
  }
  return code == 0 ? kernels : std::map<std::string, Used>();
}

isa::Package packageOf(const std::string &text) {
  auto context = makeContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  EXPECT_TRUE(module);
  codegen::CompileOptions options = optionsFor({ExecutorId::Gpu, ExecutorId::Host});
  options.gpu.isEmulated = false;
  return llvm::cantFail(compileFor(*module, options)).made.package;
}

std::string matmul(const std::string &a, const std::string &b, const std::string &y) {
  return "func.func @main(%a: tensor<" + a + ">, %b: tensor<" + b + ">) -> tensor<" + y +
         "> {\n  %y = tw.matmul %a, %b : (tensor<" + a + ">, tensor<" + b + ">) -> tensor<" + y +
         ">\n  return %y : tensor<" + y + ">\n}\n";
}

// A class of kernels, and what its largest may take.
struct Class {
  const char *name;
  std::string text;
  int registers, sharedBytes;
};

std::vector<Class> classes() {
  const std::string scale = "tensor<f32>, tensor<i8>",
                    bytes = "tensor<1x512x512xi8>, " + scale + ", tensor<1x512x512xi8>, " + scale + ", " + scale;
  return {
      // A block of 256 threads of at most 128 registers: two of them fill a multiprocessor.
      {"tiles of 128 x 128, float32", matmul("4096x4096xf32", "4096x4096xf32", "4096x4096xf32"), 128, 16384},
      {"tiles of 16 x 16, float32", matmul("16x64xf32", "64x16xf32", "16x16xf32"), 64, 4096},
      {"tiles of bytes",
       quantisedFunction("%x: tensor<1x512x512xi8>, %w: tensor<1x512x512xi8>", "tensor<1x512x512xi8>",
                         "  %y = tw.qmatmul %x(%t, %a), %w(%t, %b) out(%u, %c) : (" + bytes +
                             ") -> tensor<1x512x512xi8>"),
       64, 2560},
      {"lanes and points, float32",
       "func.func @main(%x: tensor<64x1000xf32>) -> tensor<64x1000xf32> {\n  %y = tw.softmax %x {axis = 1 : i64} : "
       "(tensor<64x1000xf32>) -> tensor<64x1000xf32>\n  return %y : tensor<64x1000xf32>\n}\n",
       64, 0},
  };
}

} // namespace

TEST(PtxasTest, EachClassOfKernelsIsWithinItsRegisters) {
  const auto program = assembler();
  if (!program)
    GTEST_SKIP() << "no ptxas is installed: it comes with the CUDA toolkit";
  for (const Class &its : classes()) {
    SCOPED_TRACE(its.name);
    const isa::Package package = packageOf(its.text);
    const auto kernels = assembled(*program, package);
    int registers = 0, sharedBytes = 0;
    for (const isa::PackageStep &step : package.steps)
      for (const isa::PackageLaunch &launch : step.launches) {
        ASSERT_TRUE(kernels.contains(launch.kernel)) << launch.kernel;
        const Used &used = kernels.at(launch.kernel);
        EXPECT_EQ(used.spilled, 0) << launch.kernel;
        EXPECT_EQ(used.sharedBytes, int(launch.sharedBytes)) << launch.kernel;
        registers = std::max(registers, used.registers);
        sharedBytes = std::max(sharedBytes, used.sharedBytes);
      }
    EXPECT_LE(registers, its.registers);
    EXPECT_EQ(sharedBytes, its.sharedBytes);
    std::cout << its.name << ": " << registers << " registers, " << sharedBytes << " bytes of shared memory\n";
  }
}

TEST(PtxasTest, TheKernelsOfEveryOperatorAreTaken) {
  const auto program = assembler();
  if (!program)
    GTEST_SKIP() << "no ptxas is installed: it comes with the CUDA toolkit";
  for (const std::string &text : operatorCases()) {
    SCOPED_TRACE(text);
    const isa::Package package = packageOf(text);
    if (package.others.empty())
      continue;
    for (const auto &[kernel, used] : assembled(*program, package))
      EXPECT_EQ(used.spilled, 0) << kernel;
  }
}
