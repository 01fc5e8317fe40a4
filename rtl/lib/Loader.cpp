// SPDX-License-Identifier: Apache-2.0
#include "Plugin.h"
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <string_view>

namespace tw::rtl {
namespace {

std::string describe(const char *text) { return text ? text : "unknown error"; }

bool hasTarget(std::string_view config) { // TW_RTL_TARGETS: the names of all files of isa/configs, commas around each
  return std::string_view(TW_RTL_TARGETS).find("," + std::string(config) + ",") != std::string_view::npos;
}

} // namespace

std::string modelDirectory() {
  if (const char *chosen = std::getenv("TW_RTL_DIR"))
    return chosen;
  std::error_code error;
  std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::filesystem::path beside = program.parent_path().parent_path() / "lib";
  if (!error && std::filesystem::exists(beside / "tw_rtl_tw16.so", error))
    return beside.string();
  return TW_RTL_BUILD_DIR "/lib";
}

Result<std::unique_ptr<Model>> loadModel(const std::string &config, const ModelOptions &options,
                                         const isa::MemoryTimingConfig &timing, uint64_t memoryBytes) {
  const std::string name = "tw_rtl_" + config + (options.variant.empty() ? "" : "_" + options.variant);
  std::string path = modelDirectory() + "/" + name + ".so";
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return Diag{path, "the design is not built for " + config + ": " +
                          (hasTarget(config) ? "" : "copy its YAML file to isa/configs/" + config + ".yaml, then ") +
                          "run 'cmake --build " TW_RTL_BUILD_DIR " --target " + name + "'"};
  // Local: every plug-in holds its own copy of the Verilator runtime and of classes with the same names.
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return Diag{path, "cannot be loaded (" + describe(dlerror()) + "): build it again"};
  auto *create = reinterpret_cast<CreateModel *>(dlsym(library, kCreateModel));
  if (!create)
    return Diag{path, "is not a model of the design (" + describe(dlerror()) + "): build it again"};
  return std::unique_ptr<Model>(create(options, timing, memoryBytes));
}

} // namespace tw::rtl
