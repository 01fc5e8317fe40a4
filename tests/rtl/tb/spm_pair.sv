// SPDX-License-Identifier: Apache-2.0
// Both forms of the scratchpad's storage behind one arbiter: what simulation runs, and the single-port banks that
// synthesis gets (the same file read with TW_SYNTHESIS, its module renamed). equal_o compares what all ports deliver.
module spm_pair #(
  parameter int N          = 8,
  parameter int Rows       = 256,
  parameter int Banks      = 8,
  parameter int WeightRows = 1
) (
  input  logic            clk_i,
  input  logic [8:0]      req_i,
  input  logic [8:0]      keep_i,       // of reads
  input  logic [9*32-1:0] addr_i,
  input  logic [N*8-1:0]  dma_data_i,
  input  logic [N-1:0]    dma_strobe_i, // not zero
  input  logic [N*8-1:0]  rq_data_i,
  input  logic [N*8-1:0]  vx_data_i,
  output logic [8:0]      gnt_o,
  output logic            equal_o
);
  localparam int RowLog = $clog2(N);
  localparam int Ports  = 6 + WeightRows;

  wire pair = addr_i[2*32 +: RowLog] != '0;
  tw_arbiter #(.Clients(9), .RowLog(RowLog), .RowBits($clog2(Rows)), .Banks(Banks), .WeightRows(WeightRows)) u_arbiter (
    .req_i,
    .pair_i(pair),
    .addr_i,
    .gnt_o
  );
  wire [8:0] go = gnt_o & ~keep_i;

  logic [Ports*N*8-1:0] simulation, synthesis;
  assign equal_o = simulation == synthesis;
  tw_spm_banks #(.N(N), .Rows(Rows), .Banks(Banks), .WeightRows(WeightRows)) u_simulation (
    .clk_i,
    .go_i      (go),
    .pair_i    (pair),
    .addr_i,
    .dma_data_i,
    .dma_strobe_i,
    .rq_data_i,
    .vx_data_i,
    .st_data_o (simulation[0*N*8 +: N*8]),
    .mxa_data_o(simulation[1*N*8 +: N*8]),
    .mxn_data_o(simulation[2*N*8 +: N*8]),
    .rq_data_o (simulation[3*N*8 +: N*8]),
    .vxa_data_o(simulation[4*N*8 +: N*8]),
    .vxb_data_o(simulation[5*N*8 +: N*8]),
    .mxw_data_o(simulation[6*N*8 +: WeightRows*N*8])
  );
  tw_spm_banks_synthesis #(.N(N), .Rows(Rows), .Banks(Banks), .WeightRows(WeightRows)) u_synthesis (
    .clk_i,
    .go_i      (go),
    .pair_i    (pair),
    .addr_i,
    .dma_data_i,
    .dma_strobe_i,
    .rq_data_i,
    .vx_data_i,
    .st_data_o (synthesis[0*N*8 +: N*8]),
    .mxa_data_o(synthesis[1*N*8 +: N*8]),
    .mxn_data_o(synthesis[2*N*8 +: N*8]),
    .rq_data_o (synthesis[3*N*8 +: N*8]),
    .vxa_data_o(synthesis[4*N*8 +: N*8]),
    .vxb_data_o(synthesis[5*N*8 +: N*8]),
    .mxw_data_o(synthesis[6*N*8 +: WeightRows*N*8])
  );
endmodule
