// SPDX-License-Identifier: Apache-2.0
// A list of lines and where its tags come from: what code generation ends with and every model starts with.
// Used by compiler, assembler, package, checkers and tests. Plain data.
// Knows nothing of where the lines lie in memory.
#ifndef TW_ISA_PROGRAM_H
#define TW_ISA_PROGRAM_H

#include "tw/isa/Line.h"
#include <map>
#include <string>
#include <vector>

namespace tw::isa {

struct Program {
  std::vector<Line> lines;              // the index is the program counter
  std::map<uint16_t, std::string> tags; // tag of a line -> operator or source location
  bool operator==(const Program &) const = default;
};

} // namespace tw::isa
#endif
