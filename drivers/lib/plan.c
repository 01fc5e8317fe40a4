/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter of a package's static plan: an instance's memory, and one function for each kind of step. */
#include "internal.h"

#include "tw/isa/host_failures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tw_instance {
  struct tw_program *program;
  struct tw_memory arena;
  struct tw_memory io[TW_REGIONS]; /* by region: memory of INPUT and OUTPUT that the NPU sees */
  uint8_t *state;
  int touches_state;   /* the run has begun a step that may change the state */
  int is_state_broken; /* such a run failed: what the state holds belongs to no run */
  int64_t *dims;       /* of the plan, as the run has bound them */
  uint8_t *scratch;
  uint64_t scratch_bytes;
  struct tw_gpu_memory *gpu; /* of DEVICE buffers, if the program has a GPU */
  uint8_t *instead;          /* their memory where the host does the GPU's steps */
  void **buffers;            /* by package index: where the host finds the buffer */
  void **arguments;          /* of the step that runs, and its shared scratch */
  uint64_t budget;           /* that the caller has set for each job; 0: computed */
  uint64_t factor;           /* of the run: its share in a computed budget */
  tw_step_observer observer;
  void *observer_context;
};

static int has_region(const struct tw_pkg_buffer *buffer) { return buffer->region != TW_PKG_NONE; }
static int is_io(const struct tw_pkg_buffer *buffer) {
  return buffer->kind == TW_PKG_INPUT || buffer->kind == TW_PKG_OUTPUT;
}

/* Buffers that lie where they lie for the instance's life; those of the caller are bound by each run. */
static enum tw_status place_buffers(struct tw_instance *instance, struct tw_error *error) {
  struct tw_program *program = instance->program;
  const struct tw_pkg_plan *plan = tw_pkg_plan_of(&program->package);
  const struct tw_pkg_buffer *buffers = tw_pkg_buffers(&program->package);
  enum tw_status status;
  uint64_t io_bytes[TW_REGIONS] = {0};
  uint32_t i;
  for (i = 0; i < plan->buffer_count; ++i)
    if (is_io(&buffers[i]) && has_region(&buffers[i]) && io_bytes[buffers[i].region] < buffers[i].size)
      io_bytes[buffers[i].region] = buffers[i].size;
  for (i = 0; i < TW_REGIONS; ++i) {
    if (!io_bytes[i])
      continue;
    status = tw_memory_allocate(program->device, io_bytes[i], &instance->io[i], error);
    if (status != TW_OK)
      return status;
  }
  for (i = 0; i < plan->buffer_count; ++i) {
    switch (buffers[i].kind) {
    case TW_PKG_TEMP:
      instance->buffers[i] = instance->arena.host + buffers[i].offset;
      break;
    case TW_PKG_CONSTANT:
      instance->buffers[i] = program->constants.host + buffers[i].offset;
      break;
    case TW_PKG_STATE:
      instance->buffers[i] = instance->state + buffers[i].offset;
      break;
    case TW_PKG_DEVICE: /* leave_gpu says where */
      break;
    default:
      instance->buffers[i] = has_region(&buffers[i]) ? instance->io[buffers[i].region].host : NULL;
      break;
    }
  }
  return TW_OK;
}

/* From now on the host does the GPU's steps, with their buffers in its own memory. */
static enum tw_status leave_gpu(struct tw_instance *instance, struct tw_error *error) {
  const struct tw_pkg *package = &instance->program->package;
  const struct tw_pkg_launches *its = tw_pkg_launches_of(package);
  uint8_t *first;
  uint32_t i;
  if (instance->instead || !its)
    return TW_OK;
  instance->instead = calloc(1, its->memory_bytes + TW_PKG_GPU_ALIGN);
  if (!instance->instead)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for %llu bytes instead of a GPU's",
                   (unsigned long long)its->memory_bytes);
  first = instance->instead + (TW_PKG_GPU_ALIGN - (uintptr_t)instance->instead % TW_PKG_GPU_ALIGN) % TW_PKG_GPU_ALIGN;
  for (i = 0; i < tw_pkg_plan_of(package)->buffer_count; ++i)
    if (tw_pkg_buffers(package)[i].kind == TW_PKG_DEVICE)
      instance->buffers[i] = first + tw_pkg_buffers(package)[i].offset;
  return TW_OK;
}

