// SPDX-License-Identifier: Apache-2.0
// SystemVerilog in the subset that Yosys 0.23 reads: scalar localparams in a package, flat vectors, plain case
// statements.
#include "Emitters.h"
#include "tw/isa/Numerics.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace llvm;

namespace tw::tblgen {
namespace {

std::string upper(StringRef name) { return name.upper(); }

void constant(raw_ostream &os, const Twine &name, int64_t value, StringRef doc = "") {
  os << "  localparam int " << name << " = " << value << ";";
  if (!doc.empty())
    os << " // " << doc;
  os << "\n";
}

void fieldConstants(raw_ostream &os, StringRef prefix, const std::vector<Field> &fields) {
  for (const Field &f : fields) {
    constant(os, prefix + upper(f.name) + "_LSB", f.lsb, f.doc);
    constant(os, prefix + upper(f.name) + "_WIDTH", f.width);
  }
}

std::string slice(const Field &f) {
  return f.width == 1 ? formatv("line_i[{0}]", f.lsb).str()
                      : formatv("line_i[{0}:{1}]", f.lsb + f.width - 1, f.lsb).str();
}

std::string lineMask(const Model &model, const std::vector<Field> &body) {
  std::string bits(size_t(model.lineBytes) * 8, '1');
  for (const auto *fields : {&model.header, &body})
    for (const Field &f : *fields)
      for (int i = 0; i != f.width; ++i)
        bits[f.lsb + i] = '0';
  std::string hex;
  for (int i = model.lineBytes * 8 - 4; i >= 0; i -= 4) {
    int digit = 0;
    for (int b = 0; b != 4; ++b)
      digit |= (bits[i + b] - '0') << b;
    hex += hexdigit(digit, true);
  }
  return hex;
}

// The condition under which the fields are inside their ranges; empty when no value is outside.
std::string rangeCondition(const std::vector<Field> &fields) {
  std::vector<std::string> terms;
  for (const Field &f : fields) {
    std::string value = f.isSigned ? "$signed(" + slice(f) + ")" : slice(f);
    std::string base = std::to_string(f.width) + (f.isSigned ? "'sd" : "'d");
    auto literal = [&](int64_t v) { return (v < 0 ? "-" : "") + base + std::to_string(v < 0 ? -v : v); };
    if (f.min == 1 && !f.isSigned)
      terms.push_back("(" + slice(f) + " != " + literal(0) + ")");
    else if (f.min != f.smallest())
      terms.push_back("(" + value + " >= " + literal(f.min) + ")");
    if (f.max != f.largest())
      terms.push_back("(" + value + " <= " + literal(f.max) + ")");
  }
  return join(terms, "\n            && ");
}

std::string alignCondition(const std::vector<Field> &fields) {
  std::vector<std::string> terms;
  for (const Field &f : fields)
    if (f.alignRow)
      terms.push_back(formatv("(line_i[{0} +: N_LOG2] == '0)", f.lsb));
  return join(terms, "\n            && ");
}

// Bits of a step word, least significant first.
struct StepLayout {
  const char *name;
  int width;
  const char *doc;
};
constexpr StepLayout kStepLayout[] = {
    {"OP", 3, "what the step does: STEP_*"},
    {"EXT_LSB", 9, "MAD, MUL: lsb of the extent field; END: lsb of the base field"},
    {"EXT_WIDTH", 6, "its width; 0: the value is N"},
    {"STR_LSB", 9, "MAD: lsb of the stride field; END: lsb of the region field (3 bits), in DRAM only"},
    {"STR_WIDTH", 6, "MAD: its width; 0: the stride is the immediate"},
    {"IMM", 10, "START, LEAD, and MAD without a stride field"},
    {"IMM_LANES", 1, "the immediate counts units of N"},
    {"SPACE", 3, "END: which memory: SPACE_*"},
    {"WRITE", 1, "END: the operand is written or updated"},
};

int stepOffset(StringRef name) {
  int offset = 0;
  for (const StepLayout &field : kStepLayout) {
    if (name == field.name)
      return offset;
    offset += field.width;
  }
  return offset; // of the end: the width of a word
}

uint64_t encodeStep(const Instruction &instruction, const Step &s) {
  uint64_t word = 0;
  auto put = [&](StringRef name, uint64_t value) { word |= value << stepOffset(name); };
  auto putField = [&](StringRef name, const Field &f) {
    put((name + "_LSB").str(), f.lsb);
    put((name + "_WIDTH").str(), f.width);
  };
  put("OP", s.op);
  if (s.op == Step::Start || s.op == Step::Lead) {
    put("IMM", s.immediate);
    put("IMM_LANES", s.immediateTimesLanes);
  }
  if (s.op == Step::Mad || s.op == Step::Mul)
    if (s.extent.kind == Value::Field)
      putField("EXT", instruction.fields[s.extent.value]);
  if (s.op == Step::Mad) {
    if (s.stride.kind == Value::Field)
      putField("STR", instruction.fields[s.stride.value]);
    else {
      put("IMM", s.stride.kind == Value::Lanes ? 1 : s.stride.value);
      put("IMM_LANES", s.stride.kind == Value::Lanes);
    }
  }
  if (s.op == Step::End) {
    const Access &access = instruction.semantics->accesses[s.access];
    putField("EXT", instruction.fields[access.baseField]);
    if (access.regionField >= 0)
      putField("STR", instruction.fields[access.regionField]);
    put("SPACE", access.space);
    put("WRITE", access.dir != "read");
  }
  return word;
}

void registerAccess(raw_ostream &os, const Model &model) {
  static constexpr const char *kAccess[] = {"none", "ro", "rw", "rwi", "w1c", "wo"};
  for (auto [i, access] : llvm::enumerate(kAccess))
    os << formatv("  localparam logic [2:0] ACCESS_{0} = 3'd{1};\n", upper(access), i);
  os << "  function automatic logic [2:0] access_of(input logic [15:0] offset);\n"
        "    access_of = ACCESS_NONE;\n    case (offset)\n";
  for (const Register &r : model.registers)
    os << formatv("      16'(REG_{0}): access_of = ACCESS_{1};\n", upper(r.name), upper(r.access));
  os << "      default: begin\n"
        "        if ((offset >= 16'(COUNTER_REGISTERS)) && (offset < 16'(COUNTER_REGISTERS + 8 * COUNTERS)))\n"
        "          access_of = ACCESS_RO;\n"
        "        if ((offset >= 16'(REGION_REGISTERS))\n"
        "            && (offset < 16'(REGION_REGISTERS + REGIONS * REGION_REGISTER_STRIDE)))\n"
        "          case (offset % 16'(REGION_REGISTER_STRIDE))\n";
  for (const Register &r : model.regionRegisters)
    os << formatv("            16'(REGION_{0}): access_of = ACCESS_{1};\n", upper(r.name), upper(r.access));
  os << "            default: access_of = ACCESS_NONE;\n          endcase\n      end\n    endcase\n  endfunction\n";
}

// Entries of 64 bits, the first one lowest: slope, base.
void normTable(raw_ostream &os, StringRef name, const isa::NormTable &table, StringRef doc) {
  constexpr int kEntryBits = 64;
  os << "  localparam logic [" << isa::kNormEntries * kEntryBits - 1 << ":0] " << name << " = " // one flat vector
     << isa::kNormEntries * kEntryBits << "'h";
  for (int i = isa::kNormEntries; i-- > 0;)
    os << utohexstr(table.entries[i].slope, true, 8) << utohexstr(table.entries[i].base, true, 8);
  os << "; // " << doc << "\n";
}

size_t totalSteps(const Model &model) {
  size_t total = 0;
  for (const Instruction &i : model.instructions)
    total += i.steps.size();
  return total;
}

constexpr const char *kBanner =
    "// SPDX-License-Identifier: Apache-2.0\n// Generated by tw-tblgen from isa/tables. Do not edit.\n";

} // namespace

void emitSvPackage(const Model &model, raw_ostream &os) {
  os << kBanner << "// Numbers on which hardware and software agree; write tw_isa_pkg::NAME.\npackage tw_isa_pkg;\n";
  os << "  localparam logic [63:0] ISA_HASH = 64'h" << utohexstr(model.hash, true, 16) << ";\n";
  constant(os, "LINE_BYTES", model.lineBytes);
  constant(os, "LINE_BITS", model.lineBytes * 8);
  constant(os, "BODY_LSB", model.bodyLsb);
  os << "\n  // Machine constants\n";
  for (const Constant &c : model.constants)
    constant(os, upper(c.name), c.value, c.doc);
  os << "\n  // Opcodes\n";
  for (const Instruction &i : model.instructions)
    os << formatv("  localparam logic [7:0] OP_{0} = 8'h{1}; // {2}{3}\n", upper(i.mnemonic),
                  utohexstr(i.opcode, true, 2), i.summary, i.isPlanned ? " (planned)" : "");
  os << "\n  // Engines\n";
  for (const Engine &e : model.engines)
    os << formatv("  localparam logic [2:0] ENGINE_{0} = 3'd{1}; // {2}\n", e.name, e.index, e.doc);
  constant(os, "ENGINES", model.engines.size());
  os << "\n  // Memories\n";
  for (auto [i, s] : llvm::enumerate(model.spaces))
    os << formatv("  localparam logic [2:0] SPACE_{0} = 3'd{1}; // {2}\n", s.name, i, s.doc);
  os << "\n  // Fault codes\n";
  for (const Fault &f : model.faults)
    os << formatv("  localparam logic [7:0] FAULT_{0} = 8'd{1}; // {2}\n", f.name, f.code, f.doc);
  os << "\n  // Header of a line\n";
  fieldConstants(os, "HDR_", model.header);
  for (const Instruction &i : model.instructions) {
    if (i.fields.empty())
      continue;
    os << "\n  // " << i.mnemonic << ": " << i.summary << "\n";
    fieldConstants(os, upper(i.mnemonic) + "_", i.fields);
  }
  os << "\n  // Registers (byte offsets)\n";
  for (const Register &r : model.registers) {
    constant(os, "REG_" + upper(r.name), r.offset, r.doc);
    for (const RegisterField &f : r.fields) {
      constant(os, "REG_" + upper(r.name) + "_" + upper(f.name) + "_LSB", f.lo, f.doc);
      constant(os, "REG_" + upper(r.name) + "_" + upper(f.name) + "_WIDTH", f.width);
    }
  }
  os << "\n  // Registers of a region: REGION_REGISTERS + region * REGION_REGISTER_STRIDE + offset\n";
  for (const Register &r : model.regionRegisters) {
    constant(os, "REGION_" + upper(r.name), r.offset, r.doc);
    for (const RegisterField &f : r.fields)
      constant(os, "REGION_" + upper(r.name) + "_" + upper(f.name) + "_LSB", f.lo, f.doc);
  }
  for (const PortAnswer &a : model.portAnswers)
    os << formatv("  localparam logic [1:0] ANSWER_{0} = 2'd{1}; // {2}\n", upper(a.name), a.response, a.doc);
  for (const Named &r : model.regionRoles)
    constant(os, "ROLE_" + upper(r.name), r.index, r.doc);
  os << "\n  // Engine states and counters (pairs of registers from COUNTER_REGISTERS on)\n";
  for (const Named &s : model.engineStates)
    constant(os, "STATE_" + upper(s.name), s.index, s.doc);
  constant(os, "ENGINE_STATES", model.engineStates.size());
  for (const Named &c : model.counters)
    constant(os, "CTR_" + upper(c.name), c.index, c.doc);
  constant(os, "COUNTERS", model.counters.size());
  os << "\n  // What may be done with the register at an offset\n";
  registerAccess(os, model);
  for (const MemoryRecord &r : model.memoryRecords) {
    os << "\n  // " << r.doc << " (bit offsets in the record)\n";
    constant(os, upper(r.name) + "_BYTES", r.bytes);
    for (const RecordField &f : r.fields) {
      constant(os, upper(r.name) + "_" + upper(f.name) + "_LSB", f.offset * 8, f.doc);
      constant(os, upper(r.name) + "_" + upper(f.name) + "_WIDTH", f.bytes * 8);
    }
  }
  os << "\n  // Numerics record: word index, lowest bit, width\n";
  for (const ParamWord &w : model.words) {
    constant(os, "REC_" + upper(w.name) + "_WORD", w.word, w.doc);
    constant(os, "REC_" + upper(w.name) + "_LSB", w.lo);
    constant(os, "REC_" + upper(w.name) + "_WIDTH", w.width);
  }
  os << "\n  // Tables of the norms: {slope, base} of each entry\n";
  normTable(os, "NORM_RECIPROCAL", isa::kReciprocalTable, "normrcp");
  normTable(os, "NORM_RSQRT", isa::kRsqrtTable, "normrsq");
  os << R"(
  // Footprint programs (ROM in tw_footprint_rom). The front end runs one step a cycle over a line; ACC is a register of 40
  // bits that saturates at all ones; `ext` is the extent field or N, `str` the stride field or the immediate, `imm` the
  // immediate or immediate * N:
  //   START acc = imm                       a new operand: the size of its last element
  //   MAD   acc = acc + (ext - 1) * str     a strided dimension
  //   MUL   acc = acc * ext                 a packed loop
  //   CEIL  acc = ceil(acc / N)             words to rows
  //   LEAD  acc = acc + imm                 rows before the operand
  //   END   fault when base + acc > size    SPACE_DRAM: first the permission (WRITE), then the region's limit;
  //                                         the fault address is base + acc. `base` is in EXT_*, the region in STR_*
)";
  static constexpr const char *kOps[] = {"START", "MAD", "MUL", "CEIL", "LEAD", "END"};
  for (auto [i, op] : llvm::enumerate(kOps))
    os << formatv("  localparam logic [2:0] STEP_{0} = 3'd{1};\n", op, i);
  for (const StepLayout &f : kStepLayout) {
    constant(os, Twine("STEP_") + f.name + "_AT", stepOffset(f.name), f.doc);
    constant(os, Twine("STEP_") + f.name + "_BITS", f.width);
  }
  constant(os, "STEP_WORD_BITS", stepOffset(""));
  constant(os, "STEP_COUNT", totalSteps(model));
  constant(os, "STEP_INDEX_BITS", Log2_64_Ceil(totalSteps(model) + 1));
  os << "endpackage\n";
}

