// SPDX-License-Identifier: Apache-2.0
// Data movement: the load engines LA and LW, the store engine, and the AXI4 master that they share with the front end.
// A beat that was read is handed on in the cycle in which it is processed: to SPM, to parameter memory, to a table, or
// to the front end.
module tw_dma #(
  parameter int N          = 16,
  parameter int AxiBytes   = 16,
  parameter int BurstBytes = 256,
  parameter int LoadDepth  = 4,
  parameter int Bursts     = 32  // that may be outstanding, each way
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  // engines
  input  logic [8*64-1:0]       region_base_i,
  input  logic                  la_start_i,
  input  logic [511:0]          la_line_i,
  output logic                  la_can_take_o,
  output logic                  la_idle_o,
  output logic                  la_end_o,
  output logic                  la_fault_o,
  output logic [63:0]           la_fault_addr_o,
  input  logic                  lw_start_i,
  input  logic [511:0]          lw_line_i,
  output logic                  lw_can_take_o,
  output logic                  lw_idle_o,
  output logic                  lw_end_o,
  output logic                  lw_fault_o,
  output logic [63:0]           lw_fault_addr_o,
  input  logic                  st_start_i,
  input  logic [511:0]          st_line_i,
  output logic                  st_can_take_o,
  output logic                  st_idle_o,
  output logic                  st_end_o,
  output logic                  st_fault_o,
  output logic [63:0]           st_fault_addr_o,
  // front end: reads and the completion record
  input  logic                  fe_req_i,
  input  logic [63:0]           fe_addr_i,
  output logic                  fe_gnt_o,
  output logic                  reads_idle_o,
  input  logic                  record_i,
  input  logic [63:0]           record_addr_i,
  input  logic [511:0]          record_data_i,
  output logic                  record_done_o,
  output logic                  record_error_o,
  // the beat that is processed in this cycle
  output logic                  beat_fe_o,
  output logic                  beat_la_o,
  output logic                  beat_lw_o,
  output logic                  beat_burst_last_o,
  output logic                  beat_error_o,
  output logic [AxiBytes*8-1:0] beat_data_o,
  output logic [23:0]           beat_local_o,
  output logic                  beat_spm_o,      // goes to the SPM
  output logic                  beat_param_o,    // ... to parameter memory
  output logic                  beat_lut_o,      // ... to a table
  // FILL: a row of the SPM gets one value in this cycle, or a beat took its place
  output logic                  fill_o,
  output logic                  fill_lost_o,
  output logic [23:0]           fill_addr_o,
  output logic [7:0]            fill_value_o,
  // SPM read of the store engine
  output logic                  spm_req_o,
  output logic [23:0]           spm_addr_o,
  input  logic                  spm_gnt_i,
  input  logic [N*8-1:0]        spm_data_i,
  // counters
  output logic                  st_progress_o,
  output logic                  st_beat_o,
  output logic [31:0]           read_time_o,
  output logic                  write_done_o,
  output logic [31:0]           write_time_o,
  input  logic [31:0]           time_i,
  // AXI4
  output logic                  arvalid_o,
  input  logic                  arready_i,
  output logic [63:0]           araddr_o,
  output logic [7:0]            arlen_o,
  input  logic                  rvalid_i,
  input  logic [AxiBytes*8-1:0] rdata_i,
  input  logic [1:0]            rresp_i,
  input  logic                  rlast_i,
  output logic                  awvalid_o,
  input  logic                  awready_i,
  output logic [63:0]           awaddr_o,
  output logic [7:0]            awlen_o,
  output logic                  wvalid_o,
  input  logic                  wready_i,
  output logic [AxiBytes*8-1:0] wdata_o,
  output logic [AxiBytes-1:0]   wstrb_o,
  output logic                  wlast_o,
  input  logic                  bvalid_i,
  input  logic [1:0]            bresp_i
);
  logic        la_req, la_last, la_gnt, lw_req, lw_last, lw_gnt;
  logic [63:0] la_addr, lw_addr;
  logic [12:0] la_bytes, lw_bytes;
  logic [23:0] la_local, lw_local;
  logic [2:0]  la_space_unused, lw_space, beat_space;
  logic        beat_last;
  logic [63:0] beat_addr;
  wire         unused = &{1'b0, la_space_unused};

  assign beat_spm_o   = beat_la_o || (beat_lw_o && (beat_space == tw_isa_pkg::SPACE_SPM));
  assign beat_param_o = beat_lw_o && (beat_space == tw_isa_pkg::SPACE_PARAM);
  assign beat_lut_o   = beat_lw_o && (beat_space == tw_isa_pkg::SPACE_LUT);

  // LA loads or fills, or first fills and then loads (ldpad); a fill is alone in the engine, and gives way to every
  // beat that writes the SPM.
  wire [7:0]    la_opcode = la_line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8];
  wire          is_alone  = {la_opcode[7:1], 1'b0} == tw_isa_pkg::OP_FILL;  // or ldpad, the next opcode
  logic         pad, fill_start, load_start;
  logic [196:0] split;
  logic load_can_take, load_idle, load_end, fill_idle, fill_end, fill_req;
  assign la_can_take_o = load_can_take && fill_idle && (!is_alone || load_idle);
  assign la_idle_o     = load_idle && fill_idle;
  assign la_end_o      = load_end || fill_end;
  assign fill_o        = fill_req && !beat_spm_o;
  assign fill_lost_o   = fill_req && beat_spm_o;

  always_comb begin
    fill_start = 1'b0;
    pad        = 1'b0;
    if (la_start_i) begin
      fill_start = is_alone;
      pad        = is_alone && la_opcode[0];
    end
  end
  always_comb begin
    load_start = 1'b0;
    if (la_start_i) load_start = !is_alone || split[196];
  end

  tw_pad u_pad (
    .start_i(pad),
    .line_i (la_line_i),
    .split_o(split)
  );

  tw_fill #(.N(N)) u_fill (
    .clk_i,
    .rst_ni,
    .start_i(fill_start),
    .line_i (la_line_i),
    .pad_i  (pad),
    .split_i(split),
    .idle_o (fill_idle),
    .end_o  (fill_end),
    .req_o  (fill_req),
    .addr_o (fill_addr_o),
    .value_o(fill_value_o),
    .gnt_i  (fill_o)
  );

  tw_load #(.N(N), .BurstBytes(BurstBytes), .Depth(LoadDepth)) u_la (
    .clk_i,
    .rst_ni,
    .start_i     (load_start),
    .line_i      (la_line_i),
    .can_take_o  (load_can_take),
    .idle_o      (load_idle),
    .end_o       (load_end),
    .crop_i      (pad),
    .crop_local_i(split[147:124]),
    .crop_n1_i   (split[83:68]),
    .crop_n2_i   (split[35:20]),
    .hold_i      (!fill_idle),
    .region_base_i,
    .req_o       (la_req),
    .req_addr_o  (la_addr),
    .req_bytes_o (la_bytes),
    .req_local_o (la_local),
    .req_space_o (la_space_unused),
    .req_last_o  (la_last),
    .gnt_i       (la_gnt),
    .beat_i      (beat_la_o),
    .beat_last_i (beat_last),
    .beat_error_i(beat_error_o),
    .beat_addr_i (beat_addr),
    .fault_o     (la_fault_o),
    .fault_addr_o(la_fault_addr_o)
  );

  tw_load #(.N(N), .BurstBytes(BurstBytes), .Depth(LoadDepth)) u_lw (
    .clk_i,
    .rst_ni,
    .start_i     (lw_start_i),
    .line_i      (lw_line_i),
    .can_take_o  (lw_can_take_o),
    .idle_o      (lw_idle_o),
    .end_o       (lw_end_o),
    .crop_i      (1'b0),
    .crop_local_i('0),
    .crop_n1_i   ('0),
    .crop_n2_i   ('0),
    .hold_i      (1'b0),
    .region_base_i,
    .req_o       (lw_req),
    .req_addr_o  (lw_addr),
    .req_bytes_o (lw_bytes),
    .req_local_o (lw_local),
    .req_space_o (lw_space),
    .req_last_o  (lw_last),
    .gnt_i       (lw_gnt),
    .beat_i      (beat_lw_o),
    .beat_last_i (beat_last),
    .beat_error_i(beat_error_o),
    .beat_addr_i (beat_addr),
    .fault_o     (lw_fault_o),
    .fault_addr_o(lw_fault_addr_o)
  );

  tw_read #(.AxiBytes(AxiBytes), .Reads(Bursts)) u_read (
    .clk_i,
    .rst_ni,
    .fe_req_i,
    .fe_addr_i,
    .fe_gnt_o,
    .lw_req_i     (lw_req),
    .lw_addr_i    (lw_addr),
    .lw_bytes_i   (lw_bytes),
    .lw_local_i   (lw_local),
    .lw_space_i   (lw_space),
    .lw_last_i    (lw_last),
    .lw_gnt_o     (lw_gnt),
    .la_req_i     (la_req),
    .la_addr_i    (la_addr),
    .la_bytes_i   (la_bytes),
    .la_local_i   (la_local),
    .la_last_i    (la_last),
    .la_gnt_o     (la_gnt),
    .arvalid_o,
    .arready_i,
    .araddr_o,
    .arlen_o,
    .rvalid_i,
    .rdata_i,
    .rresp_i,
    .rlast_i,
    .beat_fe_o,
    .beat_lw_o,
    .beat_la_o,
    .beat_data_o,
    .beat_local_o,
    .beat_space_o (beat_space),
    .beat_burst_last_o,
    .beat_last_o  (beat_last),
    .beat_error_o,
    .beat_addr_o  (beat_addr),
    .beat_time_o  (read_time_o),
    .idle_o       (reads_idle_o),
    .time_i
  );

  tw_store #(.N(N), .AxiBytes(AxiBytes), .BurstBytes(BurstBytes), .Writes(Bursts)) u_st (
    .clk_i,
    .rst_ni,
    .start_i      (st_start_i),
    .line_i       (st_line_i),
    .can_take_o   (st_can_take_o),
    .idle_o       (st_idle_o),
    .end_o        (st_end_o),
    .region_base_i,
    .spm_req_o,
    .spm_addr_o,
    .spm_gnt_i,
    .spm_data_i,
    .record_i,
    .record_addr_i,
    .record_data_i,
    .record_done_o,
    .record_error_o,
    .awvalid_o,
    .awready_i,
    .awaddr_o,
    .awlen_o,
    .wvalid_o,
    .wready_i,
    .wdata_o,
    .wstrb_o,
    .wlast_o,
    .bvalid_i,
    .bresp_i,
    .progress_o   (st_progress_o),
    .beat_o       (st_beat_o),
    .done_o       (write_done_o),
    .done_time_o  (write_time_o),
    .time_i,
    .fault_o      (st_fault_o),
    .fault_addr_o (st_fault_addr_o)
  );
endmodule
