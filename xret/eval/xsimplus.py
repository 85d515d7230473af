"""xsim++: xsim with wrong translations among the targets that differ from the right ones by little."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xret.errors import EvalError, MismatchError
from xret.eval.nearest import unit
from xret.eval.xsim import Margin, checked_k, margin_neighbours, text_codes

__all__ = ["MISALIGNED", "HardNegatives", "XsimPlusScores", "read_negatives", "xsim_plus"]

MISALIGNED = "Misaligned"
"""The type of an error that is no changed form of the right translation."""


@dataclass(frozen=True)
class HardNegatives:
    """m wrong translations: their texts, how each was made (such as ``number``), and the text that it was made from."""

    texts: Sequence[str]
    types: Sequence[str]
    originals: Sequence[str]


@dataclass(frozen=True)
class XsimPlusScores:
    """Errors among sentences.

    Attributes:
        margin, k: as given, k cut to the number of sentences.
        errors, sentences, negatives: numbers of them.
        types: kind of error -> how many; `MISALIGNED` for others than changed forms of the right translation.
        wrong: rows of the sentences with errors.
    """

    margin: Margin
    k: int
    errors: int
    sentences: int
    negatives: int
    types: Mapping[str, int]
    wrong: tuple[int, ...] = field(default=(), repr=False)

    @property
    def error(self) -> float:
        """Error rate, between 0 and 1."""
        return self.errors / self.sentences


def xsim_plus(
    src: npt.ArrayLike,
    tgt: npt.ArrayLike,
    texts: Sequence[str],
    negatives: HardNegatives,
    *,
    margin: Margin = "ratio",
    k: int = 4,
) -> XsimPlusScores:
    """Error rate from source to target among translations and negatives.

    As `xret.eval.xsim.xsim`, over more targets. Choosing a target of the same text as the right one is no error.

    Args:
        src: (n, d) vectors; normalised here.
        tgt: (n + m, d) vectors: of the n translations, then of the m negatives.
        texts: n translations.
        negatives: m of them.
        margin: how candidates are scored.
        k: neighbours, cut to n.

    Source: Chen et al., "xSIM++: An improved proxy to bitext mining performance for low-resource languages", ACL 2023;
    LASER `source/xsim.py`.

    Raises:
        MismatchError: rows and texts differ in number.
        UsageError: k below 1, or an unknown margin.
    """
    x, y = unit(src, "src"), unit(tgt, "tgt")
    n, m = len(texts), len(negatives.texts)
    if len(x) != n or len(y) != n + m or n == 0 or x.shape[1] != y.shape[1]:
        raise MismatchError(
            f"wanted as many sources as translations and a vector for each of these and of the negatives; found "
            f"{x.shape} sources, {y.shape} targets, {n} translations and {m} negatives"
        )
    k = checked_k(margin, k, n)
    ids, scores = margin_neighbours(x, y, margin=margin, k=k)
    chosen = ids[np.arange(n), scores.argmax(axis=1)]
    code = text_codes([text.strip() for text in (*texts, *negatives.texts)])
    wrong = np.flatnonzero(code[chosen] != code[:n])
    types = Counter(_type(texts[row], int(chosen[row]) - n, negatives) for row in wrong.tolist())
    return XsimPlusScores(margin, k, len(wrong), n, m, dict(sorted(types.items())), tuple(wrong.tolist()))


def _type(text: str, place: int, negatives: HardNegatives) -> str:
    own = place >= 0 and negatives.originals[place].strip() == text.strip()
    return negatives.types[place] if own else MISALIGNED


def read_negatives(source: str | Path, types: str | Path | None = None) -> HardNegatives:
    """Negatives from LASER's files or from JSON lines.

    Args:
        source: ``.json``, an object of ``text: {"src": original, "errtype": type}`` (LASER's ``eng_Latn_errtype…``);
            ``.jsonl``, lines of ``{"text", "src", "errtype"}``; or lines of text (``eng_Latn_augmented…``), in which
            case `types` is that JSON. Lines may repeat, and then count in the pool as often.
        types: for lines of text.

    Raises:
        EvalError: no such file, malformed, or without negatives.
    """
    path = Path(source)
    if path.suffix == ".jsonl":
        rows = [_object(line, f"{path}:{number}") for number, line in enumerate(_lines(path), 1) if line.strip()]
        found = [(row.get("text"), row) for row in rows]
    else:
        table = _object("\n".join(_lines(Path(types or path))), str(types or path))
        lines = [line.strip() for line in _lines(path)] if types else list(table)
        found = [(line, table.get(line, {"src": "", "errtype": MISALIGNED})) for line in lines if line]
    bad = next((n for n, (text, row) in enumerate(found, 1) if not _good(text, row)), None)
    if bad or not found:
        where = f"negative {bad} has no text, src or errtype" if bad else "has no negatives"
        raise EvalError(f"{path}: {where}; wanted {{text: {{src, errtype}}}}, or lines of {{text, src, errtype}}")
    return HardNegatives(
        [str(text) for text, _ in found], [row["errtype"] for _, row in found], [row["src"] for _, row in found]
    )


def _good(text: object, row: object) -> bool:
    fields = [text, *(row.get(name) for name in ("src", "errtype"))] if isinstance(row, dict) else [None]
    return all(isinstance(field, str) for field in fields)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise EvalError(f"{path}: no such file; wanted negatives, in .json, .jsonl, or text with --negative-types")
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise EvalError(f"{path}: is not valid UTF-8 (byte {error.start}); convert it to UTF-8") from error


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EvalError(f"{where}: not JSON ({error}); lines of text need --negative-types") from error
    if not isinstance(value, dict):
        raise EvalError(f"{where}: found {type(value).__name__}, wanted an object")
    return value
