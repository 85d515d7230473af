"""Small data sets of our own in exactly the layouts in which the published ones come."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

TEXTS = ("Mto unatiririka mlimani.", "Ndege wawili wanaruka.", "Nyumba ya mawe.", "Paka mweusi analala.")
HC4_TOPIC = {
    "languages_with_qrels": ["zho", "fas"],
    "narratives": {"zho": {"very_valuable": "All of it."}},
    "report": {"url": "none", "text": "Earlier.", "date": "2020-01-01"},
}


def write(path: Path, text: str) -> Path:
    """Write a text file, packed if its name ends in ``.gz`` or ``.zst``; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    if path.suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(data)
    else:
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    return write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def mrtydi(root: Path) -> Path:
    """mrtydi-v1.1-swahili.tar.gz, unpacked."""
    folder = root / "mrtydi-v1.1-swahili"
    rows = ({"id": f"{i}#0", "contents": f"Kichwa {i}\n\n{text}"} for i, text in enumerate(TEXTS))
    jsonl(folder / "collection" / "docs.jsonl.gz", rows)
    for split, shift in (("train", 0), ("dev", 10), ("test", 20)):
        write(folder / f"topic.{split}.tsv", f"{shift}\tmto ni nini?\n{shift + 1}\tndege ni nini?\n")
        write(folder / f"qrels.{split}.txt", f"{shift} Q0 0#0 1\n{shift + 1} Q0 1#0 1\n")
    return root


def miracl(root: Path) -> Path:
    """Snapshots of miracl/miracl and miracl/miracl-corpus, side by side; two languages, two shards."""
    for tag in ("sw", "yo"):
        corpus = root / "miracl-corpus" / f"miracl-corpus-v1.0-{tag}"
        rows = [{"docid": f"{i}#0", "title": f"Kichwa {i}", "text": text} for i, text in enumerate(TEXTS)]
        jsonl(corpus / "docs-0.jsonl.gz", rows[:3])
        jsonl(corpus / "docs-1.jsonl.gz", rows[3:])
        folder = root / "miracl" / f"miracl-v1.0-{tag}"
        write(folder / "topics" / f"topics.miracl-v1.0-{tag}-dev.tsv", "7#1\tmto uko wapi?\n7#2\tpaka anafanya nini?\n")
        write(folder / "topics" / f"topics.miracl-v1.0-{tag}-test-a.tsv", "9#1\tmto uko wapi?\n")
        lines = "7#1\tQ0\t0#0\t1\n7#1\tQ0\t1#0\t0\n7#2\tQ0\t3#0\t1\n"
        write(folder / "qrels" / f"qrels.miracl-v1.0-{tag}-dev.tsv", lines)
    return root


def ciral(root: Path) -> Path:
    """CIRAL/ciral and CIRAL/ciral-corpus."""
    rows = ({"docid": f"VOA#{i}#0", "title": f"T {i}", "text": text, "url": "none"} for i, text in enumerate(TEXTS))
    jsonl(root / "ciral-corpus" / "passages-v1.0" / "swahili_passages.jsonl", rows)
    folder = root / "ciral" / "ciral-swahili"
    write(folder / "topics" / "topics.ciral-v1.0-sw-test-a.tsv", "3\tWhere is the river?\n8\tWho sleeps?\n")
    for pools, more in (("", ""), ("-pools", "8\tQ0\tVOA#1#0\t0\n")):
        lines = f"3\tQ0\tVOA#0#0\t1\n3\tQ0\tVOA#1#0\t0\n8\tQ0\tVOA#3#0\t1\n{more}"
        write(folder / "qrels" / f"qrels.ciral-v1.0-sw-test-a{pools}.tsv", lines)
    return root


def mmarco(root: Path) -> Path:
    """unicamp-dl/mmarco, and MS MARCO's qrels."""
    data = root / "data" / "google"
    lines = "".join(f"{i}\t{text}\n" for i, text in enumerate(("O rio corre.", "Duas aves.", 'A "casa" de pedra.')))
    write(data / "collections" / "portuguese_collection.tsv", lines)
    write(data / "queries" / "dev" / "portuguese_queries.dev.small.tsv", "1048585\tonde corre o rio\n2\taves\n")
    write(root / "qrels.dev.small.tsv", "1048585\t0\t0\t1\n2\t0\t1\t1\n")
    return root


