// SPDX-License-Identifier: Apache-2.0
// spm_pair twice: with one row of weights a cycle (bit 0 of equal_o, lower half of gnt_o) and with two.
module spm_forms #(
  parameter int N     = 8,
  parameter int Rows  = 256,
  parameter int Banks = 8
) (
  input  logic            clk_i,
  input  logic [8:0]      req_i,
  input  logic [8:0]      keep_i,       // of reads
  input  logic [9*32-1:0] addr_i,
  input  logic [N*8-1:0]  dma_data_i,
  input  logic [N-1:0]    dma_strobe_i, // not zero
  input  logic [N*8-1:0]  rq_data_i,
  input  logic [N*8-1:0]  vx_data_i,
  output logic [17:0]     gnt_o,
  output logic [1:0]      equal_o
);
  for (genvar w = 0; w < 2; w++) begin : gen_pair
    spm_pair #(.N(N), .Rows(Rows), .Banks(Banks), .WeightRows(w + 1)) u_pair (
      .clk_i,
      .req_i,
      .keep_i,
      .addr_i,
      .dma_data_i,
      .dma_strobe_i,
      .rq_data_i,
      .vx_data_i,
      .gnt_o  (gnt_o[9*w +: 9]),
      .equal_o(equal_o[w])
    );
  end
endmodule
