// SPDX-License-Identifier: Apache-2.0
// A block's meaning, point by point, from its definition alone: what two forms of a block must agree in. Called by
// tests in this folder. Shares no code with the matcher.
#ifndef TW_TESTS_UNIT_TENSORIZE_EVALUATE_H
#define TW_TESTS_UNIT_TENSORIZE_EVALUATE_H

#include "tw/tensorize/Block.h"

#include <map>
#include <random>
#include <string_view>

namespace tw::test {

/// A primitive's function in isa/Numerics.h; multipliers of requant_fp32 as the bits of a float32.
int64_t evaluatePrimitive(std::string_view name, const std::vector<int64_t> &args, const std::vector<int8_t> &table);

/// Elements of each tensor, by the number that operands give it, row-major in the operand's shape.
using Tensors = std::map<int, std::vector<int8_t>>;

/// The elements of the block's result. Tensors may lie in rows of `lanes`: what is behind their last channel there is
/// read as anything, and what is written there is nobody's.
std::vector<int8_t> evaluate(const tensorize::Block &block, const Tensors &tensors, int64_t lanes = 1);

/// Any values for the tensors that the block reads.
Tensors randomTensors(const tensorize::Block &block, std::mt19937 &random);

/// Any weights and biases for the block, and multipliers with which its results spread over an int8.
void randomiseConstants(tensorize::Block &block, std::mt19937 &random);

} // namespace tw::test

#endif // TW_TESTS_UNIT_TENSORIZE_EVALUATE_H
