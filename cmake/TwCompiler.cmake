# SPDX-License-Identifier: Apache-2.0
# Chooses the compiler before project(): clang-19 unless the user named one by preset, cache variable or environment.

function(tw_prefer_compiler variable environment program)
  if(NOT DEFINED ${variable} AND NOT DEFINED ENV{${environment}})
    find_program(TW_${environment} ${program})
    if(TW_${environment})
      set(${variable} "${TW_${environment}}" CACHE FILEPATH "compiler")
    endif()
  endif()
endfunction()

tw_prefer_compiler(CMAKE_C_COMPILER CC clang-19)
tw_prefer_compiler(CMAKE_CXX_COMPILER CXX clang++-19)

if(NOT DEFINED CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug")
endif()
