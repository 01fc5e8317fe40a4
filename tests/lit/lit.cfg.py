# SPDX-License-Identifier: Apache-2.0
"""How the lit tests run: our tools are on PATH; FileCheck and not are the ones of LLVM 19.

Substitutions: %source (source root), %material (test material), %emulated_cuda (the library that tests/gpu has in
place of a GPU's), %python, %refused, FileCheck, not.
Features for REQUIRES: compiler, rtl, material, emulated-gpu.
"""
import os

import lit.formats

config.name = "tilewright"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".td", ".s", ".yaml"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.tw_binary_dir, "tests", "lit")

material = os.environ.get("TW_MATERIAL_DIR", os.path.join(config.tw_source_dir, "..", "shared", "material"))
emulated_cuda = os.path.join(config.tw_binary_dir, "lib", "libtw_emulated_cuda.so")
config.substitutions += [
    ("%emulated_cuda", emulated_cuda),
    ("%source", config.tw_source_dir),
    ("%material", material),
    ("%python", config.tw_python),
    # A command that must be refused; see there. After it come the folder that must not change, and the command.
    ("%refused", config.tw_python + " " + os.path.join(config.test_source_root, "tools", "refused.py")),
    # Only as a word of a command, not as a part of a path.
    (r"(?<!\S)FileCheck(?!\S)", config.tw_filecheck),
    (r"(?<!\S)not(?!\S)", config.tw_not),
]
config.environment["PATH"] = os.pathsep.join([config.tw_tools_dir, "/usr/bin", "/bin"])
config.environment["TW_MATERIAL_DIR"] = material
# Packages that `tilewright run` keeps: never the user's own.
config.environment["XDG_CACHE_HOME"] = os.path.join(config.test_exec_root, "cache")

for feature, enabled in config.tw_features:
    if enabled in ("ON", "TRUE", "1"):
        config.available_features.add(feature)
if os.path.exists(emulated_cuda):
    config.available_features.add("emulated-gpu")
if os.path.isdir(material):
    config.available_features.add("material")
