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
  logic [23:0] a0_q, a1_q, a2_q, s0_q, s1_q, s2_q;
  logic [15:0] i0_q, i1_q, i2_q, n0_q, n1_q;  // i*: steps left after this one; n*: steps of a whole pass

  assign addr_o  = a0_q;
  assign plane_o = (i0_q == '0) && (i1_q == '0);
  assign last_o  = plane_o && (i2_q == '0);

  always_ff @(posedge clk_i) begin
    if (load_i) begin
      a0_q <= base_i;
      a1_q <= base_i;
      a2_q <= base_i;
      s0_q <= s0_i;
      s1_q <= s1_i;
      s2_q <= s2_i;
      i0_q <= n0_i - 1'b1;
      i1_q <= n1_i - 1'b1;
      i2_q <= n2_i - 1'b1;
      n0_q <= n0_i - 1'b1;
      n1_q <= n1_i - 1'b1;
    end else if (next_i) begin : step
      logic [23:0] next1, next2;
      next1 = a1_q + s1_q;
      next2 = a2_q + s2_q;
      if (i0_q != '0) begin
        i0_q <= i0_q - 1'b1;
        a0_q <= a0_q + s0_q;
      end else if (i1_q != '0) begin
        i0_q <= n0_q;
        i1_q <= i1_q - 1'b1;
        a0_q <= next1;
        a1_q <= next1;
      end else if (i2_q != '0) begin
        i0_q <= n0_q;
        i1_q <= n1_q;
        i2_q <= i2_q - 1'b1;
        a0_q <= next2;
        a1_q <= next2;
        a2_q <= next2;
      end
    end
  end
endmodule
