// SPDX-License-Identifier: Apache-2.0
// Host code from C, as a package carries it.
// Called by the suites that run packages or attack them.
// Does not use the project's own code generator.
#ifndef TW_SUPPORT_HOSTCODE_H
#define TW_SUPPORT_HOSTCODE_H

#include "tw/isa/Package.h"
#include "tw/support/Paths.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace tw::test {

/// What every host function gets.
inline const std::string kHostArguments = "(void *const *b, const long *dims, void *scratch, long lo, long hi)";

/// Adds `added` to 16 bytes.
inline std::string addOneSource(int added = 1) {
  return "int addOne" + kHostArguments +
         " {\n  for (int i = 0; i < 16; ++i)\n    ((char *)b[0])[i] = ((char *)b[1])[i] + " + std::to_string(added) +
         ";\n  return dims != 0 || lo != 0 || hi != 1;\n}\n";
}

/// Gives a package host code for this processor that needs no feature of it.
inline void setHostCode(isa::Package &package, std::vector<uint8_t> hostCode) {
  package.hostCode = std::move(hostCode);
  package.hostTarget = "x86_64 x86-64";
}

/// The shared object; `flags` come last on the compiler's command line.
inline std::vector<uint8_t> compileHostCode(const std::string &source, const std::string &flags = "") {
  TempDir folder;
  const std::string name = (folder.path() / "host").string();
  std::ofstream(name + ".c") << source;
  const std::string command =
      "cc -shared -fPIC -nostdlib -O1 -w -Wl,--hash-style=sysv -o " + name + ".so " + name + ".c " + flags;
  EXPECT_EQ(std::system(command.c_str()), 0) << command << "\n" << source;
  std::ifstream file(name + ".so", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace tw::test

#endif // TW_SUPPORT_HOSTCODE_H
