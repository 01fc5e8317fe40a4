// SPDX-License-Identifier: Apache-2.0
// NumPy format 1.0 to 3.0 (numpy.lib.format); archives are zip files with one .npy per entry.
#include "tw/tools/Npy.h"

#include "tw/isa/DiagError.h"
#include "tw/tools/Files.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

#include <zip.h>

#include <memory>

namespace tw::tools {
namespace {

using llvm::StringRef;

constexpr StringRef kMagic("\x93NUMPY", 6);

llvm::Error wrong(std::string_view name, const llvm::Twine &text) { return errorAt(name, text); }

// The text after 'key': in the header's dictionary literal; empty when absent.
StringRef entryOf(StringRef header, StringRef key) {
  size_t at = header.find(("'" + key + "'").str());
  if (at == StringRef::npos)
    return {};
  StringRef rest = header.drop_front(at + key.size() + 2).ltrim();
  return rest.consume_front(":") ? rest.ltrim() : StringRef();
}

llvm::Expected<std::vector<int64_t>> parseShape(StringRef text, std::string_view name) {
  std::vector<int64_t> shape;
  size_t close = text.find(')');
  if (!text.consume_front("(") || close == StringRef::npos)
    return wrong(name, "the header has no shape");
  llvm::SmallVector<StringRef> parts;
  text.take_front(close - 1).split(parts, ',', -1, false);
  for (StringRef part : parts) {
    int64_t value;
    if (part.trim().empty())
      continue;
    if (part.trim().getAsInteger(10, value) || value < 0)
      return wrong(name, "'" + part + "' is not a dimension");
    shape.push_back(value);
  }
  return shape;
}

struct ZipCloser {
  void operator()(zip_t *archive) const { zip_discard(archive); }
};
using Zip = std::unique_ptr<zip_t, ZipCloser>;

llvm::Expected<Zip> openZip(const std::filesystem::path &path) {
  int code = 0;
  if (zip_t *archive = zip_open(path.c_str(), ZIP_RDONLY, &code))
    return Zip(archive);
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return wrong(path.string(), "is not a readable zip archive: " + text);
}

/// At most `most` bytes.
llvm::Expected<std::string> readEntry(zip_t *archive, zip_uint64_t index, std::string_view name, uint64_t most) {
  zip_stat_t info;
  std::unique_ptr<zip_file_t, int (*)(zip_file_t *)> file(zip_fopen_index(archive, index, 0), zip_fclose);
  if (!file || zip_stat_index(archive, index, 0, &info) != 0)
    return wrong(name, "cannot be opened: " + llvm::Twine(zip_strerror(archive)));
  if ((info.valid & ZIP_STAT_SIZE) && info.size > most)
    return wrong(name,
                 "declares " + llvm::Twine(info.size) + " bytes, at most " + llvm::Twine(most) + " are read here");
  // The size in the directory is a claim: grow with what is really there.
  std::string bytes;
  char buffer[65536];
  for (zip_int64_t got; (got = zip_fread(file.get(), buffer, sizeof buffer)) != 0;) {
    if (got < 0)
      return wrong(name, "is corrupt: " + llvm::Twine(zip_file_strerror(file.get())));
    if (bytes.size() + static_cast<size_t>(got) > info.size)
      return wrong(name, "is corrupt: it holds more than the " + llvm::Twine(info.size) + " bytes that it declares");
    bytes.append(buffer, static_cast<size_t>(got));
  }
  return bytes;
}

} // namespace

llvm::Expected<NpyArray> parseNpy(std::string_view bytes, std::string_view name) {
  StringRef text(bytes.data(), bytes.size());
  if (!text.consume_front(kMagic) || text.size() < 6)
    return wrong(name, "is not a .npy file");
  bool wide = text[0] >= 2;
  size_t lengthBytes = wide ? 4 : 2, length = 0;
  for (size_t i = 0; i < lengthBytes; ++i)
    length |= static_cast<size_t>(static_cast<unsigned char>(text[2 + i])) << (8 * i);
  text = text.drop_front(2 + lengthBytes);
  if (text.size() < length)
    return wrong(name, "is truncated: the header needs " + llvm::Twine(length) + " bytes, " + llvm::Twine(text.size()) +
                           " are there");
  StringRef header = text.take_front(length), data = text.drop_front(length);
  auto shape = parseShape(entryOf(header, "shape"), name);
  if (!shape)
    return shape.takeError();
  if (!entryOf(header, "fortran_order").starts_with("False"))
    return wrong(name, "is in Fortran order; save it with numpy.ascontiguousarray");
  StringRef type = entryOf(header, "descr").split('\'').second.split('\'').first;
  StringRef order = type.take_front();
  unsigned width = 0;
  if ((order != "<" && order != "|") || type.size() < 3 || !StringRef("fiub").contains(type[1]) ||
      type.drop_front(2).getAsInteger(10, width) || width == 0 || width > 16)
    return wrong(name, "element type '" + type + "' is not supported");
  size_t count = width;
  for (int64_t d : *shape) {
    if (d != 0 && count > data.size() / static_cast<size_t>(d))
      return wrong(name,
                   "is truncated: its shape needs more than the " + llvm::Twine(data.size()) + " bytes there are");
    count *= static_cast<size_t>(d);
  }
  if (count != data.size())
    return wrong(name, "has " + llvm::Twine(data.size()) + " bytes of data, its shape needs " + llvm::Twine(count));
  return NpyArray{type.drop_front().str(), *std::move(shape), {data.begin(), data.end()}};
}

llvm::Expected<NpyArray> readNpy(const std::filesystem::path &path) {
  auto bytes = readFile(path.string(), kMostArrayBytes);
  if (!bytes)
    return bytes.takeError();
  return parseNpy(*bytes, path.string());
}

llvm::Expected<std::map<std::string, NpyArray>> readNpz(const std::filesystem::path &path) {
  if (llvm::sys::fs::exists(path.string()) && !llvm::sys::fs::is_regular_file(path.string()))
    return wrong(path.string(), "cannot be read: it is not a file; give a file");
  auto archive = openZip(path);
  if (!archive)
    return archive.takeError();
  uint64_t left = kMostArrayBytes;
  std::map<std::string, NpyArray> arrays;
  for (zip_int64_t i = 0, count = zip_get_num_entries(archive->get(), 0); i < count; ++i) {
    StringRef entry = zip_get_name(archive->get(), i, 0);
    std::string name = path.string() + ":" + entry.str();
    auto bytes = readEntry(archive->get(), i, name, left);
    if (!bytes)
      return bytes.takeError();
    left -= bytes->size();
    auto array = parseNpy(*bytes, name);
    if (!array)
      return array.takeError();
    entry.consume_back(".npy");
    arrays[entry.str()] = *std::move(array);
  }
  return arrays;
}

std::string formatNpy(const NpyArray &array) {
  std::string shape;
  for (int64_t d : array.shape)
    shape += std::to_string(d) + ",";
  std::string order = array.type.size() == 2 && array.type[1] == '1' ? "|" : "<";
  std::string header = "{'descr': '" + order + array.type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  // The data starts at a multiple of 64 bytes.
  header.append(63 - (kMagic.size() + 4 + header.size()) % 64, ' ');
  header += '\n';
  std::string bytes = kMagic.str();
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  return bytes + header + std::string(array.bytes.begin(), array.bytes.end());
}

llvm::Error writeNpy(const std::filesystem::path &path, const NpyArray &array) {
  return writeFile(path.string(), formatNpy(array));
}

llvm::Error writeNpz(const std::filesystem::path &path, const std::map<std::string, NpyArray> &arrays) {
  // libzip would write under a name of its own; it gets memory instead.
  zip_source_t *memory = zip_source_buffer_create(nullptr, 0, 0, nullptr);
  Zip archive(memory ? zip_open_from_source(memory, ZIP_CREATE | ZIP_TRUNCATE, nullptr) : nullptr);
  if (!archive) {
    zip_source_free(memory);
    return wrong(path.string(), "no memory for the archive");
  }
  std::vector<std::string> contents; // libzip reads them when the archive is closed
  contents.reserve(arrays.size());
  for (const auto &[key, array] : arrays) {
    const std::string &bytes = contents.emplace_back(formatNpy(array));
    zip_source_t *source = zip_source_buffer(archive.get(), bytes.data(), bytes.size(), 0);
    zip_int64_t index = source ? zip_file_add(archive.get(), (key + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) {
      zip_source_free(source);
      return wrong(path.string(), "entry '" + key + "' cannot be added: " + llvm::Twine(zip_strerror(archive.get())));
    }
    zip_set_file_compression(archive.get(), index, ZIP_CM_STORE, 0);
    // A fixed time: same tensors, same bytes.
    zip_file_set_dostime(archive.get(), index, 0, 0x21, 0);
  }
  zip_source_keep(memory); // closing the archive gives up the other hold of it
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t *)> hold(memory, zip_source_free);
  if (zip_close(archive.get()) != 0)
    return wrong(path.string(), "cannot be written: " + llvm::Twine(zip_strerror(archive.get())));
  (void)archive.release();
  zip_stat_t info;
  if (zip_source_stat(memory, &info) != 0 || zip_source_open(memory) != 0)
    return wrong(path.string(), "cannot be written: " + llvm::Twine(zip_error_strerror(zip_source_error(memory))));
  std::string bytes(info.size, '\0');
  const zip_int64_t got = zip_source_read(memory, bytes.data(), bytes.size());
  zip_source_close(memory);
  if (got < 0 || uint64_t(got) != bytes.size())
    return wrong(path.string(), "cannot be written: the archive is incomplete");
  return writeFile(path.string(), bytes);
}

} // namespace tw::tools
