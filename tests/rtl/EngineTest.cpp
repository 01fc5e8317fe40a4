// SPDX-License-Identifier: Apache-2.0
// Array, drain and vector engines of the design: random instructions of every row against the functional model, and the
// closed forms of the timing contract.
#include "Rtl.h"
#include "tw/isa/Check.h"
#include "tw/isa/Disassembler.h"
#include "tw/isa/Numerics.h"
#include "tw/isa/Sequences.h"
#include "tw/isa/Timing.h"
#include <cstring>

using namespace tw;
using namespace tw::isa;
using namespace tw::test;

namespace {

constexpr uint32_t kRecordRows = 32; // from one head to the next

/// Random legal instructions whose written operand does not touch what they read.
class Generator {
public:
  Generator(const HwConfig &config, uint64_t seed) : config(config), random(seed) {}

  uint64_t below(uint64_t bound) { return random() % bound; }

  Line line(Opcode opcode) {
    for (;;) {
      Line line(opcode);
      const Instruction &row = *line.row();
      for (const Field &field : row.fields)
        line.set(field.ref, value(field));
      if (!checkLine(line, config, regions) && !aliases(line, row))
        return line;
    }
  }

private:
  int64_t value(const Field &field) {
    int64_t rows = field.alignRow ? config.n : 1;
    switch (field.kind) {
    case FieldKind::Spm:
      return int64_t(below(config.spmBytes / rows)) * rows;
    case FieldKind::Acc:
      return int64_t(below(config.accRows));
    case FieldKind::Param:
      return int64_t(below(config.paramRows / kRecordRows)) * kRecordRows; // where Contents puts heads
    case FieldKind::Lut:
      return int64_t(below(config.lutBanks));
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
    case FieldKind::Region:
    case FieldKind::Offset:
      break;
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
      uint64_t begin = line.get(row.fields[access.baseField].ref);
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
  Regions regions{};
};

/// Puts contents for SPM, parameters and tables into the read-only region: multipliers legal, factors of every size;
/// shifts for TensorFlow Lite where it is asked for.
class Contents {
public:
  Contents(Bench &bench, Generator &generator, bool hasShifts) : config(bench.config) {
    uint8_t *base = bench.machine->memory().data() + Job::kConstBase;
    auto *params = reinterpret_cast<uint32_t *>(base + config.spmBytes);
    for (uint64_t i = 0; i != total(); i += 8) {
      uint64_t word = generator.below(~uint64_t{0});
      std::memcpy(base + i, &word, 8);
    }
    for (uint32_t row = 0; row != config.paramRows; ++row) {
      uint32_t *words = params + row * config.n;
      for (uint32_t lane = 0; lane != config.n; ++lane)
        words[lane] = kSmallestMultiplier + uint32_t(generator.below(0x14000000));
      if (hasShifts && row % kRecordRows % 3 == 0)
        for (uint32_t lane = 0; lane != config.n; ++lane)
          words[lane] =
              generator.below(4) ? uint32_t(-2 - int(generator.below(12))) : uint32_t(generator.below(63)) - 31;
      if (row % kRecordRows == 0) { // a head
        words[0] = generator.below(2) ? uint32_t(generator.below(1 << 24)) : uint32_t(generator.below(256)) | 0x7F8000;
        words[1] = uint32_t(int32_t(uint32_t(generator.below(1ull << 32))) >> generator.below(32));
        words[2] = uint32_t(int32_t(uint32_t(generator.below(1ull << 32))) >> generator.below(32));
        words[3] = uint32_t(generator.below(1ull << 30));
      }
    }
  }

  std::vector<Line> loads() const {
    int64_t rows = config.spmBytes / config.n;
    return {Line(Opcode::Ld).set(ld::region, 1).set(ld::n0, rows).set(ld::n1, 1).set(ld::n2, 1).set(ld::n3, 1),
            Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::offset, config.spmBytes).set(ldp::count, config.paramRows),
            Line(Opcode::Ldt)
                .set(ldt::region, 1)
                .set(ldt::offset, config.spmBytes + 4 * config.n * config.paramRows)
                .set(ldt::count, config.lutBanks),
            kFence};
  }

private:
  uint64_t total() const { return config.spmBytes + 4 * config.n * config.paramRows + 256 * config.lutBanks; }
  const HwConfig &config;
};

const char *const kConfigs[] = {"tw8", "tw16"};
const Opcode kRows[] = {
    Opcode::Fill,   Opcode::Conv,   Opcode::Convf,   Opcode::Convs,   Opcode::Gemm,    Opcode::Gemmz, Opcode::Gemmzt,
    Opcode::Drq,    Opcode::Drqa,   Opcode::Drqt,    Opcode::Drqta,   Opcode::Drql,    Opcode::Drqal, Opcode::Drqtl,
    Opcode::Drqtal, Opcode::Drw,    Opcode::Rsw,     Opcode::Ewadd,   Opcode::Ewmul,   Opcode::Ewmin, Opcode::Ewmax,
    Opcode::Lut,    Opcode::Dwconv, Opcode::Poolmax, Opcode::Poolavg, Opcode::Redsum,  Opcode::Redsq, Opcode::Redmax,
    Opcode::Redmin, Opcode::Wadd,   Opcode::Wmul,    Opcode::Normrcp, Opcode::Normrsq, Opcode::Ewmad, Opcode::Ewmix,
    Opcode::Move,   Opcode::Movet};

class EngineTest : public testing::TestWithParam<std::tuple<const char *, Opcode>> {};
INSTANTIATE_TEST_SUITE_P(Rows, EngineTest, testing::Combine(testing::ValuesIn(kConfigs), testing::ValuesIn(kRows)),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param)) + "_" +
                                  std::string(Line(std::get<1>(info.param)).row()->mnemonic);
                         });

