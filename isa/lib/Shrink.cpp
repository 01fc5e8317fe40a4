// SPDX-License-Identifier: Apache-2.0
#include "tw/isa/ProgramChecker.h"
#include "tw/isa/RandomProgram.h"
#include "tw/isa/Synchronise.h"

namespace tw::isa {
namespace {

class Shrinker {
public:
  Shrinker(TestProgram test, const HwConfig &config, const std::function<bool(const TestProgram &)> &fails)
      : best(std::move(test)), config(config), fails(fails) {}

  TestProgram run() {
    for (bool again = true; again;) {
      again = dropLines();
      again = reduceExtents() || again;
    }
    return std::move(best);
  }

private:
  // Takes the lines, newly synchronised, if they are legal and still fail.
  bool accept(std::vector<Line> lines) {
    TestProgram candidate = best;
    candidate.program.lines = std::move(lines);
    candidate.program = synchronise(candidate.program, config);
    if (!checkProgram(candidate.program, config, candidate.regions, 1).empty() || !fails(candidate))
      return false;
    best = std::move(candidate);
    return true;
  }

  bool dropLines() {
    bool any = false;
    for (size_t count = best.program.lines.size() / 2; count != 0; count /= 2)
      for (size_t end = best.program.lines.size() - 1; end >= count && end != 0;) { // END stays
        std::vector<Line> lines = best.program.lines;
        size_t before = lines.size();
        lines.erase(lines.begin() + std::ptrdiff_t(end - count), lines.begin() + std::ptrdiff_t(end));
        bool accepted = accept(std::move(lines)) && best.program.lines.size() < before;
        any |= accepted;
        end = std::min(end - count, best.program.lines.size() - 1);
      }
    return any;
  }

  bool reduceExtents() {
    bool any = false;
    for (size_t i = 0; i != best.program.lines.size(); ++i) {
      const Instruction *row = best.program.lines[i].row();
      for (const Field &field : row ? row->fields : std::span<const Field>())
        if (field.kind == FieldKind::Extent)
          any |= i < best.program.lines.size() && reduce(i, field);
    }
    return any;
  }

  bool reduce(size_t i, const Field &field) {
    int64_t value = best.program.lines[i].get(field.ref);
    for (int64_t smaller : {field.min, value / 2, value - 1}) {
      if (smaller < field.min || smaller >= value)
        continue;
      std::vector<Line> lines = best.program.lines;
      lines[i].set(field.ref, smaller);
      size_t before = lines.size();
      if (accept(std::move(lines)))
        return best.program.lines.size() <= before;
    }
    return false;
  }

  TestProgram best;
  const HwConfig &config;
  const std::function<bool(const TestProgram &)> &fails;
};

} // namespace

TestProgram shrink(TestProgram test, const HwConfig &config, const std::function<bool(const TestProgram &)> &fails) {
  return Shrinker(std::move(test), config, fails).run();
}

} // namespace tw::isa
