"""Passages' vectors mixed with those of queries: document expansion in the space of vectors.

Zhuang, Shou & Zuccon 2023, "Augmenting Passage Representations with Query Generation for Enhanced Cross-Lingual Dense
Retrieval" (xQG): a passage p with the generated queries Q gets (1 - alpha) p + alpha * sum of q in Q.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from xret.artifact import MANIFEST, digest, read_manifest
from xret.corpus import gather
from xret.encoders import Encoder
from xret.errors import MismatchError, UsageError, VectorsError
from xret.stages.passages import Assigned
from xret.stages.storeparts import Part, check_part, copy_part, parts_of
from xret.vectors import Vectors, VectorsWriter

__all__ = ["Combine", "Mixed", "expand_vectors", "mix"]

Combine = Literal["sum", "mean"]
_SLICE = 8192  # queries whose texts are in memory at once
_ZERO = 1e-6  # a mixed vector that short says nothing
_KEPT = ("encoder", "encoder_hash", "role", "corpus_hash", "precision", "shard_rows", "total", "centred")


@dataclass(frozen=True)
class Mixed:
    """What an expansion came to."""

    rows: int  # in the store
    expanded: int  # of them, those with queries
    queries: int  # that were mixed in
    languages: dict[str, int]  # of these queries


def mix(
    passages: NDArray[np.float32],
    queries: NDArray[np.float64],
    counts: NDArray[np.int64],
    *,
    alpha: float,
    combine: Combine = "sum",
) -> NDArray[np.float32]:
    """(1 - alpha) p + alpha * sum (or mean) of its queries, brought back to length 1.

    Args:
        passages: (n, dim); brought to length 1 first.
        queries: (n, dim) sums of vectors of length 1.
        counts: (n,) how many went into each sum, 1 or more.
        alpha: 0 to 1.
        combine: with ``sum``, as in the paper, a passage with more queries is moved further; with ``mean``, alpha is
            the queries' whole share.

    Returns:
        (n, dim) float32; rows of length 0 where everything cancels out.
    """
    own = passages.astype(np.float64)
    own /= np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-30)
    mixed = (1 - alpha) * own + alpha * (queries / counts[:, None] if combine == "mean" else queries)
    length = np.linalg.norm(mixed, axis=1, keepdims=True)
    return np.where(length > _ZERO, mixed / np.maximum(length, _ZERO), 0).astype(np.float32)


def expand_vectors(
    vectors: Vectors,
    assigned: Assigned,
    out: Path,
    *,
    encoder: Encoder | None,
    alpha: float,
    combine: Combine = "sum",
    resume: bool = False,
    progress: bool = False,
    tell: Callable[[Mixed], object] = lambda mixed: None,
) -> Vectors:
    """A vectors folder with the queries mixed in; rows without queries keep their bytes, as do all with `alpha` 0.

    The manifest tells in `expansion` of every expansion there was, the last one last.

    A run that was killed leaves ``OUT.partial``; the same call with `resume` keeps its finished shards and ends with
    the bytes that an uninterrupted run writes.

    Args:
        vectors: of the passages; its shards are those of the new folder.
        assigned: the queries, each with its passage's row.
        out: the folder to make.
        encoder: that of the passages' vectors; it encodes the queries as queries. None only with `alpha` 0.
        alpha: the queries' weight, 0 to 1 (see `mix`).
        combine: see `mix`.
        resume: go on with an interrupted run.
        progress: a bar on stderr, where that is a terminal.
        tell: called at the end with what the run came to.

    Raises:
        UsageError: `alpha` is not within 0 and 1.
        MismatchError: another encoder than that of the vectors, or what is to be resumed was made with other options.
        VectorsError: a shard was changed since it was written, or passage and queries cancel out.
        InputError: `out` exists, or an interrupted run does and `resume` is off, or the disk is full.
    """
    if not 0 <= alpha <= 1:
        raise UsageError(f"alpha is {alpha}; wanted 0 (passages as they are) to 1 (queries alone)")
    _check_encoder(vectors, encoder if alpha else None)
    parts = parts_of(vectors)
    made = digest(
        "expansion", alpha, combine, encoder.hash if encoder and alpha else None, assigned.hash, vectors.rows,
        [part.fields.get("sha256") for part in parts],
    )  # fmt: skip
    told = {"alpha": alpha, "combine": combine, "queries": assigned.queries, "hash": made}
    _check_partial(Path(out), made)
    fields = {name: vectors.manifest[name] for name in _KEPT if name in vectors.manifest}
    writer = VectorsWriter(
        out, dim=vectors.dim, dtype=vectors.dtype.name,
        fields={**fields, "expansion": [*_expansions(vectors.manifest), told]}, resume=resume,
    )  # fmt: skip
    with tqdm(total=assigned.queries, unit=" queries", unit_scale=True, disable=None if progress else True) as bar:
        for number, part in enumerate(parts):
            low, high = assigned.span(part.start, part.stop)
            if number >= writer.shards:
                if low == high or not alpha or encoder is None:
                    copy_part(writer, vectors, part)
                    bar.update(high - low)
                else:
                    sums = _sums(assigned, low, high, part, encoder, vectors.dim, bar.update)
                    _write(writer, vectors, part, sums, alpha=alpha, combine=combine)
            else:
                bar.update(high - low)
    expanded = writer.finish()
    tell(Mixed(vectors.rows, assigned.passages, assigned.queries, assigned.languages()))
    return expanded


def _expansions(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was mixed into the vectors, one record for each time; a single one may stand there by itself."""
    found = manifest.get("expansion") or []
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]


