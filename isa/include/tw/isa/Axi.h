// SPDX-License-Identifier: Apache-2.0
// Words of AXI that several interfaces share.
// Called by the memory behind the chip (MemoryTiming.h) and by the registers' port (Machine.h, RegisterPort.h).
// Does not drive or time anything.
#ifndef TW_ISA_AXI_H
#define TW_ISA_AXI_H

#include <cstdint>

namespace tw::isa {

/// RESP. ExclusiveOkay answers an exclusive access, which nobody here makes: as an answer it is wrong.
enum class AxiResponse : uint8_t { Okay = 0, ExclusiveOkay = 1, SlaveError = 2, DecodeError = 3 };

} // namespace tw::isa

#endif // TW_ISA_AXI_H
