/* SPDX-License-Identifier: Apache-2.0 */
/* What for: why a host function of a package failed: the codes that the compiler's library of host code returns, and
 * what a driver says of them. C99, freestanding. Called by: codegen/runtime, whose functions return them; code
 * generation, which makes room; drivers, which say them. Does not: know who fails with what. */
#ifndef TW_ISA_HOST_FAILURES_H
#define TW_ISA_HOST_FAILURES_H

/* X(code, NAME, text). The text says two numbers, both int64_t: the function leaves them at the start of its private
 * scratch, where its step states as much. A code that is not here has no text. */
#define TW_HOST_FAILURES(X)                                                                                            \
  X(101, INDEX, "index %lld lies outside of the %lld places that there are")                                           \
  X(102, ROWS, "the values make %lld rows, the result has %lld")                                                       \
  X(103, MORE_ROWS, "the values make %lld rows or more, the result has %lld")                                          \
  X(104, IMAGE, "region %lld is of an image outside of the %lld that there are")

enum tw_host_failure {
#define TW_HOST_FAILURE(CODE, NAME, TEXT) TW_HOST_FAILURE_##NAME = CODE,
  TW_HOST_FAILURES(TW_HOST_FAILURE)
#undef TW_HOST_FAILURE
};
#define TW_HOST_FAILURE_BYTES 16u /* of the two numbers */

#endif /* TW_ISA_HOST_FAILURES_H */
