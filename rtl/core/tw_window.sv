// SPDX-License-Identifier: Apache-2.0
// Walk of a window over an input tile: two inner and two outer loops that move the same coordinates (h, w) and an
// address, an innermost outer loop that moves only the address (channel blocks), and an outermost loop that starts the
// others again at an address of its own. MX: inner = pixels, outer = taps; VX: inner = taps, outer = pixels. load_i in
// c: the first point stands in c+1; next_i in c: the following one in c+1.
module tw_window (
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
  input  logic [15:0] ow_n_i,
  input  logic [15:0] oh_c_i,
  input  logic [15:0] ow_c_i,
  input  logic [15:0] in_n_i,      // innermost outer loop: address only
  input  logic [23:0] in_a_i,
  input  logic [15:0] out_n_i,     // outermost loop: address only
  input  logic [23:0] out_a_i,
  input  logic        next_i,
  output logic [23:0] addr_o,
  output logic signed [31:0] h_o,
  output logic signed [31:0] w_o,
  output logic        first_o,     // first point of the inner loops
  output logic        done_o,      // last point of the inner loops
  output logic        lead_o,      // outer loops (not the outermost) at their first step
  output logic        block_o,     // last point of all but the outermost loop
  output logic        last_o       // last point
);
  // Steps in bytes, made once when loaded.
  logic [23:0] ih_a_q, iw_a_q, oh_a_q, ow_a_q, in_a_q, out_a_q, start_q;
  logic [15:0] ih_c_q, iw_c_q, oh_c_q, ow_c_q;
  logic [15:0] ih_n_q, iw_n_q, oh_n_q, ow_n_q, in_n_q;  // extents minus one
  logic signed [31:0] h0_q, w0_q;
  // Counters count what is left; coordinates and addresses of each level.
  logic [15:0] ih_q, iw_q, oh_q, ow_q, in_q, out_q;
  logic [23:0] a_iw_q, a_ih_q, a_in_q, a_ow_q, a_oh_q;  // point, inner row, channel block, tap column, tap row
  logic signed [31:0] h_q, w_q, h_ow_q, w_ow_q;         // point; origin of the inner loops

  assign addr_o  = a_iw_q;
  assign h_o     = h_q;
  assign w_o     = w_q;
  assign first_o = (iw_q == iw_n_q) && (ih_q == ih_n_q);
  assign done_o  = (iw_q == '0) && (ih_q == '0);
  assign lead_o  = (oh_q == oh_n_q) && (ow_q == ow_n_q) && (in_q == in_n_q);
  assign block_o = done_o && (in_q == '0) && (ow_q == '0) && (oh_q == '0);
  assign last_o  = block_o && (out_q == '0);

  always_ff @(posedge clk_i) begin
    if (load_i) begin : load
      logic [23:0] start;
      start = base_i - 24'(h_pad_i) * h_stride_i - 24'(w_pad_i) * w_stride_i;
      ih_a_q  <= 24'(ih_c_i) * h_stride_i;
      iw_a_q  <= 24'(iw_c_i) * w_stride_i;
      oh_a_q  <= 24'(oh_c_i) * h_stride_i;
      ow_a_q  <= 24'(ow_c_i) * w_stride_i;
      in_a_q  <= in_a_i;
      out_a_q <= out_a_i;
      ih_c_q  <= ih_c_i;
      iw_c_q  <= iw_c_i;
      oh_c_q  <= oh_c_i;
      ow_c_q  <= ow_c_i;
      ih_n_q  <= ih_n_i - 1'b1;
      iw_n_q  <= iw_n_i - 1'b1;
      oh_n_q  <= oh_n_i - 1'b1;
      ow_n_q  <= ow_n_i - 1'b1;
      in_n_q  <= in_n_i - 1'b1;
      ih_q    <= ih_n_i - 1'b1;
      iw_q    <= iw_n_i - 1'b1;
      oh_q    <= oh_n_i - 1'b1;
      ow_q    <= ow_n_i - 1'b1;
      in_q    <= in_n_i - 1'b1;
      out_q   <= out_n_i - 1'b1;
      start_q <= start;
      a_iw_q  <= start;
      a_ih_q  <= start;
      a_in_q  <= start;
      a_ow_q  <= start;
      a_oh_q  <= start;
      h0_q    <= -$signed({16'd0, h_pad_i});
      w0_q    <= -$signed({16'd0, w_pad_i});
      h_q     <= -$signed({16'd0, h_pad_i});
      w_q     <= -$signed({16'd0, w_pad_i});
      h_ow_q  <= -$signed({16'd0, h_pad_i});
      w_ow_q  <= -$signed({16'd0, w_pad_i});
    end else if (next_i) begin : step
      logic [23:0] next_ih, next_in, next_ow, next_oh, next_out;
      logic signed [31:0] next_h, next_w;
      next_ih  = a_ih_q + ih_a_q;
      next_in  = a_in_q + in_a_q;
      next_ow  = a_ow_q + ow_a_q;
      next_oh  = a_oh_q + oh_a_q;
      next_out = start_q + out_a_q;
      next_h   = h_ow_q + $signed({16'd0, oh_c_q});
      next_w   = w_ow_q + $signed({16'd0, ow_c_q});
      if (iw_q != '0) begin
        iw_q   <= iw_q - 1'b1;
        a_iw_q <= a_iw_q + iw_a_q;
        w_q    <= w_q + $signed({16'd0, iw_c_q});
      end else begin
        iw_q <= iw_n_q;
        if (ih_q != '0) begin
          ih_q   <= ih_q - 1'b1;
          a_iw_q <= next_ih;
          a_ih_q <= next_ih;
          h_q    <= h_q + $signed({16'd0, ih_c_q});
          w_q    <= w_ow_q;
        end else begin
          ih_q <= ih_n_q;
          if (in_q != '0) begin
            in_q   <= in_q - 1'b1;
            a_iw_q <= next_in;
            a_ih_q <= next_in;
            a_in_q <= next_in;
            h_q    <= h_ow_q;
            w_q    <= w_ow_q;
          end else begin
            in_q <= in_n_q;
            if (ow_q != '0) begin
              ow_q   <= ow_q - 1'b1;
              a_iw_q <= next_ow;
              a_ih_q <= next_ow;
              a_in_q <= next_ow;
              a_ow_q <= next_ow;
              h_q    <= h_ow_q;
              w_q    <= next_w;
              w_ow_q <= next_w;
            end else begin
              ow_q   <= ow_n_q;
              w_q    <= w0_q;
              w_ow_q <= w0_q;
              if (oh_q != '0) begin
                oh_q   <= oh_q - 1'b1;
                a_iw_q <= next_oh;
                a_ih_q <= next_oh;
                a_in_q <= next_oh;
                a_ow_q <= next_oh;
                a_oh_q <= next_oh;
                h_q    <= next_h;
                h_ow_q <= next_h;
              end else begin
                oh_q    <= oh_n_q;
                out_q   <= out_q - 1'b1;
                start_q <= next_out;
                a_iw_q  <= next_out;
                a_ih_q  <= next_out;
                a_in_q  <= next_out;
                a_ow_q  <= next_out;
                a_oh_q  <= next_out;
                h_q     <= h0_q;
                h_ow_q  <= h0_q;
              end
            end
          end
        end
      end
    end
  end
endmodule
