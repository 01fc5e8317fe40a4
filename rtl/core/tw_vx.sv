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

  //--- what others see --------------------------------------------------------------------------------
  logic         idle_q, steps_q, check_q;               // no instruction; steps are issued; multipliers are checked
  logic         reads_q, reads_lut_q;                   // a parameter row is read; lut: its table must be there
  logic         is_dw_q, is_window_q, needs_b_q;
  logic [15:0]  param_row_q;
  logic [2:0]   bank_q;
  logic         take_lut_q;                             // operands of lut arrive
  logic         have_a_q, have_b_q;                     // a read of this step was granted alone
  logic [23:0]  tap_addr_q;
  logic         out_q, end_q;                           // a row asks for its write; it is the instruction's last
  logic [N*8-1:0] data_q;
  logic [7:0]   sat_q;

  wire [7:0] opcode    = line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8];
  wire       start_lut = opcode == tw_isa_pkg::OP_LUT;
  wire       start_win = (opcode == tw_isa_pkg::OP_DWCONV) || (opcode == tw_isa_pkg::OP_POOLMAX)
                      || (opcode == tw_isa_pkg::OP_POOLAVG);

  //--- walkers ----------------------------------------------------------------------------------------
  logic               issue, out_gnt;
  logic        [23:0] win_addr, ew_addr_a, ew_addr_b, y_addr;
  logic signed [31:0] win_w_unused;
  logic               win_in_tile, win_first, win_done, win_block, win_last, win_lead;
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
    .h_n_i     (line_i[tw_isa_pkg::DWCONV_X_H_LSB +: 16]),
    .w_n_i     (line_i[tw_isa_pkg::DWCONV_X_W_LSB +: 16]),
    .span_i    (16'd1),
    .next_i    (issue && is_window_q),
    .addr_o    (win_addr),
    .w_o       (win_w_unused),
    .in_tile_o (win_in_tile),
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
    .next_i(issue && !is_window_q),
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
    .next_i(issue && !is_window_q),
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

  //--- requests ---------------------------------------------------------------------------------------
  wire en      = !out_q || wr_gnt_i;    // otherwise the engine stands still
  wire needs_a = !is_window_q || win_in_tile;
  always_comb begin
    issue = 1'b0;
    if (steps_q)
      issue = en && (!needs_a || have_a_q || a_gnt_i) && (!needs_b_q || have_b_q || b_gnt_i);
  end
  assign a_req_o     = steps_q && !have_a_q && needs_a;
  assign b_req_o     = steps_q && needs_b_q && !have_b_q;
  assign a_addr_o    = is_window_q ? win_addr : ew_addr_a;
  assign b_addr_o    = is_dw_q ? tap_addr_q : ew_addr_b;
  assign keep_o      = !en;
  assign param_en_o  = reads_q && en;
  assign param_row_o = param_row_q;
  assign uninit_o    = (reads_q && !param_ok_i) || (reads_lut_q && !lut_ok_i);
  assign lut_bank_o  = bank_q;
  assign lut_en_o    = take_lut_q && en;
  assign lut_index_o = a_data_i;
  assign can_take_o  = idle_q;
  assign idle_o      = idle_q;
  assign wr_req_o    = out_q;
  assign wr_addr_o   = y_addr;
  assign wr_data_o   = data_q;
  assign out_gnt     = out_q && wr_gnt_i;
  assign end_o       = out_gnt && end_q;
  assign sat_o       = out_gnt && is_dw_q;
  assign sat_count_o = sat_q;

  logic bad;
  always_comb begin
    bad = 1'b0;
    if (check_q) begin
      for (int i = 0; i < N; i++) bad = bad || tw_lane_pkg::bad_multiplier(param_data_i[i*32 +: 32]);
    end
  end
  assign bad_param_o = bad;

  //--- state of the process below alone, updated in place -----------------------------------------------
  typedef enum logic [2:0] {Idle, Head, Bias, Mult, Settle, Steps, Flush} state_e;
  state_e       state;
  logic         is_dw, is_max, is_avg, is_lut, is_mul, is_min, is_top, is_window;
  logic         fresh;                   // the record's head has not been taken yet
  logic         have_a, have_b;          // a read of this step was granted alone
  logic [15:0]  param, table_row;        // next parameter row; first row of poolavg's table
  logic [7:0]   pad;
  logic [23:0]  tap_addr, tap_base;      // weights: each output row of a block walks the same taps
  tw_lane_pkg::record_t rec;
  logic [N*32-1:0] bias_next, mult_next, bias, mult;
  logic         block_next;              // the next step issued is the first of a channel block
  logic [2:1]   step, first;             // a step, and the first of its output row, by age
  logic [8:1]   done, final_row;         // an output row's last step, by age; the instruction's last
  logic [3:1]   block;                   // first step of a channel block of dwconv, by age
  logic         inside1;                 // inside the tile
  logic [15:0]  count2, count3;          // elements inside the window
  logic [RowLog-1:0] word3;              // word of the table row
  logic [31:0]  table4;                  // poolavg's multiplier
  // Lanes. An element's path depends on the instruction: dwconv accumulates products and requantises; pooling
  // accumulates elements; the others take one element or two.
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
  logic [7:0]         sat7;

  always_ff @(posedge clk_i) begin
    if (start_i || ((state != Idle) && en)) begin
      if (start_i) begin
        state       = Head;
        fresh       = 1'b1;
        is_dw       = opcode == tw_isa_pkg::OP_DWCONV;
        is_max      = opcode == tw_isa_pkg::OP_POOLMAX;
        is_avg      = opcode == tw_isa_pkg::OP_POOLAVG;
        is_lut      = start_lut;
        is_mul      = opcode == tw_isa_pkg::OP_EWMUL;
        is_min      = opcode == tw_isa_pkg::OP_EWMIN;
        is_top      = opcode == tw_isa_pkg::OP_EWMAX;
        is_window   = start_win;
        is_dw_q     <= is_dw;
        is_window_q <= is_window;
        needs_b_q   <= (opcode != tw_isa_pkg::OP_POOLMAX) && (opcode != tw_isa_pkg::OP_POOLAVG) && !start_lut;
        bank_q      <= line_i[tw_isa_pkg::LUT_TABLE_LSB +: 3];
        pad         = line_i[tw_isa_pkg::DWCONV_PAD_VALUE_LSB +: 8];
        param       = start_win ? line_i[tw_isa_pkg::DWCONV_PARAM_LSB +: 16]
                    : line_i[tw_isa_pkg::EWADD_PARAM_LSB +: 16];
        table_row   = line_i[tw_isa_pkg::DWCONV_PARAM_LSB +: 16] + 1'b1;
        tap_addr    = line_i[tw_isa_pkg::DWCONV_W_LSB +: 24];
        tap_base    = tap_addr;
        block_next  = 1'b1;
        have_a      = 1'b0;
        have_b      = 1'b0;
        reads_q     <= !start_lut;
        reads_lut_q <= start_lut;
        param_row_q <= param;
        tap_addr_q  <= tap_addr;
        idle_q      <= 1'b0;
      end else begin : work
        logic is_done, is_block, is_last;
        // Lanes, the oldest row first, so that each stage reads what the one before it left in the last cycle. A
        // stage without a row rests.
        if (done[7]) begin
          for (int i = 0; i < N; i++)
            data_q[i*8 +: 8] <= is_lut ? value7[i] : tw_lane_pkg::clamp(value7[i], rec.lo, rec.hi);
          sat_q <= sat7;
        end
        if (done[6]) begin : finish
          logic [63:0] mask, half;
          logic [8:0]  lane;
          sat7 = '0;
          mask = tw_lane_pkg::rescale_mask(rec.shift[5:0]);
          half = tw_lane_pkg::rescale_half(rec.shift[5:0]);
          for (int i = 0; i < N; i++) begin
            if (is_dw) begin
              lane      = tw_lane_pkg::to_int8(scaled6[i], rec.zp);
              value7[i] = lane[7:0];
              sat7      = sat7 + {7'd0, lane[8]};
            end else begin
              value7[i] = is_lut ? lut6[i]
                        : tw_lane_pkg::rescale(fixed6[i], rec.shift[5:0], mask, half, rec.zy);
            end
          end
        end
        if (done[5]) begin
          for (int i = 0; i < N; i++) begin
            if (is_dw) begin
              scaled6[i] = tw_lane_pkg::scale(real5[i], mult[i*32 +: 32]);
            end else begin
              fixed6[i] = fixed5[i];
              lut6[i]   = lut5[i];
            end
          end
        end
        if (done[4]) begin
          for (int i = 0; i < N; i++) begin
            if (is_dw) begin
              real5[i] = tw_lane_pkg::to_float(sum4[i]);
            end else begin
              fixed5[i] = is_window ? 48'(centred4[i]) * 48'($signed(is_avg ? table4 : rec.ma)) : fixed4[i];
              lut5[i]   = lut4[i];
            end
          end
        end
        if (done[3]) begin : combine
          logic signed [31:0] zeros;  // zero points in the sum
          zeros = is_avg ? $signed({16'd0, count3}) * 32'($signed(rec.za)) : 32'($signed(rec.za));
          for (int i = 0; i < N; i++) begin
            if (is_dw) begin
              sum4[i] = acc[i] + bias[i*32 +: 32];
            end else begin
              fixed4[i]   = is_mul ? pa[i] * 48'($signed(rec.ma))
                          : is_min ? ((pa[i] < pb[i]) ? pa[i] : pb[i])
                          : is_top ? ((pa[i] > pb[i]) ? pa[i] : pb[i]) : pa[i] + pb[i];
              centred4[i] = acc[i] - zeros;
              lut4[i]     = lut3[i];
            end
          end
        end
        if (step[2]) begin
          for (int i = 0; i < N; i++) begin
            if (is_max) acc[i] = (first[2] || (32'(first2[i]) > acc[i])) ? 32'(first2[i]) : acc[i];
            else if (is_window) acc[i] = (first[2] ? 32'sd0 : acc[i]) + 32'(first2[i]);
            else if (is_lut) lut3[i] = lut_data_i[i*8 +: 8];
            else begin
              pa[i] = 48'(first2[i]) * (is_mul ? 48'(second2[i]) : 48'($signed(rec.ma)));
              pb[i] = is_mul ? 48'sd0 : 48'(second2[i]) * 48'($signed(rec.mb));
            end
          end
        end
        if (step[1]) begin : take
          logic [7:0] x;
          for (int i = 0; i < N; i++) begin
            if (is_window) begin
              // Outside the tile: dwconv sees the pad value, poolmax -128, poolavg 0.
              x         = inside1 ? a_data_i[i*8 +: 8] : is_dw ? pad : is_max ? 8'h80 : 8'h00;
              first2[i] = is_dw ? 18'($signed(x)) * 18'($signed(b_data_i[i*8 +: 8])) : 18'($signed(x));
            end else begin
              first2[i]  = 18'($signed(a_data_i[i*8 +: 8])) - 18'($signed(rec.za));
              second2[i] = 9'($signed(b_data_i[i*8 +: 8])) - 9'($signed(rec.zb));
            end
          end
        end

        // Front: parameter rows arrive one state after they were read. A channel block's bias and multipliers follow
        // its first step, behind the last row of the block before.
        if (done[3]) table4 = param_data_i[32*word3 +: 32];
        if (done[2]) begin
          count3 = count2;
          word3  = RowLog'((count2 == '0) ? 16'd0 : count2 - 1'b1);
        end
        if (step[1]) count2 = (first[1] ? 16'd0 : count2) + {15'd0, inside1};
        if (block[2]) bias = bias_next;
        if (block[3]) mult = mult_next;
        if ((state == Bias) && fresh) begin
          fresh = 1'b0;
          rec   = tw_lane_pkg::record(param_data_i[127:0]);
        end
        if (is_dw && (state == Mult)) bias_next = param_data_i;
        if (is_dw && (state == Settle)) mult_next = param_data_i;
        if (((state == Head) && !is_lut) || (((state == Bias) || (state == Mult)) && is_dw)) param = param + 1'b1;
        is_done   = issue && (!is_window || win_done);
        is_block  = is_dw && win_block;
        is_last   = is_window ? win_last : ew_last;
        step      = {step[1], issue};
        first     = {first[1], !is_window || win_first};
        done      = {done[7:1], is_done};
        final_row = {final_row[7:1], issue && is_last};
        block     = {block[2:1], issue && block_next};
        have_a    = !issue && (have_a || (a_req_o && a_gnt_i));
        have_b    = !issue && (have_b || (b_req_o && b_gnt_i));
        if (issue) begin
          inside1    = needs_a;
          block_next = is_block;
          if (is_done && is_block) tap_base = tap_addr + 24'(N);
          tap_addr = (is_done && !is_block) ? tap_base : tap_addr + 24'(N);
        end
        case (state)
          Head:    state = Bias;
          Bias:    state = Mult;
          Mult:    state = Settle;
          Settle:  state = Steps;
          Steps:   if (issue) state = is_last ? Flush : is_block ? Bias : Steps;
          default: if (end_o) state = Idle;
        endcase
        reads_q     <= (((state == Bias) || (state == Mult)) && is_dw) || (is_avg && done[2]);
        reads_lut_q <= 1'b0;
        param_row_q <= (is_avg && done[2]) ? table_row + (((count2 == '0) ? 16'd0 : count2 - 1'b1) >> RowLog) : param;
        tap_addr_q  <= tap_addr;
        idle_q      <= state == Idle;
      end
      have_a_q   <= have_a;
      have_b_q   <= have_b;
      steps_q    <= state == Steps;
      check_q    <= (state == Settle) && is_dw;
      take_lut_q <= is_lut && step[1];
      out_q      <= done[8];
      end_q      <= final_row[8];
    end
    if (!rst_ni) begin
      state       = Idle;
      step        = '0;
      done        = '0;
      block       = '0;
      idle_q      <= 1'b1;
      steps_q     <= 1'b0;
      reads_q     <= 1'b0;
      reads_lut_q <= 1'b0;
      check_q     <= 1'b0;
      take_lut_q  <= 1'b0;
      out_q       <= 1'b0;
    end
  end
  wire unused = &{1'b0, win_w_unused, win_lead, ew_plane, b_plane, b_last, y_plane, y_last};
endmodule
