// SPDX-License-Identifier: Apache-2.0
// Ids and texts against those of PyPI's tokenizers (make_tokenizers.py), and files that are refused.
#include "generate/Tokenizer.h"

#include "tw/support/Paths.h"
#include "tw/tools/Files.h"

#include "llvm/ADT/StringExtras.h"
#include <boost/json.hpp>
#include <gmock/gmock.h>

#include <cstdlib>

using namespace tw::tools;

namespace {

std::filesystem::path folder() {
  const char *other = std::getenv("TW_TOKENIZERS");
  return other ? other : tw::test::sourceDir() / "tests/unit/tools/generate/tokenizers";
}

std::string contents(const std::string &name) {
  auto bytes = readFile((folder() / name).string());
  EXPECT_TRUE(bool(bytes)) << llvm::toString(bytes.takeError());
  return bytes ? std::move(*bytes) : "";
}

std::vector<int64_t> idsOf(const boost::json::value &list) {
  std::vector<int64_t> ids;
  for (const boost::json::value &id : list.as_array())
    ids.push_back(id.as_int64());
  return ids;
}

TEST(TokenizerTest, GivesTheIdsAndTextsOfTheLibraryThatFilesAreMadeWith) {
  std::map<std::string, Tokenizer> tokenizers;
  const std::string answers = contents("answers.json");
  int texts = 0;
  for (llvm::StringRef line : llvm::split(llvm::StringRef(answers).rtrim(), '\n')) {
    const boost::json::value answer = boost::json::parse({line.data(), line.size()});
    const std::string name(answer.at("file").as_string());
    if (!tokenizers.count(name)) {
      auto tokenizer = Tokenizer::parse(contents(name + ".json"), name);
      ASSERT_TRUE(bool(tokenizer)) << llvm::toString(tokenizer.takeError());
      tokenizers.emplace(name, std::move(*tokenizer));
    }
    Tokenizer &tokenizer = tokenizers.at(name);
    const std::vector<int64_t> ids = idsOf(answer.at("ids"));
    if (const boost::json::value *text = answer.as_object().if_contains("text")) {
      auto mine = tokenizer.encode({text->as_string().data(), text->as_string().size()});
      ASSERT_TRUE(bool(mine)) << llvm::toString(mine.takeError());
      ASSERT_EQ(*mine, ids) << line.str();
      ++texts;
    }
    ASSERT_EQ(tokenizer.decode(ids), answer.at("decoded").as_string()) << line.str();
  }
  EXPECT_EQ(tokenizers.size(), 4u);
  EXPECT_GE(texts, 200);
}

std::string refusal(const std::string &json) {
  auto tokenizer = Tokenizer::parse(json, "t.json");
  return tokenizer ? "" : llvm::toString(tokenizer.takeError());
}

// A whole file of two letters, with `part` beside its model.
std::string file(const std::string &part, const std::string &model = R"("merges": ["a b"])") {
  return R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, )" + model + "}, " +
         (part.find("pre_tokenizer") == std::string::npos ? R"("pre_tokenizer": {"type": "ByteLevel"}, )" : "") + part +
         R"("x": 0})";
}

TEST(TokenizerTest, MergesTheBestPairFirstAndSaysWhichByteHasNoToken) {
  auto tokenizer = Tokenizer::parse(file(""), "t.json");
  ASSERT_TRUE(bool(tokenizer)) << llvm::toString(tokenizer.takeError());
  EXPECT_THAT(*tokenizer->encode("abba"), testing::ElementsAre(2, 1, 0));
  EXPECT_EQ(tokenizer->decode({2, 1, 7}), "abb\uFFFD");
  EXPECT_THAT(llvm::toString(tokenizer->encode("abc").takeError()),
              testing::StartsWith("t.json: there is no token for byte 63 of 'abc'"));
  EXPECT_THAT(llvm::toString(tokenizer->encode("ab\xFF").takeError()),
              testing::StartsWith("the text is not UTF-8 from byte 2 on"));
}

