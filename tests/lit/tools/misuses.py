# SPDX-License-Identifier: Apache-2.0
"""Files and streams used wrongly: misuses.py SOURCE_ROOT FOLDER

One row a misuse: the command, its exit code, what its one line of error says. Each runs in a folder of its own that is
a copy of a prepared one (see prepare); afterwards every file is as it was, nothing new is there, and the folder of
temporary files is empty.
"""
import json
import os
import re
import resource
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

SPARSE = 3 << 30
CONFIG, PLAN = 1, 3  # kinds of sections

# Command; exit code; pattern of the line. {text} in a command is a redirection for the shell.
MISUSES = [
    # An output that is an input, in every spelling.
    ("compile m.onnx -o m.onnx", 1, "m.onnx: is the input m.onnx: name another file for the result"),
    ("compile m.onnx -o ./m.onnx", 1, "./m.onnx: is the input m.onnx"),
    ("compile m.onnx -o sub/../m.onnx", 1, "sub/../m.onnx: is the input m.onnx"),
    ("compile m.onnx -o link.onnx", 1, "link.onnx: is the input m.onnx"),
    ("compile link.onnx -o m.onnx", 1, "m.onnx: is the input link.onnx"),
    ("compile m.onnx -o hard.onnx", 1, "hard.onnx: is the input m.onnx"),
    ("compile m.onnx -o new.npk --report m.onnx", 1, "m.onnx: is the input m.onnx"),
    ("compile m.onnx -o new.npk --report new.npk", 1, "new.npk: is wanted for two results"),
    ("compile m.onnx -o new.npk --report sub/../new.npk", 1, "sub/../new.npk: is wanted for two results"),
    ("compile m.onnx --config tw16.yaml -o tw16.yaml", 1, "tw16.yaml: is the input tw16.yaml"),
    ("run m.npk --allow-host-code -i x.npy -o x.npy", 1, "x.npy: is the input x.npy"),
    ("run m.npk --allow-host-code -i x=x.npy -o ./x.npy", 1, "./x.npy: is the input x.npy"),
    ("run m.npk --allow-host-code -i x=x.npy -o link.npy", 1, "link.npy: is the input x.npy"),
    ("run m.npk --allow-host-code -o m.npk", 1, "m.npk: is the input m.npk"),
    ("run m.onnx -o m.onnx", 1, "m.onnx: is the input m.onnx"),
    ("run m.onnx --device cycle --trace y.json -o y.json", 1, "y.json: is wanted for two results"),
    ("run m.onnx --device cycle --trace link.json", 1, "link.json: is the input m.onnx"),
    ("profile m.onnx --trace link.json", 1, "link.json: is the input m.onnx"),
    ("verify m.onnx --junit m.onnx", 1, "m.onnx: is the input m.onnx"),
    ("verify m.onnx -i x.npz --expect inputs.npz --dump-tensors .", 1, "./inputs.npz: is the input inputs.npz"),
    ("asm p.s -o p.s", 1, "p.s: is the input p.s"),
    # An output that is no file.
    ("compile m.onnx -o sub", 1, "sub: is a folder, not a file: name a file"),
    ("compile m.onnx -o pipe", 1, "pipe: is a pipe, not a file"),
    ("compile m.onnx -o /dev/null", 1, "/dev/null: is a name of the system, not a file"),
    ("compile m.onnx -o /dev/stdout", 1, "/dev/stdout: is a name of the system, not a file"),
    ("compile m.onnx -o -", 1, "-: is no file"),
    ("compile m.onnx -o null", 1, "null: is a device, not a file"),
    ("compile m.onnx -o none/m.npk", 1, "none/m.npk: cannot be written: No such file or directory"),
    ("compile m.onnx -o locked.npk", 1, "locked.npk: is write-protected"),
    ("compile m.onnx -o new.npk --report sub", 1, "sub: is a folder, not a file"),
    ("compile m.onnx -o m.onnx/new.npk", 1, "m.onnx/new.npk: cannot be written: Not a directory"),
    ("compile m.onnx --dump-ir x.npy -o new.npk", 1, "x.npy: is no folder"),
    ("run m.onnx -o sub", 1, "sub: is a folder, not a file"),
    ("run m.onnx -o pipe", 1, "pipe: is a pipe, not a file"),
    ("run m.onnx -o none/y.npy", 1, "none/y.npy: cannot be written: No such file or directory"),
    ("run m.onnx -o none/y.npz", 1, "none/y.npz: cannot be written: No such file or directory"),
    ("run m.onnx --device cycle --trace none/t.json", 1, "none/t.json: cannot be written: No such file or directory"),
    ("asm p.s -o sub", 1, "sub: is a folder, not a file"),
    ("asm p.s -o -", 1, "-: is no file"),
    # An output whose name nobody gave.
    ("compile other.onnx", 1, "other.npk: is there already and nothing that compile has written: name another file "
                              "with --output"),
    ("compile third.onnx", 1, "third.report.json: is there already and nothing that compile has written: name another "
                              "file with --report"),
    # An input that is no file, or not what it should be.
    ("check sub", 1, "sub: cannot be read: it is a folder, not a file"),
    ("check pipe", 1, "pipe: cannot be read: it is a pipe, not a file"),
    ("compile /dev/zero -o new.npk", 1, "/dev/zero: cannot be read: it is a device, not a file"),
    ("compile none.onnx", 1, "none.onnx: cannot be read: No such file or directory"),
    ("info /dev/zero", 1, "/dev/zero: cannot read the package: this is no file"),
    ("dis /dev/zero", 1, "/dev/zero: cannot be read: it is a device, not a file"),
    ("asm /dev/zero", 1, "/dev/zero: cannot be read: it is a device, not a file"),
    ("trace /dev/zero", 1, "/dev/zero: cannot be read: it is a device, not a file"),
    ("run m.onnx -i x=/dev/zero", 1, "/dev/zero: cannot be read: it is a device, not a file"),
    ("run m.onnx -i x=pipe", 1, "pipe: cannot be read: it is a pipe, not a file"),
    ("run m.onnx -i sub.npz", 1, "sub.npz: cannot be read: it is not a file"),
    ("run m.onnx -i x=none.npy", 1, "none.npy: cannot be read: No such file or directory"),
    # More than there can be, refused before there is memory for it.
    ("check large.onnx", 1, "large.onnx: is too large to be what it should be: 3221225472 bytes, at most 2147483647"),
    ("compile large.onnx -o new.npk", 1, "large.onnx: is too large to be what it should be"),
    ("run large.onnx", 1, "large.onnx: is too large to be what it should be"),
    ("verify large.onnx", 1, "large.onnx: is too large to be what it should be"),
    ("asm large.onnx", 1, "large.onnx: is too large to be what it should be"),
    ("dis large.bin", 1, "large.bin: is too large to be what it should be"),
    ("info large.npk", 1, "large.npk: byte 0: not a package"),
    ("info arena.npk", 1, "arena.npk: byte [0-9]+: arena or state memory of a plan: at most: expected "
                          "8589934592, found 1099511627776"),
    ("run arena.npk", 1, "arena.npk: byte [0-9]+: arena or state memory"),
    ("info sum.npk", 1, "sum.npk: byte [0-9]+: constants, arena, state, scratch, inputs and outputs need more memory"),
    ("run m.onnx -i large.npz", 1, "large.npz:x.npy: declares 1099511627776 bytes, at most 8589934592 are read here"),
    ("run m.onnx -i x=shape.npy", 1, "shape.npy: is truncated: its shape needs more than the 0 bytes there are"),
    # Packages from elsewhere.
    ("run m.npk", 1, "m.npk: the package has [0-9]+ bytes of host code, which may do whatever you may do, and you did "
                     "not compile it here: add --allow-host-code if you trust where the file comes from, or run the "
                     "model itself"),
    ("evaluate m.npk --data x.npz", 1, "m.npk: the package has [0-9]+ bytes of host code"),
    ("verify m.npk", 1, "m.npk: the package has [0-9]+ bytes of host code"),
    ("run config.npk --allow-host-code", 1, "config.npk: byte [0-9]+: the configuration is not the one whose hash"),
    ("info config.npk", 1, "config.npk: byte [0-9]+: the configuration is not the one whose hash"),
    # Streams.
    ("info m.npk > /dev/full", 1, "standard output: No space left on device"),
    ("dis m.npk > /dev/full", 1, "standard output: No space left on device"),
    ("config tw16 > /dev/full", 1, "standard output: No space left on device"),
    ("--help > /dev/full", 1, "standard output: No space left on device"),
    ("run --help > /dev/full", 1, "standard output: No space left on device"),
    ("check m.onnx --json > /dev/full", 1, "standard output: No space left on device"),
    ("info m.npk >&-", 1, "standard output: Bad file descriptor"),
    ("check m.onnx >&-", 1, "standard output: Bad file descriptor"),
    ("info none.npk 2>&-", 1, None),
    ("info none.npk >&- 2>&- <&-", 1, None),
]


