// SPDX-License-Identifier: Apache-2.0
// Private to the two files that turn TableGen records into a Model: error collection and name look-up.
// Used by Model.cpp and ModelSemantics.cpp. Knows no rule of its own.
#ifndef TW_ISA_GEN_READER_H
#define TW_ISA_GEN_READER_H

#include "Model.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/TableGen/Error.h"
#include "llvm/TableGen/Record.h"

namespace tw::tblgen {

class Reader {
public:
  explicit Reader(Model &model) : model(model) {}

  void error(const llvm::Record *record, const llvm::Twine &text) {
    llvm::PrintError(record->getLoc(), text);
    failed = true;
  }
  // Reports a missing piece of prose.
  void requireDoc(const llvm::Record *record, llvm::StringRef what, llvm::StringRef doc) {
    if (doc.trim().empty())
      error(record, what + " has no prose: say what it is for");
  }
  // Reads the semantics of `instruction`, whose fields are already in place, and derives its footprint program.
  void readSemantics(const llvm::Record *record, Instruction &instruction);

  Model &model;
  bool failed = false;
};

template <typename List> int indexOf(const List &list, llvm::StringRef name) {
  for (size_t i = 0; i != list.size(); ++i)
    if (list[i].name == name)
      return int(i);
  return -1;
}

} // namespace tw::tblgen
#endif
