// SPDX-License-Identifier: Apache-2.0
// Line by line; each is checked against the segments where it stands, so that an error names it.
#include "schedule/Names.h"
#include "schedule/TilePlan.h"
#include "tw/tensorize/ScheduleText.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <map>
#include <set>

namespace tw::tensorize {
namespace {

using llvm::formatv;
using Words = std::vector<std::string>;

// Words between blanks; one that begins with a quote ends with the word behind the next quote. Nothing from # on.
std::optional<Words> wordsOf(llvm::StringRef line) {
  Words words;
  for (line = line.ltrim(" \t\r"); !line.empty() && line.front() != '#'; line = line.ltrim(" \t\r")) {
    size_t from = 0;
    if (line.front() == '"') {
      const size_t quote = line.find('"', 1);
      if (quote == llvm::StringRef::npos)
        return std::nullopt;
      from = quote + 1;
    }
    const size_t end = std::min(line.find_first_of(" \t\r#", from), line.size());
    words.push_back(line.take_front(end).str());
    line = line.drop_front(end);
  }
  return words;
}

std::string listOf(const std::vector<std::string> &names) {
  constexpr size_t kMost = 8;
  std::string text;
  for (size_t i = 0; i != std::min(names.size(), kMost); ++i)
    text += (i ? ", " : "") + names[i];
  return names.empty()          ? "none"
         : names.size() > kMost ? text + " and " + std::to_string(names.size() - kMost) + " more"
                                : text;
}

std::string hashText(uint64_t hash) { return formatv("{0:x16}", hash).str(); }

class Reader {
public:
  Reader(const std::string &file, const MachineId &machine, std::span<const Segment> segments)
      : file(file), machine(machine), segments(segments) {}

  Result<GivenSchedules> run(llvm::StringRef text) {
    while (!text.empty() && !wrong) {
      auto [first, rest] = text.split('\n');
      text = rest;
      ++line;
      if (auto words = wordsOf(first); !words)
        refuse("a quote is not closed");
      else if (!words->empty())
        read(*words);
    }
    if (!wrong && !hasMachine)
      refuse("there is no schedule: it begins with 'machine NAME HASH'");
    if (!wrong)
      endSegment();
    if (!wrong && given.schedules.size() != segments.size())
      refuse(formatv("ends behind segment {0}, the network has {1}", given.schedules.size(), segments.size()));
    if (wrong)
      return *wrong;
    return std::move(given);
  }

private:
  void refuse(std::string text) { refuseAt(line, std::move(text)); }
  void refuseAt(int at, std::string text) {
    if (!wrong)
      wrong = Diag{file + ":" + std::to_string(std::max(at, 1)), std::move(text)};
  }

  // Says that a thing stands here; an error if it did before.
  bool isNew(const std::string &what) {
    const auto [found, isFirst] = stands.try_emplace(what, line);
    if (!isFirst)
      refuse(what + " stands in line " + std::to_string(found->second) + " already");
    return isFirst;
  }

  bool hasForm(const Words &words, size_t count, const char *form) {
    if (words.size() != count)
      refuse(formatv("'{0}' has {1} words behind it, it is: {2}", words[0], words.size() - 1, form));
    return words.size() == count;
  }

  bool number(llvm::StringRef word, int64_t least, int64_t most, const std::string &what, int64_t &value) {
    if (word.getAsInteger(10, value) || value < least || value > most) {
      refuse(formatv("{0} of {1}, which takes {2}", what, word,
                     least == most ? std::to_string(least) : formatv("{0} to {1}", least, most).str()));
      return false;
    }
    return true;
  }

  // Where a name stands in a list.
  std::optional<size_t> find(const std::vector<std::string> &names, const std::string &name, const std::string &what) {
    const auto found = std::ranges::find(names, name);
    if (found != names.end())
      return size_t(found - names.begin());
    refuse(formatv("there is no {0} {1}, there are: {2}", what, name, listOf(names)));
    return std::nullopt;
  }