/* Of a program whose GPU was lost, by this instance or another: the host stands in, if it can. */
static enum tw_status go_on_without(struct tw_instance *instance, struct tw_error *error) {
  const struct tw_program *program = instance->program;
  if (!tw_gpu_has_host_code(&program->package))
    return tw_fail(error, TW_ERROR_LOST, "%s: close the program and load it again", tw_gpu_lost(program->gpu));
  return leave_gpu(instance, error);
}

static enum tw_status take_gpu_memory(struct tw_instance *instance, struct tw_error *error) {
  struct tw_program *program = instance->program;
  enum tw_status status;
  if (!program->gpu)
    return leave_gpu(instance, error);
  if (tw_gpu_lost(program->gpu))
    return go_on_without(instance, error);
  status = tw_gpu_memory_create(program->gpu, &program->package, &instance->gpu, error);
  return status == TW_OK || !tw_gpu_has_host_code(&program->package) ? status : leave_gpu(instance, error);
}

/* Does the GPU run its steps now? */
static int has_gpu(const struct tw_instance *instance) { return instance->gpu && !tw_gpu_lost(instance->program->gpu); }

/* Scratch memory for as many ranges at a time as the device has threads. */
static enum tw_status take_scratch(struct tw_instance *instance, struct tw_error *error) {
  const uint32_t threads = instance->program->device->threads;
  const uint64_t bytes = tw_pkg_scratch_bytes(&instance->program->package, threads);
  if (instance->scratch && bytes <= instance->scratch_bytes)
    return TW_OK;
  if (bytes > TW_PKG_MAX_BYTES)
    return tw_fail(error, TW_ERROR_PACKAGE,
                   "host code needs %llu bytes of scratch memory with %u threads, at most %llu: use fewer threads",
                   (unsigned long long)bytes, threads, (unsigned long long)TW_PKG_MAX_BYTES);
  free(instance->scratch);
  instance->scratch = aligned_alloc(TW_PKG_SCRATCH_ALIGN, bytes ? bytes : TW_PKG_SCRATCH_ALIGN);
  instance->scratch_bytes = instance->scratch ? bytes : 0;
  if (!instance->scratch)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for %llu bytes of scratch", (unsigned long long)bytes);
  return TW_OK;
}

/* Of a state of zeros. */
static void begin_state(struct tw_instance *instance) {
  const struct tw_pkg *package = &instance->program->package;
  uint32_t i;
  for (i = 0; i < tw_pkg_plan_of(package)->buffer_count; ++i) {
    const struct tw_pkg_buffer *buffer = tw_pkg_buffers(package) + i;
    if (buffer->fill != 0)
      memset(instance->state + buffer->offset, (int)buffer->fill, buffer->size);
  }
}

enum tw_status tw_instance_create(struct tw_program *program, struct tw_instance **result, struct tw_error *error) {
  const struct tw_pkg_plan *plan = tw_pkg_plan_of(&program->package);
  struct tw_instance *instance = calloc(1, sizeof *instance);
  enum tw_status status = TW_OK;
  *result = NULL;
  if (!instance)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for an instance");
  instance->program = program;
  instance->state = calloc(1, plan->state_bytes + 1);
  instance->dims = plan->dim_count ? calloc(plan->dim_count, sizeof *instance->dims) : NULL;
  instance->buffers = calloc(plan->buffer_count + 1, sizeof *instance->buffers);
  instance->arguments = calloc(plan->argument_count + 1, sizeof *instance->arguments);
  if (!instance->state || !instance->buffers || !instance->arguments || (plan->dim_count && !instance->dims))
    status = tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for %llu bytes of state",
                     (unsigned long long)plan->state_bytes);
  if (status == TW_OK)
    status = take_scratch(instance, error);
  if (status == TW_OK)
    status = tw_memory_allocate(program->device, plan->arena_bytes, &instance->arena, error);
  if (status == TW_OK)
    status = place_buffers(instance, error);
  if (status == TW_OK)
    status = take_gpu_memory(instance, error);
  if (status != TW_OK) {
    tw_instance_destroy(instance);
    return status;
  }
  begin_state(instance);
  *result = instance;
  return TW_OK;
}

