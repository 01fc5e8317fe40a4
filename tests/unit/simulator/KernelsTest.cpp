// SPDX-License-Identifier: Apache-2.0
// Every fast kernel does what the table says, in each form that this host can run: random instructions against
// isa::evaluate, all bytes equal.
#include "functional/Kernels.h"
#include "functional/Execute.h"

#include "tw/isa/Check.h"
#include "tw/isa/Disassembler.h"
#include "tw/isa/Numerics.h"
#include "tw/isa/SemanticEval.h"
#include "tw/isa/Timing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

using namespace tw::isa;
using tw::simulator::HostForm;
using tw::simulator::State;

namespace {

constexpr uint64_t kRegionBytes = 16384;

class Generator {
public:
  Generator(const HwConfig &config, uint64_t seed) : config(config), random(seed) {
    for (Region &region : regions)
      region = {kRegionBytes, true, true};
  }

  uint64_t below(uint64_t bound) { return random() % bound; }

  /// A legal line of the row whose written operand does not touch what it reads.
  Line line(const Instruction &row) {
    for (;;) {
      Line line(row.opcode);
      for (const Field &field : row.fields)
        line.set(field.ref, value(field));
      if (!checkLine(line, config, regions) && !aliases(line, row))
        return line;
    }
  }

  template <typename T> void fill(std::vector<T> &memory) {
    uint64_t word;
    for (size_t i = 0; i != memory.size() * sizeof(T); i += sizeof word) {
      word = random();
      std::memcpy(reinterpret_cast<uint8_t *>(memory.data()) + i, &word, sizeof word);
    }
  }

  Regions regions;

private:
  int64_t value(const Field &field) {
    const int64_t rows = field.alignRow ? config.n : 1;
    switch (field.kind) {
    case FieldKind::Spm:
      return int64_t(below(config.spmBytes / rows)) * rows;
    case FieldKind::Acc:
      return int64_t(below(config.accRows));
    case FieldKind::Param:
      return int64_t(below(config.paramRows));
    case FieldKind::Lut:
      return int64_t(below(config.lutBanks));
    case FieldKind::Region:
      return int64_t(below(kRegions));
    case FieldKind::Offset:
      return int64_t(below(kRegionBytes / rows)) * rows;
    case FieldKind::Stride:
      return int64_t(below(5)) * rows;
    case FieldKind::Flag:
      return int64_t(below(2));
    case FieldKind::Extent:
      return 1 + int64_t(below(field.name == "x_b" ? 3 * config.n : below(4) ? 3 : 6));
    case FieldKind::Sint:
      return field.min + int64_t(below(field.max - field.min + 1));
    case FieldKind::Uint:
      return std::min<int64_t>(field.max, field.min + int64_t(below(field.name == "pad_b" ? 2 * config.n : 3)));
    }
    return 0;
  }

  bool aliases(const Line &line, const Instruction &row) const {
    struct Range {
      uint64_t begin, end;
      bool written;
    };
    std::vector<Range> ranges;
    for (size_t i = 0; i < row.semantics->accesses.size(); ++i) {
      const Access &access = row.semantics->accesses[i];
      if (access.space != Space::SPM)
        continue;
      const uint64_t begin = line.get(row.fields[access.baseField].ref);
      ranges.push_back({begin, begin + footprint(line, row, int(i), config), access.dir != Dir::Read});
    }
    for (const Range &a : ranges)
      for (const Range &b : ranges)
        if (a.written && !b.written && a.begin < b.end && b.begin < a.end)
          return true;
    return false;
  }

  const HwConfig &config;
  std::mt19937_64 random;
};

/// The same contents in the memories of the truth and of the kernels.
class Both {
public:
  Both(const HwConfig &config, Generator &generator)
      : truth(config), fast(config, kRegions * kRegionBytes, 0), config(config), generator(generator) {
    dram.resize(kRegions * kRegionBytes);
    for (int i = 0; i < kRegions; ++i) {
      truth.regions[i] = std::span(dram).subspan(i * kRegionBytes, kRegionBytes);
      fast.regions[i] = {i * kRegionBytes, kRegionBytes, true, true, false};
    }
  }

