// SPDX-License-Identifier: Apache-2.0
#include "tw/tensorize/Block.h"

namespace tw::tensorize {

int writtenOperand(const Block &block) {
  for (size_t i = 0; i != block.operands.size(); ++i)
    if (block.operands[i].isWritten)
      return int(i);
  return -1;
}

} // namespace tw::tensorize
