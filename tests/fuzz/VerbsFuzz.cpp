// SPDX-License-Identifier: Apache-2.0
// The command line with packages that have wrong contents under right checksums: each verb that reads packages ends
// with exit code 0, or with 1 and one line that begins with "error: ".
#include "PackageMutations.h"

#include "Subcommands.h"

#include "tw/support/HostCode.h"
#include "tw/support/Job.h"

#include <iostream>
#include <sstream>

using namespace tw;

namespace {

constexpr uint64_t kMostBytes = 16 << 20; // a run takes time to fill what a package asks for

/// What a verb prints, instead of printing it.
class Caught {
public:
  Caught() : out(std::cout.rdbuf(text.rdbuf())), error(std::cerr.rdbuf(message.rdbuf())) {}
  ~Caught() {
    std::cout.rdbuf(out);
    std::cerr.rdbuf(error);
  }
  std::ostringstream text, message;

private:
  std::streambuf *out, *error;
};

void expectAnEnd(int (*verb)(const tools::Arguments &), const tools::Arguments &arguments) {
  int code = 0;
  std::string message;
  {
    Caught caught;
    code = verb(arguments);
    message = caught.message.str();
  }
  if (code == 0)
    return;
  EXPECT_EQ(code, 1) << message;
  EXPECT_EQ(message.rfind("error: ", 0), 0u) << message;
  EXPECT_EQ(std::ranges::count(message, '\n'), 1) << message;
}

bool isSmall(const std::vector<uint8_t> &bytes) {
  tw_pkg pkg;
  tw_pkg_error error;
  if (!tw_pkg_open(&pkg, bytes.data(), bytes.size(), &error))
    return true;
  const tw_pkg_plan &plan = *tw_pkg_plan_of(&pkg);
  uint64_t sum = plan.arena_bytes + plan.state_bytes + tw_pkg_scratch_bytes(&pkg, 1), count = 0;
  const tw_pkg_tensor *tensors = tw_pkg_tensors(&pkg, &count);
  for (uint64_t i = 0; i != count && sum <= kMostBytes; ++i)
    sum += tw_pkg_tensor_bytes(&tensors[i]);
  return sum <= kMostBytes;
}

TEST(VerbsFuzz, WrongContentsEndWithOneLine) {
  const isa::HwConfig config = test::testConfig("tw8");
  const std::vector<uint8_t> hostCode = test::compileHostCode(test::addOneSource());
  std::vector<std::vector<uint8_t>> starts;
  for (uint64_t seed = 1; seed != 7; ++seed) {
    const auto bytes =
        isa::serializePackage(fuzz::samplePackage(config, seed, seed % 3 ? std::vector<uint8_t>() : hostCode));
    ASSERT_TRUE(bytes) << bytes.diag().str();
    starts.push_back(*bytes);
  }
  test::TempDir folder;
  const std::string path = (folder.path() / "a.npk").string();
  test::fuzz("verbs", 1000, [&](test::Random &random) {
    const std::vector<uint8_t> bytes = fuzz::mutatedPackage(starts[test::below(random, starts.size())], random);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char *>(bytes.data()), std::streamsize(bytes.size()));
    expectAnEnd(tools::infoVerb, {path});
    expectAnEnd(tools::disVerb, {path});
    if (isSmall(bytes))
      expectAnEnd(tools::runVerb, {path, "--budget", "1000000"});
  });
}

} // namespace
