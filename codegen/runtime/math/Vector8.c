// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__) // others have two lanes at most
#define LANES 8
#define NAME(FUNCTION) tw_##FUNCTION##_8
#include "functions.h"
#endif
