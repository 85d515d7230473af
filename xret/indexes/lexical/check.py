"""Whether a lexical index is what its manifest says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather, keep
from xret.errors import InputError
from xret.indexes.checking import check_rows, check_sums
from xret.indexes.lexical.analyzers import base_language
from xret.indexes.lexical.inversion import MOST
from xret.indexes.lexical.layout import REMEDY, Manifest, read_steadily
from xret.indexes.lexical.opened import LexicalIndex, open_as
from xret.indexes.lexical.search import search_index
from xret.indexes.lexical.segments import Opened

__all__ = ["Checked", "check_index"]

SAMPLE = 50
WANTED = 0.9


@dataclass(frozen=True)
class Checked:
    """What was looked at."""

    rows: int
    files: int
    bytes: int
    found_themselves: float | None
    """Share of a sample of rows whose own text, as a query, finds them among its first ten hits; None without texts."""


def check_index(folder: str | Path) -> Checked:
    """Look at everything: checksums, unique ids, language counts, the order of terms and postings, and a sample search.

    Raises:
        InputError: the first thing that is wrong.
    """
    return read_steadily(Path(folder), _check)


def _check(folder: Path, manifest: Manifest) -> Checked:
    check_sums(folder, ((name, sealed.sha256) for name, sealed in manifest.files.items()))
    index = open_as(folder, manifest)
    _check_rows(index)
    for segment in index.segments:
        _check_postings(folder, segment)
    share = _found_themselves(index) if manifest.text and manifest.rows else None
    if share is not None and share < WANTED:
        raise InputError(f"{folder}: only {share:.0%} of a sample of rows find themselves; {REMEDY}")
    return Checked(manifest.rows, len(manifest.files), manifest.bytes, share)


def _check_rows(index: LexicalIndex) -> None:
    table = index.table.select(["id", "lang"])
    table = table if index.alive is None else keep(table, index.alive)
    made = index.manifest
    check_rows(index.folder, table, rows=made.rows, languages=made.languages)


def _check_postings(folder: Path, segment: Opened) -> None:
    """Terms and rows ascend, rows are of the right language, and counts sum up to the lengths of the texts."""
    place = f"{folder}: segment {segment.segment.number}"
    codes = {name: number for number, name in enumerate(segment.terms)}
    tags = np.array([codes.get(base_language(tag), -1) for tag in segment.table["lang"].to_pylist()])
    for name, (terms, start) in segment.terms.items():
        order = pc.sort_indices(terms.strings).to_numpy()
        if not np.array_equal(order, np.arange(len(order))) or pc.count_distinct(terms.strings).as_py() < len(order):
            raise InputError(f"{place}: the terms of language '{name}' are not in order; {REMEDY}")
        rows = segment.rows[start : start + int(terms.ends[-1])]
        term = np.repeat(np.arange(len(terms.ends)), np.diff(terms.ends, prepend=0))
        if ((np.diff(rows) <= 0) & (np.diff(term) == 0)).any() or not (tags[rows] == codes[name]).all():
            raise InputError(f"{place}: the postings of language '{name}' are not in order; {REMEDY}")
    sums = np.bincount(segment.rows, segment.counts, segment.segment.rows)
    full = np.bincount(segment.rows, segment.counts == MOST, segment.segment.rows) > 0
    if not ((sums == segment.lengths) | full).all():
        raise InputError(f"{place}: the counts of some rows do not sum up to their lengths; {REMEDY}")


def _found_themselves(index: LexicalIndex) -> float:
    live = np.arange(index.table.num_rows) if index.alive is None else np.flatnonzero(index.alive)
    rows = np.sort(np.random.default_rng(0).choice(live, min(SAMPLE, len(live)), replace=False))
    queries = pa.table({name: gather(index.table[name], rows) for name in ("id", "text", "lang")})
    tags = pc.unique(queries["lang"]).to_pylist()
    found = pa.concat_tables(  # every text among those of its language: what one has in another is no matter here
        search_index(index, queries.filter(pc.equal(queries["lang"], tag)), k=10, languages=[tag]) for tag in tags
    )
    itself = set(found.filter(pc.equal(found["qid"], found["docid"]))["qid"].to_pylist())
    empty = gather(index.table["length"], rows).to_numpy() == 0  # texts without a letter or digit
    itself |= set(np.array(queries["id"].to_pylist(), object)[empty].tolist())
    # Copies of one text crowd each other out of ten: those that score as the best hit does are as good as found.
    best = dict(zip(found["qid"].to_pylist()[::-1], found["score"].to_pylist()[::-1], strict=True))
    for query in set(queries["id"].to_pylist()) - itself:
        own = search_index(index, queries.filter(pc.equal(queries["id"], query)), k=1, docids=[query])
        if own.num_rows and own["score"][0].as_py() >= best[query] * (1 - 1e-6):
            itself.add(query)
    return len(itself) / len(rows)
