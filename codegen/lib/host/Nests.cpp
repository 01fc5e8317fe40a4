// SPDX-License-Identifier: Apache-2.0
// From the tensor operations of a block to nests. Elementwise operations join the nest of the value they read when
// nobody else reads it; what remains between nests lies in scratch memory.
#include "host/Nest.h"

#include "tw/ir/Constants.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/MapVector.h"

#include <algorithm>
#include <map>

namespace tw::codegen {
namespace {

using namespace mlir;
using ir::Dims;
using ir::Shape;

using Steps = SmallVector<int64_t, 8>;

// A tensor as it lies in memory.
struct View {
  unsigned array = 0;
  int64_t offset = 0;
  Steps steps; // per dimension
};

bool isDense(const View &view, Dims shape) {
  Shape dense = ir::stridesOf(shape);
  for (size_t d = 0; d != shape.size(); ++d)
    if (shape[d] != 1 && view.steps[d] != dense[d])
      return false;
  return true;
}

// Steps of a row-major tensor's linear index per loop, and its constant.
std::optional<std::pair<Steps, int64_t>> linear(AffineMap map, ArrayRef<int64_t> steps) {
  std::pair<Steps, int64_t> result{Steps(map.getNumDims(), 0), 0};
  for (auto [expression, step] : llvm::zip(map.getResults(), steps)) {
    SmallVector<int64_t> flat;
    if (failed(getFlattenedAffineExpr(expression, map.getNumDims(), 0, &flat)) || flat.size() != map.getNumDims() + 1)
      return std::nullopt;
    for (unsigned d = 0; d != map.getNumDims(); ++d)
      result.first[d] += flat[d] * step;
    result.second += flat.back() * step;
  }
  return result;
}

// The factor of a product of bytes: (extsi(argument) - zero).
struct Factor {
  unsigned argument = 0;
  int64_t zero = 0;
};
std::optional<Factor> factorOf(Value value) {
  Factor factor;
  APInt zero;
  if (auto minus = value.getDefiningOp<arith::SubIOp>(); minus && matchPattern(minus.getRhs(), m_ConstantInt(&zero))) {
    factor.zero = zero.getSExtValue();
    value = minus.getLhs();
  }
  auto wide = value.getDefiningOp<arith::ExtSIOp>();
  auto argument = wide ? dyn_cast<BlockArgument>(wide.getIn()) : nullptr;
  if (!argument || !argument.getType().isInteger(8))
    return std::nullopt;
  factor.argument = argument.getArgNumber();
  return factor;
}

// acc + (x - zx) * (w - zw) in int32.
std::optional<std::pair<Factor, Factor>> dotOf(linalg::GenericOp op) {
  Block *body = op.getBody();
  auto sum = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddIOp>();
  if (!sum || !sum.getType().isInteger(32) || sum.getLhs() != body->getArguments().back() || op.getNumDpsInputs() != 2)
    return std::nullopt;
  auto product = sum.getRhs().getDefiningOp<arith::MulIOp>();
  if (!product)
    return std::nullopt;
  auto x = factorOf(product.getLhs()), w = factorOf(product.getRhs());
  if (!x || !w || x->argument == w->argument)
    return std::nullopt;
  return std::pair(*x, *w);
}

class Builder {
public:
  Builder(func::FuncOp block, ArrayRef<bool> isConstant, Dot dot)
      : block(block), isConstant(isConstant), dot(dot), context(block.getContext()) {}

