// SPDX-License-Identifier: Apache-2.0
// What is a bin, and which bins a program or a run meets: each rule twice, as a list of names from the table and as a
// look at what happened.
#include "Coverage.h"
#include "Trouble.h"

#include "tw/isa/Timing.h"

#include <algorithm>

namespace tw::cosim {

namespace {

using isa::Access;
using isa::Engine;
using isa::FaultCode;
using isa::Field;
using isa::FieldKind;
using isa::Instruction;
using isa::Space;

constexpr int kQueues = isa::kEngines - 1;
constexpr const char *kMemories[] = {"ideal", "rows", "random", "serial"};
constexpr const char *kBurstEdges[] = {"one_beat", "longest", "split_run", "joined_runs"};
constexpr const char *kWindowEdges[] = {"above", "below", "before", "behind", "outside"};
// Terms of the condition of dwconv's column form: a field, and a value with which its term holds.
constexpr std::pair<const char *, int64_t> kColumnTerms[] = {
    {"kh_n", 1}, {"kw_n", 2}, {"ow_n", 255}, {"stride_w", 1}, {"dil_w", 1}};

template <typename... Parts> std::string text(const Parts &...parts) {
  std::string result;
  const auto add = [&](const auto &part) {
    if constexpr (std::is_integral_v<std::decay_t<decltype(part)>>)
      result += std::to_string(part);
    else
      result += part;
  };
  (add(parts), ...);
  return result;
}

bool isExecuted(const Instruction &row) { return !row.isPlanned; }

/// The places of an address are those of its operand: at the beginning of the memory, at its end, or inside.
bool isAddress(const Field &field) {
  switch (field.kind) {
  case FieldKind::Spm:
  case FieldKind::Acc:
  case FieldKind::Param:
  case FieldKind::Lut:
  case FieldKind::Offset:
    return true;
  default:
    return false;
  }
}

/// A number or an address at the largest value of its field.
bool hasLargest(const Field &field) { return field.kind != FieldKind::Lut && field.kind != FieldKind::Region; }

bool hasAccess(const Instruction &row, const auto &is) {
  return row.semantics && std::ranges::any_of(row.semantics->accesses, is);
}
bool isIn(const Instruction &row, Space space) {
  return hasAccess(row, [&](const Access &access) { return access.space == space; });
}
bool readsFrom(const Instruction &row, Space space) {
  return hasAccess(row, [&](const Access &access) { return access.space == space && access.dir == isa::Dir::Read; });
}
bool hasMultipliers(const Instruction &row) {
  return hasAccess(row, [](const Access &access) { return access.elem == isa::Elem::F32; });
}
bool hasRegion(const Instruction &row) { return findField(row, "region") >= 0; }
bool hasRuns(const Instruction &row) { return hasRegion(row) && findField(row, "n1") >= 0; }
bool hasWindow(const Instruction &row) { return findField(row, "pad_t") >= 0; }
/// A transposition reads in another order than it writes.
bool canBeInPlace(const Instruction &row) {
  return findField(row, "a") >= 0 && findField(row, "y_s0") >= 0 && findField(row, "n0") >= 0;
}

/// docs/timing.md, section 8: loads wait for reads, the store for writes and banks, the others and a fill for banks.
bool canBeIn(Engine engine, isa::EngineState state) {
  switch (state) {
  case isa::EngineState::WaitRead:
    return engine == Engine::LA || engine == Engine::LW;
  case isa::EngineState::WaitWrite:
    return engine == Engine::ST;
  case isa::EngineState::WaitBank: // a beat of a load always has its bank
    return engine != Engine::LW;
  default:
    return true;
  }
}

bool isPossible(int counter) {
  const int state = counter - int(isa::CounterId::StateLaBusy);
  return state < 0 || state >= kQueues * isa::kEngineStates ||
         canBeIn(Engine(state / isa::kEngineStates), isa::EngineState(state % isa::kEngineStates));
}

/// Faults whose place is an instruction, and whether one can have it.
bool canHave(const Instruction &row, FaultCode code) {
  switch (code) {
  case FaultCode::ReservedBits:
    return true;
  case FaultCode::BadShape:
  case FaultCode::SemOverflow:
  case FaultCode::Deadlock:
    return row.hasSync;
  case FaultCode::SpmBounds:
    return isIn(row, Space::SPM);
  case FaultCode::AccBounds:
    return isIn(row, Space::ACC);
  case FaultCode::ParamBounds:
    return isIn(row, Space::PARAM) || isIn(row, Space::LUT);
  case FaultCode::RegionBounds:
  case FaultCode::RegionPermission:
    return hasRegion(row);
  case FaultCode::Misaligned:
    return std::ranges::any_of(row.fields, &Field::alignRow);
  case FaultCode::UninitParam:
    return readsFrom(row, Space::PARAM) || readsFrom(row, Space::LUT);
  case FaultCode::BadParam:
    return hasMultipliers(row);
  case FaultCode::AxiRead:
    return hasRegion(row) && row.engine != Engine::ST;
  case FaultCode::AxiWrite:
    return hasRegion(row) && row.engine == Engine::ST;
  default:
    return false;
  }
}
bool hasPlace(FaultCode code) {
  return std::ranges::any_of(isa::kInstructions, [&](const Instruction &row) { return canHave(row, code); });
}

void addFieldBins(const Instruction &row, const Field &field, std::set<std::string> &bins) {
  const std::string name = text("field/", row.mnemonic, ".", field.name, "/");
  const auto add = [&](const auto &bin) { bins.insert(text(name, bin)); };
  if (isAddress(field)) {
    for (const char *bin : {"first", "last", "inside"})
      add(bin);
  } else if (field.kind == FieldKind::Flag || field.kind == FieldKind::Region) {
    for (int64_t value = field.min; value <= field.max; ++value)
      add(value);
  } else {
    add("min");
    add("typical");
  }
  if (hasLargest(field) && field.kind != FieldKind::Flag)
    add("max");
  if (field.min > 0)
    add("below_min");
  if (field.alignRow)
    add("misaligned");
}

std::set<std::string> listBins() {
  std::set<std::string> bins;
  const auto add = [&](const auto &...parts) { bins.insert(text(parts...)); };
  for (const Instruction &row : isa::kInstructions) {
    if (!isExecuted(row))
      continue;
    for (const char *end : {"seen", "retired", "faulted"})
      add("instruction/", row.mnemonic, "/", end);
    for (const Field &field : row.fields)
      addFieldBins(row, field, bins);
    for (const isa::FaultInfo &fault : isa::kFaults)
      if (canHave(row, fault.code))
        add("fault/", fault.name, "/", row.mnemonic);
    for (const Instruction &next : isa::kInstructions)
      if (isExecuted(next) && next.engine == row.engine && row.opcode != isa::Opcode::End)
        add("pair/", isa::name(row.engine), "/", row.mnemonic, ".", next.mnemonic);
    if (hasRegion(row))
      for (const char *memory : kMemories)
        add("memory/", memory, "/", row.mnemonic);
    if (hasRuns(row))
      for (const char *edge : kBurstEdges)
        add("edge/", row.mnemonic, "/", edge);
    if (hasWindow(row))
      for (const char *edge : kWindowEdges)
        add("edge/", row.mnemonic, "/", edge);
    if (row.opcode == isa::Opcode::Dwconv) {
      add("columns/taken");
      for (const auto &[field, value] : kColumnTerms)
        add("columns/but_for_", field);
    }
    if (canBeInPlace(row))
      add("edge/", row.mnemonic, "/in_place");
  }
  for (const isa::FaultInfo &fault : isa::kFaults)
    if (fault.onCycle && fault.onRtl && fault.code != FaultCode::None && !hasPlace(fault.code))
      add("fault/", fault.name, "/any");
  add("fault/AXI_READ/FE");  // descriptor, lines
  add("fault/AXI_WRITE/FE"); // completion record
  for (const char *bin : {"min", "typical", "max"})
    add("field/header.tag/", bin);
  for (int a = 0; a != kQueues; ++a) {
    for (int b = 0; b != a; ++b)
      add("together/", isa::kEngineNames[size_t(b)], ".", isa::kEngineNames[size_t(a)]);
    add("together/busy.", a + 1);
    for (const char *kind : {"waits", "posts"})
      for (int count = 0; count <= isa::kSyncSlots; ++count)
        add("sync/", isa::kEngineNames[size_t(a)], "/", kind, ".", count);
  }
  for (const char *kind : {"wait", "post"}) {
    for (int amount = 1; amount <= 8; ++amount)
      add("sync/", kind, "/amount.", amount);
    for (int semaphore = 0; semaphore != isa::kSemaphores; ++semaphore)
      add("sync/", kind, "/semaphore.", semaphore);
  }
  for (int i = 0; i != isa::kCounters; ++i)
    if (isPossible(i))
      add("counter/", isa::kCounterNames[size_t(i)]);
  for (int i = 0; i != kTroubleKinds; ++i) {
    std::string kind = name(TroubleKind(i));
    std::ranges::replace(kind, ' ', '_');
    add("trouble/", kind);
  }
  return bins;
}

/// The operand at an address: its memory, and its granules from there to its end; several may start at one address.
struct Operand {
  const Access *access = nullptr;
  uint64_t size = 0;
};
Operand operandAt(const isa::Line &line, const Instruction &row, size_t field, const isa::HwConfig &config) {
  Operand result;
  for (size_t i = 0; row.semantics && i != row.semantics->accesses.size(); ++i)
    if (const Access &access = row.semantics->accesses[i]; access.baseField == int(field))
      result = {&access, std::max(result.size, footprint(line, row, int(i), config))};
  return result;
}

/// One legal line: windows that leave the input, bursts, operands in place.
class Edges {
public:
  Edges(const isa::Line &line, const isa::HwConfig &config, Coverage &coverage)
      : line(line), row(*line.row()), config(config), coverage(coverage) {}

