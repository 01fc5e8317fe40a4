// SPDX-License-Identifier: Apache-2.0
// What for: an imported graph becomes a package, and a report of what runs where and why.
// Called by: tools and end-to-end tests.
// Does not: import, read or write files, or run anything.
#ifndef TW_CODEGEN_COMPILE_H
#define TW_CODEGEN_COMPILE_H

#include "tw/codegen/Executor.h"
#include "tw/ir/PassCounts.h"
#include "tw/isa/Package.h"
#include "tw/tensorize/Block.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tw::codegen {

/// What one job of a package took when it was run: all of it, and the share of each tag's operator.
struct JobTime {
  struct Share {
    uint16_t tag = 0;
    uint64_t cycles = 0;
    std::string boundBy; // what it spends most of its time with
  };
  uint64_t cycles = 0;
  std::vector<Share> shares; // they add up to all but the end of the job
};

/// A file that an option names: for errors, and its contents.
struct NamedText {
  std::string name, text;
};

/// How code for a GPU is made, where one is among the executors.
struct GpuOptions {
  std::string arch = "sm_80"; // the least compute capability that its kernels need; an error names those that there are
  // What the choice of who runs a block takes the GPU to be (GpuMachine.h of codegen/lib/gpu says which keys); nothing:
  // a product of that arch.
  std::optional<NamedText> machine{};
  bool isEmulated = false;    // the package gets the kernels for the emulator of the tests, too
  bool keepsHostCode = false; // and host code of the blocks that the GPU runs, for where there is none
};

/// A node whose block a given executor runs; `text`: how the user said so.
struct Placing {
  std::string node;
  ExecutorId executor = ExecutorId::Host;
  std::string text;
};

/// What decides who runs a block that several could run: the order of the executors, or the least of lower bound and
/// conversions.
enum class Objective : uint8_t { Offload, Latency };

struct CompileOptions {
  isa::HwConfig config;
  // Who may run blocks; the host is always among them.
  std::vector<ExecutorId> executors{kUsualExecutors.begin(), kUsualExecutors.end()};
  std::vector<Placing> places{}; // by hand
  Objective objective = Objective::Offload;
  bool scheduleOnly = false; // stop when everything has its place and schedule: a report, no package
  bool fuseResidual = true;  // off: every layer's result stays visible
  GpuOptions gpu{};
  std::string hostCpu = "x86-64-v3"; // of host code; "native" makes the bytes depend on this computer
  std::optional<NamedText> schedule; // to be obeyed (tw/tensorize/ScheduleText.h); nothing: one is chosen
  // Gets the graph when it is fused and outlined, before its blocks become loops: who wants it as a reference clones
  // it. May be empty.
  std::function<void(mlir::ModuleOp graph)> fused;
  // Gets each stage's text, numbered by the caller: name of the stage, text without the bytes of weights. May be empty.
  std::function<void(std::string_view stage, const std::string &text)> dump;
  // Runs a package's jobs and says how long each took, in order: of the finished package, and of several schedules of a
  // segment, of which the shortest is taken. Empty: the report knows no cycles, and the estimate chooses. A callback
  // because the compiler must not know a model of the machine.
  std::function<llvm::Expected<std::vector<JobTime>>(const isa::Package &package)> measure;
};

/// What a block would have cost on an executor that does not run it; where that cannot, why.
struct Elsewhere {
  ExecutorId executor = ExecutorId::Host;
  double ns = 0; // its lower bound or estimate, with the conversions of form and copies that it would have caused
  std::string whyNot{};
};

/// One block: a call of an outlined function.
struct PlacementRow {
  std::string node;      // name in the source model
  std::string block;     // the function, which several rows may share: blk_qconv_0
  std::string operation; // its kind: qconv
  ExecutorId executor = ExecutorId::Host;
  std::string how;                                // chain of instructions, or why it runs on the host, in one sentence
  std::vector<tensorize::Rejection> rejections{}; // on the host: everything that was tried
  uint16_t tag = 0;                               // on the NPU: its instructions carry it
  int64_t macs = 0, macsInt8 = 0;                 // useful ones; of int8 operands
  uint64_t cycles = 0;                            // measured, its share of the time; 0 on the host
  std::string boundBy;
  double boundNs = 0;      // on the NPU no schedule is faster; on the host an estimate
  uint64_t leastBytes = 0; // on the NPU: of the scratchpad, with the smallest tiles; on the host: scratch memory
  double hostNs = 0;       // on the host: an estimate, on one thread
  double gpuNs = 0;        // on the GPU: an estimate, with its launches
  int step = -1;           // on the host and the GPU: its step of the package
  std::vector<Elsewhere> elsewhere{}; // the other executors; empty where the first that could run it was not compared
};