  llvm::Expected<HostFunction> run() {
    for (BlockArgument argument : block.getArguments()) {
      HostArray array{HostArray::Argument, elementOf(argument), countOf(argument), argument.getArgNumber(),
                      isConstant[argument.getArgNumber()]};
      views[argument] = denseView(function.addArray(std::move(array)), argument);
    }
    Operation *terminator = block.front().getTerminator();
    for (auto [index, value] : llvm::enumerate(terminator->getOperands()))
      results.push_back(
          {value, function.addArray({HostArray::Result, elementOf(value), countOf(value), unsigned(index)})});
    for (Operation &op : block.front().without_terminator())
      if (auto error = add(&op))
        return std::move(error);
    // What is returned as it is: an argument, or another shape of something that is read elsewhere, too.
    for (const Returned &result : results)
      if (auto error = finish(result))
        return std::move(error);
    // Nothing is done for a result without elements.
    std::erase_if(function.nests, [](const HostNest &nest) {
      return llvm::any_of(llvm::zip(nest.extents, nest.isReduction),
                          [](auto loop) { return std::get<0>(loop) == 0 && !std::get<1>(loop); });
    });
    for (HostNest &nest : function.nests)
      simplify(nest);
    return std::move(function);
  }

private:
  // Memory has bits without a sign: bodies say how they read them.
  static Type elementOf(Value value) {
    Type element = cast<RankedTensorType>(value.getType()).getElementType();
    return element.isUnsignedInteger() ? IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth())
                                       : element;
  }
  static int64_t countOf(Value value) { return ir::elementCount(ir::shapeOf(value)); }
  static View denseView(unsigned array, Value value) {
    Shape strides = ir::stridesOf(ir::shapeOf(value));
    return {array, 0, Steps(strides.begin(), strides.end())};
  }
  llvm::Error refuse(Operation *op, StringRef what) {
    return llvm::createStringError("host code: '" + op->getName().getStringRef() + "' " + what);
  }

  // The value that another one shows under another shape or sign, all of it and in the same order.
  static Value rootOf(Value value) {
    for (;;) {
      Operation *op = value.getDefiningOp();
      if (!op || !isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::BitcastOp>(op))
        return value;
      value = op->getOperand(0);
    }
  }

  // A result of the block and its memory.
  struct Returned {
    Value value;
    unsigned array;
  };
  // The result that a value is, under any shape: it may be written there at once. Null: none.
  const Returned *returnedAs(Value value) const {
    auto *found = llvm::find_if(results, [&](const Returned &result) { return rootOf(result.value) == value; });
    return found == results.end() ? nullptr : found;
  }

  llvm::Error add(Operation *op) {
    if (isa<arith::ConstantOp, tensor::EmptyOp, linalg::FillOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
            tensor::BitcastOp, tensor::PadOp, ir::ConstantOp>(op))
      return llvm::Error::success(); // made where they are used
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      return addGeneric(generic);
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
      return addInsert(insert);
    if (auto extract = dyn_cast<tensor::ExtractSliceOp>(op))
      return addExtract(extract);
    return refuse(op, "has no loops");
  }

  //===- Values ---------------------------------------------------------------------------------------------------===//

  // Whole and row-major in memory.
  llvm::Expected<View> materialise(Value value) {
    Value root = rootOf(value);
    if (auto found = views.find(root); found != views.end()) {
      if (isDense(found->second, ir::shapeOf(root))) {
        View view = denseView(found->second.array, value);
        view.offset = found->second.offset;
        return view;
      }
      if (root == value)
        return found->second;
      auto copy = copied(root, nullptr);
      return copy ? llvm::Expected<View>(denseView(*copy, value)) : copy.takeError();
    }
    if (pending.count(root)) {
      flush(root);
      return denseView(views[root].array, value);
    }
    Operation *op = root.getDefiningOp();
    if (auto pad = dyn_cast_or_null<tensor::PadOp>(op)) {
      auto array = padded(pad, nullptr);
      if (!array)
        return array.takeError();
      views[root] = denseView(*array, root);
      return denseView(*array, value);
    }
    if (auto constant = dyn_cast_or_null<ir::ConstantOp>(op)) {
      HostArray array{HostArray::Derived, elementOf(root), countOf(root)};
      array.isConstant = true;
      array.constant.compute = [tensor = ir::readConstant(constant.getValue())](ArrayRef<ir::Tensor>) {
        return tensor;
      };
      views[root] = denseView(function.addArray(std::move(array)), root);
      return denseView(views[root].array, value);
    }
    if (auto fill = dyn_cast_or_null<linalg::FillOp>(op)) {
      const unsigned array = newArray(root, returnedAs(root));
      HostNest nest = nestOver(ir::shapeOf(root));
      nest.output = {array, 0, denseView(array, root).steps};
      nest.initial = constantAttr(fill.getInputs()[0]);
      function.nests.push_back(std::move(nest));
      views[root] = denseView(array, root);
      return denseView(array, value);
    }
    return refuse(op, "has no memory");
  }

