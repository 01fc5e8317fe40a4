// SPDX-License-Identifier: Apache-2.0
#include "Tokenizer.h"

#include "tw/isa/DiagError.h"

#include "ByteAlphabet.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/FormatVariadic.h"

#include <cassert>
#include <queue>
#include <unicode/unorm2.h>
#include <unicode/uregex.h>
#include <unicode/ustring.h>

namespace tw::tools {
namespace {

// LLVM's own conversions take a first U+FEFF for a mark and drop it.
std::string toUtf8(llvm::ArrayRef<UChar> text) {
  std::string result(text.size() * 3, '\0');
  int32_t length = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strToUTF8(result.data(), int32_t(result.size()), &length, text.data(), int32_t(text.size()), &status);
  result.resize(size_t(length));
  return result;
}

/// U+FFFD stands for what is no character.
std::vector<UChar> toUtf16(llvm::StringRef text) {
  std::vector<UChar> result(text.size());
  int32_t length = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strFromUTF8WithSub(result.data(), int32_t(result.size()), &length, text.data(), int32_t(text.size()), 0xFFFD,
                       nullptr, &status);
  result.resize(size_t(length));
  return result;
}

/// Unicode's canonical composition.
std::string composed(llvm::StringRef text) {
  const std::vector<UChar> from = toUtf16(text);
  std::vector<UChar> to(from.size() * 3); // no text becomes longer than that
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
  const int32_t length =
      unorm2_normalize(nfc, from.data(), int32_t(from.size()), to.data(), int32_t(to.size()), &status);
  assert(U_SUCCESS(status) && "ICU has its tables within itself, and there is room");
  return toUtf8(llvm::ArrayRef(to.data(), size_t(length)));
}

} // namespace

void RegexCloser::operator()(URegularExpression *regex) const { uregex_close(regex); }

template <typename Found, typename Between>
llvm::Error Tokenizer::splitAtAdded(llvm::StringRef text, bool isNormalized, const Found &found,
                                    const Between &between) const {
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const Added *longest = nullptr;
    for (const Added &token : added)
      if (token.isNormalized == isNormalized && text.substr(at).starts_with(token.text) &&
          (!longest || token.text.size() > longest->text.size()))
        longest = &token;
    if (!longest) {
      ++at;
      continue;
    }
    if (at != start)
      if (llvm::Error error = between(text.slice(start, at)))
        return error;
    found(*longest);
    start = at += longest->text.size();
  }
  return start == text.size() ? llvm::Error::success() : between(text.substr(start));
}

llvm::Expected<std::vector<std::string>> Tokenizer::cut(const Cut &how, std::string piece) const {
  if (how.prefixesSpace && !llvm::StringRef(piece).starts_with(" "))
    piece.insert(0, " ");
  if (!how.regex)
    return std::vector<std::string>{std::move(piece)};
  const std::vector<UChar> text = toUtf16(piece);
  std::vector<std::string> pieces;
  auto add = [&](int32_t from, int32_t to) {
    if (from != to)
      pieces.push_back(toUtf8(llvm::ArrayRef(text).slice(size_t(from), size_t(to - from))));
  };
  UErrorCode status = U_ZERO_ERROR;
  uregex_setText(how.regex.get(), text.data(), int32_t(text.size()), &status);
  int32_t behind = 0;
  while (uregex_findNext(how.regex.get(), &status)) {
    const int32_t start = uregex_start(how.regex.get(), 0, &status), end = uregex_end(how.regex.get(), 0, &status);
    add(behind, start);
    add(start, end);
    behind = end;
  }
  add(behind, int32_t(text.size()));
  if (U_FAILURE(status))
    return errorAt(file, "its pattern takes too long, or too much memory, on this text (" +
                             std::string(u_errorName(status)) + "): give a shorter text, or ids");
  return pieces;
}

/// The parts of a piece while neighbours are merged, the best pair first: the one of the lowest rank, of these the
/// first in the text.
class Tokenizer::Merger {
public:
  Merger(const Tokenizer &tokenizer, llvm::ArrayRef<int64_t> ids) : tokenizer(tokenizer) {
    for (int64_t id : ids)
      parts.push_back({id, int(parts.size()) - 1, int(parts.size()) + 1});
    if (!parts.empty())
      parts.back().next = -1;
    for (size_t i = 0; i != parts.size(); ++i)
      offer(int(i));
  }

