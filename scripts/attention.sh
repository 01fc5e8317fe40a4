#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Transformers of the shapes that their users run (BERT, GPT-2, ViT, a Llama block, Whisper's encoder; random weights),
# exported by torch and quantised by ONNX Runtime, each compiled, run on the functional and the cycle model, and
# compared with ONNX Runtime. torch, transformers and ONNX Runtime come from PyPI into a folder of their own
# (build/attention, 6 GB with GPT-2 and BERT of full size), which the rest of the project never reads. Arguments go to
# attention.py: --help lists them.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release tilewright >/dev/null
folder=${TW_ATTENTION_DIR:-build/attention}
python=$folder/venv/bin/python3
if ! $python -c 'import torch, transformers, onnxruntime, onnxscript' 2>/dev/null; then
  echo "-- torch, transformers and ONNX Runtime from PyPI: the first time some minutes"
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet torch transformers onnx onnxruntime onnxscript sympy
fi
exec $python -W ignore scripts/attention.py --folder "$folder" "$@"
