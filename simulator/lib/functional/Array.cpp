// SPDX-License-Identifier: Apache-2.0
#include "Array.h"
#include "Kernels.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tw::simulator {

namespace {

/// Four rows of weights of n lanes become [lane][4], each byte with `flip` in its top bit.
void packQuad(uint32_t n, const int8_t *w, int8_t flip, int8_t *to) {
#if defined(__x86_64__)
  const __m128i mask = _mm_set1_epi8(flip);
  for (uint32_t lane = 0; lane < n; lane += 8) {
    auto row = [&](uint32_t k) {
      return _mm_xor_si128(mask, _mm_loadl_epi64(reinterpret_cast<const __m128i *>(w + k * n + lane)));
    };
    __m128i even = _mm_unpacklo_epi8(row(0), row(1)), odd = _mm_unpacklo_epi8(row(2), row(3));
    auto *out = reinterpret_cast<__m128i *>(to + lane * 4);
    _mm_storeu_si128(out, _mm_unpacklo_epi16(even, odd));
    _mm_storeu_si128(out + 1, _mm_unpackhi_epi16(even, odd));
  }
#else
  for (uint32_t lane = 0; lane < n; ++lane)
    for (uint32_t k = 0; k < 4; ++k)
      to[lane * 4 + k] = static_cast<int8_t>(w[k * n + lane] ^ flip);
#endif
}

template <int N>
void multiplyPortable(const int8_t *packed, size_t blocks, const int8_t *const *x, size_t rows, int32_t *acc) {
  for (size_t row = 0; row < rows; ++row, acc += N)
    for (size_t block = 0; block < blocks; ++block) {
      const int8_t *activation = x[row * blocks + block];
      const int8_t *w = packed + block * N * N;
      for (int k = 0; k < N; k += 4)
        for (int lane = 0; lane < N; ++lane) {
          const int8_t *quad = w + k * N + lane * 4;
          int32_t sum = activation[k] * quad[0] + activation[k + 1] * quad[1] + activation[k + 2] * quad[2] +
                        activation[k + 3] * quad[3];
          acc[lane] = static_cast<int32_t>(static_cast<uint32_t>(acc[lane]) + static_cast<uint32_t>(sum));
        }
    }
}

#if defined(__x86_64__)

int32_t quadAt(const int8_t *x) {
  int32_t quad;
  std::memcpy(&quad, x, sizeof quad);
  return quad;
}

// Pairs of int16 products: acc vectors hold two partial sums per lane until the end.
template <int N, int Rows>
__attribute__((target("avx2"))) void multiplyAvx2(const int8_t *packed, size_t blocks, const int8_t *const *x,
                                                  int32_t *acc) {
  for (int first = 0; first < N; first += 8) { // 8 lanes: two vectors of 4 lanes times 2 sums
    __m256i sum[Rows][2];
    for (auto &pair : sum)
      pair[0] = pair[1] = _mm256_setzero_si256();
    for (size_t block = 0; block < blocks; ++block)
      for (int k = 0; k < N; k += 4) {
        const int8_t *w = packed + (block * N + k) * N + first * 4;
        __m256i low = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(w)));
        __m256i high = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(w + 16)));
        for (int row = 0; row < Rows; ++row) {
          __m256i quad =
              _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(quadAt(x[row * blocks + block] + k))));
          sum[row][0] = _mm256_add_epi32(sum[row][0], _mm256_madd_epi16(quad, low));
          sum[row][1] = _mm256_add_epi32(sum[row][1], _mm256_madd_epi16(quad, high));
        }
      }
    for (int row = 0; row < Rows; ++row) {
      auto *out = reinterpret_cast<__m256i *>(acc + row * N + first);
      // hadd works inside halves: lanes 0 1 4 5 2 3 6 7 come out, and the middle quarters change places.
      __m256i lanes = _mm256_permute4x64_epi64(_mm256_hadd_epi32(sum[row][0], sum[row][1]), 0xD8);
      _mm256_storeu_si256(out, _mm256_add_epi32(_mm256_loadu_si256(out), lanes));
    }
  }
}

