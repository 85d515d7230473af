"""Which passage each query belongs to, and which of the queries are used."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xret.artifact import digest
from xret.corpus import check_lang, corpus_hash, gather
from xret.corpus.passage_queries import PASSAGE, passage_queries
from xret.corpus.problems import OnError, check_on_error
from xret.errors import MismatchError, UsageError
from xret.vectors import Vectors

__all__ = ["Assigned", "assign"]

Ints = NDArray[np.int64]
logger = logging.getLogger("xret")


@dataclass(frozen=True)
class Assigned:
    """Queries sorted by their passage's row; those of one passage in the order of the file."""

    table: pa.Table  # docid, text, lang: all queries
    places: Ints  # (used,) rows of `table`
    rows: Ints  # (used,) their passages' rows, ascending

    @property
    def queries(self) -> int:
        """How many are used."""
        return len(self.places)

    @cached_property
    def passages(self) -> int:
        """How many passages have any."""
        return int(np.count_nonzero(np.diff(self.rows, prepend=-1)))

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Where the queries of the passages `start` to `stop` begin and end."""
        low, high = np.searchsorted(self.rows, [start, stop])
        return int(low), int(high)

    def slice(self, start: int, stop: int) -> tuple[Ints, Ints]:
        """Places and rows of the queries `start` to `stop`."""
        return self.places[start:stop], self.rows[start:stop]

    def languages(self) -> dict[str, int]:
        """Queries used by language, most first."""
        counted = pc.value_counts(gather(self.table["lang"], self.places)).to_pylist()
        return {str(e["values"]): int(e["counts"]) for e in sorted(counted, key=lambda e: (-e["counts"], e["values"]))}

    @cached_property
    def hash(self) -> str:
        """SHA-256 (64 hex characters) of what is used, and of whose it is."""
        return digest("assigned", corpus_hash(self.table.rename_columns(["id", "text", "lang"])),
                      self.places.tobytes(), self.rows.tobytes())  # fmt: skip


def assign(
    vectors: Vectors,
    queries: pa.Table,
    *,
    languages: Sequence[str] | None = None,
    most: int | None = None,
    unknown: OnError = "fail",
) -> Assigned:
    """Find each query's passage.

    Args:
        vectors: of the passages.
        queries: `docid` (or `id`), `text` and perhaps `lang`.
        languages: use only queries in these (``zh`` takes in ``zh-Hant``).
        most: use no more queries than that per passage and language: the first ones.
        unknown: queries of passages that are not there: an error, or left out, counted and reported.

    Raises:
        MismatchError: a query names a passage that is not there, or none is left.
        UsageError: `most` is below 1.
        InputError: a column is missing, or a language is no known one.
    """
    check_on_error(unknown)
    if most is not None and most < 1:
        raise UsageError(f"most is {most}; use at least 1 query per passage and language")
    table = passage_queries(queries)
    rows = _rows(vectors, table, unknown)
    used = np.flatnonzero(rows >= 0)
    if languages is not None:
        used = used[_spoken(gather(table["lang"], used), [check_lang(tag) for tag in languages])]
    used = used[np.argsort(rows[used], kind="stable")]
    if most is not None:
        used = used[_first(rows[used], gather(table["lang"], used), most)]
    if not len(used):
        raise MismatchError(
            f"none of the {table.num_rows:,} queries is left to use; check their passages and languages"
        )
    return Assigned(table, used, rows[used])


def _rows(vectors: Vectors, table: pa.Table, unknown: OnError) -> Ints:
    """(queries,) row of each query's passage, -1 where there is none."""
    ids = pc.index_in(table[PASSAGE], value_set=vectors.ids().combine_chunks())
    lost = ids.null_count
    if lost and unknown == "fail":
        first = table[PASSAGE][pc.index(ids.is_null(), True).as_py()]
        raise MismatchError(
            f"{vectors.source}: has no passage '{first}', which a query is for ({lost:,} of {table.num_rows:,} queries "
            "are of passages that are not there); give the queries of these passages, or skip the others"
        )
    if lost:
        logger.warning(
            "%s of %s queries are of passages that are not there: left out", f"{lost:,}", f"{table.num_rows:,}"
        )
    return np.asarray(ids.fill_null(-1).to_numpy(), np.int64)


def _spoken(langs: pa.ChunkedArray, wanted: Sequence[str]) -> NDArray[np.bool_]:
    names = pc.unique(langs)
    mine = [lang for lang in names.to_pylist() if any(lang == tag or lang.startswith(f"{tag}-") for tag in wanted)]
    return np.asarray(pc.is_in(langs, value_set=pa.array(mine, langs.type)).to_numpy(), bool)


def _first(rows: Ints, langs: pa.ChunkedArray, most: int) -> NDArray[np.bool_]:
    """Whether each query is among the first `most` of its passage and language; `rows` ascend."""
    codes = np.asarray(langs.combine_chunks().dictionary_encode().indices.to_numpy(), np.int64)
    order = np.lexsort((codes, rows))  # stable: within passage and language, as in the file
    fresh = (np.diff(rows[order], prepend=-1) != 0) | (np.diff(codes[order], prepend=-1) != 0)
    begins = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    kept = np.empty(len(order), bool)
    kept[order] = np.arange(len(order)) - begins < most
    return kept
