// SPDX-License-Identifier: Apache-2.0
// What for: the subcommands of tilewright; each parses its own options and returns the exit code.
// Called by: tilewright.cpp.
// Does not: share state between calls.
#ifndef TW_TOOLS_LIB_SUBCOMMANDS_H
#define TW_TOOLS_LIB_SUBCOMMANDS_H

#include <string>
#include <vector>

namespace tw::tools {

using Arguments = std::vector<std::string>;

// 0: success; 1: something given was wrong or failed; 2: the command line; 3: --strict and an operator is not where it
// should be.
int checkVerb(const Arguments &arguments);
int compileVerb(const Arguments &arguments);
int runVerb(const Arguments &arguments);
int verifyVerb(const Arguments &arguments);
int profileVerb(const Arguments &arguments);
int traceVerb(const Arguments &arguments);
int evaluateVerb(const Arguments &arguments);
int generateVerb(const Arguments &arguments);
int asmVerb(const Arguments &arguments);
int disVerb(const Arguments &arguments);
int infoVerb(const Arguments &arguments);
int configVerb(const Arguments &arguments);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_SUBCOMMANDS_H
