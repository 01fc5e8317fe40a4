/* SPDX-License-Identifier: Apache-2.0 */
/* An instance's memory on a GPU, and the steps of a run that are the GPU's. Copies and kernels go to one stream, in the
 * order of the plan, and the host goes on: it waits where it needs what a copy brings. Copies go through memory that
 * the GPU reaches by itself, so that a buffer of the host is free for other steps at once, and one that hangs cannot
 * write to any. */
#define _GNU_SOURCE
#include "cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A copy to the host whose bytes wait in the staging memory. */
struct tw_gpu_arrival {
  uint32_t step, buffer;
  void *to;
};

struct tw_gpu_memory {
  struct tw_gpu *gpu;
  const struct tw_pkg *package;
  tw_cuda_pointer memory; /* of DEVICE buffers */
  uint8_t *staging;
  uint64_t *slices; /* by step: where its copy lies in the staging memory */
  void *stream, *event;
  struct tw_gpu_arrival *arrivals;
  uint32_t arrival_count;
  tw_cuda_pointer *pointers; /* of the launch that is made, and where they are */
  void **parameters;
};

static const struct tw_pkg_step *step_of(const struct tw_gpu_memory *memory, uint32_t index) {
  return tw_pkg_steps(memory->package) + index;
}

static int is_gpu_copy(const struct tw_pkg_step *step) {
  return step->op == TW_PKG_STEP_COPY && (step->to_space == 1 || step->from_space == 1);
}

/* What a GPU that has failed once says, it says ever after: its context is gone. */
static enum tw_status lose(struct tw_gpu_memory *memory, uint32_t index, const char *what, struct tw_error *error) {
  struct tw_gpu *gpu = memory->gpu;
  const struct tw_pkg_step *step = step_of(memory, index);
  const char *name = step->name == TW_PKG_NONE ? NULL : tw_pkg_string(memory->package, step->name);
  if (!gpu->lost[0])
    snprintf(gpu->lost, sizeof gpu->lost, "GPU '%s' was lost at step %u%s%.80s%s: %s", gpu->name, index,
             name ? " ('" : "", name ? name : "", name ? "')" : "", what);
  memory->arrival_count = 0;
  return tw_fail(error, TW_ERROR_LOST, "%s: close the program and load it again", gpu->lost);
}

static enum tw_status lose_by(struct tw_gpu_memory *memory, uint32_t index, int result, struct tw_error *error) {
  return lose(memory, index, tw_cuda_text_of(&memory->gpu->cuda, result).text, error);
}

static enum tw_status create(struct tw_gpu_memory *memory, struct tw_error *error) {
  const struct tw_cuda *cuda = &memory->gpu->cuda;
  const struct tw_pkg *package = memory->package;
  const uint32_t steps = tw_pkg_plan_of(package)->step_count;
  const uint64_t bytes = tw_pkg_launches_of(package)->memory_bytes;
  const uint32_t pointers = tw_pkg_launches_of(package)->pointer_count; /* enough for each launch */
  uint64_t staged = 0;
  uint32_t i;
  int result = TW_CUDA_SUCCESS;
  memory->pointers = calloc((size_t)pointers + 1, sizeof *memory->pointers);
  memory->parameters = calloc((size_t)pointers + 1, sizeof *memory->parameters);
  memory->slices = calloc((size_t)steps + 1, sizeof *memory->slices);
  memory->arrivals = calloc((size_t)steps + 1, sizeof *memory->arrivals);
  if (!memory->slices || !memory->arrivals || !memory->pointers || !memory->parameters)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for an instance");
  for (i = 0; i < steps; ++i) {
    memory->slices[i] = staged;
    if (is_gpu_copy(step_of(memory, i)))
      staged += (step_of(memory, i)->bytes + TW_PKG_ALIGN - 1) / TW_PKG_ALIGN * TW_PKG_ALIGN;
    if (staged > TW_PKG_MAX_BYTES)
      return tw_fail(error, TW_ERROR_PACKAGE,
                     "the steps of the package copy more than %llu bytes to and from a GPU: compile the model again",
                     (unsigned long long)TW_PKG_MAX_BYTES);
  }
  if (bytes)
    result = cuda->allocate(&memory->memory, bytes);
  if (result != TW_CUDA_SUCCESS)
    memory->memory = 0;
  if (result == TW_CUDA_SUCCESS && staged) {
    void *pinned = NULL;
    result = cuda->host_allocate(&pinned, staged);
    memory->staging = result == TW_CUDA_SUCCESS ? pinned : NULL;
  }
  if (result == TW_CUDA_OUT_OF_MEMORY)
    return tw_fail(error, TW_ERROR_NO_MEMORY,
                   "GPU '%s' has no memory left: the package needs %llu bytes of it, and %llu of the host for copies: "
                   "close other programs that use the GPU",
                   memory->gpu->name, (unsigned long long)bytes, (unsigned long long)staged);
  if (result == TW_CUDA_SUCCESS && cuda->stream_create(&memory->stream, TW_CUDA_STREAM_NON_BLOCKING) != TW_CUDA_SUCCESS)
    memory->stream = NULL;
  if (memory->stream && cuda->event_create(&memory->event, TW_CUDA_EVENT_DISABLE_TIMING) != TW_CUDA_SUCCESS)
    memory->event = NULL;
  if (!memory->event)
    return tw_fail(error, TW_ERROR_GPU, "GPU '%s' gives an instance no memory or stream%s%s: load the program again",
                   memory->gpu->name, result == TW_CUDA_SUCCESS ? "" : ": ",
                   result == TW_CUDA_SUCCESS ? "" : tw_cuda_text_of(cuda, result).text);
  return TW_OK;
}

