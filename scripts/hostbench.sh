#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The host path beside ONNX Runtime, one thread each: whole networks, float and int8, for the default processor of
# `compile` and for this one. ONNX Runtime comes from PyPI into a folder of its own (build/hostbench), which the rest of
# the project never reads. Some minutes on a quiet machine; arguments go to hostbench.py: --help lists them.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release tilewright tw-host-bench >/dev/null
folder=build/hostbench
python=$folder/venv/bin/python3
if ! $python -c 'import onnxruntime, onnx, numpy' 2>/dev/null; then
  echo "-- ONNX Runtime from PyPI: the first time a minute"
  python3 -m venv $folder/venv
  $folder/venv/bin/pip install --quiet onnxruntime onnx numpy
fi
exec $python scripts/hostbench.py --bin build/bin --models $folder/models "$@"
