// SPDX-License-Identifier: Apache-2.0
// Arithmetic, functions and relations of any element type. Reals of float32 are computed in float64 and
// rounded once, where the function is not one of IEEE 754 itself.
#include "Kernels.h"

#include "tw/isa/DiagError.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;

namespace tw::ir {
namespace {

template <typename T> constexpr bool kIsNarrow = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;
template <typename T> constexpr bool kIsInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

llvm::Error undefined(Operation *op, ElementType type) {
  return errorAt("",
                 "'" + op->getName().getStringRef() + "' is not defined for " + llvm::StringRef(elementTypeName(type)));
}

// function(a, b) of each pair, numpy broadcasting.
template <typename T, typename R, typename Function>
void pairwise(Tensor &result, const Tensor &left, const Tensor &right, const Function &function) {
  Shape leftStrides = broadcastStrides(left.shape, result.shape),
        rightStrides = broadcastStrides(right.shape, result.shape);
  const T *a = left.data<T>(), *b = right.data<T>();
  forEachIndex(result.shape, [&](int64_t i, Dims index) {
    result.data<R>()[i] = static_cast<R>(function(a[offsetOf(index, leftStrides)], b[offsetOf(index, rightStrides)]));
  });
}

// Integers that wrap: through the unsigned type, wide enough that nothing is promoted to a signed one.
template <typename T> uint64_t wide(T x) { return static_cast<uint64_t>(x); }

template <typename T> T divided(T a, T b) {
  if constexpr (!kIsInteger<T>) {
    return a / b;
  } else {
    if (b == 0)
      return 0;
    return std::is_signed_v<T> && b == static_cast<T>(-1) ? static_cast<T>(0 - wide(a)) : static_cast<T>(a / b);
  }
}

// What is no number wins; of equal ones (0 and -0) the second.
template <typename T> T smaller(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(a) || std::isnan(b))
      return std::isnan(a) ? a : b;
  return a < b ? a : b;
}
template <typename T> T larger(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(a) || std::isnan(b))
      return std::isnan(a) ? a : b;
  return a > b ? a : b;
}

// Modulo the width. A negative exponent leaves the fraction 1 / a^-b, which is 0 but for 1 and -1; of 0 it is 0, too.
template <typename T> T power(T a, T b) {
  if constexpr (std::is_signed_v<T>)
    if (b < 0)
      return a == 1 ? T(1) : a == -1 ? static_cast<T>(b % 2 == 0 ? 1 : -1) : T(0);
  uint64_t result = 1, square = wide(a);
  for (uint64_t rest = wide(b); rest != 0; rest >>= 1, square *= square)
    if (rest & 1)
      result *= square;
  return static_cast<T>(result);
}

// arithmetic(a, b) of reals that are computed in and of integers; null for bool and the narrow reals.
template <typename Real, typename Integer>
llvm::Expected<Tensor> arithmetic(Operation *op, const Operands &in, const Real &real, const Integer &integer) {
  Tensor result = resultTensor(op);
  bool isDefined = true;
  withElementType(result.type, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_floating_point_v<T>)
      pairwise<T, T>(result, in[0], in[1], real);
    else if constexpr (kIsInteger<T>)
      pairwise<T, T>(result, in[0], in[1], integer);
    else
      isDefined = false;
  });
  if (!isDefined)
    return undefined(op, result.type);
  return result;
}

