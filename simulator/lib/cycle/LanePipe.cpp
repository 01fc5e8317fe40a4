// SPDX-License-Identifier: Apache-2.0
#include "LanePipe.h"
#include "tw/isa/Timing.h"
#include <bit>
#include <cassert>

namespace tw::simulator::cycle {

using namespace isa;

void LanePipe::reset() {
  busy_ = false;
  now_ = 0;
  groups_ = 0;
  meetsItself_ = hasParameterFault_ = false;
  accHalves_ = 0;
}

void LanePipe::start(const Line &line, Cycle start) {
  assert(!busy_);
  opcode_ = line.row()->opcode;
  hasReadA_ = hasReadB_ = writesAcc_ = readsTable_ = isTflite_ = false;
  reload_ = 3;
  depth_ = unitDepth_;
  readA_ = readB_ = write_ = {};
  furtherB_ = {};
  accHalves_ = 0;
  acc_ = 0;
  accSteps_ = 1;
  taps_ = emits_ = 1;
  stepsA_ = stepsB_ = {0, 1};
  leadSteps_ = 0;
  switch (opcode_) {
  case Opcode::Drq:
  case Opcode::Drqa:
  case Opcode::Drqt:
  case Opcode::Drqta:
  case Opcode::Drql:
  case Opcode::Drqal:
  case Opcode::Drqtl:
  case Opcode::Drqtal:
    startDrain(line);
    break;
  case Opcode::Drw:
  case Opcode::Rsw:
    startWords(line, opcode_ == Opcode::Rsw);
    break;
  case Opcode::Dwconv:
  case Opcode::Poolmax:
  case Opcode::Poolavg:
    startWindow(line, opcode_);
    break;
  case Opcode::Redsum:
  case Opcode::Redsq:
  case Opcode::Redmax:
  case Opcode::Redmin:
    startReduction(line, opcode_);
    break;
  case Opcode::Wadd:
  case Opcode::Wmul:
  case Opcode::Normrcp:
  case Opcode::Normrsq:
    startWide(line, opcode_);
    break;
  case Opcode::Ewmad:
  case Opcode::Ewmix:
    startMad(line, opcode_ == Opcode::Ewmix);
    break;
  case Opcode::Movet:
    startTransposition(line);
    break;
  default:
    startRows(line, opcode_);
    break;
  }
  for (RowWalk *walk : {&write_, &readA_, &readB_, &furtherB_[0].walk, &furtherB_[1].walk, &furtherB_[2].walk}) {
    walk->simplify();
    walk->seek(0);
  }
  busy_ = true;
  now_ = start + 1;
  head_ = reload_ + 1;
  block_ = step_ = tap_ = accStep_ = 0;
  accRow_ = acc_;
  pipe_ = 0;
  heldA_ = heldB_ = wasFrozen_ = false;
  inside_ = 0;
  tableRow_[0] = tableRow_[1] = 0;
  kh_ = kw_ = ow_ = oh_ = ocb_ = 0;
  findParameterFaults();
}

void LanePipe::startDrain(const Line &line) {
  kind_ = Kind::Drain;
  const DrainKind kind = DrainKind::of(opcode_);
  static_assert(drq::acc.lsb == drqtal::acc.lsb && drq::param.lsb == drqtal::param.lsb);
  static_assert(drqa::r.lsb == drqtal::r.lsb && drql::table.lsb == drqtl::table.lsb);
  isTflite_ = kind.isTflite;
  reload_ += isTflite_;
  readsTable_ = kind.looksUp;
  if (readsTable_) {
    ++depth_;
    table_ = uint64_t(line.get(kind.adds ? drqal::table : drql::table));
  }
  uint64_t rows = uint64_t(line.get(drq::oh_n)), columns = uint64_t(line.get(drq::ow_n));
  blocks_ = uint64_t(line.get(drq::oc_n));
  blockSteps_ = rows * columns;
  param_ = uint64_t(line.get(drq::param));
  write_ = {
      line.get(drq::y), {columns, rows, blocks_, 1}, {line.get(drq::y_ws), line.get(drq::y_hs), line.get(drq::y_cs)}};
  groups_ = write_.groups(banks_, config_.n);
  meetsItself_ = false;
  hasReadA_ = kind.adds;
  if (kind.adds) {
    readA_ = {line.get(drqa::r),
              {columns, rows, blocks_, 1},
              {line.get(drqa::r_ws), line.get(drqa::r_hs), line.get(drqa::r_cs)}};
    GroupSet read = readA_.groups(banks_, config_.n);
    meetsItself_ = (read & groups_) != 0;
    groups_ |= read;
  }
  useAcc(uint64_t(line.get(drq::acc)), steps());
}

void LanePipe::useAcc(uint64_t row, uint64_t rows) {
  acc_ = row;
  accHalves_ = halfOf(row) | halfOf(row + rows - 1);
}

void LanePipe::startWords(const Line &line, bool restores) {
  kind_ = Kind::Words;
  static_assert(drw::acc.lsb == rsw::acc.lsb && drw::y.lsb == rsw::x.lsb && drw::y_cs.lsb == rsw::x_cs.lsb);
  uint64_t rows = uint64_t(line.get(drw::oh_n)), columns = uint64_t(line.get(drw::ow_n)),
           channels = uint64_t(line.get(drw::oc_n));
  RowWalk walk{line.get(drw::y),
               {kWordBytes, columns, rows, channels},
               {config_.n, line.get(drw::y_ws), line.get(drw::y_hs), line.get(drw::y_cs)}};
  blocks_ = 1;
  blockSteps_ = uint64_t(kWordBytes) * columns * rows * channels;
  accSteps_ = kWordBytes;
  writesAcc_ = hasReadA_ = restores;
  if (restores) {
    readA_ = walk;
    taps_ = kWordBytes;
    stepsA_ = {0, taps_};
  } else {
    write_ = walk;
  }
  groups_ = walk.groups(banks_, config_.n);
  meetsItself_ = false;
  useAcc(uint64_t(line.get(drw::acc)), rows * columns * channels);
}

void LanePipe::startRows(const Line &line, Opcode opcode) {
  kind_ = Kind::Rows;
  static_assert(ewadd::n0.lsb == lut::n0.lsb && ewadd::a.lsb == lut::a.lsb && ewadd::y.lsb == ewmax::y.lsb);
  uint64_t n0 = uint64_t(line.get(ewadd::n0)), n1 = uint64_t(line.get(ewadd::n1)), n2 = uint64_t(line.get(ewadd::n2));
  blocks_ = 1;
  blockSteps_ = n0 * n1 * n2;
  hasReadA_ = true;
  readA_ = {line.get(ewadd::a), {n0, n1, n2, 1}, {line.get(ewadd::a_s0), line.get(ewadd::a_s1), line.get(ewadd::a_s2)}};
  GroupSet a = readA_.groups(banks_, config_.n), b = 0;
  if (opcode == Opcode::Lut || opcode == Opcode::Move) {
    static_assert(lut::y.lsb == move::y.lsb && lut::n0.lsb == move::n0.lsb && lut::a.lsb == move::a.lsb);
    write_ = {line.get(lut::y), {n0, n1, n2, 1}, {line.get(lut::y_s0), line.get(lut::y_s1), line.get(lut::y_s2)}};
    readsTable_ = opcode == Opcode::Lut;
    if (readsTable_)
      table_ = uint64_t(line.get(lut::table));
  } else {
    hasReadB_ = true;
    readB_ = {
        line.get(ewadd::b), {n0, n1, n2, 1}, {line.get(ewadd::b_s0), line.get(ewadd::b_s1), line.get(ewadd::b_s2)}};
    write_ = {
        line.get(ewadd::y), {n0, n1, n2, 1}, {line.get(ewadd::y_s0), line.get(ewadd::y_s1), line.get(ewadd::y_s2)}};
    param_ = uint64_t(line.get(ewadd::param));
    b = readB_.groups(banks_, config_.n);
  }
  GroupSet y = write_.groups(banks_, config_.n);
  groups_ = a | b | y;
  meetsItself_ = (a & b) || (a & y) || (b & y);
}

void LanePipe::startReduction(const Line &line, Opcode opcode) {
  kind_ = Kind::Rows;
  uint64_t n0 = uint64_t(line.get(redsum::n0)), n1 = uint64_t(line.get(redsum::n1));
  uint64_t results = uint64_t(line.get(redsum::n2));
  bool isSum = opcode == Opcode::Redsum || opcode == Opcode::Redsq; // N int32: four rows, written after the reads
  emits_ = isSum ? uint64_t(kWordBytes) : 1;
  taps_ = n0 * n1 + (isSum ? emits_ : 0);
  stepsA_ = {0, n0 * n1};
  blocks_ = 1;
  blockSteps_ = results * taps_;
  param_ = uint64_t(line.get(redsum::param));
  hasReadA_ = true;
  readA_ = {line.get(redsum::a),
            {n0, n1, results, 1},
            {line.get(redsum::a_s0), line.get(redsum::a_s1), line.get(redsum::a_s2)}};
  write_ = {line.get(redsum::y), {emits_, results, 1, 1}, {config_.n, line.get(redsum::y_s2)}};
  meet({readA_, write_});
}

// Groups of the walks of this unit, and whether two of them share one.
void LanePipe::meet(std::initializer_list<RowWalk> walks) {
  groups_ = 0;
  meetsItself_ = false;
  for (const RowWalk &walk : walks) {
    GroupSet set = walk.groups(banks_, config_.n);
    meetsItself_ |= (groups_ & set) != 0;
    groups_ |= set;
  }
}

// Vectors of N int32: four rows each, a step a row.
void LanePipe::startWide(const Line &line, Opcode opcode) {
  kind_ = Kind::Rows;
  uint64_t n0 = uint64_t(line.get(wadd::n0)), n1 = uint64_t(line.get(wadd::n1));
  auto walk = [&](FieldRef base, FieldRef s0, FieldRef s1) {
    return RowWalk{line.get(base), {kWordBytes, n0, n1, 1}, {config_.n, line.get(s0), line.get(s1)}};
  };
  blocks_ = 1;
  blockSteps_ = kWordBytes * n0 * n1;
  hasReadA_ = true;
  static_assert(wadd::a.lsb == normrcp::a.lsb && wadd::a_s1.lsb == normrcp::a_s1.lsb);
  readA_ = walk(wadd::a, wadd::a_s0, wadd::a_s1);
  if (opcode == Opcode::Normrcp || opcode == Opcode::Normrsq) {
    write_ = walk(normrcp::y, normrcp::y_s0, normrcp::y_s1);
    param_ = uint64_t(line.get(normrcp::param));
    return meet({readA_, write_});
  }
  hasReadB_ = true;
  readB_ = walk(wadd::b, wadd::b_s0, wadd::b_s1);
  write_ = walk(wadd::y, wadd::y_s0, wadd::y_s1);
  param_ = uint64_t(line.get(wadd::param));
  meet({readA_, readB_, write_});
}

// Client B reads four rows of multipliers and four of addends, then client A the rows; in ewmix B reads four more and
// the rows of the second operand with those of the first.
void LanePipe::startMad(const Line &line, bool isMixed) {
  kind_ = Kind::Rows;
  static_assert(ewmad::a.lsb == ewmix::a.lsb && ewmad::y.lsb == ewmix::y.lsb && ewmad::c.lsb == ewmix::c.lsb);
  static_assert(ewmad::param.lsb == ewmix::param.lsb);
  uint64_t n0 = uint64_t(line.get(ewmad::n0)), n1 = uint64_t(line.get(ewmad::n1)), n2 = uint64_t(line.get(ewmad::n2));
  const uint64_t lead = (isMixed ? 3 : 2) * uint64_t(kWordBytes);
  emits_ = n0 * n1;
  stepsA_ = {lead, lead + emits_};
  taps_ = stepsA_.end;
  blocks_ = 1;
  blockSteps_ = n2 * taps_;
  param_ = uint64_t(line.get(ewmad::param));
  hasReadA_ = hasReadB_ = true;
  readA_ = {line.get(ewmad::a), {n0, n1, n2, 1}, {line.get(ewmad::a_s0), line.get(ewmad::a_s1), line.get(ewmad::a_s2)}};
  write_ = {line.get(ewmad::y), {n0, n1, n2, 1}, {line.get(ewmad::y_s0), line.get(ewmad::y_s1), line.get(ewmad::y_s2)}};
  auto byLane = [&](FieldRef base, FieldRef stride) {
    return RowWalk{line.get(base), {kWordBytes, n2, 1, 1}, {config_.n, line.get(stride)}};
  };
  stepsB_ = {0, kWordBytes};
  readB_ = byLane(ewmad::m, ewmad::m_s2);
  furtherB_[0] = {{kWordBytes, 2 * kWordBytes}, byLane(ewmad::c, ewmad::c_s2)};
  if (!isMixed)
    return meet({readA_, readB_, furtherB_[0].walk, write_});
  furtherB_[1] = {{2 * kWordBytes, lead}, byLane(ewmix::k, ewmix::k_s2)};
  furtherB_[2] = {stepsA_, readA_};
  furtherB_[2].walk.base = line.get(ewmix::b);
  meet({readA_, readB_, furtherB_[0].walk, furtherB_[1].walk, furtherB_[2].walk, write_});
}

// N rows in, N rows out.
void LanePipe::startTransposition(const Line &line) {
  kind_ = Kind::Rows;
  uint64_t n = config_.n, n1 = uint64_t(line.get(movet::n1)), n2 = uint64_t(line.get(movet::n2));
  emits_ = n;
  stepsA_ = {0, n};
  taps_ = 2 * n;
  blocks_ = 1;
  blockSteps_ = n1 * n2 * taps_;
  hasReadA_ = true;
  readA_ = {line.get(movet::a), {n, n1, n2, 1}, {line.get(movet::a_s0), line.get(movet::a_s1), line.get(movet::a_s2)}};
  write_ = {line.get(movet::y), {n, n1, n2, 1}, {line.get(movet::y_s0), line.get(movet::y_s1), line.get(movet::y_s2)}};
  meet({readA_, write_});
}

void LanePipe::startWindow(const Line &line, Opcode opcode) {
  kind_ = Kind::Window;
  x_ = line.get(dwconv::x);
  rowStride_ = line.get(dwconv::x_hs);
  columnStride_ = line.get(dwconv::x_ws);
  blockStride_ = line.get(dwconv::x_cs);
  tileRows_ = line.get(dwconv::x_h);
  tileColumns_ = line.get(dwconv::x_w);
  strideH_ = line.get(dwconv::stride_h);
  strideW_ = line.get(dwconv::stride_w);
  dilH_ = line.get(dwconv::dil_h);
  dilW_ = line.get(dwconv::dil_w);
  padTop_ = line.get(dwconv::pad_t);
  padLeft_ = line.get(dwconv::pad_l);
  kernelH_ = uint64_t(line.get(dwconv::kh_n));
  kernelW_ = uint64_t(line.get(dwconv::kw_n));
  outputRows_ = uint64_t(line.get(dwconv::oh_n));
  outputColumns_ = uint64_t(line.get(dwconv::ow_n));
  uint64_t channels = uint64_t(line.get(dwconv::oc_n));
  param_ = uint64_t(line.get(dwconv::param));
  const uint64_t weightRows = channels * kernelH_ * kernelW_;
  bool reloads = opcode == Opcode::Dwconv;
  write_ = {line.get(dwconv::y),
            {outputColumns_, outputRows_, channels, 1},
            {line.get(dwconv::y_ws), line.get(dwconv::y_hs), line.get(dwconv::y_cs)}};
  hasReadA_ = true;
  if (auto form = TapColumns::of(line, config_)) {
    leadSteps_ = form->weights;
    firstEmit_ = kernelW_ - 1;
    emitEvery_ = uint64_t(strideW_);
    outputColumns_ = form->columns;
    kernelW_ = 1;
    strideW_ = 1;
  }
  taps_ = kernelH_ * kernelW_;
  stepsA_ = {0, taps_};
  stepsB_ = leadSteps_ == 0 ? stepsA_ : Range{};
  blocks_ = reloads ? channels : 1;
  blockSteps_ = leadSteps_ + (reloads ? 1 : channels) * outputRows_ * outputColumns_ * taps_;
  GroupSet a = banks_.groups(x_, x_ + (tileRows_ - 1) * rowStride_ + (tileColumns_ - 1) * columnStride_ +
                                     int64_t(channels - 1) * blockStride_ + config_.n);
  GroupSet b = 0, y = write_.groups(banks_, config_.n);
  if (reloads) {
    hasReadB_ = true;
    weights_ = line.get(dwconv::w);
    b = banks_.groups(weights_, weights_ + int64_t(weightRows * config_.n));
  }
  groups_ = a | b | y;
  meetsItself_ = (a & b) || (a & y) || (b & y);
}

void LanePipe::findParameterFaults() {
  hasParameterFault_ = false;
  auto check = [&](bool good) { hasParameterFault_ |= !good; };
  if (kind_ == Kind::Words)
    return;
  if (readsTable_)
    check(parameters_.isTableInitialised(table_));
  if (opcode_ == Opcode::Lut || !hasRecord())
    return;
  check(parameters_.isRowInitialised(param_));
  if (isRequantised())
    for (uint64_t block = 0; block != blocks_; ++block) {
      const uint64_t rows = reload_ - 1, first = param_ + 1 + rows * block;
      for (uint64_t i = 0; i != rows; ++i)
        check(parameters_.isRowInitialised(first + i));
      if (isTflite_)
        check(parameters_.areLegal(ParameterRow::TfliteMultipliers, first + 1) &&
              parameters_.areLegal(ParameterRow::TfliteShifts, first + 2));
      else
        check(parameters_.areLegal(ParameterRow::Multipliers, first + 1));
    }
  if (opcode_ == Opcode::Poolavg)
    for (uint64_t row = 0; row <= (taps_ - 1) / config_.n; ++row)
      check(parameters_.isRowInitialised(param_ + 1 + row));
}

LanePipe::HeadState LanePipe::headState() const {
  if (head_ <= 1)
    return HeadState(head_);
  // Counted from the end: SETTLE, the parameter rows from the last to the first, HEAD.
  return HeadState(head_ + (isTflite_ ? 0 : 1));
}

std::optional<FaultCode> LanePipe::headFault() const {
  if (tableRow_[1] && !parameters_.isRowInitialised(tableRow_[1] - 1))
    return FaultCode::UninitParam;
  const uint64_t bias = param_ + 1 + (reload_ - 1) * block_;
  bool initialised = true, legal = true;
  switch (headState()) {
  case kHead:
    initialised = (!readsTable_ || parameters_.isTableInitialised(table_)) &&
                  (opcode_ == Opcode::Lut || parameters_.isRowInitialised(param_));
    break;
  case kBias:
    initialised = !isRequantised() || parameters_.isRowInitialised(bias);
    break;
  case kMult:
    initialised = !isRequantised() || parameters_.isRowInitialised(bias + 1);
    break;
  case kShift:
    initialised = parameters_.isRowInitialised(bias + 2);
    legal = parameters_.areLegal(ParameterRow::TfliteMultipliers, bias + 1);
    break;
  case kSettle:
    if (isTflite_)
      legal = parameters_.areLegal(ParameterRow::TfliteShifts, bias + 2);
    else
      legal = !isRequantised() || parameters_.areLegal(ParameterRow::Multipliers, bias + 1);
    break;
  case kSteps:
    break;
  }
  if (!initialised)
    return FaultCode::UninitParam;
  return legal ? std::nullopt : std::optional(FaultCode::BadParam);
}

bool LanePipe::isTapInside() const {
  int64_t row = oh_ * strideH_ + kh_ * dilH_ - padTop_, column = ow_ * strideW_ + kw_ * dilW_ - padLeft_;
  return row >= 0 && row < tileRows_ && column >= 0 && column < tileColumns_;
}

void LanePipe::seekWindow(uint64_t index) {
  kw_ = int64_t(index % kernelW_);
  index /= kernelW_;
  kh_ = int64_t(index % kernelH_);
  index /= kernelH_;
  ow_ = int64_t(index % outputColumns_);
  index /= outputColumns_;
  oh_ = int64_t(index % outputRows_);
  ocb_ = int64_t(index / outputRows_);
}

void LanePipe::nextWindow() {
  if (uint64_t(++kw_) != kernelW_)
    return;
  kw_ = 0;
  if (uint64_t(++kh_) != kernelH_)
    return;
  kh_ = 0;
  if (uint64_t(++ow_) != outputColumns_)
    return;
  ow_ = 0;
  if (uint64_t(++oh_) != outputRows_)
    return;
  oh_ = 0;
  ++ocb_;
}

void LanePipe::nextStep() {
  if (readsWeightsAlone()) {
    ++step_;
    return;
  }
  if (kind_ == Kind::Window) {
    nextWindow();
  } else {
    if (hasReadA_ && stepsA_.contains(tap_))
      readA_.next();
    if (hasReadB_ && stepsB_.contains(tap_))
      readB_.next();
    for (Further &further : furtherB_)
      if (further.steps.contains(tap_))
        further.walk.next();
    if (!writesAcc_ && ++accStep_ == accSteps_) {
      accStep_ = 0;
      ++accRow_;
    }
  }
  if (++tap_ == taps_)
    tap_ = 0;
  if (++step_ == blockSteps_) {
    step_ = 0;
    head_ = ++block_ == blocks_ ? 0 : reload_;
  }
}

LanePipe::Outcome LanePipe::step(BankSet &taken, Conflicts &conflicts) {
  Outcome outcome;
  unsigned lost = 0;
  bool writes = pipe_ >> (depth_ - 1) & 1;
  bool frozen = writes && !writesAcc_ && !grant(banks_.bank(uint64_t(write_.address)), taken, lost);
  bool isStepping = head_ == 0 && block_ != blocks_;
  bool gotA = true, gotB = true, inside = false;
  if (isStepping) {
    int64_t a = readA_.address, b = readB_.address;
    bool wantsA = hasReadA_ && stepsA_.contains(tap_), wantsB = hasReadB_ && stepsB_.contains(tap_);
    for (const Further &further : furtherB_)
      if (further.steps.contains(tap_)) {
        b = further.walk.address;
        wantsB = true;
      }
    if (readsWeightsAlone()) {
      wantsA = false;
      wantsB = true;
      b = weights_ + int64_t(block_ * leadSteps_ + step_) * config_.n;
    } else if (kind_ == Kind::Window) {
      wantsA = inside = isTapInside();
      if (inside)
        a = x_ + (oh_ * strideH_ + kh_ * dilH_ - padTop_) * rowStride_ +
            (ow_ * strideW_ + kw_ * dilW_ - padLeft_) * columnStride_ + ocb_ * blockStride_;
      b = weights_ + (ocb_ * int64_t(taps_) + int64_t(tap_)) * config_.n;
    }
    if (wantsA && !heldA_)
      gotA = grant(banks_.bank(uint64_t(a)), taken, lost);
    if (wantsB && !heldB_)
      gotB = grant(banks_.bank(uint64_t(b)), taken, lost);
  }
  if (hasParameterFault_ && !wasFrozen_)
    outcome.fault = headFault();
  if (!frozen) {
    if (writes && writesAcc_)
      outcome.accHalf = halfOf(accRow_++);
    else if (writes)
      write_.next();
    pipe_ = (pipe_ << 1) & ((1u << depth_) - 1);
    tableRow_[1] = tableRow_[0];
    tableRow_[0] = 0;
    if (head_ != 0) {
      --head_;
    } else if (isStepping && gotA && gotB) {
      heldA_ = heldB_ = false;
      if ((kind_ == Kind::Drain || kind_ == Kind::Words) && !writesAcc_)
        outcome.accHalf = halfOf(accRow_);
      inside_ += inside;
      if (isEmitting()) {
        pipe_ |= 1;
        if (opcode_ == Opcode::Poolavg)
          tableRow_[0] = param_ + 1 + (std::max<uint64_t>(inside_, 1) - 1) / config_.n + 1;
        inside_ = 0;
      }
      nextStep();
    } else if (isStepping) {
      heldA_ = gotA;
      heldB_ = gotB;
    }
    outcome.ended = writes && pipe_ == 0 && block_ == blocks_;
  }
  wasFrozen_ = frozen;
  conflicts.requests += lost;
  conflicts.cycles += lost != 0;
  ++now_;
  if (outcome.ended)
    busy_ = false;
  return outcome;
}

// A walk's next rows along its inner dimension, as a stream; false if they lie in several groups.
static bool asStream(const RowWalk &walk, const Banks &banks, Stream &stream) {
  const uint64_t left = walk.extents[0] - walk.index[0], first = uint64_t(walk.address);
  const uint64_t last = first + (left - 1) * uint64_t(walk.strides[0]);
  stream = {Stream::Asking, uint8_t(banks.group(first)), banks.position(first),
            banks.position(uint64_t(walk.strides[0])), left};
  return banks.group(first) == banks.group(last);
}

bool LanePipe::requests(Streams &streams) const {
  if (kind_ != Kind::Drain || hasParameterFault_)
    return false;
  streams.pipe = pipe_;
  streams.depth = depth_;
  Stream &writes = streams[kDrainWrites], &steps = streams[kDrainSteps], &moves = streams[kDrainMoves];
  moves = {Stream::Free, 0, 0, 0, kNever};
  if (head_ != 0)
    moves.left = head_;
  else if (block_ == blocks_)
    moves.left = depth_ - 1 - unsigned(std::countr_zero(pipe_)); // the last write ends the instruction
  else if (hasReadA_ && !asStream(readA_, banks_, steps))
    return false;
  else
    steps = {hasReadA_ ? Stream::Asking : Stream::Free, steps.group, steps.position, steps.stride,
             std::min(hasReadA_ ? steps.left : kNever, blockSteps_ - step_)};
  return moves.left != 0 && ((pipe_ == 0 && steps.kind == Stream::Absent) || asStream(write_, banks_, writes));
}

static void skip(RowWalk &walk, uint64_t rows) {
  if (rows == 0)
    return;
  walk.index[0] += rows - 1;
  walk.address += int64_t(rows - 1) * walk.strides[0];
  walk.next();
}

void LanePipe::leap(uint64_t cycles, uint32_t writes, uint32_t steps, uint32_t moves, uint32_t pipe) {
  now_ += cycles;
  pipe_ = pipe;
  skip(write_, writes);
  if (head_ != 0) {
    head_ -= moves;
    return;
  }
  if (hasReadA_)
    skip(readA_, steps);
  accRow_ += steps;
  step_ += steps;
  if (step_ == blockSteps_) {
    step_ = 0;
    head_ = ++block_ == blocks_ ? 0 : reload_;
  }
}

Cycle LanePipe::end() const {
  if (block_ == blocks_)
    return now_ + (depth_ - 1 - unsigned(std::countr_zero(pipe_)));
  uint64_t slots = head_ + (blockSteps_ - step_) + (blocks_ - block_ - 1) * (reload_ + blockSteps_);
  return now_ + slots - 1 + depth_;
}

void LanePipe::jump(uint64_t cycles) {
  now_ += cycles;
  while (cycles != 0 && block_ != blocks_) {
    uint64_t heads = std::min<uint64_t>(cycles, head_);
    head_ -= unsigned(heads);
    cycles -= heads;
    uint64_t count = std::min(cycles, blockSteps_ - step_);
    step_ += count;
    cycles -= count;
    if (step_ == blockSteps_) {
      step_ = 0;
      head_ = ++block_ == blocks_ ? 0 : reload_;
    }
  }
  uint64_t done = position(), group = done / taps_;
  tap_ = done % taps_;
  if (kind_ == Kind::Window)
    seekWindow(done);
  else if (kind_ == Kind::Rows || hasReadA_)
    readA_.seek(group * (stepsA_.end - stepsA_.begin) + stepsA_.within(tap_));
  if (kind_ == Kind::Rows && hasReadB_)
    readB_.seek(group * (stepsB_.end - stepsB_.begin) + stepsB_.within(tap_));
  for (Further &further : furtherB_)
    if (further.steps.end != 0)
      further.walk.seek(group * (further.steps.end - further.steps.begin) + further.steps.within(tap_));
  uint64_t emitted = group * emits_ + (tap_ - std::min(tap_, taps_ - emits_));
  if (leadSteps_ != 0)
    emitted = group / outputColumns_ * emittedBy(outputColumns_) + emittedBy(group % outputColumns_);
  write_.seek(emitted);
  accRow_ = acc_ + done / accSteps_;
  accStep_ = done % accSteps_;
  pipe_ = 0; // what was in it is written before the caller's last cycle
  heldA_ = heldB_ = wasFrozen_ = false;
}

void LanePipe::advance(Cycle to) {
  if (to == now_)
    return;
  if (to == end() + 1) {
    busy_ = false;
    now_ = to;
    return;
  }
  if (to > now_ + depth_)
    jump(to - depth_ - now_);
  Conflicts none;
  while (now_ < to) {
    BankSet taken = 0;
    step(taken, none);
  }
}

} // namespace tw::simulator::cycle
