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
  output logic                  run_o,
  output logic                  count_o,          // counters count
  // fetch
  input  logic [511:0]          desc_i,
  input  logic                  desc_done_i,
  input  logic                  desc_error_i,
  input  logic [63:0]           desc_addr_i,
  output logic [63:0]           code_addr_o,
  output logic [31:0]           line_count_o,
  input  logic                  fetch_none_i,
  input  logic                  fetch_fault_i,
  input  logic [31:0]           fetch_fault_pc_i,
  input  logic [63:0]           fetch_fault_addr_i,
  input  logic                  reads_idle_i,     // no read burst is outstanding
  // decode
  input  logic [31:0]           decode_pc_i,
  input  logic                  decode_empty_i,
  input  logic                  decode_blocked_i,
  input  logic                  decode_end_i,
  input  logic                  decode_fault_i,
  input  logic [7:0]            decode_code_i,
  input  logic [63:0]           decode_addr_i,
  input  logic [15:0]           decode_tag_i,
  // engines
  input  logic                  engines_idle_i,
  input  logic [Engines-1:0]    head_valid_i,
  input  logic [Engines*32-1:0] head_pc_i,
  input  logic [Engines-1:0]    satisfied_i,
  input  logic [Engines-1:0]    start_i,
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
  input  logic                  record_done_i
);
  localparam logic [31:0] Marker = 32'h45444E54;
  localparam int Code       = 64 * tw_isa_pkg::ROLE_CODE;
  localparam int Completion = 64 * tw_isa_pkg::ROLE_COMPLETION;

  typedef enum logic [2:0] {Done, Desc, Check, Run, Record, Send, Settle} state_e;
  state_e      state_q;
  logic        ever_q, writable_q, abort_q;
  logic [31:0] end_pc_q;
  logic [511:0] record_q;

  //--- descriptor --------------------------------------------------------------------------------
  wire [63:0] isa_hash      = desc_i[tw_isa_pkg::JOB_DESCRIPTOR_ISA_HASH_LSB +: 64];
  wire [63:0] cfg_hash      = desc_i[tw_isa_pkg::JOB_DESCRIPTOR_CFG_HASH_LSB +: 64];
  wire [63:0] code_offset   = {desc_i[tw_isa_pkg::JOB_DESCRIPTOR_CODE_OFFSET_LSB + 6 +: 58], 6'd0};
  wire [31:0] line_count    = desc_i[tw_isa_pkg::JOB_DESCRIPTOR_LINE_COUNT_LSB +: 32];
  wire [31:0] sequence_no   = desc_i[tw_isa_pkg::JOB_DESCRIPTOR_SEQUENCE_LSB +: 32];
  wire [63:0] record_offset = {desc_i[tw_isa_pkg::JOB_DESCRIPTOR_RECORD_OFFSET_LSB + 6 +: 58], 6'd0};
  wire [63:0] budget        = desc_i[tw_isa_pkg::JOB_DESCRIPTOR_CYCLE_BUDGET_LSB +: 64];

  assign code_addr_o   = region_base_i[Code +: 64] + code_offset;
  assign line_count_o  = line_count;
  assign record_addr_o = region_base_i[Completion +: 64] + record_offset;

  //--- CHECK -------------------------------------------------------------------------------------
  logic       record_ok;
  logic [7:0] check_code;
  always_comb begin
    record_ok  = 1'b0;
    check_code = tw_isa_pkg::FAULT_NONE;
    if (state_q == Check) begin
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
  wire running = (state_q == Run) && !halt_i;
  wire no_end  = running && decode_empty_i && fetch_none_i;
  wire late    = running && (budget != '0) && (cycles_i >= budget);
  wire aborted = running && abort_q;
  wire unread  = running && fetch_fault_i;
  wire at_pc   = late || no_end || aborted;  // these three blame the decoder's line

  assign fault_o = (check_code != tw_isa_pkg::FAULT_NONE) || decode_fault_i || unread || at_pc;
  always_comb begin
    fault_pc_o   = '0;
    fault_code_o = tw_isa_pkg::FAULT_NONE;
    fault_tag_o  = '0;
    fault_addr_o = '0;
    if (fault_o) begin
      if (check_code != tw_isa_pkg::FAULT_NONE) begin
        fault_code_o = check_code;
        fault_addr_o = desc_error_i ? desc_addr_i : '0;
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
    if (running && engines_idle_i && decode_blocked_i && (head_valid_i != '0) && (satisfied_i == '0)) begin
      for (int e = 0; e < Engines; e++) begin
        if (head_valid_i[e] && (head_pc_i[e*32 +: 32] < lowest)) begin
          lowest     = head_pc_i[e*32 +: 32];
          deadlock_o = Engines'(1) << e;
        end
      end
    end
  end

  //--- states ------------------------------------------------------------------------------------
  wire drained = (state_q == Run) && halt_i && engines_idle_i && (start_i == '0);
  wire job_end = drained || ((state_q == Run) && decode_end_i);

  assign start_o      = doorbell_i && (state_q == Done);
  assign busy_o       = state_q != Done;
  assign done_o       = (state_q == Done) && ever_q;
  assign descriptor_o = state_q == Desc;
  assign run_o        = state_q == Run;
  assign count_o      = (state_q == Desc) || (state_q == Check) || (state_q == Run);
  assign record_o     = state_q == Send;
  assign record_data_o = record_q;
  assign last_pc_o    = halt_i ? halt_pc_i : end_pc_q;

  // The job's last state before DONE: no record, or its response has come; a prefetched line may still be on its way.
  wire settled = ((state_q == Settle) || ((state_q == Send) && record_done_i)
                  || (job_end && !writable_q)) && reads_idle_i;
  assign finish_o = settled;

  always_ff @(posedge clk_i) begin
    unique case (state_q)
      Done: if (doorbell_i) begin
        state_q  <= Desc;
        end_pc_q <= '0;
      end
      Desc: if (desc_done_i) state_q <= Check;
      Check: begin
        state_q    <= Run;
        writable_q <= record_ok;
      end
      Run: if (job_end) begin
        state_q <= writable_q ? Record : settled ? Done : Settle;
        if (!drained) end_pc_q <= decode_pc_i;
      end
      Record: begin
        state_q <= Send;
        record_q <= {saturations_i, mx_rows_i << (2 * $clog2(N)), bytes_written_i, bytes_read_i, cycles_i,
                     halt_addr_i, Marker, last_pc_o, halt_tag_i, 5'd0, halt_engine_i, halt_code_i, sequence_no};
      end
      Send: if (record_done_i) state_q <= settled ? Done : Settle;
      default: if (settled) state_q <= Done;
    endcase
    if (start_o) abort_q <= 1'b0;
    else if (abort_i && busy_o) abort_q <= 1'b1;
    if (finish_o) ever_q <= 1'b1;
    else if (start_o) ever_q <= 1'b0;
    if (!rst_ni) begin
      state_q    <= Done;
      ever_q     <= 1'b0;
      abort_q    <= 1'b0;
      writable_q <= 1'b0;
      end_pc_q   <= '0;
    end
  end
endmodule
