// SPDX-License-Identifier: Apache-2.0
// Drain engine: drq and its kin. Reads ACC rows, adds bias, requantises (drqt..: as TensorFlow Lite does), adds the
// residual (..a), clamps, looks up (..l), writes SPM; one row of N lanes a cycle. drw writes the words of a row of ACC
// to four rows of SPM, rsw brings them back; their rows ride in the residual's registers. One instruction at a time.
// While the write of a row waits for its grant the engine stands still. docs/timing.md, section 7: a row issued in t
// asks for its write from t+7 on, from t+8 on if it is looked up.
module tw_rq #(
  parameter int N       = 16,
  parameter int AccRows = 1024
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  // queue
  input  logic            start_i,
  input  logic [511:0]    line_i,
  output logic            can_take_o,
  output logic            idle_o,
  output logic            end_o,
  // ACC: data in the next cycle, kept
  output logic                       acc_read_o,
  output logic [$clog2(AccRows)-1:0] acc_row_o,
  input  logic [N*32-1:0]            acc_low_i,
  input  logic [N*32-1:0]            acc_high_i,
  output logic                       acc_write_o,
  output logic [$clog2(AccRows)-1:0] acc_write_row_o,
  output logic [N*32-1:0]            acc_words_o,
  // parameter memory: data in the next cycle, kept
  output logic            param_en_o,
  output logic [15:0]     param_row_o,
  input  logic            param_ok_i,
  input  logic [N*32-1:0] param_data_i,
  // tables: data in the cycle after lut_en_o, kept
  output logic [2:0]      lut_bank_o,
  input  logic            lut_ok_i,
  output logic            lut_en_o,
  output logic [N*8-1:0]  lut_index_o,
  input  logic [N*8-1:0]  lut_data_i,
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
  output logic            sat_o,        // sat_count_o counts in this cycle
  output logic [7:0]      sat_count_o
);
  localparam int AccBits = $clog2(AccRows);

  // What others see.
  logic               idle_q, rows_q, reads_q, check_q;  // no instruction; rows are issued; a parameter row is read;
                                                         // multipliers (or what the next two say) are checked
  logic               check_sign_q, check_shift_q;       // drqt..: signs of multipliers, else shifts
  logic               lut_q, reads_lut_q, look_q;        // ..l: the table is asked for; a clamped row is looked up
  logic [2:0]         bank_q;
  logic               needs_row_q, restore_q;            // rows are read: drqa, rsw; rsw
  logic               in_last_q, out_last_q;             // of a row of ACC: the last row read, written
  logic [23:0]        place_q;                           // drw, rsw: of the SPM row among those of its row of ACC
  logic [15:0]        param_row_q;
  logic [AccBits-1:0] acc_row_q;
  logic               acc_write_q;
  logic [AccBits-1:0] acc_write_row_q;
  logic [N*32-1:0]    words_q;
  logic               out_q, end_q;                      // a row asks for its write; it is the instruction's last
  logic [N*8-1:0]     data_q;
  logic [7:0]         sat_q;

  //--- walkers ----------------------------------------------------------------------------------------
  logic        issue, out_gnt;
  logic        plane, last, plane_unused, last_unused;
  logic [23:0] r_addr, y_addr;
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
    .next_i(issue && in_last_q),
    .addr_o(r_addr),
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
    .next_i(restore_q ? issue && in_last_q : out_gnt && out_last_q),
    .addr_o(y_addr),
    .plane_o(plane_unused),
    .last_o (last_unused)
  );

  //--- requests ---------------------------------------------------------------------------------------
  logic en;                             // otherwise the engine stands still
  always_comb begin
    en = 1'b1;
    if (out_q) en = wr_gnt_i;
  end
  wire [23:0] tile_addr = y_addr + place_q;  // y, or x of rsw, which stands at the same place in the line
  assign issue       = rows_q && en && (!needs_row_q || res_gnt_i);
  assign res_req_o   = rows_q && needs_row_q;
  assign res_addr_o  = restore_q ? tile_addr : r_addr;
  assign res_keep_o  = !en;
  assign acc_read_o  = issue && !restore_q;
  assign acc_row_o   = acc_row_q;
  assign acc_write_o     = acc_write_q;
  assign acc_write_row_o = acc_write_row_q;
  assign acc_words_o     = words_q;
  assign param_en_o  = reads_q && en;
  assign param_row_o = param_row_q;
  assign lut_bank_o  = bank_q;
  assign lut_en_o    = look_q && en;
  assign lut_index_o = data_q;
  assign can_take_o  = idle_q;
  assign idle_o      = idle_q;
  assign wr_req_o    = out_q;
  assign wr_addr_o   = tile_addr;
  assign wr_data_o   = lut_q ? lut_data_i : data_q;
  assign out_gnt     = out_q && wr_gnt_i;
  assign end_o       = (out_gnt || acc_write_q) && end_q;
  assign sat_o       = out_gnt;
  assign sat_count_o = sat_q;

  logic uninit, bad;
  always_comb begin
    uninit = 1'b0;
    if (reads_q) uninit = !param_ok_i || (reads_lut_q && !lut_ok_i);
    bad = 1'b0;
    if (check_q) begin
      for (int i = 0; i < N; i++) begin
        if (check_sign_q) bad = bad || param_data_i[i*32 + 31];
        else if (check_shift_q) bad = bad || tw_lane_pkg::bad_shift(param_data_i[i*32 +: 32]);
        else bad = bad || tw_lane_pkg::bad_multiplier(param_data_i[i*32 +: 32]);
      end
    end
  end
  assign uninit_o    = uninit;
  assign bad_param_o = bad;

  //--- state of the process below alone, updated in place -----------------------------------------------
  typedef enum logic [2:0] {Idle, Head, Bias, Mult, Shift, Settle, Rows, Flush} state_e;
  state_e             state;
  logic               add, tflite, look;  // ..a, drqt.., ..l
  logic               raw, restore;     // drw, rsw; rsw
  logic [1:0]         in_part, acc_part, out_part;  // raw: of the rows of a row of ACC: issued, at age 1, at age 6
  logic               fresh;            // the record's head has not been taken yet
  logic [15:0]        param;            // next parameter row
  logic [AccBits-1:0] acc_row, acc_write_row;
  logic               acc_half;         // of the row issued last
  tw_lane_pkg::record_t rec;
  logic [N*32-1:0]    bias, mult;
  logic [5:0]         shift  [N];       // drqt..
  logic [8:1]         valid, final_row; // by age: at age 7 the row asks for its write, or is looked up
  logic [31:0]        sum    [N];       // at age 2
  logic [31:0]        real3  [N];       // sum as float, or shifted to the left, at age 3
  logic [31:0]        scaled [N];       // times the multiplier, at age 4
  logic [7:0]         whole5 [N];       // requantised, at age 5
  logic [7:0]         whole6 [N];
  logic signed [47:0] pa     [N];       // the residual sum's products, at age 6
  logic signed [47:0] pb     [N];
  logic [N*8-1:0]     res2, res3, res4, res5, res6;  // residual row, or raw row, by age
  logic [N*24-1:0]    words;            // rsw: the rows of a row of ACC before the last
  logic               words_full;
  logic [7:0]         sat5, sat6, sat7;

  always_ff @(posedge clk_i) begin
    if (start_i || ((state != Idle) && en)) begin
      if (start_i) begin : start
        logic [7:0] opcode;
        logic       has_bits;           // the opcode's low bits say what it does
        opcode   = line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8];
        has_bits = opcode[7:3] == tw_isa_pkg::OP_DRQT[7:3];
        state   = Head;
        fresh   = 1'b1;
        add     = (opcode == tw_isa_pkg::OP_DRQA) || (has_bits && opcode[0]);
        tflite  = has_bits && opcode[1];
        look    = has_bits && opcode[2];
        restore = opcode == tw_isa_pkg::OP_RSW;
        raw     = restore || (opcode == tw_isa_pkg::OP_DRW);
        param   = line_i[tw_isa_pkg::DRQA_PARAM_LSB +: 16];
        acc_row = line_i[tw_isa_pkg::DRQA_ACC_LSB +: AccBits];
        acc_write_row = acc_row;
        valid      = '0;
        final_row  = '0;
        in_part    = '0;
        out_part   = '0;
        words_full = 1'b0;
        needs_row_q <= add || restore;
        restore_q   <= restore;
        in_last_q   <= !raw;
        out_last_q  <= !raw;
        place_q     <= '0;
        lut_q       <= look;
        reads_lut_q <= look;
        bank_q      <= add ? line_i[tw_isa_pkg::DRQAL_TABLE_LSB +: 3] : line_i[tw_isa_pkg::DRQL_TABLE_LSB +: 3];
      end else begin
        // Lanes, the oldest row first, so that each stage reads what the one before it left in the last cycle. A stage
        // without a row rests.
        if (raw) begin
          words_full = 1'b0;
          if (valid[6] && restore) begin
            // The rows of a row of ACC one after the other; the last completes it.
            case (out_part)
              2'd0:    words[0 +: N*8] = res6;
              2'd1:    words[N*8 +: N*8] = res6;
              2'd2:    words[N*16 +: N*8] = res6;
              default: words_q <= {res6, words};
            endcase
            words_full = out_part == 2'd3;
            out_part   = out_part + 2'd1;
          end else if (valid[6]) begin
            data_q <= res6;
            sat_q  <= '0;
          end
          if (out_gnt) out_part = out_part + 2'd1;
          res6 = res5;
          res5 = res4;
          res4 = res3;
          res3 = res2;
          if (restore) res2 = res_data_i;
          else if (acc_half) res2 = acc_high_i[acc_part*N*8 +: N*8];
          else res2 = acc_low_i[acc_part*N*8 +: N*8];
          acc_part = in_part;
        end else begin
          if (look) begin
            reads_lut_q <= 1'b0;
            if (valid[7]) sat_q <= sat7;
            sat7 = sat6;
          end
          if (valid[6]) begin : finish
            logic [63:0] mask, half;
            logic [7:0]  value;
            mask = tw_lane_pkg::rescale_mask(rec.shift[5:0]);
            half = tw_lane_pkg::rescale_half(rec.shift[5:0]);
            for (int i = 0; i < N; i++) begin
              value = whole6[i];
              if (add) value = tw_lane_pkg::rescale(pa[i] + pb[i], rec.shift[5:0], mask, half, rec.zy);
              data_q[i*8 +: 8] <= tw_lane_pkg::clamp(value, rec.lo, rec.hi);
            end
            if (!look) sat_q <= sat6;
          end
          if (valid[5]) begin
            for (int i = 0; i < N; i++) begin
              whole6[i] = whole5[i];
              if (add) begin
                pa[i] = (48'($signed(whole5[i])) - 48'($signed(rec.za))) * 48'($signed(rec.ma));
                pb[i] = (48'($signed(res5[i*8 +: 8])) - 48'($signed(rec.zb))) * 48'($signed(rec.mb));
              end
            end
            sat6 = sat5;
          end
          if (valid[4]) begin : round
            logic [8:0] lane;
            sat5 = '0;
            if (tflite) begin
              for (int i = 0; i < N; i++) begin
                lane      = tw_lane_pkg::divide_by_pot(scaled[i], shift[i], rec.zp);
                whole5[i] = lane[7:0];
                sat5      = sat5 + {7'd0, lane[8]};
              end
            end else begin
              for (int i = 0; i < N; i++) begin
                lane      = tw_lane_pkg::to_int8(scaled[i], rec.zp);
                whole5[i] = lane[7:0];
                sat5      = sat5 + {7'd0, lane[8]};
              end
            end
            res5 = res4;
          end
          if (valid[3]) begin
            if (tflite) for (int i = 0; i < N; i++) scaled[i] = tw_lane_pkg::high_mul(real3[i], mult[i*32 +: 32]);
            else for (int i = 0; i < N; i++) scaled[i] = tw_lane_pkg::scale(real3[i], mult[i*32 +: 32]);
            res4 = res3;
          end
          if (valid[2]) begin
            if (tflite) for (int i = 0; i < N; i++) real3[i] = tw_lane_pkg::shift_left(sum[i], shift[i]);
            else for (int i = 0; i < N; i++) real3[i] = tw_lane_pkg::to_float(sum[i]);
            res3 = res2;
          end
          if (valid[1]) begin
            for (int i = 0; i < N; i++)
              sum[i] = (acc_half ? acc_high_i[i*32 +: 32] : acc_low_i[i*32 +: 32]) + bias[i*32 +: 32];
            res2 = res_data_i;
          end
        end

        // Front: parameter rows arrive one state after they were read.
        if ((state == Bias) && fresh) begin
          fresh = 1'b0;
          rec   = tw_lane_pkg::record(param_data_i[127:0]);
        end
        if (state == Mult) bias = param_data_i;
        if (state == (tflite ? Shift : Settle)) mult = param_data_i;
        if (tflite && (state == Settle)) for (int i = 0; i < N; i++) shift[i] = param_data_i[i*32 +: 6];
        if ((state == Head) || (state == Bias) || (state == Mult) || (state == Shift)) param = param + 1'b1;
        valid     = {valid[7:1], issue};
        final_row = {final_row[7:1], issue && last && in_last_q};
        if (issue) begin
          acc_half = acc_row[AccBits-1];
          if (raw) in_part = in_part + 2'd1;
          if (in_last_q) acc_row = acc_row + 1'b1;
        end
        case (state)
          Head:    state = Bias;
          Bias:    state = Mult;
          Mult:    state = tflite ? Shift : Settle;
          Shift:   state = Settle;
          Settle:  state = Rows;
          Rows:    if (issue && plane && in_last_q) state = last ? Flush : raw ? Rows : Bias;
          default: if (end_o) state = Idle;
        endcase
      end
      idle_q      <= state == Idle;
      if (raw) begin
        in_last_q   <= in_part == 2'd3;
        out_last_q  <= out_part == 2'd3;
        place_q     <= 24'({restore ? in_part : out_part, {$clog2(N) {1'b0}}});
        acc_write_q <= words_full;
        if (words_full) begin
          acc_write_row_q <= acc_write_row;
          acc_write_row    = acc_write_row + 1'b1;
        end
      end
      rows_q      <= state == Rows;
      reads_q     <= !raw && ((state == Head) || (state == Bias) || (state == Mult) || (state == Shift));
      check_q     <= (!raw && (state == Settle)) || (state == Shift);
      check_sign_q  <= state == Shift;
      check_shift_q <= tflite;
      param_row_q <= param;
      acc_row_q   <= acc_row;
      look_q      <= look && valid[7];
      out_q       <= look ? valid[8] : valid[7] && !restore;
      end_q       <= look ? final_row[8] : final_row[7];
    end
    if (!rst_ni) begin
      state   = Idle;
      valid   = '0;
      idle_q  <= 1'b1;
      rows_q  <= 1'b0;
      reads_q <= 1'b0;
      check_q <= 1'b0;
      out_q   <= 1'b0;
      acc_write_q <= 1'b0;
      reads_lut_q   <= 1'b0;
      look_q        <= 1'b0;
    end
  end
  wire unused = &{1'b0, plane_unused, last_unused};
endmodule
