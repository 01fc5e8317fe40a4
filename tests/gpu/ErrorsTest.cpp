// SPDX-License-Identifier: Apache-2.0
// What can be wrong with a GPU, its driver or GPU code: one message each, nothing hangs, everything is given back; and
// the host in the GPU's place where the package keeps its code.
#include "GpuCase.h"
#include "Packaged.h"

#include "tw/drivers/transports.h"
#include "tw/support/Packages.h"

#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>

#include <chrono>

using namespace tw;
using namespace tw::test;
using codegen::ExecutorId;
using testing::HasSubstr;
using testing::StartsWith;

int dlopenCalls = 0;

extern "C" void *__real_dlopen(const char *file, int mode);
extern "C" void *__wrap_dlopen(const char *file, int mode) {
  ++dlopenCalls;
  return __real_dlopen(file, mode);
}

namespace {

// Two blocks in float32.
constexpr const char *kModel = R"(
func.func @main(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>) -> tensor<4x6xf32> {
  %p = tw.matmul %x, %w : (tensor<4x8xf32>, tensor<8x6xf32>) -> tensor<4x6xf32> loc("product")
  %y = tw.softmax %p {axis = 1 : i64} : (tensor<4x6xf32>) -> tensor<4x6xf32> loc("softmax")
  return %y : tensor<4x6xf32>
}
)";

class GpuErrorsTest : public EmulatedGpuTest {
protected:
  void SetUp() override {
    EmulatedGpuTest::SetUp();
    tw_transport_config config{};
    config.memory_bytes = 1 << 20;
    tw_transport transport{};
    ASSERT_EQ(tw_transport_open_null(&config, &transport, &error), TW_OK);
    ASSERT_EQ(tw_device_open(transport, &device, &error), TW_OK);
    tw_device_gpu(device, libraryPath.c_str(), 300);
  }
  void TearDown() override {
    close();
    tw_device_close(device);
    EmulatedGpuTest::TearDown();
  }

  isa::Package package(bool keepsHostCode = false) {
    compiled = {}; // while its context is there
    context = makeContext();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(kModel, context.get());
    codegen::CompileOptions options = optionsFor({ExecutorId::Gpu, ExecutorId::Host});
    options.gpu.keepsHostCode = keepsHostCode;
    compiled = llvm::cantFail(compileFor(*module, options));
    return compiled.made.package;
  }

  tw_status load(const isa::Package &package, uint32_t flags = TW_OPEN_ALLOW_HOST_CODE) {
    const auto bytes = isa::serializePackage(package);
    EXPECT_TRUE(bytes) << bytes.diag().str();
    error = {};
    return tw_program_load(device, bytes->data(), bytes->size(), flags, &program, &error);
  }
  void open(const isa::Package &package) {
    ASSERT_EQ(load(package), TW_OK) << error.text;
    ASSERT_EQ(tw_instance_create(program, &instance, &error), TW_OK) << error.text;
  }
  void close() {
    tw_instance_destroy(instance);
    tw_program_close(program);
    instance = nullptr;
    program = nullptr;
  }

  tw_status run() {
    bool isRandom = false;
    inputs = llvm::cantFail(tools::gatherInputs(tools::inputsOf(compiled.made.package), {}, 3, isRandom));
    result = ir::Tensor(ir::ElementType::F32, {4, 6});
    std::vector<const void *> from;
    for (const ir::NamedTensor &input : inputs)
      from.push_back(input.tensor.bytes.data());
    void *to[] = {result.bytes.data()};
    error = {};
    return tw_instance_run(instance, 0, from.data(), to, &stats, &error);
  }
  void expectRight() {
    ASSERT_EQ(run(), TW_OK) << error.text;
    EXPECT_EQ(result.bytes, llvm::cantFail(reference(compiled, inputs))[0].bytes);
  }