  static TypedAttr constantAttr(Value value) {
    Attribute attribute;
    matchPattern(value, m_Constant(&attribute));
    return dyn_cast_or_null<TypedAttr>(attribute);
  }

  unsigned newArray(Value like, const Returned *result) {
    return result ? result->array : function.addArray({HostArray::Scratch, elementOf(like), countOf(like)});
  }

  HostNest nestOver(Dims shape) {
    HostNest nest;
    nest.extents.assign(shape.begin(), shape.end());
    nest.isReduction.assign(shape.size(), false);
    return nest;
  }

  // A body that gives its one argument, changed by `convert`.
  using Convert = llvm::function_ref<Value(OpBuilder &, Location, Value)>;
  Block *makeBody(Type from, Type to, Convert convert) {
    function.bodies.push_back(std::make_unique<Region>());
    Block &body = function.bodies.back()->emplaceBlock();
    body.addArgument(from, block.getLoc());
    body.addArgument(to, block.getLoc());
    OpBuilder builder(context);
    builder.setInsertionPointToStart(&body);
    Value value = body.getArgument(0);
    if (convert)
      value = convert(builder, block.getLoc(), value);
    builder.create<linalg::YieldOp>(block.getLoc(), value);
    return &body;
  }

  // How bytes are held for a dot product.
  struct Widening {
    Dot dot;
    Type type(MLIRContext *context) const { return IntegerType::get(context, dot == Dot::Pairs ? 16 : 8); }
    Value operator()(OpBuilder &builder, Location location, Value x) const {
      if (dot == Dot::Pairs)
        return builder.create<arith::ExtSIOp>(location, builder.getI16Type(), x);
      Value sign = builder.create<arith::ConstantOp>(location, builder.getI8IntegerAttr(-128));
      return builder.create<arith::XOrIOp>(location, x, sign);
    }
  };
  static constexpr int64_t kSlack = 8; // elements behind the last that a dot product may read, times zero

  // A copy of a value into [array at view], joined with what makes the value if only this reads it.
  llvm::Error copyInto(Value source, const View &to, const Widening *widening) {
    HostNest nest = nestOver(ir::shapeOf(source));
    Type from = elementOf(source), type = widening ? widening->type(context) : from;
    Stage stage;
    stage.body = widening ? makeBody(from, type, *widening) : makeBody(from, type, nullptr);
    for (unsigned loop = 0; loop != nest.loops(); ++loop)
      stage.indexOf.push_back({{loop, 1}});
    nest.stages.push_back(std::move(stage));
    nest.output = {to.array, to.offset, to.steps};
    Shape dense = ir::stridesOf(ir::shapeOf(source));
    if (auto error = addInput(nest, source, dense, 0, AffineMap::getMultiDimIdentityMap(nest.loops(), context)))
      return error;
    currentStage(nest).indexOf.clear();
    function.nests.push_back(std::move(nest));
    return llvm::Error::success();
  }

  llvm::Expected<unsigned> copied(Value source, const Widening *widening) {
    unsigned array = function.addArray({HostArray::Scratch, widening ? widening->type(context) : elementOf(source),
                                        countOf(source) + (widening ? kSlack : 0)});
    if (auto error = copyInto(source, denseView(array, source), widening))
      return std::move(error);
    return array;
  }

