# SPDX-License-Identifier: Apache-2.0
# Flags, linker and compiler cache for every target of the project.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON) # static libraries also end up in model plug-ins
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

# Contraction would let the compiler fuse a multiply and an add into one rounding: results would depend on the compiler.
# A switch that does not name every enumerator, and has no default, does not build: a new row makes the compiler list
# what it asks for.
add_compile_options(-ffp-contract=off -Wall -Wextra -Werror=switch)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Clang's own diagnostics stay coloured under Ninja.
  add_compile_options(-fcolor-diagnostics)
endif()

option(TW_SANITIZE "Build with the address and undefined-behaviour sanitizers" OFF)
# The compiler's code takes long to build with sanitizers; who tests the running half can leave it as it is.
set(TW_SANITIZE_DIRECTORIES "" CACHE STRING "directories that the sanitizers watch; empty: all")
if(TW_SANITIZE)
  # SystemC's threads switch stacks, which use-after-return detection does not survive. Debian's libMLIR and libLLVM are
  # built without sanitizers; vptr checks would need their type information.
  set(TW_SANITIZE_OPTIONS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
    -fsanitize-address-use-after-return=never -fno-sanitize=vptr)
  if(NOT TW_SANITIZE_DIRECTORIES)
    add_compile_options(-O1 ${TW_SANITIZE_OPTIONS}) # with -O0 the exhaustive tests take minutes
  endif()
  add_link_options(-fsanitize=address,undefined -fno-sanitize=vptr)
endif()

find_program(TW_MOLD mold)
if(TW_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

find_program(TW_CCACHE ccache)
if(TW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without these sloppiness flags a file that uses a precompiled header is never cached.
  set(tw_launcher "${CMAKE_COMMAND}" -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${TW_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${tw_launcher}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${tw_launcher}")
endif()
