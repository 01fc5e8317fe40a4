// SPDX-License-Identifier: Apache-2.0
#include "Prepare.h"

#include "Buckets.h"
#include "Measure.h"
#include "OwnPackages.h"
#include "States.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/CachePruning.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <optional>

namespace tw::tools {
namespace {

namespace fs = llvm::sys::fs;

constexpr uint64_t kCacheBytes = uint64_t(1) << 30;

// Size and time of each file that a model's tensors lie in: they may be larger than what anyone wants to hash.
std::string externalState(const std::string &modelBytes, const std::string &modelPath) {
  std::vector<Diag> problems; // the import will say them
  auto survey = ir::surveyOnnx(modelBytes, {}, problems);
  std::string state;
  for (const std::string &file : survey ? survey->externalFiles : std::vector<std::string>()) {
    llvm::SmallString<256> path(folderOf(modelPath));
    llvm::sys::path::append(path, file);
    fs::file_status status;
    if (!fs::status(path, status))
      state += llvm::formatv("{0} {1} {2}\n", file, status.getSize(),
                             status.getLastModificationTime().time_since_epoch().count());
  }
  return state;
}

std::string cacheKey(const std::string &modelBytes, const std::string &modelPath, const isa::HwConfig &config,
                     const ir::OnnxImportOptions &import, const codegen::CompileOptions &options) {
  llvm::BLAKE3 hasher;
  auto addNumber = [&](uint64_t number) { hasher.update(llvm::ArrayRef((const uint8_t *)&number, sizeof(number))); };
  hasher.update(modelBytes);
  addNumber(isa::kIsaHash);
  addNumber(isa::configHash(config));
  hasher.update(externalState(modelBytes, modelPath));
  for (const auto &[name, size] : import.dims) {
    hasher.update(name);
    addNumber(uint64_t(size));
  }
  for (const auto &[name, constant] : import.constants) {
    hasher.update(name);
    hasher.update(constant.text);
    if (constant.tensor) {
      addNumber(uint64_t(constant.tensor->type));
      hasher.update(ir::shapeText(constant.tensor->shape));
      hasher.update(llvm::StringRef(constant.tensor->bytes.data(), constant.tensor->bytes.size()));
    }
  }
  for (codegen::ExecutorId executor : options.executors)
    addNumber(uint64_t(executor));
  addNumber(uint64_t(options.objective));
  hasher.update(options.gpu.arch);
  hasher.update(options.gpu.machine ? options.gpu.machine->text : "");
  addNumber(uint64_t(options.gpu.isEmulated) << 1 | uint64_t(options.gpu.keepsHostCode));
  for (const codegen::Placing &placing : options.places) {
    hasher.update(placing.text);
    addNumber(uint64_t(placing.executor));
  }
  // Another build of this program may compile otherwise.
  static const int here = 0;
  llvm::sys::fs::file_status self;
  llvm::sys::fs::status(llvm::sys::fs::getMainExecutable("tilewright", (void *)&here), self);
  addNumber(self.getSize());
  addNumber(uint64_t(self.getLastModificationTime().time_since_epoch().count()));
  return llvm::toHex(llvm::ArrayRef(hasher.final<16>()), true);
}

// The prefix is the one that pruneCache looks for.
std::string entryPrefix(const std::string &key) { return "llvmcache-" + key + "-"; }

/// Binds the bytes of a package to the key for which they were made.
std::string seal(const std::string &key, llvm::StringRef bytes) {
  llvm::BLAKE3 hasher;
  hasher.update(key);
  hasher.update(bytes);
  return llvm::toHex(llvm::ArrayRef(hasher.final<16>()), true);
}

/// The package that was kept under this key, if there is one and it is what its name says.
std::optional<isa::Package> keptPackage(const std::string &folder, const std::string &key, std::string &note) {
  if (!isOwnFolder(folder))
    return std::nullopt;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; at != end && !error; at.increment(error)) {
    const llvm::StringRef name = llvm::sys::path::filename(at->path());
    if (!name.starts_with(entryPrefix(key)))
      continue;
    auto bytes = readFile(at->path());
    if (!bytes) {
      llvm::consumeError(bytes.takeError());
      continue;
    }
    if (name != entryPrefix(key) + seal(key, *bytes) + ".npk") {
      fs::remove(at->path()); // spoilt, or somebody else's
      continue;
    }
    const std::vector<uint8_t> aligned(bytes->begin(), bytes->end());
    if (auto package = isa::parsePackage(aligned, at->path())) {
      note = "compiled before, kept as " + at->path();
      return std::move(*package);
    }
  }
  return std::nullopt;
}

/// Not being able to keep it is no reason to fail.
void keepPackage(const isa::Package &package, const std::string &folder, const std::string &key, std::string &note) {
  if (fs::create_directories(folder, true, fs::owner_all) || !isOwnFolder(folder))
    return;
  auto bytes = packageBytes(package);
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return;
  }
  const std::string kept = folder + "/" + entryPrefix(key) + seal(key, *bytes) + ".npk";
  if (llvm::Error error = writeFile(kept, *bytes)) {
    llvm::consumeError(std::move(error));
    return;
  }
  note += ", kept as " + kept;
  llvm::CachePruningPolicy policy;
  policy.MaxSizeBytes = kCacheBytes;
  llvm::pruneCache(folder, policy);
}