  void add() {
    if (hasRuns(row))
      addBursts();
    if (hasWindow(row))
      addWindow();
    if (row.opcode == isa::Opcode::Dwconv)
      addColumns();
    if (canBeInPlace(row) && std::ranges::all_of(std::array{"", "_s0", "_s1", "_s2"}, [&](const std::string &suffix) {
          return get("a" + suffix, 0) == get("y" + suffix, 0);
        }))
      hit("in_place");
  }

private:
  int64_t get(const std::string &name, int64_t otherwise) const {
    const int field = findField(row, name);
    return field < 0 ? otherwise : line.get(row.fields[size_t(field)].ref);
  }
  void hit(const char *edge) { coverage.hit(text("edge/", row.mnemonic, "/", edge)); }

  void addBursts() {
    const isa::DmaWalk walk = isa::DmaWalk::of(line, config);
    uint64_t count = 0;
    for (isa::BurstWalk bursts(walk, 0, config); !bursts.done(); ++count) {
      const uint64_t bytes = bursts.next().bytes;
      if (bytes == config.axiBytes)
        hit("one_beat");
      if (bytes == uint64_t(config.axiBytes) * config.axiBurstBeats)
        hit("longest");
    }
    if (count > walk.runs())
      hit("split_run");
    if (walk.extents[0] > 1 && walk.dramStrides[0] == walk.runBytes)
      hit("joined_runs");
  }

