// SPDX-License-Identifier: Apache-2.0
// Address of a 3-D walk over rows: dimension 0 innermost. load_i in c: the first address stands in c+1; next_i in c:
// the following one in c+1. Extents are at least 1. After the last point the walker stands still.
module tw_grid (
  input  logic        clk_i,
  input  logic        load_i,
  input  logic [23:0] base_i,
  input  logic [15:0] n0_i,
  input  logic [15:0] n1_i,
  input  logic [15:0] n2_i,
  input  logic [23:0] s0_i,
  input  logic [23:0] s1_i,
  input  logic [23:0] s2_i,
  input  logic        next_i,
  output logic [23:0] addr_o,
  output logic        plane_o,  // last point of dimensions 0 and 1
  output logic        last_o
);
  logic [23:0] addr_q;
  logic        plane_q, last_q;
  assign addr_o  = addr_q;
  assign plane_o = plane_q;
  assign last_o  = last_q;

  // State of this process alone, updated in place.
  logic [23:0] a0, a1, a2, s0, s1, s2;
  logic [15:0] i0, i1, i2, n0, n1;  // i*: steps left after this one; n*: steps of a whole pass
  always_ff @(posedge clk_i) begin
    if (load_i || next_i) begin
      if (load_i) begin
        s0 = s0_i;
        s1 = s1_i;
        s2 = s2_i;
        n0 = n0_i - 1'b1;
        n1 = n1_i - 1'b1;
        i0 = n0;
        i1 = n1;
        i2 = n2_i - 1'b1;
        a0 = base_i;
        a1 = base_i;
        a2 = base_i;
      end else if (i0 != '0) begin
        i0 = i0 - 1'b1;
        a0 = a0 + s0;
      end else if (i1 != '0) begin
        i0 = n0;
        i1 = i1 - 1'b1;
        a1 = a1 + s1;
        a0 = a1;
      end else if (i2 != '0) begin
        i0 = n0;
        i1 = n1;
        i2 = i2 - 1'b1;
        a2 = a2 + s2;
        a1 = a2;
        a0 = a2;
      end
      addr_q  <= a0;
      plane_q <= (i0 == '0) && (i1 == '0);
      last_q  <= (i0 == '0) && (i1 == '0) && (i2 == '0);
    end
  end
endmodule
