// SPDX-License-Identifier: Apache-2.0
// Semaphores: tells for each queue's head whether its waits are satisfied now, subtracts them when the head starts
// and adds the posts of an instruction that ends. Starts and ends of one cycle all count; both are visible one cycle
// later. A counter that would pass the largest value stays there and raises ovf_o for the posting engine in that
// cycle.
module tw_sem #(
  parameter int Engines = 6
) (
  input  logic                  clk_i,
  input  logic                  clear_i, // reset, or a job begins
  input  logic [Engines-1:0]    valid_i,        // a head is there, and its engine can take it
  input  logic [Engines*32-1:0] waits_i,        // the head's wait slots
  output logic [Engines-1:0]    satisfied_o,    // valid and all its waits satisfied
  input  logic [Engines-1:0]    start_i,
  input  logic [Engines-1:0]    end_i,
  input  logic [Engines*32-1:0] posts_i,        // post slots of what ends
  output logic [Engines-1:0]    ovf_o,
  input  logic                  ask_zero_i,
  output logic                  zero_o          // all semaphores are zero; defined while ask_zero_i
);
  localparam int Sems    = tw_isa_pkg::SEMAPHORES;
  localparam int SemBits = 6;
  localparam int Slots   = tw_isa_pkg::SYNC_SLOTS;
  // A slot: valid, semaphore, amount minus one; slots follow each other.
  localparam int Slot  = tw_isa_pkg::HDR_WAIT1_VALID_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int ToSem = tw_isa_pkg::HDR_WAIT0_SEM_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int ToAmt = tw_isa_pkg::HDR_WAIT0_AMOUNT_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;

  logic [SemBits-1:0] sem_q [Sems];
  logic [SemBits-1:0] sem_d [Sems];
  logic [4:0]         id;
  logic [3:0]         amount;
  logic [7:0]         sum;

  always_comb begin
    satisfied_o = valid_i;
    for (int e = 0; e < Engines; e++) begin
      if (valid_i[e]) begin
        for (int k = 0; k < Slots; k++) begin
          if (waits_i[e*32 + k*Slot]
              && ({2'b00, sem_q[waits_i[e*32 + k*Slot + ToSem +: 5]]} <= {5'd0, waits_i[e*32 + k*Slot + ToAmt +: 3]}))
            satisfied_o[e] = 1'b0;
        end
      end
    end
  end

  wire any = (|start_i) || (|end_i);

  always_comb begin
    for (int s = 0; s < Sems; s++) sem_d[s] = sem_q[s];
    ovf_o  = '0;
    id     = '0;
    amount = '0;
    sum    = '0;
    if (any) begin
      for (int e = 0; e < Engines; e++) begin
        if (start_i[e]) begin
          for (int k = 0; k < Slots; k++) begin
            id     = waits_i[e*32 + k*Slot + ToSem +: 5];
            amount = {1'b0, waits_i[e*32 + k*Slot + ToAmt +: 3]} + 4'd1;
            if (waits_i[e*32 + k*Slot]) sem_d[id] = sem_d[id] - {2'b00, amount};
          end
        end
      end
      for (int e = 0; e < Engines; e++) begin
        if (end_i[e]) begin
          for (int k = 0; k < Slots; k++) begin
            id     = posts_i[e*32 + k*Slot + ToSem +: 5];
            amount = {1'b0, posts_i[e*32 + k*Slot + ToAmt +: 3]} + 4'd1;
            sum    = {2'b00, sem_d[id]} + {4'd0, amount};
            if (posts_i[e*32 + k*Slot]) begin
              if (sum > 8'(tw_isa_pkg::SEMAPHORE_MAX)) begin
                ovf_o[e]  = 1'b1;
                sem_d[id] = SemBits'(tw_isa_pkg::SEMAPHORE_MAX);
              end else begin
                sem_d[id] = sum[SemBits-1:0];
              end
            end
          end
        end
      end
    end
  end

  always_comb begin
    zero_o = 1'b1;
    if (ask_zero_i) begin
      for (int s = 0; s < Sems; s++) zero_o = zero_o && (sem_q[s] == '0);
    end
  end

  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      for (int s = 0; s < Sems; s++) sem_q[s] <= '0;
    end else if (any) begin
      for (int s = 0; s < Sems; s++) sem_q[s] <= sem_d[s];
    end
  end
endmodule