def mrobust(root: Path) -> Path:
    """unicamp-dl/mrobust, and NIST's qrels."""
    write(
        root / "collections" / "portuguese_collection.tsv",
        "FT931-16660\tCorreio de Bruxelas.\nLA010189-0001\tUm rio.\n",
    )
    write(root / "queries" / "portuguese_queries.tsv", "301\tCrime organizado\n302\tPoliomielite\n")
    write(root / "qrels.robust2004.txt", "301 0 FT931-16660 2\n301 0 LA010189-0001 0\n302 0 LA010189-0001 1\n")
    return root


def _cc_topic(number: str, *, languages: tuple[str, ...] = ("zho", "fas", "rus")) -> dict[str, Any]:
    said = [{"lang": "eng", "source": "original", "topic_title": f"River {number}", "topic_description": "Where?"}]
    for code in languages:
        for source in ("human translation", "20220114-scale21-sockeye2-tm1"):
            words = {"topic_title": f"{code} {source[:5]}", "topic_description": f"wo {number}"}
            said.append({"lang": code, "source": source, **words})
    return {"topic_id": number, **HC4_TOPIC, "topics": said}


def _cc_documents(path: Path, code: str) -> Path:
    rows = (
        {"id": f"{code}-{i}", "cc_file": "a", "time": "2020", "title": f"题 {i}", "text": text, "url": "none"}
        for i, text in enumerate(TEXTS[:3])
    )
    return jsonl(path, rows)


def hc4(root: Path) -> Path:
    """The repository hltcoe/HC4 and the folder that its download script fills."""
    topics = [_cc_topic("1"), _cc_topic("3"), _cc_topic("5", languages=("rus",))]
    jsonl(root / "resources" / "hc4" / "test.topics.v1-0.jsonl", topics)
    qrels = "1 0 zho-0 3\n1 0 zho-1 0\n3 0 zho-2 1\n"
    write(root / "resources" / "hc4" / "zho" / "test.qrels.v1-0.txt", qrels)
    write(root / "resources" / "hc4" / "zho" / "ids.jsonl.gz", "{}\n")
    _cc_documents(root / "data" / "zho" / "hc4_docs.jsonl", "zho")
    return root


def neuclir(root: Path) -> Path:
    """neuclir/neuclir1, and TREC 2022's topics and judgements, whose second field is the language."""
    for code in ("fas", "rus", "zho"):
        _cc_documents(root / "neuclir1" / "data" / f"{code}-00000-of-00001.jsonl.gz", code)
    jsonl(root / "topics.0720.utf8.jsonl", [_cc_topic("101"), _cc_topic("102"), _cc_topic("103")])
    lines = "101 zho zho-0 3\n101 fas fas-1 1\n102 fas fas-0 0\n102 fas fas-2 3\n102 rus rus-0 1\n101 zho zho-1 0\n"
    write(root / "2022-qrels.all", lines)
    return root


def neuclir_2023(root: Path) -> Path:
    """TREC 2023's: judgements in a file a language, beside those of 2022."""
    neuclir(root)
    jsonl(root / "neuclir-2023-topics.0605.jsonl", [_cc_topic("200"), _cc_topic("201")])
    for code in ("fas", "rus", "zho"):
        write(root / "2023" / f"qrels.final.gains.{code}", f"200 0 {code}-0 3\n201 0 {code}-1 1\n")
    return root


def clef(root: Path) -> Path:
    """CLEF's SGML of 2003: topics with language marks, newspapers in latin-1, judgements by language."""
    topic = "<top>\n<num> C{0} </num>\n<EN-title> River {0} </EN-title>\n<EN-desc> Where does it\nflow? </EN-desc>\n"
    ends = "<EN-narr> Any river. </EN-narr>\n</top>\n"
    write(root / "topics" / "Top-EN03.txt", "".join(topic.format(n) + ends for n in (141, 142, 143)))
    document = "<DOC>\n<DOCNO>{}</DOCNO>\n<DOCID>x</DOCID>\n<TITLE>{}</TITLE>\n<TEXT>\n<P>{}</P>\n</TEXT>\n</DOC>\n"
    for name, number in (("german", "FR940104-000001"), ("french", "LEMONDE94-000001"), ("spanish", "EFE19940101-1"),
                         ("english", "LA010194-0001")):  # fmt: skip
        one = document.format(number, "Flüsse & Städte".replace("&", "&amp;"), f"Über {name}.<!-- gone -->")
        two = document.format(f"{number}9", "Häuser", "Nichts.")
        path = root / name / "a.sgml"
        path.parent.mkdir(parents=True)
        path.write_bytes((one + two).encode("latin-1"))
        write(root / "qrels" / f"qrels_{name}", f"141 0 {number} 1\n142 0 {number}9 0\n141 0 {number}9 0\n")
    return root


