// SPDX-License-Identifier: Apache-2.0
// Instructions of one engine between issue and end: a queue of lines that have not started, and what is remembered of
// those in flight, oldest first. An engine sees the head's line when it starts and tells when its oldest instruction
// ends; nobody else keeps a PC, a tag or posts. What is pushed in c is visible in c+1; push, start and end may meet.
// wake_i: some engine's instruction is pushed, starts or ends in this cycle; nothing here changes in any other.
module tw_issue #(
  parameter int Depth  = 4,  // of the queue
  parameter int Flight = 1,  // instructions that the engine may have started and not ended
  localparam int Sems    = tw_isa_pkg::SEMAPHORES,
  localparam int SemBits = $clog2(tw_isa_pkg::SEMAPHORE_MAX + 1)
) (
  input  logic         clk_i,
  input  logic         clear_i, // reset, or a job begins
  input  logic         wake_i,
  input  logic         push_i,  // never while full_o, which ignores a start of the same cycle
  input  logic [31:0]  pc_i,
  input  logic [511:0] line_i,
  output logic         full_o,
  // head; defined while valid_o
  output logic         valid_o,
  output logic         ok_o,        // it is there, and the semaphores satisfy its waits
  output logic [31:0]  head_pc_o,
  output logic [511:0] head_line_o,
  input  logic         start_i,
  input  logic [SemBits*Sems-1:0] sem_d_i,  // bit planes of the semaphores of the next cycle; defined in wake_i
  // oldest in flight
  input  logic         end_i,
  output logic [31:0]  old_pc_o,
  output logic [31:0]  old_name_o,  // {tag, opcode}
  output logic [31:0]  old_posts_o  // the header's post slots
);
  localparam int Slot      = tw_isa_pkg::HDR_WAIT1_VALID_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int Posts     = tw_isa_pkg::HDR_POST0_VALID_LSB;
  localparam int PostBits  = tw_isa_pkg::BODY_LSB - Posts;
  localparam int CountBits = $clog2(Depth + 1);
  localparam int PtrBits   = (Depth > 2) ? $clog2(Depth) : 1;
  localparam int FlyBits   = $clog2(Flight + 1);
  localparam int FlyPtr    = (Flight > 2) ? $clog2(Flight) : 1;

  // The head and the oldest lie in registers of their own, so that nothing that reads them toggles while they wait.
  logic         full_q, valid_q, ok_q;
  logic [31:0]  pc_q, old_pc_q, old_name_q, old_posts_q;
  logic [511:0] line_q;
  assign full_o      = full_q;
  assign valid_o     = valid_q;
  assign ok_o        = ok_q;
  assign head_pc_o   = pc_q;
  assign head_line_o = line_q;
  assign old_pc_o    = old_pc_q;
  assign old_name_o  = old_name_q;
  assign old_posts_o = old_posts_q;

  // State of this process alone, updated in place; the memories hold all but the head and the oldest.
  logic [31:0]          pc        [Depth];
  logic [511:0]         line      [Depth];
  logic [CountBits-1:0] count;
  logic [PtrBits-1:0]   wptr, rptr;
  logic [31:0]          old_pc    [Flight];
  logic [31:0]          old_name  [Flight];
  logic [31:0]          old_posts [Flight];
  logic [FlyBits-1:0]   flying;
  logic [FlyPtr-1:0]    fly_wptr, fly_rptr;
  logic [26:0]          waits;                  // of the head
  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      count    = '0;
      wptr     = '0;
      rptr     = '0;
      flying   = '0;
      fly_wptr = '0;
      fly_rptr = '0;
      valid_q  <= 1'b0;
      full_q   <= 1'b0;
      ok_q     <= 1'b0;
    end else if (wake_i) begin
      if (end_i) begin
        flying = flying - 1'b1;
        if (flying != '0) begin
          old_pc_q    <= old_pc[fly_rptr];
          old_name_q  <= old_name[fly_rptr];
          old_posts_q <= old_posts[fly_rptr];
          fly_rptr    = (fly_rptr == FlyPtr'(Flight - 1)) ? '0 : fly_rptr + 1'b1;
        end
      end
      if (start_i) begin : start
        logic [31:0] name, posts;
        name  = {8'd0, line_q[tw_isa_pkg::HDR_TAG_LSB +: 16], line_q[tw_isa_pkg::HDR_OPCODE_LSB +: 8]};
        posts = 32'(line_q[Posts +: PostBits]);
        if (flying == '0) begin
          old_pc_q    <= pc_q;
          old_name_q  <= name;
          old_posts_q <= posts;
        end else begin
          old_pc[fly_wptr]    = pc_q;
          old_name[fly_wptr]  = name;
          old_posts[fly_wptr] = posts;
          fly_wptr            = (fly_wptr == FlyPtr'(Flight - 1)) ? '0 : fly_wptr + 1'b1;
        end
        flying = flying + 1'b1;
        count  = count - 1'b1;
        if (count != '0) begin
          pc_q   <= pc[rptr];
          line_q <= line[rptr];
          waits  = line[rptr][tw_isa_pkg::HDR_WAIT0_VALID_LSB +: 27];
          rptr   = (rptr == PtrBits'(Depth - 1)) ? '0 : rptr + 1'b1;
        end
      end
      if (push_i) begin : push
        logic [511:0] pushed;
        pushed = line_i;
        if (count == '0) begin
          pc_q   <= pc_i;
          line_q <= pushed;
          waits  = pushed[tw_isa_pkg::HDR_WAIT0_VALID_LSB +: 27];
        end else begin
          pc[wptr]   = pc_i;
          line[wptr] = pushed;
          wptr       = (wptr == PtrBits'(Depth - 1)) ? '0 : wptr + 1'b1;
        end
        count = count + 1'b1;
      end
      valid_q <= count != '0;
      full_q  <= count >= CountBits'(Depth);
      ok_q    <= (count != '0) && holds(waits[0 +: Slot]) && holds(waits[Slot +: Slot]) && holds(waits[2*Slot +: Slot]);
    end
  end

  // A wait slot (valid, semaphore, amount minus one) is empty or satisfied. The semaphores are not an argument: a
  // simulator would set its copies to zero in every cycle.
  localparam int ToSem = tw_isa_pkg::HDR_WAIT0_SEM_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int ToAmt = tw_isa_pkg::HDR_WAIT0_AMOUNT_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  function automatic logic holds(input logic [Slot-1:0] slot);
    logic [SemBits-1:0] value;
    holds = 1'b1;
    value = '0;
    if (slot[0]) begin
      for (int b = 0; b < SemBits; b++) value[b] = sem_d_i[b*Sems + 32'(slot[ToSem +: 5])];
      holds = value > SemBits'(slot[ToAmt +: 3]);
    end
  endfunction
endmodule
