// SPDX-License-Identifier: Apache-2.0
// Which instruction has a fast kernel. Those without one do what the table says, slowly.
#include "Kernels.h"

#include "tw/isa/SemanticEval.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace tw::simulator {
namespace {

struct Row {
  isa::Opcode opcode;
  Kernel kernel;
};
constexpr Row kRows[] = {
    {isa::Opcode::Ld, executeLd},           {isa::Opcode::Ldw, executeLd},
    {isa::Opcode::Ldp, executeLdp},         {isa::Opcode::Ldt, executeLdt},
    {isa::Opcode::Ldpad, executeLdpad},     {isa::Opcode::Fill, executeFill},
    {isa::Opcode::St, executeSt},           {isa::Opcode::Stb, executeStb},
    {isa::Opcode::Conv, executeConv},       {isa::Opcode::Convf, executeConvf},
    {isa::Opcode::Convs, executeConvs},     {isa::Opcode::Gemm, executeGemm},
    {isa::Opcode::Gemmz, executeGemmz},     {isa::Opcode::Gemmzt, executeGemmz},
    {isa::Opcode::Drq, executeDrq},         {isa::Opcode::Drqa, executeDrqa},
    {isa::Opcode::Drqt, executeDrqt},       {isa::Opcode::Drqta, executeDrqta},
    {isa::Opcode::Drql, executeDrql},       {isa::Opcode::Drqal, executeDrqal},
    {isa::Opcode::Drqtl, executeDrqtl},     {isa::Opcode::Drqtal, executeDrqtal},
    {isa::Opcode::Drw, executeDrw},         {isa::Opcode::Rsw, executeRsw},
    {isa::Opcode::Ewadd, executeEwadd},     {isa::Opcode::Ewmul, executeEwmul},
    {isa::Opcode::Ewmin, executeEwmin},     {isa::Opcode::Ewmax, executeEwmax},
    {isa::Opcode::Lut, executeLut},         {isa::Opcode::Dwconv, executeDwconv},
    {isa::Opcode::Poolmax, executePoolmax}, {isa::Opcode::Poolavg, executePoolavg},
    {isa::Opcode::Redsum, executeRedsum},   {isa::Opcode::Redsq, executeRedsq},
    {isa::Opcode::Redmax, executeRedmax},   {isa::Opcode::Redmin, executeRedmin},
    {isa::Opcode::Wadd, executeWadd},       {isa::Opcode::Wmul, executeWmul},
    {isa::Opcode::Normrcp, executeNormrcp}, {isa::Opcode::Normrsq, executeNormrsq},
    {isa::Opcode::Ewmad, executeEwmad},     {isa::Opcode::Ewmix, executeEwmix},
    {isa::Opcode::Move, executeMove},       {isa::Opcode::Movet, executeMovet},
};

constexpr auto kKernels = [] {
  std::array<Kernel, 256> kernels{};
  for (const Row &row : kRows)
    kernels[static_cast<uint8_t>(row.opcode)] = row.kernel;
  return kernels;
}();

template <typename From, typename To> void copyBytes(const From &from, To &to) {
  static_assert(sizeof from[0] == sizeof to[0]);
  std::memcpy(to.data(), from.data(), from.size() * sizeof from[0]);
}

int64_t valueOf(const isa::Value &value, const isa::Line &line, uint32_t n) {
  return value.kind == isa::Value::Field ? int64_t(line.get(line.row()->fields[value.value].ref))
                                         : int64_t(isa::fixedValue(value, n));
}

// Points of the loops at which the access goes over the bus: padding is not read, but a masked byte is part of a beat.
uint64_t elementsOf(const isa::Access &access, const isa::Line &line, uint32_t n) {
  const isa::Semantics &semantics = *line.row()->semantics;
  std::vector<int64_t> extents, at(semantics.loops.size(), 0);
  uint64_t points = 1;
  for (const isa::Loop &loop : semantics.loops) {
    extents.push_back(valueOf(loop.extent, line, n));
    points *= uint64_t(extents.back());
  }
  auto field = [&](int index) { return int64_t(line.get(line.row()->fields[index].ref)); };
  uint64_t inside = 0;
  for (uint64_t point = 0; point != points; ++point) {
    inside += std::ranges::all_of(access.dims, [&](const isa::Dim &dim) {
      if (dim.extentField < 0 || access.dir != isa::Dir::Read)
        return true;
      int64_t index = dim.originField < 0 ? 0 : -field(dim.originField);
      for (const isa::Term &term : dim.terms)
        index += at[term.loop] * valueOf(term.factor, line, n);
      return index >= 0 && index < field(dim.extentField);
    });
    for (size_t loop = at.size(); loop-- > 0 && ++at[loop] == extents[loop];)
      at[loop] = 0;
  }
  return inside;
}

} // namespace

Kernel kernelOf(isa::Opcode opcode) { return kKernels[static_cast<uint8_t>(opcode)]; }

Effects executeAsTableSays(State &state, const isa::Line &line) {
  const isa::Instruction &row = *line.row();
  isa::Memories memories(state.config);
  std::vector<uint8_t> outside[isa::kRegions]; // what may lie beyond the end of DRAM reads as zero
  for (int i = 0; i < isa::kRegions; ++i) {
    outside[i].resize(state.regions[i].limit);
    state.dram.read(state.regions[i].base, outside[i].data(), outside[i].size());
    memories.regions[i] = outside[i];
  }
  copyBytes(state.spm, memories.spm);
  copyBytes(state.acc, memories.acc);
  copyBytes(state.param, memories.params);
  copyBytes(state.lut, memories.luts);
  std::copy(state.paramLoaded.begin(), state.paramLoaded.end(), memories.paramLoaded.begin());
  std::copy(state.lutLoaded.begin(), state.lutLoaded.end(), memories.lutLoaded.begin());
  const isa::EvalResult result = isa::evaluate(line, state.config, memories);
  for (int i = 0; i < isa::kRegions; ++i)
    if (state.regions[i].write)
      state.dram.write(state.regions[i].base, outside[i].data(), outside[i].size());
  copyBytes(memories.spm, state.spm);
  copyBytes(memories.acc, state.acc);
  copyBytes(memories.params, state.param);
  copyBytes(memories.luts, state.lut);
  std::copy(memories.paramLoaded.begin(), memories.paramLoaded.end(), state.paramLoaded.begin());
  std::copy(memories.lutLoaded.begin(), memories.lutLoaded.end(), state.lutLoaded.begin());

  Effects effects{.mxRows = result.macs / (uint64_t{state.n} * state.n), .saturations = result.saturations};
  for (const isa::Access &access : row.semantics->accesses)
    if (access.space == isa::Space::DRAM)
      (access.dir == isa::Dir::Read ? effects.bytesRead : effects.bytesWritten) +=
          elementsOf(access, line, state.n) * (access.elem == isa::Elem::I8 ? 1 : isa::kWordBytes);
  return effects;
}

} // namespace tw::simulator