void tw_instance_destroy(struct tw_instance *instance) {
  uint32_t i;
  if (!instance)
    return;
  tw_gpu_memory_destroy(instance->gpu);
  free(instance->instead);
  for (i = 0; i < TW_REGIONS; ++i)
    tw_memory_free(instance->program->device, &instance->io[i]);
  tw_memory_free(instance->program->device, &instance->arena);
  free(instance->arguments);
  free(instance->buffers);
  free(instance->scratch);
  free(instance->dims);
  free(instance->state);
  free(instance);
}

void tw_instance_reset_state(struct tw_instance *instance) {
  memset(instance->state, 0, tw_pkg_plan_of(&instance->program->package)->state_bytes);
  begin_state(instance);
  instance->is_state_broken = 0;
}

void tw_instance_observe(struct tw_instance *instance, tw_step_observer observer, void *context) {
  instance->observer = observer;
  instance->observer_context = context;
}

/* The regions as this instance's jobs see them. */
static void open_regions(struct tw_instance *instance) {
  struct tw_device *device = instance->program->device;
  const uint32_t both = TW_REGION_PERM_READ_MASK | TW_REGION_PERM_WRITE_MASK;
  struct tw_region regions[TW_REGIONS] = {{0, 0, 0}};
  uint32_t i;
  regions[TW_ROLE_CODE].base = instance->program->code.address;
  regions[TW_ROLE_CODE].limit = instance->program->code.bytes;
  regions[TW_ROLE_CODE].permissions = TW_REGION_PERM_EXECUTE_MASK;
  regions[TW_ROLE_CONST].base = instance->program->constants.address;
  regions[TW_ROLE_CONST].limit = instance->program->constants.bytes;
  regions[TW_ROLE_CONST].permissions = TW_REGION_PERM_READ_MASK;
  regions[TW_ROLE_ARENA].base = instance->arena.address;
  regions[TW_ROLE_ARENA].limit = instance->arena.bytes;
  regions[TW_ROLE_ARENA].permissions = both;
  for (i = TW_ROLE_IO0; i < TW_REGIONS; ++i) {
    regions[i].base = instance->io[i].address;
    regions[i].limit = instance->io[i].bytes;
    regions[i].permissions = instance->io[i].host ? both : 0;
  }
  for (i = 0; i < TW_REGIONS; ++i)
    if (i != TW_ROLE_COMPLETION) /* the device's own */
      tw_region_set(device, i, &regions[i]);
}

/* Did the job do the work that the compiler predicted? */
static enum tw_status check_counts(const struct tw_pkg *package, uint32_t index, const struct tw_pkg_step *step,
                                   const struct tw_job_result *job, struct tw_error *error) {
  uint64_t count = 0;
  const struct tw_pkg_counts *rows = tw_pkg_counts_of(package, &count), *row;
  if (step->counts == TW_PKG_NONE)
    return TW_OK;
  row = &rows[step->counts];
  if (row->macs == job->macs && row->bytes_read == job->bytes_read && row->bytes_written == job->bytes_written)
    return TW_OK;
  return tw_fail(error, TW_ERROR_COUNTS,
                 "step %u: %llu MACs, %llu bytes read, %llu written; the compiler predicted %llu, %llu, %llu", index,
                 (unsigned long long)job->macs, (unsigned long long)job->bytes_read,
                 (unsigned long long)job->bytes_written, (unsigned long long)row->macs,
                 (unsigned long long)row->bytes_read, (unsigned long long)row->bytes_written);
}

