// SPDX-License-Identifier: Apache-2.0
#define LANES 1
#define NAME(FUNCTION) tw_##FUNCTION
#include "functions.h"
