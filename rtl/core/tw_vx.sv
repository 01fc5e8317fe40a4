// SPDX-License-Identifier: Apache-2.0
// Vector engine: ewadd, ewmul, ewmin, ewmax, lut, dwconv, poolmax, poolavg. One step (a row of elements, or one tap of
// a window) a cycle, N lanes; one instruction at a time. While the write of a row waits for its grant the engine stands
// still. docs/timing.md, section 7: the last step of an output row issued in t asks for its write from t+8 on.
module tw_vx #(
  parameter int N = 16
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  // queue
  input  logic            start_i,
  input  logic [511:0]    line_i,
  output logic            can_take_o,
  output logic            idle_o,
  output logic            end_o,
  // SPM: data in the cycle after a grant that counts, kept; keep_o: grants in this cycle do not count
  output logic            a_req_o,
  output logic [23:0]     a_addr_o,
  input  logic            a_gnt_i,
  input  logic [N*8-1:0]  a_data_i,
  output logic            b_req_o,
  output logic [23:0]     b_addr_o,
  input  logic            b_gnt_i,
  input  logic [N*8-1:0]  b_data_i,
  output logic            keep_o,
  output logic            wr_req_o,
  output logic [23:0]     wr_addr_o,
  output logic [N*8-1:0]  wr_data_o,
  input  logic            wr_gnt_i,
  // parameter memory and tables: data in the next cycle, kept
  output logic            param_en_o,
  output logic [15:0]     param_row_o,
  input  logic            param_ok_i,
  input  logic [N*32-1:0] param_data_i,
  output logic [2:0]      lut_bank_o,
  input  logic            lut_ok_i,
  output logic            lut_en_o,
  output logic [N*8-1:0]  lut_index_o,
  input  logic [N*8-1:0]  lut_data_i,
  // faults of the running instruction, and the counter of saturated lanes
  output logic            uninit_o,
  output logic            bad_param_o,
  output logic            sat_o,        // sat_count_o counts in this cycle
  output logic [7:0]      sat_count_o
);
  localparam int RowLog = $clog2(N);

  //--- instruction ------------------------------------------------------------------------------------
  typedef enum logic [2:0] {Idle, Head, Bias, Mult, Settle, Steps, Flush} state_e;
  state_e       state_q;
  logic [15:0]  param_q;      // next row of the record to read
  logic         fresh_q;      // the head row has not been taken yet
  tw_lane_pkg::record_t record_q;
  logic         is_dw_q, is_max_q, is_avg_q, is_lut_q, is_mul_q, is_min_q, is_top_q;
  logic [15:0]  x_h_q, x_w_q, table_q;
  logic [7:0]   pad_q;
  logic [2:0]   bank_q;

  wire [7:0] opcode    = line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8];
  wire       start_lut = opcode == tw_isa_pkg::OP_LUT;
  wire       start_win = (opcode == tw_isa_pkg::OP_DWCONV) || (opcode == tw_isa_pkg::OP_POOLMAX)
                      || (opcode == tw_isa_pkg::OP_POOLAVG);
  wire       is_window = is_dw_q || is_max_q || is_avg_q;
  wire       needs_b   = !is_max_q && !is_avg_q && !is_lut_q;

  //--- walkers ----------------------------------------------------------------------------------------
  logic               issue, out_gnt;
  logic        [23:0] win_addr, ew_addr_a, ew_addr_b, y_addr, tap_addr_q, tap_base_q;
  logic signed [31:0] h, w;
  logic               win_first, win_done, win_block, win_last, win_lead;
  logic               ew_plane, ew_last, b_plane, b_last, y_plane, y_last;

  tw_window u_window (
    .clk_i,
    .load_i    (start_i),
    .base_i    (line_i[tw_isa_pkg::DWCONV_X_LSB +: 24]),
    .h_stride_i(line_i[tw_isa_pkg::DWCONV_X_HS_LSB +: 24]),
    .w_stride_i(line_i[tw_isa_pkg::DWCONV_X_WS_LSB +: 24]),
    .h_pad_i   ({8'd0, line_i[tw_isa_pkg::DWCONV_PAD_T_LSB +: 8]}),
    .w_pad_i   ({8'd0, line_i[tw_isa_pkg::DWCONV_PAD_L_LSB +: 8]}),
    .ih_n_i    ({8'd0, line_i[tw_isa_pkg::DWCONV_KH_N_LSB +: 8]}),
    .iw_n_i    ({8'd0, line_i[tw_isa_pkg::DWCONV_KW_N_LSB +: 8]}),
    .ih_c_i    ({12'd0, line_i[tw_isa_pkg::DWCONV_DIL_H_LSB +: 4]}),
    .iw_c_i    ({12'd0, line_i[tw_isa_pkg::DWCONV_DIL_W_LSB +: 4]}),
    .oh_n_i    (line_i[tw_isa_pkg::DWCONV_OH_N_LSB +: 16]),
    .ow_n_i    (line_i[tw_isa_pkg::DWCONV_OW_N_LSB +: 16]),
    .oh_c_i    ({12'd0, line_i[tw_isa_pkg::DWCONV_STRIDE_H_LSB +: 4]}),
    .ow_c_i    ({12'd0, line_i[tw_isa_pkg::DWCONV_STRIDE_W_LSB +: 4]}),
    .in_n_i    (16'd1),
    .in_a_i    (24'd0),
    .out_n_i   ({4'd0, line_i[tw_isa_pkg::DWCONV_OC_N_LSB +: 12]}),
    .out_a_i   (line_i[tw_isa_pkg::DWCONV_X_CS_LSB +: 24]),
    .next_i    (issue && is_window),
    .addr_o    (win_addr),
    .h_o       (h),
    .w_o       (w),
    .first_o   (win_first),
    .done_o    (win_done),
    .lead_o    (win_lead),
    .block_o   (win_block),
    .last_o    (win_last)
  );
  tw_grid u_a (
    .clk_i,
    .load_i(start_i),
    .base_i(line_i[tw_isa_pkg::EWADD_A_LSB +: 24]),
    .n0_i  (line_i[tw_isa_pkg::EWADD_N0_LSB +: 16]),
    .n1_i  (line_i[tw_isa_pkg::EWADD_N1_LSB +: 16]),
    .n2_i  (line_i[tw_isa_pkg::EWADD_N2_LSB +: 16]),
    .s0_i  (line_i[tw_isa_pkg::EWADD_A_S0_LSB +: 24]),
    .s1_i  (line_i[tw_isa_pkg::EWADD_A_S1_LSB +: 24]),
    .s2_i  (line_i[tw_isa_pkg::EWADD_A_S2_LSB +: 24]),
    .next_i(issue && !is_window),
    .addr_o(ew_addr_a),
    .plane_o(ew_plane),
    .last_o (ew_last)
  );
  tw_grid u_b (
    .clk_i,
    .load_i(start_i),
    .base_i(line_i[tw_isa_pkg::EWADD_B_LSB +: 24]),
    .n0_i  (line_i[tw_isa_pkg::EWADD_N0_LSB +: 16]),
    .n1_i  (line_i[tw_isa_pkg::EWADD_N1_LSB +: 16]),
    .n2_i  (line_i[tw_isa_pkg::EWADD_N2_LSB +: 16]),
    .s0_i  (line_i[tw_isa_pkg::EWADD_B_S0_LSB +: 24]),
    .s1_i  (line_i[tw_isa_pkg::EWADD_B_S1_LSB +: 24]),
    .s2_i  (line_i[tw_isa_pkg::EWADD_B_S2_LSB +: 24]),
    .next_i(issue && !is_window),
    .addr_o(ew_addr_b),
    .plane_o(b_plane),
    .last_o (b_last)
  );

  // The result's walk: rows (elementwise, lut) or pixels (windows).
  logic [23:0] y_base, y_s0, y_s1, y_s2;
  logic [15:0] y_n0, y_n1, y_n2;
  always_comb begin
    y_base = '0;
    y_s0   = '0;
    y_s1   = '0;
    y_s2   = '0;
    y_n0   = '0;
    y_n1   = '0;
    y_n2   = '0;
    if (start_i) begin
      y_base = line_i[tw_isa_pkg::EWADD_Y_LSB +: 24];
      y_s0   = line_i[tw_isa_pkg::EWADD_Y_S0_LSB +: 24];
      y_s1   = line_i[tw_isa_pkg::EWADD_Y_S1_LSB +: 24];
      y_s2   = line_i[tw_isa_pkg::EWADD_Y_S2_LSB +: 24];
      y_n0   = line_i[tw_isa_pkg::EWADD_N0_LSB +: 16];
      y_n1   = line_i[tw_isa_pkg::EWADD_N1_LSB +: 16];
      y_n2   = line_i[tw_isa_pkg::EWADD_N2_LSB +: 16];
      if (start_lut) begin
        y_base = line_i[tw_isa_pkg::LUT_Y_LSB +: 24];
        y_s0   = line_i[tw_isa_pkg::LUT_Y_S0_LSB +: 24];
        y_s1   = line_i[tw_isa_pkg::LUT_Y_S1_LSB +: 24];
        y_s2   = line_i[tw_isa_pkg::LUT_Y_S2_LSB +: 24];
      end else if (start_win) begin
        y_base = line_i[tw_isa_pkg::DWCONV_Y_LSB +: 24];
        y_s0   = line_i[tw_isa_pkg::DWCONV_Y_WS_LSB +: 24];
        y_s1   = line_i[tw_isa_pkg::DWCONV_Y_HS_LSB +: 24];
        y_s2   = line_i[tw_isa_pkg::DWCONV_Y_CS_LSB +: 24];
        y_n0   = line_i[tw_isa_pkg::DWCONV_OW_N_LSB +: 16];
        y_n1   = line_i[tw_isa_pkg::DWCONV_OH_N_LSB +: 16];
        y_n2   = {4'd0, line_i[tw_isa_pkg::DWCONV_OC_N_LSB +: 12]};
      end
    end
  end
  tw_grid u_y (
    .clk_i,
    .load_i(start_i),
    .base_i(y_base),
    .n0_i  (y_n0),
    .n1_i  (y_n1),
    .n2_i  (y_n2),
    .s0_i  (y_s0),
    .s1_i  (y_s1),
    .s2_i  (y_s2),
    .next_i(out_gnt),
    .addr_o(y_addr),
    .plane_o(y_plane),
    .last_o (y_last)
  );

  //--- front ------------------------------------------------------------------------------------------
  logic [2:1] step_q, first_q;           // a step, and the first of its output row, by age
  logic [8:1] done_q, end_q;             // an output row's last step, by age; the instruction's last
  wire  en = !done_q[8] || wr_gnt_i;

  wire in_tile  = !is_window || ((h >= 32'sd0) && (h < $signed({16'd0, x_h_q}))
                             && (w >= 32'sd0) && (w < $signed({16'd0, x_w_q})));
  wire needs_a = in_tile;
  wire first   = !is_window || win_first;
  wire done    = !is_window || win_done;
  wire block   = is_dw_q && win_block;
  wire last    = is_window ? win_last : ew_last;

  // A read granted alone keeps its data and is not asked for again for this step.
  logic have_a_q, have_b_q;
  assign a_req_o  = (state_q == Steps) && needs_a && !have_a_q;
  assign b_req_o  = (state_q == Steps) && needs_b && !have_b_q;
  assign a_addr_o = is_window ? win_addr : ew_addr_a;
  assign b_addr_o = is_dw_q ? tap_addr_q : ew_addr_b;
  assign keep_o   = !en;
  wire   got_a    = !needs_a || have_a_q || a_gnt_i;
  wire   got_b    = !needs_b || have_b_q || b_gnt_i;
  assign issue    = (state_q == Steps) && en && got_a && got_b;

  //--- parameter memory: the record's head, bias and multiplier rows, the table of poolavg -----------------
  logic [15:0] count2_q;                 // elements inside the window, at age 2
  wire  reads_head  = (state_q == Head) && !is_lut_q;
  wire  reads_pair  = ((state_q == Bias) || (state_q == Mult)) && is_dw_q;
  wire  reads_table = is_avg_q && done_q[2];
  wire [15:0] word2 = (count2_q == '0) ? 16'd0 : count2_q - 1'b1;
  assign param_en_o  = (reads_head || reads_pair || reads_table) && en;
  assign param_row_o = reads_table ? table_q + (word2 >> RowLog) : param_q;
  assign uninit_o    = ((reads_head || reads_pair || reads_table) && !param_ok_i)
                    || ((state_q == Head) && is_lut_q && !lut_ok_i);
  logic bad;
  always_comb begin
    bad = 1'b0;
    if ((state_q == Settle) && is_dw_q) begin
      for (int i = 0; i < N; i++) bad = bad || tw_lane_pkg::bad_multiplier(param_data_i[i*32 +: 32]);
    end
  end
  assign bad_param_o = bad;

  assign lut_bank_o  = bank_q;
  assign lut_en_o    = is_lut_q && step_q[1] && en;
  assign lut_index_o = a_data_i;

  assign can_take_o   = state_q == Idle;
  assign idle_o       = state_q == Idle;
  assign wr_req_o     = done_q[8];
  assign wr_addr_o    = y_addr;
  assign out_gnt      = done_q[8] && wr_gnt_i;
  assign end_o        = out_gnt && end_q[8];

  //--- pipeline ---------------------------------------------------------------------------------------
  logic            inside1_q;
  logic [3:1]      block_q;              // first step of a channel block of dwconv, by age
  logic            block_next_q;         // the next step issued is one
  logic [15:0]     count3_q;
  logic [RowLog-1:0] word3_q;          // word of the table row, at age 3
  logic [N*32-1:0] bias_next_q, mult_next_q, bias_q, mult_q;
  logic [31:0]     table_m;              // poolavg's multiplier, at age 3: it arrives from the table
  logic [31:0]     table4_q;
  assign table_m = param_data_i[32*word3_q +: 32];

  // Blocking on purpose, and all in one process: the oldest row first, so that each stage reads what the one before it
  // left in the last cycle. A stage without a row rests. An element's path depends on the instruction: dwconv
  // accumulates products and requantises; pooling accumulates elements; the others take one element or two.
  logic signed [17:0] first2  [N];       // product, element, or a - za, at age 2
  logic signed [8:0]  second2 [N];       // b - zb
  logic signed [31:0] acc     [N];       // sums, or the largest, at age 3
  logic signed [47:0] pa      [N];       // products of both operands, at age 3
  logic signed [47:0] pb      [N];
  logic [7:0]         lut3 [N], lut4 [N], lut5 [N], lut6 [N];
  logic signed [31:0] centred4 [N];
  logic signed [47:0] fixed4 [N], fixed5 [N], fixed6 [N];
  logic [31:0]        sum4 [N], real5 [N], scaled6 [N];  // dwconv: sum, as float, times the multiplier
  logic [7:0]         value7 [N];
  logic [7:0]         sat7, sat8_q;
  logic [N*8-1:0]     out_q;
  assign wr_data_o   = out_q;
  assign sat_o       = out_gnt && is_dw_q;
  assign sat_count_o = sat8_q;

  always_ff @(posedge clk_i) begin
    if (en) begin
      if (done_q[7]) begin
        for (int i = 0; i < N; i++)
          out_q[i*8 +: 8] <= is_lut_q ? value7[i] : tw_lane_pkg::clamp(value7[i], record_q.lo, record_q.hi);
        sat8_q <= sat7;
      end
      if (done_q[6]) begin : finish
        logic [63:0] mask, half;
        logic [8:0]  lane;
        sat7 = '0;
        mask = tw_lane_pkg::rescale_mask(record_q.shift[5:0]);
        half = tw_lane_pkg::rescale_half(record_q.shift[5:0]);
        for (int i = 0; i < N; i++) begin
          if (is_dw_q) begin
            lane      = tw_lane_pkg::to_int8(scaled6[i], record_q.zp);
            value7[i] = lane[7:0];
            sat7      = sat7 + {7'd0, lane[8]};
          end else begin
            value7[i] = is_lut_q ? lut6[i]
                      : tw_lane_pkg::rescale(fixed6[i], record_q.shift[5:0], mask, half, record_q.zy);
          end
        end
      end
      if (done_q[5]) begin
        for (int i = 0; i < N; i++) begin
          if (is_dw_q) begin
            scaled6[i] = tw_lane_pkg::scale(real5[i], mult_q[i*32 +: 32]);
          end else begin
            fixed6[i] = fixed5[i];
            lut6[i]   = lut5[i];
          end
        end
      end
      if (done_q[4]) begin
        for (int i = 0; i < N; i++) begin
          if (is_dw_q) begin
            real5[i] = tw_lane_pkg::to_float(sum4[i]);
          end else begin
            fixed5[i] = is_window ? 48'(centred4[i]) * 48'($signed(is_avg_q ? table4_q : record_q.ma)) : fixed4[i];
            lut5[i]   = lut4[i];
          end
        end
      end
      if (done_q[3]) begin : combine
        logic signed [31:0] zeros;  // zero points in the sum
        zeros = is_avg_q ? $signed({16'd0, count3_q}) * 32'($signed(record_q.za)) : 32'($signed(record_q.za));
        for (int i = 0; i < N; i++) begin
          if (is_dw_q) begin
            sum4[i] = acc[i] + bias_q[i*32 +: 32];
          end else begin
            fixed4[i]   = is_mul_q ? pa[i] * 48'($signed(record_q.ma))
                        : is_min_q ? ((pa[i] < pb[i]) ? pa[i] : pb[i])
                        : is_top_q ? ((pa[i] > pb[i]) ? pa[i] : pb[i]) : pa[i] + pb[i];
            centred4[i] = acc[i] - zeros;
            lut4[i]     = lut3[i];
          end
        end
      end
      if (step_q[2]) begin
        for (int i = 0; i < N; i++) begin
          if (is_max_q) acc[i] = (first_q[2] || (32'(first2[i]) > acc[i])) ? 32'(first2[i]) : acc[i];
          else if (is_window) acc[i] = (first_q[2] ? 32'sd0 : acc[i]) + 32'(first2[i]);
          else if (is_lut_q) lut3[i] = lut_data_i[i*8 +: 8];
          else begin
            pa[i] = 48'(first2[i]) * (is_mul_q ? 48'(second2[i]) : 48'($signed(record_q.ma)));
            pb[i] = is_mul_q ? 48'sd0 : 48'(second2[i]) * 48'($signed(record_q.mb));
          end
        end
      end
      if (step_q[1]) begin : take
        logic [7:0] x;
        for (int i = 0; i < N; i++) begin
          if (is_window) begin
            // Outside the tile: dwconv sees the pad value, poolmax -128, poolavg 0.
            x         = inside1_q ? a_data_i[i*8 +: 8] : is_dw_q ? pad_q : is_max_q ? 8'h80 : 8'h00;
            first2[i] = is_dw_q ? 18'($signed(x)) * 18'($signed(b_data_i[i*8 +: 8])) : 18'($signed(x));
          end else begin
            first2[i]  = 18'($signed(a_data_i[i*8 +: 8])) - 18'($signed(record_q.za));
            second2[i] = 9'($signed(b_data_i[i*8 +: 8])) - 9'($signed(record_q.zb));
          end
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      state_q    <= Head;
      fresh_q    <= 1'b1;
      is_dw_q    <= opcode == tw_isa_pkg::OP_DWCONV;
      is_max_q   <= opcode == tw_isa_pkg::OP_POOLMAX;
      is_avg_q   <= opcode == tw_isa_pkg::OP_POOLAVG;
      is_lut_q   <= start_lut;
      is_mul_q   <= opcode == tw_isa_pkg::OP_EWMUL;
      is_min_q   <= opcode == tw_isa_pkg::OP_EWMIN;
      is_top_q   <= opcode == tw_isa_pkg::OP_EWMAX;
      x_h_q      <= line_i[tw_isa_pkg::DWCONV_X_H_LSB +: 16];
      x_w_q      <= line_i[tw_isa_pkg::DWCONV_X_W_LSB +: 16];
      pad_q      <= line_i[tw_isa_pkg::DWCONV_PAD_VALUE_LSB +: 8];
      bank_q     <= line_i[tw_isa_pkg::LUT_TABLE_LSB +: 3];
      param_q    <= start_win ? line_i[tw_isa_pkg::DWCONV_PARAM_LSB +: 16] : line_i[tw_isa_pkg::EWADD_PARAM_LSB +: 16];
      table_q    <= line_i[tw_isa_pkg::DWCONV_PARAM_LSB +: 16] + 1'b1;
      tap_addr_q <= line_i[tw_isa_pkg::DWCONV_W_LSB +: 24];
      tap_base_q <= line_i[tw_isa_pkg::DWCONV_W_LSB +: 24];
      have_a_q   <= 1'b0;
      have_b_q   <= 1'b0;
      block_next_q <= 1'b1;
    end else if (en) begin
      case (state_q)
        Head:   state_q <= Bias;
        Bias:   state_q <= Mult;
        Mult:   state_q <= Settle;
        Settle: state_q <= Steps;
        Steps:  if (issue) state_q <= last ? Flush : block ? Bias : Steps;
        default: if (end_o) state_q <= Idle;
      endcase
      if (reads_head || reads_pair) param_q <= param_q + 1'b1;
      if ((state_q == Bias) && fresh_q) begin
        fresh_q  <= 1'b0;
        record_q <= tw_lane_pkg::record(param_data_i[127:0]);
      end
      if (is_dw_q && (state_q == Mult)) bias_next_q <= param_data_i;
      if (is_dw_q && (state_q == Settle)) mult_next_q <= param_data_i;
      have_a_q <= (have_a_q || (a_req_o && a_gnt_i)) && !issue;
      have_b_q <= (have_b_q || (b_req_o && b_gnt_i)) && !issue;
      if (issue) begin
        block_next_q <= block;
        // Weights: each output row of a block walks the same taps.
        if (done && block) tap_base_q <= tap_addr_q + 24'(N);
        tap_addr_q <= (done && !block) ? tap_base_q : tap_addr_q + 24'(N);
      end
    end
    if (en) begin
      step_q  <= {step_q[1], issue};
      first_q <= {first_q[1], first};
      done_q  <= {done_q[7:1], issue && done};
      end_q   <= {end_q[7:1], issue && last};
      block_q <= {block_q[2:1], issue && block_next_q};
      if (issue) inside1_q <= in_tile;
      if (step_q[1]) count2_q <= (first_q[1] ? 16'd0 : count2_q) + {15'd0, inside1_q};
      if (done_q[2]) begin
        count3_q <= count2_q;
        word3_q  <= word2[RowLog-1:0];
      end
      if (done_q[3]) table4_q <= table_m;
      // A channel block's bias and multipliers follow its first step, behind the last row of the block before.
      if (block_q[2]) bias_q <= bias_next_q;
      if (block_q[3]) mult_q <= mult_next_q;
    end
    if (!rst_ni) begin
      state_q <= Idle;
      step_q  <= '0;
      done_q  <= '0;
      block_q <= '0;
    end
  end
  wire unused = &{1'b0, win_lead, ew_plane, b_plane, b_last, y_plane, y_last};
endmodule
