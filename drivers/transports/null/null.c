/* SPDX-License-Identifier: Apache-2.0 */
/* A device that does nothing, at once: registers are memory, a job ends with an empty record. The transport to copy. */
#include "tw/drivers/transports.h"

#include <stdlib.h>
#include <string.h>

#define NULL_REGISTERS 0x2000u

struct null_device {
  uint32_t registers[NULL_REGISTERS / 4];
  uint8_t *memory;
  uint64_t memory_bytes;
};

static uint32_t *reg(struct null_device *device, uint32_t offset) {
  static uint32_t nowhere;
  return offset < NULL_REGISTERS ? &device->registers[offset / 4] : &nowhere;
}

static uint32_t null_read32(void *context, uint32_t offset) {
  return offset < NULL_REGISTERS ? *reg(context, offset) : 0;
}

/* The record of a job without work, where its descriptor wants it. */
static void end_job(struct null_device *device) {
  struct tw_job_descriptor job;
  struct tw_completion_record record;
  const uint32_t records = TW_REGION_REGISTERS + TW_ROLE_COMPLETION * TW_REGION_REGISTER_STRIDE;
  const uint64_t address = *reg(device, TW_REG_JOB_LO) | (uint64_t)*reg(device, TW_REG_JOB_HI) << 32;
  uint64_t base = *reg(device, records + TW_REGION_BASE_LO) | (uint64_t)*reg(device, records + TW_REGION_BASE_HI) << 32;
  if (address + sizeof job > device->memory_bytes)
    return;
  memcpy(&job, device->memory + address, sizeof job);
  base += job.record_offset;
  if (base + sizeof record > device->memory_bytes)
    return;
  memset(&record, 0, sizeof record);
  record.sequence = job.sequence;
  record.marker = 0x45444E54u;
  memcpy(device->memory + base, &record, sizeof record);
  *reg(device, TW_REG_STATUS) = TW_REG_STATUS_DONE_MASK;
  *reg(device, TW_REG_IRQ_STATUS) |= TW_REG_IRQ_STATUS_DONE_MASK;
}

static void null_write32(void *context, uint32_t offset, uint32_t value) {
  struct null_device *device = context;
  switch (offset) {
  case TW_REG_DOORBELL:
    end_job(device);
    break;
  case TW_REG_IRQ_STATUS:
    *reg(device, offset) &= ~value;
    break;
  case TW_REG_CONTROL:
  case TW_REG_IRQ_ENABLE:
    *reg(device, offset) = value & 1;
    break;
  case TW_REG_JOB_LO:
    *reg(device, offset) = value & ~63u;
    break;
  case TW_REG_JOB_HI:
    *reg(device, offset) = value;
    break;
  default:
    if (offset < TW_REGION_REGISTERS || offset >= TW_REGION_REGISTERS + TW_REGIONS * TW_REGION_REGISTER_STRIDE)
      break; /* read only, or not there */
    if (offset % TW_REGION_REGISTER_STRIDE == TW_REGION_BASE_LO)
      value &= ~4095u;
    if (offset % TW_REGION_REGISTER_STRIDE == TW_REGION_PERM)
      value &= 7;
    if (offset % TW_REGION_REGISTER_STRIDE <= TW_REGION_PERM)
      *reg(device, offset) = value;
    break;
  }
}

static uint8_t *null_memory(void *context, uint64_t *bytes) {
  struct null_device *device = context;
  *bytes = device->memory_bytes;
  return device->memory;
}

static int null_wait(void *context, uint64_t limit) {
  (void)context;
  (void)limit;
  return 1;
}

static int null_interrupt(void *context) {
  return (*reg(context, TW_REG_IRQ_STATUS) & *reg(context, TW_REG_IRQ_ENABLE)) != 0;
}

static void set_identity(struct null_device *device, uint64_t cfg_hash) {
  *reg(device, TW_REG_ID) = 0x314E5754u;
  *reg(device, TW_REG_VERSION) = 1u << TW_REG_VERSION_MAJOR_SHIFT;
  *reg(device, TW_REG_ISA_HASH_LO) = (uint32_t)TW_ISA_HASH;
  *reg(device, TW_REG_ISA_HASH_HI) = (uint32_t)(TW_ISA_HASH >> 32);
  *reg(device, TW_REG_CFG_HASH_LO) = (uint32_t)cfg_hash;
  *reg(device, TW_REG_CFG_HASH_HI) = (uint32_t)(cfg_hash >> 32);
}

static void null_reset(void *context) {
  struct null_device *device = context;
  const uint64_t hash = *reg(device, TW_REG_CFG_HASH_LO) | (uint64_t)*reg(device, TW_REG_CFG_HASH_HI) << 32;
  memset(device->registers, 0, sizeof device->registers);
  set_identity(device, hash);
}

static void null_close(void *context) {
  struct null_device *device = context;
  free(device->memory);
  free(device);
}

enum tw_status tw_transport_open_null(const struct tw_transport_config *config, struct tw_transport *transport,
                                      struct tw_error *error) {
  static const struct tw_transport_ops ops = {"null",    null_read32,    null_write32, null_memory,
                                              null_wait, null_interrupt, null_reset,   null_close};
  struct null_device *device = calloc(1, sizeof *device);
  if (device)
    device->memory = calloc(1, config->memory_bytes ? config->memory_bytes : 1);
  if (!device || !device->memory) {
    free(device);
    if (error)
      *error = (struct tw_error){.status = TW_ERROR_NO_MEMORY, .text = "no host memory for a null device"};
    return TW_ERROR_NO_MEMORY;
  }
  device->memory_bytes = config->memory_bytes;
  set_identity(device, config->cfg_hash);
  transport->ops = &ops;
  transport->context = device;
  return TW_OK;
}
