// SPDX-License-Identifier: Apache-2.0
// Accumulators: two halves (top address bit), each with one read and one write port. MX reads a row in c and writes it
// in c+1, its sums added to what it read or in place of it; RQ reads, or writes what it restores. What RQ read stands
// at low_o or high_o from the next cycle until the half is read again. conflict_o: RQ reads or writes a half in which
// MX reads or writes in this cycle; RQ's data are then undefined.
module tw_acc #(
  parameter int N    = 16,
  parameter int Rows = 1024
) (
  input  logic                    clk_i,
  input  logic                    mx_read_i,
  input  logic [$clog2(Rows)-1:0] mx_read_row_i,
  input  logic                    mx_write_i,
  input  logic [$clog2(Rows)-1:0] mx_write_row_i,
  input  logic                    mx_add_i,
  input  logic [N*32-1:0]         mx_sum_i,
  input  logic                    rq_read_i,
  input  logic [$clog2(Rows)-1:0] rq_row_i,
  input  logic                    rq_write_i,
  input  logic [$clog2(Rows)-1:0] rq_write_row_i,
  input  logic [N*32-1:0]         rq_words_i,
  output logic [N*32-1:0]         low_o,
  output logic [N*32-1:0]         high_o,
  output logic                    conflict_o
);
  localparam int Half = $clog2(Rows) - 1;

  logic [N*32-1:0] low_mem  [Rows/2] /*verilator public_flat_rw*/;
  logic [N*32-1:0] high_mem [Rows/2] /*verilator public_flat_rw*/;
  logic [N*32-1:0] low_q, high_q;

  assign low_o  = low_q;
  assign high_o = high_q;
  wire rq_half = rq_write_i ? rq_write_row_i[Half] : rq_row_i[Half];
  always_comb begin
    conflict_o = 1'b0;
    if (rq_read_i || rq_write_i)
      conflict_o = (mx_read_i && (mx_read_row_i[Half] == rq_half)) || (mx_write_i && (mx_write_row_i[Half] == rq_half));
  end

  wire mx_writes_low  = mx_write_i && !mx_write_row_i[Half];
  wire mx_writes_high = mx_write_i && mx_write_row_i[Half];

  wire [Half-1:0] row = mx_write_row_i[Half-1:0];
  always_ff @(posedge clk_i) begin
    if (mx_read_i || rq_read_i) begin : read
      logic mx_high, mx_low;
      mx_high = mx_read_i && mx_read_row_i[Half];
      mx_low  = mx_read_i && !mx_read_row_i[Half];
      if (mx_high || (rq_read_i && rq_row_i[Half]))
        high_q <= high_mem[mx_high ? mx_read_row_i[Half-1:0] : rq_row_i[Half-1:0]];
      if (mx_low || (rq_read_i && !rq_row_i[Half]))
        low_q <= low_mem[mx_low ? mx_read_row_i[Half-1:0] : rq_row_i[Half-1:0]];
    end
    // The memories are this process's alone, updated in place, after they were read.
    if (mx_write_i) begin
      if (mx_write_row_i[Half]) begin
        if (mx_add_i) begin
          for (int i = 0; i < N; i++) high_mem[row][i*32 +: 32] = mx_sum_i[i*32 +: 32] + high_q[i*32 +: 32];
        end else begin
          high_mem[row] = mx_sum_i;
        end
      end else if (mx_add_i) begin
        for (int i = 0; i < N; i++) low_mem[row][i*32 +: 32] = mx_sum_i[i*32 +: 32] + low_q[i*32 +: 32];
      end else begin
        low_mem[row] = mx_sum_i;
      end
    end
    if (rq_write_i) begin
      if (rq_half && !mx_writes_high) high_mem[rq_write_row_i[Half-1:0]] = rq_words_i;
      if (!rq_half && !mx_writes_low) low_mem[rq_write_row_i[Half-1:0]] = rq_words_i;
    end
  end
endmodule
