// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a lane (tw_lane_pkg) against its definition, one module a proof; all inputs are free.

// to_float: for every sum the nearest float, halves to even.
module requant_float (
  input logic [31:0] sum_i
);
  wire [31:0] f   = tw_lane_pkg::to_float(sum_i);
  wire [32:0] n   = sum_i[31] ? 33'd0 - {1'b1, sum_i} : {1'b0, sum_i};  // magnitude
  wire [23:0] sig = f[23:0];
  wire [5:0]  ex  = f[29:24];
  wire [4:0]  cut = 5'(ex - 6'd23);  // places below the last significant bit
  wire [32:0] up  = 33'(sig) << cut;
  wire [32:0] gap = (up > n) ? up - n : n - up;
  // Twice the distance of neighbours; just below a power of two they lie twice as close.
  wire [32:0] ulp2 = ((sig == 24'h800000) && (up > n)) ? 33'd1 << cut : 33'd2 << cut;
  always_comb begin
    float_sign: assert (f[31] == sum_i[31]);
    if (n == '0) begin
      float_zero: assert (sig == '0);
    end else begin
      float_normal: assert (sig[23] && (ex <= 6'd31));
      if (ex <= 6'd23) begin
        float_exact: assert (33'(sig) == n << (6'd23 - ex));
      end else begin
        float_near: assert (gap * 33'd4 <= ulp2);
        if (gap * 33'd4 == ulp2) float_even: assert (!sig[0]);
      end
    end
  end
endmodule

// Everything after the product: sat8(RNE(fl32(product * 2^k)) + zero point), for every product of two significands.
module requant_product (
  input logic [31:0] value_i,    // sign and exponent of a float of to_float
  input logic [31:0] mult_i,
  input logic [47:0] product_i,
  input logic [7:0]  zp_i
);
  wire [5:0] e = value_i[29:24];
  wire [7:0] m = mult_i[30:23];
  wire [8:0] q = tw_lane_pkg::to_int8(tw_lane_pkg::rounded(value_i, m, product_i), zp_i);

  logic [4:0]  drop;
  logic [48:0] kept, real32;     // fl32(product), in units of the product's last place
  logic [7:0]  places;           // all of them below the point
  logic [48:0] whole, rest, half, magnitude;
  logic signed [50:0] total;
  always_comb begin
    drop   = product_i[47] ? 5'd24 : 5'd23;
    kept   = {1'b0, product_i} >> drop;
    rest   = {1'b0, product_i} - (kept << drop);
    half   = 49'd1 << (drop - 5'd1);
    real32 = (kept + 49'((rest > half) || ((rest == half) && kept[0]))) << drop;

    places    = 8'd173 - 8'(e) - m;
    whole     = (places > 8'd49) ? '0 : real32 >> places;
    rest      = real32 - ((places > 8'd49) ? '0 : whole << places);
    half      = (places > 8'd49) ? '1 : 49'd1 << (places - 8'd1);
    magnitude = whole + 49'((rest > half) || ((rest == half) && whole[0]));
    total     = (value_i[31] ? 51'd0 - 51'(magnitude) : 51'(magnitude)) + 51'($signed(zp_i));

    // What to_float gives, and the range of a product of significands.
    assume (!value_i[30] && (e <= 6'd31));
    assume (product_i[47] || product_i[46] || (product_i == '0));
    // Any other multiplier counts as the nearest legal one, without its sign: 2^-40 gives 0, 2^8 saturates all but 0.
    if (!tw_lane_pkg::bad_multiplier({1'b0, mult_i[30:0]})) begin
      if (total < -51'sd128) low: assert (q == 9'h180);
      if (total > 51'sd127) high: assert (q == 9'h17F);
      if ((total >= -51'sd128) && (total <= 51'sd127)) inside: assert (q == {1'b0, total[7:0]});
    end else if ((mult_i[30:0] < tw_isa_pkg::MULTIPLIER_MIN[30:0]) || (product_i == '0)) begin
      tiny: assert (q == {1'b0, zp_i});
    end else begin
      huge: assert (q == (value_i[31] ? 9'h180 : 9'h17F));
    end
  end
endmodule

// scale is `rounded` of the product, the product of shifted sums; Bits significant bits of both factors are free.
module requant_multiplier #(
  parameter int Bits = 6
) (
  input logic [31:0] value_i,
  input logic [31:0] mult_i
);
  wire [23:0] a = {value_i[23:24-Bits], {(24 - Bits) {1'b0}}};
  wire [23:0] b = {1'b1, mult_i[22:24-Bits], {(24 - Bits) {1'b0}}};
  logic [47:0] product;
  always_comb begin
    product = '0;
    for (int i = 24 - Bits; i < 24; i++) if (a[i]) product = product + (48'(b) << i);
    multiplied: assert (tw_lane_pkg::scale({value_i[31:24], a}, {mult_i[31:23], b[22:0]})
                        == tw_lane_pkg::rounded({value_i[31:24], a}, mult_i[30:23], product));
  end
endmodule

// rescale: sat8(RNE(x / 2^shift) + zy), for every 48-bit sum.
module requant_rescale (
  input logic signed [47:0] x_i,
  input logic [5:0]         shift_i,
  input logic [7:0]         zy_i
);
  wire [7:0] q = tw_lane_pkg::rescale(x_i, shift_i, tw_lane_pkg::rescale_mask(shift_i),
                                      tw_lane_pkg::rescale_half(shift_i), zy_i);
  wire         negative = x_i[47];
  wire  [47:0] n        = negative ? 48'd0 - x_i : x_i;             // RNE is symmetrical
  wire [111:0] scaled   = {n, 64'd0} >> shift_i;                    // 48 places before the point, 64 behind it
  wire         up       = scaled[63] && ((scaled[62:0] != '0) || scaled[64]);
  wire  [49:0] whole    = 50'(scaled[111:64]) + 50'(up);
  wire signed [50:0] total = (negative ? 51'd0 - 51'(whole) : 51'(whole)) + 51'($signed(zy_i));
  always_comb begin
    if (total < -51'sd128) rescale_low: assert (q == 8'h80);
    if (total > 51'sd127) rescale_high: assert (q == 8'h7F);
    if ((total >= -51'sd128) && (total <= 51'sd127)) rescale_inside: assert (q == total[7:0]);
  end
endmodule