TEST_P(EngineTest, DoesWhatTheTableSays) {
  auto [name, opcode] = GetParam();
  Bench bench(name);
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    Generator generator(bench.config, seed);
    bool isDrain = DrainKind::has(opcode);
    Contents contents(bench, generator, isDrain && DrainKind::of(opcode).isTflite);
    std::vector<Line> lines = contents.loads();
    std::string text;
    for (int i = 0; i != 6; ++i) {
      if (isDrain) // sums of a size that does not always saturate
        lines.push_back(generator.line(Opcode::Gemm)), lines.push_back(kFence);
      lines.push_back(generator.line(opcode));
      text += formatLine(lines.back()) + "\n";
      lines.push_back(kFence);
    }
    lines.push_back(kEnd);
    JobOutcome outcome = bench.runBoth(lines);
    ASSERT_EQ(outcome.code, FaultCode::None);
    ASSERT_FALSE(HasFailure()) << "seed " << seed << "\n" << text;
  }
}

class EngineTimeTest : public testing::TestWithParam<const char *> {
protected:
  Bench bench{GetParam()};
  int64_t n = bench.config.n;
  int64_t group = bench.config.spmBytes / 4;

  // Cycles from start to end of a line that runs alone.
  uint64_t cycles(Line line) {
    Line record = Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 32);
    for (uint64_t i = 0; i != uint64_t(32 * n); ++i) {
      uint32_t one = 0x3F800000;
      std::memcpy(bench.machine->memory().data() + Job::kConstBase + 4 * i, &one, 4);
    }
    JobOutcome outcome = bench.run(
        Job(bench.config, {record, Line(Opcode::Ldt).set(ldt::region, 1).set(ldt::count, 1), kFence, line, kEnd}));
    EXPECT_EQ(outcome.code, FaultCode::None);
    TraceEvent event = bench.trace.of(3);
    return event.endCycle - event.startCycle;
  }
};
INSTANTIATE_TEST_SUITE_P(Configs, EngineTimeTest, testing::ValuesIn(kConfigs));

