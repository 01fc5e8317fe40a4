// SPDX-License-Identifier: Apache-2.0
#include "Emulator.h"

#include "Instrument.h"
#include "Ptx.h"
#include "Shadow.h"
#include "tw/isa/DiagError.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/TargetSelect.h"

#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <boost/context/preallocated.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <vector>

namespace tw::test {

namespace context = boost::context;

namespace {

// Shared memory holds what the block before has left, or nothing that anybody knows.
constexpr int kGarbage = 0xA5;

enum class State : uint8_t { Runs, AtBarrier, AtShuffle, Ends };

struct Shuffle {
  PtxShuffle mode = PtxShuffle::Index;
  uint32_t mask = 0, value = 0, b = 0, c = 0;
  uint64_t result = 0; // the value, and its predicate above
};

struct Fiber {
  context::fiber itself, scheduler;
  State state = State::Runs;
  Shuffle shuffle;
};

// Stacks are kept from block to block.
class Stacks {
public:
  context::preallocated place(size_t number) {
    while (stacks.size() <= number)
      stacks.push_back(allocator.allocate());
    const context::stack_context &its = stacks[number];
    return context::preallocated(its.sp, its.size, its);
  }
  ~Stacks() {
    for (context::stack_context &stack : stacks)
      allocator.deallocate(stack);
  }

  // What boost calls to give a stack back: it stays here.
  struct Keep {
    static context::stack_context allocate() { return {}; }
    static void deallocate(context::stack_context &) {}
  };

private:
  context::fixedsize_stack allocator{256 << 10};
  std::vector<context::stack_context> stacks;
};

} // namespace

struct Emulator::Implementation {
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::vector<Shared> shared;
  Stacks stacks;

  // Of the launch, the block and the thread that runs.
  PtxThread now;
  Shadow *shadow = nullptr;
  std::deque<Fiber> fibers;
  Fiber *running = nullptr;
  std::string kernel;
  std::optional<std::string> wrong;

  void report(std::string what) {
    if (!wrong)
      wrong = std::move(what);
  }

  void wait(State state) {
    Fiber &its = *running;
    its.state = state;
    its.scheduler = std::move(its.scheduler).resume();
  }

  static uint32_t readRegister(Implementation *self, uint32_t which) {
    return test::read(PtxRegister(which), self->now);
  }
  static void barrier(Implementation *self) { self->wait(State::AtBarrier); }
  static uint64_t shuffle(Implementation *self, uint32_t mode, uint32_t mask, uint32_t value, uint32_t b, uint32_t c) {
    Fiber &fiber = *self->running;
    fiber.shuffle = {PtxShuffle(mode), mask, value, b, c};
    self->wait(State::AtShuffle);
    return fiber.shuffle.result;
  }
  static void access(Implementation *self, void *address, uint64_t bytes, uint32_t isWrite) {
    if (auto what = self->shadow->access({self->now.ctaid, self->now.tid}, address, bytes, isWrite != 0))
      self->report(std::move(*what));
  }

  void resume(Fiber &fiber, uint32_t tid) {
    now.tid = tid;
    running = &fiber;
    fiber.itself = std::move(fiber.itself).resume();
    running = nullptr;
  }

  // Lanes that wait at a shuffle exchange their values, if all of the mask are there.
  bool exchange(size_t first, size_t count) {
    bool isAnyone = false;
    for (size_t lane = 0; lane != count; ++lane) {
      Fiber &fiber = fibers[first + lane];
      if (fiber.state != State::AtShuffle)
        continue;
      isAnyone = true;
      Shuffle &its = fiber.shuffle;
      for (uint32_t other = 0; other != kWarpSize; ++other)
        if (its.mask >> other & 1 && (other >= count || fibers[first + other].state != State::AtShuffle))
          report("lane " + std::to_string(other) + " of a warp is not at the shuffle at which lane " +
                 std::to_string(lane) + " waits for it");
      const PtxSource source = shuffleSource(its.mode, uint32_t(lane), its.b, its.c);
      if (!(its.mask >> source.lane & 1))
        report("lane " + std::to_string(lane) + " shuffles a value of lane " + std::to_string(source.lane) +
               ", which is not in its mask");
      const bool isThere = source.lane < count && fibers[first + source.lane].state == State::AtShuffle;
      its.result = (isThere ? fibers[first + source.lane].shuffle.value : 0) | uint64_t(source.isInRange) << 32;
    }
    for (size_t lane = 0; lane != count; ++lane)
      if (fibers[first + lane].state == State::AtShuffle)
        fibers[first + lane].state = State::Runs;
    return isAnyone;
  }

