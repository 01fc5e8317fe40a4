// SPDX-License-Identifier: Apache-2.0
// The main() of every unit test. It stands in an object file so that it wins over the main() inside libsystemc, and a
// program without a single test fails instead of passing in silence.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

int main(int argc, char **argv) {
  testing::InitGoogleMock(&argc, argv);
  if (testing::UnitTest::GetInstance()->total_test_count() == 0) {
    std::fputs("error: this program contains no test\n", stderr);
    return 1;
  }
  return RUN_ALL_TESTS();
}
