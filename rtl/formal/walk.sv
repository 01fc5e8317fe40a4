// SPDX-License-Identifier: Apache-2.0
// The burst walker against its definition: it covers exactly the runs of the descriptor, in order, each burst as long
// as the run and the burst boundary allow; none crosses a boundary of BurstBytes, so none crosses 4 KiB.
module walk_formal #(
  parameter int BurstBytes = 64
) (
  input logic        clk_i,
  input logic        load_i,
  input logic        next_i,
  input logic [63:0] addr_i,
  input logic [23:0] local_i, run_bytes_i,
  input logic [15:0] n1_i, n2_i, n3_i,
  input logic [31:0] ds1_i, ds2_i, ds3_i,
  input logic [23:0] ss1_i, ss2_i, ss3_i
);
  localparam int OffBits = $clog2(BurstBytes);
  logic        started = 1'b0;
  logic        valid, last;
  logic [63:0] addr;
  logic [23:0] place;
  logic [12:0] bytes;
  wire load = load_i && !valid;
  wire next = next_i && valid;
  tw_walk #(.BurstBytes(BurstBytes)) u_walk (
    .clk_i, .rst_ni(started), .load_i(load), .addr_i, .local_i, .run_bytes_i, .n1_i, .n2_i, .n3_i, .ds1_i, .ds2_i,
    .ds3_i, .ss1_i, .ss2_i, .ss3_i, .next_i(next), .valid_o(valid), .addr_o(addr), .local_o(place), .bytes_o(bytes),
    .last_o(last)
  );

  // The definition: which run (j1, j2, j3), and how many of its bytes are done.
  logic        busy;
  logic [15:0] j1, j2, j3;     // of n1, n2, n3
  logic [23:0] done;
  logic [63:0] base1, base2, base3;    // address of run (j1, j2, j3), (0, j2, j3), (0, 0, j3)
  logic [23:0] local1, local2, local3;
  logic [15:0] n1, n2, n3;
  logic [23:0] run;
  logic [31:0] ds1, ds2, ds3;
  logic [23:0] ss1, ss2, ss3;
  wire run_ends = done + {11'd0, bytes} == run;
  wire all_ends = run_ends && (j1 + 16'd1 == n1) && (j2 + 16'd1 == n2) && (j3 + 16'd1 == n3);
  always_ff @(posedge clk_i) begin
    started <= 1'b1;
    if (!started) busy <= 1'b0;
    else if (load) begin
      busy   <= 1'b1;
      {j1, j2, j3, done} <= '0;
      {base1, base2, base3} <= {3{addr_i}};
      {local1, local2, local3} <= {3{local_i}};
      {n1, n2, n3} <= {n1_i, n2_i, n3_i};
      run <= run_bytes_i;
      {ds1, ds2, ds3} <= {ds1_i, ds2_i, ds3_i};
      {ss1, ss2, ss3} <= {ss1_i, ss2_i, ss3_i};
    end else if (next) begin
      if (!run_ends) begin
        done <= done + {11'd0, bytes};
      end else begin
        done <= '0;
        if (j1 + 16'd1 != n1) begin
          j1     <= j1 + 16'd1;
          base1  <= base1 + {32'd0, ds1};
          local1 <= local1 + ss1;
        end else begin
          j1 <= '0;
          if (j2 + 16'd1 != n2) begin
            j2     <= j2 + 16'd1;
            base1  <= base2 + {32'd0, ds2};
            base2  <= base2 + {32'd0, ds2};
            local1 <= local2 + ss2;
            local2 <= local2 + ss2;
          end else begin
            j2 <= '0;
            j3 <= j3 + 16'd1;
            base1  <= base3 + {32'd0, ds3};
            base2  <= base3 + {32'd0, ds3};
            base3  <= base3 + {32'd0, ds3};
            local1 <= local3 + ss3;
            local2 <= local3 + ss3;
            local3 <= local3 + ss3;
            if (j3 + 16'd1 == n3) busy <= 1'b0;
          end
        end
      end
    end
  end

  wire [24:0] to_boundary = 25'(BurstBytes) - 25'(addr[OffBits-1:0]);
  always_comb begin
    // Zero extents are refused by the decoder.
    if (load) assume ((run_bytes_i != '0) && (n1_i != '0) && (n2_i != '0) && (n3_i != '0));
    if (started) begin
      boundary: assert (!valid || (13'(addr[11:0]) + bytes <= 13'd4096));
      busy_valid: assert (valid == busy);
      if (busy) begin
        in_run:   assert ((bytes != '0) && ({1'b0, done} + 25'(bytes) <= {1'b0, run}));
        maximal:  assert (25'(bytes) == to_boundary || run_ends);
        inside:   assert (25'(bytes) <= to_boundary);
        address:  assert (addr == base1 + {40'd0, done});
        on_chip:  assert (place == local1 + done);
        the_last: assert (last == all_ends);
      end
    end
  end

  // What ties the walker's own state to the definition's: the induction needs it.
  (* hierconn *) wire [15:0] \u_walk.i1 ;
  (* hierconn *) wire [15:0] \u_walk.i2 ;
  (* hierconn *) wire [15:0] \u_walk.i3 ;
  (* hierconn *) wire [15:0] \u_walk.n1 ;
  (* hierconn *) wire [15:0] \u_walk.n2 ;
  (* hierconn *) wire [23:0] \u_walk.run ;
  (* hierconn *) wire [23:0] \u_walk.rest ;
  (* hierconn *) wire [63:0] \u_walk.a0 ;
  (* hierconn *) wire [63:0] \u_walk.a1 ;
  (* hierconn *) wire [63:0] \u_walk.a2 ;
  (* hierconn *) wire [63:0] \u_walk.a3 ;
  (* hierconn *) wire [23:0] \u_walk.s0 ;
  (* hierconn *) wire [23:0] \u_walk.s1 ;
  (* hierconn *) wire [23:0] \u_walk.s2 ;
  (* hierconn *) wire [23:0] \u_walk.s3 ;
  (* hierconn *) wire [31:0] \u_walk.ds1 ;
  (* hierconn *) wire [31:0] \u_walk.ds2 ;
  (* hierconn *) wire [31:0] \u_walk.ds3 ;
  (* hierconn *) wire [23:0] \u_walk.ss1 ;
  (* hierconn *) wire [23:0] \u_walk.ss2 ;
  (* hierconn *) wire [23:0] \u_walk.ss3 ;
  (* hierconn *) wire [12:0] \u_walk.bytes ;
  (* hierconn *) wire \u_walk.run_ends ;
  always_comb begin
    if (started && busy) begin
      assert ((j1 < n1) && (j2 < n2) && (j3 < n3));
      assert (\u_walk.i1 == n1 - 16'd1 - j1);
      assert (\u_walk.i2 == n2 - 16'd1 - j2);
      assert (\u_walk.i3 == n3 - 16'd1 - j3);
      assert (\u_walk.n1 == n1 - 16'd1);
      assert (\u_walk.n2 == n2 - 16'd1);
      assert (\u_walk.run == run);
      assert (\u_walk.rest == run - done);
      assert (\u_walk.a0 == base1 + {40'd0, done});
      assert (\u_walk.a1 == base1);
      assert (\u_walk.a2 == base2);
      assert (\u_walk.a3 == base3);
      assert (\u_walk.s0 == local1 + done);
      assert (\u_walk.s1 == local1);
      assert (\u_walk.s2 == local2);
      assert (\u_walk.s3 == local3);
      assert (\u_walk.ds1 == ds1);
      assert (\u_walk.ds2 == ds2);
      assert (\u_walk.ds3 == ds3);
      assert (\u_walk.ss1 == ss1);
      assert (\u_walk.ss2 == ss2);
      assert (\u_walk.ss3 == ss3);
      assert (\u_walk.bytes == bytes);
      assert (\u_walk.run_ends == run_ends);
    end
  end
endmodule
