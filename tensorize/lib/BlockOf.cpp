// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/BlockOf.h"

#include "tw/ir/Constants.h"
#include "tw/ir/GraphDialect.h"
#include "tw/ir/QuantOps.h"

#include "llvm/ADT/TypeSwitch.h"

#include <bit>
#include <cstring>
#include <numeric>

namespace tw::tensorize {
namespace {

using ir::shapeOf;

using Shape = std::vector<int64_t>;

Shape vectorOf(ir::Dims dims) { return {dims.begin(), dims.end()}; }

Index at(int loop, int64_t factor = 1, int64_t constant = 0) { return {{{loop, factor}}, constant}; }
Arg operandArg(int index) { return {Arg::Operand, index, 0}; }
Arg slotArg(int index) { return {Arg::Slot, index, 0}; }
Arg number(int64_t value) { return {Arg::Constant, 0, value}; }

template <typename T> Bytes bytesOf(const std::vector<T> &values) {
  auto bytes = std::make_shared<std::vector<uint8_t>>(values.size() * sizeof(T));
  std::memcpy(bytes->data(), values.data(), bytes->size());
  return bytes;
}

int64_t scalar(mlir::Value value) { return ir::constantInts(value).front(); }
float scale(mlir::Value value) { return ir::constantFloats(value).front(); }

struct Refused {
  Rejection rejection;
};
using Result = std::variant<std::vector<Block>, Rejection>;

class Builder {
public:
  Builder(const TensorNumbers &tensors) : tensors(tensors) {}

  Result convolution(ir::QConvOp op) {
    if (op.getLayout() != ir::Layout::NHWC)
      return refuse("layout", "its image is not NHWC");
    Shape in = vectorOf(shapeOf(op.getInput())), w = vectorOf(shapeOf(op.getWeight())),
          out = vectorOf(shapeOf(op.getResult()));
    std::string why;
    std::vector<int8_t> weights = weightsWithoutZero(op.getWeight(), op.getWeightZero(), why);
    if (weights.empty())
      return refuse("dtype", why);
    const int64_t group = op.getGroup();
    const bool isDepthwise = group > 1 && group == in[3] && group == out[3];
    std::vector<int32_t> bias = biasOf(op.getBias(), weights, out[3], scalar(op.getInZero()));
    if (group > 1 && !isDepthwise)
      weights = dense(weights, w, group);
    block.loops = {{"n", out[0]},  {"oh", out[1]},     {"ow", out[2]},
                   {"oc", out[3]}, {"kh", w[1], true}, {"kw", w[2], true}};
    if (!isDepthwise)
      block.loops.push_back({"ic", in[3], true});
    auto strides = op.getStrides(), pads = op.getPads(), dilations = op.getDilations();
    Index row{{{1, strides[0]}, {4, dilations[0]}}, -pads[0]}, column{{{2, strides[1]}, {5, dilations[1]}}, -pads[1]};
    bool isPadded = pads[0] || pads[1] || pads[2] || pads[3];
    activation("x", op.getInput(), {at(0), row, column, at(isDepthwise ? 3 : 6)});
    block.operands.back().outside = isPadded ? Outside::Value : Outside::Never;
    block.operands.back().outsideValue = int32_t(scalar(op.getInZero()));
    if (isDepthwise)
      constant("w", isa::Elem::I8, {out[3], w[1], w[2]}, {at(3), at(4), at(5)}, bytesOf(weights));
    else
      constant("w", isa::Elem::I8, {out[3], w[1], w[2], in[3]}, {at(3), at(4), at(5), at(6)}, bytesOf(weights));
    multiplyAccumulate();
    return drain(op, bias, 3, out, {at(0), at(1), at(2), at(3)});
  }

  Result fullyConnected(ir::QGemmOp op) {
    Shape in = vectorOf(shapeOf(op.getInput())), out = vectorOf(shapeOf(op.getResult()));
    std::string why;
    std::vector<int8_t> weights = weightsWithoutZero(op.getWeight(), op.getWeightZero(), why);
    if (weights.empty())
      return refuse("dtype", why);
    std::vector<int32_t> bias = biasOf(op.getBias(), weights, out[1], scalar(op.getInZero()));
    block.loops = {{"m", out[0]}, {"n", out[1]}, {"k", in[1], true}};
    activation("x", op.getInput(), {at(0), at(2)});
    constant("w", isa::Elem::I8, {out[1], in[1]}, {at(1), at(2)}, bytesOf(weights));
    multiplyAccumulate();
    return drain(op, bias, 1, out, {at(0), at(1)});
  }

