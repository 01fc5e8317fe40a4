// SPDX-License-Identifier: Apache-2.0
// One generic reader: from the function's result backwards, each element is an expression of elements of its arguments.
// Producers are composed into their consumers, so a chain of generics is one nest with one body.
#include "tw/tensorize/ReadLinalg.h"

#include "linalg/Nest.h"
#include "tw/ir/Constants.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

namespace tw::tensorize {
namespace {

using mlir::Value;

constexpr int kFailed = -1;

std::vector<int64_t> shapeVector(Value value) {
  auto shape = ir::shapeOf(value);
  return {shape.begin(), shape.end()};
}

Index plus(Index a, const Index &b, int64_t factor = 1) {
  for (const Term &term : b.terms) {
    auto found = std::ranges::find(a.terms, term.loop, &Term::loop);
    if (found == a.terms.end())
      a.terms.push_back({term.loop, term.factor * factor});
    else
      found->factor += term.factor * factor;
  }
  a.constant += b.constant * factor;
  return a;
}

// Index of an affine expression whose dimensions have these indices; nothing for divisions and remainders.
std::optional<Index> compose(mlir::AffineExpr expression, const std::vector<Index> &dims) {
  if (auto dim = llvm::dyn_cast<mlir::AffineDimExpr>(expression))
    return dims[dim.getPosition()];
  if (auto constant = llvm::dyn_cast<mlir::AffineConstantExpr>(expression))
    return Index{{}, constant.getValue()};
  auto binary = llvm::dyn_cast<mlir::AffineBinaryOpExpr>(expression);
  if (!binary)
    return std::nullopt;
  auto left = compose(binary.getLHS(), dims), right = compose(binary.getRHS(), dims);
  if (!left || !right)
    return std::nullopt;
  if (binary.getKind() == mlir::AffineExprKind::Add)
    return plus(*left, *right);
  if (binary.getKind() == mlir::AffineExprKind::Mul && right->terms.empty())
    return plus({}, *left, right->constant);
  return std::nullopt;
}

// An index into `part` as one into `whole`, where each dimension of `whole` is a run of dimensions of `part`.
std::optional<std::vector<Index>> throughReshape(const std::vector<int64_t> &part, const std::vector<Index> &at,
                                                 const std::vector<int64_t> &whole) {
  std::vector<Index> result;
  size_t d = 0;
  for (int64_t extent : whole) {
    Index index;
    if (d != part.size() && part[d] == extent) {
      index = at[d++];
    } else if (extent != 1) {
      int64_t product = 1;
      for (; d != part.size() && product < extent; product *= part[d++])
        index = plus(plus({}, index, part[d]), at[d]);
      if (product != extent)
        return std::nullopt;
    }
    result.push_back(std::move(index));
  }
  while (d != part.size() && part[d] == 1)
    ++d;
  return d == part.size() ? std::optional(result) : std::nullopt;
}

class Reader {
public:
  Reader(mlir::func::FuncOp function, mlir::func::CallOp call, const std::function<int(Value)> &numberOf)
      : function(function), call(call), numberOf(numberOf) {}

  std::variant<Block, Renaming, Rejection> run() {
    for (ir::LibraryOp library : function.front().getOps<ir::LibraryOp>())
      return Rejection{"", kLibrary,
                       library.getName().str() +
                           " is a library function, which is code for the host: the NPU has no loop form of it"};
    Value value = function.front().getTerminator()->getOperand(0);
    const std::vector<int64_t> shape = shapeVector(value);
    value = beforeReshapes(value);
    if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(value))
      return Renaming{argument.getArgNumber()};
    auto root = value.getDefiningOp<mlir::linalg::GenericOp>();
    if (!root)
      return Rejection{"", "body", reasonFor(value)};
    std::vector<Index> at;
    for (mlir::AffineExpr expression : root.getIndexingMapsArray().back().getResults())
      if (auto dim = llvm::dyn_cast<mlir::AffineDimExpr>(expression)) {
        at.push_back({{{int(nest.loops.size()), 1}}, 0});
        nest.loops.push_back({"d" + std::to_string(at.size() - 1), root.getStaticLoopRanges()[dim.getPosition()]});
      }
    nest.result = element(value, at);
    if (nest.result == kFailed)
      return *rejection;
    auto written = throughReshape(shapeVector(value), at, shape);
    if (!written)
      return Rejection{"", "layout", "its result changes shape in a way that no access can follow"};
    auto elem = elemOf(function.front().getTerminator()->getOperand(0));
    if (elem != isa::Elem::I8 && elem != isa::Elem::I32)
      return Rejection{"", "dtype",
                       "its result is " + typeName(function.front().getTerminator()->getOperand(0)) +
                           ", neither int8 nor int32"};
    nest.operands.push_back({"result", *elem, true, numberOf(call.getResult(0)), shape, std::move(*written)});
    auto made = normalise(std::move(nest));
    if (auto *refused = std::get_if<Rejection>(&made))
      return *refused;
    return std::get<Block>(std::move(made));
  }

private:
  int refuse(std::string kind, std::string text) {
    if (!rejection)
      rejection = Rejection{"", std::move(kind), std::move(text)};
    return kFailed;
  }

