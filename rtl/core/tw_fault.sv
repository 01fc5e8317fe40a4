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

  wire [Engines-1:0] raise = overflow_i | deadlock_i | own_i;
  wire               any   = en_i && (fe_i || (|raise));

  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      valid_q  <= 1'b0;
      pc_q     <= '0;
      code_q   <= tw_isa_pkg::FAULT_NONE;
      engine_q <= '0;
      tag_q    <= '0;
      addr_q   <= '0;
    end else if (any) begin : choose
      logic        found, blames_head;
      logic [31:0] lowest, pc;
      logic [7:0]  code;
      logic [63:0] addr;
      found  = valid_q;
      lowest = pc_q;
      for (int e = 0; e < Engines; e++) begin
        blames_head = deadlock_i[e] && !overflow_i[e];
        pc          = blames_head ? head_pc_i[e*32 +: 32] : old_pc_i[e*32 +: 32];
        if (raise[e] && (!found || (pc < lowest))) begin
          found  = 1'b1;
          lowest = pc;
          case (e)
            32'(tw_isa_pkg::ENGINE_LA): {code, addr} = {tw_isa_pkg::FAULT_AXI_READ, la_addr_i};
            32'(tw_isa_pkg::ENGINE_LW): {code, addr} = {tw_isa_pkg::FAULT_AXI_READ, lw_addr_i};
            32'(tw_isa_pkg::ENGINE_ST): {code, addr} = {tw_isa_pkg::FAULT_AXI_WRITE, st_addr_i};
            32'(tw_isa_pkg::ENGINE_RQ): {code, addr} = {rq_code_i, 64'd0};
            default:                    {code, addr} = {vx_code_i, 64'd0};
          endcase
          code_q   <= overflow_i[e] ? tw_isa_pkg::FAULT_SEM_OVERFLOW
                    : deadlock_i[e] ? tw_isa_pkg::FAULT_DEADLOCK : code;
          engine_q <= 3'(e);
          tag_q    <= blames_head ? head_name_i[e*32 + 8 +: 16] : old_name_i[e*32 + 8 +: 16];
          addr_q   <= (overflow_i[e] || deadlock_i[e]) ? '0 : addr;
        end
      end
      if (fe_i && (!found || (fe_pc_i < lowest))) begin
        found  = 1'b1;
        lowest = fe_pc_i;
        code_q   <= fe_code_i;
        engine_q <= 3'(Engines);
        tag_q    <= fe_tag_i;
        addr_q   <= fe_addr_i;
      end
      valid_q <= found;
      pc_q    <= lowest;
    end
  end
endmodule
