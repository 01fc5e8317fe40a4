// SPDX-License-Identifier: Apache-2.0
#include "QdqModel.h"

#include "ExactArithmetic.h"
#include "tw/isa/Multipliers.h"
#include "tw/isa/Numerics.h"

#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <numeric>
#include <optional>

namespace tw::test {

using onnx::NodeProto;
using onnx::TensorProto;
using Shape = std::vector<int64_t>;

namespace {

int64_t elementCount(const Shape &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

Shape shapeOf(const TensorProto &t) { return {t.dims().begin(), t.dims().end()}; }

/// The elements of a tensor whose file form is `Stored` little endian in raw_data, or one number each in `typed`.
template <typename Stored, typename Typed> std::vector<Stored> elements(const TensorProto &t, const Typed &typed) {
  std::vector<Stored> values(static_cast<size_t>(elementCount(shapeOf(t))));
  if (t.has_raw_data())
    std::memcpy(values.data(), t.raw_data().data(), std::min(values.size() * sizeof(Stored), t.raw_data().size()));
  else
    std::copy(typed.begin(), typed.end(), values.begin());
  return values;
}

std::vector<float> floats(const TensorProto &t) { return elements<float>(t, t.float_data()); }
std::vector<int64_t> int64s(const TensorProto &t) { return elements<int64_t>(t, t.int64_data()); }
std::vector<int32_t> int32s(const TensorProto &t) { return elements<int32_t>(t, t.int32_data()); }

/// int8 as it is, uint8 less 128.
std::vector<int8_t> bytes(const TensorProto &t) {
  std::vector<int8_t> values = elements<int8_t>(t, t.int32_data());
  if (t.data_type() == TensorProto::UINT8)
    for (int8_t &x : values)
      x = static_cast<int8_t>(x ^ 0x80);
  return values;
}

const onnx::AttributeProto *attribute(const NodeProto &node, const char *name) {
  for (const onnx::AttributeProto &a : node.attribute())
    if (a.name() == name)
      return &a;
  return nullptr;
}

Shape ints(const NodeProto &node, const char *name, Shape otherwise) {
  const auto *a = attribute(node, name);
  return a ? Shape(a->ints().begin(), a->ints().end()) : otherwise;
}

int64_t integer(const NodeProto &node, const char *name, int64_t otherwise) {
  const auto *a = attribute(node, name);
  return a ? a->i() : otherwise;
}

float real(const NodeProto &node, const char *name, float otherwise) {
  const auto *a = attribute(node, name);
  return a ? a->f() : otherwise;
}

std::string word(const NodeProto &node, const char *name) {
  const auto *a = attribute(node, name);
  return a ? a->s() : "";
}

/// A two-dimensional window over the last two dimensions of [N, C, H, W].
struct Window {
  Shape kernel, strides, pads, dilations, input, output;

  Window(const NodeProto &node, const Shape &in, const Shape &kernelShape)
      : kernel(kernelShape), strides(ints(node, "strides", {1, 1})), pads(ints(node, "pads", {0, 0, 0, 0})),
        dilations(ints(node, "dilations", {1, 1})), input{in[2], in[3]}, output(2) {
    for (size_t d = 0; d < 2; ++d)
      output[d] = (input[d] + pads[d] + pads[d + 2] - dilations[d] * (kernel[d] - 1) - 1) / strides[d] + 1;
  }

  /// Calls visit(tap, offset) for each kernel element; offset is its place in the plane, or -1 in the padding.
  template <typename Visit> void forEachTap(int64_t oh, int64_t ow, Visit visit) const {
    for (int64_t kh = 0; kh < kernel[0]; ++kh)
      for (int64_t kw = 0; kw < kernel[1]; ++kw) {
        const int64_t h = oh * strides[0] - pads[0] + kh * dilations[0];
        const int64_t w = ow * strides[1] - pads[1] + kw * dilations[1];
        const bool inside = h >= 0 && h < input[0] && w >= 0 && w < input[1];
        visit(kh * kernel[1] + kw, inside ? h * input[1] + w : -1);
      }
  }
};

/// The place in `from` (broadcast to `shape`) of the element `index` of `shape`.
int64_t broadcastIndex(int64_t index, const Shape &shape, const Shape &from) {
  int64_t result = 0, stride = 1;
  for (size_t back = 1; back <= from.size(); ++back) {
    const int64_t extent = shape[shape.size() - back], own = from[from.size() - back];
    if (own != 1)
      result += index % extent * stride;
    index /= extent;
    stride *= own;
  }
  return result;
}

Shape broadcastShape(const Shape &a, const Shape &b) {
  Shape shape(std::max(a.size(), b.size()), 1);
  for (const Shape *s : {&a, &b})
    for (size_t back = 1; back <= s->size(); ++back)
      shape[shape.size() - back] = std::max(shape[shape.size() - back], (*s)[s->size() - back]);
  return shape;
}

} // namespace

/// Evaluates one layer. Fails by keeping the first Diag and returning empty values.
class LayerEvaluator {
public:
  LayerEvaluator(const QdqModel &model, const QLayer &layer, const std::vector<QTensor> &inputs, Requantisation mode,
                 Alternatives *alternatives)
      : model_(model), layer_(layer), inputs_(inputs), mode_(mode), alternatives_(alternatives) {
    for (const std::string &name : layer.op->input())
      if (const auto it = model.producers_.find(name); it != model.producers_.end())
        dequantize_.push_back(it->second);
    if (layer.quantize) {
      sy_ = scales(*layer.quantize)[0];
      zy_ = zero(*layer.quantize);
      setClamp();
    }
  }

