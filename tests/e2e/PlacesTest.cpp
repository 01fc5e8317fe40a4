// SPDX-License-Identifier: Apache-2.0
// One network, cut between executors by hand at points drawn at random: the same outputs on every device, whoever runs
// what.
#include "Session.h"

#include "tw/support/Paths.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

using namespace tw;
using namespace tw::tools;

namespace {

constexpr const char *kMachine = "tw8";

llvm::Expected<codegen::Compiled> compileWith(const std::string &path, std::vector<codegen::Placing> places) {
  auto model = importModel(path, {});
  if (!model)
    return model.takeError();
  codegen::CompileOptions options;
  options.config = llvm::cantFail(loadMachine(kMachine));
  options.places = std::move(places);
  return codegen::compile(*model->module, options);
}

// The bytes of all outputs.
llvm::Expected<std::vector<uint8_t>> run(const isa::Package &package, const std::string &device) {
  auto bytes = packageBytes(package);
  if (!bytes)
    return bytes.takeError();
  bool isRandom = false;
  auto inputs = gatherInputs(inputsOf(package), {}, 11, isRandom);
  if (!inputs)
    return inputs.takeError();
  auto session = Session::open(*bytes, package, {.device = device, .memory = {}});
  if (!session)
    return session.takeError();
  auto result = (*session)->run(*inputs);
  if (!result)
    return result.takeError();
  std::vector<uint8_t> all;
  for (const ir::NamedTensor &output : result->outputs)
    all.insert(all.end(), output.tensor.bytes.begin(), output.tensor.bytes.end());
  return all;
}

} // namespace

TEST(PlacesTest, ANetworkCutAnywhereComputesTheSame) {
  const std::string path = (test::sourceDir() / "tools/sample/digits_int8.onnx").string();
  auto whole = compileWith(path, {});
  ASSERT_TRUE(bool(whole)) << llvm::toString(whole.takeError());
  std::vector<std::string> onNpu;
  for (const codegen::PlacementRow &row : whole->report.rows)
    if (row.executor == codegen::ExecutorId::Npu)
      onNpu.push_back(row.node);
  ASSERT_GT(onNpu.size(), 5u);
  const std::vector<uint8_t> expected = llvm::cantFail(run(whole->package, "functional"));

  std::vector<std::string> devices{"functional", "cycle"};
  if (isRtlBuilt(kMachine))
    devices.push_back("rtl");
  std::mt19937_64 random(4);
  for (int cut = 0; cut != 10; ++cut) {
    std::vector<codegen::Placing> places;
    std::string said;
    for (const std::string &node : onNpu)
      if (random() % 3 == 0) {
        places.push_back({node, codegen::ExecutorId::Host, "by the test"});
        said += " " + node;
      }
    SCOPED_TRACE("on the host:" + said);
    auto compiled = compileWith(path, places);
    ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
    for (const codegen::PlacementRow &row : compiled->report.rows)
      if (std::ranges::find(places, row.node, &codegen::Placing::node) != places.end())
        EXPECT_EQ(row.executor, codegen::ExecutorId::Host) << row.node;
    for (const std::string &device : devices) {
      auto outputs = run(compiled->package, device);
      ASSERT_TRUE(bool(outputs)) << device << ": " << llvm::toString(outputs.takeError());
      EXPECT_EQ(*outputs, expected) << device;
    }
  }
}
