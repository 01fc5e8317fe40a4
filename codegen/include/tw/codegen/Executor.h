// SPDX-License-Identifier: Apache-2.0
// What for: who can run a block, by name.
// Called by: the pipeline, its reports, tools.
// Does not: decide who runs what.
#ifndef TW_CODEGEN_EXECUTOR_H
#define TW_CODEGEN_EXECUTOR_H

#include <array>
#include <cstdint>

namespace tw::codegen {

enum class ExecutorId : uint8_t { Npu, Host, Gpu };

/// "npu", "host" or "gpu".
const char *nameOf(ExecutorId executor);

/// Where nobody says who may run blocks, the preferred one first.
inline constexpr std::array kUsualExecutors = {ExecutorId::Npu, ExecutorId::Host};

} // namespace tw::codegen

#endif // TW_CODEGEN_EXECUTOR_H
