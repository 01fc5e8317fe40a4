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
  output logic                  idle_o              // no burst is outstanding
);
  localparam int CountBits = $clog2(Reads + 1);
  localparam int PtrBits   = (Reads > 1) ? $clog2(Reads) : 1;
  localparam int BeatLog   = $clog2(AxiBytes);

  localparam logic [1:0] SrcFe = 2'd0;
  localparam logic [1:0] SrcLw = 2'd1;
  localparam logic [1:0] SrcLa = 2'd2;

  // Grant
  logic                 arvalid_q;
  logic [63:0]          araddr_q;
  logic [7:0]           arlen_q;
  logic [CountBits-1:0] count_q;

  wire may_grant = (count_q < CountBits'(Reads)) && (!arvalid_q || arready_i);
  assign fe_gnt_o = may_grant && fe_req_i;
  assign lw_gnt_o = may_grant && !fe_req_i && lw_req_i;
  assign la_gnt_o = may_grant && !fe_req_i && !lw_req_i && la_req_i;
  wire grant = fe_gnt_o || lw_gnt_o || la_gnt_o;


  assign arvalid_o = arvalid_q;
  assign araddr_o  = araddr_q;
  assign arlen_o   = arlen_q;
  assign idle_o    = count_q == '0;

  // Order of the grants
  logic [1:0]         src_mem   [Reads];
  logic [2:0]         space_mem [Reads];
  logic [23:0]        local_mem [Reads];
  logic               last_mem  [Reads];
  logic [63:0]        addr_mem  [Reads];
  logic [PtrBits-1:0] wptr_q, rptr_q;

  // Beat
  logic                  first_q;  // the next beat on the bus is its burst's first
  logic                  beat_q, burst_last_q, last_q, error_q;
  logic [1:0]            src_q;
  logic [2:0]            space_q;
  logic [23:0]           local_q;
  logic [63:0]           addr_q;
  logic [AxiBytes*8-1:0] data_q;

  assign beat_fe_o         = beat_q && (src_q == SrcFe);
  assign beat_lw_o         = beat_q && (src_q == SrcLw);
  assign beat_la_o         = beat_q && (src_q == SrcLa);
  assign beat_data_o       = data_q;
  assign beat_local_o      = local_q;
  assign beat_space_o      = space_q;
  assign beat_burst_last_o = burst_last_q;
  assign beat_last_o       = last_q;
  assign beat_error_o      = error_q;
  assign beat_addr_o       = addr_q;

  wire retire = rvalid_i && rlast_i;

  always_ff @(posedge clk_i) begin
    if (grant) begin : burst
      logic [12:0] bytes, beats_less_one;
      logic [63:0] addr;
      bytes          = fe_gnt_o ? 13'(tw_isa_pkg::LINE_BYTES) : lw_gnt_o ? lw_bytes_i : la_bytes_i;
      addr           = fe_gnt_o ? fe_addr_i : lw_gnt_o ? lw_addr_i : la_addr_i;
      beats_less_one = (bytes >> BeatLog) - 13'd1;
      araddr_q          <= addr;
      arlen_q           <= beats_less_one[7:0];
      src_mem[wptr_q]   <= fe_gnt_o ? SrcFe : lw_gnt_o ? SrcLw : SrcLa;
      space_mem[wptr_q] <= lw_gnt_o ? lw_space_i : tw_isa_pkg::SPACE_SPM;
      local_mem[wptr_q] <= lw_gnt_o ? lw_local_i : la_local_i;
      last_mem[wptr_q]  <= lw_gnt_o ? lw_last_i : la_last_i;
      addr_mem[wptr_q]  <= addr;
      wptr_q            <= (wptr_q == PtrBits'(Reads - 1)) ? '0 : wptr_q + 1'b1;
    end
    arvalid_q <= grant || (arvalid_q && !arready_i);

    beat_q <= rvalid_i;
    if (rvalid_i) begin
      first_q      <= rlast_i;
      data_q       <= rdata_i;
      src_q        <= src_mem[rptr_q];
      space_q      <= space_mem[rptr_q];
      local_q      <= first_q ? local_mem[rptr_q] : local_q + 24'(AxiBytes);
      addr_q       <= addr_mem[rptr_q];
      burst_last_q <= rlast_i;
      last_q       <= rlast_i && last_mem[rptr_q];
      error_q      <= rresp_i != 2'b00;
    end
    if (retire) rptr_q <= (rptr_q == PtrBits'(Reads - 1)) ? '0 : rptr_q + 1'b1;
    if (grant != retire) count_q <= grant ? count_q + 1'b1 : count_q - 1'b1;

    if (!rst_ni) begin
      arvalid_q <= 1'b0;
      beat_q    <= 1'b0;
      first_q   <= 1'b1;
      count_q   <= '0;
      wptr_q    <= '0;
      rptr_q    <= '0;
    end
  end
endmodule
