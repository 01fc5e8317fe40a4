// SPDX-License-Identifier: Apache-2.0
// What stands for the scalar operations of `tw`, folded to a number by MLIR, against the rules computed here.
#include "host/Emit.h"

#include "tw/ir/Register.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

struct ScalarsTest : testing::Test {
  ScalarsTest() {
    DialectRegistry registry;
    ir::registerGraphDialects(registry);
    registry.insert<arith::ArithDialect, math::MathDialect, func::FuncDialect>();
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }

  // The number that a function of constants returns.
  Attribute valueOf(const std::string &body, const std::string &type, bool hasHalf = false) {
    auto module = parseSourceString<ModuleOp>(
        "func.func @f() -> " + type + " {\n" + body + "\n  return %y : " + type + "\n}", context.get());
    EXPECT_TRUE(module);
    auto function = *module->getOps<func::FuncOp>().begin();
    HostProcessor processor;
    processor.hasHalf = hasHalf;
    expandScalars(function, processor);
    EXPECT_TRUE(succeeded(applyPatternsAndFoldGreedily(function, FrozenRewritePatternSet())));
    Attribute value;
    EXPECT_TRUE(matchPattern(function.front().getTerminator()->getOperand(0), m_Constant(&value)))
        << "not folded:" << body;
    return value;
  }
  int64_t integerOf(const std::string &body, const std::string &type) {
    return cast<IntegerAttr>(valueOf(body, type)).getInt();
  }

  std::unique_ptr<MLIRContext> context;
};

// RNE(sum / 2^shift) + zero in int8, in integers of 128 bits.
int64_t rescaled(int64_t sum, int shift, int64_t zero) {
  const __int128 one = __int128(1) << shift;
  __int128 quotient = sum / one, rest = sum % one;
  if (rest < 0)
    rest += one, --quotient;
  if (2 * rest > one || (2 * rest == one && quotient % 2 != 0))
    ++quotient;
  quotient += zero;
  return int64_t(quotient < -128 ? -128 : quotient > 127 ? 127 : quotient);
}

} // namespace

// A sum that is read from memory as int64: integers all the way.
TEST_F(ScalarsTest, ARescaledSumRoundsHalvesToEven) {
  for (auto [sum, shift, zero] : {std::tuple<int64_t, int, int64_t>{3, 1, 0},
                                  {5, 1, 0},
                                  {-3, 1, 0},
                                  {-5, 1, 0},
                                  {7, 0, 3},
                                  {1 << 20, 10, -1},
                                  {INT64_MAX, 40, 0},
                                  {INT64_MIN, 40, 0},
                                  {INT64_MAX, 0, 0},
                                  {INT64_MIN, 1, -128},
                                  {-1, 30, 5},
                                  {1, 1, 0}}) {
    const std::string body = llvm::formatv("  %a = arith.constant {0} : i64\n  %s = arith.constant {1} : i32\n"
                                           "  %z = arith.constant {2} : i32\n  %y = tw.rescale %a, %s, %z",
                                           sum, shift, zero);
    EXPECT_EQ(integerOf(body, "i8"), rescaled(sum, shift, zero)) << sum << " >> " << shift;
  }
}

// (x - zx) * m + (y - zy) * n, as elementwise operators have it: exact in double.
TEST_F(ScalarsTest, ASumOfScaledBytesIsRescaledTheSame) {
  std::mt19937 random(9);
  auto between = [&](int64_t lo, int64_t hi) { return lo + int64_t(random() % uint64_t(hi - lo + 1)); };
  for (int trial = 0; trial != 100; ++trial) {
    const int64_t x = between(-128, 127), zx = between(-128, 127), m = between(-(1 << 29), 1 << 29),
                  y = between(-128, 127), n = between(-(1 << 29), 1 << 29), zero = between(-128, 127);
    const int shift = int(between(0, 31));
    const std::string body = llvm::formatv(
        "  %x8 = arith.constant {0} : i8\n  %y8 = arith.constant {1} : i8\n"
        "  %x = arith.extsi %x8 : i8 to i64\n  %w = arith.extsi %y8 : i8 to i64\n  %zx = arith.constant {2} : i64\n"
        "  %d = arith.subi %x, %zx : i64\n  %m = arith.constant {3} : i64\n  %n = arith.constant {4} : i64\n"
        "  %p = arith.muli %d, %m : i64\n  %q = arith.muli %w, %n : i64\n  %a = arith.addi %p, %q : i64\n"
        "  %s = arith.constant {5} : i32\n  %z = arith.constant {6} : i32\n  %y = tw.rescale %a, %s, %z",
        x, y, zx, m, n, shift, zero);
    EXPECT_EQ(integerOf(body, "i8"), rescaled((x - zx) * m + y * n, shift, zero)) << body;
  }
}

