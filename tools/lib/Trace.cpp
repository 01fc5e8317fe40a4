// SPDX-License-Identifier: Apache-2.0
#include "Trace.h"

#include "tw/isa/DiagError.h"
#include "tw/isa/Tables.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CRC.h"
#include "llvm/Support/DataExtractor.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/LEB128.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <array>

namespace tw::tools {
namespace {

constexpr std::string_view kMagic = "TWTRACE1";
constexpr size_t kCrcBytes = 4;

uint32_t crcOf(std::string_view bytes) { return llvm::crc32(llvm::arrayRefFromStringRef(llvm::StringRef(bytes))); }

/// What the differences of the compact form are taken against; engines by index.
struct Previous {
  std::array<uint32_t, 256> pc{};
  std::array<uint64_t, 256> end{};
  uint16_t tag = 0;

  void keep(const isa::TraceEvent &event) {
    pc[event.engine] = event.pc;
    end[event.engine] = event.endCycle;
    tag = event.tag;
  }
};

void writeText(llvm::raw_ostream &out, std::string_view text) {
  llvm::encodeULEB128(text.size(), out);
  out << llvm::StringRef(text);
}

class Parser {
public:
  /// `bytes` without the checksum.
  explicit Parser(std::string_view bytes) : data(llvm::StringRef(bytes), true, 8) {}

  Trace parse() {
    Trace trace;
    data.skip(at, kMagic.size());
    trace.isaHash = data.getU64(at);
    if (trace.isaHash != isa::kIsaHash)
      refuse(llvm::formatv("a trace of instruction set {0}, this program knows {1}: record it again",
                           hex(trace.isaHash), hex(isa::kIsaHash))
                 .str());
    trace.machine = text();
    trace.clockMhz = uint32_t(data.getULEB128(at));
    for (uint64_t i = 0, count = countOf(2); i != count; ++i) {
      const uint32_t tag = uint32_t(data.getULEB128(at));
      trace.tags[tag] = text();
    }
    for (uint64_t i = 0, count = countOf(2 + isa::kCounters); i != count && at; ++i)
      trace.jobs.push_back(job());
    if (at && at.tell() != data.size())
      refuse("bytes follow the last job");
    return trace;
  }
  /// The first thing that was wrong.
  llvm::Error error(const std::string &place) {
    llvm::Error end = at.takeError();
    if (!problem)
      return inside(place, std::move(end));
    llvm::consumeError(std::move(end));
    return errorOf(problem->inside(place));
  }

private:
  void refuse(const std::string &what) {
    if (!problem)
      problem = Diag{"byte " + std::to_string(at.tell()), what};
    if (at)
      at = llvm::DataExtractor::Cursor(data.size()); // nothing more to read
  }
  std::string text() {
    const uint64_t size = data.getULEB128(at);
    return data.getBytes(at, at ? size : 0).str();
  }
  /// A count of things of at least `least` bytes each, so that a damaged one cannot ask for more than the file has.
  uint64_t countOf(uint64_t least) {
    const uint64_t count = data.getULEB128(at);
    if (!at)
      return 0;
    if (count > (data.size() - at.tell()) / least) {
      refuse(llvm::formatv("{0} entries, but only {1} bytes follow", count, data.size() - at.tell()).str());
      return 0;
    }
    return count;
  }
  Job job() {
    Job job;
    job.cycles = data.getULEB128(at);
    for (int i = 0; i != isa::kCounters; ++i)
      job.counters.push_back(data.getULEB128(at));
    Previous previous;
    for (uint64_t i = 0, count = countOf(6); i != count && at; ++i) {
      isa::TraceEvent event;
      event.opcode = data.getU8(at);
      event.engine = data.getU8(at);
      event.pc = previous.pc[event.engine] + uint32_t(data.getSLEB128(at));
      event.tag = uint16_t(previous.tag + data.getSLEB128(at));
      event.startCycle = previous.end[event.engine] + uint64_t(data.getSLEB128(at));
      event.endCycle = event.startCycle + data.getULEB128(at);
      if (at && (event.engine >= isa::kEngines || !isa::findInstruction(event.opcode)))
        refuse(
            llvm::formatv("opcode {0} of engine {1}: there is no such instruction", event.opcode, event.engine).str());
      previous.keep(event);
      job.events.push_back(event);
    }
    return job;
  }

