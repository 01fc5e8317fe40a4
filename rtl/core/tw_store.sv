// SPDX-License-Identifier: Apache-2.0
// Store engine: reads rows from SPM into two staging buffers of one burst each and sends full buffers. One
// instruction at a time; it ends after its last write response. Also sends the completion record, from a register of
// its own, when the machine is otherwise still. BREADY is always 1. A write burst asserts AW only when all its data
// are staged. Strobes are low for the bytes of a row that stb leaves alone.
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
  output logic                  record_error_o, // and says that the memory does not have it
  // AXI
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
  input  logic [1:0]            bresp_i,
  // counters and faults
  output logic                  progress_o,     // a row was granted or a data beat of a store accepted
  output logic                  beat_o,         // a data beat of a store was accepted
  output logic                  done_o,         // in the last cycle a burst of a store was answered
  output logic [31:0]           done_time_o,    // time_i in the cycle before its address was shown
  input  logic [31:0]           time_i,         // cycle of the job
  output logic                  fault_o,        // AXI_WRITE, with the end
  output logic [63:0]           fault_addr_o
);
  localparam int RowLog     = $clog2(N);
  localparam int BurstRows  = BurstBytes / N;
  localparam int BurstBeats = BurstBytes / AxiBytes;
  localparam int RowIdxBits = $clog2(2 * BurstRows);  // of a row in both buffers
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

  logic [63:0] first_addr;
  always_comb begin
    first_addr = '0;
    if (start_i) first_addr = region_base_i[64*region +: 64] + {24'd0, offset};
  end

  tw_walk #(.BurstBytes(BurstBytes)) u_walk (
    .clk_i,
    .rst_ni,
    .load_i     (start_i),
    .addr_i     (first_addr),
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

  //--- what others see ----------------------------------------------------------------------------
  logic                  idle_q, drained_q;     // no instruction; nothing staged, sent or unanswered
  logic                  may_fill_q;            // the next row's buffer is free
  logic [12:0]           fill_q;                // bytes of the burst already granted
  logic                  awvalid_q, wvalid_q, wlast_q, record_q;  // record_q: what is sent is the record
  logic [63:0]           awaddr_q;
  logic [7:0]            awlen_q;
  logic [AxiBytes*8-1:0] wdata_q;
  logic [AxiBytes-1:0]   wstrb_q;
  logic                  error_q;
  logic [63:0]           error_addr_q;
  logic                  done_q;
  logic [31:0]           done_time_q;

  wire row_last = (fill_q + 13'(N)) == walk_bytes;
  assign spm_req_o  = walking && may_fill_q;
  assign spm_addr_o = walk_local + {11'd0, fill_q};
  assign walk_next  = spm_gnt_i && row_last;
  assign awvalid_o  = awvalid_q;
  assign awaddr_o   = awaddr_q;
  assign awlen_o    = awlen_q;
  assign wvalid_o   = wvalid_q;
  assign wdata_o    = wdata_q;
  assign wstrb_o    = wstrb_q;
  assign wlast_o    = wlast_q;
  assign beat_o     = wvalid_q && wready_i && !record_q;
  assign progress_o = spm_gnt_i || beat_o;
  assign record_done_o  = bvalid_i && record_q;
  assign record_error_o = record_done_o && (bresp_i != 2'b00);
  assign can_take_o    = idle_q;
  assign idle_o        = idle_q;
  assign end_o         = !idle_q && !walking && drained_q;
  assign fault_o       = end_o && error_q;
  assign fault_addr_o  = error_addr_q;
  assign done_o        = done_q;
  assign done_time_o   = done_time_q;

  //--- state of the process below alone, updated in place ------------------------------------------
  typedef enum logic [1:0] {SendIdle, SendAddress, SendData} send_e;
  logic                  active;                // an instruction is under way
  logic                  sends_record;
  logic                  partial;               // stb: of each row the first row_bytes bytes are written
  logic [6:0]            row_bytes;
  // filler: one row a grant
  logic [12:0]           fill;
  logic                  fill_buf;
  logic [1:0]            taken, full;           // per buffer
  logic [N*8-1:0]        buf_mem   [2*BurstRows];
  logic [63:0]           buf_addr  [2];
  logic [12:0]           buf_bytes [2];
  logic                  land, land_full, land_buf;  // the row granted in the last cycle, whose data arrive now
  logic [RowIdxBits-1:0] land_row;
  // sender
  send_e                 send;
  logic                  send_buf;
  logic [BeatBits:0]     beat, last_beat;       // the beat on the bus, or the first; the burst's last
  logic [CountBits-1:0]  open;                  // write bursts without a response
  logic [63:0]           open_mem [Writes];
  logic [31:0]           time_mem [Writes];     // of their beginnings
  logic [PtrBits-1:0]    wptr, rptr;
  always_ff @(posedge clk_i) begin
    if (start_i || active || record_i) begin : work
      logic                may_send, accepted;
      logic [1:0]          ready;               // buffers that were full at the start of the cycle
      logic [12:0]         bytes;
      logic [63:0]         addr;
      logic [BeatBits+1:0] place;               // of the beat in both buffers
      ready    = full;
      may_send = open < CountBits'(Writes);

      // filler
      if (land) buf_mem[land_row] = spm_data_i;
      if (land_full) full[land_buf] = 1'b1;
      land      = spm_gnt_i;
      land_full = spm_gnt_i && row_last;
      if (spm_gnt_i) begin
        land_row = RowIdxBits'(fill >> RowLog) + (fill_buf ? RowIdxBits'(BurstRows) : '0);
        land_buf = fill_buf;
        if (fill == '0) begin
          taken[fill_buf]     = 1'b1;
          buf_addr[fill_buf]  = walk_addr;
          buf_bytes[fill_buf] = walk_bytes;
        end
        fill = row_last ? '0 : fill + 13'(N);
        if (row_last) fill_buf = !fill_buf;
      end

      // responses
      done_q <= bvalid_i && !sends_record;
      if (bvalid_i) begin
        done_time_q <= time_mem[rptr];
        if ((bresp_i != 2'b00) && !error_q) begin
          error_q      <= 1'b1;
          error_addr_q <= open_mem[rptr];
        end
        rptr         = (rptr == PtrBits'(Writes - 1)) ? '0 : rptr + 1'b1;
        open         = open - 1'b1;
      end

      // sender
      accepted = ((send == SendAddress) && awready_i) || ((send == SendData) && wready_i);
      if ((send == SendIdle) && (record_i ? !sends_record : (ready[send_buf] && may_send))) begin
        sends_record   = record_i;
        addr           = record_i ? record_addr_i : buf_addr[send_buf];
        bytes          = record_i ? 13'd64 : buf_bytes[send_buf];
        last_beat      = (BeatBits+1)'((bytes >> BeatLog) - 13'd1);
        beat           = '0;
        send           = SendAddress;
        open_mem[wptr] = addr;
        time_mem[wptr] = time_i;
        wptr           = (wptr == PtrBits'(Writes - 1)) ? '0 : wptr + 1'b1;
        open           = open + 1'b1;
        awaddr_q      <= addr;
        awlen_q       <= 8'(last_beat);
      end else if (accepted) begin
        if (send == SendAddress) begin
          send = SendData;
        end else if (beat == last_beat) begin
          send = SendIdle;
          if (!sends_record) begin
            full[send_buf]  = 1'b0;
            taken[send_buf] = 1'b0;
            send_buf        = !send_buf;
          end
        end else begin
          beat = beat + 1'b1;
        end
        place = {1'b0, beat} + (send_buf ? (BeatBits + 2)'(BurstBeats) : '0);
        if (sends_record) begin
          wdata_q <= record_data_i[AxiBytes*8*(32'(beat) % RecordBeats) +: AxiBytes*8];
          wstrb_q <= '1;
        end else begin
          wdata_q <= buf_mem[RowIdxBits'(place >> (RowLog - BeatLog))]
                            [AxiBytes*8*(32'(place) % (N/AxiBytes)) +: AxiBytes*8];
          if (partial) begin
            for (int b = 0; b < AxiBytes; b++)
              wstrb_q[b] <= AxiBytes * (32'(place) % (N/AxiBytes)) + b < 32'(row_bytes);
          end
        end
      end
      if (bvalid_i) sends_record = 1'b0;

      // instruction
      if (start_i) begin
        active    = 1'b1;
        partial   = line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8] == tw_isa_pkg::OP_STB;
        row_bytes = line_i[tw_isa_pkg::STB_BYTES_LSB +: 7];
        error_q  <= 1'b0;
        wstrb_q  <= '1;
      end else if (end_o) begin
        active = 1'b0;
      end

      idle_q     <= !active;
      drained_q  <= (taken == '0) && (open == '0);
      may_fill_q <= (fill != '0) || !taken[fill_buf];
      fill_q     <= fill;
      awvalid_q  <= send == SendAddress;
      wvalid_q   <= send == SendData;
      wlast_q    <= beat == last_beat;
      record_q   <= sends_record;
    end
    if (!rst_ni) begin
      active       = 1'b0;
      sends_record = 1'b0;
      fill         = '0;
      fill_buf     = 1'b0;
      taken        = '0;
      full         = '0;
      land         = 1'b0;
      land_full    = 1'b0;
      send         = SendIdle;
      send_buf     = 1'b0;
      open         = '0;
      wptr         = '0;
      rptr         = '0;
      idle_q      <= 1'b1;
      drained_q   <= 1'b1;
      may_fill_q  <= 1'b1;
      fill_q      <= '0;
      awvalid_q   <= 1'b0;
      wvalid_q    <= 1'b0;
      record_q    <= 1'b0;
      error_q     <= 1'b0;
      done_q      <= 1'b0;
    end
  end
  wire unused = &{1'b0, walk_last_unused};
endmodule
