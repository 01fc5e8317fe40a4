// SPDX-License-Identifier: Apache-2.0
// Random programs that are hard on timing: legal lines whose operands collide in banks, with semaphores that are
// covered but order nothing in particular. Called by the tests of the cycle model, alone and beside the RTL.
// Does not make programs whose results mean anything: races are wanted here (isa/RandomProgram.h draws the others).
#ifndef TW_SUPPORT_CYCLEPROGRAMS_H
#define TW_SUPPORT_CYCLEPROGRAMS_H

#include "tw/isa/Check.h"
#include "tw/support/Job.h"
#include <array>
#include <random>
#include <vector>

namespace tw::test {

class CyclePrograms {
public:
  CyclePrograms(const isa::HwConfig &config, uint64_t seed) : config(config), random(seed) {}

  /// A program of `count` lines and an END. Parameters are loaded first and fenced; all semaphores end at zero.
  std::vector<isa::Line> program(int count) {
    using namespace isa;
    std::vector<Line> lines;
    lines.push_back(Line(Opcode::Ldp).set(ldp::region, 1).set(ldp::dst, 0).set(ldp::count, config.paramRows));
    lines.push_back(Line(Opcode::Ldt).set(ldt::region, 1).set(ldt::dst, 0).set(ldt::count, config.lutBanks));
    lines.push_back(Line(Opcode::Fence));
    groups = 1 + below(4);
    sharesAcc = below(8) == 0;
    for (int i = 0; i != count; ++i)
      lines.push_back(sync(line()).setTag(uint16_t(i)));
    for (unsigned s = 0; s != semaphores.size(); ++s) // what was posted and not taken
      for (; semaphores[s] != 0; semaphores[s] -= std::min(semaphores[s], 8)) {
        Line taker = load(Opcode::Ld);
        lines.push_back(taker.set(header::wait0_valid, 1)
                            .set(header::wait0_sem, s)
                            .set(header::wait0_amount, std::min(semaphores[s], 8) - 1));
      }
    lines.push_back(Line(Opcode::End));
    return lines;
  }

  /// Any legal instruction.
  isa::Line line() {
    using namespace isa;
    switch (below(10)) {
    case 0:
      return below(2) ? fill() : load(Opcode::Ldpad);
    case 1:
      return load(Opcode::Ld);
    case 2:
      return load(Opcode::Ldw);
    case 3:
      return load(below(3) ? Opcode::St : Opcode::Stb);
    case 4:
    case 5:
      return matrix();
    case 6:
      return drain();
    case 7:
    case 8:
      return vector();
    default:
      break;
    }
    if (below(8) == 0)
      return Line(Opcode::Fence);
    return below(4) == 0 ? Line(Opcode::Mark) : load(Opcode::Ldw);
  }

private:
  int below(int limit) { return int(random() % uint64_t(limit)); }
  int from(int low, int high) { return low + below(high - low + 1); }

  /// Draws until the front end would take it.
  template <class Draw> isa::Line legal(Draw draw) {
    isa::Regions regions;
    regions[1] = {Job::kArenaBase - Job::kConstBase, true, false};
    regions[2] = {Job::kMemoryBytes - Job::kArenaBase, true, true};
    while (true) {
      isa::Line line = draw();
      if (!isa::checkLine(line, config, regions))
        return line;
    }
  }

  /// An aligned address in the first groups; the program decides how many are used, so how often clients meet.
  int64_t address() { return int64_t(below(int(config.spmBytes / 4 * unsigned(groups) / config.n))) * config.n; }
  int64_t stride() {
    static constexpr int kStrides[] = {0, 1, 1, 2, 3, 4, 7, 8, 17};
    return kStrides[below(9)] * int64_t(config.n);
  }

  int accRow(int half) {
    int rows = int(config.accRows);
    return sharesAcc ? below(rows) : half * rows / 2 + below(rows / 4);
  }

