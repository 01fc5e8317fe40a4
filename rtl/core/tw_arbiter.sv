// SPDX-License-Identifier: Apache-2.0
// SPM arbiter: combinational, client 0 has the highest priority. A client asks for one row, client 2 perhaps and client
// 3 with WeightRows = 2 always for two neighbours; it is granted when no bank it needs is taken by a client that was
// granted before it. The loser repeats.
module tw_arbiter #(
  parameter int Clients    = 9,
  parameter int RowLog     = 4,   // log2 of a row's bytes
  parameter int RowBits    = 14,
  parameter int Banks      = 16,
  parameter int WeightRows = 1
) (
  input  logic [Clients-1:0]         req_i,
  input  logic                       pair_i,  // client 2 needs the next row, too
  input  logic [Clients*32-1:0]      addr_i,  // byte addresses
  output logic [Clients-1:0]         gnt_o
);
  localparam int InGroup = $clog2(Banks / tw_isa_pkg::SPM_GROUPS);
  localparam int BankBits = InGroup + 2;

  logic [Banks-1:0]   taken, need;
  logic [RowBits-1:0] row;
  always_comb begin
    taken = '0;
    need  = '0;
    row   = '0;
    gnt_o = '0;
    for (int c = 0; c < Clients; c++) begin
      if (req_i[c]) begin
        row  = addr_i[c*32 + RowLog +: RowBits];
        need = Banks'(1) << {row[RowBits-1 -: 2], row[InGroup-1:0]};
        if (((c == 2) && pair_i) || ((c == 3) && (WeightRows == 2))) begin
          row  = row + 1'b1;
          need = need | (Banks'(1) << BankBits'({row[RowBits-1 -: 2], row[InGroup-1:0]}));
        end
        if ((need & taken) == '0) begin
          gnt_o[c] = 1'b1;
          taken    = taken | need;
        end
      end
    end
  end
endmodule
