// SPDX-License-Identifier: Apache-2.0
// Writes the SystemVerilog package of a configuration: tw-config-emit tw16 -o tw_cfg_pkg.sv
#include "tw/isa/ConfigReader.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/WithColor.h"
#include <sstream>

using namespace llvm;

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::opt<std::string> input(cl::Positional, cl::desc("<configuration: name or file>"), cl::Required);
  cl::opt<std::string> output("o", cl::desc("Output file"), cl::value_desc("file"), cl::init("-"));
  cl::ParseCommandLineOptions(argc, argv, "SystemVerilog package of a machine configuration\n");
  tw::Result<tw::isa::HwConfig> config = tw::isa::loadConfig(input);
  if (!config) {
    WithColor::error() << config.diag().str() << "\n";
    return 1;
  }
  std::error_code failure;
  ToolOutputFile file(output, failure, sys::fs::OF_Text);
  if (failure) {
    WithColor::error() << output << ": " << failure.message() << "\n";
    return 1;
  }
  std::ostringstream text;
  tw::isa::emitSvConfig(*config, text);
  file.os() << text.str();
  file.keep();
  return 0;
}
