// SPDX-License-Identifier: Apache-2.0
// What the parameter memory holds, as far as faults need it: which rows and tables were loaded, and of which rows every
// word is legal. Kept beside the memory, so that timing need not wait for data. Owned by the core.
#ifndef TW_SIMULATOR_CYCLE_PARAMETERS_H
#define TW_SIMULATOR_CYCLE_PARAMETERS_H

#include "../functional/State.h"
#include "LanePipe.h"
#include <vector>

namespace tw::simulator::cycle {

class Parameters final : public ParameterView {
public:
  explicit Parameters(const State &state);

  /// Looks at all rows as they are now.
  void learn();
  /// As at the start of a job: nothing is loaded; contents stay.
  void startJob();
  /// A ldp or ldt ends; its bytes in DRAM are what they will be.
  void load(const isa::Line &line);

  bool isRowInitialised(uint64_t row) const override { return rows_[row].isLoaded; }
  bool isTableInitialised(uint64_t bank) const override { return tables_[bank]; }
  bool areLegal(ParameterRow kind, uint64_t row) const override { return rows_[row].legal >> unsigned(kind) & 1; }

private:
  struct Row {
    bool isLoaded = false;
    uint8_t legal = 0; // a bit for each ParameterRow
  };
  uint8_t legalKinds(const int32_t *words) const;

  const State &state_;
  std::vector<Row> rows_;
  std::vector<uint8_t> tables_;
  std::vector<int32_t> words_; // of the rows being loaded
};

} // namespace tw::simulator::cycle
#endif