  void run(std::vector<int64_t> &ids) {
    while (!pairs.empty()) {
      const Pair best = pairs.top();
      pairs.pop();
      // It may be gone meanwhile. What decides is what the two would become now, as in the library that files are
      // made with.
      const Merge *merge = mergeAt(best.at);
      if (!merge || merge->id != best.id)
        continue;
      join(best.at, merge->id);
    }
    for (int at = parts.empty() ? -1 : 0; at != -1; at = parts[size_t(at)].next)
      ids.push_back(parts[size_t(at)].id);
  }

private:
  struct Part {
    int64_t id; // -1: became a part of the one before
    int last, next;
  };
  struct Pair {
    size_t rank;
    int at; // of its first part
    int64_t id;
    bool operator<(const Pair &other) const { // the best is the greatest
      return std::tie(other.rank, other.at) < std::tie(rank, at);
    }
  };

  const Merge *mergeAt(int at) const {
    if (at < 0 || parts[size_t(at)].id < 0 || parts[size_t(at)].next < 0)
      return nullptr;
    auto merge = tokenizer.merges.find({parts[size_t(at)].id, parts[size_t(parts[size_t(at)].next)].id});
    return merge == tokenizer.merges.end() ? nullptr : &merge->second;
  }

  void offer(int at) {
    if (const Merge *merge = mergeAt(at))
      pairs.push({merge->rank, at, merge->id});
  }

  void join(int at, int64_t id) {
    Part &part = parts[size_t(at)], &gone = parts[size_t(part.next)];
    part = {id, part.last, gone.next};
    gone.id = -1;
    if (part.next >= 0)
      parts[size_t(part.next)].last = at;
    offer(part.last);
    offer(at);
  }

  const Tokenizer &tokenizer;
  std::vector<Part> parts;
  std::priority_queue<Pair> pairs;
};

llvm::Error Tokenizer::encodePiece(llvm::StringRef piece, std::vector<int64_t> &ids) const {
  std::string whole;
  std::vector<int64_t> parts;
  for (const char byte : piece) {
    const llvm::StringRef character = characterOf(uint8_t(byte));
    whole += character;
    auto token = vocabulary.find(character);
    parts.push_back(token == vocabulary.end() ? -1 : token->second);
  }
  if (auto token = vocabulary.find(whole); ignoresMerges && token != vocabulary.end()) {
    ids.push_back(token->second);
    return llvm::Error::success();
  }
  if (auto missing = llvm::find(parts, -1); missing != parts.end())
    return errorAt(
        file,
        llvm::formatv(
            "there is no token for byte {0:x-2} of '{1}': use the tokenizer of the model, or leave the character out",
            uint8_t(piece[size_t(missing - parts.begin())]), piece));
  Merger(*this, parts).run(ids);
  return llvm::Error::success();
}

llvm::Error Tokenizer::encodePlain(llvm::StringRef text, std::vector<int64_t> &ids) {
  std::vector<std::string> pieces{text.str()};
  for (const Cut &how : cuts) {
    std::vector<std::string> smaller;
    for (std::string &piece : pieces) {
      auto parts = cut(how, std::move(piece));
      if (!parts)
        return parts.takeError();
      llvm::move(*parts, std::back_inserter(smaller));
    }
    pieces = std::move(smaller);
  }
  for (const std::string &piece : pieces)
    if (llvm::Error error = encodePiece(piece, ids))
      return error;
  return llvm::Error::success();
}

llvm::Expected<std::vector<int64_t>> Tokenizer::encode(llvm::StringRef text) {
  constexpr size_t kMost = size_t{1} << 28; // of bytes: UTF-16 and NFC count in int32
  if (text.size() > kMost)
    return errorAt(
        "", llvm::formatv("the text has {0} bytes, at most {1} are read: give a shorter one", text.size(), kMost));
  const auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.begin());
  if (const llvm::UTF8 *at = begin; !llvm::isLegalUTF8String(&at, reinterpret_cast<const llvm::UTF8 *>(text.end())))
    return errorAt("", llvm::formatv("the text is not UTF-8 from byte {0} on: convert it to UTF-8", at - begin));
  std::vector<int64_t> ids = before;
  auto found = [&](const Added &token) { ids.push_back(token.id); };
  llvm::Error error = splitAtAdded(text, false, found, [&](llvm::StringRef raw) {
    const std::string normalized = composes ? composed(raw) : raw.str();
    return splitAtAdded(normalized, true, found, [&](llvm::StringRef plain) { return encodePlain(plain, ids); });
  });
  if (error)
    return std::move(error);
  llvm::append_range(ids, behind);
  return ids;
}

std::string Tokenizer::decode(llvm::ArrayRef<int64_t> ids) const {
  std::string bytes;
  for (int64_t id : ids) {
    auto token = tokens.find(id);
    if (token == tokens.end())
      bytes += "\xEF\xBF\xBD";
    else
      bytes += bytesOf(token->second).value_or(token->second);
  }
  // A token may end within a character, and the last one has no next.
  return toUtf8(toUtf16(bytes));
}

} // namespace tw::tools
