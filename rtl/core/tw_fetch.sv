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
  input  logic [63:0]           code_addr_i,    // of line 0; defined while req_o or fault_o
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

  logic         got_q;             // the descriptor has come
  logic         error_q;           // of the descriptor
  logic         bad_line_q, valid_q, room_q, none_q;
  logic         asked_q;           // the descriptor was requested
  logic [31:0]  requested_q, received_q;
  logic [511:0] descriptor_q [1], line_q [1];  // one row each: rarely written, widely read

  assign req_o      = (descriptor_i && !asked_q) || (run_i && room_q && (requested_q < line_count_i));
  always_comb begin
    req_addr_o = '0;
    if (req_o) req_addr_o = descriptor_i ? job_addr_i : code_addr_i + {26'd0, requested_q, 6'd0};
  end

  assign descriptor_o       = descriptor_q[0];
  assign descriptor_done_o  = beat_i && beat_last_i && !got_q;
  assign descriptor_error_o = error_q;

  assign valid_o      = valid_q;
  assign line_o       = line_q[0];
  assign none_o       = none_q && (requested_q >= line_count_i);
  assign fault_o      = bad_line_q;
  assign fault_pc_o   = received_q - 32'd1;
  assign fault_addr_o = code_addr_i + {26'd0, received_q - 32'd1, 6'd0};

  // State of this process alone, updated in place.
  logic [511:0]         buf_mem [Lines];
  logic [PtrBits-1:0]   wptr, rptr;
  logic [CountBits-1:0] ready, ahead;    // lines in the buffer; lines requested and not taken
  logic [31:0]          requested, received;
  logic [BeatBits-1:0]  beat;
  logic                 got, error;      // the descriptor has come; of the beats so far
  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      wptr        = '0;
      rptr        = '0;
      ready       = '0;
      ahead       = '0;
      requested   = '0;
      received    = '0;
      beat        = '0;
      got         = 1'b0;
      error       = 1'b0;
      asked_q     <= 1'b0;
      got_q       <= 1'b0;
      error_q     <= 1'b0;
      bad_line_q  <= 1'b0;
      valid_q     <= 1'b0;
      room_q      <= 1'b1;
      none_q      <= 1'b1;
      requested_q <= '0;
      received_q  <= '0;
    end else if (gnt_i || beat_i || take_i || bad_line_q) begin
      bad_line_q <= 1'b0;
      if (take_i) begin
        line_q[0] <= buf_mem[rptr];
        rptr   = (rptr == PtrBits'(Lines - 1)) ? '0 : rptr + 1'b1;
        ready  = ready - 1'b1;
        ahead  = ahead - 1'b1;
      end
      if (gnt_i) begin
        if (descriptor_i) begin
          asked_q <= 1'b1;
        end else begin
          requested = requested + 1'b1;
          ahead     = ahead + 1'b1;
        end
      end
      if (beat_i) begin
        error = error || beat_error_i;
        if (got) buf_mem[wptr][AxiBytes*8*32'(beat) +: AxiBytes*8] = beat_data_i;
        else descriptor_q[0][AxiBytes*8*32'(beat) +: AxiBytes*8] <= beat_data_i;
        beat = beat_last_i ? '0 : beat + 1'b1;
        if (beat_last_i && got) begin
          received   = received + 1'b1;
          bad_line_q <= error;
          if (!error) begin
            wptr  = (wptr == PtrBits'(Lines - 1)) ? '0 : wptr + 1'b1;
            ready = ready + 1'b1;
          end
          error = 1'b0;
        end
        if (beat_last_i) got = 1'b1;
      end
      got_q       <= got;
      error_q     <= error;
      valid_q     <= ready != '0;
      room_q      <= ahead < CountBits'(Lines);
      none_q      <= ahead == '0;
      requested_q <= requested;
      received_q  <= received;
    end
  end
endmodule
