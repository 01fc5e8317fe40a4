// SPDX-License-Identifier: Apache-2.0
// Lines that were found legal, by PC: a job that runs again need not check them again. Used by both models' fetch.
// Does not check; what is legal depends on the regions, and a change of them forgets everything.
#ifndef TW_SIMULATOR_LEGALLINES_H
#define TW_SIMULATOR_LEGALLINES_H

#include "tw/isa/Check.h"
#include "tw/isa/Line.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace tw::simulator {

class LegalLines {
public:
  /// A job with these regions begins.
  void startJob(const isa::Regions &regions) {
    const auto isSame = [](const isa::Region &a, const isa::Region &b) {
      return a.limit == b.limit && a.canRead == b.canRead && a.canWrite == b.canWrite;
    };
    if (!std::equal(regions.begin(), regions.end(), regions_.begin(), isSame))
      lines_.clear();
    regions_ = regions;
  }
  bool knows(uint32_t pc, const isa::Line &line) const { return pc < lines_.size() && lines_[pc] == line; }
  void add(uint32_t pc, const isa::Line &line) {
    if (pc >= kMost)
      return;
    lines_.resize(std::max<size_t>(lines_.size(), pc + 1));
    lines_[pc] = line;
  }

private:
  static constexpr uint32_t kMost = 1 << 16;
  isa::Regions regions_{};
  std::vector<std::optional<isa::Line>> lines_;
};

} // namespace tw::simulator

#endif // TW_SIMULATOR_LEGALLINES_H
