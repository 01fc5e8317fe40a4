// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/Assembler.h"
#include "tw/isa/Disassembler.h"
#include "tw/isa/Encoder.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>

using namespace llvm;

namespace tw::isa {
namespace {

constexpr uint64_t kMaxData = uint64_t(1) << 28; // bytes of one directive, and of all together

struct Token {
  enum Kind { Word, Text, Symbol, End } kind = End;
  StringRef text;    // of a Text: without quotes, escapes still in place
  size_t column = 0; // 0-based
};

// Splits one line of text. Words are letters, digits, '_', '.', '-', '/'.
class Lexer {
public:
  explicit Lexer(StringRef line) : line(line) { advance(); }

  const Token &peek() const { return token; }
  Token take() {
    Token result = token;
    advance();
    return result;
  }
  bool takeSymbol(char symbol) {
    if (token.kind != Token::Symbol || token.text[0] != symbol)
      return false;
    advance();
    return true;
  }
  bool hasOpenText() const { return openText; }

private:
  static bool isWordChar(char c) { return isAlnum(c) || c == '_' || c == '.' || c == '-' || c == '/'; }

  void advance() {
    while (at < line.size() && isSpace(line[at]))
      ++at;
    token = {Token::End, "", at};
    if (at == line.size() || line[at] == '#' || line.substr(at).starts_with("//"))
      return;
    size_t start = at;
    if (line[at] == '"') {
      for (++at; at < line.size() && line[at] != '"'; ++at)
        at += line[at] == '\\' && at + 1 < line.size();
      openText = at >= line.size();
      token = {Token::Text, line.slice(start + 1, at), start};
      at += !openText;
      return;
    }
    while (at < line.size() && isWordChar(line[at]) && !line.substr(at).starts_with("//"))
      ++at;
    token = {Token::Word, line.slice(start, at), start};
    if (at == start)
      token = {Token::Symbol, line.slice(start, ++at), start};
  }

  StringRef line;
  size_t at = 0;
  Token token;
  bool openText = false;
};

class AssemblyParser {
public:
  AssemblyParser(StringRef text, StringRef fileName) : text(text), fileName(fileName) {}

  Result<Assembly> parse() {
    SmallVector<StringRef> lines;
    text.split(lines, '\n');
    for (StringRef next : lines) {
      line = next.rtrim('\r');
      ++lineNumber;
      Lexer lexer(line);
      if (lexer.peek().kind == Token::End)
        continue;
      parseLine(lexer);
      if (error)
        return *error;
    }
    return std::move(out);
  }

private:
  void fail(const Token &token, const Twine &message) {
    if (error)
      return;
    std::string caret(token.column, ' ');
    for (size_t i = 0; i != caret.size() && i < line.size(); ++i)
      if (line[i] == '\t')
        caret[i] = '\t';
    error = Diag{(fileName + ":" + Twine(lineNumber) + ":" + Twine(token.column + 1)).str(),
                 (message + "\n" + line + "\n" + caret + "^").str()};
  }

  // A word of the given meaning; empty after an error.
  Token word(Lexer &lexer, StringRef what) {
    if (lexer.peek().kind != Token::Word) {
      fail(lexer.peek(), "expected " + what);
      return {};
    }
    return lexer.take();
  }

  int64_t number(Lexer &lexer, StringRef what, int64_t min, int64_t max) {
    Token token = word(lexer, what);
    if (error)
      return min;
    int64_t value;
    if (token.text.getAsInteger(0, value))
      fail(token, "'" + token.text + "' is no number, expected " + what);
    else if (value < min || value > max)
      fail(token, what + " " + Twine(value) + " is outside " + Twine(min) + " to " + Twine(max));
    return error ? min : value;
  }

  void expectEnd(Lexer &lexer) {
    if (lexer.hasOpenText())
      fail(lexer.peek(), "the text has no closing quote");
    else if (lexer.peek().kind != Token::End)
      fail(lexer.peek(), "unexpected '" + lexer.peek().text + "'");
  }

  void parseLine(Lexer &lexer) {
    Token first = word(lexer, "an instruction or a directive");
    if (error)
      return;
    if (first.text.starts_with("."))
      parseDirective(first, lexer);
    else
      parseInstruction(first, lexer);
  }