TEST_P(EngineTimeTest, MatrixInstructionsTakeTheCyclesOfTheContract) {
  Line gemm = Line(Opcode::Gemm).set(gemm::x_ms, n).set(gemm::x_ks, 64 * n).set(gemm::w, group);
  for (auto [pixels, blocks] : {std::pair<int64_t, int64_t>{1, 1}, {5, 3}, {40, 1}, {40, 6}, {n + 1, 2}}) {
    uint64_t expected = (n + 1) + (blocks - 1) * std::max<int64_t>(pixels, n + 1) + (pixels - 1) + (n + 2);
    EXPECT_EQ(cycles(gemm.set(gemm::m_n, pixels).set(gemm::k_n, blocks).set(gemm::oc_n, 1)), expected)
        << pixels << " x " << blocks;
  }
  Line conv = Line(Opcode::Conv)
                  .set(conv::x_h, 5)
                  .set(conv::x_w, 5)
                  .set(conv::x_hs, 5 * n)
                  .set(conv::x_ws, n)
                  .set(conv::stride_h, 1)
                  .set(conv::stride_w, 1)
                  .set(conv::dil_h, 1)
                  .set(conv::dil_w, 1)
                  .set(conv::pad_t, 1)
                  .set(conv::pad_l, 1)
                  .set(conv::kh_n, 3)
                  .set(conv::kw_n, 3)
                  .set(conv::ic_n, 1)
                  .set(conv::oc_n, 2)
                  .set(conv::oh_n, 5)
                  .set(conv::ow_n, 5)
                  .set(conv::w, group);
  EXPECT_EQ(cycles(conv), uint64_t((n + 1) + 17 * 25 + 24 + (n + 2)));
  // Two kernel columns a pass: two passes for each of three rows.
  Line split = Line(Opcode::Convs)
                   .set(convs::x_h, 5)
                   .set(convs::x_w, 5)
                   .set(convs::x_hs, 5 * n)
                   .set(convs::stride_h, 1)
                   .set(convs::stride_w, 1)
                   .set(convs::dil_h, 1)
                   .set(convs::pad_t, 1)
                   .set(convs::pad_l, 1)
                   .set(convs::kh_n, 3)
                   .set(convs::kp_n, 2)
                   .set(convs::oc_n, 2)
                   .set(convs::oh_n, 5)
                   .set(convs::ow_n, 5)
                   .set(convs::w, group);
  EXPECT_EQ(cycles(split), uint64_t((n + 1) + 11 * 25 + 24 + (n + 2)));
}

TEST_P(EngineTimeTest, DrainsTakeTheCyclesOfTheContract) {
  Line drq = Line(Opcode::Drq)
                 .set(drq::oc_n, 3)
                 .set(drq::oh_n, 4)
                 .set(drq::ow_n, 5)
                 .set(drq::y, 2 * group)
                 .set(drq::y_ws, n)
                 .set(drq::y_hs, 5 * n)
                 .set(drq::y_cs, 20 * n);
  EXPECT_EQ(cycles(drq), 4u + 60 + 3 * 2 + 7);
  Line drqa(Opcode::Drqa);
  for (const Field &field : Line(Opcode::Drq).row()->fields)
    drqa.set(field.ref, drq.get(field.ref));
  EXPECT_EQ(cycles(drqa.set(drqa::r_ws, n).set(drqa::r_hs, 5 * n).set(drqa::r_cs, 20 * n)), 4u + 60 + 3 * 2 + 7);
}

