"""Belebele as retrieval: find the passage that a question is about, in its language, another one, and all at once."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import MismatchError
from xret.eval.file_languages import plain_tag
from xret.eval.nearest import TextEncoder, Vectors, best, blocks, unit

__all__ = ["MEASURES", "Belebele", "BelebeleScores", "belebele", "score_belebele"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MEASURES = ("nDCG@10", "RR@10", "Success@1")
DEPTH = 10


@dataclass(frozen=True, eq=False)
class Belebele:
    """A parallel set: passage p and question q are the same in every language.

    Attributes:
        langs: L languages, as the files spell them.
        tags: L BCP 47 tags.
        passages: L lists of P texts.
        questions: L lists of Q texts.
        about: (Q,) number of the passage that each question is about.
    """

    langs: tuple[str, ...]
    tags: tuple[str, ...]
    passages: list[list[str]]
    questions: list[list[str]]
    about: Ints

    @property
    def names(self) -> tuple[str, ...]:
        """What rows and tables call the languages: `tags` without the script that is usual."""
        return tuple(map(plain_tag, self.tags))


@dataclass(frozen=True, eq=False)
class BelebeleScores:
    """Values of `MEASURES`, the M measures.

    Attributes:
        langs: L languages.
        pairs: (L, L, M) means of the row's questions over the passages of the column's language alone.
        pooled: (L, M) means over the pool of all languages.
        values: (L, Q, M) of each question over the pool of all languages.
        own: (L, Q, M) of each question over its own language.
    """

    langs: tuple[str, ...]
    pairs: Floats
    pooled: Floats
    values: Floats
    own: Floats

    def means(self) -> dict[str, float]:
        """``mono nDCG@10``, ``cross nDCG@10``, ``all nDCG@10`` and so on; NaN for cross with one language."""
        eye = np.eye(len(self.langs), dtype=bool)
        found = {}
        for number, name in enumerate(MEASURES):
            cross = self.pairs[~eye, number]
            found[f"mono {name}"] = float(self.pairs[eye, number].mean())
            found[f"cross {name}"] = float(cross.mean()) if len(cross) else float("nan")
            found[f"all {name}"] = float(self.pooled[:, number].mean())
        return found

    def table(self) -> pa.Table:
        """`lang, mono, cross_from, cross_to, all: float64`, each nDCG@10, per language."""
        eye = np.eye(len(self.langs), dtype=bool)
        off = np.where(eye, np.nan, self.pairs[:, :, 0])
        alone = np.full(len(eye), np.nan)
        ends = [alone if len(eye) == 1 else np.nanmean(off, axis=axis) for axis in (1, 0)]
        columns = (np.diag(self.pairs[:, :, 0]), *ends, self.pooled[:, 0])
        names = ("mono", "cross_from", "cross_to", "all")
        numbers = {name: pa.array(each, pa.float64()) for name, each in zip(names, columns, strict=True)}
        return pa.table({"lang": list(self.langs), **numbers})


def belebele(
    questions: Sequence[npt.ArrayLike], passages: Sequence[npt.ArrayLike], about: Ints, langs: Sequence[str]
) -> BelebeleScores:
    """Means over every pair of languages, and over the pool of all of them, where L passages are relevant.

    Args:
        questions: of each of L languages, (Q, d) vectors; normalised here.
        passages: of each language, (P, d) vectors.
        about: (Q,) row of the passage that a question is about, in every language.
        langs: L names.

    Source: Bandarkar et al., ACL 2024, for the set. nDCG@10 with gain 1 and log2(rank + 1), the ideal being that all
    relevant passages come first. Equal cosines are ordered by language and row.

    Raises:
        MismatchError: numbers that do not fit one another.
    """
    asked, found = ([unit(each) for each in side] for side in (questions, passages))
    shapes = {each.shape for each in asked}, {each.shape for each in found}
    if (
        not len(asked) == len(found) == len(langs)
        or any(len(each) != 1 for each in shapes)
        or len(about) != len(asked[0])
    ):
        raise MismatchError(
            f"{len(asked)} languages of questions with shapes {sorted(shapes[0])}, {len(found)} of passages with "
            f"{sorted(shapes[1])}, {len(langs)} names and {len(about)} passages asked about do not fit one another"
        )
    pool, size = np.concatenate(found), len(found[0])
    relevant = about[:, None] + size * np.arange(len(langs))
    within, pooled = [], []
    for mine in asked:
        parts = [_values(block, relevant[at : at + len(block)], size) for at, block in blocks(mine, pool)]
        within.append(np.concatenate([each[0] for each in parts]))
        pooled.append(np.concatenate([each[1] for each in parts]))
    pairs = np.stack([each.mean(axis=0) for each in within])
    own = np.stack([each[:, number] for number, each in enumerate(within)])
    values = np.stack(pooled)
    return BelebeleScores(tuple(langs), pairs, values.mean(axis=1), values, own)


def score_belebele(data: Belebele, encoder: TextEncoder, *, progress: bool = False) -> BelebeleScores:
    """`belebele` of an encoder: questions as ``query``, passages as ``document``."""
    encode = functools.partial(encoder.encode, progress=True) if progress else encoder.encode
    questions = [
        encode(texts, role="query", lang=[tag] * len(texts))
        for texts, tag in zip(data.questions, data.tags, strict=True)
    ]
    passages = [
        encode(texts, role="document", lang=[tag] * len(texts))
        for texts, tag in zip(data.passages, data.tags, strict=True)
    ]
    return belebele(questions, passages, data.about, data.names)


def _values(block: Vectors, relevant: Ints, size: int) -> tuple[Floats, Floats]:
    """(rows, L, M) values within each language's passages, and (rows, M) over all."""
    rows, count = len(block), relevant.shape[1]
    parts = block.reshape(rows, count, size)
    right = np.take_along_axis(block, relevant, axis=1)[:, :, None]
    before = (parts > right) | ((parts == right) & (np.arange(size) < (relevant[:, :1] % size)[:, :, None]))
    rank = before.sum(axis=2) + 1.0
    within = np.stack(
        [np.where(rank <= DEPTH, 1 / np.log2(rank + 1), 0), np.where(rank <= DEPTH, 1 / rank, 0), rank == 1], 2
    )
    first = best(block, min(DEPTH, block.shape[1]))[0]
    hit = first % size == relevant[:, :1] % size
    discount = 1 / np.log2(np.arange(2, first.shape[1] + 2))
    gain = (hit * discount).sum(axis=1) / discount[: min(count, len(discount))].sum()
    reciprocal = np.where(hit.any(axis=1), 1 / (hit.argmax(axis=1) + 1), 0)
    return within.astype(np.float64), np.stack([gain, reciprocal, hit[:, 0]], axis=1).astype(np.float64)
