// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/Definition.h"

#include "tw/isa/DiagError.h"

#include "Elements.h"

#include "llvm/ADT/MapVector.h"

#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <utility>

using namespace mlir;

namespace tw::ir {
namespace {

constexpr int64_t kExactInteger = int64_t(1) << 53; // float64 holds every integer up to here

// Does it round reals to integers?
bool isQuantizer(Operation *op) {
  auto resize = dyn_cast<ResizeOp>(op);
  return isa<QuantizeOp>(op) ||
         (resize && resize.getMode() == ResizeMode::Linear && elementTypeOf(resize.getType()) != ElementType::F32);
}

std::vector<Operation *> quantizersOf(func::FuncOp main) {
  std::vector<Operation *> result;
  for (Operation &op : main.front())
    if (isQuantizer(&op))
      result.push_back(&op);
  return result;
}

std::string nameOf(Operation *op) {
  auto names = nodeNames(op->getLoc());
  return names.empty() ? "quantize" : names.front().str();
}

// The elements that are compared: all of a small tensor; of a large one the first, the last, and others at random.
std::vector<int64_t> chooseElements(int64_t count, const DefinitionOptions &options, std::mt19937_64 &random) {
  std::vector<int64_t> chosen;
  if (options.samples == 0 || count <= options.samples) {
    for (int64_t i = 0; i < count; ++i)
      chosen.push_back(i);
    return chosen;
  }
  chosen = {0, count - 1};
  while (static_cast<int64_t>(chosen.size()) < options.samples)
    chosen.push_back(static_cast<int64_t>(random() % static_cast<uint64_t>(count)));
  return chosen;
}

// The distance of two numbers; infinite where exactly one is NaN or an infinity, or they are different infinities.
double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b)))
    return 0;
  return std::isfinite(a) && std::isfinite(b) ? std::abs(a - b) : std::numeric_limits<double>::infinity();
}

constexpr double kLargest = std::numeric_limits<float>::max();

double inFloat32(double x) {
  return std::abs(x) > kLargest ? std::copysign(std::numeric_limits<double>::infinity(), x) : x;
}

// What float32 may make of a value's elements: see kRoundedDraws.
class Roundings {
public:
  using Fixed = llvm::MapVector<Value, const Tensor *>;

  Roundings(Value value, const Fixed &fixed) : value(value), fixed(fixed) {}

  // Does rounding bring element `at` as far from its definition as the reference is? Where one of the two is no number,
  // to the reference itself.
  bool reach(int64_t at, double definition, double reference, double bound) {
    if (notReached == kMostNotReached) // the row is wrong whatever is asked of the others
      return false;
    const double apart = distance(definition, reference);
    for (uint64_t draw = 0; draw != kRoundedDraws; ++draw) {
      if (draw == readers.size())
        readers.push_back(readerOf(draw));
      const double rounded = inFloat32(readers[draw](at));
      if (std::isfinite(apart) ? distance(rounded, inFloat32(definition)) * kBeyondDraws >= apart
                               : distance(rounded, reference) <= bound)
        return true;
    }
    ++notReached;
    return false;
  }

private:
  static constexpr int kMostNotReached = 16;

  definition::Reader readerOf(uint64_t seed) {
    draws.push_back(std::make_unique<definition::Elements>(seed));
    for (auto [known, tensor] : fixed)
      draws.back()->set(known, *tensor);
    return draws.back()->reader(value);
  }

  Value value;
  const Fixed &fixed;
  int notReached = 0;
  std::vector<std::unique_ptr<definition::Elements>> draws;
  std::vector<definition::Reader> readers;
};

void compareElement(DefinitionRow &row, int64_t at, double definition, double reference, double equal,
                    Roundings &roundings) {
  ++row.compared;
  const double apart = distance(definition, reference);
  if (apart > row.bound && roundings.reach(at, definition, reference, row.bound)) {
    ++row.undecided;
    return;
  }
  row.different += apart > equal;
  if (apart <= row.largest)
    return;
  row.largest = apart;
  row.worst = at;
  row.definition = definition;
  row.reference = reference;
}

class Comparison {
public:
  Comparison(ModuleOp imported, const DefinitionOptions &options)
      : main(imported.lookupSymbol<func::FuncOp>("main")), options(options), random(options.seed) {}

