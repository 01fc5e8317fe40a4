// SPDX-License-Identifier: Apache-2.0
// asm, dis, info, config: programs, packages and machines as text.
#include "Common.h"
#include "Options.h"

#include "tw/isa/Assembler.h"
#include "tw/isa/ConfigReader.h"
#include "tw/isa/Disassembler.h"

#include "llvm/Support/FormatVariadic.h"

#include <iostream>

namespace tw::tools {

int asmVerb(const Arguments &arguments) {
  CommandLine line("asm", "Assembles text to instruction lines.", "program.s",
                   "  tilewright asm program.s -o program.bin\n");
  line.add()("output,o", po::value<std::string>(), "file that gets the lines, 64 bytes each; default: only check");
  if (auto code = line.parse(arguments))
    return *code;
  if (llvm::Error error = checkOutputs({line.text("output")}, {line.file()}))
    return fail(std::move(error));
  auto text = readFile(line.file());
  if (!text)
    return fail(text.takeError());
  auto assembly = isa::assemble(*text, line.file());
  if (!assembly)
    return fail(errorOf(assembly.diag()));
  std::string bytes;
  for (const isa::Line &l : assembly->program.lines) {
    auto view = l.bytes();
    bytes.append(reinterpret_cast<const char *>(view.data()), view.size());
  }
  if (line.has("output"))
    if (auto error = writeFile(line.text("output"), bytes))
      return fail(std::move(error));
  std::cout << assembly->program.lines.size() << " lines\n";
  return 0;
}

int disVerb(const Arguments &arguments) {
  CommandLine line("dis", "Prints the instructions of a package, or of a file of lines.", "model.npk|program.bin",
                   "  tilewright dis model.npk | less\n  tilewright dis program.bin\n");
  if (auto code = line.parse(arguments))
    return *code;
  isa::Program program;
  if (llvm::StringRef(line.file()).ends_with(".npk")) {
    auto package = isa::readPackage(line.file());
    if (!package)
      return fail(errorOf(package.diag()));
    program = std::move(package->program);
  } else {
    auto bytes = readFile(line.file());
    if (!bytes)
      return fail(bytes.takeError());
    if (bytes->empty() || bytes->size() % isa::kLineBytes != 0)
      return fail(errorAt(line.file(), llvm::formatv("{0} bytes are no whole number of {1}-byte lines", bytes->size(),
                                                     isa::kLineBytes)));
    for (size_t at = 0; at != bytes->size(); at += isa::kLineBytes)
      program.lines.push_back(isa::Line::fromBytes(reinterpret_cast<const uint8_t *>(bytes->data()) + at));
  }
  std::cout << isa::formatProgram(program);
  return 0;
}

namespace {

std::string textOf(const isa::PackageStep &step) {
  static constexpr const char *kOps[] = {"?", "run", "sync", "copy", "jump", "bind", "size", "instead"};
  static constexpr const char *kImages[] = {"?", "npu", "host", "gpu", "other"};
  std::string text = step.op == TW_PKG_STEP_RUN ? kImages[step.runs] : kOps[step.op];
  if (step.runsLines())
    text += " lines " + std::to_string(step.firstLine) + " to " + std::to_string(step.firstLine + step.lineCount - 1);
  if (!step.name.empty())
    text += " " + step.name;
  if (step.toSpace != 0 || step.fromSpace != 0)
    text += llvm::formatv(" of {0} bytes from memory {1} to {2}", withCommas(step.bytes), step.fromSpace, step.toSpace)
                .str();
  for (const isa::PackageLaunch &launch : step.launches)
    text += (&launch == step.launches.data() ? ": " : ", ") + launch.kernel + " of " + withCommas(launch.blocks) +
            " x " + withCommas(launch.threads) + " threads";
  for (const isa::PackagePhase &phase : step.phases)
    text += (&phase == step.phases.data() ? ": " : ", ") + phase.function +
            (phase.extent == 1 ? "" : " of " + withCommas(phase.extent));
  return text;
}

} // namespace

int infoVerb(const Arguments &arguments) {
  CommandLine line("info", "Says what is in a package, without running anything of it.", "model.npk",
                   "  tilewright info model.npk\n");
  if (auto code = line.parse(arguments))
    return *code;
  auto package = isa::readPackage(line.file());
  if (!package)
    return fail(errorOf(package.diag()));
  const isa::Package &p = *package;
  if (!p.program.lines.empty())
    std::cout << "machine    " << p.config.name << ", configuration " << hex(isa::configHash(p.config)) << ", ISA "
              << isa::kIsaName << " " << hex(p.isaHash) << "\n";
  for (const auto &[name, value] : p.fixed)
    std::cout << "fixed      " << name << " = " << value << "\n";
  auto print = [](const char *what, const Tensors &tensors) {
    for (const ir::NamedTensor &t : tensors)
      std::cout << what << t.name << " " << ir::elementTypeName(t.tensor.type) << " " << ir::shapeText(t.tensor.shape)
                << "\n";
  };
  for (size_t e = 0; e != p.entries.size(); ++e) {
    if (p.entries.size() != 1)
      std::cout << "entry      " << p.entries[e].name << ", steps " << p.entries[e].firstStep << " to "
                << int64_t(p.entries[e].firstStep) + p.entries[e].stepCount - 1 << "\n";
    print("input      ", inputsOf(p, e));
    print("output     ", outputsOf(p, e));
    for (uint32_t buffer : p.entries[e].inputs)
      if (const isa::PackageTensor &tensor = p.tensors[p.buffers[buffer].tensor]; tensor.shown != 0)
        std::cout << "mask       " << tensor.name << " of 0 and 1, 1 at place " << tensor.shown - 1
                  << " of each row, where a run is filled up\n";
  }
  std::cout << "program    " << p.program.lines.size() << " lines\nconstants  " << withCommas(p.constants.size())
            << " bytes\narena      " << withCommas(p.arenaBytes) << " bytes\nhost code  "
            << withCommas(p.hostCode.size()) << " bytes"
            << (p.hostCode.empty() ? std::string() : " for " + p.hostTarget) << "\n";
  for (const isa::PackageImage &image : p.others)
    std::cout << "image      " << withCommas(image.bytes.size()) << " bytes for " << image.target << "\n";
  if (p.gpuBytes != 0)
    std::cout << "GPU memory " << withCommas(p.gpuBytes) << " bytes\n";
  for (const isa::PackageBuffer &buffer : p.buffers)
    if (buffer.kind == TW_PKG_STATE)
      std::cout << "state      " << buffer.name << " " << withCommas(buffer.size) << " bytes\n";
  for (const isa::PackageDim &dim : p.dims)
    std::cout << "dimension  " << dim.name << " " << dim.least << " to " << dim.most
              << (dim.follows == 0 ? "" : ", with " + p.dims[dim.follows - 1].name) << "\n";
  for (const isa::PackageStep &step : p.steps)
    std::cout << "step       " << textOf(step) << "\n";
  for (const tw_pkg_counts &counts : p.counts) {
    std::cout << "predicted  " << withCommas(counts.macs) << " array MAC, " << withCommas(counts.bytes_read)
              << " bytes read, " << withCommas(counts.bytes_written) << " written";
    if (counts.cycles != 0)
      std::cout << ", " << withCommas(counts.cycles) << " cycles at ideal memory";
    std::cout << "\n";
  }
  return 0;
}

int configVerb(const Arguments &arguments) {
  CommandLine line("config", "Prints a machine's values, or the names of the known machines.", "name|file.yaml?",
                   "  tilewright config\n  tilewright config tw16\n  tilewright config mine.yaml\n");
  if (auto code = line.parse(arguments))
    return *code;
  if (!line.has("file")) {
    for (llvm::StringRef name : isa::builtinConfigNames())
      std::cout << name.str() << "\n";
    return 0;
  }
  auto config = loadMachine(line.file());
  if (!config)
    return fail(config.takeError());
  std::cout << "name: " << config->name << "\n";
  for (const isa::ConfigKey &key : isa::kConfigKeys)
    std::cout << key.key << ": " << (*config).*key.member << "  # " << key.unit << ": " << key.doc << "\n";
  std::cout << "# configuration hash " << hex(isa::configHash(*config)) << "\n";
  return 0;
}

} // namespace tw::tools
