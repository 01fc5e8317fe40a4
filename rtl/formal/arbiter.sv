// SPDX-License-Identifier: Apache-2.0
// The SPM arbiter's promise: a grant is a request, no bank serves two clients, and who loses needs a bank that a client
// of higher priority was granted. Any pair of clients, all addresses; the weight client reads one row or two.
module arbiter_formal #(
  parameter int RowBits    = 6,
  parameter int Banks      = 16,
  parameter int WeightRows = 1
) (
  input logic [8:0]      req_i,
  input logic            pair_i,
  input logic [9*32-1:0] addr_i
);
  localparam int RowLog  = 3;
  localparam int InGroup = $clog2(Banks / 4);
  logic [8:0] gnt;
  tw_arbiter #(.Clients(9), .RowLog(RowLog), .RowBits(RowBits), .Banks(Banks), .WeightRows(WeightRows)) u_arbiter (
    .req_i,
    .pair_i,
    .addr_i,
    .gnt_o(gnt)
  );

  // The banks of a client, one bit each: its row's, and for client 2 perhaps, for client 3 of a machine that loads two
  // rows of weights a cycle always, the next row's.
  function automatic logic [Banks-1:0] bank(input logic [RowBits-1:0] row);
    bank = Banks'(1) << {row[RowBits-1 -: 2], row[InGroup-1:0]};
  endfunction
  logic [Banks-1:0] needs [9];
  logic [Banks-1:0] above;   // banks of granted clients of higher priority
  always_comb begin
    for (int c = 0; c < 9; c++) begin
      needs[c] = bank(addr_i[c*32 + RowLog +: RowBits]);
      if (((c == 2) && pair_i) || ((c == 3) && (WeightRows == 2)))
        needs[c] = needs[c] | bank(addr_i[c*32 + RowLog +: RowBits] + 1'b1);
    end
    // Neighbours lie in two banks, at the end of a group and of the scratchpad too.
    if (WeightRows == 2) assert ((needs[3] & (needs[3] - 1'b1)) != '0);
    above = '0;
    for (int c = 0; c < 9; c++) begin
      assert (req_i[c] || !gnt[c]);
      if (gnt[c]) assert ((needs[c] & above) == '0);
      if (req_i[c] && !gnt[c]) assert ((needs[c] & above) != '0);
      if (gnt[c]) above = above | needs[c];
    end
  end
endmodule