  isa::Line load(isa::Opcode opcode) {
    using namespace isa;
    return legal([&] {
      Line line(opcode);
      line.set(ld::region, line.row()->engine == Engine::ST ? 2 : 1)
          .set(ld::offset, below(1 << 17) / config.n * config.n);
      line.set(ld::spm, address())
          .set(ld::n0, from(1, 40))
          .set(ld::n1, from(1, 4))
          .set(ld::n2, from(1, 3))
          .set(ld::n3, 1);
      line.set(ld::ds1, below(50) * config.n)
          .set(ld::ds2, below(100) * config.n)
          .set(ld::ss1, stride())
          .set(ld::ss2, stride());
      if (opcode == Opcode::Ldpad) {
        line.set(ld::n1, from(1, 9)).set(ld::n2, from(1, 7)).set(ld::n3, from(1, 2)).set(ld::ss3, stride());
        line.set(ldpad::x1_n, from(1, 8)).set(ldpad::x2_n, from(1, 6));
        line.set(ldpad::pad1, below(4)).set(ldpad::pad2, below(4)).set(ldpad::pad_value, below(256) - 128);
      }
      if (opcode == Opcode::Stb)
        line.set(stb::bytes, from(1, int(config.n) + 1));
      return line;
    });
  }
  isa::Line fill() {
    using namespace isa;
    return legal([&] {
      return Line(Opcode::Fill)
          .set(isa::fill::spm, address())
          .set(isa::fill::n0, from(1, 40))
          .set(isa::fill::n1, from(1, 4))
          .set(isa::fill::n2, from(1, 3))
          .set(isa::fill::n3, from(1, 2))
          .set(isa::fill::ss1, stride())
          .set(isa::fill::ss2, stride())
          .set(isa::fill::ss3, stride())
          .set(isa::fill::value, below(256) - 128);
    });
  }
  isa::Line matrix() {
    using namespace isa;
    int which = below(4);
    return legal([&] {
      if (which == 0)
        return Line(Opcode::Conv)
            .set(conv::x, address())
            .set(conv::x_h, from(1, 9))
            .set(conv::x_w, from(1, 9))
            .set(conv::x_hs, stride())
            .set(conv::x_ws, stride())
            .set(conv::stride_h, from(1, 2))
            .set(conv::stride_w, from(1, 2))
            .set(conv::dil_h, from(1, 2))
            .set(conv::dil_w, 1)
            .set(conv::pad_t, below(3))
            .set(conv::pad_l, below(3))
            .set(conv::kh_n, from(1, 3))
            .set(conv::kw_n, from(1, 3))
            .set(conv::ic_n, from(1, 2))
            .set(conv::oc_n, from(1, 2))
            .set(conv::oh_n, from(1, 6))
            .set(conv::ow_n, from(1, 9))
            .set(conv::w, address())
            .set(conv::acc, accRow(0));
      if (which == 1)
        return Line(Opcode::Convf)
            .set(convf::x, below(int(config.spmBytes / 4 * unsigned(groups))))
            .set(convf::x_h, from(1, 9))
            .set(convf::x_b, from(1, 90))
            .set(convf::x_hs, stride())
            .set(convf::x_ws, from(1, 9))
            .set(convf::stride_h, from(1, 2))
            .set(convf::dil_h, 1)
            .set(convf::pad_t, below(3))
            .set(convf::pad_b, below(20))
            .set(convf::kh_n, from(1, 3))
            .set(convf::f_n, from(1, 3))
            .set(convf::oc_n, from(1, 2))
            .set(convf::oh_n, from(1, 6))
            .set(convf::ow_n, from(1, 12))
            .set(convf::w, address())
            .set(convf::acc, accRow(0));
      if (which == 2)
        return Line(Opcode::Convs)
            .set(convs::x, address())
            .set(convs::x_h, from(1, 9))
            .set(convs::x_w, from(1, 9))
            .set(convs::x_hs, stride())
            .set(convs::stride_h, from(1, 2))
            .set(convs::stride_w, from(1, 2))
            .set(convs::dil_h, from(1, 2))
            .set(convs::pad_t, below(3))
            .set(convs::pad_l, below(4))
            .set(convs::kh_n, from(1, 3))
            .set(convs::kp_n, from(1, 3))
            .set(convs::oc_n, from(1, 2))
            .set(convs::oh_n, from(1, 6))
            .set(convs::ow_n, from(1, 9))
            .set(convs::w, address())
            .set(convs::acc, accRow(0));
      static constexpr Opcode kOpcodes[] = {Opcode::Gemm, Opcode::Gemm, Opcode::Gemmz, Opcode::Gemmzt};
      return Line(kOpcodes[below(4)])
          .set(gemm::x, address())
          .set(gemm::x_ms, stride())
          .set(gemm::x_ks, stride())
          .set(gemm::m_n, from(1, 60))
          .set(gemm::k_n, from(1, 4))
          .set(gemm::oc_n, from(1, 3))
          .set(gemm::w, address())
          .set(gemm::acc, accRow(0));
    });
  }
  isa::Line drain() {
    using namespace isa;
    bool hasResidual = below(2), isRaw = below(3) == 0;
    return legal([&] {
      if (isRaw)
        return Line(hasResidual ? Opcode::Rsw : Opcode::Drw)
            .set(drw::acc, accRow(1))
            .set(drw::oc_n, from(1, 2))
            .set(drw::oh_n, from(1, 4))
            .set(drw::ow_n, from(1, 6))
            .set(drw::y, address())
            .set(drw::y_hs, stride())
            .set(drw::y_ws, stride())
            .set(drw::y_cs, stride());
      static constexpr Opcode kOpcodes[] = {Opcode::Drq, Opcode::Drql, Opcode::Drqa, Opcode::Drqal};
      Line line(kOpcodes[2 * hasResidual + below(2)]);
      line.set(drq::acc, accRow(1)).set(drq::oc_n, from(1, 3)).set(drq::oh_n, from(1, 5)).set(drq::ow_n, from(1, 9));
      line.set(drq::y, address()).set(drq::y_hs, stride()).set(drq::y_ws, stride()).set(drq::y_cs, stride());
      line.set(drq::param, below(int(config.paramRows) - 8));
      if (hasResidual)
        line.set(drqa::r, address()).set(drqa::r_hs, stride()).set(drqa::r_ws, stride()).set(drqa::r_cs, stride());
      return line;
    });
  }
  isa::Line vector() {
    using namespace isa;
    static constexpr Opcode kOpcodes[] = {Opcode::Ewadd,   Opcode::Lut,     Opcode::Dwconv,
                                          Opcode::Poolmax, Opcode::Poolavg, Opcode::Ext};
    Opcode opcode = kOpcodes[below(6)];
    if (opcode == Opcode::Ext)
      return otherVector();
    return legal([&] {
      Line line(opcode);
      if (opcode == Opcode::Ewadd || opcode == Opcode::Lut) {
        line.set(ewadd::n0, from(1, 12)).set(ewadd::n1, from(1, 4)).set(ewadd::n2, from(1, 3));
        line.set(ewadd::a, address()).set(ewadd::a_s0, stride()).set(ewadd::a_s1, stride()).set(ewadd::a_s2, stride());
        if (opcode == Opcode::Lut)
          return line.set(lut::y, address()).set(lut::y_s0, stride()).set(lut::y_s1, stride()).set(lut::y_s2, stride());
        line.set(ewadd::b, address()).set(ewadd::b_s0, stride()).set(ewadd::b_s1, stride()).set(ewadd::b_s2, stride());
        line.set(ewadd::y, address()).set(ewadd::y_s0, stride()).set(ewadd::y_s1, stride()).set(ewadd::y_s2, stride());
        return line.set(ewadd::param, below(int(config.paramRows)));
      }
      line.set(dwconv::x, address())
          .set(dwconv::x_h, from(1, 9))
          .set(dwconv::x_w, from(1, 9))
          .set(dwconv::x_hs, stride());
      line.set(dwconv::x_ws, stride())
          .set(dwconv::x_cs, stride())
          .set(dwconv::stride_h, from(1, 2))
          .set(dwconv::stride_w, from(1, 2));
      line.set(dwconv::dil_h, 1)
          .set(dwconv::dil_w, from(1, 2))
          .set(dwconv::pad_t, below(3))
          .set(dwconv::pad_l, below(3));
      line.set(dwconv::kh_n, from(1, 3))
          .set(dwconv::kw_n, from(1, 3))
          .set(dwconv::oc_n, from(1, 2))
          .set(dwconv::oh_n, from(1, 4));
      line.set(dwconv::ow_n, from(1, 6))
          .set(dwconv::y, address())
          .set(dwconv::y_hs, stride())
          .set(dwconv::y_ws, stride());
      line.set(dwconv::y_cs, stride()).set(dwconv::param, below(int(config.paramRows) - 8));
      if (opcode == Opcode::Dwconv)
        line.set(dwconv::w, address());
      return line;
    });
  }

