// SPDX-License-Identifier: Apache-2.0
// Load engine (LA or LW): walks the bursts of one instruction at a time, keeps up to Depth instructions in flight. A
// burst is requested from the cycle after its predecessor's grant; beats come back through tw_read, in order, and the
// last beat of an instruction ends it in the cycle in which it is processed. Never stalls the read port.
module tw_load #(
  parameter int N          = 16,
  parameter int BurstBytes = 256,
  parameter int Depth      = 4
) (
  input  logic         clk_i,
  input  logic         rst_ni,
  // queue
  input  logic         start_i,
  input  logic [511:0] line_i,
  output logic         can_take_o,
  output logic         idle_o,
  output logic         end_o,
  // ldpad: what is inside the tile, and when its padding is written
  input  logic         crop_i,
  input  logic [23:0]  crop_local_i,
  input  logic [15:0]  crop_n1_i,
  input  logic [15:0]  crop_n2_i,
  input  logic         hold_i,         // no request
  // regions: base addresses, region r at [64*r +: 64]
  input  logic [511:0] region_base_i,
  // read port: a burst waits until it is granted
  output logic         req_o,
  output logic [63:0]  req_addr_o,
  output logic [12:0]  req_bytes_o,
  output logic [23:0]  req_local_o,  // byte address in the memory req_space_o
  output logic [2:0]   req_space_o,
  output logic         req_last_o,   // the instruction's last burst
  input  logic         gnt_i,
  // a beat of this engine is processed
  input  logic         beat_i,
  input  logic         beat_last_i,  // last of its instruction
  input  logic         beat_error_i,
  input  logic [63:0]  beat_addr_i,  // address of the beat's burst
  // fault AXI_READ, with the end of the instruction
  output logic         fault_o,
  output logic [63:0]  fault_addr_o
);
  localparam int CountBits = $clog2(Depth + 1);
  localparam int RowLog    = $clog2(N);

  wire [7:0] opcode   = line_i[tw_isa_pkg::HDR_OPCODE_LSB +: 8];
  wire       is_param = opcode == tw_isa_pkg::OP_LDP;
  wire       is_table = opcode == tw_isa_pkg::OP_LDT;
  wire       is_walk  = !is_param && !is_table;

  // Region and offset stand at the same place in all loads.
  wire [2:0]  region = line_i[tw_isa_pkg::LD_REGION_LSB +: 3];
  wire [39:0] offset = line_i[tw_isa_pkg::LD_OFFSET_LSB +: 40];

  logic [23:0] local_addr, run_bytes;
  always_comb begin
    local_addr = line_i[tw_isa_pkg::LD_SPM_LSB +: 24];
    run_bytes  = {8'd0, line_i[tw_isa_pkg::LD_N0_LSB +: 16]} << RowLog;
    if (!start_i) begin
      local_addr = '0;
      run_bytes  = '0;
    end else if (crop_i) begin
      local_addr = crop_local_i;
    end else if (is_param) begin
      local_addr = {8'd0, line_i[tw_isa_pkg::LDP_DST_LSB +: 16]} << (RowLog + 2);
      run_bytes  = {8'd0, line_i[tw_isa_pkg::LDP_COUNT_LSB +: 16]} << (RowLog + 2);
    end else if (is_table) begin
      local_addr = {13'd0, line_i[tw_isa_pkg::LDT_DST_LSB +: 3], 8'd0};
      run_bytes  = {line_i[tw_isa_pkg::LDT_COUNT_LSB +: 16], 8'd0};
    end
  end

  logic       walking, walk_last;
  logic [2:0] space_q;

  logic [63:0] first_addr;
  always_comb begin
    first_addr = '0;
    if (start_i) first_addr = region_base_i[64*region +: 64] + {24'd0, offset};
  end

  tw_walk #(.BurstBytes(BurstBytes)) u_walk (
    .clk_i,
    .rst_ni,
    .load_i     (start_i),
    .addr_i     (first_addr),
    .local_i    (local_addr),
    .run_bytes_i(run_bytes),
    .n1_i       (crop_i ? crop_n1_i : is_walk ? line_i[tw_isa_pkg::LD_N1_LSB +: 16] : 16'd1),
    .n2_i       (crop_i ? crop_n2_i : is_walk ? line_i[tw_isa_pkg::LD_N2_LSB +: 16] : 16'd1),
    .n3_i       (is_walk ? line_i[tw_isa_pkg::LD_N3_LSB +: 16] : 16'd1),
    .ds1_i      (line_i[tw_isa_pkg::LD_DS1_LSB +: 32]),
    .ds2_i      (line_i[tw_isa_pkg::LD_DS2_LSB +: 32]),
    .ds3_i      (line_i[tw_isa_pkg::LD_DS3_LSB +: 32]),
    .ss1_i      (line_i[tw_isa_pkg::LD_SS1_LSB +: 24]),
    .ss2_i      (line_i[tw_isa_pkg::LD_SS2_LSB +: 24]),
    .ss3_i      (line_i[tw_isa_pkg::LD_SS3_LSB +: 24]),
    .next_i     (gnt_i),
    .valid_o    (walking),
    .addr_o     (req_addr_o),
    .local_o    (req_local_o),
    .bytes_o    (req_bytes_o),
    .last_o     (walk_last)
  );

  assign req_o       = walking && !hold_i;
  assign req_last_o  = walk_last;
  assign req_space_o = space_q;

  logic        room_q, idle_q, error_q;
  logic [63:0] error_addr_q;

  assign can_take_o   = !walking && room_q;
  assign idle_o       = idle_q;
  assign end_o        = beat_i && beat_last_i;
  assign fault_o      = end_o && (error_q || beat_error_i);
  assign fault_addr_o = error_q ? error_addr_q : beat_addr_i;

  logic [CountBits-1:0] count;  // instructions in flight; of this process alone, updated in place
  always_ff @(posedge clk_i) begin
    if (start_i)
      space_q <= is_param ? tw_isa_pkg::SPACE_PARAM : is_table ? tw_isa_pkg::SPACE_LUT : tw_isa_pkg::SPACE_SPM;
    if (beat_i) begin
      error_q <= !beat_last_i && (error_q || beat_error_i);
      if (!error_q) error_addr_q <= beat_addr_i;
    end
    if (start_i || end_o) begin
      if (end_o) count = count - 1'b1;
      if (start_i) count = count + 1'b1;
      room_q <= count < CountBits'(Depth);
      idle_q <= count == '0;
    end
    if (!rst_ni) begin
      count   = '0;
      room_q  <= 1'b1;
      idle_q  <= 1'b1;
      error_q <= 1'b0;
    end
  end
endmodule
