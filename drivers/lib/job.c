/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <string.h>

#define TW_MARKER 0x45444E54u /* the bytes TNDE */
#define TW_RECORD_OFFSET 64u  /* in the page of the records, after the descriptor */

enum tw_status tw_job_submit(struct tw_device *device, const struct tw_job *job, struct tw_error *error) {
  struct tw_job_descriptor descriptor;
  const struct tw_region records = {device->records.address, TW_PAGE, TW_REGION_PERM_WRITE_MASK};
  if (device->job_runs)
    return tw_fail(error, TW_ERROR_ARGUMENT, "a job already runs on this device: wait for it first");
  memset(&descriptor, 0, sizeof descriptor);
  descriptor.isa_hash = TW_ISA_HASH;
  descriptor.cfg_hash = device->cfg_hash;
  descriptor.code_offset = job->code_offset;
  descriptor.line_count = job->line_count;
  descriptor.sequence = ++device->sequence;
  descriptor.record_offset = TW_RECORD_OFFSET;
  descriptor.cycle_budget = job->cycle_budget;
  if (job->cycle_budget == 0)
    descriptor.cycle_budget = TW_BUDGET_BASE + (uint64_t)TW_BUDGET_FACTOR * TW_BUDGET_LINE * job->line_count;
  if (job->cycle_budget == TW_BUDGET_NONE)
    descriptor.cycle_budget = 0; /* as the hardware says it */
  memset(device->records.host, 0, TW_PAGE);
  memcpy(device->records.host, &descriptor, sizeof descriptor);

  tw_region_set(device, TW_ROLE_COMPLETION, &records);
  tw_device_write32(device, TW_REG_CONTROL, device->control);
  tw_device_write32(device, TW_REG_IRQ_STATUS, TW_REG_IRQ_STATUS_DONE_MASK);
  tw_device_write32(device, TW_REG_IRQ_ENABLE, TW_REG_IRQ_ENABLE_DONE_MASK);
  tw_device_write32(device, TW_REG_JOB_LO, (uint32_t)device->records.address);
  tw_device_write32(device, TW_REG_JOB_HI, (uint32_t)(device->records.address >> 32));
  tw_device_write32(device, TW_REG_DOORBELL, 1);
  device->job_runs = 1;
  device->owner = TW_OWNER_CALLER;
  device->wait_limit = job->wait_limit;
  return TW_OK;
}

enum tw_status tw_job_wait(struct tw_device *device, struct tw_job_result *result, struct tw_error *error) {
  struct tw_completion_record record;
  struct tw_job_result local;
  uint32_t status, fault;
  if (!result)
    result = &local;
  memset(result, 0, sizeof *result);
  if (!device->job_runs)
    return tw_fail(error, TW_ERROR_ARGUMENT, "no job runs on this device: submit one first");
  if (!device->transport.ops->wait(device->transport.context, device->wait_limit))
    return tw_fail(error, TW_ERROR_TIMEOUT, "%s: job %u did not end in time: abort it or reset the device",
                   tw_device_transport_name(device), device->sequence);
  device->job_runs = 0;
  tw_device_write32(device, TW_REG_IRQ_STATUS, TW_REG_IRQ_STATUS_DONE_MASK);
  memcpy(&record, device->records.host + TW_RECORD_OFFSET, sizeof record);
  status = tw_device_read32(device, TW_REG_STATUS);
  fault = (status & TW_REG_STATUS_FAULT_MASK) >> TW_REG_STATUS_FAULT_SHIFT;
  if (record.marker != TW_MARKER || record.sequence != device->sequence)
    return tw_fail(error, TW_ERROR_TIMEOUT, "%s: job %u ended without its completion record (STATUS 0x%08x)",
                   tw_device_transport_name(device), device->sequence, status);
  if (record.code != fault) { /* the write was refused (AXI_WRITE), or somebody else wrote there */
    result->code = fault;
    return tw_fail(error, TW_ERROR_FAULT,
                   "%s: job %u: STATUS says %s, its completion record %s: the record is not "
                   "the device's",
                   tw_device_transport_name(device), device->sequence, tw_fault_name(fault),
                   tw_fault_name(record.code));
  }
  result->sequence = record.sequence;
  result->code = record.code;
  result->engine = record.engine;
  result->tag = record.tag;
  result->pc = record.pc;
  result->address = record.address;
  result->cycles = record.cycles;
  result->bytes_read = record.bytes_read;
  result->bytes_written = record.bytes_written;
  result->macs = record.macs;
  result->saturations = record.saturations;
  return record.code == TW_FAULT_NONE ? TW_OK : tw_fail_job(error, result, NULL);
}

enum tw_status tw_job_continue(struct tw_device *device, uint64_t wait_limit, struct tw_job_result *result,
                               struct tw_error *error) {
  device->wait_limit = wait_limit;
  return tw_job_wait(device, result, error);
}
