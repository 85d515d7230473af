"""Tiny late-interaction checkpoints in each project's layout, and plain torch re-statements of what each does."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

WORDS = ["the", "river", "stone", "bird", "sees", "old", "new", "house", "runs", "under"]
# As in XLM-R: 0 to 6 are these, and a punctuation mark that begins a word is a boundary and the mark.
PIECES = ["<s>", "<pad>", "</s>", "<unk>", ",", ".", "▁"]
MARKS = ["?", "!", "-", "(", ")", ";", ":", "'"]
BERT = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
Texts = list[str]
Floats = NDArray[np.float32]


def unigram(folder: Path, added: tuple[str, ...] = ()) -> Any:
    """A SentencePiece-like tokeniser with XLM-R's first ids; `added` tokens come last."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = [*PIECES, *MARKS, *(f"▁{word}" for word in WORDS), "▁v", "o", "l"]
    scores = [0.0 if at < 4 else -2.0 - at / 100 for at in range(len(pieces))]
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", model_max_length=60,
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    fast.add_tokens(list(added))
    fast.save_pretrained(folder)
    return fast


def wordpiece(folder: Path) -> Any:
    """A BERT tokeniser that knows the usual markers."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = [*BERT, *string.punctuation, *WORDS, "##s"]
    tokenizer = Tokenizer(models.WordPiece({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 4), ("[SEP]", 5)]
    )
    names = {name: f"[{name[:-6].upper()}]" for name in ("pad_token", "unk_token", "cls_token", "sep_token")}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=60, **names)
    fast.save_pretrained(folder)
    return fast


def backbone(kind: str, words: int, **settings: Any) -> Any:
    """A random encoder of 2 layers, its biases and gains random too."""
    import torch
    from transformers import AutoConfig, AutoModel

    bert = kind == "bert"
    shape = {
        "vocab_size": words, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2,
        "num_attention_heads": 3, "max_position_embeddings": 60 if bert else 62, "initializer_range": 0.3,
        "pad_token_id": 0 if bert else 1, "type_vocab_size": 2 if bert else 1,
    }  # fmt: skip
    torch.manual_seed(5)
    model = AutoModel.from_config(AutoConfig.for_model(kind, **{**shape, **settings})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


@dataclass
class Reference:
    """What the project that trained a model does with a text, in plain torch."""

    tokenizer: Any
    model: Any
    project: Callable[[Any], Any]
    query_marker: int | None = None
    document_marker: int | None = None
    dot: bool = False  # ". " before the text, the token after the first overwritten; else inserted
    attend: bool = False
    expands: bool = True
    query_length: int = 16
    document_length: int = 24
    skip: set[int] = field(default_factory=set)
    pads: bool = True  # whether padding tokens that a text spells out are treated as padding
    first: bool = True  # whether the first token's vector counts

    def ids(self, text: str, *, query: bool) -> tuple[list[int], list[int]]:
        """Token ids and attention mask."""
        length = self.query_length if query else self.document_length
        marker = self.query_marker if query else self.document_marker
        inserts = marker is not None and not self.dot
        padding = "max_length" if query and self.expands else False
        coded = self.tokenizer(
            ". " + text if self.dot else text, padding=padding, truncation=True, max_length=length - int(inserts)
        )
        ids, mask = list(coded["input_ids"]), list(coded["attention_mask"])
        if inserts:
            ids, mask = [ids[0], marker, *ids[1:]], [1, *mask]
        elif marker is not None:
            ids[1] = marker
        if query and self.expands:
            blank = [
                not seen or (self.pads and each == self.tokenizer.pad_token_id)
                for each, seen in zip(ids, mask, strict=True)
            ]
            ids = [self.tokenizer.mask_token_id if empty else each for each, empty in zip(ids, blank, strict=True)]
            mask = [1] * len(mask) if self.attend else mask
        return ids, mask

    def vectors(self, text: str, *, query: bool, lang: int | None = None) -> Floats:
        """Those that count in MaxSim."""
        import torch

        ids, mask = self.ids(text, query=query)
        told = {} if lang is None else {"lang_ids": torch.tensor([lang])}
        with torch.no_grad():
            hidden = self.model(input_ids=torch.tensor([ids]), attention_mask=torch.tensor([mask]), **told)[0][0]
            rows = torch.nn.functional.normalize(self.project(hidden), dim=1)
        skip = self.skip | ({self.tokenizer.pad_token_id} if self.pads else set())
        keep = [True] * len(ids) if query else [each not in skip for each in ids]
        keep[0] = keep[0] and self.first
        return np.asarray(rows[torch.tensor(keep)].numpy(), np.float32)


def first_pieces(tokenizer: Any) -> set[int]:
    """The ids that Stanford's code skips."""
    return {tokenizer.encode(mark, add_special_tokens=False)[0] for mark in string.punctuation}


