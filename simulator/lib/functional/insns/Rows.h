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
  uint64_t w;       // SPM address of weights [ocb][depth][lane N]
  uint64_t acc;     // first ACC row, [ocb][rows]
  uint64_t outputs; // blocks of output lanes
  uint64_t runs;    // of each row of activations, one behind the other in the reduction
  uint64_t blocks;  // of the reduction in each run: contiguous in memory
  uint64_t rows;    // rows streamed for each block
  bool accumulate;
};

/// point(row, pointers) fills `runs` pointers to the activations of one row, the rows in turn; what they point to must
/// live until the next group of ArrayBlocks::kRows rows.
template <typename Point> Effects streamRows(State &state, const ArrayWork &work, Point point) {
  const uint64_t bytes = work.blocks * state.n;
  const ArrayBlocks weights(state.n, state.spmAt(work.w), work.runs * bytes, work.outputs);
  std::vector<const int8_t *> pointers(ArrayBlocks::kRows * work.runs);
  for (uint64_t row = 0; row < work.rows; row += ArrayBlocks::kRows) {
    const uint64_t group = std::min<uint64_t>(ArrayBlocks::kRows, work.rows - row);
    for (uint64_t i = 0; i < group; ++i)
      point(row + i, pointers.data() + i * work.runs);
    const ArrayRows rows{pointers.data(), work.runs, bytes, group};
    weights.multiply(rows, ArraySums(rows), state.accRow(work.acc + row), work.rows * state.n, work.accumulate);
  }
  return {.mxRows = work.outputs * work.runs * work.blocks * work.rows};
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_INSNS_ROWS_H
