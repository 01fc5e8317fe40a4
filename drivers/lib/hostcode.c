/* SPDX-License-Identifier: Apache-2.0 */
/* Host code of a package: an ELF shared object, mapped from an anonymous file. It needs no library and runs no code
 * until a step calls it. */
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The file stays open as long as the library: dlopen knows libraries by their path, and the path of a closed file would
 * come back for the next package. */
struct tw_host_code {
  void *handle;
  int file;
};

/* Host code is compiled for x86-64-v3 unless it says otherwise in the symbol tw_host_cpu (a NUL-terminated name). */
static const char *missing_feature(const char *cpu) {
#if defined(__x86_64__)
  if (cpu && cpu[0] == 'x' && __builtin_strcmp(cpu, "x86-64") == 0)
    return NULL;
  if (!__builtin_cpu_supports("avx2"))
    return "AVX2";
  if (!__builtin_cpu_supports("fma"))
    return "FMA";
  if (!__builtin_cpu_supports("bmi2"))
    return "BMI2";
  return NULL;
#else
  (void)cpu;
  return "the x86-64 instruction set";
#endif
}

enum tw_status tw_host_code_load(const void *elf, uint64_t size, struct tw_host_code **result, struct tw_error *error) {
  struct tw_host_code *code;
  const char *missing;
  char path[32];
  uint64_t written = 0;
  int file = memfd_create("tw-host-code", MFD_CLOEXEC);
  *result = NULL;
  if (file < 0)
    return tw_fail(error, TW_ERROR_HOST_CODE, "the system gives no anonymous file for the package's host code");
  while (written < size) {
    const ssize_t count = write(file, (const char *)elf + written, size - written);
    if (count <= 0) {
      close(file);
      return tw_fail(error, TW_ERROR_HOST_CODE, "only %llu of %llu bytes of host code fit into memory",
                     (unsigned long long)written, (unsigned long long)size);
    }
    written += (uint64_t)count;
  }
  code = calloc(1, sizeof *code);
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  if (code) {
    code->file = file;
    code->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  }
  if (!code || !code->handle) {
    const char *reason = code ? dlerror() : "no host memory";
    close(file);
    free(code);
    return tw_fail(error, TW_ERROR_HOST_CODE, "the package's host code cannot be loaded: %s", reason ? reason : "?");
  }
  missing = missing_feature(dlsym(code->handle, "tw_host_cpu"));
  if (missing) {
    tw_host_code_unload(code);
    return tw_fail(error, TW_ERROR_HOST_CODE,
                   "the package's host code needs %s, which this processor lacks: compile with --host-cpu x86-64",
                   missing);
  }
  *result = code;
  return TW_OK;
}

void tw_host_code_unload(struct tw_host_code *code) {
  if (!code)
    return;
  dlclose(code->handle);
  close(code->file);
  free(code);
}

tw_host_function tw_host_code_find(struct tw_host_code *code, const char *name) {
  union { /* ISO C has no conversion from an object to a function pointer */
    void *object;
    tw_host_function function;
  } symbol;
  symbol.object = code && name ? dlsym(code->handle, name) : NULL;
  return symbol.function;
}
