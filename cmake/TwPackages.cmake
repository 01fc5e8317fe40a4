# SPDX-License-Identifier: Apache-2.0
# Everything that is not ours, as targets that DEPS can name:
#   LLVM                  shared libLLVM with its headers (always)
#   LLVMTableGen          static library for tw-tblgen alone
#   MLIR                  shared libMLIR with its headers (TW_BUILD_COMPILER); name only MLIR and LLVM, never a single
#                         MLIR library: those are static, and static MLIR beside libMLIR.so links silently and crashes
#                         at start
#   tw_mlir_everything    mlirRegisterAllDialects/Passes without including mlir/InitAll*.h (26-39 s a file)
#   tw_onnx               libonnx and protobuf (TW_BUILD_COMPILER)
#   tw_systemc            SystemC; for simulator/lib/cycle/SystemC* alone
#   Boost::headers Boost::program_options Boost::json
#   ZLIB::ZLIB  GTest::gtest GTest::gmock  benchmark::benchmark (tests)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS headers program_options json)
# Debian's own interpreter: another one may stand earlier on PATH and lack psutil, which lit needs.
if(NOT Python3_EXECUTABLE AND EXISTS /usr/bin/python3)
  set(Python3_EXECUTABLE /usr/bin/python3 CACHE FILEPATH "Python with psutil, numpy and onnx")
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(tw_llvm_hint /usr/lib/llvm-19)
if(TW_BUILD_COMPILER)
  # Protobuf must come before ONNX: ONNXConfig names protobuf's targets without finding them.
  find_package(Protobuf REQUIRED)
  find_package(ONNX CONFIG REQUIRED)
  find_package(MLIR 19.1 CONFIG REQUIRED HINTS ${tw_llvm_hint})
else()
  find_package(LLVM 19.1 CONFIG REQUIRED HINTS ${tw_llvm_hint})
endif()

# Debian's exported targets carry no include directories.
separate_arguments(tw_llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
foreach(target LLVM LLVMTableGen)
  target_include_directories(${target} INTERFACE ${LLVM_INCLUDE_DIRS})
  target_compile_definitions(${target} INTERFACE ${tw_llvm_definitions})
endforeach()

if(TW_BUILD_COMPILER)
  target_include_directories(MLIR INTERFACE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})

  add_library(tw_mlir_everything INTERFACE)
  target_link_libraries(tw_mlir_everything INTERFACE
    "${LLVM_LIBRARY_DIR}/libMLIRCAPIRegisterEverything.a" "${LLVM_LIBRARY_DIR}/libMLIRCAPIIR.a" MLIR LLVM)

  add_library(tw_onnx INTERFACE)
  target_link_libraries(tw_onnx INTERFACE onnx onnx_proto protobuf::libprotobuf)
endif()

pkg_check_modules(TW_SYSTEMC REQUIRED IMPORTED_TARGET systemc)
add_library(tw_systemc INTERFACE)
target_link_libraries(tw_systemc INTERFACE PkgConfig::TW_SYSTEMC)
# Debian's library is a C++17 build and checks at link time that its users agree; ours is C++20.
target_compile_definitions(tw_systemc INTERFACE SC_CPLUSPLUS=201703L)

if(TW_BUILD_RTL)
  find_program(TW_VERILATOR verilator REQUIRED)
endif()
if(TW_BUILD_TESTS)
  find_package(GTest CONFIG REQUIRED)
  find_package(benchmark CONFIG REQUIRED)
endif()
