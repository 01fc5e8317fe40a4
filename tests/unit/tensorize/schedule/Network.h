// SPDX-License-Identifier: Apache-2.0
// A few blocks in a row as a segment, with what they must compute, and a machine that runs what comes of it: for tests
// of choosing, placing and emitting. Instructions are executed one after the other by the tables' semantics.
#ifndef TW_TESTS_UNIT_TENSORIZE_SCHEDULE_NETWORK_H
#define TW_TESTS_UNIT_TENSORIZE_SCHEDULE_NETWORK_H

#include "Blocks.h"
#include "Evaluate.h"
#include "tw/isa/HwConfig.h"
#include "tw/tensorize/Schedule.h"

namespace tw::test {

/// A machine of the project, with as many bytes of scratchpad (0: its own).
isa::HwConfig machine(const std::string &name, uint64_t spmBytes = 0);

/// Runs the instructions on what lies in DRAM: tensors from these offsets on. Empty, or what is wrong.
std::string execute(const tensorize::LoweredSegment &lowered, const isa::HwConfig &config,
                    const tensorize::Target &target, const std::vector<int64_t> &offset, std::vector<uint8_t> &arena);

class Network {
public:
  explicit Network(const isa::HwConfig &config);
  Network(const Network &) = delete;

  /// A tensor that is there before.
  int input(std::vector<int64_t> shape);
  /// A block that reads these tensors, in the order of its operands; the tensor that it makes. Its mappings are proved,
  /// unless a test wants to see what happens with others.
  int add(tensorize::Block block, const std::vector<int> &reads, bool isOutput = false, bool isProved = true);

  const tensorize::Target &target() const { return machineTarget; }
  const tensorize::Segment &segment() const { return made; }

  /// Runs the instructions; what is wrong with the outputs, or empty.
  std::string run(const tensorize::LoweredSegment &lowered) const;
  /// Places, emits and runs; an error of placing is given back in `refused`.
  std::string run(const tensorize::Schedule &schedule, std::string *refused = nullptr) const;

private:
  isa::HwConfig config;
  tensorize::Target machineTarget;
  std::vector<tensorize::Chain> chains;
  tensorize::Segment made;
  std::vector<std::vector<int64_t>> shapes;
  Tensors values; // by definition
  mutable std::mt19937 random{1};
};

/// Convolution, depthwise, pointwise and a residual of the first one's result, as a MobileNet has them.
void addBottleneck(Network &network, int64_t size, int64_t channels, int64_t expanded);

/// A legal schedule, most often a bad one.
tensorize::Schedule randomSchedule(const tensorize::Segment &segment, std::mt19937 &random);

} // namespace tw::test

#endif // TW_TESTS_UNIT_TENSORIZE_SCHEDULE_NETWORK_H
