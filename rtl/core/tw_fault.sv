// SPDX-License-Identifier: Apache-2.0
// Fault register: keeps the fault with the lowest PC, whenever it comes; of several in one cycle with the same PC the
// source with the lowest index (the engines in order, the front end last).
module tw_fault #(
  parameter int Sources = 7
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  clear_i,
  input  logic [Sources-1:0]    raise_i,
  input  logic [Sources*32-1:0] pc_i,
  input  logic [Sources*8-1:0]  code_i,
  input  logic [Sources*16-1:0] tag_i,
  input  logic [Sources*64-1:0] addr_i,
  output logic                  valid_o,
  output logic [31:0]           pc_o,
  output logic [7:0]            code_o,
  output logic [2:0]            engine_o,
  output logic [15:0]           tag_o,
  output logic [63:0]           addr_o
);
  logic        valid_q, valid_d;
  logic [31:0] pc_q, pc_d;
  logic [7:0]  code_q, code_d;
  logic [2:0]  engine_q, engine_d;
  logic [15:0] tag_q, tag_d;
  logic [63:0] addr_q, addr_d;

  assign valid_o  = valid_q;
  assign pc_o     = pc_q;
  assign code_o   = code_q;
  assign engine_o = engine_q;
  assign tag_o    = tag_q;
  assign addr_o   = addr_q;

  always_comb begin
    valid_d  = valid_q;
    pc_d     = pc_q;
    code_d   = code_q;
    engine_d = engine_q;
    tag_d    = tag_q;
    addr_d   = addr_q;
    if (|raise_i) begin
      for (int s = 0; s < Sources; s++) begin
        if (raise_i[s] && (!valid_d || (pc_i[s*32 +: 32] < pc_d))) begin
          valid_d  = 1'b1;
          pc_d     = pc_i[s*32 +: 32];
          code_d   = code_i[s*8 +: 8];
          engine_d = 3'(s);
          tag_d    = tag_i[s*16 +: 16];
          addr_d   = addr_i[s*64 +: 64];
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      valid_q  <= 1'b0;
      pc_q     <= '0;
      code_q   <= tw_isa_pkg::FAULT_NONE;
      engine_q <= '0;
      tag_q    <= '0;
      addr_q   <= '0;
    end else if (|raise_i) begin
      valid_q  <= valid_d;
      pc_q     <= pc_d;
      code_q   <= code_d;
      engine_q <= engine_d;
      tag_q    <= tag_d;
      addr_q   <= addr_d;
    end
  end
endmodule