TEST(TokenizerTest, AFileThatAsksForMoreIsRefusedByName) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "t.json: is not JSON: "},
      {"[]", "t.json: has no object 'model'"},
      {std::string(100000, '['), "t.json: is not JSON: "},
      {R"({"model": {"type": "Unigram"}})", "'model' is 'Unigram': only BPE is read"},
      {R"({"model": {"type": "BPE"}})", "needs an object 'vocab' and a list 'merges'"},
      {file("", R"("merges": [], "byte_fallback": true)"), "'model' sets 'byte_fallback'"},
      {file("", R"("merges": [], "dropout": 0.1)"), "'model' sets 'dropout'"},
      {file("", R"("merges": [], "end_of_word_suffix": "</w>")"), "'model' sets 'end_of_word_suffix'"},
      {file("", R"("merges": ["a"])"), "merge 0 is no pair of tokens"},
      {file("", R"("merges": ["a b", "a b c"])"), "merge 1 is no pair of tokens"},
      {file("", R"("merges": [["a"]])"), "merge 0 is no pair of tokens"},
      {file("", R"("merges": ["a c"])"), "merge 0 of 'a' and 'c' needs token 'c', which 'vocab' does not have"},
      {file("", R"("merges": [["b", "a"]])"), "merge 0 of 'b' and 'a' needs token 'ba'"},
      {R"({"model": {"vocab": {"a": -1}, "merges": []}})", "the id of token 'a' is no number from 0 to 2147483647"},
      {R"({"model": {"vocab": {"a": 1, "b": 1}, "merges": []}})", "tokens 'a' and 'b' have the same id 1"},
      {file(R"("truncation": {"max_length": 5}, )"), "'truncation' changes the length"},
      {file(R"("added_tokens": [{"id": 1}], )"), "has a row without a number 'id' or a text 'content'"},
      {file(R"("added_tokens": [{"id": 3, "content": ""}], )"), "has a row without a number 'id' or a text 'content'"},
      {file(R"("added_tokens": [{"id": 3, "content": "<m>", "lstrip": true}], )"), "added token '<m>' sets 'lstrip'"},
      {file(R"("added_tokens": [{"id": 1, "content": "a"}], )"), "added token 'a' has id 1, 'vocab' gives it 0"},
      {file(R"("added_tokens": [{"id": 1, "content": "c"}], )"), "tokens 'b' and 'c' have the same id 1"},
      {file(R"("normalizer": {"type": "NFKC"}, )"), "'normalizer' is 'NFKC': only NFC is read"},
      {file(R"("pre_tokenizer": null, )"), "'pre_tokenizer' has no part ByteLevel"},
      {file(R"("pre_tokenizer": {"type": "Metaspace"}, )"), "'pre_tokenizer' has a part 'Metaspace'"},
      {file(R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Removed"}, )"),
       "'pre_tokenizer' has a part Split that is not of 'behavior' Isolated"},
      {file(R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"}, )"),
       "'pre_tokenizer' has the pattern '(a', which is not understood at character"},
      {file(R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]}, )"),
       "'pre_tokenizer' has a part 'Digits' behind ByteLevel"},
      {file(R"("post_processor": {"type": "BertProcessing"}, )"), "'post_processor' has a part 'BertProcessing'"},
      {file(R"("post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "s"}}]}, )"),
       "'post_processor' names a token that its 'special_tokens' does not have"},
      {file(R"("decoder": {"type": "Metaspace"}, )"), "'decoder' is 'Metaspace'"},
  };
  for (const auto &[json, text] : cases)
    EXPECT_THAT(refusal(json), testing::HasSubstr(text)) << json.substr(0, 200);
  EXPECT_EQ(refusal(file("")), "");
}

TEST(TokenizerTest, APatternWithoutEndIsGivenUp) {
  auto tokenizer = Tokenizer::parse(
      file(R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated",)"
           R"("pattern": {"Regex": "(a|aa|a*)*c"}}, {"type": "ByteLevel"}]}, )"),
      "t.json");
  ASSERT_TRUE(bool(tokenizer)) << llvm::toString(tokenizer.takeError());
  EXPECT_THAT(llvm::toString(tokenizer->encode(std::string(200, 'a')).takeError()),
              testing::StartsWith("t.json: its pattern takes too long, or too much memory, on this text"));
}

} // namespace
