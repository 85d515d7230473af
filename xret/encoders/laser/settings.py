"""What a LASER checkpoint says of itself: there is no config.json, so its ``.pt`` is asked (never unpickled)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xret.encoders.checkpoints.torchfile import Loaded, load_torch
from xret.encoders.laser.layout import LaserFiles
from xret.errors import ModelError

__all__ = ["LaserSettings", "read_settings", "read_words"]

_SPECIAL = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}  # fairseq's, wherever the list puts them

# fairseq's encoder arguments that change the vectors, with its defaults (`TransformerConfig`).
_ARGUMENTS: dict[str, Any] = {
    "encoder_embed_dim": None, "encoder_ffn_embed_dim": None, "encoder_layers": None, "encoder_attention_heads": None,
    "encoder_normalize_before": False, "encoder_learned_pos": False, "no_token_positional_embeddings": False,
    "no_scale_embedding": False, "layernorm_embedding": False, "max_source_positions": 1024, "activation_fn": "relu",
    "adaptive_input": False, "encoder_layers_to_keep": None, "sentemb_criterion": None, "prepend_bos": False,
}  # fmt: skip


@dataclass(frozen=True)
class LaserSettings:
    """What is needed besides the weights."""

    config: dict[str, Any]  # as a config.json would have it; `model_type` is laser2 or laser3
    words: Mapping[str, int]  # SentencePiece piece -> row of the embedding table
    prepend: bool  # whether ``<s>`` goes before a text
    pooling: str  # "max" or "cls"


def read_settings(files: LaserFiles) -> LaserSettings:
    """Shape, vocabulary and pooling of one model.

    Raises:
        ModelError: the file is neither a LASER2 nor a LASER3 checkpoint, or does not fit its word list.
    """
    path = files.weights
    loaded = load_torch(path)
    extra = loaded.extra if isinstance(loaded.extra, dict) else {}
    if isinstance(extra.get("params"), dict) and isinstance(extra.get("dictionary"), dict):
        settings = _laser2(path, extra["params"], extra["dictionary"])
    elif isinstance(cfg := extra.get("cfg"), dict) and isinstance(cfg.get("model"), dict):
        settings = _laser3(files, cfg["model"], loaded)
    else:
        raise ModelError(f"{path}: is no LASER checkpoint (it has neither 'params' and 'dictionary' nor 'cfg')")
    if (most := max(settings.words.values())) >= settings.config["vocab_size"]:
        raise ModelError(
            f"{path}: has {settings.config['vocab_size']} word vectors, its vocabulary wants {most + 1}; "
            "weights and word list belong to different models"
        )
    return settings


def read_words(path: Path) -> dict[str, int]:
    """fairseq's word list: a word and its count per line; ids go on from its four special words.

    Raises:
        ModelError: a line is of another form, or names a word again.
    """
    words = dict(_SPECIAL)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeError) as error:
        raise ModelError(f"{path}: cannot be read as a word list ({error}); fetch the file again") from error
    following = len(words)
    for number, line in enumerate(lines, 1):
        if not line and number == len(lines):
            break
        text = line.rstrip()
        again = text.endswith(" #fairseq:overwrite")
        word, _, count = text.removesuffix(" #fairseq:overwrite").rpartition(" ")
        if not count.isdecimal() or not word:
            raise ModelError(f"{path}, line {number}: wanted a word and its count, found {line[:40]!r}")
        if word in words and not again:
            raise ModelError(f"{path}, line {number}: names the word {word[:40]!r} a second time")
        words[word] = following
        following += 1
    return words


def _laser2(path: Path, params: dict[str, Any], dictionary: dict[Any, Any]) -> LaserSettings:
    config = {
        "model_type": "laser2", "vocab_size": params.get("num_embeddings"), "pad_token_id": params.get("padding_idx"),
        "embedding_size": params.get("embed_dim", 320), "hidden_size": params.get("hidden_size", 512),
        "num_hidden_layers": params.get("num_layers", 1), "bidirectional": params.get("bidirectional", False),
    }  # fmt: skip
    _numbers(path, config, "vocab_size", "embedding_size", "hidden_size", "num_hidden_layers")
    if not all(isinstance(word, str) and type(at) is int and at >= 0 for word, at in dictionary.items()):
        raise ModelError(f"{path}: its 'dictionary' does not map words to row numbers")
    return LaserSettings(config, {**dictionary, **_SPECIAL}, prepend=False, pooling="max")


def _laser3(files: LaserFiles, arguments: dict[str, Any], loaded: Loaded) -> LaserSettings:
    if files.vocabulary is None:
        raise ModelError(f"{files.weights}: needs its word list beside it, {files.pieces.stem}.cvocab; fetch that too")
    config = {"model_type": "laser3", **{key: arguments.get(key, usual) for key, usual in _ARGUMENTS.items()}}
    names = (f"{prefix}embed_tokens.weight" for prefix in ("model.encoder.", "model."))
    table = next((loaded.tensors[name] for name in names if name in loaded.tensors), None)
    if table is None or table.ndim != 2:
        raise ModelError(f"{files.weights}: has no table of word vectors ('embed_tokens.weight')")
    config |= {"vocab_size": len(table), "pad_token_id": _SPECIAL["<pad>"]}
    _numbers(files.weights, config, *[key for key, usual in _ARGUMENTS.items() if usual is None and key in _COUNTS])
    prepend = bool(config.pop("prepend_bos"))
    pooling = "cls" if config.pop("sentemb_criterion") == "cls" else "max"
    if pooling == "cls" and not prepend:
        raise ModelError(f"{files.weights}: takes the vector of '<s>' (sentemb_criterion cls) but puts none there")
    words = read_words(files.vocabulary)
    masked = any(f"{prefix}layer_norm.weight" in loaded.tensors for prefix in ("model.encoder.", "model."))
    if len(table) != (known := max(words.values()) + 1 + masked):  # with a last norm there is a row for <mask> too
        raise ModelError(
            f"{files.weights}: has {len(table)} word vectors, {files.vocabulary.name} makes {known}; "
            "fetch the .spm and .cvocab that belong to it"
        )
    return LaserSettings(config, words, prepend, pooling)


_COUNTS = ("encoder_embed_dim", "encoder_ffn_embed_dim", "encoder_layers", "encoder_attention_heads")


def _numbers(path: Path, config: dict[str, Any], *keys: str) -> None:
    for key in keys:
        if type(config[key]) is not int or config[key] < 1:
            raise ModelError(f"{path}: its '{key}' is {config[key]!r}, wanted a whole number above 0")
