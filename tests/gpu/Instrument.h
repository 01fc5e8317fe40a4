// SPDX-License-Identifier: Apache-2.0
// What for: an NVVM module becomes one that this computer can run: PTX's intrinsics call the emulator, and it hears of
// every load and store.
// Called by: Emulator.
// Does not: run anything.
#ifndef TW_TESTS_GPU_INSTRUMENT_H
#define TW_TESTS_GPU_INSTRUMENT_H

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tw::test {

/// The functions that an instrumented module calls; the first argument of each is the emulator.
inline constexpr const char *kReadRegister = "tw_emu_register"; // u32 (ptr, u32 PtxRegister)
inline constexpr const char *kBarrier = "tw_emu_barrier";       // void (ptr)
inline constexpr const char *kShuffle = "tw_emu_shuffle"; // u64 (ptr, u32 mode, u32 mask, u32 value, u32 b, u32 c)
inline constexpr const char *kAccess = "tw_emu_access";   // void (ptr, ptr, u64 bytes, u32 isWrite)

struct Shared {
  std::string symbol;
  size_t bytes = 0;
};

/// `emulator`: the first argument of all calls. Each kernel gets a function `run_<kernel>`, void (ptr arguments). The
/// result: shared memory, a symbol for each array.
llvm::Expected<std::vector<Shared>> instrument(llvm::Module &module, void *emulator);

} // namespace tw::test

#endif // TW_TESTS_GPU_INSTRUMENT_H
