# SPDX-License-Identifier: Apache-2.0
"""What becomes of a file that is written: writers.py SOURCE_ROOT FOLDER

Two writers of one package never show a reader anything but one of the two; a link under the name of a part file is not
followed; what a signal ends leaves neither part files nor temporary ones, and the old file as it was.
"""
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROUNDS, SIGNALS = 6, 12


def compile_command(model, output):
    return ["tilewright", "compile", model, "-o", output]


def package_of(model, folder):
    output = os.path.join(folder, os.path.basename(model) + ".npk")
    subprocess.run(compile_command(model, output), check=True, stdout=subprocess.DEVNULL)
    with open(output, "rb") as stream:
        return stream.read()


def two_writers(models, folder):
    whole = {package_of(model, folder) for model in models}
    shared = os.path.join(folder, "shared.npk")
    subprocess.run(compile_command(models[0], shared), check=True, stdout=subprocess.DEVNULL)
    codes = []

    def write(model):
        for _ in range(ROUNDS):
            done = subprocess.run(compile_command(model, shared), stdout=subprocess.DEVNULL, check=False)
            codes.append(done.returncode)

    threads = [threading.Thread(target=write, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    reads = damaged = 0
    while any(thread.is_alive() for thread in threads):
        with open(shared, "rb") as stream:
            damaged += stream.read() not in whole
        reads += 1
        time.sleep(0.0005)
    assert reads > 100 and damaged == 0, f"{damaged} of {reads} reads saw a damaged package"
    assert codes == [0] * 2 * ROUNDS, codes


def links_at_part_files(model, folder):
    victim, output = os.path.join(folder, "victim"), os.path.join(folder, "linked.npk")
    with open(victim, "w", encoding="utf-8") as stream:
        stream.write("keep me")
    for name in (output + ".part", output + ".tmp", os.path.join(folder, "linked.report.json.part")):
        os.symlink(victim, name)
    os.symlink(victim, output)  # the output itself: the link gives way, what it names stays
    subprocess.run(compile_command(model, output), check=True, stdout=subprocess.DEVNULL)
    with open(victim, encoding="utf-8") as stream:
        assert stream.read() == "keep me"
    assert not os.path.islink(output)


def signals(model, folder):
    output = os.path.join(folder, "old.npk")
    with open(output, "w", encoding="utf-8") as stream:
        stream.write("the old one")
    start = time.monotonic()
    package = package_of(model, folder)
    usual = time.monotonic() - start
    ended = 0
    for i in range(SIGNALS):
        with open(output, "w", encoding="utf-8") as stream:
            stream.write("the old one")
        before = sorted(os.listdir(folder))
        with tempfile.TemporaryDirectory() as temporary:
            with subprocess.Popen(compile_command(model, output), stdout=subprocess.DEVNULL,
                                  env={**os.environ, "TMPDIR": temporary}) as process:
                time.sleep(usual * (i + 0.5) / SIGNALS)
                process.send_signal((signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[i % 3])
                process.wait()
            time.sleep(0.05)  # for a child that would go on
            assert os.listdir(temporary) == [], os.listdir(temporary)
        ended += process.returncode < 0
        with open(output, "rb") as stream:
            assert stream.read() in (b"the old one", package)
        new = set(os.listdir(folder)) - set(before) - {"old.report.json"}
        assert not new, new
    assert ended > SIGNALS // 3, f"only {ended} of {SIGNALS} signals came in time"


def main():
    source, folder = sys.argv[1:]
    models = [os.path.join(source, "tests/e2e/models", name) for name in ("fc_int8.onnx", "residual_int8.onnx")]
    two_writers(models, folder)
    links_at_part_files(models[0], folder)
    signals(models[1], folder)


if __name__ == "__main__":
    main()