  void addWindow() {
    const bool isBytes = findField(row, "x_b") >= 0;
    const int64_t height = get("x_h", 1), width = isBytes ? get("x_b", 1) : get("x_w", 1);
    const int64_t rowStep = get("stride_h", 1), columnStep = isBytes ? get("x_ws", 1) : get("stride_w", 1);
    const int64_t taps = isBytes ? get("f_n", 1) * config.n : get("kw_n", 1), reach = isBytes ? 1 : get("dil_w", 1);
    const auto walk = [&](int64_t count, int64_t step, int64_t origin, int64_t kernel, int64_t dilation, int64_t size,
                          const char *less, const char *more) {
      bool misses = false; // one window without an element
      for (int64_t i = 0; i != count; ++i) {
        const int64_t first = i * step - origin, last = first + (kernel - 1) * dilation;
        if (first < 0)
          hit(less);
        if (last >= size)
          hit(more);
        int64_t inside = 0;
        for (int64_t k = 0; k != kernel; ++k)
          inside += first + k * dilation >= 0 && first + k * dilation < size;
        misses |= inside == 0;
      }
      return misses;
    };
    const bool rows =
        walk(get("oh_n", 1), rowStep, get("pad_t", 0), get("kh_n", 1), get("dil_h", 1), height, "above", "below");
    const bool columns = walk(get("ow_n", 1), columnStep, isBytes ? get("pad_b", 0) : get("pad_l", 0), taps, reach,
                              width, "before", "behind");
    if (rows || columns)
      hit("outside");
  }

