// SPDX-License-Identifier: Apache-2.0
// For: evaluating the quantised operators of an ONNX model one by one with Numerics.h and nothing else of the project.
// Called by: NumericsMaterialTest, which compares the results with recorded outputs of other implementations.
// Does not: import models for the product (ir does), optimise, or know float operators beyond those it turns into
// tables.
#ifndef TW_TESTS_UNIT_ISA_QDQMODEL_H
#define TW_TESTS_UNIT_ISA_QDQMODEL_H

#include "tw/isa/Diag.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <onnx/onnx_pb.h>
#include <string>
#include <vector>

namespace tw::test {

/// A tensor as the machine sees it: int8, row-major; uint8 has become int8 by x - 128.
struct QTensor {
  std::vector<int64_t> shape;
  std::vector<int8_t> data;
};

/// What the multiplications of requantisation would have given if they were declared in another way. Counts of output
/// elements and of multipliers (channels).
struct Alternatives {
  int64_t multipliers = 0, otherOrderMultipliers = 0; // fl32(sx * fl32(sw / sy)) is another float32
  int64_t outputs = 0;
  int64_t otherOrder = 0; // outputs that the other multiplier changes
  int64_t division = 0;   // outputs that fl32(fl32(fl32(sum) * fl32(sx * sw)) / sy) changes
  int64_t exact = 0;      // outputs that the exact rational sum * sx * sw / sy changes
  int64_t tflite = 0;     // outputs that double rounding in integers changes
};

enum class Requantisation { Fp32, Tflite };

/// One DequantizeLinear -> operator -> (activation) -> QuantizeLinear group, or a Reshape between quantised tensors.
struct QLayer {
  const onnx::NodeProto *op;
  const onnx::NodeProto *activation; // Relu or Clip, or null
  const onnx::NodeProto *quantize;   // null for Reshape
  std::vector<std::string> inputs;   // names of the quantised tensors, constants included
  std::string output;
};

class QdqModel {
public:
  static Result<QdqModel> load(const std::filesystem::path &path);

  const std::vector<QLayer> &layers() const { return layers_; }
  std::vector<std::string> inputNames() const;

  /// Why Numerics.h alone cannot evaluate this layer; empty if it can.
  std::string unsupported(const QLayer &layer) const;

  /// Evaluates one layer on quantised inputs; constants come from the model. `inputs` are in the order of the layer's
  /// non-constant inputs.
  Result<QTensor> evaluate(const QLayer &layer, const std::vector<QTensor> &inputs,
                           Requantisation mode = Requantisation::Fp32, Alternatives *alternatives = nullptr) const;

  bool isConstant(const std::string &name) const { return constants_.count(name) != 0; }

private:
  friend class LayerEvaluator;
  std::unique_ptr<onnx::ModelProto> proto_;
  std::map<std::string, const onnx::TensorProto *> constants_;
  std::map<std::string, const onnx::NodeProto *> producers_;
  std::vector<QLayer> layers_;
};

/// A recorded input or output (`input_0.pb`), uint8 already turned into int8.
Result<QTensor> loadTensor(const std::filesystem::path &path);

} // namespace tw::test

#endif // TW_TESTS_UNIT_ISA_QDQMODEL_H
