// SPDX-License-Identifier: Apache-2.0
// How LDPAD divides its tile: boxes of padding above, left, right and below, and what is read. Steps of dimension 1 lie
// in the boxes left, inside, right; steps of dimension 2 above, inside (inner), below. Zero but when one starts. One
// vector, so that it is cheap to keep at zero:
//   boxes[4]      that have rows: above, left, right, below, from the lowest bit
//   above_n2[16] inner_n2[16] below_n2[16] left_n1[16] inside_n1[16] right_n1[16]   extents
//   inner_addr[24] inside_addr[24] right_addr[24] below_addr[24]   inner: of the first step of dimension 2 inside
//   loads[1]      something is inside
module tw_pad (
  input  logic         start_i,
  input  logic [511:0] line_i,
  output logic [196:0] split_o
);
  function automatic logic [196:0] split(input logic [511:0] line);
    logic [15:0] n1, n2, above_n2, inner_n2, below_n2, left_n1, inside_n1, right_n1;
    logic [23:0] ss1, ss2, inner_addr, inside_addr, right_addr, below_addr;
    logic        loads;
    begin
      n1        = line[tw_isa_pkg::LDPAD_N1_LSB +: 16];
      n2        = line[tw_isa_pkg::LDPAD_N2_LSB +: 16];
      ss1       = line[tw_isa_pkg::LDPAD_SS1_LSB +: 24];
      ss2       = line[tw_isa_pkg::LDPAD_SS2_LSB +: 24];
      left_n1   = {8'd0, line[tw_isa_pkg::LDPAD_PAD1_LSB +: 8]};
      above_n2  = {8'd0, line[tw_isa_pkg::LDPAD_PAD2_LSB +: 8]};
      loads     = (left_n1 < n1) && (above_n2 < n2);
      if (!loads) above_n2 = n2;
      if (left_n1 > n1) left_n1 = n1;
      inside_n1 = n1 - left_n1;
      inner_n2  = n2 - above_n2;
      if (inside_n1 > line[tw_isa_pkg::LDPAD_X1_N_LSB +: 16]) inside_n1 = line[tw_isa_pkg::LDPAD_X1_N_LSB +: 16];
      if (inner_n2 > line[tw_isa_pkg::LDPAD_X2_N_LSB +: 16]) inner_n2 = line[tw_isa_pkg::LDPAD_X2_N_LSB +: 16];
      right_n1  = n1 - left_n1 - inside_n1;
      below_n2  = n2 - above_n2 - inner_n2;
      inner_addr  = line[tw_isa_pkg::LDPAD_SPM_LSB +: 24] + 24'(above_n2) * ss2;
      inside_addr = inner_addr + 24'(left_n1) * ss1;
      right_addr  = inside_addr + 24'(inside_n1) * ss1;
      below_addr  = inner_addr + 24'(inner_n2) * ss2;
      split = {loads, below_addr, right_addr, inside_addr, inner_addr, right_n1, inside_n1, left_n1, below_n2,
               inner_n2, above_n2, below_n2 != '0, (right_n1 != '0) && loads, (left_n1 != '0) && loads,
               above_n2 != '0};
    end
  endfunction

  always_comb begin
    split_o = '0;
    if (start_i) split_o = split(line_i);
  end
endmodule