  // What a value is another shape of.
  static Value beforeReshapes(Value value) {
    for (;;) {
      if (auto op = value.getDefiningOp<mlir::tensor::CollapseShapeOp>())
        value = op.getSrc();
      else if (auto op = value.getDefiningOp<mlir::tensor::ExpandShapeOp>())
        value = op.getSrc();
      else
        return value;
    }
  }

  static std::string reasonFor(Value value) {
    if (value.getDefiningOp<mlir::tensor::PadOp>() || value.getDefiningOp<mlir::tensor::InsertSliceOp>())
      return Rejection::kOnlyMoves;
    const ir::ElementType type = ir::elementTypeOf(value.getType());
    if (!llvm::is_contained({ir::ElementType::I8, ir::ElementType::I32, ir::ElementType::F32}, type))
      return "it computes with " + typeName(value) + ", the NPU with int8";
    return "the compiler has no form of it as loops";
  }

  static std::string typeName(Value value) {
    return std::string(ir::elementTypeName(ir::elementTypeOf(value.getType())));
  }

  static std::optional<isa::Elem> elemOf(Value value) {
    mlir::Type type = mlir::getElementTypeOrSelf(value);
    if (type.isF32())
      return isa::Elem::F32;
    return type.isInteger(8)    ? std::optional(isa::Elem::I8)
           : type.isInteger(32) ? std::optional(isa::Elem::I32)
                                : std::nullopt;
  }

  // The value of main that a tensor of the function is, through reshapes; null: something computed.
  Value given(Value value) {
    value = beforeReshapes(value);
    if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(value))
      return call.getOperand(argument.getArgNumber());
    return ir::isConstant(value) ? value : Value();
  }

  int element(Value tensor, const std::vector<Index> &at) {
    if (auto generic = tensor.getDefiningOp<mlir::linalg::GenericOp>())
      return elementOf(generic, at);
    return elementOfTensor(tensor, at, Outside::Never, 0);
  }

  // An element of an argument or constant; `outside` comes from the padding that was read on the way.
  int elementOfTensor(Value tensor, std::vector<Index> at, Outside outside, int32_t outsideValue) {
    if (Value source = given(tensor); source && ir::isConstant(source))
      return constantElement(tensor, source, std::move(at));
    if (auto pad = tensor.getDefiningOp<mlir::tensor::PadOp>()) {
      mlir::IntegerAttr value;
      if (outside != Outside::Never || !pad.getConstantPaddingValue() ||
          !mlir::matchPattern(pad.getConstantPaddingValue(), mlir::m_Constant(&value)))
        return refuse("layout", "it is padded twice, or with a value that is not a constant");
      for (size_t d = 0; d != at.size(); ++d)
        at[d].constant -= pad.getStaticLow()[d];
      return elementOfTensor(pad.getSource(), std::move(at), Outside::Value, int32_t(value.getInt()));
    }
    if (Value source = beforeReshapes(tensor); source != tensor) {
      if (auto whole = throughReshape(shapeVector(tensor), at, shapeVector(source)))
        return elementOfTensor(source, std::move(*whole), outside, outsideValue);
      return refuse("layout", "it reads a tensor under a shape that no access can follow");
    }
    auto argument = llvm::dyn_cast<mlir::BlockArgument>(tensor);
    if (!argument)
      return refuse("body", reasonFor(tensor));
    auto elem = elemOf(tensor);
    if (elem != isa::Elem::I8)
      return refuse("dtype", elem == isa::Elem::F32
                                 ? Rejection::kFloat
                                 : "an operand is " + typeName(tensor) + ", the NPU computes with int8");
    nest.operands.push_back({roleOf(argument), *elem, false, numberOf(call.getOperand(argument.getArgNumber())),
                             shapeVector(tensor), std::move(at), outside, outsideValue});
    return nest.add({Scalar::Operand, 8, int(nest.operands.size()) - 1});
  }

