// SPDX-License-Identifier: Apache-2.0
// Indices, points and shapes: what every stage between a block and its instructions asks of an access. Called by the
// stages of this directory. Knows nothing of chains or machines.
#ifndef TW_TENSORIZE_LIB_AFFINE_H
#define TW_TENSORIZE_LIB_AFFINE_H

#include "tw/tensorize/Block.h"

namespace tw::tensorize {

/// The loop that is all of the index, or -1.
int bareLoop(const Index &index);
inline bool isBare(const Index &index, int loop) { return loop >= 0 && bareLoop(index) == loop; }

bool uses(const Operand &operand, int loop);

/// Dimension of the operand that this loop alone moves, or -1.
int dimOf(const Operand &operand, int loop);

/// The index's value at a point (a step of each loop).
int64_t valueAt(const Index &index, const std::vector<int64_t> &at);

/// Row-major number of the element that the operand's index names at a point; nothing outside its shape.
std::optional<int64_t> elementAt(const Operand &operand, const std::vector<int64_t> &at);

int64_t productOf(const std::vector<int64_t> &shape);

/// The next point of a shape, the last dimension fastest; false after the last one, and `at` is all zeros again.
bool advance(std::vector<int64_t> &at, const std::vector<int64_t> &shape);

/// Calls visit(flat position, position per dimension) for every element of a shape.
template <typename Visit> void forEach(const std::vector<int64_t> &shape, const Visit &visit) {
  std::vector<int64_t> at(shape.size(), 0);
  for (int64_t flat = 0, count = productOf(shape); flat != count; ++flat, advance(at, shape))
    visit(flat, at);
}

} // namespace tw::tensorize

#endif // TW_TENSORIZE_LIB_AFFINE_H