TEST_P(EngineTimeTest, VectorInstructionsTakeTheCyclesOfTheContract) {
  Line add = Line(Opcode::Ewadd)
                 .set(ewadd::n0, 7)
                 .set(ewadd::n1, 3)
                 .set(ewadd::n2, 2)
                 .set(ewadd::b, group)
                 .set(ewadd::y, 2 * group)
                 .set(ewadd::a_s0, n)
                 .set(ewadd::b_s0, n)
                 .set(ewadd::y_s0, n);
  EXPECT_EQ(cycles(add), 4u + 42 + 8);
  Line lut = Line(Opcode::Lut)
                 .set(lut::n0, 9)
                 .set(lut::n1, 1)
                 .set(lut::n2, 1)
                 .set(lut::y, group)
                 .set(lut::a_s0, n)
                 .set(lut::y_s0, n);
  EXPECT_EQ(cycles(lut), 4u + 9 + 8);
  Line pool = Line(Opcode::Poolmax)
                  .set(poolmax::x_h, 6)
                  .set(poolmax::x_w, 6)
                  .set(poolmax::x_hs, 6 * n)
                  .set(poolmax::x_ws, n)
                  .set(poolmax::x_cs, 36 * n)
                  .set(poolmax::stride_h, 2)
                  .set(poolmax::stride_w, 2)
                  .set(poolmax::dil_h, 1)
                  .set(poolmax::dil_w, 1)
                  .set(poolmax::kh_n, 3)
                  .set(poolmax::kw_n, 3)
                  .set(poolmax::oc_n, 2)
                  .set(poolmax::oh_n, 3)
                  .set(poolmax::ow_n, 3)
                  .set(poolmax::y, 2 * group)
                  .set(poolmax::y_ws, n)
                  .set(poolmax::y_hs, 3 * n)
                  .set(poolmax::y_cs, 9 * n);
  EXPECT_EQ(cycles(pool), 4u + 2 * 81 + 8);
  Line dw(Opcode::Dwconv);
  for (const Field &field : pool.row()->fields)
    dw.set(field.ref, pool.get(field.ref));
  ASSERT_GE(bench.config.dwTaps, 3u);
  dw.set(dwconv::w, group); // seven columns of three steps in each output row
  EXPECT_EQ(cycles(dw), 4u + 2 * (9 + 3 * 7 * 3) + 3 + 8);
  EXPECT_EQ(cycles(dw.set(dwconv::dil_w, 2)), 4u + 2 * 81 + 3 + 8);
  Line sum = Line(Opcode::Redsum)
                 .set(redsum::n0, 7)
                 .set(redsum::n1, 3)
                 .set(redsum::n2, 2)
                 .set(redsum::y, group)
                 .set(redsum::a_s0, n)
                 .set(redsum::y_s2, 4 * n);
  EXPECT_EQ(cycles(sum), 4u + 2 * (21 + 4) + 8);
  Line top = Line(Opcode::Redmax);
  for (const Field &field : sum.row()->fields)
    top.set(field.ref, sum.get(field.ref));
  EXPECT_EQ(cycles(top), 4u + 2 * 21 + 8);
  Line wide = Line(Opcode::Wadd)
                  .set(wadd::n0, 5)
                  .set(wadd::n1, 2)
                  .set(wadd::b, group)
                  .set(wadd::y, 2 * group)
                  .set(wadd::a_s0, 4 * n)
                  .set(wadd::b_s0, 4 * n)
                  .set(wadd::y_s0, 4 * n);
  EXPECT_EQ(cycles(wide), 4u + 4 * 10 + 8);
  Line norm = Line(Opcode::Normrcp).set(normrcp::n0, 5).set(normrcp::n1, 2).set(normrcp::y, group);
  EXPECT_EQ(cycles(norm.set(normrcp::a_s0, 4 * n).set(normrcp::y_s0, 4 * n)), 4u + 4 * 10 + 8);
  Line mad = Line(Opcode::Ewmad)
                 .set(ewmad::n0, 7)
                 .set(ewmad::n1, 3)
                 .set(ewmad::n2, 2)
                 .set(ewmad::a_s0, n)
                 .set(ewmad::m, group)
                 .set(ewmad::c, 2 * group)
                 .set(ewmad::y, 3 * group)
                 .set(ewmad::y_s0, n);
  EXPECT_EQ(cycles(mad), 4u + 2 * (21 + 8) + 8);
  Line mix = Line(Opcode::Ewmix)
                 .set(ewmix::n0, 7)
                 .set(ewmix::n1, 3)
                 .set(ewmix::n2, 2)
                 .set(ewmix::a_s0, n)
                 .set(ewmix::b, group)
                 .set(ewmix::m, 2 * group)
                 .set(ewmix::c, 2 * group)
                 .set(ewmix::k, 2 * group)
                 .set(ewmix::y, 3 * group)
                 .set(ewmix::y_s0, n);
  EXPECT_EQ(cycles(mix), 4u + 2 * (21 + 12) + 8);
  Line move = Line(Opcode::Move).set(move::n0, 7).set(move::n1, 3).set(move::n2, 2).set(move::y, group);
  EXPECT_EQ(cycles(move.set(move::a_s0, n).set(move::y_s0, n)), 4u + 42 + 8);
  Line turn = Line(Opcode::Movet).set(movet::n1, 3).set(movet::n2, 2).set(movet::y, group);
  EXPECT_EQ(cycles(turn.set(movet::a_s0, n).set(movet::y_s0, n)), uint64_t(4 + 6 * 2 * n + 8));
}

