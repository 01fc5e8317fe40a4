// SPDX-License-Identifier: Apache-2.0
// Any one semaphore against its definition: what starts takes its waits modulo the counter, then what ends adds its
// posts; a counter that would pass the largest value stays there, and the engine that posts is told. No other
// semaphore's slots touch it.
module sem_formal #(
  parameter int Engines = 2
) (
  input logic                  clk_i,
  input logic                  clear_i,
  input logic                  wake_i,
  input logic [Engines-1:0]    start_i,
  input logic [Engines-1:0]    end_i,
  input logic [Engines*32-1:0] waits_i,
  input logic [Engines*32-1:0] posts_i
);
  localparam int Slots = tw_isa_pkg::SYNC_SLOTS;
  localparam int Slot  = tw_isa_pkg::HDR_WAIT1_VALID_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int Max   = tw_isa_pkg::SEMAPHORE_MAX;

  logic [Engines-1:0] ovf;
  logic [tw_isa_pkg::SEMAPHORES*6-1:0] next;
  logic zero;
  tw_sem #(.Engines(Engines), .SemBits(6)) u_sem (
    .clk_i,
    .clear_i,
    .wake_i,
    .start_i,
    .waits_i,
    .end_i,
    .posts_i,
    .ovf_o (ovf),
    .next_o(next),
    .zero_o(zero)
  );

  (* anyconst *) logic [4:0] id;
  logic [5:0] model;          // of that semaphore
  logic       started = 1'b0;
  logic [5:0] watched;
  always_comb begin
    watched = '0;
    for (int s = 0; s < tw_isa_pkg::SEMAPHORES; s++) if (id == 5'(s)) watched = next[6*s +: 6];
  end

  logic [5:0]         count;
  logic [6:0]         sum;
  logic [Engines-1:0] passes, others;  // takes it beyond the largest value; posts to another one
  always_comb begin
    count  = model;
    passes = '0;
    others = '0;
    sum    = '0;
    for (int i = 0; i < Engines * Slots; i++)
      if (wake_i && start_i[i / Slots] && waits_i[i / Slots * 32 + i % Slots * Slot]
          && (waits_i[i / Slots * 32 + i % Slots * Slot + 1 +: 5] == id))
        count = count - 6'd1 - 6'(waits_i[i / Slots * 32 + i % Slots * Slot + 6 +: 3]);
    for (int i = 0; i < Engines * Slots; i++)
      if (wake_i && end_i[i / Slots] && posts_i[i / Slots * 32 + i % Slots * Slot]) begin
        if (posts_i[i / Slots * 32 + i % Slots * Slot + 1 +: 5] == id) begin
          sum = 7'(count) + 7'd1 + 7'(posts_i[i / Slots * 32 + i % Slots * Slot + 6 +: 3]);
          if (sum > 7'(Max)) passes[i / Slots] = 1'b1;
          count = (sum > 7'(Max)) ? 6'(Max) : sum[5:0];
        end else begin
          others[i / Slots] = 1'b1;
        end
      end
  end
  always_ff @(posedge clk_i) begin
    started <= 1'b1;
    model   <= clear_i ? '0 : count;
  end
  always_comb begin
    assume (id < 6'(tw_isa_pkg::SEMAPHORES));
    if (!started) assume (clear_i);
    if (started) begin
      assert (watched == count);
      if (!wake_i && zero) assert (model == '0);
      for (int e = 0; e < Engines; e++) if (passes[e] != ovf[e]) assert (others[e] && ovf[e]);
    end
  end
endmodule
