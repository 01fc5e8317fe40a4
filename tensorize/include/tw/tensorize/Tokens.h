// SPDX-License-Identifier: Apache-2.0
// What for: a tensor made token by token: as many tokens as there are lanes are one block, and the same instructions
// make each block of the result from its block of the operands, between a load and a store.
// Called by: code generation, for what it writes as a sequence of instructions rather than by matching loops.
// Does not: know what the instructions compute.
#ifndef TW_TENSORIZE_TOKENS_H
#define TW_TENSORIZE_TOKENS_H

#include "tw/tensorize/Schedule.h"

#include <array>
#include <functional>

namespace tw::tensorize {

/// Blocks of tokens that are on chip together, and where they are: operands and each part of the scratch memory in a
/// part of the memory for itself, if there are so many and there is room.
struct TokenTile {
  int64_t blocks = 1;
  std::vector<int64_t> operands; // addresses
  std::array<int64_t, 3> scratch{};
  int64_t cycled = 0;
};

struct TokenStream {
  struct Operand {
    int tensor = 0;
    int64_t rowBytes = 0; // of a token
  };
  /// A part of each of the result's rows, and where the instructions leave it: in place of the first operand, or in a
  /// part of the scratch memory.
  struct Part {
    int scratch = -1; // -1: in place of the operand
    int64_t rowBytes = 0;
  };
  /// Bytes that are loaded before the first tile and stay.
  struct Image {
    int memory = 0;
    int64_t address = 0; // in granules
    std::vector<uint8_t> bytes;
  };

  std::string name;
  uint16_t tag = 0;
  std::vector<Tensor> tensors;
  int64_t tokens = 0;
  std::vector<Operand> operands; // no constants
  Operand result;
  std::vector<Part> parts; // of its rows, one behind the other; none: they are one, in place of the first operand
  std::vector<Image> images;
  std::vector<uint8_t>
      cycled;              // constants of a block of tokens, for as many blocks as differ: then from the first again
  int64_t cycledBytes = 0; // of a block; 0: there are none
  std::array<int64_t, 3> scratchBytes{}; // of a block
  std::function<std::vector<Instruction>(const TokenTile &)> body;
};

/// Bytes on chip that a tile of one block takes.
uint64_t leastBytesOf(const TokenStream &stream, const Target &target);

/// A tile for which there is room while the next is loaded; nothing, and why, if there is none for one block.
std::variant<TokenTile, Rejection> tokenTile(const TokenStream &stream, const Target &target);

/// `tile` is one that tokenTile gave.
LoweredSegment emitTokens(const TokenStream &stream, const Target &target, const TokenTile &tile);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_TOKENS_H