  // The padded tensor in memory: its border filled, its source copied.
  llvm::Expected<unsigned> padded(tensor::PadOp pad, const Widening *widening) {
    Value result = pad.getResult(), source = pad.getSource();
    Type type = widening ? widening->type(context) : elementOf(result);
    const Returned *returned = widening ? nullptr : returnedAs(result);
    const unsigned array =
        returned ? returned->array
                 : function.addArray({HostArray::Scratch, type, countOf(result) + (widening ? kSlack : 0)});
    View whole = denseView(array, result);
    TypedAttr value = constantAttr(pad.getConstantPaddingValue());
    if (widening) {
      int64_t number = cast<IntegerAttr>(value).getInt();
      value = IntegerAttr::get(type, widening->dot == Dot::Pairs ? number : int64_t(int8_t(number ^ 0x80)));
    }
    Dims outer = ir::shapeOf(result), inner = ir::shapeOf(source);
    ArrayRef<int64_t> low = pad.getStaticLow();
    // Dimensions in front of the padded one within the source, those behind it whole.
    for (size_t d = 0; d != outer.size(); ++d)
      for (bool isLow : {true, false}) {
        const int64_t begin = isLow ? 0 : low[d] + inner[d], count = (isLow ? low[d] : outer[d]) - begin;
        if (count == 0)
          continue;
        Shape region(outer.begin(), outer.end());
        region[d] = count;
        int64_t offset = begin * whole.steps[d];
        for (size_t before = 0; before != d; ++before) {
          region[before] = inner[before];
          offset += low[before] * whole.steps[before];
        }
        HostNest nest = nestOver(region);
        nest.initial = value;
        nest.output = {array, offset, whole.steps};
        if (ir::elementCount(region) != 0)
          function.nests.push_back(std::move(nest));
      }
    for (size_t d = 0; d != outer.size(); ++d)
      whole.offset += low[d] * whole.steps[d];
    if (auto error = copyInto(source, whole, widening))
      return std::move(error);
    return array;
  }

  llvm::Expected<View> widened(Value value, Widening widening) {
    Value root = rootOf(value);
    auto key = std::pair(root.getAsOpaquePointer(), widening.dot);
    if (auto found = widenings.find(key); found != widenings.end())
      return denseView(found->second, value);
    auto pad = root.getDefiningOp<tensor::PadOp>();
    auto array = pad ? padded(pad, &widening) : copied(root, &widening);
    if (!array)
      return array.takeError();
    widenings[key] = *array;
    return denseView(*array, value);
  }

  //===- Operations -----------------------------------------------------------------------------------------------===//

  llvm::Error addInsert(tensor::InsertSliceOp op) {
    if (llvm::any_of(op.getStaticStrides(), [](int64_t stride) { return stride != 1; }) ||
        ShapedType::isDynamicShape(op.getStaticOffsets()) || op.getSourceType().getRank() != op.getType().getRank())
      return refuse(op, "with steps or offsets that are no constants");
    Value root = op.getDest();
    View view;
    if (root.getDefiningOp<tensor::EmptyOp>()) {
      // The last of the chain says whether this is the result.
      Value last = op.getResult();
      while (last.hasOneUse() && isa<tensor::InsertSliceOp>(*last.user_begin()) &&
             cast<tensor::InsertSliceOp>(*last.user_begin()).getDest() == last)
        last = (*last.user_begin())->getResult(0);
      view = denseView(newArray(op.getResult(), returnedAs(last)), op.getResult());
    } else {
      if (!root.hasOneUse())
        return refuse(op, "into a tensor that is read elsewhere, too");
      auto known = materialise(root);
      if (!known)
        return known.takeError();
      view = *known;
      if (function.arrays[view.array].kind == HostArray::Argument)
        return refuse(op, "into an argument");
    }
    views[op.getResult()] = view;
    View part = view;
    for (auto [offset, step] : llvm::zip(op.getStaticOffsets(), view.steps))
      part.offset += offset * step;
    return copyInto(op.getSource(), part, nullptr);
  }

  llvm::Error addExtract(tensor::ExtractSliceOp op) {
    if (ShapedType::isDynamicShape(op.getStaticOffsets()) || ShapedType::isDynamicShape(op.getStaticStrides()) ||
        op.getSourceType().getRank() != op.getType().getRank())
      return refuse(op, "with steps or offsets that are no constants");
    auto view = materialise(op.getSource());
    if (!view)
      return view.takeError();
    for (size_t d = 0; d != view->steps.size(); ++d) {
      view->offset += op.getStaticOffsets()[d] * view->steps[d];
      view->steps[d] *= op.getStaticStrides()[d];
    }
    views[op.getResult()] = *view;
    return llvm::Error::success();
  }

