// SPDX-License-Identifier: Apache-2.0
// Instructions of one engine between issue and end: a queue of lines that have not started, and what is remembered of
// those in flight, oldest first. An engine sees the head's line when it starts and tells when its oldest instruction
// ends; nobody else keeps a PC, a tag or posts.
module tw_issue #(
  parameter int Depth  = 4,  // of the queue
  parameter int Flight = 1   // instructions that the engine may have started and not ended
) (
  input  logic         clk_i,
  input  logic         clear_i, // reset, or a job begins
  input  logic         push_i,
  input  logic [31:0]  pc_i,
  input  logic [511:0] line_i,
  output logic         full_o,
  // head
  output logic         valid_o,
  output logic [31:0]  head_pc_o,
  output logic [511:0] head_line_o,
  input  logic         start_i,
  // oldest in flight
  input  logic         end_i,
  output logic [31:0]  old_pc_o,
  output logic [31:0]  old_name_o,  // {tag, opcode}
  output logic [31:0]  old_posts_o  // the header's post slots
);
  localparam int Posts    = tw_isa_pkg::HDR_POST0_VALID_LSB;
  localparam int PostBits = tw_isa_pkg::BODY_LSB - Posts;

  logic [63:0] old;
  logic        flying_unused, full_unused;
  assign old_name_o  = old[31:0];
  assign old_posts_o = old[63:32];
  wire   unused      = &{1'b0, flying_unused, full_unused};

  tw_queue #(.Depth(Depth), .Bits(512)) u_waiting (
    .clk_i,
    .clear_i,
    .push_i,
    .pc_i,
    .data_i (line_i),
    .pop_i  (start_i),
    .valid_o,
    .full_o,
    .pc_o   (head_pc_o),
    .data_o (head_line_o)
  );

  tw_queue #(.Depth(Flight), .Bits(64)) u_flight (
    .clk_i,
    .clear_i,
    .push_i (start_i),
    .pc_i   (head_pc_o),
    .data_i ({(32)'(head_line_o[Posts +: PostBits]), 8'd0, head_line_o[tw_isa_pkg::HDR_TAG_LSB +: 16],
              head_line_o[tw_isa_pkg::HDR_OPCODE_LSB +: 8]}),
    .pop_i  (end_i),
    .valid_o(flying_unused),
    .full_o (full_unused),
    .pc_o   (old_pc_o),
    .data_o (old)
  );
endmodule