def sections(package):
    (count,) = struct.unpack_from("<I", package, 12)
    return {struct.unpack_from("<I", package, 40 + 24 * i)[0]: 40 + 24 * i for i in range(count)}


def forged(package, kind, offset, layout, *values):
    """The package with other contents in one section, and right checksums."""
    package = bytearray(package)
    row = sections(package)[kind]
    start, size = struct.unpack_from("<QQ", package, row + 8)
    struct.pack_into(layout, package, start + offset, *values)
    struct.pack_into("<I", package, row + 4, zlib.crc32(package[start:start + size]))
    count, images = struct.unpack_from("<II", package, 12)
    struct.pack_into("<I", package, 20, zlib.crc32(package[40:40 + 24 * count + 104 * images]))
    struct.pack_into("<I", package, 36, zlib.crc32(package[:36]))
    return bytes(package)


def write(path, data):
    with open(path, "wb") as stream:
        stream.write(data)


def npy(shape, data):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def prepare(source, folder):
    model = os.path.join(source, "tests/e2e/models/fc_int8.onnx")
    for name in ("m", "other", "third"):
        shutil.copyfile(model, f"{folder}/{name}.onnx")
    subprocess.run(["tilewright", "compile", "m.onnx"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with open(f"{folder}/m.npk", "rb") as stream:
        package = stream.read()
    os.mkdir(f"{folder}/sub")
    os.mkdir(f"{folder}/sub.npz")
    os.mkfifo(f"{folder}/pipe")
    for name in ("link.onnx", "link.json"):
        os.symlink("m.onnx", f"{folder}/{name}")
    os.link(f"{folder}/m.onnx", f"{folder}/hard.onnx")
    os.symlink("x.npy", f"{folder}/link.npy")
    os.symlink("/dev/null", f"{folder}/null")
    write(f"{folder}/x.npy", npy((2, 20), bytes(160)))
    write(f"{folder}/shape.npy", npy((1 << 20, 1 << 20), b""))
    write(f"{folder}/p.s", b"end\n")
    write(f"{folder}/other.npk", b"the only copy of something")
    write(f"{folder}/third.report.json", b"{\"mine\": true}")
    write(f"{folder}/locked.npk", b"keep")
    os.chmod(f"{folder}/locked.npk", 0o444)
    shutil.copyfile(os.path.join(source, "isa/configs/tw16.yaml"), f"{folder}/tw16.yaml")
    for name in ("large.onnx", "large.npk", "large.bin"):
        with open(f"{folder}/{name}", "wb") as stream:
            stream.truncate(SPARSE)
    write(f"{folder}/arena.npk", forged(package, PLAN, 24, "<Q", 1 << 40))
    write(f"{folder}/sum.npk", forged(package, PLAN, 24, "<QQ", 5 << 30, 5 << 30))
    write(f"{folder}/config.npk", forged(package, CONFIG, 44, "<I", 64))
    with zipfile.ZipFile(f"{folder}/x.npz", "w") as archive:
        archive.writestr("x.npy", npy((2, 20), bytes(160)))
    shutil.copyfile(f"{folder}/x.npz", f"{folder}/inputs.npz")
    with zipfile.ZipFile(f"{folder}/large.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy((1 << 10, 1 << 10), bytes(4 << 20)))
        archive.infolist()[0].file_size = 1 << 40  # what the directory declares


def contents(folder):
    """Names, kinds and bytes of everything in the folder; sparse files by their size."""
    found = {}
    for path, folders, files in os.walk(folder):
        for name in folders + files:
            file = os.path.join(path, name)
            status = os.lstat(file)
            data = b""
            if stat.S_ISREG(status.st_mode) and status.st_size < SPARSE:
                with open(file, "rb") as stream:
                    data = stream.read()
            found[file] = (status.st_mode, status.st_size, data)
    return found


def environment(temporary):
    return {**os.environ, "TMPDIR": temporary, "XDG_CACHE_HOME": os.path.join(temporary, "cache")}


def limit_memory():  # what is refused by size needs none
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))


def misuse(folder, temporary, command, code, pattern):
    before = contents(folder)
    result = subprocess.run(["sh", "-c", "exec tilewright " + command], cwd=folder, env=environment(temporary),
                            stdin=subprocess.DEVNULL, capture_output=True, timeout=60, preexec_fn=limit_memory)
    lines = result.stderr.decode(errors="replace").splitlines()
    errors = [line for line in lines if not line.startswith("m.onnx: compiled")]
    wrong = []
    if result.returncode != code:
        wrong.append(f"exit code {result.returncode}, expected {code}")
    if pattern is not None and (len(errors) != 1 or not re.match("error: " + pattern, errors[0])):
        wrong.append(f"says {errors}, expected one line 'error: {pattern}'")
    if result.stdout:
        wrong.append(f"prints {result.stdout[:200]}")
    after = contents(folder)
    if before != after:
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        wrong.append(f"changed {changed}")
    shutil.rmtree(os.path.join(temporary, "cache"), ignore_errors=True)
    if os.listdir(temporary):
        wrong.append(f"left temporary files {os.listdir(temporary)}")
    return wrong


def main():
    source, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    prepare(source, folder)
    failed = 0
    for command, code, pattern in MISUSES:
        with tempfile.TemporaryDirectory() as temporary:
            for text in misuse(folder, temporary, command, code, pattern):
                print(f"tilewright {command}: {text}")
                failed += 1
    print(f"{len(MISUSES)} misuses, {failed} wrong")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
