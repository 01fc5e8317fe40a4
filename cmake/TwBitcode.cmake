# SPDX-License-Identifier: Apache-2.0
# C code that becomes part of host code, and some of it of GPU code: compiled to LLVM bitcode by clang-19 under every
# preset, for each architecture that code is made for, whatever this computer is.

set(TW_HOST_ARCHITECTURES x86_64 aarch64 riscv64)

# tw_add_bitcode(<target> [ARCHITECTURES <name>...] SOURCES <file>... [HEADERS <file>...]
#                [INCLUDES <folder>...])
# One file for each architecture (TW_HOST_ARCHITECTURES if none is named) from freestanding C,
# `<target>_<architecture>.bc` in the calling directory's build folder. Sources of a library that embeds them depend on
# the files.
function(tw_add_bitcode target)
  cmake_parse_arguments(ARG "" "" "ARCHITECTURES;SOURCES;HEADERS;INCLUDES" ${ARGN})
  if(NOT ARG_ARCHITECTURES)
    set(ARG_ARCHITECTURES ${TW_HOST_ARCHITECTURES})
  endif()
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_SOURCES)
    message(FATAL_ERROR "tw_add_bitcode(${target}): needs SOURCES; unknown: '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  find_program(TW_BITCODE_CLANG clang-19 HINTS /usr/lib/llvm-19/bin REQUIRED)
  find_program(TW_BITCODE_LINK NAMES llvm-link-19 llvm-link HINTS /usr/lib/llvm-19/bin REQUIRED)
  list(TRANSFORM ARG_INCLUDES PREPEND "-I")
  # Loops stay loops: what is made of them is decided when the package's processor is known. Nothing is fused that is
  # not written so, and a call of memcpy or of libm would have nobody to answer it.
  set(flags -std=c17 -Wall -Wextra -Werror -O2 -fno-vectorize -fno-slp-vectorize -fno-unroll-loops -ffreestanding
    -ffp-contract=off -fno-math-errno -fPIC -fno-asynchronous-unwind-tables)
  # Vectors are passed in the registers of the largest processor: callers have them, or do not call.
  set(flags_x86_64 -march=x86-64-v4)
  foreach(architecture IN LISTS ARG_ARCHITECTURES)
    set(triple ${architecture}-unknown-linux-gnu)
    set(only_here -fno-stack-protector)
    if(architecture STREQUAL "nvptx64")
      set(triple nvptx64-nvidia-cuda)
      set(only_here "")
    endif()
    set(parts "")
    foreach(source IN LISTS ARG_SOURCES)
      set(part "${CMAKE_CURRENT_BINARY_DIR}/${target}/${architecture}/${source}.bc")
      get_filename_component(folder "${part}" DIRECTORY)
      file(MAKE_DIRECTORY "${folder}")
      add_custom_command(OUTPUT "${part}"
        COMMAND "${TW_BITCODE_CLANG}" --target=${triple} ${flags} ${only_here} ${flags_${architecture}}
          ${ARG_INCLUDES}
          -emit-llvm -c "${CMAKE_CURRENT_SOURCE_DIR}/${source}" -o "${part}"
        DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${source}" ${ARG_HEADERS}
        COMMENT "Compiling ${source} for code of ${architecture}" VERBATIM)
      list(APPEND parts "${part}")
    endforeach()
    set(whole "${CMAKE_CURRENT_BINARY_DIR}/${target}_${architecture}.bc")
    add_custom_command(OUTPUT "${whole}" COMMAND "${TW_BITCODE_LINK}" -o "${whole}" ${parts} DEPENDS ${parts}
      COMMENT "Linking the bitcode of ${architecture}" VERBATIM)
  endforeach()
endfunction()