void tw_instance_budget(struct tw_instance *instance, uint64_t cycles) { instance->budget = cycles; }

struct tw_program *tw_instance_program(const struct tw_instance *instance) { return instance->program; }

/* What the compiler predicts; what counts as predicted where it does not. */
static uint64_t predicted(const struct tw_pkg *package, const struct tw_pkg_step *step) {
  uint64_t count = 0, cycles = 0;
  const struct tw_pkg_counts *rows = tw_pkg_counts_of(package, &count);
  if (step->counts != TW_PKG_NONE)
    cycles = rows[step->counts].cycles;
  return cycles ? cycles : (uint64_t)TW_BUDGET_LINE * step->count;
}

/* A package may predict what it likes, and name as many steps as fit into its file: a run ends all the same. */
static enum tw_status share_budget(struct tw_instance *instance, const struct tw_pkg_entry *entry,
                                   struct tw_error *error) {
  const struct tw_pkg *package = &instance->program->package;
  uint64_t jobs = 0, cycles = 0, copied = 0;
  uint32_t i;
  for (i = 0; i < entry->step_count; ++i) {
    const struct tw_pkg_step *step = tw_pkg_steps(package) + entry->first_step + i;
    const int is_job = tw_pkg_runs(package, step) == TW_PKG_STREAM;
    const uint64_t more = is_job ? predicted(package, step) : 0;
    jobs += is_job;
    cycles += more > TW_BUDGET_MOST ? TW_BUDGET_MOST : more; /* 2^32 steps of it do not overflow 64 bits */
    copied += step->op == TW_PKG_STEP_COPY ? step->bytes : 0;
  }
  if (copied > TW_PKG_MAX_BYTES)
    return tw_fail(error, TW_ERROR_PACKAGE, "the steps of a run copy %llu bytes, at most %llu: compile the model again",
                   (unsigned long long)copied, (unsigned long long)TW_PKG_MAX_BYTES);
  instance->factor = TW_BUDGET_FACTOR;
  if (instance->budget != 0 || cycles == 0)
    return TW_OK;
  if (jobs * TW_BUDGET_BASE + 2 * cycles > TW_BUDGET_MOST)
    return tw_fail(error, TW_ERROR_PACKAGE,
                   "a run of %llu NPU steps and %llu predicted cycles may take more than the %llu cycles that a run is "
                   "given: set a budget if that is right (tw_instance_budget, --budget)",
                   (unsigned long long)jobs, (unsigned long long)cycles, (unsigned long long)TW_BUDGET_MOST);
  if ((TW_BUDGET_MOST - jobs * TW_BUDGET_BASE) / cycles < TW_BUDGET_FACTOR)
    instance->factor = (TW_BUDGET_MOST - jobs * TW_BUDGET_BASE) / cycles;
  return TW_OK;
}

static uint64_t budget_of(const struct tw_instance *instance, const struct tw_pkg_step *step) {
  if (instance->budget != 0)
    return instance->budget;
  return TW_BUDGET_BASE + instance->factor * predicted(&instance->program->package, step);
}

static enum tw_status run_npu(struct tw_instance *instance, uint32_t index, const struct tw_pkg_step *step,
                              struct tw_job_result *job, struct tw_run_stats *stats, struct tw_error *error) {
  struct tw_device *device = instance->program->device;
  const struct tw_pkg *package = &instance->program->package;
  struct tw_job request = {0, 0, 0, 0};
  enum tw_status status;
  request.code_offset = (uint64_t)step->first * TW_LINE_BYTES;
  request.line_count = step->count;
  request.cycle_budget = budget_of(instance, step);
  status = tw_job_submit(device, &request, error);
  device->owner = instance->program->number;
  device->config = *tw_program_config(instance->program);
  if (status == TW_OK)
    status = tw_job_wait(device, job, error);
  if ((status == TW_ERROR_FAULT && job->code == TW_FAULT_CYCLE_BUDGET) ||
      (status == TW_ERROR_TIMEOUT && device->job_runs))
    return tw_fail(
        error, TW_ERROR_TIMEOUT,
        "step %u: its job takes more than its budget of %llu cycles, or than the device is waited for; %llu are "
        "predicted: the program has no end that is near, or the memory is very slow; give a budget if that is "
        "right (tw_instance_budget, --budget)",
        index, (unsigned long long)request.cycle_budget, (unsigned long long)predicted(package, step));
  if (status == TW_ERROR_FAULT) {
    job->pc += step->first; /* as the package counts its lines */
    return tw_fail_job(error, job, job->tag ? tw_pkg_tag_name(package, job->tag) : NULL);
  }
  if (status != TW_OK)
    return status;
  stats->npu_steps += 1;
  stats->cycles += job->cycles;
  stats->bytes_read += job->bytes_read;
  stats->bytes_written += job->bytes_written;
  stats->macs += job->macs;
  stats->saturations += job->saturations;
  return check_counts(package, index, step, job, error);
}

