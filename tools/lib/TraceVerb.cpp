// SPDX-License-Identifier: Apache-2.0
#include "Options.h"

#include "Trace.h"
#include "tw/isa/DiagError.h"

#include <iostream>

namespace tw::tools {

int traceVerb(const Arguments &arguments) {
  CommandLine line("trace", "Says what is in a compact trace, or turns it into one that Perfetto opens.", "run.twtrace",
                   "  tilewright trace run.twtrace\n  tilewright trace run.twtrace --output run.json\n");
  line.add()("output,o", po::value<std::string>(), "FILE.json: Chrome trace events, for ui.perfetto.dev");
  if (auto code = line.parse(arguments))
    return *code;
  if (llvm::Error error = checkOutputs({line.text("output")}, {line.file()}))
    return fail(std::move(error));
  auto bytes = readFile(line.file());
  if (!bytes)
    return fail(bytes.takeError());
  auto trace = parseTrace(*bytes, line.file());
  if (!trace)
    return fail(trace.takeError());
  if (line.has("output")) {
    if (!llvm::StringRef(line.text("output")).ends_with(".json"))
      return fail(errorAt("--output " + line.text("output"), "name the file .json"));
    if (llvm::Error error = writeTrace(line.text("output"), *trace))
      return fail(std::move(error));
    return 0;
  }
  std::cout << "machine " << trace->machine << ", " << trace->clockMhz << " MHz, " << trace->jobs.size() << " job"
            << (trace->jobs.size() == 1 ? "" : "s") << "\n";
  for (const Job &job : trace->jobs) {
    std::cout << withCommas(job.cycles) << " cycles, " << withCommas(job.events.size()) << " instructions\n";
    for (int i = 0; i != isa::kCounters; ++i)
      if (job.counters[i] != 0)
        std::cout << "  " << isa::name(isa::CounterId(i)) << " " << withCommas(job.counters[i]) << "\n";
  }
  return 0;
}

} // namespace tw::tools
