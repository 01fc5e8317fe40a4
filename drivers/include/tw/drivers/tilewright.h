/* SPDX-License-Identifier: Apache-2.0 */
/* Running packages and single jobs on a device: the C API of the drivers. C99, nothing but libc. */
/* Called by tools, by other runtimes, by the conformance suite. */
/* Does not compile, and does not choose a transport (transports.h); one thread at a time for each device. */
#ifndef TW_DRIVERS_TILEWRIGHT_H
#define TW_DRIVERS_TILEWRIGHT_H

#include "tw/drivers/transport.h"
#include "tw/isa/package_format.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One sentence for each is tw_status_text(). Numbers are stable. */
enum tw_status {
  TW_OK = 0,
  TW_ERROR_ARGUMENT = 1,    /* the caller gave something that cannot be */
  TW_ERROR_NO_MEMORY = 2,   /* of the host or of the device */
  TW_ERROR_IDENTITY = 3,    /* not a device of this ISA or register map */
  TW_ERROR_PACKAGE = 4,     /* the file is damaged or for another machine */
  TW_ERROR_FAULT = 5,       /* the job failed; see tw_error.job */
  TW_ERROR_TIMEOUT = 6,     /* the device did not end the job in time */
  TW_ERROR_COUNTS = 7,      /* the job did other work than the compiler predicted */
  TW_ERROR_HOST_CODE = 8,   /* host code cannot be loaded or failed */
  TW_ERROR_UNSUPPORTED = 9, /* on purpose: text says what to do */
  TW_ERROR_TRANSPORT = 10,  /* the transport could not be opened */
  TW_ERROR_LOST = 11,       /* the device does not answer any more */
  TW_ERROR_GPU = 12,        /* GPU code cannot be loaded: no driver, no GPU, or code for another */
  TW_STATUS_COUNT = 13
};

/* A job's end, as its completion record says. */
struct tw_job_result {
  uint32_t sequence;
  uint32_t code;   /* TW_FAULT_* */
  uint32_t engine; /* TW_ENGINE_* of the fault */
  uint32_t tag;
  uint32_t pc;
  uint64_t address;
  uint64_t cycles, bytes_read, bytes_written, macs, saturations;
};

/* Filled by every function that fails, if the caller gives one (NULL is allowed). The text is one line. */
struct tw_error {
  enum tw_status status;
  struct tw_job_result job; /* TW_ERROR_FAULT */
  char text[512];
};

const char *tw_status_text(enum tw_status status);
/* Name and sentence of a fault code; "?" for no code of the table. */
const char *tw_fault_name(uint32_t code);
const char *tw_fault_text(uint32_t code);
const char *tw_engine_name(uint32_t engine);

/*--- Device
 * -----------------------------------------------------------------------------------------------------------*/
struct tw_device;

/* Checks identity and version. Takes the transport over, also when it fails. */
enum tw_status tw_device_open(struct tw_transport transport, struct tw_device **device, struct tw_error *error);
/* Programs and instances of the device must be gone. NULL is allowed. */
void tw_device_close(struct tw_device *device);
const char *tw_device_transport_name(const struct tw_device *device);
/* The transport itself, for tests and tools that poll; it stays the device's. */
const struct tw_transport *tw_device_transport(const struct tw_device *device);
uint64_t tw_device_cfg_hash(const struct tw_device *device);
uint32_t tw_device_read32(struct tw_device *device, uint32_t offset);
void tw_device_write32(struct tw_device *device, uint32_t offset, uint32_t value);
/* Counter by TW_COUNTER_*, of the last job. */
uint64_t tw_device_counter(struct tw_device *device, uint32_t counter);
int tw_device_interrupt(struct tw_device *device);
/* Hardware reset; memory that was handed out stays valid. */
void tw_device_reset(struct tw_device *device);
/* 1: jobs run one instruction after the other (same results). */
void tw_device_serial(struct tw_device *device, int serial);

#define TW_MOST_THREADS 256u
/* How many threads share the work of host functions, the caller's among them: 1, as at first, to TW_MOST_THREADS; 0: as
 * many as the process has processors. The results are the same bytes with any number. Threads are started when a run
 * first has work for them, with all signals blocked, and end with the device or with another call of this. After a
 * fork the child has none of them and must not use the device. */
enum tw_status tw_device_threads(struct tw_device *device, uint32_t threads, struct tw_error *error);

#define TW_GPU_WAIT_MS 60000u
/* How programs that are loaded from now on reach a GPU, if they have code for one: `library`, the path of NVIDIA's
 * driver library (NULL: libcuda.so.1, as the system finds it), which is kept as it is given and must stay; a GPU that
 * does not end its part of a run in `wait_ms` (0: TW_GPU_WAIT_MS) is lost. Programs without GPU code load no library.
 * The GPU is the first that the library names. */
void tw_device_gpu(struct tw_device *device, const char *library, uint32_t wait_ms);

