/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum tw_status package_error(struct tw_error *error, const struct tw_pkg_error *found) {
  const char *before = found->name ? ": '" : "", *name = found->name ? found->name : "",
             *behind = found->name ? "'" : "";
  if (found->expected == 0 && found->found == 0)
    return tw_fail(error, TW_ERROR_PACKAGE, "byte %llu: %s%s%s%s", (unsigned long long)found->offset, found->text,
                   before, name, behind);
  return tw_fail(error, TW_ERROR_PACKAGE, "byte %llu: %s%s%s%s: expected 0x%llx, found 0x%llx",
                 (unsigned long long)found->offset, found->text, before, name, behind,
                 (unsigned long long)found->expected, (unsigned long long)found->found);
}

/* Copies bytes of the package to the device. */
static enum tw_status upload(struct tw_program *program, const void *data, uint64_t size, struct tw_memory *memory,
                             struct tw_error *error) {
  enum tw_status status = tw_memory_allocate(program->device, size, memory, error);
  if (status == TW_OK && size)
    memcpy(memory->host, data, size);
  return status;
}

static enum tw_status upload_all(struct tw_program *program, struct tw_error *error) {
  const struct tw_pkg *package = &program->package;
  const struct tw_pkg_image *stream = tw_pkg_image_of(package, TW_PKG_STREAM);
  uint64_t size = 0;
  const void *constants = tw_pkg_data(package, TW_PKG_CONST, &size);
  enum tw_status status = TW_OK;
  if (stream)
    status = upload(program, package->bytes + stream->offset, stream->size, &program->code, error);
  if (status == TW_OK)
    status = upload(program, constants, size, &program->constants, error);
  return status;
}

/* Host code does whatever the process may do, so somebody must have said that it may run. */
static enum tw_status take_host_code(struct tw_program *program, uint32_t flags, struct tw_error *error) {
  const struct tw_pkg_image *image = tw_pkg_image_of(&program->package, TW_PKG_HOST);
  if (!(flags & TW_OPEN_ALLOW_HOST_CODE) && tw_gpu_is_used(&program->package))
    return tw_fail(error, TW_ERROR_HOST_CODE,
                   "the package has %llu bytes of GPU code, which run with all rights of this process on the GPU: open "
                   "it with TW_OPEN_ALLOW_HOST_CODE if you trust where it comes from",
                   (unsigned long long)tw_pkg_image_of(&program->package, TW_PKG_GPU)->size);
  if (!image)
    return TW_OK;
  if (!(flags & TW_OPEN_ALLOW_HOST_CODE))
    return tw_fail(error, TW_ERROR_HOST_CODE,
                   "the package has %llu bytes of host code, which run with all rights of this process: open it with "
                   "TW_OPEN_ALLOW_HOST_CODE if you trust where it comes from",
                   (unsigned long long)image->size);
  program->functions = calloc((size_t)tw_pkg_plan_of(&program->package)->phase_count + 1, sizeof *program->functions);
  if (!program->functions)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for a program");
  return tw_host_code_vet(&program->package, &program->image, program->functions, error);
}

/* The only place that loads a library: a package without GPU steps never comes behind the first line. */
static enum tw_status take_gpu(struct tw_program *program, struct tw_error *error) {
  struct tw_error found;
  enum tw_status status;
  if (!tw_gpu_is_used(&program->package))
    return TW_OK;
  status =
      tw_gpu_open(&program->package, program->device->gpu_library, program->device->gpu_wait_ms, &program->gpu, &found);
  if (status == TW_OK)
    return TW_OK;
  if (!tw_gpu_has_host_code(&program->package)) {
    if (error)
      *error = found;
    return status;
  }
  program->gpu_error = malloc(sizeof found);
  if (!program->gpu_error)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for a program");
  *program->gpu_error = found;
  return TW_OK;
}

const char *tw_program_without_gpu(const struct tw_program *program) {
  if (program->gpu)
    return tw_gpu_has_host_code(&program->package) ? tw_gpu_lost(program->gpu) : NULL;
  return program->gpu_error ? program->gpu_error->text : NULL;
}

