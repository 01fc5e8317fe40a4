// SPDX-License-Identifier: Apache-2.0
#include "Steps.h"

#include "../States.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <random>

namespace tw::tools {
namespace {

// Which entry runs, on what; the same for all devices.
class Steps {
public:
  Steps(const isa::Package &package, uint64_t seed) : package(package), random(seed) {}

  struct Step {
    size_t entry;
    bool resets; // the state before it
    Tensors inputs;
  };

  llvm::Expected<Step> next() {
    const size_t entries = package.entries.size();
    Step step{count < entries ? count : size_t(random() % entries), count == 0, {}};
    ++count;
    std::vector<BoundInput> bound = boundInputs(package, step.entry);
    if (llvm::any_of(bound, [&](const BoundInput &its) { return position > its.most; })) {
      step.resets = true;
      position = 0;
    }
    bool isRandom = false;
    auto inputs = gatherInputs(inputsOf(package, step.entry), {}, random(), isRandom);
    if (!inputs)
      return inputs.takeError();
    step.inputs = std::move(*inputs);
    for (const BoundInput &its : bound)
      step.inputs[its.input].tensor.setInteger(0, std::max(position, its.least));
    return step;
  }

  /// So many positions are in the state now.
  void add(int64_t positions) { position += positions; }

private:
  const isa::Package &package;
  std::mt19937_64 random;
  size_t count = 0;
  int64_t position = 0;
};

// Rows along an axis, from one tensor to another that has more or fewer: the last ones of both.
void copyLastRows(const ir::Tensor &from, ir::Tensor &to, size_t axis) {
  const int64_t outer = ir::elementCount(ir::Dims(to.shape).take_front(axis)),
                inner = ir::elementCount(ir::Dims(to.shape).drop_front(axis + 1)) * ir::byteWidth(to.type),
                have = from.shape[axis], want = to.shape[axis], rows = std::min(have, want);
  for (int64_t o = 0; o != outer; ++o)
    std::copy_n(from.bytes.begin() + (o * have + have - rows) * inner, rows * inner,
                to.bytes.begin() + (o * want + want - rows) * inner);
}

// One past on one device: as many rows as any entry asks for.
struct State {
  ir::StatePair names;
  size_t axis = 0;
  ir::Tensor rows;
};

const ir::Tensor &tensorOf(const Tensors &tensors, const std::string &name) {
  return std::ranges::find(tensors, name, &ir::NamedTensor::name)->tensor;
}

size_t movedAxis(const ir::Tensor &past, const ir::Tensor &present) {
  size_t axis = 0;
  while (past.shape[axis] == present.shape[axis])
    ++axis; // present has more, or it was no pair
  return axis;
}

std::vector<State> emptyStates(llvm::ArrayRef<Program *> alone, llvm::ArrayRef<ir::StatePair> pairs) {
  std::vector<State> states;
  for (const ir::StatePair &pair : pairs) {
    State state{pair, 0, {}};
    for (const Program *program : alone) {
      const Tensors inputs = inputsOf(program->package), outputs = outputsOf(program->package);
      const ir::Tensor &past = tensorOf(inputs, pair.past);
      state.axis = movedAxis(past, tensorOf(outputs, pair.present));
      if (state.rows.shape.empty() || past.shape[state.axis] > state.rows.shape[state.axis])
        state.rows = past;
    }
    states.push_back(std::move(state));
  }
  return states;
}

// What was found of one entry on one device.
struct Found {
  int runs = 0;
  Difference difference;
  void add(const Difference &more) {
    difference.elements += more.elements;
    difference.different += more.different;
    difference.largest = std::max(difference.largest, more.largest);
  }
};

void report(const Program &program, size_t device, llvm::ArrayRef<Found> found, const char *against, Checks &checks) {
  for (auto [entry, its] : llvm::enumerate(found)) {
    const bool isGood = its.difference.different == 0;
    const std::string &name = program.package.entries[entry].name, text = counts(its.difference);
    checks.add({program.devices[device], "entry " + name, isGood, text, its.difference.elements,
                its.difference.different, its.difference.largest},
               llvm::formatv("  {0,-11} entry {1}: {2} {3}, {4} runs, {5}", program.devices[device], name,
                             isGood ? "agrees with" : "DIFFERS from", against, its.runs, text)
                   .str());
  }
}

class Alone {
public:
  Alone(Program &joint, llvm::ArrayRef<Program *> alone, llvm::ArrayRef<ir::StatePair> pairs, size_t device)
      : joint(joint), alone(alone), pairs(pairs), device(device), found(alone.size()) {}

