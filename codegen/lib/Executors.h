// SPDX-License-Identifier: Apache-2.0
// What for: what the pipeline asks of whoever can run blocks. Each executor is a folder (npu, host, gpu) and a row of
// the list that Compile.cpp makes. Called by: Choose, which gives each block to one, and the pipeline. Does not: know a
// machine or a processor.
#ifndef TW_CODEGEN_LIB_EXECUTORS_H
#define TW_CODEGEN_LIB_EXECUTORS_H

#include "Blocks.h"
#include "Plan.h"

#include "llvm/Support/Error.h"

#include <optional>
#include <variant>

namespace tw::codegen {

/// A block's loops as one call uses them, read once for all executors.
struct BlockLoops {
  std::variant<tensorize::Block, tensorize::Rejection> block; // the rejection: they are no single nest
  std::vector<TensorId> tensors;                              // of the call, in the order in which they were read
};

/// Why an executor does not run a block: `chain` is what was tried, empty where nothing could be.
struct Refusal {
  ExecutorId executor = ExecutorId::Host;
  tensorize::Rejection what;
};
using Refusals = std::vector<Refusal>;

/// The bytes of a tensor as an executor reads or writes them.
enum class Form : uint8_t {
  RowMajor,
  LaneRows,
  OnGpu, // row-major, in memory that the GPU alone sees
};
struct FormOf {
  TensorId tensor = 0;
  Form form = Form::RowMajor;
  bool operator==(const FormOf &) const = default;
};

/// A tensor in another form than it lies in: a block of its own, made once for each tensor and form.
struct Conversion {
  FormOf to;
  int8_t beside = 0;    // what goes to the lanes beside its elements, of LaneRows
  int from = -1;        // the buffer of the other form; -1: not there yet
  bool isOnGpu = false; // where that lies; else it lies row-major or in rows of lanes, whichever it is not to get
};

/// How an executor could run a block. Nothing is promised yet, and nothing of it is in the plan or in any code.
struct Candidate {
  virtual ~Candidate() = default;
  std::vector<FormOf> wanted{}, given{}; // of what it reads that is no constant of its own, and of its results
  uint64_t leastBytes = 0; // memory of the executor without which it cannot run: on chip, or scratch of the host
  double boundNs = 0;      // on the NPU no schedule is faster, on the host an estimate; without conversions of forms
};

/// A block that does not fit into its region, and why.
struct Misfit {
  int block = 0; // by position in Blocks::calls()
  tensorize::Rejection why;
};

class Executor {
public:
  virtual ~Executor() = default;
  virtual ExecutorId id() const = 0;

  virtual std::variant<std::unique_ptr<Candidate>, Refusals> candidate(const BlockCall &call,
                                                                       const BlockLoops &loops) = 0;
  /// The block joins this executor's open region. `row`, the next one of the report, gets what is known of it.
  virtual void take(int block, const BlockCall &call, std::unique_ptr<Candidate> candidate, PlacementRow &row) = 0;

  /// The same for a change of form; the tensor is int8 where it comes to lie in rows of lanes.
  virtual std::variant<std::unique_ptr<Candidate>, tensorize::Rejection> candidate(const Conversion &what) = 0;
  /// Before the block that needs it joins a region. The buffer in which the tensor has the form.
  virtual int take(const Conversion &what, std::unique_ptr<Candidate> candidate) = 0;

  /// Schedules of all regions, without code for them, and what they cost. An error is the user's: a given schedule that
  /// cannot be obeyed.
  virtual llvm::Expected<std::variant<std::vector<RegionCost>, Misfit>> schedule() = 0;
  /// Code of what was scheduled; each tensor that lies in DRAM has its buffer then, but no address.
  virtual llvm::Error emit() = 0;
  /// The image, into the plan, when the arena is laid out.
  virtual llvm::Error link() = 0;
};

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_EXECUTORS_H
