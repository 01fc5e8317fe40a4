// SPDX-License-Identifier: Apache-2.0
// A resolved machine configuration: sizes and depths of one machine, from isa/tables/HwConfig.td.
// Used by models, compiler and package; files of it are read in ConfigReader.h (tw_isa_text).
// Never changes how an instruction is encoded.
#ifndef TW_ISA_HWCONFIG_H
#define TW_ISA_HWCONFIG_H

#include "tw/isa/Diag.h"
#include "tw/isa/Tables.h"
#include <array>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "tw/isa/HwConfig.inc"

namespace tw::isa {

// Ranges of all keys and the rules between keys; the first broken rule, with both values.
Status validate(const HwConfig &config);

// Identifies the machine's behaviour: all keys but name and clock_mhz. Never 0.
uint64_t configHash(const HwConfig &config);

// SystemVerilog package tw_cfg_pkg: one localparam per key, logarithms of the powers of two, and the hash.
void emitSvConfig(const HwConfig &config, std::ostream &os);

// Size of an on-chip memory in its granules (SPM bytes, ACC rows, PARAM rows, LUT banks); 0 for DRAM.
uint64_t spaceSize(const HwConfig &config, Space space);

} // namespace tw::isa
#endif
