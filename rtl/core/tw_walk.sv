// SPDX-License-Identifier: Apache-2.0
// Burst generator of loads and stores: walks n3*n2*n1 runs of run_bytes_i contiguous bytes and cuts each at multiples
// of the longest burst. load_i in c: the first burst stands in c+1 and stays until next_i; the next one stands in the
// cycle after. valid_o falls in the cycle after next_i of the last burst. load_i only while !valid_o.
module tw_walk #(
  parameter int BurstBytes = 256  // longest burst, a power of two up to 4096
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        load_i,
  input  logic [63:0] addr_i,       // physical address of the first run
  input  logic [23:0] local_i,      // byte address of the first run on the chip
  input  logic [23:0] run_bytes_i,
  input  logic [15:0] n1_i,
  input  logic [15:0] n2_i,
  input  logic [15:0] n3_i,
  input  logic [31:0] ds1_i,
  input  logic [31:0] ds2_i,
  input  logic [31:0] ds3_i,
  input  logic [23:0] ss1_i,
  input  logic [23:0] ss2_i,
  input  logic [23:0] ss3_i,
  input  logic        next_i,
  output logic        valid_o,
  output logic [63:0] addr_o,
  output logic [23:0] local_o,
  output logic [12:0] bytes_o,      // length of the burst
  output logic        last_o        // the instruction's last burst
);
  localparam int OffBits = $clog2(BurstBytes);

  logic        valid_q, last_q;
  logic [63:0] addr_q;
  logic [23:0] local_q;
  logic [12:0] bytes_q;
  assign valid_o = valid_q;
  assign addr_o  = addr_q;
  assign local_o = local_q;
  assign bytes_o = bytes_q;
  assign last_o  = last_q;

  // State of this process alone, updated in place.
  logic [63:0] a0, a1, a2, a3;
  logic [23:0] s0, s1, s2, s3, rest, run;
  logic [15:0] i1, i2, i3, n1, n2;  // i*: steps left after this one
  logic [31:0] ds1, ds2, ds3;
  logic [23:0] ss1, ss2, ss3;
  logic [12:0] bytes;               // of this burst
  logic        run_ends;            // with this burst
  always_ff @(posedge clk_i) begin
    if (load_i || next_i) begin : step
      logic more;
      more = 1'b1;
      if (load_i) begin
        ds1  = ds1_i;
        ds2  = ds2_i;
        ds3  = ds3_i;
        ss1  = ss1_i;
        ss2  = ss2_i;
        ss3  = ss3_i;
        n1   = n1_i - 1'b1;
        n2   = n2_i - 1'b1;
        i1   = n1;
        i2   = n2;
        i3   = n3_i - 1'b1;
        run  = run_bytes_i;
        rest = run;
        a0   = addr_i;
        a1   = addr_i;
        a2   = addr_i;
        a3   = addr_i;
        s0   = local_i;
        s1   = local_i;
        s2   = local_i;
        s3   = local_i;
      end else if (!run_ends) begin
        a0   = a0 + {51'd0, bytes};
        s0   = s0 + {11'd0, bytes};
        rest = rest - {11'd0, bytes};
      end else begin
        rest = run;
        if (i1 != '0) begin
          i1 = i1 - 1'b1;
          a1 = a1 + {32'd0, ds1};
          s1 = s1 + ss1;
        end else begin
          i1 = n1;
          if (i2 != '0) begin
            i2 = i2 - 1'b1;
            a2 = a2 + {32'd0, ds2};
            s2 = s2 + ss2;
          end else begin
            i2   = n2;
            more = i3 != '0;
            i3   = i3 - 1'b1;
            a3   = a3 + {32'd0, ds3};
            s3   = s3 + ss3;
            a2   = a3;
            s2   = s3;
          end
          a1 = a2;
          s1 = s2;
        end
        a0 = a1;
        s0 = s1;
      end
      bytes    = 13'(BurstBytes) - {{(13 - OffBits) {1'b0}}, a0[OffBits-1:0]};
      run_ends = rest <= {11'd0, bytes};
      if (run_ends) bytes = rest[12:0];
      valid_q <= more;
      addr_q  <= a0;
      local_q <= s0;
      bytes_q <= bytes;
      last_q  <= run_ends && (i1 == '0) && (i2 == '0) && (i3 == '0);
    end
    if (!rst_ni) valid_q <= 1'b0;
  end
endmodule
