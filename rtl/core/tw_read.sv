// SPDX-License-Identifier: Apache-2.0
// Read port: grants one burst a cycle (FE, then LW, then LA), remembers where its data go, and hands each beat on in
// the cycle after it was on the bus, in the order of the grants. RREADY is always 1. Stalled by ARREADY and by Reads
// outstanding bursts only.
module tw_read #(
  parameter int AxiBytes = 16,
  parameter int Reads    = 32
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  // requesters
  input  logic                  fe_req_i,
  input  logic [63:0]           fe_addr_i,
  output logic                  fe_gnt_o,
  input  logic                  lw_req_i,
  input  logic [63:0]           lw_addr_i,
  input  logic [12:0]           lw_bytes_i,
  input  logic [23:0]           lw_local_i,
  input  logic [2:0]            lw_space_i,
  input  logic                  lw_last_i,
  output logic                  lw_gnt_o,
  input  logic                  la_req_i,
  input  logic [63:0]           la_addr_i,
  input  logic [12:0]           la_bytes_i,
  input  logic [23:0]           la_local_i,
  input  logic                  la_last_i,
  output logic                  la_gnt_o,
  // AXI
  output logic                  arvalid_o,
  input  logic                  arready_i,
  output logic [63:0]           araddr_o,
  output logic [7:0]            arlen_o,
  input  logic                  rvalid_i,
  input  logic [AxiBytes*8-1:0] rdata_i,
  input  logic [1:0]            rresp_i,
  input  logic                  rlast_i,
  // the beat that is processed in this cycle
  output logic                  beat_fe_o,
  output logic                  beat_lw_o,
  output logic                  beat_la_o,
  output logic [AxiBytes*8-1:0] beat_data_o,
  output logic [23:0]           beat_local_o,
  output logic [2:0]            beat_space_o,
  output logic                  beat_burst_last_o,
  output logic                  beat_last_o,        // last of its instruction
  output logic                  beat_error_o,
  output logic [63:0]           beat_addr_o,        // address of the beat's burst
  output logic [31:0]           beat_time_o,        // time_i in the cycle of its burst's grant
  output logic                  idle_o,             // no burst is outstanding
  input  logic [31:0]           time_i              // cycle of the job
);
  localparam int CountBits = $clog2(Reads + 1);
  localparam int PtrBits   = (Reads > 1) ? $clog2(Reads) : 1;
  localparam int BeatLog   = $clog2(AxiBytes);

  localparam logic [1:0] SrcFe = 2'd0;
  localparam logic [1:0] SrcLw = 2'd1;
  localparam logic [1:0] SrcLa = 2'd2;

  // Grant
  logic        arvalid_q, room_q, idle_q;
  logic [63:0] araddr_q;
  logic [7:0]  arlen_q;

  wire may_grant = room_q && (!arvalid_q || arready_i);
  assign fe_gnt_o = may_grant && fe_req_i;
  assign lw_gnt_o = may_grant && !fe_req_i && lw_req_i;
  assign la_gnt_o = may_grant && !fe_req_i && !lw_req_i && la_req_i;
  wire   grant    = may_grant && (fe_req_i || lw_req_i || la_req_i);

  assign arvalid_o = arvalid_q;
  assign araddr_o  = araddr_q;
  assign arlen_o   = arlen_q;
  assign idle_o    = idle_q;

  // Beat
  logic                  fe_q, lw_q, la_q, burst_last_q, last_q, error_q;
  logic [2:0]            space_q;
  logic [23:0]           local_q;
  logic [63:0]           addr_q;
  logic [AxiBytes*8-1:0] data_q;
  logic [31:0]           time_q;

  assign beat_fe_o         = fe_q;
  assign beat_lw_o         = lw_q;
  assign beat_la_o         = la_q;
  assign beat_data_o       = data_q;
  assign beat_local_o      = local_q;
  assign beat_space_o      = space_q;
  assign beat_burst_last_o = burst_last_q;
  assign beat_last_o       = last_q;
  assign beat_error_o      = error_q;
  assign beat_addr_o       = addr_q;
  assign beat_time_o       = time_q;

  // State of this process alone, updated in place: what was granted, in order, and the place in its first burst.
  logic [1:0]           src_mem   [Reads];
  logic [2:0]           space_mem [Reads];
  logic [23:0]          local_mem [Reads];
  logic                 last_mem  [Reads];
  logic [63:0]          addr_mem  [Reads];
  logic [31:0]          time_mem  [Reads];
  logic [PtrBits-1:0]   wptr, rptr;
  logic [CountBits-1:0] count;
  logic                 first;   // the next beat on the bus is its burst's first
  logic [23:0]          place;   // of the last beat
  always_ff @(posedge clk_i) begin
    fe_q <= 1'b0;
    lw_q <= 1'b0;
    la_q <= 1'b0;
    if (rvalid_i) begin
      fe_q         <= src_mem[rptr] == SrcFe;
      lw_q         <= src_mem[rptr] == SrcLw;
      la_q         <= src_mem[rptr] == SrcLa;
      place        = first ? local_mem[rptr] : place + 24'(AxiBytes);
      first        = rlast_i;
      data_q       <= rdata_i;
      space_q      <= space_mem[rptr];
      local_q      <= place;
      addr_q       <= addr_mem[rptr];
      time_q       <= time_mem[rptr];
      burst_last_q <= rlast_i;
      last_q       <= rlast_i && last_mem[rptr];
      error_q      <= rresp_i != 2'b00;
      if (rlast_i) begin
        rptr  = (rptr == PtrBits'(Reads - 1)) ? '0 : rptr + 1'b1;
        count = count - 1'b1;
      end
    end
    if (grant) begin : burst
      logic [12:0] bytes, beats_less_one;
      logic [63:0] addr;
      bytes           = fe_req_i ? 13'(tw_isa_pkg::LINE_BYTES) : lw_req_i ? lw_bytes_i : la_bytes_i;
      addr            = fe_req_i ? fe_addr_i : lw_req_i ? lw_addr_i : la_addr_i;
      beats_less_one  = (bytes >> BeatLog) - 13'd1;
      araddr_q        <= addr;
      arlen_q         <= beats_less_one[7:0];
      src_mem[wptr]   = fe_req_i ? SrcFe : lw_req_i ? SrcLw : SrcLa;
      space_mem[wptr] = lw_req_i ? lw_space_i : tw_isa_pkg::SPACE_SPM;
      local_mem[wptr] = lw_req_i ? lw_local_i : la_local_i;
      last_mem[wptr]  = lw_req_i ? lw_last_i : la_last_i;
      addr_mem[wptr]  = addr;
      time_mem[wptr]  = time_i;
      wptr            = (wptr == PtrBits'(Reads - 1)) ? '0 : wptr + 1'b1;
      count           = count + 1'b1;
    end
    arvalid_q <= grant || (arvalid_q && !arready_i);
    room_q    <= count < CountBits'(Reads);
    idle_q    <= count == '0;

    if (!rst_ni) begin
      arvalid_q <= 1'b0;
      room_q    <= 1'b1;
      idle_q    <= 1'b1;
      fe_q      <= 1'b0;
      lw_q      <= 1'b0;
      la_q      <= 1'b0;
      first     = 1'b1;
      count     = '0;
      wptr      = '0;
      rptr      = '0;
    end
  end
endmodule
