// SPDX-License-Identifier: Apache-2.0
// Draws instructions that are legal on one machine and puts them together.
// Used by RandomProgram.cpp. Walks the records; only loads of parameters and tables, and dwconv, are known by name.
#ifndef TW_ISA_LIB_PROGRAM_GENERATOR_H
#define TW_ISA_LIB_PROGRAM_GENERATOR_H

#include "Random.h"
#include "tw/isa/RandomProgram.h"

namespace tw::isa {

class ProgramGenerator {
public:
  ProgramGenerator(const HwConfig &config, const RandomOptions &options);

  TestProgram legal();
  FaultyProgram faulty(const Defect &defect); // and options.moreFaults behind it

private:
  void addData();
  std::vector<uint8_t> recordImage(bool withShifts, bool isBad);
  uint32_t multiplier();
  uint32_t tfliteMultiplier();
  uint32_t tfliteShift();
  std::vector<Line> initialisation();
  std::vector<Line> oneOfEachEngine();
  std::vector<Line> finish();
  TestProgram assemble(const std::vector<Line> &lines);

  // A legal line of the opcode, without waits and posts.
  Line draw(Opcode opcode);
  Opcode drawOpcode();
  bool fill(Line &line, const Instruction &row);
  bool placeBase(Line &line, const Instruction &row, int field);
  int64_t drawExtent(const Field &field);
  int64_t drawFactor(const Field &field);
  int64_t place(uint64_t first, uint64_t end, uint64_t size, uint64_t unit);
  std::optional<int64_t> placeRecord(const Instruction &row, uint64_t size);
  void drawRun(Line &line, const Instruction &row);
  void drawColumns(Line &line);
  void drawExtreme(Line &line, const Instruction &row);
  uint64_t slotRow(int slot) const;
  uint64_t imageOffset(int image) const;
  int drawImage(int slot); // a good one that belongs there
  static uint64_t recordUnit(const Instruction &row);
  Line loadRecord(int slot);
  Line loadRecord(int slot, int image);
  Line loadPartOfRecord();
  Line loadTables(int bank, int count, int table);
  uint64_t work(const Line &line, const Instruction &row) const;

  // A line that raises `code` (of the decode stage) and nothing before it.
  Line drawBad(const Defect &defect);
  std::optional<Line> spoil(Line line, const Defect &defect);
  Line drawTooLarge(Opcode opcode, int field);
  int freeSemaphore(const Program &program) const;
  // Puts lines, with fences around them, into a legal program, not before `first`; returns the index of the first.
  uint32_t insert(TestProgram &test, std::vector<Line> lines, bool isFenced, size_t first = 0);
  FaultyProgram faultyOnce(const Defect &defect);
  void addMoreFaults(FaultyProgram &faulty);
  void addSemaphoreFault(FaultyProgram &faulty, std::optional<Opcode> opcode);
  void addParameterFault(FaultyProgram &faulty, std::optional<Opcode> opcode);

  const HwConfig &config;
  RandomOptions options;
  Random random;
  TestProgram test;
  uint64_t spmFirst, spmEnd; // bytes in use
  uint64_t accFirst, accEnd; // rows in use
  uint64_t slotRows;         // of a record
  int slots;                 // in parameter memory
  uint64_t recordBytes;      // of a record's image in region 1
  uint64_t tableOffset;      // of the first table in region 1
  int firstTable, tables;    // LUT banks in use
};

} // namespace tw::isa
#endif
