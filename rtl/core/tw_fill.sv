// SPDX-License-Identifier: Apache-2.0
// FILL: writes one value to n3*n2*n1 runs of n0 rows of SPM, one row a cycle, through the DMA's write port. Alone in
// its engine: whoever starts it sees to that. A row is requested until it is granted; the last one is the end.
module tw_fill #(
  parameter int N = 16
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         start_i,
  input  logic [511:0] line_i,
  output logic         idle_o,
  output logic         end_o,
  output logic         req_o,
  output logic [23:0]  addr_o,
  output logic [7:0]   value_o,
  input  logic         gnt_i
);
  logic        busy_q, run_last_q;   // run_last_q: the last row of a run
  logic [23:0] place_q;              // of the row in its run
  logic [7:0]  value_q;

  logic [23:0] run_addr;
  logic        last_run, plane_unused;
  tw_grid u_runs (
    .clk_i,
    .load_i(start_i),
    .base_i(line_i[tw_isa_pkg::FILL_SPM_LSB +: 24]),
    .n0_i  (line_i[tw_isa_pkg::FILL_N1_LSB +: 16]),
    .n1_i  (line_i[tw_isa_pkg::FILL_N2_LSB +: 16]),
    .n2_i  (line_i[tw_isa_pkg::FILL_N3_LSB +: 16]),
    .s0_i  (line_i[tw_isa_pkg::FILL_SS1_LSB +: 24]),
    .s1_i  (line_i[tw_isa_pkg::FILL_SS2_LSB +: 24]),
    .s2_i  (line_i[tw_isa_pkg::FILL_SS3_LSB +: 24]),
    .next_i(gnt_i && run_last_q),
    .addr_o(run_addr),
    .plane_o(plane_unused),
    .last_o (last_run)
  );

  assign idle_o  = !busy_q;
  assign req_o   = busy_q;
  assign addr_o  = run_addr + place_q;
  assign value_o = value_q;
  assign end_o   = gnt_i && run_last_q && last_run;

  // State of this process alone, updated in place.
  logic [15:0] rows, left;           // of a run; after this row
  logic [23:0] place;
  always_ff @(posedge clk_i) begin
    if (start_i || gnt_i) begin
      if (start_i) begin
        rows     = line_i[tw_isa_pkg::FILL_N0_LSB +: 16] - 1'b1;
        left     = rows;
        place    = '0;
        busy_q  <= 1'b1;
        value_q <= line_i[tw_isa_pkg::FILL_VALUE_LSB +: 8];
      end else if (left != '0) begin
        left  = left - 1'b1;
        place = place + 24'(N);
      end else begin
        left    = rows;
        place   = '0;
        busy_q <= !last_run;
      end
      run_last_q <= left == '0;
      place_q    <= place;
    end
    if (!rst_ni) busy_q <= 1'b0;
  end
  wire unused = &{1'b0, plane_unused};
endmodule
