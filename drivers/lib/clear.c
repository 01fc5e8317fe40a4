/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing that one program left on the chip is there for the next. The machine does it itself, with its own
 * instructions: zeros by FILL over the scratchpad, from there by RSW over the accumulators, and from device memory over
 * parameters and tables. Weights in the array, staged rows and pipelines need nothing: every instruction overwrites
 * them before it can show them. */
#include "internal.h"

#include <string.h>

enum { CLEAR_FILL, CLEAR_FENCE, CLEAR_RSW, CLEAR_LDP, CLEAR_LDT, CLEAR_END, CLEAR_LINES };

static void put(uint8_t *line, unsigned lsb, unsigned width, uint64_t value) {
  unsigned i;
  for (i = 0; i < width; ++i)
    if (value >> i & 1)
      line[(lsb + i) / 8] |= (uint8_t)(1u << (lsb + i) % 8);
}

/* Lines for a zeroed `lines`; DRAM zeros are in the arena's region. */
static void write_lines(uint8_t (*lines)[TW_LINE_BYTES], const uint32_t *values) {
  const uint32_t n = values[TW_CFG_N], group_rows = values[TW_CFG_SPM_BYTES] / n / TW_SPM_GROUPS;
  uint8_t *line = lines[CLEAR_FILL];
  put(line, TW_FIELD_OPCODE, TW_OP_FILL);
  put(line, TW_FIELD_FILL_N0, group_rows);
  put(line, TW_FIELD_FILL_N1, TW_SPM_GROUPS);
  put(line, TW_FIELD_FILL_N2, 1);
  put(line, TW_FIELD_FILL_N3, 1);
  put(line, TW_FIELD_FILL_SS1, (uint64_t)group_rows * n);
  put(lines[CLEAR_FENCE], TW_FIELD_OPCODE, TW_OP_FENCE);
  line = lines[CLEAR_RSW]; /* strides of 0: every row from the first zeros */
  put(line, TW_FIELD_OPCODE, TW_OP_RSW);
  put(line, TW_FIELD_RSW_OC_N, 1);
  put(line, TW_FIELD_RSW_OH_N, 1);
  put(line, TW_FIELD_RSW_OW_N, values[TW_CFG_ACC_ROWS]);
  line = lines[CLEAR_LDP];
  put(line, TW_FIELD_OPCODE, TW_OP_LDP);
  put(line, TW_FIELD_LDP_REGION, TW_ROLE_ARENA);
  put(line, TW_FIELD_LDP_COUNT, values[TW_CFG_PARAM_ROWS]);
  line = lines[CLEAR_LDT];
  put(line, TW_FIELD_OPCODE, TW_OP_LDT);
  put(line, TW_FIELD_LDT_REGION, TW_ROLE_ARENA);
  put(line, TW_FIELD_LDT_COUNT, values[TW_CFG_LUT_BANKS]);
  put(lines[CLEAR_END], TW_FIELD_OPCODE, TW_OP_END);
}

const struct tw_pkg_config *tw_program_config(const struct tw_program *program) { return &program->package.config; }

enum tw_status tw_program_clear(struct tw_program *program, struct tw_error *error) {
  if (!tw_pkg_image_of(&program->package, TW_PKG_STREAM))
    return tw_fail(error, TW_ERROR_ARGUMENT, "the program has no instruction lines, so it leaves nothing on the chip");
  return tw_clear(program->device, tw_program_config(program), error);
}

enum tw_status tw_clear(struct tw_device *device, const struct tw_pkg_config *config, struct tw_error *error) {
  const uint64_t parameters = (uint64_t)config->values[TW_CFG_PARAM_ROWS] * config->values[TW_CFG_N] * TW_WORD_BYTES;
  const uint64_t tables = (uint64_t)config->values[TW_CFG_LUT_BANKS] * TW_LUT_BYTES;
  const struct tw_job job = {0, CLEAR_LINES, 0, 0}; /* its lines are few and short: the budget of any job is enough */
  struct tw_memory code = {0, 0, NULL}, zeros = {0, 0, NULL};
  enum tw_status status;
  status = tw_memory_allocate(device, CLEAR_LINES * TW_LINE_BYTES, &code, error);
  if (status == TW_OK)
    status = tw_memory_allocate(device, parameters > tables ? parameters : tables, &zeros, error);
  if (status == TW_OK) {
    const struct tw_region executed = {code.address, code.bytes, TW_REGION_PERM_EXECUTE_MASK};
    const struct tw_region read = {zeros.address, zeros.bytes, TW_REGION_PERM_READ_MASK};
    write_lines((uint8_t(*)[TW_LINE_BYTES])code.host, config->values);
    tw_region_set(device, TW_ROLE_CODE, &executed);
    tw_region_set(device, TW_ROLE_ARENA, &read);
    status = tw_job_submit(device, &job, error);
  }
  if (status == TW_OK)
    status = tw_job_wait(device, NULL, error);
  tw_memory_free(device, &code);
  tw_memory_free(device, &zeros);
  if (status != TW_OK)
    return status;
  tw_device_reset(device);
  device->owner = 0;
  return TW_OK;
}
