#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Today's exporters at the door: thirteen networks by both exporters of torch, float and in three forms of ONNX
# Runtime's quantiser, each checked, compiled for tw16, run, and compared with ONNX Runtime. torch, torchvision and ONNX
# Runtime come from PyPI into a folder of their own (build/exporters, 5 GB), which the rest of the project never reads.
# Making the models takes about twenty minutes of one core, and they are kept; arguments go to exporters.py: --help
# lists them.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release tilewright >/dev/null
folder=${TW_EXPORTERS_DIR:-build/exporters}
python=$folder/venv/bin/python3
if ! $python -c 'import torch, torchvision, onnxruntime, onnxscript' 2>/dev/null; then
  echo "-- torch and ONNX Runtime from PyPI: the first time some minutes"
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet torch torchvision onnx onnxruntime onnxscript
fi
$python -W ignore scripts/exporters_models.py "$folder/models"
exec $python scripts/exporters.py --models "$folder/models" --json "$folder/result.json" "$@"
