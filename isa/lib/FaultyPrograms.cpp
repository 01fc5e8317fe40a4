// SPDX-License-Identifier: Apache-2.0
// Programs with exactly one fault: a legal program into which one defect is put.
#include "ProgramGenerator.h"
#include "tw/isa/Encoder.h"
#include <algorithm>
#include <bit>
#include <vector>

namespace tw::isa {
namespace {

constexpr int kBadImages = 6;    // behind the good records of region 1: one for even slots, one for odd ones
constexpr size_t kAnywhere = 32; // defects of each fault that is of no instruction: each in a program of its own

bool isBounds(FaultCode code) {
  return code == FaultCode::SpmBounds || code == FaultCode::AccBounds || code == FaultCode::ParamBounds ||
         code == FaultCode::RegionBounds;
}

// Accesses of parameter memory that an instruction reads, or only those of multipliers.
size_t recordReads(const Instruction &row, bool onlyMultipliers) {
  return row.semantics
             ? size_t(std::ranges::count_if(row.semantics->accesses,
                                            [&](const Access &access) {
                                              return access.space == Space::PARAM && access.dir == Dir::Read &&
                                                     (!onlyMultipliers || access.elem == Elem::F32 ||
                                                      access.name == "shift");
                                            }))
             : 0;
}

bool readsTable(const Instruction &row) {
  return row.semantics && std::ranges::any_of(row.semantics->accesses, [](const Access &access) {
           return access.space == Space::LUT && access.dir == Dir::Read;
         });
}

// Whether the size of an operand depends on a field, or its place does.
bool isInFootprint(const Instruction &row, int field) {
  auto names = [&](const Value &value) { return value.kind == Value::Field && value.value == field; };
  return std::ranges::any_of(row.footprint,
                             [&](const FootprintStep &step) {
                               return step.op == StepOp::Mad   ? names(step.extent) || names(step.stride)
                                      : step.op == StepOp::Mul ? names(step.extent)
                                                               : false;
                             }) ||
         std::ranges::any_of(row.semantics->accesses, [&](const Access &access) { return access.baseField == field; });
}

int64_t largest(const Field &field, const HwConfig &config) {
  return field.alignRow ? field.max / config.n * config.n : field.max;
}

// The region of completion records is the machine's, whatever it is open for; that of code nobody may read.
std::vector<int> forbiddenRegions(const Instruction &row) {
  return row.engine == Engine::ST ? std::vector{0, 1, 3, 4, 6} : std::vector{0, 3, 5, 7};
}

// Defects of one fault.
std::vector<Defect> defectsOf(FaultCode code, const HwConfig &config) {
  std::vector<Defect> result;
  for (const Instruction &row : kInstructions) {
    if (row.isPlanned)
      continue;
    auto add = [&](int field = -1) { result.push_back({code, row.opcode, field}); };
    auto addFields = [&](auto &&applies) {
      for (size_t i = 0; i != row.fields.size(); ++i)
        if (applies(row.fields[i], int(i)))
          add(int(i));
    };
    switch (code) {
    case FaultCode::ReservedBits:
      add();
      break;
    case FaultCode::BadShape:
      if (row.hasSync)
        add();
      addFields([](const Field &field, int) { return field.min > 0; });
      break;
    case FaultCode::Misaligned:
      addFields([](const Field &field, int) { return field.alignRow; });
      break;
    case FaultCode::SpmBounds:
    case FaultCode::AccBounds:
    case FaultCode::ParamBounds:
    case FaultCode::RegionBounds: {
      if (!row.semantics)
        break;
      const auto accesses = row.semantics->accesses;
      auto isOutside = [&](const Access &access) {
        // One table may be in its memory at the largest number that the field holds.
        return kSpaces[unsigned(access.space)].outOfBounds == code &&
               (access.space != Space::LUT || !access.packed.empty() ||
                config.lutBanks <= uint32_t(row.fields[size_t(access.baseField)].max));
      };
      if (!std::ranges::any_of(accesses, isOutside))
        break;
      add();
      // Fields at their largest value, once for the row: with the first memory that it leaves.
      if (std::ranges::find_if(accesses, isOutside) == accesses.begin())
        addFields([&](const Field &, int i) {
          return isInFootprint(row, i) && row.fields[size_t(i)].kind != FieldKind::Lut;
        });
      break;
    }
    case FaultCode::RegionPermission:
      if (int field = findField(row, "region"); field >= 0)
        for (int region : forbiddenRegions(row))
          result.push_back({code, row.opcode, field, region});
      break;
    case FaultCode::SemOverflow:
      if (row.hasSync)
        add();
      break;
    case FaultCode::UncoveredWait: // by a line of its own, or by one that was there
      if (row.hasSync) {
        add();
        result.push_back({code});
      }
      break;
    case FaultCode::BadParam:
      if (recordReads(row, true))
        add();
      break;
    case FaultCode::UninitParam:
      if (recordReads(row, false) || (readsTable(row) && config.lutBanks > 3))
        add();
      break;
    case FaultCode::None: // the rest is of no instruction
    case FaultCode::IllegalOpcode:
    case FaultCode::Unimplemented:
    case FaultCode::SemLeak:
    case FaultCode::Deadlock:
    case FaultCode::AccConflict:
    case FaultCode::AxiRead:
    case FaultCode::AxiWrite:
    case FaultCode::CycleBudget:
    case FaultCode::IsaVersion:
    case FaultCode::NoEnd:
    case FaultCode::Aborted:
      return std::vector<Defect>(kAnywhere, {code});
    }
  }
  for (size_t i = result.size(); i > 1; --i) { // so that few of them already are of many instructions
    Random random(i);
    std::swap(result[i - 1], result[random.below(i)]);
  }
  return result;
}

FieldKind kindOf(FaultCode code) {
  switch (code) {
  case FaultCode::SpmBounds:
    return FieldKind::Spm;
  case FaultCode::AccBounds:
    return FieldKind::Acc;
  case FaultCode::ParamBounds:
    return FieldKind::Param;
  default:
    return FieldKind::Offset;
  }
}

} // namespace

std::vector<Defect> defects(const HwConfig &config) {
  std::vector<std::vector<Defect>> lists;
  for (FaultCode code : faultsOfPrograms())
    lists.push_back(defectsOf(code, config));
  std::vector<Defect> result;
  for (size_t i = 0; std::ranges::any_of(lists, [&](const auto &list) { return i < list.size(); }); ++i)
    for (const std::vector<Defect> &list : lists)
      if (i < list.size())
        result.push_back(list[i]);
  return result;
}

// Changes a legal line so that it may raise the fault; the caller looks whether it does.
std::optional<Line> ProgramGenerator::spoil(Line line, const Defect &defect) {
  const Instruction &row = *line.row();
  const FaultCode code = defect.code;
  if (code == FaultCode::ReservedBits) {
    if (random.oneIn(3)) { // an unused slot that is not zero
      const auto &slots = random.oneIn(2) ? kWaitSlots : kPostSlots;
      return line.set(slots[random.below(kSyncSlots)].sem, int64_t(random.between(1, 31)));
    }
    return line.set({uint16_t(random.between(header::tag.lsb, kLineBits - 1)), 1, false}, 1); // not of the opcode
  }
  if (code == FaultCode::BadShape && (defect.opcode ? defect.field < 0 : random.oneIn(4))) { // one semaphore twice
    const auto &slots = random.oneIn(2) ? kWaitSlots : kPostSlots;
    for (int i : {0, 2})
      line.set(slots[i].valid, 1).set(slots[i].sem, 7);
    return line;
  }
  if (row.fields.empty())
    return std::nullopt;
  const Field &field = row.fields[defect.field >= 0 ? size_t(defect.field) : random.below(row.fields.size())];
  switch (code) {
  case FaultCode::BadShape:
    if (field.min <= 0)
      return std::nullopt;
    return line.set(field.ref, 0);
  case FaultCode::Misaligned:
    if (!field.alignRow)
      return std::nullopt;
    return line.set(field.ref, line.get(field.ref) + int64_t(1 + random.below(config.n - 1)));
  case FaultCode::RegionPermission: {
    if (field.kind != FieldKind::Region)
      return std::nullopt;
    const std::vector<int> regions = forbiddenRegions(row);
    return line.set(field.ref, defect.region >= 0 ? defect.region : regions[random.below(regions.size())]);
  }
  default:
    break;
  }
  if (field.kind != kindOf(code) && !(code == FaultCode::ParamBounds && field.kind == FieldKind::Lut))
    return std::nullopt;
  // Just beyond the end, or anywhere.
  uint64_t unit = field.alignRow ? config.n : 1;
  if (random.oneIn(2))
    return line.set(field.ref, int64_t(random.below(uint64_t(field.max) / unit + 1) * unit));
  for (size_t i = 0; i != row.semantics->accesses.size(); ++i) {
    const Access &access = row.semantics->accesses[i];
    if (access.baseField < 0 || &row.fields[access.baseField] != &field)
      continue;
    uint64_t limit = access.space == Space::DRAM ? test.regions[line.get(row.fields[access.regionField].ref)].limit
                                                 : spaceSize(config, access.space);
    uint64_t base = (limit - footprint(line, row, int(i), config)) / unit * unit + unit;
    if (int64_t(base) <= field.max)
      return line.set(field.ref, int64_t(base));
  }
  return std::nullopt;
}

// A line with a field at its largest value that leaves a memory; more fields follow where that is not enough.
Line ProgramGenerator::drawTooLarge(Opcode opcode, int field) {
  const Instruction &row = instruction(opcode);
  Line line = draw(opcode);
  for (;;) {
    line.set(row.fields[size_t(field)].ref, largest(row.fields[size_t(field)], config));
    if (std::optional<Fault> fault = checkLine(line, config, test.regions); fault && isBounds(fault->code))
      return line;
    do
      field = int(random.below(row.fields.size()));
    while (!isInFootprint(row, field) || row.fields[size_t(field)].kind == FieldKind::Lut);
  }
}

Line ProgramGenerator::drawBad(const Defect &defect) {
  const FaultCode code = defect.code;
  if (isBounds(code) && defect.field >= 0)
    return drawTooLarge(*defect.opcode, defect.field);
  if (code == FaultCode::IllegalOpcode)
    for (Line line;; line.set(header::opcode, int64_t(random.below(256))))
      if (!line.row())
        return line.set({uint16_t(300 + random.below(64)), 1, false}, 1);
  if (code == FaultCode::Unimplemented)
    for (;;)
      if (const Instruction &row = kInstructions[random.below(kInstructions.size())]; row.isPlanned)
        return Line(row.opcode);
  for (;;) {
    std::optional<Line> line = spoil(draw(defect.opcode ? *defect.opcode : drawOpcode()), defect);
    if (!line)
      continue;
    std::optional<Fault> fault = checkLine(*line, config, test.regions);
    if (fault && fault->code == code)
      return *line;
  }
}

int ProgramGenerator::freeSemaphore(const Program &program) const {
  uint32_t used = 0;
  for (const Line &line : program.lines)
    for (const SyncActions &actions : {waits(line), posts(line)})
      for (SyncAction action : actions)
        used |= 1u << action.semaphore;
  return std::countr_one(used); // 30 pairs of queues: two are always free
}

uint32_t ProgramGenerator::insert(TestProgram &target, std::vector<Line> lines, bool isFenced, size_t first) {
  std::vector<Line> &all = target.program.lines;
  size_t at = first + random.below(all.size() - first); // END stays last
  if (isFenced) {
    lines.insert(lines.begin(), Line(Opcode::Fence));
    lines.emplace_back(Opcode::Fence);
  }
  all.insert(all.begin() + std::ptrdiff_t(at), lines.begin(), lines.end());
  return uint32_t(at + isFenced);
}

void ProgramGenerator::addSemaphoreFault(FaultyProgram &faulty, std::optional<Opcode> opcode) {
  std::vector<Line> &lines = faulty.test.program.lines;
  int semaphore = freeSemaphore(faulty.test.program);
  if (faulty.code == FaultCode::SemOverflow) {
    // 8 posts of 8 make 64; all by one queue, so that they arrive in order.
    std::vector<Line> posters;
    Line poster = draw(opcode.value_or(Opcode::St));
    for (int i = 0; i != 8; ++i) {
      posters.push_back(poster);
      (void)addPost(posters.back(), {uint8_t(semaphore), 8});
    }
    // Behind the initialisation, whose last line is the first product: the posters run.
    const auto product = std::ranges::find(lines, unsigned(Opcode::Gemm), &Line::opcodeByte);
    faulty.pc = insert(faulty.test, posters, true, size_t(product - lines.begin()) + 1) + 7;
    return;
  }
  if (opcode) { // UNCOVERED_WAIT
    Line waiter = draw(*opcode);
    (void)addWait(waiter, {uint8_t(semaphore), uint8_t(random.between(1, 8))});
    faulty.pc = insert(faulty.test, {waiter}, true);
    return;
  }
  for (;;) {
    size_t at = random.below(lines.size());
    const Instruction &row = *lines[at].row();
    if (!row.hasSync)
      continue;
    SyncAction action{uint8_t(semaphore), uint8_t(random.between(1, 8))};
    bool isLeak = faulty.code == FaultCode::SemLeak;
    if (isLeak ? !addPost(lines[at], action) : !addWait(lines[at], action))
      continue;
    faulty.pc = uint32_t(isLeak ? lines.size() - 1 : at);
    return;
  }
}

void ProgramGenerator::addParameterFault(FaultyProgram &faulty, std::optional<Opcode> opcode) {
  const bool isBad = faulty.code == FaultCode::BadParam;
  std::vector<Opcode> readers;
  for (const Instruction &row : kInstructions)
    if (recordReads(row, isBad))
      readers.push_back(row.opcode);
  Line reader = draw(opcode.value_or(readers[random.below(readers.size())]));
  const Instruction &row = *reader.row();
  const int table = findField(row, "table");
  if (!recordReads(row, false)) { // a table that was never loaded
    int bank = firstTable == 0 ? tables : 0;
    reader.set(row.fields[size_t(table)].ref, bank);
    faulty.pc = insert(faulty.test, {reader}, true);
    return;
  }
  FieldRef param = row.fields[size_t(findField(row, "param"))].ref;
  if (isBad) {
    const int slot = recordUnit(row) == 3 ? 1 : 0;
    Line load = loadRecord(slot, kBadImages + slot);
    reader.set(param, load.get(ldp::dst));
    std::vector<Line> lines = {load, Line(Opcode::Fence), reader};
    if (table >= 0) // looked for before the record
      lines.insert(lines.begin(), loadTables(int(reader.get(row.fields[size_t(table)].ref)), 1, 0));
    const uint32_t last = uint32_t(lines.size()) - 1;
    faulty.pc = insert(faulty.test, std::move(lines), true) + last;
    return;
  }
  // The whole record beyond the slots but the last, or all of it but its head, was never loaded.
  bool hasMoreThanHead = recordReads(row, false) > 1;
  reader.set(param, int64_t(uint64_t(slots - 1) * slotRows - random.below(hasMoreThanHead ? 2 : 1)));
  faulty.pc = insert(faulty.test, {reader}, true);
}

// Illegal lines behind the fault: the lowest PC is reported, however soon they are found. A queue that only waits is
// overtaken by them, and of the last line's faults nothing is behind.
void ProgramGenerator::addMoreFaults(FaultyProgram &faulty) {
  static constexpr FaultCode kMore[] = {FaultCode::IllegalOpcode, FaultCode::ReservedBits, FaultCode::BadShape,
                                        FaultCode::Misaligned,    FaultCode::SpmBounds,    FaultCode::RegionPermission};
  if (faulty.code != faulty.timedCode || faulty.pc + 1 >= faulty.test.program.lines.size())
    return;
  for (int i = 0; i != options.moreFaults; ++i)
    insert(faulty.test, {drawBad({kMore[random.below(std::size(kMore))]})}, false, faulty.pc + 1);
}

FaultyProgram ProgramGenerator::faulty(const Defect &defect) {
  FaultyProgram faulty = faultyOnce(defect);
  addMoreFaults(faulty);
  return faulty;
}

FaultyProgram ProgramGenerator::faultyOnce(const Defect &defect) {
  const FaultCode code = defect.code;
  FaultyProgram faulty{legal(), code, code, 0, 0};
  switch (code) {
  case FaultCode::SemOverflow:
  case FaultCode::SemLeak:
  case FaultCode::UncoveredWait:
    addSemaphoreFault(faulty, defect.opcode);
    faulty.timedCode = code == FaultCode::UncoveredWait ? FaultCode::Deadlock : code;
    return faulty;
  case FaultCode::UninitParam:
  case FaultCode::BadParam:
    addParameterFault(faulty, defect.opcode);
    return faulty;
  case FaultCode::NoEnd:
    faulty.test.program.lines.pop_back();
    faulty.pc = uint32_t(faulty.test.program.lines.size());
    return faulty;
  default:
    break;
  }
  Line bad = drawBad(defect);
  const Fault fault = *checkLine(bad, config, test.regions);
  faulty.code = faulty.timedCode = fault.code;
  faulty.address = fault.address;
  faulty.pc = insert(faulty.test, {bad}, false);
  return faulty;
}

} // namespace tw::isa