  Result elementwise(ir::QEltwiseOp op) {
    auto params = ir::eltwiseParams(ir::eltwiseFunction(op.getKind()), scale(op.getLhsScale()), scale(op.getRhsScale()),
                                    scale(op.getOutScale()));
    if (!params)
      return refuse("parameter", "the ratio of its scales has no fixed-point form");
    Shape out = vectorOf(shapeOf(op.getResult()));
    parallelLoops(out);
    broadcast("a", op.getLhs(), out);
    broadcast("b", op.getRhs(), out);
    Arg za = number(scalar(op.getLhsZero())), zb = number(scalar(op.getRhsZero())),
        zy = number(scalar(op.getOutZero()));
    Arg ma = number(params->multA), mb = number(params->multB), shift = number(params->shift);
    if (op.getKind() == ir::EltwiseKind::Mul) {
      block.body = {{"ew_mul", {operandArg(0), za, operandArg(1), zb, ma, shift, zy}}};
    } else {
      const char *name = op.getKind() == ir::EltwiseKind::Min   ? "ew_min"
                         : op.getKind() == ir::EltwiseKind::Max ? "ew_max"
                                                                : "ew_add";
      block.body = {{name, {operandArg(0), za, ma, operandArg(1), zb, mb, shift, zy}}};
    }
    block.body.push_back({"clamp_i8", {slotArg(0), number(op.getClampLo()), number(op.getClampHi())}});
    return finish(op.getResult(), identity(out.size()));
  }

  Result pool(ir::QPoolOp op) {
    if (op.getLayout() != ir::Layout::NHWC)
      return refuse("layout", "its image is not NHWC");
    Shape out = vectorOf(shapeOf(op.getResult()));
    auto kernel = op.getKernel(), strides = op.getStrides(), pads = op.getPads(), dilations = op.getDilations();
    block.loops = {{"n", out[0]}, {"oh", out[1]},          {"ow", out[2]},
                   {"c", out[3]}, {"kh", kernel[0], true}, {"kw", kernel[1], true}};
    Index row{{{1, strides[0]}, {4, dilations[0]}}, -pads[0]}, column{{{2, strides[1]}, {5, dilations[1]}}, -pads[1]};
    activation("x", op.getInput(), {at(0), row, column, at(3)});
    block.operands.back().outside = Outside::Skip;
    if (op.getKind() == ir::PoolKind::Max) {
      block.body = {{"max_i8", {{Arg::Running, 0, 0}, operandArg(0)}}};
    } else {
      auto params = ir::averageParamsOf(op, scale(op.getInScale()), scale(op.getOutScale()));
      if (!params)
        return refuse("parameter", "the ratio of its scales has no fixed-point form");
      const int64_t size = kernel[0] * kernel[1];
      std::vector<int32_t> table(size, params->fixed.multipliers.front());
      if (!op.getCountIncludePad())
        for (int64_t count : params->counts)
          if (count >= 1 && count <= size)
            table[count - 1] = params->multiplierFor(count);
      constant("multipliers", isa::Elem::I32, {size}, {{}}, bytesOf(table));
      block.body = {{"add_i8", {{Arg::Running, 0, 0}, operandArg(0)}}};
      block.finish = {{"pool_avg",
                       {slotArg(0),
                        {Arg::Count, 0, 0},
                        number(scalar(op.getInZero())),
                        operandArg(1),
                        number(params->fixed.shift),
                        number(scalar(op.getOutZero()))}}};
    }
    block.finish.push_back(
        {"clamp_i8", {slotArg(block.resultSlot()), number(op.getClampLo()), number(op.getClampHi())}});
    return finish(op.getResult(), {at(0), at(1), at(2), at(3)});
  }

  Result table(ir::QLutOp op) {
    auto tensor = ir::constantOf(op.getTable());
    Shape out = vectorOf(shapeOf(op.getResult()));
    parallelLoops(out);
    activation("x", op.getInput(), identity(out.size()));
    lookUp(*tensor);
    return finish(op.getResult(), identity(out.size()));
  }

private:
  static Result refuse(std::string kind, std::string text) { return Rejection{"", std::move(kind), std::move(text)}; }

  static std::vector<Index> identity(size_t rank) {
    std::vector<Index> index;
    for (size_t d = 0; d != rank; ++d)
      index.push_back(at(int(d)));
    return index;
  }

  void parallelLoops(const Shape &shape) {
    for (size_t d = 0; d != shape.size(); ++d)
      block.loops.push_back({"d" + std::to_string(d), shape[d]});
  }

  void activation(std::string name, mlir::Value value, std::vector<Index> index) {
    block.operands.push_back(
        {std::move(name), isa::Elem::I8, false, tensors.of(value), vectorOf(shapeOf(value)), std::move(index)});
  }
  void constant(std::string name, isa::Elem elem, Shape shape, std::vector<Index> index, Bytes bytes) {
    block.operands.push_back(
        {std::move(name), elem, false, -1, std::move(shape), std::move(index), Outside::Never, 0, std::move(bytes)});
  }

