"""What commands and stages call, for dense indexes; see `xret.indexes.kinds.Verbs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.errors import UsageError
from xret.indexes.choice import readable_bytes
from xret.indexes.dense.build import build_index
from xret.indexes.dense.change import add_to_index, delete_from_index
from xret.indexes.dense.check import check_index
from xret.indexes.dense.layout import Manifest, read_steadily
from xret.indexes.dense.named import search_run
from xret.indexes.dense.opened import DenseIndex, open_index
from xret.indexes.encoding import encode_queries
from xret.indexes.kinds import known_options
from xret.vectors import Vectors

__all__ = ["add", "build", "check", "compact", "delete", "fields", "info", "open_index", "search"]

SHOWN = (
    "rows",
    "languages",
    "factory",
    "reason",
    "encoder",
    "encoder_hash",
    "dim",
    "probes",
    "text",
    "bytes",
    "versions",
)
EVERY = ("encoder", "threads", "progress")


def build(target: Path, corpus: pa.Table, **options: Any) -> Mapping[str, Any]:
    """Make an index folder of a corpus; options: `vectors`, those of its rows, and those of `build_index`."""
    given = _known(options, *EVERY, "vectors", "text", "memory", "factory", "seed")
    made = {name: given[name] for name in ("text", "memory", "factory", "seed", "threads", "progress") if name in given}
    build_index(target, _vectors(given), corpus=corpus, **made)
    return fields(target)


def add(folder: Path, corpus: pa.Table, **options: Any) -> Mapping[str, Any]:
    """Append rows; options: `vectors`, those of the rows, and `memory`."""
    given = _known(options, *EVERY, "vectors", "memory")
    made = {name: given[name] for name in ("memory", "threads", "progress") if name in given}
    add_to_index(folder, _vectors(given), corpus=corpus, **made)
    return fields(folder)


def delete(folder: Path, ids: Sequence[str]) -> Mapping[str, Any]:
    """Make rows impossible to find."""
    delete_from_index(folder, ids)
    return fields(folder)


def compact(folder: Path, **options: Any) -> Mapping[str, Any]:
    """Refused: a dense index is made anew from its corpus.

    Raises:
        UsageError: always.
    """
    raise UsageError(f"{folder}: a dense index cannot be compacted; build it again to free the space of deleted rows")


def check(folder: Path) -> Mapping[str, Any]:
    """See `check_index`."""
    return asdict(check_index(folder))


def fields(folder: Path) -> dict[str, Any]:
    """What an index holds and how it was made, for programs."""
    made = read_steadily(Path(folder), _itself)
    return {"index": str(folder), "kind": "dense", **{name: getattr(made, name) for name in SHOWN}}


def info(folder: Path) -> list[tuple[str, str]]:
    """The same for people."""
    made = read_steadily(Path(folder), _itself)
    languages = ", ".join(f"{tag} {rows:,}" for tag, rows in made.languages.items())
    return [
        ("index", str(folder)),
        ("rows", f"{made.rows:,}"),
        ("languages", f"{len(made.languages)}: {languages}"),
        ("encoder", f"{made.encoder or 'unknown'} ({(made.encoder_hash or '-')[:12]}), {made.dim} dimensions"),
        ("factory", f"{made.factory}; {made.reason}"),
        *([("probes", f"{made.probes} lists per query")] if made.probes else []),
        ("texts", "kept" if made.text else "left out"),
        ("size", f"{readable_bytes(made.bytes)} in {len(made.files)} files"),
        ("made by", ", ".join(f"{name} {version}" for name, version in made.versions.items())),
    ]


def search(
    index: DenseIndex,
    queries: pa.Table,
    *,
    k: int,
    languages: Sequence[str] | None = None,
    docids: Sequence[str] | None = None,
    candidates: pa.Table | None = None,
    text: bool = False,
    threads: int | None = None,
    **options: Any,
) -> pa.Table:
    """The best k rows of every query; options: `encoder` (see `xret.indexes.encoding.GivenEncoder`), `nprobe`.

    Raises:
        UsageError: candidates were given: a dense index has no use for them, `xret rerank` has.
    """
    if candidates is not None:
        raise UsageError(f"{index.folder}: a dense index takes no candidates; use xret rerank")
    given = _known(options, *EVERY, "nprobe")
    index.kept(languages)  # an unknown language is told before a model is loaded
    found, _ = encode_queries(queries, given.get("encoder"), dim=index.manifest.dim, check=index.refuse_other_encoder)
    vectors = pa.FixedSizeListArray.from_arrays(found.ravel(), found.shape[1])
    return search_run(
        index, queries, Vectors.open(pa.table({"id": queries["id"], "vector": vectors})), k=k, languages=languages,
        docids=docids, nprobe=given.get("nprobe"), text=text, threads=threads,
    )  # fmt: skip


def _known(options: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return known_options(options, names, index="dense index")


def _vectors(given: Mapping[str, Any]) -> Vectors:
    if "vectors" not in given:
        raise UsageError("a dense index is made of vectors; encode the corpus first and give them")
    found = given["vectors"]
    return found if isinstance(found, Vectors) else Vectors.open(found)


def _itself(_: Path, made: Manifest) -> Manifest:
    return made
