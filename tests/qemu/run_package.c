/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a package whose steps are all host code, on the driver core and a device that does nothing: for each processor
 * that host code is made for, this program and the core are built for it and run in qemu.
 *   run_package package.npk OUTPUT INPUT...
 * INPUT: the bytes of the entry's inputs, in order; OUTPUT gets the bytes of all its outputs. */
#include "tw/drivers/transports.h"

#include <stdio.h>
#include <stdlib.h>

/* Without a cause in errno: a short file is no error of the system. */
static void fail(const char *what, const char *why) {
  fprintf(stderr, "error: run_package: %s: %s\n", what, why);
  exit(1);
}

static void *allocate(uint64_t bytes) {
  void *memory = malloc(bytes ? bytes : 1);
  if (!memory)
    fail("memory", "none is left");
  return memory;
}

/* The whole file, or exactly `wanted` bytes if that is not 0. */
static void *read_file(const char *path, uint64_t wanted, uint64_t *bytes) {
  FILE *file = fopen(path, "rb");
  void *data;
  if (!file || fseek(file, 0, SEEK_END) != 0)
    fail(path, "cannot be read");
  *bytes = (uint64_t)ftell(file);
  if (wanted && *bytes != wanted)
    fail(path, "not as many bytes as the input has");
  rewind(file);
  data = allocate(*bytes);
  if (fread(data, 1, *bytes, file) != *bytes)
    fail(path, "cannot be read");
  fclose(file);
  return data;
}

int main(int argc, char **argv) {
  struct tw_error error = {0};
  struct tw_transport_config config = {0};
  struct tw_transport transport;
  struct tw_device *device;
  struct tw_program *program;
  struct tw_instance *instance;
  const struct tw_pkg *package;
  const struct tw_pkg_entry *entry;
  const uint32_t *arguments;
  const void **inputs;
  void **outputs;
  uint64_t bytes, io = 0;
  uint32_t i;
  FILE *file;
  void *data;
  if (argc < 3)
    fail("usage", "run_package package.npk OUTPUT INPUT...");
  data = read_file(argv[1], 0, &bytes);
  config.name = "null"; /* of no configuration: a package with instructions for the NPU is refused */
  config.memory_bytes = 64u * 1024 * 1024 + 2 * bytes;
  if (tw_transport_open_null(&config, &transport, &error) != TW_OK ||
      tw_device_open(transport, &device, &error) != TW_OK ||
      tw_program_load(device, data, bytes, TW_OPEN_ALLOW_HOST_CODE, &program, &error) != TW_OK ||
      tw_instance_create(program, &instance, &error) != TW_OK)
    fail(argv[1], error.text);
  package = tw_program_package(program);
  entry = tw_pkg_entries(package);
  arguments = tw_pkg_arguments(package);
  if (entry->input_count != (uint32_t)argc - 3)
    fail(argv[1], "not as many inputs as files are named");
  inputs = allocate(entry->input_count * sizeof *inputs);
  outputs = allocate(entry->output_count * sizeof *outputs);
  for (i = 0; i < entry->input_count; ++i)
    inputs[i] = read_file(argv[3 + i], tw_pkg_buffers(package)[arguments[entry->first_input + i]].size, &io);
  for (i = 0; i < entry->output_count; ++i)
    outputs[i] = allocate(tw_pkg_buffers(package)[arguments[entry->first_output + i]].size);
  if (tw_instance_run(instance, 0, inputs, outputs, NULL, &error) != TW_OK)
    fail(argv[1], error.text);
  file = fopen(argv[2], "wb");
  if (!file)
    fail(argv[2], "cannot be written");
  for (i = 0; i < entry->output_count; ++i) {
    io = tw_pkg_buffers(package)[arguments[entry->first_output + i]].size;
    if (fwrite(outputs[i], 1, io, file) != io)
      fail(argv[2], "cannot be written");
  }
  if (fclose(file) != 0)
    fail(argv[2], "cannot be written");
  tw_instance_destroy(instance);
  tw_program_close(program);
  tw_device_close(device);
  return 0;
}