  void randomise(const Line &line) {
    generator.fill(dram);
    generator.fill(truth.spm);
    generator.fill(truth.acc);
    generator.fill(truth.params);
    generator.fill(truth.luts);
    if (generator.below(2)) // sums of a size that requantisation does not always saturate
      for (int32_t &sum : truth.acc)
        sum >>= generator.below(20);
    std::fill(truth.paramLoaded.begin(), truth.paramLoaded.end(), true);
    std::fill(truth.lutLoaded.begin(), truth.lutLoaded.end(), true);
    tameRecord(line);
    if (generator.below(8) == 0) {
      for (int i = 0; i < 8; ++i)
        truth.paramLoaded[generator.below(config.paramRows)] = false;
      truth.lutLoaded[generator.below(config.lutBanks)] = false;
    }
    std::memcpy(fast.dram.bytes().data(), dram.data(), dram.size());
    std::memcpy(fast.spm.data(), truth.spm.data(), truth.spm.size());
    fast.acc = truth.acc;
    std::memcpy(fast.param.data(), truth.params.data(), truth.params.size() * 4);
    std::memcpy(fast.lut.data(), truth.luts.data(), truth.luts.size());
    std::copy(truth.paramLoaded.begin(), truth.paramLoaded.end(), fast.paramLoaded.begin());
    std::copy(truth.lutLoaded.begin(), truth.lutLoaded.end(), fast.lutLoaded.begin());
  }

  /// Multipliers that are mostly legal, and factors of every magnitude.
  void tameRecord(const Line &line) {
    const Instruction &row = *line.row();
    const int param = findField(row, "param");
    if (param < 0)
      return;
    const uint64_t head = line.get(row.fields[param].ref), n = config.n;
    uint32_t *words = truth.params.data() + head * n;
    words[1] = uint32_t(int32_t(words[1]) >> generator.below(32));
    words[2] = uint32_t(int32_t(words[2]) >> generator.below(32));
    if (generator.below(2))
      words[0] = (words[0] & 0xFF) | 0x7F8000; // no clamp: -128 to 127
    if (std::ranges::any_of(row.semantics->accesses, [](const Access &access) { return access.name == "shift"; }))
      return tameShifts(head);
    for (uint64_t rowIndex = head + 2; rowIndex < config.paramRows; rowIndex += 2)
      for (uint64_t lane = 0; lane < n; ++lane) {
        const uint32_t span = generator.below(4) ? 0x10000000 : kMultiplierMax - kMultiplierMin + 1;
        truth.params[rowIndex * n + lane] = kMultiplierMin + uint32_t(generator.below(span));
      }
    if (generator.below(32) == 0)
      truth.params[(head + 2) * n % truth.params.size()] = kMultiplierMax + 1;
  }

  /// The same of a record with multipliers and shifts of TensorFlow Lite.
  void tameShifts(uint64_t head) {
    const uint64_t n = config.n;
    for (uint64_t rowIndex = head + 2; rowIndex + 1 < config.paramRows; rowIndex += 3)
      for (uint64_t lane = 0; lane < n; ++lane) {
        uint32_t &multiplier = truth.params[rowIndex * n + lane];
        multiplier = generator.below(4) ? multiplier >> 1 | 0x40000000 : multiplier >> 1;
        const int64_t shift = int64_t(generator.below(4) ? generator.below(14) : generator.below(63)) - 31;
        truth.params[(rowIndex + 1) * n + lane] = uint32_t(generator.below(4) ? shift / 2 : shift);
      }
    if (generator.below(32) == 0)
      truth.params[(head + 2 + generator.below(2)) * n % truth.params.size()] = generator.below(2) ? 0x80000000 : 32;
  }

  void expectEqual() {
    EXPECT_TRUE(std::equal(dram.begin(), dram.end(), fast.dram.bytes().begin())) << "DRAM";
    EXPECT_EQ(std::memcmp(fast.spm.data(), truth.spm.data(), truth.spm.size()), 0) << "SPM";
    EXPECT_EQ(fast.acc, truth.acc) << "ACC";
    EXPECT_EQ(std::memcmp(fast.param.data(), truth.params.data(), truth.params.size() * 4), 0) << "PARAM";
    EXPECT_EQ(std::memcmp(fast.lut.data(), truth.luts.data(), truth.luts.size()), 0) << "LUT";
    EXPECT_TRUE(std::equal(truth.paramLoaded.begin(), truth.paramLoaded.end(), fast.paramLoaded.begin()));
    EXPECT_TRUE(std::equal(truth.lutLoaded.begin(), truth.lutLoaded.end(), fast.lutLoaded.begin()));
  }

