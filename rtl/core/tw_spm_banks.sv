// SPDX-License-Identifier: Apache-2.0
// The scratchpad's storage. The arbiter guarantees that each single-port bank serves one access a cycle, so for
// simulation one array with a port per client is the same memory, and several times faster; synthesis (TW_SYNTHESIS)
// gets the banks.
module tw_spm_banks #(
  parameter int N          = 16,
  parameter int Rows       = 16384,
  parameter int Banks      = 16,
  parameter int WeightRows = 1
) (
  input  logic                      clk_i,
  input  logic [8:0]                go_i,       // granted and counted; clients as in tw_spm
  input  logic                      pair_i,     // client 2 reads the next row, too
  input  logic [9*32-1:0]           addr_i,     // byte addresses
  input  logic [N*8-1:0]            dma_data_i,
  input  logic [N-1:0]              dma_strobe_i,
  input  logic [N*8-1:0]            rq_data_i,
  input  logic [N*8-1:0]            vx_data_i,
  output logic [N*8-1:0]            st_data_o,
  output logic [N*8-1:0]            mxa_data_o,
  output logic [N*8-1:0]            mxn_data_o, // the row after client 2's
  output logic [WeightRows*N*8-1:0] mxw_data_o, // client 3's row, or that and the next one
  output logic [N*8-1:0]            rq_data_o,
  output logic [N*8-1:0]            vxa_data_o,
  output logic [N*8-1:0]            vxb_data_o
);
  localparam int RowBits = $clog2(Rows);

  localparam int RowLog  = $clog2(N);

