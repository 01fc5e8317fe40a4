#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Follows the recipes of CONTRIBUTING.md literally: each patch of tests/recipes, or those that are named, is applied to
# a copy of the tree (what git knows of it, with the changes of this working tree), what its head lists is built, and
# its tests run. Ten minutes or so each on two cores, less with a warm ccache. Copies are kept in build/recipes.
#   scripts/recipes.sh [onnx_operator...]
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
names=("$@")
[ $# -gt 0 ] || for patch in tests/recipes/*.patch; do names+=("$(basename "$patch" .patch)"); done
# ccache: the copies find what the tree has compiled.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=1
status=0
for name in "${names[@]}"; do
  patch=$root/tests/recipes/$name.patch
  if [ ! -f "$patch" ]; then
    echo "error: recipes.sh: '$name' is no patch of tests/recipes" >&2
    exit 2
  fi
  builds=$(sed -n 's/^Builds: //p' "$patch")
  tests=$(sed -n 's/^Tests: //p' "$patch")
  copy=$root/build/recipes/$name
  echo "-- $name: building $builds, running $tests"
  mkdir -p "$copy"
  # tar keeps the times of files: a second run builds what the patch touches, and little else.
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [ ! -f "$file" ] || printf '%s\0' "$file"
  done | tar --create --null --files-from=- | tar --extract --directory "$copy"
  # The copy is no part of the repository around it; there git would leave out the whole patch without a word.
  # shellcheck disable=SC2086
  (
    cd "$copy" && GIT_CEILING_DIRECTORIES=$root/build/recipes git apply -C1 "$patch" &&
      { scripts/build.sh release $builds >build.log 2>&1 || { tail -n 30 build.log && false; }; } &&
      ctest --test-dir build --output-on-failure --no-tests=error -R "^(${tests// /|})\$"
  ) || { echo "-- $name: FAILED"; status=1; }
done
exit $status
