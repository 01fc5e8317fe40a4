// SPDX-License-Identifier: Apache-2.0
// The machine: six engines behind one front end, a scratchpad, an AXI4 master (data) and an AXI4-Lite slave
// (registers). Every size comes from tw_cfg_pkg; this is the only module that reads it. Reset is synchronous, active
// low, and defines all control state; memories keep what they hold. docs/timing.md says in which cycle everything
// happens.
//
// For the trace, all visible in the cycle they speak of, in u_front: `event_now`: look at the others;
// gen_issue[e].starts: the head of queue e starts; gen_issue[e].ends: the oldest instruction of engine e ends, its PC
// in u_issue.old_pc_q, tag and opcode in old_name_q; `fe_leave`: the front end consumes u_fetch.line_q, whose PC is
// u_decode.pc_q.
module tw_top (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  // AXI4-Lite
  input  logic                             s_awvalid_i,
  output logic                             s_awready_o,
  input  logic [15:0]                      s_awaddr_i,
  input  logic                             s_wvalid_i,
  output logic                             s_wready_o,
  input  logic [31:0]                      s_wdata_i,
  input  logic [3:0]                       s_wstrb_i,
  output logic                             s_bvalid_o,
  input  logic                             s_bready_i,
  output logic [1:0]                       s_bresp_o,
  input  logic                             s_arvalid_i,
  output logic                             s_arready_o,
  input  logic [15:0]                      s_araddr_i,
  output logic                             s_rvalid_o,
  input  logic                             s_rready_i,
  output logic [31:0]                      s_rdata_o,
  output logic [1:0]                       s_rresp_o,
  // AXI4: INCR bursts of full beats, one ID
  output logic                             m_arvalid_o,
  input  logic                             m_arready_i,
  output logic [63:0]                      m_araddr_o,
  output logic [7:0]                       m_arlen_o,
  output logic [2:0]                       m_arsize_o,
  output logic [1:0]                       m_arburst_o,
  input  logic                             m_rvalid_i,
  output logic                             m_rready_o,
  input  logic [tw_cfg_pkg::AXI_BYTES*8-1:0] m_rdata_i,
  input  logic [1:0]                       m_rresp_i,
  input  logic                             m_rlast_i,
  output logic                             m_awvalid_o,
  input  logic                             m_awready_i,
  output logic [63:0]                      m_awaddr_o,
  output logic [7:0]                       m_awlen_o,
  output logic [2:0]                       m_awsize_o,
  output logic [1:0]                       m_awburst_o,
  output logic                             m_wvalid_o,
  input  logic                             m_wready_i,
  output logic [tw_cfg_pkg::AXI_BYTES*8-1:0] m_wdata_o,
  output logic [tw_cfg_pkg::AXI_BYTES-1:0] m_wstrb_o,
  output logic                             m_wlast_o,
  input  logic                             m_bvalid_i,
  output logic                             m_bready_o,
  input  logic [1:0]                       m_bresp_i,
  output logic                             irq_o,
  output logic                             busy_o
);
  localparam int N          = tw_cfg_pkg::N;
  localparam int AxiBytes   = tw_cfg_pkg::AXI_BYTES;
  localparam int Engines    = tw_isa_pkg::ENGINES - 1;


  // Clients of the SPM, in order of priority
  localparam int SpmDma = 0;
  localparam int SpmSt  = 1;
  localparam int SpmMxA = 2;
  localparam int SpmMxW = 3;
  localparam int SpmRqW = 4;
  localparam int SpmRqR = 5;
  localparam int SpmVxW = 6;
  localparam int SpmVxA = 7;
  localparam int SpmVxB = 8;

  assign m_arsize_o  = 3'($clog2(AxiBytes));
  assign m_awsize_o  = 3'($clog2(AxiBytes));
  assign m_arburst_o = 2'b01;
  assign m_awburst_o = 2'b01;
  assign m_rready_o  = 1'b1;
  assign m_bready_o  = 1'b1;

  logic                  clear, fe_req, fe_gnt, reads_idle, record, record_done, record_error;
  logic [63:0]           fe_addr, record_addr;
  logic [511:0]          record_data, la_line, lw_line, mx_line, rq_line, vx_line, st_line;
  logic [8*64-1:0]       region_base;
  logic                  la_start, lw_start, mx_start, rq_start, vx_start, st_start;
  logic                  la_can_take, lw_can_take, mx_can_take, rq_can_take, vx_can_take, st_can_take;
  logic                  la_idle, lw_idle, mx_idle, rq_idle, vx_idle, st_idle;
  logic                  la_end, lw_end, mx_end, rq_end, vx_end, st_end;
  logic [Engines-1:0]    fault, lost;
  logic [8:0]            spm_lost;
  logic [63:0]           la_fault_addr, lw_fault_addr, st_fault_addr;
  logic                  beat_fe, beat_la, beat_lw, beat_burst_last, beat_error, beat_spm, beat_param, beat_lut;
  logic                  fill, fill_lost;
  logic [23:0]           fill_addr;
  logic [7:0]            fill_value;
  logic [AxiBytes*8-1:0] beat_data;
  logic [23:0]           beat_local;
  logic                  st_progress, st_beat, mx_row, rq_sat, vx_sat;
  logic                  write_done;
  logic [31:0]           read_time, write_time, job_time;
  logic [7:0]            rq_sat_count, vx_sat_count, rq_code, vx_code;

  tw_front #(
    .N         (N),
    .AxiBytes  (AxiBytes),
    .SpmBytes  (tw_cfg_pkg::SPM_BYTES),
    .AccRows   (tw_cfg_pkg::ACC_ROWS),
    .ParamRows (tw_cfg_pkg::PARAM_ROWS),
    .LutBanks  (tw_cfg_pkg::LUT_BANKS),
    .FetchLines(tw_cfg_pkg::FETCH_LINES),
    .QueueDepth(tw_cfg_pkg::QUEUE_DEPTH),
    .LoadDepth (tw_cfg_pkg::LOAD_DEPTH),
    .CfgHash   (tw_cfg_pkg::CFG_HASH)
  ) u_front (
    .clk_i,
    .rst_ni,
    .s_awvalid_i,
    .s_awready_o,
    .s_awaddr_i,
    .s_wvalid_i,
    .s_wready_o,
    .s_wdata_i,
    .s_wstrb_i,
    .s_bvalid_o,
    .s_bready_i,
    .s_bresp_o,
    .s_arvalid_i,
    .s_arready_o,
    .s_araddr_i,
    .s_rvalid_o,
    .s_rready_i,
    .s_rdata_o,
    .s_rresp_o,
    .irq_o,
    .busy_o,
    .req_o         (fe_req),
    .req_addr_o    (fe_addr),
    .gnt_i         (fe_gnt),
    .beat_i        (beat_fe),
    .beat_last_i   (beat_burst_last),
    .beat_error_i  (beat_error),
    .beat_data_i   (beat_data),
    .reads_idle_i  (reads_idle),
    .record_o      (record),
    .record_addr_o (record_addr),
    .record_data_o (record_data),
    .record_done_i (record_done),
    .record_error_i(record_error),
    .clear_o       (clear),
    .region_base_o (region_base),
    .la_start_o    (la_start),
    .lw_start_o    (lw_start),
    .mx_start_o    (mx_start),
    .rq_start_o    (rq_start),
    .vx_start_o    (vx_start),
    .st_start_o    (st_start),
    .la_line_o     (la_line),
    .lw_line_o     (lw_line),
    .mx_line_o     (mx_line),
    .rq_line_o     (rq_line),
    .vx_line_o     (vx_line),
    .st_line_o     (st_line),
    .la_can_take_i (la_can_take),
    .lw_can_take_i (lw_can_take),
    .mx_can_take_i (mx_can_take),
    .rq_can_take_i (rq_can_take),
    .vx_can_take_i (vx_can_take),
    .st_can_take_i (st_can_take),
    .la_idle_i     (la_idle),
    .lw_idle_i     (lw_idle),
    .mx_idle_i     (mx_idle),
    .rq_idle_i     (rq_idle),
    .vx_idle_i     (vx_idle),
    .st_idle_i     (st_idle),
    .la_end_i      (la_end),
    .lw_end_i      (lw_end),
    .mx_end_i      (mx_end),
    .rq_end_i      (rq_end),
    .vx_end_i      (vx_end),
    .st_end_i      (st_end),
    .fault_i       (fault),
    .rq_code_i     (rq_code),
    .vx_code_i     (vx_code),
    .la_addr_i     (la_fault_addr),
    .lw_addr_i     (lw_fault_addr),
    .st_addr_i     (st_fault_addr),
    .lost_i        (lost),
    .st_moves_i    (st_progress),
    .fill_i        (fill),
    .conflicts_i   (spm_lost),
    .beat_la_i     (beat_la),
    .beat_lw_i     (beat_lw),
    .beat_st_i     (st_beat),
    .read_last_i   (beat_burst_last),
    .read_time_i   (read_time),
    .write_done_i  (write_done),
    .write_time_i  (write_time),
    .time_o        (job_time),
    .mx_row_i      (mx_row),
    .rq_sat_i      (rq_sat),
    .rq_sat_count_i(rq_sat_count),
    .vx_sat_i      (vx_sat),
    .vx_sat_count_i(vx_sat_count)
  );

  //--- SPM ---------------------------------------------------------------------------------------
  logic [8:0]      spm_req, spm_gnt, spm_refused;
  logic [9*32-1:0] spm_addr;
  logic [23:0]     st_addr, mx_a_addr, mx_w_addr, rq_w_addr, rq_r_addr, vx_w_addr, vx_a_addr, vx_b_addr;
  logic            mx_a_halves, rq_keep, vx_keep;
  logic [N*8-1:0]  st_data, mx_a_data, rq_r_data, vx_a_data, vx_b_data, rq_w_data, vx_w_data;
  logic [tw_cfg_pkg::WEIGHT_ROWS*N*8-1:0] mx_w_data;

  assign spm_addr = {8'd0, vx_b_addr, 8'd0, vx_a_addr, 8'd0, vx_w_addr, 8'd0, rq_r_addr, 8'd0, rq_w_addr,
                     8'd0, mx_w_addr, 8'd0, mx_a_addr, 8'd0, st_addr, 8'd0, fill ? fill_addr : beat_local};
  assign spm_req[SpmDma] = beat_spm || fill;

  tw_spm #(.N(N), .Rows(tw_cfg_pkg::SPM_BYTES / N), .Banks(tw_cfg_pkg::SPM_BANKS), .AxiBytes(AxiBytes),
           .WeightRows(tw_cfg_pkg::WEIGHT_ROWS)) u_spm (
    .clk_i,
    .req_i     (spm_req),
    .addr_i    (spm_addr),
    .gnt_o     (spm_gnt),
    .lost_o    (spm_refused),
    .mxa_halves_i(mx_a_halves),
    .rq_keep_i (rq_keep),
    .vx_keep_i (vx_keep),
    .dma_data_i(beat_data),
    .fill_i    (fill),
    .fill_value_i(fill_value),
    .rq_data_i (rq_w_data),
    .vx_data_i (vx_w_data),
    .st_data_o (st_data),
    .mxa_data_o(mx_a_data),
    .mxw_data_o(mx_w_data),
    .rq_data_o (rq_r_data),
    .vxa_data_o(vx_a_data),
    .vxb_data_o(vx_b_data)
  );

  // A beat never loses, a fill only to a beat.
  assign spm_lost = {spm_refused[8:1], fill_lost};
  wire   unused_refused = &{1'b0, spm_refused[SpmDma]};

  // Engines that lost.
  always_comb begin
    lost = '0;
    if (spm_lost != '0)
      lost = {spm_lost[SpmSt], |spm_lost[SpmVxB:SpmVxW], |spm_lost[SpmRqR:SpmRqW], |spm_lost[SpmMxW:SpmMxA], 1'b0,
              spm_lost[SpmDma]};
  end

  logic la_fault, lw_fault, rq_fault, vx_fault, st_fault;
  always_comb begin
    fault = '0;
    if (la_fault || lw_fault || rq_fault || vx_fault || st_fault)
      fault = {st_fault, vx_fault, rq_fault, 1'b0, lw_fault, la_fault};
  end

  //--- data movement -----------------------------------------------------------------------------
  tw_dma #(
    .N         (N),
    .AxiBytes  (AxiBytes),
    .BurstBytes(AxiBytes * tw_cfg_pkg::AXI_BURST_BEATS),
    .LoadDepth (tw_cfg_pkg::LOAD_DEPTH),
    .Bursts    (tw_cfg_pkg::AXI_OUTSTANDING_READS)
  ) u_dma (
    .clk_i,
    .rst_ni,
    .region_base_i    (region_base),
    .la_start_i       (la_start),
    .la_line_i        (la_line),
    .la_can_take_o    (la_can_take),
    .la_idle_o        (la_idle),
    .la_end_o         (la_end),
    .la_fault_o       (la_fault),
    .la_fault_addr_o  (la_fault_addr),
    .lw_start_i       (lw_start),
    .lw_line_i        (lw_line),
    .lw_can_take_o    (lw_can_take),
    .lw_idle_o        (lw_idle),
    .lw_end_o         (lw_end),
    .lw_fault_o       (lw_fault),
    .lw_fault_addr_o  (lw_fault_addr),
    .st_start_i       (st_start),
    .st_line_i        (st_line),
    .st_can_take_o    (st_can_take),
    .st_idle_o        (st_idle),
    .st_end_o         (st_end),
    .st_fault_o       (st_fault),
    .st_fault_addr_o  (st_fault_addr),
    .fe_req_i         (fe_req),
    .fe_addr_i        (fe_addr),
    .fe_gnt_o         (fe_gnt),
    .reads_idle_o     (reads_idle),
    .record_i         (record),
    .record_addr_i    (record_addr),
    .record_data_i    (record_data),
    .record_done_o    (record_done),
    .record_error_o   (record_error),
    .beat_fe_o        (beat_fe),
    .beat_la_o        (beat_la),
    .beat_lw_o        (beat_lw),
    .beat_burst_last_o(beat_burst_last),
    .beat_error_o     (beat_error),
    .beat_data_o      (beat_data),
    .beat_local_o     (beat_local),
    .beat_spm_o       (beat_spm),
    .beat_param_o     (beat_param),
    .beat_lut_o       (beat_lut),
    .fill_o           (fill),
    .fill_lost_o      (fill_lost),
    .fill_addr_o      (fill_addr),
    .fill_value_o     (fill_value),
    .spm_req_o        (spm_req[SpmSt]),
    .spm_addr_o       (st_addr),
    .spm_gnt_i        (spm_gnt[SpmSt]),
    .spm_data_i       (st_data),
    .st_progress_o    (st_progress),
    .st_beat_o        (st_beat),
    .read_time_o      (read_time),
    .write_done_o     (write_done),
    .write_time_o     (write_time),
    .time_i           (job_time),
    .arvalid_o        (m_arvalid_o),
    .arready_i        (m_arready_i),
    .araddr_o         (m_araddr_o),
    .arlen_o          (m_arlen_o),
    .rvalid_i         (m_rvalid_i),
    .rdata_i          (m_rdata_i),
    .rresp_i          (m_rresp_i),
    .rlast_i          (m_rlast_i),
    .awvalid_o        (m_awvalid_o),
    .awready_i        (m_awready_i),
    .awaddr_o         (m_awaddr_o),
    .awlen_o          (m_awlen_o),
    .wvalid_o         (m_wvalid_o),
    .wready_i         (m_wready_i),
    .wdata_o          (m_wdata_o),
    .wstrb_o          (m_wstrb_o),
    .wlast_o          (m_wlast_o),
    .bvalid_i         (m_bvalid_i),
    .bresp_i          (m_bresp_i)
  );

  //--- computation -------------------------------------------------------------------------------
  tw_compute #(
    .N        (N),
    .AxiBytes (AxiBytes),
    .AccRows  (tw_cfg_pkg::ACC_ROWS),
    .ParamRows(tw_cfg_pkg::PARAM_ROWS),
    .LutBanks (tw_cfg_pkg::LUT_BANKS),
    .WeightRows(tw_cfg_pkg::WEIGHT_ROWS),
    .DwTaps   (tw_cfg_pkg::DW_TAPS)
  ) u_compute (
    .clk_i,
    .rst_ni,
    .clear_i       (clear),
    .mx_start_i    (mx_start),
    .mx_line_i     (mx_line),
    .mx_can_take_o (mx_can_take),
    .mx_idle_o     (mx_idle),
    .mx_end_o      (mx_end),
    .rq_start_i    (rq_start),
    .rq_line_i     (rq_line),
    .rq_can_take_o (rq_can_take),
    .rq_idle_o     (rq_idle),
    .rq_end_o      (rq_end),
    .rq_fault_o    (rq_fault),
    .rq_code_o     (rq_code),
    .vx_start_i    (vx_start),
    .vx_line_i     (vx_line),
    .vx_can_take_o (vx_can_take),
    .vx_idle_o     (vx_idle),
    .vx_end_o      (vx_end),
    .vx_fault_o    (vx_fault),
    .vx_code_o     (vx_code),
    .wr_param_i    (beat_param),
    .wr_lut_i      (beat_lut),
    .wr_addr_i     (beat_local),
    .wr_data_i     (beat_data),
    .mx_a_req_o    (spm_req[SpmMxA]),
    .mx_a_addr_o   (mx_a_addr),
    .mx_a_halves_o (mx_a_halves),
    .mx_a_gnt_i    (spm_gnt[SpmMxA]),
    .mx_a_data_i   (mx_a_data),
    .mx_w_req_o    (spm_req[SpmMxW]),
    .mx_w_addr_o   (mx_w_addr),
    .mx_w_gnt_i    (spm_gnt[SpmMxW]),
    .mx_w_data_i   (mx_w_data),
    .rq_w_req_o    (spm_req[SpmRqW]),
    .rq_w_addr_o   (rq_w_addr),
    .rq_w_data_o   (rq_w_data),
    .rq_w_gnt_i    (spm_gnt[SpmRqW]),
    .rq_r_req_o    (spm_req[SpmRqR]),
    .rq_r_addr_o   (rq_r_addr),
    .rq_r_keep_o   (rq_keep),
    .rq_r_gnt_i    (spm_gnt[SpmRqR]),
    .rq_r_data_i   (rq_r_data),
    .vx_w_req_o    (spm_req[SpmVxW]),
    .vx_w_addr_o   (vx_w_addr),
    .vx_w_data_o   (vx_w_data),
    .vx_w_gnt_i    (spm_gnt[SpmVxW]),
    .vx_a_req_o    (spm_req[SpmVxA]),
    .vx_a_addr_o   (vx_a_addr),
    .vx_a_gnt_i    (spm_gnt[SpmVxA]),
    .vx_a_data_i   (vx_a_data),
    .vx_b_req_o    (spm_req[SpmVxB]),
    .vx_b_addr_o   (vx_b_addr),
    .vx_b_gnt_i    (spm_gnt[SpmVxB]),
    .vx_b_data_i   (vx_b_data),
    .vx_keep_o     (vx_keep),
    .mx_row_o      (mx_row),
    .rq_sat_o      (rq_sat),
    .rq_sat_count_o(rq_sat_count),
    .vx_sat_o      (vx_sat),
    .vx_sat_count_o(vx_sat_count)
  );
endmodule
