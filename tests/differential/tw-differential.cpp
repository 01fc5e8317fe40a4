// SPDX-License-Identifier: Apache-2.0
// Random quantised models through the whole compiler, judged by their definition: finds what is wrong without a word.
// Each finding is made smaller and kept as one ONNX file. The same program judges kept files.
#include "QdqBuilder.h"
#include "Worker.h"

#include <boost/program_options.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <unistd.h>

namespace {

using namespace tw::test;
namespace po = boost::program_options;
using Maker = std::optional<std::string> (*)(Choices &);

constexpr int kMostTries = 400; // of making one finding smaller

struct Case {
  std::string bytes;
  JudgeOptions options;
};

class Differential {
public:
  Differential(const po::variables_map &values, std::string folder)
      : values(values), folder(std::move(folder)), machines(values["config"].as<std::vector<std::string>>()),
        seconds(values["seconds"].as<unsigned>()) {
    make = values["kind"].as<std::string>() == "graph" ? makeGraphModel : makeOperatorModel;
  }

  int generate() {
    const uint64_t seed = values["seed"].as<uint64_t>(), count = values["count"].as<uint64_t>();
    const auto start = std::chrono::steady_clock::now();
    runInWorkers(
        seed, seed + count, seconds, [&](uint64_t i) { return judgeChoices(Choices(i)); },
        [&](uint64_t i, const Verdict &verdict) {
          ++counts[verdict.outcome];
          if (verdict.outcome == Outcome::Refused)
            ++reasons[reasonOf(verdict.text)];
          if (isFinding(verdict.outcome))
            report("seed " + std::to_string(i), verdict, Choices(i));
        });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (values.count("reasons"))
      for (const auto &[reason, number] : reasons)
        std::cout << number << " refused: " << reason << "\n";
    return summary(values["kind"].as<std::string>() + " models from seed " + std::to_string(seed), took.count());
  }

  // Files in which something was wrong once.
  int judgeFiles(const std::vector<std::string> &files) {
    const size_t rounds = machines.size() * kInputKinds;
    auto optionsOf = [&](uint64_t i) {
      return JudgeOptions{machines[i % rounds / kInputKinds], true, Inputs(i % kInputKinds), 1, 4};
    };
    runInWorkers(
        0, files.size() * rounds, seconds, [&](uint64_t i) { return judge(files[i / rounds], optionsOf(i)); },
        [&](uint64_t i, const Verdict &verdict) {
          ++counts[verdict.outcome];
          if (isFinding(verdict.outcome))
            std::cout << files[i / rounds] << " on " << optionsOf(i).config << ": " << outcomeName(verdict.outcome)
                      << ": " << verdict.text << "\n";
        });
    return summary(std::to_string(files.size()) + " files", 0);
  }

private:
  std::optional<Case> makeCase(Choices &choices) const {
    Case made;
    made.options.config = machines[choices.below(machines.size())];
    made.options.isTimed = choices.once(8);
    made.options.inputs = choices.once(4) ? choices.pick({Inputs::Lowest, Inputs::Highest}) : Inputs::Random;
    made.options.seed = 1 + choices.below(1000);
    made.options.schedules = made.options.seed % 2 == 0 ? 2 : 0;
    auto bytes = make(choices);
    if (!bytes)
      return std::nullopt;
    made.bytes = std::move(*bytes);
    return made;
  }

  Verdict judgeChoices(Choices choices) const {
    auto made = makeCase(choices);
    if (!made)
      return {};
    // Workers run beside each other: one goes on while a finding of it is made smaller.
    const std::string path = folder + "/" + std::to_string(getpid()) + ".onnx";
    std::ofstream(path, std::ios::binary) << made->bytes;
    const Verdict verdict = judge(path, made->options);
    std::filesystem::remove(path);
    return verdict;
  }

  Verdict judgeApart(const Choices &choices) const {
    Verdict result;
    runInWorkers(
        0, 1, seconds, [&](uint64_t) { return judgeChoices(choices); },
        [&](uint64_t, const Verdict &verdict) { result = verdict; });
    return result;
  }

