# SPDX-License-Identifier: Apache-2.0
# The rules with which every directory describes itself. Each call names its dependencies as targets; there is no
# other way to reach the headers of another directory, so the link graph is the layering.

# tw_use_pch(<target> <header>...)
# Precompiles the headers (each a file of the calling directory, or a name on the include path such as
# mlir/IR/Builders.h) with the flags that make it cheap for clang and cacheable for ccache.
function(tw_use_pch target)
  foreach(header IN LISTS ARGN)
    if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${header}")
      set(header "<${header}>")
    endif()
    target_precompile_headers(${target} PRIVATE "${header}")
  endforeach()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp" -fpch-instantiate-templates)
  endif()
endfunction()

# tw_add_library(<target> DIRECTORY <dir> SOURCES <file>...
#                [DEPS <target>...] [PRIVATE_DEPS <target>...] [PCH <header>])
# A static library of the directory <dir>; sources are relative to the calling CMakeLists.txt. Public headers are
# <dir>/include/tw/<dir>/*.h and what the table generators write to build/generated/<dir>/include/tw/<dir>/.
function(tw_add_library target)
  cmake_parse_arguments(ARG "" "DIRECTORY;PCH" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_DIRECTORY OR NOT ARG_SOURCES)
    message(FATAL_ERROR
      "tw_add_library(${target}): needs DIRECTORY and SOURCES; unknown: '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  add_library(${target} STATIC ${ARG_SOURCES})
  target_include_directories(${target}
    PUBLIC "${PROJECT_SOURCE_DIR}/${ARG_DIRECTORY}/include" "${CMAKE_BINARY_DIR}/generated/${ARG_DIRECTORY}/include"
    PRIVATE "${PROJECT_SOURCE_DIR}/${ARG_DIRECTORY}/lib")
  target_link_libraries(${target} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  if(ARG_PCH)
    tw_use_pch(${target} "${ARG_PCH}")
  endif()
  if(ARG_DIRECTORY IN_LIST TW_SANITIZE_DIRECTORIES)
    target_compile_options(${target} PRIVATE ${TW_SANITIZE_OPTIONS})
  endif()
  if(TARGET tw_${ARG_DIRECTORY}_tables)
    add_dependencies(${target} tw_${ARG_DIRECTORY}_tables)
  endif()
  tw_check_public_headers(${target} ${ARG_DIRECTORY})
endfunction()

# tw_add_tool(<name> SOURCES <file>... [DEPS <target>...])   An executable in build/bin.
function(tw_add_tool name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_SOURCES)
    message(FATAL_ERROR "tw_add_tool(${name}): needs SOURCES; unknown: '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  set_property(GLOBAL APPEND PROPERTY TW_TOOLS ${name})
endfunction()

# tw_add_unit_test(<dir> SOURCES <file>... [DEPS <target>...] [PCH <header>])
# One GoogleTest program for tests/unit/<dir>, one CTest entry `unit.<dir>`. Its main() is ours
# (tests/support/Main.cpp), an object file: libsystemc also has a main(), and the one of an archive would lose against
# it without a word.
function(tw_add_unit_test directory)
  cmake_parse_arguments(ARG "" "PCH" "SOURCES;DEPS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS OR NOT ARG_SOURCES)
    message(FATAL_ERROR "tw_add_unit_test(${directory}): needs SOURCES; unknown: '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  set(target tw_unit_${directory})
  add_executable(${target} ${ARG_SOURCES} "${PROJECT_SOURCE_DIR}/tests/support/Main.cpp")
  target_link_libraries(${target} PRIVATE tw_test_support ${ARG_DEPS} GTest::gmock GTest::gtest)
  # A unit test may look at the private headers of the directory that it tests.
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/${directory}/lib")
  list(LENGTH ARG_SOURCES count)
  if(count GREATER 2 OR ARG_PCH)
    # GoogleTest's header is most of what a small test costs: 2.1 s a file without this, 0.3 s with it.
    tw_use_pch(${target} gtest/gtest.h ${ARG_PCH})
  endif()
  add_test(NAME unit.${directory} COMMAND ${target} --gtest_brief=1)
  set_tests_properties(unit.${directory} PROPERTIES LABELS unit)
endfunction()

# Every public header is compiled alone by the target tw_check_headers, which the test style.headers_compile builds: as
# C++, and as C, too, if its name begins with a small letter (tilewright.h, package_format.h). The check may use what
# any library of the directory may use.
function(tw_check_public_headers target directory)
  if(NOT TW_BUILD_TESTS)
    return()
  endif()
  set(checker tw_check_headers_${directory})
  if(NOT TARGET ${checker})
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/${directory}/include"
      "${PROJECT_SOURCE_DIR}/${directory}/include/*.h")
    if(NOT headers)
      return()
    endif()
    set(sources "")
    foreach(header IN LISTS headers)
      string(MAKE_C_IDENTIFIER "${header}" name)
      set(extensions cpp)
      if(header MATCHES "/[a-z][^/]*$")
        list(APPEND extensions c)
      endif()
      foreach(extension IN LISTS extensions)
        set(source "${CMAKE_BINARY_DIR}/header-check/${directory}/${name}.${extension}")
        file(CONFIGURE OUTPUT "${source}" CONTENT "#include \"${header}\"\n")
        list(APPEND sources "${source}")
      endforeach()
    endforeach()
    add_library(${checker} OBJECT EXCLUDE_FROM_ALL ${sources})
    if(NOT TARGET tw_check_headers)
      add_custom_target(tw_check_headers)
    endif()
    add_dependencies(tw_check_headers ${checker})
  endif()
  target_link_libraries(${checker} PRIVATE ${target})
endfunction()
