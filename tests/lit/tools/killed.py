# SPDX-License-Identifier: Apache-2.0
"""Generation that is killed leaves nothing behind: killed.py PACKAGE

Ten runs of the cycle model are killed at other moments; then the folder in which they ran and that of temporary files
are empty, and the user's cache, which other tests fill meanwhile, holds no part of a file.
"""
import os
import subprocess
import sys
import tempfile
import time


def contents(root):
    return {os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names}


def main():
    package = os.path.abspath(sys.argv[1])
    cache = os.path.join(os.environ["XDG_CACHE_HOME"], "tilewright")
    with tempfile.TemporaryDirectory() as root:
        for name in ("here", "temporary"):
            os.mkdir(os.path.join(root, name))
        environment = {**os.environ, "TMPDIR": os.path.join(root, "temporary")}
        command = ["tilewright", "generate", package, "--prompt-ids", "3", "--steps", "8", "--device", "cycle"]
        killed = 0
        for i in range(10):
            process = subprocess.Popen(command, cwd=os.path.join(root, "here"), env=environment,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.004 * i)
            process.kill()
            killed += process.wait() < 0
        behind = contents(root) | {path for path in contents(cache) if path.endswith(".part")}
        if behind or killed == 0:
            sys.exit(f"{killed} of 10 runs were killed and left {behind}")


if __name__ == "__main__":
    main()
