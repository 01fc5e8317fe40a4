// SPDX-License-Identifier: Apache-2.0
#include "npu/Sequences.h"

#include "tw/ir/Constants.h"
#include "tw/isa/Encoder.h"
#include "tw/isa/Sequences.h"
#include "tw/isa/Timing.h"

#include "llvm/ADT/STLExtras.h"

#include <cstring>
#include <numeric>

namespace tw::codegen {

using namespace tensorize;

namespace {

// A call as the rows below ask for it.
struct Call {
  mlir::ValueRange inputs;   // of the library function
  mlir::ValueRange operands; // of the call of its block
  llvm::ArrayRef<int64_t> params;
  const isa::HwConfig &config;

  mlir::Value operand(unsigned i) const {
    auto argument = llvm::dyn_cast<mlir::BlockArgument>(inputs[i]);
    return argument ? operands[argument.getArgNumber()] : inputs[i];
  }
  ir::Tensor constant(unsigned i) const { return *ir::constantOf(operand(i)); }
  int64_t param(size_t i) const { return params[i]; }
  isa::TokenShape shape(int64_t blocks) const {
    return {uint32_t(blocks * config.n), uint32_t(ir::shapeOf(operand(0))[1])};
  }
};

// How a function is a sequence.
struct Sequenced {
  std::function<isa::Sequence(isa::TokenShape, isa::SequencePlace)> lines;
  int8_t beside = 0; // what the lanes beside its result hold
  // Parts of the scratch memory where it leaves the tensors of [tokens, channels] that a result consists of; none: it
  // is one, and where the operand was.
  std::vector<int> parts;
  std::vector<uint8_t> cycled;
  int64_t cycledBytes = 0; // of a block
};

// The mask as the sequence reads it: tokens in lanes, a row for each channel. Where no element is left out there is
// none.
void addMask(const Call &call, const ir::Tensor &mask, Sequenced &its) {
  if (llvm::all_of(mask.values<int8_t>(), [](int8_t taken) { return taken != 0; }))
    return;
  const int64_t n = call.config.n, period = mask.shape[0], channels = mask.shape[1], rows = roundUp(channels, n),
                tokens = ir::shapeOf(call.operand(0))[0];
  const int64_t blocks = std::min(std::lcm(period, n) / n, roundUp(tokens, n) / n);
  its.cycledBytes = rows * n;
  its.cycled.resize(size_t(blocks * its.cycledBytes));
  for (int64_t token = 0; token != blocks * n; ++token)
    for (int64_t c = 0; c != channels; ++c)
      its.cycled[size_t(token / n * its.cycledBytes + c * n + token % n)] =
          uint8_t(mask.data<int8_t>()[token % period * channels + c]);
}

Sequenced softmax(const Call &call) {
  isa::SoftmaxNumbers numbers;
  const ir::Tensor tables = call.constant(1);
  numbers.tables.assign(tables.values<int8_t>().begin(), tables.values<int8_t>().end());
  numbers.factor = int32_t(call.param(0));
  numbers.shift = int(call.param(1));
  numbers.zero = int8_t(call.param(2));
  Sequenced its;
  its.lines = [numbers, config = call.config](isa::TokenShape shape, isa::SequencePlace place) {
    return isa::softmaxSequence(config, shape, place, numbers);
  };
  its.beside = numbers.zero;
  addMask(call, call.constant(2), its);
  return its;
}

// The params that both parts of a layer norm begin with.
isa::MeanNumbers meanOf(const Call &call) {
  return {call.param(0) != 0, int8_t(call.param(1)), int32_t(call.param(2)), int(call.param(3))};
}

Sequenced variance(const Call &call) {
  const isa::VarianceNumbers numbers{meanOf(call), int32_t(call.param(4)), int(call.param(5)), int8_t(call.param(6)),
                                     0};
  Sequenced its;
  its.lines = [numbers, config = call.config](isa::TokenShape shape, isa::SequencePlace place) {
    return isa::varianceSequence(config, shape, place, numbers);
  };
  its.beside = numbers.zero;
  return its;
}

Sequenced normalise(const Call &call) {
  const ir::Tensor tables = call.constant(2);
  const isa::NormaliseNumbers numbers{
      meanOf(call),          {tables.values<int8_t>().begin(), tables.values<int8_t>().end()},
      int(call.param(4)),    int(call.param(5)),
      int8_t(call.param(6)), 0};
  Sequenced its;
  its.lines = [numbers, config = call.config](isa::TokenShape shape, isa::SequencePlace place) {
    return isa::normaliseSequence(config, shape, place, numbers);
  };
  its.beside = numbers.zero;
  return its;
}

Sequenced norm(const Call &call) {
  isa::NormNumbers numbers;
  numbers.mean = meanOf(call);
  numbers.means = int32_t(call.param(4));
  numbers.varianceShift = int(call.param(5));
  numbers.eps = int32_t(call.param(6));
  numbers.rootShift = int(call.param(7));
  numbers.factor = int32_t(call.param(8));
  numbers.factorShift = int(call.param(9));
  numbers.shift = int(call.param(10));
  Sequenced its;
  its.lines = [numbers, config = call.config](isa::TokenShape shape, isa::SequencePlace place) {
    return isa::normSequence(config, shape, place, numbers);
  };
  its.parts = {0, 1};
  return its;
}

// Of a tile, when nothing is in its way.
uint64_t cyclesOf(const Sequenced &sequenced, isa::TokenShape shape, const isa::HwConfig &config) {
  isa::SequencePlace anywhere;
  if (sequenced.cycledBytes != 0)
    anywhere.mask = 0;
  uint64_t cycles = 0;
  for (const isa::Line &line : sequenced.lines(shape, anywhere).lines)
    cycles += isa::cycles(line, config);
  return cycles;
}

struct SequenceRow {
  llvm::StringLiteral function;
  unsigned operands; // the first ones are tensors, the others constants
  Sequenced (*make)(const Call &call);
};
const SequenceRow *sequenceNamed(llvm::StringRef function) {
  static constexpr SequenceRow kRows[] = {
      {"softmax_i8", 1, softmax}, {"variance_i8", 1, variance}, {"normalise_i8", 2, normalise}, {"norm_i8", 1, norm}};
  const auto *found = llvm::find_if(kRows, [&](const SequenceRow &row) { return row.function == function; });
  return found == std::end(kRows) ? nullptr : found;
}

// The tensor in rows of lanes whose bytes are those of this one, if there is one already; else the tensor itself.
TensorId formOf(TensorId id, const Plan &plan, const Forms &forms, int64_t lanes) {
  const TensorId known = forms.knownChipForm(id);
  if (known < 0)
    return id;
  const std::vector<int64_t> &shape = plan.table[id].shape, &there = plan.table[known].shape;
  const int64_t last = shape.empty() ? 1 : shape.back(), lastThere = there.empty() ? 1 : there.back();
  return last == lastThere || (last % lanes == 0 && lastThere % lanes == 0) ? known : id;
}

} // namespace

std::optional<std::variant<SequencePlan, Rejection>> sequenceOf(const BlockCall &call, Plan &plan, const Forms &forms,
                                                                const Target &target, const isa::HwConfig &config) {
  mlir::func::FuncOp function = call.function;
  mlir::func::CallOp caller = call.call;
  auto calls = function.front().getOps<ir::LibraryOp>();
  const SequenceRow *row = calls.empty() ? nullptr : sequenceNamed((*calls.begin()).getName());
  if (!row)
    return std::nullopt;
  ir::LibraryOp library = *calls.begin();
  const Call its{library.getInputs(), caller.getOperands(), library.getParams(), config};
  for (unsigned i = row->operands; i != its.inputs.size(); ++i)
    if (!ir::isConstant(its.operand(i)))
      return Rejection{"", "parameter",
                       "operand " + std::to_string(i) + " of " + row->function.str() +
                           " is computed: its sequence takes a constant"};
  const Sequenced sequenced = row->make(its);
  SequencePlan made;
  made.beside = sequenced.beside;
  TokenStream &stream = made.stream;
  stream.name = call.facts.node;
  auto operand = [&](mlir::Value value, TensorId id) {
    const auto shape = ir::shapeOf(value);
    return TokenStream::Operand{id, roundUp(shape.back(), target.lanes)};
  };
  for (unsigned i = 0; i != row->operands; ++i)
    stream.operands.push_back(
        operand(its.operand(i), formOf(plan.table.of(its.operand(i)), plan, forms, target.lanes)));
  stream.result = operand(caller.getResult(0), plan.table.of(caller.getResult(0)));
  for (int part : sequenced.parts)
    stream.parts.push_back({part, stream.result.rowBytes});
  if (!stream.parts.empty())
    stream.result.rowBytes *= int64_t(stream.parts.size());
  stream.tokens = ir::shapeOf(its.operand(0))[0];
  stream.cycled = sequenced.cycled;
  stream.cycledBytes = sequenced.cycledBytes;
  llvm::copy(isa::scratchBytes(config, its.shape(1)), stream.scratchBytes.begin());
  // Parameters and tables do not depend on where things lie, but on whether there is a mask.
  isa::SequencePlace anywhere;
  if (stream.cycledBytes != 0)
    anywhere.mask = 0;
  const isa::Sequence once = sequenced.lines(its.shape(1), anywhere);
  const auto rows = int64_t(once.params.size()) / config.n, tables = int64_t(once.tables.size()) / isa::kLutBytes;
  for (auto [need, have, what] : {std::tuple{rows, int64_t(config.paramRows), "rows of parameters"},
                                  {tables, int64_t(config.lutBanks), "tables"}})
    if (need > have)
      return Rejection{"sequence", "memory",
                       "it takes " + std::to_string(need) + " " + what + ", there are " + std::to_string(have)};
  auto image = [&](isa::Space space, const auto &values) {
    std::vector<uint8_t> bytes(values.size() * sizeof(values[0]));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    if (!bytes.empty())
      stream.images.push_back({int(space), 0, std::move(bytes)});
  };
  image(isa::Space::PARAM, once.params);
  image(isa::Space::LUT, once.tables);
  stream.body = [lines = sequenced.lines, shape = its.shape(1), isCycled = stream.cycledBytes != 0,
                 config](const TokenTile &tile) {
    isa::SequencePlace place;
    place.x = place.y = uint32_t(tile.operands[0]);
    if (tile.operands.size() > 1)
      place.second = uint32_t(tile.operands[1]);
    place.scratch = uint32_t(tile.scratch[0]);
    place.parts = {uint32_t(tile.scratch[1]), uint32_t(tile.scratch[2])};
    if (isCycled)
      place.mask = uint32_t(tile.cycled);
    std::vector<Instruction> result;
    for (const isa::Line &line : lines({shape.tokens * uint32_t(tile.blocks), shape.channels}, place).lines) {
      auto decoded = isa::decode(line);
      auto *parts = std::get_if<isa::Decoded>(&decoded);
      assert(parts && "sequences are of rows that every machine has");
      result.push_back({parts->row, parts->values});
    }
    return result;
  };
  auto tile = tokenTile(stream, target);
  if (auto *rejection = std::get_if<Rejection>(&tile))
    return *rejection;
  made.tile = std::get<TokenTile>(tile);
  const int64_t blocks = roundUp(stream.tokens, target.lanes) / target.lanes, rest = blocks % made.tile.blocks;
  made.cycles = uint64_t(blocks / made.tile.blocks) * cyclesOf(sequenced, its.shape(made.tile.blocks), config);
  if (rest != 0)
    made.cycles += cyclesOf(sequenced, its.shape(rest), config);
  return made;
}

} // namespace tw::codegen
