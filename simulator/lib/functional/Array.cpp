// SPDX-License-Identifier: Apache-2.0
#include "Array.h"
#include "Kernels.h"

#include <array>
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

template <int N> void multiplyPortable(const int8_t *packed, const ArrayRows &rows, int32_t *acc) {
  for (size_t row = 0; row < rows.rows; ++row, acc += N) {
    const int8_t *w = packed;
    for (size_t run = 0; run < rows.runs; ++run) {
      const int8_t *activation = rows.x[row * rows.runs + run];
      for (size_t k = 0; k < rows.bytes; k += 4, w += 4 * N)
        for (int lane = 0; lane < N; ++lane) {
          const int8_t *quad = w + lane * 4;
          int32_t sum = activation[k] * quad[0] + activation[k + 1] * quad[1] + activation[k + 2] * quad[2] +
                        activation[k + 3] * quad[3];
          acc[lane] = static_cast<int32_t>(static_cast<uint32_t>(acc[lane]) + static_cast<uint32_t>(sum));
        }
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
__attribute__((target("avx2"))) void multiplyAvx2(const int8_t *packed, const ArrayRows &rows, int32_t *acc) {
  for (int first = 0; first < N; first += 8) { // 8 lanes: two vectors of 4 lanes times 2 sums
    __m256i sum[Rows][2];
    for (auto &pair : sum)
      pair[0] = pair[1] = _mm256_setzero_si256();
    const int8_t *w = packed + first * 4;
    for (size_t run = 0; run < rows.runs; ++run)
      for (size_t k = 0; k < rows.bytes; k += 4, w += 4 * N) {
        __m256i low = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(w)));
        __m256i high = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(w + 16)));
        for (int row = 0; row < Rows; ++row) {
          __m256i quad =
              _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(quadAt(rows.x[row * rows.runs + run] + k))));
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

// 128 * sum of the bytes of each row.
template <int Rows> TW_VNNI void sumVnni(const ArrayRows &rows, size_t first, int32_t *sums) {
  const __m512i factor = _mm512_set1_epi8(static_cast<char>(0x80));
  const size_t whole = rows.bytes / 64 * 64;
  const __mmask64 rest = (uint64_t(1) << (rows.bytes - whole)) - 1;
  const int8_t *const *x = rows.x + first * rows.runs;
  __m512i sum[Rows];
  for (__m512i &lanes : sum)
    lanes = _mm512_setzero_si512();
  for (size_t run = 0; run < rows.runs; ++run) {
    for (size_t k = 0; k < whole; k += 64)
      for (int row = 0; row < Rows; ++row)
        sum[row] = _mm512_dpbusd_epi32(sum[row], factor, _mm512_loadu_si512(x[row * rows.runs + run] + k));
    if (rest != 0)
      for (int row = 0; row < Rows; ++row)
        sum[row] =
            _mm512_dpbusd_epi32(sum[row], factor, _mm512_maskz_loadu_epi8(rest, x[row * rows.runs + run] + whole));
  }
  __m128i quarter[Rows];
  for (int row = 0; row < Rows; ++row) {
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(sum[row]), _mm512_extracti64x4_epi64(sum[row], 1));
    quarter[row] = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  }
  if constexpr (Rows >= 4) {
    for (int row = 0; row < Rows; row += 4)
      _mm_storeu_si128(reinterpret_cast<__m128i *>(sums + row),
                       _mm_hadd_epi32(_mm_hadd_epi32(quarter[row], quarter[row + 1]),
                                      _mm_hadd_epi32(quarter[row + 2], quarter[row + 3])));
  } else {
    for (int row = 0; row < Rows; ++row) {
      const __m128i pair = _mm_hadd_epi32(quarter[row], quarter[row]);
      sums[row] = _mm_cvtsi128_si32(_mm_hadd_epi32(pair, pair));
    }
  }
}

