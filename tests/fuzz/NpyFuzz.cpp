// SPDX-License-Identifier: Apache-2.0
// Any bytes are an array whose shape tells its size, or an error.
#include "tw/support/Fuzz.h"
#include "tw/tools/Npy.h"

#include <array>

using namespace tw;

namespace {

constexpr std::array<std::string_view, 18> kWords = {
    "'shape': (", "'descr': '<f4'",      "'|i1'", "'<f999'", "True", "False", "(", ")", ",", "'", "-1", "0",
    "4294967296", "9223372036854775807", "{",     "}",       ":",    "\n",
};

TEST(NpyFuzz, AnyBytesAreAnArrayOrAnError) {
  const std::string start = tools::formatNpy({"f4", {2, 3}, std::vector<char>(24)});
  test::fuzz("npy", 50000, [&](test::Random &random) {
    const std::string bytes = test::mutated(start, random, kWords);
    auto array = tools::parseNpy(bytes, "a.npy");
    if (!array) {
      EXPECT_EQ(llvm::toString(array.takeError()).rfind("a.npy: ", 0), 0u);
      return;
    }
    size_t count = std::stoul(array->type.substr(1));
    for (int64_t extent : array->shape)
      count *= size_t(extent);
    EXPECT_EQ(count, array->bytes.size());
  });
}

} // namespace
