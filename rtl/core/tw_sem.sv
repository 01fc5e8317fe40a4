// SPDX-License-Identifier: Apache-2.0
// Semaphores: subtracts the waits of a head that starts and adds the posts of an instruction that ends. Starts and ends
// of one cycle all count; both are visible one cycle later. A counter that would pass the largest value stays there
// and raises ovf_o for the posting engine in that cycle.
module tw_sem #(
  parameter int Engines = 6,
  localparam int SemBits = $clog2(tw_isa_pkg::SEMAPHORE_MAX + 1)
) (
  input  logic                  clk_i,
  input  logic                  clear_i, // reset, or a job begins
  input  logic                  wake_i,         // something starts or ends, perhaps
  input  logic [Engines-1:0]    start_i,
  input  logic [Engines*32-1:0] waits_i,        // wait slots of what starts
  input  logic [Engines-1:0]    end_i,
  input  logic [Engines*32-1:0] posts_i,        // post slots of what ends
  output logic [Engines-1:0]    ovf_o,
  output logic [tw_isa_pkg::SEMAPHORES*SemBits-1:0] next_o,  // the counters of the next cycle, but for clear_i
  output logic                  zero_o          // all semaphores are zero
);
  localparam int Slots = tw_isa_pkg::SYNC_SLOTS;
  // A slot: valid, semaphore, amount minus one; slots follow each other.
  localparam int Slot  = tw_isa_pkg::HDR_WAIT1_VALID_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int ToSem = tw_isa_pkg::HDR_WAIT0_SEM_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int ToAmt = tw_isa_pkg::HDR_WAIT0_AMOUNT_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;

  logic [tw_isa_pkg::SEMAPHORES*SemBits-1:0] sem_q;
  assign zero_o = sem_q == '0;

  logic [31:0] at;
  logic [3:0]  amount;
  logic [7:0]  sum;
  always_comb begin
    next_o = sem_q;
    ovf_o  = '0;
    at     = '0;
    amount = '0;
    sum    = '0;
    if (wake_i) begin
      for (int e = 0; e < Engines; e++) begin
        if (start_i[e]) begin
          for (int k = 0; k < Slots; k++) begin
            at     = SemBits * 32'(waits_i[e*32 + k*Slot + ToSem +: 5]);
            amount = {1'b0, waits_i[e*32 + k*Slot + ToAmt +: 3]} + 4'd1;
            if (waits_i[e*32 + k*Slot]) next_o[at +: SemBits] = next_o[at +: SemBits] - SemBits'(amount);
          end
        end
      end
      for (int e = 0; e < Engines; e++) begin
        if (end_i[e]) begin
          for (int k = 0; k < Slots; k++) begin
            at     = SemBits * 32'(posts_i[e*32 + k*Slot + ToSem +: 5]);
            amount = {1'b0, posts_i[e*32 + k*Slot + ToAmt +: 3]} + 4'd1;
            sum    = 8'(next_o[at +: SemBits]) + 8'(amount);
            if (posts_i[e*32 + k*Slot]) begin
              if (sum > 8'(tw_isa_pkg::SEMAPHORE_MAX)) begin
                ovf_o[e]               = 1'b1;
                next_o[at +: SemBits] = SemBits'(tw_isa_pkg::SEMAPHORE_MAX);
              end else begin
                next_o[at +: SemBits] = sum[SemBits-1:0];
              end
            end
          end
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (clear_i) sem_q <= '0;
    else if (wake_i) sem_q <= next_o;
  end
endmodule
