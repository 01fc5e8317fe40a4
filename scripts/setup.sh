#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the project needs on Debian 12, from Debian's own packages. Does nothing when all of it is there.
# With --list it only prints what is missing.
set -euo pipefail

packages=(
  # compilers and build tools
  clang-19 libclang-rt-19-dev lld-19 g++ make cmake ninja-build mold ccache pkg-config
  # the compiler half: MLIR, LLVM, ONNX (protobuf-compiler and libprotobuf-dev are what ONNX's CMake files look for)
  llvm-19-dev llvm-19-tools libmlir-19-dev mlir-19-tools libonnx-dev libprotobuf-dev protobuf-compiler
  # libraries (libboost1.81-dev, not libboost-dev: that is 1.74 and the two exclude each other)
  libboost1.81-dev libboost-program-options1.81-dev libboost-json1.81-dev libzip-dev zlib1g-dev libzstd-dev
  # simulator and RTL
  libsystemc-dev verilator yosys z3
  # tests and style
  libgtest-dev libgmock-dev libbenchmark-dev clang-format-19 clang-tidy-19
  python3 python3-psutil python3-numpy python3-onnx
  # what the functional model's speed is measured against
  libdnnl-dev
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi

if [ "${1:-}" = --list ]; then
  printf '%s\n' "${missing[@]}"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "error: these packages are missing and neither root nor sudo is at hand: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "installing ${#missing[@]} packages (one to three minutes): ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt_get() { # quiet unless it fails
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >"$log" 2>&1 || {
    cat "$log" >&2
    echo "error: 'apt-get $*' failed; the project is set up on Debian 12 with its main archive" >&2
    exit 1
  }
}
apt_get update
apt_get install -y --no-install-recommends "${missing[@]}"
