// SPDX-License-Identifier: Apache-2.0
// Choices of elements, and reductions of them.
#include "tw/support/OperatorCases.h"

namespace tw::test {
namespace {

std::string single(const std::string &types, const std::string &result, const std::string &operation) {
  return "func.func @main(" + types + ") -> " + result + " {\n  %y = tw." + operation + "\n  return %y : " + result +
         "\n}\n";
}

std::string slice(const std::string &type, const std::string &from, const std::string &to, const std::string &starts,
                  const std::string &steps) {
  const std::string x = "tensor<" + from + "x" + type + ">", y = "tensor<" + to + "x" + type + ">";
  return single("%x: " + x, y,
                "slice %x {starts = array<i64: " + starts + ">, steps = array<i64: " + steps + ">} : (" + x + ") -> " +
                    y);
}

std::string gather(const std::string &type, const std::string &from, const std::string &indices, const std::string &to,
                   int axis) {
  const std::string x = "tensor<" + from + "x" + type + ">", y = "tensor<" + to + "x" + type + ">",
                    i = "tensor<" + indices + ">";
  return single("%x: " + x + ", %i: " + i, y,
                "gather %x, %i {axis = " + std::to_string(axis) + " : i64} : (" + x + ", " + i + ") -> " + y);
}

std::string reduce(const std::string &kind, const std::string &type, const std::string &from, const std::string &to,
                   const std::string &axes) {
  const std::string x = "tensor<" + from + "x" + type + ">", y = "tensor<" + to + (to.empty() ? "" : "x") + type + ">";
  return single("%x: " + x, y,
                "reduce <" + kind + "> %x {axes = array<i64: " + axes + ">, keepDims = false} : (" + x + ") -> " + y);
}

std::string argReduce(const std::string &kind, const std::string &type, const std::string &from, const std::string &to,
                      int axis, bool takesLast) {
  const std::string x = "tensor<" + from + "x" + type + ">", y = "tensor<" + to + "xi64>";
  return single("%x: " + x, y,
                "arg_reduce <" + kind + "> %x {axis = " + std::to_string(axis) + " : i64" +
                    (takesLast ? ", lastIndex" : "") + "} : (" + x + ") -> " + y);
}

} // namespace

std::vector<std::string> choiceCases() {
  std::vector<std::string> cases = {
      slice("f32", "5x6", "2x3", "1, 5", "2, -2"),
      slice("f32", "5x40", "5x33", "0, 3", "1, 1"),
      slice("i8", "4x40", "3x40", "3, 39", "-1, -1"),
      slice("ui16", "2x9x3", "2x3x1", "0, 0, 2", "1, 4, 1"),
      slice("i1", "7", "4", "6", "-2"),
      gather("f32", "5x20", "4xi64", "4x20", 0),
      gather("f32", "4x6", "2x3xi32", "4x2x3", 1),
      gather("i8", "3x4x5", "i64", "3x5", 1),
      gather("ui64", "9", "17xi64", "17", 0),
      gather("i1", "9x2", "3xi32", "3x2", 0),
      argReduce("max", "f32", "3x50", "3x1", 1, false),
      argReduce("max", "f32", "50x3", "1x3", 0, false),
      argReduce("min", "i8", "4x90", "4x1", 1, true),
      argReduce("max", "ui8", "90x5", "1x5", 0, false),
      argReduce("min", "f64", "3x7", "3x1", 1, false),
  };
  for (const char *kind : {"sum", "prod", "min", "max"})
    for (const char *type : {"i8", "ui8", "i32", "i64", "ui64"}) {
      cases.push_back(reduce(kind, type, "3x70", "3", "1"));
      cases.push_back(reduce(kind, type, "7x40", "40", "0"));
    }
  for (const char *kind : {"min", "max"}) {
    for (const char *type : {"f32", "f64", "i1"})
      cases.push_back(reduce(kind, type, "6x70", "6", "1"));
    cases.push_back(reduce(kind, "f32", "4x9x5", "", "0, 1, 2"));
  }
  return cases;
}

std::vector<std::string> sumCases() {
  std::vector<std::string> cases;
  for (const char *kind : {"sum", "prod"}) {
    for (const char *type : {"f32", "f64"}) {
      cases.push_back(reduce(kind, type, "3x70", "3", "1"));
      cases.push_back(reduce(kind, type, "7x40", "40", "0"));
    }
    cases.push_back(reduce(kind, "f32", "5x3x70", "3", "0, 2"));
    cases.push_back(reduce(kind, "f32", "4x9x5", "", "0, 1, 2"));
  }
  return cases;
}

} // namespace tw::test
