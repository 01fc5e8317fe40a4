/* SPDX-License-Identifier: Apache-2.0 */
/* Runs whose inputs say which sizes the dimensions have: which entry takes them, and inputs and outputs of its sizes.
 */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
  char bytes[448]; /* of an error's 512 */
  size_t length;
};

static void append(struct text *text, const char *format, ...) {
  va_list arguments;
  int added;
  va_start(arguments, format);
  added = vsnprintf(text->bytes + text->length, sizeof text->bytes - text->length, format, arguments);
  va_end(arguments);
  if (added > 0)
    text->length += (size_t)added;
  if (text->length >= sizeof text->bytes)
    text->length = sizeof text->bytes - 1;
}

static const struct tw_pkg_tensor *tensor_of(const struct tw_pkg *package, uint32_t argument) {
  uint64_t count;
  return tw_pkg_tensors(package, &count) + tw_pkg_buffers(package)[tw_pkg_arguments(package)[argument]].tensor;
}

/* 1 if the entry takes the size; else `text` says why not. Values of dimensions are collected by number. */
static int bind_size(const struct tw_pkg *package, const struct tw_pkg_tensor *tensor, uint32_t axis, int64_t size,
                     int64_t *values, struct text *text) {
  const struct tw_pkg_dim *dim;
  const char *name = tw_pkg_string(package, tensor->name);
  if (tensor->dims[axis] == 0) {
    if (size == tensor->shape[axis])
      return 1;
    append(text, "input '%s' has %lld on axis %u, not %lld", name, (long long)size, axis,
           (long long)tensor->shape[axis]);
    return 0;
  }
  dim = tw_pkg_dims(package) + tensor->dims[axis] - 1;
  if (size < dim->least || size > dim->most) {
    append(text, "'%s' is %lld in input '%s', ", tw_pkg_string(package, dim->name), (long long)size, name);
    if (dim->least == dim->most)
      append(text, "not %lld", (long long)dim->most);
    else
      append(text, "not %lld to %lld", (long long)dim->least, (long long)dim->most);
    return 0;
  }
  if (values[tensor->dims[axis] - 1] != TW_UNBOUND && values[tensor->dims[axis] - 1] != size) {
    append(text, "'%s' is %lld in input '%s' and %lld in another", tw_pkg_string(package, dim->name), (long long)size,
           name, (long long)values[tensor->dims[axis] - 1]);
    return 0;
  }
  values[tensor->dims[axis] - 1] = size;
  return 1;
}

/* Dimensions that go together: an extent, and a part of it. */
static int check_followed(const struct tw_pkg *package, uint32_t number, const int64_t *values, struct text *text) {
  const struct tw_pkg_dim *dims = tw_pkg_dims(package), *dim = dims + number, *other;
  int64_t wanted;
  if (dim->follows == 0 || values[number] == TW_UNBOUND || values[dim->follows - 1] == TW_UNBOUND)
    return 1;
  other = dims + dim->follows - 1;
  wanted = dim->most - (other->most - values[dim->follows - 1]);
  if (values[number] == wanted)
    return 1;
  append(text, "'%s' is %lld, not %lld, which goes with %lld of '%s'", tw_pkg_string(package, dim->name),
         (long long)values[number], (long long)wanted, (long long)values[dim->follows - 1],
         tw_pkg_string(package, other->name));
  return 0;
}

static int bind_entry(const struct tw_pkg *package, const struct tw_pkg_entry *entry, const struct tw_shape *inputs,
                      uint32_t count, int64_t *values, struct text *text) {
  uint32_t i, axis;
  for (i = 0; i < tw_pkg_plan_of(package)->dim_count; ++i)
    values[i] = TW_UNBOUND;
  if (count != entry->input_count) {
    append(text, "it takes %u inputs, not %u", entry->input_count, count);
    return 0;
  }
  for (i = 0; i < count; ++i) {
    const struct tw_pkg_tensor *tensor = tensor_of(package, entry->first_input + i);
    if (inputs[i].rank != tensor->rank) {
      append(text, "input '%s' has %u axes, not %u", tw_pkg_string(package, tensor->name), inputs[i].rank,
             tensor->rank);
      return 0;
    }
    for (axis = 0; axis < tensor->rank; ++axis)
      if (!bind_size(package, tensor, axis, inputs[i].sizes[axis], values, text))
        return 0;
  }
  for (i = 0; i < tw_pkg_plan_of(package)->dim_count; ++i)
    if (!check_followed(package, i, values, text))
      return 0;
  return 1;
}