  llvm::DataExtractor data;
  llvm::DataExtractor::Cursor at{0};
  std::optional<Diag> problem;
};

/// Slices of one thread must not overlap: an engine gets as many threads as it has instructions in flight at once.
class Threads {
public:
  /// The thread for an event; events of an engine come in the order of their starts.
  int of(const isa::TraceEvent &event) {
    std::vector<uint64_t> &busyUntil = engines[event.engine];
    size_t lane = 0;
    while (lane != busyUntil.size() && busyUntil[lane] > event.startCycle)
      ++lane;
    if (lane == busyUntil.size())
      busyUntil.push_back(0);
    busyUntil[lane] = event.endCycle + 1;
    return idOf(event.engine, lane);
  }
  template <typename Visit> void forEach(Visit visit) const {
    for (size_t engine = 0; engine != engines.size(); ++engine)
      for (size_t lane = 0; lane != engines[engine].size(); ++lane)
        visit(idOf(engine, lane),
              std::string(isa::name(isa::Engine(engine))) + (lane == 0 ? "" : " " + std::to_string(lane + 1)));
  }

private:
  static int idOf(size_t engine, size_t lane) { return int(engine * 256 + lane); }
  std::array<std::vector<uint64_t>, isa::kEngines> engines;
};

void writeName(llvm::json::OStream &json, const char *what, size_t process, int thread, const std::string &name) {
  json.object([&] {
    json.attribute("ph", "M");
    json.attribute("name", what);
    json.attribute("pid", int64_t(process));
    json.attribute("tid", thread);
    json.attributeObject("args", [&] { json.attribute("name", name); });
  });
}

void writeSlices(llvm::json::OStream &json, const Trace &trace, size_t process) {
  const Job &job = trace.jobs[process];
  writeName(json, "process_name", process, 0, "job " + std::to_string(process));
  std::vector<isa::TraceEvent> events = job.events;
  std::ranges::sort(events, {}, [](const isa::TraceEvent &event) { return std::pair(event.startCycle, event.pc); });
  Threads threads;
  for (const isa::TraceEvent &event : events) {
    const std::string_view mnemonic = isa::name(isa::Opcode(event.opcode));
    const auto layer = trace.tags.find(event.tag);
    json.object([&] {
      json.attribute("ph", "X");
      json.attribute("name", layer == trace.tags.end() ? llvm::StringRef(mnemonic) : llvm::StringRef(layer->second));
      json.attribute("cat", llvm::StringRef(mnemonic));
      json.attribute("pid", int64_t(process));
      json.attribute("tid", threads.of(event));
      json.attribute("ts", event.startCycle);
      json.attribute("dur", event.endCycle - event.startCycle + 1);
      json.attributeObject("args", [&] {
        json.attribute("instruction", llvm::StringRef(mnemonic));
        json.attribute("pc", event.pc);
        json.attribute("tag", event.tag);
      });
    });
  }
  threads.forEach([&](int thread, const std::string &name) { writeName(json, "thread_name", process, thread, name); });
}

bool isCompact(llvm::StringRef path) { return path.ends_with(".twtrace"); }

} // namespace

Trace traceOf(const isa::Package &package, std::vector<Job> jobs) {
  Trace trace;
  trace.machine = package.config.name;
  trace.clockMhz = package.config.clockMhz;
  for (const auto &[tag, name] : package.program.tags)
    trace.tags[tag] = name;
  trace.jobs = std::move(jobs);
  return trace;
}

std::string compactTrace(const Trace &trace) {
  std::string bytes(kMagic);
  llvm::raw_string_ostream out(bytes);
  char hash[8];
  llvm::support::endian::write64le(hash, trace.isaHash);
  out.write(hash, sizeof hash);
  writeText(out, trace.machine);
  llvm::encodeULEB128(trace.clockMhz, out);
  llvm::encodeULEB128(trace.tags.size(), out);
  for (const auto &[tag, name] : trace.tags) {
    llvm::encodeULEB128(tag, out);
    writeText(out, name);
  }
  llvm::encodeULEB128(trace.jobs.size(), out);
  for (const Job &job : trace.jobs) {
    llvm::encodeULEB128(job.cycles, out);
    for (uint64_t counter : job.counters)
      llvm::encodeULEB128(counter, out);
    llvm::encodeULEB128(job.events.size(), out);
    Previous previous;
    for (const isa::TraceEvent &event : job.events) {
      out << char(event.opcode) << char(event.engine);
      llvm::encodeSLEB128(int64_t(event.pc) - previous.pc[event.engine], out);
      llvm::encodeSLEB128(int64_t(event.tag) - previous.tag, out);
      llvm::encodeSLEB128(int64_t(event.startCycle - previous.end[event.engine]), out);
      llvm::encodeULEB128(event.endCycle - event.startCycle, out);
      previous.keep(event);
    }
  }
  char crc[kCrcBytes];
  llvm::support::endian::write32le(crc, crcOf(bytes));
  out.write(crc, sizeof crc);
  return bytes;
}

llvm::Expected<Trace> parseTrace(std::string_view bytes, const std::string &place) {
  if (!bytes.starts_with(kMagic))
    return errorAt(place + ": byte 0", "no trace: it does not begin with " + std::string(kMagic));
  if (bytes.size() < kMagic.size() + kCrcBytes)
    return errorAt(place + ": byte " + std::to_string(bytes.size()), "the trace is cut off");
  const size_t end = bytes.size() - kCrcBytes;
  const uint32_t stored = llvm::support::endian::read32le(bytes.data() + end), actual = crcOf(bytes.substr(0, end));
  if (stored != actual)
    return errorAt(
        place + ": byte " + std::to_string(end),
        llvm::formatv(
            "checksum {0:x8}, but the bytes before it have {1:x8}: the file is damaged or cut off; record it again",
            stored, actual));
  Parser parser(bytes.substr(0, end));
  Trace trace = parser.parse();
  if (llvm::Error error = parser.error(place))
    return std::move(error);
  return trace;
}

std::string perfettoTrace(const Trace &trace) {
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::json::OStream json(out);
  json.object([&] {
    json.attribute("displayTimeUnit", "ms");
    json.attributeObject("otherData", [&] {
      json.attribute("machine", trace.machine);
      json.attribute("clock_mhz", trace.clockMhz);
      json.attribute("unit", "one microsecond of this trace is one cycle");
      json.attributeArray("jobs", [&] {
        for (const Job &job : trace.jobs)
          json.object([&] {
            for (int i = 0; i != isa::kCounters; ++i)
              json.attribute(llvm::StringRef(isa::name(isa::CounterId(i))), job.counters[i]);
          });
      });
    });
    json.attributeArray("traceEvents", [&] {
      for (size_t i = 0; i != trace.jobs.size(); ++i)
        writeSlices(json, trace, i);
    });
  });
  text += "\n";
  return text;
}

llvm::Error checkTraceName(const std::string &path) {
  if (isCompact(path) || llvm::StringRef(path).ends_with(".json"))
    return llvm::Error::success();
  return errorAt("--trace " + path, "name the file .json (Perfetto) or .twtrace (compact)");
}

llvm::Error writeTrace(const std::string &path, const Trace &trace) {
  return writeFile(path, isCompact(path) ? compactTrace(trace) : perfettoTrace(trace));
}

} // namespace tw::tools
