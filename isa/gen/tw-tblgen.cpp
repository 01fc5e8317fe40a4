// SPDX-License-Identifier: Apache-2.0
// Reads an instruction-set table, checks it and writes one of the views that everybody else includes.
#include "Emitters.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/TableGen/Main.h"
#include "llvm/TableGen/Record.h"

using namespace llvm;
using namespace tw::tblgen;

namespace {

using Emitter = void (*)(const Model &, raw_ostream &);

struct Output {
  const char *option;
  Emitter emit;
  const char *help;
};

constexpr Output kOutputs[] = {
    {"gen-cpp-tables", emitCppTables, "C++ records: enums, fields, semantics, footprint programs"},
    {"gen-cpp-config", emitCppConfig, "C++ struct of a machine configuration and its schema"},
    {"gen-sv-package", emitSvPackage, "SystemVerilog package tw_isa_pkg"},
    {"gen-sv-line-check", emitSvLineCheck, "SystemVerilog module tw_line_check"},
    {"gen-sv-footprint-rom", emitSvFootprintRom, "SystemVerilog module tw_footprint_rom"},
    {"gen-c", emitCHeader, "C header for drivers"},
    {"gen-slack", emitSlack, "free bits of every instruction line"},
    {"gen-md-isa", emitMarkdownIsa, "reference page of the instructions"},
    {"gen-md-registers", emitMarkdownRegisters, "reference page of registers and records"},
    {"gen-md-config", emitMarkdownConfig, "reference page of the configuration"},
    {"gen-md-faults", emitMarkdownFaults, "reference page of the faults"},
};

bool run(raw_ostream &os, RecordKeeper &records, Emitter emit) {
  std::optional<Model> model = readModel(records);
  if (!model)
    return true;
  if (emit)
    emit(*model, os);
  return false;
}

} // namespace

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::opt<Emitter> emit(cl::desc("What to write (nothing: only check):"), cl::init(nullptr));
  for (const Output &output : kOutputs)
    emit.getParser().addLiteralOption(output.option, output.emit, output.help);
  cl::ParseCommandLineOptions(argc, argv, "Generator of everything that derives from an instruction-set table\n");
  return TableGenMain(argv[0], [&](raw_ostream &os, RecordKeeper &records) { return run(os, records, emit); });
}
