// SPDX-License-Identifier: Apache-2.0
#include "host/HostCode.h"

#include "host/Emit.h"
#include "host/HostLink.h"
#include "host/LowerToLlvm.h"
#include "host/Memory.h"
#include "host/Pack.h"
#include "tw/isa/host_failures.h"
#include "tw/isa/package_format.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <map>

namespace tw::codegen {

using namespace mlir;

namespace {

// Steps of the innermost loop that are worth a thread (some ten microseconds: waking one costs as much), and those that
// are worth a phase of their own.
constexpr int64_t kWorthThread = 1 << 20, kWorthPhase = 1 << 16;

// Functions that LLVM always optimises, most work first, and the work from which it does so with all: a network of
// thousands of trivial operators has little to gain and thousands of functions to wait for.
constexpr size_t kOptimised = 64;
constexpr int64_t kWorthOptimising = 1 << 14;

int64_t workOf(const HostNest &nest) {
  int64_t steps = 1;
  for (int64_t extent : nest.extents)
    steps *= extent;
  return steps;
}

struct Scheduled {
  HostNest nest;
  Tiling tiling;
};

// Nests that run one after the other in one phase; one alone may be cut.
using PhaseNests = std::vector<Scheduled>;

// A block that has been read and tiled.
struct Prepared {
  func::FuncOp block;                     // a copy, which the nests refer to until there is code of them
  std::unique_ptr<HostFunction> function; // owns the derived constants
  std::vector<PhaseNests> phases{};
  std::vector<int64_t> offsets{}; // of scratch arrays
  HostNeeds needs{};
  std::unique_ptr<HostStep> step{}; // when it has been added
};

} // namespace

struct HostCode::Implementation {
  MLIRContext *context;
  HostProcessor processor;
  OwningOpRef<ModuleOp> blocks, code; // blocks as they are read; nests as functions
  std::map<std::pair<void *, std::vector<bool>>, Prepared> known;
  std::map<std::string, func::FuncOp> conversions;
  std::vector<HostEntry> entries;
  size_t added = 0; // blocks of which there is code

  Implementation(MLIRContext *context, HostProcessor itsProcessor)
      : context(context), processor(std::move(itsProcessor)) {
    context->loadDialect<arith::ArithDialect, LLVM::LLVMDialect, linalg::LinalgDialect, memref::MemRefDialect,
                         scf::SCFDialect, tensor::TensorDialect, vector::VectorDialect>();
    blocks = ModuleOp::create(UnknownLoc::get(context));
    code = ModuleOp::create(UnknownLoc::get(context));
  }

  std::vector<Scheduled> schedule(HostFunction &function) {
    std::vector<Scheduled> list;
    for (HostNest &nest : function.nests) {
      if (nest.call) {
        list.push_back({std::move(nest), Tiling()});
        continue;
      }
      Tiling tiling = chooseTiling(function, nest, processor);
      for (HostNest &before : packOperands(function, nest, tiling)) {
        Tiling its = chooseTiling(function, before, processor);
        list.push_back({std::move(before), std::move(its)});
      }
      list.push_back({std::move(nest), std::move(tiling)});
    }
    return list;
  }

  static std::vector<PhaseNests> phasesOf(std::vector<Scheduled> list) {
    std::vector<PhaseNests> phases;
    bool lastIsSmall = false;
    for (Scheduled &scheduled : list) {
      const bool isSmall = !scheduled.nest.call && workOf(scheduled.nest) < kWorthPhase;
      if (!isSmall || !lastIsSmall)
        phases.emplace_back();
      phases.back().push_back(std::move(scheduled));
      lastIsSmall = isSmall;
    }
    return phases;
  }

  static HostEntry::Memory memoryOf(const HostFunction &function, unsigned a, HostStep &step,
                                    const std::vector<int64_t> &offsets) {
    const HostArray &array = function.arrays[a];
    if (array.kind == HostArray::Scratch)
      return {true, uint64_t(offsets[a])};
    return {false, uint64_t(bufferOf(step.buffers, array))};
  }

