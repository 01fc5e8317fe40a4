// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/DiagCollector.h"

#include "tw/ir/GraphDialect.h"

#include <utility>

using namespace mlir;

namespace tw::ir {
namespace {

std::string placeOf(Location location) {
  if (auto names = nodeNames(location); !names.empty())
    return "node '" + names.front().str() + "'";
  if (auto line = location->findInstanceOf<FileLineColLoc>())
    return line.getFilename().str() + ":" + std::to_string(line.getLine()) + ":" + std::to_string(line.getColumn());
  return "";
}

Diag diagOf(Diagnostic &diagnostic) {
  Diag diag{placeOf(diagnostic.getLocation()), diagnostic.str()};
  for (Diagnostic &note : diagnostic.getNotes()) {
    diag.reasons.push_back(diagOf(note));
    if (diag.reasons.back().place == diag.place) // said already
      diag.reasons.back().place.clear();
  }
  return diag;
}

} // namespace

DiagCollector::DiagCollector(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          return failure();
        diags.push_back(diagOf(diagnostic));
        return success();
      }) {}

std::vector<Diag> DiagCollector::take() { return std::exchange(diags, {}); }

} // namespace tw::ir