  Result<QTensor> run() {
    const std::string &op = layer_.op->op_type();
    QTensor result;
    if (op == "Conv")
      result = convolution();
    else if (op == "Gemm" || op == "MatMul")
      result = isWeighted() ? weighted() : activations();
    else if (op == "Add" || op == "Sub" || op == "Mul")
      result = elementwise();
    else if (op == "AveragePool" || op == "GlobalAveragePool" || op == "MaxPool" || op == "ReduceMean")
      result = pool();
    else if (op == "LeakyRelu" || op == "HardSigmoid")
      result = table();
    else if (op == "Concat" || op == "Pad" || op == "Resize")
      result = move();
    else
      return Diag{layer_.output, "no evaluator for operator " + op};
    if (diag_)
      return *diag_;
    return result;
  }

private:
  const TensorProto &constant(const std::string &name) const { return *model_.constants_.at(name); }
  std::vector<float> scales(const NodeProto &node) const { return floats(constant(node.input(1))); }
  int8_t zero(const NodeProto &node) const {
    return node.input_size() > 2 ? bytes(constant(node.input(2)))[0] : int8_t{0};
  }
  float sx(size_t i = 0) const { return scales(*dequantize_[i])[0]; }
  int8_t zx(size_t i = 0) const { return zero(*dequantize_[i]); }
  bool isWeighted() const { return model_.isConstant(dequantize_[1]->input(0)); }

  template <typename T> T check(Result<T> result, T otherwise) {
    if (result)
      return *result;
    if (!diag_)
      diag_ = result.diag();
    return otherwise;
  }

  /// QuantizeLinear of one float: the division, RNE, the zero point, saturation.
  int8_t quantize(float x) const { return isa::sat8(isa::fp32RoundToInt(std::bit_cast<uint32_t>(x / sy_)) + zy_); }

  void setClamp() {
    if (!layer_.activation)
      return;
    if (layer_.activation->op_type() == "Relu") {
      lo_ = quantize(0);
      return;
    }
    const auto limit = [&](int i, int8_t otherwise) {
      const auto &names = layer_.activation->input();
      return names.size() > i && !names[i].empty() ? quantize(floats(constant(names[i]))[0]) : otherwise;
    };
    lo_ = limit(1, -128);
    hi_ = limit(2, 127);
  }

  int8_t clamped(int8_t x) const { return isa::clampI8(x, lo_, hi_); }

  //===- Sums of products ---===//

  /// Requantises the sums of one output channel; `bias` holds the zero points' share already.
  class Channel {
  public:
    Channel(LayerEvaluator &layer, float sw, int32_t bias) : layer_(layer), bias_(bias) {
      const float sx = layer.sx(), sy = layer.sy_;
      m_ = layer.check(isa::requantMultiplier(sx, sw, sy), std::bit_cast<uint32_t>(1.0f));
      tflite_ = isa::tfliteMultiplier(static_cast<double>(sx) * sw / sy);
      if (layer.alternatives_) {
        otherOrder_ = std::bit_cast<uint32_t>(sx * (sw / sy));
        inputScale_ = sx * sw;
        exactFactor_ = valueOfFloat32(std::bit_cast<uint32_t>(sx)) * valueOfFloat32(std::bit_cast<uint32_t>(sw)) /
                       valueOfFloat32(std::bit_cast<uint32_t>(sy));
      }
    }

