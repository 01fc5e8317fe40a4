// SPDX-License-Identifier: Apache-2.0
#include "Truths.h"

#include "../Layers.h"

#include "llvm/Support/FormatVariadic.h"

namespace tw::tools {
namespace {

std::string number(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", value);
  return text;
}

std::string textOf(const ir::DefinitionRow &row) {
  std::string text =
      llvm::formatv("{0} of {1} differ", withCommas(uint64_t(row.different)), withCommas(uint64_t(row.compared))).str();
  if (row.worst < 0)
    return text;
  text += ", by " + shortNumber(row.largest) + " at most";
  if (!row.isGood())
    text += llvm::formatv(" where {0} is allowed: element {1} is {2} by definition, {3} in the reference",
                          shortNumber(row.bound), row.worst, number(row.definition), number(row.reference))
                .str();
  return text;
}

void addRows(const std::vector<ir::DefinitionRow> &rows, Checks &checks) {
  int64_t good = 0, values = 0, apart = 0, undecided = 0;
  for (const ir::DefinitionRow &row : rows) {
    const std::string text = textOf(row);
    good += row.isGood();
    values += row.compared;
    apart += row.different;
    undecided += row.undecided;
    checks.add({"definition", row.name, row.isGood(), text, row.compared, row.different, row.largest},
               row.isGood() ? "" : "  definition  " + row.name + ": DIFFERS, " + text);
  }
  checks.note(llvm::formatv("  definition  {0} of {1} quantisers and outputs agree with the reference, {2} values, {3} "
                            "of them one step apart",
                            good, rows.size(), withCommas(uint64_t(values)), withCommas(uint64_t(apart)))
                  .str());
  if (undecided)
    checks.note("  definition  " + withCommas(uint64_t(undecided)) +
                " values are further apart where float32 itself may be: its roundings decide them, not the model");
}

// Both graphs compute in the same order: their outputs are the same bytes.
void compareFusions(const Tensors &exposed, const Tensors &compiled, Checks &checks) {
  for (size_t i = 0; i != compiled.size(); ++i) {
    const Difference difference = compare(exposed[i].tensor, compiled[i].tensor);
    const bool isGood = difference.different == 0;
    const std::string text = counts(difference);
    checks.add(
        {"reference", compiled[i].name, isGood, text, difference.elements, difference.different, difference.largest},
        isGood ? ""
               : "  reference   " + compiled[i].name + ": DIFFERS from the graph with visible quantisers, " + text);
  }
}

} // namespace

llvm::Error judgeReference(mlir::ModuleOp imported, const Tensors &inputs, const Tensors &compiled,
                           const ir::DefinitionOptions &options, Checks &checks) {
  mlir::OwningOpRef<mlir::ModuleOp> exposed = imported.clone();
  ir::exposeQuantizers(*exposed);
  if (auto error = fuseGraph(*exposed, true))
    return error;
  auto reference = ir::Interpreter(*exposed).runMain(inputs);
  if (!reference)
    return reference.takeError();
  auto rows = ir::compareWithDefinition(imported, inputs, *reference, options);
  if (!rows)
    return rows.takeError();
  addRows(*rows, checks);
  compareFusions(*reference, compiled, checks);
  return llvm::Error::success();
}

} // namespace tw::tools