  void parseDirective(const Token &name, Lexer &lexer) {
    if (name.text == ".config") {
      Token token = lexer.take();
      if (token.kind != Token::Word && token.kind != Token::Text)
        fail(token, "expected the name or the file of a configuration");
      out.config = token.text.str();
    } else if (name.text == ".region")
      parseRegion(lexer);
    else if (name.text == ".dram")
      parseDram(lexer);
    else if (name.text == ".random")
      parseRandom(lexer);
    else if (name.text == ".tag")
      parseTag(lexer);
    else if (name.text == ".line")
      parseRawLine(lexer);
    else
      fail(name, "'" + name.text + "' is no directive; directives are .config, .region, .dram, .random, .tag, .line");
    if (!error)
      expectEnd(lexer);
  }

  int region(Lexer &lexer) { return int(number(lexer, "region", 0, kRegions - 1)); }
  uint64_t offset(Lexer &lexer) { return uint64_t(number(lexer, "offset", 0, int64_t(kFootprintMax))); }

  void parseRegion(Lexer &lexer) {
    Region &region = out.regions[this->region(lexer)];
    region.limit = uint64_t(number(lexer, "size", 0, int64_t(kFootprintMax)));
    Token token = word(lexer, "permissions: r, w or rw");
    if (error)
      return;
    region.canRead = token.text.contains('r');
    region.canWrite = token.text.contains('w');
    if (token.text.find_first_not_of("rw") != StringRef::npos)
      fail(token, "'" + token.text + "' is not r, w or rw");
  }

  void parseDram(Lexer &lexer) {
    RegionData data{region(lexer), offset(lexer), {}, {}};
    while (!error && lexer.peek().kind == Token::Word) {
      Token token = lexer.take();
      std::string bytes;
      if (!tryGetFromHex(token.text, bytes) || token.text.size() % 2)
        return fail(token, "'" + token.text + "' is not pairs of hexadecimal digits");
      data.bytes.insert(data.bytes.end(), bytes.begin(), bytes.end());
    }
    out.data.push_back(std::move(data));
  }

  void parseRandom(Lexer &lexer) {
    RegionData data{region(lexer), offset(lexer), {}, {}};
    Token place = lexer.peek();
    uint64_t count = uint64_t(number(lexer, "number of bytes", 1, int64_t(kMaxData)));
    uint64_t seed = uint64_t(number(lexer, "seed", 0, INT64_MAX));
    if (error)
      return;
    if (totalData += count; totalData > kMaxData)
      return fail(place, "the data of the program are " + Twine(totalData) + " bytes so far, at most " +
                             Twine(kMaxData) + " fit: use smaller regions");
    data.bytes = randomBytes(count, seed);
    data.seed = seed;
    out.data.push_back(std::move(data));
  }

  void parseTag(Lexer &lexer) {
    int64_t tag = number(lexer, "tag", 0, 65535);
    if (error)
      return;
    Token token = lexer.take();
    if (token.kind != Token::Text)
      return fail(token, "expected a text in quotes");
    std::string name;
    for (size_t i = 0; i != token.text.size(); ++i) {
      const bool isEscaped = token.text[i] == '\\' && i + 1 != token.text.size();
      i += isEscaped;
      name += isEscaped && token.text[i] == 'n' ? '\n' : token.text[i];
    }
    out.program.tags[uint16_t(tag)] = name;
  }

  void parseRawLine(Lexer &lexer) {
    Token token = word(lexer, "128 hexadecimal digits");
    if (error)
      return;
    std::string bytes;
    if (token.text.size() != 2 * kLineBytes || !tryGetFromHex(token.text, bytes))
      return fail(token, "a line is " + Twine(2 * kLineBytes) + " hexadecimal digits, here are " +
                             Twine(token.text.size()) + " characters");
    out.program.lines.push_back(Line::fromBytes(reinterpret_cast<const uint8_t *>(bytes.data())));
  }

