"""Whether a store holds what it should, and the swap of an alias to one that does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import InputError, MismatchError
from xret.stores.door import has_store, open_store
from xret.stores.place import Place, parse_place
from xret.stores.recipe import Recipe
from xret.stores.rows import matrix
from xret.stores.store import Store

__all__ = ["Swapped", "Verified", "refuse_store_name", "swap", "verify"]

SAMPLE = 100
FIRST = 10  # hits among which a row must find itself
SAME = 1e-3  # codes and float16 apart, the best hit scores what the row itself would
WANTED = {True: 0.99, False: 0.8}  # share of rows that must find themselves: exact indexes, others


@dataclass(frozen=True)
class Verified:
    """What was looked at.

    Attributes:
        rows: that can be found.
        sampled: rows whose own vector was searched for.
        found: the share of those that it found among its first ten hits, or a copy of them.
    """

    rows: int
    sampled: int
    found: float


@dataclass(frozen=True)
class Swapped:
    """An alias and what it leads to: before (None where it is new) and now."""

    alias: str
    before: str | None
    now: str
    verified: Verified


def verify(store: Store, *, rows: int | None = None, least: int = 1, sample: pa.Table | None = None) -> Verified:
    """Count rows, and let a sample of them find themselves.

    Args:
        store: opened.
        rows: how many there should be; None where `least` or more will do.
        least: how many there should be at least.
        sample: `id, vector` of rows that must be there; None takes some of the store's own.

    Raises:
        InputError: the numbers differ, or too few rows of the sample find themselves.
    """
    count = store.count()
    if count < least or rows not in (None, count):
        wanted = ("some" if least == 1 else f"{least:,} or more") if rows is None else f"{rows:,}"
        raise InputError(f"{store.place}: holds {count:,} rows, wanted {wanted}; load it again")
    drawn = store.sample(SAMPLE) if sample is None else sample
    share = _found_themselves(store, drawn)
    if share < WANTED[store.recipe.index == "Flat"]:
        raise InputError(
            f"{store.place}: only {share:.0%} of {drawn.num_rows} rows find themselves; load it again, or choose "
            "another index"
        )
    return Verified(count, drawn.num_rows, share)


def swap(
    alias: Place | str | Path, target: Place | str | Path, *, rows: int | None = None, other_encoder: bool = False
) -> Swapped:
    """Make an alias lead to a store, once that is verified; every search sees the old one or the new one, whole.

    Args:
        alias: made where there is none; on the same server, or in the same folder.
        target: a store, by its place or by its name beside the alias.
        rows: how many rows it should hold.
        other_encoder: let it be of another encoder than what the alias leads to: searches that go on with the old
            encoder then find nonsense, so start them anew.

    Raises:
        InputError: no such store, a load into it was not finished, the verification failed, or the alias is the name
            of a store.
        MismatchError: another encoder or dimension than what the alias leads to.
        UsageError: they are in different places.
    """
    name = alias if isinstance(alias, Place) else parse_place(alias)
    store = open_store(target if isinstance(target, Place) else name.beside(str(target)))
    try:
        if store.loading():
            raise InputError(
                f"{store.place}: a load into it was not finished, so rows are missing; do it again, or drop the store"
            )
        verified = verify(store, rows=rows)
        if not other_encoder and has_store(name):
            _refuse_other(name, store)
        before = store.point(name)
        return Swapped(str(name), None if before is None else str(before), str(store.leads_to()), verified)
    finally:
        store.close()


def refuse_store_name(alias: Place, target: Place) -> None:
    """Refuse an alias that is the name of a store, before hours are spent on what it shall lead to.

    Raises:
        InputError: as said.
    """
    if has_store(alias):
        store = open_store(alias)
        try:
            named = store.leads_to() == alias
        finally:
            store.close()
    else:
        named = alias == target
    if named:
        raise InputError(f"{alias}: is a store, no alias; choose another name for --alias")


def _refuse_other(alias: Place, store: Store) -> None:
    old = open_store(alias)
    try:
        ours, new = old.recipe, store.recipe
    finally:
        old.close()
    if ours.dim != new.dim or (ours.encoder_hash and new.encoder_hash and ours.encoder_hash != new.encoder_hash):
        raise MismatchError(
            f"{alias}: leads to vectors of {_made_by(ours)}, {store.place} holds those of {_made_by(new)}; searches "
            "that go on would find nonsense: stop them and give --other-encoder, or choose another alias"
        )


def _made_by(recipe: Recipe) -> str:
    return f"'{recipe.encoder or 'unknown'}' ({(recipe.encoder_hash or '-')[:12]}, {recipe.dim} dimensions)"


def _found_themselves(store: Store, drawn: pa.Table) -> float:
    vectors = matrix(drawn)
    if store.recipe.metric == "cosine":
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    ids = drawn["id"].cast(pa.string()).to_pylist()
    run = store.search(vectors, k=FIRST, qids=ids)
    itself = set(run.filter(pc.equal(run["qid"], run["docid"]))["qid"].to_pylist())
    first = run.filter(pc.equal(run["rank"], 1))
    best = dict(zip(first["qid"].to_pylist(), first["score"].to_pylist(), strict=True))
    own = (vectors * vectors).sum(axis=1)
    # Copies of one text crowd each other out of ten: a row is as good as found when the best hit scores what it would.
    good = [id in itself or best.get(id, -np.inf) >= score - SAME for id, score in zip(ids, own, strict=True)]
    return float(np.mean(good))
