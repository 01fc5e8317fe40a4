// SPDX-License-Identifier: Apache-2.0
// The int8 matrix product under CONV, CONVF, CONVS and GEMM, with the best instructions that the host has.
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

/// Rows of activations: x[row * runs + run] points to `bytes` bytes, a multiple of n.
struct ArrayRows {
  const int8_t *const *x;
  size_t runs, bytes, rows;
};

/// What the product needs to know of rows of activations, whatever the weights are. Empty for paths that need nothing.
class ArraySums {
public:
  explicit ArraySums(const ArrayRows &rows, ArrayPath path = bestArrayPath());
  const int32_t *data() const { return sums_.data(); }

private:
  std::vector<int32_t> sums_; // [row]: 128 * sum of the row's activations
};

/// Weights of some blocks of output lanes, repacked, and the product with rows of activations.
class ArrayBlocks {
public:
  /// w: [outputs][depth][lane n] int8. n is 8, 16, 32 or 64, depth a multiple of it. The path must be one that the host
  /// has.
  ArrayBlocks(uint32_t n, const int8_t *w, size_t depth, size_t outputs, ArrayPath path = bestArrayPath());

  /// Rows that multiply() takes at its best, few enough for the nearest caches.
  static constexpr size_t kRows = 32;

  /// acc[output * stride + row * n + lane] (+)= sum over the row's runs * bytes = depth activations; sums are those of
  /// the same rows and path.
  void multiply(const ArrayRows &rows, const ArraySums &sums, int32_t *acc, size_t stride, bool add) const;

private:
  uint32_t n_;
  size_t depth_, outputs_;
  ArrayPath path_;
  std::unique_ptr<int8_t[]> packed_; // [output][depth / 4][lane][depth % 4]; + 128 for VNNI
};

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_ARRAY_H