  std::string libraryPath = emulatedLibrary();
  std::unique_ptr<mlir::MLIRContext> context;
  Compiled compiled;
  tools::Tensors inputs;
  ir::Tensor result{ir::ElementType::F32, {}};
  tw_device *device = nullptr;
  tw_program *program = nullptr;
  tw_instance *instance = nullptr;
  tw_run_stats stats{};
  tw_error error{};
};

isa::PackageImage &imageFor(isa::Package &package, const std::string &target) {
  return *std::ranges::find(package.others, target, &isa::PackageImage::target);
}

} // namespace

TEST_F(GpuErrorsTest, ARunCountsWhatTheGpuDid) {
  open(package());
  EXPECT_EQ(tw_program_without_gpu(program), nullptr);
  expectRight();
  EXPECT_EQ(stats.gpu_steps, 2u);
  EXPECT_EQ(stats.host_steps, 0u);
}

// No observer makes the GPU wait here: what it is asked for is done when somebody waits.
TEST_F(GpuErrorsTest, TheHostWaitsForWhatTheGpuBrings) {
  for (const char *node : {"product", "softmax"}) {
    compiled = {};
    context = makeContext();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(kModel, context.get());
    codegen::CompileOptions options = optionsFor({ExecutorId::Gpu, ExecutorId::Host});
    options.places = {{node, ExecutorId::Host, "by the test"}};
    compiled = llvm::cantFail(compileFor(*module, options));
    open(compiled.made.package);
    for (int i = 0; i != 2; ++i)
      expectRight();
    EXPECT_EQ(stats.gpu_steps, 1u);
    EXPECT_EQ(stats.host_steps, 1u);
    close();
  }
}

TEST_F(GpuErrorsTest, GpuCodeIsRefusedUnlessTheCallerTrustsIt) {
  dlopenCalls = 0;
  EXPECT_EQ(load(package(), 0), TW_ERROR_HOST_CODE);
  EXPECT_THAT(error.text, HasSubstr("bytes of GPU code, which run with all rights"));
  EXPECT_EQ(dlopenCalls, 0);
}

TEST_F(GpuErrorsTest, APackageWithoutGpuStepsLoadsNoLibrary) {
  isa::Package its = package();
  dlopenCalls = 0;
  its.steps.clear();
  its.entries[0].stepCount = 0;
  its.hostCode.clear();
  ASSERT_EQ(load(its), TW_OK) << error.text; // an image that no step runs is no reason
  ASSERT_EQ(tw_instance_create(program, &instance, &error), TW_OK) << error.text;
  EXPECT_EQ(run(), TW_OK) << error.text;
  EXPECT_EQ(dlopenCalls, 0);
  close();
  ASSERT_EQ(load(package()), TW_OK) << error.text;
  EXPECT_EQ(dlopenCalls, 1);
}

TEST_F(GpuErrorsTest, NoLibraryIsSaid) {
  libraryPath = "/nowhere/libcuda.so.1";
  tw_device_gpu(device, libraryPath.c_str(), 0);
  EXPECT_EQ(load(package()), TW_ERROR_GPU);
  EXPECT_THAT(error.text, StartsWith("the package has GPU code, and NVIDIA's driver library cannot be loaded "
                                     "(/nowhere/libcuda.so.1: cannot open shared object file"));
}

TEST_F(GpuErrorsTest, AnotherLibraryIsSaid) {
  libraryPath = "libm.so.6";
  tw_device_gpu(device, libraryPath.c_str(), 0);
  EXPECT_EQ(load(package()), TW_ERROR_GPU);
  EXPECT_THAT(error.text, StartsWith("library 'libm.so.6' has no function 'cuInit'"));
}

TEST_F(GpuErrorsTest, NoDeviceIsSaid) {
  gpu().devices = 0;
  EXPECT_EQ(load(package()), TW_ERROR_GPU);
  EXPECT_THAT(error.text, HasSubstr("the driver finds no GPU"));
}