void emitSvLineCheck(const Model &model, raw_ostream &os) {
  os << kBanner << R"(//
// Checks of one line that need nothing but the line: combinational.
//   known_o        the opcode is a row of the table          (else ILLEGAL_OPCODE)
//   planned_o      the row has no execution yet              (UNIMPLEMENTED)
//   reserved_ok_o  reserved bits and unused slots are zero   (else RESERVED_BITS)
//   range_ok_o     fields in range, no semaphore twice       (else BAD_SHAPE)
//   align_ok_o     row addresses are multiples of N          (else MISALIGNED)
// The first that fails in this order decides. engine_o names the queue; is_fe_o: the front end executes it. While en_i is
// low nothing is looked at and nothing fails.
)"
     << formatv("module tw_line_check #(\n  parameter int N_LOG2 = 4\n) (\n  input  logic         en_i,\n"
                "  input  logic [{0}:0] line_i,\n",
                model.lineBytes * 8 - 1)
     << R"(  output logic         known_o,
  output logic         planned_o,
  output logic         reserved_ok_o,
  output logic         range_ok_o,
  output logic         align_ok_o,
  output logic [2:0]   engine_o,
  output logic         is_fe_o
);
  logic slots_ok;      // waits and posts: an unused slot is all zero
  logic slots_twice;   // no semaphore twice among the waits, or among the posts
  logic slots_unused;
  always_comb begin
    slots_ok      = 1'b1;
    slots_twice   = 1'b0;
    slots_unused  = 1'b1;
    known_o       = 1'b1;
    planned_o     = 1'b0;
    reserved_ok_o = 1'b1;
    range_ok_o    = 1'b1;
    align_ok_o    = 1'b1;
    engine_o      = 3'd0;
    is_fe_o       = 1'b0;
    if (en_i) begin
)";
  std::vector<std::string> slots, used, twice;
  for (StringRef side : {"wait", "post"})
    for (int i = 0; i != model.syncSlots(); ++i) {
      auto bits = [&](int slot, StringRef part) {
        for (const Field &f : model.header)
          if (f.name == (side + Twine(slot) + part).str())
            return slice(f);
        return std::string();
      };
      slots.push_back(
          formatv("({0} || (({1} == '0) && ({2} == '0)))", bits(i, "_valid"), bits(i, "_sem"), bits(i, "_amount")));
      used.push_back("!" + bits(i, "_valid"));
      for (int j = 0; j != i; ++j)
        twice.push_back(formatv("({0} && {1} && ({2} == {3}))", bits(i, "_valid"), bits(j, "_valid"), bits(i, "_sem"),
                                bits(j, "_sem")));
    }
  if (twice.empty())
    twice.push_back("1'b0");
  os << "      slots_ok = " << join(slots, "\n          && ") << ";\n"
     << "      slots_twice = " << join(twice, "\n          || ") << ";\n"
     << "      slots_unused = " << join(used, " && ") << ";\n"
     << "      case (line_i[7:0])\n";
  for (const Instruction &i : model.instructions) {
    os << formatv("        8'h{0}: begin // {1}\n", utohexstr(i.opcode, true, 2), i.mnemonic);
    os << formatv("          engine_o = 3'd{0};\n", i.engine);
    if (model.engines[i.engine].name == "FE")
      os << "          is_fe_o = 1'b1;\n";
    if (i.isPlanned) {
      os << "          planned_o = 1'b1;\n        end\n";
      continue;
    }
    os << formatv("          reserved_ok_o = slots_ok{0}\n              && ((line_i & {1}'h{2}) == '0);\n",
                  i.hasSync ? "" : " && slots_unused", model.lineBytes * 8, lineMask(model, i.fields));
    std::string range = rangeCondition(i.fields);
    os << "          range_ok_o = !slots_twice" << (range.empty() ? "" : "\n              && ") << range << ";\n";
    if (std::string align = alignCondition(i.fields); !align.empty())
      os << "          align_ok_o = " << align << ";\n";
    os << "        end\n";
  }
  os << "        default: known_o = 1'b0;\n      endcase\n    end\n  end\nendmodule\n";
}

