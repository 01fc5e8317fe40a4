// SPDX-License-Identifier: Apache-2.0
// What for: packages that a hostile hand made: every checksum and length is right, some contents are not.
// Called by: the fuzz tests that give packages to the driver and to the command line.
// Does not: run anything.
#ifndef TW_TESTS_FUZZ_PACKAGEMUTATIONS_H
#define TW_TESTS_FUZZ_PACKAGEMUTATIONS_H

#include "tw/isa/Package.h"
#include "tw/support/Fuzz.h"

namespace tw::fuzz {

/// A random program with its memory as a package, plus steps of the other kinds. `hostCode` may be empty: no step calls
/// any, then. Every third seed adds what a package may say and no driver runs.
isa::Package samplePackage(const isa::HwConfig &config, uint64_t seed, std::vector<uint8_t> hostCode);

/// One to three edits: fields of the structures of a section, of the header or of the tables; rows that appear, vanish
/// or are doubled; sections and images that vanish, are doubled or grow; fields of the ELF structures of host code.
/// Then everything that tells of contents (lengths, offsets, checksums, most often the hash of the configuration) is
/// right again.
std::vector<uint8_t> mutatedPackage(std::vector<uint8_t> good, test::Random &random);

} // namespace tw::fuzz

#endif // TW_TESTS_FUZZ_PACKAGEMUTATIONS_H