/* Bytes of what a run is given, filled up: the fewer, the less is computed in vain. */
static uint64_t input_bytes(const struct tw_pkg *package, const struct tw_pkg_entry *entry) {
  uint64_t bytes = 0;
  uint32_t i;
  for (i = 0; i < entry->input_count; ++i)
    bytes += tw_pkg_buffers(package)[tw_pkg_arguments(package)[entry->first_input + i]].size;
  return bytes;
}

static int64_t *new_values(const struct tw_pkg *package, struct tw_error *error) {
  int64_t *values = malloc(((size_t)tw_pkg_plan_of(package)->dim_count + 1) * sizeof *values);
  if (!values)
    tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for dimensions");
  return values;
}

enum tw_status tw_program_choose(const struct tw_program *program, const struct tw_shape *inputs, uint32_t count,
                                 int *chosen, struct tw_error *error) {
  const struct tw_pkg *package = tw_program_package(program);
  const uint32_t entries = tw_pkg_plan_of(package)->entry_count;
  int64_t *values = new_values(package, error);
  struct text text = {"", 0};
  uint64_t least = 0;
  uint32_t i;
  *chosen = -1;
  if (!values)
    return TW_ERROR_NO_MEMORY;
  for (i = 0; i < entries; ++i) {
    const struct tw_pkg_entry *entry = tw_pkg_entries(package) + i;
    if (entries > 1)
      append(&text, "%s%s: ", text.length ? "; " : "", tw_pkg_string(package, entry->name));
    if (!bind_entry(package, entry, inputs, count, values, &text))
      continue;
    if (*chosen < 0 || input_bytes(package, entry) < least) {
      *chosen = (int)i;
      least = input_bytes(package, entry);
    }
  }
  free(values);
  if (*chosen >= 0)
    return TW_OK;
  return tw_fail(error, TW_ERROR_ARGUMENT, "no entry takes these inputs: %s", text.bytes);
}

/* Checks all that a caller gives; `values` is to be freed on success. */
static enum tw_status bind_values(const struct tw_pkg *package, int index, const struct tw_shape *inputs,
                                  uint32_t count, int64_t **values, struct tw_error *error) {
  struct text text = {"", 0};
  *values = NULL;
  if (index < 0 || (uint32_t)index >= tw_pkg_plan_of(package)->entry_count)
    return tw_fail(error, TW_ERROR_ARGUMENT, "entry %d of %u: ask tw_program_choose", index,
                   tw_pkg_plan_of(package)->entry_count);
  *values = new_values(package, error);
  if (!*values)
    return TW_ERROR_NO_MEMORY;
  if (bind_entry(package, tw_pkg_entries(package) + index, inputs, count, *values, &text))
    return TW_OK;
  free(*values);
  return tw_fail(error, TW_ERROR_ARGUMENT, "entry '%s' does not take these inputs: %s",
                 tw_pkg_string(package, tw_pkg_entries(package)[index].name), text.bytes);
}

static void shape_of(const struct tw_pkg_tensor *tensor, const int64_t *values, struct tw_shape *shape) {
  uint32_t axis;
  memset(shape, 0, sizeof *shape);
  shape->rank = tensor->rank;
  for (axis = 0; axis < tensor->rank; ++axis) {
    const int64_t bound = tensor->dims[axis] ? values[tensor->dims[axis] - 1] : TW_UNBOUND;
    shape->sizes[axis] = bound == TW_UNBOUND ? tensor->shape[axis] : bound;
  }
}

enum tw_status tw_program_output_shape(const struct tw_program *program, int index, const struct tw_shape *inputs,
                                       uint32_t count, uint32_t output, struct tw_shape *shape,
                                       struct tw_error *error) {
  const struct tw_pkg *package = tw_program_package(program);
  const struct tw_pkg_entry *entry;
  int64_t *values;
  const enum tw_status status = bind_values(package, index, inputs, count, &values, error);
  if (status != TW_OK)
    return status;
  entry = tw_pkg_entries(package) + index;
  if (output < entry->output_count)
    shape_of(tensor_of(package, entry->first_output + output), values, shape);
  free(values);
  if (output >= entry->output_count)
    return tw_fail(error, TW_ERROR_ARGUMENT, "output %u of %u of entry '%s'", output, entry->output_count,
                   tw_pkg_string(package, entry->name));
  return TW_OK;
}

