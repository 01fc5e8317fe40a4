// SPDX-License-Identifier: Apache-2.0
// Counters of a job, in the order of the table (tw_isa_pkg::CTR_*). They count while count_i is high; clear_i sets
// them to zero. A read enabled in t delivers in t+1.
module tw_counters #(
  parameter int Engines  = 6,
  parameter int AxiBytes = 16
) (
  input  logic                 clk_i,
  input  logic                 clear_i, // reset, or a job begins
  input  logic                 count_i,
  // engines: what decides the state that each is in (docs/timing.md, section 8)
  input  logic [Engines-1:0]   idle_i,
  input  logic [Engines-1:0]   queued_i,      // its queue is not empty
  input  logic [Engines-1:0]   start_i,
  input  logic [Engines-1:0]   lost_i,        // a request of it lost
  input  logic                 st_moves_i,    // ST is not waiting; LA, LW do not wait in cycles with a beat of theirs
  input  logic                 fill_i,        // LA writes a row of a fill
  input  logic                 line_i,
  input  logic                 beat_la_i,
  input  logic                 beat_lw_i,
  input  logic                 beat_fe_i,
  input  logic                 beat_st_i,
  input  logic                 read_last_i,   // the beat is the last of a burst that began at read_time_i
  input  logic [31:0]          read_time_i,
  input  logic                 write_done_i,  // a burst of a store is complete, begun at write_time_i
  input  logic [31:0]          write_time_i,
  input  logic                 mx_row_i,
  input  logic                 rq_sat_i,      // rq_sat_count_i lanes saturated
  input  logic [7:0]           rq_sat_count_i,
  input  logic                 vx_sat_i,
  input  logic [7:0]           vx_sat_count_i,
  input  logic [8:0]           conflicts_i,   // clients of the SPM that lost
  input  logic                 rd_en_i,
  input  logic [5:0]           rd_index_i,
  output logic [63:0]          rd_data_o,
  output logic [63:0]          cycles_o,
  output logic [63:0]          bytes_read_o,  // of LA and LW
  output logic [63:0]          bytes_written_o,
  output logic [63:0]          mx_rows_o,
  output logic [63:0]          saturations_o
);
  // Counter of LA's first state, and of the others from there.
  localparam int First     = tw_isa_pkg::CTR_STATE_LA_BUSY;
  localparam int States    = tw_isa_pkg::ENGINE_STATES;
  localparam int Busy      = First + tw_isa_pkg::STATE_BUSY;
  localparam int Empty     = First + tw_isa_pkg::STATE_EMPTY;
  localparam int WaitSem   = First + tw_isa_pkg::STATE_WAIT_SEM;
  localparam int WaitBank  = First + tw_isa_pkg::STATE_WAIT_BANK;
  localparam int WaitRead  = First + tw_isa_pkg::STATE_WAIT_READ;
  localparam int WaitWrite = First + tw_isa_pkg::STATE_WAIT_WRITE;

  logic [63:0] rd_q, cycles_q, read_q, written_q, rows_q, saturations_q;
  assign rd_data_o       = rd_q;
  assign cycles_o        = cycles_q;
  assign bytes_read_o    = read_q;
  assign bytes_written_o = written_q;
  assign mx_rows_o       = rows_q;
  assign saturations_o   = saturations_q;

  // Place in a latency histogram.
  function automatic logic [5:0] bucket(input logic [31:0] latency);
    begin
      bucket = '0;
      for (int i = 1; i < tw_isa_pkg::LATENCY_BUCKETS; i++)
        if (latency >= (32'(tw_isa_pkg::LATENCY_FIRST) << (i - 1))) bucket = 6'(i);
    end
  endfunction

  // State of this process alone, updated in place.
  logic [63:0] value [tw_isa_pkg::COUNTERS];
  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      for (int i = 0; i < tw_isa_pkg::COUNTERS; i++) value[i] = '0;
      cycles_q      <= '0;
      read_q        <= '0;
      written_q     <= '0;
      rows_q        <= '0;
      saturations_q <= '0;
    end else if (count_i) begin
      value[tw_isa_pkg::CTR_CYCLES] = value[tw_isa_pkg::CTR_CYCLES] + 64'd1;
      cycles_q <= value[tw_isa_pkg::CTR_CYCLES];
      for (int e = 0; e < Engines; e++) begin : engine
        logic moves;
        moves = (e == 32'(tw_isa_pkg::ENGINE_LA)) ? beat_la_i || fill_i : (e == 32'(tw_isa_pkg::ENGINE_LW)) ? beat_lw_i
              : (e == 32'(tw_isa_pkg::ENGINE_ST)) ? st_moves_i : 1'b1;
        // Each index is a constant: a simulator has nothing to check.
        if (idle_i[e]) begin
          if (!queued_i[e]) value[Empty + e*States] = value[Empty + e*States] + 64'd1;
          else if (start_i[e]) value[Busy + e*States] = value[Busy + e*States] + 64'd1;
          else value[WaitSem + e*States] = value[WaitSem + e*States] + 64'd1;
        end else if (lost_i[e]) begin
          value[WaitBank + e*States] = value[WaitBank + e*States] + 64'd1;
        end else if (moves) begin
          value[Busy + e*States] = value[Busy + e*States] + 64'd1;
        end else if (e == 32'(tw_isa_pkg::ENGINE_ST)) begin
          value[WaitWrite + e*States] = value[WaitWrite + e*States] + 64'd1;
        end else begin
          value[WaitRead + e*States] = value[WaitRead + e*States] + 64'd1;
        end
      end
      if (line_i) value[tw_isa_pkg::CTR_LINES] = value[tw_isa_pkg::CTR_LINES] + 64'd1;
      if (beat_fe_i) value[tw_isa_pkg::CTR_BYTES_READ_FE] = value[tw_isa_pkg::CTR_BYTES_READ_FE] + 64'(AxiBytes);
      if (beat_la_i || beat_lw_i) begin
        if (beat_la_i) value[tw_isa_pkg::CTR_BYTES_READ_LA] = value[tw_isa_pkg::CTR_BYTES_READ_LA] + 64'(AxiBytes);
        else value[tw_isa_pkg::CTR_BYTES_READ_LW] = value[tw_isa_pkg::CTR_BYTES_READ_LW] + 64'(AxiBytes);
        read_q <= value[tw_isa_pkg::CTR_BYTES_READ_LA] + value[tw_isa_pkg::CTR_BYTES_READ_LW];
      end
      if (beat_st_i) begin
        value[tw_isa_pkg::CTR_BYTES_WRITTEN] = value[tw_isa_pkg::CTR_BYTES_WRITTEN] + 64'(AxiBytes);
        written_q <= value[tw_isa_pkg::CTR_BYTES_WRITTEN];
      end
      if (read_last_i && (beat_la_i || beat_lw_i || beat_fe_i)) begin : read
        logic [5:0] at;
        at        = 6'(tw_isa_pkg::CTR_READ_LATENCY_0) + bucket(cycles_q[31:0] - read_time_i);
        value[at] = value[at] + 64'd1;
      end
      if (write_done_i) begin : write
        logic [5:0] at;
        at        = 6'(tw_isa_pkg::CTR_WRITE_LATENCY_0) + bucket(cycles_q[31:0] - write_time_i);
        value[at] = value[at] + 64'd1;
      end
      if (mx_row_i) begin
        value[tw_isa_pkg::CTR_MX_ROWS] = value[tw_isa_pkg::CTR_MX_ROWS] + 64'd1;
        rows_q <= value[tw_isa_pkg::CTR_MX_ROWS];
      end
      if (rq_sat_i || vx_sat_i) begin
        value[tw_isa_pkg::CTR_SATURATIONS] = value[tw_isa_pkg::CTR_SATURATIONS]
            + (rq_sat_i ? 64'(rq_sat_count_i) : 64'd0) + (vx_sat_i ? 64'(vx_sat_count_i) : 64'd0);
        saturations_q <= value[tw_isa_pkg::CTR_SATURATIONS];
      end
      if (|conflicts_i)
        value[tw_isa_pkg::CTR_BANK_CONFLICTS] = value[tw_isa_pkg::CTR_BANK_CONFLICTS] + 64'($countones(conflicts_i));
    end
    if (rd_en_i) rd_q <= (32'(rd_index_i) < tw_isa_pkg::COUNTERS) ? value[rd_index_i] : '0;
  end
endmodule