  void runBlock(void (*entry)(void **), void **arguments) {
    shadow->beginBlock();
    fibers.clear();
    for (uint32_t t = 0; t != now.ntid; ++t) {
      Fiber &fiber = fibers.emplace_back();
      fiber.itself = context::fiber(std::allocator_arg, stacks.place(t), Stacks::Keep(),
                                    [&fiber, entry, arguments](context::fiber &&scheduler) {
                                      fiber.scheduler = std::move(scheduler);
                                      entry(arguments);
                                      fiber.state = State::Ends;
                                      return std::move(fiber.scheduler);
                                    });
    }
    for (;;) {
      for (size_t first = 0; first < fibers.size(); first += kWarpSize) {
        const size_t count = std::min<size_t>(kWarpSize, fibers.size() - first);
        do {
          for (size_t t = first; t != first + count; ++t)
            if (fibers[t].state == State::Runs)
              resume(fibers[t], uint32_t(t));
        } while (exchange(first, count));
      }
      const auto waiting = std::ranges::count(fibers, State::AtBarrier, &Fiber::state);
      if (waiting == 0)
        return;
      if (size_t(waiting) != fibers.size())
        report(std::to_string(waiting) + " of " + std::to_string(fibers.size()) +
               " threads wait at a barrier, the others have ended");
      shadow->passBarrier();
      for (Fiber &fiber : fibers)
        if (fiber.state == State::AtBarrier)
          fiber.state = State::Runs;
    }
  }
};

Emulator::Emulator(std::unique_ptr<Implementation> impl) : impl(std::move(impl)) {}
Emulator::~Emulator() = default;

llvm::Expected<std::unique_ptr<Emulator>> Emulator::make(std::unique_ptr<llvm::LLVMContext> itsContext,
                                                         std::unique_ptr<llvm::Module> module) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  auto impl = std::make_unique<Implementation>();
  impl->jit = std::move(*jit);
  auto shared = instrument(*module, impl.get());
  if (!shared)
    return shared.takeError();
  impl->shared = std::move(*shared);
  module->setDataLayout(impl->jit->getDataLayout());
  module->setTargetTriple(impl->jit->getTargetTriple().str());
  llvm::orc::SymbolMap symbols;
  auto add = [&](const char *name, auto *function) {
    symbols[impl->jit->mangleAndIntern(name)] = {llvm::orc::ExecutorAddr::fromPtr(function),
                                                 llvm::JITSymbolFlags::Exported};
  };
  add(kReadRegister, &Implementation::readRegister);
  add(kBarrier, &Implementation::barrier);
  add(kShuffle, &Implementation::shuffle);
  add(kAccess, &Implementation::access);
  if (auto error = impl->jit->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(symbols))))
    return std::move(error);
  if (auto error = impl->jit->addIRModule(llvm::orc::ThreadSafeModule(std::move(module), std::move(itsContext))))
    return std::move(error);
  return std::unique_ptr<Emulator>(new Emulator(std::move(impl)));
}

llvm::Error Emulator::launch(const std::string &kernel, int64_t blocks, int64_t threads,
                             llvm::ArrayRef<Memory> arguments) {
  std::vector<void *> pointers;
  for (const Memory &memory : arguments)
    pointers.push_back(memory.begin);
  return launch(kernel, blocks, threads, pointers, arguments);
}

llvm::Error Emulator::launch(const std::string &kernel, int64_t blocks, int64_t threads,
                             llvm::ArrayRef<void *> pointers, llvm::ArrayRef<Memory> regions) {
  auto entry = impl->jit->lookup("run_" + kernel);
  if (!entry)
    return entry.takeError();
  Shadow shadow;
  for (auto [i, memory] : llvm::enumerate(regions))
    shadow.addRegion(memory.begin, memory.bytes, "argument " + std::to_string(i), false);
  for (const Shared &its : impl->shared) {
    auto address = impl->jit->lookup(its.symbol);
    if (!address)
      return address.takeError();
    std::memset(address->toPtr<void *>(), kGarbage, its.bytes);
    shadow.addRegion(address->toPtr<void *>(), its.bytes, "shared memory", true);
  }
  impl->shadow = &shadow;
  impl->wrong.reset();
  impl->now = {0, uint32_t(threads), 0, uint32_t(blocks)};
  for (int64_t block = 0; block != blocks; ++block) {
    impl->now.ctaid = uint32_t(block);
    impl->runBlock(entry->toPtr<void (*)(void **)>(), const_cast<void **>(pointers.data()));
  }
  impl->shadow = nullptr;
  if (impl->wrong)
    return errorAt("kernel '" + kernel + "'", *impl->wrong);
  return llvm::Error::success();
}

} // namespace tw::test
