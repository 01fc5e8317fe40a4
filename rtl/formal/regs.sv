// SPDX-License-Identifier: Apache-2.0
// The registers' AXI4-Lite port (tw_regs): its handshakes are exactly those of docs/timing.md, section 10, whatever the
// host and the machine do. Induction of one cycle: over any number of cycles.
//
// The definition counts what was accepted and not yet answered, from past cycles alone; that each ready equals it says
// that no ready hangs on a signal of the host. A response stays as it is until it is taken; a write happens once for
// each pair of an address and data, with those that were accepted, and changes the bytes of its strobes, here of the
// job's address; the doorbell rings with a write of it, and only then. Nothing is assumed.
module regs_formal (
  input logic        clk_i,
  input logic        awvalid_i,
  input logic [15:0] awaddr_i,
  input logic        wvalid_i,
  input logic [31:0] wdata_i,
  input logic [3:0]  wstrb_i,
  input logic        bready_i,
  input logic        arvalid_i,
  input logic [15:0] araddr_i,
  input logic        rready_i,
  input logic        busy_i,
  input logic        done_i,
  input logic        finish_i,
  input logic [7:0]  fault_code_i,
  input logic [31:0] fault_pc_i,
  input logic [63:0] fault_addr_i,
  input logic [63:0] counter_i
);
  logic         started = 1'b0;
  logic         awready, wready, bvalid, arready, rvalid, serial, doorbell, abort, irq, counter_en;
  logic [31:0]  rdata;
  logic [1:0]   bresp, rresp;
  logic [63:0]  job_addr;
  logic [511:0] base, limit;
  logic [23:0]  perm;
  logic [5:0]   counter_index;
  tw_regs u_regs (
    .clk_i, .rst_ni(started), .awvalid_i, .awready_o(awready), .awaddr_i, .wvalid_i, .wready_o(wready), .wdata_i,
    .wstrb_i, .bvalid_o(bvalid), .bready_i, .bresp_o(bresp), .arvalid_i, .arready_o(arready), .araddr_i,
    .rvalid_o(rvalid), .rready_i, .rdata_o(rdata), .rresp_o(rresp), .serial_o(serial), .job_addr_o(job_addr),
    .doorbell_o(doorbell), .abort_o(abort), .region_base_o(base), .region_limit_o(limit), .region_perm_o(perm),
    .busy_i, .done_i, .finish_i, .fault_code_i, .fault_engine_i(3'd0), .fault_tag_i(16'd0), .fault_pc_i,
    .fault_addr_i, .irq_o(irq), .counter_en_o(counter_en), .counter_index_o(counter_index), .counter_i
  );

  // The definition.
  logic        has_address, has_data, answers, reads, replies;  // kept or unanswered, from past cycles alone
  logic [15:0] address;
  logic [31:0] data;
  logic [3:0]  strobes;
  logic [57:0] job;
  wire take_address = awvalid_i && !has_address && !answers;
  wire take_data    = wvalid_i && !has_data && !answers;
  wire happens      = (has_address || take_address) && (has_data || take_data);
  wire [15:0] at    = (has_address ? address : awaddr_i) & 16'hFFFC;
  wire [31:0] value = has_data ? data : wdata_i;
  wire [3:0]  bytes = has_data ? strobes : wstrb_i;
  wire [31:0] mask  = {{8{bytes[3]}}, {8{bytes[2]}}, {8{bytes[1]}}, {8{bytes[0]}}};
  wire changes      = happens && !busy_i;
  always_ff @(posedge clk_i) begin
    started <= 1'b1;
    if (!started) begin
      {has_address, has_data, answers, reads, replies} <= '0;
      job <= '0;
    end else begin
      if (take_address) address <= awaddr_i;
      if (take_data) {data, strobes} <= {wdata_i, wstrb_i};
      has_address <= (has_address || take_address) && !happens;
      has_data    <= (has_data || take_data) && !happens;
      answers     <= happens || (answers && !bready_i);
      reads       <= arvalid_i && !reads && !replies;
      replies     <= reads || (replies && !rready_i);
      if (changes && (at == 16'(tw_isa_pkg::REG_JOB_LO)))
        job[25:0] <= (job[25:0] & ~mask[31:6]) | (value[31:6] & mask[31:6]);
      if (changes && (at == 16'(tw_isa_pkg::REG_JOB_HI))) job[57:26] <= (job[57:26] & ~mask) | (value & mask);
    end
  end

  // Responses that wait.
  logic        stalled_write, stalled_read;
  logic [1:0]  old_bresp, old_rresp;
  logic [31:0] old_rdata;
  always_ff @(posedge clk_i) begin
    stalled_write <= started && bvalid && !bready_i;
    stalled_read  <= started && rvalid && !rready_i;
    old_bresp     <= bresp;
    old_rresp     <= rresp;
    old_rdata     <= rdata;
  end

  (* hierconn *) wire [15:0] \u_regs.awaddr_q ;
  (* hierconn *) wire [31:0] \u_regs.wdata_q ;
  (* hierconn *) wire [3:0]  \u_regs.wstrb_q ;
  (* hierconn *) wire        \u_regs.pending_q ;
  always_comb begin
    if (started) begin
      address_ready: assert (awready == (!has_address && !answers));
      data_ready: assert (wready == (!has_data && !answers));
      write_answered: assert (bvalid == answers);
      read_ready: assert (arready == (!reads && !replies));
      read_answered: assert (rvalid == replies);
      if (stalled_write) write_stays: assert (bvalid && (bresp == old_bresp));
      if (stalled_read) read_stays: assert (rvalid && (rresp == old_rresp) && (rdata == old_rdata));
      rings: assert (doorbell == (happens && (bytes != '0) && (at == 16'(tw_isa_pkg::REG_DOORBELL))));
      aborts: assert (abort == (happens && (bytes != '0) && (at == 16'(tw_isa_pkg::REG_ABORT))));
      job_kept: assert (job_addr == {job, 6'd0});
      counts: assert (counter_en == (arvalid_i && arready));
      // What ties the module's own state to the definition's: the induction needs it.
      assert (!((has_address && has_data) || ((has_address || has_data) && answers) || (reads && replies)));
      if (has_address) assert (\u_regs.awaddr_q == address);
      if (has_data) assert ((\u_regs.wdata_q == data) && (\u_regs.wstrb_q == strobes));
      assert (\u_regs.pending_q == reads);
      if (stalled_write) assert (answers);
      if (stalled_read) assert (replies);
    end
  end
endmodule