  /// Returns the positions that the state has got.
  llvm::Expected<int64_t> run(const Steps::Step &step) {
    Session &session = *joint.sessions[device];
    if (step.resets) {
      session.resetState();
      states = emptyStates(alone, pairs);
    }
    auto mine = session.run(step.inputs, step.entry);
    if (!mine)
      return mine.takeError();
    Program &other = *alone[step.entry];
    Tensors inputs = inputsOf(other.package);
    for (ir::NamedTensor &input : inputs) {
      const auto state = std::ranges::find(states, input.name, [](const State &its) { return its.names.past; });
      if (state == states.end())
        input.tensor = tensorOf(step.inputs, input.name);
      else
        copyLastRows(state->rows, input.tensor, state->axis);
    }
    auto theirs = other.sessions[device]->run(inputs);
    if (!theirs)
      return theirs.takeError();
    ++found[step.entry].runs;
    for (const ir::NamedTensor &output : mine->outputs)
      found[step.entry].add(compare(tensorOf(theirs->outputs, output.name), output.tensor));
    int64_t fresh = 0;
    for (State &state : states) {
      const ir::Tensor &present = tensorOf(theirs->outputs, state.names.present);
      fresh = present.shape[state.axis] - tensorOf(inputs, state.names.past).shape[state.axis];
      keep(present, fresh, state);
    }
    return fresh;
  }

  llvm::ArrayRef<Found> all() const { return found; }

private:
  // The rows before move up, the new ones are the last.
  static void keep(const ir::Tensor &present, int64_t fresh, State &state) {
    ir::Shape shape = state.rows.shape;
    shape[state.axis] += fresh;
    ir::Tensor longer(state.rows.type, shape);
    const int64_t outer = ir::elementCount(ir::Dims(shape).take_front(state.axis)),
                  inner = ir::elementCount(ir::Dims(shape).drop_front(state.axis + 1)) * ir::byteWidth(longer.type),
                  rows = state.rows.shape[state.axis];
    for (int64_t o = 0; o != outer; ++o) {
      std::copy_n(state.rows.bytes.begin() + o * rows * inner, rows * inner,
                  longer.bytes.begin() + o * (rows + fresh) * inner);
      std::copy_n(present.bytes.begin() + ((o + 1) * present.shape[state.axis] - fresh) * inner, fresh * inner,
                  longer.bytes.begin() + (o * (rows + fresh) + rows) * inner);
    }
    copyLastRows(longer, state.rows, state.axis);
  }

  Program &joint;
  llvm::ArrayRef<Program *> alone;
  llvm::ArrayRef<ir::StatePair> pairs;
  size_t device;
  std::vector<State> states;
  std::vector<Found> found; // by entry
};

} // namespace

llvm::Error compareWithAlone(Program &joint, llvm::ArrayRef<Program *> alone, llvm::ArrayRef<ir::StatePair> states,
                             int more, uint64_t seed, Checks &checks) {
  for (size_t device = 0; device != joint.devices.size(); ++device) {
    Steps steps(joint.package, seed);
    Alone runs(joint, alone, states, device);
    for (size_t i = 0; i != alone.size() + size_t(more); ++i) {
      auto step = steps.next();
      if (!step)
        return step.takeError();
      auto added = runs.run(*step);
      if (!added)
        return added.takeError();
      steps.add(*added);
    }
    report(joint, device, runs.all(), "the same alone", checks);
  }
  return llvm::Error::success();
}

llvm::Error compareDevices(Program &package, int more, uint64_t seed, Checks &checks) {
  const size_t entries = package.package.entries.size();
  std::vector<std::vector<Found>> found(package.devices.size(), std::vector<Found>(entries));
  Steps steps(package.package, seed);
  for (size_t i = 0; i != entries + size_t(more); ++i) {
    auto step = steps.next();
    if (!step)
      return step.takeError();
    Tensors first;
    for (size_t device = 0; device != package.devices.size(); ++device) {
      if (step->resets)
        package.sessions[device]->resetState();
      auto result = package.sessions[device]->run(step->inputs, step->entry);
      if (!result)
        return result.takeError();
      Found &its = found[device][step->entry];
      ++its.runs;
      if (device == 0)
        first = result->outputs;
      for (auto [ours, output] : llvm::zip_equal(first, result->outputs))
        its.add(compare(ours.tensor, output.tensor));
    }
    compareInstructions(package, checks);
  }
  for (size_t device = 1; device < package.devices.size(); ++device)
    report(package, device, found[device], package.devices[0].c_str(), checks);
  return llvm::Error::success();
}

} // namespace tw::tools
