"""Reading a corpus: files to validated record batches, in bounded memory."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus.columnar import parse_arrow, parse_parquet
from xret.corpus.extras import Extras
from xret.corpus.jsonl import parse_jsonl
from xret.corpus.languages import UNKNOWN, check_lang
from xret.corpus.problems import OnError, Skipped, check_on_error
from xret.corpus.rows import CORE, Rows
from xret.corpus.sources import Shard, Source, find_source
from xret.corpus.textfiles import parse_tsv, parse_txt
from xret.corpus.unique import SeenIds
from xret.corpus.validate import check_ids, check_known_columns, check_langs, check_texts, made_ids
from xret.errors import CorpusError, UsageError

__all__ = ["CorpusReader", "parse", "read_corpus"]

_PARSERS: dict[str, Callable[[Shard, Extras], Iterator[Rows]]] = {
    "txt": parse_txt,
    "tsv": parse_tsv,
    "jsonl": parse_jsonl,
    "parquet": parse_parquet,
    "arrow": parse_arrow,
}

_log = logging.getLogger("xret")


def parse(shard: Shard, extras: Extras) -> Iterator[Rows]:
    """The rows of a file as they are, by its format's parser."""
    return _PARSERS[shard.format](shard, extras)


class CorpusReader(Iterator[pa.RecordBatch]):
    """An iterator over the validated batches of a corpus; all have the columns id, text, lang and the same extras."""

    def __init__(
        self, source: Source, *, lang: str | None, on_error: OnError, batch_rows: int, extras: Extras | None = None
    ) -> None:
        """Use `read_corpus`; `extras` are the further columns where they are known beforehand."""
        check_on_error(on_error)
        if batch_rows < 1:
            raise UsageError(f"batch_rows is {batch_rows}, wanted at least 1")
        self.source = source.label
        self.unchanged = True  # no row differs from the file's
        self._shards = source
        self._lang = None if lang is None else check_lang(lang)
        self._on_error: OnError = on_error
        self._batch_rows = batch_rows
        self._extras = extras or Extras()
        self._totals: Counter[str] = Counter()
        self._seen = SeenIds()
        self._batches = self._read()

    def __next__(self) -> pa.RecordBatch:
        """The next batch: 1 to `batch_rows` rows.

        Raises:
            CorpusError: a malformed row (unless skipped), or a file that cannot be read.
        """
        return next(self._batches)

    @property
    def skipped(self) -> Skipped:
        """What was left out so far; final after the last batch."""
        return Skipped.of(self._totals)

    def _read(self) -> Iterator[pa.RecordBatch]:
        total = 0
        for shard in self._shards.shards:
            default = self._lang or shard.lang or UNKNOWN
            _log.info("%s: reading as %s, language %s unless a row names its own", shard.label, shard.format, default)
            for rows in parse(shard, self._extras):
                self._validate(rows, shard, default)
                rows.faults.settle(self._on_error, self._totals)
                if not len(rows.numbers):
                    continue
                arrays = [rows.columns[name] for name in CORE] + self._extras.arrange(rows)
                schema = pa.schema([*(pa.field(name, pa.string()) for name in CORE), *self._extras.fields()])
                batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
                total += batch.num_rows
                for start in range(0, batch.num_rows, self._batch_rows):
                    yield batch.slice(start, self._batch_rows)
        if not total:
            found = f"nothing left to read ({self.skipped.summary()})" if self._totals else "is empty"
            raise CorpusError(f"{self.source}: {found}; wanted at least one sentence")

    def _validate(self, rows: Rows, shard: Shard, default: str) -> None:
        check_texts(rows, line=shard.format == "txt")
        made = "id" not in rows.columns
        if made:
            rows.columns["id"] = made_ids(rows, shard)
        else:
            check_ids(rows)
        canonical = check_langs(rows, default)
        self.unchanged &= canonical and not made
        check_known_columns(rows)
        if not made or len(self._shards.shards) > 1:
            self._check_repeats(rows, shard)

    def _check_repeats(self, rows: Rows, shard: Shard) -> None:
        ids = rows.columns["id"]
        repeated = self._seen.add(ids)
        if not repeated.any():
            return
        first = ""
        for row in repeated.nonzero()[0] if self._on_error == "fail" else ():
            first = self._first_place(ids[row].as_py(), shard, int(rows.numbers[row]))
            if first:
                break
            repeated[row] = False  # two ids with one hash
        rows.drop(
            repeated, "duplicate id", lambda row: f"id '{ids[row].as_py()}' stands at {first} too; ids must be unique"
        )

    def _first_place(self, wanted: str, here: Shard, number: int) -> str:
        """Where an id stands first: ``"de.tsv:3"``; empty when it is row `number` of shard `here`."""
        for shard in self._shards.shards:
            for rows in parse(shard, self._extras):
                ids = rows.columns["id"] if "id" in rows.columns else made_ids(rows, shard)
                at = pc.index(ids, wanted).as_py()
                if at >= 0:
                    found = int(rows.numbers[at])
                    return "" if (shard, found) == (here, number) else shard.place.replace("{}", str(found))
        return ""


def read_corpus(
    source: str | Path,
    *,
    lang: str | None = None,
    on_error: OnError = "fail",
    batch_rows: int = 8192,
    format: str | None = None,
) -> CorpusReader:
    """Stream a corpus in bounded memory.

    Reads ``.txt`` (one sentence a line), ``.tsv`` (``id<TAB>text``, ``id<TAB>lang<TAB>text`` or a header line),
    ``.jsonl``, each also ``.gz`` or ``.zst``; ``.parquet``; Arrow IPC (``.arrow``, ``.feather``, ``.ipc``); a folder of
    shards of one format in name order; ``-`` for stdin; and text files with a language for an extension (``train.de``).

    Where a file has no ids, line numbers from 1 are used (in folders after the file's name: ``part-1:7``). The language
    of a row is its own if it has one, else `lang`, else what the file's name tells (``news.de.txt``), else ``und``.

    Args:
        source: what to read.
        lang: language of rows that name none.
        on_error: ``"fail"`` at the first malformed row, or ``"skip"`` such rows, counted in `CorpusReader.skipped`.
        batch_rows: rows of a batch at most.
        format: ``txt``, ``tsv``, ``jsonl``, ``parquet`` or ``arrow`` where the name does not tell; stdin is looked at.

    Raises:
        CorpusError: nothing to read there. (Iterating raises it for what is found later.)
        InputError: `lang` is no known language.
        UsageError: `on_error` or `format` is none of these words, or `batch_rows` is below 1.
    """
    return CorpusReader(find_source(source, format=format), lang=lang, on_error=on_error, batch_rows=batch_rows)
