"""A benchmark: the data of one protocol in one language or split, loaded and checked."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import digest
from xret.corpus.content import corpus_hash
from xret.errors import EvalError
from xret.eval.benchmarks.documents import Documents
from xret.eval.protocols import Protocol

if TYPE_CHECKING:
    from xret.eval.protocols.scored import Scored

__all__ = ["Benchmark"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Benchmark:
    """Documents, queries, and what is right.

    Attributes:
        protocol: what fixes how runs are scored.
        name: protocol, language and split: ``"miracl/sw/dev"``; of data that is not published, also the folder.
        lang: the language whose collection this is, which the numbers are listed under; None where the queries' own
            languages tell the rows apart.
        queries: `id, lang, text` (+ `topic`, equal for translations of one query); all strings.
        qrels: `qid, docid, relevance: int32`; None where there are none, as for answers and hidden test sets.
        answers: query id -> right answers, of protocols that look for these.
        documents: the corpus as a stream; None where only queries and judgements are at hand.
        files: what was read, by role: ``("queries", (path, …))``; for the record.
    """

    protocol: Protocol
    name: str
    queries: pa.Table
    lang: str | None = None
    qrels: pa.Table | None = None
    answers: dict[str, list[str]] | None = None
    documents: Documents | None = None
    files: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @functools.cached_property
    def corpus(self) -> pa.Table | None:
        """`id, lang, text` (+ `title`) mapped from a temporary file, however large; None without documents."""
        return None if self.documents is None else self.documents.table()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The documents in bounded memory, from the first on; each call reads them anew.

        Raises:
            EvalError: there are none.
        """
        if self.documents is None:
            raise EvalError(f"{self.name}: was loaded without its documents; give the folder that has them")
        yield from self.documents.batches()

    @functools.cached_property
    def hashes(self) -> dict[str, str]:
        """Content hashes of `corpus`, `queries` and `qrels` (or answers), of those that there are; 64 hex characters.

        They do not depend on file formats; those of judgements and answers not on the order of rows either.
        """
        found = {"queries": corpus_hash(self.queries)}
        if self.documents is not None:
            found["corpus"] = self.documents.survey.hash
        if self.qrels is not None:
            order = [("qid", "ascending"), ("docid", "ascending")]
            rows = self.qrels.select(["qid", "docid", "relevance"]).sort_by(order)
            found["qrels"] = digest(*(rows[name].to_pylist() for name in rows.column_names))
        if self.answers is not None:
            found["qrels"] = digest(self.answers)
        return found

    @property
    def languages(self) -> dict[str, int]:
        """Language -> number of queries."""
        counts = pc.value_counts(self.queries["lang"].combine_chunks()).to_pylist()
        return dict(sorted((each["values"], each["counts"]) for each in counts))

    def scored(self, run: pa.Table, *, system: str = "run") -> Scored:
        """Score a run as the protocol has it.

        Args:
            run: `qid, docid, score`.
            system: what the run is called in tables.

        Raises:
            EvalError: run and benchmark do not belong together, or the benchmark cannot be scored.
        """
        from xret.eval.benchmarks.scoring import score

        return score(self, run, system=system)
