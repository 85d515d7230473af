"""What every opened index knows of its rows: ids, languages, texts, which are deleted, and which may be found."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather, keep
from xret.errors import InputError, MismatchError

__all__ = ["Catalogue", "Stated", "candidate_rows", "refuse_other_queries"]

logger = logging.getLogger("xret")


class Stated(Protocol):
    """What a manifest says of rows."""

    @property
    def encoder(self) -> str | None:
        """Name of the encoder; None where unknown."""

    @property
    def encoder_hash(self) -> str | None:
        """Its content hash; None where unknown."""

    @property
    def languages(self) -> Mapping[str, int]:
        """Rows per language tag."""

    @property
    def text(self) -> bool:
        """Whether texts are kept."""


class Catalogue:
    """The rows of an index; see the attributes of those that inherit it."""

    folder: Path
    table: pa.Table
    """`id, lang[, text]` of every row, deleted ones included; a row's number is its place here."""
    deleted: npt.NDArray[np.int64]
    """Numbers of the deleted rows, ascending."""

    @property
    def stated(self) -> Stated:
        """What the manifest says of the rows."""
        raise NotImplementedError

    def kept(
        self, languages: Sequence[str] | None, docids: Sequence[str] | pa.Array | None = None
    ) -> npt.NDArray[np.bool_] | None:
        """(rows,) whether a row may be found: not deleted, of one of `languages`, one of `docids`; None when all may.

        A language stands for its subtags too (RFC 4647, basic filtering): ``zh`` finds ``zh`` and ``zh-Hant``.

        Raises:
            InputError: a language of which the index has no row; lists those it has.
        """
        if languages is None and docids is None and not len(self.deleted):
            return None
        kept = np.ones(self.table.num_rows, bool)
        if languages is not None:
            tags = pa.array(sorted(self._tags(languages)), pa.string())
            kept = pc.is_in(self.table["lang"], value_set=tags).to_numpy()
        if docids is not None:
            wanted = pc.is_in(self.table["id"], value_set=pa.array(docids, pa.string()))
            kept = kept & wanted.to_numpy()
        kept[self.deleted] = False
        return kept

    def rows_of(self, ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Ascending numbers of the rows with one of these ids; none for ids that are not there or deleted."""
        found, kept = pc.is_in(self.table["id"], value_set=ids).to_numpy(), self.kept(None)
        return np.flatnonzero(found if kept is None else found & kept)

    def documents(self, ids: Sequence[str] | pa.Array | pa.ChunkedArray) -> pa.Table:
        """`id, text, lang` of the rows with these ids, ascending; none for ids that are not there or deleted.

        Raises:
            InputError: the index was built without texts.
        """
        self.refuse_without_text()
        rows = self.rows_of(ids if isinstance(ids, pa.Array | pa.ChunkedArray) else pa.array(ids, pa.string()))
        return pa.table({name: gather(self.table[name], rows) for name in ("id", "text", "lang")})

    def rows_to_delete(self, ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """The rows of ids that must all be there.

        Raises:
            InputError: one is not; names the first three.
        """
        wanted = pa.array(list(dict.fromkeys(ids)), pa.string())
        rows = self.rows_of(wanted)
        if len(rows) < len(wanted):
            missing = wanted.filter(pc.invert(pc.is_in(wanted, value_set=gather(self.table["id"], rows))))
            names = ", ".join(f"'{name}'" for name in missing[:3].to_pylist())
            raise InputError(
                f"{self.folder}: does not hold {len(missing):,} of the ids to delete ({names}); nothing was deleted"
            )
        return rows

    def live(self) -> pa.Table:
        """`table` without the deleted rows; memory-mapped where few or none were deleted."""
        kept = self.kept(None)
        return self.table if kept is None else keep(self.table, kept)

    def refuse_other_encoder(self, name: str | None, hash: str | None) -> None:
        """Raise unless queries come from the encoder that made the index (unknown origins are let pass).

        Raises:
            MismatchError: with both names.
        """
        ours, ours_hash = self.stated.encoder, self.stated.encoder_hash
        if hash and ours_hash and hash != ours_hash:
            if name == ours:
                raise MismatchError(
                    f"{self.folder}: was built with another version of encoder '{ours}' ({ours_hash[:12]}) than the "
                    f"one given ({hash[:12]}); build the index again"
                )
            raise MismatchError(
                f"{self.folder}: was built with encoder '{ours}' ({ours_hash[:12]}), those given come from '{name}' "
                f"({hash[:12]}); "
                f"use --encoder {ours}, or build the index again with '{name}'"
            )

    def refuse_without_text(self) -> None:
        """Raise when the index was built without texts.

        Raises:
            InputError: saying so.
        """
        if not self.stated.text:
            raise InputError(f"{self.folder}: was built without texts; build it again without --no-text")

    def refuse_ids(self, new: pa.ChunkedArray) -> None:
        """Raise when the index holds some of the ids to add already.

        Raises:
            InputError: naming the first three.
        """
        found = gather(self.table["id"], self.rows_of(new.unique().cast(pa.string())))
        if len(found):
            names = ", ".join(f"'{name}'" for name in found[:3].to_pylist())
            raise InputError(
                f"{self.folder}: holds {len(found):,} of the ids to add already "
                f"({names}{', …' if len(found) > 3 else ''}); leave those rows out, or delete them from the index first"
            )

    def _tags(self, languages: Sequence[str]) -> set[str]:
        has = self.stated.languages
        found: set[str] = set()
        for language in languages:
            wanted = language.lower()
            tags = {tag for tag in has if tag.lower() == wanted or tag.lower().startswith(wanted + "-")}
            if not tags:
                counts = ", ".join(f"{tag} {count:,}" for tag, count in has.items()) or "no rows at all"
                raise InputError(f"{self.folder}: has no rows in language '{language}'; it has {counts}")
            found |= tags
        return found


def candidate_rows(index: Catalogue, queries: pa.Table, run: pa.Table) -> list[npt.NDArray[np.int64]]:
    """Per query the rows of its documents in a run, each once and ascending.

    What the index does not hold is left out, and counted in a warning.

    Raises:
        MismatchError: the run has none of the queries.
        InputError: the index holds none of the candidates of the queries.
    """
    qids, docids = run["qid"].cast(pa.string()), run["docid"].cast(pa.string())
    query = pc.fill_null(pc.index_in(qids, value_set=queries["id"].cast(pa.string())), -1).to_numpy()
    asked = query >= 0
    refuse_other_queries(queries, run)
    live = index.rows_of(docids.unique())
    place = pc.fill_null(pc.index_in(docids, value_set=gather(index.table["id"], live)), -1).to_numpy()
    missing = int((place[asked] < 0).sum())
    if missing and missing == asked.sum():
        raise InputError(f"{index.folder}: holds none of the candidates; give a run over the same documents")
    if missing:
        logger.warning("%s: does not hold %s of the candidates; they are left out", index.folder, f"{missing:,}")
    use = asked & (place >= 0)
    rows, query = live[place[use]], query[use]
    order = np.argsort(query, kind="stable")
    starts = np.searchsorted(query[order], np.arange(queries.num_rows + 1))
    return [np.unique(rows[order[start:stop]]) for start, stop in pairwise(starts)]


def refuse_other_queries(queries: pa.Table, run: pa.Table) -> None:
    """Raise where a run of candidates has rows, but none of these queries.

    Raises:
        MismatchError: saying so.
    """
    asked = pc.is_in(run["qid"].cast(pa.string()), value_set=queries["id"].cast(pa.string()).combine_chunks())
    if run.num_rows and not pc.any(asked).as_py():
        raise MismatchError(
            "the candidates are of none of the queries (their ids differ); give the run of these queries"
        )
