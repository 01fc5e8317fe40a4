// SPDX-License-Identifier: Apache-2.0
// Scratchpad: arbiter and banks. Reads granted in t deliver in t+1 and keep their data until the client's next read
// that counts (granted, and the client's keep input low); a write granted in t is seen by reads granted from t+1 on.
// Clients, in order of priority: 0 DMA write, 1 ST read, 2 MX activation read (byte address, one or two rows), 3 MX
// weight read (one row, with WeightRows = 2 two), 4 RQ write, 5 RQ residual read, 6 VX write, 7 VX read A, 8 VX read B.
module tw_spm #(
  parameter int N          = 16,
  parameter int Rows       = 16384,
  parameter int Banks      = 16,
  parameter int AxiBytes   = 16,
  parameter int WeightRows = 1
) (
  input  logic                  clk_i,
  input  logic [8:0]            req_i,
  input  logic [9*32-1:0]       addr_i,       // byte addresses
  output logic [8:0]            gnt_o,
  output logic [8:0]            lost_o,       // requested and not granted
  input  logic                  mxa_halves_i, // of both rows that client 2 read the lower halves are wanted
  input  logic                  rq_keep_i,    // a read granted now does not count: its data stay
  input  logic                  vx_keep_i,
  input  logic [AxiBytes*8-1:0] dma_data_i,
  input  logic                  fill_i,       // the DMA writes this value to a whole row instead
  input  logic [7:0]            fill_value_i,
  input  logic [N*8-1:0]        rq_data_i,
  input  logic [N*8-1:0]        vx_data_i,
  output logic [N*8-1:0]        st_data_o,
  output logic [N*8-1:0]        mxa_data_o,   // rotated: byte 0 is the addressed one; or two halves
  output logic [WeightRows*N*8-1:0] mxw_data_o,
  output logic [N*8-1:0]        rq_data_o,
  output logic [N*8-1:0]        vxa_data_o,
  output logic [N*8-1:0]        vxb_data_o
);
  localparam int RowBits = $clog2(Rows);
  localparam int RowLog  = $clog2(N);
  localparam int Clients = 9;

  wire pair = addr_i[2*32 +: RowLog] != '0;

  tw_arbiter #(.Clients(Clients), .RowLog(RowLog), .RowBits(RowBits), .Banks(Banks),
               .WeightRows(WeightRows)) u_arbiter (
    .req_i,
    .pair_i(pair),
    .addr_i,
    .gnt_o
  );
  assign lost_o = req_i & ~gnt_o;

  logic [8:0] go;
  always_comb begin
    go = gnt_o;
    if (rq_keep_i) go[5] = 1'b0;
    if (vx_keep_i) go[8:7] = '0;
  end

  // A DMA beat writes a part of a row, a fill the whole row.
  logic [N-1:0]   dma_strobe;
  logic [N*8-1:0] dma_row;
  if (AxiBytes == N) begin : gen_whole
    assign dma_strobe = '1;
    always_comb begin
      dma_row = dma_data_i;
      if (fill_i) dma_row = {N{fill_value_i}};
    end
  end else begin : gen_part
    always_comb begin
      dma_strobe = {{(N - AxiBytes) {1'b0}}, {AxiBytes{1'b1}}} << addr_i[0 +: RowLog];
      dma_row    = {(N / AxiBytes) {dma_data_i}};
      if (fill_i) begin
        dma_strobe = '1;
        dma_row    = {N{fill_value_i}};
      end
    end
  end

  logic [RowLog-1:0] shift_q;
  logic              pair_q;
  logic [N*8-1:0]    mxa_low, mxa_high;
  always_ff @(posedge clk_i) begin
    if (go[2]) begin
      shift_q <= addr_i[2*32 +: RowLog];
      pair_q  <= pair;
    end
  end
  always_comb begin
    mxa_data_o = mxa_low;
    if (pair_q) begin
      mxa_data_o = (N*8)'({mxa_high, mxa_low} >> {shift_q, 3'b000});
      if (mxa_halves_i) mxa_data_o[0 +: N*4] = mxa_low[0 +: N*4];
    end
  end

  tw_spm_banks #(.N(N), .Rows(Rows), .Banks(Banks), .WeightRows(WeightRows)) u_banks (
    .clk_i,
    .go_i      (go),
    .pair_i    (pair),
    .addr_i,
    .dma_data_i(dma_row),
    .dma_strobe_i(dma_strobe),
    .rq_data_i,
    .vx_data_i,
    .st_data_o,
    .mxa_data_o(mxa_low),
    .mxn_data_o(mxa_high),
    .mxw_data_o,
    .rq_data_o,
    .vxa_data_o,
    .vxb_data_o
  );
endmodule