double valueOf(UnaryKind kind, double x) {
  switch (kind) {
  case UnaryKind::Abs:
    return std::fabs(x);
  case UnaryKind::Neg:
    return -x;
  case UnaryKind::Sign:
    return x > 0 ? 1 : x < 0 ? -1 : x;
  case UnaryKind::Ceil:
    return std::ceil(x);
  case UnaryKind::Floor:
    return std::floor(x);
  case UnaryKind::Round:
    return std::nearbyint(x);
  case UnaryKind::Sqrt:
    return std::sqrt(x);
  case UnaryKind::Exp:
    return std::exp(x);
  case UnaryKind::Log:
    return std::log(x);
  case UnaryKind::Sin:
    return std::sin(x);
  case UnaryKind::Cos:
    return std::cos(x);
  case UnaryKind::Tan:
    return std::tan(x);
  case UnaryKind::Asin:
    return std::asin(x);
  case UnaryKind::Acos:
    return std::acos(x);
  case UnaryKind::Atan:
    return std::atan(x);
  case UnaryKind::Sinh:
    return std::sinh(x);
  case UnaryKind::Cosh:
    return std::cosh(x);
  case UnaryKind::Asinh:
    return std::asinh(x);
  case UnaryKind::Acosh:
    return std::acosh(x);
  case UnaryKind::Atanh:
    return std::atanh(x);
  case UnaryKind::Erf:
    return std::erf(x);
  case UnaryKind::Log1p:
    return std::log1p(x);
  case UnaryKind::Expm1:
    return std::expm1(x);
  case UnaryKind::Not:
    break;
  }
  llvm_unreachable("of reals there is no complement");
}

// Which kinds are of reals alone, ir/lib/linalg/ElementwiseLoops.cpp says once more: it is judged by this, so both know
// it by themselves.
template <typename T> T integerOf(UnaryKind kind, T x) {
  switch (kind) {
  case UnaryKind::Abs:
    return static_cast<T>(x < T(0) ? 0 - wide(x) : wide(x));
  case UnaryKind::Neg:
    return static_cast<T>(0 - wide(x));
  case UnaryKind::Sign:
    return static_cast<T>((x > T(0)) - (x < T(0)));
  case UnaryKind::Not:
    return static_cast<T>(~wide(x));
  case UnaryKind::Ceil:
  case UnaryKind::Floor:
  case UnaryKind::Round:
  case UnaryKind::Sqrt:
  case UnaryKind::Exp:
  case UnaryKind::Log:
  case UnaryKind::Sin:
  case UnaryKind::Cos:
  case UnaryKind::Tan:
  case UnaryKind::Asin:
  case UnaryKind::Acos:
  case UnaryKind::Atan:
  case UnaryKind::Sinh:
  case UnaryKind::Cosh:
  case UnaryKind::Asinh:
  case UnaryKind::Acosh:
  case UnaryKind::Atanh:
  case UnaryKind::Erf:
  case UnaryKind::Log1p:
  case UnaryKind::Expm1:
    break;
  }
  llvm_unreachable("these are of reals");
}

template <typename T> T integerOf(BinaryKind kind, T a, T b) {
  constexpr uint64_t kWidth = sizeof(T) * 8;
  switch (kind) {
  case BinaryKind::Pow:
    return power(a, b);
  case BinaryKind::Fmod:
  case BinaryKind::Mod: {
    if (b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1)))
      return 0;
    const T rest = static_cast<T>(a % b);
    return static_cast<T>(kind == BinaryKind::Mod && rest != 0 && (rest < T(0)) != (b < T(0)) ? rest + b : rest);
  }
  case BinaryKind::And:
    return static_cast<T>(a & b);
  case BinaryKind::Or:
    return static_cast<T>(a | b);
  case BinaryKind::Xor:
    return static_cast<T>(a ^ b);
  case BinaryKind::ShiftLeft:
    return wide(b) < kWidth ? static_cast<T>(wide(a) << wide(b)) : T(0);
  case BinaryKind::ShiftRight:
    return wide(b) < kWidth ? static_cast<T>(a >> wide(b)) : static_cast<T>(a < T(0) ? -1 : 0);
  }
  llvm_unreachable("all kinds are listed");
}

template <typename T> bool holds(CompareKind kind, T a, T b) {
  switch (kind) {
  case CompareKind::Equal:
    return a == b;
  case CompareKind::NotEqual:
    return a != b;
  case CompareKind::Less:
    return a < b;
  case CompareKind::LessOrEqual:
    return a <= b;
  case CompareKind::Greater:
    return a > b;
  case CompareKind::GreaterOrEqual:
    return a >= b;
  }
  llvm_unreachable("all kinds are listed");
}

} // namespace