/* Device memory in pages of 4096 bytes, zeroed; address as the device sees it. */
struct tw_memory {
  uint64_t address;
  uint64_t bytes; /* as asked for */
  uint8_t *host;  /* the same bytes for the host; not to be touched while a job runs */
};
enum tw_status tw_memory_allocate(struct tw_device *device, uint64_t bytes, struct tw_memory *memory,
                                  struct tw_error *error);
/* Zero-filled memory (host NULL) is allowed. */
void tw_memory_free(struct tw_device *device, struct tw_memory *memory);

/*--- Jobs: for those who have lines, not packages
 * -----------------------------------------------------------------------*/
struct tw_region {
  uint64_t base; /* multiple of 4096 */
  uint64_t limit;
  uint32_t permissions; /* TW_REGION_PERM_*_MASK */
};
/* Opens one region; those never set are closed. Stays until set again or reset. */
void tw_region_set(struct tw_device *device, uint32_t index, const struct tw_region *region);

/* Every job has a budget: a device with time ends it with the fault CYCLE_BUDGET when it has taken so many cycles; the
 * functional model, which has none, gives it up (TW_ERROR_TIMEOUT) before a line with which every device would. */
#define TW_BUDGET_BASE 1000000u                 /* of each job, whatever it does */
#define TW_BUDGET_FACTOR 100u                   /* for each cycle that the compiler predicts */
#define TW_BUDGET_LINE 10000u                   /* cycles that count as predicted for a line, if nothing is */
#define TW_BUDGET_MOST ((uint64_t)10000000000u) /* of all jobs of a run together */
#define TW_BUDGET_NONE UINT64_MAX               /* no budget: nothing but the transport's patience ends the job */

struct tw_job {
  uint64_t code_offset; /* in region 0 */
  uint32_t line_count;
  uint64_t cycle_budget; /* 0: TW_BUDGET_BASE + TW_BUDGET_FACTOR * TW_BUDGET_LINE * line_count; or TW_BUDGET_NONE */
  uint64_t wait_limit;   /* as in tw_transport_ops.wait */
};
/* Region 3 is set to the device's own records. Submit rings the doorbell; wait returns TW_ERROR_FAULT for a job that
 * failed, with the record in `result` (and in error->job). One job at a time. */
enum tw_status tw_job_submit(struct tw_device *device, const struct tw_job *job, struct tw_error *error);
enum tw_status tw_job_wait(struct tw_device *device, struct tw_job_result *result, struct tw_error *error);
/* Waits on after a time-out or an abort (a write to TW_REG_ABORT), with a new limit. */
enum tw_status tw_job_continue(struct tw_device *device, uint64_t wait_limit, struct tw_job_result *result,
                               struct tw_error *error);

/* How a device was got back. */
enum tw_recovery {
  TW_RECOVERED_BY_ABORT = 1, /* the job ended with ABORTED, its traffic is complete; nothing was lost */
  TW_RECOVERED_BY_RESET = 2  /* registers and on-chip memories are as after power-up */
};
/* After TW_ERROR_TIMEOUT: ends the job by the mildest means that works. Waits at most `wait_limit` (as in
 * tw_transport_ops.wait) for the abort, then resets. `how` may be NULL. TW_ERROR_LOST: neither helped; close it. */
enum tw_status tw_device_recover(struct tw_device *device, uint64_t wait_limit, enum tw_recovery *how,
                                 struct tw_error *error);

/*--- Programs: a package on a device
 * -------------------------------------------------------------------------------------*/
struct tw_program;

enum tw_open_flag {
  /* The caller trusts whoever made the package: its host code runs with all rights of this process, and its GPU code
   * with all rights on the GPU. A package with either is refused (TW_ERROR_HOST_CODE) without it. Even then the code is
   * vetted first (nothing of it runs but the functions that steps call, when they call them) and mapped when the first
   * step runs it. */
  TW_OPEN_ALLOW_HOST_CODE = 1
};

/* Checks the package (TW_ERROR_UNSUPPORTED for what a package may say and this driver cannot do), copies code and
 * constants to the device (shared by all instances); of GPU code, to the GPU (TW_ERROR_GPU if that cannot be, unless
 * the package keeps host code for it: tw_program_without_gpu). `bytes` may go away afterwards. `flags`: 0 or enum
 * tw_open_flag. */
enum tw_status tw_program_load(struct tw_device *device, const void *bytes, uint64_t size, uint32_t flags,
                               struct tw_program **program, struct tw_error *error);
/* The same from a file. */
enum tw_status tw_program_open(struct tw_device *device, const char *path, uint32_t flags, struct tw_program **program,
                               struct tw_error *error);
/* Its instances must be gone. NULL is allowed. */
void tw_program_close(struct tw_program *program);
/* Overwrites what earlier jobs left on the chip (scratchpad, accumulators, parameters, tables) with zeros, by a job of
 * its own on the program's device, then resets the device: a row that nobody loads is a fault again. tw_instance_run
 * does it first if the device last ran another program, or a job of tw_job_submit. Needs device memory for zeros, which
 * it gives back. */