#define TW_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

TW_VNNI inline int32_t lanesSum(__m128i lanes) {
  const __m128i pair = _mm_add_epi32(lanes, _mm_shuffle_epi32(lanes, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(pair, _mm_shuffle_epi32(pair, 0xB1)));
}

// 128 * sum of the bytes that the pointers of each row name: as many sums at a time as there are rows.
template <int N, int Rows> TW_VNNI void sumVnni(const int8_t *const *x, size_t blocks, int32_t *sums) {
  constexpr int kVectors = N > 16 ? N / 16 : 1;
  const __m128i factor = _mm_set1_epi8(static_cast<char>(0x80));
  __m128i sum[Rows];
  for (__m128i &lanes : sum)
    lanes = _mm_setzero_si128();
  for (size_t block = 0; block < blocks; ++block)
    for (int row = 0; row < Rows; ++row)
      for (int v = 0; v < kVectors; ++v) {
        const auto *bytes = reinterpret_cast<const __m128i *>(x[row * blocks + block] + v * 16);
        sum[row] = _mm_dpbusd_epi32(sum[row], factor, N == 8 ? _mm_loadl_epi64(bytes) : _mm_loadu_si128(bytes));
      }
  for (int row = 0; row < Rows; ++row)
    sums[row] = lanesSum(sum[row]);
}

// The packed weights are w + 128, unsigned as the instruction wants its first operand; `corrections` of the rows take
// 128 * sum(x) off again. Activations are then the second operand, which the instruction broadcasts from memory itself.
template <int N, int Rows>
TW_VNNI void multiplyVnni(const int8_t *packed, const int32_t *corrections, size_t blocks, const int8_t *const *x,
                          int32_t *acc) {
  constexpr int kVectors = N / 16;
  __m512i sum[Rows][kVectors];
  for (int row = 0; row < Rows; ++row)
    for (int v = 0; v < kVectors; ++v)
      sum[row][v] = _mm512_sub_epi32(_mm512_loadu_si512(acc + row * N + v * 16), _mm512_set1_epi32(corrections[row]));
  for (size_t block = 0; block < blocks; ++block) {
    const int8_t *rows[Rows];
    for (int row = 0; row < Rows; ++row)
      rows[row] = x[row * blocks + block];
    for (int k = 0; k < N; k += 4) {
      __m512i w[kVectors];
      for (int v = 0; v < kVectors; ++v)
        w[v] = _mm512_loadu_si512(packed + (block * N + k) * N + v * 64);
      for (int row = 0; row < Rows; ++row) {
        const __m512i quad = _mm512_set1_epi32(quadAt(rows[row] + k));
        for (int v = 0; v < kVectors; ++v)
          sum[row][v] = _mm512_dpbusd_epi32(sum[row][v], w[v], quad);
      }
    }
  }
  for (int row = 0; row < Rows; ++row)
    for (int v = 0; v < kVectors; ++v)
      _mm512_storeu_si512(acc + row * N + v * 16, sum[row][v]);
}

// Eight lanes fill half a vector.
template <int Rows>
TW_VNNI void multiplyVnni8(const int8_t *packed, const int32_t *corrections, size_t blocks, const int8_t *const *x,
                           int32_t *acc) {
  __m256i sum[Rows];
  for (int row = 0; row < Rows; ++row)
    sum[row] = _mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(acc + row * 8)),
                                _mm256_set1_epi32(corrections[row]));
  for (size_t block = 0; block < blocks; ++block)
    for (int k = 0; k < 8; k += 4) {
      __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(packed + (block * 8 + k) * 8));
      for (int row = 0; row < Rows; ++row)
        sum[row] = _mm256_dpbusd_epi32(sum[row], w, _mm256_set1_epi32(quadAt(x[row * blocks + block] + k)));
    }
  for (int row = 0; row < Rows; ++row)
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(acc + row * 8), sum[row]);
}