  void read(const Words &words) {
    if (!hasMachine && words[0] != "machine")
      return refuse("a schedule begins with 'machine NAME HASH', not with '" + words[0] + "'");
    if (words[0] == "machine")
      return readMachine(words);
    if (words[0] == "segment")
      return readSegment(words);
    const bool isOfSegment = words[0] == "prefetch" || words[0] == "tensor" || words[0] == "block";
    const bool isOfBlock = words[0] == "chain" || words[0] == "tile" || words[0] == "order" || words[0] == "begin";
    if (!isOfSegment && !isOfBlock)
      return refuse(
          "'" + words[0] +
          "' is no line of a schedule: machine, segment, prefetch, tensor, block, chain, tile, order or begin");
    if (!segment)
      return refuse("'" + words[0] + "' stands before the first 'segment'");
    if (isOfBlock && block < 0)
      return refuse("'" + words[0] + "' stands before the segment's first 'block'");
    if (isOfBlock && words[0] != "chain" && !mapping)
      return refuse("'" + words[0] + "' stands before the block's 'chain', which says what loops there are");
    if (words[0] == "prefetch")
      readPrefetch(words);
    else if (words[0] == "tensor")
      readTensor(words);
    else if (words[0] == "block")
      readBlock(words);
    else if (words[0] == "chain")
      readChain(words);
    else if (words[0] == "tile")
      readTile(words);
    else if (words[0] == "order")
      readOrder(words);
    else
      readBegin(words);
  }

  void readMachine(const Words &words) {
    if (!isNew("'machine'") || !hasForm(words, 3, "machine NAME HASH"))
      return;
    hasMachine = true;
    if (words[2] != hashText(machine.hash))
      refuse(formatv("the schedule is for {0} (configuration {1}), this machine is {2} ({3}): make one with "
                     "--dump-schedule",
                     words[1], words[2], machine.name, hashText(machine.hash)));
  }

  void readSegment(const Words &words) {
    if (!hasForm(words, 2, "segment NUMBER"))
      return;
    endSegment();
    if (wrong)
      return;
    const size_t next = given.schedules.size() + 1;
    if (words[1] != std::to_string(next) || next > segments.size())
      return refuse(
          formatv("segment {0}, but the network has {1} and the next is {2}", words[1], segments.size(), next));
    segment = &segments[next - 1];
    segmentLine = line;
    tasks = taskNames(*segment);
    tensors = tensorNames(*segment);
    given.schedules.push_back({std::vector<BlockSchedule>(tasks.size()), std::vector<bool>(tensors.size(), false)});
    given.lines.emplace_back(tasks.size(), 0);
    stands.clear();
    stands["'machine'"] = 1;
  }

  void endSegment() {
    endBlock();
    if (!segment)
      return;
    if (!stands.contains("'prefetch'"))
      refuseAt(segmentLine, "the segment does not say 'prefetch yes' or 'prefetch no'");
    for (const std::string &tensor : tensors)
      if (!stands.contains("tensor " + tensor))
        refuseAt(segmentLine, "the segment does not say where tensor " + tensor + " lies: on-chip or in-dram");
    for (const std::string &task : tasks)
      if (!stands.contains("block " + task))
        refuseAt(segmentLine, "the segment has no line for block " + task);
    segment = nullptr;
  }

  void readPrefetch(const Words &words) {
    if (!isNew("'prefetch'") || !hasForm(words, 2, "prefetch yes|no"))
      return;
    if (words[1] != "yes" && words[1] != "no")
      return refuse("prefetch of " + words[1] + ", which takes yes or no");
    given.schedules.back().prefetches = words[1] == "yes";
  }

  void readTensor(const Words &words) {
    if (!hasForm(words, 3, "tensor \"NAME\" on-chip|in-dram"))
      return;
    const auto tensor = find(tensors, words[1], "tensor");
    if (!tensor || !isNew("tensor " + words[1]))
      return;
    if (words[2] != "on-chip" && words[2] != "in-dram")
      return refuse("tensor " + words[1] + " lies " + words[2] + ", but it takes on-chip or in-dram");
    given.schedules.back().isResident[*tensor] = words[2] == "on-chip";
  }

  void readBlock(const Words &words) {
    endBlock();
    if (wrong || !hasForm(words, 2, "block \"NAME\""))
      return;
    const auto task = find(tasks, words[1], "block");
    if (!task || !isNew("block " + words[1]))
      return;
    block = int(*task);
    given.lines.back()[*task] = line;
  }

  BlockSchedule &now() { return given.schedules.back().blocks[size_t(block)]; }

  void endBlock() {
    if (block < 0)
      return;
    const int at = given.lines.back()[size_t(block)];
    if (!mapping)
      refuseAt(at, "block " + tasks[size_t(block)] + " has no 'chain'");
    for (int loop : cut)
      if (!tiled.contains(loop))
        refuseAt(at, "block " + tasks[size_t(block)] + " has no 'tile' of loop " + loops[size_t(loop)]);
    if (!hasOrder || !hasBegin)
      refuseAt(at, "block " + tasks[size_t(block)] + " has no '" + (hasOrder ? "begin" : "order") + "'");
    block = -1;
    mapping = nullptr;
    cut.clear();
    tiled.clear();
    hasOrder = hasBegin = false;
  }

