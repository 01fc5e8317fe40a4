// SPDX-License-Identifier: Apache-2.0
#include "ForeignFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Endian.h"

namespace tw::ir::onnx {
namespace {

constexpr const char *kExport = "load it in the program that made it and export it there (PyTorch: torch.onnx.export)";

struct Magic {
  size_t offset;
  llvm::StringRef bytes;
  const char *text;
};
constexpr Magic kMagics[] = {
    {4, "TFL3", "is a TensorFlow Lite model; convert it: python -m tf2onnx.convert --tflite FILE --output model.onnx"},
    {4, "ORTM", "is a model in ONNX Runtime's own format; give the .onnx file that it was made from"},
    {0, "GGUF",
     "is a GGUF file, which holds weights and no graph; export the model to ONNX from its original form "
     "(optimum-cli export onnx)"},
    {0, "\x89HDF\r\n\x1a\n",
     "is an HDF5 file, as Keras writes; load it in Keras and export it: "
     "model.export(\"model.onnx\", format=\"onnx\")"},
    {0, "\x93NUMPY", "is a NumPy array, not a model"},
    {0, "\x1f\x8b", "is compressed by gzip; unpack it first"},
    {0, "ML\xefR", "is MLIR bytecode, not a model in ONNX"},
    {0,
     "\x7f"
     "ELF",
     "is a program or a library, not a model"},
};

// Whether a zip archive names a file that ends so; names stand uncompressed in it.
bool holds(llvm::StringRef zip, llvm::StringRef name) { return zip.contains(name); }

std::string zipText(llvm::StringRef zip) {
  if (holds(zip, "data.pkl"))
    return std::string(holds(zip, "constants.pkl") ? "is a TorchScript model; " : "is a PyTorch checkpoint; ") +
           kExport;
  if (holds(zip, "model.weights.h5"))
    return "is a Keras model; load it in Keras and export it: model.export(\"model.onnx\", format=\"onnx\")";
  if (holds(zip, ".npy"))
    return "is a NumPy archive of arrays, not a model";
  return "is a zip archive; unpack it and give the .onnx file in it";
}

// Eight bytes of length, then JSON.
bool isSafetensors(llvm::StringRef bytes) {
  if (bytes.size() < 10 || bytes[8] != '{')
    return false;
  const uint64_t length = llvm::support::endian::read64le(bytes.data());
  return length >= 2 && length <= bytes.size() - 8 && bytes.substr(8, length).rtrim().ends_with("}");
}

// A TensorFlow SavedModel begins as an ONNX file of IR version 1 would; its graphs are for "serve".
bool isSavedModel(llvm::StringRef bytes) {
  return bytes.starts_with(llvm::StringRef("\x08\x01\x12", 3)) &&
         (bytes.contains("serving_default") || bytes.contains("\x05serve"));
}

bool isText(llvm::StringRef bytes) {
  return llvm::all_of(bytes.take_front(256), [](char c) { return llvm::isPrint(c) || llvm::isSpace(c); });
}

std::string textText(llvm::StringRef bytes) {
  const llvm::StringRef start = bytes.ltrim();
  const bool isJson = start.starts_with("{"), isXml = start.starts_with("<?xml") || start.starts_with("<net");
  if (start.starts_with("version https://git-lfs"))
    return "is a pointer of Git LFS, not the file itself; fetch it: git lfs pull";
  if (isXml)
    return "is XML, as OpenVINO writes; give the .onnx file that it was made from";
  if (isJson && bytes.take_front(4096).contains("irVersion"))
    return "is ONNX written as JSON; save it as protobuf: google.protobuf.json_format.Parse, then onnx.save";
  if (start.starts_with("<") && bytes.take_front(4096).contains("ir_version"))
    return "is ONNX written as text; save it as protobuf: onnx.save(onnx.parser.parse_model(text), \"model.onnx\")";
  if (start.starts_with("ir_version") || start.starts_with("graph {"))
    return "is ONNX written as text protobuf; save it as protobuf: onnx.load(FILE, format=\"textproto\"), then "
           "onnx.save";
  return "is text, not an ONNX model";
}

} // namespace

std::string foreignFile(std::string_view view) {
  const llvm::StringRef bytes(view.data(), view.size());
  for (const Magic &magic : kMagics)
    if (bytes.size() >= magic.offset && bytes.substr(magic.offset).starts_with(magic.bytes))
      return magic.text;
  if (bytes.starts_with("PK\x03\x04"))
    return zipText(bytes);
  if (bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5)
    return std::string("is a Python pickle, as old versions of PyTorch write; ") + kExport;
  if (isSafetensors(bytes))
    return std::string("is a safetensors file, which holds weights and no graph; ") + kExport;
  if (isSavedModel(bytes))
    return "is a TensorFlow SavedModel; convert its folder: python -m tf2onnx.convert --saved-model FOLDER --output "
           "model.onnx";
  return isText(bytes) ? textText(bytes) : "";
}

} // namespace tw::ir::onnx