  void emitCallPhase(const HostFunction &function, const HostNest &nest, const std::string &symbol, HostStep &step,
                     const std::vector<int64_t> &offsets) {
    HostEntry entry;
    entry.function = symbol;
    entry.call = nest.call->what;
    for (const HostAccess &operand : nest.call->operands)
      entry.memory.push_back(memoryOf(function, operand.array, step, offsets));
    entry.memory.push_back(memoryOf(function, nest.output.array, step, offsets));
    if (nest.call->scratch)
      entry.memory.push_back(memoryOf(function, nest.call->scratch->array, step, offsets));
    step.phases.push_back({symbol});
    step.privateBytes = TW_HOST_FAILURE_BYTES;
    entries.push_back(std::move(entry));
  }

  void emitPhase(const HostFunction &function, PhaseNests &phase, const std::string &symbol, HostStep &step,
                 const std::vector<int64_t> &offsets) {
    HostEntry entry;
    entry.function = symbol;
    entry.body = symbol + "_body";
    OpBuilder builder(context);
    builder.setInsertionPointToEnd(code->getBody());
    Location at = UnknownLoc::get(context);
    SmallVector<Type> types;
    std::vector<int> argumentOf(function.arrays.size(), -1);
    for (unsigned a = 0; a != function.arrays.size(); ++a) {
      if (std::ranges::none_of(phase, [&](Scheduled &scheduled) { return uses(function, scheduled.nest, a); }))
        continue;
      const HostArray &array = function.arrays[a];
      argumentOf[a] = int(types.size());
      types.push_back(MemRefType::get({std::max<int64_t>(array.count, 1)}, memoryType(array.element)));
      entry.memory.push_back(memoryOf(function, a, step, offsets));
    }
    types.append({builder.getIndexType(), builder.getIndexType()});
    auto made = builder.create<func::FuncOp>(at, entry.body, builder.getFunctionType(types, {}));
    builder.setInsertionPointToStart(made.addEntryBlock());
    SmallVector<Value> memory(function.arrays.size());
    for (unsigned a = 0; a != memory.size(); ++a)
      if (argumentOf[a] >= 0)
        memory[a] = made.getArgument(unsigned(argumentOf[a]));
    for (unsigned i = 0; i + 2 < types.size(); ++i)
      made.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    Value lo = made.getArgument(unsigned(types.size()) - 2), hi = made.getArgument(unsigned(types.size()) - 1);
    for (const Scheduled &scheduled : phase)
      entry.work += workOf(scheduled.nest);
    isa::PackagePhase packaged{symbol};
    if (phase.size() == 1) {
      const Scheduled &only = phase.front();
      emitNest(builder, at, function, only.nest, only.tiling, processor, memory, lo, hi);
      packaged.extent = uint64_t(std::max<int64_t>(only.tiling.extent, 1));
      const uint64_t each = std::max<uint64_t>(uint64_t(workOf(only.nest)) / packaged.extent, 1);
      packaged.grain = std::min<uint64_t>(packaged.extent, llvm::divideCeil(uint64_t(kWorthThread), each));
    } else {
      for (const Scheduled &scheduled : phase) {
        Value from = builder.create<arith::ConstantIndexOp>(at, 0),
              to = builder.create<arith::ConstantIndexOp>(at, scheduled.tiling.extent);
        emitNest(builder, at, function, scheduled.nest, scheduled.tiling, processor, memory, from, to);
      }
    }
    builder.create<func::ReturnOp>(at);
    step.phases.push_back(std::move(packaged));
    entries.push_back(std::move(entry));
  }

