// SPDX-License-Identifier: Apache-2.0
#include "ByteAlphabet.h"

#include <array>

namespace tw::tools {
namespace {

/// Bytes that are printable characters of Latin-1 (but for the space, the no-break space and the soft hyphen) stand for
/// themselves; the others, in their order, are the characters from U+0100 on.
constexpr bool isItself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr unsigned kLast = 0x143; // 68 bytes are not themselves

struct Alphabet {
  std::array<std::array<char, 3>, 256> characters{}; // in UTF-8, with a zero behind
  std::array<int, kLast + 1> bytes{};                // by character; -1: none

  constexpr Alphabet() {
    for (int &byte : bytes)
      byte = -1;
    unsigned next = 0x100;
    for (unsigned byte = 0; byte != 256; ++byte) {
      const unsigned character = isItself(byte) ? byte : next++;
      bytes[character] = int(byte);
      if (character < 0x80)
        characters[byte] = {char(character)};
      else
        characters[byte] = {char(0xC0 | character >> 6), char(0x80 | (character & 0x3F))};
    }
  }
};
constexpr Alphabet kAlphabet;

} // namespace

llvm::StringRef characterOf(uint8_t byte) { return kAlphabet.characters[byte].data(); }

std::optional<std::string> bytesOf(llvm::StringRef token) {
  std::string bytes;
  for (size_t at = 0; at < token.size(); ++at) {
    unsigned character = uint8_t(token[at]);
    if (character >= 0x80) { // two bytes, or a character that is in no alphabet
      if ((character & 0xE0) != 0xC0 || at + 1 == token.size())
        return std::nullopt;
      character = (character & 0x1F) << 6 | (uint8_t(token[++at]) & 0x3F);
    }
    if (character > kLast || kAlphabet.bytes[character] < 0)
      return std::nullopt;
    bytes += char(kAlphabet.bytes[character]);
  }
  return bytes;
}

} // namespace tw::tools
