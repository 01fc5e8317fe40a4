// SPDX-License-Identifier: Apache-2.0
#include "library.h"

static int is_zero(const char *element, int64_t type) {
  const int64_t width = tw_lib_width(type);
  const int is_real = type == TW_LIB_F16 || type == TW_LIB_BF16 || type == TW_LIB_F32 || type == TW_LIB_F64;
  for (int64_t b = 0; b < width; ++b) // little-endian; -0 is 0, too
    if (is_real && b == width - 1 ? element[b] & 0x7f : element[b])
      return 0;
  return 1;
}

TW_LIB_FUNCTION(nonzero) {
  const int64_t rank = tensors[0].rank, elements = tw_lib_count(&tensors[0]), width = tw_lib_width(tensors[0].type),
                room = tensors[1].extents[1];
  int64_t *to = data[1], count = 0;
  (void)params;
  for (int64_t i = 0; i < elements; ++i) {
    if (is_zero((const char *)data[0] + i * width, tensors[0].type))
      continue;
    for (int64_t d = rank, rest = i; d-- > 0 && count < room; rest /= tensors[0].extents[d])
      to[d * room + count] = rest % tensors[0].extents[d];
    ++count;
  }
  return count == room ? TW_LIB_DONE : tw_lib_fail(why, TW_HOST_FAILURE_ROWS, count, room);
}
