// SPDX-License-Identifier: Apache-2.0
// Walk of a window over an input tile: two inner and two outer loops that move the same coordinates (h, w) and an
// address, an innermost outer loop that moves only the address (channel blocks), and an outermost loop that starts the
// others again at an address of its own. MX: inner = pixels, outer = taps; VX: inner = taps, outer = pixels. load_i in
// c: the first point stands in c+1; next_i in c: the following one in c+1.
module tw_window #(
  parameter int ColumnBits = 16    // of ow_n_i
) (
  input  logic        clk_i,
  input  logic        load_i,
  input  logic [23:0] base_i,      // address of coordinate (0, 0)
  input  logic [23:0] h_stride_i,  // bytes per step of h
  input  logic [23:0] w_stride_i,
  input  logic [15:0] h_pad_i,     // the first coordinate is minus this
  input  logic [15:0] w_pad_i,
  input  logic [15:0] ih_n_i,      // inner loops: extents, coordinate steps
  input  logic [15:0] iw_n_i,
  input  logic [15:0] ih_c_i,
  input  logic [15:0] iw_c_i,
  input  logic [15:0] oh_n_i,      // outer loops
  input  logic [ColumnBits-1:0] ow_n_i,
  input  logic [15:0] oh_c_i,
  input  logic [15:0] ow_c_i,
  input  logic [15:0] in_n_i,      // innermost outer loop: address only
  input  logic [23:0] in_a_i,
  input  logic [15:0] out_n_i,     // outermost loop: address only
  input  logic [23:0] out_a_i,
  input  logic [15:0] h_n_i,       // the tile: rows, columns
  input  logic [15:0] w_n_i,
  input  logic [15:0] span_i,      // columns that a point covers
  input  logic        next_i,
  output logic [23:0] addr_o,
  output logic signed [31:0] w_o,
  output logic        in_tile_o,   // some column of the point lies inside the tile
  output logic        first_o,     // first point of the inner loops
  output logic        done_o,      // last point of the inner loops
  output logic        lead_o,      // outer loops (not the outermost) at their first step
  output logic        block_o,     // last point of all but the outermost loop
  output logic        last_o       // last point
);
  logic        [23:0] addr_q;
  logic signed [31:0] w_q;
  logic               in_tile_q, first_q, done_q, lead_q, block_q, last_q;
  assign addr_o    = addr_q;
  assign w_o       = w_q;
  assign in_tile_o = in_tile_q;
  assign first_o   = first_q;
  assign done_o    = done_q;
  assign lead_o    = lead_q;
  assign block_o   = block_q;
  assign last_o    = last_q;

  // State of this process alone, updated in place. Steps in bytes are made once, when loaded.
  logic [23:0] ih_a, iw_a, oh_a, ow_a, in_a, out_a;
  logic [15:0] ih_c, iw_c, oh_c, ow_c;
  logic [15:0] ih_n, iw_n, oh_n, in_n;                 // extents minus one
  logic [ColumnBits-1:0] ow_n, ow;
  logic signed [31:0] h_n, w_n, span, h0, w0;
  logic [15:0] ih, iw, oh, in, out;                    // what is left of each loop
  logic        taps;                                   // ... of the three outer ones: nothing
  logic [23:0] a_iw, a_ih, a_in, a_ow, a_oh, a_out;    // point, inner row, channel block, tap column, tap row, start
  logic signed [31:0] h, w, h_ow, w_ow;                // point; origin of the inner loops
  always_ff @(posedge clk_i) begin
    if (load_i || next_i) begin : step
      logic inner, moves;  // moves: an outer loop takes a step
      moves = 1'b0;
      if (load_i) begin
        ih_a  = 24'(ih_c_i) * h_stride_i;
        iw_a  = 24'(iw_c_i) * w_stride_i;
        oh_a  = 24'(oh_c_i) * h_stride_i;
        ow_a  = 24'(ow_c_i) * w_stride_i;
        in_a  = in_a_i;
        out_a = out_a_i;
        ih_c  = ih_c_i;
        iw_c  = iw_c_i;
        oh_c  = oh_c_i;
        ow_c  = ow_c_i;
        ih_n  = ih_n_i - 1'b1;
        iw_n  = iw_n_i - 1'b1;
        oh_n  = oh_n_i - 1'b1;
        ow_n  = ow_n_i - 1'b1;
        in_n  = in_n_i - 1'b1;
        h_n   = $signed({16'd0, h_n_i});
        w_n   = $signed({16'd0, w_n_i});
        span  = $signed({16'd0, span_i});
        h0    = -$signed({16'd0, h_pad_i});
        w0    = -$signed({16'd0, w_pad_i});
        ih    = ih_n;
        iw    = iw_n;
        oh    = oh_n;
        ow    = ow_n;
        in    = in_n;
        out   = out_n_i - 1'b1;
        a_out = base_i - 24'(h_pad_i) * h_stride_i - 24'(w_pad_i) * w_stride_i;
        a_oh  = a_out;
        a_ow  = a_out;
        a_in  = a_out;
        a_ih  = a_out;
        a_iw  = a_out;
        h_ow  = h0;
        w_ow  = w0;
        h     = h0;
        w     = w0;
      end else if (iw != '0) begin
        iw   = iw - 1'b1;
        a_iw = a_iw + iw_a;
        w    = w + $signed({16'd0, iw_c});
      end else begin
        iw = iw_n;
        if (ih != '0) begin
          ih   = ih - 1'b1;
          a_ih = a_ih + ih_a;
          h    = h + $signed({16'd0, ih_c});
        end else begin
          ih    = ih_n;
          moves = 1'b1;
          if (in != '0) begin
            in   = in - 1'b1;
            a_in = a_in + in_a;
          end else begin
            in = in_n;
            if (ow != '0) begin
              ow   = ow - 1'b1;
              a_ow = a_ow + ow_a;
              w_ow = w_ow + $signed({16'd0, ow_c});
            end else begin
              ow   = ow_n;
              w_ow = w0;
              if (oh != '0) begin
                oh   = oh - 1'b1;
                a_oh = a_oh + oh_a;
                h_ow = h_ow + $signed({16'd0, oh_c});
              end else begin
                oh    = oh_n;
                out   = out - 1'b1;
                a_out = a_out + out_a;
                a_oh  = a_out;
                h_ow  = h0;
              end
              a_ow = a_oh;
            end
            a_in = a_ow;
          end
          a_ih = a_in;
          h    = h_ow;
        end
        a_iw = a_ih;
        w    = w_ow;
      end
      // What the outer loops decide stands until they move again.
      if (load_i || moves) begin
        taps    = (in == '0) && (ow == '0) && (oh == '0);
        lead_q <= (oh == oh_n) && (ow == ow_n) && (in == in_n);
      end
      inner = (iw == '0) && (ih == '0);
      addr_q    <= a_iw;
      w_q       <= w;
      in_tile_q <= (h >= 32'sd0) && (h < h_n) && (w + span > 32'sd0) && (w < w_n);
      first_q   <= load_i || moves;
      done_q    <= inner;
      block_q   <= inner && taps;
      last_q    <= inner && taps && (out == '0);
    end
  end
endmodule
