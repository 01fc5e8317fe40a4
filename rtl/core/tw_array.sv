// SPDX-License-Identifier: Apache-2.0
// N x N int8 MAC array, weights stationary. Row r sees the activation row r cycles late, broadcasts its element r to N
// columns and hands N partial sums to row r+1. A row at x_i in c leaves at sum_o in c+N. No stall: rows that are not
// valid are zeros whose sums nobody reads. Shadow weights: shadow_i writes row shadow_row_i at the end of the cycle.
// Zero points of the block in the shadow: weight_zero_i leaves each weight when a row takes it; x_zero_i times the sum
// of a column's weights leaves its sums at the top. transpose_i: row r takes column r of the shadow, which must stand
// until the last row has swapped.
// swap_i, one cycle before a row is at x_i, makes that row and all later ones use the shadow weights; the swap runs
// down the rows with the activations. active_i lets the array rest when no row is inside it.
// WeightRows = 2: shadow_i writes two rows. They come faster than the swap goes down, so there are two shadows, filled
// and swapped in turn (the highest bit of shadow_row_i says which is filled), and two swaps may be under way.
module tw_array #(
  parameter int N          = 16,
  parameter int WeightRows = 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 active_i,
  input  logic                 shadow_i,
  input  logic [$clog2(WeightRows*N)-1:0] shadow_row_i,
  input  logic [WeightRows*N*8-1:0] shadow_data_i,
  input  logic                 swap_i,
  input  logic                 transpose_i,
  input  logic [7:0]           weight_zero_i,
  input  logic [7:0]           x_zero_i,
  input  logic [N*8-1:0]       x_i,
  output logic [N*32-1:0]      sum_o
);
  localparam int RowLog    = $clog2(N);
  localparam int ShadowLog = $clog2(WeightRows * N);

  // A weight less its zero point has 9 bits, the sum of a column of N weights RowLog more, and that times an int8
  // another 7. In simulation all are words of 32 bits, extended once and not in every product.
`ifdef TW_SYNTHESIS
  localparam int WeightBits = 9;
  localparam int ColumnBits = WeightBits + RowLog;
  localparam int TopBits    = ColumnBits + 7;
`else
  localparam int WeightBits = 32;
  localparam int ColumnBits = 32;
  localparam int TopBits    = 32;
`endif

  // An element of an activation row, which is kept plus 128.
  function automatic logic signed [31:0] element(logic [7:0] plus128);
`ifdef TW_SYNTHESIS
    element = 32'($signed(plus128 ^ 8'h80));
`else
    element = 32'(plus128) - 32'd128;
`endif
  endfunction

  logic [N*32-1:0] sum_q;
  assign sum_o = sum_q;

  // State of this process alone, updated in place: sums first, bottom row first, so that each row reads its upper
  // neighbour's sums and its own weights of the last cycle; then weights; then shadow weights.
  logic signed [7:0]  shadow [WeightRows*N][N];
  logic signed [WeightBits-1:0] weight [N][N];  // less their zero point
  logic signed [ColumnBits-1:0] column [N];     // sums of the shadow's weights, by column, if x_zero_i is not zero
  logic signed [TopBits-1:0] top [N];   // what enters the sums of the top row, if has_top
  logic               has_top;
  logic [WeightRows-1:0]    transpose;  // of the swap under way from each shadow
  logic [WeightRows*WeightBits-1:0] weight_zero;
  logic signed [31:0] part   [N-1][N];  // partial sums below each row; the last row's go to sum_q
  logic [N*8-1:0]     late   [N-1];     // activation rows plus 128, by age; only elements >= age are used
  logic [N-1:0]       swap;             // bit r: row r has swapped in the last cycle
  logic [N-1:0]       turn;             // bit r: the shadow of row r's next swap
  always_ff @(posedge clk_i) begin
    if (active_i) begin
      for (int c = 0; c < N; c++)
        sum_q[c*32 +: 32] <= part[N-2][c] + element(late[N-2][(N-1)*8 +: 8]) * 32'(weight[N-1][c]);
      for (int r = N - 2; r > 0; r--) begin
        for (int c = 0; c < N; c++)
          part[r][c] = part[r-1][c] + element(late[r-1][r*8 +: 8]) * 32'(weight[r][c]);
      end
      for (int c = 0; c < N; c++) part[0][c] = 32'($signed(x_i[7:0])) * 32'(weight[0][c]);
      if (has_top) begin
        for (int c = 0; c < N; c++) part[0][c] = part[0][c] + 32'(top[c]);
      end
      for (int r = N - 2; r > 0; r--) late[r] = late[r-1];
      late[0] = x_i ^ {N{8'h80}};
    end
    if (swap_i || (swap != '0)) begin
      if (swap_i) begin
        for (int s = 0; s < WeightRows; s++) begin
          if ((WeightRows == 1) || (turn[0] == 1'(s))) begin
            transpose[s]            = transpose_i;
            weight_zero[s*WeightBits +: WeightBits] = WeightBits'($signed(weight_zero_i));
          end
        end
        has_top = x_zero_i != '0;
        if (has_top) for (int c = 0; c < N; c++) top[c] = -(TopBits'($signed(x_zero_i)) * TopBits'(column[c]));
      end
      swap = {swap[N-2:0], swap_i};
      for (int r = 0; r < N; r++) begin
        if (swap[r]) begin
          for (int s = 0; s < WeightRows; s++) begin
            if ((WeightRows == 1) || (turn[r] == 1'(s))) begin
              if (transpose[s]) for (int c = 0; c < N; c++) weight[r][c] = WeightBits'(shadow[s*N + c][r]);
              else for (int c = 0; c < N; c++) weight[r][c] = WeightBits'(shadow[s*N + r][c]);
              for (int c = 0; c < N; c++) weight[r][c] = weight[r][c] - weight_zero[s*WeightBits +: WeightBits];
            end
          end
        end
      end
      if (WeightRows == 2) turn = turn ^ swap;
    end
    if (shadow_i) begin
      for (int k = 0; k < WeightRows; k++) begin
        for (int c = 0; c < N; c++) shadow[shadow_row_i + ShadowLog'(k)][c] = shadow_data_i[(k*N + c)*8 +: 8];
      end
      if (x_zero_i != '0) begin
        for (int k = 0; k < WeightRows; k++) begin : add
          logic signed [ColumnBits-1:0] row;  // sum of the row that arrives
          row = '0;
          for (int c = 0; c < N; c++) begin : lane
            logic signed [ColumnBits-1:0] value;
            value = ColumnBits'($signed(shadow_data_i[(k*N + c)*8 +: 8])) - ColumnBits'($signed(weight_zero_i));
            row   = row + value;
            if (!transpose_i) column[c] = ((k == 0) && (shadow_row_i[RowLog-1:0] == '0) ? '0 : column[c]) + value;
          end
          if (transpose_i) begin
            for (int c = 0; c < N; c++) if (c == 32'(shadow_row_i[RowLog-1:0]) + k) column[c] = row;
          end
        end
      end
    end
    if (!rst_ni) begin
      swap    = '0;
      turn    = '0;
      has_top = 1'b0;
    end
  end
endmodule