  llvm::Error addGeneric(linalg::GenericOp op) {
    HostNest nest;
    Shape extents(op.getStaticLoopRanges());
    nest.extents.assign(extents.begin(), extents.end());
    for (utils::IteratorType type : op.getIteratorTypesArray())
      nest.isReduction.push_back(type == utils::IteratorType::reduction);
    nest.isReduced = llvm::is_contained(nest.isReduction, true);
    auto maps = op.getIndexingMapsArray();
    Stage stage;
    stage.body = op.getBody();
    for (unsigned loop = 0; loop != nest.loops(); ++loop)
      stage.indexOf.push_back({{loop, 1}});
    bool usesIndex = false;
    for (Operation &inside : stage.body->without_terminator()) {
      usesIndex |= isa<linalg::IndexOp>(inside);
      for (Value operand : inside.getOperands())
        if (auto tensor = dyn_cast<RankedTensorType>(operand.getType())) {
          auto view = materialise(operand);
          if (!view)
            return view.takeError();
          if (!isDense(*view, tensor.getShape()) || view->offset != 0)
            return refuse(op, "reads a part of a tensor by index");
          function.captured[operand] = view->array;
        }
    }
    nest.stages.push_back(std::move(stage));

    Value out = op.getResult(0);
    Shape outStrides = ir::stridesOf(ir::shapeOf(out));
    auto output = linear(maps.back(), outStrides);
    if (!output || output->second != 0)
      return refuse(op, "has a result that is no linear function of its loops");
    nest.output.steps = output->first;

    if (nest.isReduced) {
      Value init = op.getDpsInits()[0];
      if (auto fill = init.getDefiningOp<linalg::FillOp>()) {
        nest.initial = constantAttr(fill.getInputs()[0]);
      } else {
        auto view = materialise(init);
        if (!view)
          return view.takeError();
        auto steps = linear(maps.back(), view->steps);
        nest.initial = HostAccess{view->array, view->offset, steps->first};
      }
      if (auto done = addDot(op, nest); !done)
        return done.takeError();
      else if (*done)
        return setPending(out, std::move(nest));
    } else if (!op.getBody()->getArguments().back().use_empty()) {
      return refuse(op, "is elementwise and reads what it overwrites");
    }
    for (auto [position, input] : llvm::enumerate(op.getDpsInputs())) {
      if (op.getBody()->getArgument(position).use_empty()) {
        currentStage(nest).inputs.push_back(std::monostate());
        continue;
      }
      Shape strides = ir::stridesOf(ir::shapeOf(input));
      auto access = linear(maps[position], strides);
      if (!access)
        return refuse(op, "has an access that is no linear function of its loops");
      if (auto error = addInput(nest, input, access->first, access->second, maps[position]))
        return error;
    }
    if (!usesIndex)
      currentStage(nest).indexOf.clear();
    return setPending(out, std::move(nest));
  }

  // The stage that the operation itself is: stages that it was joined with stand in front of it.
  static Stage &currentStage(HostNest &nest) { return nest.stages.back(); }

