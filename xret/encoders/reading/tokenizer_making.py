"""Makes tokenisers of the `tokenizers` library from vocab.txt and SentencePiece models, as transformers does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xret.encoders.checkpoints.modules import read_json
from xret.encoders.reading.sentencepiece_model import CONTROL, UNIGRAM, USER, SentencePieceModel, read_sentencepiece
from xret.errors import ModelError

__all__ = ["FRAMED", "MAKERS", "SPECIAL_FILES", "Special", "mend", "recased"]

_BERT = {"cls": "[CLS]", "sep": "[SEP]", "unk": "[UNK]", "pad": "[PAD]", "mask": "[MASK]"}
_ROBERTA = {"cls": "<s>", "sep": "</s>", "unk": "<unk>", "pad": "<pad>", "mask": "<mask>"}
SPECIAL_FILES = ("tokenizer_config.json", "special_tokens_map.json")  # what special tokens are called; the first wins
FRAMED = ("Bert", "DistilBert", "MPNet", "XLMRoberta", "Roberta", "T5")  # classes that frame a text by themselves
_CASING = {
    "do_lower_case": "lowercase", "strip_accents": "strip_accents", "tokenize_chinese_chars": "handle_chinese_chars",
}  # fmt: skip
_T5 = ("t5", "mt5", "umt5")


class Special:
    """What tokenizer_config.json and special_tokens_map.json say."""

    def __init__(self, folder: Path) -> None:
        """Read both files of a folder; either may be missing."""
        found = [read_json(folder / name, missing={}) for name in SPECIAL_FILES]
        self.settings: dict[str, Any] = {}
        for fields in reversed(found):
            self.settings |= fields if isinstance(fields, dict) else {}
        self.kind = str(self.settings.get("tokenizer_class") or "").removesuffix("Fast").removesuffix("Tokenizer")

    def tokens(self, defaults: dict[str, str]) -> dict[str, str]:
        """The text of each special token.

        Args:
            defaults: name (``cls``, ``sep``, …) -> text where the files say nothing.
        """
        return {name: self._text(f"{name}_token", text) for name, text in defaults.items()}

    def _text(self, key: str, default: str) -> str:
        value = self.settings.get(key)
        value = value.get("content") if isinstance(value, dict) else value
        return value if isinstance(value, str) else default


def _frame(tokenizer: Any, first: str | None, last: str) -> None:
    """Put special tokens around a text, and around and between two: BERT's way, RoBERTa's or T5's."""
    from tokenizers.processors import TemplateProcessing

    used = [token for token in (first, last) if token]
    for token in used:
        if tokenizer.token_to_id(token) is None:
            raise ModelError(f"tokeniser: has no token '{token}', which tokenizer_config.json wants around a text")
    single = [*([first] if first else []), "$A", last]
    ids = [(token, tokenizer.token_to_id(token)) for token in dict.fromkeys(used)]
    second = ["$B:1", f"{last}:1"] if first and first.startswith("[") else [*([last] if first else []), "$B:0", last]
    tokenizer.post_processor = TemplateProcessing(single=single, pair=[*single, *second], special_tokens=ids)


def _mark(tokenizer: Any, texts: list[str]) -> None:
    """Make known tokens special: they are found in a text as they stand, and do not count as its own."""
    from tokenizers import AddedToken

    known = [text for text in dict.fromkeys(texts) if tokenizer.token_to_id(text) is not None]
    # transformers strips what stands before a mask
    tokenizer.add_special_tokens(
        [AddedToken(text, lstrip=text == "<mask>", normalized=False, special=True) for text in known]
    )


