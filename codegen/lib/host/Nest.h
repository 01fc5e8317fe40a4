// SPDX-License-Identifier: Apache-2.0
// What for: a block as a list of loop nests over flat arrays, the form in which host code is scheduled and written.
// Called by: HostCode, which tiles each nest (Tile.h) and writes it (Emit.h).
// Does not: know operators of the graph, vectors, registers or a processor.
#ifndef TW_CODEGEN_LIB_HOST_NEST_H
#define TW_CODEGEN_LIB_HOST_NEST_H

#include "host/Library.h"
#include "tw/ir/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <optional>
#include <variant>
#include <vector>

namespace tw::codegen {

/// A constant that is computed from constant arguments when a package is made: packed weights, sums of them.
struct DerivedConstant {
  std::vector<unsigned> arguments;
  std::function<ir::Tensor(llvm::ArrayRef<ir::Tensor>)> compute;
};

/// Memory of a function: row-major elements without gaps.
struct HostArray {
  enum Kind : uint8_t { Argument, Derived, Result, Scratch } kind = Scratch;
  mlir::Type element;         // as bodies see it; an integer has no sign
  int64_t count = 0;          // elements
  unsigned argument = 0;      // of the block, for Argument; number of the result, for Result
  bool isConstant = false;    // an Argument whose bytes are known when the package is made
  DerivedConstant constant{}; // for Derived
};

/// How an element lies in memory: a bool as a byte, 0 or 1.
mlir::Type memoryType(mlir::Type element);

/// array[offset + sum(step * loop)], in elements.
struct HostAccess {
  unsigned array = 0;
  int64_t offset = 0;
  llvm::SmallVector<int64_t, 8> steps; // per loop of the nest
  bool isPacked = false;               // a constant that lies in the order in which the nest reads it (packOperands)
};

/// What a body reads: nothing (it has no use for the argument), memory, or the result of an earlier stage.
using StageInput = std::variant<std::monostate, HostAccess, unsigned>;

/// One linalg body. The first stage of a nest may reduce: its last argument is then the value so far. Others are
/// elementwise, computed once per point of the parallel loops.
struct Stage {
  mlir::Block *body = nullptr;
  llvm::SmallVector<StageInput, 4> inputs;
  // Per loop of the body's own generic: the nest's loops that make it up, with factors (for linalg.index).
  using Parts = llvm::SmallVector<std::pair<unsigned, int64_t>, 2>;
  llvm::SmallVector<Parts, 4> indexOf;
};

/// How the products of a reduction are computed, where that is not by its body.
enum class Dot : uint8_t {
  None,
  Pairs, // of int16, two to a lane
  Quads, // of uint8 and int8, four to a lane
};

/// A library function in place of loops. It takes whole arrays: accesses without steps.
struct HostCall {
  LibraryCall what;
  llvm::SmallVector<HostAccess, 4> operands;
  std::optional<HostAccess> scratch;
};

struct HostNest {
  llvm::SmallVector<int64_t, 8> extents;
  llvm::SmallVector<bool, 8> isReduction;
  std::vector<Stage> stages;                           // the last one's result is stored; none: `initial` is
  bool isReduced = false;                              // the first stage reduces
  std::variant<mlir::TypedAttr, HostAccess> initial{}; // of the reduction
  HostAccess output;
  Dot dot = Dot::None;
  int64_t zeroOfWeights = 0;    // of a dot product's second factor, which its packed form has lost
  std::optional<HostCall> call; // makes the output; there are no loops and no stages then

  unsigned loops() const { return unsigned(extents.size()); }
  /// All accesses, that of the output last.
  llvm::SmallVector<HostAccess *> accesses();
};

/// A block as nests, in the order in which they run.
struct HostFunction {
  std::vector<HostArray> arrays;
  std::vector<HostNest> nests;
  llvm::DenseMap<mlir::Value, unsigned> captured;    // tables that bodies read by index: their arrays
  std::vector<std::unique_ptr<mlir::Region>> bodies; // of copies and conversions

  unsigned addArray(HostArray array) {
    arrays.push_back(std::move(array));
    return unsigned(arrays.size()) - 1;
  }
};

/// The nests of a block in loop form (ir/ToLinalg.h). `isConstant`: which arguments have values that are known.
/// `dot`: the products of bytes that the processor has. The nests refer to the bodies of `block`, which must outlive
/// them. An error names the operation that has no such form.
llvm::Expected<HostFunction> nestsOf(mlir::func::FuncOp block, llvm::ArrayRef<bool> isConstant, Dot dot);

/// Drops loops of one step and joins neighbours that every access walks as one.
void simplify(HostNest &nest);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_HOST_NEST_H
