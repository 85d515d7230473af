"""Building a lexical index, in bounded memory: a segment is written whenever enough postings have come together."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from xret import __version__
from xret.artifact import atomic_folder
from xret.corpus import check_lang
from xret.errors import InputError
from xret.indexes.dense.layout import Sealed
from xret.indexes.dense.rows import shown_columns
from xret.indexes.lexical.analyzers import analyzer, base_language, parse_spec, spec_of, stemmer_version
from xret.indexes.lexical.inversion import Inverter
from xret.indexes.lexical.layout import Manifest, Segment
from xret.indexes.lexical.segments import write_segment

__all__ = [
    "build_index",
    "by_language",
    "count_languages",
    "new_analyzers",
    "rows_to_index",
    "versions",
    "write_segments",
]

logger = logging.getLogger("xret")
BATCH = 4096  # rows analysed at a time
BYTES = 1 << 24  # of their texts
FULL = 1 << 24  # postings of a segment: some 400 MB while it is put in order, 100 MB on disk


def build_index(
    target: Path,
    corpus: pa.Table,
    *,
    analyzers: Mapping[str, str] | None = None,
    text: bool = True,
    progress: bool = False,
) -> Manifest:
    """Build an index folder; it appears under its name when it is complete. The same input gives the same bytes.

    Args:
        target: the folder to make; must not exist.
        corpus: `id, text, lang`; may be memory-mapped and larger than memory.
        analyzers: by language, before those of the table (see `spec_of`).
        text: keep the texts, so that hits can be shown and reranked.
        progress: a bar on stderr, where that is a terminal.

    Raises:
        InputError: no rows, repeated ids, a language without an analyzer, an unknown analyzer, `target` exists.
        MissingExtraError: PyStemmer is not installed.
    """
    table = rows_to_index(corpus, text=text)
    specs = new_analyzers(table, analyzers or {})
    with atomic_folder(target) as folder:
        segments, files = write_segments(folder, table, specs, number=1, text=text, progress=progress)
        manifest = Manifest(
            rows=table.num_rows,
            languages=count_languages(table),
            analyzers=specs,
            text=text,
            segments=segments,
            versions=versions(),
            files=files,
        )
        manifest.write(folder)
    logger.info("index: %s rows in %s segments", f"{manifest.rows:,}", len(segments))
    return manifest


def rows_to_index(corpus: pa.Table, *, text: bool) -> pa.Table:
    """The columns `id, lang, text` as strings, and `title` where it is kept.

    Raises:
        InputError: no rows, or ids that repeat.
    """
    if corpus.num_rows == 0:
        raise InputError("there are no rows to index; the corpus is empty")
    names = ["id", "lang", *(shown_columns(corpus, text=text) or ["text"])]
    table = corpus.select(names).cast(pa.schema([(name, pa.string()) for name in names]))
    if pc.count_distinct(table["id"]).as_py() < table.num_rows:
        counted = pc.value_counts(table["id"])
        twice = counted.field("values").filter(pc.greater(counted.field("counts"), 1))[0]
        raise InputError(f"id '{twice}' stands twice in the rows to index; ids must be unique")
    return table


def write_segments(
    folder: Path, table: pa.Table, specs: Mapping[str, str], *, number: int, text: bool, progress: bool
) -> tuple[tuple[Segment, ...], dict[str, Sealed]]:
    """Analyse and write rows as segments numbered from `number`; the segments, and their files."""
    analyzers = {language: analyzer(spec) for language, spec in specs.items()}
    segments: list[Segment] = []
    files: dict[str, Sealed] = {}
    start, lengths, inverter = 0, [], Inverter(analyzers)
    with _bar(table.num_rows, progress) as bar:
        for batch in _batches(table):
            languages = [base_language(tag) for tag in batch["lang"].to_pylist()]
            lengths += inverter.add(languages, batch["text"].to_pylist())
            bar.update(batch.num_rows)
            stop = start + inverter.rows
            if inverter.postings < FULL and stop < table.num_rows:
                continue
            rows = table.slice(start, stop - start).select(["id", "lang"])
            rows = rows.append_column("length", pa.array(lengths, pa.int32()))
            for name in shown_columns(table, text=text):
                rows = rows.append_column(name, table[name].slice(start, stop - start))
            segment, sealed = write_segment(folder, number + len(segments), rows, inverter.inverted())
            segments.append(segment)
            files |= sealed
            start, lengths, inverter = stop, [], Inverter(analyzers)
    return tuple(segments), files


def count_languages(table: pa.Table) -> dict[str, int]:
    """Rows per language tag, tags in alphabetical order."""
    return dict(sorted(Counter(table["lang"].to_pylist()).items()))


def by_language(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Analyzers by the first subtag of their languages, which is what decides the terms.

    Raises:
        InputError: no language, or two analyzers for one.
    """
    found: dict[str, tuple[str, str]] = {}
    for language, spec in given:
        base = base_language(check_lang(language))
        before, other = found.setdefault(base, (language, spec))
        if other != spec:
            raise InputError(
                f"language '{base}' has one analyzer, and two are given: {before}={other} and {language}={spec}; "
                "leave one out"
            )
    return {base: spec for base, (_, spec) in found.items()}


def new_analyzers(table: pa.Table, given: Mapping[str, str]) -> dict[str, str]:
    """The analyzer of every language of a table `lang`, and of every one that was told of.

    Raises:
        InputError: a language without one, or an unknown analyzer.
    """
    given = by_language(given.items())
    found = {base_language(tag) for tag in pc.unique(table["lang"]).to_pylist()}
    specs = {language: spec_of(language, given) for language in sorted(found | set(given))}
    for spec in specs.values():
        parse_spec(spec)
    return specs


def versions() -> dict[str, str]:
    """What made an index, as far as it decides the terms."""
    import unicodedata

    return {"xret": __version__, "PyStemmer": stemmer_version(), "Unicode": unicodedata.unidata_version}


def _batches(table: pa.Table) -> Iterator[pa.Table]:
    """Rows to analyse at a time: at most 4096, with `BYTES` of text or a single one."""
    start = 0
    while start < table.num_rows:
        rows = table.slice(start, BATCH)
        ends = np.cumsum(pc.fill_null(pc.binary_length(rows["text"]), 0).to_numpy(), dtype=np.int64)
        many = max(1, int(np.searchsorted(ends, BYTES, side="right")))
        yield rows.slice(0, many)
        start += many


def _bar(rows: int, progress: bool) -> AbstractContextManager[Any]:
    bar: AbstractContextManager[Any] = tqdm(total=rows, unit="row", desc="index", disable=None if progress else True)
    return bar
