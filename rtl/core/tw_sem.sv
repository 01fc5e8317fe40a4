// SPDX-License-Identifier: Apache-2.0
// Semaphores: subtracts the waits of a head that starts and adds the posts of an instruction that ends. Starts and ends
// of one cycle all count; both are visible one cycle later. A counter that would pass the largest value stays there
// and raises ovf_o for the posting engine in that cycle.
// The counters lie in bit planes: plane b holds bit b of every counter, in the order of the semaphores. So a slot names
// its semaphore by one bit of a word, and all counters count at once, each in its own column.
module tw_sem #(
  parameter int Engines = 6,
  localparam int Sems    = tw_isa_pkg::SEMAPHORES,
  localparam int SemBits = $clog2(tw_isa_pkg::SEMAPHORE_MAX + 1)
) (
  input  logic                    clk_i,
  input  logic                    clear_i, // reset, or a job begins
  input  logic                    wake_i,  // something starts or ends, perhaps
  input  logic [Engines-1:0]      start_i,
  input  logic [Engines*32-1:0]   waits_i, // wait slots of what starts; an instruction names no semaphore twice
  input  logic [Engines-1:0]      end_i,
  input  logic [Engines*32-1:0]   posts_i, // post slots of what ends; likewise
  output logic [Engines-1:0]      ovf_o,
  output logic [SemBits*Sems-1:0] next_o,  // the planes of the next cycle, but for clear_i
  output logic                    zero_o   // all semaphores are zero
);
  localparam int Slots = tw_isa_pkg::SYNC_SLOTS;
  // A slot: valid, semaphore, amount minus one; slots follow each other.
  localparam int Slot    = tw_isa_pkg::HDR_WAIT1_VALID_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int ToSem   = tw_isa_pkg::HDR_WAIT0_SEM_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int ToAmt   = tw_isa_pkg::HDR_WAIT0_AMOUNT_LSB - tw_isa_pkg::HDR_WAIT0_VALID_LSB;
  localparam int AmtBits = tw_isa_pkg::HDR_WAIT0_AMOUNT_WIDTH;

  logic [SemBits*Sems-1:0] sem_q;
  assign zero_o = sem_q == '0;

  logic [31:0]             slots;         // of one engine
  logic [Sems-1:0]         hot, named;    // by one of its slots, by any
  logic [AmtBits*Sems-1:0] less;          // planes of their amounts minus one
  logic [Sems-1:0]         over;          // past the largest value in this cycle
  logic [Sems-1:0]         x, y, carry;
  always_comb begin
    next_o = sem_q;
    ovf_o  = '0;
    slots  = '0;
    hot    = '0;
    named  = '0;
    less   = '0;
    over   = '0;
    x      = '0;
    y      = '0;
    carry  = '0;
    if (wake_i) begin
      for (int i = 0; i < 2 * Engines; i++) begin  // the waits of all engines, then their posts
        if ((i < Engines) ? start_i[i % Engines] : end_i[i % Engines]) begin
          slots = (i < Engines) ? waits_i[32*(i % Engines) +: 32] : posts_i[32*(i % Engines) +: 32];
          named = '0;
          less  = '0;
          for (int k = 0; k < Slots; k++) begin
            hot   = Sems'(slots[k*Slot]) << slots[k*Slot + ToSem +: 5];
            named = named | hot;
            for (int b = 0; b < AmtBits; b++)
              less[b*Sems +: Sems] = less[b*Sems +: Sems] | (hot & {Sems{slots[k*Slot + ToAmt + b]}});
          end
          carry = named;  // or borrow: the one that the amounts lack
          for (int b = 0; b < SemBits; b++) begin
            x = next_o[b*Sems +: Sems];
            y = (b < AmtBits) ? less[(b % AmtBits)*Sems +: Sems] : '0;
            next_o[b*Sems +: Sems] = x ^ y ^ carry;
            if (i < Engines) x = ~x;
            carry = (x & (y | carry)) | (y & carry);
          end
          if (i >= Engines) begin
            over = over | carry;
            ovf_o[i % Engines] = (over & named) != '0;
          end
        end
      end
      next_o = next_o | {SemBits{over}};  // the largest value has all bits
    end
  end

  always_ff @(posedge clk_i) begin
    if (clear_i) sem_q <= '0;
    else if (wake_i) sem_q <= next_o;
  end
endmodule
