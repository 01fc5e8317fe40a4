// SPDX-License-Identifier: Apache-2.0
// The int8 matrix product under CONV, CONVF and GEMM, with the best instructions that the host has.
// All paths give the same bits: sums are modulo 2^32, so their order does not matter.
#ifndef TW_SIMULATOR_FUNCTIONAL_ARRAY_H
#define TW_SIMULATOR_FUNCTIONAL_ARRAY_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tw::simulator {

enum class ArrayPath : uint8_t { Portable, Avx2, Avx512Vnni };

/// The best path of this host.
ArrayPath bestArrayPath();

/// What the product needs to know of rows of activations, whatever the weights are: x[row * blocks + block] points to n
/// bytes. Empty for paths that need nothing.
class ArraySums {
public:
  ArraySums(uint32_t n, const int8_t *const *x, size_t blocks, size_t rows, ArrayPath path = bestArrayPath());
  const int32_t *data() const { return sums_.data(); }

private:
  std::vector<int32_t> sums_; // [row]: 128 * sum of the row's activations
};

/// Weights of one block of output lanes, repacked, and the product with rows of activations.
class ArrayBlocks {
public:
  /// w: [blocks][k n][lane n] int8. n is 8, 16, 32 or 64. The path must be one that the host has.
  ArrayBlocks(uint32_t n, const int8_t *w, size_t blocks, ArrayPath path = bestArrayPath());

  /// Rows that multiply() takes at its best.
  static constexpr size_t kRows = 8;

  /// acc[row][lane] (+)= sum over blocks, k of x[row * blocks + block][k] * w[block][k][lane]; x holds pointers to n
  /// bytes, sums are those of the same rows and path.
  void multiply(const int8_t *const *x, const ArraySums &sums, size_t rows, int32_t *acc, bool add) const;

private:
  uint32_t n_;
  size_t blocks_;
  ArrayPath path_;
  std::unique_ptr<int8_t[]> packed_; // [block][k / 4][lane][k % 4]; + 128 for VNNI
};

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_ARRAY_H
