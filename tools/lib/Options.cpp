// SPDX-License-Identifier: Apache-2.0
#include "Options.h"

#include "tw/isa/DiagError.h"

#include <iostream>

namespace tw::tools {

CommandLine::CommandLine(std::string verb, std::string what, std::string file, std::string examples)
    : verb(std::move(verb)), what(std::move(what)), fileWord(std::move(file)), examples(std::move(examples)) {
  add()("help,h", "this text");
}

std::optional<int> CommandLine::parse(const Arguments &arguments) {
  po::options_description all;
  all.add(options);
  if (!fileWord.empty())
    all.add_options()("file", po::value<std::string>());
  po::positional_options_description positions;
  if (!fileWord.empty())
    positions.add("file", 1);
  try {
    po::store(po::command_line_parser(arguments).options(all).positional(positions).run(), values);
    if (!has("help")) // it needs nothing else on the line
      po::notify(values);
  } catch (const std::exception &exception) { // the one place where Boost's exceptions arrive
    std::cerr << "error: tilewright " << verb << ": " << exception.what() << ": see tilewright " << verb << " --help\n";
    return 2;
  }
  if (has("help")) {
    std::cout << "tilewright " << verb << (fileWord.empty() ? "" : " <" + fileWord + ">") << " [options]\n  " << what
              << "\n\n"
              << options << "\nexamples\n"
              << examples;
    return 0;
  }
  if (!fileWord.empty() && !has("file") && fileWord.back() != '?') {
    std::cerr << "error: tilewright " << verb << ": no " << fileWord << " given: see tilewright " << verb
              << " --help\n";
    return 2;
  }
  return std::nullopt;
}

int fail(llvm::Error error) {
  for (const Diag &diag : diagsOf(std::move(error)))
    std::cerr << "error: " << diag.str() << "\n";
  return 1;
}

} // namespace tw::tools