llvm::Expected<Tensor> evaluateOp(AddOp op, const Operands &in) {
  return arithmetic(op, in, [](auto a, auto b) { return a + b; }, [](auto a, auto b) { return wide(a) + wide(b); });
}
llvm::Expected<Tensor> evaluateOp(SubOp op, const Operands &in) {
  return arithmetic(op, in, [](auto a, auto b) { return a - b; }, [](auto a, auto b) { return wide(a) - wide(b); });
}
llvm::Expected<Tensor> evaluateOp(MulOp op, const Operands &in) {
  return arithmetic(op, in, [](auto a, auto b) { return a * b; }, [](auto a, auto b) { return wide(a) * wide(b); });
}
llvm::Expected<Tensor> evaluateOp(DivOp op, const Operands &in) {
  auto quotient = [](auto a, auto b) { return divided(a, b); };
  return arithmetic(op, in, quotient, quotient);
}
llvm::Expected<Tensor> evaluateOp(MinOp op, const Operands &in) {
  auto least = [](auto a, auto b) { return smaller(a, b); };
  return arithmetic(op, in, least, least);
}
llvm::Expected<Tensor> evaluateOp(MaxOp op, const Operands &in) {
  auto most = [](auto a, auto b) { return larger(a, b); };
  return arithmetic(op, in, most, most);
}

llvm::Expected<Tensor> evaluateOp(UnaryOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  withElementType(result.type, [&](auto element) {
    using T = decltype(element);
    auto apply = [&](auto function) {
      std::transform(in[0].data<T>(), in[0].data<T>() + result.size(), result.data<T>(), function);
    };
    if constexpr (std::is_same_v<T, bool>)
      apply([](bool x) { return !x; });
    else if constexpr (kIsInteger<T>)
      apply([&](T x) { return integerOf(op.getKind(), x); });
    else
      apply([&](T x) { return static_cast<T>(valueOf(op.getKind(), static_cast<double>(x))); });
  });
  return result;
}

llvm::Expected<Tensor> evaluateOp(BinaryOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  withElementType(result.type, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_floating_point_v<T>)
      pairwise<T, T>(result, in[0], in[1], [&](T a, T b) -> double {
        return op.getKind() == BinaryKind::Pow ? std::pow(static_cast<double>(a), static_cast<double>(b))
                                               : std::fmod(static_cast<double>(a), static_cast<double>(b));
      });
    else if constexpr (std::is_integral_v<T>)
      pairwise<T, T>(result, in[0], in[1], [&](T a, T b) { return integerOf(op.getKind(), a, b); });
  });
  return result;
}

llvm::Expected<Tensor> evaluateOp(CompareOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  withElementType(in[0].type, [&](auto element) {
    using T = decltype(element);
    pairwise<T, bool>(result, in[0], in[1], [&](T a, T b) {
      if constexpr (kIsNarrow<T>)
        return holds(op.getKind(), static_cast<double>(a), static_cast<double>(b));
      else
        return holds(op.getKind(), a, b);
    });
  });
  return result;
}

llvm::Expected<Tensor> evaluateOp(WhereOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  Shape condition = broadcastStrides(in[0].shape, result.shape), left = broadcastStrides(in[1].shape, result.shape),
        right = broadcastStrides(in[2].shape, result.shape);
  forEachIndex(result.shape, [&](int64_t i, Dims index) {
    if (in[0].data<bool>()[offsetOf(index, condition)])
      copyElement(result, i, in[1], offsetOf(index, left));
    else
      copyElement(result, i, in[2], offsetOf(index, right));
  });
  return result;
}

llvm::Expected<Tensor> evaluateOp(CastOp op, const Operands &in) {
  Tensor result = resultTensor(op);
  const bool isFromReal = isReal(in[0].type), isFromLarge = in[0].type == ElementType::U64;
  for (int64_t i = 0; i < result.size(); ++i)
    if (isFromLarge && result.type == ElementType::F32) // rounded once
      result.data<float>()[i] = static_cast<float>(in[0].data<uint64_t>()[i]);
    else if (isFromReal || (isFromLarge && isReal(result.type)))
      result.setNumber(i, in[0].numberAt(i));
    else if (result.type == ElementType::F32) // rounded once
      result.data<float>()[i] = static_cast<float>(in[0].integerAt(i));
    else
      result.setInteger(i, in[0].integerAt(i));
  return result;
}

} // namespace tw::ir
