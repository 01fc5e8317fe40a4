// SPDX-License-Identifier: Apache-2.0
#include "MatrixUnit.h"
#include "tw/isa/Timing.h"
#include <cassert>

namespace tw::simulator::cycle {

using namespace isa;

void MatrixUnit::reset() {
  now_ = 0;
  block_ = blocks_ = pixel_ = 0;
  loadBlock_ = 0;
  loadGrant_ = 0;
  hold_ = 0;
  loadFrom_ = 0;
  shadowFull_ = false;
  rows_ = 0;
  activationGroups_ = weightGroups_ = 0;
  accHalves_ = 0;
  history_.fill({});
  newest_ = 0;
}

void MatrixUnit::start(const Line &line, Cycle start) {
  assert(!isFrontBusy());
  Opcode opcode = line.row()->opcode;
  uint64_t outer = 0;
  hold_ = opcode == Opcode::Gemmzt ? weightHold(config_.n) : 0;
  if (opcode == Opcode::Conv) {
    startConv(line);
    outer = uint64_t(line.get(conv::oc_n));
  } else if (opcode == Opcode::Convf) {
    startConvf(line);
    outer = uint64_t(line.get(convf::oc_n));
  } else if (opcode == Opcode::Convs) {
    startConvs(line);
    outer = uint64_t(line.get(convs::oc_n));
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
  loadGrant_ = 0;
  shadowFull_ = false;
  enterShape();
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
  height_ = uint32_t(line.get(conv::oh_n));
  pixels_ = uint64_t(height_) * width_;
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
  height_ = uint32_t(line.get(convf::oh_n));
  pixels_ = uint64_t(height_) * width_;
  weights_ = uint64_t(line.get(convf::w));
  accBase_ = uint64_t(line.get(convf::acc));
  // A row that is partly inside may begin up to N - 1 bytes before the tile's row and end in the row after it.
  activationGroups_ = banks_.groups(x_ - (padLeft_ ? int64_t(config_.n) : 0),
                                    x_ + (tileRows_ - 1) * rowStride_ + tileColumns_ + 2 * int64_t(config_.n));
}

void MatrixUnit::startConvs(const Line &line) {
  kind_ = Kind::Convs;
  // The row of the left column and the next one: as a read of N bytes from the middle of a row.
  x_ = line.get(convs::x) + int64_t(config_.n) / 2;
  rowStride_ = line.get(convs::x_hs);
  columnStride_ = config_.n;
  padTop_ = line.get(convs::pad_t);
  padLeft_ = line.get(convs::pad_l);
  tileRows_ = line.get(convs::x_h);
  tileColumns_ = line.get(convs::x_w);
  strideH_ = line.get(convs::stride_h);
  strideW_ = line.get(convs::stride_w);
  dilH_ = line.get(convs::dil_h);
  dilW_ = 2;
  kernelH_ = uint32_t(line.get(convs::kh_n));
  kernelW_ = uint32_t(line.get(convs::kp_n));
  reduce_ = 1;
  reduceStride_ = 0;
  columnBias_ = 1;
  columnSpan_ = tileColumns_ + columnBias_;
  width_ = uint32_t(line.get(convs::ow_n));
  height_ = uint32_t(line.get(convs::oh_n));
  pixels_ = uint64_t(height_) * width_;
  weights_ = uint64_t(line.get(convs::w));
  accBase_ = uint64_t(line.get(convs::acc));
  // A pair may begin one column before the tile and end in the row after it.
  activationGroups_ = banks_.groups(x_ - (padLeft_ ? int64_t(config_.n) : 0),
                                    x_ + (tileRows_ - 1) * rowStride_ + (tileColumns_ + 1) * columnStride_);
}

void MatrixUnit::startGemm(const Line &line) {
  kind_ = Kind::Gemm;
  static_assert(gemm::x.lsb == gemmz::x.lsb && gemm::w.lsb == gemmzt::w.lsb && gemm::acc.lsb == gemmzt::acc.lsb);
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
  height_ = 1;
  columnSpan_ = int64_t(pixels_);
  weights_ = uint64_t(line.get(gemm::w));
  accBase_ = uint64_t(line.get(gemm::acc));
  activationGroups_ =
      banks_.groups(x_, x_ + int64_t(pixels_ - 1) * columnStride_ + (int64_t(reduce_) - 1) * reduceStride_ + config_.n);
}

void MatrixUnit::enterBlock() {
  uint32_t rest = uint32_t(block_);
  inner_ = rest % reduce_;
  rest /= reduce_;
  kw_ = rest % kernelW_;
  rest /= kernelW_;
  kh_ = rest % kernelH_;
  enterWalk(rest / kernelH_);
}

// The block after the one that was entered last.
void MatrixUnit::enterFollowingBlock() {
  uint64_t outer = outer_;
  if (++inner_ == reduce_) {
    inner_ = 0;
    if (++kw_ == kernelW_) {
      kw_ = 0;
      if (++kh_ == kernelH_) {
        kh_ = 0;
        ++outer;
      }
    }
  }
  enterWalk(outer);
}

void MatrixUnit::enterWalk(uint64_t outer) {
  outer_ = outer;
  const int64_t inner = int64_t(inner_) * reduceStride_, kw = kw_, kh = kh_;
  accRow_ = accBase_ + outer * pixels_ + pixel_;
  blockRow_ = kh * dilH_ - padTop_;
  blockColumn_ = kw * dilW_ - padLeft_ + (kind_ == Kind::Convf ? inner : 0);
  blockBase_ = x_ + (kind_ == Kind::Convf ? 0 : inner);
  const int64_t down = strideH_ * rowStride_, right = strideW_ * columnStride_;
  const bool isOneStride = height_ == 1 || width_ == 1 || down == int64_t(width_) * right;
  const bool isInside = blockRow_ >= 0 && blockRow_ + int64_t(height_ - 1) * strideH_ < tileRows_ &&
                        blockColumn_ + columnBias_ >= 0 &&
                        blockColumn_ + columnBias_ + int64_t(width_ - 1) * strideW_ < columnSpan_;
  const bool isOneRow = isOneStride && isInside;
  blockStride_ = isOneRow && width_ == 1 ? down : right;
  blockWidth_ = isOneRow ? pixels_ : width_;
  blockColumns_ = isOneRow ? kNoBound : columnSpan_;
  if (pixel_ < blockWidth_) {
    oh_ = 0;
    ow_ = uint32_t(pixel_);
  } else {
    oh_ = uint32_t(pixel_) / width_;
    ow_ = uint32_t(pixel_) % width_;
  }
  enterRow();
}

void MatrixUnit::enterRow() {
  row_ = oh_ * strideH_ + blockRow_;
  column_ = ow_ * strideW_ + blockColumn_;
  isRowInside_ = row_ >= 0 && row_ < tileRows_;
  address_ = blockBase_ + row_ * rowStride_ + blockColumn_ * columnStride_ + ow_ * blockStride_;
}

inline BankSet MatrixUnit::rowBanks() const {
  if (!isRowInside_ || uint64_t(column_ + columnBias_) >= uint64_t(blockColumns_))
    return 0;
  return banks_.unaligned(uint64_t(address_));
}

unsigned MatrixUnit::issuedHalf(Cycle c) const {
  for (unsigned back = 0; back != kHistory; ++back) {
    const Issue &issue = history_[(newest_ - back) % kHistory];
    if (issue.last < c)
      return 0;
    if (issue.first <= c)
      return (issue.schedule ? issue.schedule->steps(kActivations, c - issue.first)
                             : issue.cycles == kEvery || (issue.cycles >> (c - issue.first) & 1) != 0)
                 ? issue.half
                 : 0;
  }
  return 0;
}

void MatrixUnit::remember(Cycle first, uint64_t cycles, const Schedule *schedule, uint64_t which) {
  Issue &newest = history_[newest_ % kHistory];
  if (!schedule && !newest.schedule && which == kEvery && newest.cycles == kEvery && newest.last + 1 == first &&
      newest.half == half()) {
    newest.last += cycles;
    return;
  }
  history_[++newest_ % kHistory] = {first, first + cycles - 1, schedule, uint8_t(half()), which};
}

// Rows that lie in one row of the tile, or in one block that counts as one row.
void MatrixUnit::issueRows(uint64_t count) {
  rows_ += count;
  accRow_ += count;
  pixel_ += count;
  ow_ += uint32_t(count);
  if (pixel_ == pixels_)
    return enterNextBlock();
  if (ow_ == blockWidth_) {
    ow_ = 0;
    ++oh_;
    return enterRow();
  }
  column_ += int64_t(count) * strideW_;
  address_ += int64_t(count) * blockStride_;
}

void MatrixUnit::enterNextBlock() {
  pixel_ = 0;
  if (++block_ != blocks_)
    enterFollowingBlock();
}

// Rows of the tile's row at hand, from column `column` on, that are not read because they lie outside the tile.
uint64_t MatrixUnit::rowsOutside(bool isRowInside, int64_t column) const {
  const int64_t biased = column + columnBias_;
  if (!isRowInside || biased >= blockColumns_)
    return kNever;
  return biased >= 0 ? 0 : uint64_t(strideW_ - 1 - biased) / uint64_t(strideW_);
}

bool MatrixUnit::streamerRequests(Streams &streams) const {
  uint64_t left = rowsToLeap();
  if (const uint64_t half = config_.accRows / 2; accRow_ < half)
    left = std::min(left, half - accRow_);
  uint64_t inRow = blockWidth_ - ow_; // in the tile's row at hand
  const uint64_t outside = std::min(rowsOutside(isRowInside_, column_), inRow);
  int64_t column = column_ + int64_t(outside) * strideW_, address = address_ + int64_t(outside) * blockStride_;
  bool isRowInside = isRowInside_;
  int64_t row = row_;
  if (outside == inRow) { // they are followed by the next row
    row += strideH_;
    isRowInside = row >= 0 && row < tileRows_;
    column = blockColumn_;
    address = blockBase_ + row * rowStride_ + column * columnStride_;
    inRow += width_;
  }
  Stream &activations = streams[kActivations];
  if (outside > Streams::kMostOutside || outside >= left || rowsOutside(isRowInside, column) != 0) {
    activations = {Stream::Free, 0, 0, 0, std::min(left, outside)};
    return activations.left != 0;
  }
  left = std::min(left, inRow) - outside;
  const int64_t biased = column + columnBias_;
  if (blockColumns_ != kNoBound && int64_t(left - 1) * strideW_ >= blockColumns_ - biased)
    left = uint64_t(blockColumns_ - biased + strideW_ - 1) / uint64_t(strideW_);
  const int64_t last = address + int64_t(left - 1) * blockStride_;
  if (std::min(address, last) < 0 || std::max(address, last) + int64_t(config_.n) > int64_t(config_.spmBytes))
    return false;
  const uint64_t first = uint64_t(address);
  const unsigned group = banks_.group(first);
  if (group != banks_.group(first + config_.n - 1) || group != banks_.group(uint64_t(last)) ||
      group != banks_.group(uint64_t(last) + config_.n - 1)) {
    const uint64_t end = banks_.groupEnd(first);
    if (blockStride_ <= 0 || first + config_.n > end)
      return false;
    left = (end - config_.n - first) / uint64_t(blockStride_) + 1;
  }
  activations = {Stream::Asking, uint8_t(group), banks_.position(first), banks_.position(uint64_t(blockStride_)),
                 left + outside};
  streams.outside = uint32_t(outside);
  return true;
}

bool MatrixUnit::requests(Streams &streams) const {
  if (hold_ != 0 || now_ < loadFrom_)
    return false;
  const bool swaps = pixel_ == 0 && shadowFull_;
  if ((pixel_ != 0 || shadowFull_) && !streamerRequests(streams))
    return false;
  if (loadBlock_ == blocks_ || (shadowFull_ && !swaps))
    return true;
  const uint64_t address = weightAddress(), rows = banks_.rowsInGroup(address);
  if (rows < config_.weightRows)
    return false;
  // Two rows are what a read across two rows takes.
  streams[kWeights] = {Stream::Asking, uint8_t(banks_.group(address)),
                       uint16_t(banks_.position(address) + config_.weightRows - 1),
                       banks_.position(config_.n * config_.weightRows),
                       std::min<uint64_t>(grants_ - loadGrant_, rows / config_.weightRows)};
  if (swaps) {
    streams[kWeights].left = kNever;
    streams.loads = grants_;
    if (rows < config_.n)
      return false;
  }
  return true;
}

void MatrixUnit::leap(uint64_t cycles, const Schedule *schedule, uint64_t activations, uint64_t weights) {
  if (activations != 0) {
    if (pixel_ == 0)
      shadowFull_ = false;
    remember(now_, cycles, schedule);
    if (const uint64_t first = std::min(blockWidth_ - ow_, activations); first != activations) {
      issueRows(first);
      issueRows(activations - first);
    } else {
      issueRows(activations);
    }
  }
  if (weights != 0 && (loadGrant_ += uint32_t(weights)) == grants_) {
    loadGrant_ = 0;
    ++loadBlock_;
    shadowFull_ = true;
  }
  now_ += cycles;
}

bool MatrixUnit::step(BankSet &taken, Conflicts &conflicts) {
  unsigned lost = 0;
  bool mayStream = isFrontBusy() && (pixel_ != 0 || shadowFull_);
  bool mayLoad = loadBlock_ != blocks_ && !shadowFull_ && now_ >= loadFrom_;
  bool issues = mayStream && grant(rowBanks(), taken, lost);
  bool loads = mayLoad && grant(weightBanks(weightAddress()), taken, lost);
  if (issues) {
    if (pixel_ == 0) {
      shadowFull_ = false;
      loadFrom_ = now_ + 1 + hold_;
    }
    remember(now_, 1, nullptr);
    issueRows(1);
  }
  if (loads && ++loadGrant_ == grants_) {
    loadGrant_ = 0;
    ++loadBlock_;
    shadowFull_ = true;
  }
  conflicts.requests += lost;
  conflicts.cycles += lost != 0;
  ++now_;
  return issues && !isFrontBusy();
}

Cycle MatrixUnit::lastIssue() const {
  Cycle full = shadowFull_ ? now_ : std::max(now_, loadFrom_) + grants_ - loadGrant_;
  if (pixel_ == 0)
    return std::max(now_, full) + (blocks_ - block_ - 1) * period() + pixels_ - 1;
  Cycle end = now_ + (pixels_ - pixel_); // the block is through
  uint64_t rest = blocks_ - block_ - 1;
  return rest == 0 ? end - 1 : std::max(end, full) + (rest - 1) * period() + pixels_ - 1;
}

// Takes the state forward mode by mode: in each, the streamer and the loader either move one row a cycle or stand.
void MatrixUnit::jump(Cycle to) {
  while (now_ < to) {
    if (isFrontBusy() && pixel_ == 0 && shadowFull_) { // whole blocks, each of which leaves the state as it is now
      uint64_t count = std::min((to - now_) / period(), blocks_ - block_ - 1);
      count -= std::min<uint64_t>(count, 1 + config_.weightRows); // the last N + 3 cycles are remembered
      now_ += count * period();
      rows_ += count * pixels_;
      block_ += count;
      loadBlock_ += count;
      if (now_ == to)
        break;
    }
    bool streams = isFrontBusy() && (pixel_ != 0 || shadowFull_);
    const bool waits = now_ < loadFrom_, loads = loadBlock_ != blocks_ && !shadowFull_ && !waits;
    uint64_t span = to - now_;
    if (waits)
      span = std::min(span, loadFrom_ - now_);
    if (streams) // the first row of a block swaps the weights, which starts the loader
      span = std::min(span, pixel_ == 0 ? 1 : pixels_ - pixel_);
    if (loads)
      span = std::min(span, uint64_t(grants_ - loadGrant_));
    if (streams) {
      if (pixel_ == 0) {
        shadowFull_ = false;
        loadFrom_ = now_ + 1 + hold_;
      }
      if (now_ + span + config_.n + 3 >= to)
        rememberRows(span);
      rows_ += span;
      pixel_ += span;
      if (pixel_ == pixels_) {
        pixel_ = 0;
        ++block_;
      }
    }
    if (loads && (loadGrant_ += uint32_t(span)) == grants_) {
      loadGrant_ = 0;
      ++loadBlock_;
      shadowFull_ = true;
    }
    now_ += span;
  }
  if (isFrontBusy())
    enterBlock();
}

// Rows of the block at hand, one in each of `cycles` cycles from now_ on.
void MatrixUnit::rememberRows(uint64_t cycles) {
  accRow_ = accBase_ + block_ / (uint64_t(kernelH_) * kernelW_ * reduce_) * pixels_ + pixel_;
  const uint64_t half = config_.accRows / 2;
  const uint64_t lower = accRow_ < half ? std::min(cycles, half - accRow_) : 0;
  if (lower != 0)
    remember(now_, lower, nullptr);
  accRow_ += lower;
  if (lower != cycles)
    remember(now_ + lower, cycles - lower, nullptr);
}

void MatrixUnit::advance(Cycle to) {
  if (now_ < to)
    jump(to);
}

} // namespace tw::simulator::cycle
