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
  input  logic [Engines*3-1:0] state_i,       // tw_isa_pkg::STATE_* of each engine
  input  logic                 line_i,
  input  logic                 beat_la_i,
  input  logic                 beat_lw_i,
  input  logic                 beat_fe_i,
  input  logic                 beat_st_i,
  input  logic                 mx_row_i,
  input  logic [7:0]           saturated_i,
  input  logic [3:0]           lost_i,
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
      for (int e = 0; e < Engines; e++) begin
        state_q[e*States + 32'(state_i[e*3 +: 3])] <= state_q[e*States + 32'(state_i[e*3 +: 3])] + 64'd1;
      end
      if (line_i) lines_q <= lines_q + 64'd1;
      if (beat_la_i) la_q <= la_q + 64'(AxiBytes);
      if (beat_lw_i) lw_q <= lw_q + 64'(AxiBytes);
      if (beat_fe_i) fe_q <= fe_q + 64'(AxiBytes);
      if (beat_st_i) written_q <= written_q + 64'(AxiBytes);
      if (mx_row_i) rows_q <= rows_q + 64'd1;
      if (saturated_i != '0) saturations_q <= saturations_q + 64'(saturated_i);
      if (lost_i != '0) lost_q <= lost_q + 64'(lost_i);
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
