// SPDX-License-Identifier: Apache-2.0
#include "ExternalData.h"

#include "tw/isa/DiagError.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <optional>

namespace tw::ir::onnx {
namespace {

namespace path = llvm::sys::path;

// A place that a model may name: below its folder, whatever the system makes of the words.
bool isBelow(llvm::StringRef location) {
  return !location.empty() && !path::is_absolute(location, path::Style::posix) && !location.contains('\0') &&
         !location.contains('\\') &&
         std::none_of(path::begin(location), path::end(location), [](llvm::StringRef part) { return part == ".."; });
}

llvm::Error cannot(const std::string &location, const llvm::Twine &why) {
  return errorAt("", "its data lies in '" + location + "', " + why);
}

struct Place {
  std::string location;
  std::optional<int64_t> offset, length;
};

llvm::Expected<Place> placeOf(const ::onnx::TensorProto &proto) {
  Place place;
  for (const auto &entry : proto.external_data()) {
    if (entry.key() == "location")
      place.location = entry.value();
    if (entry.key() != "offset" && entry.key() != "length")
      continue;
    int64_t number;
    if (llvm::StringRef(entry.value()).getAsInteger(10, number) || number < 0)
      return errorAt("", "its data in an external file has " + entry.key() + " '" + entry.value() +
                             "', which is no number of bytes");
    (entry.key() == "offset" ? place.offset : place.length) = number;
  }
  if (place.location.empty())
    return errorAt("", "its data lies in an external file, and no 'location' names it");
  return place;
}

} // namespace

llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>> ExternalData::open(const std::string &location) {
  auto [entry, isNew] = files.try_emplace(location);
  if (!isNew && entry->second)
    return entry->second;
  if (folder.empty())
    return cannot(location, "and the model was not read from a folder that could hold it");
  if (!isBelow(location))
    return cannot(location, "which is not a place inside the model's folder; put the file beside the model");
  llvm::SmallString<256> named(folder), real, realFolder;
  path::append(named, location);
  if (auto error = llvm::sys::fs::real_path(folder, realFolder))
    return cannot(location, "and the model's folder '" + folder + "' cannot be read: " + error.message());
  if (auto error = llvm::sys::fs::real_path(named, real))
    return cannot(location, "which cannot be read: " + error.message());
  if (real != realFolder && !path::is_separator(realFolder.back()))
    realFolder.push_back('/');
  if (!real.starts_with(realFolder))
    return cannot(location, "which is a link out of the model's folder; put the file itself beside the model");
  if (!llvm::sys::fs::is_regular_file(real))
    return cannot(location, "which is not a file");
  auto buffer = llvm::MemoryBuffer::getFile(real, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return cannot(location, "which cannot be read: " + buffer.getError().message());
  entry->second = std::move(*buffer);
  return entry->second;
}

llvm::Expected<FileBytes> ExternalData::find(const ::onnx::TensorProto &proto, int64_t sizeBytes) {
  auto place = placeOf(proto);
  if (!place)
    return place.takeError();
  auto file = open(place->location);
  if (!file)
    return file.takeError();
  const int64_t offset = place->offset.value_or(0), size = static_cast<int64_t>((*file)->getBufferSize());
  if (place->length && *place->length != sizeBytes)
    return cannot(place->location, "with a length of " + llvm::Twine(*place->length) + " bytes, its shape needs " +
                                       llvm::Twine(sizeBytes));
  if (offset > size || sizeBytes > size - offset)
    return cannot(place->location, "from byte " + llvm::Twine(offset) + " on " + llvm::Twine(sizeBytes) +
                                       " bytes, the file has " + llvm::Twine(size) +
                                       ": it is not whole, or not of this model");
  return FileBytes{llvm::ArrayRef((*file)->getBufferStart() + offset, static_cast<size_t>(sizeBytes)), *file};
}

} // namespace tw::ir::onnx
