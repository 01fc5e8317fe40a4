// SPDX-License-Identifier: Apache-2.0
//===- Control.td - instructions that the front end executes itself -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
def FENCE : Instruction<0x01, "fence", FE, [], "wait until every earlier instruction has retired"> {
  let HasSync = false; let Description = "Issue stops until all engines are idle. Semaphores keep their values.";
}
def MARK : Instruction<0x02, "mark", FE, [Field<"value", 32, "copied to the trace">], "leave a record in the trace"> {
  let HasSync = false; let Description = "No effect on memory.";
}
def END : Instruction<0x03, "end", FE, [], "end of the job"> {
  let HasSync = false; let Description = "Waits like FENCE, checks that all semaphores are zero (SEM_LEAK), writes the completion record, raises the interrupt.";
  let Raises = [FSemLeak];
}
def EXT : Instruction<0x70, "ext", FE, [], "reserved for extensions"> { let Status = "planned"; let Description = "No machine of this table executes it; an extension behind a capability bit may."; }