  // Products of bytes whose second factor is known: widened bytes, and a constant for everything that zero points add.
  llvm::Expected<bool> addDot(linalg::GenericOp op, HostNest &nest) {
    auto factors = dotOf(op);
    if (dot == Dot::None || !factors || !std::holds_alternative<TypedAttr>(nest.initial))
      return false;
    auto [x, w] = *factors;
    Value left = op.getDpsInputs()[x.argument], right = op.getDpsInputs()[w.argument];
    auto found = views.find(rootOf(right));
    if (found == views.end() || !function.arrays[found->second.array].isConstant)
      return false;
    const View known = found->second;
    if (function.arrays[known.array].kind != HostArray::Argument || !isDense(known, ir::shapeOf(rootOf(right))))
      return false;
    auto maps = op.getIndexingMapsArray();
    auto xSteps = linear(maps[x.argument], ir::stridesOf(ir::shapeOf(left)));
    auto wSteps = linear(maps[w.argument], ir::stridesOf(ir::shapeOf(right)));
    if (!xSteps || !wSteps || xSteps->second != 0 || wSteps->second != 0)
      return false;
    // Neighbours in memory of both factors are what is multiplied in one step.
    const unsigned last = nest.loops() - 1;
    if (!nest.isReduction[last] || xSteps->first[last] != 1 || wSteps->first[last] != 1)
      return false;
    // Neighbouring results differ in the known factor only: they lie in lanes.
    bool hasLanes = false;
    for (unsigned loop = 0; loop != nest.loops(); ++loop)
      hasLanes |= !nest.isReduction[loop] && nest.extents[loop] > 1 && nest.output.steps[loop] == 1 &&
                  xSteps->first[loop] == 0 && wSteps->first[loop] != 0;
    if (!hasLanes)
      return false;
    const Dot kind = w.zero == 0 ? dot : Dot::Pairs;
    if (nest.extents[last] < (kind == Dot::Pairs ? 2 : 3) && !joinsNeighbour(nest, xSteps->first, wSteps->first))
      return false;
    auto view = widened(left, {kind});
    if (!view)
      return view.takeError();
    nest.dot = kind;
    Stage &stage = currentStage(nest);
    stage.inputs.resize(2);
    stage.inputs[x.argument] = HostAccess{view->array, view->offset, xSteps->first};
    stage.inputs[w.argument] = HostAccess{known.array, known.offset, wSteps->first};
    if (x.argument == 1) // the known factor comes second
      std::swap(stage.inputs[0], stage.inputs[1]);
    // sum (x - zx)(w - zw) = sum x' (w - zw) - (zx + shift) sum (w - zw), where x' = x + shift is what is held.
    const int64_t shift = kind == Dot::Quads ? 128 : 0;
    addCorrection(nest, wSteps->first, known.array, -(x.zero + shift), w.zero);
    nest.zeroOfWeights = w.zero;
    stage.indexOf.clear();
    return true;
  }

  static bool joinsNeighbour(const HostNest &nest, ArrayRef<int64_t> x, ArrayRef<int64_t> w) {
    const unsigned last = nest.loops() - 1;
    return last > 0 && nest.isReduction[last - 1] && x[last - 1] == nest.extents[last] &&
           w[last - 1] == nest.extents[last];
  }

  // Sums begin with factor * sum(w - zero) of their channel.
  void addCorrection(HostNest &nest, ArrayRef<int64_t> wSteps, unsigned weights, int64_t factor, int64_t zero) {
    Shape extents(nest.extents.begin(), nest.extents.end());
    Shape channels;
    Steps steps(extents.size(), 0);
    int64_t count = 1;
    for (size_t loop = extents.size(); loop-- > 0;)
      if (!nest.isReduction[loop] && wSteps[loop] != 0) {
        steps[loop] = count;
        count *= extents[loop];
      }
    HostArray array{HostArray::Derived, IntegerType::get(context, 32), count};
    array.isConstant = true;
    array.constant.arguments = {function.arrays[weights].argument};
    array.constant.compute = [=, steps = Shape(steps.begin(), steps.end()), walk = Shape(wSteps.begin(), wSteps.end()),
                              isReduction = nest.isReduction](ArrayRef<ir::Tensor> constants) {
      ir::Tensor result(ir::ElementType::I32, {count});
      const int8_t *w = constants[0].data<int8_t>();
      Shape index(extents.size(), 0);
      // Loops that the weights do not have are walked once.
      for (bool isMore = true; isMore;) {
        int64_t from = 0, to = 0;
        for (size_t loop = 0; loop != extents.size(); ++loop) {
          from += index[loop] * walk[loop];
          to += index[loop] * steps[loop];
        }
        int32_t &sum = result.data<int32_t>()[to];
        sum = int32_t(uint32_t(sum) + uint32_t(factor * (w[from] - zero)));
        isMore = false;
        for (size_t loop = extents.size(); loop-- > 0 && !isMore;) {
          if (walk[loop] == 0)
            continue;
          if (++index[loop] == extents[loop])
            index[loop] = 0;
          else
            isMore = true;
        }
      }
      return result;
    };
    nest.initial = HostAccess{function.addArray(std::move(array)), 0, steps};
  }

