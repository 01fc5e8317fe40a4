// SPDX-License-Identifier: Apache-2.0
#include "Layers.h"

#include "tw/ir/Constants.h"
#include "tw/ir/DiagCollector.h"
#include "tw/ir/Passes.h"
#include "tw/isa/package_format.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <set>

namespace tw::tools {

using mlir::Operation;
using mlir::Value;

namespace {

constexpr const char *kName = "tw.name";

std::string nameOf(Operation *op) {
  auto names = ir::nodeNames(op->getLoc());
  return names.empty() ? op->getName().stripDialect().str() : names.front().str();
}

mlir::func::FuncOp mainOf(mlir::ModuleOp module) { return module.lookupSymbol<mlir::func::FuncOp>("main"); }

std::vector<Operation *> operatorsOf(mlir::func::FuncOp main) {
  std::vector<Operation *> result;
  for (Operation &op : main.front().without_terminator())
    if (!mlir::isa<ir::ConstantOp>(op))
      result.push_back(&op);
  return result;
}

mlir::DictionaryAttr nameAttribute(mlir::MLIRContext *context, const std::string &name) {
  mlir::Builder builder(context);
  return builder.getDictionaryAttr(builder.getNamedAttr(kName, builder.getStringAttr(name)));
}

// A name that is not in `taken` yet.
std::string unique(const std::string &name, std::set<std::string> &taken) {
  for (int number = 1;; ++number)
    if (std::string tried = number == 1 ? name : name + "#" + std::to_string(number); taken.insert(tried).second)
      return tried;
}

// The types follow what the body takes and returns.
void retype(mlir::func::FuncOp main) {
  mlir::Builder builder(main.getContext());
  main.setFunctionType(
      builder.getFunctionType(main.front().getArgumentTypes(), main.front().getTerminator()->getOperandTypes()));
}

bool hasNode(Operation *op, llvm::StringRef name) { return llvm::is_contained(ir::nodeNames(op->getLoc()), name); }

} // namespace

llvm::Error fuseGraph(mlir::ModuleOp module, bool fuseResidual) {
  ir::DiagCollector said(*module.getContext());
  mlir::PassManager manager(module.getContext());
  ir::GraphPipelineOptions pipeline;
  pipeline.fuseResidual = fuseResidual;
  pipeline.outline = false;
  ir::buildGraphPipeline(manager, pipeline);
  if (mlir::failed(manager.run(module)))
    return errorOf({"", "the graph could not be fused (a defect of the compiler)", said.take()});
  return llvm::Error::success();
}

void keepLayers(mlir::ModuleOp module) {
  mlir::func::FuncOp main = mainOf(module);
  Operation *terminator = main.front().getTerminator();
  llvm::SmallVector<Value> results(terminator->getOperands());
  llvm::SmallVector<mlir::DictionaryAttr> attributes;
  std::set<std::string> taken;
  for (unsigned i = 0; i != results.size(); ++i) {
    attributes.push_back(main.getResultAttrDict(i) ? main.getResultAttrDict(i)
                                                   : mlir::DictionaryAttr::get(main.getContext()));
    taken.insert(ir::resultName(main, i));
  }
  auto isLayer = [](Operation *op) {
    return !mlir::isa<ir::ReshapeOp, ir::TransposeOp, ir::FlipSignOp>(op) &&
           ir::shapeOf(op->getResult(0)).size() <= TW_PKG_MAX_RANK;
  };
  for (Operation *op : operatorsOf(main))
    if (isLayer(op) && !llvm::is_contained(results, op->getResult(0))) {
      results.push_back(op->getResult(0));
      attributes.push_back(nameAttribute(main.getContext(), unique(nameOf(op), taken)));
    }
  terminator->setOperands(results);
  retype(main);
  main.setAllResultAttrs(attributes);
}

llvm::Expected<Tensors> isolate(mlir::ModuleOp module, const std::string &range, const Tensors &inputs) {
  mlir::func::FuncOp main = mainOf(module);
  std::vector<Operation *> operators = operatorsOf(main);
  // A node's own name may hold a colon.
  llvm::StringRef first = range, last = range;
  auto find = [&](llvm::StringRef name) {
    return llvm::find_if(operators, [&](Operation *op) { return hasNode(op, name); });
  };
  if (find(first) == operators.end())
    std::tie(first, last) = llvm::StringRef(range).split(':');
  for (llvm::StringRef name : {first, last})
    if (find(name) == operators.end()) {
      std::string names;
      for (size_t i = 0; i != std::min<size_t>(operators.size(), 20); ++i)
        names += (i ? ", " : "") + nameOf(operators[i]);
      return errorAt("--only " + range, "there is no node '" + name + "' after fusion; there are " + names +
                                            (operators.size() > 20 ? ", ..." : ""));
    }
  if (find(last) < find(first))
    return errorAt("--only " + range, "'" + last + "' comes before '" + first + "'");
  const std::set<Operation *> kept(find(first), find(last) + 1);

  // The values of the whole run that the kept operators need, in the order of their first use.
  llvm::SmallVector<Value> needed, results;
  for (Operation *op : operators) {
    if (!kept.count(op))
      continue;
    for (Value operand : op->getOperands())
      if (!ir::isConstant(operand) && !kept.count(operand.getDefiningOp()) && !llvm::is_contained(needed, operand))
        needed.push_back(operand);
    Value result = op->getResult(0);
    if (result.use_empty() || llvm::any_of(result.getUsers(), [&](Operation *user) { return !kept.count(user); }))
      results.push_back(result);
  }
  llvm::DenseMap<Operation *, ir::Tensor> made;
  auto ran = ir::Interpreter(module).runMain(inputs, [&](Operation *op, ir::Tensor &result) { made[op] = result; });
  if (!ran)
    return ran.takeError();

  Tensors values;
  std::set<std::string> taken;
  llvm::SmallVector<mlir::DictionaryAttr> argumentNames, resultNames;
  const unsigned oldArguments = main.getNumArguments();
  for (Value value : needed) {
    ir::NamedTensor named;
    if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value)) {
      named = inputs[argument.getArgNumber()];
      named.tensor.type = ir::elementTypeOf(value.getType()); // uint8 outside is int8 inside
    } else {
      named = {nameOf(value.getDefiningOp()), made[value.getDefiningOp()]};
    }
    named.name = unique(named.name, taken);
    argumentNames.push_back(nameAttribute(main.getContext(), named.name));
    Value fresh = main.front().addArgument(value.getType(), value.getLoc());
    value.replaceUsesWithIf(fresh, [&](mlir::OpOperand &use) { return kept.count(use.getOwner()) != 0; });
    values.push_back(std::move(named));
  }
  taken.clear();
  for (Value result : results)
    resultNames.push_back(nameAttribute(main.getContext(), unique(nameOf(result.getDefiningOp()), taken)));
  main.front().getTerminator()->setOperands(results);
  std::vector<Operation *> all;
  for (Operation &op : main.front().without_terminator())
    all.push_back(&op);
  for (Operation *op : llvm::reverse(all))
    if (!kept.count(op) && op->use_empty())
      op->erase();
  main.front().eraseArguments(0, oldArguments);
  retype(main);
  main.setAllArgAttrs(argumentNames);
  main.setAllResultAttrs(resultNames);
  return values;
}

