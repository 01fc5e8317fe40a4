// SPDX-License-Identifier: Apache-2.0
#include "lib/Subcommands.h"

#include <iostream>

using namespace tw::tools;

namespace {

struct Verb {
  std::string_view name, what;
  int (*run)(const Arguments &);
};
constexpr Verb kVerbs[] = {
    {"check", "what of a model can run, and where", checkVerb},
    {"compile", "a model to a package", compileVerb},
    {"run", "a package or model on a device", runVerb},
    {"verify", "devices against the reference", verifyVerb},
    {"profile", "where a model's cycles go", profileVerb},
    {"evaluate", "a classifier over a labelled set", evaluateVerb},
    {"asm", "assembly to lines", asmVerb},
    {"dis", "lines to assembly", disVerb},
    {"info", "what is in a package", infoVerb},
    {"config", "values of a machine", configVerb},
};

void usage(std::ostream &out) {
  out << "tilewright <verb> ...\n";
  for (const Verb &verb : kVerbs)
    out << "  " << verb.name << std::string(10 - verb.name.size(), ' ') << verb.what << "\n";
  out << "Options and examples of a verb: tilewright <verb> --help\n";
}

} // namespace

int main(int argc, char **argv) {
  std::string_view name = argc > 1 ? argv[1] : "";
  for (const Verb &verb : kVerbs)
    if (verb.name == name)
      return verb.run(Arguments(argv + 2, argv + argc));
  bool isHelp = name == "--help" || name == "-h";
  if (!isHelp)
    std::cerr << "error: " << (name.empty() ? "no verb given" : "no verb '" + std::string(name) + "'") << "\n";
  usage(isHelp ? std::cout : std::cerr);
  return isHelp ? 0 : 2;
}