    int8_t operator()(int32_t acc) {
      const int8_t zy = layer_.zy_;
      const int8_t fp32 = isa::requantFp32(acc, bias_, m_, zy);
      const int8_t tflite = isa::requantTflite(acc, bias_, tflite_.multiplier, tflite_.shift, zy);
      if (Alternatives *a = layer_.alternatives_) {
        const int32_t sum = isa::addWrap32(acc, bias_);
        const int8_t declared = layer_.clamped(fp32);
        ++a->outputs;
        a->otherOrder += layer_.clamped(isa::requantFp32(acc, bias_, otherOrder_, zy)) != declared;
        a->division += layer_.clamped(layer_.quantize(static_cast<float>(sum) * inputScale_)) != declared;
        a->exact += layer_.clamped(saturate8(nearestEven(exactFactor_ * sum) + zy)) != declared;
        a->tflite += layer_.clamped(tflite) != declared;
      }
      return layer_.clamped(layer_.mode_ == Requantisation::Fp32 ? fp32 : tflite);
    }

  private:
    LayerEvaluator &layer_;
    int32_t bias_;
    uint32_t m_ = 0, otherOrder_ = 0;
    isa::TfliteMultiplier tflite_{};
    float inputScale_ = 0;
    Rational exactFactor_;
  };

  struct Weights {
    Shape shape;
    std::vector<int8_t> data;
    std::vector<float> scale;
    std::vector<int32_t> bias; // empty if the operator has none
  };

  Weights weights() {
    const TensorProto &w = constant(dequantize_[1]->input(0));
    Weights result{shapeOf(w), bytes(w), scales(*dequantize_[1]), {}};
    if (dequantize_.size() > 2)
      result.bias = int32s(constant(dequantize_[2]->input(0)));
    for (const int8_t z : bytes(constant(dequantize_[1]->input(2))))
      if (z != 0)
        diag_ = Diag{layer_.output, "weights have the zero point " + std::to_string(z) + ", the evaluator takes 0"};
    for (const float sw : alternatives_ ? result.scale : std::vector<float>()) {
      ++alternatives_->multipliers;
      alternatives_->otherOrderMultipliers += sx() * sw / sy_ != sx() * (sw / sy_);
    }
    return result;
  }

  /// The channel with its bias: bias - zx * (sum of its weights), because padding holds zx and x enters with its zero
  /// point.
  Channel channel(const Weights &w, int64_t c, int32_t weightSum) {
    const int32_t bias = w.bias.empty() ? 0 : w.bias[static_cast<size_t>(c)];
    const auto correction = static_cast<int32_t>(-int64_t{zx()} * weightSum);
    return Channel(*this, w.scale[w.scale.size() == 1 ? 0 : static_cast<size_t>(c)], isa::addWrap32(bias, correction));
  }

  QTensor convolution() {
    const QTensor &x = inputs_[0];
    const Weights w = weights();
    const Window window(*layer_.op, x.shape, {w.shape[2], w.shape[3]});
    const int64_t outC = w.shape[0], groupC = w.shape[1], taps = window.kernel[0] * window.kernel[1];
    const int64_t group = integer(*layer_.op, "group", 1), plane = window.input[0] * window.input[1];
    QTensor y{{x.shape[0], outC, window.output[0], window.output[1]}, {}};
    y.data.reserve(static_cast<size_t>(elementCount(y.shape)));
    for (int64_t n = 0; n < x.shape[0]; ++n)
      for (int64_t oc = 0; oc < outC; ++oc) {
        const int8_t *kernel = w.data.data() + oc * groupC * taps;
        const int8_t *image = x.data.data() + (n * x.shape[1] + oc / (outC / group) * groupC) * plane;
        Channel requantise = channel(w, oc, std::accumulate(kernel, kernel + groupC * taps, int32_t{0}));
        for (int64_t oh = 0; oh < window.output[0]; ++oh)
          for (int64_t ow = 0; ow < window.output[1]; ++ow) {
            int32_t acc = 0;
            window.forEachTap(oh, ow, [&](int64_t tap, int64_t offset) {
              for (int64_t ic = 0; ic < groupC; ++ic) {
                const int8_t pixel = offset < 0 ? zx() : image[ic * plane + offset];
                acc = isa::addWrap32(acc, isa::mulI8(pixel, kernel[ic * taps + tap]));
              }
            });
            y.data.push_back(requantise(acc));
          }
      }
    return y;
  }

