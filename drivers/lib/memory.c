/* SPDX-License-Identifier: Apache-2.0 */
/* First fit over a list of blocks: a device holds a few dozen allocations at most. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum tw_status tw_memory_allocate(struct tw_device *device, uint64_t bytes, struct tw_memory *memory,
                                  struct tw_error *error) {
  struct tw_block **place = &device->blocks, *block;
  uint64_t address = 0, size;
  memset(memory, 0, sizeof *memory);
  if (bytes > device->memory_bytes)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "%llu bytes wanted, the device has %llu: open it with more memory",
                   (unsigned long long)bytes, (unsigned long long)device->memory_bytes);
  size = (bytes + TW_PAGE - 1) / TW_PAGE * TW_PAGE;
  if (size == 0)
    size = TW_PAGE;
  while (*place && (*place)->address - address < size) {
    address = (*place)->address + (*place)->bytes;
    place = &(*place)->next;
  }
  if (!*place && (address > device->memory_bytes || device->memory_bytes - address < size))
    return tw_fail(error, TW_ERROR_NO_MEMORY,
                   "%llu bytes wanted, the device's %llu bytes have no hole of that size: open it with more memory",
                   (unsigned long long)bytes, (unsigned long long)device->memory_bytes);
  block = malloc(sizeof *block);
  if (!block)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for a block of the device");
  block->address = address;
  block->bytes = size;
  block->next = *place;
  *place = block;
  memory->address = address;
  memory->bytes = bytes;
  memory->host = device->memory + address;
  memset(memory->host, 0, size);
  return TW_OK;
}

void tw_memory_free(struct tw_device *device, struct tw_memory *memory) {
  struct tw_block **place = &device->blocks;
  if (!memory->host)
    return;
  while (*place && (*place)->address != memory->address)
    place = &(*place)->next;
  if (*place) {
    struct tw_block *block = *place;
    *place = block->next;
    free(block);
  }
  memset(memory, 0, sizeof *memory);
}