  // Bytes of the buffers that nests use, each once.
  static int64_t bufferBytes(const HostFunction &function, std::vector<PhaseNests> &phases) {
    llvm::BitVector used(unsigned(function.arrays.size()));
    for (const auto &[value, array] : function.captured)
      used.set(array);
    for (PhaseNests &phase : phases)
      for (Scheduled &scheduled : phase)
        for (HostAccess *access : scheduled.nest.accesses())
          used.set(access->array);
    int64_t bytes = 0;
    for (unsigned a : used.set_bits())
      if (const HostArray &array = function.arrays[a]; array.kind != HostArray::Scratch)
        bytes += bytesOf(array);
    return bytes;
  }

  // Equal questions have one answer.
  llvm::Expected<Prepared *> read(func::FuncOp block, const std::vector<bool> &isConstant) {
    const std::pair key(static_cast<void *>(block.getOperation()), isConstant);
    if (auto found = known.find(key); found != known.end())
      return &found->second;
    auto own = cast<func::FuncOp>(block->clone());
    blocks->push_back(own);
    expandScalars(own, processor);
    SmallVector<bool> mask(isConstant.begin(), isConstant.end());
    auto function = nestsOf(own, mask, processor.dot);
    if (!function)
      return function.takeError();
    Prepared made{own, std::make_unique<HostFunction>(std::move(*function))};
    made.phases = phasesOf(schedule(*made.function)); // no array is added after this: pointers to them stay
    made.offsets.assign(made.function->arrays.size(), 0);
    std::vector<SmallVector<HostNest *>> nests;
    for (PhaseNests &phase : made.phases) {
      nests.emplace_back();
      for (Scheduled &scheduled : phase)
        nests.back().push_back(&scheduled.nest);
    }
    made.needs.scratchBytes = placeScratch(*made.function, nests, made.offsets);
    made.needs.bufferBytes = bufferBytes(*made.function, made.phases);
    return &(known[key] = std::move(made));
  }

