// SPDX-License-Identifier: Apache-2.0
#include "NameColumn.h"

#include <gmock/gmock.h>

using tw::tools::NameColumn;

namespace {

const std::string kLong = "/a/long/name/of/a/node/that/no/column/of/a/table/holds";

TEST(NameColumnTest, IsAsWideAsTheLongestNameWithinLimits) {
  EXPECT_EQ(NameColumn({"fc"})("fc"), "fc" + std::string(30, ' '));
  const std::string forty(40, 'n');
  EXPECT_EQ(NameColumn({"fc", forty})("fc").size(), forty.size());
  EXPECT_EQ(NameColumn({forty})(forty), forty);
}

TEST(NameColumnTest, CutsInTheMiddleAndKeepsBothEnds) {
  const std::string cut = NameColumn({kLong})(kLong);
  EXPECT_EQ(cut.size(), 48u);
  EXPECT_THAT(cut, testing::StartsWith("/a/long/name/of"));
  EXPECT_THAT(cut, testing::HasSubstr("..."));
  EXPECT_THAT(cut, testing::EndsWith("of/a/table/holds"));
}

TEST(NameColumnTest, NamesThatWouldLookAlikeStandWhole) {
  std::string other = kLong;
  other[other.find("that")] = 'T';
  const NameColumn column({kLong, other, "fc"});
  EXPECT_EQ(column(kLong), kLong);
  EXPECT_EQ(column(other), other);
  EXPECT_EQ(column("fc").size(), 48u);
}

TEST(NameColumnTest, DoesNotCutCharactersOfSeveralBytes) {
  std::string name;
  for (int i = 0; i != 40; ++i)
    name += "\xC3\xA9";
  const std::string cut = NameColumn({name})(name), dots = "...";
  const size_t at = cut.find(dots);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(at % 2, 0u);
  EXPECT_EQ(cut[at + dots.size()], '\xC3');
}

} // namespace