/// Blocks that one executor runs as one job or step, as it has scheduled them.
struct RegionCost {
  ExecutorId executor = ExecutorId::Host;
  std::string what{};                         // on the host: its step
  std::vector<int> rows{};                    // of the report; none: it converts or copies a tensor
  double ns = 0;                              // estimate
  double boundNs = 0;                         // as far as a bound is known: of the busiest engine, or of the memory
  uint64_t bytes = 0;                         // estimate: of the memory outside, read and written
  uint64_t peakBytes = 0, leastPeakBytes = 0; // on chip, or scratch; no placement needs less
  uint64_t cycles = 0;                        // measured; 0 on the host
};

/// A dimension of an entry: the sizes that a run may have on these axes of inputs and outputs. The graph is made for
/// the most; with fewer, inputs are filled up with zeros and outputs cut, so somebody has proved that this is right.
struct EntryDim {
  std::string name;
  int64_t least = 0, most = 0;
  std::vector<std::pair<std::string, size_t>> axes{}; // tensor and axis
  std::string whyNot{};                               // fewer than that
  std::string follows{}; // another, which this one is as much below its most as; empty: none
};

/// A step of the package and how long it takes, by the model of whoever runs it.
struct TimelineRow {
  ExecutorId executor = ExecutorId::Host;
  std::string what;
  double startNs = 0, ns = 0; // a step of the GPU begins when those before it on the GPU have ended, and others go on
};

struct CompileReport {
  std::vector<std::vector<EntryDim>> dims; // by entry
  std::vector<int64_t> positions;          // by entry: that a run adds to the state; 0: there is none
  std::vector<std::string> hostOnly;       // by entry: why all of it is on the host; empty: it need not be
  // What the model leaves open and this compilation has fixed: dimensions and inputs, and their values as text.
  std::vector<std::pair<std::string, std::string>> fixed;
  std::vector<ir::PassCount> passes; // of the graph
  std::vector<ExecutorId> executors; // that blocks could run on
  std::vector<PlacementRow> rows;
  std::vector<RegionCost> regions; // those of the NPU in the order of its jobs
  int64_t macs = 0, macsOnNpu = 0;
  int64_t macsInt8 = 0, macsInt8OnNpu = 0; // of int8 operands
  double hostNs = 0;                       // estimate of all host steps, conversions and copies, one after another
  uint64_t hostBytes = 0;                  // that they read and write
  std::string hostCpu;                     // whose time is estimated
  double gpuNs = 0;                        // estimate of all GPU steps and of the copies to and from its memory
  uint64_t gpuBytes = 0, linkBytes = 0;    // memory of the GPU that a run needs; bytes that are copied to it and back
  std::string gpuMachine;                  // whose time is estimated, with its figures; empty: no GPU may run blocks
  std::vector<TimelineRow> timeline;       // the steps of the package
  uint64_t arrayMacs = 0;                  // of the rows that the array streams: useful or not
  uint64_t cycles = 0;                     // measured: of all jobs, without what the host does
  uint64_t bytesRead = 0, bytesWritten = 0;
  uint64_t chipBytes = 0, chipBound = 0, chipSize = 0; // peak of the scratchpad, its lower bound, its size
  uint64_t arenaBytes = 0, arenaBound = 0;
  uint64_t constantBytes = 0;
  int lines = 0, waits = 0, fences = 0, hostSteps = 0, npuSteps = 0, gpuSteps = 0;
};

struct Compiled {
  isa::Package package;
  CompileReport report;
  std::string schedule; // as text: given back, it makes the same package
};

/// `module` is what importOnnx returned; it is changed: fused, outlined, its blocks lowered to loops. The error holds
/// one message for each block that nobody can run, with its node.
llvm::Expected<Compiled> compile(mlir::ModuleOp module, const CompileOptions &options);

} // namespace tw::codegen

#endif // TW_CODEGEN_COMPILE_H
