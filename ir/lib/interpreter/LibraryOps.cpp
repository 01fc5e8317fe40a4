// SPDX-License-Identifier: Apache-2.0
// Library functions, written apart from their C code: comparing the two means something.
#include "LibraryOps.h"

#include "tw/ir/LibraryFunctions.h"
#include "tw/isa/DiagError.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;

namespace tw::ir {
namespace {

using Evaluation = llvm::Error (*)(const Operands &in, Params params, Tensor &result);

template <typename T> constexpr bool kIsNumber = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

llvm::Error undefined(ElementType type) {
  return errorAt("", "it is not defined for " + llvm::StringRef(elementTypeName(type)));
}

// a + b or a * b; integers wrap.
template <typename T> T combined(bool isProduct, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    const uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    return static_cast<T>(isProduct ? x * y : x + y);
  } else {
    return isProduct ? a * b : a + b;
  }
}

template <typename T> bool isNan(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(x);
  else
    return false;
}

template <typename T> T updated(int64_t reduction, T old, T with) {
  if constexpr (std::is_same_v<T, bool>) {
    return reduction == 1 || reduction == 3 ? old || with : old && with;
  } else if constexpr (kIsNumber<T>) {
    if (reduction <= 2)
      return combined(reduction == 2, old, with);
    if (isNan(old) || isNan(with))
      return isNan(old) ? old : with;
    return reduction == 3 ? std::max(old, with) : std::min(old, with);
  } else {
    return with;
  }
}

llvm::Error scatter(const Operands &in, Params params, Tensor &result) {
  result.bytes = in[0].bytes;
  const int64_t rows = result.shape[0], inner = result.shape[1];
  for (auto [k, row] : llvm::enumerate(in[1].values<int64_t>())) {
    if (row < 0 || row >= rows)
      return errorAt("", "index " + std::to_string(row) + " lies outside of the " + std::to_string(rows) +
                             " rows of its data");
    withElementType(result.type, [&](auto element) {
      using T = decltype(element);
      T *to = result.data<T>() + row * inner;
      const T *from = in[2].data<T>() + static_cast<int64_t>(k) * inner;
      for (int64_t i = 0; i < inner; ++i)
        to[i] = params[0] == 0 ? from[i] : updated(params[0], to[i], from[i]);
    });
  }
  return llvm::Error::success();
}

llvm::Error cumulate(const Operands &in, Params params, Tensor &result) {
  const bool isExclusive = params[0], isReverse = params[1], isProduct = params[2];
  const int64_t extent = result.shape[1], inner = result.shape[2];
  bool isDefined = true;
  withElementType(result.type, [&](auto element) {
    using T = decltype(element);
    if constexpr (!kIsNumber<T>) {
      isDefined = false;
    } else {
      for (int64_t first = 0; first < result.shape[0] * inner; ++first) {
        const int64_t begin = first / inner * extent * inner + first % inner;
        T sum(isProduct ? 1 : 0);
        for (int64_t k = 0; k < extent; ++k) {
          const int64_t at = begin + inner * (isReverse ? extent - 1 - k : k);
          const T next = combined(isProduct, sum, in[0].data<T>()[at]);
          result.data<T>()[at] = isExclusive ? sum : next;
          sum = next;
        }
      }
    }
  });
  return isDefined ? llvm::Error::success() : undefined(result.type);
}

llvm::Error topkIndices(const Operands &in, Params params, Tensor &result) {
  const int64_t extent = in[0].shape[1], inner = in[0].shape[2], k = result.shape[1];
  bool isDefined = true;
  withElementType(in[0].type, [&](auto element) {
    using T = decltype(element);
    if constexpr (!kIsNumber<T>) {
      isDefined = false;
    } else {
      std::vector<int64_t> places(static_cast<size_t>(extent));
      for (int64_t line = 0; line < in[0].shape[0] * inner; ++line) {
        const T *x = in[0].data<T>() + line / inner * extent * inner + line % inner;
        std::iota(places.begin(), places.end(), 0);
        std::ranges::sort(places, [&](int64_t i, int64_t j) {
          const T a = x[i * inner], b = x[j * inner];
          if (isNan(a) || isNan(b)) // the largest of all
            return isNan(a) && isNan(b) ? i < j : params[0] ? isNan(a) : isNan(b);
          return a == b ? i < j : params[0] ? a > b : a < b;
        });
        for (int64_t n = 0; n < k; ++n)
          result.data<int64_t>()[(line / inner * k + n) * inner + line % inner] = places[static_cast<size_t>(n)];
      }
    }
  });
  return isDefined ? llvm::Error::success() : undefined(in[0].type);
}

Evaluation evaluationOf(llvm::StringRef name) {
  constexpr std::pair<llvm::StringLiteral, Evaluation> kEvaluations[] = {
      {"scatter", scatter},         {"cumulate", cumulate},      {"topk_indices", topkIndices},
      {"grid_sample", gridSample},  {"roi_align", roiAlign},     {"max_roi_pool", maxRoiPool},
      {"determinant", determinant}, {"deform_conv", deformConv}, {"non_max_suppression", nonMaxSuppression},
      {"nonzero", nonzero},         {"compress", compress},      {"unique", unique},
      {"softmax_i8", softmaxI8},    {"variance_i8", varianceI8}, {"normalise_i8", normaliseI8},
      {"norm_i8", normI8},
  };
  for (const auto &[known, evaluation] : kEvaluations)
    if (known == name)
      return evaluation;
  return nullptr;
}

} // namespace

llvm::Expected<Tensor> evaluateOp(LibraryOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  Evaluation evaluation = evaluationOf(op.getName());
  if (!evaluation)
    return errorAt("", "the interpreter has no evaluation of library function '" + op.getName() + "'");
  if (llvm::Error error = evaluation(in, op.getParams(), result))
    return inside(op.getName(), std::move(error));
  return result;
}

} // namespace tw::ir