  /// A row of the vector unit that is not drawn above, filled by the kinds of its fields.
  isa::Line otherVector() {
    using namespace isa;
    static constexpr Opcode kOpcodes[] = {Opcode::Redsum, Opcode::Redsq, Opcode::Redmax,  Opcode::Redmin,
                                          Opcode::Wadd,   Opcode::Wmul,  Opcode::Normrcp, Opcode::Normrsq,
                                          Opcode::Ewmad,  Opcode::Ewmix, Opcode::Move,    Opcode::Movet};
    Opcode opcode = kOpcodes[below(int(std::size(kOpcodes)))];
    return legal([&] {
      Line line(opcode);
      for (const Field &field : line.row()->fields)
        line.set(field.ref, field.kind == FieldKind::Spm      ? address()
                            : field.kind == FieldKind::Stride ? stride()
                            : field.kind == FieldKind::Extent ? from(1, 5)
                                                              : below(int(config.paramRows)));
      return line;
    });
  }

  /// Perhaps waits for what was posted before, perhaps posts.
  isa::Line sync(isa::Line line) {
    using namespace isa;
    if (!line.row()->hasSync)
      return line;
    unsigned s = unsigned(below(int(semaphores.size())));
    if (below(3) == 0 && semaphores[s] != 0) {
      int amount = from(1, std::min(semaphores[s], 8));
      semaphores[s] -= amount;
      line.set(header::wait0_valid, 1).set(header::wait0_sem, s).set(header::wait0_amount, amount - 1);
    }
    s = unsigned(below(int(semaphores.size())));
    if (below(3) == 0 && semaphores[s] < 40) {
      int amount = from(1, 3);
      semaphores[s] += amount;
      line.set(header::post1_valid, 1).set(header::post1_sem, s).set(header::post1_amount, amount - 1);
    }
    return line;
  }

  const isa::HwConfig &config;
  std::mt19937_64 random;
  int groups = 4;
  bool sharesAcc = false; // MX and RQ use the same half of ACC: most such programs fail with ACC_CONFLICT
  std::array<int, isa::kSemaphores> semaphores{};
};

} // namespace tw::test
#endif
