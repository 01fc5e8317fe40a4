#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds and runs the main job: compiles the sample network for tw16, classifies the 400 test images on the
# functional model, holds functional model, cycle model and RTL against each other under three memories, and shows where
# the cycles go.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build
echo "-- build: the first time about five minutes on two cores (TW_JOBS sets the number of jobs)"
scripts/build.sh --without-tests release tilewright tw_rtl_tw16

sample=tools/sample
package=build/digits_int8.npk
run() {
  printf '\n$ %s\n' "$*"
  "build/bin/$@"
}
run tilewright compile $sample/digits_int8.onnx --config tw16 -o $package
run tilewright evaluate $package --data $sample/digits_test.npz
run tilewright verify $sample/digits_int8.onnx --devices functional,cycle,rtl --count 3
run tilewright verify $sample/digits_int8.onnx --devices functional,cycle,rtl --memory rows
run tilewright verify $sample/digits_int8.onnx --devices functional,cycle,rtl --memory random:7
run tilewright profile $sample/digits_int8.onnx --memory rows