  // Tries lists with a stretch left out, zeroed, or a number made smaller, as long as the outcome stays the same.
  std::vector<uint64_t> shrink(std::vector<uint64_t> list, Outcome outcome) const {
    int tries = 0;
    auto isStill = [&](const std::vector<uint64_t> &candidate) {
      return ++tries <= kMostTries && judgeApart(Choices(candidate)).outcome == outcome;
    };
    for (bool isSmaller = true; isSmaller && tries <= kMostTries;) {
      isSmaller = false;
      for (size_t length : {16, 4, 1})
        for (size_t at = 0; at + length <= list.size() && tries <= kMostTries;) {
          std::vector<uint64_t> shorter = list;
          shorter.erase(shorter.begin() + int64_t(at), shorter.begin() + int64_t(at + length));
          if (isStill(shorter))
            list = shorter, isSmaller = true;
          else
            at += length;
        }
      for (size_t at = 0; at < list.size() && tries <= kMostTries; ++at)
        for (uint64_t smaller : {uint64_t(0), list[at] / 2, list[at] - 1}) {
          std::vector<uint64_t> candidate = list;
          candidate[at] = smaller;
          if (smaller < list[at] && isStill(candidate)) {
            list = candidate, isSmaller = true;
            break;
          }
        }
    }
    return list;
  }

  void report(const std::string &name, const Verdict &verdict, Choices choices) {
    std::cout << name << ": " << outcomeName(verdict.outcome) << ": " << verdict.text << "\n" << std::flush;
    if (!values.count("keep"))
      return;
    makeCase(choices); // draws
    const std::vector<uint64_t> least = shrink(choices.drawn(), verdict.outcome);
    Choices again(least);
    auto made = makeCase(again);
    const Verdict small = judgeApart(Choices(least));
    const std::string kept = values["keep"].as<std::string>();
    std::filesystem::create_directories(kept);
    std::string file = kept + "/" + name + ".onnx";
    std::ranges::replace(file, ' ', '_');
    std::ofstream(file, std::ios::binary) << made->bytes;
    std::cout << "  kept as " << file << " (" << made->options.config << "): " << small.text << "\n" << std::flush;
  }

  // Without names and numbers, so that equal reasons are counted together.
  static std::string reasonOf(std::string text) {
    text = text.substr(text.rfind("': ") == std::string::npos ? 0 : text.rfind("': ") + 3);
    std::string result;
    for (char c : text)
      if (!std::isdigit(static_cast<unsigned char>(c)))
        result += c;
      else if (result.empty() || result.back() != '#')
        result += '#';
    return result;
  }

  int summary(const std::string &what, double took) {
    uint64_t findings = 0;
    std::cout << what << ":";
    for (const auto &[outcome, number] : counts) {
      std::cout << " " << number << " " << outcomeName(outcome) << (outcome == counts.rbegin()->first ? "" : ",");
      findings += isFinding(outcome) ? number : 0;
    }
    if (took > 0)
      std::cout << " (" << int(took) << " s)";
    std::cout << "\n";
    return findings == 0 ? 0 : 1;
  }

  const po::variables_map &values;
  std::string folder; // of models under way
  std::vector<std::string> machines;
  unsigned seconds;
  Maker make;
  std::map<Outcome, uint64_t> counts;
  std::map<std::string, uint64_t> reasons;
};

} // namespace

int main(int argc, char **argv) {
  po::options_description options("tw-differential [options] [file.onnx ...]");
  options.add_options()("help,h", "this text")("kind", po::value<std::string>()->default_value("operator"),
                                               "operator or graph")("seed", po::value<uint64_t>()->default_value(1),
                                                                    "case i has the seed SEED + i")(
      "count", po::value<uint64_t>()->default_value(1000), "cases")(
      "config,c",
      po::value<std::vector<std::string>>()->composing()->default_value({"tw8", "tw16", "tw32"}, "tw8 tw16 tw32"),
      "machines; one is drawn for each case")("seconds", po::value<unsigned>()->default_value(60), "longer is a hang")(
      "keep", po::value<std::string>(), "folder that gets each finding, made smaller, as a file")(
      "reasons", "print how often each reason refused a model")("file", po::value<std::vector<std::string>>(), "");
  po::positional_options_description positions;
  positions.add("file", -1);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(argc, argv).options(options).positional(positions).run(), values);
    po::notify(values);
  } catch (const std::exception &exception) { // Boost's exceptions end here
    std::cerr << "error: " << exception.what() << "\n";
    return 2;
  }
  if (values.count("help")) {
    std::cout << options;
    return 0;
  }
  const std::string folder = std::filesystem::temp_directory_path() / ("tw-differential." + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  Differential differential(values, folder);
  const int code = values.count("file") ? differential.judgeFiles(values["file"].as<std::vector<std::string>>())
                                        : differential.generate();
  std::filesystem::remove_all(folder);
  return code;
}
