// SPDX-License-Identifier: Apache-2.0
// Values of a graph as functions of an index: an element is computed when it is asked for, so that a few elements of a
// large convolution cost little. What is read often is computed whole. Numbers are float64: exact for every integer
// type up to 2^53 and for every float32.
#ifndef TW_IR_LIB_DEFINITION_ELEMENTS_H
#define TW_IR_LIB_DEFINITION_ELEMENTS_H

#include "tw/ir/Constants.h"
#include "tw/ir/GraphDialect.h"
#include "tw/ir/Tensor.h"
#include "tw/isa/Diag.h"

#include "llvm/ADT/DenseMap.h"

#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace tw::ir::definition {

using mlir::Value;

// The element at a row-major index.
using Reader = std::function<double(int64_t)>;
using Numbers = std::shared_ptr<const std::vector<double>>;

class Elements {
public:
  // With a seed, the result of each operation of reals is one that float32 may have: the nearest for seed 0, otherwise
  // at random, as far off as that may be (Monte Carlo arithmetic: Parker, UCLA CSD-970002, 1997). Without, float64.
  explicit Elements(std::optional<uint64_t> seed = {}) : seed(seed), random(seed.value_or(0)) {}

  // Fixes a value: an argument, or a quantiser's result, whatever was computed of it. The tensor must outlive this.
  void set(Value value, const Tensor &tensor);

  Reader reader(Value value);
  Numbers whole(Value value);

  // The first operator that has no definition, or whose inputs do not suit it.
  std::optional<Diag> problem;
  // How far a sum of products that was read since this was set to 0 may be off in float32, in any order: terms * 2^-24
  // * the largest partial sum (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1).
  double float32Error = 0;

  // The result of one operation of reals.
  double rounded(double x) {
    if (!seed)
      return x;
    return *seed == 0 ? static_cast<float>(x)
                      : x * (1 + std::ldexp(std::uniform_real_distribution<>(-1, 1)(random), -24));
  }

private:
  Reader build(mlir::Operation *op);
  Reader exactly(mlir::Operation *op);

  std::optional<uint64_t> seed;
  std::mt19937_64 random;

  llvm::DenseMap<Value, Reader> fixed;
  llvm::DenseMap<Value, double> errors;                                    // float32Error of what was computed whole
  llvm::DenseMap<Value, Numbers> kept;                                     // read more than once
  llvm::DenseMap<Value, std::weak_ptr<const std::vector<double>>> current; // as long as somebody holds them
};

// Reads a tensor's bytes. The tensor must outlive the reader.
Reader readerOf(const Tensor &tensor);

// [index of each dimension] of a row-major index, and back.
Shape indexAt(int64_t linear, Dims shape);
int64_t linearAt(Dims index, Dims shape);
// The row-major index in an operand of `shape` that numpy broadcasting pairs with index `at` of the result.
int64_t broadcastAt(Dims at, Dims shape);

// One function for each operator, by family. Null for an operator of another family.
Reader pointwiseReader(mlir::Operation *op, Elements &elements);   // Pointwise.cpp
Reader elementwiseReader(mlir::Operation *op, Elements &elements); // Elementwise.cpp
Reader productReader(mlir::Operation *op, Elements &elements);     // Products.cpp
Reader windowReader(mlir::Operation *op, Elements &elements);      // Windows.cpp
Reader moveReader(mlir::Operation *op, Elements &elements);        // Moves.cpp
Reader reductionReader(mlir::Operation *op, Elements &elements);   // Reductions.cpp
Reader libraryReader(mlir::Operation *op, Elements &elements);     // Library.cpp

// The number as an integer type holds it: without its fraction, modulo the width. Reals are left as they are.
double held(double x, ElementType type);
// The same for products, which float64 does not hold: an integer modulo 2^64, and what a type holds of one.
uint64_t modulo64(double x);
double heldOf64(uint64_t x, ElementType type);

// ONNX QuantizeLinear: saturate(round_half_even(x / scale) + zero_point); a NaN becomes the zero point.
double quantized(double x, double scale, double zero, ElementType type);

} // namespace tw::ir::definition

#endif // TW_IR_LIB_DEFINITION_ELEMENTS_H
