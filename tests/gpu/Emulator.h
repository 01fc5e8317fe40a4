// SPDX-License-Identifier: Apache-2.0
// What for: executes the LLVM module that becomes PTX on this computer: the threads of a block are fibers of one thread
// of the host, barriers and shuffles are where they wait for each other.
// Called by: the tests of GPU code.
// Does not: emulate what comes behind that module: LLVM's PTX back end, and the driver's compiler; nor time.
#ifndef TW_TESTS_GPU_EMULATOR_H
#define TW_TESTS_GPU_EMULATOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace tw::test {

class Emulator {
public:
  /// A pointer that a kernel gets, and what it may touch behind it.
  struct Memory {
    void *begin = nullptr;
    size_t bytes = 0;
  };

  /// An error names what the module calls and PTX's functions here do not have.
  static llvm::Expected<std::unique_ptr<Emulator>> make(std::unique_ptr<llvm::LLVMContext> context,
                                                        std::unique_ptr<llvm::Module> module);
  ~Emulator();

  /// Runs a kernel. An error is the first thing that a GPU leaves undefined: a race, an access outside of all memory, a
  /// barrier or a shuffle that not all threads reach.
  llvm::Error launch(const std::string &kernel, int64_t blocks, int64_t threads, llvm::ArrayRef<Memory> arguments);
  /// The same with pointers into any of the regions, which do not overlap.
  llvm::Error launch(const std::string &kernel, int64_t blocks, int64_t threads, llvm::ArrayRef<void *> pointers,
                     llvm::ArrayRef<Memory> regions);

private:
  struct Implementation;
  explicit Emulator(std::unique_ptr<Implementation> impl);
  std::unique_ptr<Implementation> impl;
};

} // namespace tw::test

#endif // TW_TESTS_GPU_EMULATOR_H
