// SPDX-License-Identifier: Apache-2.0
// What for: passes by which people look at this directory's work: --tw-print-blocks.
// Called by: tw-opt.
// Does not: change any module; the compiler's pipeline runs none of them.
#ifndef TW_TENSORIZE_PASSES_H
#define TW_TENSORIZE_PASSES_H

namespace tw::tensorize {

void registerPasses();

} // namespace tw::tensorize

#endif // TW_TENSORIZE_PASSES_H
