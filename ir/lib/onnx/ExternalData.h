// SPDX-License-Identifier: Apache-2.0
// The bytes of tensors that lie in files beside the model. A model names them; it gets nothing outside its own folder.
#ifndef TW_IR_LIB_ONNX_EXTERNALDATA_H
#define TW_IR_LIB_ONNX_EXTERNALDATA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <onnx/onnx_pb.h>

#include <memory>
#include <string>

namespace tw::ir::onnx {

// Bytes of a mapped file, and what keeps it mapped.
struct FileBytes {
  llvm::ArrayRef<char> bytes;
  std::shared_ptr<llvm::MemoryBuffer> file;
};

class ExternalData {
public:
  // Without a folder there are no files: the model came from memory.
  explicit ExternalData(std::string modelFolder) : folder(std::move(modelFolder)) {}

  // `sizeBytes` is what the tensor's shape and type need.
  llvm::Expected<FileBytes> find(const ::onnx::TensorProto &proto, int64_t sizeBytes);

private:
  llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>> open(const std::string &location);

  std::string folder;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;
};

inline bool isExternal(const ::onnx::TensorProto &proto) {
  return proto.data_location() == ::onnx::TensorProto_DataLocation_EXTERNAL || proto.external_data_size() > 0;
}

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_EXTERNALDATA_H
