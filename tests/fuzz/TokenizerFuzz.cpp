// SPDX-License-Identifier: Apache-2.0
// Any bytes are a tokenizer or an error; any text has ids, which are a text again, or an error.
#include "generate/Tokenizer.h"
#include "tw/support/Fuzz.h"

#include <array>

using namespace tw;

namespace {

// Short, so that most mutations meet something.
constexpr std::string_view kStart =
    R"({"added_tokens":[{"id":7,"content":"<e>","normalized":false},{"id":8,"content":"Å","normalized":true}],)"
    R"("normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split",)"
    R"("pattern":{"Regex":"\\p{N}{1,3}|\\s+(?!\\S)|[^\\s\\p{L}]+"},"behavior":"Isolated"},{"type":"Digits"},)"
    R"({"type":"ByteLevel","add_prefix_space":true,"use_regex":true}]},"post_processor":{"type":)"
    R"("TemplateProcessing","single":[{"SpecialToken":{"id":"<e>"}},{"Sequence":{"id":"A"}}],"special_tokens":)"
    R"({"<e>":{"ids":[7]}}},"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,)"
    R"("Ġ":3,"Ġa":4,"Ã":5,"aba":6},"merges":["a b",["Ġ","a"],"ab a"]}})";

constexpr std::array<std::string_view, 24> kWords = {
    "\"type\":", "\"BPE\"",  "ByteLevel",   "null",       "true",       "[",     "]",       "{",
    "}",         ",",        "\"",          "-1",         "2147483648", "1e400", "\\u0000", "\\ud800",
    "(a*)*",     "\\\\p{L}", "\"merges\":", "\"vocab\":", "\"id\":",    "\xFF",  "0",       "(?<",
};

constexpr std::string_view kText = "ab <e>a\u030A 12\u00C3\u00A5 abab";

TEST(TokenizerFuzz, AnyBytesAreATokenizerOrAnError) {
  const std::string start(kStart);
  ASSERT_TRUE(bool(tools::Tokenizer::parse(start, "t.json")));
  test::fuzz("tokenizer", 20000, [&](test::Random &random) {
    auto tokenizer = tools::Tokenizer::parse(test::mutated(start, random, kWords), "t.json");
    if (!tokenizer) {
      EXPECT_EQ(llvm::toString(tokenizer.takeError()).rfind("t.json: ", 0), 0u);
      return;
    }
    auto ids = tokenizer->encode(test::mutated(std::string(kText), random, kWords));
    if (!ids)
      EXPECT_FALSE(llvm::toString(ids.takeError()).empty());
    else
      tokenizer->decode(*ids);
  });
}

} // namespace
