"""What trimming came to, for the caller and for people who find the folder."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xret.corpus.languages import UNKNOWN
from xret.encoders.checkpoints.made_from import add_chapter, write_json
from xret.encoders.checkpoints.modules import read_json

__all__ = ["CorpusCover", "Trimmed", "keep_record"]

_LANGUAGES = "languages.json"


@dataclass(frozen=True, kw_only=True)
class CorpusCover:
    """How much of a corpus the trimmed vocabulary covers."""

    corpus: str
    texts: int
    texts_covered: int  # all of whose tokens are kept: these keep their vectors
    tokens: int  # of its texts in every role, special ones included
    tokens_covered: int
    tokens_unknown: int  # which were unknown to the old model too, and count as covered


@dataclass(frozen=True, kw_only=True)
class Trimmed:
    """What trimming came to."""

    folder: str
    kind: str  # of tokeniser
    vocabulary_before: int
    vocabulary: int
    bytes_before: int  # of the files that the vectors depend on
    bytes: int
    corpora: tuple[CorpusCover, ...]
    checked: int  # covered texts encoded with both models
    largest_difference: float | None  # between any two values; None where nothing was checked
    left_out: tuple[str, ...]  # files of the old folder that hold the old vocabulary

    def fields(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


def keep_record(
    folder: Path, name: str | Path, trimmed: Trimmed, languages: Set[str], *, min_count: int, max_vocab: int | None
) -> None:
    """Write what was done into the folder: ``trimmed.json``, a chapter of the card, and which languages are left.

    Args:
        folder: of the new model.
        name: of the old one.
        trimmed: what was done.
        languages: of the texts; ``und`` among them where some do not say.
        min_count: see `xret.encoders.trimming.trim.trim_model`.
        max_vocab: likewise.
    """
    told = {"trimmed_from": str(name), "min_count": min_count, "max_vocab": max_vocab, **trimmed.fields()}
    for key in ("folder", "left_out"):
        del told[key]
    write_json(folder / "trimmed.json", told)
    add_chapter(folder, "Trimmed", _chapter(name, trimmed, languages))
    known = read_json(folder / _LANGUAGES)
    if isinstance(known, dict) and UNKNOWN not in languages:
        write_json(folder / _LANGUAGES, {key: _left(tags, languages) for key, tags in known.items()})


def _chapter(name: str | Path, trimmed: Trimmed, languages: Set[str]) -> str:
    texts = sum(cover.texts for cover in trimmed.corpora)
    told = ", ".join(sorted(languages - {UNKNOWN})) or "not stated"
    return f"""
Of the {trimmed.vocabulary_before:,} tokens of `{name}`, {trimmed.vocabulary:,} are left, which {texts:,} texts need
(languages: {told}). Texts of these tokens alone have the vectors of that model; others are read by shorter tokens, or
as unknown. What is said above of languages, sizes and quality is said of that model. trimmed.json tells more.
"""


def _left(tags: Any, languages: Set[str]) -> Any:
    """Those of a list of languages that texts were in."""
    plain = {tag.partition("-")[0] for tag in languages}
    return [tag for tag in tags if tag in languages or tag in plain] if isinstance(tags, list) else tags
