"""Known items: from a user's own parallel documents to queries and judgements."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from xret.artifact import atomic_folder, read_manifest, write_manifest
from xret.corpus import check_lang, corpus_hash, write_corpus
from xret.errors import EvalError, InputError, UsageError
from xret.eval.known_queries import Query, QueryKind, candidates, unique
from xret.eval.nearest import TextEncoder, top_k, unit
from xret.eval.protocols import Protocol, protocol
from xret.runs import write_qrels

__all__ = ["KnownItems", "known_item_protocol", "known_items", "search_known_items", "write_known_items"]


KIND = "known-item"


@dataclass(frozen=True, eq=False)
class KnownItems:
    """A set to search.

    Attributes:
        corpus: `id, lang, text, doc_id` (+ `title`): what is searched, by `text` alone, without what became queries.
        queries: `id` (of the row that it was taken from), `text, lang, topic`: the document's `doc_id`.
        qrels: `qid, docid, relevance: int32`: every row of the query's document, in every language, with 1.
        left_out: why titles or texts made no query -> how many.
    """

    corpus: pa.Table
    queries: pa.Table
    qrels: pa.Table
    left_out: dict[str, int]


def known_items(
    corpus: pa.Table,
    *,
    queries: QueryKind = "title",
    langs: Collection[str] = (),
    separator: str | None = None,
    least: int = 4,
) -> KnownItems:
    """Queries that each know the document they want.

    A query must tell its document from the others: one that stands twice in a language, over different documents, is
    left out, and so is one of fewer than `least` characters. Documents of one language stay in the corpus.

    Args:
        corpus: `id, text, lang`, with `doc_id` (equal for translations of a document) unless `separator` is given,
            and with `title` for title queries. Several rows of one document and language are its parts: all count as
            relevant, and the first makes the query.
        queries: ``title``, or ``sentence``: one of the longer sentences of the text, chosen by a hash of the row's id,
            and taken out of that text (Lee, Chang & Toutanova, ACL 2019: inverse cloze).
        langs: make queries in these only; BCP 47.
        separator: instead of `doc_id`: what the id has before its last `separator`, as in ``page@de``.
        least: characters.

    Raises:
        EvalError: no doc_id, title or language, no language wanted there, no document in two languages, or no query.
        UsageError: `least` below 1.
    """
    if least < 1:
        raise UsageError(f"least = {least}: wanted at least 1 character")
    table = _documents(corpus, separator)
    if queries == "title" and "title" not in table.column_names:
        raise EvalError(f"the corpus has no column 'title' ({', '.join(corpus.column_names)}); use sentence queries")
    wanted = _wanted(table, langs)
    found, left_out = unique(candidates(table, queries, wanted), least)
    if not found:
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise EvalError(
            f"no {queries} can be a query ({why or 'none is there'}); give more text, or a lower least length"
        )
    rows = [(each.id, each.text, each.lang, each.doc_id) for each in found]
    names = ("id", "text", "lang", "topic")
    chosen = pa.table([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], names=names)
    corpus = table if queries == "title" else _without(table, found)
    return KnownItems(corpus, chosen, _judged(table, chosen), left_out)


def write_known_items(items: KnownItems, folder: Path, *, used: Protocol) -> None:
    """Write ``docs.parquet``, ``queries.tsv``, ``qrels.txt`` and a manifest into a new folder, for search and eval.

    Args:
        items: what is written.
        folder: new.
        used: ``known-item`` with the settings that the queries were made by, for `known_item_protocol`.

    Raises:
        InputError: the folder is there already or cannot be made.
    """
    with atomic_folder(Path(folder)) as temporary:
        write_corpus(items.corpus, temporary / "docs.parquet")
        write_corpus(items.queries, temporary / "queries.tsv")
        write_qrels(items.qrels, temporary / "qrels.txt")
        hashes = {"corpus": corpus_hash(items.corpus), "queries": corpus_hash(items.queries)}
        counts = {"documents": items.corpus.num_rows, "queries": items.queries.num_rows, "left_out": items.left_out}
        write_manifest(temporary, {"kind": KIND, "settings": dict(used.options), "hashes": hashes, **counts})


def known_item_protocol(folder: Path) -> Protocol | None:
    """The protocol of a folder that `write_known_items` wrote, with its settings; None of any other.

    Raises:
        EvalError: the manifest lacks the settings, or has some that the protocol does not.
    """
    try:
        manifest = read_manifest(folder, kind=KIND)
    except InputError:
        return None
    try:
        return protocol(KIND).varied(**manifest["settings"])
    except (KeyError, TypeError, UsageError) as error:
        raise EvalError(f"{folder}/manifest.json: settings are not those of {KIND}; make the set again") from error


def _documents(corpus: pa.Table, separator: str | None) -> pa.Table:
    """The corpus with `doc_id`, of which some must be in two languages."""
    if separator:
        ids = corpus["id"].to_pylist()
        bad = next((each for each in ids if separator not in each), None)
        if bad is not None:
            raise EvalError(f"id '{bad}' has no '{separator}' to part the document from the language")
        doc_ids = [each.rpartition(separator)[0] for each in ids]
    elif "doc_id" in corpus.column_names:
        doc_ids = corpus["doc_id"].cast(pa.string()).to_pylist()
    else:
        found = ", ".join(corpus.column_names)
        raise EvalError(f"the corpus has no column 'doc_id' ({found}); add it, equal for translations, or part the ids")
    missing = next((row for row, each in enumerate(doc_ids, 1) if not each), None)
    if missing:
        raise EvalError(f"row {missing} of the corpus has no doc_id; give it one, equal for its translations")
    langs = corpus["lang"].to_pylist()
    unknown = langs.count("und")
    if unknown:
        raise EvalError(f"{unknown} rows of the corpus have no language; give each its BCP 47 tag in the column 'lang'")
    if len(set(doc_ids)) == len(set(zip(doc_ids, langs, strict=True))):
        raise EvalError("no document is there in two languages; doc_id must be equal for translations of a document")
    kept = [name for name in ("id", "lang", "title", "text") if name in corpus.column_names]
    return corpus.select(kept).append_column("doc_id", pa.array(doc_ids, pa.string()))


def _wanted(table: pa.Table, langs: Collection[str]) -> set[str]:
    there = set(table["lang"].to_pylist())
    for lang in langs:
        try:
            if check_lang(lang) in there:
                continue
        except InputError as error:
            raise UsageError(f"queries in '{lang}': {error}") from error
        raise EvalError(f"no document is in '{lang}'; there are {', '.join(sorted(there))}")
    return {check_lang(lang) for lang in langs} or there


def _without(table: pa.Table, queries: Iterable[Query]) -> pa.Table:
    """The corpus, of whose texts the sentences are taken that became queries."""
    texts = table["text"].to_pylist()
    for query in queries:
        texts[query.row] = query.rest if query.rest is not None else texts[query.row]
    return table.set_column(table.column_names.index("text"), "text", pa.array(texts, pa.string()))


def _judged(corpus: pa.Table, queries: pa.Table) -> pa.Table:
    rows: dict[str, list[str]] = {}
    for each, doc_id in zip(corpus["id"].to_pylist(), corpus["doc_id"].to_pylist(), strict=True):
        rows.setdefault(doc_id, []).append(each)
    pairs = [
        (qid, docid)
        for qid, doc_id in zip(queries["id"].to_pylist(), queries["topic"].to_pylist(), strict=True)
        for docid in rows[doc_id]
    ]
    qids, docids = ([pair[side] for pair in pairs] for side in (0, 1))
    return pa.table({"qid": qids, "docid": docids, "relevance": pa.array([1] * len(pairs), pa.int32())})


def search_known_items(
    items: KnownItems, encoder: TextEncoder, *, depth: int = 1000, progress: bool = False
) -> pa.Table:
    """A run by exact search: `qid, docid: string, score: float64`, the `depth` most similar texts to each query.

    Texts are encoded without titles as ``document``, queries as ``query``.
    """
    encode = functools.partial(encoder.encode, progress=True) if progress else encoder.encode
    docs, queries = items.corpus, items.queries
    texts = unit(encode(docs["text"].to_pylist(), role="document", lang=docs["lang"].to_pylist()))
    asked = unit(encode(queries["text"].to_pylist(), role="query", lang=queries["lang"].to_pylist()))
    ids, scores = top_k(asked, texts, min(depth, len(texts)))
    qids = np.repeat(np.arange(len(ids)), ids.shape[1])
    return pa.table(
        {
            "qid": queries["id"].take(pa.array(qids)),
            "docid": docs["id"].take(pa.array(ids.ravel())),
            "score": scores.ravel().astype(np.float64),
        }
    )
