// SPDX-License-Identifier: Apache-2.0
// Queue of instructions: a PC and Bits more of each. The head lies in registers of its own, so that nothing that reads
// it toggles while it waits. What is pushed in c is visible in c+1; push and pop may meet. The pusher looks at full_o,
// which ignores a pop of the same cycle; the popper looks at valid_o.
module tw_queue #(
  parameter int Depth = 4,
  parameter int Bits  = 512
) (
  input  logic            clk_i,
  input  logic            clear_i, // reset, or a job begins
  input  logic            push_i,
  input  logic [31:0]     pc_i,
  input  logic [Bits-1:0] data_i,
  input  logic            pop_i,
  output logic            valid_o,
  output logic            full_o,
  output logic [31:0]     pc_o,
  output logic [Bits-1:0] data_o
);
  localparam int CountBits = $clog2(Depth + 1);
  localparam int PtrBits   = (Depth > 2) ? $clog2(Depth) : 1;

  logic [31:0]     pc_q;
  logic [Bits-1:0] data_q;
  logic            valid_q, full_q;
  assign valid_o = valid_q;
  assign full_o  = full_q;
  assign pc_o    = pc_q;
  assign data_o  = data_q;

  // State of this process alone, updated in place; the memories hold all but the head.
  logic [31:0]          pc_mem   [Depth];
  logic [Bits-1:0]      data_mem [Depth];
  logic [CountBits-1:0] count;
  logic [PtrBits-1:0]   wptr, rptr;
  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      count   = '0;
      wptr    = '0;
      rptr    = '0;
      valid_q <= 1'b0;
      full_q  <= 1'b0;
    end else if (push_i || pop_i) begin
      if (pop_i) begin
        count = count - 1'b1;
        if (count != '0) begin
          pc_q   <= pc_mem[rptr];
          data_q <= data_mem[rptr];
          rptr   = (rptr == PtrBits'(Depth - 1)) ? '0 : rptr + 1'b1;
        end
      end
      if (push_i) begin : push
        logic [Bits-1:0] data;
        data = data_i;
        if (count == '0) begin
          pc_q   <= pc_i;
          data_q <= data;
        end else begin
          pc_mem[wptr]   = pc_i;
          data_mem[wptr] = data;
          wptr           = (wptr == PtrBits'(Depth - 1)) ? '0 : wptr + 1'b1;
        end
        count = count + 1'b1;
      end
      valid_q <= count != '0;
      full_q  <= count >= CountBits'(Depth);
    end
  end
endmodule
