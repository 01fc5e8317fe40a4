// SPDX-License-Identifier: Apache-2.0
#include "host/Nest.h"

#include <algorithm>

namespace tw::codegen {

mlir::Type memoryType(mlir::Type element) {
  return element.isInteger(1) ? mlir::IntegerType::get(element.getContext(), 8) : element;
}

llvm::SmallVector<HostAccess *> HostNest::accesses() {
  llvm::SmallVector<HostAccess *> result;
  for (Stage &stage : stages)
    for (StageInput &input : stage.inputs)
      if (auto *access = std::get_if<HostAccess>(&input))
        result.push_back(access);
  if (auto *access = std::get_if<HostAccess>(&initial))
    result.push_back(access);
  if (call) {
    for (HostAccess &operand : call->operands)
      result.push_back(&operand);
    if (call->scratch)
      result.push_back(&*call->scratch);
  }
  result.push_back(&output);
  return result;
}

namespace {

// Removes a loop; `into`: the loop whose steps stand for it as well, of so many steps.
void removeLoop(HostNest &nest, unsigned loop, std::optional<unsigned> into) {
  for (Stage &stage : nest.stages)
    for (auto &index : stage.indexOf)
      for (size_t i = index.size(); i-- > 0;)
        if (index[i].first == loop)
          index.erase(index.begin() + i);
        else if (index[i].first > loop)
          --index[i].first;
  if (into)
    nest.extents[*into] *= nest.extents[loop];
  nest.extents.erase(nest.extents.begin() + loop);
  nest.isReduction.erase(nest.isReduction.begin() + loop);
  for (HostAccess *access : nest.accesses())
    access->steps.erase(access->steps.begin() + loop);
}

bool isIndexed(const HostNest &nest, unsigned loop) {
  return std::ranges::any_of(nest.stages, [&](const Stage &stage) {
    return std::ranges::any_of(stage.indexOf, [&](const auto &index) {
      return std::ranges::any_of(index, [&](const auto &part) { return part.first == loop; });
    });
  });
}

} // namespace

void simplify(HostNest &nest) {
  for (unsigned loop = nest.loops(); loop-- > 0;)
    if (nest.extents[loop] == 1)
      removeLoop(nest, loop, std::nullopt);
  for (unsigned outer = nest.loops(); outer-- > 0;)
    for (unsigned inner = outer + 1; inner < nest.loops();) {
      const bool joins = nest.isReduction[outer] == nest.isReduction[inner] && !isIndexed(nest, outer) &&
                         !isIndexed(nest, inner) &&
                         // Reductions keep their order: only neighbours join.
                         (!nest.isReduction[outer] || inner == outer + 1) &&
                         llvm::all_of(nest.accesses(), [&](const HostAccess *access) {
                           return access->steps[outer] == access->steps[inner] * nest.extents[inner];
                         });
      if (!joins) {
        ++inner;
        continue;
      }
      for (HostAccess *access : nest.accesses())
        access->steps[outer] = access->steps[inner];
      removeLoop(nest, inner, outer);
    }
}

} // namespace tw::codegen
