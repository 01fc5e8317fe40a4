// SPDX-License-Identifier: Apache-2.0
// What for: what an imported graph means, as ONNX defines its operators: integers and products exact, reals in float64.
// It judges the reference (the graph after the passes, in integers) at each quantiser of the imported graph. An
// operator that interpolates integers rounds as a quantiser does, and counts as one. Called by: verification and the
// tests that generate models. Does not: share code with the passes or with the interpreter that it judges, or see
// faults of import itself.
//
// Each quantiser is compared on its own: what it reads is computed from the reference's integers of the quantisers
// before it. Otherwise a tie that was rounded the other way would grow from layer to layer and say nothing.
#ifndef TW_IR_DEFINITION_H
#define TW_IR_DEFINITION_H

#include "tw/ir/Interpreter.h"

namespace tw::ir {

// Allowed between definition and reference: one step at a quantiser (the reference rounds float32 multipliers and
// tables), and for a float output this share of its largest magnitude (of a narrow type a step more), or what float32
// may lose in the sums before it where that is more. Integer outputs that no quantiser made are exact.
constexpr double kQuantizerSteps = 1, kFloatShare = 1e-4;

// An element beyond its bound is computed again, this often: with each operation of reals rounded to float32, then at
// random within what float32 may be off in one. If the farthest of them, times a factor for what few draws miss,
// reaches the reference, float32 does not decide the element: the norm of a row of equal values, for example, is what
// is left of the rounding of their mean, divided by the root of epsilon. (Monte Carlo arithmetic: Parker, UCLA
// CSD-970002, 1997.)
constexpr int kRoundedDraws = 24;
constexpr double kBeyondDraws = 16;

struct DefinitionOptions {
  int64_t samples = 4096; // elements of each quantiser, at random; 0: all
  uint64_t seed = 1;      // of their choice
};

struct DefinitionRow {
  std::string name;      // the quantiser's ONNX node, or the output
  int64_t elements = 0;  // of the tensor
  int64_t compared = 0;  // of them
  int64_t different = 0; // integers: not equal; reals: beyond the bound
  int64_t undecided = 0; // beyond the bound, too, but float32 itself may be as far off there: no difference
  double largest = 0;    // difference; in steps at a quantiser; infinite where one side is no number
  double bound = 0;      // the largest that is allowed
  int64_t worst = -1;    // row-major index of the largest difference, -1 without one
  double definition = 0; // there
  double reference = 0;  // there
  bool isGood() const { return largest <= bound; }
};

// Makes the result of each quantiser a result of @main, after those that it has, in the order of the graph. The passes
// then keep it visible. `module` is imported and not changed yet.
void exposeQuantizers(mlir::ModuleOp module);

// `imported` is as importOnnx returned it. `reference` is what the passes made of its exposed copy, run on `inputs`:
// the outputs, then the quantisers. Rows: quantisers, then outputs that no quantiser makes. An error names an operator
// that has no definition here.
llvm::Expected<std::vector<DefinitionRow>> compareWithDefinition(mlir::ModuleOp imported,
                                                                 llvm::ArrayRef<NamedTensor> inputs,
                                                                 llvm::ArrayRef<NamedTensor> reference,
                                                                 const DefinitionOptions &options = {});

} // namespace tw::ir

#endif // TW_IR_DEFINITION_H
