// SPDX-License-Identifier: Apache-2.0
// Decode: one line at a time. Static checks in the line's first cycle, then one footprint step a cycle, then the line
// waits until it can leave: to its engine's queue, or consumed here (FENCE, MARK, END). A line that leaves makes room
// for the next in the same cycle. halt_i (a fault is set) drops the line. Faults are raised in the cycle of the check
// that fails.
module tw_decode #(
  parameter int N         = 16,
  parameter int Engines   = 6,
  parameter int SpmBytes  = 262144,
  parameter int AccRows   = 1024,
  parameter int ParamRows = 256,
  parameter int LutBanks  = 8
) (
  input  logic               clk_i,
  input  logic               clear_i,        // reset, or a job begins
  input  logic               run_i,          // state RUN
  input  logic               halt_i,         // a fault is set
  input  logic               serial_i,
  // fetch: line_i is the line taken last
  input  logic               valid_i,
  input  logic [511:0]       line_i,
  output logic               take_o,
  // regions
  input  logic [8*64-1:0]    region_limit_i,
  input  logic [8*3-1:0]     region_perm_i,
  // issue
  input  logic [Engines-1:0] full_i,
  input  logic               all_idle_i,     // queues empty, engines idle
  output logic [Engines-1:0] push_o,
  output logic [31:0]        pc_o,           // of the line in the decoder, or of the next one
  output logic               empty_o,
  output logic               blocked_o,      // the line is ready and cannot leave
  output logic               leave_o,        // issued or consumed
  output logic               is_fe_o,        // ... consumed here
  output logic               end_o,          // END stands ready and everything is idle
  output logic               at_end_o,       // it is asked whether a semaphore leaks
  input  logic               leak_i,         // a semaphore is not zero
  // fault
  output logic               fault_o,
  output logic [7:0]         fault_code_o,
  output logic [63:0]        fault_addr_o
);
  localparam int NLog = $clog2(N);
  localparam logic [7:0] LessOne = 8'(N - 1);

  typedef enum logic [1:0] {Static, Step, Ready} phase_e;

  logic                                    valid_q;
  phase_e                                  phase_q;
  logic [31:0]                             pc_q;
  logic [tw_isa_pkg::STEP_INDEX_BITS-1:0]  index_q, left_q;
  logic [39:0]                             acc_q;

  wire [7:0] opcode = line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8];

  //--- static checks -----------------------------------------------------------------------------
  wire  is_fresh = valid_q && (phase_q == Static);
  logic known, planned, reserved_ok, range_ok, align_ok, is_fe_d, is_fe_q;
  logic [2:0] engine_d, engine_q;
  tw_line_check #(.N_LOG2(NLog)) u_line_check (
    .en_i         (is_fresh),
    .line_i,
    .known_o      (known),
    .planned_o    (planned),
    .reserved_ok_o(reserved_ok),
    .range_ok_o   (range_ok),
    .align_ok_o   (align_ok),
    .engine_o     (engine_d),
    .is_fe_o      (is_fe_d)
  );

  logic [7:0] static_code;
  always_comb begin
    static_code = tw_isa_pkg::FAULT_NONE;
    if (!is_fresh) static_code = tw_isa_pkg::FAULT_NONE;
    else if (!known) static_code = tw_isa_pkg::FAULT_ILLEGAL_OPCODE;
    else if (planned) static_code = tw_isa_pkg::FAULT_UNIMPLEMENTED;
    else if (!reserved_ok) static_code = tw_isa_pkg::FAULT_RESERVED_BITS;
    else if (!range_ok) static_code = tw_isa_pkg::FAULT_BAD_SHAPE;
    else if (!align_ok) static_code = tw_isa_pkg::FAULT_MISALIGNED;
  end

  //--- footprint: meaning of the steps in tw_isa_pkg ----------------------------------------------
  logic [tw_isa_pkg::STEP_INDEX_BITS-1:0] first, count;
  logic [tw_isa_pkg::STEP_WORD_BITS-1:0]  step;
  tw_footprint_rom u_rom (
    .opcode_i(opcode),
    .first_o (first),
    .count_o (count),
    .index_i (index_q),
    .step_o  (step)
  );

  wire [2:0] op        = step[tw_isa_pkg::STEP_OP_AT +: 3];
  wire [8:0] ext_lsb   = step[tw_isa_pkg::STEP_EXT_LSB_AT +: 9];
  wire [5:0] ext_width = step[tw_isa_pkg::STEP_EXT_WIDTH_AT +: 6];
  wire [8:0] str_lsb   = step[tw_isa_pkg::STEP_STR_LSB_AT +: 9];
  wire [5:0] str_width = step[tw_isa_pkg::STEP_STR_WIDTH_AT +: 6];
  wire [9:0] imm_bits  = step[tw_isa_pkg::STEP_IMM_AT +: 10];
  wire       imm_lanes = step[tw_isa_pkg::STEP_IMM_LANES_AT];
  wire [2:0] space     = step[tw_isa_pkg::STEP_SPACE_AT +: 3];
  wire       is_write  = step[tw_isa_pkg::STEP_WRITE_AT];
  wire       in_step   = valid_q && (phase_q == Step);

  logic [39:0] ext, str, imm, acc_d;
  logic [71:0] wide;      // result before it saturates at 40 bits
  logic [40:0] reach;     // END: base + acc
  logic [63:0] size;
  logic [2:0]  region;
  logic        end_bad, perm_bad;
  logic [7:0]  space_code;
  always_comb begin
    ext        = '0;
    str        = '0;
    imm        = '0;
    wide       = '0;
    acc_d      = acc_q;
    reach      = '0;
    size       = '0;
    region     = '0;
    end_bad    = 1'b0;
    perm_bad   = 1'b0;
    space_code = tw_isa_pkg::FAULT_NONE;
    if (in_step) begin
      imm    = imm_lanes ? 40'(imm_bits) << NLog : 40'(imm_bits);
      ext    = (ext_width == '0) ? 40'(N) : line_i[ext_lsb +: 40] & ((40'd1 << ext_width) - 40'd1);
      str    = (str_width == '0) ? imm : line_i[str_lsb +: 40] & ((40'd1 << str_width) - 40'd1);
      region = line_i[str_lsb +: 3];
      unique case (op)
        tw_isa_pkg::STEP_START: wide = 72'(imm);
        tw_isa_pkg::STEP_MAD:   wide = 72'(acc_q) + (72'(ext) - 72'd1) * 72'(str);
        tw_isa_pkg::STEP_MUL:   wide = 72'(acc_q) * 72'(ext);
        tw_isa_pkg::STEP_CEIL:  wide = (72'(acc_q) + 72'(LessOne)) >> NLog;
        tw_isa_pkg::STEP_LEAD:  wide = 72'(acc_q) + 72'(imm);
        default:                wide = 72'(acc_q);
      endcase
      acc_d = (wide[71:40] != '0) ? '1 : wide[39:0];
      if (op == tw_isa_pkg::STEP_END) begin
        reach = {1'b0, ext} + {1'b0, acc_q};
        unique case (space)
          tw_isa_pkg::SPACE_SPM: begin
            size       = 64'(SpmBytes);
            space_code = tw_isa_pkg::FAULT_SPM_BOUNDS;
          end
          tw_isa_pkg::SPACE_ACC: begin
            size       = 64'(AccRows);
            space_code = tw_isa_pkg::FAULT_ACC_BOUNDS;
          end
          tw_isa_pkg::SPACE_PARAM: begin
            size       = 64'(ParamRows);
            space_code = tw_isa_pkg::FAULT_PARAM_BOUNDS;
          end
          tw_isa_pkg::SPACE_LUT: begin
            size       = 64'(LutBanks);
            space_code = tw_isa_pkg::FAULT_PARAM_BOUNDS;
          end
          default: begin
            size       = region_limit_i[64*region +: 64];
            space_code = tw_isa_pkg::FAULT_REGION_BOUNDS;
            perm_bad   = !region_perm_i[5'd3*5'(region) + (is_write ? 5'd1 : 5'd0)];
          end
        endcase
        end_bad = 64'(reach) > size;
      end
    end
  end

  //--- leaving and faults ------------------------------------------------------------------------
  wire is_end  = opcode == tw_isa_pkg::OP_END;
  wire is_mark = opcode == tw_isa_pkg::OP_MARK;
  wire ready   = run_i && valid_q && !halt_i && (phase_q == Ready);
  assign at_end_o = ready && is_end;

  logic may_go, leaking;
  always_comb begin
    may_go  = 1'b0;
    leaking = 1'b0;
    push_o  = '0;
    if (ready) begin
      may_go  = is_fe_q ? (is_mark || all_idle_i)
                        : ((({2'b00, full_i} >> engine_q) & 8'd1) == 8'd0) && (!serial_i || all_idle_i);
      leaking = is_end && all_idle_i && leak_i;
      if (may_go && !is_fe_q) push_o = Engines'(1) << engine_q;
    end
  end
  assign leave_o   = may_go && !leaking;
  assign is_fe_o   = is_fe_q;
  assign end_o     = leave_o && is_end;
  assign blocked_o = ready && !may_go;
  assign take_o    = run_i && !halt_i && valid_i && (!valid_q || leave_o);
  assign pc_o      = pc_q;
  assign empty_o   = !valid_q;

  logic static_bad, step_bad;
  always_comb begin
    static_bad   = 1'b0;
    step_bad     = 1'b0;
    fault_code_o = tw_isa_pkg::FAULT_SEM_LEAK;
    fault_addr_o = '0;
    if (valid_q && (phase_q != Ready)) begin
      static_bad = (phase_q == Static) && (static_code != tw_isa_pkg::FAULT_NONE);
      step_bad   = end_bad || perm_bad;
      if (static_bad) begin
        fault_code_o = static_code;
      end else if (step_bad) begin
        fault_code_o = perm_bad ? tw_isa_pkg::FAULT_REGION_PERMISSION : space_code;
        fault_addr_o = perm_bad ? '0 : 64'(reach);
      end
    end
  end
  assign fault_o = run_i && !halt_i && (static_bad || step_bad || leaking);

  always_ff @(posedge clk_i) begin
    if (take_o) begin
      valid_q <= 1'b1;
      phase_q <= Static;
      pc_q    <= valid_q ? pc_q + 1'b1 : pc_q;
    end else if (halt_i) begin
      valid_q <= 1'b0;
    end else if (leave_o) begin
      valid_q <= 1'b0;
      pc_q    <= pc_q + 1'b1;
    end else if (valid_q && (phase_q == Static)) begin
      phase_q <= (count == '0) ? Ready : Step;
      engine_q <= engine_d;
      is_fe_q  <= is_fe_d;
      index_q <= first;
      left_q  <= count;
    end else if (in_step) begin
      acc_q   <= acc_d;
      index_q <= index_q + 1'b1;
      left_q  <= left_q - 1'b1;
      if (left_q == tw_isa_pkg::STEP_INDEX_BITS'(1)) phase_q <= Ready;
    end
    if (clear_i) begin
      valid_q <= 1'b0;
      pc_q    <= '0;
    end
  end
endmodule
