// SPDX-License-Identifier: Apache-2.0
// Computation: the matrix, drain and vector engines with the memories that are theirs alone, accumulators and
// parameters. They meet the others in the SPM only.
module tw_compute #(
  parameter int N          = 16,
  parameter int AxiBytes   = 16,
  parameter int AccRows    = 1024,
  parameter int ParamRows  = 256,
  parameter int LutBanks   = 8,
  parameter int WeightRows = 1,
  parameter int DwTaps     = 1
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  clear_i,        // reset, or a job begins
  // engines
  input  logic                  mx_start_i,
  input  logic [511:0]          mx_line_i,
  output logic                  mx_can_take_o,
  output logic                  mx_idle_o,
  output logic                  mx_end_o,
  input  logic                  rq_start_i,
  input  logic [511:0]          rq_line_i,
  output logic                  rq_can_take_o,
  output logic                  rq_idle_o,
  output logic                  rq_end_o,
  output logic                  rq_fault_o,
  output logic [7:0]            rq_code_o,
  input  logic                  vx_start_i,
  input  logic [511:0]          vx_line_i,
  output logic                  vx_can_take_o,
  output logic                  vx_idle_o,
  output logic                  vx_end_o,
  output logic                  vx_fault_o,
  output logic [7:0]            vx_code_o,
  // beats for parameter memory and tables
  input  logic                  wr_param_i,
  input  logic                  wr_lut_i,
  input  logic [23:0]           wr_addr_i,
  input  logic [AxiBytes*8-1:0] wr_data_i,
  // SPM; *_keep_o: a grant in this cycle does not count
  output logic                  mx_a_req_o,
  output logic [23:0]           mx_a_addr_o,
  output logic                  mx_a_halves_o,
  input  logic                  mx_a_gnt_i,
  input  logic [N*8-1:0]        mx_a_data_i,
  output logic                  mx_w_req_o,
  output logic [23:0]           mx_w_addr_o,
  input  logic                  mx_w_gnt_i,
  input  logic [WeightRows*N*8-1:0] mx_w_data_i,
  output logic                  rq_w_req_o,
  output logic [23:0]           rq_w_addr_o,
  output logic [N*8-1:0]        rq_w_data_o,
  input  logic                  rq_w_gnt_i,
  output logic                  rq_r_req_o,
  output logic [23:0]           rq_r_addr_o,
  output logic                  rq_r_keep_o,
  input  logic                  rq_r_gnt_i,
  input  logic [N*8-1:0]        rq_r_data_i,
  output logic                  vx_w_req_o,
  output logic [23:0]           vx_w_addr_o,
  output logic [N*8-1:0]        vx_w_data_o,
  input  logic                  vx_w_gnt_i,
  output logic                  vx_a_req_o,
  output logic [23:0]           vx_a_addr_o,
  input  logic                  vx_a_gnt_i,
  input  logic [N*8-1:0]        vx_a_data_i,
  output logic                  vx_b_req_o,
  output logic [23:0]           vx_b_addr_o,
  input  logic                  vx_b_gnt_i,
  input  logic [N*8-1:0]        vx_b_data_i,
  output logic                  vx_keep_o,
  // counters
  output logic                  mx_row_o,
  output logic                  rq_sat_o,
  output logic [7:0]            rq_sat_count_o,
  output logic                  vx_sat_o,
  output logic [7:0]            vx_sat_count_o
);
  localparam int AccBits = $clog2(AccRows);

  //--- accumulators and MX -----------------------------------------------------------------------
  logic               acc_mx_read, acc_mx_write, acc_mx_add, acc_rq_read, acc_rq_write, acc_conflict;
  logic [AccBits-1:0] acc_mx_read_row, acc_mx_write_row, acc_rq_row, acc_rq_write_row;
  logic [N*32-1:0]    acc_mx_sum, acc_rq_words, acc_low, acc_high;

  tw_acc #(.N(N), .Rows(AccRows)) u_acc (
    .clk_i,
    .mx_read_i     (acc_mx_read),
    .mx_read_row_i (acc_mx_read_row),
    .mx_write_i    (acc_mx_write),
    .mx_write_row_i(acc_mx_write_row),
    .mx_add_i      (acc_mx_add),
    .mx_sum_i      (acc_mx_sum),
    .rq_read_i     (acc_rq_read),
    .rq_row_i      (acc_rq_row),
    .rq_write_i    (acc_rq_write),
    .rq_write_row_i(acc_rq_write_row),
    .rq_words_i    (acc_rq_words),
    .low_o         (acc_low),
    .high_o        (acc_high),
    .conflict_o    (acc_conflict)
  );

  tw_mx #(.N(N), .AccRows(AccRows), .WeightRows(WeightRows)) u_mx (
    .clk_i,
    .rst_ni,
    .start_i        (mx_start_i),
    .line_i         (mx_line_i),
    .can_take_o     (mx_can_take_o),
    .idle_o         (mx_idle_o),
    .end_o          (mx_end_o),
    .act_req_o      (mx_a_req_o),
    .act_addr_o     (mx_a_addr_o),
    .act_halves_o   (mx_a_halves_o),
    .act_gnt_i      (mx_a_gnt_i),
    .act_data_i     (mx_a_data_i),
    .wgt_req_o      (mx_w_req_o),
    .wgt_addr_o     (mx_w_addr_o),
    .wgt_gnt_i      (mx_w_gnt_i),
    .wgt_data_i     (mx_w_data_i),
    .acc_read_o     (acc_mx_read),
    .acc_read_row_o (acc_mx_read_row),
    .acc_write_o    (acc_mx_write),
    .acc_write_row_o(acc_mx_write_row),
    .acc_add_o      (acc_mx_add),
    .acc_sum_o      (acc_mx_sum),
    .row_o          (mx_row_o)
  );

  //--- parameters and tables ---------------------------------------------------------------------
  logic            prm_rq_en, prm_rq_ok, prm_vx_en, prm_vx_ok, lut_ok, lut_en;
  logic [15:0]     prm_rq_row, prm_vx_row;
  logic [N*32-1:0] prm_rq_data, prm_vx_data;
  logic            rq_lut_ok, rq_lut_en;
  logic [2:0]      lut_bank, rq_bank;
  logic [N*8-1:0]  lut_index, lut_data, rq_index, rq_lut_data;

  tw_param #(.N(N), .Rows(ParamRows), .LutBanks(LutBanks), .AxiBytes(AxiBytes)) u_param (
    .clk_i,
    .clear_i,
    .wr_param_i,
    .wr_lut_i,
    .wr_addr_i,
    .wr_data_i,
    .rq_en_i    (prm_rq_en),
    .rq_row_i   (prm_rq_row),
    .rq_ok_o    (prm_rq_ok),
    .rq_data_o  (prm_rq_data),
    .vx_en_i    (prm_vx_en),
    .vx_row_i   (prm_vx_row),
    .vx_ok_o    (prm_vx_ok),
    .vx_data_o  (prm_vx_data),
    .rq_bank_i  (rq_bank),
    .rq_lut_ok_o(rq_lut_ok),
    .rq_lut_en_i(rq_lut_en),
    .rq_index_i (rq_index),
    .rq_lut_data_o(rq_lut_data),
    .lut_bank_i (lut_bank),
    .lut_ok_o   (lut_ok),
    .lut_en_i   (lut_en),
    .lut_index_i(lut_index),
    .lut_data_o (lut_data)
  );

  //--- RQ and VX ---------------------------------------------------------------------------------
  logic rq_uninit, rq_bad, vx_uninit, vx_bad;
  assign rq_fault_o = rq_uninit || rq_bad || acc_conflict;
  assign rq_code_o  = rq_uninit ? tw_isa_pkg::FAULT_UNINIT_PARAM
                    : rq_bad ? tw_isa_pkg::FAULT_BAD_PARAM : tw_isa_pkg::FAULT_ACC_CONFLICT;
  assign vx_fault_o = vx_uninit || vx_bad;
  assign vx_code_o  = vx_uninit ? tw_isa_pkg::FAULT_UNINIT_PARAM : tw_isa_pkg::FAULT_BAD_PARAM;

  tw_rq #(.N(N), .AccRows(AccRows)) u_rq (
    .clk_i,
    .rst_ni,
    .start_i     (rq_start_i),
    .line_i      (rq_line_i),
    .can_take_o  (rq_can_take_o),
    .idle_o      (rq_idle_o),
    .end_o       (rq_end_o),
    .acc_read_o  (acc_rq_read),
    .acc_row_o   (acc_rq_row),
    .acc_write_o (acc_rq_write),
    .acc_write_row_o(acc_rq_write_row),
    .acc_words_o (acc_rq_words),
    .acc_low_i   (acc_low),
    .acc_high_i  (acc_high),
    .param_en_o  (prm_rq_en),
    .param_row_o (prm_rq_row),
    .param_ok_i  (prm_rq_ok),
    .param_data_i(prm_rq_data),
    .lut_bank_o  (rq_bank),
    .lut_ok_i    (rq_lut_ok),
    .lut_en_o    (rq_lut_en),
    .lut_index_o (rq_index),
    .lut_data_i  (rq_lut_data),
    .res_req_o   (rq_r_req_o),
    .res_addr_o  (rq_r_addr_o),
    .res_keep_o  (rq_r_keep_o),
    .res_gnt_i   (rq_r_gnt_i),
    .res_data_i  (rq_r_data_i),
    .wr_req_o    (rq_w_req_o),
    .wr_addr_o   (rq_w_addr_o),
    .wr_data_o   (rq_w_data_o),
    .wr_gnt_i    (rq_w_gnt_i),
    .uninit_o    (rq_uninit),
    .bad_param_o (rq_bad),
    .sat_o       (rq_sat_o),
    .sat_count_o (rq_sat_count_o)
  );

  tw_vx #(.N(N), .DwTaps(DwTaps)) u_vx (
    .clk_i,
    .rst_ni,
    .start_i     (vx_start_i),
    .line_i      (vx_line_i),
    .can_take_o  (vx_can_take_o),
    .idle_o      (vx_idle_o),
    .end_o       (vx_end_o),
    .a_req_o     (vx_a_req_o),
    .a_addr_o    (vx_a_addr_o),
    .a_gnt_i     (vx_a_gnt_i),
    .a_data_i    (vx_a_data_i),
    .b_req_o     (vx_b_req_o),
    .b_addr_o    (vx_b_addr_o),
    .b_gnt_i     (vx_b_gnt_i),
    .b_data_i    (vx_b_data_i),
    .keep_o      (vx_keep_o),
    .wr_req_o    (vx_w_req_o),
    .wr_addr_o   (vx_w_addr_o),
    .wr_data_o   (vx_w_data_o),
    .wr_gnt_i    (vx_w_gnt_i),
    .param_en_o  (prm_vx_en),
    .param_row_o (prm_vx_row),
    .param_ok_i  (prm_vx_ok),
    .param_data_i(prm_vx_data),
    .lut_bank_o  (lut_bank),
    .lut_ok_i    (lut_ok),
    .lut_en_o    (lut_en),
    .lut_index_o (lut_index),
    .lut_data_i  (lut_data),
    .uninit_o    (vx_uninit),
    .bad_param_o (vx_bad),
    .sat_o       (vx_sat_o),
    .sat_count_o (vx_sat_count_o)
  );
endmodule
