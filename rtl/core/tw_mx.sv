// SPDX-License-Identifier: Apache-2.0
// Matrix engine: conv, convf, gemm. The weight loader fills the array's shadow with the next block of N x N weights
// while the streamer sends the rows of the current one; sums go to ACC. One instruction is in the front at a time; the
// next may start while the last rows of the one before are still in the pipeline. docs/timing.md, section 6.
module tw_mx #(
  parameter int N       = 16,
  parameter int AccRows = 1024
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
  input  logic           act_gnt_i,
  input  logic [N*8-1:0] act_data_i,
  output logic           wgt_req_o,
  output logic [23:0]    wgt_addr_o,
  input  logic           wgt_gnt_i,
  input  logic [N*8-1:0] wgt_data_i,
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
  localparam int RowLog  = $clog2(N);
  localparam int AccBits = $clog2(AccRows);
  localparam int Depth   = N + 2;  // from issue to ACC write

  wire [7:0] opcode   = line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8];
  wire       is_fold  = opcode == tw_isa_pkg::OP_CONVF;
  wire       is_gemm  = opcode == tw_isa_pkg::OP_GEMM;

  //--- what the instruction says, in one form for the three opcodes --------------------------------------
  logic [23:0] x_base, h_stride, w_stride, w_base, in_a;
  logic [15:0] h_pad, w_pad, x_h, x_w, px_h, px_w, px_hc, px_wc, tap_h, tap_w, tap_hc, tap_wc, in_n, oc_n;
  logic [15:0] acc_base;
  logic        accumulate;
  logic [7:0]  pad_value;
  always_comb begin
    x_base     = '0;
    h_stride   = '0;
    w_stride   = '0;
    w_base     = '0;
    in_a       = '0;
    h_pad      = '0;
    w_pad      = '0;
    x_h        = '0;
    x_w        = '0;
    px_h       = '0;
    px_w       = '0;
    px_hc      = '0;
    px_wc      = '0;
    tap_h      = '0;
    tap_w      = '0;
    tap_hc     = '0;
    tap_wc     = '0;
    in_n       = '0;
    oc_n       = '0;
    acc_base   = '0;
    accumulate = '0;
    pad_value  = '0;
    if (start_i) begin
      x_base     = line_i[tw_isa_pkg::CONV_X_LSB +: 24];
      h_stride   = line_i[tw_isa_pkg::CONV_X_HS_LSB +: 24];
      w_stride   = line_i[tw_isa_pkg::CONV_X_WS_LSB +: 24];
      h_pad      = {8'd0, line_i[tw_isa_pkg::CONV_PAD_T_LSB +: 8]};
      w_pad      = {8'd0, line_i[tw_isa_pkg::CONV_PAD_L_LSB +: 8]};
      x_h        = line_i[tw_isa_pkg::CONV_X_H_LSB +: 16];
      x_w        = line_i[tw_isa_pkg::CONV_X_W_LSB +: 16];
      px_h       = line_i[tw_isa_pkg::CONV_OH_N_LSB +: 16];
      px_w       = line_i[tw_isa_pkg::CONV_OW_N_LSB +: 16];
      px_hc      = {12'd0, line_i[tw_isa_pkg::CONV_STRIDE_H_LSB +: 4]};
      px_wc      = {12'd0, line_i[tw_isa_pkg::CONV_STRIDE_W_LSB +: 4]};
      tap_h      = {8'd0, line_i[tw_isa_pkg::CONV_KH_N_LSB +: 8]};
      tap_w      = {8'd0, line_i[tw_isa_pkg::CONV_KW_N_LSB +: 8]};
      tap_hc     = {12'd0, line_i[tw_isa_pkg::CONV_DIL_H_LSB +: 4]};
      tap_wc     = {12'd0, line_i[tw_isa_pkg::CONV_DIL_W_LSB +: 4]};
      in_n       = {4'd0, line_i[tw_isa_pkg::CONV_IC_N_LSB +: 12]};
      in_a       = 24'(N);
      oc_n       = {4'd0, line_i[tw_isa_pkg::CONV_OC_N_LSB +: 12]};
      w_base     = line_i[tw_isa_pkg::CONV_W_LSB +: 24];
      acc_base   = line_i[tw_isa_pkg::CONV_ACC_LSB +: 16];
      accumulate = line_i[tw_isa_pkg::CONV_ACCUMULATE_LSB];
      pad_value  = line_i[tw_isa_pkg::CONV_PAD_VALUE_LSB +: 8];
      if (is_fold) begin
        // Columns are bytes: a pixel is x_ws bytes on, a tap N bytes.
        h_stride   = line_i[tw_isa_pkg::CONVF_X_HS_LSB +: 24];
        w_stride   = 24'd1;
        h_pad      = {8'd0, line_i[tw_isa_pkg::CONVF_PAD_T_LSB +: 8]};
        w_pad      = {4'd0, line_i[tw_isa_pkg::CONVF_PAD_B_LSB +: 12]};
        x_h        = line_i[tw_isa_pkg::CONVF_X_H_LSB +: 16];
        x_w        = line_i[tw_isa_pkg::CONVF_X_B_LSB +: 16];
        px_h       = line_i[tw_isa_pkg::CONVF_OH_N_LSB +: 16];
        px_w       = line_i[tw_isa_pkg::CONVF_OW_N_LSB +: 16];
        px_hc      = {12'd0, line_i[tw_isa_pkg::CONVF_STRIDE_H_LSB +: 4]};
        px_wc      = {4'd0, line_i[tw_isa_pkg::CONVF_X_WS_LSB +: 12]};
        tap_h      = {8'd0, line_i[tw_isa_pkg::CONVF_KH_N_LSB +: 8]};
        tap_w      = {4'd0, line_i[tw_isa_pkg::CONVF_F_N_LSB +: 12]};
        tap_hc     = {12'd0, line_i[tw_isa_pkg::CONVF_DIL_H_LSB +: 4]};
        tap_wc     = 16'(N);
        in_n       = 16'd1;
        oc_n       = {4'd0, line_i[tw_isa_pkg::CONVF_OC_N_LSB +: 12]};
        w_base     = line_i[tw_isa_pkg::CONVF_W_LSB +: 24];
        acc_base   = line_i[tw_isa_pkg::CONVF_ACC_LSB +: 16];
        accumulate = line_i[tw_isa_pkg::CONVF_ACCUMULATE_LSB];
        pad_value  = line_i[tw_isa_pkg::CONVF_PAD_VALUE_LSB +: 8];
      end else if (is_gemm) begin
        // One column of pixels: rows m step h; blocks kb move only the address.
        h_stride   = line_i[tw_isa_pkg::GEMM_X_MS_LSB +: 24];
        h_pad      = 16'd0;
        w_pad      = 16'd0;
        x_h        = line_i[tw_isa_pkg::GEMM_M_N_LSB +: 16];
        x_w        = 16'd1;
        px_h       = line_i[tw_isa_pkg::GEMM_M_N_LSB +: 16];
        px_w       = 16'd1;
        px_hc      = 16'd1;
        px_wc      = 16'd0;
        tap_h      = 16'd1;
        tap_w      = 16'd1;
        tap_hc     = 16'd0;
        tap_wc     = 16'd0;
        in_n       = {4'd0, line_i[tw_isa_pkg::GEMM_K_N_LSB +: 12]};
        in_a       = line_i[tw_isa_pkg::GEMM_X_KS_LSB +: 24];
        oc_n       = {4'd0, line_i[tw_isa_pkg::GEMM_OC_N_LSB +: 12]};
        w_base     = line_i[tw_isa_pkg::GEMM_W_LSB +: 24];
        acc_base   = line_i[tw_isa_pkg::GEMM_ACC_LSB +: 16];
        accumulate = line_i[tw_isa_pkg::GEMM_ACCUMULATE_LSB];
        pad_value  = 8'd0;
      end
    end
  end

  //--- weight loader -----------------------------------------------------------------------------------
  logic              shadow_full_q;
  logic [47:0]       blocks_q;     // blocks not yet loaded
  logic [RowLog-1:0] shadow_row_q;
  logic [23:0]       wgt_addr_q;
  logic              land_q;       // a weight row arrives in this cycle
  logic [RowLog-1:0] land_row_q;

  assign wgt_req_o  = (blocks_q != '0) && !shadow_full_q;
  assign wgt_addr_o = wgt_addr_q;
  wire   block_full = wgt_gnt_i && (shadow_row_q == RowLog'(N - 1));

  //--- streamer ----------------------------------------------------------------------------------------
  logic               front_q;     // an instruction is in the front
  logic [15:0]        x_h_q, x_w_q;
  logic               fold_q, add_q;
  logic [7:0]         pad_q;
  logic [AccBits-1:0] acc_row_q, acc_block_q;  // row of the point; first row of the block of output channels

  logic        [23:0] point_addr;
  logic signed [31:0] h, w;
  logic               first, done, lead, block, last, issue;

  tw_window u_window (
    .clk_i,
    .load_i    (start_i),
    .base_i    (x_base),
    .h_stride_i(h_stride),
    .w_stride_i(w_stride),
    .h_pad_i   (h_pad),
    .w_pad_i   (w_pad),
    .ih_n_i    (px_h),
    .iw_n_i    (px_w),
    .ih_c_i    (px_hc),
    .iw_c_i    (px_wc),
    .oh_n_i    (tap_h),
    .ow_n_i    (tap_w),
    .oh_c_i    (tap_hc),
    .ow_c_i    (tap_wc),
    .in_n_i    (in_n),
    .in_a_i    (in_a),
    .out_n_i   (oc_n),
    .out_a_i   (24'd0),
    .next_i    (issue),
    .addr_o    (point_addr),
    .h_o       (h),
    .w_o       (w),
    .first_o   (first),
    .done_o    (done),
    .lead_o    (lead),
    .block_o   (block),
    .last_o    (last)
  );

  // A row is read if any of its bytes lies inside the tile.
  wire signed [31:0] w_end = fold_q ? w + 32'(N) : w + 32'sd1;
  wire in_tile = (h >= 32'sd0) && (h < $signed({16'd0, x_h_q})) && (w_end > 32'sd0) && (w < $signed({16'd0, x_w_q}));
  wire ready  = front_q && (!first || shadow_full_q);

  assign act_req_o  = ready && in_tile;
  assign act_addr_o = point_addr;
  assign issue      = ready && (!in_tile || act_gnt_i);
  assign row_o      = issue;

  //--- row at t+1: data arrive, padding is put in --------------------------------------------------------
  logic               valid1_q, swap1_q, inside1_q, fold1_q, add1_q, end1_q;
  logic [7:0]         pad1_q;
  logic signed [31:0] w1_q;
  logic [15:0]        x_w1_q;
  logic [AccBits-1:0] row1_q;

  //--- row at t+2 and in the array -------------------------------------------------------------------------
  logic [N*8-1:0]     x_q;
  logic [Depth:2]     valid_q, last_q;             // by age; age Depth is the ACC write
  logic [AccBits:0]   where_mem [N];               // {add, ACC row} of the rows of ages 2 to Depth - 1, in order
  logic [RowLog-1:0]  where_wptr_q, where_rptr_q;
  logic [AccBits:0]   where_q;                     // of the row of age Depth
  wire                active = valid_q[Depth-1:2] != '0;

  tw_array #(.N(N)) u_array (
    .clk_i,
    .rst_ni,
    .active_i     (active),
    .shadow_i     (land_q),
    .shadow_row_i (land_row_q),
    .shadow_data_i(wgt_data_i),
    .swap_i       (swap1_q),
    .x_i          (x_q),
    .sum_o        (acc_sum_o)
  );

  assign acc_read_o      = valid_q[Depth-1];
  assign acc_read_row_o  = where_mem[where_rptr_q][AccBits-1:0];
  assign acc_write_o     = valid_q[Depth];
  assign acc_write_row_o = where_q[AccBits-1:0];
  assign acc_add_o       = where_q[AccBits];

  assign can_take_o = !front_q;
  assign idle_o     = !front_q && !valid1_q && (valid_q == '0);
  assign end_o      = valid_q[Depth] && last_q[Depth];

  always_ff @(posedge clk_i) begin
    // loader
    if (start_i) begin
      blocks_q     <= 48'(tap_h) * 48'(tap_w) * 48'(in_n) * 48'(oc_n);
      wgt_addr_q   <= w_base;
      shadow_row_q <= '0;
    end else if (wgt_gnt_i) begin
      wgt_addr_q   <= wgt_addr_q + 24'(N);
      shadow_row_q <= shadow_row_q + 1'b1;
      if (block_full) blocks_q <= blocks_q - 48'd1;
    end
    if (block_full) shadow_full_q <= 1'b1;
    else if (issue && first) shadow_full_q <= 1'b0;
    land_q     <= wgt_gnt_i;
    land_row_q <= shadow_row_q;

    // streamer
    if (start_i) begin
      front_q     <= 1'b1;
      x_h_q       <= x_h;
      x_w_q       <= x_w;
      fold_q      <= is_fold;
      add_q       <= accumulate;
      pad_q       <= pad_value;
      acc_row_q   <= acc_base[AccBits-1:0];
      acc_block_q <= acc_base[AccBits-1:0];
    end else if (issue) begin
      if (last) front_q <= 1'b0;
      // The pixels' rows are consecutive; each pass over them starts again, the next block of channels goes on.
      if (!done) begin
        acc_row_q <= acc_row_q + 1'b1;
      end else if (block) begin
        acc_row_q   <= acc_row_q + 1'b1;
        acc_block_q <= acc_row_q + 1'b1;
      end else begin
        acc_row_q <= acc_block_q;
      end
    end

    // t+1
    valid1_q <= issue;
    swap1_q  <= issue && first;
    if (issue) begin
      inside1_q <= in_tile;
      fold1_q   <= fold_q;
      add1_q    <= add_q || !lead;
      end1_q    <= last;
      pad1_q    <= pad_q;
      w1_q      <= w;
      x_w1_q    <= x_w_q;
      row1_q    <= acc_row_q;
    end

    // t+2 on
    valid_q <= {valid_q[Depth-1:2], valid1_q};
    last_q  <= {last_q[Depth-1:2], end1_q};
    if (valid1_q) begin : land
      logic [N*8-1:0] row;
      row = act_data_i;
      if (fold1_q || !inside1_q) begin
        for (int i = 0; i < N; i++) begin
          if (!inside1_q || (w1_q + 32'(i) < 32'sd0) || (w1_q + 32'(i) >= $signed({16'd0, x_w1_q})))
            row[i*8 +: 8] = pad1_q;
        end
      end
      x_q                     <= row;
      where_mem[where_wptr_q] <= {add1_q, row1_q};
      where_wptr_q            <= where_wptr_q + 1'b1;
    end
    if (valid_q[Depth-1]) begin
      where_q      <= where_mem[where_rptr_q];
      where_rptr_q <= where_rptr_q + 1'b1;
    end

    if (!rst_ni) begin
      blocks_q      <= '0;
      shadow_full_q <= 1'b0;
      shadow_row_q  <= '0;
      land_q        <= 1'b0;
      front_q       <= 1'b0;
      valid1_q      <= 1'b0;
      swap1_q       <= 1'b0;
      valid_q       <= '0;
      where_wptr_q  <= '0;
      where_rptr_q  <= '0;
    end
  end
endmodule