/* What a failure of the compiler's library says; empty of any other. */
static void failure_text(char *text, size_t size, int code, const void *scratch, uint64_t bytes) {
  int64_t numbers[TW_HOST_FAILURE_BYTES / sizeof(int64_t)];
  text[0] = 0;
  if (bytes < sizeof numbers)
    return;
  memcpy(numbers, scratch, sizeof numbers);
  switch (code) {
#define TW_FAILURE(CODE, NAME, TEXT)                                                                                   \
  case CODE:                                                                                                           \
    snprintf(text, size, ": " TEXT, (long long)numbers[0], (long long)numbers[1]);                                     \
    break;
    TW_HOST_FAILURES(TW_FAILURE)
#undef TW_FAILURE
  default:
    break;
  }
}

static enum tw_status fail_phase(const struct tw_pkg *package, uint32_t index, const struct tw_pkg_step *step,
                                 const char *function, const struct tw_ranges *ranges, uint32_t range,
                                 struct tw_error *error) {
  const int code = ranges->results[range], is_named = step->name != TW_PKG_NONE;
  char text[128];
  failure_text(text, sizeof text, code, ranges->scratch + range * ranges->private_bytes, step->private_bytes);
  return tw_fail(error, TW_ERROR_HOST_CODE, "step %u%s%s%s: host function '%s' returned %d in range %u of %u%s", index,
                 is_named ? " ('" : "", is_named ? tw_pkg_string(package, step->name) : "", is_named ? "')" : "",
                 function, code, range + 1, ranges->count, text);
}

static enum tw_status run_phase(struct tw_instance *instance, uint32_t index, const struct tw_pkg_step *step,
                                uint32_t phase, struct tw_error *error) {
  struct tw_program *program = instance->program;
  const struct tw_pkg_phase *row = tw_pkg_phases(&program->package) + phase;
  struct tw_ranges ranges;
  enum tw_status status;
  uint32_t i;
  ranges.function = tw_host_code_at(program->host_code, program->functions[phase]);
  ranges.buffers = instance->arguments;
  ranges.dims = instance->dims;
  ranges.scratch = instance->scratch + tw_pkg_scratch_round(step->shared_bytes);
  ranges.private_bytes = tw_pkg_scratch_round(step->private_bytes);
  ranges.extent = row->extent;
  ranges.grain = row->grain;
  status = tw_pool_run(program->device, &ranges, error);
  for (i = 0; i < ranges.count && status == TW_OK; ++i)
    if (ranges.results[i] != 0)
      status =
          fail_phase(&program->package, index, step, tw_pkg_string(&program->package, row->name), &ranges, i, error);
  return status;
}

static enum tw_status run_host(struct tw_instance *instance, uint32_t index, const struct tw_pkg_step *step,
                               struct tw_run_stats *stats, struct tw_error *error) {
  struct tw_program *program = instance->program;
  const uint32_t *arguments = tw_pkg_arguments(&program->package) + step->first_argument;
  enum tw_status status = TW_OK;
  uint32_t i;
  if (!program->host_code)
    status = tw_host_code_map(&program->image, &program->host_code, error);
  if (status != TW_OK)
    return status;
  for (i = 0; i < step->argument_count; ++i)
    instance->arguments[i] = instance->buffers[arguments[i]];
  instance->arguments[i] = instance->scratch; /* the part that is shared */
  stats->host_steps += 1;
  for (i = 0; i < step->count && status == TW_OK; ++i)
    status = run_phase(instance, index, step, step->first + i, error);
  return status;
}

