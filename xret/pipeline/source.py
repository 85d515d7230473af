"""Named inputs: from a file or folder to the value that stages take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from xret.errors import InputError, UsageError
from xret.pipeline.kinds import kind_word
from xret.stages.stage import Value
from xret.suggest import did_you_mean

__all__ = ["KINDS", "Source", "kind_of", "read_source"]

KINDS = ("corpus", "gold", "pairs", "qrels", "run", "folder")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file or folder to read an input from.

    Attributes:
        path: where it lies.
        kind: one of `KINDS`; None guesses by `kind_of`.
        lang: language of a corpus that does not say it itself.
        on_error: malformed lines of a corpus: stop at the first, or skip and count them.

    Raises:
        UsageError: an unknown kind, or an unknown `on_error`.
    """

    path: Path
    kind: str | None = None
    lang: str | None = None
    on_error: Literal["fail", "skip"] = "fail"

    def __post_init__(self) -> None:
        """Check the words that TOML cannot."""
        if self.kind is not None and self.kind not in KINDS:
            raise UsageError(f"no kind of input '{self.kind}'; {did_you_mean(self.kind, KINDS)}")
        if self.on_error not in ("fail", "skip"):
            raise UsageError(f"on_error is '{self.on_error}'; known: fail, skip")


def kind_of(name: str, path: Path) -> str:
    """What an input is, by its name: its last word, digits aside (``dense_run2`` is a run), else a corpus.

    A folder is always taken as an artifact (vectors, index).
    """
    if path.is_dir():
        return "folder"
    return kind_word(name) if kind_word(name) in KINDS else "corpus"


def read_source(name: str, value: Value | Source | str, *, cache: Path | None = None) -> Value:
    """The value of an input.

    Args:
        name: its name in the pipeline.
        value: an Arrow table (given back as it is), a `Source`, or a path.
        cache: folder for imported corpora; a temporary one when None.

    Raises:
        InputError: no such file, a malformed one (the message has file and line), or something that is no value at all.
    """
    if isinstance(value, pa.Table):
        return value
    if isinstance(value, str | Path):
        value = Source(path=Path(value))
    if not isinstance(value, Source):
        raise InputError(f"input '{name}' is a {type(value).__name__}; wanted a pyarrow.Table, a path or a Source")
    if not value.path.exists():
        raise InputError(f"input '{name}': {value.path}: no such file or folder")
    return _read(value, value.kind or kind_of(name, value.path), cache)


def _read(source: Source, kind: str, cache: Path | None) -> Value:
    if kind == "folder":
        return source.path
    if kind == "run":
        from xret.runs import read_run

        return read_run(source.path)
    if kind == "qrels":
        from xret.runs import read_qrels

        return read_qrels(source.path)
    if kind in ("gold", "pairs"):
        return _read_bitext(source.path, kind)
    from xret.corpus import open_corpus

    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
    return open_corpus(source.path, lang=source.lang, on_error=source.on_error, cache=cache)


def _read_bitext(path: Path, kind: str) -> Value:
    from xret.bitext import read_gold, read_pairs

    return read_gold(path) if kind == "gold" else read_pairs(path)