  /// x [rows, K] times constant weights [K, N], or [N, K] with transB.
  QTensor weighted() {
    const QTensor &x = inputs_[0];
    const Weights w = weights();
    const bool transposed = integer(*layer_.op, "transB", 0) != 0;
    const int64_t depth = x.shape.back(), columns = w.shape[transposed ? 0 : 1];
    const auto weight = [&](int64_t k, int64_t n) {
      return w.data[static_cast<size_t>(transposed ? n * depth + k : k * columns + n)];
    };
    QTensor y{x.shape, {}};
    y.shape.back() = columns;
    y.data.resize(static_cast<size_t>(elementCount(y.shape)));
    for (int64_t n = 0; n < columns; ++n) {
      int32_t weightSum = 0;
      for (int64_t k = 0; k < depth; ++k)
        weightSum += weight(k, n);
      Channel requantise = channel(w, n, weightSum);
      for (int64_t row = 0; row < elementCount(x.shape) / depth; ++row) {
        int32_t acc = 0;
        for (int64_t k = 0; k < depth; ++k)
          acc = isa::addWrap32(acc, isa::mulI8(x.data[static_cast<size_t>(row * depth + k)], weight(k, n)));
        y.data[static_cast<size_t>(row * columns + n)] = requantise(acc);
      }
    }
    return y;
  }

  /// Both operands are activations: sum (a - za)(b - zb) = sum ab - zb * sum a - za * sum b + K * za * zb.
  QTensor activations() {
    const QTensor &a = inputs_[0], &b = inputs_[1];
    const size_t rank = a.shape.size();
    const int64_t rows = a.shape[rank - 2], depth = a.shape[rank - 1], columns = b.shape[rank - 1];
    QTensor y{a.shape, {}};
    y.shape.back() = columns;
    for (int64_t batch = 0; batch < elementCount(a.shape) / (rows * depth); ++batch)
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) {
          int32_t acc = 0, sumA = 0, sumB = 0;
          for (int64_t k = 0; k < depth; ++k) {
            const int8_t left = a.data[static_cast<size_t>((batch * rows + i) * depth + k)];
            const int8_t right = b.data[static_cast<size_t>((batch * depth + k) * columns + j)];
            acc = isa::addWrap32(acc, isa::mulI8(left, right));
            sumA = isa::addI8(sumA, left);
            sumB = isa::addI8(sumB, right);
          }
          const int64_t correction = depth * zx(0) * zx(1) - int64_t{zx(1)} * sumA - int64_t{zx(0)} * sumB;
          Channel requantise(*this, sx(1), static_cast<int32_t>(correction));
          y.data.push_back(requantise(acc));
        }
    return y;
  }

  //===- Fixed point ---===//

  struct FixedPoint {
    std::vector<int32_t> multipliers;
    int shift;
  };

  FixedPoint fixedPoint(const std::vector<isa::ScaleRatio> &ratios) {
    FixedPoint result{{}, check(isa::chooseShift(ratios), 0)};
    for (const isa::ScaleRatio &ratio : ratios)
      result.multipliers.push_back(static_cast<int32_t>(isa::fixedPointMultiplier(ratio, result.shift)));
    return result;
  }

  QTensor elementwise() {
    const QTensor &a = inputs_[0], &b = inputs_[1];
    const std::string &op = layer_.op->op_type();
    QTensor y{broadcastShape(a.shape, b.shape), {}};
    const FixedPoint f =
        op == "Mul" ? fixedPoint({{sx(0), sx(1), sy_}}) : fixedPoint({{sx(0), 1, sy_}, {sx(1), 1, sy_}});
    for (int64_t i = 0; i < elementCount(y.shape); ++i) {
      const int8_t left = a.data[static_cast<size_t>(broadcastIndex(i, y.shape, a.shape))];
      const int8_t right = b.data[static_cast<size_t>(broadcastIndex(i, y.shape, b.shape))];
      const int8_t raw = op == "Mul" ? isa::ewMul(left, zx(0), right, zx(1), f.multipliers[0], f.shift, zy_)
                                     : isa::ewAdd(left, zx(0), f.multipliers[0], right, zx(1),
                                                  op == "Sub" ? -f.multipliers[1] : f.multipliers[1], f.shift, zy_);
      y.data.push_back(clamped(raw));
    }
    return y;
  }

