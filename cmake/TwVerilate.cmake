# SPDX-License-Identifier: Apache-2.0
# Verilated models. Always compiled by clang-19 (g++ is two to eight times slower on array code) and never with
# Verilator's own default of -Os, which comes after every other flag and wins.

set(TW_VERILATED_OPT_FAST "-O3 -march=x86-64-v3" CACHE STRING "Flags for the hot code of a Verilated model")

# tw_verilate(<target> TOP <module> SOURCES <file.sv>...
#             [X <fast|unique>] [OPT <flags>] [DEPENDS <file or target>...] [INCLUDES <dir>...] [FLAGS <flag>...])
# Verilates <module> and compiles it to the static library <target>, usable in DEPS and position independent, so that a
# plug-in may contain it. Its header is "V<module>.h". SOURCES come in dependency order, generated packages first; files
# that another rule writes are named in DEPENDS, too. X says what unknown values and registers before reset are: what
# simulates fastest, or each a value of its own that the context's seed decides. OPT replaces TW_VERILATED_OPT_FAST
# where a model takes longer to compile than it runs; code that runs once is not optimised then. Every loop is unrolled:
# where Verilator's own limits leave one (the array from N = 32 on), clang does not vectorise it, and the model is four
# times slower.
function(tw_verilate target)
  cmake_parse_arguments(ARG "" "TOP;X;OPT" "SOURCES;DEPENDS;INCLUDES;FLAGS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_TOP OR NOT ARG_SOURCES)
    message(FATAL_ERROR "tw_verilate(${target}): needs TOP and SOURCES; unknown: '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT ARG_X)
    set(ARG_X fast)
  endif()
  set(slow -O1)
  if(ARG_OPT)
    set(slow -O0)
  else()
    set(ARG_OPT "${TW_VERILATED_OPT_FAST}")
  endif()
  set(directory "${CMAKE_BINARY_DIR}/verilated/${target}")
  set(archive "${directory}/libV${ARG_TOP}.a")
  set(sources "")
  foreach(source IN LISTS ARG_SOURCES)
    get_filename_component(source "${source}" ABSOLUTE)
    list(APPEND sources "${source}")
  endforeach()
  set(includes "")
  foreach(include IN LISTS ARG_INCLUDES)
    get_filename_component(include "${include}" ABSOLUTE)
    list(APPEND includes "-I${include}")
  endforeach()
  find_program(TW_VERILATED_CXX clang++-19 REQUIRED)
  set(compiler "${TW_VERILATED_CXX}")
  if(TW_CCACHE)
    set(compiler "${TW_CCACHE} ${TW_VERILATED_CXX}")
  endif()
  file(MAKE_DIRECTORY "${directory}")
  # The headers are named, so that who includes them is compiled again in the same run.
  add_custom_command(OUTPUT "${archive}"
    BYPRODUCTS "${directory}/V${ARG_TOP}.h" "${directory}/V${ARG_TOP}___024root.h"
    COMMAND "${TW_VERILATOR}" --cc -Wall --unroll-count 256 --unroll-stmts 1000000
            --output-split-cfuncs 27000 --x-assign ${ARG_X} --x-initial ${ARG_X} --top-module ${ARG_TOP}
            --Mdir "${directory}" -CFLAGS "-fPIC -std=c++20" ${includes} ${ARG_FLAGS} ${sources}
    COMMAND make --no-print-directory -s -C "${directory}" -f "${PROJECT_SOURCE_DIR}/cmake/verilated.mk" TOP=${ARG_TOP}
            "CXX=${compiler}" "LINK=${TW_VERILATED_CXX}"
            "OPT_FAST=${ARG_OPT}" OPT_SLOW=${slow} OPT_GLOBAL=-O2 libV${ARG_TOP}.a
    DEPENDS ${sources} ${ARG_DEPENDS} "${PROJECT_SOURCE_DIR}/cmake/verilated.mk"
    COMMENT "Verilating ${ARG_TOP} as ${target}" VERBATIM)
  add_custom_target(${target}_verilate DEPENDS "${archive}")

  find_path(TW_VERILATOR_INCLUDE verilated.h PATHS /usr/share/verilator/include REQUIRED NO_DEFAULT_PATH)
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_verilate)
  target_include_directories(${target} SYSTEM INTERFACE
    "${directory}" "${TW_VERILATOR_INCLUDE}" "${TW_VERILATOR_INCLUDE}/vltstd")
  target_link_libraries(${target} INTERFACE "${archive}" Threads::Threads)
endfunction()
