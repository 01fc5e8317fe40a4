/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdlib.h>

#define TW_IDENTITY 0x314E5754u /* the bytes TWN1 */
#define TW_MAP_MAJOR 1u

uint32_t tw_device_read32(struct tw_device *device, uint32_t offset) {
  return device->transport.ops->read32(device->transport.context, offset);
}

void tw_device_write32(struct tw_device *device, uint32_t offset, uint32_t value) {
  device->transport.ops->write32(device->transport.context, offset, value);
}

static uint64_t read64(struct tw_device *device, uint32_t offset) {
  const uint64_t low = tw_device_read32(device, offset);
  return low | (uint64_t)tw_device_read32(device, offset + 4) << 32;
}

enum tw_status tw_check_identity(struct tw_device *device, struct tw_error *error) {
  const uint32_t identity = tw_device_read32(device, TW_REG_ID);
  const uint32_t version = tw_device_read32(device, TW_REG_VERSION);
  uint64_t hash;
  if (identity != TW_IDENTITY)
    return tw_fail(error, TW_ERROR_IDENTITY, "%s: ID register reads 0x%08x, expected 0x%08x: no such device here",
                   tw_device_transport_name(device), identity, TW_IDENTITY);
  if (version >> TW_REG_VERSION_MAJOR_SHIFT != TW_MAP_MAJOR)
    return tw_fail(error, TW_ERROR_IDENTITY, "%s: register map %u, this driver knows %u: use the driver of the device",
                   tw_device_transport_name(device), version >> TW_REG_VERSION_MAJOR_SHIFT, TW_MAP_MAJOR);
  hash = read64(device, TW_REG_ISA_HASH_LO);
  if (hash != TW_ISA_HASH)
    return tw_fail(error, TW_ERROR_IDENTITY,
                   "%s: ISA hash 0x%016llx, this driver was built for 0x%016llx: build both from the same tables",
                   tw_device_transport_name(device), (unsigned long long)hash, (unsigned long long)TW_ISA_HASH);
  device->cfg_hash = read64(device, TW_REG_CFG_HASH_LO);
  return TW_OK;
}

enum tw_status tw_device_open(struct tw_transport transport, struct tw_device **result, struct tw_error *error) {
  struct tw_device *device = calloc(1, sizeof *device);
  enum tw_status status;
  *result = NULL;
  if (!device) {
    transport.ops->close(transport.context);
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for a device");
  }
  device->transport = transport;
  device->threads = 1;
  device->gpu_wait_ms = TW_GPU_WAIT_MS;
  device->memory = transport.ops->memory(transport.context, &device->memory_bytes);
  status = tw_check_identity(device, error);
  if (status == TW_OK)
    status = tw_memory_allocate(device, TW_PAGE, &device->records, error);
  if (status != TW_OK) {
    tw_device_close(device);
    return status;
  }
  *result = device;
  return TW_OK;
}

void tw_device_close(struct tw_device *device) {
  if (!device)
    return;
  tw_pool_close(device);
  while (device->blocks) {
    struct tw_block *block = device->blocks;
    device->blocks = block->next;
    free(block);
  }
  device->transport.ops->close(device->transport.context);
  free(device);
}

const char *tw_device_transport_name(const struct tw_device *device) { return device->transport.ops->name; }

const struct tw_transport *tw_device_transport(const struct tw_device *device) { return &device->transport; }

uint64_t tw_device_cfg_hash(const struct tw_device *device) { return device->cfg_hash; }

uint64_t tw_device_counter(struct tw_device *device, uint32_t counter) {
  return counter < TW_COUNTERS ? read64(device, TW_COUNTER_REGISTERS + 8 * counter) : 0;
}

int tw_device_interrupt(struct tw_device *device) {
  return device->transport.ops->interrupt(device->transport.context);
}

void tw_device_reset(struct tw_device *device) {
  device->transport.ops->reset(device->transport.context);
  device->job_runs = 0;
  device->control = 0;
}

void tw_device_gpu(struct tw_device *device, const char *library, uint32_t wait_ms) {
  device->gpu_library = library;
  device->gpu_wait_ms = wait_ms ? wait_ms : TW_GPU_WAIT_MS;
}

void tw_device_serial(struct tw_device *device, int serial) {
  device->control = serial ? TW_REG_CONTROL_SERIAL_MASK : 0;
}

void tw_region_set(struct tw_device *device, uint32_t index, const struct tw_region *region) {
  const uint32_t at = TW_REGION_REGISTERS + index * TW_REGION_REGISTER_STRIDE;
  if (index >= TW_REGIONS)
    return;
  tw_device_write32(device, at + TW_REGION_PERM, 0); /* closed while it changes */
  tw_device_write32(device, at + TW_REGION_BASE_LO, (uint32_t)region->base);
  tw_device_write32(device, at + TW_REGION_BASE_HI, (uint32_t)(region->base >> 32));
  tw_device_write32(device, at + TW_REGION_LIMIT_LO, (uint32_t)region->limit);
  tw_device_write32(device, at + TW_REGION_LIMIT_HI, (uint32_t)(region->limit >> 32));
  tw_device_write32(device, at + TW_REGION_PERM, region->permissions);
}