enum class Sizes : uint8_t { Exact, Padded };

/// Whoever gives several values of a dimension wants runs of any.
Sizes sizesOf(const CommandLine &line) {
  const bool isList =
      llvm::any_of(line.list("dim"), [](llvm::StringRef text) { return text.split('=').second.contains(','); });
  return isList || line.has("spare") ? Sizes::Padded : Sizes::Exact;
}

llvm::Error findDims(const std::string &path, const ir::OnnxImportOptions &options, Sizes sizes,
                     llvm::ArrayRef<ir::StatePair> states, codegen::EntryGraph &entry) {
  auto bytes = readFile(path);
  if (!bytes)
    return bytes.takeError();
  std::vector<Diag> problems;
  const auto survey = ir::surveyOnnx(*bytes, options.constants, problems);
  if (!survey)
    return inside(path, errorsOf(std::move(problems)));
  entry.dims = exactDims(*survey, options);
  return sizes == Sizes::Padded ? provePadding(path, options, states, entry) : llvm::Error::success();
}

/// The largest of the dimension in all bindings.
int64_t mostOf(llvm::StringRef name, llvm::ArrayRef<Binding> bindings) {
  int64_t most = 0;
  for (const Binding &binding : bindings)
    if (auto found = binding.options.dims.find(name.str()); found != binding.options.dims.end())
      most = std::max(most, found->second);
  return most;
}

/// What --spare says, as one more binding: of dimensions that it does not name the largest of the others.
llvm::Error addSpare(const CommandLine &line, std::vector<Binding> &bindings) {
  const std::vector<std::string> texts = line.list("spare");
  if (texts.empty())
    return llvm::Error::success();
  Binding spare;
  for (auto &[name, size] : bindings.front().options.dims)
    spare.options.dims[name] = mostOf(name, bindings);
  llvm::StringSet<> seen;
  for (const std::string &text : texts) {
    const auto [name, number] = llvm::StringRef(text).split('=');
    int64_t value = 0;
    if (name.empty() || number.getAsInteger(10, value) || value <= 0)
      return errorAt("--spare " + text, "expected NAME=NUMBER with a positive number");
    if (!seen.insert(name).second)
      return errorAt("--spare " + text, name.str() + " has a value already: give each once");
    const int64_t most = mostOf(name, bindings);
    if (most == 0)
      return errorAt("--spare " + text, name.str() + " has no value in --dim: give those of the other entries");
    if (value <= most)
      return errorAt("--spare " + text,
                     llvm::formatv("the other entries take {0} of {1}: give more, or leave it out", most, name));
    spare.options.dims[name.str()] = value;
    spare.name += (spare.name.empty() ? "" : ",") + text;
    spare.hostOnly += (spare.hostOnly.empty() ? "--spare " : " --spare ") + text;
  }
  bindings.push_back(std::move(spare));
  return llvm::Error::success();
}

