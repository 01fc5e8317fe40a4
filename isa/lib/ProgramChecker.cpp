// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/ProgramChecker.h"
#include "Hazards.h"
#include "tw/isa/Disassembler.h"
#include <algorithm>

namespace tw::isa {
namespace {

// One semaphore since the beginning of the program.
struct Semaphore {
  int value = 0; // in stream order
  int posted = 0, waited = 0;
  int taken = 0;                        // waited before the last fence
  int poster = -1, waiter = -1;         // queues since the last fence
  int posterLine = -1, waiterLine = -1; // a line of each
  // Since the last fence:
  std::vector<std::pair<int, Clock>> posts; // total after the post, clock at the poster's end
  std::vector<std::pair<int, int>> waits;   // index in the waiter's queue, total after the wait
};

class Checker {
public:
  Checker(const Program &program, const HwConfig &config, const Regions &regions, size_t limit)
      : program(program), config(config), regions(regions), limit(limit), loadedRows(config.paramRows),
        loadedTables(config.lutBanks) {}

  std::vector<Finding> run() {
    for (pc = 0; pc != int(program.lines.size()) && findings.size() < limit; ++pc)
      checkNext(program.lines[pc]);
    bool endsWell = !program.lines.empty() && program.lines.back().opcodeByte() == unsigned(Opcode::End);
    if (findings.size() < limit && !endsWell)
      add(FindingKind::NoEnd, FaultCode::NoEnd, -1, int(program.lines.size()), "the program does not stop with END");
    return std::move(findings);
  }

private:
  std::string show(int line) const {
    return "line " + std::to_string(line) + " (" + formatLine(program.lines[line]) + ")";
  }

  void add(FindingKind kind, FaultCode fault, int first, int line, const std::string &text) {
    std::string where = line < int(program.lines.size()) ? show(line) : "end of the program";
    findings.push_back({kind, fault, first, line, where + ": " + text});
  }

  void checkNext(const Line &line) {
    if (std::optional<Fault> fault = checkLine(line, config, regions)) {
      std::string address = fault->address ? ", which ends at " + std::to_string(fault->address) : "";
      add(FindingKind::BadLine, fault->code, -1, pc, std::string(name(fault->code)) + address);
      return;
    }
    const Instruction &row = *line.row();
    if (row.opcode == Opcode::Fence || row.opcode == Opcode::End)
      takeFence();
    if (row.opcode == Opcode::End)
      checkEnd();
    if (row.engine != Engine::FE)
      checkQueued(line, int(row.engine));
  }

  void takeFence() {
    ordering.takeFence();
    history.clear();
    for (Semaphore &s : semaphores) {
      s.poster = s.waiter = -1;
      s.taken = s.waited;
      s.posts.clear();
      s.waits.clear();
    }
  }

  void checkEnd() {
    for (int i = 0; i != kSemaphores; ++i)
      if (semaphores[i].value != 0)
        add(FindingKind::SemaphoreLeak, FaultCode::SemLeak, semaphores[i].posterLine, pc,
            "semaphore " + std::to_string(i) + " is " + std::to_string(semaphores[i].value) + ", not 0");
    if (pc + 1 != int(program.lines.size()))
      add(FindingKind::NoEnd, FaultCode::None, -1, pc, "lines after END are never executed");
  }

  void checkQueued(const Line &line, int queue) {
    Clock clock = ordering.start(queue);
    int index = ordering.next(queue);
    for (SyncAction wait : waits(line))
      takeWait(wait, queue, index, clock);
    checkRaces(line, queue, index, clock);
    checkParameters(line);
    if (overlapsItself(line, config))
      add(FindingKind::SelfOverlap, FaultCode::None, -1, pc,
          "an operand reads bytes that the instruction writes on another walk");
    Clock end = ordering.issue(queue, clock);
    for (SyncAction post : posts(line))
      makePost(post, queue, end);
  }

  // Two queues on one side of a semaphore leave its order to chance.
  void claim(int &owner, int &ownerLine, int queue, FindingKind kind, int semaphore) {
    if (owner >= 0 && owner != queue)
      add(kind, FaultCode::None, ownerLine, pc,
          "semaphore " + std::to_string(semaphore) + " is used on this side by " + std::string(name(Engine(owner))) +
              " in " + show(ownerLine) + " already");
    owner = queue;
    ownerLine = pc;
  }

