// SPDX-License-Identifier: Apache-2.0
#include "Layers.h"
#include "Prepare.h"
#include "Session.h"
#include "generate/Sampler.h"
#include "generate/SequenceBuckets.h"
#include "generate/StepModel.h"
#include "generate/Tokenizer.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <boost/json.hpp>

#include <iostream>

namespace tw::tools {
namespace {

/// "1,2,3".
llvm::Expected<std::vector<int64_t>> parseIds(const std::string &text) {
  std::vector<int64_t> ids;
  for (llvm::StringRef part : llvm::split(text, ',')) {
    int64_t id = 0;
    if (part.trim().getAsInteger(10, id) || id < 0)
      return errorAt("--prompt-ids " + text,
                     "'" + part.str() + "' is no id: expected numbers from 0 on, with commas between them");
    ids.push_back(id);
  }
  return ids;
}

std::string idsText(llvm::ArrayRef<int64_t> ids) {
  std::string text;
  for (int64_t id : ids)
    text += (text.empty() ? "" : ",") + std::to_string(id);
  return text;
}

/// What the options say, before any model is looked at.
struct Request {
  std::vector<int64_t> prompt;
  std::optional<Tokenizer> tokenizer;
  size_t steps = 0, topK = 1;
};

llvm::Expected<Request> readRequest(const CommandLine &line) {
  Request request;
  const std::string device = line.text("device");
  if (!llvm::is_contained({"reference", "functional", "cycle", "rtl"}, device))
    return errorAt("--device " + device, "there are reference, functional, cycle and rtl");
  const auto steps = line.get<int64_t>("steps"), topK = line.get<int64_t>("top-k");
  if (steps < 1)
    return errorAt("--steps " + std::to_string(steps), "expected 1 or more");
  if (topK < 1)
    return errorAt("--top-k " + std::to_string(topK), "expected 1 or more");
  if (topK == 1 && !line.isDefault("seed"))
    return errorAt("--seed " + std::to_string(line.get<uint64_t>("seed")),
                   "the most likely id is taken and nothing drawn: add --top-k with 2 or more");
  request.steps = size_t(steps);
  request.topK = size_t(topK);
  if (line.has("prompt") == line.has("prompt-ids"))
    return errorAt("", "give one of --prompt-ids and --prompt");
  if (line.has("prompt") && !line.has("tokenizer"))
    return errorAt("--prompt",
                   "a text needs the tokenizer of the model: add --tokenizer FILE.json, or give --prompt-ids");
  if (line.has("tokenizer")) {
    auto bytes = readFile(line.text("tokenizer"));
    if (!bytes)
      return bytes.takeError();
    auto tokenizer = Tokenizer::parse(*bytes, line.text("tokenizer"));
    if (!tokenizer)
      return tokenizer.takeError();
    request.tokenizer = std::move(*tokenizer);
  }
  auto ids = line.has("prompt") ? request.tokenizer->encode(line.text("prompt")) : parseIds(line.text("prompt-ids"));
  if (!ids)
    return ids.takeError();
  if (ids->empty())
    return errorAt("--prompt", "the text has no tokens: give a longer one");
  request.prompt = std::move(*ids);
  return request;
}

/// A model on its device; what stays alive while it runs.
struct Opened {
  std::optional<Model> graph; // of the reference
  isa::Package package;       // of a device
  std::unique_ptr<Session> session;
  std::vector<StepModel::Entry> entries;
  uint64_t runs = 0, cycles = 0; // so far
};

llvm::Error openReference(const CommandLine &line, Opened &opened) {
  if (!llvm::StringRef(line.file()).ends_with(".onnx"))
    return errorAt(line.file(), "the reference is computed from the model: give the .onnx file");
  auto import = importOptions(line);
  if (!import)
    return import.takeError();
  auto model = importModel(line.file(), *import);
  if (!model)
    return model.takeError();
  opened.graph = std::move(*model);
  if (llvm::Error error = fuseGraph(*opened.graph->module, true))
    return error;
  opened.entries.push_back({inputsOf(*opened.graph->module), outputsOf(*opened.graph->module),
                            [interpreter = std::make_shared<ir::Interpreter>(*opened.graph->module)](
                                const Tensors &inputs) { return interpreter->runMain(inputs); }});
  return llvm::Error::success();
}

/// The fewest new ids that the entry takes; 0: no fewer than it has room for.
int64_t leastOf(const isa::Package &package, size_t entry) {
  for (uint32_t buffer : package.entries[entry].inputs) {
    const isa::PackageTensor &tensor = package.tensors[package.buffers[buffer].tensor];
    if (tensor.name == "position_ids" && tensor.dims.size() == 2 && tensor.dims[1] != 0)
      return package.dims[tensor.dims[1] - 1].least;
  }
  return 0;
}

llvm::Error openDevice(const CommandLine &line, Opened &opened) {
  if (llvm::StringRef(line.file()).ends_with(".onnx")) {
    std::string note;
    auto prepared = preparePackage(line, line.has("no-cache") ? "" : packageCacheFolder(), note);
    if (!prepared)
      return prepared.takeError();
    std::cerr << line.file() << ": " << note << "\n";
    opened.package = std::move(*prepared);
  } else {
    auto package = openPackage(line);
    if (!package)
      return package.takeError();
    opened.package = std::move(*package);
  }
  auto bytes = packageBytes(opened.package);
  if (!bytes)
    return bytes.takeError();
  auto session = Session::open(*bytes, opened.package,
                               {.device = line.text("device"),
                                .memory = line.text("memory"),
                                .threads = line.get<uint32_t>("threads"),
                                .gpuLibrary = line.text("gpu-library")});
  if (!session)
    return session.takeError();
  opened.session = std::move(*session);
  for (size_t e = 0; e != opened.package.entries.size(); ++e)
    opened.entries.push_back({inputsOf(opened.package, e), outputsOf(opened.package, e),
                              [&opened, e](const Tensors &inputs) -> llvm::Expected<Tensors> {
                                auto result = opened.session->run(inputs, e);
                                if (!result)
                                  return result.takeError();
                                ++opened.runs;
                                opened.cycles += result->cycles;
                                return std::move(result->outputs);
                              },
                              leastOf(opened.package, e)});
  return llvm::Error::success();
}

template <typename Model> llvm::Expected<std::unique_ptr<NextLogits>> moved(llvm::Expected<Model> model) {
  if (!model)
    return model.takeError();
  return std::make_unique<Model>(std::move(*model));
}

/// A package with state reads ids as they come, all others whole sequences.
llvm::Expected<std::unique_ptr<NextLogits>> makeModel(const CommandLine &line, Opened &opened) {
  if (opened.package.stateBytes != 0) {
    auto reset = [&opened] { opened.session->resetState(); };
    return moved(StepModel::make(opened.entries, reset, line.file()));
  }
  std::vector<SequenceModel> models;
  for (const StepModel::Entry &entry : opened.entries) {
    auto model = SequenceModel::make(entry.inputs, entry.outputs, entry.run, line.file());
    if (!model)
      return model.takeError();
    models.push_back(std::move(*model));
  }
  return moved(SequenceBuckets::make(std::move(models), line.file()));
}

/// Everything that can be wrong with a request is said before anything runs.
llvm::Error checkRequest(const CommandLine &line, const Request &request, const NextLogits &model) {
  for (size_t i = 0; i != request.prompt.size(); ++i)
    if (request.prompt[i] >= model.vocabulary())
      return errorAt(
          "", llvm::formatv(
                  "id {0} at position {1} of the prompt is outside the vocabulary of {2}: {3} has ids from 0 to {4}",
                  request.prompt[i], i, model.vocabulary(), line.file(), model.vocabulary() - 1));
  if (int64_t(request.topK) > model.vocabulary())
    return errorAt("--top-k " + llvm::Twine(request.topK),
                   llvm::formatv("{0} has {1} ids: give {1} or less", line.file(), model.vocabulary()));
  // The last id is generated and not read again.
  const size_t needed = request.prompt.size() + request.steps - 1;
  if (needed > size_t(model.positions()))
    return errorAt(
        "--steps " + llvm::Twine(request.steps),
        llvm::formatv(
            "with the {0} ids of the prompt they need {1} positions, {2} has {3}: give a shorter prompt or fewer steps",
            request.prompt.size(), needed, line.file(), model.positions()));
  return llvm::Error::success();
}

} // namespace

int generateVerb(const Arguments &arguments) {
  CommandLine line("generate", "Continues a list of ids, or a text, by a model that gives logits for the next id.",
                   "model.npk|model.onnx",
                   "  tilewright generate model.onnx --prompt-ids 1,2,3 --steps 20\n"
                   "  tilewright generate model.onnx --tokenizer tokenizer.json --prompt \"Once upon\" --steps 20\n"
                   "  tilewright generate model.onnx --prompt-ids 1 --steps 8 --top-k 40 --seed 7 --device cycle\n");
  addModelOptions(line);
  addPackageOptions(line);
  addHostOptions(line);
  line.add()("device,d", po::value<std::string>()->default_value("functional"), "reference, functional, cycle or rtl")(
      "prompt-ids", po::value<std::string>(), "ids that begin: 1,2,3")("prompt", po::value<std::string>(),
                                                                       "text that begins, read by --tokenizer")(
      "tokenizer", po::value<std::string>(),
      "FILE.json of the model, byte-level BPE: what is generated is printed as text, too")(
      "steps", po::value<int64_t>()->default_value(1), "how many ids are generated")(
      "top-k", po::value<int64_t>()->default_value(1),
      "each id is drawn from so many, the most likely ones; 1: the most likely one, the lowest of equals")(
      "seed", po::value<uint64_t>()->default_value(1),
      "of --top-k")("memory", po::value<std::string>()->default_value(""), "as for run")(
      "no-cache", "compile a model even if its package was kept from an earlier run")("json",
                                                                                      "print the result as JSON");
  if (auto code = line.parse(arguments))
    return *code;
  auto request = readRequest(line);
  if (!request)
    return fail(request.takeError());
  Opened opened;
  if (llvm::Error error = line.text("device") == "reference" ? openReference(line, opened) : openDevice(line, opened))
    return fail(std::move(error));
  auto model = makeModel(line, opened);
  if (!model)
    return fail(model.takeError());
  if (llvm::Error error = checkRequest(line, *request, **model))
    return fail(std::move(error));

  Sampler sampler(request->topK, line.get<uint64_t>("seed"));
  std::vector<int64_t> ids = request->prompt;
  for (size_t step = 0; step != request->steps; ++step) {
    auto logits = (*model)->logits(ids);
    if (!logits)
      return fail(logits.takeError());
    ids.push_back(sampler.choose(*logits));
  }
  const auto generated = llvm::ArrayRef(ids).drop_front(request->prompt.size());
  std::string text;
  if (request->tokenizer)
    text = request->tokenizer->decode(generated);
  if (line.has("json")) {
    boost::json::object root{{"device", line.text("device")},
                             {"prompt", boost::json::array(request->prompt.begin(), request->prompt.end())},
                             {"ids", boost::json::array(generated.begin(), generated.end())},
                             {"runs", opened.runs},
                             {"cycles", opened.cycles}};
    if (request->tokenizer)
      root["text"] = text;
    std::cout << boost::json::serialize(root) << "\n";
    return 0;
  }
  std::cout << "prompt  " << idsText(request->prompt) << "\nids     " << idsText(generated) << "\n";
  if (request->tokenizer)
    std::cout << "text    " << text << "\n";
  std::cout << line.text("device") << ": " << withCommas(generated.size()) << " ids";
  if (opened.cycles != 0)
    std::cout << ", " << withCommas(opened.cycles / opened.runs) << " cycles a run";
  std::cout << "\n";
  return 0;
}

} // namespace tw::tools
