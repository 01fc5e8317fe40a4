// SPDX-License-Identifier: Apache-2.0
// What for: a table's column of node names, so that different nodes never look the same.
// Called by: the tables of check, compile and profile.
// Does not: print.
#ifndef TW_TOOLS_LIB_NAMECOLUMN_H
#define TW_TOOLS_LIB_NAMECOLUMN_H

#include <cstddef>
#include <string>
#include <vector>

namespace tw::tools {

class NameColumn {
public:
  /// All names that the column will hold: it is as wide as the longest, within limits.
  explicit NameColumn(const std::vector<std::string> &names);

  /// The name, filled with spaces to the column's width; a longer one is cut in the middle, or stands whole and wider
  /// where the cut would make it look like another.
  std::string operator()(const std::string &name) const;

private:
  std::string cut(const std::string &name) const;

  size_t width;
  std::vector<std::string> alike; // names that must stay whole
};

} // namespace tw::tools

#endif // TW_TOOLS_LIB_NAMECOLUMN_H
