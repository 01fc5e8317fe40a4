// SPDX-License-Identifier: Apache-2.0
// The one symbol of a plug-in. Called by Loader.cpp, defined in model/Machine.cpp. Not for anyone else.
#ifndef TW_RTL_LIB_PLUGIN_H
#define TW_RTL_LIB_PLUGIN_H

#include "tw/rtl/Model.h"

namespace tw::rtl {

/// Builds a machine; the caller owns it. Changes with Model, so plug-in and loader come from one build.
using CreateModel = Model *(const ModelOptions &options, const isa::MemoryTimingConfig &timing, uint64_t memoryBytes);
inline constexpr const char *kCreateModel = "tw_rtl_create_model";

} // namespace tw::rtl
#endif
