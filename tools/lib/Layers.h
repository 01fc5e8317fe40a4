// SPDX-License-Identifier: Apache-2.0
// What for: variants of a model for looking into it: every layer's result as an output, or a few layers alone; and
// recordings of layers. Called by: verify. Does not: compile or run a device.
#ifndef TW_TOOLS_LIB_LAYERS_H
#define TW_TOOLS_LIB_LAYERS_H

#include "Common.h"

namespace tw::tools {

/// Fuses @main as compiling does, but leaves it in one piece, so that the functions below can change it.
llvm::Error fuseGraph(mlir::ModuleOp module, bool fuseResidual);

/// Makes each operator's result a result of @main, under its node's name. What only moves data is no layer, nor what
/// has more dimensions than a package can say: it is judged with the next operator.
void keepLayers(mlir::ModuleOp module);

/// Cuts a fused @main down to the operators of "node" or "first:last". What they read from operators before them
/// becomes an input; returned are the inputs' values when the whole graph runs on `inputs`.
llvm::Expected<Tensors> isolate(mlir::ModuleOp module, const std::string &range, const Tensors &inputs);

/// Names of inputs of @main, types and shapes; contents are zero. Of its outputs the same.
Tensors inputsOf(mlir::ModuleOp module);
Tensors outputsOf(mlir::ModuleOp module);

/// One layer against one recording of it, over all recorded images.
struct RecordedLayer {
  std::string layer, recording;
  Difference difference;
};

/// Does the archive hold recorded layers ("L03_CONV_2D_ort" and "input_tflite": one array per layer in the order of the
/// model, images in the first dimension, channels last)?
bool holdsLayers(const std::map<std::string, NpyArray> &arrays);

/// Feeds each layer of a graph that was fused without residuals with the recorded results of the layers before it and
/// counts the differences: layer by layer, on the same inputs. One row per layer and recorder.
llvm::Expected<std::vector<RecordedLayer>> compareWithRecording(mlir::ModuleOp module,
                                                                const std::map<std::string, NpyArray> &arrays);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_LAYERS_H
