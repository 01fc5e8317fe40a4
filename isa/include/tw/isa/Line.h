// SPDX-License-Identifier: Apache-2.0
// One instruction line: 64 bytes with fields at the positions of the table.
// Used by everybody who reads or writes instructions. Checked writing is in Encoder.h, legality in Check.h.
// Does not know which opcode a line has; a FieldRef of another instruction reads other bits.
#ifndef TW_ISA_LINE_H
#define TW_ISA_LINE_H

#include "tw/isa/Tables.h"
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

namespace tw::isa {

static_assert(std::endian::native == std::endian::little, "lines are little-endian in memory");

class Line {
public:
  constexpr Line() = default;
  // A line of all zero fields but the opcode.
  explicit constexpr Line(Opcode opcode) { set(header::opcode, int64_t(opcode)); }

  // Value of a field, sign-extended when the field is signed.
  constexpr int64_t get(FieldRef field) const {
    uint64_t bits = words[field.lsb / 64] >> (field.lsb % 64);
    if (field.lsb % 64 + field.width > 64)
      bits |= words[field.lsb / 64 + 1] << (64 - field.lsb % 64);
    unsigned unused = 64 - field.width;
    return field.isSigned ? int64_t(bits << unused) >> unused : int64_t(bits << unused >> unused);
  }

  // Writes a field. The value must fit (assert); Encoder.h has the form that reports it.
  constexpr Line &set(FieldRef field, int64_t value) {
    assert(fits(field, value) && "value does not fit its field");
    uint64_t mask = ~uint64_t(0) >> (64 - field.width), bits = uint64_t(value) & mask;
    unsigned low = field.lsb % 64;
    uint64_t &word = words[field.lsb / 64];
    word = (word & ~(mask << low)) | bits << low;
    if (low + field.width > 64) {
      uint64_t &next = words[field.lsb / 64 + 1];
      next = (next & ~(mask >> (64 - low))) | bits >> (64 - low);
    }
    return *this;
  }

  static constexpr bool fits(FieldRef field, int64_t value) {
    int64_t low = field.isSigned ? -(int64_t(1) << (field.width - 1)) : 0;
    return value >= low && value < low + (int64_t(1) << field.width);
  }

  // Opcode as stored: perhaps no row of the table.
  constexpr unsigned opcodeByte() const { return unsigned(get(header::opcode)); }
  // Row of the opcode; null when there is none.
  constexpr const Instruction *row() const { return findInstruction(opcodeByte()); }
  constexpr uint16_t tag() const { return uint16_t(get(header::tag)); }
  constexpr Line &setTag(uint16_t tag) { return set(header::tag, tag); }

  static Line fromBytes(const uint8_t *bytes) {
    Line line;
    std::memcpy(line.words.data(), bytes, kLineBytes);
    return line;
  }
  std::array<uint8_t, kLineBytes> bytes() const {
    std::array<uint8_t, kLineBytes> result;
    std::memcpy(result.data(), words.data(), kLineBytes);
    return result;
  }

  constexpr bool operator==(const Line &) const = default;

private:
  std::array<uint64_t, kLineBytes / 8> words{};
};
static_assert(sizeof(Line) == kLineBytes);

// One wait or post of a line.
struct SyncAction {
  uint8_t semaphore; // 0 to 31
  uint8_t amount;    // 1 to 8
  constexpr bool operator==(const SyncAction &) const = default;
};

// The used waits (or posts) of a line, in slot order.
struct SyncActions {
  std::array<SyncAction, kSyncSlots> actions{};
  int count = 0;
  constexpr const SyncAction *begin() const { return actions.data(); }
  constexpr const SyncAction *end() const { return actions.data() + count; }
};

constexpr SyncActions readSync(const Line &line, const std::array<SyncSlot, kSyncSlots> &slots) {
  SyncActions result;
  for (const SyncSlot &slot : slots)
    if (line.get(slot.valid))
      result.actions[result.count++] = {uint8_t(line.get(slot.sem)), uint8_t(line.get(slot.amount) + 1)};
  return result;
}
constexpr SyncActions waits(const Line &line) { return readSync(line, kWaitSlots); }
constexpr SyncActions posts(const Line &line) { return readSync(line, kPostSlots); }

} // namespace tw::isa
#endif
