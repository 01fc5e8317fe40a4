// SPDX-License-Identifier: Apache-2.0
#include "Execute.h"

#include "Kernels.h"
#include "insns/Window.h"
#include "tw/isa/Numerics.h"
#include "tw/isa/Timing.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace tw::simulator {

HostForm bestHostForm() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2"))
    return HostForm::Portable;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return HostForm::Avx512;
  return HostForm::Avx2;
#else
  return HostForm::Portable;
#endif
}

namespace {

HostForm &chosenHostForm() {
  static HostForm form = bestHostForm();
  return form;
}

} // namespace

HostForm hostForm() { return chosenHostForm(); }

void setHostForm(HostForm form) {
  assert(form <= bestHostForm() && "the host has no such instructions");
  chosenHostForm() = form;
}

RecordHead readRecord(const State &state, uint64_t row) {
  const int32_t *words = state.paramRow(row);
  auto get = [&](const isa::ParamWord &field) {
    const uint32_t bits = static_cast<uint32_t>(words[field.word]) >> field.lo << (32 - field.width);
    return field.isSigned ? static_cast<int32_t>(bits) >> (32 - field.width)
                          : static_cast<int32_t>(bits >> (32 - field.width));
  };
  namespace r = isa::record;
  return {get(r::zp), get(r::lo), get(r::hi), get(r::ma),   get(r::mb),
          get(r::za), get(r::zb), get(r::zy), get(r::shift)};
}

Effects execute(State &state, const isa::Line &line) {
  const isa::Instruction *row = line.row();
  if (!row || !row->semantics) // control instructions; planned rows are refused by checkLine
    return {};
  if (Kernel kernel = kernelOf(row->opcode))
    return kernel(state, line);
  return executeAsTableSays(state, line);
}

namespace {

uint64_t valueOf(const isa::Value &value, const isa::Instruction &row, const isa::Line &line, uint32_t n) {
  return value.kind == isa::Value::Field ? line.get(row.fields[value.value].ref) : isa::fixedValue(value, n);
}

} // namespace

uint64_t writtenHash(const State &state, const isa::Line &line) {
  const isa::Instruction *row = line.row();
  if (!row || !row->semantics)
    return 0;
  const isa::Semantics &semantics = *row->semantics;
  auto value = [&](const isa::Value &v) { return valueOf(v, *row, line, state.n); };
  const isa::Access *written = nullptr;
  for (const isa::Access &access : semantics.accesses)
    if (access.dir != isa::Dir::Read)
      written = &access;
  if (!written)
    return 0;

  // The loops that the operand's address depends on, without the lanes: a row is contiguous. A loop of a contiguous
  // operand counts rows (or tables).
  struct Step {
    uint64_t extent, stride, index;
  };
  std::vector<Step> steps;
  uint64_t rowBytes = state.n, granule = 1; // SPM and DRAM: bytes
  if (written->elem != isa::Elem::I8)
    rowBytes = granule = uint64_t{state.n} * isa::kWordBytes;
  if (written->space == isa::Space::LUT)
    rowBytes = granule = isa::kLutBytes;
  if (written->isStrided && written->lane == isa::LaneKind::Scalar) // the dimensions walk bytes
    rowBytes = granule;
  if (written->isStrided) {
    for (const isa::Dim &dim : written->dims)
      for (const isa::Term &term : dim.terms) {
        uint64_t extent = value(semantics.loops[term.loop].extent);
        if (dim.extentField >= 0) // written operands have no windows: one term, no origin
          extent = std::min<uint64_t>(extent, line.get(row->fields[dim.extentField].ref));
        steps.push_back({extent, value(term.factor) * value(dim.stride), 0});
      }
  } else {
    uint64_t stride = granule; // every written contiguous operand has one row, or one table, a step
    for (size_t i = written->packed.size(); i-- > 0;) {
      const uint64_t extent = value(semantics.loops[written->packed[i]].extent);
      steps.insert(steps.begin(), {extent, stride, 0});
      stride *= extent;
    }
  }
  uint64_t base = line.get(row->fields[written->baseField].ref) * (written->isStrided ? 1 : granule);
  if (written->space == isa::Space::DRAM)
    base = state.physical(line.get(row->fields[written->regionField].ref), base);

  std::vector<uint8_t> buffer(rowBytes);
  const std::span<const uint8_t> onChip = state.bytesOf(written->space);
  uint64_t hash = 0;
  for (;;) {
    uint64_t address = base;
    for (const Step &step : steps)
      address += step.index * step.stride;
    if (written->space == isa::Space::DRAM)
      state.dram.read(address, buffer.data(), rowBytes);
    else
      std::copy_n(onChip.begin() + address, rowBytes, buffer.begin());
    for (uint64_t i = 0; i < rowBytes; ++i)
      hash += isa::sumHash(static_cast<uint8_t>(written->space), address + i, buffer[i]);
    size_t at = steps.size();
    while (at > 0 && ++steps[at - 1].index == steps[at - 1].extent)
      steps[--at].index = 0;
    if (at == 0)
      return hash;
  }
}

