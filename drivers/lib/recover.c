/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder for a job that does not end: abort, reset, lost. */
#include "internal.h"

enum tw_status tw_device_recover(struct tw_device *device, uint64_t wait_limit, enum tw_recovery *how,
                                 struct tw_error *error) {
  enum tw_recovery local;
  enum tw_status status;
  if (!how)
    how = &local;
  *how = TW_RECOVERED_BY_ABORT;
  tw_device_write32(device, TW_REG_ABORT, 1);
  if (!device->transport.ops->wait(device->transport.context, wait_limit)) {
    *how = TW_RECOVERED_BY_RESET;
    tw_device_reset(device);
  }
  status = tw_check_identity(device, error);
  if (status == TW_OK && !(tw_device_read32(device, TW_REG_STATUS) & TW_REG_STATUS_BUSY_MASK)) {
    device->job_runs = 0;
    return TW_OK;
  }
  return tw_fail(error, TW_ERROR_LOST, "%s: no answer after abort and reset (ID 0x%08x, STATUS 0x%08x): close it",
                 tw_device_transport_name(device), tw_device_read32(device, TW_REG_ID),
                 tw_device_read32(device, TW_REG_STATUS));
}
