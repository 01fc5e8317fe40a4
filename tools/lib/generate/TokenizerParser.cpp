// SPDX-License-Identifier: Apache-2.0
// The file of a tokenizer, part by part. What is not done is refused by its name: to leave it out would give other ids.
#include "Tokenizer.h"

#include "tw/isa/DiagError.h"

#include "ByteAlphabet.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/FormatVariadic.h"
#include <boost/json.hpp>

#include <unicode/uregex.h>

namespace tw::tools {

namespace json = boost::json;

namespace {

// Byte-level tokenizers cut with this pattern where they do not say another one.
constexpr char kBytePattern[] = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr int32_t kPatternTime = 1000; // of ICU's units, each about a millisecond
constexpr int32_t kPatternBytes = 64 << 20;

llvm::StringRef textOf(const json::string &text) { return {text.data(), text.size()}; }

} // namespace

class TokenizerParser {
public:
  explicit TokenizerParser(const std::string &file) { result.file = file; }

  llvm::Expected<Tokenizer> parse(llvm::StringRef bytes) {
    json::error_code code;
    json::parse_options options;
    options.max_depth = 32;
    const json::value root = json::parse({bytes.data(), bytes.size()}, code, {}, options);
    if (code)
      return wrong("is not JSON: " + code.message() + ": give the tokenizer.json of the model");
    if (!root.is_object() || !member(root, "model") || !member(root, "model")->is_object())
      return wrong("has no object 'model': give the tokenizer.json of the model");
    for (const char *name : {"truncation", "padding"})
      if (const json::value *part = member(root, name); part && !part->is_null())
        return refused(name, "changes the length of what is read: set it to null");
    if (llvm::Error error = readModel(*member(root, "model")))
      return std::move(error);
    if (llvm::Error error = readAdded(member(root, "added_tokens")))
      return std::move(error);
    if (llvm::Error error = readNormalizer(member(root, "normalizer")))
      return std::move(error);
    if (llvm::Error error = readCuts(member(root, "pre_tokenizer")))
      return std::move(error);
    if (!cutsBytes)
      return refused("pre_tokenizer", "has no part ByteLevel: only byte-level tokens are read");
    if (llvm::Error error = readTemplate(member(root, "post_processor")))
      return std::move(error);
    if (const json::value *decoder = member(root, "decoder"); decoder && typeOf(decoder) != "ByteLevel")
      return refused("decoder", "is '" + typeOf(decoder) + "': only byte-level tokens are read");
    return std::move(result);
  }

private:
  static const json::value *member(const json::value &object, const char *name) {
    return object.is_object() ? object.get_object().if_contains(name) : nullptr;
  }
  static bool isNull(const json::value *value) { return !value || value->is_null(); }
  static std::string typeOf(const json::value *value) {
    const json::value *type = value ? member(*value, "type") : nullptr;
    return type && type->is_string() ? textOf(type->get_string()).str() : "";
  }
  static bool isTrue(const json::value &object, const char *name) {
    const json::value *value = member(object, name);
    return value && value->is_bool() && value->get_bool();
  }
  /// Not there, null, false, "" or 0.
  static bool isUnset(const json::value &object, const char *name) {
    const json::value *value = member(object, name);
    return isNull(value) || (value->is_bool() && !value->get_bool()) ||
           (value->is_string() && value->get_string().empty()) ||
           (value->is_number() && value->to_number<double>() == 0);
  }
  static std::optional<int64_t> idOf(const json::value *value) {
    constexpr int64_t kMost = INT32_MAX;
    if (!value || !value->is_int64() || value->get_int64() < 0 || value->get_int64() > kMost)
      return std::nullopt;
    return value->get_int64();
  }

  llvm::Error wrong(const llvm::Twine &text) const { return errorAt(result.file, text); }
  llvm::Error refused(const char *part, const llvm::Twine &text) const {
    return wrong(llvm::Twine("'") + part + "' " + text);
  }

