// SPDX-License-Identifier: Apache-2.0
// What for: what the verbs of tilewright share: models, tensors, devices, files.
// Called by: the verbs only.
// Does not: parse the command line (Options.h) or print results.
#ifndef TW_TOOLS_LIB_COMMON_H
#define TW_TOOLS_LIB_COMMON_H

#include "tw/codegen/Compile.h"
#include "tw/ir/Interpreter.h"
#include "tw/ir/OnnxImport.h"
#include "tw/isa/DiagError.h"
#include "tw/isa/Package.h"
#include "tw/tools/Files.h"
#include "tw/tools/Npy.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tw::tools {

/// tw16, or a YAML file.
llvm::Expected<isa::HwConfig> loadMachine(const std::string &nameOrPath);

/// An ONNX file as a graph, with all its problems in one error.
struct Model {
  Model() = default;
  Model(Model &&) = default;
  Model &operator=(Model &&other) {
    module = std::move(other.module); // while its context is there
    context = std::move(other.context);
    return *this;
  }

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};
/// A context with everything that graphs need, and no module.
Model emptyModel();
/// External data is read from the file's folder, whatever folder the options have.
llvm::Expected<Model> importModel(const std::string &path, ir::OnnxImportOptions options);
/// The same into a context that there is.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> importInto(mlir::MLIRContext &context, const std::string &path,
                                                             ir::OnnxImportOptions options);
/// The inputs that were given when the model was imported: "shape = int64 2: 4, 2".
std::vector<std::string> givenConstants(mlir::ModuleOp module);
/// What the model says that is not so and does no harm, found when it was imported; each without the file.
std::vector<std::string> importNotes(mlir::ModuleOp module);
/// The folder of a file.
std::string folderOf(const std::string &path);

/// Tensors of an entry, by position.
using Tensors = std::vector<ir::NamedTensor>;

/// Inputs for `wanted` (names and shapes; contents are ignored) from name=file.npy arguments or one .npz; what is not
/// given is random from `seed`, and `isRandom` says so. A wrong name, shape or type is an error.
llvm::Expected<Tensors> gatherInputs(const Tensors &wanted, const std::vector<std::string> &arguments, uint64_t seed,
                                     bool &isRandom);

/// In two steps: the arrays of arguments that name inputs, then tensors of them.
struct GivenInput {
  std::string file;
  NpyArray array;
};
llvm::Expected<std::map<std::string, GivenInput>> readInputs(const Tensors &wanted,
                                                             const std::vector<std::string> &arguments);
llvm::Expected<Tensors> fillInputs(Tensors wanted, const std::map<std::string, GivenInput> &given, uint64_t seed,
                                   bool &isRandom);

/// The contents of an array for a tensor; an error unless type and shape are the tensor's. `file` is named in it.
llvm::Error fill(ir::NamedTensor &wanted, const NpyArray &array, const std::string &file);

/// The array itself, if there is an element type for it.
llvm::Expected<ir::Tensor> toTensor(const NpyArray &array, const std::string &file);

/// The inputs that --const gives, NAME=NUMBERS or NAME=FILE.npy.
llvm::Error readConstants(llvm::ArrayRef<std::string> arguments, ir::OnnxImportOptions &options);

/// The file of such an argument: NAME=FILE, or FILE alone.
std::string fileOf(const std::string &argument);

/// What a package's entry wants and gives.
Tensors inputsOf(const isa::Package &package, size_t entry = 0);
/// The same with the sizes that given arrays have where the entry has a dimension for them: of these arrays, and of
/// what shares a dimension with one.
Tensors inputsOf(const isa::Package &package, size_t entry, const std::map<std::string, GivenInput> &given);
Tensors outputsOf(const isa::Package &package, size_t entry = 0);

NpyArray toNpy(const ir::Tensor &tensor);

struct RunResult {
  Tensors outputs;
  uint64_t cycles = 0, bytesRead = 0, bytesWritten = 0, macs = 0, saturations = 0;
};
/// The package as it would be written.
llvm::Expected<std::string> packageBytes(const isa::Package &package);

struct Difference {
  int64_t elements = 0, different = 0;
  double largest = 0;
};
Difference compare(const ir::Tensor &a, const ir::Tensor &b);
/// "2 of 10 differ, by 1 at most".
std::string counts(const Difference &difference);
/// The largest finite magnitude; 0 without one.
double largestMagnitude(const ir::Tensor &tensor);

std::string withCommas(uint64_t number);
/// Three significant digits.
std::string shortNumber(double number);
/// Lower-case hexadecimal of a hash, 16 digits.
std::string hex(uint64_t hash);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_COMMON_H
