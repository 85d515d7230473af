"""Sets judged by answers: XOR-Retrieve, MKQA and AfriQA; questions with right answers, and passages of a Wikipedia."""

from __future__ import annotations

import ast
from pathlib import Path

import pyarrow as pa

from xret.corpus.languages import check_lang
from xret.errors import EvalError
from xret.eval.benchmarks.documents import Documents
from xret.eval.benchmarks.family import Family, Loaded, Options
from xret.eval.benchmarks.found import Files, unpacked
from xret.eval.benchmarks.lines import Record, records, value_of
from xret.eval.benchmarks.passages import joined, json_documents, tsv_documents
from xret.eval.benchmarks.topics import queries_table

__all__ = ["AFRIQA", "MKQA", "XOR"]

PASSAGES = ("psgs_w100.tsv", "enwiki*_w100.tsv", "*w100*.tsv", "*passages*.tsv", "*wiki*.tsv")
MKQA_NOT = ("unanswerable", "binary", "long_answer")
XOR_LAYOUT = """\
xor_SPLIT_retrieve_eng_span_v1_1.jsonl          {"id", "question", "lang", "answers"} a line
psgs_w100.tsv (enwiki_20190201_w100.tsv)        id<TAB>text<TAB>title, with that header (DPR)"""
MKQA_LAYOUT = """\
mkqa.jsonl.gz                                   {"example_id", "queries": {LL: …}, "answers": {"en": [...]}} a line
nq/corpus.jsonl (BEIR's NQ)                     {"_id", "title", "text"} a line"""
AFRIQA_LAYOUT = """\
queries.afriqa.LLL.en.SPLIT.json (or .fr.)      {"id", "question", "translated_answer", …} a line
*_w100.tsv or *.jsonl                           passages: id<TAB>text<TAB>title, or {"id", "contents"} a line"""


def _load_xor(files: Files, options: Options) -> Loaded:
    split = options.split
    path = files.one("queries", f"xor_{split}_retrieve_eng_span_v1_1.jsonl", f"xor_{split}_retrieve_eng_span*.jsonl")
    rows, langs, answers = [], [], {}
    for place, record in records(path):
        lang = check_lang(value_of(record, ("lang",), place))
        found = _strings(record.get("answers"), place)
        if options.lang in (None, lang) and set(found) - {"yes", "no"}:  # the script leaves yes/no questions out
            name = value_of(record, ("id",), place)
            rows.append((place, name, value_of(record, ("question",), place)))
            langs.append(lang)
            answers[name] = found
    return _answered(files, path, queries_table(rows, "und", langs=langs), answers, title=False)


def _load_mkqa(files: Files, options: Options) -> Loaded:
    path = files.one("queries", "mkqa.jsonl")
    rows: list[tuple[str, str, str]] = []
    langs, topics, answers = [], [], {}
    for place, record in records(path):
        found = _mkqa_answers(record, place)
        for code, question in record.get("queries", {}).items() if found else ():
            tag = check_lang(code.replace("_", "-"))
            if code != "en" and options.lang in (None, code, tag):
                topic = value_of(record, ("example_id",), place)
                name = topic if options.lang else f"{topic}:{code}"  # of one language: the ids as published
                rows.append((place, name, question))
                langs.append(tag)
                topics.append(topic)
                answers[name] = found
    queries = queries_table(rows, "und", langs=langs).append_column("topic", pa.array(topics, pa.string()))
    return _answered(files, path, queries, answers, title=True)


def _load_afriqa(files: Files, options: Options) -> Loaded:
    path = _afriqa_file(files, options)
    _, _, lang, pivot, *_ = path.name.split(".")
    rows, answers = [], {}
    for place, record in records(path):
        name = value_of(record, ("id",), place)
        rows.append((place, name, value_of(record, ("question",), place)))
        answers[name] = _strings(record.get("translated_answer"), place)  # some are empty: of no use, so left out
    return _answered(files, path, queries_table(rows, check_lang(lang)), answers, title=False, lang=pivot)


def _answered(
    files: Files, path: Path, queries: pa.Table, answers: dict[str, list[str]], *, title: bool, lang: str = "en"
) -> Loaded:
    corpus = files.all("corpus", *(("nq/corpus.jsonl", "corpus.jsonl") if title else PASSAGES), "*corpus*.jsonl")
    corpus = [each for each in corpus if each != path]
    return Loaded(
        queries=queries,
        answers=answers,
        documents=_documents(corpus, lang, title) if corpus else None,
        files=(("corpus", corpus), ("queries", [path])),
    )


def _documents(corpus: list[Path], lang: str, title: bool) -> Documents:
    """Texts without their titles, unless the protocol counts these: what is searched for answers is the text."""
    files = [(path, lang) for path in corpus]
    if unpacked(corpus[0].name).endswith(".tsv"):
        return tsv_documents(files, title=True, header="id")
    return json_documents(files, lambda value: joined(value.get("title") if title else None, _body(value)))


def _body(value: Record) -> str:
    return str(value["text"] if "text" in value else value["contents"])


def _mkqa_answers(record: Record, place: str) -> list[str]:
    """English answers with their aliases; none for questions that the protocol leaves out.

    Of several answers the last one's kind decides, as in Contriever's preprocess_xmkqa.py, which made the set.
    """
    try:
        english = record["answers"]["en"]
        if english[-1]["type"] in MKQA_NOT:
            return []
        kept = [answer for answer in english if answer["type"] not in MKQA_NOT]
        return [text for answer in kept for text in (*(answer.get("aliases") or ()), answer.get("text")) if text]
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise EvalError(f"{place}: has no English answers as MKQA writes them ({error!r})") from error


def _strings(value: object, place: str) -> list[str]:
    """A list of answers; AfriQA writes it as Python does, in a string: ``"['Webuye']"``."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            value = [value]
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise EvalError(f"{place}: has no list of answers, found {str(value)[:60]!r}")
    return [each for each in value if each.strip()]


def _afriqa_file(files: Files, options: Options) -> Path:
    code = {check_lang(name): name for name in _afriqa_codes(files, options)}
    wanted = check_lang(options.lang) if options.lang else ""
    name = code.get(wanted, options.lang or "*")
    stem = f"queries.afriqa.{name}"
    return files.one("queries", f"{stem}.en.{options.split}.json", f"{stem}.fr.{options.split}.json")


def _afriqa_codes(files: Files, options: Options) -> list[str]:
    return files.named(f"queries.afriqa.{{}}.*.{options.split}.json")


XOR = Family(
    names=("xor-retrieve",),
    layout=XOR_LAYOUT,
    load=_load_xor,
    languages=lambda *_: [],
    splits=("dev", "train"),
    each=False,
)
MKQA = Family(
    names=("mkqa",), layout=MKQA_LAYOUT, load=_load_mkqa, languages=lambda *_: [], splits=("test",), each=False
)
AFRIQA = Family(
    names=("afriqa",), layout=AFRIQA_LAYOUT, load=_load_afriqa, splits=("test", "dev", "train"),
    languages=lambda files, options: sorted(map(check_lang, _afriqa_codes(files, options))),
)  # fmt: skip
