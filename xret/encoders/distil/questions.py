"""Questions with the passages that answer them, for students that shall search and not only translate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus.languages import is_lang
from xret.encoders.distil.sources import read_pair_file
from xret.encoders.distil.tokens import Tokens
from xret.errors import CorpusError
from xret.packed import existing

__all__ = ["Questions", "read_questions"]

COLUMNS = ("question", "passage", "question_lang", "passage_lang", "id", "group")
_WHAT = "a Parquet or JSONL file with columns question and passage"


def read_questions(paths: Sequence[str | Path]) -> pa.Table:
    """Rows of all files as one table of strings, `COLUMNS`.

    `id` tells one question in several languages (default: the question itself), `group` what its passages have in
    common with others', such as an article, which makes them hard to tell apart (default: none); the languages are
    `und` where the file has none.

    Raises:
        CorpusError: a file is missing, broken or empty, lacks a column, or names a language that is none.
    """
    return pa.concat_tables([_read(existing(path, what=_WHAT, error=CorpusError)) for path in paths]).combine_chunks()


def _read(path: Path) -> pa.Table:
    table = read_pair_file(path, named=True)
    if missing := [name for name in COLUMNS[:2] if name not in table.column_names]:
        raise CorpusError(f"{path}: has columns {table.column_names}, but no {', '.join(missing)}")
    und = pa.array(["und"] * table.num_rows, pa.string())
    none = pa.array([""] * table.num_rows, pa.string())
    defaults = {"question_lang": und, "passage_lang": und, "id": table["question"], "group": none}
    columns = {name: table[name] if name in table.column_names else defaults[name] for name in COLUMNS}
    try:
        table = pa.table({name: pc.fill_null(pc.cast(column, pa.string()), "") for name, column in columns.items()})
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise CorpusError(f"{path}: {', '.join(COLUMNS)} are not all text ({error})".splitlines()[0]) from error
    full = [pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(table[name])), 0) for name in COLUMNS[:2]]
    table = table.filter(pc.and_(*full))
    if table.num_rows == 0:
        raise CorpusError(f"{path}: holds no question with a passage")
    for name in ("question_lang", "passage_lang"):
        if unknown := [lang for lang in pc.unique(table[name]).to_pylist() if not is_lang(lang)]:
            raise CorpusError(f"{path}: {name} '{unknown[0]}' is no language; wanted BCP 47 such as de, or und")
    return table


@dataclass(frozen=True)
class Questions:
    """What the training loop reads of them.

    Attributes:
        question: tokens of each row's question.
        passage: tokens of its passage.
        asked: (rows,) int64, equal for one question in several languages.
        answer: (rows,) int64, equal for equal passages.
        weights: (rows,) float64 summing up to 1: how often a row is drawn first, by the language of its question.
        group: (rows,) int64.
        by_group: (rows,) int64, rows sorted by group; group_starts: (groups + 1,) int64.
        by_asked: (rows,) int64, rows sorted by question; asked_starts: (questions + 1,) int64.
    """

    question: Tokens
    passage: Tokens
    asked: np.ndarray
    answer: np.ndarray
    weights: np.ndarray
    group: np.ndarray
    by_group: np.ndarray
    group_starts: np.ndarray
    by_asked: np.ndarray
    asked_starts: np.ndarray

    @classmethod
    def of(cls, table: pa.Table, question: Tokens, passage: Tokens, *, language_power: float) -> Questions:
        """Sort the rows of `read_questions`' table; languages are drawn by size to the power `language_power`."""
        asked, answer, lang = (_numbered(table[name]) for name in ("id", "passage", "question_lang"))
        # Rows of no group are each a group of their own.
        names = table["group"].to_pylist()
        group = _numbered(pa.chunked_array([[name or f"\0{row}" for row, name in enumerate(names)]]))
        weights = np.bincount(lang)[lang] ** (language_power - 1.0)
        by_group, by_asked = (np.argsort(codes, kind="stable") for codes in (group, asked))
        return cls(
            question, passage, asked, answer, weights / weights.sum(), group,
            by_group, np.searchsorted(group[by_group], np.arange(group.max() + 2)),
            by_asked, np.searchsorted(asked[by_asked], np.arange(asked.max() + 2)),
        )  # fmt: skip

    def draw(self, count: int, *, group: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(question rows, passage rows), int64: about `count` pairs, in groups of up to `group` of one `group` each.

        A question's passage is that of any row of the same question, so in any language it was asked in.
        """
        seeds = rng.choice(len(self.weights), size=max(1, count // group), p=self.weights)
        first, last = self.group_starts[self.group[seeds]], self.group_starts[self.group[seeds] + 1]
        near = first[:, None] + (rng.random((len(seeds), group - 1)) * (last - first)[:, None]).astype(np.int64)
        rows = np.unique(np.concatenate([seeds, self.by_group[near].ravel()]))
        first, last = self.asked_starts[self.asked[rows]], self.asked_starts[self.asked[rows] + 1]
        return rows, self.by_asked[first + (rng.random(len(rows)) * (last - first)).astype(np.int64)]


def _numbered(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.index_in(column, value_set=pc.unique(column)).to_numpy().astype(np.int64))
