// SPDX-License-Identifier: Apache-2.0
// An engine's instructions between issue and end (tw_issue). Induction of one cycle: over any number of cycles.

// A first-in first-out list. Of any instruction that is pushed, marked by the solver, line and PC are the head's when
// those before it have started, PC, name and posts are the oldest's when those before it have ended: nothing is lost,
// made or overtaken. The queue is full, empty or between as pushes minus starts say. Assumed: nobody pushes while
// full_o, starts while not valid_o or more than Flight at once, or ends what did not start. Free bits of a line are the
// solver's, those behind them are zero.
module queue_formal #(
  parameter int Depth  = 4,
  parameter int Flight = 4,
  parameter int Free   = 96
) (
  input logic            clk_i,
  input logic            clear_i,
  input logic            other_i,  // another engine's instruction is pushed, starts or ends
  input logic            push_i,
  input logic            start_i,
  input logic            end_i,
  input logic            mark_i,
  input logic [31:0]     pc_i,
  input logic [Free-1:0] line_i
);
  logic         started = 1'b0;
  logic         valid, full;
  logic [31:0]  head_pc, old_pc, old_name, old_posts;
  logic [511:0] head_line;
  logic [7:0]   queued, flying;  // pushes minus starts, starts minus ends
  wire clear  = clear_i || !started;
  wire push   = push_i && !full;
  wire ending = end_i && (flying != '0);
  wire start  = start_i && valid && (flying - 8'(ending) < 8'(Flight));
  wire wake   = push || start || ending || other_i;
  tw_issue #(.Depth(Depth), .Flight(Flight)) u_issue (
    .clk_i, .clear_i(clear), .wake_i(wake), .push_i(push), .pc_i, .line_i(512'(line_i)), .full_o(full),
    .valid_o(valid), .ok_o(), .head_pc_o(head_pc), .head_line_o(head_line), .start_i(start), .sem_d_i('0),
    .end_i(ending), .old_pc_o(old_pc), .old_name_o(old_name), .old_posts_o(old_posts)
  );

  // The marked instruction, and how many are before it: in the queue, then in flight.
  logic         marked, flies;
  logic [7:0]   ahead;
  logic [31:0]  pc;
  logic [511:0] line;
  always_ff @(posedge clk_i) begin
    started <= 1'b1;
    if (clear) begin
      queued <= '0;
      flying <= '0;
      marked <= 1'b0;
    end else begin
      queued <= queued + 8'(push) - 8'(start);
      flying <= flying + 8'(start) - 8'(ending);
      if (!marked) begin
        marked <= push && mark_i;
        flies  <= 1'b0;
        ahead  <= queued - 8'(start);
        pc     <= pc_i;
        line   <= 512'(line_i);
      end else if (!flies) begin
        flies <= start && (ahead == '0);
        if (start) ahead <= (ahead == '0) ? flying - 8'(ending) : ahead - 8'd1;
      end else if (ending) begin
        marked <= ahead != '0;
        ahead  <= ahead - 8'd1;
      end
    end
  end

  wire [31:0] line_name  = {8'd0, line[tw_isa_pkg::HDR_TAG_LSB +: 16], line[tw_isa_pkg::HDR_OPCODE_LSB +: 8]};
  wire [31:0] line_posts = {3'd0, line[tw_isa_pkg::HDR_POST0_VALID_LSB +: 29]};
  always_comb begin
    if (started) begin
      bound: assert ((queued <= 8'(Depth)) && (flying <= 8'(Flight)));
      empty: assert (valid == (queued != '0));
      filled: assert (full == (queued == 8'(Depth)));
      if (marked && !flies) begin
        waits: assert (ahead < queued);
        if (ahead == '0) head: assert ((head_pc == pc) && (head_line == line));
      end
      if (marked && flies) begin
        runs: assert (ahead < flying);
        if (ahead == '0) begin
          oldest: assert (old_pc == pc);
          name: assert (old_name == line_name);
          posts: assert (old_posts == line_posts);
        end
      end
    end
  end

  // What ties the queue's own state to the definition's: the induction needs it. Words past Depth and Flight are none.
  localparam int CountBits = $clog2(Depth + 1);
  localparam int PtrBits   = (Depth > 2) ? $clog2(Depth) : 1;
  localparam int FlyBits   = $clog2(Flight + 1);
  localparam int FlyPtr    = (Flight > 2) ? $clog2(Flight) : 1;
  (* hierconn *) wire [CountBits-1:0] \u_issue.count ;
  (* hierconn *) wire [PtrBits-1:0]   \u_issue.wptr , \u_issue.rptr ;
  (* hierconn *) wire [FlyBits-1:0]   \u_issue.flying ;
  (* hierconn *) wire [FlyPtr-1:0]    \u_issue.fly_wptr , \u_issue.fly_rptr ;
  (* hierconn *) wire [31:0]
      \u_issue.pc[0] , \u_issue.pc[1] , \u_issue.pc[2] , \u_issue.pc[3] , \u_issue.pc[4] , \u_issue.pc[5] ,
      \u_issue.pc[6] , \u_issue.pc[7] , \u_issue.pc[8] , \u_issue.pc[9] , \u_issue.pc[10] , \u_issue.pc[11] ,
      \u_issue.pc[12] , \u_issue.pc[13] , \u_issue.pc[14] , \u_issue.pc[15] ;
  wire [511:0] all_pc = {
      \u_issue.pc[15] , \u_issue.pc[14] , \u_issue.pc[13] , \u_issue.pc[12] , \u_issue.pc[11] , \u_issue.pc[10] ,
      \u_issue.pc[9] , \u_issue.pc[8] , \u_issue.pc[7] , \u_issue.pc[6] , \u_issue.pc[5] , \u_issue.pc[4] ,
      \u_issue.pc[3] , \u_issue.pc[2] , \u_issue.pc[1] , \u_issue.pc[0] };
  (* hierconn *) wire [511:0]
      \u_issue.line[0] , \u_issue.line[1] , \u_issue.line[2] , \u_issue.line[3] , \u_issue.line[4] ,
      \u_issue.line[5] , \u_issue.line[6] , \u_issue.line[7] , \u_issue.line[8] , \u_issue.line[9] ,
      \u_issue.line[10] , \u_issue.line[11] , \u_issue.line[12] , \u_issue.line[13] , \u_issue.line[14] ,
      \u_issue.line[15] ;
  wire [8191:0] all_line = {
      \u_issue.line[15] , \u_issue.line[14] , \u_issue.line[13] , \u_issue.line[12] , \u_issue.line[11] ,
      \u_issue.line[10] , \u_issue.line[9] , \u_issue.line[8] , \u_issue.line[7] , \u_issue.line[6] ,
      \u_issue.line[5] , \u_issue.line[4] , \u_issue.line[3] , \u_issue.line[2] , \u_issue.line[1] ,
      \u_issue.line[0] };
  (* hierconn *) wire [31:0]
      \u_issue.old_pc[0] , \u_issue.old_pc[1] , \u_issue.old_pc[2] , \u_issue.old_pc[3] ,
      \u_issue.old_pc[4] , \u_issue.old_pc[5] , \u_issue.old_pc[6] , \u_issue.old_pc[7] ;
  wire [255:0] all_old_pc = {
      \u_issue.old_pc[7] , \u_issue.old_pc[6] , \u_issue.old_pc[5] , \u_issue.old_pc[4] ,
      \u_issue.old_pc[3] , \u_issue.old_pc[2] , \u_issue.old_pc[1] , \u_issue.old_pc[0] };
  (* hierconn *) wire [31:0]
      \u_issue.old_name[0] , \u_issue.old_name[1] , \u_issue.old_name[2] , \u_issue.old_name[3] ,
      \u_issue.old_name[4] , \u_issue.old_name[5] , \u_issue.old_name[6] , \u_issue.old_name[7] ;
  wire [255:0] all_old_name = {
      \u_issue.old_name[7] , \u_issue.old_name[6] , \u_issue.old_name[5] , \u_issue.old_name[4] ,
      \u_issue.old_name[3] , \u_issue.old_name[2] , \u_issue.old_name[1] , \u_issue.old_name[0] };
  (* hierconn *) wire [31:0]
      \u_issue.old_posts[0] , \u_issue.old_posts[1] , \u_issue.old_posts[2] , \u_issue.old_posts[3] ,
      \u_issue.old_posts[4] , \u_issue.old_posts[5] , \u_issue.old_posts[6] , \u_issue.old_posts[7] ;
  wire [255:0] all_old_posts = {
      \u_issue.old_posts[7] , \u_issue.old_posts[6] , \u_issue.old_posts[5] , \u_issue.old_posts[4] ,
      \u_issue.old_posts[3] , \u_issue.old_posts[2] , \u_issue.old_posts[1] , \u_issue.old_posts[0] };
  // Words in use, and the place of the marked instruction's; Depth and Flight are powers of two.
  wire [PtrBits-1:0] words     = PtrBits'(queued - 8'(queued != '0));
  wire [FlyPtr-1:0]  fly_words = FlyPtr'(flying - 8'(flying != '0));
  wire [PtrBits-1:0] slot      = \u_issue.rptr + PtrBits'(ahead - 8'd1);
  wire [FlyPtr-1:0]  fly_slot  = \u_issue.fly_rptr + FlyPtr'(ahead - 8'd1);
  always_comb begin
    if (started) begin
      assert ((8'(\u_issue.count ) == queued) && (8'(\u_issue.flying ) == flying));
      assert (PtrBits'(\u_issue.wptr - \u_issue.rptr ) == words);
      assert (FlyPtr'(\u_issue.fly_wptr - \u_issue.fly_rptr ) == fly_words);
      if (Flight == 1) assert (\u_issue.fly_wptr == '0);
      for (int i = 0; i < Depth; i++) begin
        if (marked && !flies && (ahead != '0) && (slot == PtrBits'(i)))
          assert ((all_pc[32*i +: 32] == pc) && (all_line[512*i +: 512] == line));
      end
      for (int i = 0; i < Flight; i++) begin
        if (marked && flies && (ahead != '0) && (fly_slot == FlyPtr'(i)))
          assert ((all_old_pc[32*i +: 32] == pc) && (all_old_name[32*i +: 32] == line_name)
                  && (all_old_posts[32*i +: 32] == line_posts));
      end
    end
  end
endmodule

// The head may start exactly when the semaphores satisfy all its waits. Assumed: they change only in a cycle of wake_i.
module queue_start #(
  parameter int Depth = 4,
  localparam int SemBits = $clog2(tw_isa_pkg::SEMAPHORE_MAX + 1),
  localparam int AllBits = tw_isa_pkg::SEMAPHORES * SemBits,
  localparam int Slots   = tw_isa_pkg::SYNC_SLOTS,
  localparam int Slot    = tw_isa_pkg::HDR_WAIT1_VALID_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB,
  localparam int Waits   = tw_isa_pkg::HDR_WAIT0_VALID_LSB
) (
  input logic                  clk_i,
  input logic                  clear_i,
  input logic                  other_i,
  input logic                  push_i,
  input logic                  start_i,
  input logic [Slots*Slot-1:0] waits_i,
  input logic [AllBits-1:0]    sems_i  // of the next cycle
);
  logic         started = 1'b0;
  logic         valid, full, ok;
  logic [511:0] line;
  wire clear = clear_i || !started;
  wire push  = push_i && !full;
  wire start = start_i && ok;
  wire wake  = push || start || other_i;
  tw_issue #(.Depth(Depth), .Flight(1)) u_issue (
    .clk_i, .clear_i(clear), .wake_i(wake), .push_i(push), .pc_i('0), .line_i(512'(waits_i) << Waits), .full_o(full),
    .valid_o(valid), .ok_o(ok), .head_pc_o(), .head_line_o(line), .start_i(start), .sem_d_i(sems_i), .end_i(start),
    .old_pc_o(), .old_name_o(), .old_posts_o()
  );

  logic [AllBits-1:0] sems;
  always_ff @(posedge clk_i) begin
    started <= 1'b1;
    if (clear) sems <= '0;
    else if (wake) sems <= sems_i;
  end

  logic             holds;
  logic [Slot-1:0]  wait_slot;
  logic [SemBits:0] value;
  always_comb begin
    holds = valid;
    for (int k = 0; k < Slots; k++) begin
      wait_slot = line[Waits + Slot*k +: Slot];  // valid, semaphore, amount minus one
      for (int s = 0; s < tw_isa_pkg::SEMAPHORES; s++) begin
        value = '0;
        for (int b = 0; b < SemBits; b++) value[b] = sems[b*tw_isa_pkg::SEMAPHORES + s];  // planes
        if (wait_slot[0] && (wait_slot[5:1] == 5'(s)) && (value < (SemBits + 1)'(wait_slot[8:6]) + 1'b1)) holds = 1'b0;
      end
    end
    if (started) may_start: assert (ok == holds);
  end

  localparam int CountBits = $clog2(Depth + 1);
  (* hierconn *) wire [CountBits-1:0]  \u_issue.count ;
  (* hierconn *) wire [Slots*Slot-1:0] \u_issue.waits ;
  always_comb begin
    if (started) begin
      assert (valid == (\u_issue.count != '0));
      if (valid) assert (\u_issue.waits == line[Waits +: Slots*Slot]);
    end
  end
endmodule
