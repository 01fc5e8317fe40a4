// SPDX-License-Identifier: Apache-2.0
// The outputs of tw-tblgen, one function and one source file per language.
// Called by tw-tblgen.cpp with a checked model. They do not check anything again.
#ifndef TW_ISA_GEN_EMITTERS_H
#define TW_ISA_GEN_EMITTERS_H

#include "Model.h"
#include "llvm/Support/raw_ostream.h"

namespace tw::tblgen {

void emitCppTables(const Model &model, llvm::raw_ostream &os);
void emitCppConfig(const Model &model, llvm::raw_ostream &os);
void emitSvPackage(const Model &model, llvm::raw_ostream &os);
void emitSvLineCheck(const Model &model, llvm::raw_ostream &os);
void emitSvFootprintRom(const Model &model, llvm::raw_ostream &os);
void emitCHeader(const Model &model, llvm::raw_ostream &os);
void emitSlack(const Model &model, llvm::raw_ostream &os);
void emitMarkdownIsa(const Model &model, llvm::raw_ostream &os);
void emitMarkdownRegisters(const Model &model, llvm::raw_ostream &os);
void emitMarkdownConfig(const Model &model, llvm::raw_ostream &os);
void emitMarkdownFaults(const Model &model, llvm::raw_ostream &os);

// "spm_bytes", "SPM_BYTES" -> "SpmBytes"
std::string upperCamel(llvm::StringRef name);
// "spm_bytes" -> "spmBytes"
std::string lowerCamel(llvm::StringRef name);
// A C and C++ string literal, quotes included.
std::string quoted(llvm::StringRef text);

} // namespace tw::tblgen
#endif
