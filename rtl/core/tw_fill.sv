// SPDX-License-Identifier: Apache-2.0
// FILL and the padding of LDPAD: writes one value to boxes of n3*n2*n1 runs of n0 rows of SPM, one row a cycle, through
// the DMA's write port. Alone in its engine: whoever starts it sees to that. A row is requested until it is granted.
// FILL has one box; LDPAD up to four (above, left, right, below), which tw_pad finds. The last row is the end of an
// instruction that loads nothing afterwards.
module tw_fill #(
  parameter int N = 16
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         start_i,
  input  logic [511:0] line_i,
  input  logic         pad_i,        // ldpad
  input  logic [196:0] split_i,      // of tw_pad
  output logic         idle_o,
  output logic         end_o,
  output logic         req_o,
  output logic [23:0]  addr_o,
  output logic [7:0]   value_o,
  input  logic         gnt_i
);
  logic        busy_q, last_q;       // last_q: the last row; it ends the instruction
  logic [23:0] addr_q;
  logic [7:0]  value_q;

  assign idle_o  = !busy_q;
  assign req_o   = busy_q;
  assign addr_o  = addr_q;
  assign value_o = value_q;
  assign end_o   = gnt_i && last_q;

  // State of this process alone, updated in place.
  logic [3:0]  todo;                 // boxes not begun
  logic [95:0] box_addr;             // of box b at [24*b +: 24]
  logic [63:0] box_n1, box_n2;       // at [16*b +: 16]
  logic        loads;
  logic [15:0] n0, n1, n2, n3, i0, i1, i2, i3;  // i*: steps left after this one
  logic [23:0] s1, s2, s3, a0, a1, a2, a3;
  always_ff @(posedge clk_i) begin
    if (start_i || gnt_i) begin : step
      logic next_box;
      next_box = 1'b0;
      if (start_i) begin
        next_box    = 1'b1;
        todo        = 4'b0001;
        loads       = 1'b0;
        box_addr    = {72'd0, line_i[tw_isa_pkg::FILL_SPM_LSB +: 24]};
        box_n1      = {48'd0, line_i[tw_isa_pkg::FILL_N1_LSB +: 16]};
        box_n2      = {48'd0, line_i[tw_isa_pkg::FILL_N2_LSB +: 16]};
        n0          = line_i[tw_isa_pkg::FILL_N0_LSB +: 16];
        n3          = line_i[tw_isa_pkg::FILL_N3_LSB +: 16];
        s1          = line_i[tw_isa_pkg::FILL_SS1_LSB +: 24];
        s2          = line_i[tw_isa_pkg::FILL_SS2_LSB +: 24];
        s3          = line_i[tw_isa_pkg::FILL_SS3_LSB +: 24];
        value_q    <= line_i[tw_isa_pkg::FILL_VALUE_LSB +: 8];
        if (pad_i) begin
          todo        = split_i[3:0];
          loads       = split_i[196];
          box_addr    = {split_i[195:148], split_i[123:100], line_i[tw_isa_pkg::LDPAD_SPM_LSB +: 24]};
          box_n1      = {line_i[tw_isa_pkg::LDPAD_N1_LSB +: 16], split_i[99:84], split_i[67:52],
                         line_i[tw_isa_pkg::LDPAD_N1_LSB +: 16]};
          box_n2      = {split_i[51:36], split_i[35:20], split_i[35:20], split_i[19:4]};
          n0          = line_i[tw_isa_pkg::LDPAD_N0_LSB +: 16];
          n3          = line_i[tw_isa_pkg::LDPAD_N3_LSB +: 16];
          s1          = line_i[tw_isa_pkg::LDPAD_SS1_LSB +: 24];
          s2          = line_i[tw_isa_pkg::LDPAD_SS2_LSB +: 24];
          s3          = line_i[tw_isa_pkg::LDPAD_SS3_LSB +: 24];
          value_q    <= line_i[tw_isa_pkg::LDPAD_PAD_VALUE_LSB +: 8];
        end
      end else if (i0 != '0) begin
        i0 = i0 - 1'b1;
        a0 = a0 + 24'(N);
      end else begin
        i0 = n0 - 1'b1;
        if (i1 != '0) begin
          i1 = i1 - 1'b1;
          a1 = a1 + s1;
        end else begin
          i1 = n1 - 1'b1;
          if (i2 != '0) begin
            i2 = i2 - 1'b1;
            a2 = a2 + s2;
          end else begin
            i2       = n2 - 1'b1;
            next_box = i3 == '0;
            i3       = i3 - 1'b1;
            a3       = a3 + s3;
            a2       = a3;
          end
          a1 = a2;
        end
        a0 = a1;
      end
      if (next_box) begin : box
        logic [1:0] at;
        at     = todo[0] ? 2'd0 : todo[1] ? 2'd1 : todo[2] ? 2'd2 : 2'd3;
        busy_q <= todo != '0;
        n1     = box_n1[16*at +: 16];
        n2     = box_n2[16*at +: 16];
        i0     = n0 - 1'b1;
        i1     = n1 - 1'b1;
        i2     = n2 - 1'b1;
        i3     = n3 - 1'b1;
        a3     = box_addr[24*at +: 24];
        a2     = a3;
        a1     = a3;
        a0     = a3;
        todo   = todo & (todo - 1'b1);
      end
      addr_q <= a0;
      last_q <= !loads && (todo == '0) && (i0 == '0) && (i1 == '0) && (i2 == '0) && (i3 == '0);
    end
    if (!rst_ni) busy_q <= 1'b0;
  end
endmodule
