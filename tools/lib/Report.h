// SPDX-License-Identifier: Apache-2.0
// What for: the compiler's report as one screen and as JSON.
// Called by: compile, check, run, profile.
// Does not: compute anything but shares and times.
#ifndef TW_TOOLS_LIB_REPORT_H
#define TW_TOOLS_LIB_REPORT_H

#include "tw/codegen/Compile.h"

#include <string>

namespace tw::tools {

std::string reportScreen(const codegen::Compiled &compiled, const std::string &model, const std::string &package);
std::string reportJson(const codegen::Compiled &compiled, const std::string &model);
/// Percent of what the memory could have given in these cycles.
double readShare(uint64_t bytes, uint64_t cycles, const isa::HwConfig &config);
/// Every operator, where it runs and why.
std::string placementTable(const codegen::CompileReport &report);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_REPORT_H
