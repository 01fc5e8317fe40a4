// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/ConfigReader.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/YAMLParser.h"
#include <map>

using namespace llvm;

namespace tw::isa {
namespace {

struct BuiltinConfig {
  const char *name, *text;
};
constexpr BuiltinConfig kBuiltins[] = {
#include "tw/isa/BuiltinConfigs.inc"
};

// Walks the one mapping of a configuration file; remembers the first error with its place.
class ConfigParser {
public:
  ConfigParser(StringRef text, StringRef fileName)
      : fileName(fileName), stream(MemoryBufferRef(text, fileName), sources) {
    sources.setDiagHandler(
        [](const SMDiagnostic &diagnostic, void *self) {
          static_cast<ConfigParser *>(self)->fail(diagnostic.getLineNo(), diagnostic.getColumnNo() + 1,
                                                  diagnostic.getMessage());
        },
        this);
  }

  Result<HwConfig> parse() {
    auto document = stream.begin();
    yaml::Node *root = document == stream.end() ? nullptr : document->getRoot();
    auto *mapping = dyn_cast_or_null<yaml::MappingNode>(root);
    if (!mapping && !error)
      fail(1, 1, "a configuration is a mapping of keys to numbers");
    if (mapping)
      for (yaml::KeyValueNode &entry : *mapping)
        readEntry(entry);
    if (!error && !stream.failed())
      checkWhole();
    if (error)
      return *error;
    return config;
  }

private:
  void fail(int line, int column, const Twine &text) {
    if (!error)
      error = Diag{(fileName + ":" + Twine(line) + ":" + Twine(column)).str(), text.str()};
  }
  void fail(SMLoc place, const Twine &text) {
    auto [line, column] = sources.getLineAndColumn(place);
    fail(int(line), int(column), text);
  }
  SMLoc start(yaml::Node *node) { return node->getSourceRange().Start; }

  void readEntry(yaml::KeyValueNode &entry) {
    auto *key = dyn_cast_or_null<yaml::ScalarNode>(entry.getKey());
    if (!key || error)
      return;
    SmallString<32> storage;
    std::string name = key->getValue(storage).str();
    SMLoc place = start(key);
    auto *scalar = dyn_cast_or_null<yaml::ScalarNode>(entry.getValue());
    if (error)
      return;
    if (!scalar)
      return fail(place, "'" + name + "' needs one value");
    SmallString<32> valueStorage;
    std::string value = scalar->getValue(valueStorage).str();
    if (auto [it, isNew] = places.try_emplace(name, place); !isNew)
      return fail(place,
                  "'" + name + "' is given twice; first at line " + Twine(sources.getLineAndColumn(it->second).first));
    if (name == "name") {
      config.name = value;
      return;
    }
    auto row = llvm::find_if(kConfigKeys, [&](const ConfigKey &k) { return k.key == name; });
    if (row == kConfigKeys.end())
      return fail(place, "'" + name + "' is no key of a configuration; keys are " + allKeys());
    if (StringRef(value).getAsInteger(10, config.*row->member))
      return fail(start(scalar), "'" + value + "' is not a number of " + StringRef(row->unit) + " for '" + name + "'");
  }

  static std::string allKeys() {
    std::vector<std::string> keys{"name"};
    for (const ConfigKey &key : kConfigKeys)
      keys.emplace_back(key.key);
    return join(keys, ", ");
  }

  void checkWhole() {
    for (const ConfigKey &key : kConfigKeys)
      if (!places.count(std::string(key.key)))
        return fail(1, 1,
                    "key '" + StringRef(key.key) + "' is missing: " + StringRef(key.doc) + " (" + Twine(key.min) +
                        " to " + Twine(key.max) + ")");
    if (config.name.empty() || config.name.size() > 31)
      return fail(1, 1, "key 'name' must have 1 to 31 characters, here are " + Twine(config.name.size()));
    if (Status status = validate(config); !status) {
      // The place of a broken rule names its key: "tw16: acc_rows".
      StringRef key = StringRef(status.diag().place).rsplit(": ").second;
      fail(places[key.str()], key + ": " + status.diag().text);
    }
  }

  std::string fileName;
  SourceMgr sources;
  yaml::Stream stream;
  HwConfig config;
  std::map<std::string, SMLoc> places;
  std::optional<Diag> error;
};

} // namespace

Result<HwConfig> parseConfig(StringRef text, StringRef fileName) { return ConfigParser(text, fileName).parse(); }

std::vector<StringRef> builtinConfigNames() {
  std::vector<StringRef> names;
  for (const BuiltinConfig &builtin : kBuiltins)
    names.push_back(builtin.name);
  return names;
}

Result<HwConfig> loadConfig(StringRef nameOrPath) {
  for (const BuiltinConfig &builtin : kBuiltins)
    if (nameOrPath == builtin.name)
      return parseConfig(builtin.text, (nameOrPath + ".yaml").str());
  ErrorOr<std::unique_ptr<MemoryBuffer>> file = MemoryBuffer::getFile(nameOrPath, /*IsText=*/true);
  if (!file)
    return Diag{nameOrPath.str(), "cannot read the configuration: " + file.getError().message() +
                                      "; give a file or one of " + join(builtinConfigNames(), ", ")};
  return parseConfig((*file)->getBuffer(), nameOrPath);
}

} // namespace tw::isa
