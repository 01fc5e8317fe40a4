# SPDX-License-Identifier: Apache-2.0
"""Damages a package in every field of its header, in its tables, in each section and image, and in its length, and
gives each to the tool: damaged_packages.py PACKAGE VERB ...

Each must be refused with the place of the damage. unit.isa changes each byte; this is the way through the tool.
"""
import os
import struct
import sys
import tempfile

import refused

FIELDS = {"magic": 0, "version": 8, "section_count": 12, "image_count": 16, "table_crc": 20, "file_bytes": 24,
          "reserved": 32, "header_crc": 36}
HEADER_BYTES, ROW_BYTES, IMAGE_BYTES, IMAGE_OFFSET = 40, 24, 104, 80


def damaged(good):
    """Pairs of a name and the bytes of a package that nobody may accept."""
    (count,) = struct.unpack_from("<I", good, FIELDS["section_count"])
    sections = [struct.unpack_from("<IIQQ", good, HEADER_BYTES + i * ROW_BYTES) for i in range(count)]
    (image_count,) = struct.unpack_from("<I", good, FIELDS["image_count"])
    images = HEADER_BYTES + count * ROW_BYTES
    tables = images + image_count * IMAGE_BYTES
    places = dict(FIELDS)
    places.update({f"table row {i}": HEADER_BYTES + i * ROW_BYTES + 8 for i in range(count)})
    places.update({f"section {kind}": offset + size // 2 for kind, _, offset, size in sections if size})
    for i in range(image_count):
        offset, size = struct.unpack_from("<QQ", good, images + i * IMAGE_BYTES + IMAGE_OFFSET)
        places.update({f"image row {i}": images + i * IMAGE_BYTES + 8, f"image {i}": offset + size // 2})
    for name, at in places.items():
        yield name, good[:at] + bytes([good[at] ^ 0x5A]) + good[at + 1:]
    ends = {0, 1, HEADER_BYTES - 1, HEADER_BYTES, images, tables, len(good) - 1}
    ends.update(offset for _, _, offset, _ in sections)
    for end in sorted(ends - {len(good)}):
        yield f"first {end} bytes", good[:end]
    yield "one byte more", good + b"\0"


def main():
    with open(sys.argv[1], "rb") as stream:
        good = stream.read()
    failures = count = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "d.npk")
        for name, data in damaged(good):
            with open(path, "wb") as stream:
                stream.write(data)
            for verb in sys.argv[2:]:
                text, wrong = refused.run(folder, ["tilewright", verb, path])
                if f"{path}: byte " not in text:
                    wrong.append(f"the message names no place: {text.strip()}")
                for line in wrong:
                    print(f"{verb}, damaged {name}: {line}")
                failures += bool(wrong)
                count += 1
    print(f"{count - failures} of {count} refused")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
