// SPDX-License-Identifier: Apache-2.0
// A package as C++ values: what code generation fills and tools inspect.
// Called by codegen (writes), tools and tests (read); drivers read the bytes themselves, through package_format.h.
// Does not run or map host code, nor write files.
#ifndef TW_ISA_PACKAGE_H
#define TW_ISA_PACKAGE_H

#include "tw/isa/HwConfig.h"
#include "tw/isa/Program.h"
#include "tw/isa/package_format.h"
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tw::isa {

struct PackageTensor {
  std::string name;
  tw_pkg_type type = TW_PKG_I8;
  std::vector<int64_t> shape; // at most TW_PKG_MAX_RANK positive sizes
};

struct PackageBuffer {
  tw_pkg_buffer_kind kind = TW_PKG_TEMP;
  uint32_t region = TW_PKG_NONE; // through which the NPU sees it; TW_PKG_NONE: host only
  uint64_t offset = 0, size = 0; // bytes
  uint32_t tensor = TW_PKG_NONE; // of INPUT and OUTPUT
  std::string name;              // may be empty
};

// A host function and how its work is cut: struct tw_pkg_phase says what that means.
struct PackagePhase {
  std::string function;
  uint64_t extent = 1, grain = 1;
};

struct PackageStep {
  tw_pkg_step_op op = TW_PKG_STEP_NPU;
  std::string name;                           // label, may be empty
  std::vector<uint32_t> arguments;            // buffers, except for NPU
  uint32_t firstLine = 0, lineCount = 0;      // NPU
  uint64_t bytes = 0;                         // COPY
  uint32_t counts = TW_PKG_NONE;              // NPU: row of Package::counts
  std::vector<PackagePhase> phases{};         // HOST: at least one
  uint64_t sharedBytes = 0, privateBytes = 0; // HOST: scratch of the step, and of each range of it
};

struct PackageEntry {
  std::string name;
  uint32_t firstStep = 0, stepCount = 0;
  std::vector<uint32_t> inputs, outputs; // buffers
};

struct Package {
  HwConfig config;
  Program program;
  std::vector<uint8_t> constants; // region 1
  std::vector<PackageTensor> tensors;
  std::vector<PackageBuffer> buffers;
  std::vector<PackageStep> steps;
  std::vector<PackageEntry> entries;
  uint64_t arenaBytes = 0, stateBytes = 0;
  std::vector<tw_pkg_counts> counts;
  std::vector<uint8_t> hostCode; // ELF; empty: no section
  std::vector<uint8_t> graph;    // MLIR bytecode; empty: no section
  uint64_t isaHash = kIsaHash;   // set by the reader; the writer writes its own
};

// The bytes of a package's file, checked as a reader would. What contradicts itself is an error.
Result<std::vector<uint8_t>> serializePackage(const Package &package);

// Reads a file; one that is no package is refused before it is read whole. The place of an error is "path: byte N"; a
// package of another instruction set is an error too.
Result<Package> readPackage(const std::string &path);

// The same from bytes in memory (aligned to 8); `place` names them in errors.
Result<Package> parsePackage(std::span<const uint8_t> bytes, const std::string &place);

// The message of an error that the C reader found.
Diag packageDiag(const std::string &place, const tw_pkg_error &error);

} // namespace tw::isa
#endif