  void parseInstruction(const Token &mnemonic, Lexer &lexer) {
    const Instruction *row =
        llvm::find_if(kInstructions, [&](const Instruction &i) { return StringRef(i.mnemonic) == mnemonic.text; });
    if (row == kInstructions.end())
      return fail(mnemonic, "'" + mnemonic.text + "' is no instruction");
    if (row->isPlanned)
      return fail(mnemonic, "'" + mnemonic.text + "' is planned: it has no encoding yet");
    Line next(row->opcode);
    std::vector<bool> given(row->fields.size());
    while (!error && lexer.peek().kind != Token::End)
      parseItem(*row, next, given, lexer);
    if (error)
      return;
    for (size_t i = 0; i != given.size(); ++i)
      if (const Field &field = row->fields[i]; !given[i] && (field.min > 0 || field.max < 0))
        return fail(mnemonic, "field '" + StringRef(field.name) + "' is missing; it is " + Twine(field.min) + " to " +
                                  Twine(field.max));
    out.program.lines.push_back(next);
  }

  void parseItem(const Instruction &row, Line &next, std::vector<bool> &given, Lexer &lexer) {
    Token name = word(lexer, "a field, wait(...), post(...) or tag=");
    if (error)
      return;
    if (name.text == "wait" || name.text == "post")
      return parseSync(name, next, lexer);
    if (!lexer.takeSymbol('='))
      return fail(lexer.peek(), "expected '=' after '" + name.text + "'");
    if (name.text == "tag") {
      next.setTag(uint16_t(number(lexer, "tag", 0, 65535)));
      return;
    }
    int index = findField(row, name.text);
    if (index < 0)
      return fail(name, "'" + StringRef(row.mnemonic) + "' has no field '" + name.text + "'");
    if (given[index])
      return fail(name, "field '" + name.text + "' is given twice");
    given[index] = true;
    const Field &field = row.fields[index];
    next.set(field.ref, number(lexer, StringRef(field.name), field.min, field.max));
  }

  void parseSync(const Token &side, Line &next, Lexer &lexer) {
    if (!lexer.takeSymbol('('))
      return fail(lexer.peek(), "expected '(' after '" + side.text + "'");
    do {
      Token place = lexer.peek();
      SyncAction action{uint8_t(number(lexer, "semaphore", 0, kSemaphores - 1)), 1};
      if (lexer.takeSymbol(':'))
        action.amount = uint8_t(number(lexer, "amount", 1, 8));
      if (error)
        return;
      if (Status status = side.text == "wait" ? addWait(next, action) : addPost(next, action); !status)
        return fail(place, status.diag().text);
    } while (lexer.takeSymbol(','));
    if (!lexer.takeSymbol(')'))
      fail(lexer.peek(), "expected ')' or ','");
  }

  StringRef text, line;
  std::string fileName;
  int lineNumber = 0;
  uint64_t totalData = 0; // bytes of .random
  Assembly out;
  std::optional<Diag> error;
};

} // namespace

Result<Assembly> assemble(StringRef text, StringRef fileName) { return AssemblyParser(text, fileName).parse(); }

std::string formatAssembly(const Assembly &assembly) {
  std::string result;
  raw_string_ostream os(result);
  if (!assembly.config.empty())
    os << ".config \"" << assembly.config << "\"\n";
  for (int i = 0; i != kRegions; ++i) {
    const Region &region = assembly.regions[i];
    if (region.canRead || region.canWrite)
      os << ".region " << i << " 0x" << utohexstr(region.limit, true) << ' ' << (region.canRead ? "r" : "")
         << (region.canWrite ? "w" : "") << "\n";
  }
  for (const RegionData &data : assembly.data) {
    if (data.seed) {
      os << ".random " << data.region << " 0x" << utohexstr(data.offset, true) << ' ' << data.bytes.size() << ' '
         << *data.seed << "\n";
      continue;
    }
    for (size_t at = 0; at < data.bytes.size(); at += 32)
      os << ".dram " << data.region << " 0x" << utohexstr(data.offset + at, true) << ' '
         << toHex(ArrayRef(data.bytes).slice(at, std::min<size_t>(32, data.bytes.size() - at)), true) << "\n";
  }
  os << formatProgram(assembly.program);
  return result;
}

} // namespace tw::isa
