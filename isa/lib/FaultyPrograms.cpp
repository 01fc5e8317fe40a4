// SPDX-License-Identifier: Apache-2.0
// Programs with exactly one fault: a legal program into which one defect is put.
#include "ProgramGenerator.h"
#include "tw/isa/Encoder.h"
#include <algorithm>
#include <bit>

namespace tw::isa {
namespace {

constexpr int kBadImage = 6; // behind the good records of region 1

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

// Changes a legal line so that it may raise `code`; the caller looks whether it does.
std::optional<Line> ProgramGenerator::spoil(Line line, FaultCode code) {
  const Instruction &row = *line.row();
  if (code == FaultCode::ReservedBits) {
    if (random.oneIn(3)) { // an unused slot that is not zero
      const auto &slots = random.oneIn(2) ? kWaitSlots : kPostSlots;
      return line.set(slots[random.below(kSyncSlots)].sem, int64_t(random.between(1, 31)));
    }
    return line.set({uint16_t(random.below(kLineBits)), 1, false}, 1);
  }
  if (code == FaultCode::BadShape && random.oneIn(4)) { // one semaphore twice
    const auto &slots = random.oneIn(2) ? kWaitSlots : kPostSlots;
    for (int i : {0, 2})
      line.set(slots[i].valid, 1).set(slots[i].sem, 7);
    return line;
  }
  if (row.fields.empty())
    return std::nullopt;
  const Field &field = row.fields[random.below(row.fields.size())];
  switch (code) {
  case FaultCode::BadShape:
    if (field.min <= 0)
      return std::nullopt;
    return line.set(field.ref, 0);
  case FaultCode::Misaligned:
    if (!field.alignRow)
      return std::nullopt;
    return line.set(field.ref, line.get(field.ref) + int64_t(1 + random.below(config.n - 1)));
  case FaultCode::RegionPermission:
    if (field.kind != FieldKind::Region)
      return std::nullopt;
    // Code and completion are the machine's: what runs a program opens them.
    return line.set(field.ref, std::array{1, 2, 4, 5, 6, 7}[random.below(6)]);
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

Line ProgramGenerator::drawBad(FaultCode code) {
  if (code == FaultCode::IllegalOpcode)
    for (Line line;; line.set(header::opcode, int64_t(random.below(256))))
      if (!line.row())
        return line.set({uint16_t(300 + random.below(64)), 1, false}, 1);
  if (code == FaultCode::Unimplemented)
    for (;;)
      if (const Instruction &row = kInstructions[random.below(kInstructions.size())]; row.isPlanned)
        return Line(row.opcode);
  for (;;) {
    std::optional<Line> line = spoil(draw(drawOpcode()), code);
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

uint32_t ProgramGenerator::insert(TestProgram &target, std::vector<Line> lines, bool isFenced) {
  std::vector<Line> &all = target.program.lines;
  size_t at = random.below(all.size()); // END stays last
  if (isFenced) {
    lines.insert(lines.begin(), Line(Opcode::Fence));
    lines.emplace_back(Opcode::Fence);
  }
  all.insert(all.begin() + std::ptrdiff_t(at), lines.begin(), lines.end());
  return uint32_t(at + isFenced);
}

void ProgramGenerator::addSemaphoreFault(FaultyProgram &faulty) {
  std::vector<Line> &lines = faulty.test.program.lines;
  int semaphore = freeSemaphore(faulty.test.program);
  if (faulty.code == FaultCode::SemOverflow) {
    // 8 posts of 8 make 64; all by one queue, so that they arrive in order.
    std::vector<Line> posters;
    Line poster = draw(Opcode::St);
    for (int i = 0; i != 8; ++i) {
      posters.push_back(poster);
      (void)addPost(posters.back(), {uint8_t(semaphore), 8});
    }
    faulty.pc = insert(faulty.test, posters, true) + 7;
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

void ProgramGenerator::addParameterFault(FaultyProgram &faulty) {
  // Rows that read multipliers, or any rows of parameter memory.
  auto readsOf = [](const Instruction &row, bool onlyMultipliers) {
    return row.semantics ? std::ranges::count_if(row.semantics->accesses,
                                                 [&](const Access &access) {
                                                   return access.space == Space::PARAM && access.dir == Dir::Read &&
                                                          (!onlyMultipliers || access.elem == Elem::F32);
                                                 })
                         : 0;
  };
  std::vector<Opcode> readers;
  for (const Instruction &row : kInstructions)
    if (readsOf(row, faulty.code == FaultCode::BadParam))
      readers.push_back(row.opcode);
  Line reader = draw(readers[random.below(readers.size())]);
  FieldRef param = reader.row()->fields[findField(*reader.row(), "param")].ref;
  if (faulty.code == FaultCode::BadParam) {
    Line load = loadRecord(0, kBadImage);
    reader.set(param, load.get(ldp::dst));
    faulty.pc = insert(faulty.test, {load, Line(Opcode::Fence), reader}, true) + 2;
    return;
  }
  // The whole record beyond the slots but the last, or all of it but its head, was never loaded.
  bool hasMoreThanHead = readsOf(*reader.row(), false) > 1;
  reader.set(param, int64_t(uint64_t(slots - 1) * slotRows - random.below(hasMoreThanHead ? 2 : 1)));
  faulty.pc = insert(faulty.test, {reader}, true);
}

FaultyProgram ProgramGenerator::faulty(FaultCode code) {
  FaultyProgram faulty{legal(), code, code, 0, 0};
  switch (code) {
  case FaultCode::SemOverflow:
  case FaultCode::SemLeak:
  case FaultCode::UncoveredWait:
    addSemaphoreFault(faulty);
    faulty.timedCode = code == FaultCode::UncoveredWait ? FaultCode::Deadlock : code;
    return faulty;
  case FaultCode::UninitParam:
  case FaultCode::BadParam:
    addParameterFault(faulty);
    return faulty;
  case FaultCode::NoEnd:
    faulty.test.program.lines.pop_back();
    faulty.pc = uint32_t(faulty.test.program.lines.size());
    return faulty;
  default:
    break;
  }
  Line bad = drawBad(code);
  faulty.address = checkLine(bad, config, test.regions)->address;
  faulty.pc = insert(faulty.test, {bad}, false);
  return faulty;
}

} // namespace tw::isa
