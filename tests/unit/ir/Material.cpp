// SPDX-License-Identifier: Apache-2.0
#include "Material.h"

#include "onnx/TensorReader.h"

#include "mlir/Pass/PassManager.h"

#include <fstream>

using namespace mlir;

namespace tw::ir::test {

std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registerGraphDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

std::string readFile(const std::filesystem::path &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

OwningOpRef<ModuleOp> importFile(MLIRContext &context, const std::filesystem::path &path) {
  std::vector<Diag> problems;
  auto module =
      importOnnx(context, readFile(path), path.filename().string(), {.folder = path.parent_path().string()}, problems);
  EXPECT_TRUE(module) << problemText(path.filename().string(), problems);
  return module;
}

bool runGraphPipeline(ModuleOp module, const GraphPipelineOptions &options) {
  PassManager manager(module.getContext());
  buildGraphPipeline(manager, options);
  bool good = succeeded(manager.run(module));
  EXPECT_TRUE(good) << "the graph pipeline failed";
  return good;
}

Tensor toTensor(const tools::NpyArray &array) {
  static const std::map<std::string, ElementType> kTypes{{"f4", ElementType::F32},
                                                         {"i1", ElementType::I8},
                                                         {"u1", ElementType::U8},
                                                         {"i4", ElementType::I32},
                                                         {"i8", ElementType::I64}};
  Tensor tensor(kTypes.at(array.type), array.shape);
  tensor.bytes = array.bytes;
  return tensor;
}

Tensor sample(const Tensor &batch, int64_t index, std::optional<Dims> shape) {
  Shape own = batch.shape;
  own[0] = 1;
  Tensor result(batch.type, shape.value_or(Dims(own)));
  std::copy_n(batch.bytes.begin() + index * result.bytes.size(), result.bytes.size(), result.bytes.begin());
  return result;
}

Tensor readTensorProto(const std::filesystem::path &path) {
  ::onnx::TensorProto proto;
  EXPECT_TRUE(proto.ParseFromString(readFile(path))) << path;
  onnx::ExternalData external(path.parent_path().string());
  auto tensor = onnx::readTensor(proto, external);
  if (tensor)
    return *std::move(tensor);
  ADD_FAILURE() << path << ": " << llvm::toString(tensor.takeError());
  return {};
}

Arrays loadNpz(const std::filesystem::path &path) {
  auto arrays = tools::readNpz(path);
  if (arrays)
    return *std::move(arrays);
  ADD_FAILURE() << llvm::toString(arrays.takeError());
  return {};
}

void Differences::add(const Tensor &actual, const Tensor &expected) {
  ASSERT_EQ(actual.type, expected.type);
  ASSERT_EQ(actual.size(), expected.size());
  for (int64_t i = 0; i < actual.size(); ++i) {
    int64_t difference = std::abs(actual.integerAt(i) - expected.integerAt(i));
    ++elements;
    unequal += difference != 0;
    largest = std::max(largest, difference);
  }
}

std::ostream &operator<<(std::ostream &stream, const Differences &differences) {
  return stream << differences.unequal << " of " << differences.elements << " differ, at most by "
                << differences.largest;
}

Tensor runSingle(Interpreter &interpreter, ModuleOp module, std::vector<Tensor> inputs,
                 const Interpreter::Observer &observer) {
  auto results = interpreter.run(module.lookupSymbol<func::FuncOp>("main"), inputs, observer);
  if (results)
    return std::move(results->front());
  ADD_FAILURE() << llvm::toString(results.takeError());
  return {};
}

} // namespace tw::ir::test
