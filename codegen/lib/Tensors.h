// SPDX-License-Identifier: Apache-2.0
// What for: every tensor of a compilation under one number, from @main to the package, with the forms it lies in.
// Called by: Forms, which makes forms where they are asked for, executors, the plan.
// Does not: make a form, or say who needs one.
#ifndef TW_CODEGEN_LIB_TENSORS_H
#define TW_CODEGEN_LIB_TENSORS_H

#include "tw/tensorize/Block.h"

#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tw::codegen {

using TensorId = int;

/// A tensor in rows of lanes, as the NPU reads and writes it.
struct ChipForm {
  int64_t bytes = 0;
  int buffer = -1;   // its place in the arena; -1: never in DRAM
  int producer = -1; // region; -1: packed by the host
  bool isUsedOutside = false;
  std::optional<int8_t> beside{}; // what the lanes behind its last elements hold; nothing: that is not known
  tensorize::Bytes constant{};    // physical bytes of a constant tensor
};

struct TensorInfo {
  enum Kind : uint8_t {
    OfMain,    // a value of @main
    Part,      // what a block that was cut hands from one part to the next
    ImageRows, // the bytes of image rows of another tensor: [.., w * C + c]
  } kind = OfMain;
  std::string name;
  std::vector<int64_t> shape; // logical
  int64_t elementBytes = 1;
  mlir::Value value{};          // OfMain
  TensorId source = -1;         // OfMain: whose bytes it has under another shape; ImageRows: whose rows they are
  int8_t fill = 0;              // ImageRows: stands behind the last pixel, where padding is read
  int rowBuffer = -1;           // buffer of the row-major form; -1: there is none
  int gpuBuffer = -1;           // the row-major form in the GPU's memory; -1: nowhere yet
  int npuRowBuffer = -1;        // where the NPU has that form if it is no temporary; -1: nowhere yet
  std::optional<ChipForm> chip; // there is one, or not yet
};

/// Numbers are dense and stay; one that a trial drew and nobody uses costs its entry.
class TensorTable {
public:
  TensorId of(mlir::Value value);
  TensorId addPart(std::string name, std::vector<int64_t> shape);
  /// Equal questions get the same number.
  TensorId imageRowsOf(TensorId source, int8_t fill);

  TensorInfo &operator[](TensorId id) { return list[size_t(id)]; }
  const TensorInfo &operator[](TensorId id) const { return list[size_t(id)]; }

  /// The tensor of @main that holds its bytes: itself, unless it is a new shape of another.
  TensorId original(TensorId id) const;
  int64_t rowBytes(TensorId id) const;
  int64_t chipBytes(TensorId id, int lanes) const;

  /// Has its form in rows of lanes the bytes of the row-major one, as no lane lies beside an element?
  bool hasWholeRows(TensorId id, int lanes) const { return chipBytes(id, lanes) == rowBytes(id); }
  /// Is the row-major form the first bytes of that in rows of lanes, as all lanes beside are behind its last element?
  bool isOneRow(TensorId id) const;

private:
  std::vector<TensorInfo> list;
  llvm::DenseMap<mlir::Value, TensorId> ids;
  std::map<std::pair<TensorId, int8_t>, TensorId> imageRows;
};

std::vector<int64_t> shapeVector(mlir::Value value);
/// First ONNX node of the operation that makes a value; of an input its own name.
std::string nameOf(mlir::Value value);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_TENSORS_H
