"""A corpus as documents made of segments: one row a segment, the segments of a document one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xret.align.splitting import split_lines, split_sentences
from xret.corpus import gather
from xret.errors import CorpusError, UsageError

__all__ = ["DOCUMENTS", "SEPARATOR", "SPLITS", "Documents", "Split", "document_starts", "segments"]

Documents = Literal["auto", "column", "row", "file", "blank"]
Split = Literal["auto", "none", "lines", "sentences"]
DOCUMENTS: tuple[Documents, ...] = get_args(Documents)
SPLITS: tuple[Split, ...] = get_args(Split)
SEPARATOR = " + "
"""Between the ids of a bead's segments."""
ROWS = 4096  # texts split at once


def segments(corpus: pa.Table, *, documents: Documents = "auto", split: Split = "auto", name: str = "text") -> pa.Table:
    """The segments of a corpus by document.

    Args:
        corpus: `id, text, lang` and perhaps `doc_id` and `segment`.
        documents: what one is: the rows of one ``doc_id``, in the order of their `segment` if there is such a column
            (``column``); a row (``row``); the rows of one file, by what stands before the last colon of their ids
            (``file``; all rows are one document called `name` where there is none); or what stands between blank lines
            of such a file (``blank``, ids being line numbers, in which blank lines leave gaps), called ``FILE#1``,
            ``FILE#2`` … ``auto`` is ``column`` where there is a `doc_id`, else ``row``.
        split: of a row's text: not at all, into lines, or into sentences of lines (see `split_sentences`). ``auto``
            means lines where a row is a document, else none.
        name: of the only document of a single file, or the beginning of its documents' names.

    Returns:
        `id, text, lang, doc_id: string`, documents in order of first appearance. Segments of a split row are called
        ``ID:1``, ``ID:2`` …

    Raises:
        CorpusError: no `doc_id` though asked for, or a row without one; ids that are no line numbers, for ``blank``;
            an id that holds " + ".
        UsageError: an unknown word for `documents` or `split`.
    """
    for option, value, known in (("documents", documents, DOCUMENTS), ("split", split, SPLITS)):
        if value not in known:
            raise UsageError(f"{option} '{value}' is none of {', '.join(known)}")
    if documents == "auto":
        documents = "column" if "doc_id" in corpus.column_names else "row"
    if split == "auto":
        split = "lines" if documents == "row" else "none"
    _check_ids(corpus["id"])
    if documents != "row":
        corpus = _by_document(corpus, _document_ids(corpus, documents, name))
    else:
        corpus = corpus.select(["id", "text", "lang"]).append_column("doc_id", corpus["id"])
    if split == "none":
        return corpus
    return pa.Table.from_batches(_split(corpus, split_lines if split == "lines" else split_sentences), corpus.schema)


def document_starts(table: pa.Table) -> NDArray[np.int64]:
    """(documents + 1,) the rows where documents of a segments table begin, and its number of rows."""
    if not table.num_rows:
        return np.zeros(1, np.int64)
    codes = pc.dictionary_encode(table["doc_id"]).combine_chunks()
    numbers = (codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes).indices.to_numpy()
    changes = np.flatnonzero(np.diff(numbers)) + 1
    return np.concatenate([[0], changes, [table.num_rows]]).astype(np.int64)


def _check_ids(ids: pa.ChunkedArray) -> None:
    bad = pc.index(pc.match_substring(ids, SEPARATOR), True).as_py()
    if bad >= 0:
        raise CorpusError(f"id '{ids[bad].as_py()}' holds '{SEPARATOR}', which stands between ids here; rename it")


def _document_ids(corpus: pa.Table, documents: Documents, name: str) -> pa.ChunkedArray:
    if documents == "file":
        colon = pc.match_substring(corpus["id"], ":")
        return pc.if_else(colon, pc.replace_substring_regex(corpus["id"], ":[^:]*$", ""), name)
    if documents == "blank":
        return _parted(corpus["id"], name)
    if "doc_id" not in corpus.column_names:
        found = ", ".join(corpus.column_names)
        raise CorpusError(f"no column 'doc_id' says which rows are one document; found {found}")
    ids = corpus["doc_id"].cast(pa.string())
    if ids.null_count:
        row = pc.index(pc.is_null(ids), True).as_py()
        raise CorpusError(f"row '{corpus['id'][row].as_py()}' has no doc_id; give every row one")
    return ids


def _parted(ids: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Documents by gaps between line numbers."""
    numbers, file = (pc.replace_substring_regex(ids, *each) for each in (("^.*:", ""), (":?[^:]*$", "")))
    bad = pc.index(pc.match_substring_regex(numbers, "^[0-9]{1,18}$"), False).as_py()
    if bad >= 0:
        raise CorpusError(f"id '{ids[bad].as_py()}' is no line number; blank lines part documents of text files alone")
    line = numbers.cast(pa.int64()).to_numpy()
    codes = file.combine_chunks().dictionary_encode()
    codes = (codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes).indices.to_numpy()
    other = np.diff(codes, prepend=-1) != 0
    count = np.cumsum(other | (np.diff(line, prepend=0) != 1))
    before = np.maximum.accumulate(np.where(other, count - 1, 0))
    named = pc.if_else(pc.equal(file, ""), name, file)
    places = pa.chunked_array([pa.array(count - before).cast(pa.string())])
    return pc.binary_join_element_wise(named, places.combine_chunks(), "#") if len(ids) else named


def _by_document(corpus: pa.Table, doc_ids: pa.ChunkedArray) -> pa.Table:
    """Rows by (first appearance of the document, segment, row)."""
    codes = doc_ids.combine_chunks().dictionary_encode()
    codes = codes.chunk(0) if isinstance(codes, pa.ChunkedArray) else codes
    keys = [np.arange(corpus.num_rows)]
    if "segment" in corpus.column_names:
        place = corpus["segment"]
        if not (pa.types.is_integer(place.type) or pa.types.is_floating(place.type)) or place.null_count:
            raise CorpusError(f"column 'segment' must hold a number in every row; found {place.type}")
        keys.append(place.to_numpy())
    order = np.lexsort((*keys, codes.indices.to_numpy()))
    table = corpus.select(["id", "text", "lang"]).append_column("doc_id", doc_ids)
    if (np.diff(order) == 1).all():
        return table
    return pa.table({column: gather(table[column], order) for column in table.column_names})


def _split(corpus: pa.Table, cut: Callable[[str], list[str]]) -> Iterator[pa.RecordBatch]:
    for batch in corpus.to_batches(max_chunksize=ROWS):
        rows = batch.to_pydict()
        parts = [cut(text) for text in rows["text"]]
        columns = {
            "id": [f"{id_}:{n}" for id_, each in zip(rows["id"], parts, strict=True) for n in range(1, len(each) + 1)],
            "text": [part for each in parts for part in each],
        }
        for name in ("lang", "doc_id"):
            columns[name] = [value for value, each in zip(rows[name], parts, strict=True) for _ in each]
        yield pa.RecordBatch.from_pydict(columns, schema=corpus.schema)
