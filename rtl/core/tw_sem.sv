// SPDX-License-Identifier: Apache-2.0
// Semaphores: tells for each queue's head whether its waits are satisfied now, subtracts them when the head starts
// and adds the posts of an instruction that ends. Starts and ends of one cycle all count; both are visible one cycle
// later. A counter that would pass the largest value stays there and raises ovf_o for the posting engine in that
// cycle.
module tw_sem #(
  parameter int Engines = 6
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  clear_i,
  input  logic [Engines-1:0]    valid_i,        // a head is there
  input  logic [Engines*80-1:0] head_i,         // header of the head
  output logic [Engines-1:0]    satisfied_o,    // valid and all its waits satisfied
  input  logic [Engines-1:0]    start_i,
  input  logic [Engines-1:0]    end_i,
  input  logic [Engines*80-1:0] end_header_i,
  output logic [Engines-1:0]    ovf_o,
  output logic                  zero_o          // all semaphores are zero
);
  localparam int Sems    = tw_isa_pkg::SEMAPHORES;
  localparam int SemBits = 6;
  localparam int Slots   = tw_isa_pkg::SYNC_SLOTS;
  // A slot: valid, semaphore, amount minus one; slots follow each other.
  localparam int Slot  = tw_isa_pkg::HDR_WAIT1_VALID_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int Wait  = tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int Post  = tw_isa_pkg::HDR_POST0_VALID_LSB;
  localparam int ToSem = tw_isa_pkg::HDR_WAIT0_SEM_LSB - Wait;
  localparam int ToAmt = tw_isa_pkg::HDR_WAIT0_AMOUNT_LSB - Wait;

  logic [Sems*SemBits-1:0] sem_q, sem_d;
  logic [4:0]              id;
  logic [3:0]              amount;
  logic [7:0]              sum;

  always_comb begin
    satisfied_o = valid_i;
    for (int e = 0; e < Engines; e++) begin
      if (valid_i[e]) begin
        for (int k = 0; k < Slots; k++) begin
          if (head_i[e*80 + Wait + k*Slot]
              && ({2'b00, sem_q[SemBits*head_i[e*80 + Wait + k*Slot + ToSem +: 5] +: SemBits]}
                  <= {5'd0, head_i[e*80 + Wait + k*Slot + ToAmt +: 3]}))
            satisfied_o[e] = 1'b0;
        end
      end
    end
  end

  wire any = (|start_i) || (|end_i);

  always_comb begin
    sem_d  = sem_q;
    ovf_o  = '0;
    id     = '0;
    amount = '0;
    sum    = '0;
    if (any) begin
      for (int e = 0; e < Engines; e++) begin
        if (start_i[e]) begin
          for (int k = 0; k < Slots; k++) begin
            id     = head_i[e*80 + Wait + k*Slot + ToSem +: 5];
            amount = {1'b0, head_i[e*80 + Wait + k*Slot + ToAmt +: 3]} + 4'd1;
            if (head_i[e*80 + Wait + k*Slot])
              sem_d[SemBits*id +: SemBits] = sem_d[SemBits*id +: SemBits] - {2'b00, amount};
          end
        end
      end
      for (int e = 0; e < Engines; e++) begin
        if (end_i[e]) begin
          for (int k = 0; k < Slots; k++) begin
            id     = end_header_i[e*80 + Post + k*Slot + ToSem +: 5];
            amount = {1'b0, end_header_i[e*80 + Post + k*Slot + ToAmt +: 3]} + 4'd1;
            sum    = {2'b00, sem_d[SemBits*id +: SemBits]} + {4'd0, amount};
            if (end_header_i[e*80 + Post + k*Slot]) begin
              if (sum > 8'(tw_isa_pkg::SEMAPHORE_MAX)) begin
                ovf_o[e] = 1'b1;
                sem_d[SemBits*id +: SemBits] = SemBits'(tw_isa_pkg::SEMAPHORE_MAX);
              end else begin
                sem_d[SemBits*id +: SemBits] = sum[SemBits-1:0];
              end
            end
          end
        end
      end
    end
  end

  assign zero_o = sem_q == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) sem_q <= '0;
    else if (any) sem_q <= sem_d;
  end
endmodule
