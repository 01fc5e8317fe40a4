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
  input  logic               halt_i,         // a fault is set
  input  logic               live_i,         // state RUN, and none is
  input  logic               serial_i,
  // fetch: line_i is the line taken last
  input  logic               valid_i,
  input  logic [511:0]       line_i,
  output logic               take_o,
  // regions
  input  logic [8*64-1:0]    region_limit_i,
  input  logic [8*3-1:0]     region_perm_i,
  // issue
  input  logic [Engines-1:0] full_i,         // defined while ready_o
  input  logic               all_idle_i,     // queues empty, engines idle
  output logic [Engines-1:0] push_o,
  output logic [31:0]        pc_o,           // of the line in the decoder, or of the next one
  output logic               empty_o,
  output logic               ready_o,        // the line may leave as soon as there is room
  output logic               leave_o,        // issued or consumed
  output logic               fe_leave_o,     // ... consumed here
  output logic               end_o,          // ... which was END
  input  logic               sem_zero_i,
  // fault
  output logic               fault_o,
  output logic [7:0]         fault_code_o,
  output logic [63:0]        fault_addr_o
);
  localparam int NLog = $clog2(N);
  localparam logic [7:0] LessOne = 8'(N - 1);
  localparam logic [7:0] ProgramRegions = 8'(tw_isa_pkg::PROGRAM_REGIONS);

  // What others and the checks below see: the line is in its first cycle, in its footprint steps, or ready to leave for
  // an engine (one bit) or to be consumed here.
  logic                                    valid_q, fresh_q, step_q, fe_q;
  logic [Engines-1:0]                      want_q;
  logic [31:0]                             pc_q;
  logic [tw_isa_pkg::STEP_INDEX_BITS-1:0]  index_q;
  logic [39:0]                             acc_q;

  wire [7:0] opcode = line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8];

  //--- static checks -----------------------------------------------------------------------------
  logic       known, planned, reserved_ok, range_ok, align_ok, is_fe_d;
  logic [2:0] engine_d;
  tw_line_check #(.N_LOG2(NLog)) u_line_check (
    .en_i         (fresh_q),
    .line_i,
    .known_o      (known),
    .planned_o    (planned),
    .reserved_ok_o(reserved_ok),
    .range_ok_o   (range_ok),
    .align_ok_o   (align_ok),
    .engine_o     (engine_d),
    .is_fe_o      (is_fe_d)
  );

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
    if (step_q) begin
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
            perm_bad   = !region_perm_i[5'd3*5'(region) + (is_write ? 5'd1 : 5'd0)] || !ProgramRegions[region];
          end
        endcase
        end_bad = 64'(reach) > size;
      end
    end
  end

  //--- leaving and faults ------------------------------------------------------------------------
  logic fe_leaves, leaking;
  always_comb begin
    push_o    = '0;
    fe_leaves = 1'b0;
    leaking   = 1'b0;
    if (live_i) begin
      if (want_q != '0) begin
        push_o = want_q & ~full_i;
        if (serial_i && !all_idle_i) push_o = '0;
      end
      if (fe_q) begin
        leaking   = (opcode == tw_isa_pkg::OP_END) && all_idle_i && !sem_zero_i;
        fe_leaves = (opcode == tw_isa_pkg::OP_MARK) || (all_idle_i && !leaking);
      end
    end
  end
  assign leave_o    = (push_o != '0) || fe_leaves;
  assign fe_leave_o = fe_leaves;
  assign end_o      = fe_leaves && (opcode == tw_isa_pkg::OP_END);
  assign ready_o    = fe_q || (want_q != '0);
  assign take_o     = live_i && valid_i && (!valid_q || leave_o);
  assign pc_o       = pc_q;
  assign empty_o    = !valid_q;

  always_comb begin
    fault_o      = leaking;
    fault_code_o = tw_isa_pkg::FAULT_SEM_LEAK;
    fault_addr_o = '0;
    if (fresh_q) begin
      fault_o = live_i;
      if (!known) fault_code_o = tw_isa_pkg::FAULT_ILLEGAL_OPCODE;
      else if (planned) fault_code_o = tw_isa_pkg::FAULT_UNIMPLEMENTED;
      else if (!reserved_ok) fault_code_o = tw_isa_pkg::FAULT_RESERVED_BITS;
      else if (!range_ok) fault_code_o = tw_isa_pkg::FAULT_BAD_SHAPE;
      else if (!align_ok) fault_code_o = tw_isa_pkg::FAULT_MISALIGNED;
      else fault_o = 1'b0;
    end else if (step_q) begin
      fault_o      = live_i && (end_bad || perm_bad);
      fault_code_o = perm_bad ? tw_isa_pkg::FAULT_REGION_PERMISSION : space_code;
      fault_addr_o = perm_bad ? '0 : 64'(reach);
    end
  end

  // State of this process alone, updated in place.
  logic                                   valid, fresh, stepping, ready, is_fe;
  logic [2:0]                             engine;
  logic [31:0]                            pc;
  logic [tw_isa_pkg::STEP_INDEX_BITS-1:0] index, left;
  always_ff @(posedge clk_i) begin
    if (clear_i || take_o || leave_o || fresh || stepping || halt_i) begin
      if (leave_o) begin
        valid = 1'b0;
        ready = 1'b0;
        pc    = pc + 1'b1;
      end
      if (clear_i || halt_i) begin
        valid    = 1'b0;
        fresh    = 1'b0;
        stepping = 1'b0;
        ready    = 1'b0;
        if (clear_i) pc = '0;
      end else if (take_o) begin
        valid = 1'b1;
        fresh = 1'b1;
      end else if (fresh) begin
        fresh    = 1'b0;
        engine   = engine_d;
        is_fe    = is_fe_d;
        index    = first;
        left     = count;
        stepping = count != '0;
        ready    = count == '0;
      end else if (stepping) begin
        acc_q    <= acc_d;
        index    = index + 1'b1;
        left     = left - 1'b1;
        stepping = left != '0;
        ready    = left == '0;
      end
      valid_q <= valid;
      fresh_q <= fresh;
      step_q  <= stepping;
      pc_q    <= pc;
      index_q <= index;
      fe_q    <= ready && is_fe;
      want_q  <= (ready && !is_fe) ? Engines'(1) << engine : '0;
    end
  end
endmodule
