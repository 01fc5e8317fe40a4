// SPDX-License-Identifier: Apache-2.0
#include "library.h"

TW_LIB_FUNCTION(compress) {
  const int64_t outer = tensors[0].extents[0], extent = tensors[0].extents[1], given = tensors[1].extents[0],
                bytes = tensors[0].extents[2] * tw_lib_width(tensors[0].type), room = tensors[2].extents[1],
                conditions = given < extent ? given : extent;
  int64_t count = 0;
  (void)params;
  for (int64_t k = 0; k < conditions; ++k) {
    if (!((const char *)data[1])[k])
      continue;
    for (int64_t o = 0; o < outer && count < room; ++o)
      tw_lib_copy((char *)data[2] + (o * room + count) * bytes, (const char *)data[0] + (o * extent + k) * bytes,
                  bytes);
    ++count;
  }
  return count == room ? TW_LIB_DONE : tw_lib_fail(why, TW_HOST_FAILURE_ROWS, count, room);
}
