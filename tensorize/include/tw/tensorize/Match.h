// SPDX-License-Identifier: Apache-2.0
// What for: finding every way in which a block is an instance of a chain of instructions, each with a proof or a reason
// against. Called by: the scheduler, the placement report and tests. Works on plain structs; needs no MLIRContext. Does
// not: choose tiles or addresses, or know any operator or any instruction by name.
#ifndef TW_TENSORIZE_MATCH_H
#define TW_TENSORIZE_MATCH_H

#include "tw/tensorize/Block.h"
#include "tw/tensorize/Target.h"

#include <map>
#include <optional>

namespace tw::tensorize {

//===- Unify: bodies
//-------------------------------------------------------------------------------------------------===//

/// A parameter word of a link, and the constant it must hold.
struct WordValue {
  int link, word;
  int64_t value;
};

/// A field of a link, and the number that its arithmetic takes from it.
struct FieldValue {
  int link, field;
  int64_t value;
};

/// What each access, word and field of the chain stands for.
struct Binding {
  std::vector<int> operandOf;                     // per chain access: operand of the block; -1: unbound
  std::vector<std::optional<int64_t>> constantOf; // per chain access: a constant in every element
  std::vector<WordValue> words;
  std::vector<FieldValue> fields{};
};

/// Every way to unify the bodies, modulo commutativity and neutral stages (a clamp to -128..127 is no clamp).
std::vector<Binding> unifyBodies(const Block &block, const Chain &chain, std::string &reason);

//===- Signature: loops
//----------------------------------------------------------------------------------------------===//

enum class Use : uint8_t { Absent, Direct, Windowed };

/// How an operand's index uses a loop. Windowed: another loop (of more than one step) moves the same dimension.
struct LoopUse {
  Use use = Use::Absent;
  int64_t coefficient = 0;     // block side
  std::vector<int> partners{}; // of a window
};
LoopUse useOf(const Operand &operand, int loop, const std::vector<Loop> &loops);
LoopUse useOf(const ChainAccess &access, int loop);

/// May the block's loop run as the chain's loop, judging by how all bound operands use the two?
bool areCompatible(const Block &block, int loop, const Chain &chain, int chainLoop, const Binding &binding);

//===- Enumerate: mappings
//---------------------------------------------------------------------------------------------===//

/// Chain loop per block loop; -1: outer.
using LoopMap = std::vector<int>;

/// All assignments of block loops to compatible chain loops or to "outer"; several block loops may be fused into one
/// chain loop if `fuse`. A chain loop that nobody is assigned to is a dummy of extent 1, allowed unless `mustCover`.
std::vector<LoopMap> enumerateMappings(const Block &block, const Chain &chain, const Binding &binding, bool fuse,
                                       bool mustCover);

/// Does the mapping split a window between two chain loops so that its elements would have to lie in lanes? Then no
/// walk over the tensor feeds the chain: a copy of the windows would.
bool needsWindowCopy(const Block &block, const Chain &chain, const Binding &binding, const LoopMap &map);

//===- Access: a block as the chain sees it
//------------------------------------------------------------------------------===//

/// c = lanes * block + lane: steps of c at and beyond `extent` are padding.
struct LaneSplit {
  int blockLoop = 0, laneLoop = 0;
  int64_t extent = 0;
};

/// A block whose lane loops are split (c = lanes * block + lane) and whose adjacent loops are fused where every operand
/// allows it. Operands that the chain walks with strides have physical dimensions: [..., block of lanes, byte of its
/// row].
struct Mapping {
  const Chain *chain = nullptr;
  Binding binding;
  Block block;
  std::vector<int> loopTo;      // per loop of `block`: chain loop, or -1: outer
  std::vector<bool> isPhysical; // per operand
  std::vector<LaneSplit> splits;
  std::map<std::pair<int, int>, int64_t> fixedFields; // (link, field) -> value that follows from coefficients
  // per chain access, per chain dimension: physical dimension of the operand, or -1
  std::vector<std::vector<int>> dimOf;
};

/// Does the access walk a tensor, not a packed constant? With strides, or, what is not constant, rows one behind the
/// other in an order of its own, into which a copy of the tile brings them.
bool isStream(const Mapping &mapping, int access);
bool isPackedStream(const Mapping &mapping, int access);

/// Is the point (a step of each loop) padding of some lane split?
bool isPadding(const Mapping &mapping, const std::vector<int64_t> &point, int lanes);

/// Physical shape of a tensor: the last dimension in blocks of `lanes` elements, a block in bytes.
std::vector<int64_t> physicalShape(const std::vector<int64_t> &shape, int lanes, int64_t elementBytes = 1);

/// Every usable mapping of a block on a chain. Refusals are appended with their reasons.
std::vector<Mapping> matchChain(const Block &block, const Chain &chain, const Target &target,
                                std::vector<Rejection> &rejections);

/// The mapping with a long reduction in passes that add to one result, all of the same length, so that tiles with more
/// rows and columns find room: of each length that is worth trying. Empty if the chain cannot add to what it left, or
/// if the reduction is short or has no such parts.
std::vector<Mapping> inPasses(const Mapping &mapping, const Target &target);

//===- Prove
//---------------------------------------------------------------------------------------------------------------===//

/// Walks a shrunken instance of the mapping exhaustively, as one tile and cut into first, middle and last ones along
/// every loop that a scheduler cuts: every point of the block's iteration space is visited exactly once, and each
/// operand's address decodes to the element that the block names. Empty: proved.
std::string proveMapping(const Mapping &mapping, const Target &target);

} // namespace tw::tensorize

#endif // TW_TENSORIZE_MATCH_H
