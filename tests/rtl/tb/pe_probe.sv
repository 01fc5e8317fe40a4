// SPDX-License-Identifier: Apache-2.0
// One element of the array, as signals that coverage can count: arrays of signals are too wide for it. In the design
// that counts lines and toggles alone; its row and column are neither the first nor the last.
module pe_probe (
  input logic        [7:0]  shadow_i,  // waits to become the weight
  input logic signed [31:0] weight_i,
  input logic        [7:0]  late_i,    // activation plus 128
  input logic signed [31:0] above_i,   // partial sum from the row above
  input logic signed [31:0] part_i     // ... to the row below
);
  wire unused = &{1'b0, shadow_i, weight_i, late_i, above_i, part_i};
endmodule

bind tw_array pe_probe u_pe_probe (
  .shadow_i(shadow[3][2]),
  .weight_i(weight[3][2]),
  .late_i  (late[2][3*8 +: 8]),
  .above_i (part[2][2]),
  .part_i  (part[3][2])
);