  void readChain(const Words &words) {
    if (mapping)
      return refuse("block " + tasks[size_t(block)] + " has a 'chain' already");
    if (!hasForm(words, 3, "chain NAME NUMBER"))
      return;
    const Task &task = segment->tasks[size_t(block)];
    const auto found = find(mappingNames(task), words[1] + " " + words[2], "chain");
    if (!found)
      return;
    mapping = &task.mappings[*found];
    loops = loopNames(*mapping);
    cut = tileLoops(*mapping);
    now() = smallestTiles(*mapping, int(*found));
    now().order.clear();
  }

  std::optional<int> cutLoop(const std::string &name) {
    const auto loop = find(loops, name, "loop");
    if (!loop)
      return std::nullopt;
    if (std::ranges::find(cut, int(*loop)) != cut.end())
      return int(*loop);
    std::vector<std::string> names;
    for (int each : cut)
      names.push_back(loops[size_t(each)]);
    refuse("loop " + name + " is never cut, loops that are: " + listOf(names));
    return std::nullopt;
  }

  void readTile(const Words &words) {
    if (!hasForm(words, 3, "tile LOOP STEPS/EXTENT"))
      return;
    const auto loop = cutLoop(words[1]);
    if (!loop)
      return;
    if (!tiled.insert(*loop).second)
      return refuse("block " + tasks[size_t(block)] + " has a 'tile' of loop " + words[1] + " already");
    const auto [steps, extent] = llvm::StringRef(words[2]).split('/');
    const int64_t own = mapping->block.loops[size_t(*loop)].extent;
    if (extent != std::to_string(own))
      return refuse(formatv("'tile {0} {1}' is not STEPS/{2}: the loop has {2} steps", words[1], words[2], own));
    const Range range = tileRange(*mapping, *loop);
    number(steps, range.lo, range.lo + range.extent - 1, "a tile of loop " + words[1], now().tile[size_t(*loop)]);
  }

  void readOrder(const Words &words) {
    if (hasOrder)
      return refuse("block " + tasks[size_t(block)] + " has an 'order' already");
    hasOrder = true;
    for (size_t i = 1; i != words.size(); ++i) {
      const auto loop = cutLoop(words[i]);
      if (!loop)
        return;
      if (std::ranges::find(now().order, *loop) != now().order.end())
        return refuse("loop " + words[i] + " stands twice in the order");
      now().order.push_back(*loop);
    }
    for (int loop : cut)
      if (std::ranges::find(now().order, loop) == now().order.end())
        return refuse("the order leaves out loop " + loops[size_t(loop)]);
  }

  void readBegin(const Words &words) {
    if (hasBegin)
      return refuse("block " + tasks[size_t(block)] + " has a 'begin' already");
    hasBegin = true;
    int64_t ahead = 0, lead = 0;
    if (!hasForm(words, 4, "begin BLOCKS lead TILES") ||
        !number(words[1], 0, block, "a 'begin' of block " + tasks[size_t(block)], ahead))
      return;
    if (words[2] != "lead")
      return refuse("'" + words[2] + "' where 'lead' should stand");
    if (!number(words[3], 0, ahead == 0 ? 0 : kMostLead, "a 'lead' of block " + tasks[size_t(block)], lead))
      return;
    now().ahead = int(ahead);
    now().lead = int(lead);
  }

  static constexpr int64_t kMostLead = 1 << 20; // more tiles than any block has

  const std::string &file;
  const MachineId &machine;
  const std::span<const Segment> segments;
  GivenSchedules given;
  std::optional<Diag> wrong;
  int line = 0, segmentLine = 0;
  bool hasMachine = false;
  const Segment *segment = nullptr; // being read
  std::vector<std::string> tasks, tensors;
  std::map<std::string, int> stands; // lines of what may stand once in the segment
  int block = -1;                    // being read
  const Mapping *mapping = nullptr;
  std::vector<std::string> loops;
  std::vector<int> cut;
  std::set<int> tiled;
  bool hasOrder = false, hasBegin = false;
};

} // namespace

Result<GivenSchedules> readSchedules(std::string_view text, const std::string &file, const MachineId &machine,
                                     std::span<const Segment> segments) {
  return Reader(file, machine, segments).run(text);
}

} // namespace tw::tensorize