  llvm::Expected<std::vector<DefinitionRow>> run(llvm::ArrayRef<NamedTensor> inputs,
                                                 llvm::ArrayRef<NamedTensor> reference) {
    const std::vector<Operation *> quantizers = quantizersOf(main);
    const size_t outputs = main.getNumResults();
    if (inputs.size() != main.getNumArguments() || reference.size() != outputs + quantizers.size())
      return errorAt("", "the reference has " + llvm::Twine(reference.size()) + " tensors, the graph " +
                             llvm::Twine(outputs) + " outputs and " + llvm::Twine(quantizers.size()) + " quantisers");
    for (unsigned i = 0; i < inputs.size(); ++i) {
      if (auto error = checkExact(inputs[i]))
        return std::move(error);
      fix(main.getArgument(i), inputs[i].tensor);
    }
    for (size_t k = 0; k < quantizers.size(); ++k)
      compareQuantizer(quantizers[k], reference[outputs + k].tensor);
    for (size_t i = 0; i < outputs; ++i)
      compareOutput(main.front().getTerminator()->getOperand(i), resultName(main, i), reference[i].tensor);
    if (elements.problem)
      return errorOf(std::move(*elements.problem));
    return std::move(rows);
  }

private:
  static llvm::Error checkExact(const NamedTensor &input) {
    if (input.tensor.type == ElementType::I64)
      return checkExact<int64_t>(input);
    return input.tensor.type == ElementType::U64 ? checkExact<uint64_t>(input) : llvm::Error::success();
  }
  template <typename T> static llvm::Error checkExact(const NamedTensor &input) {
    for (T value : input.tensor.values<T>())
      if (std::cmp_greater(value, kExactInteger) || std::cmp_less(value, -kExactInteger))
        return errorAt("", "input '" + input.name + "' holds " + llvm::Twine(value) +
                               ": the definition is exact for integers up to 2^53");
    return llvm::Error::success();
  }

  void fix(Value value, const Tensor &tensor) {
    elements.set(value, tensor);
    fixed[value] = &tensor;
  }

  void compareQuantizer(Operation *op, const Tensor &reference) {
    DefinitionRow row{nameOf(op), reference.size()};
    row.bound = kQuantizerSteps;
    definition::Reader read = elements.reader(op->getResult(0)), have = definition::readerOf(reference);
    Roundings roundings(op->getResult(0), fixed);
    for (int64_t i : chooseElements(row.elements, options, random))
      compareElement(row, i, read(i), have(i), 0, roundings);
    rows.push_back(std::move(row));
    fix(op->getResult(0), reference); // what comes after it starts from here
  }

  void compareOutput(Value value, std::string name, const Tensor &reference) {
    if (Operation *op = value.getDefiningOp(); op && isQuantizer(op))
      return;
    DefinitionRow row{std::move(name), reference.size()};
    elements.float32Error = 0; // of this output's sums alone: those before a quantiser are the reference's integers now
    definition::Numbers numbers = elements.whole(value);
    if (isReal(reference.type)) {
      double top = 0;
      for (double number : *numbers)
        top = std::abs(number) <= kLargest ? std::max(top, std::abs(number)) : top;
      // The smallest normal float32: below it the reference has no 24 bits.
      row.bound =
          std::max({shareOf(reference.type) * top, elements.float32Error, double(std::numeric_limits<float>::min())});
    }
    definition::Reader have = definition::readerOf(reference);
    Roundings roundings(value, fixed);
    for (int64_t i = 0; i < row.elements; ++i) {
      // A number that float32 does not have, but for what it may be off, is an infinity there.
      double number = (*numbers)[i];
      if (reference.type == ElementType::F32 && std::isinf(have(i)) && std::abs(number) + row.bound > kLargest)
        number = std::copysign(have(i), number);
      compareElement(row, i, number, have(i), row.bound, roundings);
    }
    rows.push_back(std::move(row));
  }

  // Of a narrow real one step more: what lies near a tie may be rounded the other way.
  static double shareOf(ElementType type) {
    return kFloatShare + (type == ElementType::F16 ? 0x1p-10 : type == ElementType::BF16 ? 0x1p-7 : 0);
  }

  func::FuncOp main;
  const DefinitionOptions &options;
  std::mt19937_64 random;
  definition::Elements elements;
  Roundings::Fixed fixed; // in elements
  std::vector<DefinitionRow> rows;
};

} // namespace

void exposeQuantizers(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  Operation *terminator = main.front().getTerminator();
  SmallVector<Value> results(terminator->getOperands());
  SmallVector<DictionaryAttr> attributes;
  Builder builder(module.getContext());
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    attributes.push_back(main.getResultAttrDict(i) ? main.getResultAttrDict(i) : builder.getDictionaryAttr({}));
  for (Operation *op : quantizersOf(main)) {
    results.push_back(op->getResult(0));
    attributes.push_back(builder.getDictionaryAttr(builder.getNamedAttr("tw.name", builder.getStringAttr(nameOf(op)))));
  }
  terminator->setOperands(results);
  main.setFunctionType(builder.getFunctionType(main.front().getArgumentTypes(), terminator->getOperandTypes()));
  main.setAllResultAttrs(attributes);
}

llvm::Expected<std::vector<DefinitionRow>> compareWithDefinition(ModuleOp imported, llvm::ArrayRef<NamedTensor> inputs,
                                                                 llvm::ArrayRef<NamedTensor> reference,
                                                                 const DefinitionOptions &options) {
  return Comparison(imported, options).run(inputs, reference);
}

} // namespace tw::ir