def _check_encoder(vectors: Vectors, encoder: Encoder | None) -> None:
    if encoder is None:
        return
    encoder.need_sentences()
    if vectors.encoder_hash not in (None, encoder.hash):
        raise MismatchError(
            f"{vectors.source}: was made by '{vectors.encoder_name}' ({str(vectors.encoder_hash)[:12]}), the queries "
            f"would be encoded by '{encoder.name}' ({encoder.hash[:12]}); name the encoder of the vectors"
        )
    if vectors.dim > encoder.dim:
        raise MismatchError(
            f"{vectors.source}: vectors of {vectors.dim} values, '{encoder.name}' gives {encoder.dim}; name the "
            "encoder that made them"
        )


def _check_partial(out: Path, made: str) -> None:
    """Refuse to go on with a run of other options or inputs."""
    partial = out.with_name(out.name + ".partial")
    if (partial / MANIFEST).is_file():
        before = _expansions(read_manifest(partial, kind="vectors"))
        if not before or before[-1].get("hash") != made:
            raise MismatchError(
                f"{partial}: holds an interrupted run with other vectors, queries, encoder or alpha; remove it, or "
                "choose another name"
            )


def _write(
    writer: VectorsWriter, vectors: Vectors, part: Part, sums: tuple[NDArray[np.float64], NDArray[np.int64]], *,
    alpha: float, combine: Combine,
) -> None:  # fmt: skip
    check_part(part)
    values = vectors.block(part.start, part.stop).copy()
    total, counts = sums
    touched = np.flatnonzero(counts)
    mixed = mix(values[touched], total[touched], counts[touched], alpha=alpha, combine=combine)
    ids = part.ids(vectors)
    if not (there := mixed.any(axis=1)).all():
        row = ids[int(touched[np.argmin(there)])]
        raise VectorsError(f"{vectors.source}: the vector of id '{row}' and its queries cancel out; take another alpha")
    values[touched] = mixed
    writer.write(ids, values, **{**part.facts, "expanded": len(touched)})


def _sums(
    assigned: Assigned, low: int, high: int, part: Part, encoder: Encoder, dim: int, advance: Callable[[int], object]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(rows, dim) sums of the vectors of each row's queries, and (rows,) how many these are."""
    total = np.zeros((part.stop - part.start, dim))
    counts = np.zeros(part.stop - part.start, np.int64)
    width = None if dim == encoder.dim else dim
    for start in range(low, high, _SLICE):
        places, rows = assigned.slice(start, min(start + _SLICE, high))
        texts, langs = (gather(assigned.table[name], places).to_pylist() for name in ("text", "lang"))
        found, _ = encoder.encode_counted(texts, role="query", lang=langs, dim=width, advance=advance)
        np.add.at(total, rows - part.start, found)
        np.add.at(counts, rows - part.start, 1)
    return total, counts