  Memories truth;
  State fast;

private:
  const HwConfig &config;
  Generator &generator;
  std::vector<uint8_t> dram;
};

HwConfig smallMachine(uint32_t n) {
  HwConfig config;
  config.n = n;
  config.spmBytes = 8192;
  config.spmBanks = 8;
  config.accRows = 128;
  config.paramRows = 64;
  config.lutBanks = 8;
  config.axiBytes = 8;
  config.axiBurstBeats = 16;
  config.axiOutstandingReads = 8;
  config.fetchLines = 2;
  config.queueDepth = 2;
  config.loadDepth = 1;
  config.weightRows = 1;
  config.dwTaps = 1;
  config.clockMhz = 1000;
  return config;
}

class KernelsTest : public testing::TestWithParam<std::tuple<const Instruction *, HostForm>> {
protected:
  ~KernelsTest() override { tw::simulator::setHostForm(tw::simulator::bestHostForm()); }
};

TEST_P(KernelsTest, RandomInstructionsWriteTheBytesOfTheSemantics) {
  const auto &[instruction, form] = GetParam();
  const Instruction &row = *instruction;
  if (form > tw::simulator::bestHostForm())
    GTEST_SKIP() << "this host lacks the instructions";
  tw::simulator::setHostForm(form);
  int faults = 0, saturations = 0;
  for (uint32_t n : {8u, 16u, 32u, 64u}) {
    const HwConfig config = smallMachine(n);
    ASSERT_TRUE(validate(config));
    Generator generator(config, 1000 * uint32_t(form) + 100 * n + uint32_t(row.opcode));
    Both both(config, generator);
    for (int i = 0; i < 100; ++i) {
      const Line line = generator.line(row);
      both.randomise(line);
      const EvalResult expected = evaluate(line, config, both.truth);
      const auto fault = tw::simulator::checkParameters(both.fast, line);
      ASSERT_EQ(fault ? fault->code : FaultCode::None, expected.fault) << "n " << n << ": " << formatLine(line);
      if (fault) {
        ++faults;
        continue;
      }
      const tw::simulator::Effects effects = tw::simulator::execute(both.fast, line);
      EXPECT_EQ(effects.mxRows * n * n, expected.macs);
      EXPECT_EQ(effects.saturations, expected.saturations);
      saturations += expected.saturations != 0;
      both.expectEqual();
      ASSERT_FALSE(HasFailure()) << "n " << n << ": " << formatLine(line);
    }
  }
  const bool readsParameters = std::ranges::any_of(row.semantics->accesses, [](const Access &access) {
    return access.dir == Dir::Read && (access.space == Space::PARAM || access.space == Space::LUT);
  });
  EXPECT_EQ(faults != 0, readsParameters) << "parameters that are missing belong to the test";
  EXPECT_EQ(saturations != 0, DrainKind::has(row.opcode) || row.opcode == Opcode::Dwconv);
}

// An instruction without a kernel is executed by the table itself: that must count and write as a kernel does.
TEST_P(KernelsTest, TheTableItselfHasTheSameEffects) {
  const auto &[instruction, form] = GetParam();
  if (form != HostForm::Portable) // the table knows no forms
    return;
  const HwConfig config = smallMachine(8);
  Generator first(config, 7), second(config, 7);
  Both kernel(config, first), table(config, second);
  for (int i = 0; i < 30; ++i) {
    const Line line = first.line(*instruction);
    ASSERT_EQ(second.line(*instruction), line);
    kernel.randomise(line);
    table.randomise(line);
    if (tw::simulator::checkParameters(kernel.fast, line))
      continue;
    const tw::simulator::Effects fast = tw::simulator::execute(kernel.fast, line),
                                 slow = tw::simulator::executeAsTableSays(table.fast, line);
    EXPECT_EQ(slow.bytesRead, fast.bytesRead);
    EXPECT_EQ(slow.bytesWritten, fast.bytesWritten);
    EXPECT_EQ(slow.mxRows, fast.mxRows);
    EXPECT_EQ(slow.saturations, fast.saturations);
    evaluate(line, config, table.truth);
    table.expectEqual();
    ASSERT_FALSE(HasFailure()) << formatLine(line);
  }
}

std::vector<const Instruction *> rows() {
  std::vector<const Instruction *> result;
  for (const Instruction &row : kInstructions)
    if (!row.isPlanned && row.semantics)
      result.push_back(&row);
  return result;
}
std::string nameOf(const testing::TestParamInfo<std::tuple<const Instruction *, HostForm>> &info) {
  static constexpr const char *kForms[] = {"portable", "avx2", "avx512"};
  const auto &[row, form] = info.param;
  return std::string(row->mnemonic) + "_" + kForms[size_t(form)];
}
INSTANTIATE_TEST_SUITE_P(Rows, KernelsTest,
                         testing::Combine(testing::ValuesIn(rows()),
                                          testing::Values(HostForm::Portable, HostForm::Avx2, HostForm::Avx512)),
                         nameOf);

} // namespace
