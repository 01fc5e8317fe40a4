// SPDX-License-Identifier: Apache-2.0
#include "Coverage.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tw::cosim {

namespace {

std::string groupOf(const std::string &bin) { return bin.substr(0, bin.find('/')); }

} // namespace

Result<Exclusions> Exclusions::read(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    return Diag{path, "cannot be read"};
  Exclusions result;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::istringstream words(line);
    std::string bin, reason;
    if (!(words >> bin) || bin.starts_with("#"))
      continue;
    std::getline(words >> std::ws, reason);
    if (reason.empty())
      return Diag{path + ":" + std::to_string(number), bin + " is excluded without a reason: write one behind it"};
    result.reasons[bin] = reason;
  }
  return result;
}

uint64_t Coverage::count(const std::string &bin) const {
  const auto found = hits.find(bin);
  return found == hits.end() ? 0 : found->second;
}

std::vector<std::string> Coverage::missed(const std::string &group) const {
  std::vector<std::string> result;
  for (const std::string &bin : allBins())
    if ((group.empty() || groupOf(bin) == group) && count(bin) == 0)
      result.push_back(bin);
  return result;
}

std::vector<std::string> Coverage::unknown() const {
  std::vector<std::string> result;
  for (const auto &[bin, count] : hits)
    if (!allBins().contains(bin))
      result.push_back(bin);
  return result;
}

std::string Coverage::report(const Exclusions &exclusions) const {
  struct Row {
    size_t bins = 0, met = 0, excluded = 0;
  };
  std::map<std::string, Row> rows;
  std::string missing;
  for (const std::string &bin : allBins())
    for (Row *row : {&rows[groupOf(bin)], &rows["~all"]}) {
      ++row->bins;
      if (count(bin) != 0)
        ++row->met;
      else if (exclusions.reasons.contains(bin))
        ++row->excluded;
      else if (row == &rows["~all"])
        missing += "missed: " + bin + "\n";
    }
  std::ostringstream os;
  char line[128];
  for (const auto &[name, row] : rows) {
    const size_t wanted = row.bins - row.excluded;
    std::snprintf(line, sizeof line, "%-12s %5zu of %5zu bins, %3zu excluded, %6.2f %%\n",
                  name == "~all" ? "all" : name.c_str(), row.met, wanted, row.excluded,
                  wanted ? 100.0 * double(row.met) / double(wanted) : 100.0);
    os << line;
  }
  os << missing;
  return os.str();
}

std::string Coverage::staleExclusions(const Exclusions &exclusions) const {
  std::string text;
  for (const auto &[bin, reason] : exclusions.reasons)
    if (!allBins().contains(bin))
      text += bin + " is excluded, but is no bin\n";
    else if (uint64_t times = count(bin))
      text += bin + " is excluded, but was met " + std::to_string(times) + " times\n";
  return text;
}

Status Coverage::load(const std::string &path) {
  if (!std::filesystem::exists(path))
    return Status();
  std::ifstream file(path);
  std::string bin;
  for (uint64_t times = 0; file >> bin >> times;)
    hits[bin] += times;
  if (!file.eof())
    return Diag{path, "is no coverage: every line is a bin and a count"};
  return Status();
}

Status Coverage::save(const std::string &path) const {
  std::ofstream file(path + ".new");
  for (const auto &[bin, count] : hits)
    file << bin << " " << count << "\n";
  file.close();
  std::error_code error;
  if (file)
    std::filesystem::rename(path + ".new", path, error);
  if (!file || error)
    return Diag{path, "cannot be written"};
  return Status();
}

} // namespace tw::cosim
