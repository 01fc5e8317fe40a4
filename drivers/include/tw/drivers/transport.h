/* SPDX-License-Identifier: Apache-2.0 */
/* What a driver needs from a way to a machine: registers, mapped memory, waiting, reset. */
/* Implemented by drivers/transports/<name>; null is the one to copy. Called by the driver core only. */
/* Does not know jobs or packages; says nothing about errors of a job, only whether the machine answers. */
#ifndef TW_DRIVERS_TRANSPORT_H
#define TW_DRIVERS_TRANSPORT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One thread at a time. `context` is what the transport was made with. */
struct tw_transport_ops {
  const char *name;
  uint32_t (*read32)(void *context, uint32_t offset);
  void (*write32)(void *context, uint32_t offset, uint32_t value);
  /* Device memory as the host sees it; device address 0 is the first byte. Valid until close. */
  uint8_t *(*memory)(void *context, uint64_t *bytes);
  /* Returns 1 as soon as no job runs, 0 when `limit` has passed before: cycles for models, milliseconds for hardware;
   * limit 0: the transport's own. */
  int (*wait)(void *context, uint64_t limit);
  /* Level of the interrupt line. */
  int (*interrupt)(void *context);
  /* Hardware reset; device memory keeps its bytes. */
  void (*reset)(void *context);
  void (*close)(void *context);
};

struct tw_transport {
  const struct tw_transport_ops *ops;
  void *context; /* owned: released by ops->close */
};

#ifdef __cplusplus
}
#endif
#endif
