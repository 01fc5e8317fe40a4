// SPDX-License-Identifier: Apache-2.0
// Every bit of every number that a line can carry, addresses at which there is no memory, jobs that take long: what
// random programs leave at its usual value, on the cycle model and the design, and where it ends on the functional
// model.
#include "Lockstep.h"

#include "tw/isa/Encoder.h"
#include "tw/isa/Footprints.h"
#include "tw/isa/ProgramChecker.h"
#include "tw/isa/RandomProgram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

using namespace tw;
using namespace tw::cosim;
using isa::Engine;
using isa::Field;
using isa::FieldKind;
using isa::Line;
using isa::Opcode;

namespace {

const Line kFence(Opcode::Fence), kEnd(Opcode::End);

std::optional<std::string> missingDesign(const isa::HwConfig &config) {
  const auto built = rtlModel().build(config, 1 << 20, {}, {});
  return built ? std::nullopt : std::optional(built.diag().str());
}

/// A program into which lines can be put. Parameter memory is full: its first half holds one record with multipliers,
/// the second half one with shifts, of as many channel blocks as there is room for.
class Stage {
public:
  explicit Stage(const isa::HwConfig &config) : config(config) {
    isa::RandomOptions options;
    options.instructions = 0;
    options.spmWindow = 256;
    test = isa::randomProgram(config, options);
    for (const Line &line : test.program.lines)
      if (line.row()->opcode == Opcode::Ldt)
        table = line.get(isa::ldt::dst);
    isa::RegionData parameters{kInput, 0, {}, {}};
    for (uint32_t row = 0; row != config.paramRows; ++row)
      for (uint32_t lane = 0; lane != config.n; ++lane) {
        const uint32_t any = (row * config.n + lane) * 0x9E3779B1 >> 9;
        const uint32_t word = row <= half()             ? 0x3C000000 | any // 2^-7 to 2^-6
                              : (row - half()) % 3 == 0 ? -4 - any % 8
                                                        : 0x40000000 | any;
        for (unsigned shift = 0; shift != 32; shift += 8)
          parameters.bytes.push_back(uint8_t(word >> shift));
      }
    auto &limit = test.regions[kInput].limit;
    limit = std::max<uint64_t>(limit, parameters.bytes.size());
    test.data.push_back(std::move(parameters));
  }

  Scenario scenario(const std::vector<Line> &lines) const {
    Scenario result;
    result.config = config;
    result.assembly = test;
    auto &all = result.assembly.program.lines;
    const auto place = all.end() - 2; // before the store and END
    const Line load = Line(Opcode::Ldp).set(isa::ldp::region, kInput).set(isa::ldp::count, config.paramRows);
    std::vector<Line> inserted{kFence, load, kFence};
    inserted.insert(inserted.end(), lines.begin(), lines.end());
    inserted.push_back(kFence);
    all.insert(place, inserted.begin(), inserted.end());
    return result;
  }

  /// A line of one step, each of its operands in the SPM 4 KiB behind the other.
  Line smallest(const isa::Instruction &row) const {
    Line line(row.opcode);
    int operands = 0;
    for (const Field &field : row.fields) {
      const auto set = [&](int64_t value) { line.set(field.ref, std::clamp(value, field.min, field.max)); };
      switch (field.kind) {
      case FieldKind::Spm:
        set(4096 * ++operands);
        break;
      case FieldKind::Lut:
        set(table);
        break;
      case FieldKind::Param:
        set(hasShifts(row) ? half() : 0);
        break;
      case FieldKind::Region:
        set(row.engine == Engine::ST ? 2 : 1);
        break;
      default:
        set(0);
      }
    }
    return line;
  }

  /// Also: reads no more parameters than its record has.
  bool isLegal(const Line &line) const {
    const isa::Instruction &row = *line.row();
    for (size_t i = 0; i != row.semantics->accesses.size(); ++i)
      if (row.semantics->accesses[i].space == isa::Space::PARAM && row.engine != Engine::LW &&
          isa::footprint(line, row, int(i), config) > half())
        return false;
    return !isa::checkLine(line, config, test.regions);
  }

  /// With each of its extents at `value`, but for one field.
  Line withExtents(Line line, int64_t value, const Field *but) const {
    for (const Field &field : line.row()->fields)
      if (field.kind == FieldKind::Extent && &field != but)
        line.set(field.ref, std::min(value, field.max));
    return line;
  }

