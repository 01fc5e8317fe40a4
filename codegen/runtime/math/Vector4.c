// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__) // others have two lanes at most
#define LANES 4
#define NAME(FUNCTION) tw_##FUNCTION##_4
#include "functions.h"
#endif