  QTensor pool() {
    const QTensor &x = inputs_[0];
    const std::string &op = layer_.op->op_type();
    const bool whole = op == "GlobalAveragePool" || op == "ReduceMean";
    const Window window(*layer_.op, x.shape,
                        whole ? Shape{x.shape[2], x.shape[3]} : ints(*layer_.op, "kernel_shape", {}));
    const int64_t taps = window.kernel[0] * window.kernel[1], plane = window.input[0] * window.input[1];
    const bool includePad = integer(*layer_.op, "count_include_pad", 0) != 0;
    std::vector<isa::ScaleRatio> ratios; // entry count - 1 serves a window with count elements inside
    for (int64_t count = 1; count <= taps; ++count)
      ratios.push_back({sx(), 1, sy_, op == "MaxPool" ? 1 : static_cast<uint32_t>(includePad ? taps : count)});
    const FixedPoint f = fixedPoint(ratios);
    QTensor y{{x.shape[0], x.shape[1], window.output[0], window.output[1]}, {}};
    for (int64_t image = 0; image < x.shape[0] * x.shape[1]; ++image)
      for (int64_t oh = 0; oh < window.output[0]; ++oh)
        for (int64_t ow = 0; ow < window.output[1]; ++ow) {
          int32_t sum = 0, count = 0;
          int8_t top = -128;
          window.forEachTap(oh, ow, [&](int64_t, int64_t offset) {
            if (offset < 0)
              return;
            const int8_t pixel = x.data[static_cast<size_t>(image * plane + offset)];
            sum = isa::addI8(sum, pixel);
            top = isa::maxI8(top, pixel);
            ++count;
          });
          const int32_t m = f.multipliers[static_cast<size_t>(count - 1)];
          y.data.push_back(clamped(op == "MaxPool" ? isa::poolMax(top, zx(), m, f.shift, zy_)
                                                   : isa::poolAvg(sum, count, zx(), m, f.shift, zy_)));
        }
    if (op == "ReduceMean" && integer(*layer_.op, "keepdims", 1) == 0)
      y.shape.resize(2);
    return y;
  }

  /// A function of one value: 256 results computed in float, then look-ups.
  QTensor table() {
    const NodeProto &op = *layer_.op;
    const auto function = [&](float x) {
      if (op.op_type() == "LeakyRelu")
        return x < 0 ? real(op, "alpha", 0.01f) * x : x;
      return std::max(0.0f, std::min(1.0f, real(op, "alpha", 0.2f) * x + real(op, "beta", 0.5f)));
    };
    std::array<int8_t, 256> entries{};
    for (int q = -128; q <= 127; ++q)
      entries[isa::lutIndex(static_cast<int8_t>(q))] = clamped(quantize(function(static_cast<float>(q - zx()) * sx())));
    QTensor y = inputs_[0];
    for (int8_t &q : y.data)
      q = isa::lutI8(entries.data(), q);
    return y;
  }

  /// Operators that only move elements: each element is rescaled from its own input's scale.
  QTensor move() {
    std::vector<QTensor> rescaled = inputs_;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const FixedPoint f = fixedPoint({{sx(i), 1, sy_}});
      for (int8_t &q : rescaled[i].data)
        q = clamped(isa::poolMax(q, zx(i), f.multipliers[0], f.shift, zy_));
    }
    const std::string &op = layer_.op->op_type();
    return op == "Concat" ? concat(rescaled) : op == "Pad" ? pad(rescaled[0]) : nearest(rescaled[0]);
  }

  QTensor concat(const std::vector<QTensor> &parts) const {
    const auto axis = static_cast<size_t>(integer(*layer_.op, "axis", 0));
    QTensor y{parts[0].shape, {}};
    y.shape[axis] = 0;
    for (const QTensor &part : parts)
      y.shape[axis] += part.shape[axis];
    const int64_t outer = elementCount({y.shape.begin(), y.shape.begin() + static_cast<ptrdiff_t>(axis)});
    for (int64_t i = 0; i < outer; ++i)
      for (const QTensor &part : parts) {
        const auto run = static_cast<ptrdiff_t>(part.data.size()) / outer;
        y.data.insert(y.data.end(), part.data.begin() + i * run, part.data.begin() + (i + 1) * run);
      }
    return y;
  }

