// SPDX-License-Identifier: Apache-2.0
#include "tw/codegen/Executor.h"

#include "llvm/Support/ErrorHandling.h"

namespace tw::codegen {

const char *nameOf(ExecutorId executor) {
  switch (executor) {
  case ExecutorId::Npu:
    return "npu";
  case ExecutorId::Host:
    return "host";
  case ExecutorId::Gpu:
    return "gpu";
  }
  llvm_unreachable("all executors are listed");
}

} // namespace tw::codegen
