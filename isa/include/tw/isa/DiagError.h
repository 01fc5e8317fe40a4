// SPDX-License-Identifier: Apache-2.0
// What for: Diags on their way through LLVM's errors, place, text and reasons apart as they were found. The only way
// into an llvm::Error and out of one.
// Called by: the layers that link LLVM, for every error of their own; tools, which print them.
// Does not: print.
#ifndef TW_ISA_DIAGERROR_H
#define TW_ISA_DIAGERROR_H

#include "tw/isa/Diag.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace tw {

class DiagError : public llvm::ErrorInfo<DiagError> {
public:
  static constexpr char ID = 0; // LLVM tells classes of errors apart by its address

  explicit DiagError(Diag diag) : its(std::move(diag)) {}

  const Diag &diag() const { return its; }

  void log(llvm::raw_ostream &os) const override { os << its.str(); }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  Diag its;
};

inline llvm::Error errorOf(Diag diag) { return llvm::make_error<DiagError>(std::move(diag)); }

/// All of them, in order; none is success.
inline llvm::Error errorsOf(std::vector<Diag> diags) {
  llvm::Error all = llvm::Error::success();
  for (Diag &diag : diags)
    all = llvm::joinErrors(std::move(all), errorOf(std::move(diag)));
  return all;
}

inline llvm::Error errorAt(const llvm::Twine &place, const llvm::Twine &text) {
  return errorOf(Diag{place.str(), text.str()});
}

template <typename T> llvm::Expected<T> expectedOf(Result<T> result) {
  if (!result)
    return errorOf(result.diag());
  return *std::move(result);
}

/// All that an error holds, in order. Of errors that are not ours the message, without a place.
inline std::vector<Diag> diagsOf(llvm::Error error) {
  std::vector<Diag> diags;
  llvm::handleAllErrors(
      std::move(error), [&](const DiagError &one) { diags.push_back(one.diag()); },
      [&](const llvm::ErrorInfoBase &other) { diags.push_back({"", other.message()}); });
  return diags;
}

/// The same as one: what failed, because of all that the error holds.
inline Diag because(Diag what, llvm::Error why) {
  for (Diag &reason : diagsOf(std::move(why)))
    what.reasons.push_back(std::move(reason));
  return what;
}

/// Of an error that is known to hold one, that one.
inline Diag diagOf(llvm::Error error) {
  std::vector<Diag> diags = diagsOf(std::move(error));
  return diags.size() == 1 ? std::move(diags.front()) : Diag{"", "", std::move(diags)};
}

/// The same error, where `outer` is what all its places lie in.
inline llvm::Error inside(const llvm::Twine &outer, llvm::Error error) {
  std::vector<Diag> diags = diagsOf(std::move(error));
  for (Diag &diag : diags)
    diag = diag.inside(outer.str());
  return errorsOf(std::move(diags));
}

} // namespace tw

#endif // TW_ISA_DIAGERROR_H
