# SPDX-License-Identifier: Apache-2.0
# Table generation: our own tables (tw-tblgen) and MLIR's (mlir-tblgen). Outputs lie in the build folder only.

# Adds one generated file to the target tw_<dir>_tables, on which every library of <dir> waits.
function(_tw_add_table directory output)
  string(REPLACE "${CMAKE_BINARY_DIR}/" "" short "${output}")
  string(MAKE_C_IDENTIFIER "tw_table_${short}" target)
  add_custom_target(${target} DEPENDS "${output}")
  if(NOT TARGET tw_${directory}_tables)
    add_custom_target(tw_${directory}_tables)
  endif()
  add_dependencies(tw_${directory}_tables ${target})
endfunction()

# tw_isa_tablegen([DIRECTORY <dir>] [OUTPUT_DIRECTORY <path>] (<file> <option>)...)
# Runs tw-tblgen over isa/tables/tw/Tw.td once for each pair, for example
#     tw_isa_tablegen(Instructions.inc -gen-cpp-instructions
#                     Registers.inc    -gen-cpp-registers)
# Files land in build/generated/<dir>/include/tw/<dir>/ (<dir> is isa unless given) or in OUTPUT_DIRECTORY.
function(tw_isa_tablegen)
  cmake_parse_arguments(ARG "" "DIRECTORY;OUTPUT_DIRECTORY" "" ${ARGN})
  if(NOT ARG_DIRECTORY)
    set(ARG_DIRECTORY isa)
  endif()
  if(NOT ARG_OUTPUT_DIRECTORY)
    set(ARG_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/generated/${ARG_DIRECTORY}/include/tw/${ARG_DIRECTORY}")
  endif()
  set(tables "${PROJECT_SOURCE_DIR}/isa/tables")
  file(GLOB_RECURSE table_files CONFIGURE_DEPENDS "${tables}/*.td")
  file(MAKE_DIRECTORY "${ARG_OUTPUT_DIRECTORY}")
  set(pairs ${ARG_UNPARSED_ARGUMENTS})
  while(pairs)
    list(POP_FRONT pairs file option)
    set(output "${ARG_OUTPUT_DIRECTORY}/${file}")
    separate_arguments(option UNIX_COMMAND "${option}")
    add_custom_command(OUTPUT "${output}"
      COMMAND tw-tblgen ${option} "${tables}/tw/Tw.td" -I "${tables}" -o "${output}"
      DEPENDS tw-tblgen ${table_files}
      COMMENT "Generating ${file} from isa/tables" VERBATIM)
    _tw_add_table(${ARG_DIRECTORY} "${output}")
  endwhile()
endfunction()

# tw_mlir_tablegen(<dir> <table.td> (<file> <option>)...)
# Runs mlir-tblgen once for each pair, for example
#     tw_mlir_tablegen(ir include/tw/ir/Passes.td  Passes.h.inc "-gen-pass-decls -name=Graph")
# Files land in build/generated/<dir>/include/tw/<dir>/; tables may include those of MLIR and of every directory.
# Call it before tw_add_library of the same directory.
function(tw_mlir_tablegen directory table)
  set(output_directory "${CMAKE_BINARY_DIR}/generated/${directory}/include/tw/${directory}")
  file(MAKE_DIRECTORY "${output_directory}")
  get_filename_component(table "${table}" ABSOLUTE)
  set(includes "")
  foreach(path IN LISTS MLIR_INCLUDE_DIRS)
    list(APPEND includes "-I${path}")
  endforeach()
  foreach(other ir tensorize codegen)
    list(APPEND includes "-I${PROJECT_SOURCE_DIR}/${other}/include")
  endforeach()
  set(pairs ${ARGN})
  while(pairs)
    list(POP_FRONT pairs file option)
    set(output "${output_directory}/${file}")
    separate_arguments(option UNIX_COMMAND "${option}")
    add_custom_command(OUTPUT "${output}"
      COMMAND "${MLIR_TABLEGEN_EXE}" ${option} "${table}" ${includes} -o "${output}" -d "${output}.d"
      DEPENDS "${table}" "${MLIR_TABLEGEN_EXE}" DEPFILE "${output}.d"
      COMMENT "Generating tw/${directory}/${file}" VERBATIM)
    _tw_add_table(${directory} "${output}")
  endwhile()
endfunction()
