// SPDX-License-Identifier: Apache-2.0
#include "gpu/GpuCode.h"

#include "gpu/Kernels.h"
#include "gpu/Nvvm.h"
#include "host/Emit.h"
#include "host/Memory.h"
#include "tw/isa/DiagError.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <limits>
#include <map>

namespace tw::codegen {

using namespace mlir;

struct GpuCode::Implementation {
  struct Prepared {
    func::FuncOp block;                     // own; gone when it has been added
    std::unique_ptr<HostFunction> function; // owns the derived constants
    std::vector<GpuMapping> mappings;       // by nest
    std::vector<int64_t> offsets;           // of scratch arrays
    GpuNeeds needs;
    std::unique_ptr<GpuStep> step{}; // when it has been added
  };

  MLIRContext *context;
  GpuProcessor processor;
  OwningOpRef<ModuleOp> blocks, code; // blocks as they are read; around the kernels
  gpu::GPUModuleOp kernels;
  std::map<std::pair<void *, std::vector<bool>>, Prepared> known;
  size_t added = 0; // blocks of which there are kernels

  Implementation(MLIRContext *context, GpuProcessor itsProcessor)
      : context(context), processor(std::move(itsProcessor)) {
    context->loadDialect<arith::ArithDialect, gpu::GPUDialect, LLVM::LLVMDialect, linalg::LinalgDialect,
                         memref::MemRefDialect, scf::SCFDialect, tensor::TensorDialect, vector::VectorDialect>();
    const Location at = UnknownLoc::get(context);
    blocks = ModuleOp::create(at);
    code = ModuleOp::create(at);
    OpBuilder builder(context);
    builder.setInsertionPointToEnd(code->getBody());
    kernels = builder.create<gpu::GPUModuleOp>(at, "kernels");
  }

  // Equal questions have one answer.
  llvm::Expected<Prepared *> read(func::FuncOp block, const std::vector<bool> &isConstant) {
    const std::pair key(static_cast<void *>(block.getOperation()), isConstant);
    if (auto found = known.find(key); found != known.end())
      return &found->second;
    auto own = cast<func::FuncOp>(block->clone());
    blocks->push_back(own);
    auto made = prepare(own, isConstant);
    if (!made) {
      own.erase();
      return made.takeError();
    }
    return &(known[key] = std::move(*made));
  }

  const GpuStep *emit(Prepared &prepared, StringRef name) {
    if (prepared.step)
      return prepared.step.get();
    HostFunction &function = *prepared.function;
    GpuStep &step = *(prepared.step = std::make_unique<GpuStep>());
    step.scratchBytes = prepared.needs.scratchBytes;
    const std::string symbol = "tw_" + name.str() + "_" + std::to_string(added++) + "_";
    for (auto [n, nest] : llvm::enumerate(function.nests))
      step.launches.push_back(
          launch(function, nest, prepared.mappings[n], symbol + std::to_string(n), step, prepared.offsets));
    function.nests.clear();
    function.captured.clear();
    function.bodies.clear();
    prepared.block.erase();
    return &step;
  }

private:
  static llvm::Error check(HostFunction &function) {
    for (const HostNest &nest : function.nests)
      if (nest.call)
        return errorAt("GPU code", "library function '" + nest.call->what.function + "' has none; the host runs it");
    for (unsigned a = 0; a != function.arrays.size(); ++a)
      if (function.arrays[a].count == 0 &&
          llvm::any_of(function.nests, [&](HostNest &nest) { return uses(function, nest, a); }))
        return errorAt("GPU code", "a tensor has no elements, and there is nothing to launch; the host runs it");
    for (const HostArray &array : function.arrays)
      if (bytesOf(array) > std::numeric_limits<int32_t>::max())
        return errorAt("GPU code", "a tensor of " + std::to_string(bytesOf(array)) +
                                       " bytes, addresses have 31 bits; the host runs it");
    return llvm::Error::success();
  }

