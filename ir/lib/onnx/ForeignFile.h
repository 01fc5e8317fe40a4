// SPDX-License-Identifier: Apache-2.0
// Files that are models, but not in ONNX's format: what they are and how they become ONNX.
#ifndef TW_IR_LIB_ONNX_FOREIGNFILE_H
#define TW_IR_LIB_ONNX_FOREIGNFILE_H

#include <string>
#include <string_view>

namespace tw::ir::onnx {

// "is a TensorFlow Lite model; convert it with ..."; empty when the bytes look like no format that is known.
std::string foreignFile(std::string_view bytes);

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_FOREIGNFILE_H