/// The entry of --spare is there for all that others do not take: an error if it is not.
llvm::Error checkSpare(const Binding &spare, llvm::ArrayRef<Binding> others, llvm::ArrayRef<codegen::EntryDim> dims) {
  for (const codegen::EntryDim &dim : dims)
    if (const int64_t most = mostOf(dim.name, others); dim.most > most && dim.least > most + 1)
      return errorAt(spare.hostOnly,
                     llvm::formatv("the entry would take {0} to {1} of {2}, and the others {3} at most: "
                                   "{4}: leave it out, or give a value that is nearer",
                                   dim.least, dim.most, dim.name, most, dim.whyNot));
  return llvm::Error::success();
}

} // namespace

void addModelOptions(CommandLine &line, const std::string &free, const char *devices) {
  line.add()("config,c", po::value<std::string>()->default_value("tw16"), "machine: a name, or a YAML file");
  addImportOptions(line, free);
  addPlacementOptions(line, devices);
}

void addImportOptions(CommandLine &line, const std::string &free) {
  line.add()("dim", po::value<std::vector<std::string>>()->composing(),
             ("NAME=NUMBER: value of a symbolic dimension; " + (free.empty() ? "may be repeated" : free)).c_str())(
      "const", po::value<std::vector<std::string>>()->composing(),
      "NAME=NUMBERS or NAME=FILE.npy: value of a graph input that must be known, such as a shape; may be repeated");
}

llvm::Expected<ir::OnnxImportOptions> importOptions(const CommandLine &line) {
  auto bindings = importBindings(line);
  if (!bindings)
    return bindings.takeError();
  if (bindings->size() != 1)
    return errorAt("--dim " + line.list("dim").front(),
                   llvm::formatv("has {0} values, one is needed here: compile makes a package with an entry of each",
                                 bindings->size()));
  return std::move(bindings->front().options);
}

llvm::Expected<std::vector<Binding>> importBindings(const CommandLine &line) {
  std::vector<Binding> bindings(1);
  const std::string *firstList = nullptr;
  const std::vector<std::string> texts = line.list("dim");
  for (const std::string &text : texts) {
    auto [name, list] = llvm::StringRef(text).split('=');
    std::vector<int64_t> values;
    for (llvm::StringRef number : llvm::split(list, ',')) {
      int64_t value = 0;
      if (name.empty() || number.getAsInteger(10, value) || value <= 0)
        return errorAt("--dim " + text, "expected NAME=NUMBER with a positive number");
      values.push_back(value);
    }
    if (bindings.front().options.dims.count(name.str()) != 0)
      return errorAt("--dim " + text, name.str() + " has a value already: give each once");
    if (values.size() != 1) {
      if (firstList && bindings.size() != values.size())
        return errorAt(
            "--dim " + text,
            llvm::formatv("has {0} values, --dim {1} has {2}: lists go together, one entry for each place in them",
                          values.size(), *firstList, bindings.size()));
      if (!firstList)
        bindings.resize(values.size(), bindings.front());
      firstList = &text;
    }
    for (size_t i = 0; i != bindings.size(); ++i) {
      const int64_t value = values[values.size() == 1 ? 0 : i];
      bindings[i].options.dims[name.str()] = value;
      if (values.size() != 1)
        bindings[i].name += (bindings[i].name.empty() ? "" : ",") + name.str() + "=" + std::to_string(value);
    }
  }
  if (!firstList)
    bindings.front().name = "main";
  if (auto error = addSpare(line, bindings))
    return std::move(error);
  for (size_t i = 0; i != bindings.size(); ++i)
    for (size_t k = 0; k != i; ++k)
      if (bindings[i].name == bindings[k].name)
        return errorAt("--dim", "two entries would be " + bindings[i].name + ": give each once");
  ir::OnnxImportOptions given; // the arrays are read once
  if (auto error = readConstants(line.list("const"), given))
    return std::move(error);
  for (Binding &binding : bindings)
    binding.options.constants = given.constants;
  return bindings;
}

void addSpareOption(CommandLine &line) {
  line.add()("spare", po::value<std::vector<std::string>>()->composing(),
             "NAME=NUMBER: one more entry, on the host, for runs with up to so many of a dimension that has fewer in "
             "all others; may be repeated, for that same entry");
}

