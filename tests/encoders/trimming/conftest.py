"""Tiny models with tokenisers of every kind, in the layouts that people have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.encoders.builders.conftest import shake
from tests.encoders.builders.test_m2m100 import sonar
from tests.encoders.reading.test_tokenizer_files import spm

# What the corpora hold, and what only the tokenisers know.
SEEN = [
    "the old river runs under a stone house", "a blue bird sees the green river", "Größe der Straße", "", "don't stop!",
    "日本語の文です", "house and stone, river and bird", "the river the bird the house",
]  # fmt: skip
UNSEEN = ["Привет, как дела?", "quickly slowly", "한국어 텍스트", "zebra xylophone"]
SIZES = {
    "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3,
    "max_position_embeddings": 66, "initializer_range": 0.3,
}  # fmt: skip


def model(folder: Path, kind: str, words: int, **settings: Any) -> None:
    """Random weights of a transformer with so many tokens."""
    import torch
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(4)
    config = AutoConfig.for_model(kind, **{**SIZES, "vocab_size": words, **settings})
    shake(AutoModel.from_config(config)).save_pretrained(folder)


def bert(folder: Path) -> None:
    """LaBSE's way: a vocab.txt, no tokenizer.json; with rows that no token has."""
    letters = sorted({letter for text in [*SEEN, *UNSEEN] for letter in text if not letter.isspace()})
    words = sorted({word for text in [*SEEN, *UNSEEN] for word in text.split() if word.isalpha()})
    unused = [f"[unused{n}]" for n in range(5)]
    listed = ["[PAD]", *unused, "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters), *words]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(listed)) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": false}')
    model(folder, "bert", len(set(listed)) + 3, pad_token_id=0)


def xlmr(folder: Path) -> None:
    """XLM-R's SentencePiece model; positions are counted from the padding id."""
    spm(folder / "sentencepiece.bpe.model", unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "XLMRobertaTokenizer"}')
    from xret.encoders.reading.sentencepiece_model import read_sentencepiece

    count = len(read_sentencepiece(folder / "sentencepiece.bpe.model").pieces) + 2
    model(folder, "xlm-roberta", count, pad_token_id=1, bos_token_id=0, eos_token_id=2)


def t5(folder: Path) -> None:
    spm(folder / "spiece.model", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "T5Tokenizer", "extra_ids": 4}')
    import torch
    from transformers import T5Config, T5EncoderModel

    from xret.encoders.reading.sentencepiece_model import read_sentencepiece

    count = len(read_sentencepiece(folder / "spiece.model").pieces) + 4
    torch.manual_seed(4)
    made = shake(T5EncoderModel(T5Config(vocab_size=count + 2, d_model=24, d_kv=8, d_ff=40, num_layers=2, num_heads=3)))
    torch.save(made.state_dict(), folder / "pytorch_model.bin")  # "shared" and its copy
    made.config.save_pretrained(folder)


def bytes_bpe(folder: Path) -> int:
    """A tokeniser of bytes, special tokens last."""
    from tokenizers import AddedToken, ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    made = ByteLevelBPETokenizer()
    made.train_from_iterator([*SEEN, *UNSEEN] * 3, vocab_size=420, min_frequency=1, show_progress=False)
    made.add_special_tokens([AddedToken(text, special=True) for text in ("<s>", "</s>", "<pad>", "<unk>")])
    from tokenizers.processors import TemplateProcessing

    ends = [(text, made.token_to_id(text)) for text in ("<s>", "</s>")]
    made._tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    PreTrainedTokenizerFast(
        tokenizer_object=made._tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
        model_max_length=60,
    ).save_pretrained(folder)  # fmt: skip
    return int(made.get_vocab_size())


def modernbert(folder: Path) -> None:
    size = bytes_bpe(folder)
    special = {"bos": size - 4, "cls": size - 4, "eos": size - 3, "sep": size - 3, "pad": size - 2}
    model(folder, "modernbert", size, **{f"{name}_token_id": number for name, number in special.items()})


def qwen3(folder: Path) -> None:
    size = bytes_bpe(folder)
    model(folder, "qwen3", size + 6, num_key_value_heads=3, head_dim=8, pad_token_id=size - 2, eos_token_id=[size - 3])


def m2m100(folder: Path) -> None:
    sonar(folder)


MAKERS: dict[str, Callable[[Path], None]] = {
    "bert": bert, "xlm-roberta": xlmr, "t5": t5, "modernbert": modernbert, "qwen3": qwen3, "m2m_100": m2m100,
}  # fmt: skip


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``tiny_model(kind)``: the folder of a model of `MAKERS`, made once."""
    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp("models") / kind
            made[kind].mkdir()
            MAKERS[kind](made[kind])
            (made[kind] / "README.md").write_text("of somebody\n")
        return made[kind]

    return make


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The seen texts, three languages among them."""
    path, tags = tmp_path / "seen.jsonl", ["en", "en", "de", "en", "en", "ja", "en", "en"]
    rows = [{"id": str(n), "text": text, "lang": tag} for n, (text, tag) in enumerate(zip(SEEN, tags, strict=True))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows if row["text"]))
    return path