  /// Each power of two, and its negative, that a field can have in a legal line; where possible in a line of several
  /// steps, which walk with it.
  std::vector<Line> everyBit(const isa::Instruction &row) const {
    std::vector<Line> lines;
    const Line start = smallest(row);
    EXPECT_TRUE(isLegal(start)) << row.mnemonic;
    for (const Field &field : row.fields) {
      const bool isNumber = field.kind == FieldKind::Extent || field.kind == FieldKind::Stride ||
                            field.kind == FieldKind::Uint || field.kind == FieldKind::Sint ||
                            field.kind == FieldKind::Flag || field.kind == FieldKind::Offset;
      for (unsigned bit = 0; isNumber && bit != field.ref.width; ++bit)
        for (int64_t value : {int64_t(1) << bit, -(int64_t(1) << bit)}) {
          if (value < field.min || value > field.max || (field.alignRow && value % config.n != 0))
            continue;
          for (int64_t extent : {2, 1}) {
            Line line = withExtents(start, extent, &field);
            line.set(field.ref, value).setTag(uint16_t(1 << lines.size() % 16));
            if (!isLegal(line) || steps(line) > kMostSteps || (extent != 1 && isa::overlapsItself(line, config)))
              continue;
            lines.push_back(line);
            break;
          }
        }
    }
    return lines;
  }

  /// For each extent a line in which it and the sizes of inputs are as large as they can be: of any length, for strides
  /// may be 0.
  std::vector<Line> largestExtents(const isa::Instruction &row) const {
    std::vector<Line> lines;
    for (const Field &field : row.fields) {
      if (field.kind != FieldKind::Extent)
        continue;
      Line line = smallest(row);
      for (const Field &other : row.fields)
        if (&other == &field || (other.kind == FieldKind::Extent && !isCounted(row, other)))
          line = withLargest(line, other);
      if (steps(line) > kMostSteps)
        lines.push_back(line);
    }
    return lines;
  }

  static constexpr uint64_t kMostSteps = 300;

private:
  static constexpr int kInput = 4;
  uint32_t half() const { return config.paramRows / 2; }

  static bool hasShifts(const isa::Instruction &row) {
    return std::ranges::any_of(row.semantics->accesses, [](const isa::Access &access) {
      return access.space == isa::Space::PARAM && access.unit == 3;
    });
  }
  /// By a loop; the others are sizes of inputs.
  static bool isCounted(const isa::Instruction &row, const Field &field) {
    return std::ranges::any_of(row.semantics->loops, [&](const isa::Loop &loop) {
      return loop.extent.kind == isa::Value::Field && &row.fields[size_t(loop.extent.value)] == &field;
    });
  }
  static uint64_t steps(const Line &line) {
    uint64_t result = 1;
    for (const Field &field : line.row()->fields)
      if (field.kind == FieldKind::Extent && isCounted(*line.row(), field))
        result *= uint64_t(line.get(field.ref));
    return result;
  }
  Line withLargest(const Line &line, const Field &field) const {
    for (int64_t value = field.max; value > 1; value /= 2)
      if (Line larger = Line(line).set(field.ref, value); isLegal(larger))
        return larger;
    return line;
  }

  const isa::HwConfig &config;
  isa::TestProgram test;
  int64_t table = 0;
};

bool isExecuted(const isa::Instruction &row) { return !row.isPlanned && row.semantics; }

class ExtremesTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    if (const auto missing = missingDesign(config))
      GTEST_SKIP() << *missing;
  }

  /// The first difference between models; `all` with the functional one.
  std::string difference(const Scenario &scenario, bool all, isa::FaultCode code = isa::FaultCode::None) const {
    const auto cycle = observe(cycleModel(), scenario), rtl = observe(rtlModel(), scenario);
    if (!cycle || !rtl)
      return "no model";
    if (!scenario.resetAt)
      EXPECT_EQ(cycle->outcome.code, code) << "line " << cycle->outcome.pc;
    if (const auto found = firstDivergence(scenario, *cycle, *rtl))
      return found->text;
    if (all)
      if (const auto found = firstDivergence(scenario, *observe(functionalModel(), scenario), *cycle))
        return found->text;
    return "";
  }

  isa::HwConfig config = test::testConfig(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Machines, ExtremesTest, testing::Values("tw8", "tw16"),
                         [](const auto &info) { return std::string(info.param); });

