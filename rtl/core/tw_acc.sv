// SPDX-License-Identifier: Apache-2.0
// Accumulators: two halves (top address bit), each with one read and one write port. MX reads in c and writes the same
// row in c+1; RQ reads. Data follow a read by one cycle and stay until the half is read again. conflict_o: RQ reads a
// half in which MX reads or writes in this cycle; RQ's data are then undefined.
module tw_acc #(
  parameter int N    = 16,
  parameter int Rows = 1024
) (
  input  logic                    clk_i,
  input  logic                    mx_read_i,
  input  logic [$clog2(Rows)-1:0] mx_read_row_i,
  output logic [N*32-1:0]         mx_data_o,
  input  logic                    mx_write_i,
  input  logic [$clog2(Rows)-1:0] mx_write_row_i,
  input  logic [N*32-1:0]         mx_write_data_i,
  input  logic                    rq_read_i,
  input  logic [$clog2(Rows)-1:0] rq_row_i,
  output logic [N*32-1:0]         rq_data_o,
  output logic                    conflict_o
);
  localparam int RowBits = $clog2(Rows);
  localparam int Half    = RowBits - 1;

  logic [N*32-1:0] low_mem  [Rows/2] /*verilator public_flat_rw*/;
  logic [N*32-1:0] high_mem [Rows/2] /*verilator public_flat_rw*/;
  logic [N*32-1:0] low_q, high_q;
  logic            mx_high_q, rq_high_q;

  wire mx_low  = mx_read_i && !mx_read_row_i[Half];
  wire mx_high = mx_read_i && mx_read_row_i[Half];
  wire rq_low  = rq_read_i && !rq_row_i[Half];
  wire rq_high = rq_read_i && rq_row_i[Half];
  wire wr_low  = mx_write_i && !mx_write_row_i[Half];
  wire wr_high = mx_write_i && mx_write_row_i[Half];

  assign conflict_o = (rq_low && (mx_low || wr_low)) || (rq_high && (mx_high || wr_high));
  assign mx_data_o  = mx_high_q ? high_q : low_q;
  assign rq_data_o  = rq_high_q ? high_q : low_q;

  always_ff @(posedge clk_i) begin
    if (mx_low || rq_low) low_q <= low_mem[mx_low ? mx_read_row_i[Half-1:0] : rq_row_i[Half-1:0]];
    if (mx_high || rq_high) high_q <= high_mem[mx_high ? mx_read_row_i[Half-1:0] : rq_row_i[Half-1:0]];
    if (wr_low) low_mem[mx_write_row_i[Half-1:0]] <= mx_write_data_i;
    if (wr_high) high_mem[mx_write_row_i[Half-1:0]] <= mx_write_data_i;
    if (mx_read_i) mx_high_q <= mx_read_row_i[Half];
    if (rq_read_i) rq_high_q <= rq_row_i[Half];
  end
endmodule
