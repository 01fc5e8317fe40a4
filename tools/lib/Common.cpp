// SPDX-License-Identifier: Apache-2.0
#include "Common.h"

#include "tw/ir/OnnxImport.h"
#include "tw/ir/Register.h"
#include "tw/isa/ConfigReader.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>
#include <random>

namespace tw::tools {

llvm::Expected<isa::HwConfig> loadMachine(const std::string &nameOrPath) {
  return expectedOf(isa::loadConfig(nameOrPath));
}

Model emptyModel() {
  Model model;
  mlir::DialectRegistry registry;
  ir::registerGraphDialects(registry);
  model.context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
  model.context->loadAllAvailableDialects();
  return model;
}

std::vector<std::string> givenConstants(mlir::ModuleOp module) {
  std::vector<std::string> texts;
  if (auto constants = module->getAttrOfType<mlir::DictionaryAttr>("tw.constants"))
    for (mlir::NamedAttribute constant : constants)
      texts.push_back(constant.getName().str() + " = " + llvm::cast<mlir::StringAttr>(constant.getValue()).str());
  return texts;
}

std::vector<std::string> importNotes(mlir::ModuleOp module) {
  std::vector<std::string> texts;
  if (auto notes = module->getAttrOfType<mlir::ArrayAttr>("tw.notes"))
    for (auto note : notes.getAsRange<mlir::StringAttr>())
      texts.push_back(note.str());
  return texts;
}

std::string folderOf(const std::string &path) {
  const llvm::StringRef folder = llvm::sys::path::parent_path(path);
  return folder.empty() ? "." : folder.str();
}

llvm::Expected<Model> importModel(const std::string &path, ir::OnnxImportOptions options) {
  Model model = emptyModel();
  auto module = importInto(*model.context, path, std::move(options));
  if (!module)
    return module.takeError();
  model.module = std::move(*module);
  return model;
}

llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> importInto(mlir::MLIRContext &context, const std::string &path,
                                                             ir::OnnxImportOptions options) {
  auto bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  std::vector<Diag> problems;
  options.folder = folderOf(path);
  auto module = ir::importOnnx(context, *bytes, path, options, problems);
  if (!module)
    return inside(path, errorsOf(std::move(problems)));
  return std::move(module);
}

//===- Tensors
//-----------------------------------------------------------------------------------------------------------===//

namespace {

struct TypeRow {
  ir::ElementType type;
  const char *npy;
  tw_pkg_type package;
};
// numpy has no bfloat16: two bytes without a meaning stand for one.
constexpr TypeRow kTypes[] = {
    {ir::ElementType::F32, "f4", TW_PKG_F32},   {ir::ElementType::F64, "f8", TW_PKG_F64},
    {ir::ElementType::F16, "f2", TW_PKG_F16},   {ir::ElementType::BF16, "V2", TW_PKG_BF16},
    {ir::ElementType::Bool, "b1", TW_PKG_BOOL}, {ir::ElementType::I8, "i1", TW_PKG_I8},
    {ir::ElementType::I16, "i2", TW_PKG_I16},   {ir::ElementType::I32, "i4", TW_PKG_I32},
    {ir::ElementType::I64, "i8", TW_PKG_I64},   {ir::ElementType::U8, "u1", TW_PKG_U8},
    {ir::ElementType::U16, "u2", TW_PKG_U16},   {ir::ElementType::U32, "u4", TW_PKG_U32},
    {ir::ElementType::U64, "u8", TW_PKG_U64},
};

const TypeRow &rowOf(ir::ElementType type) {
  for (const TypeRow &row : kTypes)
    if (row.type == type)
      return row;
  llvm_unreachable("all types are listed");
}

ir::Tensor emptyTensor(const isa::PackageTensor &from) {
  for (const TypeRow &row : kTypes)
    if (row.package == from.type)
      return ir::Tensor(row.type, from.shape);
  return ir::Tensor(ir::ElementType::U8, from.shape);
}

Tensors tensorsOf(const isa::Package &package, const std::vector<uint32_t> &buffers) {
  Tensors result;
  for (uint32_t buffer : buffers) {
    const isa::PackageTensor &tensor = package.tensors[package.buffers[buffer].tensor];
    result.push_back({tensor.name, emptyTensor(tensor)});
  }
  return result;
}

void fillRandom(ir::Tensor &tensor, std::mt19937_64 &random) {
  if (ir::isReal(tensor.type)) {
    for (int64_t i = 0; i != tensor.size(); ++i) // in [-1, 1), the same numbers everywhere
      tensor.setNumber(i, double(int64_t(random() >> 40) - (1 << 23)) / double(1 << 23));
    return;
  }
  if (tensor.type == ir::ElementType::Bool) {
    for (int64_t i = 0; i != tensor.size(); ++i)
      tensor.setInteger(i, int64_t(random() >> 63));
    return;
  }
  const int64_t width = ir::byteWidth(tensor.type);
  for (size_t i = 0; i != tensor.bytes.size(); ++i)
    tensor.bytes[i] = int64_t(i) % width == 0 ? char(random() >> 56) : 0;
}

std::vector<char> bytesFor(ir::ElementType type, const NpyArray &array) {
  std::vector<char> bytes = array.bytes;
  if (type == ir::ElementType::Bool) // any other byte would be no bool
    for (char &byte : bytes)
      byte = byte != 0;
  return bytes;
}

} // namespace

llvm::Error fill(ir::NamedTensor &wanted, const NpyArray &array, const std::string &file) {
  ir::Tensor &tensor = wanted.tensor;
  if (array.type != rowOf(tensor.type).npy)
    return errorAt(file, "input '" + wanted.name + "' is " + std::string(ir::elementTypeName(tensor.type)) +
                             ", the file has type " + array.type);
  ir::Shape have(array.shape.begin(), array.shape.end());
  if (have != tensor.shape)
    return errorAt(file, "input '" + wanted.name + "' has shape " + ir::shapeText(tensor.shape) + ", the file has " +
                             ir::shapeText(have));
  tensor.bytes = bytesFor(tensor.type, array);
  return llvm::Error::success();
}

llvm::Expected<ir::Tensor> toTensor(const NpyArray &array, const std::string &file) {
  for (const TypeRow &row : kTypes)
    if (array.type == row.npy) {
      ir::Tensor tensor(row.type, array.shape);
      tensor.bytes = bytesFor(row.type, array);
      return tensor;
    }
  return errorAt(file, "has type " + array.type + ", which no tensor has");
}

llvm::Error readConstants(llvm::ArrayRef<std::string> arguments, ir::OnnxImportOptions &options) {
  for (const std::string &text : arguments) {
    auto [name, value] = llvm::StringRef(text).split('=');
    if (name.empty() || value.empty())
      return errorAt("--const " + text, "expected NAME=NUMBERS or NAME=FILE.npy");
    ir::OnnxConstant &constant = options.constants[name.str()];
    constant.text = value.str();
    if (!value.ends_with(".npy"))
      continue;
    auto array = readNpy(value.str());
    if (!array)
      return array.takeError();
    auto tensor = toTensor(*array, value.str());
    if (!tensor)
      return tensor.takeError();
    constant.tensor = *std::move(tensor);
  }
  return llvm::Error::success();
}

std::string fileOf(const std::string &argument) { return argument.substr(argument.find('=') + 1); }

Tensors inputsOf(const isa::Package &package, size_t entry) {
  return tensorsOf(package, package.entries[entry].inputs);
}
Tensors inputsOf(const isa::Package &package, size_t entry, const std::map<std::string, GivenInput> &given) {
  std::map<uint8_t, int64_t> sizes; // by number of the dimension
  auto forEach = [&](auto visit) {
    for (uint32_t buffer : package.entries[entry].inputs) {
      const isa::PackageTensor &tensor = package.tensors[package.buffers[buffer].tensor];
      for (size_t axis = 0; axis != tensor.dims.size(); ++axis)
        if (tensor.dims[axis] != 0)
          visit(tensor, axis, tensor.dims[axis]);
    }
  };
  forEach([&](const isa::PackageTensor &tensor, size_t axis, uint8_t dim) {
    if (auto its = given.find(tensor.name); its != given.end() && its->second.array.shape.size() == tensor.shape.size())
      sizes.try_emplace(dim, its->second.array.shape[axis]);
  });
  Tensors inputs = inputsOf(package, entry);
  forEach([&](const isa::PackageTensor &tensor, size_t axis, uint8_t dim) {
    auto &wanted = std::ranges::find(inputs, tensor.name, &ir::NamedTensor::name)->tensor;
    ir::Shape shape = wanted.shape;
    auto its = given.find(tensor.name);
    if (its != given.end() && its->second.array.shape.size() == shape.size())
      shape[axis] = its->second.array.shape[axis];
    else if (auto size = sizes.find(dim); size != sizes.end())
      shape[axis] = size->second;
    wanted = ir::Tensor(wanted.type, shape);
  });
  return inputs;
}
Tensors outputsOf(const isa::Package &package, size_t entry) {
  return tensorsOf(package, package.entries[entry].outputs);
}

llvm::Expected<std::map<std::string, GivenInput>> readInputs(const Tensors &wanted,
                                                             const std::vector<std::string> &arguments) {
  std::map<std::string, GivenInput> given;
  auto give = [&](const std::string &name, NpyArray array, const std::string &file) -> llvm::Error {
    if (llvm::is_contained(llvm::map_range(wanted, [](const ir::NamedTensor &tensor) { return tensor.name; }), name)) {
      given[name] = {file, std::move(array)};
      return llvm::Error::success();
    }
    std::string names;
    for (const ir::NamedTensor &tensor : wanted)
      names += (names.empty() ? "" : ", ") + tensor.name;
    return errorAt(file, "there is no input '" + name + "': the inputs are " + names);
  };
  for (const std::string &argument : arguments) {
    size_t equals = argument.find('=');
    std::string file = fileOf(argument);
    if (llvm::StringRef(file).ends_with(".npz")) {
      auto arrays = readNpz(file);
      if (!arrays)
        return arrays.takeError();
      for (auto &[name, array] : *arrays)
        if (auto error = give(name, std::move(array), file))
          return std::move(error);
      continue;
    }
    if (equals == std::string::npos && wanted.size() != 1)
      return errorAt("--input " + argument,
                     "the model has " + std::to_string(wanted.size()) + " inputs: write NAME=FILE");
    auto array = readNpy(file);
    if (!array)
      return array.takeError();
    if (auto error =
            give(equals == std::string::npos ? wanted[0].name : argument.substr(0, equals), std::move(*array), file))
      return std::move(error);
  }
  return given;
}

llvm::Expected<Tensors> fillInputs(Tensors wanted, const std::map<std::string, GivenInput> &given, uint64_t seed,
                                   bool &isRandom) {
  std::mt19937_64 random(seed);
  isRandom = false;
  for (ir::NamedTensor &tensor : wanted) {
    const auto its = given.find(tensor.name);
    if (its == given.end()) {
      isRandom = true;
      fillRandom(tensor.tensor, random);
    } else if (auto error = fill(tensor, its->second.array, its->second.file)) {
      return std::move(error);
    }
  }
  return wanted;
}

llvm::Expected<Tensors> gatherInputs(const Tensors &wanted, const std::vector<std::string> &arguments, uint64_t seed,
                                     bool &isRandom) {
  auto given = readInputs(wanted, arguments);
  if (!given)
    return given.takeError();
  return fillInputs(wanted, *given, seed, isRandom);
}

NpyArray toNpy(const ir::Tensor &tensor) {
  return {rowOf(tensor.type).npy, {tensor.shape.begin(), tensor.shape.end()}, tensor.bytes};
}

namespace {

// Infinite where one side is no finite number and the other is another one: no tolerance may cover that.
double distanceAt(const ir::Tensor &a, const ir::Tensor &b, int64_t i) {
  const double left = a.numberAt(i), right = b.numberAt(i);
  if (!ir::isReal(a.type))
    return std::fabs(left - right);
  if (left == right || (std::isnan(left) && std::isnan(right)))
    return 0;
  return std::isfinite(left) && std::isfinite(right) ? std::fabs(left - right) : INFINITY;
}

} // namespace

Difference compare(const ir::Tensor &a, const ir::Tensor &b) {
  Difference result{a.size(), 0, 0};
  if (a.type != b.type || a.shape != b.shape)
    return {a.size(), std::max<int64_t>(a.size(), 1), INFINITY};
  const int64_t width = ir::byteWidth(a.type);
  for (int64_t i = 0; i != a.size(); ++i)
    if (std::memcmp(&a.bytes[i * width], &b.bytes[i * width], width) != 0) {
      ++result.different;
      result.largest = std::max(result.largest, distanceAt(a, b, i));
    }
  return result;
}

std::string counts(const Difference &difference) {
  std::string text = llvm::formatv("{0} of {1} differ", difference.different, difference.elements).str();
  if (difference.different != 0)
    llvm::raw_string_ostream(text) << llvm::format(", by %g at most", difference.largest);
  return text;
}

double largestMagnitude(const ir::Tensor &tensor) {
  double largest = 0;
  for (int64_t i = 0; i != tensor.size(); ++i)
    if (const double magnitude = std::fabs(tensor.numberAt(i)); std::isfinite(magnitude))
      largest = std::max(largest, magnitude);
  return largest;
}

//===- Packages
//-----------------------------------------------------------------------------------------------------------===//

llvm::Expected<std::string> packageBytes(const isa::Package &package) {
  auto bytes = isa::serializePackage(package);
  if (!bytes)
    return errorOf(bytes.diag());
  return std::string(bytes->begin(), bytes->end());
}

std::string withCommas(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;)
    digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string shortNumber(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.3g", number);
  return text;
}

std::string hex(uint64_t hash) { return llvm::utohexstr(hash, true, 16); }

} // namespace tw::tools
