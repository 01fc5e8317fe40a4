// SPDX-License-Identifier: Apache-2.0
// The machine in time: one job from doorbell to completion record, event by event (docs/timing.md). A template over the
// kernel that orders the events (PlainKernel, SystemCKernel): both print identical logs. Owned by CycleMachine. Timing
// is decided by the units; data are computed by the functional kernels, whole, at the end of each instruction.
#ifndef TW_SIMULATOR_CYCLE_CORE_H
#define TW_SIMULATOR_CYCLE_CORE_H

#include "../LegalLines.h"
#include "../Registers.h"
#include "../functional/Execute.h"
#include "DataThread.h"
#include "Events.h"
#include "FillUnit.h"
#include "Job.h"
#include "LanePipe.h"
#include "Leap.h"
#include "MatrixUnit.h"
#include "Parameters.h"
#include "ReadPort.h"
#include "StoreUnit.h"
#include "tw/isa/Machine.h"
#include <deque>
#include <memory>
#include <optional>

namespace tw::simulator::cycle {

struct CoreOptions {
  isa::TraceSink *trace = nullptr;
  bool hashWrites = false;
  bool timingOnly = false; // loads of parameters are executed all the same: faults depend on them
  bool dataThread = false; // data are computed on a thread of their own; not with hashWrites
  bool stepAlways = false; // no closed forms: every unit in every cycle, for tests
};

template <class Kernel> class Core {
public:
  Core(State &state, Registers &registers, const isa::MemoryTimingConfig &memory, const CoreOptions &options);

  /// Forgets a job at hand; the state was reset.
  void reset() {
    kernel_.clear();
    jobState_ = JobState::Idle;
    parameters_.learn();
  }
  /// The doorbell: cycle 0 is the next to be done.
  void startJob();
  /// Runs the job up to, not including, cycle `limit`; true when the job has ended.
  bool run(Cycle limit);
  /// ABORT was written; takes effect in cycle `now`, the first that run() has not done.
  void abort(Cycle now);

  /// What is visible in cycle `now`, the first that run() has not done; nothing when no job runs.
  std::optional<isa::MachineState> state(Cycle now) const;
  /// What the snapshot and the counter of cycles show in `now`, while the job runs.
  JobFault faultAt(Cycle now) const;
  Cycle cyclesAt(Cycle now) const;

  void handle(Event event, Cycle c); // called by the kernel

private:
  static constexpr unsigned kQueues = isa::kEngines - 1;
  using Engine = isa::Engine;
  enum class JobState : uint8_t { Idle, Desc, Run, Record };
  /// A requester of the read port, in the order of priority.
  struct Walker {
    isa::BurstWalk bursts;
    bool isActive = false;
    Cycle requestFrom = 0; // the burst at hand is requested from here on
    Cycle freeFrom = 0;    // the next instruction can be taken from here on, once not active
  };
  struct FetchedLine {
    uint32_t pc;
    Cycle visible; // in the line buffer, or AXI_READ is raised
    isa::ReadBurst burst;
  };

  // CoreEvents.h
  void handleRead(Cycle c);
  void handleDispatch(Cycle c);
  void handleBanks(Cycle c);
  void handleLoadEnd(Engine engine, Cycle c);
  void grantFetch(Cycle c);
  Cycle grantLoads(Engine engine, Cycle c, Cycle now, Cycle until);
  bool isLoadRequested(Engine engine, Cycle c) const;
  bool isFetchRequested(Cycle c);
  bool isAnythingRequested() const;
  void startEngine(Engine engine, Cycle c);
  bool canTake(Engine engine, Cycle c) const;
  /// LA writes rows of fill, or the padding of ldpad; nothing else is in flight in it then.
  bool isFilling() const { return fill_.isBusy(); }
  void handleFilled(Cycle c);
  void startReading(Engine engine, Cycle c);
  bool isSatisfied(const Op &op) const;
  void chooseModes(Cycle c);
  Cycle unchangedUntil(Cycle c) const;
  Cycle leap(Cycle c, Cycle until);
  Cycle leapMatrix(Cycle c, Cycle until);
  void stepUnits(Cycle c);
  void matrixIssuedLast(Cycle c);
  void handleStore(Cycle c);
  void storeReadBurst();
  void endOldest(Engine engine, Cycle c);
  void countStretch(Engine engine, Cycle end);
  void raise(Cycle c, const Op &op, isa::FaultCode code, uint64_t address = 0);
  void raise(Cycle c, const JobFault &fault);
  void compute(const Op &op);
  void waitForData();
  void retire(const isa::TraceEvent &event);
  void flushTrace();
  void unitsChanged(Cycle c) {
    changedFrom_ = c + 1;
    kernel_.at(Event::Banks, c + 1);
  }
  void wakeFrontEnd(Cycle c) {
    if (frontEndWaits_)
      kernel_.at(Event::FrontEnd, c);
  }

  // CoreFrontEnd.h
  void handleFrontEnd(Cycle c);
  void check(Cycle c);
  void runFrontEnd(Cycle c);
  bool canLeave(Cycle c);
  void leaveDecoder(Cycle c);
  void takeLine(Cycle c);
  void raiseFrontEndFaults(Cycle c);
  void raiseDeadlock(Cycle c);
  void scheduleFrontEnd(Cycle c);
  uint64_t lineAddress(uint32_t pc) const { return codeAddress_ + uint64_t(pc) * isa::kLineBytes; }
  bool isDrained(Cycle c);
  bool areEnginesIdle() const;
  bool isEverythingIdle() const;
  void endJob(Cycle c);
  void finishJob();
  /// Writes what the memory has accepted of the completion record before cycle `now`.
  void writeRecord(Cycle now);
  void collectCounters(Cycle cycles);
  uint64_t &counter(isa::CounterId id) { return registers_.counter(id); }

  State &state_;
  Registers &registers_;
  const isa::HwConfig &config_;
  CoreOptions options_;
  Kernel kernel_;
  isa::MemoryTiming memory_;
  Banks banks_;
  Parameters parameters_;
  ReadPort readPort_;
  MatrixUnit matrix_;
  LanePipe drain_, vector_;
  StoreUnit store_;
  FillUnit fill_;                    // of LA
  std::unique_ptr<DataThread> data_; // null: data are computed in place

  // Job
  JobState jobState_ = JobState::Idle;
  MemoryRecord descriptor_;
  bool isDescriptorBad_ = false, canWriteRecord_ = false, isSerial_ = false;
  Cycle checkAt_ = kNever, runFrom_ = kNever, abortFrom_ = kNever, doneAt_ = kNever;
  JobFault result_;
  MemoryRecord record_; // of completion, sent in recordFrom_
  uint64_t recordAddress_ = 0;
  Cycle recordFrom_ = 0;
  uint64_t codeAddress_ = 0;
  uint32_t lineCount_ = 0;
  uint64_t budget_ = 0;
  FaultRegister fault_;
  isa::Regions regions_;
  LegalLines legal_;
  bool isStarted_ = false; // the descriptor was requested

  // Front end
  uint32_t requested_ = 0, taken_ = 0;
  std::deque<FetchedLine> lines_; // requested and not taken
  bool isDecoderFull_ = false;
  uint32_t pc_ = 0; // of the line in the decoder, or of the next to enter it
  isa::Line line_;
  Cycle readyAt_ = kNever, decodeFaultAt_ = kNever;
  isa::Fault decodeFault_{};
  Cycle fetchFaultAt_ = kNever;
  uint32_t fetchFaultPc_ = 0;
  bool frontEndWaits_ = false; // something that engines do may let it go on

  // Queues, semaphores, engines
  std::array<std::deque<Op>, kQueues> queues_, inFlight_;
  std::array<int, isa::kSemaphores> semaphores_{};
  std::array<EngineClock, kQueues> clocks_;
  std::array<Walker, 2> walkers_;                        // LA, LW
  std::array<uint64_t, kQueues> countedLoss_{};          // cycles of wait_bank that the clocks know of
  std::array<uint64_t, 2> loadBeats_{}, countedMoves_{}; // moves: beats, and rows of LA's fills
  uint64_t filledRows_ = 0;
  Cycle matrixFreeFrom_ = 0;

  // Units that meet in the scratchpad are stepped together; the others run in closed form.
  struct Modes {
    bool fill = false, store = false, matrix = false, drain = false, vector = false;
    bool any() const { return fill || store || matrix || drain || vector; }
  };
  Modes stepped_;
  bool meetsInAcc_ = false; // RQ and MX use one half of ACC
  Schedules schedules_;
  Cycle changedFrom_ = kNever; // cycle from which on the modes have to be chosen anew
  Conflicts fillConflicts_, storeConflicts_, matrixConflicts_, drainConflicts_, vectorConflicts_;

  std::vector<isa::TraceEvent> trace_; // of the cycle at hand
};

} // namespace tw::simulator::cycle
#endif
