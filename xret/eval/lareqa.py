"""LAReQA on XQuAD-R: find a question's answer sentence in every language, in one pool of all languages' sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import MismatchError
from xret.eval.nearest import blocks, unit

__all__ = ["LareqaScores", "lareqa"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LareqaScores:
    """mAP per language.

    Attributes:
        langs: L languages.
        pooled: (L,) mAP of each language's questions over the whole pool, every language's answer being relevant.
        pairs: (L, L) mAP of questions in the row's language over the sentences of the column's language alone.
        questions: (L,) number of questions.
        values: (q,) AP of each question over the whole pool.
    """

    langs: tuple[str, ...]
    pooled: Floats
    pairs: Floats
    questions: Ints
    values: Floats

    @property
    def map(self) -> float:
        """Pooled mAP over all questions: the number the paper calls mAP."""
        return float(np.average(self.pooled, weights=self.questions))

    @property
    def mono(self) -> float:
        """Mean over languages of searching one's own language."""
        return float(np.nanmean(np.diag(self.pairs)))

    @property
    def cross(self) -> float:
        """Mean over ordered pairs of different languages; NaN for a single language."""
        off = self.pairs[~np.eye(len(self.langs), dtype=bool)]
        return float(np.nanmean(off)) if len(off) else float("nan")

    def table(self) -> pa.Table:
        """`lang, questions: int64, map, mono, cross_from, cross_to: float64` per language, then ``all``."""
        eye = np.eye(len(self.langs), dtype=bool)
        off = np.where(eye, np.nan, self.pairs)
        single = len(self.langs) == 1
        ends = [np.full(1, np.nan) if single else np.nanmean(off, axis=axis) for axis in (1, 0)]
        columns = {
            "map": [*self.pooled, self.map],
            "mono": [*np.diag(self.pairs), self.mono],
            "cross_from": [*ends[0], self.cross],
            "cross_to": [*ends[1], self.cross],
        }
        numbers = {name: pa.array(values, pa.float64(), from_pandas=True) for name, values in columns.items()}
        questions = [*self.questions.tolist(), int(self.questions.sum())]
        return pa.table({"lang": [*self.langs, "all"], "questions": pa.array(questions, pa.int64()), **numbers})


def lareqa(
    questions: npt.ArrayLike,
    question_langs: Sequence[str],
    candidates: npt.ArrayLike,
    candidate_langs: Sequence[str],
    relevant: npt.NDArray[np.integer],
    *,
    langs: Sequence[str] | None = None,
) -> LareqaScores:
    """mAP over the whole multilingual pool, and within every pair of languages.

    Args:
        questions: (q, d) vectors; normalised here.
        question_langs: q languages.
        candidates: (c, d) vectors; every sentence of every language, equal sentences standing apart.
        candidate_langs: c languages, each language's candidates standing together.
        relevant: (q, L) candidate that answers the question, one column a language of `langs`; -1 where there is none.
        langs: default: the languages of the candidates, in order of first appearance.

    Source: Roy et al., LAReQA, EMNLP 2020, section 3. Equal cosines are ordered by candidate number.

    Raises:
        MismatchError: lengths that do not fit, or a language's candidates scattered.
    """
    x, y = unit(questions, "questions"), unit(candidates, "candidates")
    names = tuple(dict.fromkeys(candidate_langs)) if langs is None else tuple(langs)
    code = np.array([names.index(lang) for lang in candidate_langs])
    starts = np.flatnonzero(np.diff(code, prepend=-1))
    if (
        len(starts) != len(names)
        or (len(x), len(y)) != (len(question_langs), len(code))
        or relevant.shape != (len(x), len(names))
    ):
        raise MismatchError(
            f"{len(x)} questions and {len(question_langs)} languages of them, {len(y)} candidates in {len(starts)} "
            f"blocks of one language, and relevant of shape {relevant.shape} do not fit one another "
            f"(with {len(names)} languages); give each language's candidates together"
        )
    ahead = np.concatenate([_ahead(block, relevant[at : at + len(block)], starts) for at, block in blocks(x, y)])
    column = np.array([names.index(lang) for lang in question_langs])
    return _scores(names, column, ahead, code[starts])


def _ahead(block: npt.NDArray[np.float32], relevant: npt.NDArray[np.integer], starts: Ints) -> Ints:
    """(rows, L relevant, L blocks) candidates that stand before each relevant one; -1 where there is none."""
    rows, number = np.arange(len(block)), np.arange(block.shape[1])
    result = np.empty((len(block), relevant.shape[1], len(starts)), np.int64)
    for column in range(relevant.shape[1]):
        mine = relevant[:, column]
        score = block[rows, mine][:, None]
        before = (block > score) | ((block == score) & (number < mine[:, None]))
        result[:, column] = np.add.reduceat(before, starts, axis=1, dtype=np.int64)
        result[mine < 0, column] = -1
    return result


def _scores(names: tuple[str, ...], column: Ints, ahead: Ints, block_lang: Ints) -> LareqaScores:
    present = ahead[:, :, 0] >= 0
    pooled = _average_precision(ahead.sum(axis=2) + 1, present)
    own = np.argsort(block_lang)  # block of each language
    within = ahead[:, np.arange(len(names)), own] + 1.0
    single = np.where(present, 1 / np.where(present, within, 1), np.nan)
    per_lang = [column == lang for lang in range(len(names))]
    means = np.array([pooled[rows].mean() if rows.any() else np.nan for rows in per_lang])
    pairs = np.array(
        [np.nanmean(single[rows], axis=0) if rows.any() else np.full(len(names), np.nan) for rows in per_lang]
    )
    return LareqaScores(names, means, pairs, np.array([rows.sum() for rows in per_lang]), pooled)


def _average_precision(rank: Ints, present: npt.NDArray[np.bool_]) -> Floats:
    """(q,) AP from the ranks (q, L) of all relevant candidates."""
    ordered = np.sort(np.where(present, rank, np.iinfo(np.int64).max), axis=1)
    precision = np.where(np.sort(~present, axis=1), 0.0, np.arange(1, rank.shape[1] + 1) / ordered)
    result: Floats = precision.sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    return result
