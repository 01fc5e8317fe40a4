// SPDX-License-Identifier: Apache-2.0
// From the tensor operations of a block to nests. Elementwise operations join the nest of the value they read when
// nobody else reads it; what remains between nests lies in scratch memory.
#include "host/Join.h"
#include "host/Products.h"

#include "tw/ir/Constants.h"
#include "tw/ir/GraphDialect.h"
#include "tw/ir/LibraryFunctions.h"
#include "tw/isa/DiagError.h"

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
  // Memory has bits without a sign, or that of a narrow real: bodies say how they read them.
  static Type elementOf(Value value) {
    Type element = cast<RankedTensorType>(value.getType()).getElementType();
    const bool isBits = element.isUnsignedInteger() || element.isF16() || element.isBF16();
    return isBits ? IntegerType::get(element.getContext(), element.getIntOrFloatBitWidth()) : element;
  }
  static int64_t countOf(Value value) { return ir::elementCount(ir::shapeOf(value)); }
  llvm::Error refuse(Operation *op, StringRef what) {
    return errorAt("host code", "'" + op->getName().getStringRef() + "' " + what);
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
    if (auto library = dyn_cast<ir::LibraryOp>(op))
      return addLibrary(library);
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
    if (widening)
      value = widening->held(context, cast<IntegerAttr>(value).getInt());
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

  // A library function reads and writes whole arrays.
  llvm::Error addLibrary(ir::LibraryOp op) {
    HostCall call;
    call.what.function = op.getName().str();
    call.what.params.assign(op.getParams().begin(), op.getParams().end());
    for (Value input : op.getInputs()) {
      auto view = materialise(input);
      if (!view)
        return view.takeError();
      if (!isDense(*view, ir::shapeOf(input)) || view->offset != 0) {
        auto copy = copied(input, nullptr);
        if (!copy)
          return copy.takeError();
        view->array = *copy;
      }
      call.operands.push_back({view->array, 0, {}});
      call.what.tensors.push_back({ir::elementTypeOf(input.getType()), ir::Shape(ir::shapeOf(input))});
    }
    Value result = op.getResult();
    call.what.tensors.push_back({ir::elementTypeOf(result.getType()), ir::Shape(ir::shapeOf(result))});
    if (const int64_t bytes = ir::findLibraryFunction(op.getName())->scratch * countOf(op.getInputs().front()))
      call.scratch = HostAccess{function.addArray({HostArray::Scratch, IntegerType::get(context, 8), bytes}), 0, {}};
    HostNest nest;
    nest.call = std::move(call);
    nest.output.array = newArray(result, returnedAs(result));
    views[result] = denseView(nest.output.array, result);
    function.nests.push_back(std::move(nest));
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
    if (!factors || !std::holds_alternative<TypedAttr>(nest.initial))
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
    const Dot kind = dotFor(nest, dot, xSteps->first, wSteps->first, w.zero);
    if (kind == Dot::None)
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
    Steps steps;
    HostArray correction = correctionOf(nest, wSteps->first, function.arrays[known.array].argument, -(x.zero + shift),
                                        w.zero, context, steps);
    nest.initial = HostAccess{function.addArray(std::move(correction)), 0, steps};
    nest.zeroOfWeights = w.zero;
    stage.indexOf.clear();
    return true;
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