  /// The form that takes several taps a cycle, or one term of its condition alone that does not hold.
  void addColumns() {
    if (isa::TapColumns::of(line, config))
      return coverage.hit("columns/taken");
    for (const auto &[field, value] : kColumnTerms) {
      isa::Line changed = line;
      changed.set(row.fields[size_t(findField(row, field))].ref, value);
      if (isa::TapColumns::of(changed, config))
        coverage.hit(text("columns/but_for_", field));
    }
  }

  const isa::Line &line;
  const Instruction &row;
  const isa::HwConfig &config;
  Coverage &coverage;
};

/// Engines at work in each cycle, from the starts and ends of a job.
void addTogether(const std::vector<isa::TraceEvent> &events, Coverage &coverage) {
  struct Change {
    uint64_t cycle;
    bool begins;
    int engine;
    auto operator<=>(const Change &) const = default; // at one cycle ends come first
  };
  std::vector<Change> changes;
  for (const isa::TraceEvent &event : events)
    if (event.engine < kQueues && event.endCycle > event.startCycle) {
      changes.push_back({event.startCycle, true, event.engine});
      changes.push_back({event.endCycle, false, event.engine});
    }
  std::ranges::sort(changes);
  std::array<int, kQueues> active{};
  std::set<std::string> met;
  for (const Change &change : changes) {
    active[size_t(change.engine)] += change.begins ? 1 : -1;
    if (!change.begins)
      continue;
    int busy = 0;
    for (int e = 0; e != kQueues; ++e) {
      busy += active[size_t(e)] != 0;
      if (e != change.engine && active[size_t(e)])
        met.insert(text("together/", isa::kEngineNames[size_t(std::min(e, change.engine))], ".",
                        isa::kEngineNames[size_t(std::max(e, change.engine))]));
    }
    met.insert(text("together/busy.", busy));
  }
  for (const std::string &bin : met)
    coverage.hit(bin);
}

} // namespace

const std::set<std::string> &allBins() {
  static const std::set<std::string> kBins = listBins();
  return kBins;
}

void Coverage::add(const isa::TestProgram &test, const isa::HwConfig &config, size_t last) {
  for (size_t pc = 0; pc <= last && pc < test.program.lines.size(); ++pc) {
    const isa::Line &line = test.program.lines[pc];
    const Instruction *row = line.row();
    if (!row || !isExecuted(*row))
      continue;
    hit(text("instruction/", row->mnemonic, "/seen"));
    const bool isLegal = !checkLine(line, config, test.regions);
    hit(text("field/header.tag/", line.tag() == 0 ? "min" : line.tag() == 0xFFFF ? "max" : "typical"));
    for (size_t i = 0; i != row->fields.size(); ++i) {
      const Field &field = row->fields[i];
      const int64_t value = line.get(field.ref);
      const std::string name = text("field/", row->mnemonic, ".", field.name, "/");
      if (value < field.min)
        hit(name + "below_min");
      const int64_t rest = field.alignRow ? value % config.n : 0;
      if (rest)
        hit(name + "misaligned");
      if (value < field.min || rest)
        continue;
      const bool isLargest = value > field.max - (field.alignRow ? config.n : 1);
      if (field.kind == FieldKind::Flag || field.kind == FieldKind::Region) {
        hit(text(name, value));
        continue;
      }
      if (isLargest && hasLargest(field))
        hit(name + "max");
      if (!isAddress(field)) {
        if (!isLargest)
          hit(name + (value == field.min ? "min" : "typical"));
      } else if (const auto [access, size] = operandAt(line, *row, i, config); access && isLegal) {
        const uint64_t limit = access->space == Space::DRAM
                                   ? test.regions[size_t(line.get(row->fields[size_t(access->regionField)].ref))].limit
                                   : spaceSize(config, access->space);
        const uint64_t end = uint64_t(value) + size;
        if (value == 0)
          hit(name + "first");
        if (limit - end < (field.alignRow ? config.n : 1))
          hit(name + "last");
        else if (value != 0)
          hit(name + "inside");
      }
    }
    if (row->engine != Engine::FE && isLegal)
      for (const bool isWait : {true, false}) {
        const isa::SyncActions actions = isWait ? waits(line) : posts(line);
        hit(text("sync/", isa::name(row->engine), isWait ? "/waits." : "/posts.", actions.count));
        for (const isa::SyncAction &action : actions) {
          hit(text("sync/", isWait ? "wait" : "post", "/amount.", action.amount));
          hit(text("sync/", isWait ? "wait" : "post", "/semaphore.", action.semaphore));
        }
      }
    if (isLegal)
      Edges(line, config, *this).add();
  }
}

void Coverage::add(const Scenario &scenario, const Observation &seen) {
  if (!seen.isTimed || scenario.isNextAlone)
    return;
  std::string memory = scenario.serial ? "serial" : scenario.memory.substr(0, scenario.memory.find(':'));
  std::array<const Instruction *, isa::kEngines> previous{};
  for (const isa::TraceEvent &event : seen.events) {
    const Instruction *row = isa::findInstruction(event.opcode);
    if (!row)
      continue;
    hit(text("instruction/", row->mnemonic, "/retired"));
    if (hasRegion(*row))
      hit(text("memory/", memory, "/", row->mnemonic));
    const Instruction *&before = previous[size_t(row->engine)];
    if (before)
      hit(text("pair/", isa::name(row->engine), "/", before->mnemonic, ".", row->mnemonic));
    before = row;
  }
  addTogether(seen.events, *this);
  for (int i = 0; i != isa::kCounters; ++i)
    if (seen.counters[size_t(i)] && isPossible(i))
      hit(text("counter/", isa::kCounterNames[size_t(i)]));
  const auto code = FaultCode(seen.fault & 0xFF);
  if (code == FaultCode::None)
    return;
  const auto engine = Engine(seen.fault >> 8 & 0xFF);
  const auto &lines = scenario.assembly.program.lines;
  const Instruction *row = seen.faultPc < lines.size() ? lines[seen.faultPc].row() : nullptr;
  if (!hasPlace(code)) {
    hit(text("fault/", isa::name(code), "/any"));
    if (code == FaultCode::SemLeak && row)
      hit(text("instruction/", row->mnemonic, "/faulted"));
  } else if ((code == FaultCode::AxiRead || code == FaultCode::AxiWrite) && engine == Engine::FE) {
    hit(text("fault/", isa::name(code), "/FE"));
  } else if (row) {
    hit(text("fault/", isa::name(code), "/", row->mnemonic));
    hit(text("instruction/", row->mnemonic, "/faulted"));
  }
}

} // namespace tw::cosim
