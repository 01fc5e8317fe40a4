// SPDX-License-Identifier: Apache-2.0
// What for: what a model asks for: every operator, where it runs on a machine and why, free dimensions, arithmetic.
// Called by: check.
// Does not: decide anything: it is the compiler stopped when all is scheduled, so check and compile never differ.
#ifndef TW_TOOLS_LIB_SURVEY_H
#define TW_TOOLS_LIB_SURVEY_H

#include "Common.h"

namespace tw::tools {

enum class Verdict : uint8_t { Npu, Host, Gpu, Understood, Unsupported };

struct SurveyRow {
  std::string node, operation;
  Verdict verdict = Verdict::Npu;
  std::string reason; // empty for Npu
  int64_t macs = 0;
  double boundNs = 0;      // no schedule is faster; on the host an estimate
  uint64_t leastBytes = 0; // memory of its executor without which it cannot run
};

// One that `import` does not bind, and what it is taken as.
struct FreeDim {
  std::string name;
  int64_t extent = 1;
};

// 1 if the graph has a meaning with it. Else the first of these that it has one with, for the fewest dimensions.
inline constexpr int64_t kTriedExtents[] = {32, 64, 224};

struct Survey {
  int64_t opset = 0;
  // Operators after fusion; the operators of the file, without shapes, where something is wrong with the model.
  std::vector<SurveyRow> rows;
  std::vector<Diag> problems;     // all of them
  std::vector<std::string> notes; // importNotes
  std::vector<FreeDim> freeDims;
  std::string oneRefused; // where not all of them are 1: the first problem that the model has then
  bool hasTried = false;  // what is wrong is wrong with all of kTriedExtents
  int64_t macs = 0, macsOnNpu = 0, macsInt8 = 0;
  double hostNs = 0; // estimate, a lower bound
};

/// `options`: machine and placement. An error only if nothing can be said: no model, or an opset that is not
/// understood.
llvm::Expected<Survey> surveyModel(const std::string &path, ir::OnnxImportOptions import,
                                   codegen::CompileOptions options);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_SURVEY_H
