// SPDX-License-Identifier: Apache-2.0
// Lines as text, in the form that the assembler reads back to the same bits (standard C++ only).
// Called by models for messages, by tools and tests.
// Does not check bounds: a line that no decoder accepts becomes a .line directive with its bytes.
#ifndef TW_ISA_DISASSEMBLER_H
#define TW_ISA_DISASSEMBLER_H

#include "tw/isa/Program.h"

namespace tw::isa {

// "conv x=0x100 x_h=8 ... wait(3:2, 5) post(7) tag=12"; amounts of 1 and a tag of 0 are left out.
std::string formatLine(const Line &line);

// One line each, after a `.tag` directive per tag.
std::string formatProgram(const Program &program);

} // namespace tw::isa
#endif
