// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Disassembler.h"
#include "tw/isa/Encoder.h"

namespace tw::isa {
namespace {

std::string hex(uint64_t value, int digits = 1) {
  std::string text;
  for (; value || digits > 0; value >>= 4, --digits)
    text.insert(text.begin(), "0123456789abcdef"[value & 15]);
  return text;
}

bool isAddress(FieldKind kind) { return kind == FieldKind::Spm || kind == FieldKind::Offset; }

std::string sync(std::string_view name, const SyncActions &actions) {
  std::string text;
  for (const SyncAction &action : actions) {
    text += text.empty() ? " " + std::string(name) + "(" : ", ";
    text += std::to_string(action.semaphore);
    if (action.amount != 1)
      text += ":" + std::to_string(action.amount);
  }
  return text.empty() ? text : text + ")";
}

// All bytes of a line that no decoder accepts, or that the decoder's parts would not give back.
std::string rawLine(const Line &line) {
  std::string text = ".line ";
  for (uint8_t byte : line.bytes())
    text += hex(byte, 2);
  return text;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\' || c == '\n')
      result += '\\';
    result += c == '\n' ? 'n' : c;
  }
  return result + "\"";
}

} // namespace

std::string formatLine(const Line &line) {
  auto parts = decode(line);
  const Decoded *decoded = std::get_if<Decoded>(&parts);
  if (!decoded || reencode(*decoded) != line)
    return rawLine(line);
  std::string text(decoded->row->mnemonic);
  for (size_t i = 0; i != decoded->values.size(); ++i) {
    const Field &field = decoded->row->fields[i];
    int64_t value = decoded->values[i];
    text += " " + std::string(field.name) + "=";
    text += isAddress(field.kind) ? "0x" + hex(uint64_t(value)) : std::to_string(value);
  }
  text += sync("wait", decoded->waits) + sync("post", decoded->posts);
  if (decoded->tag)
    text += " tag=" + std::to_string(decoded->tag);
  return text;
}

std::string formatProgram(const Program &program) {
  std::string text;
  for (const auto &[tag, name] : program.tags)
    text += ".tag " + std::to_string(tag) + " " + quoted(name) + "\n";
  for (const Line &line : program.lines)
    text += formatLine(line) + "\n";
  return text;
}

} // namespace tw::isa
