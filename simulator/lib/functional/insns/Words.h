// SPDX-License-Identifier: Apache-2.0
// The walk that drw and rsw share: rows of ACC beside their words in SPM.
#ifndef TW_SIMULATOR_FUNCTIONAL_INSNS_WORDS_H
#define TW_SIMULATOR_FUNCTIONAL_INSNS_WORDS_H

#include "../Kernels.h"

namespace tw::simulator {

// Both rows of the table have one layout.
static_assert(isa::drw::acc.lsb == isa::rsw::acc.lsb && isa::drw::y.lsb == isa::rsw::x.lsb &&
              isa::drw::y_cs.lsb == isa::rsw::x_cs.lsb);

/// Calls row(ACC row, its words in SPM, bytes) for each row, in stream order. SPM is little endian, as the host is.
template <typename Row> void forEachWordRow(State &state, const isa::Line &line, Row row) {
  namespace f = isa::drw;
  auto get = [&](isa::FieldRef field) { return static_cast<uint64_t>(line.get(field)); };
  const uint64_t oc_n = get(f::oc_n), oh_n = get(f::oh_n), ow_n = get(f::ow_n);
  const TileWalk tile{get(f::y), get(f::y_hs), get(f::y_ws), get(f::y_cs)};
  int32_t *acc = state.accRow(get(f::acc));
  for (uint64_t ocb = 0; ocb < oc_n; ++ocb)
    for (uint64_t oh = 0; oh < oh_n; ++oh)
      for (uint64_t ow = 0; ow < ow_n; ++ow, acc += state.n)
        row(acc, state.spmAt(tile.at(ocb, oh, ow)), state.n * sizeof(int32_t));
}

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_INSNS_WORDS_H
