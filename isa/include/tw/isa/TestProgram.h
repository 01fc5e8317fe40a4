// SPDX-License-Identifier: Apache-2.0
// A program with the machine and the memory that it needs: what a test runs on every model.
// Made by the assembler and by RandomProgram.h, run by conformance and lock-step tests. Plain data.
// Does not say what the result is: SemanticEval does.
#ifndef TW_ISA_TEST_PROGRAM_H
#define TW_ISA_TEST_PROGRAM_H

#include "tw/isa/Check.h"
#include "tw/isa/Program.h"
#include <optional>
#include <string>
#include <vector>

namespace tw::isa {

// Bytes that a program finds in a region before it starts.
struct RegionData {
  int region;
  uint64_t offset;
  std::vector<uint8_t> bytes;
  std::optional<uint64_t> seed = std::nullopt; // set when bytes are randomBytes(bytes.size(), *seed)
  bool operator==(const RegionData &) const = default;
};

struct TestProgram {
  Program program;
  std::string config;           // name or file of a configuration; may be empty
  Regions regions{};            // limit and permissions
  std::vector<RegionData> data; // in order; bytes that are not given are zero
};

// `count` bytes from a seed: the same everywhere.
std::vector<uint8_t> randomBytes(uint64_t count, uint64_t seed);

} // namespace tw::isa
#endif
