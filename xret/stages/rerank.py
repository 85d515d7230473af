"""Reranking: the head of a run scored anew from the texts."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

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

if TYPE_CHECKING:
    from xret.encoders import Encoder, Reranker

__all__ = ["Rerank"]

MAXSIM = "maxsim"
logger = logging.getLogger("xret")
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Rerank(Stage):
    """Scores the first `depth` documents of every query again; those beyond are dropped.

    Output: the run with new `score`, `rank` and `tag`; further columns stay.

    Attributes:
        model: ``maxsim``: exact MaxSim between token vectors; else the name of a cross-encoder, as for `load_reranker`.
        encoder: for ``maxsim``: whose token vectors; need not be the one that made the run.
        depth: documents per query.
        device: ``auto``, ``cpu`` or ``cuda``. No part of the result.
        threads: CPU threads; None for all cores. No part of the result.
        progress: a bar on stderr, where that is a terminal. No part of the result.
    """

    name = "rerank"
    inputs = ("run", "queries", "corpus")
    output = "run"
    apart = ("model", "encoder", "device", "threads", "progress")
    version = 2

    model: str = "maxsim"
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
        """The method, and the model's content, which counts instead of its name."""
        from xret.encoders.load import identify

        return (MAXSIM, identify(self.encoder)) if self.model == MAXSIM else ("cross", identify(self.model))

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The reranked run, given a run, the queries and the corpus (both `id, text`, and `lang` where known).

        Raises:
            EvalError: a query or document of the run has no text.
            ModelError: the model is not found, or not of the kind that is asked for.
        """
        run, queries, corpus = values
        run = ordered(run)
        run = run.filter(pc.less_equal(run["rank"], self.depth))
        if run.num_rows == 0:
            return run
        rows = _rows(run["qid"], queries, "query", "queries"), _rows(run["docid"], corpus, "document", "corpus")
        model = self._loaded()
        told, late = model.recipe.languages is not None, self.model == MAXSIM
        query, document = _distinct(queries, rows[0], told=told), _distinct(corpus, rows[1], told=told)
        logger.info(
            "rerank: %s by '%s' of the first %d of every query: %s pairs of %s queries and %s documents, equal texts "
            "counted once",
            MAXSIM if late else "scores", self.encoder if late else self.model, self.depth,
            f"{run.num_rows:,}", f"{len(query.texts):,}", f"{len(document.texts):,}",
        )  # fmt: skip
        scores = self._scores(model, query, document)
        run = _replace(run, "score", pa.array(scores, pa.float64()))
        return ordered(_replace(run, "tag", pa.array([self._tag()] * len(scores))))

    def _loaded(self) -> Encoder | Reranker:
        from xret.encoders import load_encoder, load_reranker
        from xret.encoders.names import split_precision

        if self.model == MAXSIM:
            return load_encoder(self.encoder, device=self.device, threads=self.threads)
        base, _ = split_precision(self.model)
        if "/" not in str(base) and not Path(base).exists():
            raise UsageError(
                f"'{self.model}' is no way to rerank; wanted {MAXSIM}, or a cross-encoder: its folder, or a hub id "
                "like org/model"
            )
        return load_reranker(self.model, device=self.device, threads=self.threads)

    def _scores(self, model: Encoder | Reranker, query: _Texts, document: _Texts) -> npt.NDArray[np.float64]:
        """The score of each row of the run."""
        if self.model == MAXSIM:
            langs = None if query.lang is None or document.lang is None else (query.lang, document.lang)
            pairs = query.place, document.place
            return maxsim_texts(
                cast("Encoder", model), query.texts, document.texts, pairs, langs=langs, progress=self.progress
            )
        once, place = np.unique(np.stack([query.place, document.place]), axis=1, return_inverse=True)
        texts = [query.texts[at] for at in once[0]], [document.texts[at] for at in once[1]]
        lang = None if document.lang is None else [document.lang[at] for at in once[1]]
        scores = cast("Reranker", model).score(*texts, lang=lang, progress=self.progress)
        return scores.astype(np.float64)[place.ravel()]

    def _tag(self) -> str:
        """The run's name: TREC's format wants one word."""
        return re.sub(r"\s+", "_", Path(self.model).name) or MAXSIM


@dataclass(frozen=True)
class _Texts:
    """Distinct texts (in their languages, where the model is told them), and those of the run's rows."""

    texts: list[str]
    lang: list[str] | None
    place: Ints  # (rows of the run,)


def _rows(ids: pa.ChunkedArray, table: pa.Table, what: str, where: str) -> tuple[Ints, Ints]:
    """The rows of `table` behind the ids, each once, and each id's place among them."""
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
    return rows, place


def _distinct(table: pa.Table, found: tuple[Ints, Ints], *, told: bool) -> _Texts:
    """Equal texts once, so that they tie; where the model is told languages, once a language."""
    rows, place = found
    texts = gather(table["text"], rows)
    if not told or "lang" not in table.column_names:
        distinct = distinct_texts(texts)
        return _Texts(gather(texts, distinct.first).to_pylist(), None, distinct.number[place])
    lang = pc.fill_null(gather(table["lang"], rows), "und")
    distinct = distinct_texts(pc.binary_join_element_wise(lang, texts, "\t"))  # no language holds a tab
    first = distinct.first
    return _Texts(gather(texts, first).to_pylist(), gather(lang, first).to_pylist(), distinct.number[place])


def _replace(run: pa.Table, name: str, column: pa.Array) -> pa.Table:
    if name not in run.column_names:
        return run.append_column(name, column)
    return run.set_column(run.column_names.index(name), name, column)