// Four rows of weights of 16 of the n lanes become [lane][4], each byte with its top bit flipped.
TW_VNNI inline __m512i packedLanes(uint32_t n, const int8_t *w) {
  const auto row = [&](uint32_t k) { return _mm_loadu_si128(reinterpret_cast<const __m128i *>(w + k * n)); };
  __m512i rows = _mm512_castsi128_si512(row(0));
  rows = _mm512_inserti32x4(rows, row(1), 1);
  rows = _mm512_inserti32x4(rows, row(2), 2);
  rows = _mm512_inserti32x4(rows, row(3), 3);
  // Each quarter gets four lanes of each row, then each double word the four rows of one lane.
  const __m512i quarters =
      _mm512_permutexvar_epi32(_mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0), rows);
  const __m512i lanes = _mm512_shuffle_epi8(
      quarters, _mm512_broadcast_i32x4(_mm_set_epi8(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0)));
  return _mm512_xor_si512(lanes, _mm512_set1_epi8(static_cast<char>(0x80)));
}

TW_VNNI void packVnni(uint32_t n, const int8_t *w, size_t quads, int8_t *to) {
  for (size_t quad = 0; quad < quads; ++quad, w += 4 * n)
    for (uint32_t lane = 0; lane < n; lane += 16, to += 64)
      _mm512_storeu_si512(to, packedLanes(n, w + lane));
}

// The packed weights are w + 128, unsigned as the instruction wants its first operand; `corrections` of the rows take
// 128 * sum(x) off again. Activations are then the second operand, which the instruction broadcasts from memory itself.
// Vectors of 16 lanes: `packed` and `acc` of each; `step`: from a quad of its weights to the next one.
template <int Vectors, int Rows>
TW_VNNI void multiplyVnni(const std::array<const int8_t *, Vectors> &packed, size_t step, const int32_t *corrections,
                          const ArrayRows &rows, const int8_t *const *x, const std::array<int32_t *, Vectors> &acc,
                          size_t n, bool add) {
  __m512i sum[Rows][Vectors];
  for (int row = 0; row < Rows; ++row)
    for (int v = 0; v < Vectors; ++v)
      sum[row][v] = _mm512_sub_epi32(add ? _mm512_loadu_si512(acc[v] + row * n) : _mm512_setzero_si512(),
                                     _mm512_set1_epi32(corrections[row]));
  size_t at = 0;
  for (size_t run = 0; run < rows.runs; ++run) {
    const int8_t *from[Rows];
    for (int row = 0; row < Rows; ++row)
      from[row] = x[row * rows.runs + run];
    for (size_t k = 0; k < rows.bytes; k += 16, at += 4 * step)
      for (int quad = 0; quad < 4; ++quad) {
        __m512i w[Vectors];
        for (int v = 0; v < Vectors; ++v)
          w[v] = _mm512_loadu_si512(packed[v] + at + quad * step);
        for (int row = 0; row < Rows; ++row) {
          const __m512i x4 = _mm512_set1_epi32(quadAt(from[row] + k + quad * 4));
          for (int v = 0; v < Vectors; ++v)
            sum[row][v] = _mm512_dpbusd_epi32(sum[row][v], w[v], x4);
        }
      }
  }
  for (int row = 0; row < Rows; ++row)
    for (int v = 0; v < Vectors; ++v)
      _mm512_storeu_si512(acc[v] + row * n, sum[row][v]);
}

// Eight lanes fill half a vector.
template <int Rows>
TW_VNNI void multiplyVnni8(const int8_t *packed, const int32_t *corrections, const ArrayRows &rows,
                           const int8_t *const *x, int32_t *acc, bool add) {
  __m256i sum[Rows];
  for (int row = 0; row < Rows; ++row)
    sum[row] = _mm256_sub_epi32(add ? _mm256_loadu_si256(reinterpret_cast<const __m256i *>(acc + row * 8))
                                    : _mm256_setzero_si256(),
                                _mm256_set1_epi32(corrections[row]));
  for (size_t run = 0; run < rows.runs; ++run)
    for (size_t k = 0; k < rows.bytes; k += 4, packed += 32) {
      const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(packed));
      for (int row = 0; row < Rows; ++row)
        sum[row] = _mm256_dpbusd_epi32(sum[row], w, _mm256_set1_epi32(quadAt(x[row * rows.runs + run] + k)));
    }
  for (int row = 0; row < Rows; ++row)
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(acc + row * 8), sum[row]);
}

/// Calls body.operator()<Rows>(first) for groups of at most kMost rows, all of them powers of two.
template <int kMost, typename Body> void forRowGroups(size_t rows, Body &&body) {
  size_t first = 0;
  for (; first + kMost <= rows; first += kMost)
    body.template operator()<kMost>(first);
  if constexpr (kMost > 4)
    if (rows - first >= 4) {
      body.template operator()<4>(first);
      first += 4;
    }
  for (; rows - first >= 2; first += 2)
    body.template operator()<2>(first);
  if (first != rows)
    body.template operator()<1>(first);
}

