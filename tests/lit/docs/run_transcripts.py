# SPDX-License-Identifier: Apache-2.0
"""Runs every `$ tilewright ...` of a document's code blocks and compares what it prints with what the document says.

usage: run_transcripts.py <document> <source root>; tilewright on PATH. Runs in a folder of its own that looks like the
root after a build, so that nothing is written into the source tree.
"""
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

document, root = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
text = document.read_text(encoding="utf-8")
transcripts = [block for block in re.findall(r"^```\n(.*?)^```", text, re.S | re.M) if block.startswith("$ ")]
if not transcripts:
    sys.exit(f"{document}: no transcript found")

with tempfile.TemporaryDirectory() as folder:
    place = pathlib.Path(folder)
    (place / "tools").symlink_to(root / "tools")
    (place / "build").mkdir()
    compile_sample = "tilewright compile tools/sample/digits_int8.onnx --config tw16 -o build/digits_int8.npk"
    subprocess.run(compile_sample.split(), cwd=place, check=True, stdout=subprocess.DEVNULL)
    for transcript in transcripts:
        said, printed = [], []
        for line in transcript.splitlines():
            said.append(line.rstrip())
        for line in said:
            if line.startswith("$ "):
                run = subprocess.run(shlex.split(line[2:]), cwd=place, capture_output=True, text=True, check=False)
                if printed:
                    printed.append("")
                printed.append(line)
                printed += [output.rstrip() for output in (run.stdout + run.stderr).splitlines()]
        # A time at the end of a line was measured on somebody's computer.
        mask = [[re.sub(r"[0-9.]+ ms$", "TIME ms", line) for line in lines] for lines in (said, printed)]
        if mask[0] != mask[1]:
            sys.exit(f"{document}: a transcript has changed; it now is\n" + "\n".join(printed))
