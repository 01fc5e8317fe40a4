/* SPDX-License-Identifier: Apache-2.0 */
/* The transports that this project has: each function is in a small library of its own (tw_transport_<name>). */
/* Called by tools and tests, which hand the result to tw_device_open. */
/* Does not load models by itself: a program links the transports that it offers. */
#ifndef TW_DRIVERS_TRANSPORTS_H
#define TW_DRIVERS_TRANSPORTS_H

#include "tw/drivers/tilewright.h"
#include "tw/isa/tw_isa.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A machine to simulate. */
struct tw_transport_config {
  const char *name;             /* of the configuration; the rtl plug-in is found by it */
  uint32_t values[TW_CFG_KEYS]; /* by TW_CFG_* */
  uint64_t cfg_hash;            /* null only: the hash that it tells */
  uint64_t memory_bytes;        /* DRAM */
  const char *memory;           /* cycle and rtl: "ideal", "rows", "random:<seed>" ... (MemoryTiming.h); NULL: ideal */
  uint8_t poison;               /* contents of on-chip memories after reset */
};

/* Fill `transport`; the caller hands it to tw_device_open or calls ops->close. Every config value must be valid. */
enum tw_status tw_transport_open_null(const struct tw_transport_config *config, struct tw_transport *transport,
                                      struct tw_error *error);
enum tw_status tw_transport_open_functional(const struct tw_transport_config *config, struct tw_transport *transport,
                                            struct tw_error *error);
enum tw_status tw_transport_open_cycle(const struct tw_transport_config *config, struct tw_transport *transport,
                                       struct tw_error *error);
enum tw_status tw_transport_open_rtl(const struct tw_transport_config *config, struct tw_transport *transport,
                                     struct tw_error *error);

#ifdef __cplusplus
}
#endif
#endif
