// SPDX-License-Identifier: Apache-2.0
#include "npu/ByteMoves.h"

#include "tw/ir/Constants.h"
#include "tw/ir/ElementSources.h"

#include <algorithm>
#include <map>

namespace tw::codegen {

using namespace tensorize;

namespace {

// More pieces than that are slower than what they replace.
constexpr size_t kMostBoxes = 256;
// Elements whose places are looked up one by one.
constexpr int64_t kMostElements = int64_t(1) << 24;
// Rows that are turned, by those that are there: a row may be turned in several blocks.
constexpr int64_t kMostRepeats = 4;
// Tensors, and ways to go through their pixels, of which one result is made.
constexpr size_t kMostSources = 64;

// Rows of lanes of a shape, and where an element lies in them.
struct RowForm {
  int64_t last, padded;
  RowForm(const std::vector<int64_t> &shape, int lanes)
      : last(shape.empty() ? 1 : shape.back()), padded(roundUp(last, lanes)) {}
  int64_t place(int64_t element) const { return element / last * padded + element % last; }
};

Rejection apart(std::string text) { return {"", Rejection::kMoves, std::move(text)}; }

// One call's elements, and where each is from.
class Mover {
public:
  Mover(const Plan &plan, std::vector<TensorId> sources, std::vector<ir::ElementSource> map, const TensorInfo &made,
        const Target &target)
      : plan(plan), target(target), lanes(target.lanes), sources(std::move(sources)), map(std::move(map)),
        to(made.shape, target.lanes) {
    for (TensorId source : this->sources)
      from.emplace_back(source < 0 ? std::vector<int64_t>{1} : plan.table[source].shape, target.lanes);
  }

  bool readsConstants() const {
    return std::ranges::any_of(
        map, [&](const ir::ElementSource &source) { return source.argument >= 0 && sources[source.argument] < 0; });
  }

  // Copies of whole rows, or why one is none.
  std::variant<ByteMoves, Rejection> inRows() const {
    std::vector<RowSource> rows(size_t(pixels() * to.padded / lanes));
    std::vector<bool> isKnown(rows.size(), false);
    Beside beside;
    for (int64_t element = 0; element != int64_t(map.size()); ++element) {
      const Place there = placeOf(element);
      const int64_t here = to.place(element), row = here / lanes, lane = here % lanes;
      if (there.tensor >= 0 && there.at % lanes != lane)
        return apart("element " + std::to_string(element) + " goes from lane " + std::to_string(there.at % lanes) +
                     " to lane " + std::to_string(lane) + ": a copy moves whole rows of " + std::to_string(lanes));
      const RowSource its{there.tensor, there.tensor < 0 ? there.at : there.at / lanes};
      if (isKnown[size_t(row)] && rows[size_t(row)] != its)
        return apart("the row of element " + std::to_string(element) + " comes from several rows");
      rows[size_t(row)] = its;
      isKnown[size_t(row)] = true;
      if (lane != lanes - 1 && element % to.last == to.last - 1)
        beside.add(besideLast(element, there));
    }
    ByteMoves moves{.boxes = boxesOf(rows), .beside = beside.value()};
    if (moves.boxes.size() > kMostBoxes)
      return apart("its rows come from " + std::to_string(moves.boxes.size()) + " places, more than " +
                   std::to_string(kMostBoxes));
    return moves;
  }

  // Each channel of all pixels from one channel, and the pixels of a tensor in one order.
  std::variant<ByteMoves, Rejection> inLanes() const {
    LaneMoves moves;
    moves.pixels = pixels();
    Beside beside;
    for (int64_t channel = 0; channel != to.last; ++channel) {
      const Place first = placeOf(channel);
      if (first.tensor < 0) {
        for (int64_t pixel = 1; pixel < pixels(); ++pixel)
          if (const Place other = placeOf(pixel * to.last + channel); other.tensor >= 0 || other.at != first.at)
            return apart(apartText(pixel, channel));
        moves.channels.push_back({-1, first.at});
        continue;
      }
      std::vector<int64_t> rows; // of each pixel
      for (int64_t pixel = 0; pixel != pixels(); ++pixel) {
        const Place place = placeOf(pixel * to.last + channel);
        if (place.tensor != first.tensor || place.at % lanes != first.at % lanes)
          return apart(apartText(pixel, channel));
        rows.push_back(place.at / lanes);
      }
      beside.add(plan.table[first.tensor].chip->beside);
      auto channelOf = addRow(moves, first.tensor, std::move(rows));
      if (!channelOf)
        return apart("its pixels come from more than " + std::to_string(kMostSources) + " places");
      moves.channels.push_back({channelOf->tensor, channelOf->row * lanes + first.at % lanes});
    }
    const int8_t fill = beside.value().value_or(0);
    moves.channels.resize(size_t(to.padded), {-1, fill});
    if (auto why = cannotMove(moves, target))
      return *why;
    if (size_t boxes = boxesOf(moves.channels).size(); boxes > kMostBoxes)
      return apart("its channels come from " + std::to_string(boxes) + " places, more than " +
                   std::to_string(kMostBoxes));
    return ByteMoves{.lanes = std::move(moves), .beside = fill};
  }