/* An entry binds its own inputs and outputs only. */
static enum tw_status check_bound(struct tw_instance *instance, uint32_t index, const struct tw_pkg_step *step,
                                  struct tw_error *error) {
  const struct tw_pkg_buffer *buffers = tw_pkg_buffers(&instance->program->package);
  const uint32_t *arguments = tw_pkg_arguments(&instance->program->package) + step->first_argument;
  uint32_t i;
  for (i = 0; i < step->argument_count; ++i)
    if (is_io(&buffers[arguments[i]]) && !instance->buffers[arguments[i]])
      return tw_fail(error, TW_ERROR_PACKAGE, "step %u uses buffer %u, an input or output of another entry", index,
                     arguments[i]);
  return TW_OK;
}

/* A dimension says, too, how much a package has room for: that is looked at before the steps behind change anything. */
static enum tw_status bind_dim(struct tw_instance *instance, const struct tw_pkg_step *step, struct tw_error *error) {
  const struct tw_pkg *package = &instance->program->package;
  const struct tw_pkg_dim *dim = tw_pkg_dims(package) + step->first;
  int64_t value;
  memcpy(&value, instance->buffers[tw_pkg_arguments(package)[step->first_argument]], sizeof value);
  if (value < dim->least || value > dim->most)
    return tw_fail(error, TW_ERROR_ARGUMENT,
                   "'%s' is %lld, the package was compiled for %lld to %lld: give another value, or compile the model "
                   "for more",
                   tw_pkg_string(package, dim->name), (long long)value, (long long)dim->least, (long long)dim->most);
  instance->dims[step->first] = value;
  return TW_OK;
}

/* Host code may write each of its arguments, other steps the first one. */
static int may_change_state(const struct tw_pkg *package, const struct tw_pkg_step *step) {
  const uint32_t written =
      step->op == TW_PKG_STEP_RUN ? step->argument_count : step->op == TW_PKG_STEP_COPY || step->op == TW_PKG_STEP_SIZE;
  uint32_t i;
  for (i = 0; i < written; ++i)
    if (tw_pkg_buffers(package)[tw_pkg_arguments(package)[step->first_argument + i]].kind == TW_PKG_STATE)
      return 1;
  return 0;
}

static int is_gpu_step(const struct tw_pkg *package, const struct tw_pkg_step *step) {
  return tw_pkg_runs(package, step) == TW_PKG_GPU || step->to_space != 0 || step->from_space != 0;
}

/* The steps of a GPU follow each other by themselves. Others wait for what the GPU brings them; a job of the NPU does
 * not say what it reads. */
static enum tw_status wait_for_gpu(struct tw_instance *instance, uint32_t index, const struct tw_pkg_step *step,
                                   struct tw_error *error) {
  const struct tw_pkg *package = &instance->program->package;
  const uint32_t *arguments = tw_pkg_arguments(package) + step->first_argument;
  int is_needed = tw_pkg_runs(package, step) == TW_PKG_STREAM;
  uint32_t i;
  if (!has_gpu(instance) || !tw_gpu_brings_any(instance->gpu))
    return TW_OK;
  for (i = 0; i < step->argument_count; ++i)
    is_needed |= tw_gpu_brings(instance->gpu, arguments[i]);
  return is_needed ? tw_gpu_wait(instance->gpu, index, 0, error) : TW_OK;
}

