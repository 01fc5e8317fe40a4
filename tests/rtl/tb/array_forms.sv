// SPDX-License-Identifier: Apache-2.0
// The array that simulation runs beside the one that synthesis gets, on the same inputs: with one row of weights a
// cycle (bit 0 of equal_o) and with two.
module array_forms #(
  parameter int N = 8
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   active_i,
  input  logic [1:0]             shadow_i,      // of the one with one row of weights, of the other
  input  logic [$clog2(N)-1:0]   shadow_row_i,
  input  logic [$clog2(2*N)-1:0] shadow_pair_i,
  input  logic [2*N*8-1:0]       shadow_data_i,
  input  logic [1:0]             swap_i,
  input  logic                   transpose_i,
  input  logic [7:0]             weight_zero_i,
  input  logic [7:0]             x_zero_i,
  input  logic [N*8-1:0]         x_i,
  output logic [1:0]             equal_o,
  output logic [31:0]            sum_o          // of the last column, of the first
);
  logic [N*32-1:0] one, one_narrow, two, two_narrow;
  tw_array #(.N(N)) u_one (
    .clk_i, .rst_ni, .active_i, .shadow_i(shadow_i[0]), .shadow_row_i, .shadow_data_i(shadow_data_i[N*8-1:0]),
    .swap_i(swap_i[0]), .transpose_i, .weight_zero_i, .x_zero_i, .x_i, .sum_o(one)
  );
  tw_array_synthesis #(.N(N)) u_one_narrow (
    .clk_i, .rst_ni, .active_i, .shadow_i(shadow_i[0]), .shadow_row_i, .shadow_data_i(shadow_data_i[N*8-1:0]),
    .swap_i(swap_i[0]), .transpose_i, .weight_zero_i, .x_zero_i, .x_i, .sum_o(one_narrow)
  );
  tw_array #(.N(N), .WeightRows(2)) u_two (
    .clk_i, .rst_ni, .active_i, .shadow_i(shadow_i[1]), .shadow_row_i(shadow_pair_i), .shadow_data_i,
    .swap_i(swap_i[1]), .transpose_i, .weight_zero_i, .x_zero_i, .x_i, .sum_o(two)
  );
  tw_array_synthesis #(.N(N), .WeightRows(2)) u_two_narrow (
    .clk_i, .rst_ni, .active_i, .shadow_i(shadow_i[1]), .shadow_row_i(shadow_pair_i), .shadow_data_i,
    .swap_i(swap_i[1]), .transpose_i, .weight_zero_i, .x_zero_i, .x_i, .sum_o(two_narrow)
  );
  assign equal_o = {two == two_narrow, one == one_narrow};
  assign sum_o   = one[(N-1)*32 +: 32];
endmodule
