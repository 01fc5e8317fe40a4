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

  logic        valid_q;
  logic [63:0] addr_q, a1_q, a2_q, a3_q;
  logic [23:0] local_q, s1_q, s2_q, s3_q, rest_q, run_q;
  logic [15:0] i1_q, i2_q, i3_q, n1_q, n2_q;  // i*: steps left after this one
  logic [31:0] ds1_q, ds2_q, ds3_q;
  logic [23:0] ss1_q, ss2_q, ss3_q;

  wire [12:0] to_edge  = 13'(BurstBytes) - {{(13 - OffBits) {1'b0}}, addr_q[OffBits-1:0]};
  wire        run_ends = rest_q <= {11'd0, to_edge};

  assign valid_o = valid_q;
  assign addr_o  = addr_q;
  assign local_o = local_q;
  assign bytes_o = run_ends ? rest_q[12:0] : to_edge;
  assign last_o  = run_ends && (i1_q == '0) && (i2_q == '0) && (i3_q == '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
    end else if (load_i) begin
      valid_q <= 1'b1;
      addr_q  <= addr_i;
      a1_q    <= addr_i;
      a2_q    <= addr_i;
      a3_q    <= addr_i;
      local_q <= local_i;
      s1_q    <= local_i;
      s2_q    <= local_i;
      s3_q    <= local_i;
      rest_q  <= run_bytes_i;
      run_q   <= run_bytes_i;
      n1_q    <= n1_i - 1'b1;
      n2_q    <= n2_i - 1'b1;
      i1_q    <= n1_i - 1'b1;
      i2_q    <= n2_i - 1'b1;
      i3_q    <= n3_i - 1'b1;
      ds1_q   <= ds1_i;
      ds2_q   <= ds2_i;
      ds3_q   <= ds3_i;
      ss1_q   <= ss1_i;
      ss2_q   <= ss2_i;
      ss3_q   <= ss3_i;
    end else if (next_i) begin : step
      logic [63:0] next_a1, next_a2, next_a3;
      logic [23:0] next_s1, next_s2, next_s3;
      next_a1 = a1_q + {32'd0, ds1_q};
      next_a2 = a2_q + {32'd0, ds2_q};
      next_a3 = a3_q + {32'd0, ds3_q};
      next_s1 = s1_q + ss1_q;
      next_s2 = s2_q + ss2_q;
      next_s3 = s3_q + ss3_q;
      if (!run_ends) begin
        addr_q  <= addr_q + {51'd0, to_edge};
        local_q <= local_q + {11'd0, to_edge};
        rest_q  <= rest_q - {11'd0, to_edge};
      end else begin
        rest_q <= run_q;
        if (i1_q != '0) begin
          i1_q    <= i1_q - 1'b1;
          addr_q  <= next_a1;
          a1_q    <= next_a1;
          local_q <= next_s1;
          s1_q    <= next_s1;
        end else if (i2_q != '0) begin
          i1_q    <= n1_q;
          i2_q    <= i2_q - 1'b1;
          addr_q  <= next_a2;
          a1_q    <= next_a2;
          a2_q    <= next_a2;
          local_q <= next_s2;
          s1_q    <= next_s2;
          s2_q    <= next_s2;
        end else begin
          i1_q    <= n1_q;
          i2_q    <= n2_q;
          i3_q    <= i3_q - 1'b1;
          addr_q  <= next_a3;
          a1_q    <= next_a3;
          a2_q    <= next_a3;
          a3_q    <= next_a3;
          local_q <= next_s3;
          s1_q    <= next_s3;
          s2_q    <= next_s3;
          s3_q    <= next_s3;
          if (i3_q == '0) valid_q <= 1'b0;
        end
      end
    end
  end
endmodule
