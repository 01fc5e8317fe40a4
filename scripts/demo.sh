#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up and builds, ready for the main job.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
scripts/build.sh release
