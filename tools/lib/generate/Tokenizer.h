// SPDX-License-Identifier: Apache-2.0
// What for: text to ids and back, by a tokenizer file in the common JSON form: byte-level BPE.
// Called by: generate, and its tests.
// Does not: read files; guess: a file that asks for anything else than what is done here is refused.
#ifndef TW_TOOLS_LIB_GENERATE_TOKENIZER_H
#define TW_TOOLS_LIB_GENERATE_TOKENIZER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

struct URegularExpression; // ICU's

namespace tw::tools {

struct RegexCloser {
  void operator()(URegularExpression *regex) const;
};
using Regex = std::unique_ptr<URegularExpression, RegexCloser>;

class Tokenizer {
public:
  /// `file` is named in errors.
  static llvm::Expected<Tokenizer> parse(llvm::StringRef json, const std::string &file);

  /// The ids of a text, with what the file puts before and behind it. Not const: a regular expression has a state.
  llvm::Expected<std::vector<int64_t>> encode(llvm::StringRef text);

  /// The text of ids, in UTF-8; U+FFFD stands for bytes that are no character, and for an id without a token.
  std::string decode(llvm::ArrayRef<int64_t> ids) const;

private:
  friend class TokenizerParser;

  /// A token that is found in the text before anything else is done with it.
  struct Added {
    std::string text;
    int64_t id = 0;
    bool isNormalized = false; // found in the normalised text
  };
  /// How a piece of text is cut further: each match of `regex`, and what lies between matches, is a piece.
  struct Cut {
    bool prefixesSpace = false; // before it is cut
    Regex regex;                // none: the piece stays whole
  };
  struct Merge {
    size_t rank = 0;
    int64_t id = 0; // of the two together
  };
  class Merger;

  /// Cuts a text at added tokens: calls `found` for each, `between` for what lies before, between and behind them.
  template <typename Found, typename Between>
  llvm::Error splitAtAdded(llvm::StringRef text, bool isNormalized, const Found &found, const Between &between) const;
  llvm::Error encodePlain(llvm::StringRef text, std::vector<int64_t> &ids);
  llvm::Error encodePiece(llvm::StringRef piece, std::vector<int64_t> &ids) const;
  llvm::Expected<std::vector<std::string>> cut(const Cut &how, std::string piece) const;

  std::string file;
  llvm::StringMap<int64_t> vocabulary;   // by the token as the file writes it
  std::map<int64_t, std::string> tokens; // the same the other way round, with added ones
  std::map<std::pair<int64_t, int64_t>, Merge> merges;
  std::vector<Added> added;
  std::vector<Cut> cuts;
  std::vector<int64_t> before, behind; // of every text
  bool composes = false;               // NFC
  bool ignoresMerges = false;          // for a piece that is a token as a whole
};

} // namespace tw::tools

#endif // TW_TOOLS_LIB_GENERATE_TOKENIZER_H
