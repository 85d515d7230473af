"""The translated half of the sample's news lines, in the shapes that evaluating and training an encoder take."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["ALIGNED", "aligned_texts"]

ALIGNED = (
    "aligned.de.txt",
    "aligned.en.txt",
    "tatoeba/tatoeba.deu-eng.deu",
    "tatoeba/tatoeba.deu-eng.eng",
    "training-pairs.tsv",
)


def aligned_texts(sample: Path) -> dict[str, str]:
    """Name -> content of each file of `ALIGNED`, from the gold pairs of the sample in this folder, in their order.

    Line n of one side translates line n of the other: as two corpora (for xsim), under LASER's names (for Tatoeba's
    protocol), and as the columns `en, text, lang` without a header (for distillation).
    """
    german, english = ((sample / f"news.{lang}.txt").read_text(encoding="utf-8").splitlines() for lang in ("de", "en"))
    gold = [line.split("\t") for line in (sample / "gold.tsv").read_text(encoding="utf-8").splitlines()]
    pairs = [(german[int(src) - 1], english[int(tgt) - 1]) for src, tgt in gold]
    sides = [_lines(src for src, _ in pairs), _lines(tgt for _, tgt in pairs)]
    return dict(zip(ALIGNED, [*sides, *sides, _lines(f"{tgt}\t{src}\tde" for src, tgt in pairs)], strict=True))


def _lines(texts: Iterable[str]) -> str:
    return "".join(f"{text}\n" for text in texts)
