// SPDX-License-Identifier: Apache-2.0
// Counters of a job, in the order of the table (tw_isa_pkg::CTR_*). They count while count_i is high; clear_i sets
// them to zero. A read enabled in t delivers in t+1.
module tw_counters #(
  parameter int Engines  = 6,
  parameter int AxiBytes = 16
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 clear_i,
  input  logic                 count_i,
  // engines: what decides the state that each is in (docs/timing.md, section 8)
  input  logic [Engines-1:0]   idle_i,
  input  logic [Engines-1:0]   queued_i,      // its queue is not empty
  input  logic [Engines-1:0]   start_i,
  input  logic [Engines-1:0]   lost_i,        // a request of it lost
  input  logic [Engines-1:0]   moves_i,
  input  logic                 line_i,
  input  logic                 beat_la_i,
  input  logic                 beat_lw_i,
  input  logic                 beat_fe_i,
  input  logic                 beat_st_i,
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
  localparam int States = tw_isa_pkg::ENGINE_STATES;

  logic [63:0] state_q [Engines*States];
  logic [63:0] cycles_q, lines_q, la_q, lw_q, fe_q, written_q, rows_q, saturations_q, lost_q, rd_q;

  assign rd_data_o       = rd_q;
  assign cycles_o        = cycles_q;
  assign bytes_read_o    = la_q + lw_q;
  assign bytes_written_o = written_q;
  assign mx_rows_o       = rows_q;
  assign saturations_o   = saturations_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      for (int i = 0; i < Engines * States; i++) state_q[i] <= '0;
      cycles_q      <= '0;
      lines_q       <= '0;
      la_q          <= '0;
      lw_q          <= '0;
      fe_q          <= '0;
      written_q     <= '0;
      rows_q        <= '0;
      saturations_q <= '0;
      lost_q        <= '0;
    end else if (count_i) begin
      cycles_q <= cycles_q + 64'd1;
      for (int e = 0; e < Engines; e++) begin : gen_state
        logic [2:0] state;
        state = idle_i[e] ? (!queued_i[e] ? 3'(tw_isa_pkg::STATE_EMPTY)
                             : start_i[e] ? 3'(tw_isa_pkg::STATE_BUSY) : 3'(tw_isa_pkg::STATE_WAIT_SEM))
              : lost_i[e] ? 3'(tw_isa_pkg::STATE_WAIT_BANK)
              : moves_i[e] ? 3'(tw_isa_pkg::STATE_BUSY)
              : (e == 32'(tw_isa_pkg::ENGINE_ST)) ? 3'(tw_isa_pkg::STATE_WAIT_WRITE)
                                                  : 3'(tw_isa_pkg::STATE_WAIT_READ);
        state_q[e*States + 32'(state)] <= state_q[e*States + 32'(state)] + 64'd1;
      end
      if (line_i) lines_q <= lines_q + 64'd1;
      if (beat_la_i) la_q <= la_q + 64'(AxiBytes);
      if (beat_lw_i) lw_q <= lw_q + 64'(AxiBytes);
      if (beat_fe_i) fe_q <= fe_q + 64'(AxiBytes);
      if (beat_st_i) written_q <= written_q + 64'(AxiBytes);
      if (mx_row_i) rows_q <= rows_q + 64'd1;
      if (rq_sat_i || vx_sat_i)
        saturations_q <= saturations_q + (rq_sat_i ? 64'(rq_sat_count_i) : 64'd0)
                       + (vx_sat_i ? 64'(vx_sat_count_i) : 64'd0);
      if (|conflicts_i) lost_q <= lost_q + 64'($countones(conflicts_i));
    end
    if (rd_en_i) begin
      case (32'(rd_index_i))
        tw_isa_pkg::CTR_CYCLES:         rd_q <= cycles_q;
        tw_isa_pkg::CTR_LINES:          rd_q <= lines_q;
        tw_isa_pkg::CTR_BYTES_READ_LA:  rd_q <= la_q;
        tw_isa_pkg::CTR_BYTES_READ_LW:  rd_q <= lw_q;
        tw_isa_pkg::CTR_BYTES_READ_FE:  rd_q <= fe_q;
        tw_isa_pkg::CTR_BYTES_WRITTEN:  rd_q <= written_q;
        tw_isa_pkg::CTR_MX_ROWS:        rd_q <= rows_q;
        tw_isa_pkg::CTR_SATURATIONS:    rd_q <= saturations_q;
        tw_isa_pkg::CTR_BANK_CONFLICTS: rd_q <= lost_q;
        default: begin
          rd_q <= '0;
          if (32'(rd_index_i) < tw_isa_pkg::CTR_LINES)
            rd_q <= state_q[32'(rd_index_i) - tw_isa_pkg::CTR_STATE_LA_BUSY];
        end
      endcase
    end
  end
endmodule
