// SPDX-License-Identifier: Apache-2.0
// Operators of any element type that compute one element from one element of each operand, numpy broadcasting.
#include "Elements.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <cstdint>

using namespace mlir;

namespace tw::ir::definition {
namespace {

int64_t whole(double x) { return static_cast<int64_t>(x); }

double function(UnaryKind kind, double x, ElementType type) {
  switch (kind) {
  case UnaryKind::Abs:
    return x < 0 ? -x : std::fabs(x);
  case UnaryKind::Neg:
    return -x;
  case UnaryKind::Sign:
    return std::isnan(x) ? x : (x > 0) - (x < 0);
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
    return type == ElementType::Bool ? x == 0 : -x - 1;
  }
  llvm_unreachable("all kinds are listed");
}

// x modulo y with the sign of y.
double modulo(double x, double y) {
  const double rest = std::fmod(x, y);
  return rest != 0 && std::signbit(rest) != std::signbit(y) ? rest + y : rest;
}

// By repeated squares, of what an integer type holds.
double integerPower(double x, double y, ElementType type) {
  if (y < 0)
    return x == 1 ? 1 : x == -1 ? 1 - 2 * std::fabs(std::fmod(y, 2)) : 0;
  uint64_t product = 1;
  for (uint64_t base = modulo64(x), left = modulo64(y); left != 0; left /= 2) {
    product *= left % 2 == 1 ? base : 1;
    base *= base;
  }
  return heldOf64(product, type);
}

double function(BinaryKind kind, double x, double y, ElementType type) {
  const double width = static_cast<double>(byteWidth(type) * 8);
  switch (kind) {
  case BinaryKind::Pow:
    return isReal(type) ? std::pow(x, y) : integerPower(x, y, type);
  case BinaryKind::Mod:
    return y == 0 ? 0 : modulo(x, y);
  case BinaryKind::Fmod:
    return y == 0 && !isReal(type) ? 0 : std::fmod(x, y);
  case BinaryKind::And:
    return static_cast<double>(whole(x) & whole(y));
  case BinaryKind::Or:
    return static_cast<double>(whole(x) | whole(y));
  case BinaryKind::Xor:
    return static_cast<double>(whole(x) ^ whole(y));
  case BinaryKind::ShiftLeft:
    return y < 0 || y >= width ? 0 : std::ldexp(x, static_cast<int>(y));
  case BinaryKind::ShiftRight:
    return std::floor(std::ldexp(x, y < 0 || y >= width ? -64 : -static_cast<int>(y)));
  }
  llvm_unreachable("all kinds are listed");
}

bool holds(CompareKind kind, double x, double y) {
  switch (kind) {
  case CompareKind::Equal:
    return x == y;
  case CompareKind::NotEqual:
    return x != y;
  case CompareKind::Less:
    return x < y;
  case CompareKind::LessOrEqual:
    return x <= y;
  case CompareKind::Greater:
    return x > y;
  case CompareKind::GreaterOrEqual:
    return x >= y;
  }
  llvm_unreachable("all kinds are listed");
}

double quotient(double x, double y, ElementType type) {
  if (isReal(type))
    return x / y;
  return y == 0 ? 0 : (x - std::fmod(x, y)) / y;
}

std::function<double(double, double)> arithmetic(Operation *op, ElementType type) {
  using Function = std::function<double(double, double)>;
  return llvm::TypeSwitch<Operation *, Function>(op)
      .Case([](AddOp) { return [](double x, double y) { return x + y; }; })
      .Case([](SubOp) { return [](double x, double y) { return x - y; }; })
      .Case([=](MulOp) {
        return [=](double x, double y) { return isReal(type) ? x * y : heldOf64(modulo64(x) * modulo64(y), type); };
      })
      .Case([=](DivOp) { return [=](double x, double y) { return quotient(x, y, type); }; })
      .Case([](MinOp) { return [](double x, double y) { return std::isnan(y) || y < x ? y : x; }; })
      .Case([](MaxOp) { return [](double x, double y) { return std::isnan(y) || y > x ? y : x; }; })
      .Case([=](BinaryOp binary) {
        return [=, kind = binary.getKind()](double x, double y) { return function(kind, x, y, type); };
      })
      .Case([](CompareOp compare) {
        return [kind = compare.getKind()](double x, double y) -> double { return holds(kind, x, y); };
      })
      .Default([](Operation *) { return nullptr; });
}

// An operand at the result's elements.
Reader broadcastReader(Elements &elements, Value operand, Value result) {
  Reader read = elements.reader(operand);
  if (shapeOf(operand) == shapeOf(result))
    return read;
  return [read, from = Shape(shapeOf(operand)), to = Shape(shapeOf(result))](int64_t i) {
    return read(broadcastAt(indexAt(i, to), from));
  };
}

// Real to narrow rounds, to an integer loses its fraction, to bool is "not 0".
double converted(double x, ElementType from, ElementType to) {
  if (to == ElementType::Bool)
    return x != 0;
  if (to == ElementType::F16)
    return static_cast<double>(Float16(x));
  if (to == ElementType::BF16)
    return static_cast<double>(BFloat16(x));
  if (isReal(to) || !isReal(from))
    return held(x, to);
  // Outside of 64 bits it is their end; the upper one has all its bits set.
  const double least = -0x1p63, most = to == ElementType::U64 ? 0x1p64 : 0x1p63;
  if (x >= most)
    return byteWidth(to) == 8 ? most : held(-1, to);
  return std::isnan(x) ? 0 : held(std::fmax(x, least), to);
}

} // namespace

uint64_t modulo64(double x) {
  x = std::fmod(x, 0x1p64);
  if (x < -0x1p63)
    x += 0x1p64;
  return x >= 0x1p63 ? static_cast<uint64_t>(x) : static_cast<uint64_t>(static_cast<int64_t>(x));
}

double heldOf64(uint64_t x, ElementType type) {
  return withElementType(type, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_integral_v<T>)
      return static_cast<double>(static_cast<T>(x));
    else
      return 0.0;
  });
}

double held(double x, ElementType type) {
  return isReal(type) || type == ElementType::Bool ? x : heldOf64(modulo64(x), type);
}

Reader elementwiseReader(Operation *op, Elements &elements) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0)
    return nullptr;
  Value result = op->getResult(0);
  const ElementType type = elementTypeOf(result.getType()), from = elementTypeOf(op->getOperand(0).getType());
  auto operand = [&](unsigned index) { return broadcastReader(elements, op->getOperand(index), result); };
  if (auto unary = dyn_cast<UnaryOp>(op))
    return [x = operand(0), kind = unary.getKind(), type](int64_t i) { return held(function(kind, x(i), type), type); };
  if (isa<WhereOp>(op))
    return [condition = operand(0), yes = operand(1), no = operand(2)](int64_t i) {
      return condition(i) != 0 ? yes(i) : no(i);
    };
  if (isa<CastOp>(op))
    return [x = operand(0), from, type](int64_t i) { return converted(x(i), from, type); };
  if (isa<ExpandOp>(op))
    return operand(0);
  if (auto two = arithmetic(op, type))
    return [x = operand(0), y = operand(1), two, type](int64_t i) { return held(two(x(i), y(i)), type); };
  return nullptr;
}

} // namespace tw::ir::definition