/// All lines of an engine in one program, so that they are ordered, and as many as no random program has.
TEST_P(ExtremesTest, EveryBitOfEveryNumberGivesTheSameOnAllModels) {
  const Stage stage(config);
  std::map<Engine, std::vector<Line>> lines;
  for (const isa::Instruction &row : isa::kInstructions)
    if (isExecuted(row))
      std::ranges::copy(stage.everyBit(row), std::back_inserter(lines[row.engine]));
  for (const auto &[engine, ofEngine] : lines) {
    EXPECT_GT(ofEngine.size(), 20u) << isa::name(engine);
    Scenario scenario = stage.scenario(ofEngine);
    scenario.poison = 0x5A;
    EXPECT_EQ(difference(scenario, true), "") << isa::name(engine);
  }
}

/// Nobody can wait for their ends: a reset comes soon after their starts, and a job that must not notice.
TEST_P(ExtremesTest, AResetStopsALineOfAnyLength) {
  const Stage stage(config);
  const isa::TestProgram next = isa::randomProgram(config, {.seed = 5, .instructions = 3, .spmWindow = 256});
  const auto loaded = observe(cycleModel(), stage.scenario({}));
  ASSERT_TRUE(loaded) << loaded.diag().str();
  for (const isa::Instruction &row : isa::kInstructions) {
    if (!isExecuted(row))
      continue;
    for (const Line &line : stage.largestExtents(row)) {
      Scenario scenario = stage.scenario({line});
      scenario.resetAt = loaded->events.back().endCycle + 200;
      scenario.next = next;
      EXPECT_EQ(difference(scenario, false), "") << row.mnemonic;
    }
  }
}

TEST_P(ExtremesTest, AJobOfHundredsOfThousandsOfCyclesKeepsItsTimes) {
  const auto assembly = isa::assemble(".region 1 0x1000 r\n.region 2 0x1000 rw\n"
                                      "fill spm=0 n0=2048 n1=130 n2=1 n3=1 value=7\n"
                                      "gemm x=57344 x_ms=0 m_n=900 k_n=40 oc_n=1 w=40960 acc=0\n"
                                      "fence\n"
                                      "ld region=1 offset=0 spm=0 n0=16 n1=1 n2=1 n3=1\n"
                                      "ldw region=1 offset=0 spm=4096 n0=16 n1=1 n2=1 n3=1\n"
                                      "st region=2 offset=0 spm=8192 n0=16 n1=1 n2=1 n3=1\n"
                                      "fence\n"
                                      "fill spm=0 n0=2048 n1=130 n2=1 n3=1 value=8\n"
                                      "fence\n"
                                      "ld region=1 offset=0 spm=0 n0=16 n1=1 n2=1 n3=1\n"
                                      "ldw region=1 offset=0 spm=4096 n0=16 n1=1 n2=1 n3=1\n"
                                      "st region=2 offset=0 spm=8192 n0=16 n1=1 n2=1 n3=1\n"
                                      "end\n",
                                      "long.twasm");
  ASSERT_TRUE(assembly) << assembly.diag().str();
  Scenario scenario;
  scenario.config = config;
  scenario.assembly = *assembly;
  EXPECT_EQ(difference(scenario, true), "");
  scenario.cycleBudget = 0x54321;
  EXPECT_EQ(difference(scenario, false, isa::FaultCode::CycleBudget), "");
}

TEST_P(ExtremesTest, AFaultNamesALineBehindAThousand) {
  const isa::Assembly head = *isa::assemble(".region 1 0x1000 r\n", "head.twasm");
  for (uint32_t pc : {0x3FFu, 0x555u, 0x2AAu}) {
    Scenario scenario;
    scenario.config = config;
    scenario.assembly = head;
    scenario.assembly.program.lines.assign(pc, Line(Opcode::Mark));
    scenario.assembly.program.lines.push_back(Line(Opcode::Fill).setTag(uint16_t(pc * 0x41)));
    scenario.assembly.program.lines.push_back(kEnd);
    EXPECT_EQ(difference(scenario, true, isa::FaultCode::BadShape), "") << pc;
  }
}

