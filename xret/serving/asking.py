"""Answers to requests that came together: their texts are encoded in one call, equal searches are one search.

What a request is answered does not depend on those beside it: the encoder is steady (see
`xret.encoders.runtime.steady`), and an index scores the queries of a search one by one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import XretError
from xret.indexes.kinds import STORE, verbs
from xret.serving.failures import Refusal, store_away
from xret.serving.generation import Generation
from xret.serving.refining import fused, refined
from xret.serving.rows import Rows, facets, hits_of, split

if TYPE_CHECKING:
    from xret.encoders import Encoder, Reranker
    from xret.serving.metrics import Metrics

__all__ = ["Answer", "Asked", "Asking", "Job"]

logger = logging.getLogger("xret")
Floats = npt.NDArray[np.float32]
DEEP = 100  # hits per query that are reranked, calibrated or fused where a request does not say


class Asked(NamedTuple):
    """A query: `id` is the client's."""

    id: str
    text: str
    lang: str


@dataclass(frozen=True)
class Answer:
    """The hits of one query as the API gives them, and their languages."""

    id: str
    hits: list[dict[str, Any]]
    languages: dict[str, int]


@dataclass(eq=False)
class Job:
    """One request.

    Attributes:
        queries: of the request.
        options: see `xret.serving.schema.Options`.
        systems: the states it is answered from.
        held: keeps them open until the job is done with.
        explained: hits per query whose matches are told.
        left: nobody waits for it any more.
    """

    queries: Sequence[Asked]
    options: Any
    systems: tuple[Generation, ...]
    held: ExitStack = field(default_factory=ExitStack)
    explained: int = 0
    left: bool = False

    @property
    def later(self) -> bool:
        """Whether more is done with the hits than to give them."""
        return bool(self.options.rerank or self.options.calibrate or len(self.systems) > 1)

    @property
    def fetched(self) -> int:
        """Hits per query that are searched for."""
        return max(self.options.k, self.options.depth or DEEP) if self.later else int(self.options.k)

    @property
    def texts(self) -> bool:
        """Whether texts are needed, to show or to score."""
        return bool(self.options.text or self.options.rerank or self.options.explain)


@dataclass(frozen=True)
class _Search:
    """What searches have in common that are made as one."""

    system: Generation
    k: int
    languages: tuple[str, ...] | None
    text: bool


class _Encoded:
    """An encoder that has done its work: a `xret.indexes.encoding.TextEncoder` that gives the vectors it has."""

    def __init__(self, encoder: Encoder, vectors: dict[tuple[str, str], Floats]) -> None:
        self.name, self.hash, self.recipe = encoder.name, encoder.hash, encoder.recipe
        self.dim, self.token_dim, self.max_length = encoder.dim, encoder.token_dim, encoder.max_length
        self._vectors = vectors

    def encode(self, texts: Sequence[str], *, lang: Sequence[str], **_: Any) -> Floats:
        return np.stack(self.encode_tokens(texts, lang=lang))

    def encode_tokens(self, texts: Sequence[str], *, lang: Sequence[str], **_: Any) -> list[Floats]:
        return [self._vectors[pair] for pair in zip(texts, lang, strict=True)]


