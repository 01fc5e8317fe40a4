// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Allocate.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <numeric>

namespace tw::tensorize {
Allocation allocate(const std::vector<Lifetime> &buffers, int64_t capacity, int64_t alignment) {
  Allocation result;
  result.address.assign(buffers.size(), -1);
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](size_t a, size_t b) {
    return buffers[a].bytes != buffers[b].bytes ? buffers[a].bytes > buffers[b].bytes : a < b;
  });
  for (size_t i : order) {
    const Lifetime &buffer = buffers[i];
    int64_t live = 0;
    for (const Lifetime &other : buffers)
      if (other.first <= buffer.first && buffer.first <= other.last)
        live += int64_t(llvm::alignTo(other.bytes, alignment));
    result.bound = std::max(result.bound, live);
    // Gaps between the buffers that live at the same time, in order of address.
    std::vector<std::pair<int64_t, int64_t>> taken;
    for (size_t j = 0; j != buffers.size(); ++j)
      if (result.address[j] >= 0 && buffers[j].first <= buffer.last && buffer.first <= buffers[j].last)
        taken.push_back({result.address[j], result.address[j] + int64_t(llvm::alignTo(buffers[j].bytes, alignment))});
    std::ranges::sort(taken);
    auto firstFit = [&](int64_t from) {
      int64_t at = int64_t(llvm::alignTo(from, alignment));
      for (auto [begin, end] : taken)
        if (end > at) {
          if (begin >= at + buffer.bytes)
            break;
          at = end;
        }
      return at;
    };
    int64_t at = firstFit(buffer.prefer);
    if (at + buffer.bytes > capacity)
      at = firstFit(0);
    if (at + buffer.bytes > capacity) {
      result.failed = int(i);
      return result;
    }
    result.address[i] = at;
    result.peak = std::max(result.peak, at + buffer.bytes);
  }
  return result;
}

} // namespace tw::tensorize
