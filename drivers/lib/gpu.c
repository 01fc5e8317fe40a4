/* SPDX-License-Identifier: Apache-2.0 */
/* A package's GPU code on the GPU that the driver library finds: the image for it, its kernels, and copies of the
 * constants that they read. */
#include "cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum tw_status tw_gpu_enter(struct tw_gpu *gpu, struct tw_error *error) {
  const int result = gpu->cuda.context_push(gpu->context);
  if (result == TW_CUDA_SUCCESS)
    return TW_OK;
  return tw_fail(error, TW_ERROR_GPU, "GPU '%s' cannot be made current: %s", gpu->name,
                 tw_cuda_text_of(&gpu->cuda, result).text);
}

void tw_gpu_leave(struct tw_gpu *gpu) {
  void *context = NULL;
  gpu->cuda.context_pop(&context);
}

int tw_gpu_is_used(const struct tw_pkg *package) {
  uint32_t i;
  for (i = 0; i < tw_pkg_plan_of(package)->step_count; ++i)
    if (tw_pkg_runs(package, tw_pkg_steps(package) + i) == TW_PKG_GPU)
      return 1;
  return 0;
}

int tw_gpu_has_host_code(const struct tw_pkg *package) {
  const uint32_t count = tw_pkg_plan_of(package)->step_count;
  const struct tw_pkg_step *steps = tw_pkg_steps(package);
  uint32_t i;
  for (i = 0; i < count; ++i)
    if (tw_pkg_runs(package, &steps[i]) == TW_PKG_GPU && (i + 1 == count || steps[i + 1].op != TW_PKG_STEP_INSTEAD))
      return 0;
  return 1;
}

/* Compute capability of `sm_80`: 80; -1 for no such name. */
static int capability_of(const char *target) {
  int value = 0, digits = 0;
  if (strncmp(target, "sm_", 3) != 0)
    return -1;
  for (target += 3; *target >= '0' && *target <= '9' && digits < 4; ++target, ++digits)
    value = value * 10 + (*target - '0');
  return *target || digits < 2 ? -1 : value;
}

/* A GPU of compute capability 0.0 is the emulator of the tests: there is no other. */
static const struct tw_pkg_image *image_for(const struct tw_pkg *package, int capability) {
  const struct tw_pkg_image *best = NULL;
  uint32_t i;
  for (i = 0; i < tw_pkg_header_of(package)->image_count; ++i) {
    const struct tw_pkg_image *image = tw_pkg_images(package) + i;
    const int its = capability_of(image->target);
    if (image->kind != TW_PKG_GPU)
      continue;
    if (capability == 0 ? strcmp(image->target, "emulated") == 0 : its >= 0 && its <= capability)
      if (!best || its > capability_of(best->target))
        best = image;
  }
  return best;
}

/* The first line of a log, so that a message stays one. */
static void first_line(char *log) {
  char *at = log;
  while (*at && (*at == '\n' || *at == '\r' || *at == ' '))
    ++at;
  memmove(log, at, strlen(at) + 1);
  for (at = log; *at && *at != '\n' && *at != '\r'; ++at)
    if (*at < ' ' || *at > '~')
      *at = '?';
  *at = 0;
}

/* "7.0" of a text that says ".version 7.0". */
static void ptx_version(const struct tw_pkg *package, const struct tw_pkg_image *image, char *version, size_t size) {
  const char *text = (const char *)package->bytes + image->offset, *at = strstr(text, ".version ");
  size_t i = 0;
  for (at = at ? at + 9 : ""; i + 1 < size && ((*at >= '0' && *at <= '9') || *at == '.'); ++at)
    version[i++] = *at;
  version[i] = 0;
}

static enum tw_status load_module(struct tw_gpu *gpu, const struct tw_pkg *package, const struct tw_pkg_image *image,
                                  struct tw_error *error) {
  const struct tw_cuda *cuda = &gpu->cuda;
  char log[1024] = "", version[16];
  int options[2] = {TW_CUDA_JIT_LOG, TW_CUDA_JIT_LOG_BYTES}, driver = 0, result;
  void *values[2];
  values[0] = log;
  values[1] = (void *)(uintptr_t)sizeof log; /* options that are numbers are handed over so */
  result = cuda->module_load(&gpu->module, package->bytes + image->offset, 2, options, values);
  if (result == TW_CUDA_SUCCESS)
    return TW_OK;
  gpu->module = NULL;
  log[sizeof log - 1] = 0;
  first_line(log);
  ptx_version(package, image, version, sizeof version);
  cuda->version(&driver);
  if (result == TW_CUDA_UNSUPPORTED_PTX)
    return tw_fail(
        error, TW_ERROR_GPU,
        "the package's GPU code is PTX %s, which the installed driver (CUDA %d.%d) is too old for: install a "
        "newer driver, or compile the model for an older GPU (--gpu-arch)",
        version, driver / 1000, driver % 1000 / 10);
  if (result == TW_CUDA_OUT_OF_MEMORY)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "GPU '%s' has no memory for the package's code", gpu->name);
  return tw_fail(error, TW_ERROR_GPU, "the driver refuses the package's GPU code (%s)%s%.200s: compile the model again",
                 tw_cuda_text_of(cuda, result).text, log[0] ? ": " : "", log);
}

