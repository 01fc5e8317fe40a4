// SPDX-License-Identifier: Apache-2.0
// Functions, relations and conversions of every element type, on random numbers and on those at the ends of each type.
// Several results per module: compiling one costs more than running it.
#include "tw/support/OperatorCases.h"

#include <sstream>

namespace tw::test {
namespace {

struct ElementKind {
  const char *name;
  unsigned bits;
  bool isReal, isSigned;
};
constexpr ElementKind kFloat32{"f32", 32, true, true}, kFloat64{"f64", 64, true, true};
constexpr ElementKind kKinds[] = {{"i1", 1, false, false},
                                  {"i8", 8, false, true},
                                  {"i16", 16, false, true},
                                  {"i32", 32, false, true},
                                  {"i64", 64, false, true},
                                  {"ui8", 8, false, false},
                                  {"ui16", 16, false, false},
                                  {"ui32", 32, false, false},
                                  {"ui64", 64, false, false},
                                  {"f16", 16, true, true},
                                  {"bf16", 16, true, true},
                                  kFloat32,
                                  kFloat64};
constexpr int kGiven = 7, kSpecial = 14, kAll = kGiven + kSpecial; // random numbers, those below, both

bool isNarrow(const ElementKind &kind) { return kind.isReal && kind.bits == 16; }

std::string vectorOf(const std::string &element, int extent = kAll) {
  return "tensor<" + std::to_string(extent) + "x" + element + ">";
}
std::string columnOf(const std::string &element) { return "tensor<" + std::to_string(kAll) + "x1x" + element + ">"; }
std::string squareOf(const std::string &element) {
  return "tensor<" + std::to_string(kAll) + "x" + std::to_string(kAll) + "x" + element + ">";
}

// kSpecial numbers: zeros, units, ties, ends of this type and of integers.
std::string specials(const ElementKind &kind) {
  if (kind.isReal) {
    const char *infinities = kind.bits == 64                    ? "0x7FF0000000000000, 0xFFF0000000000000"
                             : kind.bits == 32                  ? "0x7F800000, 0xFF800000"
                             : std::string(kind.name) == "bf16" ? "0x7F80, 0xFF80"
                                                                : "0x7C00, 0xFC00";
    const char *large =
        std::string(kind.name) == "f16" ? "60000.0, -300.0, 40000.0, 6.0e-8" : "3.0e9, -1.0e19, 1.2e19, 1.0e-40";
    return std::string("0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 3.0, ") + infinities + ", " + large;
  }
  std::ostringstream text;
  if (kind.bits == 1)
    return "true, false, true, false, true, false, true, false, true, false, true, false, true, true";
  const unsigned long long ones = ~0ULL >> (64 - kind.bits);
  if (kind.isSigned) {
    const long long most = static_cast<long long>(ones >> 1);
    text << "0, 1, -1, 2, -2, 3, -3, 7, " << kind.bits - 1 << ", " << kind.bits << ", " << most << ", " << most - 1
         << ", " << -most << ", " << -most - 1;
  } else {
    text << "0, 1, 2, 3, 5, 7, 100, " << kind.bits - 1 << ", " << kind.bits << ", " << ones << ", " << ones - 1 << ", "
         << ones / 2 << ", " << ones / 2 + 1 << ", " << ones / 2 + 2;
  }
  return text.str();
}

// A module under construction: %v holds the numbers of one type.
class Module {
public:
  explicit Module(const ElementKind &kind) : kind(kind) {
    const std::string given = vectorOf(kind.name, kGiven), special = vectorOf(kind.name, kSpecial);
    arguments = "%x: " + given;
    line("%k = tw.constant dense<[" + specials(kind) + "]> : " + special);
    line("%v = tw.concat %x, %k {axis = 0 : i64} : (" + given + ", " + special + ") -> " + vectorOf(kind.name));
  }

  void line(const std::string &text) { body += "  " + text + "\n"; }

  // A result; of a real one what is no number becomes 77, because processors differ in the bits of it.
  void result(const std::string &operation, const std::string &type, bool isReal) {
    const std::string value = "%r" + std::to_string(count++);
    line(value + " = tw." + operation);
    std::string last = value;
    if (isReal) {
      const std::string mask = type.substr(0, type.rfind('x') + 1) + "i1>",
                        scalar = "tensor<" + type.substr(type.rfind('x') + 1);
      line(value + "m = tw.compare <not_equal> " + value + ", " + value + " : (" + type + ", " + type + ") -> " + mask);
      line(value + "c = tw.constant dense<77.0> : " + scalar);
      line(value + "w = tw.where " + value + "m, " + value + "c, " + value + " : (" + mask + ", " + scalar + ", " +
           type + ") -> " + type);
      last += "w";
    }
    values += (values.empty() ? "" : ", ") + last;
    types += (types.empty() ? "" : ", ") + type;
  }

