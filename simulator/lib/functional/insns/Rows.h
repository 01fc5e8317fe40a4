// SPDX-License-Identifier: Apache-2.0
// Streams rows of activations through blocks of weights: what conv, convf and gemm share.
#ifndef TW_SIMULATOR_FUNCTIONAL_INSNS_ROWS_H
#define TW_SIMULATOR_FUNCTIONAL_INSNS_ROWS_H

#include "../Array.h"
#include "../Kernels.h"

#include <algorithm>

namespace tw::simulator {

/// The fields that all three have.
struct ArrayWork {
  uint64_t w;       // SPM address of weights [ocb][blocks][k N][lane N]
  uint64_t acc;     // first ACC row, [ocb][rows]
  uint64_t outputs; // blocks of output lanes
  uint64_t blocks;  // blocks of the reduction
  uint64_t rows;    // rows streamed for each block
  bool accumulate;
};

/// point(row, pointers) fills `blocks` pointers to the n activations of one row; what they point to must live until the
/// next group of ArrayBlocks::kRows rows.
template <typename Point> Effects streamRows(State &state, const ArrayWork &work, Point point) {
  std::vector<ArrayBlocks> weights;
  weights.reserve(work.outputs);
  for (uint64_t ocb = 0; ocb < work.outputs; ++ocb)
    weights.emplace_back(state.n, state.spmAt(work.w + ocb * work.blocks * state.n * state.n), work.blocks);
  std::vector<const int8_t *> pointers(ArrayBlocks::kRows * work.blocks);
  for (uint64_t row = 0; row < work.rows; row += ArrayBlocks::kRows) {
    const uint64_t group = std::min<uint64_t>(ArrayBlocks::kRows, work.rows - row);
    for (uint64_t i = 0; i < group; ++i)
      point(row + i, pointers.data() + i * work.blocks);
    const ArraySums sums(state.n, pointers.data(), work.blocks, group);
    for (uint64_t ocb = 0; ocb < work.outputs; ++ocb)
      weights[ocb].multiply(pointers.data(), sums, group, state.accRow(work.acc + ocb * work.rows + row),
                            work.accumulate);
  }
  return {.mxRows = work.outputs * work.blocks * work.rows};
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_INSNS_ROWS_H