  void takeWait(SyncAction wait, int queue, int index, Clock &clock) {
    Semaphore &s = semaphores[wait.semaphore];
    claim(s.waiter, s.waiterLine, queue, FindingKind::TwoWaiters, wait.semaphore);
    s.value -= wait.amount;
    s.waited += wait.amount;
    s.waits.emplace_back(index, s.waited);
    if (s.value < 0) {
      add(FindingKind::UncoveredWait, FaultCode::UncoveredWait, -1, pc,
          "waits for " + std::to_string(wait.amount) + " of semaphore " + std::to_string(wait.semaphore) +
              ", but earlier lines leave only " + std::to_string(s.value + wait.amount));
      s.value = 0; // go on as if it had been covered
      s.posted = s.waited;
    }
    auto post = std::partition_point(s.posts.begin(), s.posts.end(), [&](const auto &p) { return p.first < s.waited; });
    if (post == s.posts.end() && !s.posts.empty()) // not covered: as if the last post had been large enough
      --post;
    if (post != s.posts.end())
      clock.join(post->second);
  }

  void makePost(SyncAction post, int queue, const Clock &end) {
    Semaphore &s = semaphores[post.semaphore];
    claim(s.poster, s.posterLine, queue, FindingKind::TwoPosters, post.semaphore);
    s.value += post.amount;
    s.posted += post.amount;
    // What is certainly taken when this post arrives: the waits whose instructions are known to have started.
    auto open = std::partition_point(s.waits.begin(), s.waits.end(),
                                     [&](const auto &w) { return w.first < end.started[s.waiter]; });
    int taken = open == s.waits.begin() ? s.taken : std::prev(open)->second;
    if (s.posted - taken > kSemaphoreMax)
      add(FindingKind::SemaphoreOverflow, FaultCode::SemOverflow, s.waiterLine, pc,
          "semaphore " + std::to_string(post.semaphore) + " can reach " + std::to_string(s.posted - taken) +
              ", the largest is " + std::to_string(kSemaphoreMax));
    s.posts.emplace_back(s.posted, end);
  }

  void checkRaces(const Line &line, int queue, int index, const Clock &clock) {
    for (const Touched &touched : orderedBy(line, config)) {
      int reported = -1; // one finding per pair of lines and operand
      history.forEachConflict(touched, queue, [&](int q, Mark mark, Run run) {
        if (mark.index < clock.ended[q] || mark.line == reported)
          return;
        reported = mark.line;
        std::string place(name(touched.space));
        if (touched.region >= 0)
          place += " region " + std::to_string(touched.region);
        add(FindingKind::Race, FaultCode::None, mark.line, pc,
            "race with " + show(mark.line) + " of " + std::string(name(Engine(q))) + " on " + place + " " +
                std::to_string(run.begin) + " to " + std::to_string(run.end - 1) + ": no semaphore orders them");
      });
    }
    for (const Touched &touched : orderedBy(line, config))
      history.add(touched, queue, {index, pc});
  }

  void checkParameters(const Line &line) {
    for (const Touched &touched : touchedBy(line, config)) {
      if (touched.space != Space::PARAM && touched.space != Space::LUT)
        continue;
      std::vector<bool> &loaded = touched.space == Space::PARAM ? loadedRows : loadedTables;
      for (const Run &run : touched.runs)
        for (uint64_t i = run.begin; i != run.end; ++i) {
          if (!touched.isWrite && !loaded[i]) {
            add(FindingKind::UninitParam, FaultCode::UninitParam, -1, pc,
                std::string(name(touched.space)) + " " + std::to_string(i) + " is read but was never loaded");
            return;
          }
          loaded[i] = loaded[i] || touched.isWrite;
        }
    }
  }

  const Program &program;
  const HwConfig &config;
  const Regions &regions;
  size_t limit;
  int pc = 0;
  std::vector<Finding> findings;
  Ordering ordering;
  AccessHistory history;
  std::array<Semaphore, kSemaphores> semaphores;
  std::vector<bool> loadedRows, loadedTables;
};

} // namespace

std::vector<Finding> checkProgram(const Program &program, const HwConfig &config, const Regions &regions,
                                  size_t limit) {
  return Checker(program, config, regions, limit).run();
}

} // namespace tw::isa
