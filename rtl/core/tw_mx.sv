// SPDX-License-Identifier: Apache-2.0
// Matrix engine: conv, convf, convs, gemm, gemmz, gemmzt. The loader fills the array's shadow with the next N x N
// weights while the streamer sends the rows of the current one; sums go to ACC. One instruction is in the front at a
// time; the next may start while the last rows of the one before are still in the pipeline. docs/timing.md, section 6.
module tw_mx #(
  parameter int N          = 16,
  parameter int AccRows    = 1024,
  parameter int WeightRows = 1  // rows of weights that one grant brings
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  // queue
  input  logic           start_i,
  input  logic [511:0]   line_i,
  output logic           can_take_o,
  output logic           idle_o,
  output logic           end_o,
  // SPM: activations (rotated to the addressed byte) and weights; data in the cycle after the grant
  output logic           act_req_o,
  output logic [23:0]    act_addr_o,
  output logic           act_halves_o,   // wanted: the lower halves of the addressed row and of the next one
  input  logic           act_gnt_i,
  input  logic [N*8-1:0] act_data_i,
  output logic           wgt_req_o,
  output logic [23:0]    wgt_addr_o,
  input  logic           wgt_gnt_i,
  input  logic [WeightRows*N*8-1:0] wgt_data_i,
  // ACC
  output logic                       acc_read_o,
  output logic [$clog2(AccRows)-1:0] acc_read_row_o,
  output logic                       acc_write_o,
  output logic [$clog2(AccRows)-1:0] acc_write_row_o,
  output logic                       acc_add_o,
  output logic [N*32-1:0]            acc_sum_o,
  // counter: a row is issued
  output logic           row_o
);
  localparam int RowLog    = $clog2(N);
  localparam int ShadowLog = $clog2(WeightRows * N);  // two rows a cycle need two shadows: tw_array
  localparam int AccBits   = $clog2(AccRows);
  localparam int Depth     = N + 2;  // from issue to ACC write
  // A transposed block leaves the shadow when the array's last row has taken its weights.
  localparam logic [RowLog-1:0] Hold = RowLog'(N - 2);

  wire [7:0] opcode   = line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8];
  wire       is_fold  = opcode == tw_isa_pkg::OP_CONVF;
  wire       is_zero  = (opcode == tw_isa_pkg::OP_GEMMZ) || (opcode == tw_isa_pkg::OP_GEMMZT);
  wire       is_gemm  = (opcode == tw_isa_pkg::OP_GEMM) || is_zero;

  //--- what the instruction says, in one form for all opcodes; zero but when one starts ----------------------
  typedef struct packed {
    logic [23:0] x_base, h_stride, w_stride, w_base, in_a;
    logic [15:0] h_pad, w_pad, x_h, x_w, px_h, px_w, px_hc, px_wc, tap_h, tap_w, tap_hc, tap_wc, in_n, oc_n, acc_base;
    logic        accumulate, split;
    logic [7:0]  pad_value;
    logic [15:0] span;
  } work_t;
  work_t work;
  always_comb begin
    work = '0;
    if (start_i) begin
      work.x_base     = line_i[tw_isa_pkg::CONV_X_LSB +: 24];
      work.h_stride   = line_i[tw_isa_pkg::CONV_X_HS_LSB +: 24];
      work.w_stride   = line_i[tw_isa_pkg::CONV_X_WS_LSB +: 24];
      work.h_pad      = {8'd0, line_i[tw_isa_pkg::CONV_PAD_T_LSB +: 8]};
      work.w_pad      = {8'd0, line_i[tw_isa_pkg::CONV_PAD_L_LSB +: 8]};
      work.x_h        = line_i[tw_isa_pkg::CONV_X_H_LSB +: 16];
      work.x_w        = line_i[tw_isa_pkg::CONV_X_W_LSB +: 16];
      work.px_h       = line_i[tw_isa_pkg::CONV_OH_N_LSB +: 16];
      work.px_w       = line_i[tw_isa_pkg::CONV_OW_N_LSB +: 16];
      work.px_hc      = {12'd0, line_i[tw_isa_pkg::CONV_STRIDE_H_LSB +: 4]};
      work.px_wc      = {12'd0, line_i[tw_isa_pkg::CONV_STRIDE_W_LSB +: 4]};
      work.tap_h      = {8'd0, line_i[tw_isa_pkg::CONV_KH_N_LSB +: 8]};
      work.tap_w      = {8'd0, line_i[tw_isa_pkg::CONV_KW_N_LSB +: 8]};
      work.tap_hc     = {12'd0, line_i[tw_isa_pkg::CONV_DIL_H_LSB +: 4]};
      work.tap_wc     = {12'd0, line_i[tw_isa_pkg::CONV_DIL_W_LSB +: 4]};
      work.in_n       = {4'd0, line_i[tw_isa_pkg::CONV_IC_N_LSB +: 12]};
      work.in_a       = 24'(N);
      work.oc_n       = {4'd0, line_i[tw_isa_pkg::CONV_OC_N_LSB +: 12]};
      work.w_base     = line_i[tw_isa_pkg::CONV_W_LSB +: 24];
      work.acc_base   = line_i[tw_isa_pkg::CONV_ACC_LSB +: 16];
      work.accumulate = line_i[tw_isa_pkg::CONV_ACCUMULATE_LSB];
      work.pad_value  = line_i[tw_isa_pkg::CONV_PAD_VALUE_LSB +: 8];
      work.span       = 16'd1;
      if (is_fold) begin
        // Columns are bytes: a pixel is x_ws bytes on, a tap N bytes.
        work.h_stride   = line_i[tw_isa_pkg::CONVF_X_HS_LSB +: 24];
        work.w_stride   = 24'd1;
        work.h_pad      = {8'd0, line_i[tw_isa_pkg::CONVF_PAD_T_LSB +: 8]};
        work.w_pad      = {4'd0, line_i[tw_isa_pkg::CONVF_PAD_B_LSB +: 12]};
        work.x_h        = line_i[tw_isa_pkg::CONVF_X_H_LSB +: 16];
        work.x_w        = line_i[tw_isa_pkg::CONVF_X_B_LSB +: 16];
        work.px_h       = line_i[tw_isa_pkg::CONVF_OH_N_LSB +: 16];
        work.px_w       = line_i[tw_isa_pkg::CONVF_OW_N_LSB +: 16];
        work.px_hc      = {12'd0, line_i[tw_isa_pkg::CONVF_STRIDE_H_LSB +: 4]};
        work.px_wc      = {4'd0, line_i[tw_isa_pkg::CONVF_X_WS_LSB +: 12]};
        work.tap_h      = {8'd0, line_i[tw_isa_pkg::CONVF_KH_N_LSB +: 8]};
        work.tap_w      = {4'd0, line_i[tw_isa_pkg::CONVF_F_N_LSB +: 12]};
        work.tap_hc     = {12'd0, line_i[tw_isa_pkg::CONVF_DIL_H_LSB +: 4]};
        work.tap_wc     = 16'(N);
        work.in_n       = 16'd1;
        work.oc_n       = {4'd0, line_i[tw_isa_pkg::CONVF_OC_N_LSB +: 12]};
        work.w_base     = line_i[tw_isa_pkg::CONVF_W_LSB +: 24];
        work.acc_base   = line_i[tw_isa_pkg::CONVF_ACC_LSB +: 16];
        work.accumulate = line_i[tw_isa_pkg::CONVF_ACCUMULATE_LSB];
        work.pad_value  = line_i[tw_isa_pkg::CONVF_PAD_VALUE_LSB +: 8];
        work.span       = 16'(N);
      end else if (opcode == tw_isa_pkg::OP_CONVS) begin
        // A tap is a pair of columns: it is read as N bytes from the middle of the left one's row.
        work.x_base     = line_i[tw_isa_pkg::CONVS_X_LSB +: 24] + 24'(N / 2);
        work.h_stride   = line_i[tw_isa_pkg::CONVS_X_HS_LSB +: 24];
        work.w_stride   = 24'(N);
        work.h_pad      = {8'd0, line_i[tw_isa_pkg::CONVS_PAD_T_LSB +: 8]};
        work.w_pad      = {8'd0, line_i[tw_isa_pkg::CONVS_PAD_L_LSB +: 8]};
        work.x_h        = line_i[tw_isa_pkg::CONVS_X_H_LSB +: 16];
        work.x_w        = line_i[tw_isa_pkg::CONVS_X_W_LSB +: 16];
        work.px_h       = line_i[tw_isa_pkg::CONVS_OH_N_LSB +: 16];
        work.px_w       = line_i[tw_isa_pkg::CONVS_OW_N_LSB +: 16];
        work.px_hc      = {12'd0, line_i[tw_isa_pkg::CONVS_STRIDE_H_LSB +: 4]};
        work.px_wc      = {12'd0, line_i[tw_isa_pkg::CONVS_STRIDE_W_LSB +: 4]};
        work.tap_h      = {8'd0, line_i[tw_isa_pkg::CONVS_KH_N_LSB +: 8]};
        work.tap_w      = {9'd0, line_i[tw_isa_pkg::CONVS_KP_N_LSB +: 7]};
        work.tap_hc     = {12'd0, line_i[tw_isa_pkg::CONVS_DIL_H_LSB +: 4]};
        work.tap_wc     = 16'd2;
        work.in_n       = 16'd1;
        work.oc_n       = {4'd0, line_i[tw_isa_pkg::CONVS_OC_N_LSB +: 12]};
        work.w_base     = line_i[tw_isa_pkg::CONVS_W_LSB +: 24];
        work.acc_base   = line_i[tw_isa_pkg::CONVS_ACC_LSB +: 16];
        work.accumulate = line_i[tw_isa_pkg::CONVS_ACCUMULATE_LSB];
        work.pad_value  = line_i[tw_isa_pkg::CONVS_PAD_VALUE_LSB +: 8];
        work.span       = 16'd2;
        work.split      = 1'b1;
      end else if (is_gemm) begin
        // One column of pixels: rows m step h; blocks kb move only the address.
        work.h_stride   = line_i[tw_isa_pkg::GEMM_X_MS_LSB +: 24];
        work.h_pad      = 16'd0;
        work.w_pad      = 16'd0;
        work.x_h        = line_i[tw_isa_pkg::GEMM_M_N_LSB +: 16];
        work.x_w        = 16'd1;
        work.px_h       = line_i[tw_isa_pkg::GEMM_M_N_LSB +: 16];
        work.px_w       = 16'd1;
        work.px_hc      = 16'd1;
        work.px_wc      = 16'd0;
        work.tap_h      = 16'd1;
        work.tap_w      = 16'd1;
        work.tap_hc     = 16'd0;
        work.tap_wc     = 16'd0;
        work.in_n       = {4'd0, line_i[tw_isa_pkg::GEMM_K_N_LSB +: 12]};
        work.in_a       = line_i[tw_isa_pkg::GEMM_X_KS_LSB +: 24];
        work.oc_n       = {4'd0, line_i[tw_isa_pkg::GEMM_OC_N_LSB +: 12]};
        work.w_base     = line_i[tw_isa_pkg::GEMM_W_LSB +: 24];
        work.acc_base   = line_i[tw_isa_pkg::GEMM_ACC_LSB +: 16];
        work.accumulate = line_i[tw_isa_pkg::GEMM_ACCUMULATE_LSB];
        work.pad_value  = 8'd0;
      end
    end
  end

  //--- what others see ----------------------------------------------------------------------------------
  logic               front_q, idle_q, end_q;       // an instruction is in the front; none anywhere; one ends
  logic               wgt_req_q, shadow_full_q, land_q, swap_q, active_q;
  logic [23:0]        wgt_addr_q;
  logic [ShadowLog-1:0] land_row_q;                 // of the weights that arrive in this cycle
  logic [N*8-1:0]     x_q;                          // row at t+2
  logic               split_q;                      // convs; stays until the row at t+1 has entered the array
  logic               transpose_q;                  // gemmzt
  logic [7:0]         x_zero_q, wgt_zero_q;         // gemmz, gemmzt
  logic               read_q, write_q, add_q;       // ACC, at t+N+1 and t+N+2
  logic [AccBits-1:0] read_row_q, write_row_q;

  logic        [23:0] point_addr;
  logic signed [31:0] w;
  logic               in_tile, first, done, lead, block, last, issue;

  tw_window u_window (
    .clk_i,
    .load_i    (start_i),
    .base_i    (work.x_base),
    .h_stride_i(work.h_stride),
    .w_stride_i(work.w_stride),
    .h_pad_i   (work.h_pad),
    .w_pad_i   (work.w_pad),
    .ih_n_i    (work.px_h),
    .iw_n_i    (work.px_w),
    .ih_c_i    (work.px_hc),
    .iw_c_i    (work.px_wc),
    .oh_n_i    (work.tap_h),
    .ow_n_i    (work.tap_w),
    .oh_c_i    (work.tap_hc),
    .ow_c_i    (work.tap_wc),
    .in_n_i    (work.in_n),
    .in_a_i    (work.in_a),
    .out_n_i   (work.oc_n),
    .out_a_i   (24'd0),
    .h_n_i     (work.x_h),
    .w_n_i     (work.x_w),
    .span_i    (work.span),
    .next_i    (issue),
    .addr_o    (point_addr),
    .w_o       (w),
    .in_tile_o (in_tile),
    .first_o   (first),
    .done_o    (done),
    .lead_o    (lead),
    .block_o   (block),
    .last_o    (last)
  );

  wire ready = front_q && (!first || shadow_full_q);
  assign issue      = ready && (!in_tile || act_gnt_i);
  assign act_req_o  = ready && in_tile;
  assign act_addr_o = point_addr;
  assign act_halves_o = split_q;
  assign wgt_req_o  = wgt_req_q;
  assign wgt_addr_o = wgt_addr_q;
  assign row_o      = issue;
  assign can_take_o = !front_q;
  assign idle_o     = idle_q;
  assign end_o      = end_q;
  assign acc_read_o      = read_q;
  assign acc_read_row_o  = read_row_q;
  assign acc_write_o     = write_q;
  assign acc_write_row_o = write_row_q;
  assign acc_add_o       = add_q;

  tw_array #(.N(N), .WeightRows(WeightRows)) u_array (
    .clk_i,
    .rst_ni,
    .active_i     (active_q),
    .shadow_i     (land_q),
    .shadow_row_i (land_row_q),
    .shadow_data_i(wgt_data_i),
    .swap_i       (swap_q),
    .transpose_i  (transpose_q),
    .weight_zero_i(wgt_zero_q),
    .x_zero_i     (x_zero_q),
    .x_i          (x_q),
    .sum_o        (acc_sum_o)
  );

  //--- state of the process below alone, updated in place -----------------------------------------------
  logic               busy, front;
  // loader
  logic [47:0]        blocks;                       // not yet loaded
  logic [ShadowLog-1:0] shadow_row;
  logic [RowLog-1:0]  hold;                         // cycles before the next block is asked for
  logic               shadow_full;
  logic [23:0]        wgt_addr;
  // streamer
  logic               parts, accumulates;           // parts of a row may lie outside the tile
  logic [7:0]         pad;
  logic [15:0]        columns;
  logic [AccBits-1:0] acc_row, acc_block;           // row of the point; first row of the block of output channels
  // row at t+1: its data arrive
  logic               valid1, inside1, parts1, add1, last1;
  logic [7:0]         pad1;
  logic signed [31:0] w1;
  logic [15:0]        columns1;
  logic [AccBits-1:0] row1;
  // rows at t+2 and on
  logic [Depth:2]     valid;                        // by age; age Depth is the ACC write
  logic [AccBits+1:0] where_mem [N];                // {last, add, ACC row} of the rows of ages 2 to Depth - 2, in order
  logic [RowLog-1:0]  where_wptr, where_rptr;
  logic [AccBits+1:0] where;                        // of the row that reads ACC
  always_ff @(posedge clk_i) begin
    if (start_i || busy) begin
      // t+2 and on: a row enters the array, with the pad value outside the tile.
      if (valid1) begin : land
        logic [N*8-1:0] row;
        if (!inside1) begin
          x_q <= {N{pad1}};
        end else if (!parts1) begin
          x_q <= act_data_i;
        end else if (split_q) begin
          row = act_data_i;
          if (w1 < 32'sd0) row[0 +: N*4] = {(N / 2) {pad1}};
          if (w1 + 32'sd1 >= $signed({16'd0, columns1})) row[N*4 +: N*4] = {(N / 2) {pad1}};
          x_q <= row;
        end else begin
          row = act_data_i;
          for (int i = 0; i < N; i++) begin
            if ((w1 + 32'(i) < 32'sd0) || (w1 + 32'(i) >= $signed({16'd0, columns1}))) row[i*8 +: 8] = pad1;
          end
          x_q <= row;
        end
        where_mem[where_wptr] = {last1, add1, row1};
        where_wptr            = where_wptr + 1'b1;
      end
      valid = {valid[Depth-1:2], valid1};
      end_q <= 1'b0;
      if (valid[Depth]) begin
        write_row_q <= where[AccBits-1:0];
        add_q       <= where[AccBits];
        end_q       <= where[AccBits+1];
      end
      if (valid[Depth-1]) begin
        where      = where_mem[where_rptr];
        where_rptr = where_rptr + 1'b1;
        read_row_q <= where[AccBits-1:0];
      end

      // t+1
      valid1 = issue;
      if (issue) begin
        inside1  = in_tile;
        parts1   = parts;
        add1     = accumulates || !lead;
        last1    = last;
        pad1     = pad;
        w1       = w;
        columns1 = columns;
        row1     = acc_row;
      end

      if (hold != '0) hold = hold - 1'b1;

      // Streamer. The pixels' rows are consecutive; each pass over them starts again, the next block of channels goes
      // on.
      if (issue) begin
        if (last) front = 1'b0;
        acc_row = (done && !block) ? acc_block : acc_row + 1'b1;
        if (block) acc_block = acc_row;
        if (first) begin
          shadow_full = 1'b0;
          if (transpose_q) hold = Hold;
        end
      end

      // Loader
      land_q     <= wgt_gnt_i;
      land_row_q <= shadow_row;
      if (wgt_gnt_i) begin
        wgt_addr   = wgt_addr + 24'(WeightRows * N);
        shadow_row = shadow_row + ShadowLog'(WeightRows);
        if (shadow_row[RowLog-1:0] == '0) begin
          blocks      = blocks - 48'd1;
          shadow_full = 1'b1;
        end
      end

      if (start_i) begin
        front       = 1'b1;
        blocks      = 48'(work.tap_h) * 48'(work.tap_w) * 48'(work.in_n) * 48'(work.oc_n);
        wgt_addr    = work.w_base;
        columns     = work.x_w;
        parts       = is_fold || work.split;
        accumulates = work.accumulate;
        pad         = work.pad_value;
        acc_row     = work.acc_base[AccBits-1:0];
        acc_block   = work.acc_base[AccBits-1:0];
        split_q     <= work.split;
        transpose_q <= opcode == tw_isa_pkg::OP_GEMMZT;
        x_zero_q    <= is_zero ? line_i[tw_isa_pkg::GEMMZ_X_ZP_LSB +: 8] : 8'd0;
        wgt_zero_q  <= is_zero ? line_i[tw_isa_pkg::GEMMZ_W_ZP_LSB +: 8] : 8'd0;
      end

      busy          = front || valid1 || (valid != '0);
      front_q       <= front;
      idle_q        <= !busy;
      wgt_req_q     <= (blocks != '0) && !shadow_full && (hold == '0);
      wgt_addr_q    <= wgt_addr;
      shadow_full_q <= shadow_full;
      swap_q        <= issue && first;
      active_q      <= valid[Depth-1:2] != '0;
      read_q        <= valid[Depth-1];
      write_q       <= valid[Depth];
    end
    if (!rst_ni) begin
      busy          = 1'b0;
      front         = 1'b0;
      blocks        = '0;
      shadow_row    = '0;
      shadow_full   = 1'b0;
      hold          = '0;
      valid1        = 1'b0;
      valid         = '0;
      where_wptr    = '0;
      where_rptr    = '0;
      front_q       <= 1'b0;
      idle_q        <= 1'b1;
      end_q         <= 1'b0;
      wgt_req_q     <= 1'b0;
      shadow_full_q <= 1'b0;
      land_q        <= 1'b0;
      swap_q        <= 1'b0;
      active_q      <= 1'b0;
      read_q        <= 1'b0;
      write_q       <= 1'b0;
    end
  end
endmodule
