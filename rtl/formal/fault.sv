// SPDX-License-Identifier: Apache-2.0
// The fault register (tw_fault). Induction of one cycle: over any number of cycles.

// The contract, as a reader of docs/timing.md would write it: faults of a cycle are looked at one after the other, the
// engines in order, then the front end; one replaces what the register holds if that is nothing or its PC is lower.
module fault_formal #(
  parameter int Engines = 6
) (
  input logic                  clk_i,
  input logic                  clear_i,
  input logic                  en_i,
  input logic [Engines-1:0]    overflow_i,
  input logic [Engines-1:0]    deadlock_i,
  input logic [Engines-1:0]    own_i,
  input logic [7:0]            rq_code_i,
  input logic [7:0]            vx_code_i,
  input logic [63:0]           la_addr_i,
  input logic [63:0]           lw_addr_i,
  input logic [63:0]           st_addr_i,
  input logic [Engines*32-1:0] old_pc_i,
  input logic [Engines*32-1:0] old_name_i,
  input logic [Engines*32-1:0] head_pc_i,
  input logic [Engines*32-1:0] head_name_i,
  input logic                  fe_i,
  input logic [31:0]           fe_pc_i,
  input logic [7:0]            fe_code_i,
  input logic [15:0]           fe_tag_i,
  input logic [63:0]           fe_addr_i
);
  logic started = 1'b0;
  wire  clear   = clear_i || !started;

  logic        valid;
  logic [31:0] pc;
  logic [7:0]  code;
  logic [2:0]  engine;
  logic [15:0] tag;
  logic [63:0] addr;
  tw_fault #(.Engines(Engines)) u_fault (
    .clk_i, .clear_i(clear), .en_i, .overflow_i, .deadlock_i, .own_i, .rq_code_i, .vx_code_i, .la_addr_i, .lw_addr_i,
    .st_addr_i, .old_pc_i, .old_name_i, .head_pc_i, .head_name_i, .fe_i, .fe_pc_i, .fe_code_i, .fe_tag_i, .fe_addr_i,
    .valid_o(valid), .pc_o(pc), .code_o(code), .engine_o(engine), .tag_o(tag), .addr_o(addr)
  );

  logic         held;          // the register, by the contract
  logic [122:0] what, blamed;  // PC, code, engine, tag, address
  logic         raises;
  always_ff @(posedge clk_i) begin
    started <= 1'b1;
    if (clear) begin
      held = 1'b0;
      what = {32'd0, tw_isa_pkg::FAULT_NONE, 83'd0};
    end else if (en_i) begin
      for (int e = 0; e <= Engines; e++) begin
        if (e == Engines) begin
          raises = fe_i;
          blamed = {fe_pc_i, fe_code_i, 3'(Engines), fe_tag_i, fe_addr_i};
        end else begin
          raises = 1'b1;
          if (overflow_i[e])
            blamed = {old_pc_i[e*32 +: 32], tw_isa_pkg::FAULT_SEM_OVERFLOW, 3'(e), old_name_i[e*32+8 +: 16], 64'd0};
          else if (deadlock_i[e])
            blamed = {head_pc_i[e*32 +: 32], tw_isa_pkg::FAULT_DEADLOCK, 3'(e), head_name_i[e*32+8 +: 16], 64'd0};
          else begin
            raises = own_i[e];
            blamed = {old_pc_i[e*32 +: 32], vx_code_i, 3'(e), old_name_i[e*32+8 +: 16], 64'd0};
            if (e == 32'(tw_isa_pkg::ENGINE_RQ)) blamed[90:83] = rq_code_i;
            if (e == 32'(tw_isa_pkg::ENGINE_LA))
              {blamed[90:83], blamed[63:0]} = {tw_isa_pkg::FAULT_AXI_READ, la_addr_i};
            if (e == 32'(tw_isa_pkg::ENGINE_LW))
              {blamed[90:83], blamed[63:0]} = {tw_isa_pkg::FAULT_AXI_READ, lw_addr_i};
            if (e == 32'(tw_isa_pkg::ENGINE_ST))
              {blamed[90:83], blamed[63:0]} = {tw_isa_pkg::FAULT_AXI_WRITE, st_addr_i};
          end
        end
        if (raises && (!held || (blamed[122:91] < what[122:91]))) begin
          held = 1'b1;
          what = blamed;
        end
      end
    end
  end
  always_comb begin
    if (started) begin
      assert (valid == held);
      assert ({pc, code, engine, tag, addr} == what);
    end
  end
endmodule