TEST_F(ScalarsTest, ARequantisedSumIsAProductOfFloat32) {
  for (auto [sum, multiplier, zero] : {std::tuple<int32_t, float, int>{5, 0.5f, 0},
                                       {7, 0.5f, 0},
                                       {-5, 0.5f, 1},
                                       {16777217, 1.0f / 1048576, 100}, // no float32 holds this sum
                                       {INT32_MAX, 8.0f, 0},
                                       {INT32_MIN, 8.0f, 0},
                                       {100, 0.25f, 127},
                                       {-100, 0.25f, -128}}) {
    const std::string body = llvm::formatv("  %a = arith.constant {0} : i32\n  %m = arith.constant {1} : f32\n"
                                           "  %z = arith.constant {2} : i32\n  %y = tw.requantize %a, %m, %z : i32",
                                           sum, llvm::formatv("0x{0:x-8}", std::bit_cast<uint32_t>(multiplier)), zero);
    const double rounded = std::nearbyint(double(float(sum) * multiplier)) + zero;
    EXPECT_EQ(integerOf(body, "i8"), int64_t(std::clamp(rounded, -128.0, 127.0))) << body;
  }
}

// Every float16 as float32, and back: where the processor has no conversions.
TEST_F(ScalarsTest, EveryKindOfFloat16IsWidenedAndNarrowedByItsBits) {
  for (uint32_t bits :
       {0x0000u, 0x8000u, 0x0001u, 0x03ffu, 0x0400u, 0x3c00u, 0xbc01u, 0x7bffu, 0x7c00u, 0xfc00u, 0x7e01u, 0x83ffu}) {
    const llvm::APFloat half(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits));
    llvm::APFloat single = half;
    bool loses = false;
    single.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &loses);
    const std::string text = llvm::formatv("0x{0:x-4}", bits);
    auto wide =
        cast<FloatAttr>(valueOf("  %a = arith.constant " + text + " : f16\n  %y = arith.extf %a : f16 to f32", "f32"));
    EXPECT_EQ(wide.getValue().bitcastToAPInt(), single.bitcastToAPInt()) << text;
  }
  for (float value : {0.0f, -0.0f, 1.0f, 65504.0f, 65519.0f, 65520.0f, -1e9f, 5.9604645e-8f, 2.9802322e-8f,
                      2.9802326e-8f, 6.0975552e-5f, 6.1035156e-5f, 1.00048828125f, 1.00146484375f, INFINITY}) {
    llvm::APFloat half(value);
    bool loses = false;
    half.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven, &loses);
    auto narrow = cast<FloatAttr>(
        valueOf(llvm::formatv("  %a = arith.constant 0x{0:x-8} : f32\n  %y = arith.truncf %a : f32 to f16",
                              std::bit_cast<uint32_t>(value))
                    .str(),
                "f16"));
    EXPECT_EQ(narrow.getValue().bitcastToAPInt(), half.bitcastToAPInt()) << value;
  }
}

TEST_F(ScalarsTest, AProcessorThatHasConversionsKeepsThem) {
  auto module = parseSourceString<ModuleOp>("func.func @f(%a: f16) -> f32 {\n  %y = arith.extf %a : f16 to f32\n"
                                            "  return %y : f32\n}",
                                            context.get());
  HostProcessor processor;
  processor.hasHalf = true;
  auto function = *module->getOps<func::FuncOp>().begin();
  expandScalars(function, processor);
  EXPECT_TRUE(isa<arith::ExtFOp>(function.front().front()));
}