  QTensor pad(const QTensor &x) const {
    const Shape pads = int64s(constant(layer_.op->input(1)));
    const float value = layer_.op->input_size() > 2 ? floats(constant(layer_.op->input(2)))[0] : 0.0f;
    const size_t rank = x.shape.size();
    QTensor y{x.shape, {}};
    for (size_t d = 0; d < rank; ++d)
      y.shape[d] += pads[d] + pads[d + rank];
    y.data.assign(static_cast<size_t>(elementCount(y.shape)), quantize(value));
    for (int64_t i = 0; i < elementCount(x.shape); ++i) {
      int64_t rest = i, place = 0, stride = 1;
      for (size_t d = rank; d-- > 0; rest /= x.shape[d], stride *= y.shape[d])
        place += (rest % x.shape[d] + pads[d]) * stride;
      y.data[static_cast<size_t>(place)] = x.data[static_cast<size_t>(i)];
    }
    return y;
  }

  /// Resize with mode nearest, nearest_mode floor, coordinates asymmetric: y[i] = x[floor(i * in / out)].
  QTensor nearest(const QTensor &x) const {
    const Shape sizes = int64s(constant(layer_.op->input(3)));
    QTensor y{sizes, {}};
    for (int64_t i = 0; i < elementCount(sizes); ++i) {
      int64_t rest = i, place = 0, stride = 1;
      for (size_t d = sizes.size(); d-- > 0; rest /= sizes[d], stride *= x.shape[d])
        place += rest % sizes[d] * x.shape[d] / sizes[d] * stride;
      y.data.push_back(x.data[static_cast<size_t>(place)]);
    }
    return y;
  }

  const QdqModel &model_;
  const QLayer &layer_;
  const std::vector<QTensor> &inputs_;
  Requantisation mode_;
  Alternatives *alternatives_;
  std::vector<const NodeProto *> dequantize_;
  float sy_ = 1;
  int8_t zy_ = 0, lo_ = -128, hi_ = 127;
  std::optional<Diag> diag_;
};

Result<QdqModel> QdqModel::load(const std::filesystem::path &path) {
  QdqModel model;
  model.proto_ = std::make_unique<onnx::ModelProto>();
  std::ifstream file(path, std::ios::binary);
  if (!model.proto_->ParseFromIstream(&file))
    return Diag{path.string(), "not an ONNX model: give a file that onnx.checker accepts"};
  const onnx::GraphProto &graph = model.proto_->graph();
  for (const TensorProto &t : graph.initializer())
    model.constants_[t.name()] = &t;
  for (const NodeProto &node : graph.node())
    model.producers_[node.output(0)] = &node;

  for (const NodeProto &node : graph.node()) {
    if (node.op_type() == "Reshape") {
      model.layers_.push_back({&node, nullptr, nullptr, {node.input(0)}, node.output(0)});
      continue;
    }
    if (node.op_type() != "QuantizeLinear" || !model.producers_.count(node.input(0)))
      continue;
    QLayer layer{model.producers_.at(node.input(0)), nullptr, &node, {}, node.output(0)};
    if (layer.op->op_type() == "Relu" || layer.op->op_type() == "Clip") {
      layer.activation = layer.op;
      layer.op = model.producers_.at(layer.op->input(0));
    }
    for (const std::string &name : layer.op->input())
      if (const auto it = model.producers_.find(name); it != model.producers_.end())
        layer.inputs.push_back(it->second->input(0));
    model.layers_.push_back(layer);
  }
  return model;
}

std::vector<std::string> QdqModel::inputNames() const {
  std::vector<std::string> names;
  for (const onnx::ValueInfoProto &input : proto_->graph().input())
    if (!isConstant(input.name()))
      names.push_back(input.name());
  return names;
}

std::string QdqModel::unsupported(const QLayer &layer) const {
  const std::string &op = layer.op->op_type();
  if (op == "Softmax")
    return "Softmax is a float operator on the host";
  if (op == "Resize" && word(*layer.op, "mode") != "nearest")
    return "Resize with mode " + word(*layer.op, "mode") + " is a float operator on the host";
  return "";
}

Result<QTensor> QdqModel::evaluate(const QLayer &layer, const std::vector<QTensor> &inputs, Requantisation mode,
                                   Alternatives *alternatives) const {
  return LayerEvaluator(*this, layer, inputs, mode, alternatives).run();
}

Result<QTensor> loadTensor(const std::filesystem::path &path) {
  TensorProto t;
  std::ifstream file(path, std::ios::binary);
  if (!t.ParseFromIstream(&file) || (t.data_type() != TensorProto::INT8 && t.data_type() != TensorProto::UINT8))
    return Diag{path.string(), "not an int8 or uint8 tensor: give a recorded input or output"};
  return QTensor{shapeOf(t), bytes(t)};
}

} // namespace tw::test
