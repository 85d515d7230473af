"""Data sets of ir_datasets by their ids, an extra: lazily imported, and told in one line when they are not at hand."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from xret.corpus.languages import UNKNOWN, check_lang, is_lang
from xret.errors import EvalError, UsageError, require
from xret.eval.benchmarks.documents import BATCH, Documents
from xret.eval.benchmarks.family import Loaded, Options
from xret.eval.benchmarks.passages import batch_of
from xret.eval.benchmarks.topics import queries_table
from xret.suggest import did_you_mean

__all__ = ["IDS", "PREFIX", "irds_name", "load_irds"]

PREFIX = "ir_datasets:"
IDS = {
    "mrtydi": "mr-tydi/{lang}/{split}", "miracl": "miracl/{lang}/{split}", "mmarco": "mmarco/v2/{lang}/{split}",
    "hc4": "hc4/{lang}/{split}", "neuclir": "neuclir/1/{lang}/trec-{split}",
    "neuclir-mlir": "neuclir/1/multi/trec-{split}",
}  # fmt: skip


def irds_name(protocol: str, asked: str, options: Options) -> str:
    """The id that is meant: as asked, or that of a protocol's language and split.

    Raises:
        UsageError: none was asked for, and the protocol has none or no language is given.
    """
    if asked:
        return asked
    if protocol not in IDS:
        raise UsageError(f"ir_datasets has no {protocol}; it has {', '.join(IDS)}, and others by {PREFIX}ID")
    if "{lang}" in IDS[protocol] and options.lang is None:
        raise UsageError(f"say which language of {IDS[protocol]} with --lang")
    split = str(options.split).replace("dev.small", "dev/small")
    return IDS[protocol].format(lang=options.lang, split=split)


def load_irds(name: str, options: Options) -> Loaded:
    """A data set of ir_datasets: its documents as a stream, queries and judgements.

    Raises:
        MissingExtraError: ir_datasets is not installed.
        UsageError: it has no such id.
        EvalError: its files are not on this machine, and cannot be fetched.
    """
    module: Any = require("ir_datasets", extra="ir-datasets", purpose="reading data sets of ir_datasets")
    try:
        found = module.load(name)
    except KeyError as error:
        raise UsageError(f"ir_datasets has no '{name}'; {did_you_mean(name, _near(module, name))}") from error
    for part in ("queries", "qrels", "docs"):
        if not getattr(found, f"has_{part}")():
            raise UsageError(
                f"ir_datasets' {name} has no {part}; known below it: {', '.join(_below(module, name)) or 'none'}"
            )
    with _local(name):
        judged = [(each.query_id, each.doc_id, int(each.relevance)) for each in found.qrels_iter()]
        asked = [
            (f"{name}: query '{each.query_id}'", each.query_id, _query(each, options)) for each in found.queries_iter()
        ]
    columns = list(zip(*judged, strict=True))
    types = {"qid": pa.string(), "docid": pa.string(), "relevance": pa.int32()}
    arrays = {key: pa.array(column, types[key]) for key, column in zip(types, columns, strict=True)}
    return Loaded(
        queries=queries_table(asked, _lang(found.queries_lang(), options)),
        qrels=pa.table(arrays),
        documents=Documents(lambda: _read(found, name, options), label=f"{PREFIX}{name}"),
    )


def _query(query: Any, options: Options) -> str:
    if options.fields is None:
        return str(query.default_text())
    if missing := [field for field in options.fields if not hasattr(query, field)]:
        raise UsageError(f"queries have no field '{missing[0]}'; they have {', '.join(query._fields)}")
    return " ".join(str(getattr(query, field)) for field in options.fields)


def _read(found: Any, name: str, options: Options) -> Iterator[pa.RecordBatch]:
    lang = _lang(found.docs_lang(), options)
    with _local(name):
        documents = iter(found.docs_iter())
        while rows := list(islice(documents, BATCH)):
            titles = [getattr(row, "title", None) for row in rows]
            yield batch_of([row.doc_id for row in rows], lang, [row.default_text() for row in rows], titles)


def _lang(told: str | None, options: Options) -> str:
    found = told or options.lang
    return check_lang(found) if found and is_lang(found) else UNKNOWN


@contextlib.contextmanager
def _local(name: str) -> Iterator[None]:
    """Quiet, and one line for whatever a missing file or a missing network raises."""
    logger = logging.getLogger("ir_datasets")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    except (UsageError, EvalError):
        raise
    except Exception as error:  # requests, urllib3, tarfile, its own: all mean that the data is not here
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
        raise EvalError(
            f"ir_datasets has no local copy of {name} and could not fetch it ({reason}); fetch it where there is a "
            "network (ir_datasets export …), and copy its folder (IR_DATASETS_HOME, ~/.ir_datasets) here"
        ) from error
    finally:
        logger.disabled = before


def _below(module: Any, name: str) -> list[str]:
    return sorted(str(each) for each in module.registry if str(each).startswith(f"{name}/"))[:8]


def _near(module: Any, name: str) -> list[str]:
    import difflib

    known = [str(each) for each in module.registry]
    return difflib.get_close_matches(name, known, n=5, cutoff=0.3) or known[:5]
