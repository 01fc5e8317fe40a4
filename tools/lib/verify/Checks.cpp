// SPDX-License-Identifier: Apache-2.0
#include "Checks.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <ostream>

namespace tw::tools {
namespace {

// As an attribute of XML.
std::string quoted(const std::string &text) {
  std::string result = "\"";
  llvm::raw_string_ostream stream(result);
  llvm::printHTMLEscaped(text, stream);
  return result + "\"";
}

} // namespace

void Checks::note(const std::string &line) {
  notes.push_back(line);
  if (screen)
    *screen << line << "\n";
}

void Checks::add(Check check, const std::string &line) {
  list.push_back(std::move(check));
  if (screen && !line.empty())
    *screen << line << "\n";
}

int64_t Checks::failed() const {
  return std::ranges::count_if(list, [](const Check &check) { return !check.isGood; });
}

std::string Checks::firstFailure() const {
  auto found = std::ranges::find_if(list, [](const Check &check) { return !check.isGood; });
  return found == list.end() ? "" : found->stage + " " + found->subject + ": " + found->text;
}

std::string Checks::json(const std::string &file) const {
  boost::json::array rows, lines;
  for (const Check &check : list) {
    boost::json::object row{{"stage", check.stage}, {"subject", check.subject},   {"good", check.isGood},
                            {"text", check.text},   {"compared", check.compared}, {"different", check.different}};
    if (std::isfinite(check.largest))
      row["largest"] = check.largest;
    rows.push_back(std::move(row));
  }
  for (const std::string &line : notes)
    lines.push_back(boost::json::string(line));
  return boost::json::serialize(boost::json::object{
             {"file", file}, {"failed", failed()}, {"notes", std::move(lines)}, {"checks", std::move(rows)}}) +
         "\n";
}

std::string Checks::junit(const std::string &file) const {
  std::string result =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=" + quoted("tilewright verify " + file) +
      " tests=\"" + std::to_string(list.size()) + "\" failures=\"" + std::to_string(failed()) + "\">\n";
  for (const Check &check : list) {
    result += "  <testcase classname=" + quoted(check.stage) + " name=" + quoted(check.subject);
    result += check.isGood ? "/>\n" : "><failure message=" + quoted(check.text) + "/></testcase>\n";
  }
  return result + "</testsuite>\n";
}

} // namespace tw::tools
