// SPDX-License-Identifier: Apache-2.0
#include "NamedFunctions.h"

using namespace mlir;

namespace tw::ir::onnx {
namespace {

Value isBelowZero(Compose &c, Value x) { return c.compare(CompareKind::Less, x, c.number(x, 0)); }

struct Row {
  llvm::StringRef name;
  int takes; // alpha, or alpha and beta
  float alpha, beta;
  Activation::Function function;
};

constexpr Row kRows[] = {
    {"Affine", 2, 1, 0, [](Compose &c, Value x, float a, float b) { return c.add(c.mul(x, a), b); }},
    {"Elu", 1, 1, 0,
     [](Compose &c, Value x, float a, float) {
       return c.where(isBelowZero(c, x), c.mul(c.apply(UnaryKind::Expm1, x), a), x);
     }},
    {"HardSigmoid", 2, 0.2f, 0.5f,
     [](Compose &c, Value x, float a, float b) { return c.max(c.min(c.add(c.mul(x, a), b), 1), 0); }},
    {"LeakyRelu", 1, 0.01f, 0,
     [](Compose &c, Value x, float a, float) { return c.where(isBelowZero(c, x), c.mul(x, a), x); }},
    {"Relu", 0, 0, 0, [](Compose &c, Value x, float, float) { return c.relu(x); }},
    {"ScaledTanh", 2, 1, 1, [](Compose &c, Value x, float a, float b) { return c.mul(c.tanh(c.mul(x, b)), a); }},
    {"Sigmoid", 0, 0, 0, [](Compose &c, Value x, float, float) { return c.sigmoid(x); }},
    {"Softplus", 0, 0, 0,
     [](Compose &c, Value x, float, float) {
       Value tail = c.apply(UnaryKind::Exp, c.apply(UnaryKind::Neg, c.apply(UnaryKind::Abs, x)));
       return c.add(c.relu(x), c.apply(UnaryKind::Log1p, tail));
     }},
    {"Softsign", 0, 0, 0,
     [](Compose &c, Value x, float, float) { return c.div(x, c.add(c.apply(UnaryKind::Abs, x), 1)); }},
    {"Tanh", 0, 0, 0, [](Compose &c, Value x, float, float) { return c.tanh(x); }},
    {"ThresholdedRelu", 1, 1, 0,
     [](Compose &c, Value x, float a, float) {
       return c.where(c.compare(CompareKind::Greater, x, c.number(x, a)), x, c.number(x, 0));
     }},
};

} // namespace

FailureOr<Activation> activationOf(Node &node, llvm::StringRef name, int &takes) {
  const Row *row = llvm::find_if(kRows, [&](const Row &r) { return r.name.equals_insensitive(name); });
  if (row == std::end(kRows))
    return node.fail("activation '" + name + "' is not supported");
  takes = row->takes;
  return Activation{row->function, row->alpha, row->beta};
}

// The numbers belong to the functions that take any, in their order.
FailureOr<llvm::SmallVector<Activation>> readActivations(Node &node, llvm::ArrayRef<llvm::StringRef> defaults,
                                                         int64_t directions) {
  const size_t count = defaults.size() * directions;
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i)
    names.push_back(defaults[i % defaults.size()].str());
  if (auto given = node.texts("activations")) {
    if (given->size() != count)
      return node.fail("names " + llvm::Twine(given->size()) + " activations, expected " + llvm::Twine(count));
    names = *given;
  }
  const std::vector<float> alphas = node.reals("activation_alpha").value_or(std::vector<float>());
  const std::vector<float> betas = node.reals("activation_beta").value_or(std::vector<float>());
  size_t alpha = 0, beta = 0;
  llvm::SmallVector<Activation> result;
  for (const std::string &name : names) {
    int takes = 0;
    auto next = activationOf(node, name, takes);
    if (failed(next))
      return failure();
    if (takes >= 1 && alpha < alphas.size())
      next->alpha = alphas[alpha++];
    if (takes >= 2 && beta < betas.size())
      next->beta = betas[beta++];
    result.push_back(*next);
  }
  return result;
}

} // namespace tw::ir::onnx
