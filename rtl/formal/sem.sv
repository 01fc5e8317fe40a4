// SPDX-License-Identifier: Apache-2.0
// The semaphore file (tw_sem), any counters and all inputs of one cycle; what follows holds of every cycle.

// One semaphore, as the contract says it: the waits that start are subtracted modulo 64; then the posts that end are
// added one after the other, and one that would pass 63 overflows for its engine and leaves the counter there.
module sem_contract #(
  parameter int Engines = 6
) (
  input  logic [4:0]            id_i,
  input  logic [5:0]            value_i,
  input  logic [Engines-1:0]    start_i,
  input  logic [Engines*32-1:0] waits_i,  // slots of nine bits: valid, semaphore, amount minus one
  input  logic [Engines-1:0]    end_i,
  input  logic [Engines*32-1:0] posts_i,
  output logic [5:0]            next_o,
  output logic [Engines-1:0]    over_o
);
  logic [8:0] slot;
  logic [6:0] sum;
  always_comb begin
    next_o = value_i;
    over_o = '0;
    for (int i = 0; i < 3 * Engines; i++) begin
      slot = waits_i[32*(i / 3) + 9*(i % 3) +: 9];
      if (start_i[i / 3] && slot[0] && (slot[5:1] == id_i)) next_o = next_o - (6'(slot[8:6]) + 6'd1);
    end
    for (int i = 0; i < 3 * Engines; i++) begin
      slot = posts_i[32*(i / 3) + 9*(i % 3) +: 9];
      sum  = 7'(next_o) + 7'(slot[8:6]) + 7'd1;
      if (end_i[i / 3] && slot[0] && (slot[5:1] == id_i)) begin
        if (sum > 7'd63) over_o[i / 3] = 1'b1;
        next_o = (sum > 7'd63) ? 6'd63 : sum[5:0];
      end
    end
  end
endmodule

// The same as sums: a counter that has passed 63 stays past it, and each post of the cycle that follows overflows.
module sem_sums #(
  parameter int Engines = 6
) (
  input  logic [4:0]            id_i,
  input  logic [5:0]            value_i,
  input  logic [Engines-1:0]    start_i,
  input  logic [Engines*32-1:0] waits_i,
  input  logic [Engines-1:0]    end_i,
  input  logic [Engines*32-1:0] posts_i,
  output logic [5:0]            next_o,
  output logic [Engines-1:0]    over_o,
  output logic                  twice_o  // an instruction names this semaphore twice
);
  logic [8:0] slot;
  logic [3:0] amount;
  logic [6:0] sum;
  logic       over, ends;
  always_comb begin
    sum     = {1'b0, value_i};
    over    = 1'b0;
    over_o  = '0;
    twice_o = 1'b0;
    for (int i = 0; i < 2 * Engines; i++) begin
      ends   = i >= Engines;
      amount = '0;
      for (int k = 0; k < 3; k++) begin
        slot = ends ? posts_i[32*(i % Engines) + 9*k +: 9] : waits_i[32*(i % Engines) + 9*k +: 9];
        if ((ends ? end_i[i % Engines] : start_i[i % Engines]) && slot[0] && (slot[5:1] == id_i)) begin
          if (amount != '0) twice_o = 1'b1;
          amount = 4'(slot[8:6]) + 4'd1;
        end
      end
      if (ends) begin
        sum  = {1'b0, sum[5:0]} + 7'(amount);
        over = over || sum[6];
        over_o[i % Engines] = over && (amount != '0);
      end else begin
        sum = {1'b0, sum[5:0] - 6'(amount)};
      end
    end
    next_o = over ? 6'd63 : sum[5:0];
  end
endmodule

// Both are the same, of any semaphore. Assumed: neither the waits nor the posts of an instruction name it twice.
module sem_equal #(
  parameter int Engines = 6
) (
  input logic [4:0]            id_i,
  input logic [5:0]            value_i,
  input logic [Engines-1:0]    start_i,
  input logic [Engines*32-1:0] waits_i,
  input logic [Engines-1:0]    end_i,
  input logic [Engines*32-1:0] posts_i
);
  logic [5:0]         next, sums;
  logic [Engines-1:0] over, over_sums;
  logic               twice;
  sem_contract #(.Engines(Engines)) u_contract (
    .id_i, .value_i, .start_i, .waits_i, .end_i, .posts_i, .next_o(next), .over_o(over)
  );
  sem_sums #(.Engines(Engines)) u_sums (
    .id_i, .value_i, .start_i, .waits_i, .end_i, .posts_i, .next_o(sums), .over_o(over_sums), .twice_o(twice)
  );
  always_comb begin
    assume (!twice);
    assert ((next == sums) && (over == over_sums));
  end
endmodule

// Semaphore Id of the file is such sums, whatever the slots do to the others, and an engine overflows when one of its
// posts to this semaphore does; it overflows only then if no post of it names another. Assumed: as above.
module sem_column #(
  parameter int Engines = 6,
  parameter int Id      = 0
) (
  input logic                  clk_i,
  input logic                  wake_i,
  input logic [Engines-1:0]    start_i,
  input logic [Engines*32-1:0] waits_i,
  input logic [Engines-1:0]    end_i,
  input logic [Engines*32-1:0] posts_i
);
  localparam int Sems = tw_isa_pkg::SEMAPHORES;
  wire  [Engines-1:0] start = start_i & {Engines{wake_i}};
  wire  [Engines-1:0] ends  = end_i & {Engines{wake_i}};
  logic [Engines-1:0] ovf, over, elsewhere;
  logic [Sems*6-1:0]  next;
  logic [5:0]         before, coming, sums;
  logic               zero, twice;
  tw_sem #(.Engines(Engines)) u_sem (
    .clk_i, .clear_i(1'b0), .wake_i, .start_i(start), .waits_i, .end_i(ends), .posts_i, .ovf_o(ovf), .next_o(next),
    .zero_o(zero)
  );
  (* hierconn *) wire [Sems*6-1:0] \u_sem.sem_q ;
  wire [Sems*6-1:0] counters = \u_sem.sem_q ;
  sem_sums #(.Engines(Engines)) u_sums (
    .id_i(5'(Id)), .value_i(before), .start_i(start), .waits_i, .end_i(ends), .posts_i, .next_o(sums), .over_o(over),
    .twice_o(twice)
  );
  always_comb begin
    elsewhere = '0;
    for (int i = 0; i < 3 * Engines; i++) begin
      if (posts_i[32*(i / 3) + 9*(i % 3)] && (posts_i[32*(i / 3) + 9*(i % 3) + 1 +: 5] != 5'(Id)))
        elsewhere[i / 3] = 1'b1;
    end
    for (int b = 0; b < 6; b++) begin
      before[b] = counters[b*Sems + Id];
      coming[b] = next[b*Sems + Id];
    end
    assume (!twice);
    assert (coming == sums);
    assert ((over & ~ovf) == '0);
    assert ((ovf & ~over & ~elsewhere) == '0);
    assert (zero == (counters == '0));
  end
endmodule