Tensors inputsOf(mlir::ModuleOp module) {
  mlir::func::FuncOp main = mainOf(module);
  Tensors result;
  for (unsigned i = 0; i != main.getNumArguments(); ++i) {
    ir::ElementType type = ir::elementTypeOf(main.getArgument(i).getType());
    if (main.getArgAttr(i, "tw.unsigned"))
      type = ir::ElementType::U8;
    result.push_back({ir::argumentName(main, i), ir::Tensor(type, ir::shapeOf(main.getArgument(i)))});
  }
  return result;
}

Tensors outputsOf(mlir::ModuleOp module) {
  mlir::func::FuncOp main = mainOf(module);
  Tensors result;
  for (auto [i, type] : llvm::enumerate(main.getResultTypes()))
    result.push_back({ir::resultName(main, unsigned(i)),
                      ir::Tensor(ir::elementTypeOf(type), mlir::cast<mlir::ShapedType>(type).getShape())});
  return result;
}

//===- Recordings
//-----------------------------------------------------------------------------------------------------------===//

namespace {

constexpr const char *kRecordedInput = "input_tflite";

bool isRecorded(Operation *op) { return mlir::isa<ir::QConvOp, ir::QGemmOp, ir::QEltwiseOp, ir::QPoolOp>(op); }

// "L03_CONV_2D_ort" -> "ort"; empty for what is no recorded layer. Reshapes are no layers here.
llvm::StringRef recorderOf(llvm::StringRef key) {
  if (key.size() < 4 || key[0] != 'L' || !llvm::isDigit(key[1]) || key.contains("RESHAPE"))
    return {};
  return key.rsplit('_').second;
}

// One image of a batch, with the bytes in the order of `shape`.
ir::Tensor imageOf(const NpyArray &batch, int64_t image, ir::ElementType type, ir::Dims shape) {
  ir::Tensor result(type, shape);
  std::copy_n(batch.bytes.begin() + image * int64_t(result.bytes.size()), result.bytes.size(), result.bytes.begin());
  return result;
}

// Channels last -> channels first, where the model takes images so.
ir::Tensor inputImage(const NpyArray &batch, int64_t image, const ir::Tensor &wanted) {
  ir::Tensor input = imageOf(batch, image, wanted.type, wanted.shape);
  if (wanted.rank() != 4 || batch.shape.size() != 4 || batch.shape[3] != wanted.shape[1])
    return input;
  ir::Tensor result(wanted.type, wanted.shape);
  const int64_t channels = wanted.shape[1], pixels = wanted.shape[2] * wanted.shape[3];
  for (int64_t c = 0; c != channels; ++c)
    for (int64_t p = 0; p != pixels; ++p)
      result.bytes[size_t(c * pixels + p)] = input.bytes[size_t(p * channels + c)];
  return result;
}

} // namespace

