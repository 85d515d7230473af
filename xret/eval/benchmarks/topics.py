"""Topic files as pyserini, anserini, TREC, CLEF, HC4 and NeuCLIR lay them out, told apart by what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from xret.errors import EvalError
from xret.eval.benchmarks.clir_topics import Source, clir_topic, is_clir
from xret.eval.benchmarks.lines import Record, records, text_of, tsv_blocks, value_of
from xret.eval.benchmarks.markup import CLEF, MARKED, marked_topics

__all__ = ["QUERY_IDS", "QUERY_TEXTS", "Reading", "queries_table", "read_topics"]

QUERY_IDS = ("_id", "id", "qid", "query_id", "topic_id", "example_id")
QUERY_TEXTS = ("text", "query", "question", "title", "contents")
FIELDS = ("title", "description", "narrative")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How topics are read.

    Attributes:
        lang: language of the queries (`check_lang`'s spelling).
        fields: what of a topic makes its query, of title, description and narrative.
        source: whose words, where a topic has translations: ``original``, ``human`` or ``machine``.
        translated: the language of these translations, where there are several (ISO 639-3, as in the file).
        encoding: of marked-up files.
        only: ids of the topics to keep, of HC4's and NeuCLIR's files; None keeps all.
    """

    lang: str
    fields: tuple[str, ...] = ("title",)
    source: Source = "original"
    translated: str | None = None
    encoding: str = "utf-8"
    only: frozenset[str] | None = None


def read_topics(path: Path, reading: Reading) -> pa.Table:
    """Topics of a file: ``id<TAB>text``, JSON lines, or ``<top>`` and ``<topic>`` elements; also .gz and .zst.

    Returns:
        `id, lang, text`, as in the file.

    Raises:
        EvalError: another layout, a malformed line, a repeated id, an empty query; says which.
    """
    start = _start(path)
    if start.startswith("<"):
        return queries_table(_marked(path, reading), reading.lang)
    if start.startswith("{"):
        return queries_table(_json(path, reading), reading.lang)
    if "\t" not in start.partition("\n")[0]:
        raise EvalError(f"{path}:1: neither 'id<TAB>text' nor JSON lines nor <top> elements; see 'xret eval benchmark'")
    return queries_table(_tsv(path), reading.lang)


def queries_table(rows: Iterable[tuple[str, str, str]], lang: str, *, langs: list[str] | None = None) -> pa.Table:
    """`id, lang, text` of (place, id, text).

    Args:
        rows: place for messages, id and text of each query.
        lang: of all of them, unless
        langs: tells that of each.

    Raises:
        EvalError: no rows, an empty query, a repeated id.
    """
    ids: dict[str, str] = {}
    texts = []
    for place, name, text in rows:
        if not text.strip():
            raise EvalError(f"{place}: query '{name}' is empty; wanted text to search for")
        if name in ids:
            raise EvalError(f"{place}: query '{name}' stands at {ids[name]} too; ids must be unique")
        ids[name] = place
        texts.append(" ".join(text.split()))
    if not ids:
        raise EvalError("no queries in the file or none of those wanted; check the file, the language and the split")
    columns = {"id": list(ids), "lang": langs or [lang] * len(ids), "text": texts}
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _start(path: Path) -> str:
    """The first characters, after what is blank; the file is small, and only its start is kept."""
    text = text_of(path, "latin-1").removeprefix("\xef\xbb\xbf").lstrip()
    if not text:
        raise EvalError(f"{path}: is empty; wanted topics")
    return text[:4096]


def _tsv(path: Path) -> Iterator[tuple[str, str, str]]:
    for numbers, rows in tsv_blocks(path, 2):
        for number, (name, text) in zip(numbers, rows, strict=True):
            if number == 1 and name.lower() in (*QUERY_IDS, "query-id") and text.lower() in QUERY_TEXTS:
                continue
            yield f"{path}:{number}", name, text


def _json(path: Path, reading: Reading) -> Iterator[tuple[str, str, str]]:
    if topics := _whole(path):
        for name, topic in topics.items():
            yield f"{path}: topic {name}", name, _fielded(topic, reading.fields, f"{path}: topic {name}")
        return
    for place, record in records(path):
        if is_clir(record):
            if reading.only is not None and str(record["topic_id"]) not in reading.only:
                continue
            text = clir_topic(record, reading.fields, reading.source, reading.translated, place)
            yield place, value_of(record, QUERY_IDS, place), text
        elif "title" in record and not {"text", "query", "question"} & record.keys():
            yield place, value_of(record, QUERY_IDS, place), _fielded(record, reading.fields, place)
        else:
            yield place, value_of(record, QUERY_IDS, place), value_of(record, QUERY_TEXTS, place)


def _whole(path: Path) -> dict[str, Record]:
    """Anserini's one JSON object, id -> fields, if the file is one."""
    text = text_of(path, "utf-8")
    if "\n" in text.strip() and not text.lstrip().startswith(("{\n", "{\r\n")):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if value and all(isinstance(each, dict) for each in value.values()) else {}


def _fielded(topic: Record, fields: tuple[str, ...], place: str) -> str:
    missing = [name for name in fields if not isinstance(topic.get(name), str)]
    if missing:
        raise EvalError(f"{place}: has no {missing[0]}; found: {', '.join(topic)}")
    return " ".join(topic[name] for name in fields)


def _marked(path: Path, reading: Reading) -> Iterator[tuple[str, str, str]]:
    text = text_of(path, reading.encoding)
    layout = CLEF if re.search(r"<topic\b|<[A-Z]{2}-title>", text) else MARKED
    for number, topic in enumerate(marked_topics(text, layout), 1):
        place = f"{path}: topic {topic.get('num', number)}"
        if "num" not in topic:
            raise EvalError(f"{place} has neither <num> nor <identifier>")
        yield place, topic["num"], _fielded(dict(topic), reading.fields, place)
