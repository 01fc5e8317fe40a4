/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the driver core share. */
#ifndef TW_DRIVERS_LIB_INTERNAL_H
#define TW_DRIVERS_LIB_INTERNAL_H

#include "tw/drivers/tilewright.h"

#define TW_PAGE 4096u

/* Device memory is a list of blocks in address order; pages are the unit. */
struct tw_block {
  uint64_t address, bytes; /* bytes: whole pages */
  struct tw_block *next;
};

struct tw_device {
  struct tw_transport transport;
  uint64_t cfg_hash;
  uint8_t *memory;
  uint64_t memory_bytes;
  struct tw_block *blocks;
  struct tw_memory records; /* page 0: descriptor, then completion record */
  uint32_t sequence;
  uint32_t control;
  int job_runs;
  uint64_t programs;           /* loaded so far: numbers them */
  uint64_t owner;              /* whose data are on the chip: number of a program, TW_OWNER_CALLER, or 0 */
  struct tw_pkg_config config; /* of the owner, if it is a program */
  uint64_t wait_limit;
  uint32_t threads;        /* that share host code */
  struct tw_pool *pool;    /* of all but the caller's; NULL until a phase is cut */
  const char *gpu_library; /* tw_device_gpu */
  uint32_t gpu_wait_ms;
};

#define TW_OWNER_CALLER UINT64_MAX /* of tw_job_submit */

#define TW_HOST_SEGMENTS 8u

/* Addresses of host code count from the first byte of its memory. */
struct tw_host_segment {
  uint64_t address, bytes;     /* in memory */
  uint64_t offset, file_bytes; /* in the ELF file; the rest of the memory is zero */
  uint32_t flags;              /* PF_* */
};

/* Vetted host code: all that mapping it takes, pointing into the package. */
struct tw_host_image {
  const uint8_t *elf;
  struct tw_host_segment segments[TW_HOST_SEGMENTS];
  uint32_t segment_count;
  uint64_t bytes; /* of memory: whole pages */
  const uint8_t *relocations;
  uint64_t relocation_count;
  uint64_t features; /* that it needs of the processor: TW_PKG_X86_LIST */
};

struct tw_program {
  struct tw_device *device;
  uint64_t number; /* from 1 */
  uint64_t *bytes; /* the file, aligned to 8 */
  struct tw_pkg package;
  struct tw_memory code, constants;
  struct tw_host_image image; /* if the package has host code */
  uint64_t *functions;        /* by phase: address in host code */
  uint8_t *host_code;         /* mapped by the first step that runs it */
  struct tw_gpu *gpu;         /* if the package has steps for one and it is there */
  struct tw_error *gpu_error; /* why the host does them instead, if it does from the beginning */
};

/* Fills `error` if there is one; returns `status`. */
enum tw_status tw_fail(struct tw_error *error, enum tw_status status, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

struct tw_program *tw_instance_program(const struct tw_instance *instance);

/* tw_instance_run with values of dimensions, by number: TW_UNBOUND where the most that there can be is meant, as it is
 * of all where `values` is NULL. */
#define TW_UNBOUND (-1)
enum tw_status tw_run_bound(struct tw_instance *instance, int index, const void *const *inputs, void *const *outputs,
                            const int64_t *values, struct tw_run_stats *stats, struct tw_error *error);

/* What tw_program_clear does, for a machine of this configuration. */
enum tw_status tw_clear(struct tw_device *device, const struct tw_pkg_config *config, struct tw_error *error);
const struct tw_pkg_config *tw_program_config(const struct tw_program *program);

/* TW_ERROR_IDENTITY unless a device of this ISA answers; sets its configuration's hash. */
enum tw_status tw_check_identity(struct tw_device *device, struct tw_error *error);

/* "fault SPM_BOUNDS at line 17 ..."; `tag_name` may be NULL. */
enum tw_status tw_fail_job(struct tw_error *error, const struct tw_job_result *job, const char *tag_name);

/* TW_ERROR_UNSUPPORTED for what the format can say and this driver cannot do. */
enum tw_status tw_check_able(const struct tw_pkg *package, struct tw_error *error);

/* Looks at a package's host code without mapping it, and finds the function of each phase (`functions`). */
enum tw_status tw_host_code_vet(const struct tw_pkg *package, struct tw_host_image *image, uint64_t *functions,
                                struct tw_error *error);
enum tw_status tw_host_code_map(const struct tw_host_image *image, uint8_t **base, struct tw_error *error);
/* NULL is allowed. */
void tw_host_code_unmap(const struct tw_host_image *image, uint8_t *base);
typedef int (*tw_host_function)(void *const *buffers, const int64_t *dims, void *scratch, int64_t lo, int64_t hi);
tw_host_function tw_host_code_at(uint8_t *base, uint64_t address);

/*--- GPU code (gpu.c, gpurun.c)
 * ------------------------------------------------------------------------------------------*/
struct tw_gpu;        /* of a program: the GPU with its kernels and constants */
struct tw_gpu_memory; /* of an instance: memory there, and what is under way */

int tw_gpu_is_used(const struct tw_pkg *package);
/* Is there host code instead of every step that runs GPU code? */
int tw_gpu_has_host_code(const struct tw_pkg *package);
/* For a package that uses one. */
enum tw_status tw_gpu_open(const struct tw_pkg *package, const char *library, uint32_t wait_ms, struct tw_gpu **gpu,
                           struct tw_error *error);
void tw_gpu_close(struct tw_gpu *gpu); /* NULL is allowed */
/* Why it runs no more, or NULL. */
const char *tw_gpu_lost(const struct tw_gpu *gpu);
enum tw_status tw_gpu_memory_create(struct tw_gpu *gpu, const struct tw_pkg *package, struct tw_gpu_memory **memory,
                                    struct tw_error *error);
void tw_gpu_memory_destroy(struct tw_gpu_memory *memory); /* NULL is allowed */
/* Steps of the package by index; they are under way when these return. Buffers as the host sees them. */
enum tw_status tw_gpu_run(struct tw_gpu_memory *memory, uint32_t index, struct tw_error *error);
enum tw_status tw_gpu_copy(struct tw_gpu_memory *memory, uint32_t index, void *const *buffers, struct tw_error *error);
/* Are bytes of this buffer on their way to the host? */
int tw_gpu_brings(const struct tw_gpu_memory *memory, uint32_t buffer);
int tw_gpu_brings_any(const struct tw_gpu_memory *memory);
/* Until the copies to the host are there, or (`is_all`) everything has ended; `index`: the step that needs it. */
enum tw_status tw_gpu_wait(struct tw_gpu_memory *memory, uint32_t index, int is_all, struct tw_error *error);

/* A phase as it is cut (struct tw_pkg_phase). */
struct tw_ranges {
  tw_host_function function;
  void *const *buffers;
  const int64_t *dims;    /* NULL if the plan has none */
  uint8_t *scratch;       /* private scratch of the first range; those of the others follow */
  uint64_t private_bytes; /* rounded up */
  uint64_t extent, grain;
  uint32_t count;               /* of ranges; what follows is the result */
  int results[TW_MOST_THREADS]; /* by range */
};
/* In how many ranges a phase is cut. */
uint32_t tw_pool_cut(uint32_t threads, uint64_t extent, uint64_t grain);
/* Runs a phase to its end, on the device's threads. An error tells of threads only. */
enum tw_status tw_pool_run(struct tw_device *device, struct tw_ranges *ranges, struct tw_error *error);
void tw_pool_close(struct tw_device *device);

#endif
