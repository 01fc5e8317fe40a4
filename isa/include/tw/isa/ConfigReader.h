// SPDX-License-Identifier: Apache-2.0
// Reads machine configurations from YAML (tw_isa_text, links LLVM).
// Called by tools and the compiler; what runs a program gets its configuration from the package instead.
// Does not keep the file: the result is a plain HwConfig that passed validate().
#ifndef TW_ISA_CONFIG_READER_H
#define TW_ISA_CONFIG_READER_H

#include "tw/isa/HwConfig.h"
#include "llvm/ADT/StringRef.h"
#include <vector>

namespace tw::isa {

// Parses the text of a configuration; `fileName` is for messages, which carry line and column.
Result<HwConfig> parseConfig(llvm::StringRef text, llvm::StringRef fileName);

// Reads a file, or one of the machines of isa/configs by its name ("tw16"), which need no file at run time.
Result<HwConfig> loadConfig(llvm::StringRef nameOrPath);

// Names of the machines that loadConfig knows without a file.
std::vector<llvm::StringRef> builtinConfigNames();

} // namespace tw::isa
#endif
