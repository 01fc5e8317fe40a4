/* SPDX-License-Identifier: Apache-2.0 */
#include "cuda.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* ISO C has no conversion from an object to a function pointer. */
static int find(void *library, const char *symbol, void *function, size_t size) {
  void *found = dlsym(library, symbol);
  if (!found)
    return 0;
  memcpy(function, &found, size);
  return 1;
}

enum tw_status tw_cuda_open(struct tw_cuda *cuda, const char *path, struct tw_error *error) {
  const char *name = path ? path : TW_CUDA_LIBRARY, *missing = NULL;
  memset(cuda, 0, sizeof *cuda);
  cuda->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!cuda->library) {
    const char *why = dlerror();
    return tw_fail(error, TW_ERROR_GPU,
                   "the package has GPU code, and NVIDIA's driver library cannot be loaded (%.200s): install the "
                   "driver, or compile the model without a GPU (--devices) or with --fallback host",
                   why ? why : name);
  }
#define TW_CUDA_FIND(member, symbol, parameters)                                                                       \
  if (!missing && !find(cuda->library, #symbol, &cuda->member, sizeof cuda->member))                                   \
    missing = #symbol;
  TW_CUDA_LIST(TW_CUDA_FIND)
#undef TW_CUDA_FIND
  if (!missing)
    return TW_OK;
  tw_cuda_close(cuda);
  return tw_fail(error, TW_ERROR_GPU,
                 "library '%.200s' has no function '%s': it is no driver library of NVIDIA's, or one from before CUDA "
                 "11: install a newer driver",
                 name, missing);
}

void tw_cuda_close(struct tw_cuda *cuda) {
  if (cuda->library)
    dlclose(cuda->library);
  memset(cuda, 0, sizeof *cuda);
}

struct tw_cuda_text tw_cuda_text_of(const struct tw_cuda *cuda, int result) {
  struct tw_cuda_text its;
  const char *name = NULL, *text = NULL;
  if (cuda->error_name(result, &name) != TW_CUDA_SUCCESS || !name)
    name = "an unknown error";
  if (cuda->error_text(result, &text) != TW_CUDA_SUCCESS || !text)
    text = "which the driver does not explain";
  snprintf(its.text, sizeof its.text, "%s (%d), %s", name, result, text);
  return its;
}
