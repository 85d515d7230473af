"""What a run does not say of languages, from whoever does: its other rows, the corpus, the queries."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import EvalError, UsageError
from xret.runs.codes import codes
from xret.stages.merging.orders import share_of

__all__ = ["check_spoken", "with_document_languages", "with_languages", "with_query_languages"]

UNKNOWN = "und"
logger = logging.getLogger("xret")


def with_languages(run: pa.Table, corpus: pa.Table) -> pa.Table:
    """The run with the `dlang` of every document as the corpus has it.

    Args:
        run: with `docid`.
        corpus: with `id, lang`.

    Raises:
        EvalError: a document of the run is not in the corpus.
    """
    return _put(run, "dlang", _looked_up(run["docid"], corpus))


def with_document_languages(run: pa.Table, corpus: pa.Table | None = None) -> pa.Table:
    """The run with its `dlang`, filled in where it is missing: by the document's other rows, then by the corpus.

    Args:
        run: with `docid` and perhaps `dlang`, as runs have it that were fused of some that know it and some that do
            not.
        corpus: `id, lang`; only documents whose language the run does not know need be there.

    Raises:
        EvalError: no `dlang` and no corpus, or documents of unknown language that the corpus, if any, does not have.
    """
    if "dlang" not in run.column_names:
        if corpus is not None:
            return with_languages(run, corpus)
        raise EvalError(
            "run: does not say the languages of its documents (column 'dlang'); give the corpus it was made from, or a "
            "run in .parquet or .jsonl that does"
        )
    dlang = _filled(run["dlang"], run["docid"])
    wanted = pc.is_null(dlang) if corpus is None else _unknown(dlang)
    rows = np.flatnonzero(wanted.to_numpy())
    if not len(rows):
        return _put(run, "dlang", dlang)
    if corpus is None:
        raise EvalError(
            f"run: does not say the language of document '{run['docid'][int(rows[0])]}' ({len(rows):,} of "
            f"{run.num_rows:,} rows are without); give the corpus it was made from"
        )
    found = _looked_up(gather(run["docid"], rows), corpus).combine_chunks()
    return _put(run, "dlang", pc.replace_with_mask(dlang.combine_chunks(), wanted.combine_chunks(), found))


def with_query_languages(run: pa.Table, spoken: Mapping[str, str]) -> pa.Table:
    """The run with `qlang`, filled in where it is missing: by the query's other rows, then by `spoken`.

    Args:
        run: with `qid` and perhaps `qlang`.
        spoken: query id -> language; {} where nothing is known.
    """
    known = pa.table({"qid": list(spoken), "lang": list(spoken.values())},
                     schema=pa.schema([("qid", pa.string()), ("lang", pa.string())]))  # fmt: skip
    place = codes(run["qid"], known["qid"].combine_chunks())
    given = known["lang"].combine_chunks().take(pa.array(place, mask=place < 0))
    if "qlang" not in run.column_names:
        return _put(run, "qlang", pa.chunked_array([given])) if spoken else run
    qlang = _filled(run["qlang"], run["qid"]).combine_chunks()
    return _put(run, "qlang", pa.chunked_array([pc.if_else(_unknown(qlang), pc.coalesce(given, qlang), qlang)]))


def check_spoken(run: pa.Table, prior: Mapping[str, float] | None) -> None:
    """Say how many documents are of unknown language, and which languages of a prior no document is in.

    Raises:
        UsageError: no document is in any language that has a share.
    """
    if not run.num_rows:
        return
    names = pc.unique(run["dlang"].cast(pa.string()).combine_chunks()).to_pylist()
    if unknown := int(pc.sum(_unknown(run["dlang"].cast(pa.string()))).as_py() or 0):
        logger.warning("%s of %s rows of the run are of documents in unknown language: these count as one language",
                       f"{unknown:,}", f"{run.num_rows:,}")  # fmt: skip
    if not prior:
        return
    meant = {share_of(name or UNKNOWN, prior) for name in names}
    missing = [tag for tag, share in prior.items() if share and tag not in meant]
    spoken = ", ".join(sorted(filter(None, names))[:12])
    if len(missing) == len([share for share in prior.values() if share]):
        raise UsageError(f"prior: no document is in {', '.join(missing)}; those of the run are in {spoken}")
    if missing:
        logger.warning("prior: no document is in %s; those of the run are in %s", ", ".join(missing), spoken)


def _looked_up(docids: pa.ChunkedArray, corpus: pa.Table) -> pa.ChunkedArray:
    place = pc.index_in(docids.cast(pa.string()), value_set=pc.cast(corpus["id"].combine_chunks(), pa.string()))
    missing = pc.index(place.is_null(), True).as_py()
    if missing >= 0:
        raise EvalError(
            f"document '{docids[missing]}' of the run is not among the {corpus.num_rows:,} ids of the corpus "
            f"({place.null_count:,} rows are without language); give the corpus the run was made from"
        )
    return pc.fill_null(gather(corpus["lang"], place.to_numpy().astype(np.int64)).cast(pa.string()), UNKNOWN)


def _unknown(lang: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.fill_null(pc.equal(lang, UNKNOWN), True)


def _filled(lang: pa.ChunkedArray, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The languages, those that are null or ``und`` taken from another row of the same id where that has one."""
    lang = lang.cast(pa.string())
    unknown = _unknown(lang).to_numpy()
    if not unknown.any() or unknown.all():
        return lang
    code = codes(ids)
    first = np.full(int(code.max()) + 1, -1, np.int64)
    there = np.flatnonzero(~unknown)
    first[code[there[::-1]]] = there[::-1]
    row = np.where(unknown & (first[code] >= 0), first[code], np.arange(len(code)))
    return pa.chunked_array([lang.combine_chunks().take(pa.array(row))])


def _put(run: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    if name in run.column_names:
        return run.set_column(run.column_names.index(name), name, column)
    return run.append_column(name, column)