static enum tw_status run_step(struct tw_instance *instance, uint32_t index, struct tw_run_stats *stats,
                               struct tw_error *error) {
  const struct tw_pkg *package = &instance->program->package;
  const struct tw_pkg_step *step = tw_pkg_steps(package) + index;
  const uint32_t *arguments = tw_pkg_arguments(package);
  struct tw_job_result job;
  enum tw_status status = TW_OK;
  const int is_job = tw_pkg_runs(package, step) == TW_PKG_STREAM;
  memset(&job, 0, sizeof job);
  status = check_bound(instance, index, step, error);
  if (status != TW_OK)
    return status;
  instance->touches_state |= may_change_state(package, step);
  status = wait_for_gpu(instance, index, step, error);
  if (status != TW_OK)
    return status;
  if (has_gpu(instance) ? step->op == TW_PKG_STEP_INSTEAD : tw_pkg_runs(package, step) == TW_PKG_GPU)
    return TW_OK;     /* the other of the two does it */
  switch (step->op) { /* those that are not here were refused when the program was loaded */
  case TW_PKG_STEP_RUN:
  case TW_PKG_STEP_INSTEAD:
    if (is_job) {
      status = run_npu(instance, index, step, &job, stats, error);
    } else if (is_gpu_step(package, step)) {
      status = tw_gpu_run(instance->gpu, index, error);
      stats->gpu_steps += 1;
    } else {
      status = run_host(instance, index, step, stats, error);
    }
    break;
  case TW_PKG_STEP_SYNC: /* mapped memory is coherent */
    break;
  case TW_PKG_STEP_COPY:
    if (has_gpu(instance) && is_gpu_step(package, step))
      status = tw_gpu_copy(instance->gpu, index, instance->buffers, error);
    else
      memmove(instance->buffers[arguments[step->first_argument]],
              instance->buffers[arguments[step->first_argument + 1]], step->bytes);
    break;
  case TW_PKG_STEP_BIND_DIM:
    status = bind_dim(instance, step, error);
    break;
  case TW_PKG_STEP_SIZE:
    memcpy(instance->buffers[arguments[step->first_argument]], &instance->dims[step->first], sizeof(int64_t));
    break;
  }
  if (status == TW_OK && instance->observer && has_gpu(instance) && is_gpu_step(package, step))
    status = tw_gpu_wait(instance->gpu, index, 1, error);
  if (status == TW_OK && instance->observer)
    instance->observer(instance->observer_context, index, is_job ? &job : NULL, instance->buffers);
  return status;
}

/* The caller's memory becomes the buffers of the run: copied if the NPU sees them, else as it is. What an earlier run
 * bound is forgotten. */
static void bind_inputs(struct tw_instance *instance, const struct tw_pkg_entry *entry, const void *const *inputs,
                        void *const *outputs) {
  const struct tw_pkg *package = &instance->program->package;
  const struct tw_pkg_buffer *buffers = tw_pkg_buffers(package);
  const uint32_t *arguments = tw_pkg_arguments(package);
  uint32_t i;
  for (i = 0; i < tw_pkg_plan_of(package)->buffer_count; ++i)
    if (is_io(&buffers[i]) && !has_region(&buffers[i]))
      instance->buffers[i] = NULL;
  for (i = 0; i < entry->input_count; ++i) {
    const uint32_t buffer = arguments[entry->first_input + i];
    if (has_region(&buffers[buffer]))
      memcpy(instance->buffers[buffer], inputs[i], buffers[buffer].size);
    else
      instance->buffers[buffer] = (void *)(uintptr_t)inputs[i]; /* host functions only read inputs */
  }
  for (i = 0; i < entry->output_count; ++i) {
    const uint32_t buffer = arguments[entry->first_output + i];
    if (!has_region(&buffers[buffer]))
      instance->buffers[buffer] = outputs[i];
  }
}

static void copy_outputs(struct tw_instance *instance, const struct tw_pkg_entry *entry, void *const *outputs) {
  const struct tw_pkg *package = &instance->program->package;
  const struct tw_pkg_buffer *buffers = tw_pkg_buffers(package);
  const uint32_t *arguments = tw_pkg_arguments(package);
  uint32_t i;
  for (i = 0; i < entry->output_count; ++i) {
    const uint32_t buffer = arguments[entry->first_output + i];
    if (has_region(&buffers[buffer]))
      memcpy(outputs[i], instance->buffers[buffer], buffers[buffer].size);
  }
}

