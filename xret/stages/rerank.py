"""Reranking: the head of a run scored anew from the texts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import EvalError, UsageError
from xret.runs import ordered
from xret.stages.distinct import distinct_texts
from xret.stages.maxsim import maxsim_texts
from xret.stages.stage import Stage

__all__ = ["Rerank"]

logger = logging.getLogger("xret")
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Rerank(Stage):
    """Scores the first `depth` documents of every query again; those beyond are dropped.

    Output: the run with new `score`, `rank` and `tag`; further columns stay.

    Attributes:
        model: ``maxsim``: exact MaxSim between token vectors.
        encoder: whose token vectors; need not be the one that made the run.
        depth: documents per query.
        device: ``auto``, ``cpu`` or ``cuda``. No part of the result.
        threads: CPU threads; None for all cores. No part of the result.
        progress: a bar on stderr, where that is a terminal. No part of the result.
    """

    name = "rerank"
    inputs = ("run", "queries", "corpus")
    output = "run"
    apart = ("encoder", "device", "threads", "progress")

    model: Literal["maxsim"] = "maxsim"
    encoder: str = "xret-mini"
    depth: int = 100
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.depth < 1:
            raise UsageError(f"depth is {self.depth}; rerank at least 1 document per query")

    def contents(self) -> tuple[str, ...]:
        """The encoder's content, which counts instead of its name."""
        from xret.encoders.load import identify

        return (identify(self.encoder),)

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The reranked run, given a run, the queries and the corpus (both `id, text`).

        Raises:
            EvalError: a query or document of the run has no text.
        """
        from xret.encoders import load_encoder

        run, queries, corpus = values
        run = ordered(run)
        run = run.filter(pc.less_equal(run["rank"], self.depth))
        if run.num_rows == 0:
            return run
        query_texts, query = _distinct_texts(run["qid"], queries, "query", "queries")
        document_texts, document = _distinct_texts(run["docid"], corpus, "document", "corpus")
        logger.info(
            "rerank: %s by '%s' of the first %d of every query: %s pairs of %s queries and %s documents, equal texts "
            "counted once",
            self.model, self.encoder, self.depth,
            f"{run.num_rows:,}", f"{len(query_texts):,}", f"{len(document_texts):,}",
        )  # fmt: skip
        encoder = load_encoder(self.encoder, device=self.device, threads=self.threads)
        scores = maxsim_texts(encoder, query_texts, document_texts, (query, document), progress=self.progress)
        return ordered(_replace(_replace(run, "score", pa.array(scores)), "tag", pa.array([self.model] * len(scores))))


def _distinct_texts(ids: pa.ChunkedArray, table: pa.Table, what: str, where: str) -> tuple[list[str], Ints]:
    """The distinct texts behind ids, and each id's place among them: equal texts tie because they are scored once."""
    wanted = ids.unique()  # the few: the ids of the table are compared with these, and never gathered
    place = pc.index_in(ids, value_set=wanted).to_numpy().astype(np.int64)
    there = pc.index_in(table["id"], value_set=wanted)
    rows = np.full(len(wanted), -1)
    rows[there.drop_null().to_numpy()[::-1]] = np.flatnonzero(there.is_valid().to_numpy())[::-1]  # the first of equals
    missing = np.flatnonzero(rows[place] < 0)
    if len(missing):
        raise EvalError(
            f"{what} '{ids[missing[0]]}' of the run is not among the {table.num_rows:,} ids of the {where} "
            f"({len(missing):,} rows of the run are without text); give the {where} the run was made with"
        )
    texts = gather(table["text"], rows)
    distinct = distinct_texts(texts)
    return gather(texts, distinct.first).to_pylist(), distinct.number[place]


def _replace(run: pa.Table, name: str, column: pa.Array) -> pa.Table:
    if name not in run.column_names:
        return run.append_column(name, column)
    return run.set_column(run.column_names.index(name), name, column)
