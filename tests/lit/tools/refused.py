# SPDX-License-Identifier: Apache-2.0
"""Runs a command that must be refused: refused.py FOLDER COMMAND [ARGUMENT ...]

What makes a refusal: exit code 1 or 2 (not 0, no signal), nothing on standard output, one message "error: ..."
(assembly may show the line and a caret below it), and FOLDER and the folder of temporary files as they were before.
The message is printed for FileCheck; anything else is a failure that says what was wrong.
"""
import hashlib
import os
import subprocess
import sys
import tempfile


def contents(folder):
    found = {}
    for path, folders, files in os.walk(folder):
        found.update({os.path.join(path, name): "folder" for name in folders})
        for name in files:
            file = os.path.join(path, name)
            with open(file, "rb") as stream:
                found[file] = hashlib.sha256(stream.read()).hexdigest()
    return found


def run(folder, command):
    """The message, and a list of what is wrong with the refusal."""
    with tempfile.TemporaryDirectory() as temporary:
        before = contents(folder)
        environment = {**os.environ, "TMPDIR": temporary, "XDG_CACHE_HOME": temporary}
        result = subprocess.run(command, capture_output=True, env=environment, timeout=60)
        changed = sorted(set(before.items()) ^ set(contents(folder).items()))
        left = sorted(os.listdir(temporary))
    text = result.stderr.decode(errors="replace")
    lines = text.splitlines()
    wrong = []
    if result.returncode not in (1, 2):
        wrong.append(f"exit code {result.returncode}, expected 1 or 2")
    if result.stdout:
        wrong.append(f"standard output: {result.stdout.decode(errors='replace')}")
    if not text.startswith("error: "):
        wrong.append("the message does not begin with 'error: '")
    if len(lines) != 1 and not (len(lines) == 3 and lines[2].strip() == "^"):
        wrong.append(f"{len(lines)} lines of messages")
    if changed:
        wrong.append(f"files changed: {changed}")
    if left:
        wrong.append(f"temporary files left: {left}")
    return text, wrong


def main():
    text, wrong = run(sys.argv[1], sys.argv[2:])
    print(text, end="")
    for line in wrong:
        print(f"no clean refusal: {line}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
