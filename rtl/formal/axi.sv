// SPDX-License-Identifier: Apache-2.0
// Both sides of the AXI4 port as the machine drives them. Induction of one cycle: over any number of cycles.

// Reads (tw_read): an address stays as it is until it is accepted; each grant makes one address, the granted one's, and
// no other; never more than Reads bursts are outstanding; each beat goes to whom its burst was granted, in order, and
// carries its burst's address and its own error. Assumed: requests are of 1 to 256 beats, a beat comes only while a
// burst is outstanding.
module axi_read #(
  parameter int AxiBytes = 8,
  parameter int Reads    = 4
) (
  input logic                  clk_i,
  input logic                  fe_req_i, lw_req_i, la_req_i,
  input logic [63:0]           fe_addr_i, lw_addr_i, la_addr_i,
  input logic [12:0]           lw_bytes_i, la_bytes_i,
  input logic                  arready_i,
  input logic                  r_i,
  input logic [1:0]            rresp_i,
  input logic                  rlast_i,
  input logic                  mark_i
);
  localparam int BeatLog = $clog2(AxiBytes);
  logic        started = 1'b0;
  logic        fe_gnt, lw_gnt, la_gnt, arvalid, beat_fe, beat_lw, beat_la, burst_last, beat_error, idle;
  logic [63:0] araddr, beat_addr;
  logic [7:0]  arlen;
  logic [7:0]  open;  // granted, and not all on the bus yet
  wire         rvalid = r_i && (open != '0);
  tw_read #(.AxiBytes(AxiBytes), .Reads(Reads)) u_read (
    .clk_i, .rst_ni(started), .fe_req_i, .fe_addr_i, .fe_gnt_o(fe_gnt), .lw_req_i, .lw_addr_i, .lw_bytes_i,
    .lw_local_i('0), .lw_space_i('0), .lw_last_i(1'b0), .lw_gnt_o(lw_gnt), .la_req_i, .la_addr_i, .la_bytes_i,
    .la_local_i('0), .la_last_i(1'b0), .la_gnt_o(la_gnt), .arvalid_o(arvalid), .arready_i, .araddr_o(araddr),
    .arlen_o(arlen), .rvalid_i(rvalid), .rdata_i('0), .rresp_i, .rlast_i, .beat_fe_o(beat_fe), .beat_lw_o(beat_lw),
    .beat_la_o(beat_la), .beat_data_o(), .beat_local_o(), .beat_space_o(), .beat_burst_last_o(burst_last),
    .beat_last_o(), .beat_error_o(beat_error), .beat_addr_o(beat_addr), .beat_time_o(), .idle_o(idle), .time_i('0)
  );
  wire        grant = fe_gnt || lw_gnt || la_gnt;
  wire [63:0] addr  = fe_gnt ? fe_addr_i : lw_gnt ? lw_addr_i : la_addr_i;
  wire [12:0] bytes = fe_gnt ? 13'd64 : lw_gnt ? lw_bytes_i : la_bytes_i;
  wire [12:0] beats = bytes >> BeatLog;
  wire        ends  = rvalid && rlast_i;
  always_comb if (started && grant) assume ((beats >= 13'd1) && (beats <= 13'd256));

  // The address channel.
  logic        was_grant, was_stalled;
  logic [63:0] was_addr;
  logic [7:0]  was_len;
  // The marked burst: how many are before it on the bus; whose it is.
  logic        marked;
  logic [7:0]  ahead;
  logic [2:0]  source;  // FE, LW, LA
  logic [63:0] place;
  // The beat that was on the bus.
  logic        was_beat, was_marked, was_last, was_error;
  logic [2:0]  was_source;
  logic [63:0] was_place;
  always_ff @(posedge clk_i) begin
    started     <= 1'b1;
    was_grant   <= started && grant;
    was_stalled <= started && arvalid && !arready_i;
    was_addr    <= grant ? addr : araddr;
    was_len     <= grant ? 8'(beats - 13'd1) : arlen;
    was_beat    <= started && rvalid;
    was_marked  <= started && rvalid && marked && (ahead == '0);
    was_last    <= rlast_i;
    was_error   <= rresp_i != 2'b00;
    was_source  <= source;
    was_place   <= place;
    if (!started) begin
      open   <= '0;
      marked <= 1'b0;
    end else begin
      open <= open + 8'(grant) - 8'(ends);
      if (!marked) begin
        marked <= grant && mark_i;
        ahead  <= open - 8'(ends);
        source <= {la_gnt, lw_gnt, fe_gnt};
        place  <= addr;
      end else if (ends) begin
        marked <= ahead != '0;
        ahead  <= ahead - 8'd1;
      end
    end
  end

  localparam int CountBits = $clog2(Reads + 1);
  localparam int PtrBits   = $clog2(Reads);
  (* hierconn *) wire [CountBits-1:0] \u_read.count ;
  (* hierconn *) wire [PtrBits-1:0]   \u_read.wptr , \u_read.rptr ;
  (* hierconn *) wire [1:0]  \u_read.src_mem[0] , \u_read.src_mem[1] , \u_read.src_mem[2] , \u_read.src_mem[3] ;
  (* hierconn *) wire [63:0] \u_read.addr_mem[0] , \u_read.addr_mem[1] , \u_read.addr_mem[2] , \u_read.addr_mem[3] ;
  wire [7:0]   all_src  = {\u_read.src_mem[3] , \u_read.src_mem[2] , \u_read.src_mem[1] , \u_read.src_mem[0] };
  wire [255:0] all_addr = {\u_read.addr_mem[3] , \u_read.addr_mem[2] , \u_read.addr_mem[1] , \u_read.addr_mem[0] };
  wire [PtrBits-1:0] slot = \u_read.rptr + PtrBits'(ahead);
  always_comb begin
    if (started) begin
      one: assert (2'(fe_gnt) + 2'(lw_gnt) + 2'(la_gnt) <= 2'd1);
      wanted: assert ((!fe_gnt || fe_req_i) && (!lw_gnt || lw_req_i) && (!la_gnt || la_req_i));
      first_fe: assert (!(lw_gnt || la_gnt) || !fe_req_i);
      first_lw: assert (!la_gnt || !lw_req_i);
      free: assert (!grant || !arvalid || arready_i);
      limit: assert (open <= 8'(Reads));
      never_more: assert (!grant || (open < 8'(Reads)));
      quiet: assert (idle == (open == '0));
      shown: assert (arvalid == (was_grant || was_stalled));
      if (was_grant || was_stalled) stays: assert ((araddr == was_addr) && (arlen == was_len));
      handed: assert ((beat_fe || beat_lw || beat_la) == was_beat);
      if (was_beat) begin
        error: assert (beat_error == was_error);
        last: assert (burst_last == was_last);
      end
      if (was_marked) begin
        whose: assert ({beat_la, beat_lw, beat_fe} == was_source);
        where: assert (beat_addr == was_place);
      end
      // What ties the module's own state to the definition's: the induction needs it.
      assert (8'(\u_read.count ) == open);
      assert (PtrBits'(\u_read.wptr - \u_read.rptr ) == PtrBits'(open));
      for (int i = 0; i < Reads; i++) begin
        if ((8'(i) < open)) begin
          assert (all_src[2*((32'(\u_read.rptr ) + i) % Reads) +: 2] != 2'd3);
        end
      end
      if (marked) begin
        assert (ahead < open);
        assert ((source == 3'b001) || (source == 3'b010) || (source == 3'b100));
        for (int i = 0; i < Reads; i++) begin
          if (slot == PtrBits'(i))
            assert ((all_addr[64*i +: 64] == place)
                    && (all_src[2*i +: 2] == (source[0] ? 2'd0 : source[1] ? 2'd1 : 2'd2)));
        end
      end
    end
  end
endmodule

// Writes (tw_store): address and data stay as they are until they are accepted; data come only behind their address,
// as many beats as it says, WLAST with the last of them and no other; never more than Writes bursts are unanswered. For
// any walk, rows and record. Assumed: a response comes only while a burst is wholly sent and unanswered; a record is
// asked for while no instruction runs, until it is answered.
module axi_write #(
  parameter int N          = 8,
  parameter int AxiBytes   = 8,
  parameter int BurstBytes = 64,
  parameter int Writes     = 4
) (
  input logic              clk_i,
  input logic              start_i,
  input logic [511:0]      line_i,
  input logic              spm_gnt_i,
  input logic [N*8-1:0]    spm_data_i,
  input logic              record_i,
  input logic [63:0]       record_addr_i,
  input logic [511:0]      record_data_i,
  input logic              awready_i,
  input logic              wready_i,
  input logic              b_i,
  input logic [1:0]        bresp_i
);
  logic                  started = 1'b0;
  logic                  can_take, spm_req, awvalid, wvalid, wlast, record_done, record_error;
  logic [63:0]           awaddr;
  logic [7:0]            awlen;
  logic [AxiBytes*8-1:0] wdata;
  logic [AxiBytes-1:0]   wstrb;
  logic [7:0]            sent;      // bursts sent and unanswered
  wire                   w_taken = wvalid && wready_i;
  wire                   bvalid  = b_i && ((sent != '0) || (w_taken && wlast));
  logic                  recording;  // a record was begun and not answered
  wire                   record  = recording || (record_i && can_take);
  wire                   start   = start_i && can_take && !record;
  tw_store #(.N(N), .AxiBytes(AxiBytes), .BurstBytes(BurstBytes), .Writes(Writes)) u_store (
    .clk_i, .rst_ni(started), .start_i(start), .line_i, .can_take_o(can_take), .idle_o(), .end_o(),
    .region_base_i('0), .spm_req_o(spm_req), .spm_addr_o(), .spm_gnt_i(spm_gnt_i && spm_req), .spm_data_i,
    .record_i(record), .record_addr_i, .record_data_i, .record_done_o(record_done), .record_error_o(record_error),
    .awvalid_o(awvalid), .awready_i, .awaddr_o(awaddr), .awlen_o(awlen), .wvalid_o(wvalid), .wready_i,
    .wdata_o(wdata), .wstrb_o(wstrb), .wlast_o(wlast), .bvalid_i(bvalid), .bresp_i, .progress_o(), .beat_o(),
    .done_o(), .done_time_o(), .time_i('0), .fault_o(), .fault_addr_o()
  );

  logic                  aw_stalled, w_stalled, sending;  // sending: an address was accepted whose data were not
  logic [63:0]           was_addr;
  logic [7:0]            was_len, len, beat;
  logic [AxiBytes*8-1:0] was_data;
  logic [AxiBytes-1:0]   was_strb;
  logic                  was_last;
  always_ff @(posedge clk_i) begin
    started    <= 1'b1;
    aw_stalled <= started && awvalid && !awready_i;
    w_stalled  <= started && wvalid && !wready_i;
    was_addr   <= awaddr;
    was_len    <= awlen;
    was_data   <= wdata;
    was_strb   <= wstrb;
    was_last   <= wlast;
    recording  <= started && record && !record_done;
    if (!started) begin
      sending <= 1'b0;
      sent    <= '0;
    end else begin
      if (awvalid && awready_i) begin
        sending <= 1'b1;
        len     <= awlen;
        beat    <= '0;
      end else if (w_taken) begin
        sending <= !wlast;
        beat    <= beat + 8'd1;
      end
      sent <= sent + 8'(w_taken && wlast) - 8'(bvalid);
    end
  end

  localparam int BeatBits  = $clog2(BurstBytes / AxiBytes);
  localparam int CountBits = $clog2(Writes + 1);
  (* hierconn *) wire [1:0]           \u_store.send ;
  (* hierconn *) wire [BeatBits:0]    \u_store.beat , \u_store.last_beat ;
  (* hierconn *) wire [CountBits-1:0] \u_store.open ;
  (* hierconn *) wire                 \u_store.active , \u_store.sends_record , \u_store.idle_q ,
                                      \u_store.drained_q , \u_store.land_full , \u_store.land_buf ,
                                      \u_store.record_q , \u_store.walking ;
  (* hierconn *) wire [1:0]           \u_store.taken , \u_store.full ;
  (* hierconn *) wire [12:0]          \u_store.fill , \u_store.fill_q ;
  (* hierconn *) wire                 \u_store.fill_buf , \u_store.send_buf , \u_store.may_fill_q ;
  always_comb begin
    if (started) begin
      if (aw_stalled) address_stays: assert (awvalid && (awaddr == was_addr) && (awlen == was_len));
      if (w_stalled) data_stay: assert (wvalid && (wdata == was_data) && (wstrb == was_strb) && (wlast == was_last));
      behind: assert (!wvalid || sending);
      one_by_one: assert (!awvalid || !sending);
      if (wvalid) last: assert (wlast == (beat == len));
      limit: assert ((sent <= 8'(Writes)) && (sent + 8'(awvalid || sending) <= 8'(Writes)));
      record_error_is_done: assert (!record_error || record_done);
      // What ties the module's own state to the definition's: the induction needs it.
      assert ((\u_store.send == 2'd1) == awvalid);
      assert ((\u_store.send == 2'd2) == wvalid);
      assert (\u_store.send != 2'd3);
      assert (wvalid == sending);
      assert (8'(\u_store.open ) == sent + 8'(awvalid || sending));
      if (awvalid) assert ((awlen == 8'(\u_store.last_beat )) && (\u_store.beat == '0));
      if (sending) assert ((len == 8'(\u_store.last_beat )) && (beat == 8'(\u_store.beat )) && (beat <= len));
      if (w_stalled) assert (sending);
      if (aw_stalled) assert (awvalid);
      assert (\u_store.idle_q == !\u_store.active );
      assert ((\u_store.full & ~\u_store.taken ) == '0);
      // A buffer is taken from its first row on, full behind its last, and sent while it is full.
      assert (\u_store.fill_q == \u_store.fill );
      if (\u_store.fill != '0) assert (\u_store.taken [\u_store.fill_buf ] && !\u_store.full [\u_store.fill_buf ]);
      if (\u_store.may_fill_q ) assert ((\u_store.fill != '0) || !\u_store.taken [\u_store.fill_buf ]);
      if (\u_store.land_full )
        assert (\u_store.taken [\u_store.land_buf ] && !\u_store.full [\u_store.land_buf ] && (\u_store.fill == '0)
                && (\u_store.fill_buf != \u_store.land_buf ) && \u_store.active );
      if ((\u_store.send != '0) && !\u_store.sends_record ) assert (\u_store.full [\u_store.send_buf ]);
      if (\u_store.drained_q ) assert ((\u_store.open == '0) && (\u_store.taken == '0));
      if (!\u_store.active ) assert (\u_store.taken == '0);
      if (!\u_store.active && !\u_store.sends_record ) assert (\u_store.open == '0);
      if (\u_store.sends_record ) assert (recording && !\u_store.active && (\u_store.open == 1));
      assert (\u_store.record_q == \u_store.sends_record );
      if (recording || !\u_store.active ) assert (!\u_store.active && !\u_store.walking );
    end
  end
endmodule
