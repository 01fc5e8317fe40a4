// SPDX-License-Identifier: Apache-2.0
// Prints an ONNX model as a graph module, for tw-opt to go on with: tw-import model.onnx --dim N=1 | tw-opt
// --tw-graph-pipeline
#include "lib/Common.h"

#include "tw/ir/OnnxImport.h"
#include "tw/ir/Register.h"
#include "tw/isa/DiagError.h"

#include "mlir/IR/AsmState.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

namespace {

llvm::cl::opt<std::string> input(llvm::cl::Positional, llvm::cl::desc("<model.onnx>"));
llvm::cl::list<std::string> dims("dim", llvm::cl::desc("bind a symbolic dimension"),
                                 llvm::cl::value_desc("NAME=VALUE"));
llvm::cl::list<std::string> constants("const", llvm::cl::desc("value of a graph input"),
                                      llvm::cl::value_desc("NAME=NUMBERS|NAME=FILE.npy"));
llvm::cl::opt<bool> elide("elide", llvm::cl::desc("leave the bytes of weights out (not readable again)"));

llvm::cl::opt<bool> operators("operators", llvm::cl::desc("print the page of supported ONNX operators and stop"));

int fail(const llvm::Twine &text) {
  llvm::errs() << text << "\n";
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv, "import an ONNX model\n");
  if (operators) {
    llvm::outs() << tw::ir::onnxOperatorPage();
    return 0;
  }
  if (input.empty())
    return fail("no model is given; try tw-import --help");
  tw::ir::OnnxImportOptions options;
  for (llvm::StringRef dim : dims) {
    auto [name, value] = dim.split('=');
    int64_t number;
    if (name.empty() || value.getAsInteger(10, number))
      return fail("--dim " + dim + ": expected NAME=VALUE");
    options.dims[name.str()] = number;
  }
  if (auto error = tw::tools::readConstants(std::vector<std::string>(constants.begin(), constants.end()), options))
    return fail(tw::diagOf(std::move(error)).str());
  options.folder = llvm::sys::path::parent_path(input);
  if (options.folder.empty())
    options.folder = ".";
  auto buffer = llvm::MemoryBuffer::getFile(input);
  if (!buffer)
    return fail(input + ": cannot be read: " + buffer.getError().message());
  mlir::DialectRegistry registry;
  tw::ir::registerGraphDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  std::vector<tw::Diag> problems;
  llvm::StringRef bytes = (*buffer)->getBuffer();
  auto module = tw::ir::importOnnx(context, {bytes.data(), bytes.size()}, input.getValue(), options, problems);
  if (!module)
    return fail(llvm::StringRef(tw::ir::problemText(input, problems)).rtrim());
  mlir::OpPrintingFlags flags;
  if (elide)
    flags.elideLargeElementsAttrs(16).elideLargeResourceString(16);
  module->print(llvm::outs(), flags.enableDebugInfo());
  return 0;
}
