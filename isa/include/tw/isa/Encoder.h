// SPDX-License-Identifier: Apache-2.0
// From values to lines and back, by walking the records. Nothing is ever truncated: a value that does not fit is an
// error. Called by the assembler, code generation and tests. Does not know sizes of memories (Check.h) nor other lines
// (ProgramChecker.h).
#ifndef TW_ISA_ENCODER_H
#define TW_ISA_ENCODER_H

#include "tw/isa/Diag.h"
#include "tw/isa/Line.h"
#include <initializer_list>
#include <span>
#include <variant>
#include <vector>

namespace tw::isa {

struct FieldValue {
  std::string_view name;
  int64_t value;
};

// Writes a field after checking its range: "conv x_h: 70000 is outside 1 to 65535".
Status setField(Line &line, const Field &field, int64_t value);

// Adds a wait or a post to the first free slot; the semaphore must not be there already.
Status addWait(Line &line, SyncAction action);
Status addPost(Line &line, SyncAction action);

// A line of an implemented row. Fields that are not named are 0, which must be in their range; a name may stand once.
Result<Line> encode(Opcode opcode, std::span<const FieldValue> fields, std::span<const SyncAction> waits = {},
                    std::span<const SyncAction> posts = {}, uint16_t tag = 0);
Result<Line> encode(Opcode opcode, std::initializer_list<FieldValue> fields,
                    std::initializer_list<SyncAction> waits = {}, std::initializer_list<SyncAction> posts = {},
                    uint16_t tag = 0);

struct Decoded {
  const Instruction *row;
  uint16_t tag;
  SyncActions waits, posts;
  std::vector<int64_t> values; // in the order of row->fields
};

// The parts of a line, or the fault that a front end raises whatever the machine's size.
std::variant<Decoded, FaultCode> decode(const Line &line);

// The line that has these parts.
Line reencode(const Decoded &decoded);

} // namespace tw::isa
#endif
