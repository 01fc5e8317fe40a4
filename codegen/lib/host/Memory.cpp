// SPDX-License-Identifier: Apache-2.0
#include "host/Memory.h"

#include "tw/isa/package_format.h"
#include "tw/tensorize/Allocate.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <limits>

namespace tw::codegen {

int64_t bytesOf(const HostArray &array) {
  return array.count * std::max<int64_t>(array.element.getIntOrFloatBitWidth() / 8, 1);
}

bool uses(const HostFunction &function, HostNest &nest, unsigned array) {
  const bool isAccessed = llvm::any_of(nest.accesses(), [&](HostAccess *access) { return access->array == array; });
  return isAccessed || std::ranges::any_of(nest.stages, [&](const Stage &stage) {
           return std::ranges::any_of(*stage.body, [&](mlir::Operation &op) {
             return llvm::any_of(op.getOperands(), [&](mlir::Value operand) {
               auto found = function.captured.find(operand);
               return found != function.captured.end() && found->second == array;
             });
           });
         });
}

size_t bufferOf(std::vector<HostStep::Buffer> &buffers, const HostArray &array) {
  HostStep::Buffer buffer{array.kind, array.argument, array.kind == HostArray::Derived ? &array.constant : nullptr};
  auto found = std::ranges::find_if(buffers, [&](const HostStep::Buffer &other) {
    return other.kind == buffer.kind && other.argument == buffer.argument && other.constant == buffer.constant;
  });
  if (found != buffers.end())
    return size_t(found - buffers.begin());
  buffers.push_back(buffer);
  return buffers.size() - 1;
}

uint64_t placeScratch(const HostFunction &function, llvm::ArrayRef<llvm::SmallVector<HostNest *>> phases,
                      std::vector<int64_t> &offsets) {
  std::vector<tensorize::Lifetime> lives;
  std::vector<unsigned> arrays;
  for (unsigned a = 0; a != function.arrays.size(); ++a) {
    if (function.arrays[a].kind != HostArray::Scratch)
      continue;
    tensorize::Lifetime life;
    life.bytes = int64_t(llvm::alignTo(uint64_t(bytesOf(function.arrays[a])), TW_PKG_SCRATCH_ALIGN));
    life.first = std::numeric_limits<int>::max();
    life.last = -1;
    for (auto [p, phase] : llvm::enumerate(phases))
      if (llvm::any_of(phase, [&](HostNest *nest) { return uses(function, *nest, a); })) {
        life.first = std::min(life.first, int(p));
        life.last = std::max(life.last, int(p));
      }
    if (life.last < 0)
      continue;
    arrays.push_back(a);
    lives.push_back(life);
  }
  auto placed = tensorize::allocate(lives, std::numeric_limits<int64_t>::max() / 2, TW_PKG_SCRATCH_ALIGN);
  for (auto [a, address] : llvm::zip(arrays, placed.address))
    offsets[a] = address;
  return uint64_t(placed.peak);
}

} // namespace tw::codegen
