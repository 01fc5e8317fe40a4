// SPDX-License-Identifier: Apache-2.0
#if !defined(__riscv) // no vectors: Processor.cpp
#define LANES 2
#define NAME(FUNCTION) tw_##FUNCTION##_2
#include "functions.h"
#endif
