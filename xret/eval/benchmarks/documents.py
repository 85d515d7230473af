"""The documents of a benchmark: read as a stream of batches as often as asked, mapped as a table when one is wanted."""

from __future__ import annotations

import functools
import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from xret.corpus.content import CorpusHash
from xret.corpus.unique import SeenIds
from xret.errors import EvalError
from xret.mapped import map_table, write_batches

__all__ = ["BATCH", "Documents", "Survey", "documents_of"]

BATCH = 8192  # rows of a batch at most
log = logging.getLogger("xret")


@dataclass(frozen=True)
class Survey:
    """What one reading of all documents tells.

    Attributes:
        rows: documents with a text.
        empty: documents without one, which are left out everywhere: there is nothing in them to search.
        languages: language -> documents.
        hash: SHA-256 over id, text and lang in order, the same as `xret.corpus.corpus_hash` of the table.
    """

    rows: int
    empty: int
    languages: dict[str, int]
    hash: str


class Documents:
    """Documents in files too large for memory.

    Args:
        read: makes a new iterator over batches `id, lang, text` (+ `title`), all of one schema; memory is bounded by
            one of them.
        label: what they are called in messages.
    """

    def __init__(self, read: Callable[[], Iterable[pa.RecordBatch]], *, label: str) -> None:
        """See the class."""
        self._read, self.label = read, label
        self._empty = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The documents that have a text, from the first on.

        Raises:
            InputError: a file is malformed.
        """
        empty = 0
        for batch in self._read():
            filled = pc.match_substring_regex(batch["text"], r"\S")
            kept = batch.filter(filled)
            empty += batch.num_rows - kept.num_rows
            if kept.num_rows:
                yield kept
        self._empty = empty

    @functools.cached_property
    def survey(self) -> Survey:
        """Counts and content hash, from one reading of everything (the first time).

        Raises:
            EvalError: an id stands twice, or there are no documents.
        """
        return self._look(None)

    def missing(self, ids: pa.Array) -> pa.Array:
        """The (m,) wanted ids that no document has; makes the survey on the way.

        Args:
            ids: (n,) distinct ids.
        """
        found = np.zeros(len(ids), bool)
        self.__dict__["survey"] = self._look(lambda batch: _mark(found, ids, batch["id"]))
        return ids.filter(pa.array(~found))

    def table(self) -> pa.Table:
        """All documents as a table mapped from a temporary file, which lasts as long as the table is used."""
        handle = tempfile.NamedTemporaryFile(prefix="xret-benchmark-", suffix=".arrow", delete=False)  # noqa: SIM115
        path = Path(handle.name)
        handle.close()
        try:
            batches = self.batches()
            first = next(batches, None)
            if first is None:
                raise EvalError(f"{self.label}: holds no documents with a text")
            write_batches(path, _chain(first, batches), first.schema)
            table = map_table(path, remedy="load the benchmark again")
        finally:
            path.unlink(missing_ok=True)  # the mapping keeps the bytes until the last table is gone
        return table

    def _look(self, visit: Callable[[pa.RecordBatch], None] | None) -> Survey:
        languages: Counter[str] = Counter()
        seen, state = SeenIds(), CorpusHash()
        bar = tqdm(desc=f"reading {self.label}", unit=" documents", disable=None, leave=False)
        for batch in self.batches():
            if (again := seen.add(batch["id"].cast(pa.string()))).any():
                twice = batch["id"][int(again.argmax())].as_py()
                raise EvalError(f"{self.label}: document '{twice}' stands twice; keep one of the two")
            state.update(batch)
            for each in pc.value_counts(batch["lang"]).to_pylist():
                languages[each["values"]] += each["counts"]
            if visit is not None:
                visit(batch)
            bar.update(batch.num_rows)
        bar.close()
        rows = languages.total()
        if not rows:
            raise EvalError(f"{self.label}: holds no documents with a text")
        if self._empty:
            log.warning("%s: %d documents have no text and are left out", self.label, self._empty)
        return Survey(rows, self._empty, dict(sorted(languages.items())), state.hexdigest())


def documents_of(table: pa.Table, *, label: str) -> Documents:
    """Documents that are in memory, or mapped, already: `id, lang, text` and further columns."""
    return Documents(lambda: table.to_batches(max_chunksize=BATCH), label=label)


def _mark(found: np.ndarray, wanted: pa.Array, ids: pa.Array) -> None:
    places = pc.index_in(ids, value_set=wanted).drop_null().to_numpy()
    found[places] = True


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
