// SPDX-License-Identifier: Apache-2.0
// A classifier over a labelled set: how many labels are right on a device.
#include "Options.h"
#include "Prepare.h"
#include "Session.h"

#include "llvm/Support/FormatVariadic.h"
#include <boost/json.hpp>

#include <cmath>
#include <cstring>
#include <iostream>

namespace tw::tools {
namespace {

constexpr const char *kInt32 = "i4", *kInt64 = "i8"; // NumPy's names

/// Sample `at` of an array whose first dimension counts samples; empty if the model's input has another size.
std::optional<std::string_view> sample(const NpyArray &all, size_t at, size_t bytes) {
  if (all.shape.empty() || all.bytes.size() != bytes * size_t(all.shape[0]))
    return std::nullopt;
  return std::string_view(all.bytes.data() + at * bytes, bytes);
}

int64_t labelAt(const NpyArray &labels, size_t at) {
  if (labels.type == kInt64) {
    int64_t value;
    std::memcpy(&value, &labels.bytes[8 * at], 8);
    return value;
  }
  int32_t value;
  std::memcpy(&value, &labels.bytes[4 * at], 4);
  return value;
}

} // namespace

int evaluateVerb(const Arguments &arguments) {
  CommandLine line(
      "evaluate", "Runs a classifier over a labelled set and counts the labels that are right.", "model.npk",
      "  tilewright evaluate model.npk --allow-host-code --data test.npz\n  tilewright evaluate model.npk --data "
      "test.npz --labels class --device cycle\n  tilewright evaluate model.npk --data test.npz --at-least 98.5 "
      "--json\n");
  addPackageOptions(line);
  addHostOptions(line);
  line.add()("data", po::value<std::string>()->required(),
             ".npz with one array of the input's name and one of labels; the first dimension counts samples")(
      "labels", po::value<std::string>()->default_value("label"), "name of the array of labels (int32 or int64)")(
      "device,d", po::value<std::string>()->default_value("functional"), "functional, cycle or rtl")(
      "at-least", po::value<std::string>(), "PERCENT: exit code 1 if fewer labels are right")("json", "print as JSON");
  if (auto code = line.parse(arguments))
    return *code;
  double atLeast = 0;
  if (line.has("at-least") &&
      (llvm::StringRef(line.text("at-least")).getAsDouble(atLeast) || !(atLeast >= 0 && atLeast <= 100)))
    return fail(
        errorAt("--at-least " + line.text("at-least"), "expected a percentage of labels, a number from 0 to 100"));
  auto package = openPackage(line);
  if (!package)
    return fail(package.takeError());
  auto bytes = packageBytes(*package);
  if (!bytes)
    return fail(bytes.takeError());
  auto data = readNpz(line.text("data"));
  if (!data)
    return fail(data.takeError());
  Tensors inputs = inputsOf(*package);
  if (inputs.size() != 1)
    return fail(errorAt(line.file(), llvm::formatv("the model has {0} inputs, evaluate needs one", inputs.size())));
  auto images = data->find(inputs[0].name), labels = data->find(line.text("labels"));
  if (images == data->end() || labels == data->end())
    return fail(errorAt(line.text("data"),
                        llvm::formatv("no array '{0}'", images == data->end() ? inputs[0].name : line.text("labels"))));
  const size_t count = labels->second.shape.empty() ? 0 : size_t(labels->second.shape[0]);
  if (count == 0 || labels->second.shape.size() != 1 ||
      (labels->second.type != kInt32 && labels->second.type != kInt64))
    return fail(errorAt(line.text("data"), llvm::formatv("array '{0}' is {1}; labels are a list of int32 or int64",
                                                         line.text("labels"), labels->second.type)));
  auto session = Session::open(*bytes, *package,
                               {.device = line.text("device"),
                                .memory = "",
                                .threads = line.get<uint32_t>("threads"),
                                .gpuLibrary = line.text("gpu-library")});
  if (!session)
    return fail(session.takeError());
  size_t right = 0;
  uint64_t cycles = 0;
  for (size_t i = 0; i != count; ++i) {
    auto one = sample(images->second, i, inputs[0].tensor.bytes.size());
    if (!one || size_t(images->second.shape[0]) != count)
      return fail(
          errorAt(line.text("data"),
                  llvm::formatv("array '{0}' holds {1} bytes for {2} labels, the input takes {3} bytes a sample",
                                inputs[0].name, images->second.bytes.size(), count, inputs[0].tensor.bytes.size())));
    inputs[0].tensor.bytes.assign(one->begin(), one->end());
    auto result = (*session)->run(inputs);
    if (!result)
      return fail(result.takeError());
    const ir::Tensor &scores = result->outputs[0].tensor;
    int64_t best = 0;
    for (int64_t k = 1; k < scores.size(); ++k)
      if (scores.numberAt(k) > scores.numberAt(best))
        best = k;
    right += best == labelAt(labels->second, i);
    cycles += result->cycles;
  }
  const double percent = 100.0 * double(right) / double(count);
  if (line.has("json")) {
    boost::json::object root{{"package", line.file()}, {"device", line.text("device")},
                             {"samples", count},       {"right", right},
                             {"percent", percent},     {"cycles", cycles}};
    std::cout << boost::json::serialize(root) << "\n";
  } else {
    std::cout
        << llvm::formatv("{0}: {1} of {2} labels right ({3:F2} %)", line.text("device"), right, count, percent).str();
    if (cycles != 0)
      std::cout << ", " << withCommas(cycles / count) << " cycles a sample";
    std::cout << "\n";
  }
  // The subtrahend undoes the rounding of decimals: 99.1 % of 1,000 are 991.
  const auto needed = size_t(std::ceil(atLeast * double(count) / 100 - 1e-9));
  if (right < needed)
    return fail(
        errorAt(line.text("data"), llvm::formatv("{0} of {1} labels are right on {2}, --at-least {3} asks for {4}",
                                                 right, count, line.text("device"), line.text("at-least"), needed)));
  return 0;
}

} // namespace tw::tools
