// SPDX-License-Identifier: Apache-2.0
// fp32-RNE requantisation of one lane: q = sat8(RNE(fl32(fl32_rne(acc + bias) * mult)) + zp), in integers. Four
// registered stages, each advancing when its bit of en_i is set: sum, to float, product, to integer. The multiplier is
// a normal float32 in [2^-40, 2^8] (checked by the engine), so exponents are small and nothing is infinite or
// subnormal. bias_i belongs to the row that enters stage 0; mult_i and zp_i to the rows that enter stages 2 and 3.
module tw_requant (
  input  logic        clk_i,
  input  logic [3:0]  en_i,
  input  logic [31:0] acc_i,
  input  logic [31:0] bias_i,
  input  logic [31:0] mult_i,
  input  logic [7:0]  zp_i,
  output logic [7:0]  q_o,
  output logic        sat_o   // the value was outside int8
);
  //--- stage 0: sum modulo 2^32
  logic [31:0] sum_q;
  always_ff @(posedge clk_i) if (en_i[0]) sum_q <= acc_i + bias_i;

  //--- stage 1: to float: sign, exponent of the leading one, 24 significant bits, halves to even
  logic [31:0] n5, n4, n3, n2, n1, n0;
  logic [4:0]  lead;   // places shifted: 31 - exponent
  logic        round1;
  logic [24:0] sig1;
  always_comb begin
    n5     = '0;
    n4     = '0;
    n3     = '0;
    n2     = '0;
    n1     = '0;
    n0     = '0;
    lead   = '0;
    round1 = 1'b0;
    sig1   = '0;
    if (en_i[1]) begin
      n5      = sum_q[31] ? -sum_q : sum_q;
      lead[4] = n5[31:16] == '0;
      n4      = lead[4] ? {n5[15:0], 16'd0} : n5;
      lead[3] = n4[31:24] == '0;
      n3      = lead[3] ? {n4[23:0], 8'd0} : n4;
      lead[2] = n3[31:28] == '0;
      n2      = lead[2] ? {n3[27:0], 4'd0} : n3;
      lead[1] = n2[31:30] == '0;
      n1      = lead[1] ? {n2[29:0], 2'd0} : n2;
      lead[0] = !n1[31];
      n0      = lead[0] ? {n1[30:0], 1'b0} : n1;
      round1  = n0[7] && ((n0[6:0] != '0) || n0[8]);
      sig1    = {1'b0, n0[31:8]} + {24'd0, round1};
    end
  end
  logic        sign_q1, zero_q1;
  logic [5:0]  exp_q1;         // value = sig * 2^(exp - 23)
  logic [23:0] sig_q1;
  always_ff @(posedge clk_i) begin
    if (en_i[1]) begin
        sign_q1 <= sum_q[31];
        zero_q1 <= sum_q == '0;
        exp_q1  <= 6'd31 - {1'b0, lead} + {5'd0, sig1[24]};
        sig_q1  <= sig1[24] ? sig1[24:1] : sig1[23:0];
    end
  end

  //--- stage 2: product, 24 significant bits, halves to even
  logic [47:0] product;
  logic [23:0] kept;
  logic        round2;
  logic [24:0] sig2;
  logic signed [9:0] exp2;
  always_comb begin
    product = '0;
    kept    = '0;
    round2  = 1'b0;
    sig2    = '0;
    exp2    = '0;
    if (en_i[2]) begin
      product = {24'd0, sig_q1} * {24'd0, 1'b1, mult_i[22:0]};
      if (product[47]) begin
        kept   = product[47:24];
        round2 = product[23] && ((product[22:0] != '0) || product[24]);
      end else begin
        kept   = product[46:23];
        round2 = product[22] && ((product[21:0] != '0) || product[23]);
    end
    sig2 = {1'b0, kept} + {24'd0, round2};
    exp2 = $signed({4'd0, exp_q1}) + $signed({2'd0, mult_i[30:23]}) - 10'sd127
         + $signed({9'd0, product[47]}) + $signed({9'd0, sig2[24]});
    end
  end
  logic        sign_q2, zero_q2;
  logic signed [9:0] exp_q2;
  logic [23:0] sig_q2;
  always_ff @(posedge clk_i) begin
    if (en_i[2]) begin
        sign_q2 <= sign_q1;
        zero_q2 <= zero_q1;
        exp_q2  <= exp2;
        sig_q2  <= sig2[24] ? sig2[24:1] : sig2[23:0];
    end
  end

  //--- stage 3: to integer, limited to 512, halves to even; zero point; saturation
  logic [3:0]  left;           // exp + 1 where that is 0..9
  logic [33:0] fixed;          // 24 fraction bits
  logic        round3;
  logic [10:0] magnitude;
  logic signed [11:0] value;
  always_comb begin
    left      = '0;
    fixed     = '0;
    round3    = 1'b0;
    magnitude = '0;
    value     = '0;
    if (en_i[3]) begin
      left      = 4'(exp_q2 + 10'sd1);
      fixed     = {10'd0, sig_q2} << left;
      round3    = fixed[23] && ((fixed[22:0] != '0) || fixed[24]);
      magnitude = {1'b0, fixed[33:24]} + {10'd0, round3};
      if (exp_q2 >= 10'sd9) magnitude = 11'd512;
      if ((exp_q2 < -10'sd1) || zero_q2) magnitude = 11'd0;
      value = (sign_q2 ? -$signed({1'b0, magnitude}) : $signed({1'b0, magnitude})) + $signed({{4{zp_i[7]}}, zp_i});
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i[3]) begin
        sat_o <= (value > 12'sd127) || (value < -12'sd128);
        q_o   <= (value > 12'sd127) ? 8'h7F : (value < -12'sd128) ? 8'h80 : value[7:0];
    end
  end
endmodule
