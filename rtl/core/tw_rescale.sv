// SPDX-License-Identifier: Apache-2.0
// One lane of the fixed-point rounding: y = sat8(RNE(x / 2^shift) + zy), halves to even. Combinational. mask_i has the
// `shift` low bits set and half_i is the half of one unit (1 when shift is 0): both are shared by all lanes.
module tw_rescale (
  input  logic               en_i,    // low: y_o is not needed
  input  logic signed [63:0] x_i,
  input  logic [5:0]         shift_i,
  input  logic [63:0]        mask_i,
  input  logic [63:0]        half_i,
  input  logic [7:0]         zy_i,
  output logic [7:0]         y_o
);
  logic signed [63:0] whole, limited;
  logic [63:0]        rest;
  logic               up;
  logic signed [11:0] value;
  always_comb begin
    whole   = '0;
    rest    = '0;
    up      = 1'b0;
    limited = '0;
    value   = '0;
    y_o     = '0;
    if (en_i) begin
      whole   = x_i >>> shift_i;
      rest    = x_i & mask_i;
      up      = (rest > half_i) || ((rest == half_i) && whole[0]);
      limited = (whole > 64'sd512) ? 64'sd512 : (whole < -64'sd512) ? -64'sd512 : whole;
      value   = limited[11:0] + $signed({11'd0, up}) + $signed({{4{zy_i[7]}}, zy_i});
      y_o     = (value > 12'sd127) ? 8'h7F : (value < -12'sd128) ? 8'h80 : value[7:0];
    end
  end
endmodule