TEST_F(GpuErrorsTest, AnOlderGpuIsSaid) {
  gpu().capability = 75;
  EXPECT_EQ(load(package()), TW_ERROR_GPU);
  EXPECT_STREQ(error.text, "the package's GPU code is for 'sm_80' and GPU 'emulated NVIDIA GPU' is sm_75: compile the "
                           "model for it (--gpu-arch sm_75 or less)");
}

TEST_F(GpuErrorsTest, ANewerGpuTakesThePtx) {
  gpu().capability = 90;
  EXPECT_EQ(load(package()), TW_OK) << error.text;
}

TEST_F(GpuErrorsTest, APackageWithoutTheEmulatorsCodeIsSaid) {
  isa::Package its = package();
  std::erase_if(its.others, [](const isa::PackageImage &image) { return image.target == "emulated"; });
  EXPECT_EQ(load(its), TW_ERROR_GPU);
  EXPECT_THAT(error.text, StartsWith("the package's GPU code is for 'sm_80', and 'emulated GPU' is an emulator"));
}

TEST_F(GpuErrorsTest, AnOldDriverIsSaidWithBothVersions) {
  gpu().capability = 80;
  gpu().ptxVersion = 65;
  gpu().driverVersion = 10020;
  EXPECT_EQ(load(package()), TW_ERROR_GPU);
  EXPECT_THAT(error.text, StartsWith("the package's GPU code is PTX 7.0, which the installed driver (CUDA 10.2) is too "
                                     "old for: install a newer driver"));
}

TEST_F(GpuErrorsTest, CorruptedPtxQuotesTheCompilersLog) {
  gpu().capability = 80;
  isa::Package its = package();
  std::vector<uint8_t> &ptx = imageFor(its, "sm_80").bytes;
  ptx.resize(ptx.size() * 2 / 3);
  while (ptx.back() == '}')
    ptx.pop_back();
  ptx.back() = 0;
  EXPECT_EQ(load(its), TW_ERROR_GPU);
  EXPECT_THAT(error.text,
              HasSubstr("CUDA_ERROR_INVALID_PTX (218), a PTX JIT compilation failed): ptxas application ptx "
                        "input, line "));
  EXPECT_THAT(error.text, HasSubstr("Parsing error near 'EOF'"));
  imageFor(its, "sm_80").bytes = {'x', 0};
  EXPECT_EQ(load(its), TW_ERROR_GPU);
  EXPECT_THAT(error.text, HasSubstr("Missing .version directive at start of file: compile the model again"));
}

TEST_F(GpuErrorsTest, DamagedBitcodeIsSaidByTheEmulator) {
  isa::Package its = package();
  std::vector<uint8_t> &code = imageFor(its, "emulated").bytes;
  std::fill(code.begin() + 20, code.begin() + 60, uint8_t{0x55});
  EXPECT_EQ(load(its), TW_ERROR_GPU);
  EXPECT_THAT(error.text, HasSubstr("the driver refuses the package's GPU code"));
}

TEST_F(GpuErrorsTest, AKernelThatIsNotThereIsSaid) {
  isa::Package its = package();
  for (isa::PackageStep &step : its.steps)
    if (step.runsGpuCode())
      step.launches[0].kernel = "elsewhere";
  EXPECT_EQ(load(its), TW_ERROR_GPU);
  EXPECT_STREQ(error.text, "a step launches 'elsewhere', which the package's GPU code does not have: compile the model "
                           "again");
}

TEST_F(GpuErrorsTest, TooMuchSharedMemoryIsSaid) {
  isa::Package its = package();
  for (isa::PackageStep &step : its.steps)
    for (isa::PackageLaunch &launch : step.launches)
      launch.sharedBytes = 50000;
  EXPECT_EQ(load(its), TW_ERROR_GPU);
  EXPECT_THAT(error.text, HasSubstr("needs 50000 bytes of shared memory and GPU 'emulated GPU' has 49152 for a block"));
}

