// SPDX-License-Identifier: Apache-2.0
// The drain's requantisation of Lanes sums as the stages of tw_rq compute it, without their registers: for each
// {saturated, int8}.
module requantiser #(
  parameter int Lanes = 64
) (
  input  logic                tflite_i,
  input  logic [Lanes*32-1:0] sums_i,
  input  logic [31:0]         mult_i,
  input  logic [5:0]          shift_i,  // TensorFlow Lite's
  input  logic [7:0]          zp_i,
  output logic [Lanes*16-1:0] q_o
);
  always_comb begin
    q_o = '0;
    if (tflite_i) begin
      for (int i = 0; i < Lanes; i++)
        q_o[i*16 +: 9] = tw_lane_pkg::divide_by_pot(
            tw_lane_pkg::high_mul(tw_lane_pkg::shift_left(sums_i[i*32 +: 32], shift_i), mult_i), shift_i, zp_i);
    end else begin
      for (int i = 0; i < Lanes; i++)
        q_o[i*16 +: 9] = tw_lane_pkg::to_int8(
            tw_lane_pkg::scale(tw_lane_pkg::to_float(sums_i[i*32 +: 32]), mult_i), zp_i);
    end
  end
endmodule