  void broadcast(std::string name, mlir::Value value, const Shape &out) {
    Shape shape = vectorOf(shapeOf(value));
    std::vector<Index> index;
    for (size_t d = 0; d != shape.size(); ++d) {
      size_t loop = out.size() - shape.size() + d;
      index.push_back(shape[d] == out[loop] ? at(int(loop)) : Index{});
    }
    activation(std::move(name), value, std::move(index));
  }

  // w - zero, which must still be int8: then the product needs no correction for the weights' zero point.
  static std::vector<int8_t> weightsWithoutZero(mlir::Value weight, mlir::Value zero, std::string &why) {
    auto tensor = ir::constantOf(weight);
    if (!tensor) {
      why = "its weights are not constants";
      return {};
    }
    std::vector<int64_t> zeros = ir::constantInts(zero);
    std::vector<int8_t> result(tensor->size());
    const int64_t perChannel = tensor->size() / tensor->shape[0];
    for (int64_t i = 0; i != tensor->size(); ++i) {
      int64_t value = tensor->data<int8_t>()[i] - zeros[zeros.size() == 1 ? 0 : i / perChannel];
      if (value < -128 || value > 127) {
        why = "a weight less its zero point is " + std::to_string(value) + ", which is not int8";
        return {};
      }
      result[i] = int8_t(value);
    }
    return result;
  }

  // sum((x - zx) * w) + bias = sum(x * w) + (bias - zx * sum(w)), modulo 2^32.
  static std::vector<int32_t> biasOf(mlir::Value value, const std::vector<int8_t> &weights, int64_t channels,
                                     int64_t inZero) {
    std::vector<int32_t> bias(channels, 0);
    const int64_t perChannel = int64_t(weights.size()) / channels;
    std::vector<int64_t> given = value ? ir::constantInts(value) : std::vector<int64_t>(channels, 0);
    for (int64_t c = 0; c != channels; ++c) {
      int64_t sum =
          std::accumulate(weights.begin() + c * perChannel, weights.begin() + (c + 1) * perChannel, int64_t(0));
      bias[c] = int32_t(uint32_t(given[c] - inZero * sum));
    }
    return bias;
  }

  // Weights of a grouped convolution as those of one over all channels: zero between groups.
  static std::vector<int8_t> dense(const std::vector<int8_t> &weights, const Shape &w, int64_t group) {
    const int64_t perGroup = w[3], out = w[0], all = perGroup * group, taps = w[1] * w[2];
    std::vector<int8_t> result(out * taps * all, 0);
    for (int64_t o = 0; o != out; ++o)
      for (int64_t tap = 0; tap != taps; ++tap)
        for (int64_t c = 0; c != perGroup; ++c)
          result[(o * taps + tap) * all + o / (out / group) * perGroup + c] = weights[(o * taps + tap) * perGroup + c];
    return result;
  }

  void multiplyAccumulate() {
    block.body = {{"mul_i8", {operandArg(0), operandArg(1)}}, {"add_wrap32", {{Arg::Running, 0, 0}, slotArg(0)}}};
  }

  // Everything after the sum: requantise, residual, clamp; a table is a block of its own.
  template <typename Op>
  Result drain(Op op, const std::vector<int32_t> &bias, int channelLoop, const Shape &out, std::vector<Index> index) {
    std::vector<float> multipliers = ir::requantMultipliers(
        ir::constantFloats(op.getInScale()), ir::constantFloats(op.getWeightScale()), scale(op.getOutScale()));
    for (float multiplier : multipliers)
      if (!ir::isLegalMultiplier(multiplier))
        return refuse("parameter", "multiplier " + std::to_string(multiplier) + " is outside 2^-40 to 2^8");
    constant("bias", isa::Elem::I32, {int64_t(bias.size())}, {at(channelLoop)}, bytesOf(bias));
    std::vector<Index> multiplierIndex;
    Shape multiplierShape;
    if (multipliers.size() > 1) {
      multiplierShape = {int64_t(multipliers.size())};
      multiplierIndex = {at(channelLoop)};
    }
    constant("multiplier", isa::Elem::F32, multiplierShape, multiplierIndex, bytesOf(multipliers));
    block.finish = {{"requant_fp32", {slotArg(1), operandArg(2), operandArg(3), number(scalar(op.getOutZero()))}}};
    if (op.getResidual()) {
      auto params = ir::eltwiseParams(ir::EltwiseFunction::Add, scale(op.getOutScale()), scale(op.getResidualScale()),
                                      scale(op.getSumScale()));
      if (!params)
        return refuse("parameter", "the ratio of its scales has no fixed-point form");
      activation("residual", op.getResidual(), index);
      block.finish.push_back({"ew_add",
                              {slotArg(2), number(scalar(op.getOutZero())), number(params->multA), operandArg(4),
                               number(scalar(op.getResidualZero())), number(params->multB), number(params->shift),
                               number(scalar(op.getSumZero()))}});
    }
    block.finish.push_back(
        {"clamp_i8", {slotArg(block.resultSlot()), number(op.getClampLo()), number(op.getClampHi())}});
    if (!op.getLut())
      return finish(op.getResult(), std::move(index));
    int between = tensors.fresh(out);
    block.operands.push_back({"y", isa::Elem::I8, true, between, out, std::move(index)});
    std::vector<Block> blocks{std::move(block)};
    block = {};
    parallelLoops(out);
    block.operands.push_back({"x", isa::Elem::I8, false, between, out, identity(out.size())});
    lookUp(*ir::constantOf(op.getLut()));
    block.operands.push_back({"y", isa::Elem::I8, true, tensors.of(op.getResult()), out, identity(out.size())});
    blocks.push_back(std::move(block));
    return blocks;
  }

