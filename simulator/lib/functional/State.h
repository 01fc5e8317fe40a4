// SPDX-License-Identifier: Apache-2.0
// The memories of a machine and its regions: all that an instruction can read or change.
// Used by the functional model and, as the data behind its timing, by the cycle model.
#ifndef TW_SIMULATOR_FUNCTIONAL_STATE_H
#define TW_SIMULATOR_FUNCTIONAL_STATE_H

#include "tw/isa/Check.h"
#include "tw/isa/HwConfig.h"
#include "tw/isa/Tables.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

namespace tw::simulator {

/// One of the regions through which addresses leave the chip.
struct Region {
  uint64_t base = 0;  // physical
  uint64_t limit = 0; // bytes
  bool read = false, write = false, execute = false;
};

/// DRAM: zero until written, and not backed by the host's memory until touched.
class Dram {
public:
  explicit Dram(uint64_t bytes) : data_(static_cast<uint8_t *>(std::calloc(bytes ? bytes : 1, 1))), bytes_(bytes) {}
  std::span<uint8_t> bytes() { return {data_.get(), data_ ? bytes_ : 0}; }

  /// Bytes beyond the end read as zero and are not written.
  void read(uint64_t address, void *to, uint64_t count) const;
  void write(uint64_t address, const void *from, uint64_t count);

private:
  struct Free {
    void operator()(uint8_t *p) const { std::free(p); }
  };
  std::unique_ptr<uint8_t[], Free> data_;
  uint64_t bytes_;
};

struct State {
  State(const isa::HwConfig &config, uint64_t memoryBytes, uint8_t poison);

  /// As after reset: on-chip memories hold `poison`, nothing is initialised, no region is open. DRAM stays.
  void reset(uint8_t poison);
  /// As at the start of a job: parameter rows and tables count as not loaded.
  void startJob();

  int8_t *spmAt(uint64_t address) { return spm.data() + address; }
  const int8_t *spmAt(uint64_t address) const { return spm.data() + address; }
  int32_t *accRow(uint64_t row) { return acc.data() + row * n; }
  const int32_t *paramRow(uint64_t row) const { return param.data() + row * n; }
  /// Physical address of an offset in a region.
  uint64_t physical(uint64_t region, uint64_t offset) const { return regions[region].base + offset; }
  /// On-chip memory as bytes, little endian.
  std::span<const uint8_t> bytesOf(isa::Space space) const;

  isa::HwConfig config;
  uint32_t n; // lanes
  std::vector<int8_t> spm;
  std::vector<int32_t> acc;   // [row][lane]
  std::vector<int32_t> param; // [row][lane]
  std::vector<uint8_t> paramLoaded;
  std::vector<int8_t> lut; // [bank][256]
  std::vector<uint8_t> lutLoaded;
  Dram dram;
  std::array<Region, isa::kRegions> regions;
};

/// The regions in the form in which isa::checkLine takes them.
isa::Regions checkedRegions(const State &state);

} // namespace tw::simulator

#endif // TW_SIMULATOR_FUNCTIONAL_STATE_H
