// SPDX-License-Identifier: Apache-2.0
// Drain engine: drq, drqa. Reads ACC rows, adds bias, requantises, adds the residual (drqa), clamps, writes SPM; one
// row of N lanes a cycle. One instruction at a time. While the write of a row waits for its grant the engine stands
// still. docs/timing.md, section 7: a row issued in t asks for its write from t+7 on.
module tw_rq #(
  parameter int N       = 16,
  parameter int AccRows = 1024
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  // queue
  input  logic            start_i,
  input  logic [511:0]    line_i,
  input  logic [31:0]     pc_i,
  output logic            can_take_o,
  output logic            idle_o,
  output logic            end_o,
  output logic [31:0]     end_pc_o,
  output logic [79:0]     end_header_o,
  // ACC: data in the next cycle, kept
  output logic                       acc_read_o,
  output logic [$clog2(AccRows)-1:0] acc_row_o,
  input  logic [N*32-1:0]            acc_data_i,
  // parameter memory: data in the next cycle, kept
  output logic            param_en_o,
  output logic [15:0]     param_row_o,
  input  logic            param_ok_i,
  input  logic [N*32-1:0] param_data_i,
  // SPM: residual read (data in the cycle after a grant that counts, kept) and write
  output logic            res_req_o,
  output logic [23:0]     res_addr_o,
  output logic            res_keep_o,   // a grant in this cycle does not count
  input  logic            res_gnt_i,
  input  logic [N*8-1:0]  res_data_i,
  output logic            wr_req_o,
  output logic [23:0]     wr_addr_o,
  output logic [N*8-1:0]  wr_data_o,
  input  logic            wr_gnt_i,
  // faults of the running instruction, and the counter of saturated lanes
  output logic            uninit_o,
  output logic            bad_param_o,
  output logic [31:0]     pc_o,
  output logic [79:0]     header_o,
  output logic            sat_o,        // sat_count_o counts in this cycle
  output logic [7:0]      sat_count_o
);
  localparam int AccBits = $clog2(AccRows);

  typedef enum logic [2:0] {Idle, Head, Bias, Mult, Settle, Rows, Flush} state_e;
  state_e      state_q;
  logic        add_q, fresh_q;          // drqa; the head row has not been taken yet
  logic [31:0] pc_q;
  logic [79:0] header_q;
  logic [15:0] param_q;                 // next parameter row
  logic [AccBits-1:0] acc_row_q;
  logic [127:0] head_q;                 // the record's words
  logic [N*32-1:0] bias_q, mult_q;

  //--- walkers ----------------------------------------------------------------------------------------
  logic        issue, out_gnt;
  logic        plane, last, plane_unused, last_unused;
  logic [23:0] y_addr;
  tw_grid u_res (
    .clk_i,
    .load_i(start_i),
    .base_i(line_i[tw_isa_pkg::DRQA_R_LSB +: 24]),
    .n0_i  (line_i[tw_isa_pkg::DRQA_OW_N_LSB +: 16]),
    .n1_i  (line_i[tw_isa_pkg::DRQA_OH_N_LSB +: 16]),
    .n2_i  ({4'd0, line_i[tw_isa_pkg::DRQA_OC_N_LSB +: 12]}),
    .s0_i  (line_i[tw_isa_pkg::DRQA_R_WS_LSB +: 24]),
    .s1_i  (line_i[tw_isa_pkg::DRQA_R_HS_LSB +: 24]),
    .s2_i  (line_i[tw_isa_pkg::DRQA_R_CS_LSB +: 24]),
    .next_i(issue),
    .addr_o(res_addr_o),
    .plane_o(plane),
    .last_o (last)
  );
  tw_grid u_out (
    .clk_i,
    .load_i(start_i),
    .base_i(line_i[tw_isa_pkg::DRQA_Y_LSB +: 24]),
    .n0_i  (line_i[tw_isa_pkg::DRQA_OW_N_LSB +: 16]),
    .n1_i  (line_i[tw_isa_pkg::DRQA_OH_N_LSB +: 16]),
    .n2_i  ({4'd0, line_i[tw_isa_pkg::DRQA_OC_N_LSB +: 12]}),
    .s0_i  (line_i[tw_isa_pkg::DRQA_Y_WS_LSB +: 24]),
    .s1_i  (line_i[tw_isa_pkg::DRQA_Y_HS_LSB +: 24]),
    .s2_i  (line_i[tw_isa_pkg::DRQA_Y_CS_LSB +: 24]),
    .next_i(out_gnt),
    .addr_o(y_addr),
    .plane_o(plane_unused),
    .last_o (last_unused)
  );

  //--- front ------------------------------------------------------------------------------------------
  logic [7:1] valid_q, last_q;          // by age: at age 7 the row asks for its write
  wire  en = !valid_q[7] || wr_gnt_i;

  assign res_req_o  = (state_q == Rows) && add_q;
  assign res_keep_o = !en;
  assign issue      = (state_q == Rows) && en && (!add_q || res_gnt_i);
  assign acc_read_o = issue;
  assign acc_row_o  = acc_row_q;
  wire   reads_param = (state_q == Head) || (state_q == Bias) || (state_q == Mult);
  assign param_en_o  = reads_param && en;
  assign param_row_o = param_q;
  assign uninit_o    = reads_param && !param_ok_i;

  logic bad;
  always_comb begin
    bad = 1'b0;
    if (state_q == Settle) begin
      // Positive floats are ordered as their bits.
      for (int i = 0; i < N; i++) begin
        if ((param_data_i[i*32 +: 32] < tw_isa_pkg::MULTIPLIER_MIN)
            || (param_data_i[i*32 +: 32] > tw_isa_pkg::MULTIPLIER_MAX)) bad = 1'b1;
      end
    end
  end
  assign bad_param_o = bad;

  assign can_take_o   = state_q == Idle;
  assign idle_o       = state_q == Idle;
  assign pc_o         = pc_q;
  assign header_o     = header_q;
  assign end_pc_o     = pc_q;
  assign end_header_o = header_q;
  assign wr_req_o     = valid_q[7];
  assign wr_addr_o    = y_addr;
  assign out_gnt      = valid_q[7] && wr_gnt_i;
  assign end_o        = out_gnt && last_q[7];

  //--- lanes ------------------------------------------------------------------------------------------
  wire [7:0]  zp    = head_q[32*tw_isa_pkg::REC_ZP_WORD + tw_isa_pkg::REC_ZP_LSB +: 8];
  wire [7:0]  lo    = head_q[32*tw_isa_pkg::REC_LO_WORD + tw_isa_pkg::REC_LO_LSB +: 8];
  wire [7:0]  hi    = head_q[32*tw_isa_pkg::REC_HI_WORD + tw_isa_pkg::REC_HI_LSB +: 8];
  wire [31:0] ma    = head_q[32*tw_isa_pkg::REC_MA_WORD + tw_isa_pkg::REC_MA_LSB +: 32];
  wire [31:0] mb    = head_q[32*tw_isa_pkg::REC_MB_WORD + tw_isa_pkg::REC_MB_LSB +: 32];
  wire [7:0]  za    = head_q[32*tw_isa_pkg::REC_ZA_WORD + tw_isa_pkg::REC_ZA_LSB +: 8];
  wire [7:0]  zb    = head_q[32*tw_isa_pkg::REC_ZB_WORD + tw_isa_pkg::REC_ZB_LSB +: 8];
  wire [7:0]  zy    = head_q[32*tw_isa_pkg::REC_ZY_WORD + tw_isa_pkg::REC_ZY_LSB +: 8];
  wire [5:0]  shift = head_q[32*tw_isa_pkg::REC_SHIFT_WORD + tw_isa_pkg::REC_SHIFT_LSB +: 6];
  wire [63:0] mask  = (64'd1 << shift) - 64'd1;
  wire [63:0] half  = (shift == '0) ? 64'd1 : (64'd1 << (shift - 6'd1));

  logic [N*8-1:0] res1_q, res2_q, res3_q, res4_q;  // residual row at ages 2 to 5
  logic [N-1:0]   sat;
  logic [7:0]     sat6_q, sat7_q, sat_sum;
  logic [N*8-1:0] out_q;
  assign wr_data_o   = out_q;
  assign sat_o       = out_gnt;
  assign sat_count_o = sat7_q;
  always_comb begin
    sat_sum = '0;
    if (valid_q[5]) begin
      for (int i = 0; i < N; i++) sat_sum = sat_sum + {7'd0, sat[i]};
    end
  end

  for (genvar i = 0; i < N; i++) begin : gen_lane
    logic [7:0]         q;
    logic signed [47:0] pa_q, pb_q;
    logic [7:0]         q6_q;
    logic [7:0]         rescaled;
    wire signed [8:0]   da = $signed({q[7], q}) - $signed({za[7], za});
    wire signed [8:0]   db = $signed({res4_q[i*8+7], res4_q[i*8 +: 8]}) - $signed({zb[7], zb});
    tw_requant u_requant (
      .clk_i,
      .en_i  ({en && valid_q[4], en && valid_q[3], en && valid_q[2], en && valid_q[1]}),
      .acc_i (acc_data_i[i*32 +: 32]),
      .bias_i(bias_q[i*32 +: 32]),
      .mult_i(mult_q[i*32 +: 32]),
      .zp_i  (zp),
      .q_o   (q),
      .sat_o (sat[i])
    );
    wire signed [47:0] total = pa_q + pb_q;
    tw_rescale u_rescale (
      .en_i   (valid_q[6] && add_q),
      .x_i    (64'(total)),
      .shift_i(shift),
      .mask_i (mask),
      .half_i (half),
      .zy_i   (zy),
      .y_o    (rescaled)
    );
    wire [7:0] value   = add_q ? rescaled : q6_q;
    wire [7:0] low_cut = ($signed(value) < $signed(hi)) ? value : hi;
    wire [7:0] clamped = ($signed(low_cut) < $signed(lo)) ? lo : low_cut;
    always_ff @(posedge clk_i) begin
      if (en && valid_q[5]) begin
        q6_q <= q;
        if (add_q) begin
          pa_q <= 48'(da) * 48'($signed(ma));
          pb_q <= 48'(db) * 48'($signed(mb));
        end
      end
      if (en && valid_q[6]) out_q[i*8 +: 8] <= clamped;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      state_q   <= Head;
      fresh_q   <= 1'b1;
      add_q     <= line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8] == tw_isa_pkg::OP_DRQA;
      pc_q      <= pc_i;
      header_q  <= line_i[79:0];
      param_q   <= line_i[tw_isa_pkg::DRQA_PARAM_LSB +: 16];
      acc_row_q <= line_i[tw_isa_pkg::DRQA_ACC_LSB +: AccBits];
    end else if (en) begin
      case (state_q)
        Head:   state_q <= Bias;
        Bias:   state_q <= Mult;
        Mult:   state_q <= Settle;
        Settle: state_q <= Rows;
        Rows:   if (issue && plane) state_q <= last ? Flush : Bias;
        default: if (end_o) state_q <= Idle;
      endcase
      if (reads_param) param_q <= param_q + 1'b1;
      if ((state_q == Bias) && fresh_q) begin
        fresh_q <= 1'b0;
        head_q  <= param_data_i[127:0];
      end
      if (state_q == Mult) bias_q <= param_data_i;
      if (state_q == Settle) mult_q <= param_data_i;
      if (issue) acc_row_q <= acc_row_q + 1'b1;
    end
    if (en) begin
      valid_q <= {valid_q[6:1], issue};
      last_q  <= {last_q[6:1], issue && last};
      if (valid_q[1]) res1_q <= res_data_i;
      if (valid_q[2]) res2_q <= res1_q;
      if (valid_q[3]) res3_q <= res2_q;
      if (valid_q[4]) res4_q <= res3_q;
      if (valid_q[5]) sat6_q <= sat_sum;
      if (valid_q[6]) sat7_q <= sat6_q;
    end
    if (!rst_ni) begin
      state_q <= Idle;
      valid_q <= '0;
    end
  end
  wire unused = &{1'b0, plane_unused, last_unused};
endmodule
