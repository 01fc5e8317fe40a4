// SPDX-License-Identifier: Apache-2.0
#include "tw/tools/Files.h"

#include "tw/isa/DiagError.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <unistd.h>

namespace tw::tools {
namespace {

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

const char *kindOf(const fs::file_status &status) {
  switch (status.type()) {
  case fs::file_type::directory_file:
    return "a folder";
  case fs::file_type::fifo_file:
    return "a pipe";
  case fs::file_type::socket_file:
    return "a socket";
  default:
    return "a device";
  }
}

/// An error if nothing may be written under this name.
llvm::Error checkTarget(const std::string &file) {
  fs::file_status status;
  if (file == "-")
    return errorAt(file, "is no file: name one, results are not written to standard output");
  if (llvm::StringRef(file).starts_with("/dev/") || llvm::StringRef(file).starts_with("/proc/"))
    return errorAt(file, "is a name of the system, not a file: name a file");
  if (fs::status(file, status))
    return llvm::Error::success(); // nothing there: creating it tells what is wrong
  if (status.type() != fs::file_type::regular_file)
    return errorAt(file, llvm::Twine("is ") + kindOf(status) + ", not a file: name a file");
  if ((status.permissions() & fs::all_write) == 0) // also for who may overrule it
    return errorAt(file, "is write-protected: name another file, or remove it");
  return llvm::Error::success();
}

/// One spelling of a name, for files that do not exist yet.
std::string spelled(const std::string &file) {
  llvm::SmallString<256> folder(file), real;
  const std::string name = path::filename(file).str();
  path::remove_filename(folder);
  if (folder.empty())
    folder = ".";
  if (fs::real_path(folder, real))
    real = folder;
  path::append(real, name);
  return std::string(real);
}

bool isSame(const std::string &a, const std::string &b) {
  bool result = false;
  return (!fs::equivalent(a, b, result) && result) || spelled(a) == spelled(b);
}

} // namespace

llvm::Expected<std::string> readFile(const std::string &file, uint64_t most) {
  fs::file_status status;
  if (auto error = fs::status(file, status))
    return errorAt(file, "cannot be read: " + error.message());
  if (status.type() != fs::file_type::regular_file)
    return errorAt(file, llvm::Twine("cannot be read: it is ") + kindOf(status) + ", not a file; give a file");
  if (status.getSize() > most)
    return errorAt(file, "is too large to be what it should be: " + llvm::Twine(status.getSize()) + " bytes, at most " +
                             llvm::Twine(most) + " are read");
  auto buffer = llvm::MemoryBuffer::getFile(file, false, false, /*IsVolatile=*/true); // read, not mapped
  if (!buffer)
    return errorAt(file, "cannot be read: " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

llvm::Expected<OutputFile> OutputFile::create(const std::string &file) {
  if (llvm::Error error = checkTarget(file))
    return std::move(error);
  llvm::SmallString<256> model(file);
  path::remove_filename(model);
  path::append(model, ".tilewright-%%%%%%%%%%%%%%%%.part");
  auto temporary = fs::TempFile::create(model); // O_EXCL: follows no link; removed when a signal ends the program
  if (!temporary)
    return errorOf(because({file, "cannot be written"}, temporary.takeError()));
  OutputFile result(file, std::move(*temporary));
  fs::file_status old;
  if (!fs::status(file, old)) // whoever could not read the old one shall not read the new one
    if (auto error = fs::setPermissions(result.file.FD, old.permissions()))
      return errorAt(file, "cannot be written: " + error.message());
  return std::move(result);
}

OutputFile::~OutputFile() { llvm::consumeError(file.discard()); }

llvm::Error OutputFile::write(std::string_view bytes) {
  llvm::raw_fd_ostream out(file.FD, /*shouldClose=*/false);
  out.write(bytes.data(), bytes.size());
  out.flush();
  if (!out.has_error())
    return llvm::Error::success();
  const std::string reason = out.error().message();
  out.clear_error();
  return errorAt(path, "cannot be written: " + reason);
}

llvm::Error OutputFile::keep() {
  if (fsync(file.FD) != 0)
    return errorAt(path, "cannot be written: " + llvm::sys::StrError());
  if (llvm::Error error = checkTarget(path)) // it may have become a folder meanwhile
    return error;
  if (llvm::Error error = file.keep(path))
    return errorOf(because({path, "cannot be written"}, std::move(error)));
  return llvm::Error::success();
}

llvm::Error writeFile(const std::string &file, std::string_view bytes) {
  auto output = OutputFile::create(file);
  if (!output)
    return output.takeError();
  if (llvm::Error error = output->write(bytes))
    return error;
  return output->keep();
}

llvm::Error checkOutputs(llvm::ArrayRef<std::string> outputs, llvm::ArrayRef<std::string> inputs) {
  for (size_t i = 0; i != outputs.size(); ++i) {
    if (outputs[i].empty())
      continue;
    if (llvm::Error error = checkTarget(outputs[i]))
      return error;
    for (const std::string &input : inputs)
      if (!input.empty() && isSame(outputs[i], input))
        return errorAt(outputs[i], "is the input " + input + ": name another file for the result");
    for (size_t k = 0; k != i; ++k)
      if (!outputs[k].empty() && isSame(outputs[i], outputs[k]))
        return errorAt(outputs[i], "is wanted for two results, also as " + outputs[k] + ": name two files");
  }
  return llvm::Error::success();
}

} // namespace tw::tools