// `Outputs` blocks of N lanes that share the activations.
template <int N, int Outputs>
void multiplyOutputs(const int8_t *packed, size_t bytes, const int32_t *sums, const ArrayRows &rows, int32_t *acc,
                     size_t stride, bool add) {
  constexpr int kPerOutput = N / 16, kVectors = Outputs * kPerOutput;
  forRowGroups<kVectors == 4 ? 4 : 8>(rows.rows, [&]<int Rows>(size_t first) {
    std::array<const int8_t *, kVectors> weights;
    std::array<int32_t *, kVectors> to;
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = packed + v / kPerOutput * bytes + v % kPerOutput * 64;
      to[v] = acc + v / kPerOutput * stride + first * N + v % kPerOutput * 16;
    }
    multiplyVnni<kVectors, Rows>(weights, 4 * N, sums + first, rows, rows.x + first * rows.runs, to, N, add);
  });
}

#endif

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

ArrayBlocks::ArrayBlocks(uint32_t n, const int8_t *w, size_t depth, size_t outputs, ArrayPath path)
    : n_(n), depth_(depth), outputs_(outputs), path_(path),
      packed_(std::make_unique_for_overwrite<int8_t[]>(outputs * depth * n)) {
  const size_t quads = outputs * depth / 4;
#if defined(__x86_64__)
  if (path == ArrayPath::Avx512Vnni && n >= 16) {
    packVnni(n, w, quads, packed_.get());
    return;
  }
#endif
  const auto flip = static_cast<int8_t>(path == ArrayPath::Avx512Vnni ? 0x80 : 0);
  for (size_t quad = 0; quad < quads; ++quad)
    packQuad(n, w + quad * 4 * n, flip, packed_.get() + quad * 4 * n);
}

ArraySums::ArraySums(const ArrayRows &rows, ArrayPath path) {
#if defined(__x86_64__)
  if (path != ArrayPath::Avx512Vnni)
    return;
  sums_.resize(rows.rows);
  forRowGroups<8>(rows.rows, [&]<int Rows>(size_t first) { sumVnni<Rows>(rows, first, sums_.data() + first); });
#endif
}

void ArrayBlocks::multiply(const ArrayRows &rows, const ArraySums &sums, int32_t *acc, size_t stride, bool add) const {
  const size_t bytes = depth_ * n_;
  forLanes(n_, [&]<int N>() {
#if defined(__x86_64__)
    if (path_ == ArrayPath::Avx512Vnni) {
      if constexpr (N == 8) {
        for (size_t output = 0; output < outputs_; ++output)
          forRowGroups<8>(rows.rows, [&]<int Rows>(size_t first) {
            multiplyVnni8<Rows>(packed_.get() + output * bytes, sums.data() + first, rows, rows.x + first * rows.runs,
                                acc + output * stride + first * N, add);
          });
      } else {
        size_t output = 0;
        if constexpr (N < 64)
          for (; output + 2 <= outputs_; output += 2)
            multiplyOutputs<N, 2>(packed_.get() + output * bytes, bytes, sums.data(), rows, acc + output * stride,
                                  stride, add);
        for (; output != outputs_; ++output)
          multiplyOutputs<N, 1>(packed_.get() + output * bytes, bytes, sums.data(), rows, acc + output * stride, stride,
                                add);
      }
      return;
    }
#endif
    for (size_t output = 0; output < outputs_; ++output) {
      const int8_t *packed = packed_.get() + output * bytes;
      int32_t *to = acc + output * stride;
      if (!add)
        std::memset(to, 0, rows.rows * N * sizeof(int32_t));
#if defined(__x86_64__)
      if (path_ == ArrayPath::Avx2) {
        forRowGroups<N == 64 ? 4 : 8>(rows.rows, [&]<int Rows>(size_t first) {
          multiplyAvx2<N, Rows>(packed, {rows.x + first * rows.runs, rows.runs, rows.bytes, Rows}, to + first * N);
        });
        continue;
      }
#endif
      multiplyPortable<N>(packed, rows, to);
    }
  });
}

} // namespace tw::simulator
