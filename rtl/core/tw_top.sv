// SPDX-License-Identifier: Apache-2.0
// The machine: six engines behind one front end, a scratchpad, an AXI4 master (data) and an AXI4-Lite slave
// (registers). Every size comes from tw_cfg_pkg; this is the only module that reads it. Reset is synchronous, active
// low, and defines all control state; memories keep what they hold. docs/timing.md says in which cycle everything
// happens.
//
// Trace port, all visible in the cycle they speak of: trace_start_o[e]: the head of queue e starts, its PC in
// trace_start_pc_o; trace_end_o[e]: an instruction of engine e ends (6: the front end consumes one).
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
  output logic                             busy_o,
  // trace
  output logic [5:0]                       trace_start_o,
  output logic [6*32-1:0]                  trace_start_pc_o,
  output logic [6:0]                       trace_end_o,
  output logic [7*32-1:0]                  trace_end_pc_o,
  output logic [7*24-1:0]                  trace_end_header_o   // {tag, opcode}
);
  localparam int N          = tw_cfg_pkg::N;
  localparam int AxiBytes   = tw_cfg_pkg::AXI_BYTES;
  localparam int BurstBytes = AxiBytes * tw_cfg_pkg::AXI_BURST_BEATS;
  localparam int SpmRows    = tw_cfg_pkg::SPM_BYTES / N;
  localparam int Engines    = tw_isa_pkg::ENGINES - 1;

  localparam int La = 32'(tw_isa_pkg::ENGINE_LA);
  localparam int Lw = 32'(tw_isa_pkg::ENGINE_LW);
  localparam int Mx = 32'(tw_isa_pkg::ENGINE_MX);
  localparam int Rq = 32'(tw_isa_pkg::ENGINE_RQ);
  localparam int Vx = 32'(tw_isa_pkg::ENGINE_VX);
  localparam int St = 32'(tw_isa_pkg::ENGINE_ST);
  localparam int Fe = 32'(tw_isa_pkg::ENGINE_FE);

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

  assign s_bresp_o   = 2'b00;
  assign s_rresp_o   = 2'b00;
  assign m_arsize_o  = 3'($clog2(AxiBytes));
  assign m_awsize_o  = 3'($clog2(AxiBytes));
  assign m_arburst_o = 2'b01;
  assign m_awburst_o = 2'b01;
  assign m_rready_o  = 1'b1;
  assign m_bready_o  = 1'b1;
  assign m_wstrb_o   = '1;

  //--- registers and job -------------------------------------------------------------------------
  logic            serial, doorbell, abort, busy, done, finish, clear, state_desc, state_run, count;
  logic [63:0]     job_addr, code_addr;
  logic [31:0]     line_count, last_pc;
  logic [8*64-1:0] region_base, region_limit;
  logic [8*3-1:0]  region_perm;
  logic            halt;
  logic [7:0]      halt_code;
  logic [2:0]      halt_engine;
  logic [15:0]     halt_tag;
  logic [31:0]     halt_pc;
  logic [63:0]     halt_addr;
  logic            counter_en;
  logic [5:0]      counter_index;
  logic [63:0]     counter_data;
  assign busy_o = busy;

  tw_regs #(.IsaHash(tw_isa_pkg::ISA_HASH), .CfgHash(tw_cfg_pkg::CFG_HASH)) u_regs (
    .clk_i,
    .rst_ni,
    .awvalid_i      (s_awvalid_i),
    .awready_o      (s_awready_o),
    .awaddr_i       (s_awaddr_i),
    .wvalid_i       (s_wvalid_i),
    .wready_o       (s_wready_o),
    .wdata_i        (s_wdata_i),
    .wstrb_i        (s_wstrb_i),
    .bvalid_o       (s_bvalid_o),
    .bready_i       (s_bready_i),
    .arvalid_i      (s_arvalid_i),
    .arready_o      (s_arready_o),
    .araddr_i       (s_araddr_i),
    .rvalid_o       (s_rvalid_o),
    .rready_i       (s_rready_i),
    .rdata_o        (s_rdata_o),
    .serial_o       (serial),
    .job_addr_o     (job_addr),
    .doorbell_o     (doorbell),
    .abort_o        (abort),
    .region_base_o  (region_base),
    .region_limit_o (region_limit),
    .region_perm_o  (region_perm),
    .busy_i         (busy),
    .done_i         (done),
    .finish_i       (finish),
    .fault_code_i   (halt_code),
    .fault_engine_i (halt_engine),
    .fault_tag_i    (halt_tag),
    .fault_pc_i     (last_pc),
    .fault_addr_i   (halt_addr),
    .irq_o,
    .counter_en_o   (counter_en),
    .counter_index_o(counter_index),
    .counter_i      (counter_data)
  );

  //--- front end ---------------------------------------------------------------------------------
  logic               fe_req, fe_gnt, line_valid, line_take, fetch_none, fetch_fault, reads_idle;
  logic [63:0]        fe_addr, fetch_fault_addr;
  logic [31:0]        fetch_fault_pc, decode_pc;
  logic [511:0]       descriptor, line;
  logic               desc_done, desc_error;
  logic               beat_fe, beat_lw, beat_la, beat_burst_last, beat_last, beat_error;
  logic [AxiBytes*8-1:0] beat_data;
  logic [23:0]        beat_local;
  logic [2:0]         beat_space;
  logic [63:0]        beat_addr;
  logic               decode_empty, decode_blocked, leave, leave_fe, decode_end, decode_fault, sem_zero;
  logic [7:0]         decode_code;
  logic [63:0]        decode_fault_addr;
  logic [Engines-1:0] push, full, all_valid, can_take, idle, start, satisfied, engine_end, overflow;
  logic [Engines*32-1:0] head_pc, end_pc;
  logic [Engines*80-1:0] head_header, end_header;
  logic [Engines*512-1:0] head_line;

  wire engines_idle = &idle;
  wire all_idle     = engines_idle && (all_valid == '0);

  tw_fetch #(.AxiBytes(AxiBytes), .Lines(tw_cfg_pkg::FETCH_LINES)) u_fetch (
    .clk_i,
    .rst_ni,
    .clear_i           (clear),
    .descriptor_i      (state_desc),
    .run_i             (state_run && !halt),
    .job_addr_i        (job_addr),
    .code_addr_i       (code_addr),
    .line_count_i      (line_count),
    .req_o             (fe_req),
    .req_addr_o        (fe_addr),
    .gnt_i             (fe_gnt),
    .beat_i            (beat_fe),
    .beat_last_i       (beat_burst_last),
    .beat_error_i      (beat_error),
    .beat_data_i       (beat_data),
    .descriptor_o      (descriptor),
    .descriptor_done_o (desc_done),
    .descriptor_error_o(desc_error),
    .valid_o           (line_valid),
    .line_o            (line),
    .take_i            (line_take),
    .none_o            (fetch_none),
    .fault_o           (fetch_fault),
    .fault_pc_o        (fetch_fault_pc),
    .fault_addr_o      (fetch_fault_addr)
  );

  tw_decode #(
    .N        (N),
    .Engines  (Engines),
    .SpmBytes (tw_cfg_pkg::SPM_BYTES),
    .AccRows  (tw_cfg_pkg::ACC_ROWS),
    .ParamRows(tw_cfg_pkg::PARAM_ROWS),
    .LutBanks (tw_cfg_pkg::LUT_BANKS)
  ) u_decode (
    .clk_i,
    .rst_ni,
    .clear_i       (clear),
    .run_i         (state_run),
    .halt_i        (halt),
    .serial_i      (serial),
    .valid_i       (line_valid),
    .line_i        (line),
    .take_o        (line_take),
    .region_limit_i(region_limit),
    .region_perm_i (region_perm),
    .full_i        (full),
    .all_idle_i    (all_idle),
    .push_o        (push),
    .pc_o          (decode_pc),
    .empty_o       (decode_empty),
    .blocked_o     (decode_blocked),
    .leave_o       (leave),
    .is_fe_o       (leave_fe),
    .end_o         (decode_end),
    .leak_i        (!sem_zero),
    .fault_o       (decode_fault),
    .fault_code_o  (decode_code),
    .fault_addr_o  (decode_fault_addr)
  );

  logic               fe_fault, record, record_done;
  logic [31:0]        fe_fault_pc;
  logic [7:0]         fe_fault_code;
  logic [15:0]        fe_fault_tag;
  logic [63:0]        fe_fault_addr, record_addr;
  logic [511:0]       record_data;
  logic [Engines-1:0] deadlock;
  logic [63:0]        cycles, bytes_read, bytes_written, mx_rows, saturations;

  tw_job #(
    .Engines(Engines),
    .N      (N),
    .IsaHash(tw_isa_pkg::ISA_HASH),
    .CfgHash(tw_cfg_pkg::CFG_HASH)
  ) u_job (
    .clk_i,
    .rst_ni,
    .doorbell_i        (doorbell),
    .abort_i           (abort),
    .region_base_i     (region_base),
    .region_limit_i    (region_limit),
    .region_perm_i     (region_perm),
    .start_o           (clear),
    .busy_o            (busy),
    .done_o            (done),
    .finish_o          (finish),
    .descriptor_o      (state_desc),
    .run_o             (state_run),
    .count_o           (count),
    .desc_i            (descriptor),
    .desc_done_i       (desc_done),
    .desc_error_i      (desc_error),
    .desc_addr_i       (job_addr),
    .code_addr_o       (code_addr),
    .line_count_o      (line_count),
    .fetch_none_i      (fetch_none),
    .fetch_fault_i     (fetch_fault),
    .fetch_fault_pc_i  (fetch_fault_pc),
    .fetch_fault_addr_i(fetch_fault_addr),
    .reads_idle_i      (reads_idle),
    .decode_pc_i       (decode_pc),
    .decode_empty_i    (decode_empty),
    .decode_blocked_i  (decode_blocked),
    .decode_end_i      (decode_end),
    .decode_fault_i    (decode_fault),
    .decode_code_i     (decode_code),
    .decode_addr_i     (decode_fault_addr),
    .decode_tag_i      (line[tw_isa_pkg::HDR_TAG_LSB +: 16]),
    .engines_idle_i    (engines_idle),
    .head_valid_i      (all_valid),
    .head_pc_i         (head_pc),
    .satisfied_i       (satisfied),
    .start_i           (start),
    .deadlock_o        (deadlock),
    .fault_o           (fe_fault),
    .fault_pc_o        (fe_fault_pc),
    .fault_code_o      (fe_fault_code),
    .fault_tag_o       (fe_fault_tag),
    .fault_addr_o      (fe_fault_addr),
    .halt_i            (halt),
    .halt_code_i       (halt_code),
    .halt_engine_i     (halt_engine),
    .halt_tag_i        (halt_tag),
    .halt_pc_i         (halt_pc),
    .halt_addr_i       (halt_addr),
    .last_pc_o         (last_pc),
    .cycles_i          (cycles),
    .bytes_read_i      (bytes_read),
    .bytes_written_i   (bytes_written),
    .mx_rows_i         (mx_rows),
    .saturations_i     (saturations),
    .record_o          (record),
    .record_addr_o     (record_addr),
    .record_data_o     (record_data),
    .record_done_i     (record_done)
  );

  //--- queues and semaphores ---------------------------------------------------------------------
  for (genvar e = 0; e < Engines; e++) begin : gen_queue
    tw_queue #(.Depth(tw_cfg_pkg::QUEUE_DEPTH), .Bits(544)) u_queue (
      .clk_i,
      .rst_ni,
      .clear_i(clear),
      .push_i (push[e]),
      .data_i ({decode_pc, line}),
      .pop_i  (start[e]),
      .valid_o(all_valid[e]),
      .full_o (full[e]),
      .data_o ({head_pc[e*32 +: 32], head_line[e*512 +: 512]})
    );
    assign head_header[e*80 +: 80] = head_line[e*512 +: 80];
    assign start[e] = satisfied[e] && can_take[e] && (!halt || (head_pc[e*32 +: 32] < halt_pc));
    assign trace_end_header_o[e*24 +: 24] = end_header[e*80 +: 24];
  end
  assign trace_start_o    = start;
  assign trace_start_pc_o = head_pc;
  assign trace_end_o      = {leave && leave_fe, engine_end};
  assign trace_end_pc_o   = {decode_pc, end_pc};
  assign trace_end_header_o[Fe*24 +: 24] = line[23:0];

  tw_sem #(.Engines(Engines)) u_sem (
    .clk_i,
    .rst_ni,
    .clear_i     (clear),
    .valid_i     (all_valid),
    .head_i      (head_header),
    .satisfied_o (satisfied),
    .start_i     (start),
    .end_i       (engine_end),
    .end_header_i(end_header),
    .ovf_o       (overflow),
    .zero_o      (sem_zero)
  );

  //--- faults: an engine's own, a semaphore that its post overflows, or a deadlock at its head -----
  logic [Engines-1:0]    own_fault;
  logic [Engines*8-1:0]  own_code;
  logic [Engines*32-1:0] own_pc;
  logic [Engines*16-1:0] own_tag;
  logic [Engines*64-1:0] own_addr;

  logic [Engines:0]        raise;
  logic [Engines*32+31:0]  raise_pc;
  logic [Engines*8+7:0]    raise_code;
  logic [Engines*16+15:0]  raise_tag;
  logic [Engines*64+63:0]  raise_addr;
  for (genvar e = 0; e < Engines; e++) begin : gen_fault
    assign raise[e] = overflow[e] || deadlock[e] || own_fault[e];
    assign raise_pc[e*32 +: 32] = overflow[e] ? end_pc[e*32 +: 32]
                                : deadlock[e] ? head_pc[e*32 +: 32] : own_pc[e*32 +: 32];
    assign raise_code[e*8 +: 8] = overflow[e] ? tw_isa_pkg::FAULT_SEM_OVERFLOW
                                : deadlock[e] ? tw_isa_pkg::FAULT_DEADLOCK : own_code[e*8 +: 8];
    assign raise_tag[e*16 +: 16] =
        overflow[e] ? end_header[e*80 + tw_isa_pkg::HDR_TAG_LSB +: 16]
        : deadlock[e] ? head_header[e*80 + tw_isa_pkg::HDR_TAG_LSB +: 16] : own_tag[e*16 +: 16];
    assign raise_addr[e*64 +: 64] = (overflow[e] || deadlock[e]) ? '0 : own_addr[e*64 +: 64];
  end
  assign raise[Fe]               = fe_fault;
  assign raise_pc[Fe*32 +: 32]   = fe_fault_pc;
  assign raise_code[Fe*8 +: 8]   = fe_fault_code;
  assign raise_tag[Fe*16 +: 16]  = fe_fault_tag;
  assign raise_addr[Fe*64 +: 64] = fe_fault_addr;

  tw_fault #(.Sources(Engines + 1)) u_fault (
    .clk_i,
    .rst_ni,
    .clear_i (clear),
    .raise_i (count ? raise : '0),
    .pc_i    (raise_pc),
    .code_i  (raise_code),
    .tag_i   (raise_tag),
    .addr_i  (raise_addr),
    .valid_o (halt),
    .pc_o    (halt_pc),
    .code_o  (halt_code),
    .engine_o(halt_engine),
    .tag_o   (halt_tag),
    .addr_o  (halt_addr)
  );

  //--- SPM ---------------------------------------------------------------------------------------
  logic [8:0]      spm_req, spm_gnt, spm_lost, spm_keep;
  logic [9*24-1:0] spm_addr;
  logic [N*8-1:0]  st_data, mxa_data, mxw_data, rqr_data, vxa_data, vxb_data, rq_wdata, vx_wdata;

  assign spm_req[SpmDma]          = (beat_la || beat_lw) && (beat_space == tw_isa_pkg::SPACE_SPM);
  assign spm_addr[SpmDma*24 +: 24] = beat_local;

  tw_spm #(.N(N), .Rows(SpmRows), .Banks(tw_cfg_pkg::SPM_BANKS), .AxiBytes(AxiBytes)) u_spm (
    .clk_i,
    .req_i     (spm_req),
    .addr_i    (spm_addr),
    .gnt_o     (spm_gnt),
    .lost_o    (spm_lost),
    .keep_i    (spm_keep),
    .dma_data_i(beat_data),
    .rq_data_i (rq_wdata),
    .vx_data_i (vx_wdata),
    .st_data_o (st_data),
    .mxa_data_o(mxa_data),
    .mxw_data_o(mxw_data),
    .rq_data_o (rqr_data),
    .vxa_data_o(vxa_data),
    .vxb_data_o(vxb_data)
  );

  //--- parameters and tables ---------------------------------------------------------------------
  logic            prm_rq_en, prm_rq_ok, prm_vx_en, prm_vx_ok, lut_ok, lut_en;
  logic [15:0]     prm_rq_row, prm_vx_row;
  logic [N*32-1:0] prm_rq_data, prm_vx_data;
  logic [2:0]      lut_bank;
  logic [N*8-1:0]  lut_index, lut_data;

  tw_param #(
    .N       (N),
    .Rows    (tw_cfg_pkg::PARAM_ROWS),
    .LutBanks(tw_cfg_pkg::LUT_BANKS),
    .AxiBytes(AxiBytes)
  ) u_param (
    .clk_i,
    .rst_ni,
    .clear_i    (clear),
    .wr_param_i (beat_lw && (beat_space == tw_isa_pkg::SPACE_PARAM)),
    .wr_lut_i   (beat_lw && (beat_space == tw_isa_pkg::SPACE_LUT)),
    .wr_addr_i  (beat_local),
    .wr_data_i  (beat_data),
    .rq_en_i    (prm_rq_en),
    .rq_row_i   (prm_rq_row),
    .rq_ok_o    (prm_rq_ok),
    .rq_data_o  (prm_rq_data),
    .vx_en_i    (prm_vx_en),
    .vx_row_i   (prm_vx_row),
    .vx_ok_o    (prm_vx_ok),
    .vx_data_o  (prm_vx_data),
    .lut_bank_i (lut_bank),
    .lut_ok_o   (lut_ok),
    .lut_en_i   (lut_en),
    .lut_index_i(lut_index),
    .lut_data_o (lut_data)
  );

  //--- loads -------------------------------------------------------------------------------------
  logic        la_req, la_last, la_gnt, lw_req, lw_last, lw_gnt;
  logic [63:0] la_addr, lw_addr;
  logic [12:0] la_bytes, lw_bytes;
  logic [23:0] la_local, lw_local;
  logic [2:0]  la_space_unused, lw_space;

  tw_load #(.N(N), .BurstBytes(BurstBytes), .Depth(tw_cfg_pkg::LOAD_DEPTH)) u_la (
    .clk_i,
    .rst_ni,
    .start_i      (start[La]),
    .line_i       (head_line[La*512 +: 512]),
    .pc_i         (head_pc[La*32 +: 32]),
    .can_take_o   (can_take[La]),
    .idle_o       (idle[La]),
    .end_o        (engine_end[La]),
    .end_pc_o     (end_pc[La*32 +: 32]),
    .end_header_o (end_header[La*80 +: 80]),
    .region_base_i(region_base),
    .req_o        (la_req),
    .req_addr_o   (la_addr),
    .req_bytes_o  (la_bytes),
    .req_local_o  (la_local),
    .req_space_o  (la_space_unused),
    .req_last_o   (la_last),
    .gnt_i        (la_gnt),
    .beat_i       (beat_la),
    .beat_last_i  (beat_last),
    .beat_error_i (beat_error),
    .beat_addr_i  (beat_addr),
    .fault_o      (own_fault[La]),
    .fault_addr_o (own_addr[La*64 +: 64])
  );
  assign own_code[La*8 +: 8] = tw_isa_pkg::FAULT_AXI_READ;

  tw_load #(.N(N), .BurstBytes(BurstBytes), .Depth(tw_cfg_pkg::LOAD_DEPTH)) u_lw (
    .clk_i,
    .rst_ni,
    .start_i      (start[Lw]),
    .line_i       (head_line[Lw*512 +: 512]),
    .pc_i         (head_pc[Lw*32 +: 32]),
    .can_take_o   (can_take[Lw]),
    .idle_o       (idle[Lw]),
    .end_o        (engine_end[Lw]),
    .end_pc_o     (end_pc[Lw*32 +: 32]),
    .end_header_o (end_header[Lw*80 +: 80]),
    .region_base_i(region_base),
    .req_o        (lw_req),
    .req_addr_o   (lw_addr),
    .req_bytes_o  (lw_bytes),
    .req_local_o  (lw_local),
    .req_space_o  (lw_space),
    .req_last_o   (lw_last),
    .gnt_i        (lw_gnt),
    .beat_i       (beat_lw),
    .beat_last_i  (beat_last),
    .beat_error_i (beat_error),
    .beat_addr_i  (beat_addr),
    .fault_o      (own_fault[Lw]),
    .fault_addr_o (own_addr[Lw*64 +: 64])
  );
  assign own_code[Lw*8 +: 8] = tw_isa_pkg::FAULT_AXI_READ;

  tw_read #(.AxiBytes(AxiBytes), .Reads(tw_cfg_pkg::AXI_OUTSTANDING_READS)) u_read (
    .clk_i,
    .rst_ni,
    .fe_req_i         (fe_req),
    .fe_addr_i        (fe_addr),
    .fe_gnt_o         (fe_gnt),
    .lw_req_i         (lw_req),
    .lw_addr_i        (lw_addr),
    .lw_bytes_i       (lw_bytes),
    .lw_local_i       (lw_local),
    .lw_space_i       (lw_space),
    .lw_last_i        (lw_last),
    .lw_gnt_o         (lw_gnt),
    .la_req_i         (la_req),
    .la_addr_i        (la_addr),
    .la_bytes_i       (la_bytes),
    .la_local_i       (la_local),
    .la_last_i        (la_last),
    .la_gnt_o         (la_gnt),
    .arvalid_o        (m_arvalid_o),
    .arready_i        (m_arready_i),
    .araddr_o         (m_araddr_o),
    .arlen_o          (m_arlen_o),
    .rvalid_i         (m_rvalid_i),
    .rdata_i          (m_rdata_i),
    .rresp_i          (m_rresp_i),
    .rlast_i          (m_rlast_i),
    .beat_fe_o        (beat_fe),
    .beat_lw_o        (beat_lw),
    .beat_la_o        (beat_la),
    .beat_data_o      (beat_data),
    .beat_local_o     (beat_local),
    .beat_space_o     (beat_space),
    .beat_burst_last_o(beat_burst_last),
    .beat_last_o      (beat_last),
    .beat_error_o     (beat_error),
    .beat_addr_o      (beat_addr),
    .idle_o           (reads_idle)
  );

  //--- store -------------------------------------------------------------------------------------
  logic st_progress, st_beat;
  assign spm_keep[SpmSt:SpmDma] = '0;
  tw_store #(
    .N         (N),
    .AxiBytes  (AxiBytes),
    .BurstBytes(BurstBytes),
    .Writes    (tw_cfg_pkg::AXI_OUTSTANDING_READS)
  ) u_st (
    .clk_i,
    .rst_ni,
    .start_i      (start[St]),
    .line_i       (head_line[St*512 +: 512]),
    .pc_i         (head_pc[St*32 +: 32]),
    .can_take_o   (can_take[St]),
    .idle_o       (idle[St]),
    .end_o        (engine_end[St]),
    .end_pc_o     (end_pc[St*32 +: 32]),
    .end_header_o (end_header[St*80 +: 80]),
    .region_base_i(region_base),
    .spm_req_o    (spm_req[SpmSt]),
    .spm_addr_o   (spm_addr[SpmSt*24 +: 24]),
    .spm_gnt_i    (spm_gnt[SpmSt]),
    .spm_data_i   (st_data),
    .record_i     (record),
    .record_addr_i(record_addr),
    .record_data_i(record_data),
    .record_done_o(record_done),
    .awvalid_o    (m_awvalid_o),
    .awready_i    (m_awready_i),
    .awaddr_o     (m_awaddr_o),
    .awlen_o      (m_awlen_o),
    .wvalid_o     (m_wvalid_o),
    .wready_i     (m_wready_i),
    .wdata_o      (m_wdata_o),
    .wlast_o      (m_wlast_o),
    .bvalid_i     (m_bvalid_i),
    .bresp_i      (m_bresp_i),
    .progress_o   (st_progress),
    .beat_o       (st_beat),
    .fault_o      (own_fault[St]),
    .fault_addr_o (own_addr[St*64 +: 64])
  );
  assign own_code[St*8 +: 8] = tw_isa_pkg::FAULT_AXI_WRITE;

  // Loads and stores blame the instruction that ends.
  assign own_pc[La*32 +: 32]  = end_pc[La*32 +: 32];
  assign own_pc[Lw*32 +: 32]  = end_pc[Lw*32 +: 32];
  assign own_pc[St*32 +: 32]  = end_pc[St*32 +: 32];
  assign own_tag[La*16 +: 16] = end_header[La*80 + tw_isa_pkg::HDR_TAG_LSB +: 16];
  assign own_tag[Lw*16 +: 16] = end_header[Lw*80 + tw_isa_pkg::HDR_TAG_LSB +: 16];
  assign own_tag[St*16 +: 16] = end_header[St*80 + tw_isa_pkg::HDR_TAG_LSB +: 16];

  //--- MX ----------------------------------------------------------------------------------------
  localparam int AccBits = $clog2(tw_cfg_pkg::ACC_ROWS);
  logic               mx_row, acc_mx_read, acc_mx_write, acc_rq_read, acc_conflict;
  logic [AccBits-1:0] acc_mx_read_row, acc_mx_write_row, acc_rq_row;
  logic [N*32-1:0]    acc_mx_data, acc_mx_write_data, acc_rq_data;

  tw_acc #(.N(N), .Rows(tw_cfg_pkg::ACC_ROWS)) u_acc (
    .clk_i,
    .mx_read_i      (acc_mx_read),
    .mx_read_row_i  (acc_mx_read_row),
    .mx_data_o      (acc_mx_data),
    .mx_write_i     (acc_mx_write),
    .mx_write_row_i (acc_mx_write_row),
    .mx_write_data_i(acc_mx_write_data),
    .rq_read_i      (acc_rq_read),
    .rq_row_i       (acc_rq_row),
    .rq_data_o      (acc_rq_data),
    .conflict_o     (acc_conflict)
  );

  assign spm_keep[SpmMxW:SpmMxA] = '0;
  tw_mx #(.N(N), .AccRows(tw_cfg_pkg::ACC_ROWS)) u_mx (
    .clk_i,
    .rst_ni,
    .start_i         (start[Mx]),
    .line_i          (head_line[Mx*512 +: 512]),
    .pc_i            (head_pc[Mx*32 +: 32]),
    .can_take_o      (can_take[Mx]),
    .idle_o          (idle[Mx]),
    .end_o           (engine_end[Mx]),
    .end_pc_o        (end_pc[Mx*32 +: 32]),
    .end_header_o    (end_header[Mx*80 +: 80]),
    .act_req_o       (spm_req[SpmMxA]),
    .act_addr_o      (spm_addr[SpmMxA*24 +: 24]),
    .act_gnt_i       (spm_gnt[SpmMxA]),
    .act_data_i      (mxa_data),
    .wgt_req_o       (spm_req[SpmMxW]),
    .wgt_addr_o      (spm_addr[SpmMxW*24 +: 24]),
    .wgt_gnt_i       (spm_gnt[SpmMxW]),
    .wgt_data_i      (mxw_data),
    .acc_read_o      (acc_mx_read),
    .acc_read_row_o  (acc_mx_read_row),
    .acc_data_i      (acc_mx_data),
    .acc_write_o     (acc_mx_write),
    .acc_write_row_o (acc_mx_write_row),
    .acc_write_data_o(acc_mx_write_data),
    .row_o           (mx_row)
  );
  assign own_fault[Mx]         = 1'b0;
  assign own_code[Mx*8 +: 8]   = tw_isa_pkg::FAULT_NONE;
  assign own_pc[Mx*32 +: 32]   = '0;
  assign own_tag[Mx*16 +: 16]  = '0;
  assign own_addr[Mx*64 +: 64] = '0;

  //--- RQ ----------------------------------------------------------------------------------------
  logic        rq_uninit, rq_bad, rq_sat;
  logic [7:0]  rq_sat_count;
  logic [79:0] rq_header;
  assign spm_keep[SpmRqW] = 1'b0;
  tw_rq #(.N(N), .AccRows(tw_cfg_pkg::ACC_ROWS)) u_rq (
    .clk_i,
    .rst_ni,
    .start_i     (start[Rq]),
    .line_i      (head_line[Rq*512 +: 512]),
    .pc_i        (head_pc[Rq*32 +: 32]),
    .can_take_o  (can_take[Rq]),
    .idle_o      (idle[Rq]),
    .end_o       (engine_end[Rq]),
    .end_pc_o    (end_pc[Rq*32 +: 32]),
    .end_header_o(end_header[Rq*80 +: 80]),
    .acc_read_o  (acc_rq_read),
    .acc_row_o   (acc_rq_row),
    .acc_data_i  (acc_rq_data),
    .param_en_o  (prm_rq_en),
    .param_row_o (prm_rq_row),
    .param_ok_i  (prm_rq_ok),
    .param_data_i(prm_rq_data),
    .res_req_o   (spm_req[SpmRqR]),
    .res_addr_o  (spm_addr[SpmRqR*24 +: 24]),
    .res_keep_o  (spm_keep[SpmRqR]),
    .res_gnt_i   (spm_gnt[SpmRqR]),
    .res_data_i  (rqr_data),
    .wr_req_o    (spm_req[SpmRqW]),
    .wr_addr_o   (spm_addr[SpmRqW*24 +: 24]),
    .wr_data_o   (rq_wdata),
    .wr_gnt_i    (spm_gnt[SpmRqW]),
    .uninit_o    (rq_uninit),
    .bad_param_o (rq_bad),
    .pc_o        (own_pc[Rq*32 +: 32]),
    .header_o    (rq_header),
    .sat_o       (rq_sat),
    .sat_count_o (rq_sat_count)
  );
  assign own_fault[Rq]         = rq_uninit || rq_bad || acc_conflict;
  assign own_code[Rq*8 +: 8]   = rq_uninit ? tw_isa_pkg::FAULT_UNINIT_PARAM
                               : rq_bad ? tw_isa_pkg::FAULT_BAD_PARAM : tw_isa_pkg::FAULT_ACC_CONFLICT;
  assign own_tag[Rq*16 +: 16]  = rq_header[tw_isa_pkg::HDR_TAG_LSB +: 16];
  assign own_addr[Rq*64 +: 64] = '0;

  //--- VX ----------------------------------------------------------------------------------------
  logic        vx_uninit, vx_bad, vx_sat, vx_keep;
  logic [7:0]  vx_sat_count;
  logic [79:0] vx_header;
  assign spm_keep[SpmVxW]        = 1'b0;
  assign spm_keep[SpmVxB:SpmVxA] = {2{vx_keep}};
  tw_vx #(.N(N)) u_vx (
    .clk_i,
    .rst_ni,
    .start_i     (start[Vx]),
    .line_i      (head_line[Vx*512 +: 512]),
    .pc_i        (head_pc[Vx*32 +: 32]),
    .can_take_o  (can_take[Vx]),
    .idle_o      (idle[Vx]),
    .end_o       (engine_end[Vx]),
    .end_pc_o    (end_pc[Vx*32 +: 32]),
    .end_header_o(end_header[Vx*80 +: 80]),
    .a_req_o     (spm_req[SpmVxA]),
    .a_addr_o    (spm_addr[SpmVxA*24 +: 24]),
    .a_gnt_i     (spm_gnt[SpmVxA]),
    .a_data_i    (vxa_data),
    .b_req_o     (spm_req[SpmVxB]),
    .b_addr_o    (spm_addr[SpmVxB*24 +: 24]),
    .b_gnt_i     (spm_gnt[SpmVxB]),
    .b_data_i    (vxb_data),
    .keep_o      (vx_keep),
    .wr_req_o    (spm_req[SpmVxW]),
    .wr_addr_o   (spm_addr[SpmVxW*24 +: 24]),
    .wr_data_o   (vx_wdata),
    .wr_gnt_i    (spm_gnt[SpmVxW]),
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
    .pc_o        (own_pc[Vx*32 +: 32]),
    .header_o    (vx_header),
    .sat_o       (vx_sat),
    .sat_count_o (vx_sat_count)
  );
  assign own_fault[Vx]         = vx_uninit || vx_bad;
  assign own_code[Vx*8 +: 8]   = vx_uninit ? tw_isa_pkg::FAULT_UNINIT_PARAM : tw_isa_pkg::FAULT_BAD_PARAM;
  assign own_tag[Vx*16 +: 16]  = vx_header[tw_isa_pkg::HDR_TAG_LSB +: 16];
  assign own_addr[Vx*64 +: 64] = '0;

  //--- counters ----------------------------------------------------------------------------------
  logic [Engines*3-1:0] engine_state;
  logic [Engines-1:0]   engine_lost, engine_moves;
  assign engine_lost  = {spm_lost[SpmSt], |spm_lost[SpmVxB:SpmVxW], |spm_lost[SpmRqR:SpmRqW],
                         |spm_lost[SpmMxW:SpmMxA], 2'b00};
  assign engine_moves = {st_progress, 1'b1, 1'b1, 1'b1, beat_lw, beat_la};
  for (genvar e = 0; e < Engines; e++) begin : gen_state
    localparam int Stuck = (e == St) ? tw_isa_pkg::STATE_WAIT_WRITE : tw_isa_pkg::STATE_WAIT_READ;
    assign engine_state[e*3 +: 3] =
        idle[e] ? (!all_valid[e] ? 3'(tw_isa_pkg::STATE_EMPTY)
                   : start[e] ? 3'(tw_isa_pkg::STATE_BUSY) : 3'(tw_isa_pkg::STATE_WAIT_SEM))
        : engine_lost[e] ? 3'(tw_isa_pkg::STATE_WAIT_BANK)
        : engine_moves[e] ? 3'(tw_isa_pkg::STATE_BUSY) : 3'(Stuck);
  end

  logic [3:0] lost_count;
  always_comb begin
    lost_count = '0;
    if (|spm_lost) begin
      for (int c = 0; c < 9; c++) lost_count = lost_count + 4'(spm_lost[c]);
    end
  end

  tw_counters #(.Engines(Engines), .AxiBytes(AxiBytes)) u_counters (
    .clk_i,
    .rst_ni,
    .clear_i        (clear),
    .count_i        (count),
    .state_i        (engine_state),
    .line_i         (leave),
    .beat_la_i      (beat_la),
    .beat_lw_i      (beat_lw),
    .beat_fe_i      (beat_fe),
    .beat_st_i      (st_beat),
    .mx_row_i       (mx_row),
    .saturated_i    ((rq_sat ? rq_sat_count : 8'd0) + (vx_sat ? vx_sat_count : 8'd0)),
    .lost_i         (lost_count),
    .rd_en_i        (counter_en),
    .rd_index_i     (counter_index),
    .rd_data_o      (counter_data),
    .cycles_o       (cycles),
    .bytes_read_o   (bytes_read),
    .bytes_written_o(bytes_written),
    .mx_rows_o      (mx_rows),
    .saturations_o  (saturations)
  );
endmodule
