// SPDX-License-Identifier: Apache-2.0
// Life of a job: descriptor, checks, run, completion record; and the front end's own faults.
// docs/timing.md, section 2. The state after a fault (DRAIN) is RUN with halt_i set.
module tw_job #(
  parameter int          Engines = 6,
  parameter int          N       = 16,
  parameter logic [63:0] IsaHash = 64'd0,
  parameter logic [63:0] CfgHash = 64'd0
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  // registers
  input  logic                  doorbell_i,
  input  logic                  abort_i,
  input  logic [8*64-1:0]       region_base_i,
  input  logic [8*64-1:0]       region_limit_i,
  input  logic [8*3-1:0]        region_perm_i,
  output logic                  start_o,          // a job begins: the next cycle is cycle 0
  output logic                  busy_o,
  output logic                  done_o,
  output logic                  finish_o,         // the next cycle is DONE
  // states
  output logic                  descriptor_o,
  output logic                  live_o,           // RUN without a fault
  output logic                  count_o,          // counters count
  // fetch
  input  logic [511:0]          desc_i,
  input  logic                  desc_done_i,
  input  logic                  desc_error_i,
  input  logic [63:0]           desc_addr_i,
  input  logic                  ask_code_i,
  output logic [63:0]           code_addr_o,      // defined while ask_code_i
  output logic [31:0]           line_count_o,
  input  logic                  fetch_none_i,
  input  logic                  fetch_fault_i,
  input  logic [31:0]           fetch_fault_pc_i,
  input  logic [63:0]           fetch_fault_addr_i,
  input  logic                  reads_idle_i,     // no read burst is outstanding
  // decode
  input  logic [31:0]           decode_pc_i,
  input  logic                  decode_empty_i,
  input  logic                  decode_blocked_i, // defined while engines_idle_i
  input  logic                  decode_end_i,
  input  logic                  decode_fault_i,
  input  logic [7:0]            decode_code_i,
  input  logic [63:0]           decode_addr_i,
  input  logic [15:0]           decode_tag_i,
  // engines
  input  logic                  engines_idle_i,
  input  logic [Engines-1:0]    head_valid_i,
  input  logic [Engines*32-1:0] head_pc_i,        // defined while engines_idle_i
  input  logic [Engines-1:0]    satisfied_i,      // heads whose waits are; defined while engines_idle_i
  input  logic                  starting_i,       // some head starts
  output logic [Engines-1:0]    deadlock_o,       // of the engine whose head has the lowest PC
  // front end's fault
  output logic                  fault_o,
  output logic [31:0]           fault_pc_o,
  output logic [7:0]            fault_code_o,
  output logic [15:0]           fault_tag_o,
  output logic [63:0]           fault_addr_o,
  // fault register
  input  logic                  halt_i,
  input  logic [7:0]            halt_code_i,
  input  logic [2:0]            halt_engine_i,
  input  logic [15:0]           halt_tag_i,
  input  logic [31:0]           halt_pc_i,
  input  logic [63:0]           halt_addr_i,
  output logic [31:0]           last_pc_o,        // of the fault, or of END
  // counters
  input  logic [63:0]           cycles_i,
  input  logic [63:0]           bytes_read_i,
  input  logic [63:0]           bytes_written_i,
  input  logic [63:0]           mx_rows_i,
  input  logic [63:0]           saturations_i,
  // record
  output logic                  record_o,
  output logic [63:0]           record_addr_o,
  output logic [511:0]          record_data_o,
  input  logic                  record_done_i,
  input  logic                  record_error_i
);
  localparam logic [31:0] Marker = 32'h45444E54;
  localparam int Code       = 64 * tw_isa_pkg::ROLE_CODE;
  localparam int Completion = 64 * tw_isa_pkg::ROLE_COMPLETION;

  // What others and the checks below see of the state.
  logic         busy_q, descriptor_q, check_q, run_q, count_q, send_q, ending_q, ever_q, writable_q, abort_q,
                has_budget_q;
  logic [31:0]  end_pc_q;
  logic [511:0] record_q [1];  // one row: rarely written

  //--- descriptor --------------------------------------------------------------------------------
  wire [63:0] isa_hash      = desc_i[tw_isa_pkg::JOB_DESCRIPTOR_ISA_HASH_LSB +: 64];
  wire [63:0] cfg_hash      = desc_i[tw_isa_pkg::JOB_DESCRIPTOR_CFG_HASH_LSB +: 64];
  wire [63:0] code_offset   = {desc_i[tw_isa_pkg::JOB_DESCRIPTOR_CODE_OFFSET_LSB + 6 +: 58], 6'd0};
  wire [31:0] line_count    = desc_i[tw_isa_pkg::JOB_DESCRIPTOR_LINE_COUNT_LSB +: 32];
  wire [31:0] sequence_no   = desc_i[tw_isa_pkg::JOB_DESCRIPTOR_SEQUENCE_LSB +: 32];
  wire [63:0] record_offset = {desc_i[tw_isa_pkg::JOB_DESCRIPTOR_RECORD_OFFSET_LSB + 6 +: 58], 6'd0};
  wire [63:0] budget        = desc_i[tw_isa_pkg::JOB_DESCRIPTOR_CYCLE_BUDGET_LSB +: 64];

  assign line_count_o = line_count;
  always_comb begin
    code_addr_o   = '0;
    record_addr_o = '0;
    if (ask_code_i) code_addr_o = region_base_i[Code +: 64] + code_offset;
    if (send_q) record_addr_o = region_base_i[Completion +: 64] + record_offset;
  end

  //--- CHECK -------------------------------------------------------------------------------------
  logic       record_ok;
  logic [7:0] check_code;
  always_comb begin
    record_ok  = 1'b0;
    check_code = tw_isa_pkg::FAULT_NONE;
    if (check_q) begin
      record_ok = !desc_error_i
                  && region_perm_i[3*tw_isa_pkg::ROLE_COMPLETION + tw_isa_pkg::REGION_PERM_WRITE_LSB]
                  && ({1'b0, record_offset} + 65'd64 <= {1'b0, region_limit_i[Completion +: 64]});
      if (desc_error_i)
        check_code = tw_isa_pkg::FAULT_AXI_READ;
      else if ((isa_hash != IsaHash) || (cfg_hash != CfgHash))
        check_code = tw_isa_pkg::FAULT_ISA_VERSION;
      else if (!region_perm_i[3*tw_isa_pkg::ROLE_COMPLETION + tw_isa_pkg::REGION_PERM_WRITE_LSB])
        check_code = tw_isa_pkg::FAULT_REGION_PERMISSION;
      else if (!record_ok)
        check_code = tw_isa_pkg::FAULT_REGION_BOUNDS;
      else if (!region_perm_i[3*tw_isa_pkg::ROLE_CODE + tw_isa_pkg::REGION_PERM_EXECUTE_LSB])
        check_code = tw_isa_pkg::FAULT_REGION_PERMISSION;
      else if ({1'b0, code_offset} + {27'd0, line_count, 6'd0} > {1'b0, region_limit_i[Code +: 64]})
        check_code = tw_isa_pkg::FAULT_REGION_BOUNDS;
    end
  end

  //--- faults of the job as a whole --------------------------------------------------------------
  wire running = run_q && !halt_i;
  assign live_o = running;

  logic no_end, late, aborted, unread, at_pc;
  wire  unrecorded = record_error_i && !halt_i;
  always_comb begin
    no_end  = 1'b0;
    late    = 1'b0;
    aborted = 1'b0;
    unread  = 1'b0;
    if (running) begin
      if (decode_empty_i) no_end = fetch_none_i;
      late    = has_budget_q && (cycles_i >= budget);
      aborted = abort_q;
      unread  = fetch_fault_i;
    end
  end
  assign at_pc   = late || no_end || aborted;  // these three blame the decoder's line
  assign fault_o = (check_code != tw_isa_pkg::FAULT_NONE) || decode_fault_i || unread || at_pc || unrecorded;
  always_comb begin
    fault_pc_o   = '0;
    fault_code_o = tw_isa_pkg::FAULT_NONE;
    fault_tag_o  = '0;
    fault_addr_o = '0;
    if (fault_o) begin
      if (check_code != tw_isa_pkg::FAULT_NONE) begin
        fault_code_o = check_code;
        fault_addr_o = desc_error_i ? desc_addr_i : '0;
      end else if (unrecorded) begin
        fault_pc_o   = end_pc_q;
        fault_code_o = tw_isa_pkg::FAULT_AXI_WRITE;
        fault_addr_o = record_addr_o;
      end else if (decode_fault_i) begin
        fault_pc_o   = decode_pc_i;
        fault_code_o = decode_code_i;
        fault_tag_o  = decode_tag_i;
        fault_addr_o = decode_addr_i;
      end else if (unread && (!at_pc || (fetch_fault_pc_i == decode_pc_i))) begin
        fault_pc_o   = fetch_fault_pc_i;
        fault_code_o = tw_isa_pkg::FAULT_AXI_READ;
        fault_addr_o = fetch_fault_addr_i;
      end else begin
        fault_pc_o   = decode_pc_i;
        fault_code_o = late ? tw_isa_pkg::FAULT_CYCLE_BUDGET
                     : no_end ? tw_isa_pkg::FAULT_NO_END : tw_isa_pkg::FAULT_ABORTED;
      end
    end
  end

  logic [31:0] lowest;
  always_comb begin
    deadlock_o = '0;
    lowest     = '1;
    if (engines_idle_i) begin
      if (running && decode_blocked_i && (head_valid_i != '0) && (satisfied_i == '0)) begin
        for (int e = 0; e < Engines; e++) begin
          if (head_valid_i[e] && (head_pc_i[e*32 +: 32] < lowest)) begin
            lowest     = head_pc_i[e*32 +: 32];
            deadlock_o = Engines'(1) << e;
          end
        end
      end
    end
  end

  //--- states ------------------------------------------------------------------------------------
  // finish_o: the job's last cycle. No record is written, or its response has come; a prefetched line may still be on
  // its way.
  logic drained, job_end;
  always_comb begin
    drained = 1'b0;
    if (halt_i) drained = run_q && engines_idle_i && !starting_i;
    job_end  = drained || decode_end_i;
    finish_o = 1'b0;
    if (job_end || ending_q)
      finish_o = reads_idle_i && ((job_end && !writable_q) || (ending_q && (!send_q || record_done_i)));
  end

  assign start_o       = doorbell_i && !busy_q;
  assign busy_o        = busy_q;
  assign done_o        = ever_q && !busy_q;
  assign descriptor_o  = descriptor_q;
  assign count_o       = count_q;
  assign record_o      = send_q;
  assign record_data_o = record_q[0];
  assign last_pc_o     = halt_i ? halt_pc_i : end_pc_q;

  // State of this process alone, updated in place. Send and Settle are the job's end: ending_q.
  typedef enum logic [2:0] {Done, Desc, Check, Run, Record, Send, Settle} state_e;
  state_e state;
  logic   moves;   // the state changes, or may, without what the next condition names
  always_ff @(posedge clk_i) begin
    if (moves || start_o || desc_done_i || job_end || abort_i) begin
      case (state)
        Done: if (start_o) begin
          state    = Desc;
          end_pc_q <= '0;
          abort_q  <= 1'b0;
          ever_q   <= 1'b0;
        end
        Desc: if (desc_done_i) begin
          state = Check;
          has_budget_q <= 1'b0;
        end
        Check: begin
          state        = Run;
          writable_q   <= record_ok;
          has_budget_q <= budget != '0;
        end
        Run: if (job_end) begin
          state = writable_q ? Record : Settle;
          if (!drained) end_pc_q <= decode_pc_i;
        end
        Record: begin
          state = Send;
          record_q[0] <= {saturations_i, mx_rows_i << (2 * $clog2(N)), bytes_written_i, bytes_read_i, cycles_i,
                          halt_addr_i, Marker, last_pc_o, halt_tag_i, 5'd0, halt_engine_i, halt_code_i, sequence_no};
        end
        Send: if (record_done_i) state = Settle;
        default: ;
      endcase
      if (abort_i && busy_q) abort_q <= 1'b1;
      if (finish_o) begin
        state  = Done;
        ever_q <= 1'b1;
      end
      moves        = (state != Done) && (state != Desc) && (state != Run);
      busy_q       <= state != Done;
      descriptor_q <= state == Desc;
      check_q      <= state == Check;
      run_q        <= state == Run;
      count_q      <= (state == Desc) || (state == Check) || (state == Run);
      send_q       <= state == Send;
      ending_q     <= (state == Send) || (state == Settle);
    end
    if (!rst_ni) begin
      state        = Done;
      moves        = 1'b0;
      ever_q       <= 1'b0;
      abort_q      <= 1'b0;
      writable_q   <= 1'b0;
      end_pc_q     <= '0;
      busy_q       <= 1'b0;
      descriptor_q <= 1'b0;
      check_q      <= 1'b0;
      run_q        <= 1'b0;
      count_q      <= 1'b0;
      send_q       <= 1'b0;
      ending_q     <= 1'b0;
    end
  end
endmodule
