"""What commands and stages call, for multi-vector indexes; see `xret.indexes.kinds.Verbs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import UsageError
from xret.indexes.catalogue import candidate_rows
from xret.indexes.choice import readable_bytes
from xret.indexes.encoding import TextEncoder, given_encoder
from xret.indexes.kinds import known_options
from xret.indexes.multivector.build import build_index
from xret.indexes.multivector.change import add_to_index, compact_index, delete_from_index
from xret.indexes.multivector.check import check_index
from xret.indexes.multivector.layout import Manifest, read_steadily
from xret.indexes.multivector.naming import document_groups, run_of
from xret.indexes.multivector.opened import MultiVectorIndex, open_index
from xret.indexes.multivector.search import search_index
from xret.indexes.multivector.tokens import ArrowTokens, EncodedTokens, TokenSource
from xret.runs import ordered

__all__ = ["add", "build", "check", "compact", "delete", "fields", "info", "open_index", "search"]

EVERY = ("encoder", "threads", "progress")
AROUND = ("encoder",)  # what only commands and encoding know of
Floats = npt.NDArray[np.float32]


def build(target: Path, corpus: pa.Table, **options: Any) -> dict[str, Any]:
    """Build an index of a corpus `id, text, lang` (or `id, lang, tokens`: vectors that are there already).

    Options: `codec`, `pool`, `text`, `memory`, `seed`, `threads`, `progress`: see `build_index`; `encoder`: see
    `xret.indexes.encoding.GivenEncoder`, ignored with vectors; `queries`: `id, text, lang` to measure with what
    the codes lose; `sharing`: see `build_index`, which has no use for it with vectors.
    """
    given = _known(options, *EVERY, "codec", "pool", "text", "memory", "seed", "queries", "sharing")
    source, queries = _source(corpus, given), given.pop("queries", None)
    if queries is not None and "tokens" in queries.column_names:
        given["queries"] = ArrowTokens(queries).read(np.arange(queries.num_rows))
    elif queries is not None:
        if not isinstance(source, EncodedTokens):
            raise UsageError(
                "the queries to measure with are texts, and the documents are vectors that nobody encodes; leave out "
                "the queries"
            )
        given["queries"] = _encoded(source.encoder, queries)
    given["text"] = given.get("text", True) and "text" in corpus.column_names
    build_index(target, source, **{name: value for name, value in given.items() if name not in AROUND})
    return fields(target)


def add(folder: Path, corpus: pa.Table, **options: Any) -> dict[str, Any]:
    """Append documents. Options: `memory`, `threads`, `progress`: see `add_to_index`; `replace`: instead of those with
    the same ids; `encoder`: see `build`."""
    given = _known(options, *EVERY, "replace", "memory")
    source = _source(corpus, given)
    replacing = given.pop("replace", False)
    own = {name: value for name, value in given.items() if name not in AROUND}
    add_to_index(folder, source, replace_ids=replacing, **own)
    return fields(folder)


def delete(folder: Path, ids: Sequence[str]) -> dict[str, Any]:
    """See `delete_from_index`."""
    delete_from_index(folder, ids)
    return fields(folder)


def compact(folder: Path, **options: Any) -> dict[str, Any]:
    """See `compact_index`; no options but `progress` and `threads`, which it has no use for."""
    _known(options, *EVERY)
    compact_index(folder)
    return fields(folder)


def check(folder: Path) -> dict[str, Any]:
    """See `check_index`."""
    return asdict(check_index(folder))


def fields(folder: Path) -> dict[str, Any]:
    """What an index holds and how it was made, for programs."""
    made = read_steadily(Path(folder), lambda _, made: made)
    names = (
        "rows", "tokens", "languages", "codec", "pool", "dim", "width", "centroids", "similarity", "fade",
        "encoder", "encoder_hash", "text", "residual", "seed", "bytes", "vector_bytes", "versions",
    )  # fmt: skip
    return {
        "index": str(folder),
        "kind": "multivector",
        **{name: getattr(made, name) for name in names},
        "bytes_per_token": round(made.vector_bytes / max(1, made.tokens), 2),
        "parts": [asdict(part) for part in made.parts],
        "drift": _drift(made),
        "ceiling": asdict(made.ceiling) if made.ceiling else None,
    }


def info(folder: Path) -> list[tuple[str, str]]:
    """The same for people."""
    made = read_steadily(Path(folder), lambda _, made: made)
    languages = ", ".join(f"{tag} {rows:,}" for tag, rows in made.languages.items())
    each = made.vector_bytes / max(1, made.tokens)
    drift = _drift(made)
    narrowed = f", {made.width} coded" if made.width != made.dim else ""
    return [
        ("index", str(folder)),
        ("kind", "multivector"),
        ("rows", f"{made.rows:,}"),
        ("languages", f"{len(made.languages)}: {languages}"),
        (
            "encoder",
            f"{made.encoder or 'unknown'} ({(made.encoder_hash or '-')[:12]}), {made.dim} dimensions{narrowed}",
        ),
        ("tokens", f"{made.tokens:,}, {each:.1f} bytes each with all that is needed to search them"),
        (
            "codec",
            f"{made.codec}, {made.centroids:,} centroids" + (f", pooled by {made.pool}" if made.pool > 1 else ""),
        ),
        ("recall ceiling", _ceiling(made)),
        ("score", f"{made.similarity} of MaxSim" + (f", fading by 1/sqrt(1 + i/{made.fade:g})" if made.fade else "")),
        ("drift", f"{drift:.2f}" + (" (build the index again: its centroids no longer fit)" if drift > 1.5 else "")),
        ("parts", f"{len(made.parts)}" + (", some rows deleted: xret index compact" if made.deleted else "")),
        ("texts", "kept" if made.text else "left out"),
        ("size", f"{readable_bytes(made.bytes)} in {len(made.files)} files"),
        ("made by", ", ".join(f"{name} {version}" for name, version in made.versions.items())),
    ]


def search(
    index: MultiVectorIndex,
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
    """The run of the best k documents of every query.

    Args:
        index: see `open_index`.
        queries: `id, lang` and `text`, or `tokens`: their vectors, list<fixed_size_list<float>[dim]>.
        k: documents per query.
        languages: only documents of these.
        docids: only these documents.
        candidates: a run; of every query's documents in it, the best k.
        text: add the documents' texts, where the index keeps them.
        threads: CPU threads.
        options: `encoder`: for the queries, see `build`. `exact`,
            `probe`, `depth`: see `search_index`. `documents`: rows are passages, a document is as good as its best one,
            and `docid` is the passages' `doc_id`.

    Returns:
        See `xret.indexes.kinds.Verbs.search`.

    Raises:
        InputError: a language that the index has not, or candidates none of which are in it.
        MismatchError: another encoder than the index was made with.
        UsageError: settings that do not go together.
    """
    asked = _known(options, *EVERY, "exact", "probe", "depth", "documents")
    index.kept(languages)  # an unknown language is told before a model is loaded
    groups, names = document_groups(index) if asked.get("documents") else (None, None)
    given = candidate_rows(index, queries, candidates) if candidates is not None else None
    vectors = _query_vectors(index, queries, asked)
    found = search_index(
        index, vectors, k=k, exact=asked.get("exact", False), probe=asked.get("probe"), depth=asked.get("depth"),
        languages=languages, docids=docids, candidates=given, groups=groups, threads=threads,
    )  # fmt: skip
    run = run_of(index, queries, found, text=text)
    if groups is not None:
        rows = np.concatenate([each.rows for each in found]) if found else np.empty(0, np.int64)
        docid = pa.array(names, pa.string()).take(pa.array(groups[rows]))
        run = run.set_column(run.column_names.index("docid"), "docid", docid)
    run = ordered(run)
    return run.filter(pc.less_equal(run["rank"], k))


def _source(corpus: pa.Table, given: Mapping[str, Any]) -> TokenSource:
    return (
        ArrowTokens(corpus)
        if "tokens" in corpus.column_names
        else EncodedTokens(corpus, given_encoder(given.get("encoder")))
    )


def _known(options: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return known_options(options, names, index="multi-vector index")


def _query_vectors(index: MultiVectorIndex, queries: pa.Table, given: Mapping[str, Any]) -> list[Floats]:
    if "tokens" in queries.column_names:
        return ArrowTokens(queries).read(np.arange(queries.num_rows))
    model = given_encoder(given.get("encoder"))
    index.refuse_other_encoder(model.name, model.hash)
    return _encoded(model, queries)


def _encoded(model: TextEncoder, queries: pa.Table) -> list[Floats]:
    return model.encode_tokens(queries["text"].to_pylist(), role="query", lang=queries["lang"].to_pylist())


def _ceiling(made: Manifest) -> str:
    if made.ceiling is None:
        return "too few documents to tell"
    found = made.ceiling
    hundred = "" if found.recall_100 is None else f", {found.recall_100:.3f} of the best 100"
    asked = f"{found.queries} held-out queries, {found.documents:,} documents"
    return f"{found.recall_10:.3f} of the best 10{hundred} ({asked})"


def _drift(made: Manifest) -> float:
    """Mean squared residual of the worst part, over that of what the index was built of."""
    return max((part.residual for part in made.parts), default=0.0) / max(made.residual, 1e-12)
