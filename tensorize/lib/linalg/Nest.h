// SPDX-License-Identifier: Apache-2.0
// A block function as it reads: loops, accesses, and the scalar arithmetic of its bodies as one DAG.
// Made by ReadLinalg.cpp, turned into a Block by Normalise.cpp; plain data in between, without MLIR.
#ifndef TW_TENSORIZE_LIB_LINALG_NEST_H
#define TW_TENSORIZE_LIB_LINALG_NEST_H

#include "tw/tensorize/Block.h"

#include <variant>

namespace tw::tensorize {

/// One value of scalar arithmetic. Running: the reduction's value so far; Reduced: its last value. Count: the number of
/// elements of the reduction that lie inside the skipped operand's shape.
struct Scalar {
  enum Kind : uint8_t { Operand, Running, Reduced, Number, Count, Add, Sub, Mul, Max, Min, Requantize, Rescale, Lut };
  Kind kind = Number;
  int bits = 32; // width of the result: 8, 32 or 64
  int operand = -1;
  int64_t number = 0;
  std::vector<int> args{};
};

struct Nest {
  std::vector<Loop> loops;
  std::vector<Operand> operands; // the written one last
  std::vector<Scalar> scalars;   // arguments before users
  int update = -1;               // what a reduction's step makes of Running; -1: no reduction
  int64_t start = 0;             // of the reduction
  int result = -1;

  int add(Scalar scalar) {
    scalars.push_back(std::move(scalar));
    return int(scalars.size()) - 1;
  }
  int number(int64_t value, int bits = 32) { return add({Scalar::Number, bits, -1, value}); }
};

/// Zero points to where instructions have them, constants folded, arithmetic named as the tables name it.
std::variant<Block, Rejection> normalise(Nest nest);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_LIB_LINALG_NEST_H
