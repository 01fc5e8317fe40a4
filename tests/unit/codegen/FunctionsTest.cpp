// SPDX-License-Identifier: Apache-2.0
// Elementary functions of host code on a million numbers each: how far they are from exact ones, and whether they agree
// with the library's once both are rounded to float32. Vectors and single numbers give the same bits.
#include "HostLibrary.h"
#include "host/HostCode.h"
#include "host/Processor.h"

#include "tw/ir/Register.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <bit>
#include <cmath>
#include <random>

using namespace tw;
using namespace tw::codegen;
using namespace mlir;

namespace {

// `exact` in the 64 bits of x86's long double: what is lost there is some 1/2000 of a unit.
struct Function {
  const char *operation;
  double (*library)(double, double);
  long double (*exact)(long double, long double);
  double mostUlp;
};

#define ONE(NAME, OPERATION, MOST)                                                                                     \
  {OPERATION, [](double x, double) { return std::NAME(x); }, [](long double x, long double) { return std::NAME(x); },  \
   MOST}
#define TWO(NAME, OPERATION, MOST)                                                                                     \
  {OPERATION, [](double x, double y) { return std::NAME(x, y); },                                                      \
   [](long double x, long double y) { return std::NAME(x, y); }, MOST}
// The largest errors that were found, rounded up.
constexpr Function kFunctions[] = {
    ONE(exp, "math.exp", 1.1),     ONE(expm1, "math.expm1", 1.9), ONE(log, "math.log", 0.9),
    ONE(log1p, "math.log1p", 1.0), ONE(sin, "math.sin", 0.9),     ONE(cos, "math.cos", 0.9),
    ONE(tan, "math.tan", 2.3),     ONE(asin, "math.asin", 0.8),   ONE(acos, "math.acos", 0.8),
    ONE(atan, "math.atan", 0.8),   ONE(sinh, "math.sinh", 1.7),   ONE(cosh, "math.cosh", 1.6),
    ONE(tanh, "math.tanh", 1.9),   ONE(asinh, "math.asinh", 1.9), ONE(acosh, "math.acosh", 1.9),
    ONE(atanh, "math.atanh", 1.8), ONE(erf, "math.erf", 1.6),     TWO(pow, "math.powf", 1.8),
    TWO(fmod, "arith.remf", 0.0),
};
#undef ONE
#undef TWO

constexpr size_t kCount = 1000000;

std::vector<double> specials() {
  std::vector<double> values;
  for (double size : {0.0,
                      1.0,
                      HUGE_VAL,
                      std::nan(""),
                      0.5,
                      1.5,
                      2.0,
                      3.0,
                      6.0,
                      20.0,
                      37.0,
                      5e-324,
                      0x1p-1022,
                      1e-300,
                      1e-17,
                      1e-8,
                      0.1,
                      1e5,
                      1e16,
                      1e22,
                      0x1.fffffffffffffp+1023,
                      0x1.fffffffffffffp-1,
                      0x1.0000000000001p+0,
                      0x1.62e42fefa39efp+9,
                      0x1.62e42fefa39fp+9,
                      0x1.74910d52d3051p+9,
                      710.475,
                      0x1p30,
                      0x1p31 + 1,
                      0x1.6ac5b262ca1ffp+849,
                      M_PI,
                      M_PI_2,
                      M_PI_4,
                      0x1p52 + 0.5,
                      0x1p53 + 2})
    for (double sign : {1.0, -1.0})
      values.push_back(sign * size);
  return values;
}

// Of any size, and of those where functions are neither 0 nor infinite.
double argument(std::mt19937_64 &random, size_t i) {
  const double unit = double(int64_t(random())) * 0x1p-63;
  switch (i % 5) {
  case 0:
    return std::bit_cast<double>(uint64_t(random()));
  case 1:
    return unit * 10;
  case 2:
    return unit * 750;
  case 3:
    return unit;
  default:
    return double(float(unit * 4));
  }
}

struct Arguments {
  std::vector<double> x, y;
};

Arguments arguments() {
  std::mt19937_64 random(7);
  Arguments all;
  for (size_t i = 0; i != kCount; ++i) {
    all.x.push_back(argument(random, i));
    all.y.push_back(argument(random, i / 5));
    if (i % 3 != 0)
      all.x.back() = std::fabs(all.x.back());
  }
  const std::vector<double> values = specials();
  for (size_t i = 0; i != values.size() * values.size(); ++i) {
    all.x[i] = values[i / values.size()];
    all.y[i] = values[i % values.size()];
  }
  return all;
}

bool isSame(auto a, auto b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

// |got - exact| in units of the last place of the exact value; of what is no number only whether it is the same.
double ulp(double got, long double exact) {
  const double wanted = double(exact);
  if (!std::isfinite(wanted) || !std::isfinite(got) || wanted == 0)
    return isSame(got, wanted) ? 0 : HUGE_VAL;
  const int exponent = std::max(std::ilogb(wanted), -1022);
  return double(std::fabs((long double)got - exact) / std::ldexp(1.0L, exponent - 52));
}

// Runs the operation on all arguments, on processors of different widths.
std::vector<double> computed(const Function &function, const Arguments &all, const char *cpu) {
  DialectRegistry registry;
  ir::registerGraphDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  const std::string type = "tensor<" + std::to_string(all.x.size()) + "xf64>";
  const bool isBinary =
      std::string(function.operation) == "math.powf" || std::string(function.operation) == "arith.remf";
  auto module = parseSourceString<ModuleOp>(
      "#id = affine_map<(d0) -> (d0)>\nfunc.func private @blk(%x: " + type + ", %y: " + type + ") -> " + type +
          " {\n %e = tensor.empty() : " + type +
          "\n %r = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = [\"parallel\"]} ins(%x, %y : " +
          type + ", " + type + ") outs(%e : " + type +
          ") {\n ^bb0(%a: f64, %b: f64, %o: f64):\n %c = " + function.operation + " %a" + (isBinary ? ", %b" : "") +
          " : f64\n linalg.yield %c : f64 } -> " + type + "\n return %r : " + type + "\n}",
      &context);
  HostCode host(&context, llvm::cantFail(processorOf(cpu)));
  const HostStep *step = llvm::cantFail(host.add(module->lookupSymbol<func::FuncOp>("blk"), {false, false}));
  test::HostLibrary library(llvm::cantFail(host.link()));
  std::vector<double> result(all.x.size());
  std::vector<void *> buffers;
  for (const HostStep::Buffer &buffer : step->buffers)
    buffers.push_back(buffer.kind == HostArray::Result
                          ? result.data()
                          : const_cast<double *>((buffer.argument ? all.y : all.x).data()));
  buffers.push_back(nullptr);
  for (const isa::PackagePhase &phase : step->phases)
    EXPECT_EQ(library.function(phase.function)(buffers.data(), nullptr, nullptr, 0, int64_t(phase.extent)), 0);
  return result;
}

} // namespace

TEST(FunctionsTest, AreAsExactAsStated) {
  const Arguments all = arguments();
  for (const Function &function : kFunctions) {
    const std::vector<double> got = computed(function, all, "x86-64-v3");
    double most = 0;
    size_t at = 0, different = 0;
    for (size_t i = 0; i != got.size(); ++i) {
      const double wanted = function.library(all.x[i], all.y[i]);
      different += !isSame(float(got[i]), float(wanted));
      // Where both agree, the error is the library's, below one unit.
      const double error = isSame(got[i], wanted) ? 0 : ulp(got[i], function.exact(all.x[i], all.y[i]));
      if (error > most)
        most = error, at = i;
    }
    EXPECT_LE(most, function.mostUlp) << function.operation << " of " << all.x[at] << ", " << all.y[at] << " is "
                                      << got[at];
    EXPECT_EQ(different, 0u) << function.operation << " differs from the library's in float32";
    std::cout << function.operation << ": " << most << " ulp at most, float32: " << different << " of " << got.size()
              << " differ\n";
  }
}

TEST(FunctionsTest, OfAnyWidthGiveTheSameBits) {
  if (!__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq"))
    GTEST_SKIP() << "this computer lacks AVX-512";
  Arguments all = arguments();
  all.x.resize(20003); // no multiple of a vector
  all.y.resize(20003);
  for (const Function &function : kFunctions) {
    const std::vector<double> four = computed(function, all, "x86-64-v3"),
                              eight = computed(function, all, "skylake-avx512");
    size_t different = 0;
    for (size_t i = 0; i != four.size(); ++i)
      different += !isSame(four[i], eight[i]);
    EXPECT_EQ(different, 0u) << function.operation;
  }
}
