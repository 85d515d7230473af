"""Where the vectors of a language lie besides what they mean, and vectors without that.

Documents alone are moved: a query's own offset then has the same product with documents of every language.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import InputError, MismatchError
from xret.runs.codes import codes
from xret.vectors import Vectors

__all__ = ["Offsets", "mean_offsets", "parallel_offsets"]

Rows = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
BLOCK = 1 << 14


@dataclass(frozen=True, eq=False)
class Offsets:
    """An offset for every language.

    Attributes:
        languages: (l,) names.
        values: (l, d) float64: what is taken off a vector of the language.
    """

    languages: pa.Array
    values: Floats

    def removed(self, vectors: Rows, lang: pa.Array | pa.ChunkedArray) -> Rows:
        """(n, d) float32 vectors less the offsets of their languages, brought back to length 1.

        Languages without an offset stay as they are, and so does a vector of which nothing would be left.

        Args:
            vectors: (n, d).
            lang: (n,) their languages.
        """
        place = _places(lang, self.languages)
        moved = vectors.astype(np.float64) - np.where(place[:, None] >= 0, self.values[place], 0.0)
        length = np.linalg.norm(moved, axis=1, keepdims=True)
        return np.where(length > 1e-6, moved / np.maximum(length, 1e-6), vectors).astype(np.float32)


def mean_offsets(vectors: Vectors, lang: pa.Array | pa.ChunkedArray) -> Offsets:
    """Centring: mean of the language less the mean of the languages, so that all of them have one centre.

    v' = v - mean(l) + mean(all), where mean(all) weighs every language alike. The mean of few rows is what these are
    about more than where their language lies, so of n rows n / (n + m) of it is taken, m being the variance within
    languages over that between them (our addition).

    Args:
        vectors: n of dimension d; read block by block.
        lang: (n,) their languages.

    Source: Libovický, Rosa & Fraser, "On the language neutrality of pre-trained multilingual representations",
    Findings of EMNLP 2020; Efron & Morris, "Stein's estimation rule and its competitors", JASA 68, 1973.

    Raises:
        MismatchError: other numbers of vectors and languages.
    """
    _same(vectors, lang)
    names, place = _names(lang)
    sums, rows, squares = np.zeros((len(names), vectors.dim)), np.bincount(place, minlength=len(names)), 0.0
    for start in range(0, vectors.rows, BLOCK):
        stop = min(start + BLOCK, vectors.rows)
        block = vectors.block(start, stop).astype(np.float64)
        np.add.at(sums, place[start:stop], block)
        squares += float((block**2).sum())
    means = sums / rows[:, None]
    away = means - means.mean(axis=0)
    within = max(squares - float((means**2).sum(axis=1) @ rows), 0.0) / max(vectors.rows - len(names), 1)
    between = float((away**2).sum()) / max(len(names) - 1, 1) - within * float((1 / rows).mean())
    believed = rows / (rows + within / between) if between > 0 else np.zeros(len(rows))
    return Offsets(names, away * believed[:, None])


def parallel_offsets(
    vectors: Vectors, lang: pa.Array | pa.ChunkedArray, topic: pa.Array | pa.ChunkedArray, *, source: str = "en"
) -> Offsets:
    """SHIFT: the mean difference of translations to their counterpart in the source language.

    d(l) = mean of v(l) - v(source) over the texts there are in both; the source's own is 0. Of several texts of one
    topic in one language the first counts.

    Args:
        vectors: n of dimension d, of parallel texts; read block by block.
        lang: (n,) their languages.
        topic: (n,) equal for translations of one another (null: of none).
        source: the language to which all are moved.

    Source: Jang, Hong, Moon & Lim, "SHIFT: semantic harmonization via index-side feature transformation for
    multilingual information retrieval", arXiv:2606.18801, 2026.

    Raises:
        MismatchError: other numbers of vectors, languages and topics.
        InputError: no text of the source language has a translation.
    """
    _same(vectors, lang)
    _same(vectors, topic)
    names, place = _names(lang)
    home = pc.index(names, source).as_py()
    text, own = _pairs(place, codes(pa.chunked_array([pc.cast(topic, pa.string())]) if isinstance(topic, pa.Array)
                                    else topic), home)  # fmt: skip
    if home < 0 or not len(text):
        raise InputError(
            f"parallel texts: none in '{source}' has a translation (languages: {', '.join(names.to_pylist())}); "
            "wanted rows with the same doc_id in the source language and in others"
        )
    sums, pairs = np.zeros((len(names), vectors.dim)), np.bincount(place[text], minlength=len(names))
    for start in range(0, len(text), BLOCK):
        some = slice(start, start + BLOCK)
        np.add.at(sums, place[text[some]], vectors.take(text[some]).astype(np.float64) - vectors.take(own[some]))
    return Offsets(names, sums / np.maximum(pairs, 1)[:, None])


def _pairs(
    place: npt.NDArray[np.int64], topic: npt.NDArray[np.int64], home: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows that are translations, and the row in the source language of each."""
    known = np.flatnonzero(topic >= 0)
    _, first = np.unique(np.column_stack([topic[known], place[known]]), axis=0, return_index=True)
    rows = np.sort(known[first])
    counterpart = np.full(int(topic.max(initial=-1)) + 1, -1, np.int64)
    mine = rows[place[rows] == home]
    counterpart[topic[mine]] = mine
    text = rows[(place[rows] != home) & (counterpart[topic[rows]] >= 0)]
    return text, counterpart[topic[text]]


def _names(lang: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    lang = pc.fill_null(lang.cast(pa.string()), "und")
    names = pc.unique(lang)
    names = names.take(pc.sort_indices(names))
    return names, _places(lang, names)


def _places(lang: pa.Array | pa.ChunkedArray, names: pa.Array) -> npt.NDArray[np.int64]:
    found = pc.fill_null(pc.index_in(pc.fill_null(lang.cast(pa.string()), "und"), value_set=names), -1)
    places: npt.NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64) if isinstance(
        found, pa.Array
    ) else found.to_numpy().astype(np.int64)  # fmt: skip
    return places


def _same(vectors: Vectors, column: pa.Array | pa.ChunkedArray) -> None:
    if vectors.rows != len(column):
        raise MismatchError(
            f"{vectors.source}: {vectors.rows:,} vectors for {len(column):,} texts; encode this corpus again"
        )
