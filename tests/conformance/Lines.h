// SPDX-License-Identifier: Apache-2.0
// Short lines for programs of the conformance suite: rows of N bytes from region 1 to SPM, and from there to region 2.
#ifndef TW_TESTS_CONFORMANCE_LINES_H
#define TW_TESTS_CONFORMANCE_LINES_H

#include "tw/isa/Encoder.h"

#include <gtest/gtest.h>

namespace tw::conformance {

inline constexpr int64_t kN = 8; // lanes of tw8

inline isa::Line load(int64_t rows, int64_t offset = 0, int64_t spm = 0) {
  return isa::Line(isa::Opcode::Ld)
      .set(isa::ld::region, 1)
      .set(isa::ld::offset, offset)
      .set(isa::ld::spm, spm)
      .set(isa::ld::n0, rows)
      .set(isa::ld::n1, 1)
      .set(isa::ld::n2, 1)
      .set(isa::ld::n3, 1);
}
inline isa::Line store(int64_t rows, int64_t offset = 0, int64_t spm = 0) {
  return isa::Line(isa::Opcode::St)
      .set(isa::st::region, 2)
      .set(isa::st::offset, offset)
      .set(isa::st::spm, spm)
      .set(isa::st::n0, rows)
      .set(isa::st::n1, 1)
      .set(isa::st::n2, 1)
      .set(isa::st::n3, 1);
}
/// n2 times n1 rows, of which the first may be read.
inline isa::Line padded(int64_t n2, int64_t n1) {
  return isa::Line(isa::Opcode::Ldpad)
      .set(isa::ldpad::region, 1)
      .set(isa::ldpad::n0, 1)
      .set(isa::ldpad::n1, n1)
      .set(isa::ldpad::n2, n2)
      .set(isa::ldpad::n3, 1)
      .set(isa::ldpad::ss1, kN)
      .set(isa::ldpad::ss2, n1 * kN)
      .set(isa::ldpad::x1_n, 1)
      .set(isa::ldpad::x2_n, 1);
}
inline isa::Line storeBytes(int64_t bytes) {
  return isa::Line(isa::Opcode::Stb)
      .set(isa::stb::region, 2)
      .set(isa::stb::n0, 1)
      .set(isa::stb::n1, 1)
      .set(isa::stb::n2, 1)
      .set(isa::stb::n3, 1)
      .set(isa::stb::bytes, bytes);
}
inline isa::Line loadParameters(int64_t rows) {
  return isa::Line(isa::Opcode::Ldp).set(isa::ldp::region, 1).set(isa::ldp::count, rows);
}
inline isa::Line drain() {
  return isa::Line(isa::Opcode::Drq).set(isa::drq::oc_n, 1).set(isa::drq::oh_n, 1).set(isa::drq::ow_n, 1);
}
inline isa::Line multiply() {
  return isa::Line(isa::Opcode::Gemm).set(isa::gemm::m_n, 1).set(isa::gemm::k_n, 1).set(isa::gemm::oc_n, 1);
}
inline isa::Line fillRows(int64_t rows) {
  return isa::Line(isa::Opcode::Fill)
      .set(isa::fill::n0, rows)
      .set(isa::fill::n1, 1)
      .set(isa::fill::n2, 1)
      .set(isa::fill::n3, 1);
}
inline isa::Line drainWords() {
  return isa::Line(isa::Opcode::Drw).set(isa::drw::oc_n, 1).set(isa::drw::oh_n, 1).set(isa::drw::ow_n, 1);
}
inline isa::Line restoreWords() {
  return isa::Line(isa::Opcode::Rsw).set(isa::rsw::oc_n, 1).set(isa::rsw::oh_n, 1).set(isa::rsw::ow_n, 1);
}
inline isa::Line posting(isa::Line line, uint8_t semaphore, uint8_t amount = 1) {
  EXPECT_TRUE(isa::addPost(line, {semaphore, amount}));
  return line;
}
inline isa::Line waiting(isa::Line line, uint8_t semaphore, uint8_t amount = 1) {
  EXPECT_TRUE(isa::addWait(line, {semaphore, amount}));
  return line;
}
inline const isa::Line kEnd(isa::Opcode::End);

} // namespace tw::conformance

#endif // TW_TESTS_CONFORMANCE_LINES_H
