"""Scores of the pairs of a run; those of a part of them are the ones that they have in the whole, to the last bit.

The last bits of what an encoder gives depend on what it is given with: parts are cut where it begins anew.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.stages.light import light_texts
from xret.stages.maxsim import document_batches, maxsim_texts
from xret.stages.runtexts import RunTexts, run_languages, run_texts

if TYPE_CHECKING:
    from xret.encoders import Encoder, Reranker
    from xret.stages.rerank import Rerank

__all__ = ["WHOLE", "Part", "Texts", "by_model", "part_scores"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
logger = logging.getLogger("xret")


@dataclass(frozen=True)
class Part:
    """The `number`-th, from 0, of so many parts."""

    number: int
    parts: int

    def share(self, pieces: Sequence[range]) -> range:
        """What it has of successive ranges."""
        first, last = (len(pieces) * at // self.parts for at in (self.number, self.number + 1))
        return range(pieces[first].start, pieces[last - 1].stop) if first < last else range(0)


WHOLE = Part(0, 1)


@dataclass(frozen=True)
class Texts:
    """What the rows of a run are about."""

    query: RunTexts
    document: RunTexts

    @classmethod
    def of(cls, stage: Rerank, model: Encoder | Reranker, run: pa.Table, queries: pa.Table, corpus: pa.Table) -> Texts:
        """Looked up by ids, with languages where the model is told them.

        Raises:
            EvalError: an id without text.
        """
        told = model.recipe.languages is not None
        query = run_texts(run["qid"], queries, "query", "queries", told=told)
        document = run_texts(run["docid"], corpus, "document", "corpus", told=told)
        logger.info(
            "rerank: %s by '%s' of the first %d of every query: %s pairs of %s queries and %s documents, equal texts "
            "counted once",
            stage.model if stage.late else "scores", stage.encoder if stage.late else stage.model, stage.depth,
            f"{run.num_rows:,}", f"{len(query.texts):,}", f"{len(document.texts):,}",
        )  # fmt: skip
        return cls(query, document)


def by_model(stage: Rerank, run: pa.Table, queries: pa.Table, corpus: pa.Table) -> list[tuple[Rerank, Ints]]:
    """The rows of a run and what scores them: one stage for each model, where the model's name leaves languages open.

    Raises:
        EvalError: an id that is not among the queries or in the corpus.
    """
    from xret.encoders.composing.languages import is_open, with_languages

    if not is_open(stage.model):
        return [(stage, np.arange(run.num_rows))]
    asked = run_languages(run["qid"], queries, "query", "queries")
    found = run_languages(run["docid"], corpus, "document", "corpus")
    name = {
        pair: with_languages(stage.model, query=pair[0], document=pair[1])
        for pair in sorted({*zip(asked, found, strict=True)})
    }
    names = np.array([name[pair] for pair in zip(asked, found, strict=True)])
    return [(replace(stage, model=str(each)), np.flatnonzero(names == each)) for each in np.unique(names)]


def part_scores(stage: Rerank, model: Encoder | Reranker, texts: Texts, part: Part = WHOLE) -> tuple[Ints, Floats]:
    """(rows,) of the run, ascending, and (rows,) their scores."""
    reading: dict[str, Any] = {
        "truncation": stage.truncation, "window": stage.window, "overlap": stage.overlap, "progress": stage.progress,
    }  # fmt: skip
    if stage.late:
        return _late(stage, cast("Encoder", model), texts, part, reading)
    return _crossed(cast("Reranker", model), texts, part, reading)


def _late(stage: Rerank, encoder: Encoder, texts: Texts, part: Part, reading: dict[str, Any]) -> tuple[Ints, Floats]:
    """Some documents, with whatever queries they stand beside."""
    query, document = texts.query, texts.document
    own = part.share(list(document_batches(document.texts)))
    rows = np.flatnonzero((document.place >= own.start) & (document.place < own.stop))
    if not len(rows):
        return rows, np.empty(0)
    langs = None
    if query.lang is not None and document.lang is not None:
        langs = query.lang, document.lang[own.start : own.stop]
    asked = encoder, query.texts, document.texts[own.start : own.stop]
    pairs = query.place[rows], document.place[rows] - own.start
    if stage.model == "light":
        return rows, light_texts(*asked, pairs, langs=langs, weight=stage.weight, **reading)
    return rows, maxsim_texts(*asked, pairs, langs=langs, **reading)


def _crossed(reranker: Reranker, texts: Texts, part: Part, reading: dict[str, Any]) -> tuple[Ints, Floats]:
    """Some pairs of texts, each once."""
    from xret.encoders.crossencoders.reranker import pair_windows

    query, document = texts.query, texts.document
    once, place = np.unique(np.stack([query.place, document.place]), axis=1, return_inverse=True)
    own = part.share(list(pair_windows([document.texts[at] for at in once[1]])))
    rows = np.flatnonzero((place.ravel() >= own.start) & (place.ravel() < own.stop))
    mine = once[:, own.start : own.stop]
    if not len(rows):
        return rows, np.empty(0)
    asked, found = [query.texts[at] for at in mine[0]], [document.texts[at] for at in mine[1]]
    lang = None if document.lang is None else [document.lang[at] for at in mine[1]]
    scores = reranker.score(asked, found, lang=lang, **reading)
    return rows, scores.astype(np.float64)[place.ravel()[rows] - own.start]
