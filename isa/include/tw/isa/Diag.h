// SPDX-License-Identifier: Apache-2.0
// For: telling the caller what was wrong with what it gave us, the same in every layer.
// Called by: everything; where LLVM is linked it travels in llvm::Error (DiagError.h).
// Does not: throw, log, or name device faults (those are rows of the table, see Faults.td).
#ifndef TW_ISA_DIAG_H
#define TW_ISA_DIAG_H

#include <cassert>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace tw {

/// One thing that is wrong. `place` is where the reader finds it (file:line, byte offset, node, option, field; empty if
/// there is only one possibility); `text` is lower case without a full stop, holds both values that are in conflict and
/// says what to do, for example {"conv1.npk: byte 16", "package is for tw8, this device is tw16: compile for tw16"}.
/// `reasons` are why that is so, each by itself, where the text alone does not say it: {"a.npk", "cannot be written",
/// {{"", "the disk is full"}}}.
struct Diag {
  std::string place;
  std::string text;
  std::vector<Diag> reasons{};

  /// One line: "place: text: reason; reason", without what is empty.
  std::string str() const {
    std::string line = place;
    auto add = [&](const std::string &part, const char *between) {
      if (!line.empty() && !part.empty())
        line += between;
      line += part;
    };
    add(text, ": ");
    for (const Diag &reason : reasons)
      add(reason.str(), &reason == &reasons.front() ? ": " : "; ");
    return line;
  }

  /// The same, where `outer` is what its place lies in.
  Diag inside(const std::string &outer) const { return {place.empty() ? outer : outer + ": " + place, text, reasons}; }

  friend bool operator==(const Diag &, const Diag &) = default;
};

/// Success, or the Diag that says why not. Converts to true on success, unlike std::optional<Diag>.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Diag diag) : diag_(std::move(diag)) {}

  explicit operator bool() const { return !diag_; }

  /// Only after a failure.
  const Diag &diag() const {
    assert(diag_ && "only a failed status has a diagnosis");
    return *diag_;
  }

private:
  std::optional<Diag> diag_;
};

/// A value, or the Diag that says why there is none; owns either. Converts to true if there is a value.
///     Result<Program> program = readProgram(path);
///     if (!program)
///       return program.diag();       // becomes a Status or any other Result
///     use(*program);
template <typename T> class [[nodiscard]] Result {
  static_assert(!std::is_reference_v<T> && !std::is_same_v<std::remove_cv_t<T>, Diag>,
                "a result holds a value of its own, and a Diag means failure");

public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Diag diag) : state_(std::in_place_index<1>, std::move(diag)) {}

  explicit operator bool() const { return state_.index() == 0; }

  T &operator*() & { return *get<0>(); }
  const T &operator*() const & { return *const_cast<Result *>(this)->template get<0>(); }
  T &&operator*() && { return std::move(*get<0>()); }
  T *operator->() { return get<0>(); }
  const T *operator->() const { return const_cast<Result *>(this)->template get<0>(); }

  /// Only after a failure.
  const Diag &diag() const { return *const_cast<Result *>(this)->template get<1>(); }

  /// The outcome without the value.
  Status status() const { return *this ? Status() : Status(diag()); }

private:
  template <std::size_t I> auto *get() {
    auto *alternative = std::get_if<I>(&state_);
    assert(alternative && "look whether there is a value before asking for it or for the diagnosis");
    return alternative;
  }

  std::variant<T, Diag> state_;
};

} // namespace tw

#endif // TW_ISA_DIAG_H
