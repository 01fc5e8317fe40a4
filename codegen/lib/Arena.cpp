// SPDX-License-Identifier: Apache-2.0
#include "Arena.h"

#include "tw/tensorize/Allocate.h"

namespace tw::codegen {

namespace {

constexpr int64_t kMostBytes = int64_t(1) << 39;

void touch(Buffer &buffer, int step) {
  if (buffer.firstStep < 0)
    buffer.firstStep = step;
  buffer.lastStep = step;
}

// Offsets of the buffers of a kind, in a memory of their own.
tensorize::Allocation place(Plan &plan, tw_pkg_buffer_kind kind, int64_t align) {
  std::vector<tensorize::Lifetime> lives;
  std::vector<Buffer *> which;
  for (Buffer &buffer : plan.buffers)
    if (buffer.package.kind == kind && buffer.firstStep >= 0) {
      lives.push_back({int64_t(buffer.package.size), buffer.firstStep, buffer.lastStep, 0});
      which.push_back(&buffer);
    }
  tensorize::Allocation allocation = tensorize::allocate(lives, kMostBytes, align);
  for (size_t i = 0; i != which.size(); ++i)
    which[i]->package.offset = uint64_t(allocation.address[i]);
  return allocation;
}

} // namespace

void layOutArena(Plan &plan) {
  for (size_t s = 0; s != plan.steps.size(); ++s) {
    for (uint32_t buffer : plan.steps[s].package.arguments)
      touch(plan.buffers[buffer], int(s));
    if (plan.steps[s].segment >= 0)
      for (TensorId id : plan.segments[size_t(plan.steps[s].segment)].tensors)
        if (const int buffer = plan.table[id].chip->buffer; buffer >= 0)
          touch(plan.buffers[size_t(buffer)], int(s));
  }
  const tensorize::Allocation arena = place(plan, TW_PKG_TEMP, kAlign);
  plan.report.arenaBytes = uint64_t(roundUp(arena.peak, kAlign));
  plan.report.arenaBound = uint64_t(arena.bound);
  plan.report.gpuBytes = uint64_t(roundUp(place(plan, TW_PKG_DEVICE, TW_PKG_GPU_ALIGN).peak, TW_PKG_GPU_ALIGN));
}

} // namespace tw::codegen
