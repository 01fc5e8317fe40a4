// SPDX-License-Identifier: Apache-2.0
// What for: what a library function sees of its tensors, and the few helpers that several of them need.
// Called by: the C files beside it; code generation, which writes the descriptions of tensors (lib/host/Library.cpp).
// Does not: use a library: this code becomes part of the host image of a package, which has none.
#ifndef TW_CODEGEN_RUNTIME_LIBRARY_H
#define TW_CODEGEN_RUNTIME_LIBRARY_H

#include "tw/isa/host_failures.h"

#include <stdint.h>

enum { TW_LIB_RANK = 8 };

enum tw_lib_type {
  TW_LIB_F32,
  TW_LIB_F64,
  TW_LIB_F16,
  TW_LIB_BF16,
  TW_LIB_BOOL,
  TW_LIB_I8,
  TW_LIB_I16,
  TW_LIB_I32,
  TW_LIB_I64,
  TW_LIB_U8,
  TW_LIB_U16,
  TW_LIB_U32,
  TW_LIB_U64,
};

/// Row-major without gaps.
struct tw_lib_tensor {
  int64_t type; // enum tw_lib_type
  int64_t rank;
  int64_t extents[TW_LIB_RANK];
};

/// A library function: the bytes of its operands, of its result and of its scratch memory, if it has any; what the
/// operands and the result are; its params; and where the two numbers of a failure go. It returns TW_LIB_DONE or what
/// tw_lib_fail does. ir/LibraryFunctions.def says what each computes. Calls have constant descriptions, so that a
/// function is written once for all types and becomes code for one of them where it is inlined.
#define TW_LIB_FUNCTION(NAME)                                                                                          \
  __attribute__((always_inline)) int tw_lib_##NAME(void *const *data, const struct tw_lib_tensor *tensors,             \
                                                   const int64_t *params, int64_t *why __attribute__((unused)))

enum { TW_LIB_DONE = 0 };

static inline int tw_lib_fail(int64_t *why, enum tw_host_failure failure, int64_t found, int64_t allowed) {
  why[0] = found;
  why[1] = allowed;
  return (int)failure;
}

/// X(type, C type, an unsigned type in which it wraps)
#define TW_LIB_INTEGERS(X)                                                                                             \
  X(TW_LIB_I8, int8_t, uint32_t)                                                                                       \
  X(TW_LIB_I16, int16_t, uint32_t)                                                                                     \
  X(TW_LIB_I32, int32_t, uint32_t)                                                                                     \
  X(TW_LIB_I64, int64_t, uint64_t)                                                                                     \
  X(TW_LIB_U8, uint8_t, uint32_t)                                                                                      \
  X(TW_LIB_U16, uint16_t, uint32_t)                                                                                    \
  X(TW_LIB_U32, uint32_t, uint32_t)                                                                                    \
  X(TW_LIB_U64, uint64_t, uint64_t)
#define TW_LIB_REALS(X)                                                                                                \
  X(TW_LIB_F32, float, float)                                                                                          \
  X(TW_LIB_F64, double, double)
#define TW_LIB_NUMBERS(X) TW_LIB_REALS(X) TW_LIB_INTEGERS(X)

static inline int64_t tw_lib_width(int64_t type) {
  switch (type) {
  case TW_LIB_BOOL:
  case TW_LIB_I8:
  case TW_LIB_U8:
    return 1;
  case TW_LIB_F16:
  case TW_LIB_BF16:
  case TW_LIB_I16:
  case TW_LIB_U16:
    return 2;
  case TW_LIB_F32:
  case TW_LIB_I32:
  case TW_LIB_U32:
    return 4;
  default:
    return 8;
  }
}

static inline int64_t tw_lib_count(const struct tw_lib_tensor *tensor) {
  int64_t count = 1;
  for (int64_t d = 0; d < tensor->rank; ++d)
    count *= tensor->extents[d];
  return count;
}

/// Memory that does not overlap.
static inline void tw_lib_copy(void *to, const void *from, int64_t bytes) {
  char *target = (char *)to;
  const char *source = (const char *)from;
  for (; bytes >= 8; bytes -= 8, target += 8, source += 8)
    __builtin_memcpy(target, source, 8); // one load, one store
  for (; bytes > 0; --bytes)
    *target++ = *source++;
}

#endif // TW_CODEGEN_RUNTIME_LIBRARY_H