/* Takes `bytes` (malloc) over. */
static enum tw_status load_owned(struct tw_device *device, uint64_t *bytes, uint64_t size, uint32_t flags,
                                 struct tw_program **result, struct tw_error *error) {
  struct tw_pkg_error found;
  enum tw_status status = TW_OK;
  struct tw_program *program = calloc(1, sizeof *program);
  *result = NULL;
  if (!program) {
    free(bytes);
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for a program");
  }
  program->device = device;
  program->number = ++device->programs;
  program->bytes = bytes;
  if (!tw_pkg_open(&program->package, bytes, size, &found) ||
      !tw_pkg_suits(&program->package, TW_ISA_HASH, device->cfg_hash, &found))
    status = package_error(error, &found);
  if (status == TW_OK)
    status = tw_check_able(&program->package, error);
  if (status == TW_OK)
    status = take_host_code(program, flags, error);
  if (status == TW_OK)
    status = upload_all(program, error);
  if (status == TW_OK)
    status = take_gpu(program, error);
  if (status != TW_OK) {
    tw_program_close(program);
    return status;
  }
  *result = program;
  return TW_OK;
}

static enum tw_status check_flags(uint32_t flags, struct tw_error *error) {
  if (flags & ~(uint32_t)TW_OPEN_ALLOW_HOST_CODE)
    return tw_fail(error, TW_ERROR_ARGUMENT, "flags 0x%x: only TW_OPEN_ALLOW_HOST_CODE (0x%x) is known", flags,
                   (unsigned)TW_OPEN_ALLOW_HOST_CODE);
  return TW_OK;
}

enum tw_status tw_program_load(struct tw_device *device, const void *bytes, uint64_t size, uint32_t flags,
                               struct tw_program **program, struct tw_error *error) {
  uint64_t *copy;
  *program = NULL;
  if (check_flags(flags, error) != TW_OK)
    return TW_ERROR_ARGUMENT;
  copy = malloc(size ? size : 1);
  if (!copy)
    return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for a package of %llu bytes", (unsigned long long)size);
  memcpy(copy, bytes, size);
  return load_owned(device, copy, size, flags, program, error);
}

enum tw_status tw_program_open(struct tw_device *device, const char *path, uint32_t flags, struct tw_program **program,
                               struct tw_error *error) {
  struct tw_pkg_header header;
  struct tw_pkg_error found;
  uint64_t *bytes = NULL;
  long size = -1;
  FILE *file;
  *program = NULL;
  if (check_flags(flags, error) != TW_OK)
    return TW_ERROR_ARGUMENT;
  file = fopen(path, "rb");
  if (!file)
    return tw_fail(error, TW_ERROR_PACKAGE, "%s: %s", path, strerror(errno));
  if (fseek(file, 0, SEEK_END) == 0)
    size = ftell(file);
  rewind(file);
  /* What is no package is refused before there is memory for all of it. */
  memset(&header, 0, sizeof header);
  if (size >= (long)sizeof header && fread(&header, sizeof header, 1, file) != 1)
    size = -1;
  if (size >= 0 && !tw_pkg_check_header(&header, (uint64_t)size, &found)) {
    fclose(file);
    return package_error(error, &found);
  }
  rewind(file);
  if (size >= 0)
    bytes = malloc((size_t)size);
  if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size) {
    fclose(file);
    free(bytes);
    return tw_fail(error, TW_ERROR_PACKAGE, "%s: cannot be read whole", path);
  }
  fclose(file);
  return load_owned(device, bytes, (uint64_t)size, flags, program, error);
}

void tw_program_close(struct tw_program *program) {
  if (!program)
    return;
  tw_memory_free(program->device, &program->code);
  tw_memory_free(program->device, &program->constants);
  tw_gpu_close(program->gpu);
  free(program->gpu_error);
  tw_host_code_unmap(&program->image, program->host_code);
  free(program->functions);
  free(program->bytes);
  free(program);
}

const struct tw_pkg *tw_program_package(const struct tw_program *program) { return &program->package; }

int tw_program_entry(const struct tw_program *program, const char *name) {
  const struct tw_pkg *package = &program->package;
  const struct tw_pkg_plan *plan = tw_pkg_plan_of(package);
  const struct tw_pkg_entry *entries = tw_pkg_entries(package);
  uint32_t i;
  for (i = 0; i < plan->entry_count; ++i) {
    const char *found = tw_pkg_string(package, entries[i].name);
    if (!name || (found && strcmp(found, name) == 0))
      return (int)i;
  }
  return -1;
}
