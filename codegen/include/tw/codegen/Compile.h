// SPDX-License-Identifier: Apache-2.0
// What for: an imported graph becomes a package, and a report of what runs where and why.
// Called by: tools and end-to-end tests.
// Does not: import, read or write files, or run anything.
#ifndef TW_CODEGEN_COMPILE_H
#define TW_CODEGEN_COMPILE_H

#include "tw/isa/Package.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <string>
#include <vector>

namespace tw::codegen {

struct CompileOptions {
  isa::HwConfig config;
  bool fuseResidual = true;          // off: every layer's result stays visible
  std::string hostCpu = "x86-64-v3"; // of host code; "native" makes the bytes depend on this computer
  // Gets each stage's text, numbered by the caller: name of the stage, text without the bytes of weights. May be empty.
  std::function<void(std::string_view stage, const std::string &text)> dump;
};

/// One operator of the fused graph.
struct PlacementRow {
  std::string node; // name in the source model
  std::string operation;
  bool isOnNpu = false;
  std::string how;     // chain of instructions, or the reason for the host
  int64_t macs = 0;    // useful ones
  uint64_t cycles = 0; // estimate; 0 on the host
  std::string boundBy;
};

struct CompileReport {
  std::vector<PlacementRow> rows;
  int64_t macs = 0, macsOnNpu = 0;
  uint64_t arrayMacs = 0; // of the rows that the array streams: useful or not
  uint64_t cycles = 0;    // estimate
  uint64_t bytesRead = 0, bytesWritten = 0;
  uint64_t chipBytes = 0, chipBound = 0, chipSize = 0; // peak of the scratchpad, its lower bound, its size
  uint64_t arenaBytes = 0, arenaBound = 0;
  uint64_t constantBytes = 0;
  int lines = 0, waits = 0, fences = 0, hostSteps = 0, npuSteps = 0;
};

struct Compiled {
  isa::Package package;
  CompileReport report;
  std::string schedule; // as text
};

/// `module` is what importOnnx returned; it is changed (fused).
llvm::Expected<Compiled> compile(mlir::ModuleOp module, const CompileOptions &options);

} // namespace tw::codegen

#endif // TW_CODEGEN_COMPILE_H