  //===- Joining --------------------------------------------------------------------------------------------------===//

  // The current stage reads `value` at these steps of its row-major order, per loop of its own operation: by joining
  // the nest that makes it, or from memory.
  llvm::Error addInput(HostNest &nest, Value value, ArrayRef<int64_t> steps, int64_t offset, AffineMap map) {
    Value root = rootOf(value);
    const bool isReduction = nest.isReduced && nest.stages.size() == 1;
    if (auto found = pending.find(root); found != pending.end() && !isReduction && offset == 0)
      if (join(nest, found->second, steps)) {
        pending.erase(root);
        return llvm::Error::success();
      }
    auto view = materialise(value);
    if (!view)
      return view.takeError();
    auto there = linear(map, view->steps);
    currentStage(nest).inputs.push_back(
        HostAccess{view->array, view->offset + there->second, inNest(nest, there->first)});
    return llvm::Error::success();
  }

  // Makes two loops of one: the new one, last, walks `innerExtent` neighbours.
  static void splitLoop(HostNest &nest, unsigned loop, int64_t innerExtent) {
    const unsigned inner = nest.loops();
    nest.extents[loop] /= innerExtent;
    nest.extents.push_back(innerExtent);
    nest.isReduction.push_back(nest.isReduction[loop]);
    for (HostAccess *access : nest.accesses()) {
      access->steps.push_back(access->steps[loop]);
      access->steps[loop] *= innerExtent;
    }
    for (Stage &stage : nest.stages)
      for (auto &index : stage.indexOf)
        if (auto *part = llvm::find_if(index, [&](const auto &entry) { return entry.first == loop; });
            part != index.end()) {
          const int64_t factor = part->second;
          part->second *= innerExtent;
          index.push_back({inner, factor});
        }
  }

  // Steps per loop of the current stage's own operation as steps of the nest's loops.
  static Steps inNest(HostNest &nest, ArrayRef<int64_t> own) {
    Steps steps(nest.loops(), 0);
    for (auto [step, index] : llvm::zip(own, currentStage(nest).indexOf))
      for (auto [loop, factor] : index)
        steps[loop] += step * factor;
    return steps;
  }