  const HostStep *emit(Prepared &prepared, StringRef name) {
    if (prepared.step)
      return prepared.step.get();
    const std::string symbol = "tw_" + name.str() + "_" + std::to_string(added++);
    HostFunction &function = *prepared.function;
    HostStep &step = *(prepared.step = std::make_unique<HostStep>());
    step.sharedBytes = prepared.needs.scratchBytes;
    const size_t first = entries.size();
    for (auto [p, phase] : llvm::enumerate(prepared.phases))
      if (phase.front().nest.call)
        emitCallPhase(function, phase.front().nest, symbol + "_" + std::to_string(p), step, prepared.offsets);
      else
        emitPhase(function, phase, symbol + "_" + std::to_string(p), step, prepared.offsets);
    for (size_t e = first; e != entries.size(); ++e)
      entries[e].bufferCount = step.buffers.size();
    prepared.phases.clear();
    function.nests.clear();
    function.captured.clear();
    function.bodies.clear();
    prepared.block.erase();
    return &step;
  }
};

HostCode::HostCode(MLIRContext *context, HostProcessor processor)
    : impl(std::make_unique<Implementation>(context, std::move(processor))) {}
HostCode::~HostCode() = default;

llvm::Expected<HostNeeds> HostCode::needsOf(func::FuncOp block, const std::vector<bool> &isConstant) {
  auto prepared = impl->read(block, isConstant);
  if (!prepared)
    return prepared.takeError();
  return (*prepared)->needs;
}

llvm::Expected<const HostStep *> HostCode::add(func::FuncOp block, const std::vector<bool> &isConstant) {
  auto prepared = impl->read(block, isConstant);
  if (!prepared)
    return prepared.takeError();
  return impl->emit(**prepared, block.getName());
}

llvm::Expected<const HostStep *> HostCode::pack(ArrayRef<int64_t> shape, int64_t lanes, int8_t fill) {
  SmallVector<int64_t> from(shape.begin(), shape.end());
  if (from.empty())
    from.push_back(1);
  SmallVector<int64_t> to(from);
  to.back() = int64_t(llvm::alignTo(uint64_t(to.back()), uint64_t(lanes)));
  std::string key = "pack";
  for (int64_t extent : from)
    key += "_" + std::to_string(extent);
  func::FuncOp &block = impl->conversions[key + "_" + std::to_string(lanes) + "_" + std::to_string(fill)];
  if (!block) {
    OpBuilder b(impl->context);
    Location at = UnknownLoc::get(impl->context);
    auto type = RankedTensorType::get(from, b.getI8Type()), wide = RankedTensorType::get(to, b.getI8Type());
    b.setInsertionPointToEnd(impl->blocks->getBody());
    block =
        b.create<func::FuncOp>(at, "pack" + std::to_string(impl->conversions.size()), b.getFunctionType(type, wide));
    b.setInsertionPointToStart(block.addEntryBlock());
    Value result = block.getArgument(0);
    if (type != wide) {
      SmallVector<OpFoldResult> low(from.size(), b.getIndexAttr(0)), high(low);
      high.back() = b.getIndexAttr(to.back() - from.back());
      Value value = b.create<arith::ConstantOp>(at, b.getI8IntegerAttr(fill));
      result = b.create<tensor::PadOp>(at, wide, result, low, high, value);
    }
    b.create<func::ReturnOp>(at, result);
  }
  return add(block, {false});
}

llvm::Expected<const HostStep *> HostCode::unpack(Type element, ArrayRef<int64_t> shape, int64_t lanes) {
  SmallVector<int64_t> to(shape.begin(), shape.end());
  if (to.empty())
    to.push_back(1);
  SmallVector<int64_t> from(to);
  from.back() = int64_t(llvm::alignTo(uint64_t(from.back()), uint64_t(lanes)));
  std::string key = "unpack" + std::to_string(element.getIntOrFloatBitWidth());
  for (int64_t extent : to)
    key += "_" + std::to_string(extent);
  func::FuncOp &block = impl->conversions[key + "_" + std::to_string(lanes)];
  if (!block) {
    OpBuilder b(impl->context);
    Location at = UnknownLoc::get(impl->context);
    auto type = RankedTensorType::get(from, element), narrow = RankedTensorType::get(to, element);
    b.setInsertionPointToEnd(impl->blocks->getBody());
    block = b.create<func::FuncOp>(at, "unpack" + std::to_string(impl->conversions.size()),
                                   b.getFunctionType(type, narrow));
    b.setInsertionPointToStart(block.addEntryBlock());
    SmallVector<OpFoldResult> offsets(to.size(), b.getIndexAttr(0)), strides(to.size(), b.getIndexAttr(1)), sizes;
    for (int64_t extent : to)
      sizes.push_back(b.getIndexAttr(extent));
    Value result = b.create<tensor::ExtractSliceOp>(at, narrow, block.getArgument(0), offsets, sizes, strides);
    b.create<func::ReturnOp>(at, result);
  }
  return add(block, {false});
}

bool HostCode::isEmpty() const { return impl->entries.empty(); }

llvm::Expected<std::vector<uint8_t>> HostCode::link() {
  std::vector<HostEntry *> byWork;
  for (HostEntry &entry : impl->entries)
    byWork.push_back(&entry);
  // Entries lie in one vector: equal ones stay in its order.
  llvm::sort(byWork,
             [](const HostEntry *a, const HostEntry *b) { return std::pair(b->work, a) < std::pair(a->work, b); });
  for (HostEntry *entry : llvm::ArrayRef(byWork).drop_front(std::min(byWork.size(), kOptimised)))
    entry->isOptimised = entry->work >= kWorthOptimising;
  llvm::LLVMContext context;
  auto module = lowerToLlvm(*impl->code, context, impl->processor, impl->entries);
  if (!module)
    return module.takeError();
  return linkHostModule(**module, impl->processor);
}

std::string HostCode::text() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  impl->code->print(stream);
  return text;
}

} // namespace tw::codegen
