#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokenizer files and what PyPI's `tokenizers` makes of texts with them: make_tokenizers.py FOLDER [COUNT]

Writes FOLDER/<name>.json, small byte-level tokenizers of the forms that files have, and FOLDER/answers.json: for each
of many texts, COUNT (25) of them drawn, its ids and what these ids are as text; a line each. What is in `tokenizers`
beside this script was written so; TokenizerTest reads it, or what is in the folder that TW_TOKENIZERS names.
"""
import itertools
import json
import random
import sys
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = """The quick brown fox jumps over the lazy dog, and then the other dogs jump over it; they'll say it's what
they've seen 1234567890 times. Once upon a time there was a token that was longer than the others, therefore the others
went there. def f(x):\n    return x + 1\n\nI'm you're he'd we'll it's they've.  A  b   c    d
Größe, façade, naïve, déjà vu, Straße. Привет, мир! 你好,世界。 こんにちは ١٢٣ ½ Ⅷ 👍🏽 e\u0301 \u212b"""

# Newer tokenizers cut with a pattern of this kind instead of the first one.
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
           r"|\s+(?!\S)|\s+")

TEXTS = [
    "", " ", "  ", "a", "Once upon a time", " Once  upon   a time ", "they'll THEY'LL they'ves 'tis I'm",
    "def f(x):\n    return x + 1\n", "\n\n \n  \t x\r\n", "1234567890 12 ab12cd",
    "Größe façade e\u0301 \u212b \u1100\u1161", "Привет, мир!", "你好,世界。", "👍🏽 family: 👨‍👩‍👧", "\ufefftext",
    "a\u00a0b\u2003c\u0085d\u000be\u200bf", "½ Ⅷ ² ٣", "<|end|>", "a<|end|>b", " <|end|> b<|end|><|end|>",
    "<|end|", "<|en<|end|>d|>", "<|end|><|endless|>x", "\u00c5<|Å|>\u212b", "\x00\x01\x7f", "ĠtheĊ",
    "!!!??? ...", "aaaaaaaaaaaaaaaaaaaaaaaa", "thethethethe there", "_under_score-dash",
    "x" * 70 + " " * 9 + "y",
]


def trained(pre_tokenizer, size, tokens=(), **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(tokens), show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([CORPUS], trainer)
    return tokenizer


def tokenizers():
    first = trained(pre_tokenizers.ByteLevel(add_prefix_space=False), 330, ["<|end|>"])
    first.post_processor = processors.ByteLevel(trim_offsets=False)
    yield "first", first
    prefixed = trained(pre_tokenizers.ByteLevel(add_prefix_space=True), 290)
    prefixed.add_special_tokens(["<|end|>", "<|endless|>"])
    yield "prefixed", prefixed
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    cut = trained(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), "isolated"), byte_level]), 340)
    cut = Tokenizer.from_str(json.dumps({**json.loads(cut.to_str()), "model": {**json.loads(cut.to_str())["model"],
                                                                             "ignore_merges": True}}))
    cut.add_special_tokens(["<|begin|>", "<|end|>"])
    cut.normalizer = normalizers.NFC()
    cut.add_tokens([AddedToken("<|Å|>", normalized=True)])
    begin = cut.token_to_id("<|begin|>")
    cut.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin|> $A", pair="<|begin|> $A <|begin|> $B",
                                      special_tokens=[("<|begin|>", begin)])])
    yield "cut", cut
    digits = trained(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                              pre_tokenizers.ByteLevel(add_prefix_space=False)]), 300)
    yield "digits", digits


def characters(rng):
    """Any that old libraries know, too: the tables with which `tokenizers` composes are of Unicode 9."""
    while True:
        character = chr(rng.choice([rng.randrange(0x20, 0xD800), rng.randrange(0xE000, 0x11000),
                                    rng.randrange(0x10000, 0x20000)]))
        if unicodedata.ucd_3_2_0.category(character) != "Cn":
            yield character


def drawn(rng):
    pools = [CORPUS, " \t\n\r\u00a0\u2003\u0085\u000b\u200b\ufeff", "'stvremlld", "0123456789½Ⅷ²٣", "<|end|>less begin",
             "".join(chr(c) for c in range(256)), "\u0300\u0301\u0308\u1100\u1161\u212b\u2126e\u00e9ö",
             "".join(itertools.islice(characters(rng), 40))]
    return "".join(rng.choice(rng.choice(pools)) for _ in range(rng.randrange(1, 40)))


def main():
    folder = sys.argv[1]
    rng = random.Random(7)
    texts = TEXTS + [drawn(rng) for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 25)]
    answers = []
    for name, tokenizer in tokenizers():
        form = json.loads(tokenizer.to_str())
        # Both ways in which files write a merge.
        if name == "first":
            form["model"]["merges"] = [" ".join(pair) for pair in form["model"]["merges"]]
        with open(f"{folder}/{name}.json", "w", encoding="utf-8") as stream:
            json.dump(form, stream, ensure_ascii=False, separators=(",", ":"))
            stream.write("\n")
        tokenizer = Tokenizer.from_file(f"{folder}/{name}.json")
        for text in texts:
            ids = tokenizer.encode(text).ids
            answers.append({"file": name, "text": text, "ids": ids,
                            "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
        for _ in range(20):  # ids that are no text: characters cut in the middle
            ids = [rng.randrange(tokenizer.get_vocab_size()) for _ in range(rng.randrange(1, 6))]
            answers.append({"file": name, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
    with open(f"{folder}/answers.json", "w", encoding="utf-8") as stream:
        for answer in answers:
            stream.write(json.dumps(answer, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