  // Puts the stages of `producer` in front of the current one, loop for loop. False, and nothing changed, if that does
  // not read each element once.
  bool join(HostNest &consumer, const HostNest &producer, ArrayRef<int64_t> reads) {
    if ((producer.isReduced && consumer.isReduced) || llvm::is_contained(consumer.extents, 0) ||
        llvm::is_contained(producer.extents, 0))
      return false;
    HostNest changed = consumer;
    Steps steps = inNest(changed, reads);
    std::vector<int> to(producer.loops(), -1);
    // Loops of the producer, finest first, are parts of those of the consumer.
    SmallVector<unsigned> order;
    for (unsigned loop = 0; loop != producer.loops(); ++loop)
      if (!producer.isReduction[loop] && producer.extents[loop] != 1)
        order.push_back(loop);
    llvm::sort(order, [&](unsigned a, unsigned b) { return producer.output.steps[a] < producer.output.steps[b]; });
    SmallVector<bool> isTaken(changed.isReduction.begin(),
                              changed.isReduction.end()); // reductions have nothing to do with it
    for (unsigned loop : order) {
      const int64_t step = producer.output.steps[loop], extent = producer.extents[loop];
      for (unsigned other = 0; other != changed.loops() && to[loop] < 0; ++other) {
        if (isTaken[other] || steps[other] != step || changed.extents[other] % extent != 0)
          continue;
        to[loop] = int(other);
        if (changed.extents[other] != extent) {
          splitLoop(changed, other, extent);
          steps.push_back(step);
          steps[other] *= extent;
          isTaken.push_back(true);
          to[loop] = int(changed.loops()) - 1;
        } else {
          isTaken[other] = true;
        }
      }
      if (to[loop] < 0)
        return false;
    }
    for (unsigned other = 0; other != changed.loops(); ++other)
      if (!isTaken[other] && changed.extents[other] != 1)
        return false;
    // The producer's reductions come last, in their order.
    for (unsigned loop = 0; loop != producer.loops(); ++loop)
      if (producer.isReduction[loop]) {
        to[loop] = int(changed.loops());
        changed.extents.push_back(producer.extents[loop]);
        changed.isReduction.push_back(true);
        for (HostAccess *access : changed.accesses())
          access->steps.push_back(0);
      }
    auto moved = [&](HostAccess access) {
      Steps there(changed.loops(), 0);
      for (unsigned loop = 0; loop != producer.loops(); ++loop)
        if (to[loop] >= 0)
          there[unsigned(to[loop])] += access.steps[loop];
      access.steps = std::move(there);
      return access;
    };
    if (producer.dot != Dot::None)
      for (unsigned loop = 0; loop != producer.loops(); ++loop)
        if (producer.output.steps[loop] == 1 && to[loop] >= 0 && changed.output.steps[unsigned(to[loop])] != 1)
          return false; // its lanes are neighbours in memory
    // A reduction is the first stage.
    const unsigned position = producer.isReduced ? 0 : unsigned(changed.stages.size()) - 1,
                   count = unsigned(producer.stages.size());
    for (Stage &stage : changed.stages)
      for (StageInput &input : stage.inputs)
        if (auto *earlier = std::get_if<unsigned>(&input); earlier && *earlier >= position)
          *earlier += count;
    std::vector<Stage> stages = producer.stages;
    for (Stage &stage : stages) {
      for (StageInput &input : stage.inputs)
        if (auto *access = std::get_if<HostAccess>(&input))
          *access = moved(*access);
        else if (auto *earlier = std::get_if<unsigned>(&input))
          *earlier += position;
      for (auto &index : stage.indexOf) {
        Stage::Parts there;
        for (auto [loop, factor] : index)
          if (to[loop] >= 0)
            there.push_back({unsigned(to[loop]), factor});
        index = std::move(there);
      }
    }
    changed.stages.insert(changed.stages.begin() + position, stages.begin(), stages.end());
    if (producer.isReduced) {
      changed.isReduced = true;
      changed.dot = producer.dot;
      changed.zeroOfWeights = producer.zeroOfWeights;
      changed.initial = producer.initial;
      if (auto *access = std::get_if<HostAccess>(&changed.initial))
        *access = moved(*access);
    }
    currentStage(changed).inputs.push_back(position + count - 1);
    consumer = std::move(changed);
    return true;
  }

  // The nest that makes `value` waits for its reader, if there is one only.
  llvm::Error setPending(Value value, HostNest nest) {
    pending[value] = std::move(nest);
    if (!mayWait(value))
      flush(value);
    return llvm::Error::success();
  }

  static bool mayWait(Value value) {
    while (value.hasOneUse()) {
      Operation *user = *value.user_begin();
      if (isa<linalg::GenericOp, tensor::InsertSliceOp, tensor::PadOp>(user))
        return true;
      if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::BitcastOp>(user))
        return false;
      value = user->getResult(0);
    }
    return false;
  }

  void flush(Value value) {
    HostNest nest = std::move(pending[value]);
    pending.erase(value);
    const unsigned array = newArray(value, returnedAs(value));
    nest.output.array = array;
    views[value] = denseView(array, value);
    function.nests.push_back(std::move(nest));
  }

  // What is returned lies where it should, or is copied there.
  llvm::Error finish(const Returned &result) {
    auto view = materialise(result.value);
    if (!view)
      return view.takeError();
    if (view->array == result.array)
      return llvm::Error::success();
    return copyInto(result.value, denseView(result.array, result.value), nullptr);
  }

  func::FuncOp block;
  ArrayRef<bool> isConstant;
  Dot dot;
  MLIRContext *context;
  HostFunction function;
  llvm::SmallVector<Returned, 2> results;
  llvm::DenseMap<Value, View> views;
  std::map<std::pair<const void *, Dot>, unsigned> widenings;
  llvm::MapVector<Value, HostNest> pending;
};

} // namespace

llvm::Expected<HostFunction> nestsOf(func::FuncOp block, ArrayRef<bool> isConstant, Dot dot) {
  return Builder(block, isConstant, dot).run();
}

} // namespace tw::codegen
