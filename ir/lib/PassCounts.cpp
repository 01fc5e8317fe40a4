// SPDX-License-Identifier: Apache-2.0
#include "tw/ir/PassCounts.h"

#include "tw/ir/GraphDialect.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace tw::ir {
namespace {

class Counter : public PassInstrumentation {
public:
  explicit Counter(std::vector<PassCount> &passCounts) : counts(passCounts) {}

  void runBeforePass(Pass *pass, Operation *op) override {
    if (!pass->getArgument().empty()) // of another manager's passes, which are counted themselves
      before = operatorsOf(op);
  }

  void runAfterPass(Pass *pass, Operation *op) override {
    if (pass->getArgument().empty())
      return;
    PassCount count{pass->getArgument().str(), {}};
    for (const auto &[name, number] : operatorsOf(op))
      count.change[name.stripDialect().str()] += number;
    for (const auto &[name, number] : before)
      count.change[name.stripDialect().str()] -= number;
    std::erase_if(count.change, [](const auto &entry) { return entry.second == 0; });
    if (!count.change.empty())
      counts.push_back(std::move(count));
  }

private:
  using Operators = llvm::MapVector<OperationName, int64_t>;

  static Operators operatorsOf(Operation *op) {
    Operators numbers;
    op->walk([&](Operation *inner) {
      if (isa_and_nonnull<GraphDialect>(inner->getDialect()))
        ++numbers[inner->getName()];
    });
    return numbers;
  }

  std::vector<PassCount> &counts;
  Operators before;
};

} // namespace

void countPasses(PassManager &manager, std::vector<PassCount> &counts) {
  manager.addInstrumentation(std::make_unique<Counter>(counts));
}

} // namespace tw::ir
