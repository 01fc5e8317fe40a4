#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Speeds, all in one run: compile time of each model; the functional model, the cycle model and the RTL side by side on
# whole models for tw8 and tw16 (outputs and cycles are compared first); the cycle model at its best and its worst; the
# functional model layer by layer. Run it on a quiet machine. Models come from the project's sample and from the test
# material (TW_MATERIAL_DIR); --quick takes the sample alone.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release tilewright tw_rtl_tw8 tw_rtl_tw16 tw_bench_models tw_bench_cycle tw_bench_functional >/dev/null

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
material=${TW_MATERIAL_DIR:-../shared/material}/models
models=(tools/sample/digits_int8.onnx)
if [ "${1:-}" != --quick ] && [ -d "$material" ]; then
  models+=("$material"/mlperf_tiny_ic_resnet8/pretrainedResnet_quant.onnx
    "$material"/mlperf_tiny_kws_dscnn/kws_ref_model.onnx
    "$material"/mlperf_tiny_ad_autoencoder/ad01_int8.onnx
    "$material"/tflm_person_detect/person_detect.onnx
    "$material"/torch_export/mobilenet_v2_random_qdq_int8.onnx
    "$material"/torch_export/resnet50_random_qdq_int8.onnx)
fi

echo "compile time (processor seconds, import to package, best of three)"
TIMEFORMAT=%U
for config in tw8 tw16; do
  for model in "${models[@]}"; do
    name=$(basename "$model" .onnx)
    best=
    for _ in 1 2 3; do
      seconds=$( { time build/bin/tilewright compile "$model" --config $config -o "$folder/$name.$config.npk" \
        >/dev/null; } 2>&1)
      if [ -z "$best" ] || (($(printf '%.0f' "${seconds}e3") < $(printf '%.0f' "${best}e3"))); then best=$seconds; fi
    done
    printf '  %-34s %-5s %8s s\n' "$name" $config "$best"
  done
done

printf '\nmodels of the machine on whole networks\n'
# Networks of more than a few million cycles say nothing new about speed and take minutes.
build/bin/tw_bench_models $(ls "$folder"/*.npk | grep -v -e mobilenet -e resnet50)

printf '\ncycle model: all clients in bank groups of their own, and all in one\n'
build/bin/tw_bench_cycle
printf '\nfunctional model, layer by layer\n'
build/bin/tw_bench_functional
