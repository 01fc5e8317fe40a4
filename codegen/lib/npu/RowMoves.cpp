// SPDX-License-Identifier: Apache-2.0
#include "npu/RowMoves.h"

#include "tw/ir/Constants.h"
#include "tw/ir/ElementSources.h"

namespace tw::codegen {

using namespace tensorize;

namespace {

// More pieces than that are slower than what they replace.
constexpr size_t kMostBoxes = 256;
// Elements whose places are looked up one by one.
constexpr int64_t kMostElements = int64_t(1) << 24;

// Rows of lanes of a shape, and where an element lies in them.
struct RowForm {
  int64_t last, padded;
  RowForm(const std::vector<int64_t> &shape, int lanes)
      : last(shape.empty() ? 1 : shape.back()), padded(roundUp(last, lanes)) {}
  int64_t place(int64_t element) const { return element / last * padded + element % last; }
};

Rejection apart(std::string text) { return {"", Rejection::kMoves, std::move(text)}; }

} // namespace

std::variant<std::vector<RowBox>, std::optional<Rejection>> rowMovesOf(const BlockCall &call, Plan &plan,
                                                                       const Forms &forms, int lanes) {
  auto nothing = std::optional<Rejection>();
  if (!ir::onlyMoves(call.function))
    return nothing;
  const mlir::Value result = call.call->getResult(0);
  const TensorInfo &made = plan.table[plan.table.of(result)];
  std::vector<TensorId> sources;
  int64_t elements = ir::elementCount(made.shape);
  for (mlir::Value operand : call.call->getOperands()) {
    sources.push_back(ir::isConstant(operand) ? -1 : forms.knownChipForm(plan.table.of(operand)));
    if (sources.back() < 0 && !ir::isConstant(operand))
      return apart("what it reads is made by the host, too");
    elements = std::max(elements, ir::elementCount(ir::shapeOf(operand)));
  }
  if (elements > kMostElements)
    return apart("it moves " + std::to_string(elements) + " elements, the compiler looks up the places of " +
                 std::to_string(kMostElements) + " at most");
  auto map = ir::elementSources(call.function, call.call);
  if (!map)
    return nothing;
  std::vector<RowForm> from;
  for (TensorId source : sources)
    from.emplace_back(source < 0 ? std::vector<int64_t>{1} : plan.table[source].shape, lanes);
  const RowForm to(made.shape, lanes);
  std::vector<RowSource> rows(size_t(plan.table.chipBytes(plan.table.of(result), lanes) / lanes));
  std::vector<bool> isKnown(rows.size(), false);
  for (int64_t element = 0; element != int64_t(map->size()); ++element) {
    const ir::ElementSource &source = (*map)[size_t(element)];
    const int64_t place = to.place(element), row = place / lanes, lane = place % lanes;
    RowSource its{-1, source.index};
    if (source.argument >= 0) {
      const TensorId tensor = sources[size_t(source.argument)];
      if (tensor < 0)
        return nothing; // a constant of its own
      const int64_t there = from[size_t(source.argument)].place(source.index);
      if (there % lanes != lane)
        return apart("element " + std::to_string(element) + " goes from lane " + std::to_string(there % lanes) +
                     " to lane " + std::to_string(lane) + ": a copy moves whole rows of " + std::to_string(lanes));
      its = {tensor, there / lanes};
      // Lanes beside the tensor stay beside it.
      const bool endsHere = element % to.last == to.last - 1,
                 endsThere =
                     source.index % from[size_t(source.argument)].last == from[size_t(source.argument)].last - 1;
      if (lane != lanes - 1 && endsHere != endsThere)
        return apart("a row of " + std::to_string(lanes) + " lanes ends in the middle of another");
    }
    if (isKnown[size_t(row)] && rows[size_t(row)] != its)
      return apart("the row of element " + std::to_string(element) + " comes from several rows");
    rows[size_t(row)] = its;
    isKnown[size_t(row)] = true;
  }
  std::vector<RowBox> boxes = boxesOf(rows);
  if (boxes.size() > kMostBoxes)
    return apart("its rows come from " + std::to_string(boxes.size()) + " places, more than " +
                 std::to_string(kMostBoxes));
  return boxes;
}

} // namespace tw::codegen
