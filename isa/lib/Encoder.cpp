// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Encoder.h"
#include "tw/isa/Check.h"

namespace tw::isa {
namespace {

std::string placeOf(const Line &line, std::string_view part) {
  const Instruction *row = line.row();
  return std::string(row ? row->mnemonic : "line") + " " + std::string(part);
}

Status addAction(Line &line, const std::array<SyncSlot, kSyncSlots> &slots, SyncAction action, std::string_view side) {
  const Instruction *row = line.row();
  if (row && !row->hasSync)
    return Diag{placeOf(line, side), "this instruction takes no waits and no posts"};
  if (action.semaphore >= kSemaphores)
    return Diag{placeOf(line, side), "semaphore " + std::to_string(action.semaphore) + " is outside 0 to " +
                                         std::to_string(kSemaphores - 1)};
  if (action.amount < 1 || action.amount > 8)
    return Diag{placeOf(line, side), "amount " + std::to_string(action.amount) + " is outside 1 to 8"};
  for (const SyncAction &used : readSync(line, slots))
    if (used.semaphore == action.semaphore)
      return Diag{placeOf(line, side), "semaphore " + std::to_string(action.semaphore) + " is named twice: use one " +
                                           std::string(side) + " with the sum of the amounts"};
  for (const SyncSlot &slot : slots)
    if (!line.get(slot.valid)) {
      line.set(slot.valid, 1).set(slot.sem, action.semaphore).set(slot.amount, action.amount - 1);
      return {};
    }
  return Diag{placeOf(line, side), "all " + std::to_string(kSyncSlots) + " slots are used, semaphore " +
                                       std::to_string(action.semaphore) + " does not fit"};
}

} // namespace

Status setField(Line &line, const Field &field, int64_t value) {
  if (value < field.min || value > field.max)
    return Diag{placeOf(line, field.name), std::to_string(value) + " is outside " + std::to_string(field.min) + " to " +
                                               std::to_string(field.max)};
  line.set(field.ref, value);
  return {};
}

Status addWait(Line &line, SyncAction action) { return addAction(line, kWaitSlots, action, "wait"); }
Status addPost(Line &line, SyncAction action) { return addAction(line, kPostSlots, action, "post"); }

Result<Line> encode(Opcode opcode, std::span<const FieldValue> fields, std::span<const SyncAction> waits,
                    std::span<const SyncAction> posts, uint16_t tag) {
  const Instruction &row = instruction(opcode);
  if (row.isPlanned)
    return Diag{std::string(row.mnemonic), "this instruction is planned: it has no encoding yet"};
  Line line(opcode);
  line.setTag(tag);
  uint64_t given = 0; // a row has fewer than 64 fields
  for (const FieldValue &field : fields) {
    int index = findField(row, field.name);
    if (index < 0)
      return Diag{placeOf(line, field.name), "the instruction has no such field"};
    if (given >> index & 1)
      return Diag{placeOf(line, field.name), "the field is given twice"};
    given |= uint64_t(1) << index;
    if (Status status = setField(line, row.fields[index], field.value); !status)
      return status.diag();
  }
  for (size_t i = 0; i != row.fields.size(); ++i)
    if (const Field &field = row.fields[i]; !(given >> i & 1) && (field.min > 0 || field.max < 0))
      return Diag{placeOf(line, field.name), "the field is not given, and 0 is outside " + std::to_string(field.min) +
                                                 " to " + std::to_string(field.max)};
  for (SyncAction action : waits)
    if (Status status = addWait(line, action); !status)
      return status.diag();
  for (SyncAction action : posts)
    if (Status status = addPost(line, action); !status)
      return status.diag();
  return line;
}

Result<Line> encode(Opcode opcode, std::initializer_list<FieldValue> fields, std::initializer_list<SyncAction> waits,
                    std::initializer_list<SyncAction> posts, uint16_t tag) {
  return encode(opcode, std::span(fields.begin(), fields.size()), std::span(waits.begin(), waits.size()),
                std::span(posts.begin(), posts.size()), tag);
}

std::variant<Decoded, FaultCode> decode(const Line &line) {
  if (std::optional<FaultCode> code = checkEncoding(line))
    return *code;
  Decoded decoded{line.row(), line.tag(), waits(line), posts(line), {}};
  for (const Field &field : decoded.row->fields)
    decoded.values.push_back(line.get(field.ref));
  return decoded;
}

Line reencode(const Decoded &decoded) {
  Line line(decoded.row->opcode);
  line.setTag(decoded.tag);
  for (size_t i = 0; i != decoded.values.size(); ++i)
    line.set(decoded.row->fields[i].ref, decoded.values[i]);
  auto put = [&](const auto &slots, const SyncActions &actions) {
    for (int i = 0; i != actions.count; ++i)
      line.set(slots[i].valid, 1)
          .set(slots[i].sem, actions.actions[i].semaphore)
          .set(slots[i].amount, actions.actions[i].amount - 1);
  };
  put(kWaitSlots, decoded.waits);
  put(kPostSlots, decoded.posts);
  return line;
}

} // namespace tw::isa
