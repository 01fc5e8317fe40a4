// SPDX-License-Identifier: Apache-2.0
// What for: what a model asks for, found without compiling it: every operator, where it can run and why, free
// dimensions, arithmetic. Called by: check.
// Does not: know a machine. "Likely on the NPU" means that the operator has an integer form and constant int8 weights;
// whether a machine's limits allow it is known after compiling.
#ifndef TW_TOOLS_LIB_SURVEY_H
#define TW_TOOLS_LIB_SURVEY_H

#include "Common.h"

namespace tw::tools {

enum class Verdict : uint8_t { Npu, Host, Understood, Unsupported };

struct SurveyRow {
  std::string node, operation;
  Verdict verdict = Verdict::Npu;
  std::string reason; // empty for Npu
  int64_t macs = 0;
};

struct Survey {
  int64_t opset = 0;
  // Operators after fusion; the operators of the file, without shapes, where something is wrong with the model.
  std::vector<SurveyRow> rows;
  std::vector<std::string> problems;   // all of them, each a line with its place
  std::vector<std::string> takenAsOne; // free dimensions that `dims` does not bind
  int64_t macs = 0, macsOnNpu = 0, integerMacs = 0;
};

/// An error only if nothing can be said: no model, or an opset that is not understood.
llvm::Expected<Survey> surveyModel(const std::string &path, const std::map<std::string, int64_t> &dims);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_SURVEY_H
