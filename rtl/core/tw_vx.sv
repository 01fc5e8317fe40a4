// SPDX-License-Identifier: Apache-2.0
// Vector engine: ewadd, ewmul, ewmin, ewmax, ewmad, ewmix, lut, move, dwconv, poolmax, poolavg, redsum, redsq, redmax,
// redmin, wadd, wmul, normrcp, normrsq, movet. One step (a row of elements, one tap of a window, one element for all
// the windows that it belongs to, or one row of a result that has several) a cycle, N lanes of 8 bits or N/4 of 32;
// one instruction at a time. While the write of a row waits for its grant the engine stands still. docs/timing.md,
// section 7: the last step of an output row issued in t asks for its write from t+8 on.
module tw_vx #(
  parameter int N      = 16,
  parameter int DwTaps = 1     // of a kernel row in one step of dwconv
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
  localparam int Words  = N / tw_isa_pkg::WORD_BYTES;  // int32 of a row
  localparam int WordRows = tw_isa_pkg::WORD_BYTES;    // rows of N int32
  localparam int Kernel = DwTaps * DwTaps;             // rows of weights that are kept
  localparam int PlaceBits  = (Kernel > 1) ? $clog2(Kernel) : 1;
  localparam int GapBits    = $clog2(((Kernel > N) ? Kernel : N) + 1);
  localparam int ColumnBits = 18;                      // columns under a row of 2^16 windows, four apart at most

  //--- what others see --------------------------------------------------------------------------------
  logic         idle_q, steps_q, check_q;               // no instruction; steps are issued; multipliers are checked
  logic         reads_q, reads_lut_q;                   // a parameter row is read; lut: its table must be there
  logic         has_taps_q, is_window_q, needs_b_q;    // operand b is a run of rows: weights, multipliers
  logic         gap_q, in_window_q;                     // this step is none of the walk over a; one of a window's
  logic [15:0]  param_row_q;
  logic [2:0]   bank_q;
  logic         take_lut_q;                             // operands of lut arrive
  logic         have_a_q, have_b_q;                     // a read of this step was granted alone
  logic [23:0]  tap_addr_q;
  logic         out_q, end_q;                           // a row asks for its write; it is the instruction's last
  logic [N*8-1:0] data_q;
  logic [7:0]   sat_q;

  // What starts.
  logic start_lut, start_win, start_sum, start_norm, start_wide, start_move, start_turn, start_top;
  logic start_mad, start_mix;                           // ewmad or ewmix, ewmix
  logic       start_columns;                            // dwconv in its column form: docs/timing.md, section 7
  logic [3:0] column_step;                              // from one column of windows to the next
  wire [7:0]  opcode   = line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8];
  wire [7:0]  kernel_h = line_i[tw_isa_pkg::DWCONV_KH_N_LSB +: 8];
  wire [7:0]  kernel_w = line_i[tw_isa_pkg::DWCONV_KW_N_LSB +: 8];
  wire [3:0]  stride_w = line_i[tw_isa_pkg::DWCONV_STRIDE_W_LSB +: 4];
  wire [15:0] output_w = line_i[tw_isa_pkg::DWCONV_OW_N_LSB +: 16];
  always_comb begin
    start_lut  = 1'b0;
    start_win  = 1'b0;
    start_sum  = 1'b0;
    start_norm = 1'b0;
    start_wide = 1'b0;
    start_mad  = 1'b0;
    start_mix  = 1'b0;
    start_move = 1'b0;
    start_turn = 1'b0;
    start_top  = 1'b0;
    start_columns = 1'b0;
    column_step   = '0;
    if (start_i) begin
      start_lut  = opcode == tw_isa_pkg::OP_LUT;
      start_win  = (opcode == tw_isa_pkg::OP_DWCONV) || (opcode == tw_isa_pkg::OP_POOLMAX)
                   || (opcode == tw_isa_pkg::OP_POOLAVG);
      start_sum  = (opcode == tw_isa_pkg::OP_REDSUM) || (opcode == tw_isa_pkg::OP_REDSQ);
      start_norm = (opcode == tw_isa_pkg::OP_NORMRCP) || (opcode == tw_isa_pkg::OP_NORMRSQ);
      start_wide = (opcode == tw_isa_pkg::OP_WADD) || (opcode == tw_isa_pkg::OP_WMUL) || start_norm;
      start_mix  = opcode == tw_isa_pkg::OP_EWMIX;
      start_mad  = (opcode == tw_isa_pkg::OP_EWMAD) || start_mix;
      start_move = opcode == tw_isa_pkg::OP_MOVE;
      start_turn = opcode == tw_isa_pkg::OP_MOVET;
      start_top  = (opcode == tw_isa_pkg::OP_REDMAX) || (opcode == tw_isa_pkg::OP_REDMIN);
      start_columns = (DwTaps > 1) && (opcode == tw_isa_pkg::OP_DWCONV) && (kernel_h <= 8'(DwTaps))
                      && (kernel_w <= 8'(DwTaps)) && ({8'd0, kernel_w} <= output_w) && ({4'd0, stride_w} < kernel_w)
                      && (line_i[tw_isa_pkg::DWCONV_DIL_W_LSB +: 4] == 4'd1);
      column_step   = start_columns ? 4'd1 : stride_w;
    end
  end

  //--- walkers ----------------------------------------------------------------------------------------
  logic               issue, out_gnt;
  logic        [23:0] win_addr, ew_addr_a, ew_addr_b, y_addr;
  logic signed [31:0] win_w_unused;
  logic               win_in_tile, win_first, win_done, win_block, win_last, win_lead;
  logic               ew_plane, ew_last, b_plane, b_last, y_plane, y_last;

  // The column form walks columns of one tap each; the lanes know to which windows they belong.
  wire [ColumnBits-1:0] columns = ColumnBits'(output_w) * ColumnBits'(stride_w) + ColumnBits'(kernel_w)
                                - ColumnBits'(stride_w);
  tw_window #(.ColumnBits(ColumnBits)) u_window (
    .clk_i,
    .load_i    (start_i),
    .base_i    (line_i[tw_isa_pkg::DWCONV_X_LSB +: 24]),
    .h_stride_i(line_i[tw_isa_pkg::DWCONV_X_HS_LSB +: 24]),
    .w_stride_i(line_i[tw_isa_pkg::DWCONV_X_WS_LSB +: 24]),
    .h_pad_i   ({8'd0, line_i[tw_isa_pkg::DWCONV_PAD_T_LSB +: 8]}),
    .w_pad_i   ({8'd0, line_i[tw_isa_pkg::DWCONV_PAD_L_LSB +: 8]}),
    .ih_n_i    ({8'd0, kernel_h}),
    .iw_n_i    (start_columns ? 16'd1 : {8'd0, kernel_w}),
    .ih_c_i    ({12'd0, line_i[tw_isa_pkg::DWCONV_DIL_H_LSB +: 4]}),
    .iw_c_i    ({12'd0, line_i[tw_isa_pkg::DWCONV_DIL_W_LSB +: 4]}),
    .oh_n_i    (line_i[tw_isa_pkg::DWCONV_OH_N_LSB +: 16]),
    .ow_n_i    (start_columns ? columns : ColumnBits'(output_w)),
    .oh_c_i    ({12'd0, line_i[tw_isa_pkg::DWCONV_STRIDE_H_LSB +: 4]}),
    .ow_c_i    ({12'd0, column_step}),
    .in_n_i    (16'd1),
    .in_a_i    (24'd0),
    .out_n_i   ({4'd0, line_i[tw_isa_pkg::DWCONV_OC_N_LSB +: 12]}),
    .out_a_i   (line_i[tw_isa_pkg::DWCONV_X_CS_LSB +: 24]),
    .h_n_i     (line_i[tw_isa_pkg::DWCONV_X_H_LSB +: 16]),
    .w_n_i     (line_i[tw_isa_pkg::DWCONV_X_W_LSB +: 16]),
    .span_i    (16'd1),
    .next_i    (issue && in_window_q),
    .addr_o    (win_addr),
    .w_o       (win_w_unused),
    .in_tile_o (win_in_tile),
    .first_o   (win_first),
    .done_o    (win_done),
    .lead_o    (win_lead),
    .block_o   (win_block),
    .last_o    (win_last)
  );
  // The operands' walks: rows; a vector of int32 is a first dimension of four rows, a block of movet one of N.
  logic [23:0] a_base, a_s0, a_s1, a_s2, b_base, b_s0, b_s1, b_s2;
  logic [15:0] a_n0, a_n1, a_n2;
  always_comb begin
    a_base = '0;
    a_s0   = '0;
    a_s1   = '0;
    a_s2   = '0;
    b_base = '0;
    b_s0   = '0;
    b_s1   = '0;
    b_s2   = '0;
    a_n0   = '0;
    a_n1   = '0;
    a_n2   = '0;
    if (start_i) begin
      if (start_wide) begin
        a_base = line_i[tw_isa_pkg::WADD_A_LSB +: 24];
        a_s0   = 24'(N);
        a_s1   = line_i[tw_isa_pkg::WADD_A_S0_LSB +: 24];
        a_s2   = line_i[tw_isa_pkg::WADD_A_S1_LSB +: 24];
        b_base = line_i[tw_isa_pkg::WADD_B_LSB +: 24];
        b_s0   = 24'(N);
        b_s1   = line_i[tw_isa_pkg::WADD_B_S0_LSB +: 24];
        b_s2   = line_i[tw_isa_pkg::WADD_B_S1_LSB +: 24];
        a_n0   = 16'(WordRows);
        a_n1   = line_i[tw_isa_pkg::WADD_N0_LSB +: 16];
        a_n2   = line_i[tw_isa_pkg::WADD_N1_LSB +: 16];
      end else if (start_turn) begin
        a_base = line_i[tw_isa_pkg::MOVET_A_LSB +: 24];
        a_s0   = line_i[tw_isa_pkg::MOVET_A_S0_LSB +: 24];
        a_s1   = line_i[tw_isa_pkg::MOVET_A_S1_LSB +: 24];
        a_s2   = line_i[tw_isa_pkg::MOVET_A_S2_LSB +: 24];
        a_n0   = 16'(N);
        a_n1   = line_i[tw_isa_pkg::MOVET_N1_LSB +: 16];
        a_n2   = line_i[tw_isa_pkg::MOVET_N2_LSB +: 16];
      end else begin
        a_base = line_i[tw_isa_pkg::EWADD_A_LSB +: 24];
        a_s0   = line_i[tw_isa_pkg::EWADD_A_S0_LSB +: 24];
        a_s1   = line_i[tw_isa_pkg::EWADD_A_S1_LSB +: 24];
        a_s2   = line_i[tw_isa_pkg::EWADD_A_S2_LSB +: 24];
        b_base = line_i[tw_isa_pkg::EWADD_B_LSB +: 24];
        b_s0   = line_i[tw_isa_pkg::EWADD_B_S0_LSB +: 24];
        b_s1   = line_i[tw_isa_pkg::EWADD_B_S1_LSB +: 24];
        b_s2   = line_i[tw_isa_pkg::EWADD_B_S2_LSB +: 24];
        a_n0   = line_i[tw_isa_pkg::EWADD_N0_LSB +: 16];
        a_n1   = line_i[tw_isa_pkg::EWADD_N1_LSB +: 16];
        a_n2   = line_i[tw_isa_pkg::EWADD_N2_LSB +: 16];
        if (start_mix) begin
          b_base = line_i[tw_isa_pkg::EWMIX_B_LSB +: 24];
          b_s0   = a_s0;
          b_s1   = a_s1;
          b_s2   = a_s2;
        end
      end
    end
  end
  tw_grid u_a (
    .clk_i,
    .load_i(start_i),
    .base_i(a_base),
    .n0_i  (a_n0),
    .n1_i  (a_n1),
    .n2_i  (a_n2),
    .s0_i  (a_s0),
    .s1_i  (a_s1),
    .s2_i  (a_s2),
    .next_i(issue && !is_window_q && !gap_q),
    .addr_o(ew_addr_a),
    .plane_o(ew_plane),
    .last_o (ew_last)
  );
  tw_grid u_b (
    .clk_i,
    .load_i(start_i),
    .base_i(b_base),
    .n0_i  (a_n0),
    .n1_i  (a_n1),
    .n2_i  (a_n2),
    .s0_i  (b_s0),
    .s1_i  (b_s1),
    .s2_i  (b_s2),
    .next_i(issue && !is_window_q && !gap_q),
    .addr_o(ew_addr_b),
    .plane_o(b_plane),
    .last_o (b_last)
  );

  // The result's walk: rows (elementwise, lut), pixels (windows), results (reductions).
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
      if (start_wide || start_turn) begin
        y_n0   = a_n0;
        y_n1   = a_n1;
        y_n2   = a_n2;
        y_s0   = 24'(N);
        if (start_turn) begin
          y_base = line_i[tw_isa_pkg::MOVET_Y_LSB +: 24];
          y_s0   = line_i[tw_isa_pkg::MOVET_Y_S0_LSB +: 24];
          y_s1   = line_i[tw_isa_pkg::MOVET_Y_S1_LSB +: 24];
          y_s2   = line_i[tw_isa_pkg::MOVET_Y_S2_LSB +: 24];
        end else if (start_norm) begin
          y_base = line_i[tw_isa_pkg::NORMRCP_Y_LSB +: 24];
          y_s1   = line_i[tw_isa_pkg::NORMRCP_Y_S0_LSB +: 24];
          y_s2   = line_i[tw_isa_pkg::NORMRCP_Y_S1_LSB +: 24];
        end else begin
          y_base = line_i[tw_isa_pkg::WADD_Y_LSB +: 24];
          y_s1   = line_i[tw_isa_pkg::WADD_Y_S0_LSB +: 24];
          y_s2   = line_i[tw_isa_pkg::WADD_Y_S1_LSB +: 24];
        end
      end else if (start_lut || start_move || start_mad) begin
        y_base = line_i[tw_isa_pkg::LUT_Y_LSB +: 24];
        y_s0   = line_i[tw_isa_pkg::LUT_Y_S0_LSB +: 24];
        y_s1   = line_i[tw_isa_pkg::LUT_Y_S1_LSB +: 24];
        y_s2   = line_i[tw_isa_pkg::LUT_Y_S2_LSB +: 24];
      end else if (start_sum || start_top) begin
        y_base = line_i[tw_isa_pkg::REDSUM_Y_LSB +: 24];
        y_s0   = 24'(N);
        y_s1   = line_i[tw_isa_pkg::REDSUM_Y_S2_LSB +: 24];
        y_n0   = start_sum ? 16'(WordRows) : 16'd1;
        y_n1   = line_i[tw_isa_pkg::REDSUM_N2_LSB +: 16];
        y_n2   = 16'd1;
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
  logic en;                             // otherwise the engine stands still
  always_comb begin
    en = 1'b1;
    if (out_q) en = wr_gnt_i;
  end
  wire needs_a = in_window_q ? win_in_tile : !gap_q;
  always_comb begin
    issue = 1'b0;
    if (steps_q)
      issue = en && (!needs_a || have_a_q || a_gnt_i) && (!needs_b_q || have_b_q || b_gnt_i);
  end
  assign a_req_o     = steps_q && !have_a_q && needs_a;
  assign b_req_o     = steps_q && needs_b_q && !have_b_q;
  assign keep_o      = !en;
  assign param_en_o  = reads_q && en;
  assign param_row_o = param_row_q;
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
  assign sat_o       = out_gnt && is_window_q && has_taps_q;
  assign sat_count_o = sat_q;

  always_comb begin
    a_addr_o = ew_addr_a;
    b_addr_o = ew_addr_b;
    if (is_window_q) a_addr_o = win_addr;
    if (has_taps_q) b_addr_o = tap_addr_q;
  end
  logic bad;
  always_comb begin
    uninit_o = reads_lut_q && !lut_ok_i;
    if (reads_q) uninit_o = uninit_o || !param_ok_i;
    bad      = 1'b0;
    if (check_q) begin
      for (int i = 0; i < N; i++) bad = bad || tw_lane_pkg::bad_multiplier(param_data_i[i*32 +: 32]);
    end
  end
  assign bad_param_o = bad;

  //--- state of the process below alone, updated in place -----------------------------------------------
  typedef enum logic [2:0] {Idle, Head, Bias, Mult, Settle, Steps, Flush} state_e;
  state_e       state;
  logic         is_dw, is_max, is_avg, is_lut, is_mul, is_min, is_top, is_window;
  logic         is_sum, is_square, is_least, is_extreme;  // redsum and redsq, redsq, redmin, redmax and redmin
  logic         is_pool, is_bytes;       // a running value is rescaled; the result's bytes pass as they are
  logic         is_wide, is_norm, is_root, is_turn, is_mad, is_mix, is_move;
  logic         fresh;                   // the record's head has not been taken yet
  logic         have_a, have_b;          // a read of this step was granted alone
  logic [15:0]  param, table_row;        // next parameter row; first row of poolavg's table
  logic [7:0]   pad;
  logic [23:0]  tap_addr, tap_base;      // weights: each output row of a block walks the same taps
  tw_lane_pkg::record_t rec;
  logic [N*32-1:0] bias_next, mult_next, bias, mult;
  logic         block_next;              // the next step issued is the first of a channel block
  // A group of steps reads what one result needs. A sum's four rows, or the N rows of a block of movet, follow with a
  // step for each; the steps that read the multipliers and addends of ewmad and ewmix come before, and so do those
  // that read the weights of a channel block for the column form of dwconv.
  logic         gap;                     // this step is none of the walk over a
  logic [GapBits-1:0] gap_steps, gap_count;  // steps in a row of that kind, and their number so far
  logic         lead;                    // this step is the first of its group
  logic         final_group;
  logic [3:0]   word;                    // row of a sum, or of ewmad's and ewmix's multipliers and addends
  logic [23:0]  m_base, m_step, c_base, c_step, k_base, k_step;
  logic [N*32-1:0] multipliers, addends, seconds; // ewmad, ewmix; the second operand's multipliers
  // Column form. Each element meets a kernel row at once; its products go into as many windows, number 0 the one that
  // is complete after this column. Windows move on by one number with the first step of the next column.
  logic         is_columns;
  logic [2:0]   last_window;             // number of the one that begins with this column: kw_n - 1
  logic [2:0]   window;                  // whose weights the next step reads
  logic [PlaceBits-1:0] kernel_row, place1;  // place of a kernel row's weights; of the step's, at age 1
  logic [15:0]  outputs, outputs_left;   // of a row, minus one
  logic [3:0]   every, wait_columns;     // columns between two output rows, and until the next one, minus one
  logic [N*8-1:0] kernel [Kernel];       // weights [kernel row][window]
  logic [N*8-1:0] turn [N];              // movet: the block; rows enter at the end, lanes leave at the front
  logic [2:1]   step, first, between;    // a step, the first of its output row, one with gap, by age
  logic [8:1]   done, final_row;         // an output row's last step, by age; the instruction's last
  logic [3:1]   block;                   // first step of a channel block of dwconv, by age
  logic         inside1;                 // inside the tile
  logic [15:0]  count2, count3;          // elements inside the window
  logic [RowLog-1:0] word3;              // word of the table row
  logic [31:0]  table4;                  // poolavg's multiplier
  // Lanes. An element's path depends on the instruction: dwconv accumulates products and requantises; pooling
  // accumulates elements; the others take one element or two.
  logic signed [17:0] first2  [DwTaps*N];  // product, element, or a - za, at age 2
  logic signed [8:0]  second2 [N];       // b - zb; ewmad: 0
  logic signed [31:0] acc     [DwTaps*N];  // sums, or the largest, at age 3
  logic signed [47:0] pa      [N];       // products of both operands, at age 3
  logic signed [47:0] pb      [N];
  logic signed [31:0] pc      [N];       // what ewmad and ewmix add
  logic [7:0]         byte2 [N];
  logic [7:0]         lut3 [N], lut4 [N], lut5 [N], lut6 [N];
  // Lanes of 32 bits: operands at age 2, products, sum or interpolation, and how far it is shifted.
  logic signed [31:0] wide2a [Words], wide2b [Words];
  logic signed [63:0] wide3a [Words], wide3b [Words], wide4 [Words], wide5 [Words], wide6 [Words];
  logic [36:0]        norm3 [Words];
  logic               none3 [Words], none4 [Words], none5 [Words], none6 [Words];  // no positive operand, or too large
  logic [63:0]        entry4 [Words];    // table entry
  logic [15:0]        fraction4 [Words];
  logic signed [7:0]  right4 [Words], right5 [Words], right6 [Words];
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
        is_mul      = (opcode == tw_isa_pkg::OP_EWMUL) || (opcode == tw_isa_pkg::OP_WMUL);
        is_min      = opcode == tw_isa_pkg::OP_EWMIN;
        is_top      = opcode == tw_isa_pkg::OP_EWMAX;
        is_sum      = start_sum;
        is_square   = opcode == tw_isa_pkg::OP_REDSQ;
        is_least    = opcode == tw_isa_pkg::OP_REDMIN;
        is_extreme  = start_top;
        is_pool     = start_win || start_top;
        is_wide     = start_wide;
        is_norm     = start_norm;
        is_root     = opcode == tw_isa_pkg::OP_NORMRSQ;
        is_turn     = start_turn;
        is_mad      = start_mad;
        is_mix      = start_mix;
        is_move     = start_move;
        is_bytes    = start_lut || start_sum || start_wide || start_move || start_turn;
        gap         = start_mad || start_columns;
        gap_steps   = start_turn ? GapBits'(N) : start_mix ? GapBits'(3 * WordRows) : start_mad ? GapBits'(2 * WordRows)
                    : start_columns ? GapBits'(kernel_h[2:0]) * GapBits'(kernel_w[2:0]) : GapBits'(WordRows);
        is_columns   = start_columns;
        last_window  = kernel_w[2:0] - 1'b1;
        window       = last_window;
        kernel_row   = '0;
        outputs      = output_w - 1'b1;
        outputs_left = outputs;
        every        = stride_w - 1'b1;
        wait_columns = {1'b0, last_window};
        m_base      = line_i[tw_isa_pkg::EWMAD_M_LSB +: 24];
        m_step      = line_i[tw_isa_pkg::EWMAD_M_S2_LSB +: 24];
        c_base      = line_i[tw_isa_pkg::EWMAD_C_LSB +: 24];
        c_step      = line_i[tw_isa_pkg::EWMAD_C_S2_LSB +: 24];
        k_base      = line_i[tw_isa_pkg::EWMIX_K_LSB +: 24];
        k_step      = line_i[tw_isa_pkg::EWMIX_K_S2_LSB +: 24];
        gap_count   = '0;
        lead        = 1'b1;
        word        = '0;
        is_window   = start_win;
        has_taps_q  <= is_dw || is_mad;
        is_window_q <= is_window;
        needs_b_q   <= (opcode != tw_isa_pkg::OP_POOLMAX) && (opcode != tw_isa_pkg::OP_POOLAVG) && !start_lut
                    && !start_sum && !start_top && !start_norm && !start_move && !start_turn;
        bank_q      <= line_i[tw_isa_pkg::LUT_TABLE_LSB +: 3];
        pad         = line_i[tw_isa_pkg::DWCONV_PAD_VALUE_LSB +: 8];
        param       = start_win ? line_i[tw_isa_pkg::DWCONV_PARAM_LSB +: 16]
                    : (start_sum || start_top) ? line_i[tw_isa_pkg::REDSUM_PARAM_LSB +: 16]
                    : start_norm ? line_i[tw_isa_pkg::NORMRCP_PARAM_LSB +: 16]
                    : start_wide ? line_i[tw_isa_pkg::WADD_PARAM_LSB +: 16]
                    : start_mad ? line_i[tw_isa_pkg::EWMAD_PARAM_LSB +: 16]
                    : line_i[tw_isa_pkg::EWADD_PARAM_LSB +: 16];
        table_row   = line_i[tw_isa_pkg::DWCONV_PARAM_LSB +: 16] + 1'b1;
        tap_addr    = start_mad ? m_base : line_i[tw_isa_pkg::DWCONV_W_LSB +: 24];
        tap_base    = tap_addr;
        block_next  = 1'b1;
        have_a      = 1'b0;
        have_b      = 1'b0;
        reads_q     <= !start_lut && !start_move && !start_turn;
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
            data_q[i*8 +: 8] <= is_bytes ? value7[i] : tw_lane_pkg::clamp(value7[i], rec.lo, rec.hi);
          sat_q <= sat7;
        end
        if (done[6] && is_wide) begin : finish_wide
          logic [31:0] word7;
          for (int i = 0; i < Words; i++) begin
            word7 = none6[i] ? 32'h7FFF_FFFF : tw_lane_pkg::rescale_wide(wide6[i], right6[i][5:0]);
            for (int k = 0; k < WordRows; k++) value7[i*WordRows + k] = word7[8*k +: 8];
          end
        end else if (done[6]) begin : finish
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
              value7[i] = is_bytes ? lut6[i]
                        : tw_lane_pkg::rescale(fixed6[i], rec.shift[5:0], mask, half, rec.zy);
            end
          end
        end
        if (done[5] && is_wide) begin
          for (int i = 0; i < Words; i++) begin
            wide6[i]  = wide5[i];
            right6[i] = right5[i];
            none6[i]  = none5[i];
          end
        end else if (done[5]) begin
          for (int i = 0; i < N; i++) begin
            if (is_dw) begin
              scaled6[i] = tw_lane_pkg::scale(real5[i], mult[i*32 +: 32]);
            end else begin
              fixed6[i] = fixed5[i];
              lut6[i]   = lut5[i];
            end
          end
        end
        if (done[4] && is_wide) begin
          for (int i = 0; i < Words; i++) begin
            wide5[i]  = wide4[i];
            right5[i] = right4[i];
            none5[i]  = none4[i];
            if (is_norm) begin
              wide5[i] = {32'd0, entry4[i][31:0]}
                       - (({32'd0, entry4[i][63:32]} * {48'd0, fraction4[i]}) >> 16);
              none5[i] = none4[i] || right4[i][7];
            end
          end
        end else if (done[4]) begin
          for (int i = 0; i < N; i++) begin
            if (is_dw) begin
              real5[i] = tw_lane_pkg::to_float(sum4[i]);
            end else begin
              fixed5[i] = is_pool ? 48'(centred4[i]) * 48'($signed(is_avg ? table4 : rec.ma)) : fixed4[i];
              lut5[i]   = lut4[i];
            end
          end
        end
        if (done[3] && is_wide) begin : combine_wide
          logic [5:0] index;
          for (int i = 0; i < Words; i++) begin
            wide4[i]  = wide3a[i] + wide3b[i];
            right4[i] = {2'b00, rec.shift[5:0]};
            none4[i]  = 1'b0;
            if (is_norm) begin
              index        = is_root ? {norm3[i][32], norm3[i][30:26]} : norm3[i][30:25];
              entry4[i]    = is_root ? tw_isa_pkg::NORM_RSQRT[64*index +: 64]
                           : tw_isa_pkg::NORM_RECIPROCAL[64*index +: 64];
              fraction4[i] = is_root ? norm3[i][25:10] : norm3[i][24:9];
              right4[i]    = 8'sd31 + $signed({3'd0, is_root ? {1'b0, norm3[i][36:33]} : norm3[i][36:32]})
                           - $signed({2'b00, rec.shift[5:0]});
              none4[i]     = none3[i];
            end
          end
        end else if (done[3]) begin : combine
          logic signed [31:0] zeros;  // zero points in the sum
          zeros = is_avg ? $signed({16'd0, count3}) * 32'($signed(rec.za)) : 32'($signed(rec.za));
          for (int i = 0; i < N; i++) begin
            if (is_dw) begin
              sum4[i] = acc[i] + bias[i*32 +: 32];
            end else begin
              fixed4[i]   = is_mul ? pa[i] * 48'($signed(rec.ma))
                          : is_min ? ((pa[i] < pb[i]) ? pa[i] : pb[i])
                          : is_top ? ((pa[i] > pb[i]) ? pa[i] : pb[i]) : pa[i] + pb[i] + 48'(pc[i]);
              centred4[i] = acc[i] - zeros;
              lut4[i]     = lut3[i];
            end
          end
        end
        if (step[2] && is_wide) begin
          for (int i = 0; i < Words; i++) begin
            if (is_norm) begin
              norm3[i] = tw_lane_pkg::normalise(wide2a[i]);
              none3[i] = wide2a[i] <= 32'sd0;
            end else begin
              wide3a[i] = 64'(wide2a[i]) * (is_mul ? 64'(wide2b[i]) : 64'($signed(rec.ma)));
              wide3b[i] = is_mul ? 64'sd0 : 64'(wide2b[i]) * 64'($signed(rec.mb));
            end
          end
        end else if (step[2] && (is_move || is_turn)) begin
          for (int i = 0; i < N; i++) lut3[i] = byte2[i];
        end else if ((DwTaps > 1) && step[2] && is_columns) begin
          if (!between[2]) begin
            for (int w = 0; w < DwTaps; w++) begin
              if (3'(w) == last_window) begin
                for (int i = 0; i < N; i++)
                  acc[w*N + i] = (first[2] ? 32'sd0 : acc[w*N + i]) + 32'(first2[w*N + i]);
              end else if (3'(w) < last_window) begin
                for (int i = 0; i < N; i++)
                  acc[w*N + i] = (first[2] ? acc[((w + 1)%DwTaps)*N + i] : acc[w*N + i]) + 32'(first2[w*N + i]);
              end
            end
          end
        end else if (step[2] && between[2] && !is_mad) begin
          for (int i = 0; i < N; i++) begin
            case (word[1:0])
              2'd0:    lut3[i] = acc[i/4][8*(i%4) +: 8];
              2'd1:    lut3[i] = acc[N/4 + i/4][8*(i%4) +: 8];
              2'd2:    lut3[i] = acc[N/2 + i/4][8*(i%4) +: 8];
              default: lut3[i] = acc[3*N/4 + i/4][8*(i%4) +: 8];
            endcase
          end
          word = word + 1'b1;
        end else if (step[2] && (is_sum || is_extreme)) begin
          for (int i = 0; i < N; i++) begin
            if (is_sum) acc[i] = (first[2] ? 32'sd0 : acc[i]) + 32'(first2[i]);
            else if (first[2] || (is_least ? 32'(first2[i]) < acc[i] : 32'(first2[i]) > acc[i]))
              acc[i] = 32'(first2[i]);
          end
        end else if (step[2]) begin
          for (int i = 0; i < N; i++) begin
            if (is_max) acc[i] = (first[2] || (32'(first2[i]) > acc[i])) ? 32'(first2[i]) : acc[i];
            else if (is_window) acc[i] = (first[2] ? 32'sd0 : acc[i]) + 32'(first2[i]);
            else if (is_lut) lut3[i] = lut_data_i[i*8 +: 8];
            else begin
              pa[i] = 48'(first2[i]) * (is_mul ? 48'(second2[i])
                                      : 48'($signed(is_mad ? multipliers[i*32 +: 32] : rec.ma)));
              pb[i] = is_mul ? 48'sd0
                    : 48'(second2[i]) * 48'($signed(is_mad ? seconds[i*32 +: 32] : rec.mb));
              pc[i] = is_mad ? $signed(addends[i*32 +: 32]) : 32'sd0;
            end
          end
        end
        if (step[1] && is_wide) begin
          for (int i = 0; i < Words; i++) begin
            wide2a[i] = $signed(a_data_i[i*32 +: 32]);
            wide2b[i] = $signed(b_data_i[i*32 +: 32]);
          end
        end else if (step[1] && is_move) begin
          for (int i = 0; i < N; i++) byte2[i] = a_data_i[i*8 +: 8];
        end else if (step[1] && is_turn) begin
          if (between[1]) begin
            for (int i = 0; i < N; i++) begin
              byte2[i] = turn[i][7:0];
              turn[i]  = {8'd0, turn[i][N*8-1:8]};
            end
          end else begin
            for (int i = 0; i < N - 1; i++) turn[i] = turn[i+1];
            turn[N-1] = a_data_i;
          end
        end else if (step[1] && is_mad && between[1]) begin
          case (word[3:2])
            2'd0:    multipliers = {b_data_i, multipliers[N*32-1:N*8]};
            2'd1:    addends     = {b_data_i, addends[N*32-1:N*8]};
            default: seconds     = {b_data_i, seconds[N*32-1:N*8]};
          endcase
          word = (is_mix ? word == 4'd11 : word == 4'd7) ? '0 : word + 1'b1;
        end else if ((DwTaps > 1) && step[1] && is_columns) begin : take_column
          logic [N*8-1:0] x, weights;
          if (between[1]) begin
            kernel[place1] = b_data_i;
          end else begin
            x = inside1 ? a_data_i : {N{pad}};
            for (int w = 0; w < DwTaps; w++) begin
              if (3'(w) <= last_window) begin
                weights = kernel[place1 + PlaceBits'(w)];
                for (int i = 0; i < N; i++)
                  first2[w*N + i] = 18'($signed(x[i*8 +: 8])) * 18'($signed(weights[i*8 +: 8]));
              end
            end
          end
        end else if (step[1]) begin : take
          logic [7:0]        x;
          logic signed [8:0] centred;
          for (int i = 0; i < N; i++) begin
            if (is_window) begin
              // Outside the tile: dwconv sees the pad value, poolmax -128, poolavg 0.
              x         = inside1 ? a_data_i[i*8 +: 8] : is_dw ? pad : is_max ? 8'h80 : 8'h00;
              first2[i] = is_dw ? 18'($signed(x)) * 18'($signed(b_data_i[i*8 +: 8])) : 18'($signed(x));
            end else if (is_sum || is_extreme) begin
              centred   = 9'($signed(a_data_i[i*8 +: 8])) - (is_sum ? 9'($signed(rec.za)) : 9'sd0);
              first2[i] = is_square ? 18'(centred) * 18'(centred) : 18'(centred);
            end else begin
              first2[i]  = 18'($signed(a_data_i[i*8 +: 8])) - 18'($signed(rec.za));
              second2[i] = (is_mad && !is_mix) ? 9'sd0 : 9'($signed(b_data_i[i*8 +: 8])) - 9'($signed(rec.zb));
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
        is_done   = issue && (is_columns ? !gap && win_done && (wait_columns == '0)
                          : is_window ? win_done : is_extreme ? ew_plane : is_mad ? !gap
                          : gap || !(is_sum || is_turn));
        is_block  = is_dw && win_block;
        is_last   = is_window ? win_last : is_mad ? ew_last && !gap
                  : (is_sum || is_turn) ? gap && final_group && (gap_count == gap_steps - 1'b1) : ew_last;
        step      = {step[1], issue};
        first     = {first[1], is_window ? win_first : lead};
        between   = {between[1], gap};
        done      = {done[7:1], is_done};
        final_row = {final_row[7:1], issue && is_last};
        block     = {block[2:1], issue && block_next};
        have_a    = !issue && (have_a || (a_req_o && a_gnt_i));
        have_b    = !issue && (have_b || (b_req_o && b_gnt_i));
        if (issue) begin
          inside1    = needs_a;
          block_next = is_block;
          if (is_done && is_block) tap_base = tap_addr + 24'(N);
          if (is_mad) begin
            if (gap) tap_addr = tap_addr + 24'(N);
            if (gap && (gap_count == gap_steps - 1'b1)) begin
              m_base   = m_base + m_step;
              c_base   = c_base + c_step;
              k_base   = k_base + k_step;
              tap_addr = m_base;
            end else if (gap && (gap_count == GapBits'(WordRows - 1))) begin
              tap_addr = c_base;
            end else if (gap && (gap_count == GapBits'(2 * WordRows - 1))) begin
              tap_addr = k_base;
            end
          end else if (is_columns) begin
            if (gap) tap_addr = tap_addr + 24'(N);
          end else begin
            tap_addr = (is_done && !is_block) ? tap_base : tap_addr + 24'(N);
          end
        end
        if ((DwTaps > 1) && issue && is_columns) begin : column
          logic row_ends;                  // of the kernel
          place1 = kernel_row;
          row_ends = !gap || (window == '0);
          if (gap) begin
            place1 = kernel_row + PlaceBits'(window);
            window = (window == '0) ? last_window : window - 1'b1;
          end else if (win_done) begin
            if (wait_columns != '0) begin
              wait_columns = wait_columns - 1'b1;
            end else begin
              wait_columns = (outputs_left == '0) ? {1'b0, last_window} : every;
              outputs_left = (outputs_left == '0) ? outputs : outputs_left - 1'b1;
            end
          end
          if (gap ? (gap_count == gap_steps - 1'b1) : win_done) kernel_row = '0;
          else if (row_ends) kernel_row = kernel_row + PlaceBits'(DwTaps);
        end
        if (issue) begin
          lead = gap ? (gap_count == gap_steps - 1'b1) : is_extreme && ew_plane;
          if (gap) begin
            gap       = !lead;
            gap_count = lead ? '0 : gap_count + 1'b1;
          end else if (is_turn && (gap_count != gap_steps - 1'b1)) begin
            gap_count = gap_count + 1'b1;
          end else if (is_turn || ((is_sum || is_mad) && ew_plane) || (is_columns && win_block)) begin
            gap         = 1'b1;
            gap_count   = '0;
            final_group = ew_last;
          end
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
      gap_q       <= gap;
      in_window_q <= is_window && !gap;
      if (is_mad || is_columns) needs_b_q <= gap || is_mix;
      if (is_mix) has_taps_q <= gap;
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
  wire unused = &{1'b0, win_w_unused, win_lead, b_plane, b_last, y_plane, y_last};
endmodule