  llvm::Error readModel(const json::value &model) {
    // Older files leave the type out.
    if (member(model, "type") && typeOf(&model) != "BPE")
      return refused("model", "is '" + typeOf(&model) + "': only BPE is read");
    for (const char *name : {"dropout", "byte_fallback", "continuing_subword_prefix", "end_of_word_suffix"})
      if (!isUnset(model, name))
        return refused("model",
                       llvm::Twine("sets '") + name + "', which byte-level tokens do not need: it is not read");
    const json::value *vocabulary = member(model, "vocab"), *merges = member(model, "merges");
    if (!vocabulary || !vocabulary->is_object() || !merges || !merges->is_array())
      return refused("model", "needs an object 'vocab' and a list 'merges'");
    for (const auto &[token, value] : vocabulary->get_object()) {
      const auto id = idOf(&value);
      const llvm::StringRef text(token.data(), token.size());
      if (!id)
        return wrong("the id of token '" + text + "' is no number from 0 to 2147483647");
      result.vocabulary[text] = *id;
      if (auto [at, isNew] = result.tokens.try_emplace(*id, text.str()); !isNew)
        return wrong("tokens '" + at->second + "' and '" + text + "' have the same id " + llvm::Twine(*id));
    }
    result.ignoresMerges = isTrue(model, "ignore_merges");
    size_t rank = 0;
    for (const json::value &merge : merges->get_array())
      if (llvm::Error error = readMerge(merge, rank++))
        return error;
    return llvm::Error::success();
  }

  /// "a b", or the two in a list.
  llvm::Error readMerge(const json::value &merge, size_t rank) {
    std::pair<llvm::StringRef, llvm::StringRef> parts;
    if (merge.is_string())
      parts = textOf(merge.get_string()).split(' ');
    else if (merge.is_array() && merge.get_array().size() == 2 && merge.get_array()[0].is_string() &&
             merge.get_array()[1].is_string())
      parts = {textOf(merge.get_array()[0].get_string()), textOf(merge.get_array()[1].get_string())};
    if (parts.first.empty() || parts.second.empty() || (merge.is_string() && parts.second.contains(' ')))
      return wrong("merge " + llvm::Twine(rank) + " is no pair of tokens");
    int64_t ids[3];
    const std::string texts[] = {parts.first.str(), parts.second.str(), (parts.first + parts.second).str()};
    for (int i = 0; i != 3; ++i) {
      auto token = result.vocabulary.find(texts[i]);
      if (token == result.vocabulary.end())
        return wrong("merge " + llvm::Twine(rank) + " of '" + texts[0] + "' and '" + texts[1] + "' needs token '" +
                     texts[i] + "', which 'vocab' does not have");
      ids[i] = token->second;
    }
    result.merges[{ids[0], ids[1]}] = {rank, ids[2]}; // of two equal ones the later counts
    return llvm::Error::success();
  }

  llvm::Error readAdded(const json::value *list) {
    if (isNull(list))
      return llvm::Error::success();
    if (!list->is_array())
      return refused("added_tokens", "is no list");
    for (const json::value &row : list->get_array()) {
      const json::value *content = member(row, "content");
      const auto id = idOf(member(row, "id"));
      if (!id || !content || !content->is_string() || content->get_string().empty())
        return refused("added_tokens", "has a row without a number 'id' or a text 'content'");
      const llvm::StringRef text = textOf(content->get_string());
      for (const char *name : {"lstrip", "rstrip", "single_word"})
        if (!isUnset(row, name))
          return wrong("added token '" + text + "' sets '" + name + "', which is not read: set it to false");
      auto known = result.vocabulary.find(text);
      if (known != result.vocabulary.end() && known->second != *id)
        return wrong("added token '" + text + "' has id " + llvm::Twine(*id) + ", 'vocab' gives it " +
                     llvm::Twine(known->second));
      if (auto [at, isNew] = result.tokens.try_emplace(*id, text.str()); !isNew && at->second != text)
        return wrong("tokens '" + at->second + "' and '" + text + "' have the same id " + llvm::Twine(*id));
      result.added.push_back({text.str(), *id, isTrue(row, "normalized")});
    }
    return llvm::Error::success();
  }

  llvm::Error readNormalizer(const json::value *normalizer) {
    if (isNull(normalizer))
      return llvm::Error::success();
    if (typeOf(normalizer) != "NFC")
      return refused("normalizer", "is '" + typeOf(normalizer) + "': only NFC is read");
    result.composes = true;
    return llvm::Error::success();
  }

