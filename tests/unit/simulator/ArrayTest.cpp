// SPDX-License-Identifier: Apache-2.0
#include "functional/Array.h"

#include <gtest/gtest.h>

#include <random>

using namespace tw::simulator;

namespace {

std::vector<ArrayPath> paths() {
  std::vector<ArrayPath> result{ArrayPath::Portable};
  if (bestArrayPath() != ArrayPath::Portable)
    result.push_back(ArrayPath::Avx2);
  if (bestArrayPath() == ArrayPath::Avx512Vnni)
    result.push_back(ArrayPath::Avx512Vnni);
  return result;
}

TEST(ArrayTest, EveryPathOfThisHostIsThePlainDoubleLoop) {
  std::mt19937 random(5);
  for (uint32_t n : {8u, 16u, 32u, 64u})
    for (size_t blocks : {1u, 3u})
      for (size_t rows : {1u, 8u, 21u})
        for (bool extreme : {false, true}) {
          auto value = [&] { return static_cast<int8_t>(extreme ? (random() % 8 ? -128 : 127) : random()); };
          std::vector<int8_t> w(blocks * n * n), x(rows * blocks * n);
          for (int8_t &v : w)
            v = value();
          for (int8_t &v : x)
            v = value();
          std::vector<const int8_t *> pointers;
          for (size_t i = 0; i < rows * blocks; ++i)
            pointers.push_back(x.data() + i * n);
          std::vector<int32_t> start(rows * n), sums(rows * n);
          for (int32_t &v : start)
            v = static_cast<int32_t>(random());
          for (size_t row = 0; row < rows; ++row)
            for (size_t lane = 0; lane < n; ++lane)
              for (size_t k = 0; k < blocks * n; ++k)
                sums[row * n + lane] += x[row * blocks * n + k] * w[k * n + lane];
          for (ArrayPath path : paths())
            for (bool add : {false, true}) {
              std::vector<int32_t> acc = start, expected = sums;
              if (add)
                for (size_t i = 0; i < acc.size(); ++i)
                  expected[i] = static_cast<int32_t>(static_cast<uint32_t>(sums[i]) + static_cast<uint32_t>(start[i]));
              const ArraySums rowSums(n, pointers.data(), blocks, rows, path);
              ArrayBlocks(n, w.data(), blocks, path).multiply(pointers.data(), rowSums, rows, acc.data(), add);
              ASSERT_EQ(acc, expected) << "path " << int(path) << " n " << n << " blocks " << blocks << " rows "
                                       << rows;
            }
        }
}

} // namespace
