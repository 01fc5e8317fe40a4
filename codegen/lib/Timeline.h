// SPDX-License-Identifier: Apache-2.0
// What for: when each step of a package begins and ends, by the models of whoever runs it.
// Called by: the pipeline, for the report.
// Does not: measure; several threads of the host, or a link that is busy, are not in it.
#ifndef TW_CODEGEN_LIB_TIMELINE_H
#define TW_CODEGEN_LIB_TIMELINE_H

#include "tw/codegen/Compile.h"

namespace tw::codegen {

/// Steps of the NPU and of the host follow each other; those of the GPU do so on their own, behind the step before in
/// the plan, and who needs what comes from there waits for it. `report`: regions in the order of each executor's steps.
std::vector<TimelineRow> timelineOf(const isa::Package &package, const CompileReport &report);

} // namespace tw::codegen

#endif // TW_CODEGEN_LIB_TIMELINE_H
