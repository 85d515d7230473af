"""Tatoeba accuracy by LASER's protocol: is a sentence's nearest neighbour in the other language its translation?"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from tqdm import tqdm

from xret.corpus.languages import check_lang
from xret.errors import EvalError, InputError, MismatchError
from xret.eval.nearest import TextEncoder, nearest, unit

__all__ = ["Parallel", "read_tatoeba", "score_tatoeba", "tatoeba_accuracy", "tatoeba_hits"]

log = logging.getLogger("xret")


@dataclass(frozen=True)
class Parallel:
    """Lines of one language and their English translations, in the same order."""

    texts: list[str]
    english: list[str]


def tatoeba_accuracy(src: npt.ArrayLike, tgt: npt.ArrayLike) -> tuple[float, float]:
    """Share of rows whose nearest neighbour by cosine on the other side has the same row number.

    Args:
        src: (n, d) vectors, row i parallel to row i of `tgt`; any length, they are normalised here.
        tgt: (n, d).

    Returns:
        (src to tgt, tgt to src), each between 0 and 1. Among equal cosines the lowest row counts as the nearest.

    Source: LASER `tasks/similarity`; Artetxe & Schwenk, TACL 7, 2019, section 4.3 (there as error rate).

    Raises:
        MismatchError: the sides differ in rows or dimension.
    """
    there, back = tatoeba_hits(src, tgt)
    return float(there.mean()), float(back.mean())


def tatoeba_hits(src: npt.ArrayLike, tgt: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(n,) of each direction: whether the nearest neighbour is the translation, as in `tatoeba_accuracy`.

    Raises:
        MismatchError: the sides differ in rows or dimension.
    """
    x, y = unit(src, "src"), unit(tgt, "tgt")
    if x.shape != y.shape or len(x) == 0:
        raise MismatchError(f"the two sides must be parallel, row by row; found shapes {x.shape} and {y.shape}")
    rows = np.arange(len(x))
    return nearest(x, y) == rows, nearest(y, x) == rows


def read_tatoeba(source: str | Path, *, langs: Collection[str] = ()) -> dict[str, Parallel]:
    """Language (as spelled there) -> lines, from a Parquet file or a folder of LASER's file pairs.

    Args:
        source: Parquet with columns `lang, line, eng, text`, or a folder of ``tatoeba.XXX-eng.XXX`` and ``….eng``.
        langs: keep these only; either the file's codes or BCP 47 ones (``deu`` or ``de``).

    Raises:
        EvalError: no such thing, missing columns or values, nothing in it, sides of different length, or a language
            that is not there.
    """
    path = Path(source)
    if not path.exists():
        raise EvalError(
            f"{path}: no such file or folder; wanted a Parquet file (lang, line, eng, text) or LASER's folder"
        )
    data = _folder(path) if path.is_dir() else _parquet(path)
    known = {name: lang for lang in data for name in (_bcp47(lang), lang)}
    unknown = [lang for lang in langs if lang not in known]
    if unknown:
        raise EvalError(f"{path}: has no language '{unknown[0]}'; it has {', '.join(sorted(data))}")
    return {lang: data[lang] for lang in sorted({known[lang] for lang in langs} if langs else data)}


def score_tatoeba(
    data: Mapping[str, Parallel],
    encoder: TextEncoder,
    *,
    progress: bool = False,
    hits: dict[str, tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]] | None = None,
) -> pa.Table:
    """Accuracies per language.

    Args:
        data: language -> lines.
        encoder: for both sides.
        progress: show a bar on stderr when that is a terminal.
        hits: filled with `tatoeba_hits` of each language, for statistics over lines.

    Returns:
        `lang` (BCP 47 where there is a code), `file_lang`, `lines: int64`, `to_en, from_en, mean: float64` between 0
        and 1, by `lang`. The English sides differ, so languages are not comparable with one another.
    """
    rows = []
    for lang, lines in tqdm(data.items(), unit="lang", disable=None if progress else True):
        theirs = encoder.encode(lines.texts, lang=[_bcp47(lang)] * len(lines.texts))
        english = encoder.encode(lines.english, lang=["en"] * len(lines.english))
        found = tatoeba_hits(theirs, english)
        if hits is not None:
            hits[lang] = found
        there, back = (float(each.mean()) for each in found)
        log.info("tatoeba %s: %d lines, to English %.4f, from English %.4f", lang, len(lines.texts), there, back)
        rows.append((_bcp47(lang), lang, len(lines.texts), there, back, (there + back) / 2))
    names = ["lang", "file_lang", "lines", "to_en", "from_en", "mean"]
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in sorted(rows)])


def _bcp47(code: str) -> str:
    """The usual code of an ISO 639-3 one; codes withdrawn since the files were made (``kzj``) stay as they are."""
    try:
        return check_lang(code)
    except InputError:
        return code


def _parquet(path: Path) -> dict[str, Parallel]:
    try:
        table = pa.parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise EvalError(f"{path}: is not a readable Parquet file ({error})") from error
    missing = [name for name in ("lang", "line", "eng", "text") if name not in table.column_names]
    if missing:
        raise EvalError(f"{path}: has no column '{missing[0]}'; wanted lang, line, eng, text")
    table = _checked(path, table)
    data: dict[str, Parallel] = {}
    for row in table.sort_by([("lang", "ascending"), ("line", "ascending")]).to_pylist():
        lines = data.setdefault(row["lang"], Parallel([], []))
        lines.texts.append(row["text"])
        lines.english.append(row["eng"])
    return data


def _checked(path: Path, table: pa.Table) -> pa.Table:
    """The four columns, if they hold what they should; categories as plain text."""
    if not table.num_rows:
        raise EvalError(f"{path}: has no rows; wanted lang, line, eng, text")
    columns = {}
    for name in ("lang", "line", "eng", "text"):
        column = table[name]
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        good = (
            pa.types.is_integer(kind) if name == "line" else pa.types.is_string(kind) or pa.types.is_large_string(kind)
        )
        if not good:
            raise EvalError(f"{path}: '{name}' is {kind}, wanted {'whole numbers' if name == 'line' else 'text'}")
        if column.null_count:
            row = pc.index(pc.is_null(column), True).as_py() + 1
            raise EvalError(f"{path}: row {row} has no '{name}'; give every row one")
        columns[name] = column.cast(kind)
    return pa.table(columns)


def _folder(path: Path) -> dict[str, Parallel]:
    data = {}
    for english in sorted(path.glob("tatoeba.*-eng.eng")):
        lang = english.name.removeprefix("tatoeba.").removesuffix("-eng.eng")
        other = english.with_suffix(f".{lang}")
        if not other.is_file():
            raise EvalError(f"{other}: no such file; {english.name} needs its other side")
        lines = Parallel(_lines(other), _lines(english))
        if len(lines.texts) != len(lines.english):
            raise EvalError(
                f"{other}: has {len(lines.texts)} lines, {english.name} has {len(lines.english)}; wanted as many"
            )
        data[lang] = lines
    if not data:
        raise EvalError(f"{path}: has no files named tatoeba.XXX-eng.eng; wanted LASER's data/tatoeba/v1 or the like")
    return data


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise EvalError(f"{path}: is not valid UTF-8 (byte {error.start}); convert it to UTF-8") from error
    if not text.strip():
        raise EvalError(f"{path}: is empty; wanted a sentence a line")
    return text.removesuffix("\n").split("\n")
