"""Vectors into a store, batch by batch; a load that was killed goes on where it was."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from xret.artifact import atomic_file, digest
from xret.errors import InputError, UsageError
from xret.indexes.dense.rows import rows_of
from xret.stores.door import create_store, has_store, open_store
from xret.stores.place import Place, parse_place
from xret.stores.recipe import Recipe
from xret.stores.rows import WEIGHTS, as_column, as_mapping, row_batches
from xret.stores.store import Store
from xret.stores.verifying import SAMPLE, Verified, verify
from xret.vectors import Vectors

__all__ = ["BATCH", "Loaded", "Weigh", "load"]

logger = logging.getLogger("xret")
BATCH = 4096
Weigh: TypeAlias = Callable[[Sequence[str], Sequence[str]], Sequence[Any]]
"""(texts, their languages) to the token weights of each: `xret.encoders.TokenWeights`, or mappings."""


@dataclass(frozen=True)
class Loaded:
    """What a load did.

    Attributes:
        store: its place.
        rows: written now.
        skipped: written before, by a load that was killed.
        verified: what was looked at afterwards.
    """

    store: str
    rows: int
    skipped: int
    verified: Verified


def load(
    place: Place | str | Path,
    vectors: Vectors,
    *,
    corpus: pa.Table | None = None,
    index: str | None = None,
    text: bool = True,
    words: bool = False,
    analyzer: str = "standard",
    sparse: Weigh | None = None,
    batch: int = BATCH,
    work: Path | None = None,
    progress: bool = False,
) -> Loaded:
    """Put all rows of a vectors folder into a store, which is made where there is none; same ids are replaced.

    A server's store gets batches, however many rows there are, and a file beside the vectors (or in `work`) notes how
    far it came; killed, the same call goes on from there, and until it has come to its end no alias is led there. (A
    cluster's own bulk import would want the files in its object storage, where xret has no business.) An index folder
    gets all rows in one step, or none.

    Args:
        place: of the store.
        vectors: n rows.
        corpus: the table `id, lang` and perhaps `text` that was encoded; None: languages are ``und``, and no texts are
            kept.
        index: see `Recipe.index`; None: ``Flat`` in a new folder (or what fits, by `xret.indexes.choice`), the server's
            own choice in a new collection, and what is there in one that exists.
        text: keep the texts (ignored without a corpus).
        words: have the store count their words, for hybrid searches.
        analyzer: how it cuts them (see `Recipe.analyzer`).
        sparse: gives the token weights of texts and their languages, to be kept for hybrid searches (needs a corpus
            with texts).
        batch: rows of a batch.
        work: folder for the note of how far the load came.
        progress: a bar on stderr, where that is a terminal.

    Raises:
        InputError: no rows, the store cannot be reached, or rows that it cannot take.
        VectorsError: a shard was changed since, NaN, or a zero vector.
        MismatchError: the corpus is not what was encoded, or the store holds vectors of another encoder or dimension.
        UsageError: the store exists, and keeps other things than asked for.
    """
    where = place if isinstance(place, Place) else parse_place(place)
    if vectors.rows == 0:
        raise InputError("there are no rows to load; the vectors folder is empty")
    if batch < 1:
        raise UsageError(f"batches of {batch} rows load nothing; give 1 or more")
    vectors.compare_checksums()
    texts = corpus is not None and "text" in corpus.column_names
    if sparse is not None and not texts:
        raise UsageError("token weights are those of texts, and vectors alone have none; give their corpus")
    kept = text and texts
    table = rows_of(vectors, corpus, text=kept or sparse is not None)
    recipe = Recipe(
        dim=vectors.dim, index=index or "auto", encoder=vectors.encoder_name, encoder_hash=vectors.encoder_hash,
        text=kept, words=words, analyzer=analyzer, sparse=sparse is not None,
    )  # fmt: skip
    if where.kind == "folder":
        return _into_folder(where, vectors, _weighed(table, sparse), recipe, index)
    store = _opened(where, recipe, index)
    try:
        journal = _Journal.of(store, vectors, table, batch, work)
        skipped, mark = journal.rows, journal.name[:12]
        store.begin(mark)
        if skipped:
            logger.info("load: goes on at row %s of %s", f"{skipped:,}", f"{vectors.rows:,}")
        for rows in _shown(row_batches(vectors, table, rows=batch, start=skipped), vectors, skipped, progress):
            store.upsert(_weighed(rows, sparse))
            journal.note(rows.num_rows)
        store.settle()
        verified = verify(store, least=vectors.rows, sample=_drawn(vectors))
        store.finish(mark)
        journal.path.unlink(missing_ok=True)
        return Loaded(str(where), vectors.rows - skipped, skipped, verified)
    finally:
        store.close()


def _into_folder(where: Place, vectors: Vectors, table: pa.Table, recipe: Recipe, index: str | None) -> Loaded:
    from xret.stores.folder.making import create_of

    if not has_store(where):
        store: Store = create_of(where, recipe, vectors, table)
    else:
        store = open_store(where)
        _refuse_other(store, recipe, index)
        store.upsert(next(iter(row_batches(vectors, table, rows=vectors.rows))))
    return Loaded(str(where), vectors.rows, 0, verify(store, least=vectors.rows, sample=_drawn(vectors)))


def _weighed(rows: pa.Table, sparse: Weigh | None) -> pa.Table:
    """Rows `lang, text, …` with the column `sparse`, where weights are wanted."""
    if sparse is None:
        return rows
    chunks = []
    for start in range(0, rows.num_rows, BATCH):
        some = rows.slice(start, BATCH)
        weights = sparse(some["text"].to_pylist(), some["lang"].to_pylist())
        chunks.append(pa.array([list(as_mapping(each).items()) for each in weights], WEIGHTS))
    return rows.append_column("sparse", pa.chunked_array(chunks, WEIGHTS))


def _opened(where: Place, recipe: Recipe, index: str | None) -> Store:
    if not has_store(where):
        return create_store(where, recipe)
    store = open_store(where)
    try:
        _refuse_other(store, recipe, index)
    except Exception:
        store.close()
        raise
    return store


def _refuse_other(store: Store, wanted: Recipe, index: str | None) -> None:
    there = store.recipe
    there.refuse_other_dim(store.place, wanted.dim, "those to load")
    there.refuse_other_encoder(store.place, wanted.encoder, wanted.encoder_hash)
    if there.text and not wanted.text:
        raise UsageError(f"{store.place}: keeps texts, and vectors alone have none; give their corpus")
    if there.sparse != wanted.sparse:
        has, need = ("token weights", "give") if there.sparse else ("no token weights", "leave out")
        raise UsageError(f"{store.place}: keeps {has}; {need} --sparse, or load into a new store")
    if (index and index != there.index) or (wanted.words and not there.words):
        raise UsageError(
            f"{store.place}: exists already, with index {there.index} and {'' if there.words else 'no '}words; load "
            "into a new store, and let an alias lead to it"
        )
    if bool(there.encoder_hash) != bool(wanted.encoder_hash):
        logger.warning(
            "%s: %s not said which encoder made the vectors, so nobody can tell whether the two go together",
            store.place, "of those to load it is" if there.encoder_hash else "of those that are there it is",
        )  # fmt: skip


def _drawn(vectors: Vectors) -> pa.Table:
    rows = np.sort(np.random.default_rng(0).choice(vectors.rows, min(SAMPLE, vectors.rows), replace=False))
    return pa.table({"id": vectors.ids().take(pa.array(rows)), "vector": as_column(vectors.take(rows))})


def _shown(batches: Iterator[pa.Table], vectors: Vectors, done: int, progress: bool) -> Iterator[pa.Table]:
    with tqdm(
        total=vectors.rows, initial=done, desc="load", unit=" rows", unit_scale=True, disable=None if progress else True
    ) as bar:
        for rows in batches:
            yield rows
            bar.update(rows.num_rows)


class _Journal:
    """How many rows of one load are known to be in the store; a load of other things has another name."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name, self.rows = path, name, 0

    @staticmethod
    def of(store: Store, vectors: Vectors, table: pa.Table, batch: int, work: Path | None) -> _Journal:
        from xret.corpus import corpus_hash

        content = vectors.manifest or vectors.source
        made_of = corpus_hash(table if "text" in table.column_names else table.append_column("text", table["lang"]))
        name = digest(str(store.leads_to()), store.recipe.made, content, vectors.rows, made_of)
        source = Path(vectors.source)
        folder = work if work is not None else source.parent if source.exists() else Path()
        journal = _Journal(folder / f"{source.name}.{name[:12]}.load", name)
        try:
            noted = json.loads(journal.path.read_text(encoding="utf-8"))
            if noted["load"] == name:
                journal.rows = min(int(noted["rows"]), vectors.rows)
        except (OSError, ValueError, KeyError, TypeError):
            pass  # a first load, or a note that is no use: rows are written again, which changes nothing
        return journal

    def note(self, rows: int) -> None:
        """So many more rows were acknowledged."""
        self.rows += rows
        with atomic_file(self.path) as temporary:
            temporary.write_text(json.dumps({"load": self.name, "rows": self.rows}) + "\n", encoding="utf-8")
