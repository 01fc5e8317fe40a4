// SPDX-License-Identifier: Apache-2.0
// Store engine: reads rows from SPM into two staging buffers of one burst each and sends full buffers. One
// instruction at a time; it ends after its last write response. Also sends the completion record, from a register of
// its own, when the machine is otherwise still. BREADY is always 1. A write burst asserts AW only when all its data
// are staged.
module tw_store #(
  parameter int N          = 16,
  parameter int AxiBytes   = 16,
  parameter int BurstBytes = 256,
  parameter int Writes     = 32  // write bursts that may be unanswered
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  // queue
  input  logic                  start_i,
  input  logic [511:0]          line_i,
  output logic                  can_take_o,
  output logic                  idle_o,
  output logic                  end_o,
  input  logic [511:0]          region_base_i,
  // SPM read: data in the cycle after the grant
  output logic                  spm_req_o,
  output logic [23:0]           spm_addr_o,
  input  logic                  spm_gnt_i,
  input  logic [N*8-1:0]        spm_data_i,
  // completion record: valid until done
  input  logic                  record_i,
  input  logic [63:0]           record_addr_i,
  input  logic [511:0]          record_data_i,
  output logic                  record_done_o,  // its response is accepted in this cycle
  // AXI
  output logic                  awvalid_o,
  input  logic                  awready_i,
  output logic [63:0]           awaddr_o,
  output logic [7:0]            awlen_o,
  output logic                  wvalid_o,
  input  logic                  wready_i,
  output logic [AxiBytes*8-1:0] wdata_o,
  output logic                  wlast_o,
  input  logic                  bvalid_i,
  input  logic [1:0]            bresp_i,
  // counters and faults
  output logic                  progress_o,     // a row was granted or a data beat of a store accepted
  output logic                  beat_o,         // a data beat of a store was accepted
  output logic                  fault_o,        // AXI_WRITE, with the end
  output logic [63:0]           fault_addr_o
);
  localparam int RowLog     = $clog2(N);
  localparam int BurstRows  = BurstBytes / N;
  localparam int BurstBeats = BurstBytes / AxiBytes;
  localparam int RowIdxBits = (BurstRows > 1) ? $clog2(BurstRows) : 1;
  localparam int BeatBits   = $clog2(BurstBeats);
  localparam int BeatLog    = $clog2(AxiBytes);
  localparam int CountBits  = $clog2(Writes + 1);
  localparam int PtrBits    = (Writes > 1) ? $clog2(Writes) : 1;
  localparam int RecordBeats = 64 / AxiBytes;

  //--- walker ------------------------------------------------------------------------------------
  wire [2:0]  region = line_i[tw_isa_pkg::ST_REGION_LSB +: 3];
  wire [39:0] offset = line_i[tw_isa_pkg::ST_OFFSET_LSB +: 40];

  logic        walking;
  logic        walk_next;
  logic [63:0] walk_addr;
  logic [23:0] walk_local;
  logic [12:0] walk_bytes;
  logic        walk_last_unused;

  tw_walk #(.BurstBytes(BurstBytes)) u_walk (
    .clk_i,
    .rst_ni,
    .load_i     (start_i),
    .addr_i     (region_base_i[64*region +: 64] + {24'd0, offset}),
    .local_i    (line_i[tw_isa_pkg::ST_SPM_LSB +: 24]),
    .run_bytes_i({8'd0, line_i[tw_isa_pkg::ST_N0_LSB +: 16]} << RowLog),
    .n1_i       (line_i[tw_isa_pkg::ST_N1_LSB +: 16]),
    .n2_i       (line_i[tw_isa_pkg::ST_N2_LSB +: 16]),
    .n3_i       (line_i[tw_isa_pkg::ST_N3_LSB +: 16]),
    .ds1_i      (line_i[tw_isa_pkg::ST_DS1_LSB +: 32]),
    .ds2_i      (line_i[tw_isa_pkg::ST_DS2_LSB +: 32]),
    .ds3_i      (line_i[tw_isa_pkg::ST_DS3_LSB +: 32]),
    .ss1_i      (line_i[tw_isa_pkg::ST_SS1_LSB +: 24]),
    .ss2_i      (line_i[tw_isa_pkg::ST_SS2_LSB +: 24]),
    .ss3_i      (line_i[tw_isa_pkg::ST_SS3_LSB +: 24]),
    .next_i     (walk_next),
    .valid_o    (walking),
    .addr_o     (walk_addr),
    .local_o    (walk_local),
    .bytes_o    (walk_bytes),
    .last_o     (walk_last_unused)
  );

  //--- filler: one row a grant -------------------------------------------------------------------
  logic [12:0]    fill_q;               // bytes of the burst already granted
  logic           fill_buf_q;
  logic [1:0]     taken_q, full_q;      // per buffer
  logic [N*8-1:0] buf_mem [2*BurstRows];
  logic [63:0]    buf_addr_q0, buf_addr_q1;
  logic [12:0]    buf_bytes_q0, buf_bytes_q1;
  // the row granted in the last cycle, whose data arrive now
  logic                  land_q, land_full_q, land_buf_q;
  logic [RowIdxBits-1:0] land_row_q;

  assign spm_req_o  = walking && ((fill_q != '0) || !taken_q[fill_buf_q]);
  assign spm_addr_o = walk_local + {11'd0, fill_q};
  wire   row_last   = (fill_q + 13'(N)) == walk_bytes;
  assign walk_next  = spm_gnt_i && row_last;

  //--- sender ------------------------------------------------------------------------------------
  typedef enum logic [1:0] {SendIdle, SendAddress, SendData} send_e;
  send_e                 send_q;
  logic                  send_buf_q, send_record_q;
  logic [BeatBits:0]     beat_q;        // the beat on the bus
  logic [BeatBits:0]     last_beat_q;
  logic [63:0]           awaddr_q;
  logic [AxiBytes*8-1:0] wdata_q;
  logic [CountBits-1:0]  open_q;        // write bursts without a response
  logic [63:0]           open_mem [Writes];
  logic [PtrBits-1:0]    wptr_q, rptr_q;

  wire begin_record = (send_q == SendIdle) && record_i && !send_record_q;
  wire begin_store  = (send_q == SendIdle) && !record_i && full_q[send_buf_q]
                      && (open_q < CountBits'(Writes));
  wire begin_burst  = begin_record || begin_store;
  wire [63:0] begin_addr  = begin_record ? record_addr_i : send_buf_q ? buf_addr_q1 : buf_addr_q0;
  wire [12:0] begin_bytes = begin_record ? 13'd64 : send_buf_q ? buf_bytes_q1 : buf_bytes_q0;
  wire [12:0] begin_beats = (begin_bytes >> BeatLog) - 13'd1;
  wire address_ok = (send_q == SendAddress) && awready_i;
  wire data_ok    = (send_q == SendData) && wready_i;
  wire data_last  = data_ok && (beat_q == last_beat_q);
  wire store_sent = data_last && !send_record_q;

  assign awvalid_o = send_q == SendAddress;
  assign awaddr_o  = awaddr_q;
  assign awlen_o   = 8'(last_beat_q);
  assign wvalid_o  = send_q == SendData;
  assign wdata_o   = wdata_q;
  assign wlast_o   = beat_q == last_beat_q;
  assign beat_o    = data_ok && !send_record_q;
  assign progress_o    = spm_gnt_i || beat_o;
  assign record_done_o = bvalid_i && send_record_q;

  // The beat that goes on the bus next: beat 0 when the address is accepted, else the following one.
  wire [BeatBits:0]   pick = address_ok ? '0 : beat_q + 1'b1;
  wire [BeatBits+1:0] pick_in_buffers = {1'b0, pick} + (send_buf_q ? (BeatBits + 2)'(BurstBeats) : '0);

  //--- instruction -------------------------------------------------------------------------------
  logic        active_q, error_q;
  logic [63:0] error_addr_q;

  assign can_take_o   = !active_q;
  assign idle_o       = !active_q;
  assign end_o        = active_q && !walking && (taken_q == '0) && (open_q == '0);
  assign fault_o      = end_o && error_q;
  assign fault_addr_o = error_addr_q;

  always_ff @(posedge clk_i) begin
    // filler
    if (spm_gnt_i) begin
      fill_q <= row_last ? '0 : fill_q + 13'(N);
      if (fill_q == '0) begin
        taken_q[fill_buf_q] <= 1'b1;
        if (fill_buf_q) begin
          buf_addr_q1  <= walk_addr;
          buf_bytes_q1 <= walk_bytes;
        end else begin
          buf_addr_q0  <= walk_addr;
          buf_bytes_q0 <= walk_bytes;
        end
      end
      if (row_last) fill_buf_q <= !fill_buf_q;
      land_row_q <= RowIdxBits'(fill_q >> RowLog);
      land_buf_q <= fill_buf_q;
    end
    land_q      <= spm_gnt_i;
    land_full_q <= spm_gnt_i && row_last;
    if (land_q) buf_mem[{land_buf_q, land_row_q}] <= spm_data_i;
    if (land_full_q) full_q[land_buf_q] <= 1'b1;

    // sender
    if (begin_burst) begin
      send_q        <= SendAddress;
      send_record_q <= begin_record;
      awaddr_q      <= begin_addr;
      last_beat_q   <= begin_beats[BeatBits:0];
      beat_q        <= '0;
      open_mem[wptr_q] <= begin_addr;
      wptr_q        <= (wptr_q == PtrBits'(Writes - 1)) ? '0 : wptr_q + 1'b1;
    end else if (address_ok) begin
      send_q <= SendData;
    end else if (data_last) begin
      send_q <= SendIdle;
      if (!send_record_q) begin
        full_q[send_buf_q]  <= 1'b0;
        taken_q[send_buf_q] <= 1'b0;
        send_buf_q          <= !send_buf_q;
      end
    end else if (data_ok) begin
      beat_q <= beat_q + 1'b1;
    end
    if (address_ok || data_ok) begin
      if (send_record_q) wdata_q <= record_data_i[AxiBytes*8*(32'(pick) % RecordBeats) +: AxiBytes*8];
      else wdata_q <= buf_mem[(RowIdxBits+1)'(pick_in_buffers >> (RowLog - BeatLog))]
                             [AxiBytes*8*(32'(pick_in_buffers) % (N/AxiBytes)) +: AxiBytes*8];
    end

    // responses
    if (begin_burst != bvalid_i) open_q <= begin_burst ? open_q + 1'b1 : open_q - 1'b1;
    if (bvalid_i) begin
      rptr_q <= (rptr_q == PtrBits'(Writes - 1)) ? '0 : rptr_q + 1'b1;
      if ((bresp_i != 2'b00) && !error_q) begin
        error_q      <= 1'b1;
        error_addr_q <= open_mem[rptr_q];
      end
      if (send_record_q) send_record_q <= 1'b0;
    end

    // instruction
    if (start_i) begin
      active_q <= 1'b1;
      error_q  <= 1'b0;
    end else if (end_o) begin
      active_q <= 1'b0;
    end

    if (!rst_ni) begin
      active_q      <= 1'b0;
      error_q       <= 1'b0;
      fill_q        <= '0;
      fill_buf_q    <= 1'b0;
      taken_q       <= '0;
      full_q        <= '0;
      land_q        <= 1'b0;
      land_full_q   <= 1'b0;
      send_q        <= SendIdle;
      send_buf_q    <= 1'b0;
      send_record_q <= 1'b0;
      open_q        <= '0;
      wptr_q        <= '0;
      rptr_q        <= '0;
    end
  end
  wire unused = &{1'b0, store_sent, walk_last_unused};
endmodule