void addPlacementOptions(CommandLine &line, const char *devices) {
  line.add()("target", po::value<std::string>()->default_value("npu"),
             "who runs operators: npu (the host what that cannot), or cpu (all of them on the host)")(
      devices, po::value<std::string>()->default_value(""),
      "instead of --target: those that may run operators, the preferred one first, cpu among them: npu,gpu,cpu")(
      "place", po::value<std::vector<std::string>>()->composing(),
      "NODE=cpu, NODE=gpu or NODE=npu: who runs this node's operator; may be repeated")(
      "gpu-arch", po::value<std::string>()->default_value("sm_80"),
      "least NVIDIA GPU that the GPU code is for; with ',emulated' behind it, code for the emulator of the tests, too")(
      "gpu-machine", po::value<std::string>()->default_value(""),
      "YAML file of what the GPU can do, for the choice of who runs what; default: a product of --gpu-arch")(
      "fallback", po::value<std::string>()->default_value("none"),
      "host: keep host code of what the GPU runs, for where there is none or it is lost; or none")(
      "objective", po::value<std::string>()->default_value("offload"),
      "offload: the NPU runs what it can; latency: each operator runs where its lower bound and the changes of form "
      "that it asks for are least");
}

void addHostOptions(CommandLine &line) {
  line.add()("threads", po::value<uint32_t>()->default_value(1),
             "how many threads share the work on the host; 0: as many as there are processors")(
      "gpu-library", po::value<std::string>()->default_value(""),
      "NVIDIA's driver library, for packages with GPU code; default: libcuda.so.1, as the system finds it");
}

void addPackageOptions(CommandLine &line) {
  line.add()("allow-host-code", "run the host code of a package that was not compiled here: it may do what you may do");
}

namespace {

// Of a verb that has an option of that name for the models of the machine, the other.
const char *devicesOption(const CommandLine &line) { return line.has("executors") ? "executors" : "devices"; }

std::string noGpu(const CommandLine &line) {
  return std::string("no GPU may run operators: add --") + devicesOption(line) + " npu,gpu,cpu";
}

} // namespace

llvm::Expected<isa::Package> openPackage(const CommandLine &line) {
  auto package = isa::readPackage(line.file());
  if (!package)
    return errorOf(package.diag());
  for (const char *option :
       {"target", devicesOption(line), "place", "objective", "gpu-arch", "gpu-machine", "fallback"})
    if (!line.isDefault(option))
      return errorAt(std::string("--") + option,
                     line.file() + " is a package, in which each operator has its place: give the model");
  if (!line.isDefault("config") && !package->program.lines.empty()) {
    auto config = loadMachine(line.text("config"));
    if (!config)
      return config.takeError();
    if (isa::configHash(*config) != isa::configHash(package->config))
      return errorAt(line.file(), llvm::formatv("the package is for {0} (configuration {1}), --config {2} is {3} "
                                                "({4}): compile the model for it, or leave --config out",
                                                package->config.name, hex(isa::configHash(package->config)),
                                                line.text("config"), config->name, hex(isa::configHash(*config))));
  }
  uint64_t foreign = package->hostCode.size();
  for (const isa::PackageImage &image : package->others)
    foreign += image.kind == TW_PKG_GPU ? image.bytes.size() : 0;
  if (foreign != 0 && !line.has("allow-host-code") && !isRemembered(*package))
    return errorAt(
        line.file(),
        llvm::formatv("the package has {0} bytes of {1}, which may do whatever you may do, and you did not compile it "
                      "here: add --allow-host-code if you trust where the file comes from, or run the model itself",
                      foreign, foreign == package->hostCode.size() ? "host code" : "host and GPU code"));
  return std::move(*package);
}