bool holdsLayers(const std::map<std::string, NpyArray> &arrays) {
  return arrays.count(kRecordedInput) != 0 &&
         llvm::any_of(arrays, [](const auto &entry) { return !recorderOf(entry.first).empty(); });
}

llvm::Expected<std::vector<RecordedLayer>> compareWithRecording(mlir::ModuleOp module,
                                                                const std::map<std::string, NpyArray> &arrays) {
  const Tensors wanted = inputsOf(module);
  const NpyArray &images = arrays.at(kRecordedInput);
  if (wanted.size() != 1 || images.shape.empty() || wanted[0].tensor.size() == 0 || images.shape[0] < 1 ||
      int64_t(images.bytes.size()) != images.shape[0] * int64_t(wanted[0].tensor.bytes.size()))
    return errorAt("--expect", llvm::formatv("'{0}' has {1} bytes, one input of the model has {2}", kRecordedInput,
                                             images.bytes.size(), wanted.empty() ? 0 : wanted[0].tensor.bytes.size()));
  std::map<std::string, std::vector<std::string>> keys; // by recorder, in the order of the model
  for (const auto &[key, array] : arrays)
    if (llvm::StringRef recorder = recorderOf(key); !recorder.empty())
      keys[recorder.str()].push_back(key);
  ir::Interpreter interpreter(module);
  std::vector<RecordedLayer> rows;
  for (const auto &[recorder, layers] : keys) {
    const size_t begin = rows.size();
    std::optional<Diag> problem;
    for (const std::string &key : layers)
      rows.push_back({"", key, {}});
    for (int64_t image = 0; image != images.shape[0]; ++image) {
      size_t next = 0;
      auto ran = interpreter.runMain(
          {{wanted[0].name, inputImage(images, image, wanted[0].tensor)}}, [&](Operation *op, ir::Tensor &result) {
            if (!isRecorded(op) || next == layers.size() || problem) // the last layer may be unrecorded
              return;
            const NpyArray &array = arrays.at(layers[next]);
            if (int64_t(array.bytes.size()) != images.shape[0] * int64_t(result.bytes.size())) {
              problem = Diag{"--expect", llvm::formatv("'{0}' has {1} bytes, {2} results of '{3}' have {4}",
                                                       layers[next], array.bytes.size(), images.shape[0], nameOf(op),
                                                       images.shape[0] * int64_t(result.bytes.size()))};
              return;
            }
            const ir::Tensor recorded = imageOf(array, image, result.type, result.shape);
            const Difference difference = compare(result, recorded);
            RecordedLayer &row = rows[begin + next++];
            row.layer = nameOf(op);
            row.difference.elements += difference.elements;
            row.difference.different += difference.different;
            row.difference.largest = std::max(row.difference.largest, difference.largest);
            result = recorded; // the next layer gets what the recorder had
          });
      if (!ran)
        return ran.takeError();
      if (!problem && next != layers.size())
        problem = Diag{"--expect", llvm::formatv("{0} layers are recorded by '{1}', the model has {2}", layers.size(),
                                                 recorder, next)};
      if (problem)
        return errorOf(std::move(*problem));
    }
  }
  return rows;
}

} // namespace tw::tools