template <int N, int Rows>
void multiplyRows(ArrayPath path, const int8_t *packed, const int32_t *sums, size_t blocks, const int8_t *const *x,
                  int32_t *acc) {
  if (path == ArrayPath::Avx2)
    return multiplyAvx2<N, Rows>(packed, blocks, x, acc);
  if constexpr (N == 8)
    multiplyVnni8<Rows>(packed, sums, blocks, x, acc);
  else
    multiplyVnni<N, Rows>(packed, sums, blocks, x, acc);
}

#endif

template <int N>
void multiplyAll(ArrayPath path, const int8_t *packed, const int32_t *sums, size_t blocks, const int8_t *const *x,
                 size_t rows, int32_t *acc) {
#if defined(__x86_64__)
  if (path != ArrayPath::Portable) {
    constexpr int kGroup = N == 64 ? 4 : 8;
    for (; rows >= kGroup; rows -= kGroup, x += kGroup * blocks, acc += kGroup * N, sums += kGroup)
      multiplyRows<N, kGroup>(path, packed, sums, blocks, x, acc);
    if (kGroup != 4 && rows >= 4) {
      multiplyRows<N, 4>(path, packed, sums, blocks, x, acc);
      rows -= 4, x += 4 * blocks, acc += 4 * N, sums += 4;
    }
    for (; rows >= 2; rows -= 2, x += 2 * blocks, acc += 2 * N, sums += 2)
      multiplyRows<N, 2>(path, packed, sums, blocks, x, acc);
    for (; rows != 0; --rows, x += blocks, acc += N, ++sums)
      multiplyRows<N, 1>(path, packed, sums, blocks, x, acc);
    return;
  }
#endif
  (void)path;
  (void)sums;
  multiplyPortable<N>(packed, blocks, x, rows, acc);
}

} // namespace

ArrayPath bestArrayPath() {
#if defined(__x86_64__)
  static const ArrayPath path = [] {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vnni"))
      return ArrayPath::Avx512Vnni;
    return __builtin_cpu_supports("avx2") ? ArrayPath::Avx2 : ArrayPath::Portable;
  }();
  return path;
#else
  return ArrayPath::Portable;
#endif
}

ArrayBlocks::ArrayBlocks(uint32_t n, const int8_t *w, size_t blocks, ArrayPath path)
    : n_(n), blocks_(blocks), path_(path), packed_(std::make_unique_for_overwrite<int8_t[]>(blocks * n * n)) {
  const auto flip = static_cast<int8_t>(path == ArrayPath::Avx512Vnni ? 0x80 : 0);
  for (size_t quad = 0; quad < blocks * n / 4; ++quad)
    packQuad(n, w + quad * 4 * n, flip, packed_.get() + quad * 4 * n);
}

ArraySums::ArraySums(uint32_t n, const int8_t *const *x, size_t blocks, size_t rows, ArrayPath path) {
#if defined(__x86_64__)
  if (path != ArrayPath::Avx512Vnni)
    return;
  sums_.resize(rows);
  forLanes(n, [&]<int N>() {
    size_t row = 0;
    for (; row + 8 <= rows; row += 8)
      sumVnni<N, 8>(x + row * blocks, blocks, sums_.data() + row);
    for (; row != rows; ++row)
      sumVnni<N, 1>(x + row * blocks, blocks, sums_.data() + row);
  });
#endif
}

void ArrayBlocks::multiply(const int8_t *const *x, const ArraySums &sums, size_t rows, int32_t *acc, bool add) const {
  if (!add)
    std::memset(acc, 0, rows * n_ * sizeof(int32_t));
  forLanes(n_, [&]<int N>() { multiplyAll<N>(path_, packed_.get(), sums.data(), blocks_, x, rows, acc); });
}

} // namespace tw::simulator
