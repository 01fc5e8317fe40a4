// SPDX-License-Identifier: Apache-2.0
// What for: a tensor block (one workload) as plain data: loops, affine accesses with padding, and a body of scalar
// primitives. Called by: the matcher, the scheduler and their tests; Normalise makes one from linalg.generic. Does not:
// know MLIR, memories, tiles or instructions.
#ifndef TW_TENSORIZE_BLOCK_H
#define TW_TENSORIZE_BLOCK_H

#include "tw/isa/Diag.h"
#include "tw/isa/Tables.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tw::tensorize {

struct Loop {
  std::string name;
  int64_t extent = 1;
  bool isReduction = false;
};

/// One summand loop * factor of an index.
struct Term {
  int loop = 0;
  int64_t factor = 1;
  bool operator==(const Term &) const = default;
};

/// index = sum(terms) + constant, in elements of one dimension of a tensor.
struct Index {
  std::vector<Term> terms;
  int64_t constant = 0;
  bool operator==(const Index &) const = default;
};

/// What an element outside the tensor's shape is: there is none, it has a value, or it is left out of the reduction.
enum class Outside : uint8_t { Never, Value, Skip };

/// Bytes of a constant tensor, row-major, little endian; shared between blocks.
using Bytes = std::shared_ptr<const std::vector<uint8_t>>;

/// An access: tensor[index...] with row-major shape.
struct Operand {
  std::string name;
  isa::Elem elem = isa::Elem::I8;
  bool isWritten = false;
  int tensor = -1; // the caller's number of the tensor; -1 for a constant that only this block knows
  std::vector<int64_t> shape;
  std::vector<Index> index; // one per dimension
  Outside outside = Outside::Never;
  int32_t outsideValue = 0;  // for Outside::Value
  Bytes constant{};          // null: not constant
  bool hasWholeRows = false; // its last dimension is bytes that are always read as a whole (foldRows)
  int32_t zero = 0;          // its zero point, as far as the body tells: what lanes beside the tensor should hold
};

/// Argument of a node. Slot: result of node `index` (body first, then finish). Running: the reduction's value so far.
/// Count: the number of elements of the reduction that lie inside the skipped operand's shape.
struct Arg {
  enum Kind : uint8_t { Operand, Slot, Running, Constant, Count } kind = Constant;
  int index = 0;
  int64_t value = 0;
};

/// A scalar primitive by the name it has in the instruction tables (each is one function of isa/Numerics.h).
struct Node {
  std::string primitive;
  std::vector<Arg> args;
};

/// for loops: body (a reduction if some loop is one); once per parallel point: finish. The last node's value is stored
/// in the written operand. A reduction starts from zero, or from -128 for max_i8.
struct Block {
  std::string name;
  std::vector<Loop> loops;
  std::vector<Operand> operands;
  std::vector<Node> body, finish;

  const Node &node(int slot) const { return slot < int(body.size()) ? body[slot] : finish[slot - int(body.size())]; }
  int resultSlot() const { return int(body.size() + finish.size()) - 1; }
  bool isReduced() const {
    for (const Loop &loop : loops)
      if (loop.isReduction)
        return true;
    return false;
  }
};

/// The written operand of a block (each has one).
int writtenOperand(const Block &block);

/// The block as text: loops, operands with their accesses, and the body line by line.
std::string str(const Block &block);

/// Why something was refused; its place is the chain of instructions that was tried, empty where none was. `kind` is
/// one of: dtype, body, signature, extent, alignment, layout, descriptor, memory, parameter.
struct Rejection : Diag {
  std::string kind;

  Rejection() = default;
  Rejection(std::string chain, std::string kind, std::string text)
      : Diag{std::move(chain), std::move(text)}, kind(std::move(kind)) {}

  // Two texts that callers may want to say in their own words.
  static constexpr const char *kMoves = "moves"; // kind: of copies instead of instructions that compute
  static constexpr const char *kOnlyMoves = "it only moves elements", *kFloat = "it computes in float32";

  /// With the kind before the text.
  Diag diag() const { return {place, kind + ": " + text, reasons}; }
};

} // namespace tw::tensorize

#endif // TW_TENSORIZE_BLOCK_H
