"""The benchmarks of a suite as its file has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from xret.errors import UsageError
from xret.eval.measures import parse_measure
from xret.suggest import did_you_mean

__all__ = ["BenchmarkEntry"]

FILES = ("corpus", "queries", "qrels")


@dataclass(frozen=True, kw_only=True)
class BenchmarkEntry:
    """One benchmark: three files, or a published set by its protocol or format.

    Attributes:
        name: in results, and how systems name it.
        corpus, queries, qrels: files of one's own.
        lang: of the corpus, where it does not say.
        query_lang: of the queries, where they do not say.
        protocol: of a published set (`xret eval protocols`), read from `path` in its own format.
        format: ``xquad-r``: the questions and sentences of XQuAD-R files as one pool to search.
        path: folder or file of the published set.
        options: of its loader, such as ``{ lang = "sw", split = "dev" }``.
        collections: languages of a set that has a collection for each: one benchmark each, and one of all together.
        query_languages: only queries in these.
        document_languages: only documents in these, and judgements of these.
        sample: so many of the queries, drawn at random; None: all.
        seed: of the sample.
        measures: the first is the headline; of a protocol, its own.
        k: documents per query that searches find; None: the protocol's depth, or the suite's.
        fairness: also measure how fair runs are to the languages of documents (see `xret.eval.fairness`).
    """

    name: str
    corpus: str | None = None
    queries: str | None = None
    qrels: str | None = None
    lang: str | None = None
    query_lang: str | None = None
    protocol: str | None = None
    format: Literal["xquad-r"] | None = None
    path: str | None = None
    options: Mapping[str, Any] | None = None
    collections: tuple[str, ...] | None = None
    query_languages: tuple[str, ...] | None = None
    document_languages: tuple[str, ...] | None = None
    sample: int | None = None
    seed: int = 0
    measures: tuple[str, ...] = ()
    k: int | None = None
    fairness: bool = False

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        what = f"benchmark '{self.name}'"
        given = [name for name in FILES if getattr(self, name) is not None]
        ways = bool(given) + (self.protocol is not None) + (self.format is not None)
        if ways != 1:
            raise UsageError(f"{what} wants corpus, queries and qrels, or protocol and path, or format and path")
        if given and len(given) < len(FILES):
            missing = next(name for name in FILES if name not in given)
            raise UsageError(f"{what} has no {missing}; it wants corpus, queries and qrels")
        if not given and self.path is None:
            raise UsageError(f"{what} has no path, the folder or file of its data")
        if given and self.path is not None:
            raise UsageError(f"{what} has a path beside its corpus, queries and qrels; leave it out")
        if self.options is not None and self.protocol is None:
            raise UsageError(f"{what} has options, which are for a protocol's loader; leave them out")
        if self.collections is not None and (self.protocol is None or not self.collections):
            raise UsageError(f'{what}, option \'collections\': are languages of a protocol\'s set, as in ["sw", "yo"]')
        if self.protocol is not None:
            self._check_protocol(what)
        for measure in self.measures:
            try:
                parse_measure(measure)
            except UsageError as error:
                raise UsageError(f"{what}, option 'measures': {error}") from error
        for name, value in (("sample", self.sample), ("k", self.k)):
            if value is not None and value < 1:
                raise UsageError(f"{what}, option '{name}': found {value}, wanted at least 1")

    def _check_protocol(self, what: str) -> None:
        from xret.eval.benchmarks import BENCHMARKS
        from xret.pipeline.suite.vectored import SENTENCES

        if self.measures:
            raise UsageError(f"{what} has measures, which its protocol fixes; leave them out")
        if self.lang is not None or self.query_lang is not None:
            raise UsageError(f"{what} says languages, which its files do; leave lang and query_lang out")
        known = (*BENCHMARKS, *SENTENCES, "known-item")
        if self.protocol not in known:
            raise UsageError(
                f"{what}: no protocol '{self.protocol}' for suites; {did_you_mean(str(self.protocol), known)}"
            )

    def parts(self) -> dict[str, BenchmarkEntry]:
        """Language -> the benchmark of its collection; itself, under ``""``, where there are none."""
        if self.collections is None:
            return {"": self}
        options = self.options or {}
        return {
            lang: replace(self, name=f"{self.name} {lang}", options={**options, "lang": lang}, collections=None)
            for lang in self.collections
        }

    @property
    def places(self) -> dict[str, Path]:
        """What it is read from, by the name of the option."""
        return {name: Path(getattr(self, name)) for name in (*FILES, "path") if getattr(self, name) is not None}

    def located(self, folder: Path) -> BenchmarkEntry:
        """The same with paths from the folder of the suite file.

        Raises:
            UsageError: a file that is not there.
        """
        found = {name: folder / place for name, place in self.places.items()}
        for name, place in found.items():
            if not place.exists():
                raise UsageError(f"benchmark '{self.name}', option '{name}': {place}: no such file or folder")
        named: dict[str, Any] = {name: str(place) for name, place in found.items()}
        return replace(self, **named)
