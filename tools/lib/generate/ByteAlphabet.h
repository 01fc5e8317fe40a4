// SPDX-License-Identifier: Apache-2.0
// What for: byte-level tokens are text: each byte is written as one printable character.
// Called by: Tokenizer.cpp.
// Does not: know tokens.
#ifndef TW_TOOLS_LIB_GENERATE_BYTEALPHABET_H
#define TW_TOOLS_LIB_GENERATE_BYTEALPHABET_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace tw::tools {

/// The character of a byte, in UTF-8.
llvm::StringRef characterOf(uint8_t byte);

/// The bytes that a token stands for; nothing if it holds a character that is no byte's.
std::optional<std::string> bytesOf(llvm::StringRef token);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_GENERATE_BYTEALPHABET_H