namespace {

using Fault = std::optional<ParamFault>;

Fault missing(ParamFault::Step step, uint64_t index = 0) {
  return ParamFault{isa::FaultCode::UninitParam, step, index};
}

Fault checkHead(const State &state, uint64_t param) {
  if (!state.paramLoaded[param])
    return missing(ParamFault::Head);
  return std::nullopt;
}

Fault checkChannels(const State &state, uint64_t param, uint64_t blocks) {
  if (Fault fault = checkHead(state, param))
    return fault;
  for (uint64_t block = 0; block < blocks; ++block) {
    const uint64_t bias = param + 1 + 2 * block;
    if (!state.paramLoaded[bias])
      return missing(ParamFault::Bias, block);
    if (!state.paramLoaded[bias + 1])
      return missing(ParamFault::Mult, block);
    for (uint32_t lane = 0; lane < state.n; ++lane)
      if (!isa::validMultiplier(static_cast<uint32_t>(state.paramRow(bias + 1)[lane])))
        return ParamFault{isa::FaultCode::BadParam, ParamFault::Settle, block};
  }
  return std::nullopt;
}

Fault checkDrain(const State &state, const isa::Line &line) {
  namespace f = isa::drq;
  const isa::DrainKind kind = isa::DrainKind::of(line.row()->opcode);
  const uint64_t param = line.get(f::param), blocks = line.get(f::oc_n);
  if (kind.looksUp && !state.lutLoaded[line.get(kind.adds ? isa::drqal::table : isa::drql::table)])
    return missing(ParamFault::Head);
  if (!kind.isTflite)
    return checkChannels(state, param, blocks);
  if (Fault fault = checkHead(state, param))
    return fault;
  for (uint64_t block = 0; block < blocks; ++block) {
    const uint64_t row = param + 1 + 3 * block;
    constexpr ParamFault::Step kSteps[] = {ParamFault::Bias, ParamFault::Mult, ParamFault::Shift};
    for (int i = 0; i < 3; ++i)
      if (!state.paramLoaded[row + i])
        return missing(kSteps[i], block);
    for (uint32_t lane = 0; lane < state.n; ++lane)
      if (!isa::validTfliteMultiplier(state.paramRow(row + 1)[lane]) ||
          !isa::validTfliteShift(state.paramRow(row + 2)[lane]))
        return ParamFault{isa::FaultCode::BadParam, ParamFault::Settle, block};
  }
  return std::nullopt;
}

Fault checkAverages(const State &state, const isa::Line &line) {
  const Window window(state, line);
  if (Fault fault = checkHead(state, window.param))
    return fault;
  Fault fault;
  uint64_t index = 0;
  window.forEachOutput([&](int64_t, int64_t oh, int64_t ow) {
    const int32_t word = std::max(window.tapsInside(oh, ow), 1) - 1;
    if (!fault && !state.paramLoaded[window.param + 1 + word / state.n])
      fault = missing(ParamFault::Window, index);
    ++index;
  });
  return fault;
}

} // namespace

std::optional<ParamFault> checkParameters(const State &state, const isa::Line &line) {
  switch (static_cast<isa::Opcode>(line.opcodeByte())) {
  case isa::Opcode::Drq:
  case isa::Opcode::Drqa:
  case isa::Opcode::Drqt:
  case isa::Opcode::Drqta:
  case isa::Opcode::Drql:
  case isa::Opcode::Drqal:
  case isa::Opcode::Drqtl:
  case isa::Opcode::Drqtal:
    return checkDrain(state, line);
  case isa::Opcode::Dwconv:
    return checkChannels(state, line.get(isa::dwconv::param), line.get(isa::dwconv::oc_n));
  case isa::Opcode::Poolavg:
    return checkAverages(state, line);
  case isa::Opcode::Poolmax:
    return checkHead(state, line.get(isa::poolmax::param));
  case isa::Opcode::Ewadd:
  case isa::Opcode::Ewmul:
  case isa::Opcode::Ewmin:
  case isa::Opcode::Ewmax:
    return checkHead(state, line.get(isa::ewadd::param));
  case isa::Opcode::Redsum:
  case isa::Opcode::Redsq:
  case isa::Opcode::Redmax:
  case isa::Opcode::Redmin:
    return checkHead(state, line.get(isa::redsum::param));
  case isa::Opcode::Wadd:
  case isa::Opcode::Wmul:
    static_assert(isa::wadd::param.lsb == isa::wmul::param.lsb);
    return checkHead(state, line.get(isa::wadd::param));
  case isa::Opcode::Normrcp:
  case isa::Opcode::Normrsq:
    static_assert(isa::normrcp::param.lsb == isa::normrsq::param.lsb);
    return checkHead(state, line.get(isa::normrcp::param));
  case isa::Opcode::Ewmad:
  case isa::Opcode::Ewmix:
    static_assert(isa::ewmad::param.lsb == isa::ewmix::param.lsb);
    return checkHead(state, line.get(isa::ewmad::param));
  case isa::Opcode::Lut:
    if (!state.lutLoaded[line.get(isa::lut::table)])
      return missing(ParamFault::Head);
    return std::nullopt;
  default: // no other row reads parameter memory
    return std::nullopt;
  }
}

} // namespace tw::simulator