namespace {

std::optional<codegen::ExecutorId> deviceOf(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<codegen::ExecutorId>>(name)
      .Case("npu", codegen::ExecutorId::Npu)
      .Case("gpu", codegen::ExecutorId::Gpu)
      .Case("cpu", codegen::ExecutorId::Host)
      .Default(std::nullopt);
}

llvm::Error readDevices(const CommandLine &line, codegen::CompileOptions &options) {
  const std::string target = line.text("target"), devices = line.text(devicesOption(line)),
                    said = std::string("--") + devicesOption(line) + " " + devices;
  if (target == "cpu")
    options.executors = {codegen::ExecutorId::Host};
  else if (target != "npu")
    return errorAt("--target " + target, "there are npu and cpu");
  if (devices.empty())
    return llvm::Error::success();
  if (!line.isDefault("target"))
    return errorAt(said, "says what --target does: drop one of them");
  options.executors.clear();
  for (llvm::StringRef name : llvm::split(devices, ',')) {
    const auto executor = deviceOf(name);
    if (!executor)
      return errorAt(said, "there are npu, gpu and cpu, not '" + name.str() + "'");
    if (llvm::is_contained(options.executors, *executor))
      return errorAt(said, name.str() + " is named twice");
    options.executors.push_back(*executor);
  }
  if (!llvm::is_contained(options.executors, codegen::ExecutorId::Host))
    return errorAt(said, "cpu is missing, which runs what others cannot: add it");
  return llvm::Error::success();
}

llvm::Error readGpuOptions(const CommandLine &line, codegen::CompileOptions &options) {
  const bool isThere = llvm::is_contained(options.executors, codegen::ExecutorId::Gpu);
  for (const char *option : {"gpu-arch", "gpu-machine", "fallback"})
    if (!isThere && !line.isDefault(option))
      return errorAt(std::string("--") + option + " " + line.text(option), noGpu(line));
  const std::string archs = line.text("gpu-arch");
  auto [arch, more] = llvm::StringRef(archs).split(',');
  options.gpu.arch = arch.str();
  options.gpu.isEmulated = more == "emulated";
  if (!more.empty() && !options.gpu.isEmulated)
    return errorAt("--gpu-arch " + archs, "expected a name such as sm_80, or sm_80,emulated");
  const std::string fallback = line.text("fallback");
  options.gpu.keepsHostCode = fallback == "host";
  if (fallback != "host" && fallback != "none")
    return errorAt("--fallback " + fallback, "there are host and none");
  if (line.text("gpu-machine").empty())
    return llvm::Error::success();
  auto text = readFile(line.text("gpu-machine"));
  if (!text)
    return text.takeError();
  options.gpu.machine = codegen::NamedText{line.text("gpu-machine"), std::move(*text)};
  return llvm::Error::success();
}

} // namespace

llvm::Error readPlacement(const CommandLine &line, codegen::CompileOptions &options) {
  if (auto error = readDevices(line, options))
    return error;
  if (auto error = readGpuOptions(line, options))
    return error;
  const std::string objective = line.text("objective");
  if (objective == "latency")
    options.objective = codegen::Objective::Latency;
  else if (objective != "offload")
    return errorAt("--objective " + objective, "there are offload and latency");
  for (const std::string &text : line.list("place")) {
    auto [node, where] = llvm::StringRef(text).rsplit('='); // a node's name may hold one
    const auto executor = deviceOf(where);
    if (node.empty() || !executor)
      return errorAt("--place " + text, "expected NODE=cpu, NODE=gpu or NODE=npu");
    if (!llvm::is_contained(options.executors, *executor))
      return errorAt("--place " + text,
                     *executor == codegen::ExecutorId::Gpu
                         ? noGpu(line)
                         : (line.text(devicesOption(line)).empty()
                                ? "--target " + line.text("target")
                                : std::string("--") + devicesOption(line) + " " + line.text(devicesOption(line))) +
                               " leaves the NPU out: drop one of them");
    for (const codegen::Placing &other : options.places)
      if (other.node == node && other.executor != *executor)
        return errorAt("--place " + text, other.text + " says otherwise: drop one of them");
    options.places.push_back({node.str(), *executor, "--place " + text});
  }
  return llvm::Error::success();
}

llvm::Error checkOutputs(const CommandLine &line, llvm::ArrayRef<std::string> outputs) {
  std::vector<std::string> inputs{line.file()};
  for (const char *option : {"config", "expect", "schedule", "gpu-machine"})
    inputs.push_back(line.text(option));
  for (const std::string &argument : line.list("input"))
    inputs.push_back(fileOf(argument));
  return checkOutputs(outputs, inputs);
}

