// SPDX-License-Identifier: Apache-2.0
#include "Affine.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace tw::tensorize {

int bareLoop(const Index &index) {
  return index.constant == 0 && index.terms.size() == 1 && index.terms[0].factor == 1 ? index.terms[0].loop : -1;
}

bool uses(const Operand &operand, int loop) {
  return std::ranges::any_of(operand.index, [&](const Index &index) {
    return std::ranges::find(index.terms, loop, &Term::loop) != index.terms.end();
  });
}

int dimOf(const Operand &operand, int loop) {
  for (size_t d = 0; d != operand.index.size(); ++d)
    if (isBare(operand.index[d], loop))
      return int(d);
  return -1;
}

int64_t valueAt(const Index &index, const std::vector<int64_t> &at) {
  int64_t value = index.constant;
  for (const Term &term : index.terms)
    value += term.factor * at[term.loop];
  return value;
}

std::optional<int64_t> elementAt(const Operand &operand, const std::vector<int64_t> &at) {
  int64_t element = 0;
  for (size_t d = 0; d != operand.shape.size(); ++d) {
    const int64_t index = valueAt(operand.index[d], at);
    if (index < 0 || index >= operand.shape[d])
      return std::nullopt;
    element = element * operand.shape[d] + index;
  }
  return element;
}

int64_t productOf(const std::vector<int64_t> &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}

bool advance(std::vector<int64_t> &at, const std::vector<int64_t> &shape) {
  for (size_t d = shape.size(); d-- > 0;) {
    if (++at[d] != shape[d])
      return true;
    at[d] = 0;
  }
  return false;
}

} // namespace tw::tensorize