  void lookUp(const ir::Tensor &table) {
    std::vector<int8_t> bytes(table.data<int8_t>(), table.data<int8_t>() + table.size());
    constant("table", isa::Elem::I8, {int64_t(bytes.size())}, {{}}, bytesOf(bytes));
    block.body = {{"lut_i8", {operandArg(int(block.operands.size()) - 1), operandArg(0)}}};
  }

  Result finish(mlir::Value result, std::vector<Index> index) {
    block.operands.push_back(
        {"y", isa::Elem::I8, true, tensors.of(result), vectorOf(shapeOf(result)), std::move(index)});
    return std::vector<Block>{std::move(block)};
  }

  const TensorNumbers &tensors;
  Block block;
};

} // namespace

std::variant<std::vector<Block>, Rejection> blocksOf(mlir::Operation *op, const TensorNumbers &tensors) {
  Builder builder(tensors);
  return llvm::TypeSwitch<mlir::Operation *, Result>(op)
      .Case([&](ir::QConvOp conv) { return builder.convolution(conv); })
      .Case([&](ir::QGemmOp gemm) { return builder.fullyConnected(gemm); })
      .Case([&](ir::QEltwiseOp eltwise) { return builder.elementwise(eltwise); })
      .Case([&](ir::QPoolOp pool) { return builder.pool(pool); })
      .Case([&](ir::QLutOp lut) { return builder.table(lut); })
      .Default([&](mlir::Operation *other) {
        return Rejection{"", "body",
                         other->getName().getStringRef().str() + " has no integer form that instructions compute"};
      });
}

bool readThroughReshape(Block &block, int tensor, const std::vector<int64_t> &shape) {
  for (size_t o = 0; o != block.operands.size(); ++o) {
    Operand &operand = block.operands[o];
    if (operand.tensor != tensor || operand.isWritten || operand.shape == shape)
      continue;
    // Leading dimensions agree; one dimension of ours is the product of the rest of theirs.
    size_t d = 0;
    while (d < operand.shape.size() && d < shape.size() && operand.shape[d] == shape[d])
      ++d;
    if (d + 1 != operand.shape.size() || operand.index[d].terms.size() != 1 || operand.index[d].terms[0].factor != 1 ||
        operand.index[d].constant != 0 || operand.outside != Outside::Never)
      return false;
    const int split = operand.index[d].terms[0].loop;
    const Loop old = block.loops[split];
    if (old.extent != operand.shape[d])
      return false;
    // The loop becomes the last of the new ones; the others are appended.
    std::vector<std::pair<int, int64_t>> parts; // (loop, its step in the old one)
    int64_t step = 1;
    std::vector<Index> index(shape.size() - d);
    for (size_t e = shape.size(); e-- > d;) {
      int loop = e + 1 == shape.size() ? split : int(block.loops.size());
      if (loop == split)
        block.loops[split].extent = shape[e];
      else
        block.loops.push_back({old.name + std::to_string(e), shape[e], old.isReduction});
      parts.push_back({loop, step});
      index[e - d] = at(loop);
      step *= shape[e];
    }
    if (step != old.extent)
      return false;
    for (size_t other = 0; other != block.operands.size(); ++other)
      if (other != o)
        for (Index &i : block.operands[other].index)
          for (size_t t = 0, n = i.terms.size(); t != n; ++t)
            if (i.terms[t].loop == split) {
              int64_t factor = i.terms[t].factor;
              for (auto [loop, s] : parts)
                if (loop != split)
                  i.terms.push_back({loop, factor * s});
            }
    operand.index.erase(operand.index.begin() + ptrdiff_t(d), operand.index.end());
    operand.index.insert(operand.index.end(), index.begin(), index.end());
    operand.shape = shape;
  }
  return true;
}

} // namespace tw::tensorize
