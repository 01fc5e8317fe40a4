// SPDX-License-Identifier: Apache-2.0
// What for: options that several verbs have, and one way to parse, explain and fail.
// Called by: the verbs.
// Does not: open files.
#ifndef TW_TOOLS_LIB_OPTIONS_H
#define TW_TOOLS_LIB_OPTIONS_H

#include "Subcommands.h"

#include "llvm/Support/Error.h"
#include <boost/program_options.hpp>

#include <map>
#include <optional>

namespace tw::tools {

namespace po = boost::program_options;

/// A verb's command line: declare options, then parse. Boost's exceptions end here.
class CommandLine {
public:
  CommandLine(std::string verb, std::string what, std::string file, std::string examples);

  po::options_description_easy_init add() { return options.add_options(); }
  /// The exit code if there is nothing left to do (--help, or an error that was printed).
  std::optional<int> parse(const Arguments &arguments);

  bool has(const char *name) const { return values.count(name) != 0; }
  bool isDefault(const char *name) const { return !has(name) || values[name].defaulted(); }
  template <typename T> T get(const char *name) const { return values[name].as<T>(); }
  std::string text(const char *name) const { return has(name) ? get<std::string>(name) : ""; }
  std::vector<std::string> list(const char *name) const {
    return has(name) ? get<std::vector<std::string>>(name) : std::vector<std::string>();
  }
  std::string file() const { return text("file"); }

private:
  std::string verb, what, fileWord, examples;
  po::options_description options{"options"};
  po::variables_map values;
};

/// Prints "error: ..." for each message that the error holds and returns 1.
int fail(llvm::Error error);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_OPTIONS_H