// Each allocation in turn: of constants, of an instance, of the memory that copies go through.
TEST_F(GpuErrorsTest, NoMemoryIsSaidWhereverItIsMissing) {
  const isa::Package its = package();
  int failed = 0;
  for (int n = 0; n != 8; ++n) {
    gpu().failAllocation = n;
    tw_status status = load(its);
    if (status == TW_OK)
      status = tw_instance_create(program, &instance, &error);
    const bool isThere = status == TW_OK;
    if (!isThere) {
      ++failed;
      EXPECT_EQ(status, TW_ERROR_NO_MEMORY) << error.text;
      EXPECT_THAT(error.text, HasSubstr("memory"));
    }
    close();
    EXPECT_EQ(gpu().alive, 0) << n;
    if (isThere)
      break;
  }
  EXPECT_GE(failed, 2);
}

TEST_F(GpuErrorsTest, ADeviceThatIsLostIsSaidNowAndAfterwards) {
  open(package());
  expectRight();
  gpu().loseLaunch = 1;
  EXPECT_EQ(run(), TW_ERROR_LOST);
  const std::string said = error.text;
  EXPECT_THAT(said, StartsWith("GPU 'emulated GPU' was lost at step "));
  EXPECT_THAT(said, HasSubstr("CUDA_ERROR_LAUNCH_FAILED (719), unspecified launch failure: close the program and load "
                              "it again"));
  EXPECT_EQ(run(), TW_ERROR_LOST);
  EXPECT_EQ(error.text, said);
  tw_instance *other = nullptr;
  EXPECT_NE(tw_instance_create(program, &other, &error), TW_OK);
  close();
  EXPECT_EQ(gpu().alive, 0);
  open(compiled.made.package); // and all is well
  expectRight();
}

// The memory of a GPU that hangs is its own: nothing of it can be given back while it may still write.
TEST_F(GpuErrorsTest, ADeviceThatHangsIsGivenUp) {
  open(package(true));
  expectRight();
  gpu().hangLaunch = 0;
  const auto start = std::chrono::steady_clock::now();
  expectRight(); // by the host
  EXPECT_EQ(stats.gpu_steps, 0u);
  EXPECT_THAT(tw_program_without_gpu(program), HasSubstr("it did not end in 300 ms"));
  close();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_GT(gpu().alive, 0);
  gpu().alive = 0; // left to the end of the process, on purpose
}

TEST_F(GpuErrorsTest, TheHostStandsInWhereThereIsNoGpu) {
  gpu().devices = 0;
  open(package(true));
  EXPECT_THAT(tw_program_without_gpu(program), HasSubstr("the driver finds no GPU"));
  for (int i = 0; i != 2; ++i)
    expectRight();
  EXPECT_EQ(stats.gpu_steps, 0u);
  EXPECT_EQ(stats.host_steps, 2u);
  EXPECT_EQ(gpu().launches, 0);
}

TEST_F(GpuErrorsTest, TheHostStandsInForAGpuThatIsLost) {
  open(package(true));
  expectRight();
  EXPECT_EQ(stats.gpu_steps, 2u);
  EXPECT_EQ(stats.host_steps, 0u);
  gpu().loseLaunch = 2;
  expectRight();
  EXPECT_EQ(stats.gpu_steps, 0u);
  EXPECT_EQ(stats.host_steps, 2u);
  EXPECT_THAT(tw_program_without_gpu(program), HasSubstr("was lost at step"));
  expectRight();
  tw_instance *other = nullptr;
  EXPECT_EQ(tw_instance_create(program, &other, &error), TW_OK) << error.text;
  std::swap(other, instance);
  expectRight();
  tw_instance_destroy(other);
}

TEST_F(GpuErrorsTest, TheHostStandsInWhereTheGpuHasNoMemory) {
  const isa::Package its = package(true);
  for (int n = 0; n != 6; ++n) {
    gpu().failAllocation = n;
    open(its);
    expectRight();
    close();
    EXPECT_EQ(gpu().alive, 0) << n;
  }
}
