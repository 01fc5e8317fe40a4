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
    for (size_t blocks : {1u, 3u, 5u}) // of each run
      for (size_t runs : {1u, 2u})
        for (size_t outputs : {1u, 2u, 3u})
          for (size_t rows : {1u, 8u, 21u})
            for (bool extreme : {false, true}) {
              auto value = [&] { return static_cast<int8_t>(extreme ? (random() % 8 ? -128 : 127) : random()); };
              const size_t bytes = blocks * n, depth = runs * bytes, stride = rows * n + 5;
              std::vector<int8_t> w(outputs * depth * n), x(rows * depth);
              for (int8_t &v : w)
                v = value();
              for (int8_t &v : x)
                v = value();
              std::vector<const int8_t *> pointers;
              for (size_t i = 0; i < rows * runs; ++i)
                pointers.push_back(x.data() + i * bytes);
              std::vector<int32_t> start(outputs * stride), sums(outputs * stride);
              for (int32_t &v : start)
                v = static_cast<int32_t>(random());
              for (size_t output = 0; output < outputs; ++output)
                for (size_t row = 0; row < rows; ++row)
                  for (size_t lane = 0; lane < n; ++lane)
                    for (size_t k = 0; k < depth; ++k)
                      sums[output * stride + row * n + lane] += x[row * depth + k] * w[(output * depth + k) * n + lane];
              const ArrayRows activations{pointers.data(), runs, bytes, rows};
              for (ArrayPath path : paths())
                for (bool add : {false, true}) {
                  std::vector<int32_t> acc = start, expected = start; // what lies between the outputs stays
                  for (size_t output = 0; output < outputs; ++output)
                    for (size_t i = output * stride; i < output * stride + rows * n; ++i)
                      expected[i] = static_cast<int32_t>(static_cast<uint32_t>(sums[i]) +
                                                         (add ? static_cast<uint32_t>(start[i]) : 0));
                  ArrayBlocks(n, w.data(), depth, outputs, path)
                      .multiply(activations, ArraySums(activations, path), acc.data(), stride, add);
                  ASSERT_EQ(acc, expected) << "path " << int(path) << " n " << n << " blocks " << blocks << " runs "
                                           << runs << " outputs " << outputs << " rows " << rows;
                }
            }
}

} // namespace