`ifdef TW_SYNTHESIS
  localparam int InGroup  = $clog2(Banks / 4);
  localparam int BankBits = InGroup + 2;
  localparam int BankRows = Rows / Banks;
  localparam int IdxBits  = RowBits - BankBits;
  localparam int Ports    = 9 + WeightRows;  // the nine clients, the rows after client 2's and perhaps client 3's

  logic [Ports-1:0]         go;
  logic [Ports*RowBits-1:0] rows;
  assign go[9:0] = {go_i[2] && pair_i, go_i};
  for (genvar c = 0; c < 9; c++) begin : gen_row
    assign rows[c*RowBits +: RowBits] = addr_i[c*32 + RowLog +: RowBits];
  end
  assign rows[9*RowBits +: RowBits] = addr_i[2*32 + RowLog +: RowBits] + 1'b1;
  if (WeightRows == 2) begin : gen_second
    assign go[10]                      = go_i[3];
    assign rows[10*RowBits +: RowBits] = addr_i[3*32 + RowLog +: RowBits] + 1'b1;
  end

  logic [Banks*N*8-1:0]      bank_data;  // what each bank read in the last cycle
  logic [Ports*BankBits-1:0] from_q;     // which bank served each port
  logic [Ports*N*8-1:0]      held_q, out;
  logic [Ports-1:0]          fresh_q;

  for (genvar b = 0; b < Banks; b++) begin : gen_bank
    logic [N*8-1:0]     mem [BankRows];
    logic [N*8-1:0]     data_q, wdata;
    logic [IdxBits-1:0] idx;
    logic [N-1:0]       strobe;
    logic               en;
    always_comb begin
      idx    = '0;
      en     = 1'b0;
      strobe = '0;
      wdata  = '0;
      for (int p = 0; p < Ports; p++) begin
        if (go[p] && ({rows[p*RowBits + RowBits - 2 +: 2], rows[p*RowBits +: InGroup]} == BankBits'(b))) begin
          idx = idx | rows[p*RowBits + InGroup +: IdxBits];
          en  = 1'b1;
          if (p == 0) begin
            strobe = dma_strobe_i;
            wdata  = dma_data_i;
          end else if (p == 4) begin
            strobe = '1;
            wdata  = rq_data_i;
          end else if (p == 6) begin
            strobe = '1;
            wdata  = vx_data_i;
          end
        end
      end
    end
    always_ff @(posedge clk_i) begin
      for (int i = 0; i < N; i++) begin
        if (en && strobe[i]) mem[idx][i*8 +: 8] <= wdata[i*8 +: 8];
      end
      if (en && (strobe == '0)) data_q <= mem[idx];
    end
    assign bank_data[b*N*8 +: N*8] = data_q;
  end

  // A port's data: fresh from its bank in the cycle after the grant, held from then on.
  for (genvar p = 0; p < Ports; p++) begin : gen_port
    assign out[p*N*8 +: N*8] =
        fresh_q[p] ? bank_data[N*8*from_q[p*BankBits +: BankBits] +: N*8] : held_q[p*N*8 +: N*8];
    always_ff @(posedge clk_i) begin
      fresh_q[p] <= go[p];
      if (go[p])
        from_q[p*BankBits +: BankBits] <= {rows[p*RowBits + RowBits - 2 +: 2], rows[p*RowBits +: InGroup]};
      held_q[p*N*8 +: N*8] <= out[p*N*8 +: N*8];
    end
  end
  assign st_data_o  = out[1*N*8 +: N*8];
  assign mxa_data_o = out[2*N*8 +: N*8];
  assign mxn_data_o = out[9*N*8 +: N*8];
  if (WeightRows == 2) begin : gen_two
    assign mxw_data_o = {out[10*N*8 +: N*8], out[3*N*8 +: N*8]};
  end else begin : gen_one
    assign mxw_data_o = out[3*N*8 +: N*8];
  end
  assign rq_data_o  = out[5*N*8 +: N*8];
  assign vxa_data_o = out[7*N*8 +: N*8];
  assign vxb_data_o = out[8*N*8 +: N*8];
`else
  logic [N*8-1:0] mem [Rows] /*verilator public_flat_rw*/;
  logic [N*8-1:0] st_q, mxa_q, mxn_q, rq_q, vxa_q, vxb_q;
  logic [WeightRows*N*8-1:0] mxw_q;
  assign st_data_o  = st_q;
  assign mxa_data_o = mxa_q;
  assign mxn_data_o = mxn_q;
  assign mxw_data_o = mxw_q;
  assign rq_data_o  = rq_q;
  assign vxa_data_o = vxa_q;
  assign vxb_data_o = vxb_q;
  wire [31:0] unused_banks = 32'(Banks);
  wire        unused = &{1'b0, unused_banks};

  always_ff @(posedge clk_i) begin
    if (go_i[1]) st_q <= mem[addr_i[1*32 + RowLog +: RowBits]];
    if (go_i[2]) mxa_q <= mem[addr_i[2*32 + RowLog +: RowBits]];
    if (go_i[2] && pair_i) mxn_q <= mem[addr_i[2*32 + RowLog +: RowBits] + 1'b1];
    if (go_i[3]) begin
      for (int k = 0; k < WeightRows; k++) mxw_q[k*N*8 +: N*8] <= mem[addr_i[3*32 + RowLog +: RowBits] + RowBits'(k)];
    end
    if (go_i[5]) rq_q <= mem[addr_i[5*32 + RowLog +: RowBits]];
    if (go_i[7]) vxa_q <= mem[addr_i[7*32 + RowLog +: RowBits]];
    if (go_i[8]) vxb_q <= mem[addr_i[8*32 + RowLog +: RowBits]];
    if (go_i[0]) begin
      if (&dma_strobe_i) begin
        mem[addr_i[RowLog +: RowBits]] <= dma_data_i;
      end else begin
        for (int i = 0; i < N; i++) begin
          if (dma_strobe_i[i]) mem[addr_i[RowLog +: RowBits]][i*8 +: 8] <= dma_data_i[i*8 +: 8];
        end
      end
    end
    if (go_i[4]) mem[addr_i[4*32 + RowLog +: RowBits]] <= rq_data_i;
    if (go_i[6]) mem[addr_i[6*32 + RowLog +: RowBits]] <= vx_data_i;
  end
`endif
endmodule