  // Each row from one lane of as many rows.
  std::variant<ByteMoves, Rejection> inTurns() const {
    TurnMoves moves;
    std::map<std::vector<RowSource>, int64_t, decltype(isBefore) *> blocks(isBefore);
    Beside beside;
    const int64_t width = to.padded / lanes;
    for (int64_t row = 0; row != pixels() * width; ++row) {
      const int64_t first = row % width * lanes, element = row / width * to.last + first;
      const Place its = placeOf(element);
      std::vector<RowSource> sources;
      for (int64_t lane = 0; lane != std::min<int64_t>(lanes, to.last - first); ++lane) {
        const Place place = placeOf(element + lane);
        if (place.tensor < 0 || place.at % lanes != its.at % lanes)
          return apart("element " + std::to_string(element + lane) + " comes from another lane than element " +
                       std::to_string(element) + " of its row");
        sources.push_back({place.tensor, place.at / lanes});
        beside.add(plan.table[place.tensor].chip->beside);
      }
      const auto block = blocks.try_emplace(std::move(sources), int64_t(blocks.size())).first->second;
      moves.made.push_back({row, block * lanes + its.at % lanes});
    }
    int64_t known = int64_t(moves.made.size());
    for (TensorId source : sources)
      known += source < 0 ? 0 : plan.table[source].chip->bytes / lanes;
    if (int64_t(blocks.size()) * lanes > kMostRepeats * known)
      return apart("most of what would be turned into lanes is needed once");
    const int8_t fill = beside.value().value_or(0);
    moves.rows.resize(blocks.size() * size_t(lanes), {-1, fill});
    for (const auto &[sources, block] : blocks)
      std::ranges::copy(sources, moves.rows.begin() + ptrdiff_t(block * lanes));
    if (auto why = cannotMove(moves, target))
      return *why;
    return ByteMoves{.turns = std::move(moves), .beside = fill};
  }

private:
  // A byte of a tensor in rows of lanes; tensor -1: the byte `at`.
  struct Place {
    TensorId tensor;
    int64_t at;
  };

  static bool isBefore(const std::vector<RowSource> &a, const std::vector<RowSource> &b) {
    return std::ranges::lexicographical_compare(
        a, b, {}, [](const RowSource &row) { return std::pair(row.tensor, row.row); },
        [](const RowSource &row) { return std::pair(row.tensor, row.row); });
  }

  // What all that is added is, if it is one number.
  class Beside {
  public:
    void add(std::optional<int8_t> byte) {
      if (isEmpty)
        known = byte;
      else if (known != byte)
        known = std::nullopt;
      isEmpty = false;
    }
    std::optional<int8_t> value() const { return known; }

  private:
    bool isEmpty = true;
    std::optional<int8_t> known;
  };

  int64_t pixels() const { return int64_t(map.size()) / to.last; }

  Place placeOf(int64_t element) const {
    const ir::ElementSource &source = map[size_t(element)];
    if (source.argument < 0)
      return {-1, source.index};
    return {sources[size_t(source.argument)], from[size_t(source.argument)].place(source.index)};
  }

  // What follows the last element of a row that is copied whole.
  std::optional<int8_t> besideLast(int64_t element, const Place &there) const {
    if (there.tensor < 0)
      return int8_t(there.at);
    const ir::ElementSource &source = map[size_t(element)];
    const int64_t last = from[size_t(source.argument)].last;
    return source.index % last == last - 1 ? plan.table[there.tensor].chip->beside : std::nullopt;
  }

  // The source of these rows, and which of its needed rows they are. A tensor whose pixels come in two orders is two.
  static std::optional<RowSource> addRow(LaneMoves &moves, TensorId tensor, std::vector<int64_t> rows) {
    for (size_t s = 0; s != moves.sources.size(); ++s) {
      LaneMoves::Source &source = moves.sources[s];
      const int64_t row = rows[0] - source.pixels[0];
      if (source.tensor != tensor ||
          !std::ranges::equal(rows, source.pixels, [&](int64_t a, int64_t b) { return a - b == row; }))
        continue;
      auto known = std::ranges::find(source.rows, row);
      if (known == source.rows.end())
        known = source.rows.insert(known, row);
      return RowSource{int(s), known - source.rows.begin()};
    }
    if (moves.sources.size() == kMostSources)
      return std::nullopt;
    moves.sources.push_back({tensor, std::move(rows), {0}});
    return RowSource{int(moves.sources.size()) - 1, 0};
  }

  std::string apartText(int64_t pixel, int64_t channel) const {
    return "elements " + std::to_string(channel) + " and " + std::to_string(pixel * to.last + channel) +
           " stand in one lane and come from different ones";
  }

  const Plan &plan;
  const Target &target;
  const int64_t lanes;
  const std::vector<TensorId> sources; // per argument; -1: a constant
  const std::vector<ir::ElementSource> map;
  const RowForm to;
  std::vector<RowForm> from;
};

} // namespace

std::variant<ByteMoves, std::optional<Rejection>> byteMovesOf(const BlockCall &call, Plan &plan, const Forms &forms,
                                                              const Target &target) {
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
  if (!map || map->empty())
    return nothing;
  const Mover mover(plan, std::move(sources), std::move(*map), made, target);
  if (mover.readsConstants())
    return nothing;
  auto rows = mover.inRows();
  if (auto *moves = std::get_if<ByteMoves>(&rows))
    return std::move(*moves);
  auto turns = mover.inTurns();
  if (auto *moves = std::get_if<ByteMoves>(&turns))
    return std::move(*moves);
  auto lanes = mover.inLanes();
  if (auto *moves = std::get_if<ByteMoves>(&lanes))
    return std::move(*moves);
  return std::get<Rejection>(lanes);
}

} // namespace tw::codegen
