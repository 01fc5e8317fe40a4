// SPDX-License-Identifier: Apache-2.0
// Register file behind AXI4-Lite (32-bit data, 16-bit addresses; docs/timing.md, section 10). No ready hangs on a
// valid: whichever of a write's address and data comes first is kept, and the write happens in the cycle in which the
// other one is accepted. A read is answered two cycles after its address. What may be done with an offset is a row of
// the table, and so is the answer to what may not.
module tw_regs #(
  parameter logic [63:0] IsaHash = 64'd0,
  parameter logic [63:0] CfgHash = 64'd0
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  // AXI4-Lite
  input  logic            awvalid_i,
  output logic            awready_o,
  input  logic [15:0]     awaddr_i,
  input  logic            wvalid_i,
  output logic            wready_o,
  input  logic [31:0]     wdata_i,
  input  logic [3:0]      wstrb_i,
  output logic            bvalid_o,
  input  logic            bready_i,
  output logic [1:0]      bresp_o,
  input  logic            arvalid_i,
  output logic            arready_o,
  input  logic [15:0]     araddr_i,
  output logic            rvalid_o,
  input  logic            rready_i,
  output logic [31:0]     rdata_o,
  output logic [1:0]      rresp_o,
  // job
  output logic            serial_o,
  output logic [63:0]     job_addr_o,
  output logic            doorbell_o,     // written in this cycle
  output logic            abort_o,        // written in this cycle
  output logic [8*64-1:0] region_base_o,
  output logic [8*64-1:0] region_limit_o,
  output logic [8*3-1:0]  region_perm_o,
  // state of the machine
  input  logic            busy_i,
  input  logic            done_i,
  input  logic            finish_i,       // a job ends in this cycle: raises the interrupt
  input  logic [7:0]      fault_code_i,
  input  logic [2:0]      fault_engine_i,
  input  logic [15:0]     fault_tag_i,
  input  logic [31:0]     fault_pc_i,
  input  logic [63:0]     fault_addr_i,
  output logic            irq_o,
  // counters: data in the cycle after
  output logic            counter_en_o,
  output logic [5:0]      counter_index_o,
  input  logic [63:0]     counter_i
);
  localparam logic [31:0] Identity = 32'h314E5754;
  localparam logic [31:0] Version  = 32'h0001_0000;
  localparam int Counters = tw_isa_pkg::COUNTER_REGISTERS;
  localparam int Regions  = tw_isa_pkg::REGION_REGISTERS;
  localparam int Stride   = $clog2(tw_isa_pkg::REGION_REGISTER_STRIDE);

  logic        serial_q, irq_status_q, irq_enable_q;
  logic [63:0] job_q;
  logic [8*64-1:0] base_q, limit_q;
  logic [8*3-1:0]  perm_q;

  assign region_base_o  = base_q;
  assign region_limit_o = limit_q;
  assign region_perm_o  = perm_q;
  assign serial_o   = serial_q;
  assign job_addr_o = job_q;
  assign irq_o      = irq_status_q && irq_enable_q;

  //--- writes ------------------------------------------------------------------------------------
  logic        awready_q, wready_q, bvalid_q;
  logic [1:0]  bresp_q;
  assign awready_o = awready_q;
  assign wready_o  = wready_q;
  assign bvalid_o  = bvalid_q;
  assign bresp_o   = bresp_q;

  // What came first, kept: while no response waits, a channel that is not ready holds one.
  logic [15:0] awaddr_q;
  logic [31:0] wdata_q;
  logic [3:0]  wstrb_q;
  logic        aw_here, w_here, write;  // in this cycle
  logic [15:0] waddr;
  logic [31:0] wdata, wmask;
  logic [3:0]  wstrb;
  logic [2:0]  access;
  logic [1:0]  answer_to_write;
  always_comb begin
    aw_here         = 1'b0;
    w_here          = 1'b0;
    write           = 1'b0;
    waddr           = '0;
    wdata           = '0;
    wstrb           = '0;
    wmask           = '0;
    access          = tw_isa_pkg::ACCESS_NONE;
    answer_to_write = '0;
    if ((awvalid_i || wvalid_i) && !bvalid_q) begin
      aw_here = awvalid_i || !awready_q;
      w_here  = wvalid_i || !wready_q;
      write   = aw_here && w_here;
      if (write) begin
        waddr  = awready_q ? awaddr_i : awaddr_q;
        waddr  = {waddr[15:2], 2'b00};
        wdata  = wready_q ? wdata_i : wdata_q;
        wstrb  = wready_q ? wstrb_i : wstrb_q;
        wmask  = {{8{wstrb[3]}}, {8{wstrb[2]}}, {8{wstrb[1]}}, {8{wstrb[0]}}};
        access = tw_isa_pkg::access_of(waddr);
        case (access)
          tw_isa_pkg::ACCESS_NONE: answer_to_write = tw_isa_pkg::ANSWER_UNMAPPED;
          tw_isa_pkg::ACCESS_RO:   answer_to_write = tw_isa_pkg::ANSWER_READ_ONLY;
          tw_isa_pkg::ACCESS_RWI:  if (busy_i) answer_to_write = tw_isa_pkg::ANSWER_BUSY;
          default: ;
        endcase
      end
    end
  end
  assign doorbell_o = write && (wstrb != '0) && (32'(waddr) == tw_isa_pkg::REG_DOORBELL);
  assign abort_o    = write && (wstrb != '0) && (32'(waddr) == tw_isa_pkg::REG_ABORT);

  function automatic logic [31:0] merged(input logic [31:0] was, input logic [31:0] data, input logic [31:0] mask);
    merged = (was & ~mask) | (data & mask);
  endfunction

  always_ff @(posedge clk_i) begin
    if (aw_here || w_here || bvalid_q) begin
      if (aw_here && awready_q) awaddr_q <= awaddr_i;
      if (w_here && wready_q) begin
        wdata_q <= wdata_i;
        wstrb_q <= wstrb_i;
      end
      if (write) bresp_q <= answer_to_write;
      bvalid_q  <= write || (bvalid_q && !bready_i);
      awready_q <= bvalid_q ? bready_i : !aw_here;
      wready_q  <= bvalid_q ? bready_i : !w_here;
      if (write && (answer_to_write == '0)) begin
        case (32'(waddr))
          tw_isa_pkg::REG_CONTROL:
            if (wmask[tw_isa_pkg::REG_CONTROL_SERIAL_LSB]) serial_q <= wdata[tw_isa_pkg::REG_CONTROL_SERIAL_LSB];
          tw_isa_pkg::REG_JOB_LO: job_q[31:0]  <= {26'(merged(job_q[31:0], wdata, wmask) >> 6), 6'd0};
          tw_isa_pkg::REG_JOB_HI: job_q[63:32] <= merged(job_q[63:32], wdata, wmask);
          tw_isa_pkg::REG_IRQ_ENABLE:
            if (wmask[tw_isa_pkg::REG_IRQ_ENABLE_DONE_LSB]) irq_enable_q <= wdata[tw_isa_pkg::REG_IRQ_ENABLE_DONE_LSB];
          tw_isa_pkg::REG_IRQ_STATUS:
            if (wdata[tw_isa_pkg::REG_IRQ_STATUS_DONE_LSB] && wmask[tw_isa_pkg::REG_IRQ_STATUS_DONE_LSB])
              irq_status_q <= 1'b0;
          default: ;
        endcase
        for (int r = 0; r < 8; r++) begin
          if (waddr[15:Stride] == (16-Stride)'((Regions >> Stride) + r)) begin
            case (32'(waddr[Stride-1:0]))
              tw_isa_pkg::REGION_BASE_LO:
                base_q[r*64 +: 32] <= {20'(merged(base_q[r*64 +: 32], wdata, wmask) >> 12), 12'd0};
              tw_isa_pkg::REGION_BASE_HI:  base_q[r*64 + 32 +: 32] <= merged(base_q[r*64 + 32 +: 32], wdata, wmask);
              tw_isa_pkg::REGION_LIMIT_LO: limit_q[r*64 +: 32] <= merged(limit_q[r*64 +: 32], wdata, wmask);
              tw_isa_pkg::REGION_LIMIT_HI: limit_q[r*64 + 32 +: 32] <= merged(limit_q[r*64 + 32 +: 32], wdata, wmask);
              tw_isa_pkg::REGION_PERM:     perm_q[r*3 +: 3] <= 3'(merged(32'(perm_q[r*3 +: 3]), wdata, wmask));
              default: ;
            endcase
          end
        end
      end
    end
    if (finish_i) irq_status_q <= 1'b1;
    if (!rst_ni) begin
      awready_q    <= 1'b1;
      wready_q     <= 1'b1;
      bvalid_q     <= 1'b0;
      serial_q     <= 1'b0;
      irq_status_q <= 1'b0;
      irq_enable_q <= 1'b0;
      job_q        <= '0;
      base_q       <= '0;
      limit_q      <= '0;
      perm_q       <= '0;
    end
  end

  //--- reads: address in t, counter in t+1, answer in t+2 -----------------------------------------
  logic        rvalid_q, pending_q, arready_q;
  logic [31:0] rdata_q;
  logic [1:0]  rresp_q;
  wire  [15:0] counter_at = araddr_i - 16'(Counters);

  assign arready_o       = arready_q;
  assign rvalid_o        = rvalid_q;
  assign rdata_o         = rdata_q;
  assign rresp_o         = rresp_q;
  assign counter_en_o    = arvalid_i && arready_q;
  assign counter_index_o = counter_at[8:3];

  // State of this process alone, updated in place: the address of a read that is answered next.
  logic [31:0] raddr;
  always_ff @(posedge clk_i) begin
    if (arvalid_i || pending_q || rvalid_q) begin
      if (pending_q) begin : answer
        logic [2:0] region;
        region  = raddr[Stride +: 3];
        rdata_q <= '0;
        case (tw_isa_pkg::access_of(raddr[15:0]))
          tw_isa_pkg::ACCESS_NONE: rresp_q <= tw_isa_pkg::ANSWER_UNMAPPED;
          tw_isa_pkg::ACCESS_WO:   rresp_q <= tw_isa_pkg::ANSWER_WRITE_ONLY;
          default:                 rresp_q <= '0;
        endcase
        if (raddr[15:Stride+3] == (13-Stride)'(Regions >> (Stride + 3))) begin
          case (32'(raddr[Stride-1:0]))
            tw_isa_pkg::REGION_BASE_LO:  rdata_q <= base_q[32'(region)*64 +: 32];
            tw_isa_pkg::REGION_BASE_HI:  rdata_q <= base_q[32'(region)*64 + 32 +: 32];
            tw_isa_pkg::REGION_LIMIT_LO: rdata_q <= limit_q[32'(region)*64 +: 32];
            tw_isa_pkg::REGION_LIMIT_HI: rdata_q <= limit_q[32'(region)*64 + 32 +: 32];
            tw_isa_pkg::REGION_PERM:     rdata_q <= 32'(perm_q[32'(region)*3 +: 3]);
            default: ;
          endcase
        end else if ((raddr >= Counters) && (raddr < Counters + 8 * tw_isa_pkg::COUNTERS)) begin
          rdata_q <= raddr[2] ? counter_i[63:32] : counter_i[31:0];
        end else begin
          case (raddr)
            tw_isa_pkg::REG_ID:            rdata_q <= Identity;
            tw_isa_pkg::REG_VERSION:       rdata_q <= Version;
            tw_isa_pkg::REG_ISA_HASH_LO:   rdata_q <= IsaHash[31:0];
            tw_isa_pkg::REG_ISA_HASH_HI:   rdata_q <= IsaHash[63:32];
            tw_isa_pkg::REG_CFG_HASH_LO:   rdata_q <= CfgHash[31:0];
            tw_isa_pkg::REG_CFG_HASH_HI:   rdata_q <= CfgHash[63:32];
            tw_isa_pkg::REG_CONTROL:       rdata_q[tw_isa_pkg::REG_CONTROL_SERIAL_LSB] <= serial_q;
            tw_isa_pkg::REG_STATUS: begin
              rdata_q[tw_isa_pkg::REG_STATUS_BUSY_LSB]       <= busy_i;
              rdata_q[tw_isa_pkg::REG_STATUS_DONE_LSB]       <= done_i;
              rdata_q[tw_isa_pkg::REG_STATUS_FAULT_LSB +: 8] <= fault_code_i;
            end
            tw_isa_pkg::REG_JOB_LO:        rdata_q <= job_q[31:0];
            tw_isa_pkg::REG_JOB_HI:        rdata_q <= job_q[63:32];
            tw_isa_pkg::REG_IRQ_STATUS:    rdata_q[tw_isa_pkg::REG_IRQ_STATUS_DONE_LSB] <= irq_status_q;
            tw_isa_pkg::REG_IRQ_ENABLE:    rdata_q[tw_isa_pkg::REG_IRQ_ENABLE_DONE_LSB] <= irq_enable_q;
            tw_isa_pkg::REG_FAULT: begin
              rdata_q[tw_isa_pkg::REG_FAULT_CODE_LSB +: 8]   <= fault_code_i;
              rdata_q[tw_isa_pkg::REG_FAULT_ENGINE_LSB +: 8] <= 8'(fault_engine_i);
              rdata_q[tw_isa_pkg::REG_FAULT_TAG_LSB +: 16]   <= fault_tag_i;
            end
            tw_isa_pkg::REG_FAULT_PC:      rdata_q <= fault_pc_i;
            tw_isa_pkg::REG_FAULT_ADDR_LO: rdata_q <= fault_addr_i[31:0];
            tw_isa_pkg::REG_FAULT_ADDR_HI: rdata_q <= fault_addr_i[63:32];
            default: ;
          endcase
        end
      end
      if (counter_en_o) raddr = {16'd0, araddr_i[15:2], 2'b00};
      pending_q <= counter_en_o;
      rvalid_q  <= pending_q || (rvalid_q && !rready_i);
      arready_q <= !counter_en_o && !pending_q && !(rvalid_q && !rready_i);
    end
    if (!rst_ni) begin
      pending_q <= 1'b0;
      rvalid_q  <= 1'b0;
      arready_q <= 1'b1;
    end
  end
endmodule
