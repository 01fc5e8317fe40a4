/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum tw_status tw_fail(struct tw_error *error, enum tw_status status, const char *format, ...) {
  va_list arguments;
  if (!error)
    return status;
  memset(error, 0, sizeof *error);
  error->status = status;
  va_start(arguments, format);
  vsnprintf(error->text, sizeof error->text, format, arguments);
  va_end(arguments);
  return status;
}

enum tw_status tw_fail_job(struct tw_error *error, const struct tw_job_result *job, const char *tag_name) {
  enum tw_status status =
      tw_fail(error, TW_ERROR_FAULT, "fault %s at line %u (engine %s, tag %u%s%s, address 0x%llx): %s",
              tw_fault_name(job->code), job->pc, tw_engine_name(job->engine), job->tag, tag_name ? ": " : "",
              tag_name ? tag_name : "", (unsigned long long)job->address, tw_fault_text(job->code));
  if (error)
    error->job = *job;
  return status;
}

const char *tw_status_text(enum tw_status status) {
  static const char *const texts[TW_STATUS_COUNT] = {
      "success",
      "an argument cannot be",
      "not enough memory on the host or the device",
      "not a device of this instruction set",
      "the package is damaged or for another machine",
      "the job failed with a fault",
      "the device did not end the job in time",
      "the job did other work than the compiler predicted",
      "host code cannot be loaded or failed",
      "not supported",
      "the transport could not be opened",
      "the device does not answer any more",
      "GPU code cannot be loaded",
  };
  return (unsigned)status < TW_STATUS_COUNT ? texts[status] : "?";
}

struct tw_named {
  uint32_t number;
  const char *name, *text;
};
#define TW_FAULT_ROW(name, code, text) {code, #name, text},
static const struct tw_named tw_faults[] = {TW_FAULT_LIST(TW_FAULT_ROW)};
#define TW_ENGINE_ROW(name, number) {number, #name, ""},
static const struct tw_named tw_engines[] = {TW_ENGINE_LIST(TW_ENGINE_ROW)};

static const struct tw_named *tw_find(const struct tw_named *rows, size_t count, uint32_t number) {
  static const struct tw_named none = {0, "?", "?"};
  size_t i;
  for (i = 0; i < count; ++i)
    if (rows[i].number == number)
      return &rows[i];
  return &none;
}

const char *tw_fault_name(uint32_t code) {
  return tw_find(tw_faults, sizeof tw_faults / sizeof *tw_faults, code)->name;
}
const char *tw_fault_text(uint32_t code) {
  return tw_find(tw_faults, sizeof tw_faults / sizeof *tw_faults, code)->text;
}
const char *tw_engine_name(uint32_t engine) {
  return tw_find(tw_engines, sizeof tw_engines / sizeof *tw_engines, engine)->name;
}