  llvm::Error addCut(bool prefixesSpace, llvm::StringRef pattern) {
    Tokenizer::Cut cut{prefixesSpace, nullptr};
    if (!pattern.empty()) {
      UErrorCode status = U_ZERO_ERROR;
      UParseError at{};
      UText text = UTEXT_INITIALIZER;
      utext_openUTF8(&text, pattern.data(), int64_t(pattern.size()), &status);
      cut.regex.reset(uregex_openUText(&text, 0, &at, &status));
      utext_close(&text);
      if (U_SUCCESS(status)) {
        uregex_setTimeLimit(cut.regex.get(), kPatternTime, &status);
        uregex_setStackLimit(cut.regex.get(), kPatternBytes, &status);
      }
      if (U_FAILURE(status))
        return refused("pre_tokenizer",
                       llvm::formatv("has the pattern '{0}', which is not understood at character {1} ({2})", pattern,
                                     at.offset, u_errorName(status))
                           .str());
    }
    result.cuts.push_back(std::move(cut));
    return llvm::Error::success();
  }

  llvm::Error readCuts(const json::value *cutter) {
    if (isNull(cutter))
      return llvm::Error::success();
    const std::string type = typeOf(cutter);
    if (cutsBytes) // what follows would see the characters of bytes
      return refused("pre_tokenizer", "has a part '" + type + "' behind ByteLevel: that is not read");
    if (type == "Sequence") {
      const json::value *parts = member(*cutter, "pretokenizers");
      if (!parts || !parts->is_array())
        return refused("pre_tokenizer", "is a Sequence without a list 'pretokenizers'");
      for (const json::value &part : parts->get_array())
        if (llvm::Error error = readCuts(&part))
          return error;
      return llvm::Error::success();
    }
    if (type == "ByteLevel") {
      cutsBytes = true;
      const json::value *regex = member(*cutter, "use_regex"); // older files have none and mean it
      return addCut(isTrue(*cutter, "add_prefix_space"), !regex || isTrue(*cutter, "use_regex") ? kBytePattern : "");
    }
    if (type == "Digits")
      return addCut(false, isTrue(*cutter, "individual_digits") ? R"(\p{N})" : R"(\p{N}+)");
    if (type == "Split") {
      const json::value *pattern = member(*cutter, "pattern"), *behavior = member(*cutter, "behavior"),
                        *regex = pattern ? member(*pattern, "Regex") : nullptr;
      if (!behavior || !behavior->is_string() || behavior->get_string() != "Isolated" || !regex ||
          !regex->is_string() || regex->get_string().empty())
        return refused("pre_tokenizer", "has a part Split that is not of 'behavior' Isolated with a 'pattern' Regex: "
                                        "that is not read");
      return addCut(false, textOf(regex->get_string()));
    }
    return refused("pre_tokenizer", "has a part '" + type + "': only ByteLevel, Digits, Split and Sequence are read");
  }

  /// What stands before and behind every text.
  llvm::Error readTemplate(const json::value *processor) {
    if (isNull(processor) || typeOf(processor) == "ByteLevel") // the latter is about positions in the text
      return llvm::Error::success();
    const std::string type = typeOf(processor);
    const json::value *parts = member(*processor, type == "Sequence" ? "processors" : "single");
    if ((type != "Sequence" && type != "TemplateProcessing") || !parts || !parts->is_array())
      return refused("post_processor",
                     "has a part '" + type + "': only ByteLevel, TemplateProcessing and Sequence are read");
    bool isBehind = false;
    for (const json::value &part : parts->get_array()) {
      if (type == "Sequence") {
        if (llvm::Error error = readTemplate(&part))
          return error;
      } else if (const json::value *special = member(part, "SpecialToken")) {
        if (llvm::Error error = readSpecial(*processor, *special, isBehind ? result.behind : result.before))
          return error;
      } else {
        isBehind = true; // the text itself
      }
    }
    return llvm::Error::success();
  }

  llvm::Error readSpecial(const json::value &processor, const json::value &special, std::vector<int64_t> &ids) {
    const json::value *name = member(special, "id"), *all = member(processor, "special_tokens"),
                      *row = name && name->is_string() && all ? member(*all, name->get_string().c_str()) : nullptr,
                      *list = row ? member(*row, "ids") : nullptr;
    if (!list || !list->is_array())
      return refused("post_processor", "names a token that its 'special_tokens' does not have");
    for (const json::value &value : list->get_array()) {
      const auto id = idOf(&value);
      if (!id)
        return refused("post_processor", "has an id that is no number from 0 to 2147483647");
      ids.push_back(*id);
    }
    return llvm::Error::success();
  }

  Tokenizer result;
  bool cutsBytes = false;
};

llvm::Expected<Tokenizer> Tokenizer::parse(llvm::StringRef json, const std::string &file) {
  return TokenizerParser(file).parse(json);
}

} // namespace tw::tools
