// SPDX-License-Identifier: Apache-2.0
// Register file behind AXI4-Lite (32-bit data, 16-bit addresses). A write is taken when address and data are both
// valid and no response waits; only whole words count (a write with a strobe low is answered and ignored). A read is
// answered two cycles after its address. An unmapped offset reads 0.
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
  input  logic            arvalid_i,
  output logic            arready_o,
  input  logic [15:0]     araddr_i,
  output logic            rvalid_o,
  input  logic            rready_i,
  output logic [31:0]     rdata_o,
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

  logic        serial_q, irq_status_q, irq_enable_q, bvalid_q;
  logic [63:0] job_q;
  logic [8*64-1:0] base_q, limit_q;
  logic [8*3-1:0]  perm_q;

  assign region_base_o  = base_q;
  assign region_limit_o = limit_q;
  assign region_perm_o  = perm_q;
  assign serial_o   = serial_q;
  assign job_addr_o = {job_q[63:6], 6'd0};
  assign irq_o      = irq_status_q && irq_enable_q;

  //--- writes ------------------------------------------------------------------------------------
  logic       take, doorbell, abort;
  wire [31:0] waddr = {16'd0, awaddr_i[15:2], 2'b00};
  always_comb begin
    take     = 1'b0;
    doorbell = 1'b0;
    abort    = 1'b0;
    if (awvalid_i) begin
      take     = wvalid_i && !bvalid_q;
      doorbell = take && (wstrb_i == 4'hF) && (waddr == tw_isa_pkg::REG_DOORBELL);
      abort    = take && (wstrb_i == 4'hF) && (waddr == tw_isa_pkg::REG_ABORT);
    end
  end
  assign awready_o  = take;
  assign wready_o   = take;
  assign bvalid_o   = bvalid_q;
  assign doorbell_o = doorbell;
  assign abort_o    = abort;

  always_ff @(posedge clk_i) begin
    if (take || bvalid_q || finish_i) begin
      bvalid_q <= take || (bvalid_q && !bready_i);
      if (take && (wstrb_i == 4'hF)) begin
        case (waddr)
          tw_isa_pkg::REG_CONTROL:    serial_q <= wdata_i[tw_isa_pkg::REG_CONTROL_SERIAL_LSB];
          tw_isa_pkg::REG_JOB_LO:     job_q[31:0] <= wdata_i;
          tw_isa_pkg::REG_JOB_HI:     job_q[63:32] <= wdata_i;
          tw_isa_pkg::REG_IRQ_ENABLE: irq_enable_q <= wdata_i[tw_isa_pkg::REG_IRQ_ENABLE_DONE_LSB];
          tw_isa_pkg::REG_IRQ_STATUS: if (wdata_i[tw_isa_pkg::REG_IRQ_STATUS_DONE_LSB]) irq_status_q <= 1'b0;
          default: ;
        endcase
        for (int r = 0; r < 8; r++) begin
          if (waddr[15:Stride] == (16-Stride)'((Regions >> Stride) + r)) begin
            case (32'(waddr[Stride-1:0]))
              tw_isa_pkg::REGION_BASE_LO:  base_q[r*64 +: 32] <= {wdata_i[31:12], 12'd0};
              tw_isa_pkg::REGION_BASE_HI:  base_q[r*64 + 32 +: 32] <= wdata_i;
              tw_isa_pkg::REGION_LIMIT_LO: limit_q[r*64 +: 32] <= wdata_i;
              tw_isa_pkg::REGION_LIMIT_HI: limit_q[r*64 + 32 +: 32] <= wdata_i;
              tw_isa_pkg::REGION_PERM:     perm_q[r*3 +: 3] <= wdata_i[2:0];
              default: ;
            endcase
          end
        end
      end
      if (finish_i) irq_status_q <= 1'b1;
    end
    if (!rst_ni) begin
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
  wire  [15:0] counter_at = araddr_i - 16'(Counters);

  assign arready_o       = arready_q;
  assign rvalid_o        = rvalid_q;
  assign rdata_o         = rdata_q;
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
