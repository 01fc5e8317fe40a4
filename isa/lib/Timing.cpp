// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Timing.h"
#include <algorithm>
#include <vector>

namespace tw::isa {

bool hasBursts(Opcode opcode) {
  const Semantics *semantics = instruction(opcode).semantics;
  return semantics &&
         std::ranges::any_of(semantics->accesses, [](const Access &access) { return access.space == Space::DRAM; });
}

Padding Padding::of(const Line &line) {
  auto field = [&](FieldRef ref) { return uint32_t(line.get(ref)); };
  const uint32_t n1 = field(ldpad::n1), n2 = field(ldpad::n2);
  const uint64_t spm = field(ldpad::spm), ss1 = field(ldpad::ss1), ss2 = field(ldpad::ss2);
  uint32_t left = std::min(field(ldpad::pad1), n1), above = std::min(field(ldpad::pad2), n2);
  if (left == n1) // nothing is inside
    above = n2;
  const uint32_t width = std::min(field(ldpad::x1_n), n1 - left), height = std::min(field(ldpad::x2_n), n2 - above);
  const uint64_t first = spm + above * ss2; // row of the tile that has something inside
  Padding padding;
  padding.boxes[0] = {spm, n1, above};
  padding.boxes[1] = {first, left, height};
  padding.boxes[2] = {first + (left + width) * ss1, n1 - left - width, height};
  padding.boxes[3] = {first + height * ss2, n1, n2 - above - height};
  padding.inside = {first + left * ss1, width, height};
  return padding;
}

uint64_t Padding::rows(const Line &line) const {
  uint64_t result = 0;
  for (const Box &box : boxes)
    result += uint64_t(box.n1) * box.n2;
  return result * uint64_t(line.get(ldpad::n0)) * uint64_t(line.get(ldpad::n3));
}

std::optional<TapColumns> TapColumns::of(const Line &line, const HwConfig &config) {
  if (line.row()->opcode != Opcode::Dwconv)
    return std::nullopt;
  auto field = [&](FieldRef ref) { return uint64_t(line.get(ref)); };
  const uint64_t taps = config.dwTaps, kernelH = field(dwconv::kh_n), kernelW = field(dwconv::kw_n);
  const uint64_t stride = field(dwconv::stride_w), outputs = field(dwconv::ow_n);
  if (taps < 2 || kernelH > taps || kernelW > taps || kernelW > outputs || stride >= kernelW ||
      field(dwconv::dil_w) != 1)
    return std::nullopt;
  return TapColumns{kernelH * kernelW, (outputs - 1) * stride + kernelW};
}

DmaWalk DmaWalk::of(const Line &line, const HwConfig &config) {
  DmaWalk walk;
  Opcode opcode = line.row()->opcode;
  if (opcode == Opcode::Ldp || opcode == Opcode::Ldt) {
    bool isTable = opcode == Opcode::Ldt;
    walk.offset = uint64_t(line.get(isTable ? ldt::offset : ldp::offset));
    walk.region = unsigned(line.get(isTable ? ldt::region : ldp::region));
    uint64_t count = uint64_t(line.get(isTable ? ldt::count : ldp::count));
    walk.runBytes = count * (isTable ? kLutBytes : uint64_t(config.n) * kWordBytes);
    walk.toSpm = false;
    return walk;
  }
  // The others share their format.
  static_assert(ld::n0.lsb == st::n0.lsb && ld::ss3.lsb == st::ss3.lsb && ld::n0.lsb == ldw::n0.lsb);
  static_assert(ld::ss3.lsb == ldpad::ss3.lsb && st::ss3.lsb == stb::ss3.lsb);
  walk.offset = uint64_t(line.get(ld::offset));
  walk.region = unsigned(line.get(ld::region));
  walk.spm = uint32_t(line.get(ld::spm));
  walk.runBytes = uint64_t(line.get(ld::n0)) * config.n;
  const FieldRef extents[] = {ld::n1, ld::n2, ld::n3};
  const FieldRef dram[] = {ld::ds1, ld::ds2, ld::ds3};
  const FieldRef spm[] = {ld::ss1, ld::ss2, ld::ss3};
  for (int d = 0; d != 3; ++d) {
    walk.extents[d] = uint32_t(line.get(extents[d]));
    walk.dramStrides[d] = uint64_t(line.get(dram[d]));
    walk.spmStrides[d] = uint64_t(line.get(spm[d]));
  }
  if (opcode == Opcode::Ldpad) {
    const Padding::Box inside = Padding::of(line).inside;
    walk.spm = uint32_t(inside.spm);
    walk.extents[0] = inside.n1;
    walk.extents[1] = inside.n2;
    if (inside.n1 == 0 || inside.n2 == 0)
      walk.runBytes = 0;
  }
  return walk;
}

void BurstWalk::nextRun() {
  for (int d = 0; d != 3; ++d) {
    runAddress_ += walk_.dramStrides[d];
    runSpm_ += walk_.spmStrides[d];
    if (++index_[d] != walk_.extents[d]) {
      rest_ = walk_.runBytes;
      address_ = runAddress_;
      spm_ = runSpm_;
      return;
    }
    runAddress_ -= walk_.dramStrides[d] * walk_.extents[d];
    runSpm_ -= walk_.spmStrides[d] * walk_.extents[d];
    index_[d] = 0;
  }
}

BurstCount bursts(const Line &line, const HwConfig &config) {
  BurstCount count;
  for (BurstWalk walk(DmaWalk::of(line, config), 0, config); !walk.done();) {
    count.beats += walk.next().bytes / config.axiBytes;
    ++count.bursts;
  }
  return count;
}

namespace {

// Section 4 of docs/timing.md: one grant a cycle while fewer than the allowed bursts are outstanding.
uint64_t loadCycles(const Line &line, const HwConfig &config, IdealMemory memory) {
  std::vector<uint64_t> last(config.axiOutstandingReads, 0); // bus cycle of the last beat, by burst modulo the limit
  uint64_t request = 1, bus = 0, index = 0;
  for (BurstWalk walk(DmaWalk::of(line, config), 0, config); !walk.done(); ++index) {
    uint64_t beats = walk.next().bytes / config.axiBytes;
    uint64_t &slot = last[index % last.size()];
    uint64_t grant = std::max(request, slot ? slot + 1 : 0);
    bus = std::max(grant + 1 + memory.readLatency, bus + 1) + beats - 1;
    slot = bus;
    request = grant + 1;
  }
  return index == 0 ? 0 : bus + 1;
}

// Section 7: two staging buffers, one sender.
uint64_t storeCycles(const Line &line, const HwConfig &config, IdealMemory memory) {
  std::vector<uint64_t> answered(config.axiOutstandingReads, 0); // cycle of the response, by burst modulo the limit
  uint64_t bufferFree[2] = {0, 0}, row = 1, sender = 0, response = 0, index = 0;
  for (BurstWalk walk(DmaWalk::of(line, config), 0, config); !walk.done(); ++index) {
    unsigned turn = index % 2;
    uint64_t &slot = answered[index % answered.size()];
    uint32_t bytes = walk.next().bytes;
    uint64_t lastRow = std::max(row, bufferFree[turn]) + bytes / config.n - 1;
    uint64_t go = std::max({lastRow + 2, sender, slot + 1}); // the sender sees the full buffer
    uint64_t lastBeat = go + 1 + bytes / config.axiBytes;    // AW at go + 1, beats from go + 2 on
    bufferFree[turn] = sender = lastBeat + 1;
    slot = response = std::max(lastBeat + memory.writeLatency, response + 1);
    row = lastRow + 1;
  }
  return response + 1;
}

uint64_t blockCycles(uint64_t blocks, uint64_t pixels, const HwConfig &config, uint64_t hold = 0) {
  const uint64_t load = config.n / config.weightRows; // of a block
  return (load + 1) + (blocks - 1) * std::max(pixels, load + 1 + hold) + (pixels - 1) + (config.n + 2);
}

uint64_t vectorCycles(uint64_t steps, uint64_t reloads) { return 4 + steps + 3 * reloads + 8; }

} // namespace

uint64_t cycles(const Line &line, const HwConfig &config, IdealMemory memory) {
  auto field = [&](FieldRef ref) { return uint64_t(line.get(ref)); };
  auto product = [&](std::initializer_list<FieldRef> refs) {
    uint64_t result = 1;
    for (FieldRef ref : refs)
      result *= field(ref);
    return result;
  };
  switch (line.row()->opcode) {
  case Opcode::Ld:
  case Opcode::Ldw:
  case Opcode::Ldp:
  case Opcode::Ldt:
    return loadCycles(line, config, memory);
  case Opcode::Ldpad:
    return Padding::of(line).rows(line) + loadCycles(line, config, memory);
  case Opcode::St:
  case Opcode::Stb:
    return storeCycles(line, config, memory);
  case Opcode::Conv:
    return blockCycles(product({conv::oc_n, conv::kh_n, conv::kw_n, conv::ic_n}), product({conv::oh_n, conv::ow_n}),
                       config);
  case Opcode::Convf:
    return blockCycles(product({convf::oc_n, convf::kh_n, convf::f_n}), product({convf::oh_n, convf::ow_n}), config);
  case Opcode::Convs:
    return blockCycles(product({convs::oc_n, convs::kh_n, convs::kp_n}), product({convs::oh_n, convs::ow_n}), config);
  case Opcode::Gemm:
  case Opcode::Gemmz:
  case Opcode::Gemmzt:
    static_assert(gemm::oc_n.lsb == gemmz::oc_n.lsb && gemm::k_n.lsb == gemmzt::k_n.lsb);
    return blockCycles(product({gemm::oc_n, gemm::k_n}), field(gemm::m_n), config,
                       line.row()->opcode == Opcode::Gemmzt ? weightHold(config.n) : 0);
  case Opcode::Drq:
  case Opcode::Drqa:
  case Opcode::Drqt:
  case Opcode::Drqta:
  case Opcode::Drql:
  case Opcode::Drqal:
  case Opcode::Drqtl:
  case Opcode::Drqtal: {
    static_assert(drq::oc_n.lsb == drqt::oc_n.lsb && drq::ow_n.lsb == drqtal::ow_n.lsb);
    const DrainKind kind = DrainKind::of(line.row()->opcode);
    const uint64_t reload = kind.isTflite ? 4 : 3;
    return 1 + reload * field(drq::oc_n) + product({drq::oc_n, drq::oh_n, drq::ow_n}) + (kind.looksUp ? 8 : 7);
  }
  case Opcode::Ewadd:
  case Opcode::Ewmul:
  case Opcode::Ewmin:
  case Opcode::Ewmax:
    return vectorCycles(product({ewadd::n0, ewadd::n1, ewadd::n2}), 0);
  case Opcode::Lut:
    return vectorCycles(product({lut::n0, lut::n1, lut::n2}), 0);
  case Opcode::Dwconv:
  case Opcode::Poolmax:
  case Opcode::Poolavg:
    static_assert(dwconv::kh_n.lsb == poolmax::kh_n.lsb && dwconv::ow_n.lsb == poolavg::ow_n.lsb);
    if (auto form = TapColumns::of(line, config))
      return vectorCycles(field(dwconv::oc_n) * (form->weights + product({dwconv::oh_n, dwconv::kh_n}) * form->columns),
                          field(dwconv::oc_n) - 1);
    return vectorCycles(product({dwconv::oc_n, dwconv::oh_n, dwconv::ow_n, dwconv::kh_n, dwconv::kw_n}),
                        line.row()->opcode == Opcode::Dwconv ? field(dwconv::oc_n) - 1 : 0);
  case Opcode::Fill:
    return product({fill::n0, fill::n1, fill::n2, fill::n3});
  case Opcode::Drw:
  case Opcode::Rsw:
    static_assert(drw::oc_n.lsb == rsw::oc_n.lsb && drw::ow_n.lsb == rsw::ow_n.lsb);
    return 4 + 4 * product({drw::oc_n, drw::oh_n, drw::ow_n}) + 7;
  case Opcode::Redsum:
  case Opcode::Redsq:
    return vectorCycles(field(redsum::n2) * (product({redsum::n0, redsum::n1}) + kWordBytes), 0);
  case Opcode::Redmax:
  case Opcode::Redmin:
    return vectorCycles(product({redmax::n0, redmax::n1, redmax::n2}), 0);
  case Opcode::Wadd:
  case Opcode::Wmul:
  case Opcode::Normrcp:
  case Opcode::Normrsq:
    static_assert(wadd::n0.lsb == normrcp::n0.lsb && wadd::n1.lsb == normrsq::n1.lsb);
    return vectorCycles(product({wadd::n0, wadd::n1}) * kWordBytes, 0);
  case Opcode::Ewmad:
    return vectorCycles(field(ewmad::n2) * (2 * kWordBytes + product({ewmad::n0, ewmad::n1})), 0);
  case Opcode::Ewmix:
    return vectorCycles(field(ewmix::n2) * (3 * kWordBytes + product({ewmix::n0, ewmix::n1})), 0);
  case Opcode::Move:
    return vectorCycles(product({move::n0, move::n1, move::n2}), 0);
  case Opcode::Movet:
    return vectorCycles(product({movet::n1, movet::n2}) * 2 * config.n, 0);
  case Opcode::Fence:
  case Opcode::Mark:
  case Opcode::End:
  case Opcode::Ext:
    break;
  }
  return 0;
}

} // namespace tw::isa
