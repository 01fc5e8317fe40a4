/* SPDX-License-Identifier: Apache-2.0 */
/* What for: the functions of NVIDIA's driver library that are used here, found at run time. No header of CUDA and no
 * library is needed to build this.
 * Called by: gpu.c and gpurun.c.
 * Does not: load anything by itself: tw_cuda_open does, for a package that runs GPU code. */
#ifndef TW_DRIVERS_LIB_CUDA_H
#define TW_DRIVERS_LIB_CUDA_H

#include "internal.h"

#define TW_CUDA_LIBRARY "libcuda.so.1"

/* Results, attributes and options by their numbers in the driver API, which are stable. */
enum {
  TW_CUDA_SUCCESS = 0,
  TW_CUDA_OUT_OF_MEMORY = 2,
  TW_CUDA_NO_DEVICE = 100,
  TW_CUDA_NO_BINARY = 209,
  TW_CUDA_INVALID_PTX = 218,
  TW_CUDA_UNSUPPORTED_PTX = 222,
  TW_CUDA_NOT_FOUND = 500,
  TW_CUDA_NOT_READY = 600,

  TW_CUDA_SHARED_BYTES = 8, /* of a block */
  TW_CUDA_MAJOR = 75,       /* compute capability */
  TW_CUDA_MINOR = 76,

  TW_CUDA_JIT_LOG = 5,
  TW_CUDA_JIT_LOG_BYTES = 6,

  TW_CUDA_STREAM_NON_BLOCKING = 1,
  TW_CUDA_EVENT_DISABLE_TIMING = 2
};

typedef unsigned long long tw_cuda_pointer; /* in the GPU's memory; 0: none */

/* X(member, symbol, parameters); handles are opaque pointers, the result is a number of the enum above or another. */
#define TW_CUDA_LIST(X)                                                                                                \
  X(init, cuInit, (unsigned flags))                                                                                    \
  X(version, cuDriverGetVersion, (int *version))                                                                       \
  X(device_count, cuDeviceGetCount, (int *count))                                                                      \
  X(device, cuDeviceGet, (int *device, int ordinal))                                                                   \
  X(device_name, cuDeviceGetName, (char *name, int size, int device))                                                  \
  X(device_attribute, cuDeviceGetAttribute, (int *value, int attribute, int device))                                   \
  X(context_retain, cuDevicePrimaryCtxRetain, (void **context, int device))                                            \
  X(context_release, cuDevicePrimaryCtxRelease_v2, (int device))                                                       \
  X(context_push, cuCtxPushCurrent_v2, (void *context))                                                                \
  X(context_pop, cuCtxPopCurrent_v2, (void **context))                                                                 \
  X(module_load, cuModuleLoadDataEx, (void **module, const void *image, unsigned count, int *options, void **values))  \
  X(module_unload, cuModuleUnload, (void *module))                                                                     \
  X(module_function, cuModuleGetFunction, (void **function, void *module, const char *name))                           \
  X(allocate, cuMemAlloc_v2, (tw_cuda_pointer * pointer, size_t bytes))                                                \
  X(free, cuMemFree_v2, (tw_cuda_pointer pointer))                                                                     \
  X(host_allocate, cuMemAllocHost_v2, (void **pointer, size_t bytes))                                                  \
  X(host_free, cuMemFreeHost, (void *pointer))                                                                         \
  X(upload, cuMemcpyHtoD_v2, (tw_cuda_pointer to, const void *from, size_t bytes))                                     \
  X(upload_async, cuMemcpyHtoDAsync_v2, (tw_cuda_pointer to, const void *from, size_t bytes, void *stream))            \
  X(download_async, cuMemcpyDtoHAsync_v2, (void *to, tw_cuda_pointer from, size_t bytes, void *stream))                \
  X(stream_create, cuStreamCreate, (void **stream, unsigned flags))                                                    \
  X(stream_destroy, cuStreamDestroy_v2, (void *stream))                                                                \
  X(event_create, cuEventCreate, (void **event, unsigned flags))                                                       \
  X(event_destroy, cuEventDestroy_v2, (void *event))                                                                   \
  X(event_record, cuEventRecord, (void *event, void *stream))                                                          \
  X(event_query, cuEventQuery, (void *event))                                                                          \
  X(launch, cuLaunchKernel,                                                                                            \
    (void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,            \
     unsigned block_z, unsigned shared_bytes, void *stream, void **parameters, void **extra))                          \
  X(error_name, cuGetErrorName, (int result, const char **name))                                                       \
  X(error_text, cuGetErrorString, (int result, const char **text))

struct tw_cuda {
  void *library;
#define TW_CUDA_MEMBER(member, symbol, parameters) int(*member) parameters;
  TW_CUDA_LIST(TW_CUDA_MEMBER)
#undef TW_CUDA_MEMBER
};

/* `path` NULL: TW_CUDA_LIBRARY, as the system finds it. TW_ERROR_GPU: there is none, or it lacks a function. */
enum tw_status tw_cuda_open(struct tw_cuda *cuda, const char *path, struct tw_error *error);
void tw_cuda_close(struct tw_cuda *cuda);

/* "CUDA_ERROR_ILLEGAL_ADDRESS, an illegal memory access was encountered" */
struct tw_cuda_text {
  char text[160];
};
struct tw_cuda_text tw_cuda_text_of(const struct tw_cuda *cuda, int result);

/* A GPU that a program's kernels run on. */
struct tw_gpu {
  struct tw_cuda cuda;
  int device;
  void *context; /* the device's primary one: shared with whoever else in the process uses it */
  char name[96];
  void *module;
  void **kernels;             /* by launch of the package */
  tw_cuda_pointer *constants; /* by buffer of the package: the copy of a CONSTANT that kernels read; 0: none */
  uint32_t constant_count;    /* buffers of the package */
  uint32_t wait_ms;
  int is_hung;    /* it did not end in time: nothing that waits for it may be called any more */
  char lost[400]; /* why it runs no more, if it does not */
};

/* The caller's context becomes current again. */
enum tw_status tw_gpu_enter(struct tw_gpu *gpu, struct tw_error *error);
void tw_gpu_leave(struct tw_gpu *gpu);

#endif