class Asking:
    """Answers batches of jobs; called by several threads."""

    def __init__(
        self, *, threads: int | None = None, metrics: Metrics | None = None, reranker: Reranker | None = None
    ) -> None:
        """Settings.

        Args:
            threads: of a search; None for all cores.
            metrics: told how long the steps take.
            reranker: a cross-encoder, for those who ask for it.
        """
        self._threads, self._metrics, self._reranker = threads, metrics, reranker

    def __call__(self, jobs: Sequence[Job]) -> list[list[Answer] | BaseException]:
        """The answers of each job, or why there are none."""
        try:
            runs = self._searched(jobs)
        except Exception as error:
            if len(jobs) == 1:
                return [error]
            return [one for job in jobs for one in self([job])]  # whoever is to blame, it is not the others
        return [self._tried(job, runs) for job in jobs]

    def _tried(self, job: Job, runs: _Runs) -> list[Answer] | BaseException:
        try:
            since = time.perf_counter()
            answers = self._finished(job, runs)
            self._clock("finish", since)
        except Exception as error:
            return error
        return answers

    def _finished(self, job: Job, runs: _Runs) -> list[Answer]:
        """From what the searches gave to what the request wants."""
        lists = [_given(runs[id(job), search]) for search in _searches(job)]
        counted = [_given(runs[id(job), search]) for search in _counts(job)]
        out = []
        for place, query in enumerate(job.queries):
            if job.left:
                break  # what is dear comes now
            found = fused([one[place] for one in lists], [each.place.name for each in job.systems], job.options.fusion)
            found = refined(
                found, query.text, query.lang, job.options, _model(job), deep=job.fetched, reranker=self._reranker
            )
            found = found.first(job.options.k)
            among = [one[place] for one in counted] or [found]
            hits = hits_of(found, query, options=job.options, encoder=_model(job), explained=job.explained)
            out.append(Answer(query.id, hits, facets(among, job.options.facets)))
        return out

    def _searched(self, jobs: Sequence[Job]) -> _Runs:
        """What every search of every job found: by job and search, a list per query, or why the search was refused."""
        groups: dict[_Search, list[Job]] = {}
        for job in jobs:
            for search in dict.fromkeys([*_searches(job), *_counts(job)]):
                groups.setdefault(search, []).append(job)
        encoded = self._encoded(groups)
        out: _Runs = {}
        since = time.perf_counter()
        for search, wanting in groups.items():
            queries = [query for job in wanting for query in job.queries]
            try:
                lists = self._found(search, queries, encoded)
            except Refusal as refusal:  # a store that is away concerns those alone who ask it
                out.update({(id(job), search): refusal for job in wanting})
                continue
            at = 0
            for job in wanting:
                out[id(job), search] = lists[at : at + len(job.queries)]
                at += len(job.queries)
        self._clock("search", since)
        return out

    def _encoded(self, groups: dict[_Search, list[Job]]) -> dict[int, _Encoded]:
        """By system, its encoder with the vectors of all queries that it is asked; one call each."""
        since = time.perf_counter()
        wanted: dict[int, tuple[Generation, dict[tuple[str, str], None]]] = {}
        for search, jobs in groups.items():
            if search.system.kind != "lexical" and search.languages != ():
                pairs = wanted.setdefault(id(search.system), (search.system, {}))[1]
                pairs.update({(query.text, query.lang): None for job in jobs for query in job.queries})
        out = {one: _vectors(system, list(pairs)) for one, (system, pairs) in wanted.items()}
        self._clock("encode", since)
        return out

    def _found(self, search: _Search, queries: Sequence[Asked], encoded: dict[int, _Encoded]) -> list[Rows]:
        """The hits of each query."""
        if search.languages == ():
            return [Rows.none() for _ in queries]
        names = [str(number) for number in range(len(queries))]
        table = pa.table({"id": names, "text": [one.text for one in queries], "lang": [one.lang for one in queries]})
        own: dict[str, Any] = {}
        if search.system.kind != "lexical":
            own["encoder"] = encoded[id(search.system)]
        try:
            run = verbs(search.system.kind).search(
                search.system.index, table, k=search.k, languages=search.languages, text=search.text,
                threads=self._threads, **own,
            )  # fmt: skip
        except XretError as error:
            if search.system.kind != STORE:
                raise
            logger.warning("serve: '%s': %s", search.system.place.name, error)
            raise store_away() from error
        return split(run, len(queries))

    def _clock(self, step: str, since: float) -> None:
        if self._metrics is not None:
            self._metrics.compute.labels(step).observe(time.perf_counter() - since)


_Runs: TypeAlias = dict[tuple[int, _Search], "list[Rows] | Refusal"]


def _given(found: list[Rows] | Refusal) -> list[Rows]:
    if isinstance(found, Refusal):
        raise found
    return found


def _searches(job: Job) -> list[_Search]:
    """One for each system of a job."""
    return [
        _Search(one, min(job.fetched, max(1, one.rows)), one.known(job.options.languages), job.texts and one.texts)
        for one in job.systems
    ]


def _counts(job: Job) -> list[_Search]:
    """Those that languages are counted in: whatever the request's own are."""
    if not job.options.facets:
        return []
    return [_Search(one, min(job.options.facets, max(1, one.rows)), None, False) for one in job.systems]


def _model(job: Job) -> Encoder | None:
    return next((one.encoder for one in job.systems if one.encoder is not None), None)


def _vectors(system: Generation, pairs: list[tuple[str, str]]) -> _Encoded:
    """An encoder's vectors of (text, language) pairs: as wide as the index, or of tokens."""
    encoder = system.encoder
    if encoder is None:
        raise Refusal(422, "no_encoder", "this system has no encoder")
    texts, langs = [text for text, _ in pairs], [lang for _, lang in pairs]
    found: Any
    if system.kind == "multivector":
        found = encoder.encode_tokens(texts, role="query", lang=langs)
    else:
        width = None if system.index.manifest.dim == encoder.dim else system.index.manifest.dim
        found, _ = encoder.encode_counted(texts, role="query", lang=langs, dim=width)
    return _Encoded(encoder, dict(zip(pairs, found, strict=True)))


Answering = Callable[[Sequence[Job]], list["list[Answer] | BaseException"]]