def _from_wordpiece(path: Path, special: Special, family: str) -> Any:
    """BERT's tokeniser (Devlin et al. 2019) from a list of word pieces."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: is not UTF-8 ({error.reason}); fetch the file again") from error
    vocabulary = {line.rstrip("\r"): place for place, line in enumerate(lines if lines[-1] else lines[:-1])}
    mpnet = special.kind == "MPNet" or (not special.kind and family == "mpnet")
    tokens = special.tokens({**(_ROBERTA if mpnet else _BERT), "unk": "[UNK]"})
    if tokens["unk"] not in vocabulary:
        raise ModelError(f"{path}: has no '{tokens['unk']}'; it is not the vocabulary of a BERT")
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=tokens["unk"]))
    settings = special.settings
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case", True),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    _mark(tokenizer, list(tokens.values()))
    _frame(tokenizer, tokens["cls"], tokens["sep"])
    return tokenizer


def _from_xlmr(path: Path, special: Special, family: str) -> Any:
    """XLM-R's tokeniser: SentencePiece ids moved up by one, behind fairseq's ``<s> <pad> </s> <unk>``."""
    if family in ("camembert", "m2m_100") or special.kind not in ("", "XLMRoberta", "Bert", "PreTrained"):
        raise _unknown(path, special.kind or family)
    model, tokens = _unigram(path), special.tokens(_ROBERTA)
    first = [tokens["cls"], tokens["pad"], tokens["sep"], tokens["unk"]]
    vocabulary = [(text, 0.0) for text in first]
    vocabulary += [(piece.text, piece.score) for piece in model.pieces[3:]] + [(tokens["mask"], 0.0)]
    tokenizer = _sentencepiece(vocabulary, 3, model)
    _mark(tokenizer, [*first, tokens["mask"]])
    _frame(tokenizer, tokens["cls"], tokens["sep"])
    return tokenizer


def _from_t5(path: Path, special: Special, family: str) -> Any:
    """T5's tokeniser: SentencePiece ids as they are, sentinels behind them, ``</s>`` at the end of a text."""
    if family not in _T5:
        raise _unknown(path, special.kind or family)
    model, tokens = _unigram(path), special.tokens({"eos": "</s>", "unk": "<unk>", "pad": "<pad>"})
    extra = [f"<extra_id_{place}>" for place in range(int(special.settings.get("extra_ids", 100)) - 1, -1, -1)]
    vocabulary = [(piece.text, piece.score) for piece in model.pieces] + [(text, 0.0) for text in extra]
    tokenizer = _sentencepiece(vocabulary, model.unknown, model)
    control = [piece.text for piece in model.pieces if piece.kind == CONTROL]
    _mark(tokenizer, [*tokens.values(), *control, *extra])
    _frame(tokenizer, None, tokens["eos"])
    return tokenizer


def _unigram(path: Path) -> SentencePieceModel:
    model = read_sentencepiece(path)
    if model.kind != UNIGRAM:
        raise ModelError(f"{path}: is no unigram model; save the model with a fast tokeniser (tokenizer.json) once")
    return model


def _unknown(path: Path, kind: str) -> ModelError:
    return ModelError(
        f"{path}: no tokeniser of the kind '{kind}' can be made from it; save the model with a fast one "
        "(tokenizer.json) once"
    )


def _sentencepiece(vocabulary: list[tuple[str, float]], unknown: int, model: SentencePieceModel) -> Any:
    """A unigram tokeniser (Kudo 2018) with the model's own normaliser."""
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

    try:
        tokenizer = Tokenizer(models.Unigram(vocabulary, unknown, False))
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"sentencepiece model: {error}; fetch the file again") from error
    if model.charsmap:
        tokenizer.normalizer = normalizers.Precompiled(model.charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    own = [piece.text for piece in model.pieces if piece.kind == USER]
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in own])
    return tokenizer


def mend(path: Path, special: Special) -> Any:
    """The tokeniser of a tokenizer.json with what tokenizer_config.json says otherwise."""
    from tokenizers import Tokenizer

    fields = read_json(path)
    if isinstance(fields.get("normalizer"), dict):
        recased(fields["normalizer"], special.settings)
    try:
        tokenizer = Tokenizer.from_str(json.dumps(fields))
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"{path}: cannot be read as a tokeniser ({error}); fetch the file again") from error
    if fields.get("post_processor") is None and special.kind == "T5":
        _frame(tokenizer, None, special.tokens({"eos": "</s>"})["eos"])
    elif fields.get("post_processor") is None:
        tokens = special.tokens(_BERT if special.kind in ("Bert", "DistilBert") else _ROBERTA)
        _frame(tokenizer, tokens["cls"], tokens["sep"])
    return tokenizer


def recased(normaliser: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Give BERT's normaliser the casing of tokenizer_config.json; whether anything changed."""
    if normaliser.get("type") != "BertNormalizer":
        return False
    before = dict(normaliser)
    normaliser |= {mine: settings[theirs] for theirs, mine in _CASING.items() if theirs in settings}
    return normaliser != before


MAKERS: dict[str, Callable[[Path, Special, str], Any]] = {
    "vocab.txt": _from_wordpiece,
    "sentencepiece.bpe.model": _from_xlmr,
    "spiece.model": _from_t5,
}
