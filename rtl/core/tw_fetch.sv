// SPDX-License-Identifier: Apache-2.0
// Fetch: reads the job descriptor, then the lines of the stream ahead of the decoder, at most Lines of them. A line
// whose last beat is processed in p is in the buffer in p+1. A line whose read failed does not enter the buffer:
// fault_o in p+1.
module tw_fetch #(
  parameter int AxiBytes = 16,
  parameter int Lines    = 4
) (
  input  logic                  clk_i,
  input  logic                  clear_i,        // reset, or a job begins
  input  logic                  descriptor_i,   // state DESC
  input  logic                  run_i,          // state RUN and no fault
  input  logic [63:0]           job_addr_i,
  input  logic [63:0]           code_addr_i,    // of line 0
  input  logic [31:0]           line_count_i,
  // read port
  output logic                  req_o,
  output logic [63:0]           req_addr_o,
  input  logic                  gnt_i,
  input  logic                  beat_i,
  input  logic                  beat_last_i,
  input  logic                  beat_error_i,
  input  logic [AxiBytes*8-1:0] beat_data_i,
  // descriptor
  output logic [511:0]          descriptor_o,
  output logic                  descriptor_done_o,   // its last beat is processed in this cycle
  output logic                  descriptor_error_o,  // from the next cycle on: the read failed
  // decoder
  output logic                  valid_o,        // the buffer is not empty
  output logic [511:0]          line_o,         // the line taken last
  input  logic                  take_i,
  output logic                  none_o,         // no line is requested that was not taken, and none will be
  output logic                  fault_o,
  output logic [31:0]           fault_pc_o,
  output logic [63:0]           fault_addr_o
);
  localparam int CountBits = $clog2(Lines + 1);
  localparam int PtrBits   = (Lines > 1) ? $clog2(Lines) : 1;
  localparam int Beats     = 64 / AxiBytes;
  localparam int BeatBits  = (Beats > 1) ? $clog2(Beats) : 1;

  logic                 asked_q;             // the descriptor was requested
  logic                 got_q;               // and has come
  logic                 error_q;             // of the beats so far, or of the descriptor
  logic                 bad_line_q;
  logic [511:0]         descriptor_q;
  logic [511:0]         buf_mem [Lines];
  logic [511:0]         line_q;
  logic [PtrBits-1:0]   wptr_q, rptr_q;
  logic [CountBits-1:0] ready_q, ahead_q;    // lines in the buffer; lines requested and not taken
  logic [31:0]          requested_q, received_q;
  logic [BeatBits-1:0]  beat_q;

  assign req_o      = (descriptor_i && !asked_q)
                      || (run_i && (requested_q < line_count_i) && (ahead_q < CountBits'(Lines)));
  assign req_addr_o = descriptor_i ? job_addr_i : code_addr_i + {26'd0, requested_q, 6'd0};

  assign descriptor_o       = descriptor_q;
  assign descriptor_done_o  = beat_i && beat_last_i && !got_q;
  assign descriptor_error_o = error_q;

  assign valid_o      = ready_q != '0;
  assign line_o       = line_q;
  assign none_o       = (requested_q >= line_count_i) && (ahead_q == '0);
  assign fault_o      = bad_line_q;
  assign fault_pc_o   = received_q - 32'd1;
  assign fault_addr_o = code_addr_i + {26'd0, received_q - 32'd1, 6'd0};

  wire asks_line = gnt_i && !descriptor_i;
  wire line_done = beat_i && beat_last_i && got_q;
  wire line_good = line_done && !error_q && !beat_error_i;

  always_ff @(posedge clk_i) begin
    if (gnt_i && descriptor_i) asked_q <= 1'b1;
    if (asks_line) requested_q <= requested_q + 1'b1;
    if (asks_line != take_i) ahead_q <= asks_line ? ahead_q + 1'b1 : ahead_q - 1'b1;
    bad_line_q <= line_done && !line_good;
    if (beat_i) begin
      beat_q  <= beat_last_i ? '0 : beat_q + 1'b1;
      error_q <= (error_q || beat_error_i) && !(got_q && beat_last_i);
      if (!got_q) descriptor_q[AxiBytes*8*32'(beat_q) +: AxiBytes*8] <= beat_data_i;
      else buf_mem[wptr_q][AxiBytes*8*32'(beat_q) +: AxiBytes*8] <= beat_data_i;
      if (beat_last_i) got_q <= 1'b1;
    end
    if (line_good) wptr_q <= (wptr_q == PtrBits'(Lines - 1)) ? '0 : wptr_q + 1'b1;
    if (line_done) received_q <= received_q + 1'b1;
    if (take_i) line_q <= buf_mem[rptr_q];
    if (take_i) rptr_q <= (rptr_q == PtrBits'(Lines - 1)) ? '0 : rptr_q + 1'b1;
    if (line_good != take_i) ready_q <= line_good ? ready_q + 1'b1 : ready_q - 1'b1;

    if (clear_i) begin
      asked_q     <= 1'b0;
      got_q       <= 1'b0;
      error_q     <= 1'b0;
      bad_line_q  <= 1'b0;
      wptr_q      <= '0;
      rptr_q      <= '0;
      ready_q     <= '0;
      ahead_q     <= '0;
      requested_q <= '0;
      received_q  <= '0;
      beat_q      <= '0;
    end
  end
endmodule
