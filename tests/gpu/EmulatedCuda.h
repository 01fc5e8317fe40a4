/* SPDX-License-Identifier: Apache-2.0 */
/* What for: a library with the face of NVIDIA's driver library, for packages with an image for the emulator; tests say
 * what it is to be like and what goes wrong, and read what has been done with it.
 * Called by: the driver, which opens it as it opens libcuda.so.1; tests, through tw_emulated_cuda.
 * Does not: compile PTX: it checks its frame as far as errors need it, and a kernel of PTX cannot be launched.
 *
 * A device of compute capability 0.0, as no GPU has it, tells the driver to take the image `emulated`. What goes to a
 * stream is done when somebody asks whether it is done, as late as a GPU may do it; or at once (`isEager`). */
#ifndef TW_TESTS_GPU_EMULATEDCUDA_H
#define TW_TESTS_GPU_EMULATEDCUDA_H

#include <cstdint>

namespace tw::test {

struct EmulatedCuda {
  // As it is to be.
  int devices = 1;
  int capability = 0;        // 80: of an A100
  int driverVersion = 12020; // as cuDriverGetVersion gives it
  int ptxVersion = 82;       // the newest that it takes: 8.2
  int sharedBytes = 48 << 10;
  bool isEager = false;
  // What goes wrong: the n-th of them from now on, from 0; -1: none.
  int failAllocation = -1; // of memory: there is none left
  int loseLaunch = -1;     // the device fails when it gets there, and is lost
  int hangLaunch = -1;     // it never ends

  // What was done.
  int launches = 0, uploads = 0, downloads = 0;
  int alive = 0;          // allocations, modules, streams, events and contexts that were not given back
  char problem[512] = {}; // what a kernel did that a GPU leaves undefined
};

/// The name and type of the function that gives it, as it is at first: nothing is lost, and what somebody has not given
/// back is forgotten. It belongs to the library.
inline constexpr const char *kEmulatedCuda = "tw_emulated_cuda";
using EmulatedCudaFunction = EmulatedCuda *(*)();

} // namespace tw::test

#endif // TW_TESTS_GPU_EMULATEDCUDA_H