  llvm::Expected<Prepared> prepare(func::FuncOp block, const std::vector<bool> &isConstant) {
    expandScalars(block, HostProcessor()); // one that has no conversions of float16
    SmallVector<bool> mask(isConstant.begin(), isConstant.end());
    auto function = nestsOf(block, mask, Dot::None);
    if (!function)
      return function.takeError();
    if (auto error = check(*function))
      return std::move(error);
    Prepared made{block, std::make_unique<HostFunction>(std::move(*function)), {}, {}, {}};
    HostFunction &its = *made.function;
    std::vector<SmallVector<HostNest *>> phases;
    for (HostNest &nest : its.nests) {
      phases.push_back({&nest});
      made.mappings.push_back(chooseMapping(its, nest, processor));
      if (made.mappings.back().blocks > TW_PKG_MAX_BLOCKS)
        return errorAt("GPU code", std::to_string(made.mappings.back().blocks) + " blocks of threads, a launch has " +
                                       std::to_string(TW_PKG_MAX_BLOCKS) + " at most; the host runs it");
      made.needs.how += (made.needs.how.empty() ? "" : "; ") + made.mappings.back().text();
    }
    made.offsets.assign(its.arrays.size(), 0);
    made.needs.scratchBytes = placeScratch(its, phases, made.offsets);
    made.needs.launches = int64_t(its.nests.size());
    for (unsigned a = 0; a != its.arrays.size(); ++a)
      if (its.arrays[a].kind != HostArray::Scratch &&
          llvm::any_of(its.nests, [&](HostNest &nest) { return uses(its, nest, a); }))
        made.needs.bufferBytes += bytesOf(its.arrays[a]);
    return std::move(made);
  }

  GpuLaunch launch(const HostFunction &function, HostNest &nest, const GpuMapping &mapping, const std::string &symbol,
                   GpuStep &step, const std::vector<int64_t> &offsets) {
    GpuLaunch launch{symbol, {}, mapping.blocks, mapping.threads, 0, mapping.text()};
    OpBuilder builder(context);
    builder.setInsertionPointToEnd(kernels.getBody());
    const Location at = UnknownLoc::get(context);
    SmallVector<Type> types;
    SmallVector<unsigned> arrays;
    for (unsigned a = 0; a != function.arrays.size(); ++a) {
      if (!uses(function, nest, a))
        continue;
      const HostArray &array = function.arrays[a];
      arrays.push_back(a);
      types.push_back(MemRefType::get({std::max<int64_t>(array.count, 1)}, memoryType(array.element)));
      const bool isScratch = array.kind == HostArray::Scratch;
      launch.arguments.push_back({isScratch, isScratch ? uint64_t(offsets[a]) : uint64_t(bufferOf(step.buffers, array)),
                                  uint64_t(bytesOf(array))});
    }
    auto kernel = builder.create<gpu::GPUFuncOp>(at, symbol, builder.getFunctionType(types, {}));
    kernel->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), builder.getUnitAttr());
    kernel.setKnownBlockSizeAttr(builder.getDenseI32ArrayAttr({int32_t(mapping.threads), 1, 1}));
    builder.setInsertionPointToStart(&kernel.getBody().front());
    SmallVector<Value> memory(function.arrays.size());
    for (auto [i, a] : llvm::enumerate(arrays)) {
      memory[a] = kernel.getArgument(unsigned(i));
      kernel.setArgAttr(unsigned(i), LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    }
    KernelWriter writer(builder, at, function, nest, memory);
    switch (mapping.kind) {
    case GpuMapping::Points:
      writePoints(writer, mapping);
      break;
    case GpuMapping::Lanes:
      writeLanes(writer, mapping);
      break;
    case GpuMapping::Tiles:
      writeTiles(writer, mapping, [&](Type element, int64_t count) -> Value {
        launch.sharedBytes += count * element.getIntOrFloatBitWidth() / 8;
        auto space = gpu::AddressSpaceAttr::get(context, gpu::AddressSpace::Workgroup);
        return kernel.addWorkgroupAttribution(MemRefType::get({count}, element, AffineMap(), space), at);
      });
      break;
    }
    builder.create<gpu::ReturnOp>(at);
    return launch;
  }
};

GpuCode::GpuCode(MLIRContext *context, GpuProcessor processor)
    : impl(std::make_unique<Implementation>(context, std::move(processor))) {}
GpuCode::~GpuCode() = default;

llvm::Expected<const GpuStep *> GpuCode::add(func::FuncOp block, const std::vector<bool> &isConstant) {
  auto prepared = impl->read(block, isConstant);
  if (!prepared)
    return prepared.takeError();
  return impl->emit(**prepared, block.getName());
}

llvm::Expected<GpuNeeds> GpuCode::needsOf(func::FuncOp block, const std::vector<bool> &isConstant) {
  auto prepared = impl->read(block, isConstant);
  if (!prepared)
    return prepared.takeError();
  return (*prepared)->needs;
}

bool GpuCode::isEmpty() const { return impl->kernels.getBody()->empty(); }

llvm::Expected<std::unique_ptr<llvm::Module>> GpuCode::link(llvm::LLVMContext &context) {
  return lowerToNvvm(impl->kernels, context, impl->processor);
}

std::string GpuCode::text() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  impl->code->print(stream);
  return text;
}

} // namespace tw::codegen