  void unary(const std::string &function) {
    const std::string type = vectorOf(kind.name);
    result("unary <" + function + "> %v : " + type, type, kind.isReal);
  }

  // Of all pairs.
  void pairs(const std::string &operation, bool isRelation = false) {
    if (!hasColumn)
      line("%w = tw.reshape %v : (" + vectorOf(kind.name) + ") -> " + columnOf(kind.name));
    hasColumn = true;
    const std::string type = squareOf(isRelation ? "i1" : kind.name);
    result(operation + " %w, %v : (" + columnOf(kind.name) + ", " + vectorOf(kind.name) + ") -> " + type, type,
           kind.isReal && !isRelation);
  }

  std::string text() const {
    return "func.func @main(" + arguments + ") -> (" + types + ") {\n" + body + "  return " + values + " : " + types +
           "\n}\n";
  }

private:
  const ElementKind &kind;
  std::string arguments, body, values, types;
  int count = 0;
  bool hasColumn = false;
};

std::string functionsOfOne(const ElementKind &kind) {
  Module module(kind);
  if (kind.bits == 1) {
    module.unary("not");
    return module.text();
  }
  for (const char *function : {"abs", "neg", "sign"})
    module.unary(function);
  if (!kind.isReal)
    module.unary("not");
  else
    for (const char *function : {"ceil", "floor", "round", "sqrt"})
      module.unary(function);
  return module.text();
}

std::string functionsOfTwo(const ElementKind &kind) {
  Module module(kind);
  if (kind.bits != 1 && !isNarrow(kind))
    for (const char *operation : {"add", "sub", "mul", "div", "min", "max"})
      module.pairs(operation);
  if (!kind.isReal)
    for (const char *operation : {"binary <and>", "binary <or>", "binary <xor>"})
      module.pairs(operation);
  if (!kind.isReal && kind.bits != 1)
    for (const char *operation :
         {"binary <mod>", "binary <fmod>", "binary <shift_left>", "binary <shift_right>", "binary <pow>"})
      module.pairs(operation);
  return module.text();
}

std::string relations(const ElementKind &kind) {
  Module module(kind);
  for (const char *relation : {"equal", "not_equal", "less", "less_or_equal", "greater", "greater_or_equal"})
    module.pairs("compare <" + std::string(relation) + ">", true);
  return module.text();
}

std::string conversions(const ElementKind &kind) {
  Module module(kind);
  for (const ElementKind &to : kKinds)
    if (&to != &kind)
      module.result("cast %v : (" + vectorOf(kind.name) + ") -> " + vectorOf(to.name), vectorOf(to.name), to.isReal);
  return module.text();
}

std::string moves(const ElementKind &kind) {
  Module module(kind);
  const std::string type = vectorOf(kind.name), square = squareOf(kind.name), mask = columnOf("i1");
  module.line("%b = tw.constant dense<true> : " + columnOf("i1"));
  module.line("%f = tw.reshape %v : (" + type + ") -> " + columnOf(kind.name));
  module.result("expand %v : (" + type + ") -> " + square, square, false);
  module.result("where %b, %f, %v : (" + mask + ", " + columnOf(kind.name) + ", " + type + ") -> " + square, square,
                false);
  return module.text();
}

std::string product(const ElementKind &kind) {
  const std::string e = kind.name, a = "tensor<2x3x20x" + e + ">", b = "tensor<20x9x" + e + ">",
                    y = "tensor<2x3x9x" + e + ">";
  return "func.func @main(%x: " + a + ", %z: " + b + ") -> " + y + " {\n  %y = tw.matmul %x, %z : (" + a + ", " + b +
         ") -> " + y + "\n  return %y : " + y + "\n}\n";
}

std::string elementaryFunctions(const ElementKind &kind) {
  Module module(kind);
  for (const char *function : {"exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh",
                               "acosh", "atanh", "erf", "log1p", "expm1"})
    module.unary(function);
  module.pairs("binary <pow>");
  module.pairs("binary <fmod>");
  return module.text();
}

} // namespace

std::vector<std::string> elementwiseCases() {
  std::vector<std::string> cases{elementaryFunctions(kFloat32)};
  for (const ElementKind &kind : kKinds) {
    if (!isNarrow(kind))
      cases.push_back(functionsOfOne(kind));
    if (!isNarrow(kind))
      cases.push_back(functionsOfTwo(kind));
    cases.push_back(relations(kind));
    cases.push_back(conversions(kind));
    cases.push_back(moves(kind));
    if (kind.bits != 1 && !isNarrow(kind) && std::string(kind.name) != "f32")
      cases.push_back(product(kind));
  }
  return cases;
}

std::vector<std::string> functionCases() { return {elementaryFunctions(kFloat64)}; }

} // namespace tw::test
