// SPDX-License-Identifier: Apache-2.0
// Recorded cases: a small ONNX model, inputs, and the outputs that are right.
#ifndef TW_TESTS_BACKEND_CASE_H
#define TW_TESTS_BACKEND_CASE_H

#include "tw/ir/Interpreter.h"

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tw::backend {

struct Case {
  std::string name;
  ::onnx::ModelProto model;
  std::vector<ir::NamedTensor> inputs, outputs; // in the model's order, under its names
  // Why such a model may be refused, in a word (training, random, string, sequence, optional); empty for all others.
  std::string exemption;
  std::string unreadable; // why the tensors, or some of them, are not there
};

using Cases = std::vector<std::filesystem::path>;

/// Folders of the ONNX backend suite, one a case, sorted by name.
Cases casesOfSuite(const std::filesystem::path &root);
Case readCase(const std::filesystem::path &folder);

/// Cases of an archive: NAME/model.onnx, and NAME/tensors.pb with a SequenceProto of named tensors.
std::vector<Case> readArchive(const std::filesystem::path &path);

} // namespace tw::backend

#endif // TW_TESTS_BACKEND_CASE_H