  int constantElement(Value tensor, Value source, std::vector<Index> at) {
    ir::Tensor constant = *ir::constantOf(source);
    auto elem = elemOf(tensor);
    if (!elem)
      return refuse("dtype", "a constant is " + typeName(tensor) + ", the NPU computes with int8");
    const bool isTensor = *elem == isa::Elem::I8 && constant.shape.size() > 1; // weights, even a single one
    if (constant.size() == 1 && *elem != isa::Elem::F32 && !isTensor)
      return nest.number(ir::constantInts(source).front(), *elem == isa::Elem::I8 ? 8 : 32);
    auto argument = llvm::dyn_cast<mlir::BlockArgument>(tensor);
    // As the function sees it: a constant may also be walked like a tensor, under the caller's number.
    bool isWhole = argument && *elem == isa::Elem::I8;
    auto bytes = std::make_shared<std::vector<uint8_t>>(constant.bytes.begin(), constant.bytes.end());
    nest.operands.push_back({argument ? roleOf(argument) : "constant", *elem, false, isWhole ? numberOf(source) : -1,
                             shapeVector(tensor), std::move(at), Outside::Never, 0, bytes});
    return nest.add({Scalar::Operand, *elem == isa::Elem::I8 ? 8 : 32, int(nest.operands.size()) - 1});
  }

  std::string roleOf(mlir::BlockArgument argument) {
    auto role = function.getArgAttrOfType<mlir::StringAttr>(argument.getArgNumber(), "tw.role");
    return role ? role.str() : "arg" + std::to_string(argument.getArgNumber());
  }

  int elementOf(mlir::linalg::GenericOp op, const std::vector<Index> &at) {
    if (op.getNumDpsInits() != 1)
      return refuse("body", "it has more than one result");
    llvm::SmallVector<int64_t> ranges = op.getStaticLoopRanges();
    llvm::SmallVector<mlir::AffineMap> maps = op.getIndexingMapsArray();
    std::vector<Index> dims(ranges.size());
    std::vector<bool> isKnown(ranges.size(), false);
    for (auto [position, expression] : llvm::enumerate(maps.back().getResults())) {
      auto dim = llvm::dyn_cast<mlir::AffineDimExpr>(expression);
      if (!dim)
        return refuse("layout", "a result is not indexed by loops alone");
      dims[dim.getPosition()] = at[position];
      isKnown[dim.getPosition()] = true;
    }
    bool isReduction = false;
    for (size_t loop = 0; loop != ranges.size(); ++loop)
      if (!isKnown[loop]) {
        isReduction = true;
        dims[loop] = {{{int(nest.loops.size()), 1}}, 0};
        nest.loops.push_back({"r" + std::to_string(loop), ranges[loop], true});
      }
    nameLoops(op, dims);
    if (!isReduction)
      return bodyOf(op, dims, false);
    if (hasReduction)
      return refuse("signature",
                    "its loops are two reductions, one behind the other, and a chain of instructions has one");
    hasReduction = true;
    auto fill = op.getDpsInits()[0].getDefiningOp<mlir::linalg::FillOp>();
    mlir::IntegerAttr start;
    if (!fill || !mlir::matchPattern(fill.getInputs()[0], mlir::m_Constant(&start)))
      return refuse("dtype", Rejection::kFloat);
    nest.start = start.getInt();
    nest.update = bodyOf(op, dims, true);
    if (nest.update == kFailed)
      return kFailed;
    return nest.add({Scalar::Reduced, int(start.getType().getIntOrFloatBitWidth())});
  }

  // Names for people; the last one to name a loop is the innermost operation.
  void nameLoops(mlir::linalg::GenericOp op, const std::vector<Index> &dims) {
    auto names = op->getAttrOfType<mlir::ArrayAttr>("tw.loops");
    for (size_t d = 0; names && d != dims.size() && d != names.size(); ++d)
      if (dims[d].terms.size() == 1 && dims[d].terms[0].factor == 1 && dims[d].constant == 0)
        nest.loops[dims[d].terms[0].loop].name = llvm::cast<mlir::StringAttr>(names[d]).str();
  }

