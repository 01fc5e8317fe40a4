// SPDX-License-Identifier: Apache-2.0
// Fault register: keeps the fault with the lowest PC, whenever it comes; of several in one cycle with the same PC the
// source with the lowest index (the engines in order, the front end last). An engine's fault is its oldest
// instruction's: a semaphore that its post overflows, or its own; or its head's: a deadlock.
module tw_fault #(
  parameter int Engines = 6
) (
  input  logic                  clk_i,
  input  logic                  clear_i, // reset, or a job begins
  input  logic                  en_i,          // a job is under way
  // engines
  input  logic [Engines-1:0]    overflow_i,
  input  logic [Engines-1:0]    deadlock_i,
  input  logic [Engines-1:0]    own_i,
  input  logic [7:0]            rq_code_i,     // codes and addresses that an engine's own fault does not imply
  input  logic [7:0]            vx_code_i,
  input  logic [63:0]           la_addr_i,
  input  logic [63:0]           lw_addr_i,
  input  logic [63:0]           st_addr_i,
  input  logic [Engines*32-1:0] old_pc_i,
  input  logic [Engines*32-1:0] old_name_i,    // {tag, opcode}
  input  logic [Engines*32-1:0] head_pc_i,
  input  logic [Engines*32-1:0] head_name_i,
  // front end
  input  logic                  fe_i,
  input  logic [31:0]           fe_pc_i,
  input  logic [7:0]            fe_code_i,
  input  logic [15:0]           fe_tag_i,
  input  logic [63:0]           fe_addr_i,
  // register
  output logic                  valid_o,
  output logic [31:0]           pc_o,
  output logic [7:0]            code_o,
  output logic [2:0]            engine_o,
  output logic [15:0]           tag_o,
  output logic [63:0]           addr_o
);
  logic        valid_q;
  logic [31:0] pc_q;
  logic [7:0]  code_q;
  logic [2:0]  engine_q;
  logic [15:0] tag_q;
  logic [63:0] addr_q;

  assign valid_o  = valid_q;
  assign pc_o     = pc_q;
  assign code_o   = code_q;
  assign engine_o = engine_q;
  assign tag_o    = tag_q;
  assign addr_o   = addr_q;

  // Candidates: the register, the engines in order, the front end; the first of those with the lowest PC is kept. All
  // pairs are compared at once, so that a fault that comes late in the cycle finds the comparisons done.
  localparam int Count = Engines + 2;
  localparam int Bits  = 32 + 8 + 3 + 16 + 64;  // what the register holds of one: PC, code, engine, tag, address

  wire [Engines-1:0] blames_head = deadlock_i & ~overflow_i;
  wire [Count-1:0]   valid       = {fe_i, overflow_i | deadlock_i | own_i, valid_q};

  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      valid_q  <= 1'b0;
      pc_q     <= '0;
      code_q   <= tw_isa_pkg::FAULT_NONE;
      engine_q <= '0;
      tag_q    <= '0;
      addr_q   <= '0;
    end else if (en_i && (|valid[Count-1:1])) begin : choose
      logic [Count*Bits-1:0] all;
      logic [Count-1:0]      kept;  // one
      logic [Bits-1:0]       next;
      logic [7:0]            code;
      logic [63:0]           addr;
      logic                  lower;
      all[0 +: Bits] = {pc_q, code_q, engine_q, tag_q, addr_q};
      for (int e = 0; e < Engines; e++) begin
        case (e)
          32'(tw_isa_pkg::ENGINE_LA): {code, addr} = {tw_isa_pkg::FAULT_AXI_READ, la_addr_i};
          32'(tw_isa_pkg::ENGINE_LW): {code, addr} = {tw_isa_pkg::FAULT_AXI_READ, lw_addr_i};
          32'(tw_isa_pkg::ENGINE_ST): {code, addr} = {tw_isa_pkg::FAULT_AXI_WRITE, st_addr_i};
          32'(tw_isa_pkg::ENGINE_RQ): {code, addr} = {rq_code_i, 64'd0};
          default:                    {code, addr} = {vx_code_i, 64'd0};
        endcase
        if (overflow_i[e]) {code, addr} = {tw_isa_pkg::FAULT_SEM_OVERFLOW, 64'd0};
        else if (deadlock_i[e]) {code, addr} = {tw_isa_pkg::FAULT_DEADLOCK, 64'd0};
        all[(e+1)*Bits +: Bits] = blames_head[e]
            ? {head_pc_i[e*32 +: 32], code, 3'(e), head_name_i[e*32 + 8 +: 16], addr}
            : {old_pc_i[e*32 +: 32], code, 3'(e), old_name_i[e*32 + 8 +: 16], addr};
      end
      all[(Count-1)*Bits +: Bits] = {fe_pc_i, fe_code_i, 3'(Engines), fe_tag_i, fe_addr_i};

      kept = valid;
      for (int i = 0; i < Count; i++) begin
        for (int j = i + 1; j < Count; j++) begin
          lower = all[j*Bits + Bits - 32 +: 32] < all[i*Bits + Bits - 32 +: 32];
          if (valid[j] && lower) kept[i] = 1'b0;
          if (valid[i] && !lower) kept[j] = 1'b0;
        end
      end
      next = '0;
      for (int i = 0; i < Count; i++) next = next | (all[i*Bits +: Bits] & {Bits{kept[i]}});
      valid_q                                 <= 1'b1;
      {pc_q, code_q, engine_q, tag_q, addr_q} <= next;
    end
  end
endmodule
