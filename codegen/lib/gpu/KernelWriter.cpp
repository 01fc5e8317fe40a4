// SPDX-License-Identifier: Apache-2.0
#include "gpu/KernelWriter.h"

#include "host/Bodies.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace tw::codegen {

using namespace mlir;

Value KernelWriter::thread() { return create<gpu::ThreadIdOp>(gpu::Dimension::x); }
Value KernelWriter::block() { return create<gpu::BlockIdOp>(gpu::Dimension::x); }

std::pair<Value, Value> KernelWriter::divided(Value value, int64_t divisor) {
  if (divisor == 1)
    return {value, index(0)};
  return {create<arith::DivUIOp>(value, index(divisor)), create<arith::RemUIOp>(value, index(divisor))};
}

Value KernelWriter::least(Value value, int64_t most) { return create<arith::MinUIOp>(value, index(most)); }

Value KernelWriter::isBelow(Value value, int64_t bound) {
  return create<arith::CmpIOp>(arith::CmpIPredicate::ult, value, index(bound));
}

void KernelWriter::split(Value flat, ArrayRef<unsigned> loops, Places &places) {
  for (size_t i = loops.size(); i-- > 0;) {
    if (i == 0) {
      places[loops[i]] = flat;
      return;
    }
    std::tie(flat, places[loops[i]]) = divided(flat, nest.extents[loops[i]]);
  }
}

Value KernelWriter::partOf(const HostAccess &access, ArrayRef<unsigned> loops, const Places &places) {
  Value sum;
  for (unsigned loop : loops)
    sum = plus(sum, times(places[loop], access.steps[loop]));
  return sum;
}

Value KernelWriter::read(const HostAccess &access, const Places &places) {
  SmallVector<unsigned> loops;
  for (unsigned loop = 0; loop != nest.loops(); ++loop)
    loops.push_back(loop);
  return load(access.array, addressOf(partOf(access, loops, places), access.offset));
}

Value KernelWriter::evaluate(const Stage &stage, ArrayRef<Value> arguments, const Places &places) {
  return evaluateBody(*this, stage, arguments, 1, [&](const Stage::Parts &loops) {
    Value sum;
    for (auto [loop, factor] : loops)
      sum = plus(sum, times(places[loop], factor));
    return IndexValue{addressOf(sum, 0), 0};
  });
}

Value KernelWriter::initial(const Places &places) {
  if (auto *attribute = std::get_if<TypedAttr>(&nest.initial))
    return number(*attribute);
  return read(std::get<HostAccess>(nest.initial), places);
}

void KernelWriter::finish(Value sum, const Places &places) {
  SmallVector<Value> values;
  if (nest.isReduced)
    values.push_back(sum);
  for (size_t s = values.size(); s < nest.stages.size(); ++s) {
    SmallVector<Value> arguments;
    for (const StageInput &input : nest.stages[s].inputs)
      if (auto *access = std::get_if<HostAccess>(&input))
        arguments.push_back(read(*access, places));
      else if (auto *earlier = std::get_if<unsigned>(&input))
        arguments.push_back(values[*earlier]);
      else
        arguments.push_back(nullptr);
    arguments.push_back(nullptr); // what lay there before
    values.push_back(evaluate(nest.stages[s], arguments, places));
  }
  Value value = values.empty() ? number(std::get<TypedAttr>(nest.initial)) : values.back();
  SmallVector<unsigned> loops;
  for (unsigned loop = 0; loop != nest.loops(); ++loop)
    if (!nest.isReduction[loop])
      loops.push_back(loop);
  create<memref::StoreOp>(toMemory(nest.output.array, value), memory[nest.output.array],
                          addressOf(partOf(nest.output, loops, places), nest.output.offset));
}

void KernelWriter::when(Value condition, llvm::function_ref<void()> body) {
  auto guard = create<scf::IfOp>(condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard restore(b);
  b.setInsertionPoint(guard.thenBlock()->getTerminator());
  body();
}

SmallVector<Value> KernelWriter::repeat(int64_t count, ValueRange carried, Body body) {
  auto loop = create<scf::ForOp>(index(0), index(count), index(1), carried);
  OpBuilder::InsertionGuard restore(b);
  if (carried.empty())
    b.setInsertionPoint(loop.getBody()->getTerminator());
  else
    b.setInsertionPointToEnd(loop.getBody());
  SmallVector<Value> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!carried.empty())
    create<scf::YieldOp>(next);
  return SmallVector<Value>(loop.getResults());
}

} // namespace tw::codegen