enum tw_status tw_program_clear(struct tw_program *program, struct tw_error *error);
/* The package, for tensors, names and predictions (package_format.h). */
const struct tw_pkg *tw_program_package(const struct tw_program *program);
/* Why the program's GPU steps are done by the host, with the code that the package keeps for that: there is no GPU, or
 * it was lost; NULL where they are not. Valid until the next call with this program. */
const char *tw_program_without_gpu(const struct tw_program *program);
/* Index of an entry by name (NULL: the first); -1 if there is none. */
int tw_program_entry(const struct tw_program *program, const char *name);

/* Sizes of a tensor. */
struct tw_shape {
  uint32_t rank;
  int64_t sizes[TW_PKG_MAX_RANK];
};
/* The entry that takes inputs of these shapes, in their order, and of several the one with the fewest bytes of inputs.
 * A size that a dimension of the package stands for may be less than what the entry was compiled for, down to the
 * dimension's least: for those somebody has proved that zeros beside the inputs change nothing. TW_ERROR_ARGUMENT if
 * none takes them: the text says of each entry which dimension or axis, and both values. */
enum tw_status tw_program_choose(const struct tw_program *program, const struct tw_shape *inputs, uint32_t count,
                                 int *entry, struct tw_error *error);
/* Of an output of the entry for such inputs. */
enum tw_status tw_program_output_shape(const struct tw_program *program, int entry, const struct tw_shape *inputs,
                                       uint32_t count, uint32_t output, struct tw_shape *shape, struct tw_error *error);

/*--- Instances: memory of one run at a time
 * -------------------------------------------------------------------------------*/
struct tw_instance;

/* Arena, io memory and state. The state is the instance's own: what a run of any entry leaves there, the next run of
 * any entry finds; at first it is what the package says, zero for the numbers that it stands for. */
enum tw_status tw_instance_create(struct tw_program *program, struct tw_instance **instance, struct tw_error *error);
void tw_instance_destroy(struct tw_instance *instance); /* NULL is allowed */
/* The state as at first. Needed after a run that failed when it had begun to change the state: until then every other
 * run is refused (TW_ERROR_ARGUMENT), as the state would be half of one run. A run that is refused before that, for a
 * size outside the package's, leaves the state as it was. */
void tw_instance_reset_state(struct tw_instance *instance);

/* The budget of each NPU step's job of the runs that follow. 0, as at first: TW_BUDGET_BASE + f * p for a step that the
 * compiler predicts to take p cycles, where f is TW_BUDGET_FACTOR, or less where all steps of the run would get more
 * than TW_BUDGET_MOST; a run for which f would be below 2 is refused. */
void tw_instance_budget(struct tw_instance *instance, uint64_t cycles);

/* Sums over the NPU steps of a run. */
struct tw_run_stats {
  uint32_t npu_steps, host_steps;
  uint64_t cycles, bytes_read, bytes_written, macs, saturations;
  uint32_t gpu_steps; /* that the GPU did; those that the host did instead are host steps */
};
/* Runs an entry: inputs and outputs in the order of the entry, row-major, of the sizes in the package; they are the
 * caller's and may be reused at once. Each NPU step's counts are compared with the compiler's. `stats` may be NULL.
 * Steps of the GPU go on while the NPU and the host do theirs, and are waited for where their results are needed. If
 * the GPU fails, and the package keeps host code of its steps, the run begins again without it, unless it has begun to
 * change the state; else it ends with TW_ERROR_LOST, and so does every run after it until the program is loaded again.
 */
enum tw_status tw_instance_run(struct tw_instance *instance, int entry, const void *const *inputs, void *const *outputs,
                               struct tw_run_stats *stats, struct tw_error *error);

/* The same with inputs and outputs of other sizes, as tw_program_choose (entry -1: the one that it chooses) and
 * tw_program_output_shape say: the driver fills inputs up and cuts outputs in memory of its own. Where it fills up, an
 * input of which the package says so (struct tw_pkg_tensor, `shown`) has to be a mask of 0 and 1 with a 1 at a place of
 * each row: else TW_ERROR_ARGUMENT before anything runs. */
enum tw_status tw_instance_run_shapes(struct tw_instance *instance, int entry, const void *const *inputs,
                                      const struct tw_shape *shapes, uint32_t count, void *const *outputs,
                                      struct tw_run_stats *stats, struct tw_error *error);

/* Called after each step of a run (for traces and --dump-tensors); buffers as the host sees them, by package index;
 * NULL for those in a GPU's memory. With an observer, the GPU's steps are waited for one by one. */
typedef void (*tw_step_observer)(void *context, uint32_t step, const struct tw_job_result *job, void *const *buffers);
void tw_instance_observe(struct tw_instance *instance, tw_step_observer observer, void *context);

#ifdef __cplusplus
}
#endif
#endif