/* Between a corner of the entry's tensor, row-major in `large`, and the caller's, row-major in `small`. */
static void copy_corner(uint8_t *large, uint8_t *small, const int64_t *extents, const struct tw_shape *shape,
                        uint32_t axis, uint64_t bytes, int fills) {
  uint64_t large_row = bytes, small_row = bytes;
  uint32_t k;
  int64_t i;
  if (axis == shape->rank) {
    fills ? memcpy(large, small, bytes) : memcpy(small, large, bytes);
    return;
  }
  for (k = axis + 1; k < shape->rank; ++k) {
    large_row *= (uint64_t)extents[k];
    small_row *= (uint64_t)shape->sizes[k];
  }
  if (large_row == small_row) { /* rows of both lie alike */
    const uint64_t all = small_row * (uint64_t)shape->sizes[axis];
    fills ? memcpy(large, small, all) : memcpy(small, large, all);
    return;
  }
  for (i = 0; i < shape->sizes[axis]; ++i)
    copy_corner(large + (uint64_t)i * large_row, small + (uint64_t)i * small_row, extents, shape, axis + 1, bytes,
                fills);
}

static int is_whole(const struct tw_pkg_tensor *tensor, const struct tw_shape *shape) {
  return memcmp(tensor->shape, shape->sizes, tensor->rank * sizeof *tensor->shape) == 0;
}

/* The bytes of 1 of a type; those of 0 are zeros. */
static void one_of(uint32_t type, uint8_t *bytes) {
  const float single = 1;
  const double twice = 1;
  memset(bytes, 0, 8);
  switch (type) {
  case TW_PKG_F32:
    memcpy(bytes, &single, sizeof single);
    break;
  case TW_PKG_F64:
    memcpy(bytes, &twice, sizeof twice);
    break;
  case TW_PKG_F16:
    bytes[1] = 0x3C;
    break;
  case TW_PKG_BF16:
    bytes[0] = 0x80;
    bytes[1] = 0x3F;
    break;
  default:
    bytes[0] = 1;
  }
}

/* What is filled up stays hidden by a mask of ones and zeros that shows its place `shown` - 1 in each row. */
static enum tw_status check_mask(const struct tw_pkg *package, const struct tw_pkg_tensor *tensor,
                                 const uint8_t *elements, const struct tw_shape *shape, struct tw_error *error) {
  static const uint8_t zero[8] = {0};
  const char *name = tw_pkg_string(package, tensor->name);
  const uint64_t bytes = tw_pkg_type_bytes(tensor->type);
  const int64_t row = shape->sizes[shape->rank - 1];
  uint8_t one[8];
  int64_t count = 1, i;
  uint32_t axis;
  for (axis = 0; axis < shape->rank; ++axis)
    count *= shape->sizes[axis];
  one_of(tensor->type, one);
  for (i = 0; i < count; ++i, elements += bytes) {
    const int is_shown = memcmp(elements, one, bytes) == 0;
    if (!is_shown && memcmp(elements, zero, bytes) != 0)
      return tw_fail(
          error, TW_ERROR_ARGUMENT,
          "element %lld of input '%s' is neither 0 nor 1, and a run of sizes that the entry fills up needs a "
          "mask of them: give such a mask, or the sizes of an entry",
          (long long)i, name);
    if (!is_shown && i % row == (int64_t)tensor->shown - 1)
      return tw_fail(error, TW_ERROR_ARGUMENT,
                     "input '%s' hides element %lld of row %lld, and a run of sizes that the entry fills up needs it: "
                     "show it (1), or give the sizes of an entry",
                     name, (long long)(i % row), (long long)(i / row));
  }
  return TW_OK;
}

/* What a run of other sizes has besides: tensors of the entry's sizes, and where they are. */
struct padded {
  const struct tw_pkg *package;
  const struct tw_pkg_entry *entry;
  const void **inputs;
  void **outputs;
  struct tw_shape *shapes; /* of the outputs */
};

static void free_padded(struct padded *run, const void *const *inputs, void *const *outputs) {
  uint32_t i;
  for (i = 0; run->inputs && i < run->entry->input_count; ++i)
    if (run->inputs[i] != inputs[i])
      free((void *)(uintptr_t)run->inputs[i]);
  for (i = 0; run->outputs && i < run->entry->output_count; ++i)
    if (run->outputs[i] != outputs[i])
      free(run->outputs[i]);
  free(run->inputs);
  free(run->outputs);
  free(run->shapes);
}

static uint64_t bytes_of(const struct padded *run, uint32_t argument) {
  return tw_pkg_buffers(run->package)[tw_pkg_arguments(run->package)[argument]].size;
}

