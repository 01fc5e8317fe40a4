#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the project needs on Debian 12, from Debian's own packages. Does nothing when all of it is there.
#   scripts/setup.sh [--list] [group...]     groups: build, test, work; none named: all of them
# With --list it only prints what is missing.
set -euo pipefail

build=( # the programs and the models of the machine: all that scripts/demo.sh needs
  # compilers and build tools
  clang-19 lld-19 g++ make cmake ninja-build mold ccache pkg-config python3
  # the compiler half: MLIR, LLVM, ONNX (protobuf-compiler and libprotobuf-dev are what ONNX's CMake files look for)
  llvm-19-dev libmlir-19-dev mlir-19-tools libonnx-dev libprotobuf-dev protobuf-compiler
  # libraries (libboost1.81-dev, not libboost-dev: that is 1.74 and the two exclude each other)
  libboost1.81-dev libboost-program-options1.81-dev libboost-json1.81-dev libzip-dev zlib1g-dev libzstd-dev
  libicu-dev
  # simulator and RTL
  libsystemc-dev verilator
)
test=( # besides, what scripts/test.sh needs
  libgtest-dev libgmock-dev libbenchmark-dev libboost-context1.81-dev llvm-19-tools clang-format-19 yosys z3
  python3-psutil python3-numpy python3-onnx libonnx-testdata
  # host code for other processors: clang builds the driver core for them with these headers and libraries, qemu runs it
  qemu-user libc6-dev-arm64-cross libgcc-12-dev-arm64-cross libc6-dev-riscv64-cross libgcc-12-dev-riscv64-cross
)
work=( # besides, for some presets and scripts: sanitizers, the linter, the library that scripts/bench.sh compares with
  libclang-rt-19-dev clang-tidy-19 libdnnl-dev
)

list=0
groups=()
for argument in "$@"; do
  case $argument in
    --list) list=1 ;;
    build | test | work) groups+=("$argument") ;;
    *)
      echo "error: setup.sh: '$argument' is no group: there are build, test and work" >&2
      exit 2
      ;;
  esac
done
[ ${#groups[@]} -gt 0 ] || groups=(build test work)

missing=()
for group in "${groups[@]}"; do
  declare -n packages=$group
  for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
  done
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
if [ $list = 1 ]; then
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
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# apt's own words go to the log, and to the screen if it fails; of its progress a line is shown each fifth of the way.
progress() {
  local kind what percent text shown=
  while IFS=: read -r kind what percent text; do
    case $kind in
      dlstatus) kind="downloading" ;;
      pmstatus) kind="unpacking and configuring" ;;
      *)
        printf '%s\n' "$kind${what:+:$what}${percent:+:$percent}${text:+:$text}" >>"$log"
        continue
        ;;
    esac
    percent=$((${percent%%.*} / 20 * 20))
    [ "$kind $percent" = "$shown" ] || echo "-- set up: $kind, $percent % done, $SECONDS s"
    shown="$kind $percent"
  done
}
apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -o APT::Status-Fd=1 "$@" 2>>"$log" |
    progress || {
    cat "$log" >&2
    echo "error: 'apt-get $*' failed; the project is set up on Debian 12 with its main archive" >&2
    exit 1
  }
}
echo "-- set up: ${#missing[@]} packages are missing: ${missing[*]}"
echo "-- set up: reading the archive's lists, some seconds"
apt_get update
# "Need to get 412 MB of archives", "After this operation, 1,890 MB of additional disk space will be used."
LC_ALL=C apt-get -q --assume-no install --no-install-recommends "${missing[@]}" 2>/dev/null |
  sed -nE 's/^(Need to get|After this) /-- set up: &/p' || true
echo "-- set up: one to five minutes"
apt_get install -y --no-install-recommends "${missing[@]}"
