// SPDX-License-Identifier: Apache-2.0
#include "MatrixUnit.h"
#include <cassert>

namespace tw::simulator::cycle {

using namespace isa;

void MatrixUnit::reset() {
  now_ = 0;
  block_ = blocks_ = pixel_ = 0;
  loadBlock_ = 0;
  loadRow_ = 0;
  shadowFull_ = false;
  rows_ = 0;
  activationGroups_ = weightGroups_ = 0;
  accHalves_ = 0;
  historyCycle_.fill(kNever);
  history_.fill(0);
}

void MatrixUnit::start(const Line &line, Cycle start) {
  assert(!isFrontBusy());
  Opcode opcode = line.row()->opcode;
  uint64_t outer = 0;
  if (opcode == Opcode::Conv) {
    startConv(line);
    outer = uint64_t(line.get(conv::oc_n));
  } else if (opcode == Opcode::Convf) {
    startConvf(line);
    outer = uint64_t(line.get(convf::oc_n));
  } else {
    startGemm(line);
    outer = uint64_t(line.get(gemm::oc_n));
  }
  blocks_ = outer * kernelH_ * kernelW_ * reduce_;
  weightGroups_ = banks_.groups(int64_t(weights_), int64_t(weights_ + blocks_ * config_.n * config_.n));
  uint64_t half = config_.accRows / 2, accEnd = accBase_ + outer * pixels_;
  accHalves_ = (accBase_ < half ? 1 : 0) | (accEnd > half ? 2 : 0);
  now_ = start + 1;
  block_ = pixel_ = 0;
  oh_ = ow_ = 0;
  loadBlock_ = 0;
  loadRow_ = 0;
  shadowFull_ = false;
  enterBlock();
}

void MatrixUnit::startConv(const Line &line) {
  kind_ = Kind::Conv;
  x_ = line.get(conv::x);
  rowStride_ = line.get(conv::x_hs);
  columnStride_ = line.get(conv::x_ws);
  padTop_ = line.get(conv::pad_t);
  padLeft_ = line.get(conv::pad_l);
  tileRows_ = line.get(conv::x_h);
  tileColumns_ = line.get(conv::x_w);
  strideH_ = line.get(conv::stride_h);
  strideW_ = line.get(conv::stride_w);
  dilH_ = line.get(conv::dil_h);
  dilW_ = line.get(conv::dil_w);
  kernelH_ = uint32_t(line.get(conv::kh_n));
  kernelW_ = uint32_t(line.get(conv::kw_n));
  reduce_ = uint32_t(line.get(conv::ic_n));
  reduceStride_ = config_.n;
  columnBias_ = 0;
  columnSpan_ = tileColumns_;
  width_ = uint32_t(line.get(conv::ow_n));
  pixels_ = uint64_t(line.get(conv::oh_n)) * width_;
  weights_ = uint64_t(line.get(conv::w));
  accBase_ = uint64_t(line.get(conv::acc));
  activationGroups_ = banks_.groups(x_, x_ + (tileRows_ - 1) * rowStride_ + (tileColumns_ - 1) * columnStride_ +
                                            int64_t(reduce_) * config_.n);
}

void MatrixUnit::startConvf(const Line &line) {
  kind_ = Kind::Convf;
  x_ = line.get(convf::x);
  rowStride_ = line.get(convf::x_hs);
  columnStride_ = 1;
  padTop_ = line.get(convf::pad_t);
  padLeft_ = line.get(convf::pad_b);
  tileRows_ = line.get(convf::x_h);
  tileColumns_ = line.get(convf::x_b);
  strideH_ = line.get(convf::stride_h);
  strideW_ = line.get(convf::x_ws);
  dilH_ = line.get(convf::dil_h);
  kernelH_ = uint32_t(line.get(convf::kh_n));
  kernelW_ = 1;
  reduce_ = uint32_t(line.get(convf::f_n));
  reduceStride_ = config_.n;
  columnBias_ = int64_t(config_.n) - 1;
  columnSpan_ = tileColumns_ + columnBias_;
  width_ = uint32_t(line.get(convf::ow_n));
  pixels_ = uint64_t(line.get(convf::oh_n)) * width_;
  weights_ = uint64_t(line.get(convf::w));
  accBase_ = uint64_t(line.get(convf::acc));
  // A row that is partly inside may begin up to N - 1 bytes before the tile's row and end in the row after it.
  activationGroups_ = banks_.groups(x_ - (padLeft_ ? int64_t(config_.n) : 0),
                                    x_ + (tileRows_ - 1) * rowStride_ + tileColumns_ + 2 * int64_t(config_.n));
}

void MatrixUnit::startGemm(const Line &line) {
  kind_ = Kind::Gemm;
  x_ = line.get(gemm::x);
  columnStride_ = line.get(gemm::x_ms);
  reduceStride_ = line.get(gemm::x_ks);
  kernelH_ = kernelW_ = 1;
  rowStride_ = strideH_ = padTop_ = padLeft_ = dilH_ = dilW_ = 0;
  strideW_ = tileRows_ = 1;
  columnBias_ = 0;
  reduce_ = uint32_t(line.get(gemm::k_n));
  pixels_ = uint64_t(line.get(gemm::m_n));
  width_ = uint32_t(pixels_);
  columnSpan_ = int64_t(pixels_);
  weights_ = uint64_t(line.get(gemm::w));
  accBase_ = uint64_t(line.get(gemm::acc));
  activationGroups_ =
      banks_.groups(x_, x_ + int64_t(pixels_ - 1) * columnStride_ + (int64_t(reduce_) - 1) * reduceStride_ + config_.n);
}

void MatrixUnit::enterBlock() {
  uint64_t rest = block_;
  int64_t inner = int64_t(rest % reduce_) * reduceStride_;
  rest /= reduce_;
  int64_t kw = int64_t(rest % kernelW_);
  rest /= kernelW_;
  int64_t kh = int64_t(rest % kernelH_);
  accRow_ = accBase_ + rest / kernelH_ * pixels_ + pixel_;
  blockRow_ = kh * dilH_ - padTop_;
  blockColumn_ = kw * dilW_ - padLeft_ + (kind_ == Kind::Convf ? inner : 0);
  blockBase_ = x_ + (kind_ == Kind::Convf ? 0 : inner);
  enterRow();
}

void MatrixUnit::enterRow() {
  row_ = oh_ * strideH_ + blockRow_;
  column_ = ow_ * strideW_ + blockColumn_;
  isRowInside_ = row_ >= 0 && row_ < tileRows_;
  address_ = blockBase_ + row_ * rowStride_ + column_ * columnStride_;
}

inline BankSet MatrixUnit::rowBanks() const {
  if (!isRowInside_ || uint64_t(column_ + columnBias_) >= uint64_t(columnSpan_))
    return 0;
  return banks_.unaligned(uint64_t(address_));
}

inline void MatrixUnit::issueRow() {
  historyCycle_[now_ % kHistory] = now_;
  history_[now_ % kHistory] = accRow_ < config_.accRows / 2 ? 1 : 2;
  ++rows_;
  ++accRow_;
  if (++pixel_ == pixels_) {
    pixel_ = 0;
    oh_ = ow_ = 0;
    if (++block_ != blocks_)
      enterBlock();
  } else if (++ow_ == width_) {
    ow_ = 0;
    ++oh_;
    enterRow();
  } else {
    column_ += strideW_;
    address_ += strideW_ * columnStride_;
  }
}

bool MatrixUnit::step(BankSet &taken, Conflicts &conflicts) {
  unsigned lost = 0;
  bool mayStream = isFrontBusy() && (pixel_ != 0 || shadowFull_);
  bool mayLoad = loadBlock_ != blocks_ && !shadowFull_;
  bool issues = mayStream && grant(rowBanks(), taken, lost);
  bool loads = mayLoad && grant(banks_.bank(weights_ + (loadBlock_ * config_.n + loadRow_) * config_.n), taken, lost);
  if (issues) {
    if (pixel_ == 0)
      shadowFull_ = false;
    issueRow();
  }
  if (loads && ++loadRow_ == config_.n) {
    loadRow_ = 0;
    ++loadBlock_;
    shadowFull_ = true;
  }
  conflicts.requests += lost;
  conflicts.cycles += lost != 0;
  ++now_;
  return issues && !isFrontBusy();
}

void MatrixUnit::stream(Cycle to) {
  const uint64_t count = to - now_;
  assert(count <= rowsBeforeLoader());
  // Who asks for the halves of ACC in use looks back at most N + 2 cycles.
  for (uint64_t back = std::min<uint64_t>(count, config_.n + 3); back != 0; --back) {
    historyCycle_[(to - back) % kHistory] = to - back;
    history_[(to - back) % kHistory] = accRow_ + count - back < config_.accRows / 2 ? 1 : 2;
  }
  now_ = to;
  rows_ += count;
  accRow_ += count;
  pixel_ += count;
  oh_ = uint32_t(pixel_ / width_);
  ow_ = uint32_t(pixel_ % width_);
  enterRow();
}

Cycle MatrixUnit::lastIssue() const {
  uint64_t period = std::max<uint64_t>(pixels_, config_.n + 1);
  Cycle full = shadowFull_ ? now_ : now_ + config_.n - loadRow_;
  if (pixel_ == 0)
    return std::max(now_, full) + (blocks_ - block_ - 1) * period + pixels_ - 1;
  Cycle end = now_ + (pixels_ - pixel_); // the block is through
  uint64_t rest = blocks_ - block_ - 1;
  return rest == 0 ? end - 1 : std::max(end, full) + (rest - 1) * period + pixels_ - 1;
}

// Takes the state forward mode by mode: in each, the streamer and the loader either move one row a cycle or stand.
void MatrixUnit::jump(Cycle to) {
  uint64_t period = std::max<uint64_t>(pixels_, config_.n + 1);
  while (now_ < to) {
    if (isFrontBusy() && pixel_ == 0 && shadowFull_) { // whole blocks, each of which leaves the state as it is now
      uint64_t count = std::min((to - now_) / period, blocks_ - block_ - 1);
      now_ += count * period;
      rows_ += count * pixels_;
      block_ += count;
      loadBlock_ += count;
      if (now_ == to)
        break;
    }
    bool streams = isFrontBusy() && (pixel_ != 0 || shadowFull_);
    bool loads = loadBlock_ != blocks_ && !shadowFull_;
    uint64_t span = to - now_;
    if (streams) // the first row of a block swaps the weights, which starts the loader
      span = std::min(span, pixel_ == 0 ? 1 : pixels_ - pixel_);
    if (loads)
      span = std::min(span, uint64_t(config_.n - loadRow_));
    if (streams) {
      if (pixel_ == 0)
        shadowFull_ = false;
      rows_ += span;
      pixel_ += span;
      if (pixel_ == pixels_) {
        pixel_ = 0;
        ++block_;
      }
    }
    if (loads && (loadRow_ += uint32_t(span)) == config_.n) {
      loadRow_ = 0;
      ++loadBlock_;
      shadowFull_ = true;
    }
    now_ += span;
  }
  oh_ = uint32_t(pixel_ / width_);
  ow_ = uint32_t(pixel_ % width_);
  if (isFrontBusy())
    enterBlock();
}

void MatrixUnit::advance(Cycle to) {
  // The last cycles are stepped, so that the history of ACC is there for whoever asks next.
  Cycle tail = config_.n + 3;
  if (to > now_ + tail)
    jump(to - tail);
  Conflicts none;
  while (now_ < to) {
    BankSet taken = 0;
    step(taken, none);
  }
}

} // namespace tw::simulator::cycle
