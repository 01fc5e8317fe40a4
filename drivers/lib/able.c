/* SPDX-License-Identifier: Apache-2.0 */
/* What a package may say and this driver cannot do yet is refused when it is loaded, before anything of it runs. */
#include "internal.h"

#include <string.h>

#if defined(__x86_64__)
#define TW_ARCHITECTURE "x86_64"
#elif defined(__aarch64__)
#define TW_ARCHITECTURE "aarch64"
#elif defined(__riscv) && __riscv_xlen == 64
#define TW_ARCHITECTURE "riscv64"
#else
#define TW_ARCHITECTURE "unknown"
#endif

static enum tw_status check_image(const struct tw_pkg *package, uint32_t index, struct tw_error *error) {
  const struct tw_pkg_image *image = tw_pkg_images(package) + index;
  const size_t length = strlen(TW_ARCHITECTURE);
  if (image->kind == TW_PKG_OTHER)
    return tw_fail(
        error, TW_ERROR_UNSUPPORTED,
        "image %u is for '%s': this driver runs instruction lines, host code and GPU code, compile the model for these",
        index, image->target);
  if (image->device != 0)
    return tw_fail(
        error, TW_ERROR_UNSUPPORTED,
        "image %u is for device %u of its kind: this driver runs a package on one, compile the model for one", index,
        image->device);
  if (image->kind != TW_PKG_GPU && tw_pkg_image_of(package, (enum tw_pkg_image_kind)image->kind) != image)
    return tw_fail(error, TW_ERROR_UNSUPPORTED,
                   "image %u is the second for one device: this driver takes one, compile the model again", index);
  if (image->kind == TW_PKG_HOST &&
      (strncmp(image->target, TW_ARCHITECTURE, length) != 0 || (image->target[length] && image->target[length] != ' ')))
    return tw_fail(error, TW_ERROR_UNSUPPORTED,
                   "the package's host code is for '%s' and this processor is " TW_ARCHITECTURE
                   ": run it there, or compile the model for this one (--host-cpu)",
                   image->target);
  return TW_OK;
}

static enum tw_status check_step(const struct tw_pkg *package, const struct tw_pkg_step *step, uint32_t index,
                                 struct tw_error *error) {
  if (step->op == TW_PKG_STEP_JUMP_IF)
    return tw_fail(error, TW_ERROR_UNSUPPORTED, "step %u jumps: this driver runs steps in their order", index);
  if (step->op == TW_PKG_STEP_SIZE) {
    const uint32_t kind = tw_pkg_buffers(package)[tw_pkg_arguments(package)[step->first_argument]].kind;
    if (kind == TW_PKG_INPUT || kind == TW_PKG_CONSTANT)
      return tw_fail(error, TW_ERROR_UNSUPPORTED,
                     "step %u writes a size to an input or a constant: this driver writes "
                     "to neither, compile the model again",
                     index);
  }
  if (step->to_space + (uint64_t)step->from_space > 1)
    return tw_fail(error, TW_ERROR_UNSUPPORTED,
                   "step %u copies from memory %u to %u: this driver copies within memory 0, which host and devices "
                   "share, and between it and 1, a GPU's",
                   index, step->from_space, step->to_space);
  return TW_OK;
}

enum tw_status tw_check_able(const struct tw_pkg *package, struct tw_error *error) {
  const struct tw_pkg_plan *plan = tw_pkg_plan_of(package);
  enum tw_status status = TW_OK;
  uint32_t i;
  for (i = 0; i < tw_pkg_header_of(package)->image_count && status == TW_OK; ++i)
    status = check_image(package, i, error);
  for (i = 0; i < plan->step_count && status == TW_OK; ++i)
    status = check_step(package, tw_pkg_steps(package) + i, i, error);
  for (i = 0; i < plan->buffer_count && status == TW_OK; ++i)
    if (tw_pkg_buffers(package)[i].tied != TW_PKG_NONE)
      status = tw_fail(error, TW_ERROR_UNSUPPORTED,
                       "buffer %u is tied to buffer %u: this driver gives each buffer memory of its own", i,
                       tw_pkg_buffers(package)[i].tied);
  return status;
}
