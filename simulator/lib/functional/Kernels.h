// SPDX-License-Identifier: Apache-2.0
// The kernels behind execute(), and the pieces that they share. One function per row of the table; its meaning is the
// row's semantics, and a unit test compares both on random instructions.
#ifndef TW_SIMULATOR_FUNCTIONAL_KERNELS_H
#define TW_SIMULATOR_FUNCTIONAL_KERNELS_H

#include "Execute.h"

#include <utility>

namespace tw::simulator {

using Kernel = Effects (*)(State &, const isa::Line &);

/// The instruction's kernel; null: it has none (yet), executeAsTableSays does it.
Kernel kernelOf(isa::Opcode opcode);

/// Any instruction that has semantics, by isa::evaluate on a copy of the memories: slow, and the same bytes.
Effects executeAsTableSays(State &state, const isa::Line &line);

Effects executeLd(State &state, const isa::Line &line); // also ldw: the rows have one layout
Effects executeLdp(State &state, const isa::Line &line);
Effects executeLdt(State &state, const isa::Line &line);
Effects executeLdpad(State &state, const isa::Line &line);
Effects executeFill(State &state, const isa::Line &line);
Effects executeSt(State &state, const isa::Line &line);
Effects executeStb(State &state, const isa::Line &line);
Effects executeConv(State &state, const isa::Line &line);
Effects executeConvf(State &state, const isa::Line &line);
Effects executeConvs(State &state, const isa::Line &line);
Effects executeGemm(State &state, const isa::Line &line);
Effects executeGemmz(State &state, const isa::Line &line); // also gemmzt
Effects executeDrq(State &state, const isa::Line &line);
Effects executeDrqa(State &state, const isa::Line &line);
Effects executeDrqt(State &state, const isa::Line &line);
Effects executeDrqta(State &state, const isa::Line &line);
Effects executeDrql(State &state, const isa::Line &line);
Effects executeDrqal(State &state, const isa::Line &line);
Effects executeDrqtl(State &state, const isa::Line &line);
Effects executeDrqtal(State &state, const isa::Line &line);
Effects executeDrw(State &state, const isa::Line &line);
Effects executeRsw(State &state, const isa::Line &line);
Effects executeEwadd(State &state, const isa::Line &line);
Effects executeEwmul(State &state, const isa::Line &line);
Effects executeEwmin(State &state, const isa::Line &line);
Effects executeEwmax(State &state, const isa::Line &line);
Effects executeLut(State &state, const isa::Line &line);
Effects executeDwconv(State &state, const isa::Line &line);
Effects executePoolmax(State &state, const isa::Line &line);
Effects executePoolavg(State &state, const isa::Line &line);
Effects executeRedsum(State &state, const isa::Line &line);
Effects executeRedsq(State &state, const isa::Line &line);
Effects executeRedmax(State &state, const isa::Line &line);
Effects executeRedmin(State &state, const isa::Line &line);
Effects executeWadd(State &state, const isa::Line &line);
Effects executeWmul(State &state, const isa::Line &line);
Effects executeNormrcp(State &state, const isa::Line &line);
Effects executeNormrsq(State &state, const isa::Line &line);
Effects executeEwmad(State &state, const isa::Line &line);
Effects executeEwmix(State &state, const isa::Line &line);
Effects executeMove(State &state, const isa::Line &line);
Effects executeMovet(State &state, const isa::Line &line);

/// The scalars in the head row of a numerics record.
struct RecordHead {
  int32_t zp, lo, hi, ma, mb, za, zb, zy, shift;
};
RecordHead readRecord(const State &state, uint64_t row);

/// A walk over output rows with strides per channel block, row and column: y and r of the drains, y of the windows.
struct TileWalk {
  uint64_t base, hs, ws, cs;
  uint64_t at(uint64_t ocb, uint64_t oh, uint64_t ow) const { return base + ocb * cs + oh * hs + ow * ws; }
};

/// The instructions for which the loops of the kernels are compiled, each form holding those before it.
enum class HostForm : uint8_t { Portable, Avx2, Avx512 };

/// The best form that this host has.
HostForm bestHostForm();

/// What the kernels use: the best form, until a test takes a lesser one. Not while a machine runs.
HostForm hostForm();
void setHostForm(HostForm form);

#if defined(__x86_64__)
template <typename Body> __attribute__((target("avx2"))) inline void runWithAvx2(Body &&body) { body(); }
template <typename Body>
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) inline void runWithAvx512(Body &&body) {
  body();
}
#endif

/// Runs `body` (an always_inline lambda) in code generated for AVX2 if the host has it: the same source, twice the
/// lanes.
template <typename Body> inline void vectorised(Body &&body) {
#if defined(__x86_64__)
  if (hostForm() >= HostForm::Avx2)
    return runWithAvx2(std::forward<Body>(body));
#endif
  body();
}

/// As vectorised(), with AVX-512 if the host has it: for what is mostly in double precision.
template <typename Body> inline void vectorisedWide(Body &&body) {
#if defined(__x86_64__)
  if (hostForm() == HostForm::Avx512)
    return runWithAvx512(std::forward<Body>(body));
#endif
  vectorised(std::forward<Body>(body));
}

/// Calls body.operator()<N>() with the machine's number of lanes as a constant, so that a row is a few host vectors.
template <typename Body> inline void forLanes(uint32_t n, Body &&body) {
  switch (n) {
  case 8:
    return body.template operator()<8>();
  case 16:
    return body.template operator()<16>();
  case 32:
    return body.template operator()<32>();
  case 64:
    return body.template operator()<64>();
  }
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_KERNELS_H
