// SPDX-License-Identifier: Apache-2.0
// What for: which packages this user has compiled on this computer, so that their host code runs without asking.
// Called by: compile, which remembers what it wrote, and openPackage.
// Does not: keep packages; it keeps hashes of their bytes, in the user's cache folder.
#ifndef TW_TOOLS_LIB_OWNPACKAGES_H
#define TW_TOOLS_LIB_OWNPACKAGES_H

#include "tw/isa/Package.h"

#include <string>

namespace tw::tools {

/// Whether nobody but the user can have put a file into the folder.
bool isOwnFolder(const std::string &folder);

/// Not being able to remember it is no reason to fail: its host code then needs --allow-host-code.
void rememberPackage(const isa::Package &package);

/// Whether `compile` has written just these bytes for this user. False where that cannot be known.
bool isRemembered(const isa::Package &package);

} // namespace tw::tools

#endif // TW_TOOLS_LIB_OWNPACKAGES_H
