#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whole trained models on every device: reference, functional model, cycle model and RTL, on tw8 and tw16 or the
# configurations given, under three memories; outputs must be equal, and cycle model and RTL in every instruction and
# counter. Needs a finished build. Models come from the test material (TW_MATERIAL_DIR); one line a run, exit status 1
# if any run differs.
set -euo pipefail
cd "$(dirname "$0")/.."

models=${TW_MATERIAL_DIR:-../shared/material}/models
if [ ! -d "$models" ]; then
  echo "skipped: no test material at $models; set TW_MATERIAL_DIR"
  exit 0
fi
configs=("$@")
[ $# -gt 0 ] || configs=(tw8 tw16)
failed=0
for config in "${configs[@]}"; do
  for model in digits_cnn/digits_qdq_int8 digits_cnn/digits_qdq_int8_pertensor digits_cnn/digits_qdq_int8_sym \
    mlperf_tiny_ic_resnet8/pretrainedResnet_quant mlperf_tiny_kws_dscnn/kws_ref_model \
    mlperf_tiny_ad_autoencoder/ad01_int8 tflm_person_detect/person_detect \
    tflm_micro_speech/micro_speech_quantized tflm_hello_world/hello_world_int8; do
    for memory in ideal rows random:11; do
      status=0
      output=$(build/bin/tilewright verify "$models/$model.onnx" --config $config --devices functional,cycle,rtl \
        --memory $memory 2>&1) || status=$?
      cycles=$(grep -m1 '^  rtl ' <<<"$output" | grep -o '[0-9,]* cycles' || true)
      if [ $status -eq 0 ]; then
        printf '%-5s %-26s %-10s equal, %s\n' $config "$(basename "$model")" $memory "$cycles"
      else
        printf '%-5s %-26s %-10s FAILED\n%s\n' $config "$(basename "$model")" $memory "$output"
        failed=1
      fi
    done
  done
done
exit $failed
