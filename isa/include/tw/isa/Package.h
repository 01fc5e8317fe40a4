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
  std::vector<int64_t> shape;  // at most TW_PKG_MAX_RANK sizes
  std::vector<uint8_t> dims{}; // empty, or for each size: 0, or the number of a dimension, from 1
  uint32_t shown = 0;          // of a mask, else 0
};

struct PackageDim {
  std::string name;
  int64_t least = 0, most = 0;
  uint32_t follows = 0; // 0, or the number of another, from 1
};

struct PackageBuffer {
  tw_pkg_buffer_kind kind = TW_PKG_TEMP;
  uint32_t region = TW_PKG_NONE; // through which the NPU sees it; TW_PKG_NONE: host only
  uint64_t offset = 0, size = 0; // bytes
  uint32_t tensor = TW_PKG_NONE; // of INPUT and OUTPUT
  std::string name;              // may be empty
  uint32_t tied = TW_PKG_NONE;   // buffer whose memory it is
  uint8_t fill = 0;              // STATE: with which it begins
};

// A host function and how its work is cut: struct tw_pkg_phase says what that means.
struct PackagePhase {
  std::string function;
  uint64_t extent = 1, grain = 1;
};

// A kernel's run: struct tw_pkg_launch says what that means.
struct PackageLaunch {
  struct Pointer {
    uint32_t argument = 0; // of the step
    uint64_t offset = 0;   // in that buffer
  };
  std::string kernel;
  uint32_t blocks = 1, threads = 1;
  uint32_t sharedBytes = 0; // of a block
  std::vector<Pointer> pointers;
};

struct PackageStep {
  tw_pkg_step_op op = TW_PKG_STEP_RUN;
  tw_pkg_image_kind runs = TW_PKG_STREAM;     // RUN, INSTEAD: the image, by its kind
  std::string name{};                         // label, may be empty
  std::vector<uint32_t> arguments{};          // buffers
  uint32_t firstLine = 0, lineCount = 0;      // of a STREAM
  uint32_t counts = TW_PKG_NONE;              // of a STREAM: row of Package::counts
  std::vector<PackagePhase> phases{};         // of other images: at least one
  std::vector<PackageLaunch> launches{};      // of GPU code, which has no phases: at least one
  uint64_t sharedBytes = 0, privateBytes = 0; // of other images: scratch of the step, and of each range of it
  uint64_t bytes = 0;                         // COPY
  uint32_t toSpace = 0, fromSpace = 0;        // COPY
  uint32_t target = 0;                        // JUMP_IF: step; BIND_DIM: dimension

  bool runsLines() const { return op == TW_PKG_STEP_RUN && runs == TW_PKG_STREAM; }
  bool runsHostCode() const { return op == TW_PKG_STEP_RUN && runs == TW_PKG_HOST; }
  bool runsGpuCode() const { return op == TW_PKG_STEP_RUN && runs == TW_PKG_GPU; }
  bool runsAny() const { return op == TW_PKG_STEP_RUN || op == TW_PKG_STEP_INSTEAD; }
};

inline PackageStep runLines(uint32_t first, uint32_t count, uint32_t counts = TW_PKG_NONE) {
  return {.firstLine = first, .lineCount = count, .counts = counts};
}
inline PackageStep runHostCode(std::vector<PackagePhase> phases, std::vector<uint32_t> arguments) {
  return {.runs = TW_PKG_HOST, .arguments = std::move(arguments), .phases = std::move(phases)};
}
inline PackageStep runGpuCode(std::vector<PackageLaunch> launches, std::vector<uint32_t> arguments) {
  return {.runs = TW_PKG_GPU, .arguments = std::move(arguments), .launches = std::move(launches)};
}
inline PackageStep copyBytes(uint32_t to, uint32_t from, uint64_t bytes) {
  return {.op = TW_PKG_STEP_COPY, .arguments = {to, from}, .bytes = bytes};
}

struct PackageEntry {
  std::string name;
  uint32_t firstStep = 0, stepCount = 0;
  std::vector<uint32_t> inputs, outputs; // buffers
};

// An image of a kind that has no member of its own in Package.
struct PackageImage {
  tw_pkg_image_kind kind = TW_PKG_OTHER;
  std::string target;
  std::vector<uint8_t> bytes;
};

struct Package {
  HwConfig config;                // of the program's machine; not written where there is no program
  Program program;                // the STREAM image; no lines: none
  std::vector<uint8_t> constants; // region 1
  std::vector<PackageTensor> tensors;
  std::vector<std::pair<std::string, std::string>> fixed; // dimensions and inputs that the model leaves open: values
  std::vector<PackageBuffer> buffers;
  std::vector<PackageStep> steps;
  std::vector<PackageEntry> entries;
  std::vector<PackageDim> dims;
  uint64_t arenaBytes = 0, stateBytes = 0;
  std::vector<tw_pkg_counts> counts;
  std::vector<uint8_t> hostCode;    // the HOST image, an ELF file; empty: none
  std::string hostTarget;           // as in struct tw_pkg_image
  uint64_t hostFeatures = 0;        // likewise
  std::vector<PackageImage> others; // of kinds that are not above: one of each, of GPU code one for each target
  uint64_t gpuBytes = 0;            // memory of the GPU for DEVICE buffers
  std::vector<uint8_t> graph;       // MLIR bytecode; empty: no section
  uint64_t isaHash = kIsaHash;      // set by the reader; the writer writes its own
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