static enum tw_status run_steps(struct tw_instance *instance, const struct tw_pkg_entry *entry,
                                const void *const *inputs, void *const *outputs, const int64_t *values,
                                struct tw_run_stats *stats, struct tw_error *error) {
  const struct tw_pkg *package = &instance->program->package;
  enum tw_status status = TW_OK, ended;
  uint32_t i;
  open_regions(instance);
  bind_inputs(instance, entry, inputs, outputs);
  for (i = 0; i < tw_pkg_plan_of(package)->dim_count; ++i)
    instance->dims[i] = values && values[i] != TW_UNBOUND ? values[i] : tw_pkg_dims(package)[i].most;
  instance->touches_state = 0;
  for (i = 0; i < entry->step_count && status == TW_OK; ++i)
    status = run_step(instance, entry->first_step + i, stats, error);
  if (has_gpu(instance)) { /* of a run that failed, too, nothing is under way any more */
    ended = tw_gpu_wait(instance->gpu, entry->first_step + entry->step_count - 1, 1, status == TW_OK ? error : NULL);
    status = status == TW_OK ? ended : status;
  }
  return status;
}

/* Of a run that the GPU has failed: may it begin again on the host? */
static int may_leave_gpu(const struct tw_instance *instance) {
  return instance->gpu && tw_gpu_lost(instance->program->gpu) && !instance->touches_state &&
         tw_gpu_has_host_code(&instance->program->package);
}

enum tw_status tw_instance_run(struct tw_instance *instance, int index, const void *const *inputs, void *const *outputs,
                               struct tw_run_stats *stats, struct tw_error *error) {
  return tw_run_bound(instance, index, inputs, outputs, NULL, stats, error);
}

enum tw_status tw_run_bound(struct tw_instance *instance, int index, const void *const *inputs, void *const *outputs,
                            const int64_t *values, struct tw_run_stats *stats, struct tw_error *error) {
  const struct tw_pkg *package = &instance->program->package;
  const struct tw_pkg_entry *entry;
  struct tw_device *device = instance->program->device;
  struct tw_run_stats local;
  enum tw_status status = TW_OK;
  if (!stats)
    stats = &local;
  memset(stats, 0, sizeof *stats);
  if (index < 0 || (uint32_t)index >= tw_pkg_plan_of(package)->entry_count)
    return tw_fail(error, TW_ERROR_ARGUMENT, "entry %d of %u: ask tw_program_entry", index,
                   tw_pkg_plan_of(package)->entry_count);
  if (instance->is_state_broken)
    return tw_fail(error, TW_ERROR_ARGUMENT,
                   "an earlier run failed when it had begun to change the state: reset it (tw_instance_reset_state)");
  entry = tw_pkg_entries(package) + index;
  if (device->owner && device->owner != instance->program->number && tw_pkg_image_of(package, TW_PKG_STREAM))
    status = tw_clear(device, device->owner == TW_OWNER_CALLER ? tw_program_config(instance->program) : &device->config,
                      error);
  if (status == TW_OK)
    status = share_budget(instance, entry, error);
  if (status == TW_OK && instance->gpu && tw_gpu_lost(instance->program->gpu))
    status = go_on_without(instance, error);
  if (status == TW_OK)
    status = take_scratch(instance, error); /* there may be more threads than before */
  if (status != TW_OK)
    return status;
  status = run_steps(instance, entry, inputs, outputs, values, stats, error);
  if (status == TW_ERROR_LOST && may_leave_gpu(instance)) {
    memset(stats, 0, sizeof *stats);
    status = leave_gpu(instance, error);
    if (status == TW_OK)
      status = run_steps(instance, entry, inputs, outputs, values, stats, error);
  }
  if (status == TW_OK)
    copy_outputs(instance, entry, outputs);
  else
    instance->is_state_broken = instance->touches_state;
  return status;
}