enum tw_status tw_gpu_memory_create(struct tw_gpu *gpu, const struct tw_pkg *package, struct tw_gpu_memory **result,
                                    struct tw_error *error) {
  struct tw_gpu_memory *memory = calloc(1, sizeof *memory);
  enum tw_status status;
  *result = NULL;
  if (!memory)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for an instance");
  memory->gpu = gpu;
  memory->package = package;
  status = tw_gpu_enter(gpu, error);
  if (status == TW_OK) {
    status = create(memory, error);
    tw_gpu_leave(gpu);
  }
  if (status != TW_OK) {
    tw_gpu_memory_destroy(memory);
    return status;
  }
  *result = memory;
  return TW_OK;
}

void tw_gpu_memory_destroy(struct tw_gpu_memory *memory) {
  const struct tw_cuda *cuda;
  if (!memory)
    return;
  cuda = &memory->gpu->cuda;
  if (!memory->gpu->is_hung && tw_gpu_enter(memory->gpu, NULL) == TW_OK) {
    if (memory->event)
      cuda->event_destroy(memory->event);
    if (memory->stream)
      cuda->stream_destroy(memory->stream);
    if (memory->staging)
      cuda->host_free(memory->staging);
    if (memory->memory)
      cuda->free(memory->memory);
    tw_gpu_leave(memory->gpu);
  }
  free(memory->parameters);
  free(memory->pointers);
  free(memory->arrivals);
  free(memory->slices);
  free(memory);
}

static tw_cuda_pointer address_of(const struct tw_gpu_memory *memory, uint32_t buffer) {
  const struct tw_pkg_buffer *row = tw_pkg_buffers(memory->package) + buffer;
  return row->kind == TW_PKG_DEVICE ? memory->memory + row->offset : memory->gpu->constants[buffer];
}

static int launch(const struct tw_gpu_memory *memory, const struct tw_pkg_step *step, uint32_t index) {
  const struct tw_pkg_launch *row = tw_pkg_launch_rows(memory->package) + index;
  const uint32_t *arguments = tw_pkg_arguments(memory->package) + step->first_argument;
  uint32_t i;
  for (i = 0; i < row->pointer_count; ++i) {
    const struct tw_pkg_pointer *pointer = tw_pkg_pointers(memory->package) + row->first_pointer + i;
    memory->pointers[i] = address_of(memory, arguments[pointer->argument]) + pointer->offset;
    memory->parameters[i] = &memory->pointers[i];
  }
  return memory->gpu->cuda.launch(memory->gpu->kernels[index], row->blocks, 1, 1, row->threads, 1, 1, 0, memory->stream,
                                  memory->parameters, NULL);
}

