// SPDX-License-Identifier: Apache-2.0
#include "OnnxImporting.h"

#include <gmock/gmock.h>

namespace tw::ir::test {
namespace {

using ::testing::HasSubstr;

std::string said(const std::string &bytes) { return Import(bytes).text(); }

TEST(OnnxForeignFileTest, OtherFormatsAreNamedAndTheWayOutOfThem) {
  const std::string zip("PK\x03\x04", 4);
  EXPECT_THAT(said(std::string("\x1c\0\0\0TFL3", 8)), HasSubstr("is a TensorFlow Lite model; convert it: python -m "
                                                                "tf2onnx.convert --tflite"));
  EXPECT_THAT(said(std::string("\x20\0\0\0ORTMabcd", 12)), HasSubstr("ONNX Runtime's own format"));
  EXPECT_THAT(said("GGUF123"), HasSubstr("is a GGUF file, which holds weights and no graph"));
  EXPECT_THAT(said("\x89HDF\r\n\x1a\n123"), HasSubstr("is an HDF5 file, as Keras writes"));
  EXPECT_THAT(said(zip + "....archive/data.pkl..."), HasSubstr("is a PyTorch checkpoint; load it"));
  EXPECT_THAT(said(zip + "..archive/data.pkl..archive/constants.pkl"), HasSubstr("is a TorchScript model; load it"));
  EXPECT_THAT(said(zip + "..x.npy.."), HasSubstr("is a NumPy archive of arrays, not a model"));
  EXPECT_THAT(said(zip + "..model.weights.h5"), HasSubstr("is a Keras model"));
  EXPECT_THAT(said(zip + "..model.onnx"), HasSubstr("is a zip archive; unpack it"));
  EXPECT_THAT(said("\x93NUMPY\x01"), HasSubstr("is a NumPy array, not a model"));
  EXPECT_THAT(said("\x80\x02}q"), HasSubstr("is a Python pickle"));
  EXPECT_THAT(said(std::string("\x0c\0\0\0\0\0\0\0{\"w\":{}}    data", 24)), HasSubstr("is a safetensors file"));
  EXPECT_THAT(said("\x08\x01\x12\x10..\x05serve serving_default"), HasSubstr("is a TensorFlow SavedModel"));
  EXPECT_THAT(said("<ir_version: 8, opset_import: [\"\" : 17]>"), HasSubstr("is ONNX written as text; save it"));
  EXPECT_THAT(said("ir_version: 8\ngraph {\n"), HasSubstr("is ONNX written as text protobuf"));
  EXPECT_THAT(said("{\"irVersion\": \"8\"}"), HasSubstr("is ONNX written as JSON"));
  EXPECT_THAT(said("<?xml version=\"1.0\"?>"), HasSubstr("is XML, as OpenVINO writes"));
  EXPECT_THAT(said("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("git lfs pull"));
  EXPECT_THAT(said("hello"), HasSubstr("is text, not an ONNX model"));
}

TEST(OnnxForeignFileTest, WhatIsNothingKnownIsSaidToBeNoModel) {
  EXPECT_THAT(said(std::string("\xff\xfe\0\0", 4)), HasSubstr("is not an ONNX model, or is truncated or corrupt"));
}

} // namespace
} // namespace tw::ir::test