TEST_P(EngineTimeTest, SequencesGiveTheBytesOfTheFunctionalModel) {
  const TokenShape shape{uint32_t(2 * n), 37};
  const int64_t rows = 2 * n * ((37 + n - 1) / n), bytes = rows * n;
  const SequencePlace place{0, uint32_t(bytes), uint32_t(2 * bytes), 1, 2};
  uint8_t *data = bench.machine->memory().data() + Job::kConstBase;
  for (int64_t i = 0; i != bytes; ++i)
    data[i] = uint8_t(i * i * 7 + i / 3);
  for (bool isSoftmax : {false, true}) {
    const Sequence sequence =
        isSoftmax ? softmaxSequence(bench.config, shape, place, *softmaxNumbers(0.05, 1.0 / 256, -128, 37))
                  : layerNormSequence(bench.config, shape, place, -3, 0.01);
    std::memcpy(data + bytes, sequence.params.data(), 4 * sequence.params.size());
    const int64_t tables = bytes + 4 * int64_t(sequence.params.size());
    std::memcpy(data + tables, sequence.tables.data(), sequence.tables.size());
    std::vector<Line> lines = {
        Line(Opcode::Ld).set(ld::region, 1).set(ld::n0, rows).set(ld::n1, 1).set(ld::n2, 1).set(ld::n3, 1),
        Line(Opcode::Ldp)
            .set(ldp::region, 1)
            .set(ldp::offset, bytes)
            .set(ldp::dst, place.param)
            .set(ldp::count, int64_t(sequence.params.size()) / n)};
    if (!sequence.tables.empty())
      lines.push_back(Line(Opcode::Ldt)
                          .set(ldt::region, 1)
                          .set(ldt::offset, tables)
                          .set(ldt::dst, place.table)
                          .set(ldt::count, int64_t(sequence.tables.size()) / kLutBytes));
    lines.push_back(kFence);
    lines.insert(lines.end(), sequence.lines.begin(), sequence.lines.end());
    lines.push_back(kEnd);
    JobOutcome outcome = bench.runBoth(lines);
    EXPECT_EQ(outcome.code, FaultCode::None);
  }
}

TEST_P(EngineTimeTest, OperandsInOneBankTakeTwoCyclesEach) {
  Line add = Line(Opcode::Ewadd)
                 .set(ewadd::n0, 10)
                 .set(ewadd::n1, 1)
                 .set(ewadd::n2, 1)
                 .set(ewadd::y, 2 * group)
                 .set(ewadd::a_s0, n)
                 .set(ewadd::b_s0, n)
                 .set(ewadd::y_s0, n);
  EXPECT_EQ(cycles(add), 4u + 20 + 8);
}

TEST_P(EngineTimeTest, NeverLoadedParametersAreFaults) {
  Line drq = Line(Opcode::Drq).setTag(5).set(drq::oc_n, 1).set(drq::oh_n, 1).set(drq::ow_n, 1).set(drq::param, 3);
  JobOutcome outcome = bench.runBoth({Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 4), kFence, drq, kEnd});
  EXPECT_EQ(outcome.code, FaultCode::UninitParam);
  EXPECT_EQ(outcome.engine, Engine::RQ);
  EXPECT_EQ(outcome.pc, 2u);
  EXPECT_EQ(outcome.tag, 5);
}

TEST_P(EngineTimeTest, IllegalMultipliersAreFaults) {
  uint32_t bad = kLargestMultiplier + 1;
  std::memcpy(bench.machine->memory().data() + Job::kConstBase + 4 * (3 * n - 1), &bad,
              4); // last lane of the third row
  Line drq = Line(Opcode::Drq).set(drq::oc_n, 1).set(drq::oh_n, 1).set(drq::ow_n, 1);
  JobOutcome outcome =
      bench.run(Job(bench.config, {Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 3), kFence, drq, kEnd}));
  EXPECT_EQ(outcome.code, FaultCode::BadParam);
  EXPECT_EQ(outcome.engine, Engine::RQ);
  EXPECT_EQ(outcome.pc, 2u);
}

TEST_P(EngineTimeTest, DrainingUnderTheArrayIsAFault) {
  Line record = Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::count, 4);
  Line gemm = Line(Opcode::Gemm).set(gemm::m_n, 60).set(gemm::k_n, 4).set(gemm::oc_n, 1).set(gemm::w, group);
  Line drq = Line(Opcode::Drq).set(drq::oc_n, 1).set(drq::oh_n, 1).set(drq::ow_n, 60).set(drq::y, 2 * group);
  cycles(drq); // leaves legal parameters in memory
  JobOutcome outcome = bench.run(Job(bench.config, {record, kFence, gemm, drq, kEnd}));
  EXPECT_EQ(outcome.code, FaultCode::AccConflict);
  EXPECT_EQ(outcome.pc, 3u);
}

} // namespace
