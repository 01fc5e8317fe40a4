// SPDX-License-Identifier: Apache-2.0
// The functional model beside oneDNN, the host's library for int8 networks, both on one thread, in turn, best of
// several: the array's tiles of ResNet-50 against oneDNN's products of the same size, and the whole network against
// oneDNN's convolutions of its layers, requantised, in the layouts that oneDNN likes best and with weights prepared.
//   OMP_NUM_THREADS=1 tw_bench_onednn resnet50.npk...
// Expected: at least half of oneDNN's rate on tiles, a quarter over the network.
#include "PackageRun.h"
#include "functional/Execute.h"
#include "tw/simulator/FunctionalMachine.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <functional>
#include <map>

using namespace tw;
using namespace tw::bench;

namespace {

using Clock = std::clock_t;

/// Seconds of one call, the mean of as many as take some milliseconds.
double secondsOf(const std::function<void()> &call) {
  const Clock start = std::clock();
  int calls = 0;
  Clock taken = 0;
  do {
    call();
    ++calls;
    taken = std::clock() - start;
  } while (taken < CLOCKS_PER_SEC / 200);
  return double(taken) / CLOCKS_PER_SEC / calls;
}

/// The best of several turns of each call.
std::vector<double> bestOf(const std::vector<std::function<void()>> &calls) {
  std::vector<double> best(calls.size(), 1e9);
  for (int turn = 0; turn != 5; ++turn)
    for (size_t i = 0; i != calls.size(); ++i)
      best[i] = std::min(best[i], secondsOf(calls[i]));
  return best;
}

const char *nameOf(dnnl::cpu_isa isa) {
  switch (isa) {
  case dnnl::cpu_isa::sse41:
    return "SSE4.1";
  case dnnl::cpu_isa::avx:
    return "AVX";
  case dnnl::cpu_isa::avx2:
    return "AVX2";
  case dnnl::cpu_isa::avx2_vnni:
    return "AVX2 with VNNI";
  case dnnl::cpu_isa::avx512_core:
    return "AVX-512";
  case dnnl::cpu_isa::avx512_core_vnni:
    return "AVX-512 with VNNI";
  case dnnl::cpu_isa::avx512_core_bf16:
    return "AVX-512 with VNNI and bfloat16";
  case dnnl::cpu_isa::avx512_core_amx:
    return "AMX";
  default:
    return "another";
  }
}

//--- Tiles ------------------------------------------------------------------------------------------------------------

/// What one instruction multiplies: [rows][depth] by [depth][lanes].
struct Tile {
  int64_t rows, lanes, depth;
  auto operator<=>(const Tile &) const = default;
  double macs() const { return double(rows) * double(lanes) * double(depth); }
};

struct Tiles {
  isa::Line line; // the first of them
  int count = 0;
};

std::map<Tile, Tiles> tilesOf(const isa::Package &package) {
  namespace f = isa::conv;
  const int64_t n = package.config.n;
  std::map<Tile, Tiles> tiles;
  for (const isa::Line &line : package.program.lines) {
    if (line.row()->opcode != isa::Opcode::Conv)
      continue;
    Tiles &found = tiles[{line.get(f::oh_n) * line.get(f::ow_n), line.get(f::oc_n) * n,
                          line.get(f::kh_n) * line.get(f::kw_n) * line.get(f::ic_n) * n}];
    if (found.count++ == 0)
      found.line = line;
  }
  return tiles;
}

void compareTiles(const isa::Package &package) {
  const std::map<Tile, Tiles> tiles = tilesOf(package);
  std::vector<std::map<Tile, Tiles>::const_iterator> heaviest;
  double all = 0, taken = 0;
  for (auto tile = tiles.begin(); tile != tiles.end(); ++tile) {
    heaviest.push_back(tile);
    all += tile->first.macs() * tile->second.count;
  }
  const auto weight = [](auto tile) { return tile->first.macs() * tile->second.count; };
  std::sort(heaviest.begin(), heaviest.end(), [&](auto a, auto b) { return weight(a) > weight(b); });
  heaviest.resize(std::min<size_t>(heaviest.size(), 12));

  simulator::State state(package.config, 1 << 20, 1);
  std::printf("tiles on %s, GMAC/s %37s %12s %12s %8s\n", package.config.name.c_str(), "functional", "u8s8s32",
              "s8s8s32", "ratio");
  double seconds[2] = {};
  for (auto found : heaviest) {
    const Tile &tile = found->first;
    const std::vector<uint8_t> x(size_t(tile.rows * tile.depth), 1);
    const std::vector<int8_t> w(size_t(tile.depth * tile.lanes), 1);
    std::vector<int32_t> sums(size_t(tile.rows * tile.lanes));
    const int32_t offset = 0;
    const std::vector<double> best =
        bestOf({[&] { simulator::execute(state, found->second.line); },
                [&] {
                  dnnl_gemm_u8s8s32('N', 'N', 'F', tile.rows, tile.lanes, tile.depth, 1, x.data(), tile.depth, 0,
                                    w.data(), tile.lanes, 0, 0, sums.data(), tile.lanes, &offset);
                },
                [&] {
                  dnnl_gemm_s8s8s32('N', 'N', 'F', tile.rows, tile.lanes, tile.depth, 1,
                                    reinterpret_cast<const int8_t *>(x.data()), tile.depth, 0, w.data(), tile.lanes, 0,
                                    0, sums.data(), tile.lanes, &offset);
                }});
    std::printf("  %4d times %4d x %4d x %4d, %4.1f %% of all %10.1f %12.1f %12.1f %8.2f\n", found->second.count,
                int(tile.rows), int(tile.depth), int(tile.lanes), 100 * weight(found) / all,
                tile.macs() / best[0] * 1e-9, tile.macs() / best[1] * 1e-9, tile.macs() / best[2] * 1e-9,
                best[1] / best[0]);
    taken += weight(found);
    seconds[0] += best[0] * found->second.count;
    seconds[1] += best[1] * found->second.count;
  }
  std::printf("  together %.0f %% of the tiles' work: %.1f and %.1f GMAC/s\n", 100 * taken / all,
              taken / seconds[0] * 1e-9, taken / seconds[1] * 1e-9);
  printTarget("tiles, functional / oneDNN u8s8s32", seconds[1] / seconds[0], 0.5, true);
}

//--- The network ------------------------------------------------------------------------------------------------------

struct Layer {
  int64_t inputs, outputs, kernel, stride, size; // size: of the input's sides
  int count;
  int64_t outputSize() const { return (size + 2 * (kernel / 2) - kernel) / stride + 1; }
  double macs() const { return double(inputs * outputs * kernel * kernel * outputSize() * outputSize()) * count; }
};

// ResNet-50 with the stride in the 3x3 convolutions, 224 x 224; the classifier is the last one.
constexpr Layer kLayers[] = {
    {3, 64, 7, 2, 224, 1},    {64, 64, 1, 1, 56, 1},    {256, 64, 1, 1, 56, 2},    {64, 64, 3, 1, 56, 3},
    {64, 256, 1, 1, 56, 4},   {256, 128, 1, 1, 56, 1},  {512, 128, 1, 1, 28, 3},   {128, 128, 3, 2, 56, 1},
    {128, 128, 3, 1, 28, 3},  {128, 512, 1, 1, 28, 4},  {256, 512, 1, 2, 56, 1},   {512, 256, 1, 1, 28, 1},
    {1024, 256, 1, 1, 14, 5}, {256, 256, 3, 2, 28, 1},  {256, 256, 3, 1, 14, 5},   {256, 1024, 1, 1, 14, 6},
    {512, 1024, 1, 2, 28, 1}, {1024, 512, 1, 1, 14, 1}, {2048, 512, 1, 1, 7, 2},   {512, 512, 3, 2, 14, 1},
    {512, 512, 3, 1, 7, 2},   {512, 2048, 1, 1, 7, 3},  {1024, 2048, 1, 2, 14, 1}, {2048, 1000, 1, 1, 1, 1}};

/// One convolution of oneDNN: u8 in, s8 weights of each channel's scale, u8 out.
class Convolution {
public:
  Convolution(const dnnl::engine &engine, const Layer &layer) : stream(engine) {
    using dnnl::memory;
    const int64_t out = layer.outputSize(), pad = layer.kernel / 2;
    const int64_t padAfter = (out - 1) * layer.stride + layer.kernel - layer.size - pad;
    const auto any = memory::format_tag::any;
    const dnnl::convolution_forward::desc desc(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        memory::desc({1, layer.inputs, layer.size, layer.size}, memory::data_type::u8, any),
        memory::desc({layer.outputs, layer.inputs, layer.kernel, layer.kernel}, memory::data_type::s8, any),
        memory::desc({layer.outputs}, memory::data_type::s32, memory::format_tag::x),
        memory::desc({1, layer.outputs, out, out}, memory::data_type::u8, any), {layer.stride, layer.stride},
        {pad, pad}, {padAfter, padAfter});
    dnnl::primitive_attr attributes;
    attributes.set_output_scales(1 << 1, std::vector<float>(size_t(layer.outputs), 0.001f));
    const dnnl::convolution_forward::primitive_desc primitive(desc, attributes, engine);
    convolution = dnnl::convolution_forward(primitive);
    for (const auto &[argument, memoryDesc] : {std::pair{DNNL_ARG_SRC, primitive.src_desc()},
                                               {DNNL_ARG_WEIGHTS, primitive.weights_desc()},
                                               {DNNL_ARG_BIAS, primitive.bias_desc()},
                                               {DNNL_ARG_DST, primitive.dst_desc()}}) {
      memory operand(memoryDesc, engine);
      std::fill_n(static_cast<uint8_t *>(operand.get_data_handle()), memoryDesc.get_size(), uint8_t(1));
      operands.insert({argument, operand});
    }
  }
  void run() {
    convolution.execute(stream, operands);
    stream.wait();
  }

private:
  dnnl::stream stream;
  dnnl::convolution_forward convolution;
  std::unordered_map<int, dnnl::memory> operands;
};

void compareNetwork(const std::string &path, const isa::Package &package) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  std::vector<std::unique_ptr<Convolution>> convolutions;
  double macs = 0;
  for (const Layer &layer : kLayers) {
    convolutions.push_back(std::make_unique<Convolution>(engine, layer));
    macs += layer.macs();
  }
  if (const double useful = usefulMacsOf(path); useful != macs)
    fail(path + ": its network has " + std::to_string(useful) + " MAC, ResNet-50 " + std::to_string(macs));
  PackageRun run(simulator::createFunctionalMachine(package.config, 128u << 20, {}), false, package, bytesOf(path));
  std::vector<double> best(convolutions.size(), 1e9);
  double functional = 1e9, seconds = 0;
  for (int turn = 0; turn != 16; ++turn) {
    functional = std::min(functional, run.run());
    for (size_t i = 0; i != best.size(); ++i)
      best[i] = std::min(best[i], secondsOf([&] { convolutions[i]->run(); }));
  }
  for (size_t i = 0; i != best.size(); ++i)
    seconds += best[i] * kLayers[i].count;
  std::printf("ResNet-50 on %s: functional model %.1f ms (%.1f GMAC/s), oneDNN's convolutions %.1f ms (%.1f GMAC/s)\n",
              package.config.name.c_str(), functional * 1e3, macs / functional * 1e-9, seconds * 1e3,
              macs / seconds * 1e-9);
  printTarget("ResNet-50, functional / oneDNN", seconds / functional, 0.25, true);
}

} // namespace

int main(int argc, char **argv) {
  if (const char *threads = std::getenv("OMP_NUM_THREADS"); !threads || std::string(threads) != "1")
    fail("oneDNN would use several threads: set OMP_NUM_THREADS=1");
  const dnnl_version_t *version = dnnl_version();
  std::printf("oneDNN %d.%d.%d with %s; one thread, processor time\n", version->major, version->minor, version->patch,
              nameOf(dnnl::get_effective_cpu_isa()));
  for (int i = 1; i < argc; ++i) {
    auto package = isa::readPackage(argv[i]);
    if (!package)
      fail(package.diag().str());
    compareTiles(*package);
    compareNetwork(argv[i], *package);
  }
}
