// SPDX-License-Identifier: Apache-2.0
#include "ProgramGenerator.h"
#include "tw/isa/Encoder.h"
#include "tw/isa/Footprints.h"
#include "tw/isa/Synchronise.h"
#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace tw::isa {
namespace {

// Good records in region 1, the last of them at its end; two more are bad. Even ones have two rows a channel block, odd
// ones three (with shifts), and a slot of parameter memory holds records of its own parity only.
constexpr int kImages = 6;
constexpr int kTableImages = 4;    // tables in region 1
constexpr uint64_t kMaxBlocks = 4; // channel blocks of one record
constexpr int kConstRegion = int(RegionRole::Const), kArena = int(RegionRole::Arena);
constexpr int kInputs[] = {4, 6}, kOutputs[] = {5, 7}, kSources[] = {kConstRegion, 4, 6};

bool hasShifts(int slotOrImage) { return slotOrImage % 2 != 0; }

uint64_t roundUp(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

Line made(Result<Line> line) {
  assert(line && "the generator writes values that fit");
  return *line;
}

} // namespace

ProgramGenerator::ProgramGenerator(const HwConfig &config, const RandomOptions &options)
    : config(config), options(options), random(options.seed * 0x10001 + 77) {
  // At least a block of weights.
  uint64_t least = uint64_t(std::max(config.n, 16u)) * config.n;
  uint64_t window = std::clamp<uint64_t>(options.spmWindow / config.n * config.n, least, config.spmBytes);
  uint64_t starts[] = {0, config.spmBytes - window, random.below((config.spmBytes - window) / config.n + 1) * config.n};
  spmFirst = starts[random.below(3)];
  spmEnd = spmFirst + window;
  uint64_t rows = std::min<uint64_t>(config.accRows, 128);
  uint64_t accStarts[] = {0, config.accRows - rows, (config.accRows - rows) / 2};
  accFirst = accStarts[random.below(3)];
  accEnd = accFirst + rows;
  slotRows = 1 + 3 * kMaxBlocks;
  slots = int(std::min<uint64_t>(4, config.paramRows / slotRows));
  recordBytes = slotRows * config.n * kWordBytes;
  tableOffset = roundUp((kImages + 1) * recordBytes, kLutBytes);
  tables = int(std::min<uint32_t>(3, config.lutBanks));
  firstTable = random.oneIn(2) ? 0 : int(config.lutBanks) - tables;
  addData();
}

void ProgramGenerator::addData() {
  test.config = config.name;
  uint64_t window = spmEnd - spmFirst, size = roundUp(std::max<uint64_t>(window, 16384), 4096);
  test.regions[kConstRegion] = {roundUp(tableOffset + kTableImages * kLutBytes + recordBytes, 64), true, false};
  test.regions[kArena] = {size * 2, true, true};
  for (int region : kInputs)
    test.regions[region] = {size, true, false};
  for (int region : kOutputs)
    test.regions[region] = {size, false, true};
  for (int image = 0; image != kImages + 2; ++image)
    test.data.push_back({kConstRegion, imageOffset(image), recordImage(hasShifts(image), image >= kImages), {}});
  auto addRandom = [&](int region, uint64_t offset, uint64_t count) {
    uint64_t seed = random.below(1 << 30);
    test.data.push_back({region, offset, randomBytes(count, seed), seed});
  };
  addRandom(kConstRegion, tableOffset, kTableImages * kLutBytes);
  addRandom(kArena, 0, test.regions[kArena].limit);
  for (int region : kInputs) { // behind a record
    std::vector<uint8_t> record = recordImage(region == kInputs[1], false);
    addRandom(region, record.size(), size - record.size());
    test.data.push_back({region, 0, std::move(record), {}});
  }
}

uint32_t ProgramGenerator::multiplier() {
  if (random.oneIn(8))
    return uint32_t(random.between(int64_t(0x2B800000), int64_t(0x43800000)));
  // Near the reciprocal of a sum: values inside and outside int8.
  return uint32_t(random.between(127 - 14, 127 - 3)) << 23 | uint32_t(random.below(1 << 23));
}

uint32_t ProgramGenerator::tfliteMultiplier() {
  return uint32_t(random.oneIn(8) ? random.below(uint64_t(1) << 31) : random.between(1 << 30, INT32_MAX));
}

uint32_t ProgramGenerator::tfliteShift() {
  return uint32_t(random.oneIn(8) ? random.between(-kTfliteShiftMax, kTfliteShiftMax) : random.between(-13, -2));
}

std::vector<uint8_t> ProgramGenerator::recordImage(bool withShifts, bool isBad) {
  std::vector<uint32_t> words(slotRows * config.n);
  for (uint32_t &word : words)
    word = uint32_t(random.next());
  auto byte = [&] { return uint32_t(random.below(256)); };
  bool isOpen = random.oneIn(2);
  words[0] = byte() | (isOpen ? 0x80u : byte()) << 8 | (isOpen ? 0x7Fu : byte()) << 16;
  int bits = int(random.between(0, 24));
  for (int i : {1, 2})
    words[i] = uint32_t(random.between(-(int64_t(2) << bits), int64_t(2) << bits));
  uint32_t shift = random.oneIn(8) ? uint32_t(random.below(64)) : uint32_t(bits + random.between(0, 9));
  words[3] = byte() | byte() << 8 | byte() << 16 | shift << 24;
  const uint64_t rows = withShifts ? 3 : 2;
  for (uint64_t block = 0; block != (slotRows - 1) / rows; ++block)
    for (uint64_t lane = 0; lane != config.n; ++lane) {
      uint32_t *word = &words[(1 + rows * block) * config.n + lane];
      if (!random.oneIn(8))
        word[0] = uint32_t(random.between(-20000, 20000));
      word[config.n] = withShifts ? tfliteMultiplier() : multiplier();
      if (withShifts)
        word[2 * config.n] = tfliteShift();
    }
  static constexpr uint32_t kBadMultipliers[] = {0, 0x2B7FFFFF, 0x43800001, 0x7F800000, 0x7FC00000, 0xBF800000};
  static constexpr uint32_t kBadTflite[][2] = {{2, 0x80000000}, {2, 0xFFFFFFFF}, {3, 32}, {3, 0xFFFFFFE0}};
  uint32_t *first = &words[random.below(config.n)];
  if (isBad && withShifts) {
    const auto &[row, word] = kBadTflite[random.below(std::size(kBadTflite))];
    first[row * config.n] = word;
  } else if (isBad) {
    first[2 * config.n] = kBadMultipliers[random.below(std::size(kBadMultipliers))];
  }
  std::vector<uint8_t> bytes(words.size() * sizeof(uint32_t));
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

//===- Single lines -------------------------------------------------------------===//

// The last slot ends with the memory.
uint64_t ProgramGenerator::slotRow(int slot) const {
  return slot + 1 == slots ? config.paramRows - slotRows : uint64_t(slot) * slotRows;
}

// The last good record ends with the region, the bad ones stand before the tables.
uint64_t ProgramGenerator::imageOffset(int image) const {
  return image + 1 == kImages ? test.regions[kConstRegion].limit - recordBytes
                              : uint64_t(image - (image >= kImages)) * recordBytes;
}

int ProgramGenerator::drawImage(int slot) { return 2 * int(random.below(kImages / 2)) + hasShifts(slot); }

uint64_t ProgramGenerator::recordUnit(const Instruction &row) {
  uint64_t unit = 1;
  for (const Access &access : row.semantics->accesses)
    if (access.space == Space::PARAM && access.dir == Dir::Read)
      unit = std::max<uint64_t>(unit, access.unit);
  return unit;
}

Line ProgramGenerator::loadRecord(int slot) { return loadRecord(slot, drawImage(slot)); }

Line ProgramGenerator::loadRecord(int slot, int image) {
  return made(encode(Opcode::Ldp, {{"region", kConstRegion},
                                   {"offset", int64_t(imageOffset(image))},
                                   {"dst", int64_t(slotRow(slot))},
                                   {"count", int64_t(slotRows)}}));
}

// Some rows of a record, to the same rows of a slot: multipliers stay multipliers.
Line ProgramGenerator::loadPartOfRecord() {
  const int slot = int(random.below(slots));
  uint64_t count = uint64_t(random.between(1, int64_t(slotRows)));
  uint64_t first = random.below(slotRows - count + 1), rowBytes = uint64_t(config.n) * kWordBytes;
  bool isConst = random.oneIn(2);
  uint64_t offset = (isConst ? imageOffset(drawImage(slot)) : 0) + first * rowBytes;
  return made(encode(Opcode::Ldp, {{"region", isConst ? kConstRegion : kInputs[hasShifts(slot)]},
                                   {"offset", int64_t(offset)},
                                   {"dst", int64_t(slotRow(slot) + first)},
                                   {"count", int64_t(count)}}));
}

Line ProgramGenerator::loadTables(int bank, int count, int table) {
  return made(encode(Opcode::Ldt, {{"region", kConstRegion},
                                   {"offset", int64_t(tableOffset + uint64_t(table) * kLutBytes)},
                                   {"dst", bank},
                                   {"count", count}}));
}

int64_t ProgramGenerator::drawExtent(const Field &field) {
  int64_t largest = std::min<int64_t>(field.max, int64_t(options.workPerLine));
  if (field.name == "oc_n")
    largest = std::min<int64_t>(largest, kMaxBlocks);
  if (field.name == "kh_n" || field.name == "kw_n")
    largest = 4;
  int64_t small = random.oneIn(3) ? 8 : 3;
  return random.between(1, random.oneIn(12) ? largest : std::min(small, largest));
}

// Strides of windows, dilations, paddings.
int64_t ProgramGenerator::drawFactor(const Field &field) {
  if (random.oneIn(24))
    return field.max;
  int64_t usual = field.ref.width > 8 ? 3 * int64_t(config.n) : 3;
  return random.between(field.min, std::min(field.max, random.oneIn(8) ? usual * 4 : usual));
}

// A base for an operand of `size` in [first, end), often at one of the ends.
int64_t ProgramGenerator::place(uint64_t first, uint64_t end, uint64_t size, uint64_t unit) {
  uint64_t choices = (end - first - size) / unit;
  uint64_t kind = random.below(6);
  return int64_t(first + (kind == 0 ? 0 : kind == 1 ? choices : random.below(choices + 1)) * unit);
}

// A row where a record of `size` rows may start: the rows of a slot repeat, so that multipliers (and shifts) stay what
// they are.
std::optional<int64_t> ProgramGenerator::placeRecord(const Instruction &row, uint64_t size) {
  if (size > slotRows)
    return std::nullopt;
  const uint64_t unit = recordUnit(row);
  int slot = int(random.below(slots));
  if (unit != 1 && hasShifts(slot) != (unit == 3))
    slot = slot == 0 ? 1 : slot - 1;
  return int64_t(slotRow(slot)) + (random.oneIn(2) ? 0 : int64_t(random.below((slotRows - size) / unit + 1) * unit));
}

bool ProgramGenerator::placeBase(Line &line, const Instruction &row, int field) {
  uint64_t size = 0;
  const Access *access = nullptr;
  for (size_t i = 0; i != row.semantics->accesses.size(); ++i)
    if (row.semantics->accesses[i].baseField == field) {
      access = &row.semantics->accesses[i];
      size = std::max(size, footprint(line, row, int(i), config));
    }
  if (!access)
    return true;
  FieldRef ref = row.fields[field].ref;
  uint64_t unit = row.fields[field].alignRow ? config.n : 1;
  auto inside = [&](uint64_t first, uint64_t end) {
    if (size > end - first)
      return false;
    line.set(ref, place(first, end, size, unit));
    return true;
  };
  switch (access->space) {
  case Space::SPM:
    return inside(spmFirst, spmEnd);
  case Space::ACC:
    return inside(accFirst, accEnd);
  case Space::PARAM:
    if (auto base = placeRecord(row, size)) {
      line.set(ref, *base);
      return true;
    }
    return false;
  case Space::LUT:
    line.set(ref, firstTable + int64_t(random.below(tables)));
    return true;
  case Space::DRAM:
    break;
  }
  int region = random.oneIn(2)            ? kArena
               : access->dir == Dir::Read ? kSources[random.below(3)]
                                          : kOutputs[random.below(2)];
  line.set(row.fields[access->regionField].ref, region);
  return inside(0, test.regions[region].limit);
}

uint64_t ProgramGenerator::work(const Line &line, const Instruction &row) const {
  uint64_t result = 1;
  for (const Loop &loop : row.semantics->loops)
    if (loop.extent.kind == Value::Field)
      result *= uint64_t(line.get(row.fields[loop.extent.value].ref));
  return result;
}

// One field, or an extent that walks nothing with its stride, at the end of its range.
void ProgramGenerator::drawExtreme(Line &line, const Instruction &row) {
  const Field &field = row.fields[random.below(row.fields.size())];
  if (field.kind != FieldKind::Extent && field.kind != FieldKind::Stride)
    return;
  line.set(field.ref, field.alignRow ? field.max / config.n * config.n : field.max);
  if (random.oneIn(2))
    for (const Field &other : row.fields)
      if (&other != &field && (other.kind == FieldKind::Extent || other.kind == FieldKind::Stride))
        line.set(other.ref, other.min);
}

// Of a load or store: now and then runs that touch each other in DRAM, or one that has a longest burst.
void ProgramGenerator::drawRun(Line &line, const Instruction &row) {
  auto set = [&](const char *name, int64_t value) {
    if (int field = findField(row, name); field >= 0)
      line.set(row.fields[size_t(field)].ref, value);
  };
  if (random.oneIn(12)) {
    set("n0", 2 * int64_t(config.axiBurstBeats) * config.axiBytes / config.n);
    for (const char *extent : {"n1", "n2", "n3"})
      set(extent, 1);
    for (const char *pad : {"pad1", "pad2"})
      set(pad, 0);
  } else if (random.oneIn(6)) {
    set("ds1", line.get(row.fields[size_t(findField(row, "n0"))].ref) * config.n);
  }
}

// A dwconv that takes several taps in a step where it can, or that misses it by one: each term of the condition holds
// in most lines.
void ProgramGenerator::drawColumns(Line &line) {
  const int64_t taps = config.dwTaps;
  auto extent = [&](int64_t least) {
    return random.between(least, random.oneIn(4) ? taps + 1 : std::max(least, taps));
  };
  const int64_t kernelW = extent(2);
  line.set(dwconv::kh_n, extent(1)).set(dwconv::kw_n, kernelW);
  line.set(dwconv::stride_w, random.between(1, random.oneIn(3) ? kernelW : kernelW - 1));
  line.set(dwconv::dil_w, random.oneIn(6) ? 2 : 1);
  line.set(dwconv::ow_n, random.between(random.oneIn(6) ? kernelW - 1 : kernelW, kernelW + 3));
}

bool ProgramGenerator::fill(Line &line, const Instruction &row) {
  for (const Field &field : row.fields) {
    switch (field.kind) {
    case FieldKind::Extent:
      line.set(field.ref, drawExtent(field));
      break;
    case FieldKind::Uint:
      line.set(field.ref, drawFactor(field));
      break;
    case FieldKind::Sint:
      line.set(field.ref,
               random.oneIn(8) ? (random.oneIn(2) ? field.min : field.max) : random.between(field.min, field.max));
      break;
    case FieldKind::Flag:
      line.set(field.ref, random.between(field.min, field.max));
      break;
    case FieldKind::Stride:
      line.set(field.ref, int64_t(random.below(random.oneIn(4) ? 24 : 6) * config.n));
      break;
    case FieldKind::Spm:
    case FieldKind::Acc:
    case FieldKind::Param:
    case FieldKind::Lut:
    case FieldKind::Region:
    case FieldKind::Offset:
      break; // placed below, when the size of the operand is known
    }
  }
  if (findField(row, "ds1") >= 0)
    drawRun(line, row);
  if (row.opcode == Opcode::Dwconv && random.oneIn(2))
    drawColumns(line);
  if (random.oneIn(options.extremes ? 2 : 16))
    drawExtreme(line, row);
  if (work(line, row) > options.workPerLine)
    return false;
  for (size_t i = 0; i != row.fields.size(); ++i)
    if (!placeBase(line, row, int(i)))
      return false;
  // Results in place of the first operand.
  if (findField(row, "a") >= 0 && random.oneIn(4))
    for (const char *suffix : {"", "_s0", "_s1", "_s2"})
      if (int a = findField(row, std::string("a") + suffix), y = findField(row, std::string("y") + suffix);
          a >= 0 && y >= 0)
        line.set(row.fields[y].ref, line.get(row.fields[a].ref));
  return !overlapsItself(line, config) && !checkLine(line, config, test.regions);
}

Line ProgramGenerator::draw(Opcode opcode) {
  const Instruction &row = instruction(opcode);
  if (opcode == Opcode::Ldp)
    return random.oneIn(2) ? loadRecord(int(random.below(slots))) : loadPartOfRecord();
  if (opcode == Opcode::Ldt) { // any bytes are a table
    int count = int(random.between(1, std::min(2, tables)));
    Line line = loadTables(firstTable + int(random.below(tables - count + 1)), count, 0);
    (void)placeBase(line, row, findField(row, "offset"));
    return line;
  }
  auto orEnd = [&](uint64_t end) {
    return int64_t(random.oneIn(16) ? random.below(2) * (end - 1) : random.below(end));
  };
  for (;;) {
    Line line(opcode);
    if (row.semantics ? fill(line, row) : true) {
      if (opcode == Opcode::Mark)
        line.set(mark::value, orEnd(uint64_t(1) << 32));
      return line.setTag(uint16_t(orEnd(65536)));
    }
  }
}

Opcode ProgramGenerator::drawOpcode() {
  if (options.only && !random.oneIn(4))
    return *options.only;
  for (;;) {
    const Instruction &row = kInstructions[random.below(kInstructions.size())];
    if (!row.isPlanned && row.opcode != Opcode::End && (row.engine != Engine::FE || random.oneIn(3)))
      return row.opcode;
  }
}

//===- Whole programs -----------------------------------------------------------===//

// Loads everything that later lines read, so that no result depends on what the memories held.
std::vector<Line> ProgramGenerator::initialisation() {
  std::vector<Line> lines;
  int64_t rows = int64_t((spmEnd - spmFirst) / config.n), half = rows / 2;
  auto load = [&](Opcode opcode, int region, int64_t first, int64_t count) {
    lines.push_back(made(encode(opcode, {{"region", region},
                                         {"offset", first * config.n},
                                         {"spm", int64_t(spmFirst) + first * config.n},
                                         {"n0", count},
                                         {"n1", 1},
                                         {"n2", 1},
                                         {"n3", 1}})));
  };
  if (!options.inherits) {
    load(Opcode::Ld, kInputs[0], 0, half);
    load(Opcode::Ldw, kInputs[1], half, rows - half);
  }
  for (int slot = 0; slot != slots; ++slot)
    lines.push_back(loadRecord(slot));
  for (int bank = 0; bank != tables; ++bank)
    lines.push_back(loadTables(firstTable + bank, 1, int(random.below(kTableImages))));
  if (options.inherits)
    return lines;
  int64_t accRows = int64_t(accEnd - accFirst);
  lines.push_back(
      made(encode(Opcode::Gemm, {{"x", int64_t(spmFirst)},
                                 {"x_ms", int64_t(uint64_t(accRows) * config.n <= spmEnd - spmFirst ? config.n : 0)},
                                 {"m_n", accRows},
                                 {"k_n", 1},
                                 {"oc_n", 1},
                                 {"w", int64_t(spmEnd - uint64_t(config.n) * config.n)},
                                 {"acc", int64_t(accFirst)}})));
  return lines;
}

// Each in a part of the window, product and drain in halves of ACC, of their own. The longest come first.
std::vector<Line> ProgramGenerator::oneOfEachEngine() {
  constexpr int64_t kPasses = 8;
  const int64_t n = config.n, part = int64_t(spmEnd - spmFirst) / 8 / n * n;
  const int64_t rows = std::min<int64_t>(part / n, 64), blocks = std::min(part / (n * n), kPasses);
  const int64_t acc = int64_t(accFirst), other = (acc + config.accRows / 2) % config.accRows;
  const int64_t sums = std::min(int64_t(accEnd - accFirst) / 2, rows / 4);
  if (blocks == 0 || sums == 0)
    return {};
  auto at = [&](int64_t index) { return int64_t(spmFirst) + index * part; };
  auto loop = [&](std::vector<FieldValue> fields) {
    fields.insert(fields.end(), {{"n0", rows}, {"n1", kPasses}, {"n2", 1}});
    return fields;
  };
  auto loop3 = [&](std::vector<FieldValue> fields) {
    fields.push_back({"n3", 1});
    return loop(std::move(fields));
  };
  auto multiply = [&](int64_t depth, int64_t to) {
    return made(
        encode(Opcode::Gemm,
               {{"x", at(5)}, {"x_ms", n}, {"m_n", sums}, {"k_n", depth}, {"oc_n", 1}, {"w", at(6)}, {"acc", to}}));
  };
  return {
      multiply(1, other), // what the drain reads
      Line(Opcode::Fence),
      made(encode(Opcode::Fill, loop3({{"spm", at(0)}, {"value", 3}}))),
      made(encode(Opcode::Ldw, loop3({{"region", kInputs[1]}, {"spm", at(1)}, {"ds1", rows * n}}))),
      made(encode(Opcode::St, loop3({{"region", kOutputs[0]}, {"spm", at(2)}, {"ds1", rows * n}}))),
      made(encode(Opcode::Move, loop({{"a", at(3)}, {"a_s0", n}, {"y", at(4)}, {"y_s0", n}}))),
      multiply(blocks, acc),
      made(encode(Opcode::Drw,
                  {{"acc", other}, {"oc_n", 1}, {"oh_n", 1}, {"ow_n", sums}, {"y", at(7)}, {"y_ws", n * kWordBytes}}))};
}

std::vector<Line> ProgramGenerator::finish() {
  std::vector<Line> lines;
  if (options.stores)
    lines.push_back(made(encode(Opcode::St, {{"region", kArena},
                                             {"spm", int64_t(spmFirst)},
                                             {"n0", int64_t((spmEnd - spmFirst) / config.n)},
                                             {"n1", 1},
                                             {"n2", 1},
                                             {"n3", 1}})));
  lines.emplace_back(Opcode::End);
  return lines;
}

TestProgram ProgramGenerator::assemble(const std::vector<Line> &lines) {
  TestProgram result = test;
  result.program = synchronise({lines, {}}, config, options.seed + 1);
  return result;
}

TestProgram ProgramGenerator::legal() {
  std::vector<Line> lines = initialisation();
  if (options.together)
    for (const Line &line : oneOfEachEngine())
      lines.push_back(line);
  for (int i = 0; i != options.instructions; ++i)
    lines.push_back(draw(drawOpcode()));
  for (const Line &line : finish())
    lines.push_back(line);
  return assemble(lines);
}

} // namespace tw::isa
