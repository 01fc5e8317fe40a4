// SPDX-License-Identifier: Apache-2.0
#include "Choose.h"

#include "tw/ir/ElementSources.h"
#include "tw/isa/DiagError.h"
#include "tw/tensorize/ReadLinalg.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <limits>

namespace tw::codegen {

namespace {

using mlir::Value;

const Strike *strikeOf(const std::vector<Strike> &strikes, int block, ExecutorId executor) {
  auto found = std::ranges::find_if(
      strikes, [&](const Strike &strike) { return strike.block == block && strike.refusal.executor == executor; });
  return found == strikes.end() ? nullptr : &*found;
}

// The sentence that says why a block is not on an executor: the nearest miss of its refusals.
std::string sentence(const BlockCall &call, const BlockLoops &loops, ExecutorId executor, const Refusals &refusals) {
  std::vector<tensorize::Rejection> its;
  for (const Refusal &refusal : refusals)
    if (refusal.executor == executor)
      its.push_back(refusal.what);
  if (its.size() == 1 && (executor != ExecutorId::Npu || its.front().kind == kByHand || its.front().kind == kSlower))
    return its.front().text;
  return reasonFor(call.facts.notes, std::get_if<tensorize::Block>(&loops.block), ir::onlyMoves(call.function), its);
}

const char *titleOf(ExecutorId executor) {
  return executor == ExecutorId::Npu ? "NPU" : executor == ExecutorId::Gpu ? "GPU" : "host";
}

// Why those before it in the list do not run what the last one does.
std::string whyNotBefore(const BlockCall &call, const BlockLoops &loops, const Attempt &attempt, ExecutorId last,
                         const Refusals &refusals) {
  std::string text;
  for (const auto &executor : attempt.executors) {
    if (executor->id() == last)
      break;
    std::string why = sentence(call, loops, executor->id(), refusals);
    text += text.empty() ? why : std::string("; and not on the ") + titleOf(executor->id()) + ": " + why;
  }
  return text;
}

llvm::Error nobodyRuns(const BlockCall &call, const BlockLoops &loops, const Attempt &attempt,
                       const Refusals &refusals) {
  std::string text;
  for (const auto &executor : llvm::reverse(attempt.executors))
    text += (text.empty() ? "" : std::string(", and not on the ") + titleOf(executor->id()) + ": ") +
            sentence(call, loops, executor->id(), refusals);
  return errorAt("node '" + call.facts.node + "'", text);
}

BlockLoops readLoops(const BlockCall &call, Plan &plan, std::optional<unsigned> &renamed) {
  BlockLoops loops;
  auto made = tensorize::readBlock(call.function, call.call, [&](Value value) {
    const TensorId id = plan.table.of(value);
    if (!llvm::is_contained(loops.tensors, id))
      loops.tensors.push_back(id);
    return id;
  });
  if (auto *renaming = std::get_if<tensorize::Renaming>(&made))
    renamed = renaming->argument;
  else if (auto *rejection = std::get_if<tensorize::Rejection>(&made))
    loops.block = std::move(*rejection);
  else
    loops.block = std::get<tensorize::Block>(std::move(made));
  return loops;
}

// An executor that can run a block, and what that takes with the forms of its tensors.
struct Offer {
  Executor *executor = nullptr;
  std::unique_ptr<Candidate> candidate;
  double ns = 0;
};

// The first that can run a block is taken, and nobody asks the others: two of them need no comparison in the report.
bool comparesAll(const Attempt &attempt) {
  return attempt.objective == Objective::Latency || attempt.executors.size() > 2;
}

// All that may come first; who cannot says why.
std::vector<Offer> offersFor(int block, const BlockCall &call, const BlockLoops &loops,
                             const std::vector<Strike> &strikes, Attempt &attempt, Refusals &refusals) {
  std::vector<Offer> offers;
  for (auto &executor : attempt.executors) {
    if (const Strike *strike = strikeOf(strikes, block, executor->id())) {
      refusals.push_back(strike->refusal);
      continue;
    }
    auto tried = executor->candidate(call, loops);
    if (auto *refused = std::get_if<Refusals>(&tried)) {
      std::ranges::move(*refused, std::back_inserter(refusals));
      continue;
    }
    Offer &offer = offers.emplace_back(executor.get(), std::move(std::get<std::unique_ptr<Candidate>>(tried)));
    if (!comparesAll(attempt))
      break;
    offer.ns = offer.candidate->boundNs;
    for (const FormOf &wanted : offer.candidate->wanted)
      offer.ns += attempt.forms->costOf(wanted);
    for (const FormOf &given : offer.candidate->given)
      offer.ns += attempt.forms->costOfGiven(given);
  }
  return offers;
}

std::string milliseconds(double ns) { return llvm::formatv("{0:F6} ms", ns / 1e6).str(); }

llvm::Error give(int block, const BlockCall &call, const std::vector<Strike> &strikes, Attempt &attempt) {
  Plan &plan = attempt.plan;
  const BlockFacts &facts = call.facts;
  std::optional<unsigned> renamed;
  const BlockLoops loops = readLoops(call, plan, renamed);
  if (renamed) { // nothing to run, anywhere
    attempt.forms->rename(plan.table.of(call.call->getResult(0)), plan.table.of(call.call->getOperand(*renamed)));
    return llvm::Error::success();
  }
  PlacementRow row;
  row.node = facts.node;
  row.operation = facts.kind;
  row.block = facts.function;
  row.macs = facts.macs;
  row.macsInt8 = facts.macsInt8;
  if (!llvm::is_contained(attempt.uncounted, call.entry)) {
    plan.report.macs += facts.macs;
    plan.report.macsInt8 += facts.macsInt8;
  }
  Refusals refusals;
  std::vector<Offer> offers = offersFor(block, call, loops, strikes, attempt, refusals);
  const auto best = attempt.objective == Objective::Offload
                        ? offers.begin()
                        : std::ranges::min_element(offers, {}, &Offer::ns); // of equal ones the preferred
  if (comparesAll(attempt))
    for (const auto &executor : attempt.executors) {
      const auto offer = std::ranges::find(offers, executor.get(), &Offer::executor);
      if (offer == offers.end())
        row.elsewhere.push_back({executor->id(), 0, sentence(call, loops, executor->id(), refusals)});
      else if (offer != best)
        row.elsewhere.push_back({executor->id(), offer->ns, ""});
    }
  for (const Offer &offer : offers)
    if (attempt.objective == Objective::Latency && &offer != &*best)
      refusals.push_back(
          {offer.executor->id(),
           {"", kSlower,
            "for latency: at least " + milliseconds(best->ns) + " on the " + nameOf(best->executor->id()) +
                " with its forms, " + milliseconds(offer.ns) + " on the " + nameOf(offer.executor->id())}});
  if (best != offers.end()) {
    const ExecutorId id = best->executor->id();
    row.boundNs = best->candidate->boundNs;
    row.leastBytes = best->candidate->leastBytes;
    best->executor->take(block, call, std::move(best->candidate), row);
    if (id == ExecutorId::Npu) {
      plan.report.macsOnNpu += facts.macs;
      plan.report.macsInt8OnNpu += facts.macsInt8;
    } else if (id == ExecutorId::Host) {
      row.how = attempt.executors.front()->id() == id ? "the package is for the host alone"
                                                      : whyNotBefore(call, loops, attempt, id, refusals);
    }
    for (const Refusal &refusal : refusals)
      row.rejections.push_back(refusal.what);
    plan.report.rows.push_back(std::move(row));
    return llvm::Error::success();
  }
  for (Value result : call.call->getResults()) // so that blocks behind it can be judged, too
    attempt.forms->newRowForm(plan.table.of(result));
  return nobodyRuns(call, loops, attempt, refusals);
}

} // namespace

llvm::Expected<std::vector<Strike>> strikesByHand(const Blocks &blocks, llvm::ArrayRef<EntryGraph> graphs,
                                                  const CompileOptions &options) {
  std::vector<Strike> strikes;
  const auto strikeOthers = [&](size_t block, ExecutorId wanted, const std::string &text) {
    for (ExecutorId other : options.executors)
      if (other != wanted)
        strikes.push_back({int(block), {other, {"", kByHand, text}}});
  };
  for (auto [b, call] : llvm::enumerate(blocks.calls()))
    if (const std::string &text = graphs[call.entry].hostOnly; !text.empty())
      strikeOthers(b, ExecutorId::Host, text);
  for (const Placing &placing : options.places) {
    std::string nearest;
    unsigned distance = std::numeric_limits<unsigned>::max();
    bool isThere = false;
    for (auto [b, call] : llvm::enumerate(blocks.calls()))
      for (const std::string &node : call.facts.nodes) {
        if (const unsigned away = llvm::StringRef(node).edit_distance(placing.node); away < distance) {
          distance = away;
          nearest = node;
        }
        if (node != placing.node)
          continue;
        isThere = true;
        if (graphs[call.entry].hostOnly.empty())
          strikeOthers(b, placing.executor, placing.text);
      }
    if (!isThere)
      return errorAt("--place " + placing.node, "no operator has that node after fusion" +
                                                    (nearest.empty() ? "" : ": is '" + nearest + "' meant"));
  }
  return strikes;
}

llvm::Error assign(const Blocks &blocks, const std::vector<Strike> &strikes, Attempt &attempt) {
  llvm::Error refused = llvm::Error::success();
  const std::vector<BlockCall> &calls = blocks.calls();
  Plan &plan = attempt.plan;
  size_t b = 0;
  for (size_t e = 0; e != blocks.entries().size(); ++e) {
    plan.entry = {};
    plan.entry.firstStep = uint32_t(plan.steps.size());
    attempt.forms->bindArguments(blocks.entries()[e]);
    for (; b != calls.size() && calls[b].entry == e; ++b)
      refused = llvm::joinErrors(std::move(refused), give(int(b), calls[b], strikes, attempt));
    plan.closeSegment();
    attempt.forms->bindResults(blocks.entries()[e]);
    plan.entry.stepCount = uint32_t(plan.steps.size()) - plan.entry.firstStep;
    attempt.entries.push_back(std::move(plan.entry));
  }
  return refused;
}

llvm::Expected<std::unique_ptr<Attempt>> choose(const Blocks &blocks, std::vector<Strike> strikes,
                                                llvm::function_ref<std::unique_ptr<Attempt>()> begin) {
  for (;;) {
    std::unique_ptr<Attempt> attempt = begin();
    if (auto error = assign(blocks, strikes, *attempt))
      return std::move(error);
    std::optional<Strike> strike;
    for (auto &executor : attempt->executors) {
      auto made = executor->schedule();
      if (!made)
        return made.takeError();
      if (auto *misfit = std::get_if<Misfit>(&*made)) {
        strike = Strike{misfit->block, {executor->id(), misfit->why}};
        break;
      }
      llvm::append_range(attempt->plan.report.regions, std::get<std::vector<RegionCost>>(*made));
    }
    if (!strike)
      return attempt;
    strikes.push_back(std::move(*strike));
  }
}

} // namespace tw::codegen