def xor(root: Path) -> Path:
    """XOR-Retrieve's questions and DPR's passages."""
    rows = [
        {"id": "q1", "question": "川はどこ?", "lang": "ja", "answers": ["Alps"], "split": "dev"},
        {"id": "q2", "question": "ไหน", "lang": "te", "answers": ["two birds", "birds"], "split": "dev"},
        {"id": "q3", "question": "?نعم", "lang": "ar", "answers": ["yes"], "split": "dev"},
    ]
    jsonl(root / "xor_dev_retrieve_eng_span_v1_1.jsonl", rows)
    lines = 'id\ttext\ttitle\n1\t"The ""river"" rises in the Alps."\tRiver\n2\tTwo birds fly.\tBird\n'
    lines += "3\tStone house.\tHouse\n"
    write(root / "psgs_w100.tsv.gz", lines)
    return root


def mkqa(root: Path) -> Path:
    """MKQA's questions and BEIR's NQ."""

    def question(number: int, kind: str, text: str | None, aliases: list[str]) -> dict[str, Any]:
        answer = {"type": kind, "text": text, **({"aliases": aliases} if aliases else {})}
        asked = {code: f"{code} question {number}" for code in ("en", "de", "zh_cn")}
        return {
            "query": asked["en"],
            "answers": {"en": [answer], "de": [answer]},
            "queries": asked,
            "example_id": number,
        }

    rows = [
        question(11, "entity", "The Alps", ["Alps"]),
        question(12, "binary", "yes", []),
        question(13, "unanswerable", None, []),
        question(14, "number", "two", []),
    ]
    jsonl(root / "mkqa.jsonl.gz", rows)
    texts = ("The river rises in the Alps.", "Two birds fly.", "A stone house.")
    jsonl(root / "nq" / "corpus.jsonl", ({"_id": f"doc{i}", "title": "T", "text": t} for i, t in enumerate(texts)))
    return root


def afriqa(root: Path) -> Path:
    """masakhane-io/afriqa; answers are Python lists in strings."""
    row = {"lang": "swa", "split": "test", "translation_type": "human_translation", "translated_question": "?"}
    rows = [
        {"id": 0, "question": "Mto?", "answers": "['Milima']", "translated_answer": "['Alps']", **row},
        {"id": 1, "question": "Ndege?", "answers": "['wawili']", "translated_answer": "['two', 'a pair']", **row},
    ]
    jsonl(root / "data" / "queries" / "swa" / "queries.afriqa.swa.en.test.json", rows)
    lines = "id\ttext\ttitle\n1\tThe river rises in the Alps.\tRiver\n2\tThere are two birds.\tBird\n"
    write(root / "enwiki-20220501_w100.tsv", lines)
    return root


def beir(root: Path) -> Path:
    jsonl(
        root / "corpus.jsonl",
        ({"_id": f"d{i}", "title": f"T{i}", "text": t, "metadata": {}} for i, t in enumerate(TEXTS)),
    )
    jsonl(root / "queries.jsonl", ({"_id": f"q{i}", "text": f"swali {i}", "metadata": {}} for i in range(3)))
    write(root / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\nq0\td0\t2\nq1\td3\t1\n")
    write(root / "qrels" / "train.tsv", "query-id\tcorpus-id\tscore\nq2\td1\t1\n")
    return root


MAKERS: dict[str, Callable[[Path], Path]] = {
    "mrtydi": mrtydi, "miracl": miracl, "ciral": ciral, "mmarco": mmarco, "mrobust04": mrobust, "hc4": hc4,
    "neuclir": neuclir, "clef03": clef, "xor-retrieve": xor, "mkqa": mkqa, "afriqa": afriqa, "beir": beir,
}  # fmt: skip