static enum tw_status fill_inputs(struct padded *run, const void *const *inputs, const struct tw_shape *shapes,
                                  struct tw_error *error) {
  uint32_t i;
  for (i = 0; i < run->entry->input_count; ++i) {
    const struct tw_pkg_tensor *tensor = tensor_of(run->package, run->entry->first_input + i);
    uint8_t *filled;
    if (is_whole(tensor, &shapes[i]))
      continue;
    filled = calloc(1, bytes_of(run, run->entry->first_input + i));
    if (!filled)
      return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for input '%s'",
                     tw_pkg_string(run->package, tensor->name));
    run->inputs[i] = filled;
    copy_corner(filled, (uint8_t *)(uintptr_t)inputs[i], tensor->shape, &shapes[i], 0, tw_pkg_type_bytes(tensor->type),
                1);
  }
  return TW_OK;
}

static enum tw_status check_masks(const struct padded *run, const void *const *inputs, const struct tw_shape *shapes,
                                  struct tw_error *error) {
  enum tw_status status = TW_OK;
  int is_any_filled = 0;
  uint32_t i;
  for (i = 0; i < run->entry->input_count; ++i)
    is_any_filled |= !is_whole(tensor_of(run->package, run->entry->first_input + i), &shapes[i]);
  for (i = 0; is_any_filled && status == TW_OK && i < run->entry->input_count; ++i) {
    const struct tw_pkg_tensor *tensor = tensor_of(run->package, run->entry->first_input + i);
    if (tensor->shown != 0)
      status = check_mask(run->package, tensor, inputs[i], &shapes[i], error);
  }
  return status;
}

static enum tw_status make_outputs(struct padded *run, const int64_t *values, struct tw_error *error) {
  uint32_t i;
  for (i = 0; i < run->entry->output_count; ++i) {
    const struct tw_pkg_tensor *tensor = tensor_of(run->package, run->entry->first_output + i);
    shape_of(tensor, values, &run->shapes[i]);
    if (is_whole(tensor, &run->shapes[i]))
      continue;
    run->outputs[i] = malloc(bytes_of(run, run->entry->first_output + i));
    if (!run->outputs[i])
      return tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for output '%s'",
                     tw_pkg_string(run->package, tensor->name));
  }
  return TW_OK;
}

static void cut_outputs(const struct padded *run, void *const *outputs) {
  uint32_t i;
  for (i = 0; i < run->entry->output_count; ++i) {
    const struct tw_pkg_tensor *tensor = tensor_of(run->package, run->entry->first_output + i);
    if (run->outputs[i] != outputs[i])
      copy_corner(run->outputs[i], outputs[i], tensor->shape, &run->shapes[i], 0, tw_pkg_type_bytes(tensor->type), 0);
  }
}

enum tw_status tw_instance_run_shapes(struct tw_instance *instance, int index, const void *const *inputs,
                                      const struct tw_shape *shapes, uint32_t count, void *const *outputs,
                                      struct tw_run_stats *stats, struct tw_error *error) {
  const struct tw_program *program = tw_instance_program(instance);
  struct padded run = {tw_program_package(program), NULL, NULL, NULL, NULL};
  int64_t *values = NULL;
  enum tw_status status = TW_OK;
  if (index < 0)
    status = tw_program_choose(program, shapes, count, &index, error);
  if (status == TW_OK)
    status = bind_values(run.package, index, shapes, count, &values, error);
  if (status != TW_OK)
    return status;
  run.entry = tw_pkg_entries(run.package) + index;
  run.inputs = calloc((size_t)run.entry->input_count + 1, sizeof *run.inputs);
  run.outputs = calloc((size_t)run.entry->output_count + 1, sizeof *run.outputs);
  run.shapes = calloc((size_t)run.entry->output_count + 1, sizeof *run.shapes);
  if (run.inputs && run.entry->input_count)
    memcpy(run.inputs, inputs, run.entry->input_count * sizeof *run.inputs);
  if (run.outputs && run.entry->output_count)
    memcpy(run.outputs, outputs, run.entry->output_count * sizeof *run.outputs);
  if (!run.inputs || !run.outputs || !run.shapes)
    status = tw_fail(error, TW_ERROR_NO_MEMORY, "no host memory for a run");
  if (status == TW_OK)
    status = check_masks(&run, inputs, shapes, error);
  if (status == TW_OK)
    status = make_outputs(&run, values, error);
  if (status == TW_OK)
    status = fill_inputs(&run, inputs, shapes, error);
  if (status == TW_OK)
    status = tw_run_bound(instance, index, run.inputs, run.outputs, values, stats, error);
  if (status == TW_OK)
    cut_outputs(&run, outputs);
  free_padded(&run, inputs, outputs);
  free(values);
  return status;
}
