// SPDX-License-Identifier: Apache-2.0
#include "host/HostCode.h"

#include "host/HostLink.h"
#include "host/Operators.h"

#include "llvm/Support/raw_ostream.h"

namespace tw::codegen {
namespace {

Shape blocked(const std::vector<int64_t> &shape, int64_t lanes) {
  Shape result(shape.begin(), shape.end());
  if (result.empty())
    result.push_back(1);
  result.back() = (result.back() + lanes - 1) / lanes * lanes;
  return result;
}

} // namespace

struct HostCode::Implementation {
  llvm::LLVMContext context;
  llvm::Module module{"host", context};
  std::string cpu;
};

HostCode::HostCode(const std::string &cpu) : impl(std::make_unique<Implementation>()) { impl->cpu = cpu; }
HostCode::~HostCode() = default;

llvm::Error HostCode::addBlock(const std::string &name, llvm::ArrayRef<Operation *> operators,
                               llvm::ArrayRef<mlir::Value> values) {
  LoopWriter writer(impl->module, name);
  Arrays arrays;
  for (auto [index, value] : llvm::enumerate(values))
    arrays[value] = {writer.buffer(unsigned(index)), ir::elementTypeOf(value.getType()), Shape(shapeOf(value))};
  for (Operation *op : operators)
    if (!OperatorWriter(writer, op, arrays).write())
      return llvm::createStringError(op->getName().stripDialect() + " cannot run on the host: there is no code for it");
  writer.finish();
  return llvm::Error::success();
}

void HostCode::addPack(const std::string &name, const std::vector<int64_t> &shape, int64_t lanes, int8_t fill) {
  LoopWriter w(impl->module, name);
  Array from{w.buffer(0), ElementType::I8, Shape(shape.begin(), shape.end())},
      to{w.buffer(1), ElementType::I8, blocked(shape, lanes)};
  if (from.shape.empty())
    from.shape.push_back(1);
  w.nest(to.shape, [&](const Indices &i) { w.store(to, i, w.getInt8(uint8_t(fill))); });
  w.nest(from.shape, [&](const Indices &i) { w.store(to, i, w.load(from, i)); });
  w.finish();
}

void HostCode::addUnpack(const std::string &name, const std::vector<int64_t> &shape, int64_t lanes) {
  LoopWriter w(impl->module, name);
  Array from{w.buffer(0), ElementType::I8, blocked(shape, lanes)},
      to{w.buffer(1), ElementType::I8, Shape(shape.begin(), shape.end())};
  if (to.shape.empty())
    to.shape.push_back(1);
  w.nest(to.shape, [&](const Indices &i) { w.store(to, i, w.load(from, i)); });
  w.finish();
}

bool HostCode::isEmpty() const { return impl->module.empty(); }

llvm::Expected<std::vector<uint8_t>> HostCode::link() { return linkHostModule(impl->module, impl->cpu); }

std::string HostCode::text() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  impl->module.print(stream, nullptr);
  return text;
}

} // namespace tw::codegen
