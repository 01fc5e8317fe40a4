#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Speeds, all in one run: compile time of each model; the functional model, the cycle model and the RTL side by side on
# whole models for tw8 and tw16 (outputs and cycles are compared first); ResNet-50 on all but the RTL, and beside
# oneDNN; all models on tiles of 16 rows, the worst for leaping, and on whole layers (tw16, tw32); the cycle model at
# its best and its worst; the functional model layer by layer. Run it on a quiet machine.
# Models come from the project's sample and from the test material (TW_MATERIAL_DIR); --quick takes the sample alone.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release tilewright tw_rtl_tw8 tw_rtl_tw16 tw_rtl_tw32 tw_bench_models tw_bench_tiles tw_bench_cycle \
  tw_bench_functional >/dev/null

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
material=${TW_MATERIAL_DIR:-../shared/material}/models
models=(tools/sample/digits_int8.onnx tools/sample/digits_float.onnx)
if [ "${1:-}" != --quick ] && [ -d "$material" ]; then
  models+=("$material"/*/*.onnx)
fi

echo "compile time (processor seconds, import to package; best of three where it takes less than two)"
TIMEFORMAT=%U
for config in tw8 tw16; do
  for model in "${models[@]}"; do
    name=$(basename "$model" .onnx)
    best=
    for _ in 1 2 3; do
      # The only free dimension in the material is a batch called N.
      dim=()
      if [ "$name" = digits_float_dyn ]; then dim=(--dim N=1); fi
      status=0
      seconds=$( { time build/bin/tilewright compile "$model" --config $config -o "$folder/$name.$config.npk" \
        "${dim[@]}" >/dev/null 2>"$folder/error"; } 2>&1) || status=$?
      if [ $status -ne 0 ]; then
        best="refused: $(sed -n '1s/.*\.onnx: //p' "$folder/error")"
        break
      fi
      milliseconds=$(printf '%.0f' "${seconds}e3")
      if [ -z "$best" ] || ((milliseconds < $(printf '%.0f' "${best}e3"))); then best=$seconds; fi
      if ((milliseconds >= 2000)); then break; fi
    done
    printf '  %-34s %-5s %8s\n' "$name" $config "$best"
  done
done

printf '\nmodels of the machine on whole networks\n'
# Float networks run on the host, and those of more than a few million cycles say nothing new about speed.
packages=()
for name in digits_int8 pretrainedResnet_quant kws_ref_model ad01_int8 person_detect; do
  for config in tw8 tw16; do
    if [ -f "$folder/$name.$config.npk" ]; then packages+=("$folder/$name.$config.npk"); fi
  done
done
build/bin/tw_bench_models "${packages[@]}"

large=$material/torch_export/resnet50_random_qdq_int8.onnx
if [ "${1:-}" != --quick ] && [ -f "$large" ]; then
  packages=()
  for config in tw16 tw32; do
    packages+=("$folder/resnet50.$config.npk")
    build/bin/tilewright compile "$large" --config $config -o "${packages[-1]}" >/dev/null
  done
  printf '\nResNet-50\n'
  build/bin/tw_bench_models --without-rtl "${packages[@]}"
  printf '\nfunctional model beside oneDNN\n'
  if grep -q '^TW_DNNL_LIBRARY:FILEPATH=/' build/CMakeCache.txt; then
    scripts/build.sh release tw_bench_onednn >/dev/null
    OMP_NUM_THREADS=1 build/bin/tw_bench_onednn "${packages[@]}"
  else
    echo '  skipped: libdnnl-dev was not found when the project was configured'
  fi
fi

printf '\ntiles of 16 rows, and whole layers\n'
build/bin/tw_bench_tiles
printf '\ncycle model: all clients in bank groups of their own, and all in one\n'
build/bin/tw_bench_cycle
printf '\nfunctional model, layer by layer\n'
build/bin/tw_bench_functional
