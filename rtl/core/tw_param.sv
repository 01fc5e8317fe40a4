// SPDX-License-Identifier: Apache-2.0
// Parameter memory (rows of N words) and look-up tables, read by RQ and VX, written by beats of LW.
// A read enabled in t delivers in t+1 and keeps its data; *_ok_o tells in t whether the addressed row or table was
// ever written since clear_i. A beat written in t is seen from t+1 on.
module tw_param #(
  parameter int N        = 16,
  parameter int Rows     = 256,
  parameter int LutBanks = 8,
  parameter int AxiBytes = 16
) (
  input  logic                  clk_i,
  input  logic                  clear_i, // reset, or a job begins
  input  logic                  wr_param_i,
  input  logic                  wr_lut_i,
  input  logic [23:0]           wr_addr_i,   // byte address of the beat
  input  logic [AxiBytes*8-1:0] wr_data_i,
  input  logic                  rq_en_i,
  input  logic [15:0]           rq_row_i,
  output logic                  rq_ok_o,
  output logic [N*32-1:0]       rq_data_o,
  input  logic                  vx_en_i,
  input  logic [15:0]           vx_row_i,
  output logic                  vx_ok_o,
  output logic [N*32-1:0]       vx_data_o,
  input  logic [2:0]            rq_bank_i,
  output logic                  rq_lut_ok_o,
  input  logic                  rq_lut_en_i,
  input  logic [N*8-1:0]        rq_index_i,  // per lane, a signed byte
  output logic [N*8-1:0]        rq_lut_data_o,
  input  logic [2:0]            lut_bank_i,  // VX
  output logic                  lut_ok_o,
  input  logic                  lut_en_i,
  input  logic [N*8-1:0]        lut_index_i,
  output logic [N*8-1:0]        lut_data_o
);
  localparam int RowBits   = $clog2(Rows);
  localparam int ByteLog   = $clog2(N) + 2;
  localparam int Parts     = N * 4 / AxiBytes;
  localparam int BankBits  = (LutBanks > 1) ? $clog2(LutBanks) : 1;
  localparam int LutBits   = $clog2(LutBanks) + 8;

  logic [N*32-1:0]     mem [Rows] /*verilator public_flat_rw*/;
  logic [7:0]          lut [LutBanks*256] /*verilator public_flat_rw*/;
  logic [Rows-1:0]     row_valid_q;
  logic [LutBanks-1:0] lut_valid_q;
  logic [N*32-1:0]     rq_q [1], vx_q [1];
  logic [N*8-1:0]      lut_q, rq_lut_q;

  wire [RowBits-1:0]  wr_row  = wr_addr_i[ByteLog +: RowBits];
  wire [BankBits-1:0] wr_bank = wr_addr_i[8 +: BankBits];
  wire [BankBits-1:0] rd_bank = lut_bank_i[BankBits-1:0];
  wire [BankBits-1:0] rq_bank = rq_bank_i[BankBits-1:0];

  assign rq_ok_o    = row_valid_q[rq_row_i[RowBits-1:0]];
  assign vx_ok_o    = row_valid_q[vx_row_i[RowBits-1:0]];
  assign lut_ok_o   = lut_valid_q[rd_bank];
  assign rq_data_o  = rq_q[0];
  assign vx_data_o  = vx_q[0];
  assign lut_data_o = lut_q;
  assign rq_lut_ok_o   = lut_valid_q[rq_bank];
  assign rq_lut_data_o = rq_lut_q;

  always_ff @(posedge clk_i) begin
    if (wr_param_i) begin
      for (int p = 0; p < Parts; p++) begin
        if (32'(wr_addr_i[ByteLog-1:0]) == p * AxiBytes)
          mem[wr_row][p*AxiBytes*8 +: AxiBytes*8] <= wr_data_i;
      end
      row_valid_q[wr_row] <= 1'b1;
    end
    if (wr_lut_i) begin
      for (int i = 0; i < AxiBytes; i++) begin
        lut[LutBits'({wr_bank, wr_addr_i[7:0]}) + LutBits'(i)] <= wr_data_i[i*8 +: 8];
      end
      lut_valid_q[wr_bank] <= 1'b1;
    end
    if (rq_en_i) rq_q[0] <= mem[rq_row_i[RowBits-1:0]];
    if (vx_en_i) vx_q[0] <= mem[vx_row_i[RowBits-1:0]];
    if (lut_en_i) begin
      for (int i = 0; i < N; i++) begin
        lut_q[i*8 +: 8] <= lut[LutBits'({rd_bank, lut_index_i[i*8 +: 8] ^ 8'h80})];
      end
    end
    if (rq_lut_en_i) begin
      for (int i = 0; i < N; i++) begin
        rq_lut_q[i*8 +: 8] <= lut[LutBits'({rq_bank, rq_index_i[i*8 +: 8] ^ 8'h80})];
      end
    end
    if (clear_i) begin
      row_valid_q <= '0;
      lut_valid_q <= '0;
    end
  end
endmodule
