"""The nearest neighbours of all sentences of two corpora, each in the other: what mining chooses pairs from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from xret.engines import current_engine
from xret.errors import MismatchError, UsageError
from xret.indexes.choice import parse_bytes, readable_bytes
from xret.indexes.twoway import Rows, TwoWay, open_search, select, two_way_knn
from xret.indexes.twoway.cells import spread_lists
from xret.indexes.twoway.plan import private_memory
from xret.indexes.twoway.shards import find_shards, merged_shards, parse_shard, save_neighbours, shard_rows
from xret.stages.extract import Retrieval, most_pairs
from xret.stages.sides import Sides
from xret.stages.stage import Stage
from xret.vectors import Vectors

__all__ = ["Neighbours", "checked_vectors", "same_encoder", "searched"]

_CHOOSING = 450  # bytes per neighbour and sentence of the larger side that `xret.stages.choosing` takes at most


@dataclass(frozen=True, kw_only=True)
class Neighbours(Stage):
    """Finds the neighbours of the distinct sentences of both corpora.

    Output: the folder ``work/neighbours``: ``forward.arrow`` and ``backward.arrow``, a row per distinct sentence of the
    source and of the target, `ids: fixed_size_list<int64>[k]`, numbers of distinct sentences of the other side, and
    `cosines: fixed_size_list<float>[k]`, best first; with copies on both sides k grows by as many as one sentence has.
    An interrupted search goes on where it was.

    Attributes:
        k: neighbours per sentence.
        keep_copies: treat copies like other sentences.
        search: ``exact``; or ``auto`` or a FAISS factory, for approximate neighbours with exact cosines.
        seed: of the sample that an approximate search learns from.
        shard: ``I/N``: only the I-th of N parts of the sources, to be joined later.
        shards: work folders with all shards of this search, which are joined; no part of the result.
        memory: what the process may take, pages of mapped files aside, e.g. ``8G``; no part of an exact result.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. No part of an exact result.
        threads: CPU threads; None for all cores. No part of the result.
        retrieval: how pairs will be chosen, where the texts of all of them count towards the memory; None where a
            threshold leaves few. No part of the result.
        best: likewise, how many of a sentence.
    """

    name = "neighbours"
    inputs = ("src_corpus", "tgt_corpus", "src_vectors", "tgt_vectors")
    output = "neighbours"
    apart = ("shards", "memory", "device", "threads", "retrieval", "best")

    k: int = 4
    keep_copies: bool = False
    search: str = "exact"
    seed: int = 0
    shard: str | None = None
    shards: tuple[str, ...] = ()
    memory: str | None = None
    device: str = "cpu"
    threads: int | None = None
    retrieval: Retrieval | None = None
    best: int = 1

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 1:
            raise UsageError(f"k = {self.k}: must be at least 1")
        if self.memory is not None:
            parse_bytes(self.memory)
        if self.shard is not None:
            parse_shard(self.shard)
            if self.search != "exact":
                raise UsageError(f"search '{self.search}' cannot be divided into shards; search exactly, or as a whole")

    def contents(self) -> tuple[str, ...]:
        """The memory, where it decides what an approximate search learns."""
        return () if self.search == "exact" else (str(self.memory),)

    def run(self, *values: Any, work: Path) -> Path:
        """The folder of the neighbours of two corpora with their vectors (row i of the vectors is row i of the corpus).

        Raises:
            MismatchError: vectors of another corpus, or of different encoders on the two sides.
            UsageError: more memory is needed.
            InputError: shards are missing.
        """
        out = Path(work) / "neighbours"
        if out.exists():  # it appears complete or not at all
            return out
        src, tgt = checked_vectors(*values[:4])
        sides = Sides.of(values[0], values[1], keep_copies=self.keep_copies)
        x, y = select(src, sides.src.first), select(tgt, sides.tgt.first)
        check = partial(self._check_choosing, x.rows, y.rows, self.k + sides.extra, values[:2])
        if self.search == "exact":
            self._exact(x, y, self.k + sides.extra, Path(work), out, check)
        else:
            check()
            self._approximate(x, y, self.k + sides.extra, Path(work), out)
        return out

    def _exact(self, x: Rows, y: Rows, k: int, work: Path, out: Path, check: Callable[[], None]) -> None:
        search = open_search(
            x, y, k=k, threads=self.threads, progress=True, device=self.device, memory=self._bytes(), spans=True
        )
        fields: dict[str, Any] = {"search": "exact", "k": k, "key": search.key}
        if not self.shard:
            check()
        if self.shards:
            shards = find_shards(map(Path, self.shards), search.key)
            found = merged_shards(search, shards, engine=current_engine(), work=work / "search")
            save_neighbours(out, found.forward, found.backward, fields)
            shutil.rmtree(work / "search", ignore_errors=True)
            return
        start, stop = shard_rows(search.x.rows.rows, parse_shard(self.shard or "1/1"))
        engine = current_engine()
        if engine is None:
            forward, backward = search.lists(start, stop, work / "search")
        else:
            forward, backward = spread_lists(
                search, (start, stop), engine=engine, work=work / "search", threads=self.threads, device=self.device,
                memory=self._bytes(),
            )  # fmt: skip
        if self.shard:
            save_neighbours(out, forward, backward, fields | {"shard": self.shard})
        else:
            found = search.finished(forward, backward)
            save_neighbours(out, found.forward, found.backward, fields)
        shutil.rmtree(work / "search")

    def _approximate(self, x: Rows, y: Rows, k: int, work: Path, out: Path) -> None:
        from xret.indexes.twoway.approximate import approximate_knn

        found = approximate_knn(
            x, y, k=k, factory=self.search, seed=self.seed, memory=self._bytes(), threads=self.threads, progress=True,
            engine=current_engine(), work=work / "search",
        )  # fmt: skip
        fields = {"search": found.factories, "k": k, "recall": found.recall}
        save_neighbours(out, found.neighbours.forward, found.neighbours.backward, fields)
        shutil.rmtree(work / "search", ignore_errors=True)

    def _texts(self, src: Any, tgt: Any) -> int:
        """Bytes of the texts of the pairs to come, of all of which there is a copy."""
        if self.retrieval is None or self.memory is None:
            return 0
        sizes: list[int] = [int(pc.sum(pc.binary_length(each["text"])).as_py() or 0) for each in (src, tgt)]
        pairs: int = most_pairs(src.num_rows, tgt.num_rows, self.k, self.retrieval, self.best)
        texts: int = sum(size // max(1, corpus.num_rows) for size, corpus in zip(sizes, (src, tgt), strict=True))
        return pairs * texts * 11 // 10  # a tenth for their writing

    def _check_choosing(self, rows: int, columns: int, k: int, corpora: tuple[Any, Any]) -> None:
        """Refuse before hours of work what the choice of pairs after it would need."""
        texts = self._texts(*corpora)
        needed = private_memory() + _CHOOSING * k * max(rows, columns) + texts
        if needed > (self._bytes() or needed):
            raise UsageError(
                f"memory of {self.memory}: choosing pairs among the neighbours of {rows:,} x {columns:,} sentences "
                f"takes some {readable_bytes(needed)}"
                + (
                    f", with {readable_bytes(texts)} for their texts; give more, or --threshold"
                    if texts
                    else "; give more"
                )
            )

    def _bytes(self) -> int | None:
        return None if self.memory is None else parse_bytes(self.memory)


def searched(x: Rows, y: Rows, *, k: int, threads: int | None, work: Path) -> TwoWay:
    """The exact neighbours in both directions, found here or by the engine in use.

    Args:
        x: vectors of one side.
        y: of the other.
        k: neighbours of each.
        threads: of this process, or of each worker.
        work: with an engine, a folder that all workers can open.
    """
    engine = current_engine()
    if engine is None:
        return two_way_knn(x, y, k=k, threads=threads, progress=True)
    search, folder = open_search(x, y, k=k, threads=threads, progress=True), work / "search"
    found = search.finished(*spread_lists(search, (0, search.x.rows.rows), engine=engine, work=folder, threads=threads))
    shutil.rmtree(folder)
    return found


def checked_vectors(src_corpus: Any, tgt_corpus: Any, src_vectors: Any, tgt_vectors: Any) -> tuple[Vectors, Vectors]:
    """Both corpora's vectors, opened.

    Raises:
        MismatchError: vectors of another corpus, or of different encoders on the two sides.
    """
    src, tgt = Vectors.open(src_vectors), Vectors.open(tgt_vectors)
    for side, corpus, vectors in (("src", src_corpus, src), ("tgt", tgt_corpus, tgt)):
        if vectors.rows != corpus.num_rows:
            said = f"{side}: {corpus.num_rows} sentences but {vectors.rows} vectors"
            raise MismatchError(f"{said}; encode this corpus again")
        if not vectors.ids().equals(corpus["id"]):
            raise MismatchError(f"{side}: the vectors have other ids than the corpus; encode this corpus again")
    same_encoder(src, tgt)
    return src, tgt


def same_encoder(src: Vectors, tgt: Vectors) -> None:
    """Refuse to compare vectors of different encoders.

    Raises:
        MismatchError: both are known, and differ.
    """
    if src.encoder_hash and tgt.encoder_hash and src.encoder_hash != tgt.encoder_hash:
        raise MismatchError(
            f"the two sides come from different encoders, '{src.encoder_name}' {src.encoder_hash[:8]} and "
            f"'{tgt.encoder_name}' {tgt.encoder_hash[:8]}; encode both with one"
        )