  int bodyOf(mlir::linalg::GenericOp op, const std::vector<Index> &dims, bool isReduction) {
    llvm::DenseMap<Value, int> scalars;
    mlir::Block &body = op.getRegion().front();
    llvm::SmallVector<mlir::AffineMap> maps = op.getIndexingMapsArray();
    for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
      if (argument.use_empty())
        continue;
      if (int64_t(i) == op.getNumDpsInputs()) {
        if (!isReduction)
          return refuse("body", "it adds to its result without a reduction");
        scalars[argument] = nest.add(
            {Scalar::Running, argument.getType().isF32() ? 32 : int(argument.getType().getIntOrFloatBitWidth())});
        continue;
      }
      std::vector<Index> index;
      for (mlir::AffineExpr expression : maps[i].getResults()) {
        auto composed = compose(expression, dims);
        if (!composed)
          return refuse("layout", "an index is not a sum of loops");
        index.push_back(std::move(*composed));
      }
      if ((scalars[argument] = element(op.getDpsInputs()[i], index)) == kFailed)
        return kFailed;
    }
    for (mlir::Operation &inner : body.without_terminator()) {
      int made = scalarOf(inner, scalars);
      if (made == kFailed)
        return kFailed;
      scalars[inner.getResult(0)] = made;
    }
    Value yielded = body.getTerminator()->getOperand(0);
    if (auto known = scalars.find(yielded); known != scalars.end())
      return known->second;
    return refuse("body", "it gives a value that is none of its own");
  }

  int scalarOf(mlir::Operation &op, llvm::DenseMap<Value, int> &scalars) {
    mlir::Type type = op.getResult(0).getType();
    if (mlir::IntegerAttr value; mlir::matchPattern(&op, mlir::m_Constant(&value)))
      return nest.number(value.getInt(), int(type.getIntOrFloatBitWidth()));
    if (type.isF32() || llvm::any_of(op.getOperandTypes(), [](mlir::Type t) { return t.isF32(); }))
      if (!llvm::isa<ir::RequantizeOp>(op))
        return refuse("dtype", Rejection::kFloat);
    std::vector<int> args;
    for (Value operand : op.getOperands())
      if (auto known = scalars.find(operand); known != scalars.end())
        args.push_back(known->second);
    const int bits = type.isIntOrFloat() ? int(type.getIntOrFloatBitWidth()) : 0;
    auto make = [&](Scalar::Kind kind) { return nest.add({kind, bits, -1, 0, args}); };
    if (llvm::isa<mlir::arith::ExtSIOp>(op)) // keeps the value: what follows is wide enough or wraps by its own width
      return args.front();
    if (llvm::isa<mlir::arith::AddIOp>(op))
      return make(Scalar::Add);
    if (llvm::isa<mlir::arith::SubIOp>(op)) {
      const Scalar &from = nest.scalars[args[0]], &zero = nest.scalars[args[1]];
      if (from.kind == Scalar::Operand && zero.kind == Scalar::Number)
        nest.operands[from.operand].zero = int32_t(zero.number);
      return make(Scalar::Sub);
    }
    if (llvm::isa<mlir::arith::MulIOp>(op))
      return make(Scalar::Mul);
    if (llvm::isa<mlir::arith::MaxSIOp>(op))
      return make(Scalar::Max);
    if (llvm::isa<mlir::arith::MinSIOp>(op))
      return make(Scalar::Min);
    if (llvm::isa<ir::RequantizeOp>(op))
      return make(Scalar::Requantize);
    if (llvm::isa<ir::RescaleOp>(op))
      return make(Scalar::Rescale);
    if (auto lut = llvm::dyn_cast<ir::LutOp>(op)) {
      Value table = given(lut.getTable());
      if (!table || !ir::isConstant(table))
        return refuse("body", "its table is not a constant");
      int entries = constantElement(lut.getTable(), table, {Index{}});
      if (entries == kFailed)
        return kFailed;
      args.insert(args.begin(), entries);
      return make(Scalar::Lut);
    }
    if (llvm::isa<mlir::linalg::IndexOp>(op))
      return refuse("body", "no instruction computes with the place of an element, as interpolation does");
    return refuse("body", "no instruction computes " + op.getName().getStringRef().str());
  }

  mlir::func::FuncOp function;
  mlir::func::CallOp call;
  const std::function<int(Value)> &numberOf;
  Nest nest;
  bool hasReduction = false;
  std::optional<Rejection> rejection;
};

} // namespace

std::variant<Block, Renaming, Rejection> readBlock(mlir::func::FuncOp function, mlir::func::CallOp call,
                                                   const std::function<int(mlir::Value)> &numberOf) {
  return Reader(function, call, numberOf).run();
}

} // namespace tw::tensorize