static enum tw_status find_kernels(struct tw_gpu *gpu, const struct tw_pkg *package, struct tw_error *error) {
  const struct tw_pkg_launches *head = tw_pkg_launches_of(package);
  int most = 0, result;
  uint32_t i;
  gpu->kernels = calloc((size_t)head->launch_count + 1, sizeof *gpu->kernels);
  if (!gpu->kernels)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for %u kernels", head->launch_count);
  gpu->cuda.device_attribute(&most, TW_CUDA_SHARED_BYTES, gpu->device);
  for (i = 0; i < head->launch_count; ++i) {
    const struct tw_pkg_launch *launch = tw_pkg_launch_rows(package) + i;
    const char *name = tw_pkg_string(package, launch->name);
    if (launch->shared_bytes > (uint32_t)most)
      return tw_fail(error, TW_ERROR_GPU,
                     "kernel '%.100s' needs %u bytes of shared memory and GPU '%s' has %d for a block: compile the "
                     "model for it (--gpu-arch)",
                     name, launch->shared_bytes, gpu->name, most);
    result = gpu->cuda.module_function(&gpu->kernels[i], gpu->module, name);
    if (result == TW_CUDA_NOT_FOUND)
      return tw_fail(error, TW_ERROR_GPU,
                     "a step launches '%.100s', which the package's GPU code does not have: compile the model again",
                     name);
    if (result != TW_CUDA_SUCCESS)
      return tw_fail(error, TW_ERROR_GPU, "kernel '%.100s' cannot be had of GPU '%s': %s", name, gpu->name,
                     tw_cuda_text_of(&gpu->cuda, result).text);
  }
  return TW_OK;
}

static enum tw_status copy_constant(struct tw_gpu *gpu, const struct tw_pkg *package, uint32_t buffer,
                                    struct tw_error *error) {
  const struct tw_pkg_buffer *row = tw_pkg_buffers(package) + buffer;
  const uint8_t *bytes = tw_pkg_data(package, TW_PKG_CONST, NULL);
  int result;
  if (row->kind != TW_PKG_CONSTANT || gpu->constants[buffer] || row->size == 0)
    return TW_OK;
  result = gpu->cuda.allocate(&gpu->constants[buffer], row->size);
  if (result != TW_CUDA_SUCCESS) {
    gpu->constants[buffer] = 0;
    return tw_fail(error, result == TW_CUDA_OUT_OF_MEMORY ? TW_ERROR_NO_MEMORY : TW_ERROR_GPU,
                   "GPU '%s' has no memory for a constant of %llu bytes: %s", gpu->name, (unsigned long long)row->size,
                   tw_cuda_text_of(&gpu->cuda, result).text);
  }
  result = gpu->cuda.upload(gpu->constants[buffer], bytes + row->offset, row->size);
  if (result != TW_CUDA_SUCCESS)
    return tw_fail(error, TW_ERROR_GPU, "constants cannot be copied to GPU '%s': %s", gpu->name,
                   tw_cuda_text_of(&gpu->cuda, result).text);
  return TW_OK;
}

static enum tw_status copy_constants(struct tw_gpu *gpu, const struct tw_pkg *package, struct tw_error *error) {
  enum tw_status status = TW_OK;
  uint32_t i, k;
  gpu->constant_count = tw_pkg_plan_of(package)->buffer_count;
  gpu->constants = calloc((size_t)gpu->constant_count + 1, sizeof *gpu->constants);
  if (!gpu->constants)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for a program");
  for (i = 0; i < tw_pkg_plan_of(package)->step_count; ++i) {
    const struct tw_pkg_step *step = tw_pkg_steps(package) + i;
    for (k = 0; tw_pkg_runs(package, step) == TW_PKG_GPU && k < step->argument_count && status == TW_OK; ++k)
      status = copy_constant(gpu, package, tw_pkg_arguments(package)[step->first_argument + k], error);
  }
  return status;
}

