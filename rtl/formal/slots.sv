// SPDX-License-Identifier: Apache-2.0
// No line that is issued names a semaphore twice among its waits, or among its posts: what the semaphore file relies
// on (tw_sem, rtl/formal/sem.sv). Any line; the check is the one that the front end makes before a line may go on.
module slots_formal (
  input logic [511:0] line
);
  logic       known, planned, reserved_ok, range_ok, align_ok, is_fe;
  logic [2:0] engine;
  tw_line_check u_check (
    .en_i         (1'b1),
    .line_i       (line),
    .known_o      (known),
    .planned_o    (planned),
    .reserved_ok_o(reserved_ok),
    .range_ok_o   (range_ok),
    .align_ok_o   (align_ok),
    .engine_o     (engine),
    .is_fe_o      (is_fe)
  );

  localparam int Slot  = tw_isa_pkg::HDR_WAIT1_VALID_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int ToSem = tw_isa_pkg::HDR_WAIT0_SEM_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  logic twice;
  always_comb begin
    twice = 1'b0;
    for (int i = 0; i < 2 * tw_isa_pkg::SYNC_SLOTS; i++) begin
      for (int k = 0; k < i; k++) begin
        if (((i < tw_isa_pkg::SYNC_SLOTS) == (k < tw_isa_pkg::SYNC_SLOTS))
            && line[tw_isa_pkg::HDR_WAIT0_VALID_LSB + i*Slot] && line[tw_isa_pkg::HDR_WAIT0_VALID_LSB + k*Slot]
            && (line[tw_isa_pkg::HDR_WAIT0_VALID_LSB + i*Slot + ToSem +: 5]
                == line[tw_isa_pkg::HDR_WAIT0_VALID_LSB + k*Slot + ToSem +: 5])) twice = 1'b1;
      end
    end
    if (known && !planned && reserved_ok && range_ok) assert (!twice);
  end
endmodule
