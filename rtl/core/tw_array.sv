// SPDX-License-Identifier: Apache-2.0
// N x N int8 MAC array, weights stationary. Row r sees the activation row r cycles late, broadcasts its element r to N
// columns and hands N partial sums to row r+1. A row at x_i in c leaves at sum_o in c+N. No stall: rows that are not
// valid are zeros whose sums nobody reads. Shadow weights: shadow_i writes row shadow_row_i at the end of the cycle.
// swap_i, one cycle before a row is at x_i, makes that row and all later ones use the shadow weights; the swap runs
// down the rows with the activations. active_i lets the array rest when no row is inside it.
module tw_array #(
  parameter int N = 16
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 active_i,
  input  logic                 shadow_i,
  input  logic [$clog2(N)-1:0] shadow_row_i,
  input  logic [N*8-1:0]       shadow_data_i,
  input  logic                 swap_i,
  input  logic [N*8-1:0]       x_i,
  output logic [N*32-1:0]      sum_o
);
  logic [N*32-1:0] sum_q;
  assign sum_o = sum_q;

  // State of this process alone, updated in place: sums first, bottom row first, so that each row reads its upper
  // neighbour's sums and its own weights of the last cycle; then weights; then shadow weights.
  logic signed [7:0]  shadow [N][N];
  logic signed [31:0] weight [N][N];    // sign-extended once, not in every product
  logic signed [31:0] part   [N-1][N];  // partial sums below each row; the last row's go to sum_q
  logic [N*8-1:0]     late   [N-1];     // activation rows plus 128, by age; only elements >= age are used
  logic [N-1:0]       swap;             // bit r: row r has swapped in the last cycle
  always_ff @(posedge clk_i) begin
    if (active_i) begin
      for (int c = 0; c < N; c++)
        sum_q[c*32 +: 32] <= part[N-2][c] + (32'(late[N-2][(N-1)*8 +: 8]) - 32'd128) * weight[N-1][c];
      for (int r = N - 2; r > 0; r--) begin
        for (int c = 0; c < N; c++)
          part[r][c] = part[r-1][c] + (32'(late[r-1][r*8 +: 8]) - 32'd128) * weight[r][c];
      end
      for (int c = 0; c < N; c++) part[0][c] = 32'($signed(x_i[7:0])) * weight[0][c];
      for (int r = N - 2; r > 0; r--) late[r] = late[r-1];
      late[0] = x_i ^ {N{8'h80}};
    end
    if (swap_i || (swap != '0)) begin
      swap = {swap[N-2:0], swap_i};
      for (int r = 0; r < N; r++) begin
        if (swap[r]) begin
          for (int c = 0; c < N; c++) weight[r][c] = 32'(shadow[r][c]);
        end
      end
    end
    if (shadow_i) begin
      for (int c = 0; c < N; c++) shadow[shadow_row_i][c] = shadow_data_i[c*8 +: 8];
    end
    if (!rst_ni) swap = '0;
  end
endmodule