def save_stanford(folder: Path, model: Any, tokenizer: Any, dim: int = 8, **metadata: Any) -> Any:
    """Write the layout of Stanford's ColBERT; gives the projection."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(6)
    linear = torch.nn.Linear(model.config.hidden_size, dim, bias=False)
    prefix = {"bert": "bert."}.get(model.config.model_type, "roberta.")
    tensors = {f"{prefix}{name}": tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    save_file({**tensors, "linear.weight": linear.weight.detach().clone()}, folder / "model.safetensors")
    config = json.loads(model.config.to_json_string(use_diff=False)) | {"architectures": ["HF_ColBERT"]}
    config["model_type"] = model.config.model_type
    (folder / "config.json").write_text(json.dumps(config))
    usual = {"query_maxlen": 16, "doc_maxlen": 24, "dim": dim, "mask_punctuation": True, "similarity": "cosine"}
    if metadata.pop("metadata", True):
        (folder / "artifact.metadata").write_text(json.dumps({**usual, **metadata}))
    return linear


def stanford(
    folder: Path, kind: str = "xlm-roberta", *, added: tuple[str, ...] = (), rows: int = 0, dot: bool = True,
    settings: dict[str, Any] | None = None, **metadata: Any,
) -> Reference:  # fmt: skip
    """A checkpoint and its reference.

    Args:
        folder: where to.
        kind: of the encoder.
        added: markers added to the tokeniser.
        rows: of the word table beyond the tokeniser's.
        dot: what the reference does with the marker.
        settings: of the encoder's config.
        metadata: of artifact.metadata.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = wordpiece(folder) if kind == "bert" else unigram(folder, added)
    model = backbone(kind, len(tokenizer) + rows, **(settings or {}))
    linear = save_stanford(folder, model, tokenizer, **metadata)
    names = [metadata.get(f"{role}_token_id", f"[unused{at}]") for at, role in enumerate(("query", "doc"))]
    query, document = tokenizer.convert_tokens_to_ids(names)
    return Reference(
        tokenizer, model, linear, query, document, dot=dot, attend=bool(metadata.get("attend_to_mask_tokens")),
        skip=first_pieces(tokenizer), query_length=metadata.get("query_maxlen", 16),
        document_length=metadata.get("doc_maxlen", 24),
    )  # fmt: skip


@pytest.fixture
def make() -> Callable[..., Reference]:
    """``make(folder, kind, …)``: see `stanford`."""
    return stanford


@pytest.fixture
def parts() -> tuple[Callable[..., Any], ...]:
    """What checkpoints of other layouts are made of: unigram, wordpiece, backbone, Reference."""
    return unigram, wordpiece, backbone, Reference


def _worst(encoder: Any, reference: Reference, texts: Texts, lang: list[str] | None = None) -> float:
    codes = encoder.recipe.languages.codes if encoder.recipe.languages else ()
    told = [None] * len(texts) if lang is None else [codes.index(tag) for tag in lang]
    worst = 0.0
    for role in ("query", "document"):
        mine = encoder.encode_tokens(texts, role=role, lang=lang)
        for text, found, code in zip(texts, mine, told, strict=True):
            wanted = reference.vectors(text, query=role == "query", lang=code)
            assert found.shape == wanted.shape and found.dtype == np.float32, (role, text)
            worst = max(worst, float(np.abs(found - wanted).max(initial=0)))
    return worst


@pytest.fixture
def worst() -> Callable[..., float]:
    """``worst(encoder, reference, texts, lang=None)``: the largest difference, in both roles."""
    return _worst


@pytest.fixture
def texts() -> Texts:
    """Short, long, empty, unknown words, punctuation, and special tokens spelled out."""
    return [
        "the old river sees a bird.",
        "",
        "stone",
        "(the bird), the house! runs; under - the old stone's river?",
        "zzz the qqq",
        " ".join(WORDS * 5),
        ", . ,",
        "the <pad> river [PAD] stone <mask> [MASK]",
    ]
