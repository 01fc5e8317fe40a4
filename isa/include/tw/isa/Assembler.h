// SPDX-License-Identifier: Apache-2.0
// Assembly text to lines (tw_isa_text, links LLVM); the inverse of Disassembler.h.
// Called by tools, tests and saved failing programs.
// Does not check bounds or ordering: checkLine and the program checker do.
#ifndef TW_ISA_ASSEMBLER_H
#define TW_ISA_ASSEMBLER_H

#include "tw/isa/Diag.h"
#include "tw/isa/TestProgram.h"
#include "llvm/ADT/StringRef.h"

namespace tw::isa {

using Assembly = TestProgram; // config: the argument of .config; regions not given have limit 0

// One instruction or directive a line; `#` and `//` start a comment.
//     .config tw16                    the machine
//     .region 4 0x10000 rw            region 4 has 64 KiB and may be read and written (r, w, or rw)
//     .dram 4 0x100 00 ff 7f          bytes of region 4 from offset 0x100 on
//     .random 4 0 4096 17             4096 bytes of region 4 from offset 0 on, from seed 17 (randomBytes)
//     .tag 12 "conv1"                 where tag 12 comes from; \n, \" and \\ as in C
//     .line 03000...                  a line as 128 hexadecimal digits, byte 0 first
//     conv x=0x100 x_h=8 wait(3:2, 5) post(7) tag=12
// The first error has file:line:column as its place and shows the line with a caret.
Result<Assembly> assemble(llvm::StringRef text, llvm::StringRef fileName);

// Text that assembles to this again; data are written as .dram.
std::string formatAssembly(const Assembly &assembly);

} // namespace tw::isa
#endif