/// Each semaphore, the engines in turn.
TEST_P(ExtremesTest, EachSemaphoreOverflowsAndIsWaitedForForEver) {
  const Stage stage(config);
  std::map<Engine, Line> lines;
  for (const isa::Instruction &row : isa::kInstructions)
    if (isExecuted(row) && isa::findField(row, "param") < 0 && isa::findField(row, "table") < 0)
      lines.emplace(row.engine, stage.smallest(row));
  EXPECT_EQ(lines.size(), size_t(isa::kEngines - 1));
  auto engine = lines.begin();
  for (int semaphore = 0; semaphore != int(isa::kSemaphores); ++semaphore) {
    const Line &line = engine->second;
    const Line posting = Line(line)
                             .set(isa::header::post1_valid, 1)
                             .set(isa::header::post1_sem, semaphore)
                             .set(isa::header::post1_amount, 7);
    EXPECT_EQ(difference(stage.scenario(std::vector<Line>(9, posting)), true, isa::FaultCode::SemOverflow), "");
    const Line waiting = Line(line).set(isa::header::wait1_valid, 1).set(isa::header::wait1_sem, semaphore);
    EXPECT_EQ(difference(stage.scenario({line, waiting}), true, isa::FaultCode::Deadlock), "");
    if (++engine == lines.end())
      engine = lines.begin();
  }
}

/// A job whose addresses are beyond what any bench has as memory: what the models say of it.
struct Seen {
  bool finished = false;
  std::array<uint32_t, 5> registers{};
  std::vector<uint64_t> counters;
  bool operator==(const Seen &) const = default;
};
std::ostream &operator<<(std::ostream &os, const Seen &seen) {
  os << (seen.finished ? "finished" : "not finished") << std::hex;
  for (uint32_t value : seen.registers)
    os << " " << value;
  return os << std::dec;
}

Result<Seen> runFar(const Model &model, const isa::HwConfig &config, const test::Job &job, uint64_t descriptor = 0) {
  isa::MemoryTimingConfig memory;
  memory.errors.push_back({0x3000, 0x3001, isa::AxiResponse::SlaveError}); // addresses outside are no mistake
  isa::MachineOptions options;
  options.hangCycles = 100'000;
  auto built = model.build(config, test::Job::kMemoryBytes, options, memory);
  if (!built)
    return built.diag();
  isa::Machine &machine = *built->machine;
  prepareJob(machine, job);
  machine.writeRegister(uint32_t(isa::RegisterOffset::JobLo), uint32_t(descriptor));
  machine.writeRegister(uint32_t(isa::RegisterOffset::JobHi), uint32_t(descriptor >> 32));
  machine.writeRegister(uint32_t(isa::RegisterOffset::Doorbell), 1);
  Seen seen;
  seen.finished = machine.runUntilIdle();
  const isa::RegisterOffset registers[] = {isa::RegisterOffset::Status, isa::RegisterOffset::Fault,
                                           isa::RegisterOffset::FaultPc, isa::RegisterOffset::FaultAddrLo,
                                           isa::RegisterOffset::FaultAddrHi};
  for (size_t i = 0; i != std::size(registers); ++i)
    seen.registers[i] = machine.readRegister(uint32_t(registers[i]));
  for (uint32_t i = 0; i != uint32_t(isa::kCounters); ++i) {
    const uint32_t offset = uint32_t(isa::kCounterRegisters) + 8 * i;
    seen.counters.push_back(machine.readRegister(offset) | uint64_t(machine.readRegister(offset + 4)) << 32);
  }
  return seen;
}

class FarTest : public ExtremesTest {
protected:
  static void set(Line &line, const char *field, int64_t value) {
    line.set(line.row()->fields[size_t(isa::findField(*line.row(), field))].ref, value);
  }

  /// A load of each engine and a store, of one row each.
  test::Job job() const {
    test::Job result(config, {Line(Opcode::Ld), Line(Opcode::Ldw), Line(Opcode::St), kEnd});
    for (size_t i = 0; i != 3; ++i) {
      for (const char *extent : {"n0", "n1", "n2", "n3"})
        set(result.lines[i], extent, 1);
      set(result.lines[i], "region", kRegions[i]);
    }
    result.regions[4] = result.regions[1];
    return result;
  }
  static constexpr int kRegions[] = {1, 4, 2};

  void compare(const test::Job &job, uint64_t bit, isa::FaultCode code, uint64_t descriptor = 0) {
    const auto cycle = runFar(cycleModel(), config, job, descriptor), rtl = runFar(rtlModel(), config, job, descriptor);
    ASSERT_TRUE(cycle && rtl);
    EXPECT_EQ(*cycle, *rtl) << "bit " << bit;
    EXPECT_EQ(cycle->registers[1] & 0xFF, uint32_t(code)) << "bit " << bit;
    if (code == isa::FaultCode::AxiRead || code == isa::FaultCode::AxiWrite)
      EXPECT_EQ(cycle->registers[3] | uint64_t(cycle->registers[4]) << 32, uint64_t(1) << bit);
  }
};
INSTANTIATE_TEST_SUITE_P(Machines, FarTest, testing::Values("tw8", "tw16"),
                         [](const auto &info) { return std::string(info.param); });