void emitSvFootprintRom(const Model &model, raw_ostream &os) {
  int indexBits = Log2_64_Ceil(totalSteps(model) + 1), wordBits = stepOffset("");
  os << kBanner
     << "//\n// The footprint programs of all opcodes: combinational. Encoding and meaning: tw_isa_pkg, STEP_*.\n"
        "// An opcode's program is count_o steps from first_o on; step_o is the word at index_i.\nmodule "
        "tw_footprint_rom (\n";
  os << formatv("  input  logic [7:0]  opcode_i,\n  output logic [{0}:0]  first_o,\n  output logic [{0}:0]  count_o,\n"
                "  input  logic [{0}:0]  index_i,\n  output logic [{1}:0] step_o\n);\n",
                indexBits - 1, wordBits - 1);
  os << "  always_comb begin\n    first_o = '0;\n    count_o = '0;\n    case (opcode_i)\n";
  size_t first = 0;
  for (const Instruction &i : model.instructions) {
    if (!i.steps.empty())
      os << formatv("      8'h{0}: begin first_o = {1}'d{2}; count_o = {1}'d{3}; end // {4}\n",
                    utohexstr(i.opcode, true, 2), indexBits, first, i.steps.size(), i.mnemonic);
    first += i.steps.size();
  }
  os << "      default: ;\n    endcase\n  end\n\n  always_comb begin\n    step_o = '0;\n    case (index_i)\n";
  static constexpr const char *kOps[] = {"start", "mad", "mul", "ceil", "lead", "end"};
  size_t index = 0;
  for (const Instruction &i : model.instructions)
    for (const Step &s : i.steps) {
      os << formatv("      {0}'d{1}: step_o = {2}'h{3}; // {4}: {5}", indexBits, index++, wordBits,
                    utohexstr(encodeStep(i, s), true, (wordBits + 3) / 4), i.mnemonic, kOps[s.op]);
      if (s.op == Step::End)
        os << ' ' << i.semantics->accesses[s.access].name;
      os << "\n";
    }
  os << "      default: ;\n    endcase\n  end\nendmodule\n";
}

} // namespace tw::tblgen