namespace {

using Change = llvm::function_ref<llvm::Error(llvm::ArrayRef<codegen::EntryGraph>)>;

llvm::Expected<Prepared> prepareBindings(const CommandLine &line, llvm::ArrayRef<Binding> bindings,
                                         codegen::CompileOptions options, Sizes sizes, Change change) {
  auto config = loadMachine(line.text("config"));
  if (!config)
    return config.takeError();
  Model first = emptyModel();
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> owned;
  std::vector<codegen::EntryGraph> entries;
  std::vector<ir::StatePair> states;
  for (const Binding &binding : bindings) {
    auto module = importInto(*first.context, line.file(), binding.options);
    if (!module)
      return module.takeError();
    if (owned.empty() && sizes == Sizes::Padded) {
      auto pairs = statePairs(line, **module);
      if (!pairs)
        return pairs.takeError();
      states = std::move(*pairs);
    }
    entries.push_back({.name = binding.name, .module = **module, .hostOnly = binding.hostOnly});
    if (!binding.options.dims.empty())
      if (auto error = findDims(line.file(), binding.options, sizes, states, entries.back()))
        return std::move(error);
    if (!binding.hostOnly.empty() && sizes == Sizes::Padded)
      if (auto error = checkSpare(binding, bindings.drop_back(), entries.back().dims))
        return inside(line.file(), std::move(error));
    owned.push_back(std::move(*module));
  }
  if (change)
    if (auto error = change(entries))
      return std::move(error);
  options.config = *config;
  if (auto error = readPlacement(line, options))
    return std::move(error);
  options.fused = [&](mlir::ModuleOp fused) {
    if (!first.module)
      first.module = fused.clone();
  };
  options.measure = measure;
  auto compiled = codegen::compileEntries(entries, options);
  if (!compiled)
    return inside(line.file(), compiled.takeError());
  return Prepared{std::move(*config), std::move(first), std::move(*compiled)};
}

} // namespace

llvm::Expected<Prepared> prepare(const CommandLine &line, const Binding &binding, codegen::CompileOptions options,
                                 llvm::function_ref<llvm::Error(mlir::ModuleOp)> change) {
  return prepareBindings(line, binding, std::move(options), Sizes::Exact,
                         [&](llvm::ArrayRef<codegen::EntryGraph> entries) {
                           return change ? change(entries.front().module) : llvm::Error::success();
                         });
}

llvm::Expected<Prepared> prepare(const CommandLine &line, codegen::CompileOptions options,
                                 llvm::function_ref<llvm::Error(mlir::ModuleOp)> change) {
  auto import = importOptions(line);
  if (!import)
    return import.takeError();
  return prepare(line, Binding{"main", std::move(*import)}, std::move(options), change);
}

llvm::Expected<Prepared> prepareEntries(const CommandLine &line, codegen::CompileOptions options, Change change) {
  auto bindings = importBindings(line);
  if (!bindings)
    return bindings.takeError();
  return prepareBindings(line, *bindings, std::move(options), sizesOf(line), change);
}

std::string packageCacheFolder() {
  llvm::SmallString<128> folder;
  if (!llvm::sys::path::cache_directory(folder))
    return "";
  llvm::sys::path::append(folder, "tilewright");
  return std::string(folder);
}

llvm::Expected<isa::Package> preparePackage(const CommandLine &line, const std::string &folder, std::string &note) {
  std::string key;
  if (!folder.empty()) {
    auto config = loadMachine(line.text("config"));
    if (!config)
      return config.takeError();
    auto import = importOptions(line);
    if (!import)
      return import.takeError();
    auto bytes = readFile(line.file());
    if (!bytes)
      return bytes.takeError();
    codegen::CompileOptions placement;
    if (auto error = readPlacement(line, placement))
      return std::move(error);
    key = cacheKey(*bytes, line.file(), *config, *import, placement);
    if (auto kept = keptPackage(folder, key, note))
      return std::move(*kept);
  }
  const auto start = std::chrono::steady_clock::now();
  auto prepared = prepare(line);
  if (!prepared)
    return prepared.takeError();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  note = llvm::formatv("compiled for {0} in {1:F1} s", line.text("config"), seconds.count()).str();
  if (!folder.empty())
    keepPackage(prepared->compiled.package, folder, key, note);
  return std::move(prepared->compiled.package);
}

} // namespace tw::tools