/* The first GPU, which is the one that CUDA_VISIBLE_DEVICES puts first. */
static enum tw_status find_device(struct tw_gpu *gpu, int *capability, struct tw_error *error) {
  const struct tw_cuda *cuda = &gpu->cuda;
  int count = 0, major = 0, minor = 0, result = cuda->init(0);
  if (result == TW_CUDA_SUCCESS)
    result = cuda->device_count(&count);
  if (result == TW_CUDA_NO_DEVICE || (result == TW_CUDA_SUCCESS && count == 0))
    return tw_fail(error, TW_ERROR_GPU,
                   "the package has GPU code, and the driver finds no GPU: run it where there is one, or compile the "
                   "model without (--devices) or with --fallback host");
  if (result == TW_CUDA_SUCCESS)
    result = cuda->device(&gpu->device, 0);
  if (result == TW_CUDA_SUCCESS)
    result = cuda->device_name(gpu->name, (int)sizeof gpu->name, gpu->device);
  if (result == TW_CUDA_SUCCESS)
    result = cuda->device_attribute(&major, TW_CUDA_MAJOR, gpu->device);
  if (result == TW_CUDA_SUCCESS)
    result = cuda->device_attribute(&minor, TW_CUDA_MINOR, gpu->device);
  gpu->name[sizeof gpu->name - 1] = 0;
  *capability = major * 10 + minor;
  if (result == TW_CUDA_SUCCESS)
    return TW_OK;
  return tw_fail(error, TW_ERROR_GPU, "the driver cannot start its GPU: %s", tw_cuda_text_of(cuda, result).text);
}

static enum tw_status check_image(const struct tw_gpu *gpu, const struct tw_pkg *package,
                                  const struct tw_pkg_image *image, int capability, struct tw_error *error) {
  if (image)
    return TW_OK;
  if (capability == 0)
    return tw_fail(error, TW_ERROR_GPU,
                   "the package's GPU code is for '%s', and '%s' is an emulator: compile the model for it, too "
                   "(--gpu-arch ...,emulated)",
                   tw_pkg_image_of(package, TW_PKG_GPU)->target, gpu->name);
  return tw_fail(error, TW_ERROR_GPU,
                 "the package's GPU code is for '%s' and GPU '%s' is sm_%d: compile the model for it (--gpu-arch sm_%d "
                 "or less)",
                 tw_pkg_image_of(package, TW_PKG_GPU)->target, gpu->name, capability, capability);
}

static enum tw_status open_gpu(struct tw_gpu *gpu, const struct tw_pkg *package, const char *library,
                               struct tw_error *error) {
  const struct tw_pkg_image *image = NULL;
  enum tw_status status;
  int capability = 0, result;
  status = tw_cuda_open(&gpu->cuda, library, error);
  if (status == TW_OK)
    status = find_device(gpu, &capability, error);
  if (status == TW_OK) {
    image = image_for(package, capability);
    status = check_image(gpu, package, image, capability, error);
  }
  if (status != TW_OK)
    return status;
  result = gpu->cuda.context_retain(&gpu->context, gpu->device);
  if (result != TW_CUDA_SUCCESS) {
    gpu->context = NULL;
    return tw_fail(error, TW_ERROR_GPU, "GPU '%s' cannot be used: %s", gpu->name,
                   tw_cuda_text_of(&gpu->cuda, result).text);
  }
  status = tw_gpu_enter(gpu, error);
  if (status != TW_OK)
    return status;
  status = load_module(gpu, package, image, error);
  if (status == TW_OK)
    status = find_kernels(gpu, package, error);
  if (status == TW_OK)
    status = copy_constants(gpu, package, error);
  tw_gpu_leave(gpu);
  return status;
}

enum tw_status tw_gpu_open(const struct tw_pkg *package, const char *library, uint32_t wait_ms, struct tw_gpu **result,
                           struct tw_error *error) {
  struct tw_gpu *gpu = calloc(1, sizeof *gpu);
  enum tw_status status;
  *result = NULL;
  if (!gpu)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for a program");
  gpu->wait_ms = wait_ms;
  status = open_gpu(gpu, package, library, error);
  if (status != TW_OK) {
    tw_gpu_close(gpu);
    return status;
  }
  *result = gpu;
  return TW_OK;
}

const char *tw_gpu_lost(const struct tw_gpu *gpu) { return gpu->lost[0] ? gpu->lost : NULL; }

/* Of a GPU that hangs, what waits for it is left to the end of the process. */
void tw_gpu_close(struct tw_gpu *gpu) {
  uint32_t i;
  if (!gpu)
    return;
  if (gpu->context && !gpu->is_hung) {
    if (tw_gpu_enter(gpu, NULL) == TW_OK) {
      for (i = 0; gpu->constants && i < gpu->constant_count; ++i)
        if (gpu->constants[i])
          gpu->cuda.free(gpu->constants[i]);
      if (gpu->module)
        gpu->cuda.module_unload(gpu->module);
      tw_gpu_leave(gpu);
    }
    gpu->cuda.context_release(gpu->device);
  }
  free(gpu->constants);
  free(gpu->kernels);
  if (!gpu->is_hung)
    tw_cuda_close(&gpu->cuda);
  free(gpu);
}
