// SPDX-License-Identifier: Apache-2.0
#include "Shadow.h"

#include <algorithm>

namespace tw::test {

void Shadow::addRegion(const void *begin, size_t bytes, std::string name, bool isShared) {
  regions.push_back({reinterpret_cast<uintptr_t>(begin), bytes, std::move(name), isShared, std::vector<Cell>(bytes)});
}

void Shadow::beginBlock() {
  ++interval;
  for (Region &region : regions)
    if (region.isShared)
      std::ranges::fill(region.cells, Cell());
}

// The same thread, or the same block with a barrier between; blocks are never ordered.
bool Shadow::isOrdered(Thread earlier, uint32_t when, Thread now) const {
  return when == 0 || earlier == now || (earlier.block == now.block && when != interval);
}

std::optional<std::string> Shadow::access(Thread thread, const void *address, size_t bytes, bool isWrite) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  auto region = std::ranges::find_if(
      regions, [&](const Region &its) { return at >= its.begin && at + bytes <= its.begin + its.bytes; });
  auto who = [](Thread its) {
    return "thread " + std::to_string(its.thread) + " of block " + std::to_string(its.block);
  };
  const char *does = isWrite ? " writes" : " reads";
  if (region == regions.end())
    return who(thread) + does + " " + std::to_string(bytes) + " bytes outside of its memory";
  for (size_t byte = at - region->begin; byte != at - region->begin + bytes; ++byte) {
    Cell &cell = region->cells[byte];
    auto race = [&](Thread other, const char *did) {
      return who(thread) + does + " byte " + std::to_string(byte) + " of " + region->name + ", which " + who(other) +
             did + " with no barrier between";
    };
    if (!isOrdered(cell.writer, cell.written, thread))
      return race(cell.writer, " has written");
    if (isWrite) {
      if (!isOrdered(cell.reader, cell.read, thread) || cell.otherBlock || (cell.otherThread && cell.read == interval))
        return race(cell.reader, " or another has read");
      cell.writer = thread;
      cell.written = interval;
      continue;
    }
    const bool isSameBlock = cell.read == 0 || cell.reader.block == thread.block;
    cell.otherBlock |= !isSameBlock;
    cell.otherThread = isSameBlock && cell.read == interval && (cell.otherThread || !(cell.reader == thread));
    cell.reader = thread;
    cell.read = interval;
  }
  return std::nullopt;
}

} // namespace tw::test