constexpr unsigned kFirstFar = 20, kLastFar = 63; // bits of addresses behind the memory

TEST_P(FarTest, EveryBitOfARegionsBaseReachesTheBus) {
  for (const auto &[region, code] : {std::pair{1, isa::FaultCode::AxiRead},
                                     {4, isa::FaultCode::AxiRead},
                                     {2, isa::FaultCode::AxiWrite},
                                     {0, isa::FaultCode::AxiRead}})
    for (unsigned bit = kFirstFar; bit <= kLastFar; ++bit) {
      test::Job far = job();
      far.regions[size_t(region)].base = uint64_t(1) << bit;
      if (region == 0) // the code is nowhere
        far.lines.clear();
      compare(far, bit, code);
    }
}

TEST_P(FarTest, EveryBitOfAnOffsetReachesTheBus) {
  for (unsigned bit = 12; bit != 40; ++bit)
    for (size_t at : {0, 1, 2}) {
      if (at == 2 && (bit == 12 || bit == 16)) // the record and the code
        continue;
      test::Job far = job();
      test::JobRegion &region = far.regions[size_t(kRegions[at])];
      region.base = 0;
      region.limit = UINT64_MAX;
      set(far.lines[at], "offset", int64_t(1) << bit);
      compare(far, bit,
              bit < kFirstFar ? isa::FaultCode::None
              : at == 2       ? isa::FaultCode::AxiWrite
                              : isa::FaultCode::AxiRead);
    }
}

TEST_P(FarTest, EveryBitOfTheDescriptorsAddressReachesTheBus) {
  for (unsigned bit = kFirstFar; bit <= kLastFar; ++bit)
    compare(job(), bit, isa::FaultCode::AxiRead, uint64_t(1) << bit);
}

/// Nothing is asserted but that the models agree: some of the jobs find no code, others leave no record.
TEST_P(FarTest, EveryBitOfTheDescriptorIsLookedAt) {
  const auto same = [&](const test::Job &far, const char *what, unsigned bit) {
    const auto cycle = runFar(cycleModel(), config, far), rtl = runFar(rtlModel(), config, far);
    ASSERT_TRUE(cycle && rtl);
    EXPECT_EQ(*cycle, *rtl) << what << ", bit " << bit;
  };
  const auto open = [](test::JobRegion &region) {
    region.base = 0;
    region.limit = UINT64_MAX;
  };
  for (unsigned bit = 0; bit != 64; ++bit) {
    const uint64_t value = uint64_t(1) << bit;
    test::Job other = job();
    other.isaHash ^= value;
    compare(other, bit, isa::FaultCode::IsaVersion);
    other = job();
    other.configHash ^= value;
    compare(other, bit, isa::FaultCode::IsaVersion);
    other = job();
    other.cycleBudget = value;
    same(other, "budget", bit);
    other = job();
    open(other.regions[3]);
    other.recordOffset = value;
    same(other, "record", bit);
    other = job();
    other.regions[3].base = value & ~uint64_t(0xFFF);
    same(other, "region of the record", bit);
    other = job();
    open(other.regions[0]);
    other.codeOffset = value;
    other.lines.clear(); // the code is elsewhere
    same(other, "code", bit);
  }
}

TEST_P(FarTest, ARecordNeedsRoomInItsRegion) {
  test::Job small = job();
  small.regions[3].limit = isa::kCompletionRecordBytes;
  compare(small, 0, isa::FaultCode::None);
  --small.regions[3].limit;
  compare(small, 0, isa::FaultCode::RegionBounds);
  small = job();
  small.regions[0].limit = 4 * isa::kLineBytes - 1;
  compare(small, 0, isa::FaultCode::RegionBounds);
}

/// What cannot be addressed at all: the footprint of a walk is counted up to a limit.
TEST_P(FarTest, FootprintsOfEveryLengthAreCounted) {
  for (unsigned bit = 8; bit != 32; ++bit)
    for (int64_t steps : {2, 256, 65535}) {
      test::Job far = job();
      set(far.lines[0], "n3", steps);
      set(far.lines[0], "ds3", int64_t(1) << bit);
      const auto cycle = runFar(cycleModel(), config, far), rtl = runFar(rtlModel(), config, far);
      ASSERT_TRUE(cycle && rtl);
      EXPECT_EQ(*cycle, *rtl) << "stride of bit " << bit << ", " << steps << " steps";
    }
}

} // namespace
