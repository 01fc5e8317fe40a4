// SPDX-License-Identifier: Apache-2.0
// Arithmetic of one lane, shared by the drain and the vector engine; each function is the work of one pipeline stage.
// fp32-RNE requantisation, q = sat8(RNE(fl32(fl32_rne(acc + bias) * mult)) + zp), in integers: to_float, scale,
// to_int8. The multiplier is a normal float32 in [2^-40, 2^8] (checked by the engine); another one counts as the
// nearest of these, without its sign: every exponent is read as that of a normal number. TensorFlow Lite's
// requantisation: shift_left, high_mul, divide_by_pot. Fixed point, y = sat8(RNE(x / 2^shift) + zy): rescale.
package tw_lane_pkg;
  // A numerics record in the order of its words.
  typedef struct packed {
    logic [31:0] mb;
    logic [31:0] ma;
    logic [7:0]  shift;
    logic [7:0]  zy;
    logic [7:0]  zb;
    logic [7:0]  za;
    logic [7:0]  unused;
    logic [7:0]  hi;
    logic [7:0]  lo;
    logic [7:0]  zp;
  } record_t;

  function automatic record_t record(input logic [127:0] words);
    record = {words[32*tw_isa_pkg::REC_MB_WORD + tw_isa_pkg::REC_MB_LSB +: 32],
              words[32*tw_isa_pkg::REC_MA_WORD + tw_isa_pkg::REC_MA_LSB +: 32],
              2'b00, words[32*tw_isa_pkg::REC_SHIFT_WORD + tw_isa_pkg::REC_SHIFT_LSB +: 6],
              words[32*tw_isa_pkg::REC_ZY_WORD + tw_isa_pkg::REC_ZY_LSB +: 8],
              words[32*tw_isa_pkg::REC_ZB_WORD + tw_isa_pkg::REC_ZB_LSB +: 8],
              words[32*tw_isa_pkg::REC_ZA_WORD + tw_isa_pkg::REC_ZA_LSB +: 8],
              8'd0, words[32*tw_isa_pkg::REC_HI_WORD + tw_isa_pkg::REC_HI_LSB +: 8],
              words[32*tw_isa_pkg::REC_LO_WORD + tw_isa_pkg::REC_LO_LSB +: 8],
              words[32*tw_isa_pkg::REC_ZP_WORD + tw_isa_pkg::REC_ZP_LSB +: 8]};
  endfunction

  // Positive floats are ordered as their bits.
  function automatic logic bad_multiplier(input logic [31:0] mult);
    bad_multiplier = (mult < tw_isa_pkg::MULTIPLIER_MIN) || (mult > tw_isa_pkg::MULTIPLIER_MAX);
  endfunction

  // {sign, 1'b0, exponent, 24 significant bits}, halves to even; value = significant bits * 2^(exponent - 23), zero
  // when the significant bits are.
  function automatic logic [31:0] to_float(input logic [31:0] sum);
    logic [31:0] n;
    logic [4:0]  lead;  // places shifted
    logic [24:0] sig;
    begin
      n       = sum[31] ? -sum : sum;
      lead[4] = n[31:16] == '0;
      n       = lead[4] ? {n[15:0], 16'd0} : n;
      lead[3] = n[31:24] == '0;
      n       = lead[3] ? {n[23:0], 8'd0} : n;
      lead[2] = n[31:28] == '0;
      n       = lead[2] ? {n[27:0], 4'd0} : n;
      lead[1] = n[31:30] == '0;
      n       = lead[1] ? {n[29:0], 2'd0} : n;
      lead[0] = !n[31];
      n       = lead[0] ? {n[30:0], 1'b0} : n;
      sig     = {1'b0, n[31:8]} + {24'd0, n[7] && ((n[6:0] != '0) || n[8])};
      to_float = {sum[31], 1'b0, 6'd31 - {1'b0, lead} + {5'd0, sig[24]}, sig[24] ? sig[24:1] : sig[23:0]};
    end
  endfunction

  // Places of a product: 0 to 9 is its exponent plus one; larger values and smaller ones need no more detail.
  localparam logic [3:0] PlaceHuge = 4'd10;
  localparam logic [3:0] PlaceTiny = 4'd11;

  // A float of to_float times a multiplier, given the product of their significands and the multiplier's exponent:
  // {sign, 3'b0, place, 24 significant bits}, halves to even.
  function automatic logic [31:0] rounded(input logic [31:0] value, input logic [7:0] exponent,
                                          input logic [47:0] product);
    logic [24:0] sig;
    logic [9:0]  exp1;  // exponent plus one
    logic [3:0]  place;
    begin
      if (product[47])
        sig = {1'b0, product[47:24]} + {24'd0, product[23] && ((product[22:0] != '0) || product[24])};
      else
        sig = {1'b0, product[46:23]} + {24'd0, product[22] && ((product[21:0] != '0) || product[23])};
      exp1  = {4'd0, value[29:24]} + {2'd0, exponent} - 10'd126 + {9'd0, product[47]} + {9'd0, sig[24]};
      place = (exp1[9] || (sig == '0)) ? PlaceTiny : (exp1 > 10'd9) ? PlaceHuge : exp1[3:0];
      rounded = {value[31], 3'd0, place, sig[24] ? sig[24:1] : sig[23:0]};
    end
  endfunction
  function automatic logic [31:0] scale(input logic [31:0] value, input logic [31:0] mult);
    scale = rounded(value, mult[30:23], {24'd0, value[23:0]} * {24'd0, 1'b1, mult[22:0]});
  endfunction

  // A product of scale as an integer, halves to even, plus zero point: {saturated, int8}.
  function automatic logic [8:0] to_int8(input logic [31:0] value, input logic [7:0] zp);
    logic [4:0]         shift;
    logic [31:0]        sig, whole, rest, half;
    logic signed [11:0] magnitude, total;
    begin
      sig       = {8'd0, value[23:0]};
      shift     = 5'd24 - {1'b0, value[27:24]};
      whole     = sig >> shift;
      half      = 32'd1 << (shift - 5'd1);
      rest      = sig - (whole << shift);
      magnitude = {2'd0, whole[9:0]} + {11'd0, (rest > half) || ((rest == half) && whole[0])};
      if (value[27:24] == PlaceHuge) magnitude = 12'sd512;
      if (value[27:24] == PlaceTiny) magnitude = 12'sd0;
      total   = (value[31] ? -magnitude : magnitude) + $signed({{4{zp[7]}}, zp});
      to_int8 = (total > 12'sd127) ? 9'h17F : (total < -12'sd128) ? 9'h180 : {1'b0, total[7:0]};
    end
  endfunction

  // TensorFlow Lite's requantisation, q = sat8(divide_by_pot(high_mul((acc + bias) << left, mult), right) + zp), in
  // three stages. A shift is a signed word, positive to the left; the low six bits of it count, -32 shifts nothing.
  function automatic logic bad_shift(input logic [31:0] shift);
    logic [31:0] magnitude;
    begin
      magnitude = shift[31] ? -shift : shift;
      bad_shift = magnitude > tw_isa_pkg::TFLITE_SHIFT_MAX;
    end
  endfunction
  function automatic logic [31:0] shift_left(input logic [31:0] sum, input logic [5:0] shift);
    shift_left = shift[5] ? sum : sum << shift[4:0];
  endfunction
  // floor(value * mult / 2^31 + 1/2), limited to 32 bits: (-2^31)^2 alone is beyond them (its multiplier has faulted).
  function automatic logic [31:0] high_mul(input logic [31:0] value, input logic [31:0] mult);
    logic signed [63:0] product;
    begin
      product  = 64'($signed(value)) * 64'($signed(mult)) + 64'sh4000_0000;
      high_mul = (product[63:62] == 2'b01) ? 32'h7FFF_FFFF : product[62:31];
    end
  endfunction
  // value / 2^-shift, halves away from zero (a positive shift: unchanged), plus zero point: {saturated, int8}.
  function automatic logic [8:0] divide_by_pot(input logic [31:0] value, input logic [5:0] shift, input logic [7:0] zp);
    logic [4:0]         right;
    logic signed [31:0] whole;
    logic [31:0]        mask, rest;
    logic signed [11:0] total;
    begin
      right = shift[5] ? 5'd0 - shift[4:0] : 5'd0;
      mask  = (32'd1 << right) - 32'd1;
      rest  = value & mask;
      whole = $signed(value) >>> right;
      total = (whole > 32'sd512) ? 12'sd512 : (whole < -32'sd512) ? -12'sd512 : whole[11:0];
      total = total + $signed({11'd0, rest > ((mask >> 1) + {31'd0, value[31]})}) + $signed({{4{zp[7]}}, zp});
      divide_by_pot = (total > 12'sd127) ? 9'h17F : (total < -12'sd128) ? 9'h180 : {1'b0, total[7:0]};
    end
  endfunction

  // mask has the `shift` low bits set, half is the half of one unit (1 when shift is 0): the same for all lanes.
  function automatic logic [63:0] rescale_mask(input logic [5:0] shift);
    rescale_mask = (64'd1 << shift) - 64'd1;
  endfunction
  function automatic logic [63:0] rescale_half(input logic [5:0] shift);
    rescale_half = (shift == '0) ? 64'd1 : (64'd1 << (shift - 6'd1));
  endfunction
  function automatic logic [7:0] rescale(input logic signed [47:0] x, input logic [5:0] shift, input logic [63:0] mask,
                                         input logic [63:0] half, input logic [7:0] zy);
    logic signed [63:0] whole;
    logic [63:0]        rest;
    logic signed [11:0] total;
    begin
      whole   = 64'(x) >>> shift;
      rest    = 64'(x) & mask;
      total   = (whole > 64'sd512) ? 12'sd512 : (whole < -64'sd512) ? -12'sd512 : whole[11:0];
      total   = total + $signed({11'd0, (rest > half) || ((rest == half) && whole[0])}) + $signed({{4{zy[7]}}, zy});
      rescale = (total > 12'sd127) ? 8'h7F : (total < -12'sd128) ? 8'h80 : total[7:0];
    end
  endfunction

  // A 64-bit sum, halves to even, limited to 32 bits.
  function automatic logic [31:0] rescale_wide(input logic signed [63:0] x, input logic [5:0] shift);
    logic signed [63:0] whole;
    logic [63:0]        rest, half;
    begin
      whole = x >>> shift;
      rest  = x & rescale_mask(shift);
      half  = rescale_half(shift);
      whole = whole + $signed({63'd0, (rest > half) || ((rest == half) && whole[0])});
      rescale_wide = (whole > 64'sd2147483647) ? 32'h7FFF_FFFF
                   : (whole < -64'sd2147483648) ? 32'h8000_0000 : whole[31:0];
    end
  endfunction

  // Place of the leading one of a positive number, and the number with that one in bit 31: {place, shifted}.
  function automatic logic [36:0] normalise(input logic [31:0] x);
    logic [31:0] n;
    logic [4:0]  lead;
    begin
      lead[4]   = x[31:16] == '0;
      n         = lead[4] ? {x[15:0], 16'd0} : x;
      lead[3]   = n[31:24] == '0;
      n         = lead[3] ? {n[23:0], 8'd0} : n;
      lead[2]   = n[31:28] == '0;
      n         = lead[2] ? {n[27:0], 4'd0} : n;
      lead[1]   = n[31:30] == '0;
      n         = lead[1] ? {n[29:0], 2'd0} : n;
      lead[0]   = !n[31];
      n         = lead[0] ? {n[30:0], 1'b0} : n;
      normalise = {5'd31 - lead, n};
    end
  endfunction

  // An upper bound below the lower one loses.
  function automatic logic [7:0] clamp(input logic [7:0] value, input logic [7:0] lo, input logic [7:0] hi);
    logic [7:0] cut;
    begin
      cut   = ($signed(value) < $signed(hi)) ? value : hi;
      clamp = ($signed(cut) < $signed(lo)) ? lo : cut;
    end
  endfunction
endpackage
