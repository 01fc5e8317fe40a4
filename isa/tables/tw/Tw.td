// SPDX-License-Identifier: Apache-2.0
//===- Tw.td - the reference accelerator's tables ------------------------------===//
// SPDX-License-Identifier: Apache-2.0
// Everything on which compiler, drivers, simulators and RTL of the `tw` machine must agree. Start reading here.
//===-----------------------------------------------------------------------------===//
include "Isa.td"
include "HwConfig.td"
include "tw/Machine.td"
include "tw/Faults.td"
include "tw/Registers.td"
include "tw/Formats.td"
include "tw/instructions/Dma.td"
include "tw/instructions/Matrix.td"
include "tw/instructions/Drain.td"
include "tw/instructions/Vector.td"
include "tw/instructions/Control.td"

// Header of every line: 78 bits, then two reserved bits; the body starts at bit 80.
class Sync<string prefix, int i> {
  list<Field> Fields = [
    Field<prefix # i # "_valid", 1, "this slot is used">,
    Field<prefix # i # "_sem", 5, "semaphore">,
    Field<prefix # i # "_amount", 3, "amount minus one: 1 to 8">];
}
def Tw : Target<"tw", 64,
  [Field<"opcode", 8, "row of this table">, Field<"tag", 16, "leads back to the compiler's operator; copied to trace and faults">]
  # Sync<"wait", 0>.Fields # Sync<"wait", 1>.Fields # Sync<"wait", 2>.Fields
  # Sync<"post", 0>.Fields # Sync<"post", 1>.Fields # Sync<"post", 2>.Fields>;
