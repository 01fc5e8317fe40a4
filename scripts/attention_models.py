# SPDX-License-Identifier: Apache-2.0
"""Transformers of the shapes that their users run, as torch exports them and ONNX Runtime quantises them: random
weights of a fixed seed. Run by attention.sh."""

import numpy as np
import onnx
import torch
import transformers as t
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

SEED = 20

SMALL = {"use_cache": False}


def gpt2(layers, width, heads, words, positions):
    return t.GPT2LMHeadModel(
        t.GPT2Config(n_layer=layers, n_embd=width, n_head=heads, vocab_size=words, n_positions=positions,
                     attn_implementation="eager", **SMALL))


def bert(layers, width, heads, words, positions):
    return t.BertForSequenceClassification(
        t.BertConfig(num_hidden_layers=layers, hidden_size=width, num_attention_heads=heads, vocab_size=words,
                     intermediate_size=4 * width, max_position_embeddings=positions, attn_implementation="eager"))


def llama(layers, width, heads, groups, words):
    return t.LlamaForCausalLM(
        t.LlamaConfig(num_hidden_layers=layers, hidden_size=width, num_attention_heads=heads,
                      num_key_value_heads=groups, intermediate_size=width * 11 // 4, vocab_size=words,
                      attn_implementation="eager", **SMALL))


def vit(layers, width, heads):
    return t.ViTForImageClassification(
        t.ViTConfig(num_hidden_layers=layers, hidden_size=width, num_attention_heads=heads, intermediate_size=4 * width,
                    num_labels=100, attn_implementation="eager"))


class WhisperEncoder(torch.nn.Module):
    def __init__(self, layers, width, heads):
        super().__init__()
        config = t.WhisperConfig(encoder_layers=layers, d_model=width, encoder_attention_heads=heads,
                                 encoder_ffn_dim=4 * width, decoder_layers=1, attn_implementation="eager",
                                 max_source_positions=300)
        self.encoder = t.WhisperModel(config).encoder

    def forward(self, features):
        return self.encoder(features).last_hidden_state


class Only(torch.nn.Module):
    """One tensor of a model's many results."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x).logits


def ids(words, *shape):
    return lambda random: random.integers(0, words, shape)


def reals(*shape):
    return lambda random: random.standard_normal(shape).astype(np.float32)


# Name: the network, and how an input of it is drawn.
MODELS = {
    "gpt2-tiny": (lambda: Only(gpt2(2, 128, 4, 1000, 64)), ids(1000, 1, 32)),
    "gpt2-124m": (lambda: Only(gpt2(12, 768, 12, 50257, 1024)), ids(50257, 1, 32)),
    "bert-tiny": (lambda: Only(bert(2, 128, 4, 1000, 64)), ids(1000, 1, 64)),
    "bert-base": (lambda: Only(bert(12, 768, 12, 30522, 512)), ids(30522, 1, 128)),
    "bert-base-layer": (lambda: Only(bert(1, 768, 12, 1000, 512)), ids(1000, 1, 128)),
    "vit-tiny": (lambda: Only(vit(12, 192, 3)), reals(1, 3, 224, 224)),
    "llama-block": (lambda: Only(llama(2, 256, 8, 2, 1000)), ids(1000, 1, 32)),
    "whisper-tiny": (lambda: WhisperEncoder(4, 384, 6), reals(1, 80, 600)),
}


class Reader(CalibrationDataReader):
    def __init__(self, draw, count):
        random = np.random.default_rng(SEED)
        self.feeds = iter([{"x": draw(random)} for _ in range(count)])

    def get_next(self):
        return next(self.feeds, None)


def make(folder, name):
    """FOLDER/NAME.float.onnx and FOLDER/NAME.qdq.onnx, unless they are there."""
    build, draw = MODELS[name]
    real, integers = folder / f"{name}.float.onnx", folder / f"{name}.qdq.onnx"
    if integers.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    model = build().eval()
    sample = torch.from_numpy(draw(np.random.default_rng(SEED)))
    torch.onnx.export(model, (sample,), str(real), input_names=["x"], output_names=["y"], opset_version=20, dynamo=True,
                      external_data=False)
    inferred = folder / f"{name}.inferred.onnx"
    quant_pre_process(str(real), str(inferred), skip_symbolic_shape=True)
    quantize_static(str(inferred), str(integers), Reader(draw, 4), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QInt8, weight_type=QuantType.QInt8)
    inferred.unlink()
    onnx.checker.check_model(str(integers))