enum tw_status tw_gpu_run(struct tw_gpu_memory *memory, uint32_t index, struct tw_error *error) {
  const struct tw_pkg_step *step = step_of(memory, index);
  enum tw_status status = tw_gpu_enter(memory->gpu, error);
  int result = TW_CUDA_SUCCESS;
  uint32_t i;
  if (status != TW_OK)
    return status;
  for (i = 0; i < step->count && result == TW_CUDA_SUCCESS; ++i)
    result = launch(memory, step, step->first + i);
  if (result != TW_CUDA_SUCCESS)
    status = lose_by(memory, index, result, error);
  tw_gpu_leave(memory->gpu);
  return status;
}

enum tw_status tw_gpu_copy(struct tw_gpu_memory *memory, uint32_t index, void *const *buffers, struct tw_error *error) {
  const struct tw_cuda *cuda = &memory->gpu->cuda;
  const struct tw_pkg_step *step = step_of(memory, index);
  const uint32_t *arguments = tw_pkg_arguments(memory->package) + step->first_argument;
  uint8_t *slice = memory->staging + memory->slices[index];
  enum tw_status status;
  int result = TW_CUDA_SUCCESS;
  if (step->bytes == 0)
    return TW_OK;
  status = tw_gpu_enter(memory->gpu, error);
  if (status != TW_OK)
    return status;
  if (step->to_space == 1) {
    memcpy(slice, buffers[arguments[1]], step->bytes);
    result = cuda->upload_async(address_of(memory, arguments[0]), slice, step->bytes, memory->stream);
  } else {
    struct tw_gpu_arrival *arrival = &memory->arrivals[memory->arrival_count];
    result = cuda->download_async(slice, address_of(memory, arguments[1]), step->bytes, memory->stream);
    if (result == TW_CUDA_SUCCESS)
      result = cuda->event_record(memory->event, memory->stream);
    arrival->step = index;
    arrival->buffer = arguments[0];
    arrival->to = buffers[arguments[0]];
    memory->arrival_count += result == TW_CUDA_SUCCESS;
  }
  if (result != TW_CUDA_SUCCESS)
    status = lose_by(memory, index, result, error);
  tw_gpu_leave(memory->gpu);
  return status;
}

int tw_gpu_brings(const struct tw_gpu_memory *memory, uint32_t buffer) {
  uint32_t i;
  for (i = 0; i < memory->arrival_count; ++i)
    if (memory->arrivals[i].buffer == buffer)
      return 1;
  return 0;
}

int tw_gpu_brings_any(const struct tw_gpu_memory *memory) { return memory->arrival_count != 0; }

static uint64_t now_ms(void) {
  struct timespec time = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000u + (uint64_t)time.tv_nsec / 1000000u;
}

/* By asking: a call that waits could wait for ever. */
static enum tw_status wait_event(struct tw_gpu_memory *memory, uint32_t index, struct tw_error *error) {
  const uint64_t end = now_ms() + memory->gpu->wait_ms;
  uint32_t asked = 0;
  for (;;) {
    const int result = memory->gpu->cuda.event_query(memory->event);
    const struct timespec pause = {0, 20000};
    if (result == TW_CUDA_SUCCESS)
      return TW_OK;
    if (result != TW_CUDA_NOT_READY)
      return lose_by(memory, index, result, error);
    if (now_ms() >= end) {
      char text[96];
      memory->gpu->is_hung = 1;
      snprintf(text, sizeof text, "it did not end in %u ms", memory->gpu->wait_ms);
      return lose(memory, index, text, error);
    }
    if (++asked > 1000)
      nanosleep(&pause, NULL);
  }
}

enum tw_status tw_gpu_wait(struct tw_gpu_memory *memory, uint32_t index, int is_all, struct tw_error *error) {
  const struct tw_cuda *cuda = &memory->gpu->cuda;
  enum tw_status status = tw_gpu_enter(memory->gpu, error);
  int result = TW_CUDA_SUCCESS;
  uint32_t i;
  if (status != TW_OK)
    return status;
  if (is_all)
    result = cuda->event_record(memory->event, memory->stream);
  status = result == TW_CUDA_SUCCESS ? wait_event(memory, index, error) : lose_by(memory, index, result, error);
  for (i = 0; i < memory->arrival_count; ++i) {
    const struct tw_gpu_arrival *arrival = &memory->arrivals[i];
    memcpy(arrival->to, memory->staging + memory->slices[arrival->step], step_of(memory, arrival->step)->bytes);
  }
  memory->arrival_count = 0;
  tw_gpu_leave(memory->gpu);
  return status;
}
