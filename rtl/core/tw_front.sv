// SPDX-License-Identifier: Apache-2.0
// Front end: registers, life of a job, fetch, decode, one queue per engine, semaphores, fault register, counters. It
// starts instructions and hears when they end; it knows nothing of what they do. Engines count as in tw_isa_pkg.
module tw_front #(
  parameter int          N          = 16,
  parameter int          AxiBytes   = 16,
  parameter int          SpmBytes   = 262144,
  parameter int          AccRows    = 1024,
  parameter int          ParamRows  = 256,
  parameter int          LutBanks   = 8,
  parameter int          FetchLines = 4,
  parameter int          QueueDepth = 4,
  parameter int          LoadDepth  = 4,
  parameter logic [63:0] CfgHash    = 64'd0,
  localparam int         Engines    = tw_isa_pkg::ENGINES - 1
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  // AXI4-Lite
  input  logic                  s_awvalid_i,
  output logic                  s_awready_o,
  input  logic [15:0]           s_awaddr_i,
  input  logic                  s_wvalid_i,
  output logic                  s_wready_o,
  input  logic [31:0]           s_wdata_i,
  input  logic [3:0]            s_wstrb_i,
  output logic                  s_bvalid_o,
  input  logic                  s_bready_i,
  output logic [1:0]            s_bresp_o,
  input  logic                  s_arvalid_i,
  output logic                  s_arready_o,
  input  logic [15:0]           s_araddr_i,
  output logic                  s_rvalid_o,
  input  logic                  s_rready_i,
  output logic [31:0]           s_rdata_o,
  output logic [1:0]            s_rresp_o,
  output logic                  irq_o,
  output logic                  busy_o,
  // read port: requests and what comes back
  output logic                  req_o,
  output logic [63:0]           req_addr_o,
  input  logic                  gnt_i,
  input  logic                  beat_i,
  input  logic                  beat_last_i,
  input  logic                  beat_error_i,
  input  logic [AxiBytes*8-1:0] beat_data_i,
  input  logic                  reads_idle_i,
  // completion record
  output logic                  record_o,
  output logic [63:0]           record_addr_o,
  output logic [511:0]          record_data_o,
  input  logic                  record_done_i,
  input  logic                  record_error_i,
  // engines
  output logic                  clear_o,          // reset, or a job begins
  output logic [8*64-1:0]       region_base_o,
  output logic                  la_start_o,
  output logic                  lw_start_o,
  output logic                  mx_start_o,
  output logic                  rq_start_o,
  output logic                  vx_start_o,
  output logic                  st_start_o,
  output logic [511:0]          la_line_o,        // the head of each queue
  output logic [511:0]          lw_line_o,
  output logic [511:0]          mx_line_o,
  output logic [511:0]          rq_line_o,
  output logic [511:0]          vx_line_o,
  output logic [511:0]          st_line_o,
  input  logic                  la_can_take_i,
  input  logic                  lw_can_take_i,
  input  logic                  mx_can_take_i,
  input  logic                  rq_can_take_i,
  input  logic                  vx_can_take_i,
  input  logic                  st_can_take_i,
  input  logic                  la_idle_i,
  input  logic                  lw_idle_i,
  input  logic                  mx_idle_i,
  input  logic                  rq_idle_i,
  input  logic                  vx_idle_i,
  input  logic                  st_idle_i,
  input  logic                  la_end_i,
  input  logic                  lw_end_i,
  input  logic                  mx_end_i,
  input  logic                  rq_end_i,
  input  logic                  vx_end_i,
  input  logic                  st_end_i,
  input  logic [Engines-1:0]    fault_i,          // of the oldest instruction
  input  logic [7:0]            rq_code_i,
  input  logic [7:0]            vx_code_i,
  input  logic [63:0]           la_addr_i,
  input  logic [63:0]           lw_addr_i,
  input  logic [63:0]           st_addr_i,
  // what is counted
  input  logic [Engines-1:0]    lost_i,           // a request of the engine lost
  input  logic                  st_moves_i,       // the store engine is not waiting
  input  logic                  fill_i,           // LA writes a row of a fill
  input  logic [8:0]            conflicts_i,      // clients of the SPM that lost
  input  logic                  beat_la_i,
  input  logic                  beat_lw_i,
  input  logic                  beat_st_i,
  input  logic                  read_last_i,      // the beat is its burst's last
  input  logic [31:0]           read_time_i,      // when the burst began
  input  logic                  write_done_i,     // a burst of a store is complete
  input  logic [31:0]           write_time_i,
  output logic [31:0]           time_o,           // cycle of the job
  input  logic                  mx_row_i,
  input  logic                  rq_sat_i,
  input  logic [7:0]            rq_sat_count_i,
  input  logic                  vx_sat_i,
  input  logic [7:0]            vx_sat_count_i
);
  localparam int La = 32'(tw_isa_pkg::ENGINE_LA);
  localparam int Lw = 32'(tw_isa_pkg::ENGINE_LW);
  localparam int Mx = 32'(tw_isa_pkg::ENGINE_MX);
  localparam int Rq = 32'(tw_isa_pkg::ENGINE_RQ);
  localparam int Vx = 32'(tw_isa_pkg::ENGINE_VX);
  localparam int St = 32'(tw_isa_pkg::ENGINE_ST);

  //--- registers and job -------------------------------------------------------------------------
  logic            serial, doorbell, abort, busy, done, finish, clear, state_desc, live, count;
  logic [63:0]     job_addr, code_addr;
  logic [31:0]     line_count, last_pc;
  logic [8*64-1:0] region_base, region_limit;
  logic [8*3-1:0]  region_perm;
  logic            halt;
  logic [7:0]      halt_code;
  logic [2:0]      halt_engine;
  logic [15:0]     halt_tag;
  logic [31:0]     halt_pc;
  logic [63:0]     halt_addr;
  logic            counter_en;
  logic [5:0]      counter_index;
  logic [63:0]     counter_data;
  wire   restart       = clear || !rst_ni;
  assign busy_o        = busy;
  assign clear_o       = restart;
  assign region_base_o = region_base;

  tw_regs #(.IsaHash(tw_isa_pkg::ISA_HASH), .CfgHash(CfgHash)) u_regs (
    .clk_i,
    .rst_ni,
    .awvalid_i      (s_awvalid_i),
    .awready_o      (s_awready_o),
    .awaddr_i       (s_awaddr_i),
    .wvalid_i       (s_wvalid_i),
    .wready_o       (s_wready_o),
    .wdata_i        (s_wdata_i),
    .wstrb_i        (s_wstrb_i),
    .bvalid_o       (s_bvalid_o),
    .bready_i       (s_bready_i),
    .bresp_o        (s_bresp_o),
    .arvalid_i      (s_arvalid_i),
    .arready_o      (s_arready_o),
    .araddr_i       (s_araddr_i),
    .rvalid_o       (s_rvalid_o),
    .rready_i       (s_rready_i),
    .rdata_o        (s_rdata_o),
    .rresp_o        (s_rresp_o),
    .serial_o       (serial),
    .job_addr_o     (job_addr),
    .doorbell_o     (doorbell),
    .abort_o        (abort),
    .region_base_o  (region_base),
    .region_limit_o (region_limit),
    .region_perm_o  (region_perm),
    .busy_i         (busy),
    .done_i         (done),
    .finish_i       (finish),
    .fault_code_i   (halt_code),
    .fault_engine_i (halt_engine),
    .fault_tag_i    (halt_tag),
    .fault_pc_i     (last_pc),
    .fault_addr_i   (halt_addr),
    .irq_o,
    .counter_en_o   (counter_en),
    .counter_index_o(counter_index),
    .counter_i      (counter_data)
  );

  //--- fetch, decode, job ------------------------------------------------------------------------
  logic               line_valid, line_take, fetch_none, fetch_fault;
  logic [63:0]        fetch_fault_addr;
  logic [31:0]        fetch_fault_pc;
  logic [31:0]        decode_pc;
  logic [511:0]       descriptor;
  logic [511:0]       line;
  logic               desc_done, desc_error;
  logic               decode_empty, decode_ready, leave, decode_end, decode_fault, sem_zero;
  logic               fe_leave /*verilator public_flat_rd*/;
  logic [7:0]         decode_code;
  logic [63:0]        decode_fault_addr;
  logic                  starting, ending;  // some instruction does
  logic [Engines-1:0]    push, full, queued, satisfied, overflow, starting_all, ending_all;
  logic [Engines*32-1:0] head_pc, head_name, head_waits, old_pc, old_name, old_posts;

  wire [Engines-1:0] idle = {st_idle_i, vx_idle_i, rq_idle_i, mx_idle_i, lw_idle_i, la_idle_i};
  wire engines_idle = &idle;
  wire all_idle     = engines_idle && (queued == '0);

  tw_fetch #(.AxiBytes(AxiBytes), .Lines(FetchLines)) u_fetch (
    .clk_i,
    .clear_i           (restart),
    .descriptor_i      (state_desc),
    .run_i             (live),
    .job_addr_i        (job_addr),
    .code_addr_i       (code_addr),
    .line_count_i      (line_count),
    .req_o,
    .req_addr_o,
    .gnt_i,
    .beat_i,
    .beat_last_i,
    .beat_error_i,
    .beat_data_i,
    .descriptor_o      (descriptor),
    .descriptor_done_o (desc_done),
    .descriptor_error_o(desc_error),
    .valid_o           (line_valid),
    .line_o            (line),
    .take_i            (line_take),
    .none_o            (fetch_none),
    .fault_o           (fetch_fault),
    .fault_pc_o        (fetch_fault_pc),
    .fault_addr_o      (fetch_fault_addr)
  );

  tw_decode #(
    .N        (N),
    .Engines  (Engines),
    .SpmBytes (SpmBytes),
    .AccRows  (AccRows),
    .ParamRows(ParamRows),
    .LutBanks (LutBanks)
  ) u_decode (
    .clk_i,
    .clear_i       (restart),
    .halt_i        (halt),
    .live_i        (live),
    .serial_i      (serial),
    .valid_i       (line_valid),
    .line_i        (line),
    .take_o        (line_take),
    .region_limit_i(region_limit),
    .region_perm_i (region_perm),
    .full_i        (full),
    .all_idle_i    (all_idle),
    .push_o        (push),
    .pc_o          (decode_pc),
    .empty_o       (decode_empty),
    .ready_o       (decode_ready),
    .leave_o       (leave),
    .fe_leave_o    (fe_leave),
    .end_o         (decode_end),
    .sem_zero_i    (sem_zero),
    .fault_o       (decode_fault),
    .fault_code_o  (decode_code),
    .fault_addr_o  (decode_fault_addr)
  );

  logic               fe_fault;
  logic [31:0]        fe_fault_pc;
  logic [7:0]         fe_fault_code;
  logic [15:0]        fe_fault_tag;
  logic [63:0]        fe_fault_addr;
  logic [Engines-1:0] deadlock;
  logic [63:0]        cycles, bytes_read, bytes_written, mx_rows, saturations;

  tw_job #(
    .Engines(Engines),
    .N      (N),
    .IsaHash(tw_isa_pkg::ISA_HASH),
    .CfgHash(CfgHash)
  ) u_job (
    .clk_i,
    .rst_ni,
    .doorbell_i        (doorbell),
    .abort_i           (abort),
    .region_base_i     (region_base),
    .region_limit_i    (region_limit),
    .region_perm_i     (region_perm),
    .start_o           (clear),
    .busy_o            (busy),
    .done_o            (done),
    .finish_o          (finish),
    .descriptor_o      (state_desc),
    .live_o            (live),
    .count_o           (count),
    .desc_i            (descriptor),
    .desc_done_i       (desc_done),
    .desc_error_i      (desc_error),
    .desc_addr_i       (job_addr),
    .ask_code_i        (req_o || fetch_fault),
    .code_addr_o       (code_addr),
    .line_count_o      (line_count),
    .fetch_none_i      (fetch_none),
    .fetch_fault_i     (fetch_fault),
    .fetch_fault_pc_i  (fetch_fault_pc),
    .fetch_fault_addr_i(fetch_fault_addr),
    .reads_idle_i,
    .decode_pc_i       (decode_pc),
    .decode_empty_i    (decode_empty),
    .decode_blocked_i  (decode_ready && !leave),
    .decode_end_i      (decode_end),
    .decode_fault_i    (decode_fault),
    .decode_code_i     (decode_code),
    .decode_addr_i     (decode_fault_addr),
    .decode_tag_i      (line[tw_isa_pkg::HDR_TAG_LSB +: 16]),
    .engines_idle_i    (engines_idle),
    .head_valid_i      (queued),
    .head_pc_i         (head_pc),
    .satisfied_i       (satisfied),
    .starting_i        (starting),
    .deadlock_o        (deadlock),
    .fault_o           (fe_fault),
    .fault_pc_o        (fe_fault_pc),
    .fault_code_o      (fe_fault_code),
    .fault_tag_o       (fe_fault_tag),
    .fault_addr_o      (fe_fault_addr),
    .halt_i            (halt),
    .halt_code_i       (halt_code),
    .halt_engine_i     (halt_engine),
    .halt_tag_i        (halt_tag),
    .halt_pc_i         (halt_pc),
    .halt_addr_i       (halt_addr),
    .last_pc_o         (last_pc),
    .cycles_i          (cycles),
    .bytes_read_i      (bytes_read),
    .bytes_written_i   (bytes_written),
    .mx_rows_i         (mx_rows),
    .saturations_i     (saturations),
    .record_o,
    .record_addr_o,
    .record_data_o,
    .record_done_i,
    .record_error_i
  );

  //--- queues and semaphores ---------------------------------------------------------------------
  // Nothing of it changes but in a cycle in which an instruction is pushed, starts or ends.
  localparam int SemBits = $clog2(tw_isa_pkg::SEMAPHORE_MAX + 1);
  logic [SemBits*tw_isa_pkg::SEMAPHORES-1:0] sem_next;  // bit planes
  assign starting = gen_issue[La].starts || gen_issue[Lw].starts || gen_issue[Mx].starts || gen_issue[Rq].starts
                    || gen_issue[Vx].starts || gen_issue[St].starts;
  assign ending   = la_end_i || lw_end_i || mx_end_i || rq_end_i || vx_end_i || st_end_i;
  wire wake     = starting || ending || (push != '0);

  for (genvar e = 0; e < Engines; e++) begin : gen_issue
    localparam int Flight = ((e == La) || (e == Lw)) ? LoadDepth : (e == Mx) ? 4 : 1;
    logic         ok, is_full;
    logic [31:0]  pc, posts;
    logic         starts /*verilator public_flat_rd*/;
    logic         ends /*verilator public_flat_rd*/;
    logic [31:0]  first_pc, first_name;  // of the oldest in flight
    logic [511:0] head;
    assign ends = (e == La) ? la_end_i : (e == Lw) ? lw_end_i : (e == Mx) ? mx_end_i
                : (e == Rq) ? rq_end_i : (e == Vx) ? vx_end_i : st_end_i;
    wire can_take = (e == La) ? la_can_take_i : (e == Lw) ? lw_can_take_i : (e == Mx) ? mx_can_take_i
                  : (e == Rq) ? rq_can_take_i : (e == Vx) ? vx_can_take_i : st_can_take_i;
    always_comb begin
      starts = 1'b0;
      if (ok) begin
        starts = can_take;
        if (halt && (pc >= halt_pc)) starts = 1'b0;
      end
    end
    tw_issue #(.Depth(QueueDepth), .Flight(Flight)) u_issue (
      .clk_i,
      .clear_i    (restart),
      .wake_i     (wake),
      .push_i     (push[e]),
      .pc_i       (decode_pc),
      .line_i     (line),
      .full_o     (is_full),
      .valid_o    (queued[e]),
      .ok_o       (ok),
      .head_pc_o  (pc),
      .head_line_o(head),
      .start_i    (starts),
      .sem_d_i    (sem_next),
      .end_i      (ends),
      .old_pc_o   (first_pc),
      .old_name_o (first_name),
      .old_posts_o(posts)
    );
  end
  assign la_line_o  = gen_issue[La].head;
  assign la_start_o = gen_issue[La].starts;
  assign lw_line_o  = gen_issue[Lw].head;
  assign lw_start_o = gen_issue[Lw].starts;
  assign mx_line_o  = gen_issue[Mx].head;
  assign mx_start_o = gen_issue[Mx].starts;
  assign rq_line_o  = gen_issue[Rq].head;
  assign rq_start_o = gen_issue[Rq].starts;
  assign vx_line_o  = gen_issue[Vx].head;
  assign vx_start_o = gen_issue[Vx].starts;
  assign st_line_o  = gen_issue[St].head;
  assign st_start_o = gen_issue[St].starts;

  // Put together only in cycles in which somebody looks.
  wire look_at_names = fe_fault || (fault_i != '0) || (overflow != '0) || (deadlock != '0);
  always_comb begin
    full = '0;
    if (decode_ready)
      full = {gen_issue[St].is_full, gen_issue[Vx].is_full, gen_issue[Rq].is_full, gen_issue[Mx].is_full,
              gen_issue[Lw].is_full, gen_issue[La].is_full};
  end
  always_comb begin
    head_pc   = '0;
    satisfied = '0;
    if (engines_idle) begin
      satisfied = {gen_issue[St].ok, gen_issue[Vx].ok, gen_issue[Rq].ok, gen_issue[Mx].ok, gen_issue[Lw].ok,
                   gen_issue[La].ok};
      head_pc = {gen_issue[St].pc, gen_issue[Vx].pc, gen_issue[Rq].pc, gen_issue[Mx].pc, gen_issue[Lw].pc,
                 gen_issue[La].pc};
    end
  end
  always_comb begin
    starting_all = '0;
    head_waits   = '0;
    if (starting) begin
      starting_all = {gen_issue[St].starts, gen_issue[Vx].starts, gen_issue[Rq].starts, gen_issue[Mx].starts,
                      gen_issue[Lw].starts, gen_issue[La].starts};
      head_waits = {waits(gen_issue[St].head), waits(gen_issue[Vx].head), waits(gen_issue[Rq].head),
                    waits(gen_issue[Mx].head), waits(gen_issue[Lw].head), waits(gen_issue[La].head)};
    end
  end
  always_comb begin
    ending_all = '0;
    old_posts  = '0;
    if (ending) begin
      ending_all = {st_end_i, vx_end_i, rq_end_i, mx_end_i, lw_end_i, la_end_i};
      old_posts = {gen_issue[St].posts, gen_issue[Vx].posts, gen_issue[Rq].posts, gen_issue[Mx].posts,
                   gen_issue[Lw].posts, gen_issue[La].posts};
    end
  end
  always_comb begin
    head_name = '0;
    old_pc    = '0;
    old_name  = '0;
    if (look_at_names) begin
      head_name = {8'd0, gen_issue[St].head[23:0], 8'd0, gen_issue[Vx].head[23:0], 8'd0, gen_issue[Rq].head[23:0],
                   8'd0, gen_issue[Mx].head[23:0], 8'd0, gen_issue[Lw].head[23:0], 8'd0, gen_issue[La].head[23:0]};
      old_pc    = {gen_issue[St].first_pc, gen_issue[Vx].first_pc, gen_issue[Rq].first_pc, gen_issue[Mx].first_pc,
                   gen_issue[Lw].first_pc, gen_issue[La].first_pc};
      old_name  = {gen_issue[St].first_name, gen_issue[Vx].first_name, gen_issue[Rq].first_name,
                   gen_issue[Mx].first_name, gen_issue[Lw].first_name, gen_issue[La].first_name};
    end
  end
  function automatic logic [31:0] waits(input logic [511:0] head);
    waits = {5'd0, head[tw_isa_pkg::HDR_WAIT0_VALID_LSB +: 27]};
  endfunction

  tw_sem #(.Engines(Engines)) u_sem (
    .clk_i,
    .clear_i    (restart),
    .wake_i     (wake),
    .start_i    (starting_all),
    .waits_i    (head_waits),
    .end_i      (ending_all),
    .posts_i    (old_posts),
    .ovf_o      (overflow),
    .next_o     (sem_next),
    .zero_o     (sem_zero)
  );

  tw_fault #(.Engines(Engines)) u_fault (
    .clk_i,
    .clear_i    (restart),
    .en_i       (count || record_o),
    .overflow_i (overflow),
    .deadlock_i (deadlock),
    .own_i      (fault_i),
    .rq_code_i,
    .vx_code_i,
    .la_addr_i,
    .lw_addr_i,
    .st_addr_i,
    .old_pc_i   (old_pc),
    .old_name_i (old_name),
    .head_pc_i  (head_pc),
    .head_name_i(head_name),
    .fe_i       (fe_fault),
    .fe_pc_i    (fe_fault_pc),
    .fe_code_i  (fe_fault_code),
    .fe_tag_i   (fe_fault_tag),
    .fe_addr_i  (fe_fault_addr),
    .valid_o    (halt),
    .pc_o       (halt_pc),
    .code_o     (halt_code),
    .engine_o   (halt_engine),
    .tag_o      (halt_tag),
    .addr_o     (halt_addr)
  );

  //--- counters and trace --------------------------------------------------------------------------
  tw_counters #(.Engines(Engines), .AxiBytes(AxiBytes)) u_counters (
    .clk_i,
    .clear_i        (restart),
    .count_i        (count),
    .idle_i         (idle),
    .queued_i       (queued),
    .start_i        (starting_all),
    .lost_i,
    .st_moves_i,
    .fill_i,
    .line_i         (leave),
    .beat_la_i,
    .beat_lw_i,
    .beat_fe_i      (beat_i),
    .beat_st_i,
    .read_last_i,
    .read_time_i,
    .write_done_i,
    .write_time_i,
    .mx_row_i,
    .rq_sat_i,
    .rq_sat_count_i,
    .vx_sat_i,
    .vx_sat_count_i,
    .conflicts_i,
    .rd_en_i        (counter_en),
    .rd_index_i     (counter_index),
    .rd_data_o      (counter_data),
    .cycles_o       (cycles),
    .bytes_read_o   (bytes_read),
    .bytes_written_o(bytes_written),
    .mx_rows_o      (mx_rows),
    .saturations_o  (saturations)
  );


  assign time_o = cycles[31:0];

  logic event_now /*verilator public_flat_rd*/;  // for the trace
  assign event_now = starting || ending || fe_leave;
endmodule
