// SPDX-License-Identifier: Apache-2.0
// Queue of one engine: lines that were issued and have not started. The head lies in registers of its own, so that
// nothing that reads it toggles while it waits. A line pushed in c is visible in c+1; push and pop may meet.
// The pusher looks at full_o, which ignores a pop of the same cycle; the popper looks at valid_o.
module tw_queue #(
  parameter int Depth = 4,
  parameter int Bits  = 544
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            clear_i,
  input  logic            push_i,
  input  logic [Bits-1:0] data_i,
  input  logic            pop_i,
  output logic            valid_o,
  output logic            full_o,
  output logic [Bits-1:0] data_o
);
  localparam int CountBits = $clog2(Depth + 1);
  localparam int PtrBits   = (Depth > 2) ? $clog2(Depth) : 1;

  logic [Bits-1:0]      mem [Depth];
  logic [Bits-1:0]      head_q;
  logic [CountBits-1:0] count_q;
  logic [PtrBits-1:0]   wptr_q, rptr_q;  // of mem, which holds all but the head

  wire to_head = push_i && ((count_q == '0) || ((count_q == CountBits'(1)) && pop_i));

  assign valid_o = count_q != '0;
  assign full_o  = count_q >= CountBits'(Depth);
  assign data_o  = head_q;

  always_ff @(posedge clk_i) begin
    if (to_head) head_q <= data_i;
    else if (pop_i) head_q <= mem[rptr_q];
    if (push_i && !to_head) mem[wptr_q] <= data_i;

    if (!rst_ni || clear_i) begin
      count_q <= '0;
      wptr_q  <= '0;
      rptr_q  <= '0;
    end else begin
      if (push_i != pop_i) count_q <= push_i ? count_q + 1'b1 : count_q - 1'b1;
      if (push_i && !to_head) wptr_q <= (wptr_q == PtrBits'(Depth - 1)) ? '0 : wptr_q + 1'b1;
      if (pop_i && !to_head && (count_q != CountBits'(1)))
        rptr_q <= (rptr_q == PtrBits'(Depth - 1)) ? '0 : rptr_q + 1'b1;
    end
  end
endmodule
