// SPDX-License-Identifier: Apache-2.0
// What for: the trace of a run as a file: which instruction ran when, and every counter, job by job. Two forms: compact
// and exact (.twtrace), and the JSON that Perfetto (ui.perfetto.dev) and chrome://tracing open (.json).
// Called by: the verbs run, profile and trace.
// Does not: record anything (Session.h), or name the device: equal runs of two devices give equal files.
#ifndef TW_TOOLS_LIB_TRACE_H
#define TW_TOOLS_LIB_TRACE_H

#include "Session.h"

namespace tw::tools {

struct Trace {
  uint64_t isaHash = isa::kIsaHash;
  std::string machine;
  uint32_t clockMhz = 0;
  std::map<uint32_t, std::string> tags; // layers
  std::vector<Job> jobs;
};

Trace traceOf(const isa::Package &package, std::vector<Job> jobs);

/// The compact form. Numbers are LEB128, signed ones (s) SLEB128:
///   "TWTRACE1", ISA hash (8 bytes, little-endian), length and bytes of the machine's name, MHz,
///   tags: count, then tag, length and bytes of each name,
///   jobs: count, then of each: cycles, the counters (all, by isa::CounterId), events: count, and of each event
///     opcode (a byte), engine (a byte), pc (s), tag (s), start (s), end - start,
///   CRC-32 of all that (4 bytes, little-endian),
///   where pc is the difference to the pc of the engine's event before, tag to that of the event before, and start to
///   the end of the engine's event before. Hashes of written data are not kept.
std::string compactTrace(const Trace &trace);
/// Reads it back. An error names `place` and the byte; a trace of another instruction set is an error, too.
llvm::Expected<Trace> parseTrace(std::string_view bytes, const std::string &place);

/// Chrome trace events: a process a job, threads for an engine (more than one when its instructions overlap), a slice
/// an instruction. One microsecond of the viewer is one cycle. The counters are in otherData.
std::string perfettoTrace(const Trace &trace);

/// By the file's name: .twtrace or .json; any other is an error.
llvm::Error checkTraceName(const std::string &path);
llvm::Error writeTrace(const std::string &path, const Trace &trace);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_TRACE_H
