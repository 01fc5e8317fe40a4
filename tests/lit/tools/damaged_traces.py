# SPDX-License-Identifier: Apache-2.0
"""Gives `tilewright trace` damaged forms of a trace: damaged_traces.py [--again] TRACE

Each must be refused. With --again the checksum is made right again, so that the reader itself has to see the damage:
only what cannot be legal is tried then.
"""
import os
import struct
import sys
import tempfile
import zlib

import refused


def damaged(good):
    step = max(1, len(good) // 40)
    for at in range(0, len(good), step):
        yield f"byte {at}", good[:at] + bytes([good[at] ^ 0x5A]) + good[at + 1:]
        yield f"first {at} bytes", good[:at]
    yield "one byte more", good + b"\0"


def illegal(good):
    body = good[:-4]
    yield "magic", b"X" + body[1:]
    yield "another instruction set", body[:8] + b"\x5A" + body[9:]
    yield "name longer than the file", body[:16] + b"\xFF\xFF\x03" + body[17:]
    yield "one byte more", body + b"\0"
    yield "a number without an end", body[:-1] + b"\xFF"
    step = max(1, len(body) // 40)
    for at in range(len(body) - 1, 8, -step):
        yield f"first {at} bytes", body[:at]


def main():
    again = sys.argv[1] == "--again"
    with open(sys.argv[-1], "rb") as stream:
        good = stream.read()
    traces = list(damaged(good))
    if again:
        traces = [(name, body + struct.pack("<I", zlib.crc32(body))) for name, body in illegal(good)]
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "run.twtrace")
        for name, content in traces:
            with open(path, "wb") as stream:
                stream.write(content)
            text, wrong = refused.run(folder, ["tilewright", "trace", path])
            if path not in text:
                wrong.append(f"the message does not name the file: {text}")
            for problem in wrong:
                print(f"{name}: {problem}")
            failures += bool(wrong)
    print(f"{failures} of {len(traces)} damaged traces" if failures else f"{len(traces)} damaged traces, all refused")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
