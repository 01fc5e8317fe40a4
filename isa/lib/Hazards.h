// SPDX-License-Identifier: Apache-2.0
// What orders two instructions, and who touched which bytes last: of the program checker alone, which judges what
// others have synchronised. A queue is an engine other than FE; an instruction of a queue is named by its index in the
// queue since the beginning.
#ifndef TW_ISA_LIB_HAZARDS_H
#define TW_ISA_LIB_HAZARDS_H

#include "tw/isa/Footprints.h"
#include <array>
#include <map>
#include <tuple>

namespace tw::isa {

inline constexpr int kQueues = kEngines - 1;

// How many instructions of each queue are known to have started, and to have ended.
struct Clock {
  std::array<int, kQueues> started{}, ended{};
  void join(const Clock &other) {
    for (int q = 0; q != kQueues; ++q) {
      started[q] = std::max(started[q], other.started[q]);
      ended[q] = std::max(ended[q], other.ended[q]);
    }
  }
};

// Clocks of the instructions seen so far.
class Ordering {
public:
  // Index that the next instruction of a queue will have.
  int next(int queue) const { return issued.ended[queue]; }

  // The clock at the start of the queue's next instruction, before its waits.
  Clock start(int queue) const {
    Clock clock = lastStart[queue];
    clock.join(fence);
    return clock;
  }
  // Issues the queue's next instruction; `clock` is its start with its waits joined. Returns the clock at its end.
  Clock issue(int queue, Clock clock) {
    clock.started[queue] = ++issued.started[queue];
    lastStart[queue] = clock;
    clock.join(lastEnd[queue]);
    clock.ended[queue] = ++issued.ended[queue];
    lastEnd[queue] = clock;
    return clock;
  }
  // Everything issued has ended.
  void takeFence() { fence = issued; }

private:
  std::array<Clock, kQueues> lastStart, lastEnd;
  Clock fence, issued;
};

// The last access of one queue to some bytes.
struct Mark {
  int index = -1; // in the queue
  int line = -1;
};

// Remembers for every byte of every memory the last read and write of each queue.
class AccessHistory {
public:
  // Calls conflict(queue, mark, run) for each earlier access of another queue that must be ordered before this one.
  template <typename Callback> void forEachConflict(const Touched &touched, int queue, const Callback &conflict) {
    Segments &map = segments[{touched.space, touched.region}];
    for (const Run &run : touched.runs) {
      auto it = map.upper_bound(run.begin);
      if (it != map.begin())
        --it;
      for (; it != map.end() && it->first < run.end; ++it) {
        if (it->second.end <= run.begin)
          continue;
        Run overlap{std::max(run.begin, it->first), std::min(run.end, it->second.end)};
        for (int q = 0; q != kQueues; ++q) {
          if (q == queue)
            continue;
          Mark mark = it->second.writes[q];
          if (touched.isWrite && it->second.reads[q].index > mark.index)
            mark = it->second.reads[q];
          if (mark.index >= 0)
            conflict(q, mark, overlap);
        }
      }
    }
  }

  void add(const Touched &touched, int queue, Mark mark) {
    Segments &map = segments[{touched.space, touched.region}];
    for (const Run &run : touched.runs) {
      split(map, run.begin);
      split(map, run.end);
      uint64_t at = run.begin;
      for (auto it = map.lower_bound(run.begin); at != run.end;) {
        if (it == map.end() || it->first > at)
          it = map.emplace_hint(it, at, Segment{it == map.end() ? run.end : std::min(run.end, it->first), {}, {}});
        (touched.isWrite ? it->second.writes : it->second.reads)[queue] = mark;
        at = it->second.end;
        ++it;
      }
    }
  }

  void clear() { segments.clear(); }

private:
  struct Segment {
    uint64_t end;
    std::array<Mark, kQueues> reads, writes;
  };
  using Segments = std::map<uint64_t, Segment>;

  static void split(Segments &map, uint64_t at) {
    auto it = map.upper_bound(at);
    if (it == map.begin())
      return;
    --it;
    if (it->first == at || it->second.end <= at)
      return;
    Segment upper = it->second;
    it->second.end = at;
    map.emplace(at, upper);
  }

  std::map<std::pair<Space, int>, Segments> segments;
};

// What a line touches for the purpose of ordering: MX and RQ own halves of ACC, not rows.
inline std::vector<Touched> orderedBy(const Line &line, const HwConfig &config) {
  std::vector<Touched> touched = touchedBy(line, config);
  uint64_t half = config.accRows / 2;
  for (Touched &t : touched)
    if (t.space == Space::ACC && !t.runs.empty())
      t.runs = {{t.runs.front().begin / half * half, (t.runs.back().end + half - 1) / half * half}};
  return touched;
}

} // namespace tw::isa
#endif
