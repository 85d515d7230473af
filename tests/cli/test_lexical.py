"""Lexical indexes and lexicons on the command line: made, searched in several ways, and mistakes told in one line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Cli


def test_a_lexical_index_is_built_searched_changed_and_checked(sandbox: Path, cli: Cli) -> None:
    assert cli("index", "build", "docs.jsonl", "-o", "words.index", "--kind", "lexical").code == 0
    found = cli("search", "words.index", "rain", "-k", "2", "--format", "jsonl", "--k1", "1.2")
    assert found.code == 0 and len(found.out.splitlines()) <= 2
    info = json.loads(cli("index", "info", "words.index", "--json").out)
    assert info["kind"] == "lexical" and info["rows"] == sum(info["languages"].values())
    first = json.loads(Path("docs.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert cli("index", "delete", "words.index", first["id"]).code == 0
    assert cli("index", "add", "words.index", "docs.jsonl", "--replace").code == 0
    assert cli("index", "compact", "words.index").code == 0
    checked = cli("index", "check", "words.index")
    assert checked.code == 0 and f"ok: {info['rows']} rows" in checked.out


def test_a_lexicon_from_mined_pairs_translates_queries(sandbox: Path, cli: Cli) -> None:
    made = cli("lexicon", "pairs.tsv", "-o", "l.parquet", "--src-lang", "de", "--tgt-lang", "en", "--json")
    assert made.code == 0 and set(json.loads(made.out)["words"]) == {"de-en", "en-de"}
    assert cli("index", "build", "news.en.txt", "--lang", "en", "-o", "en.index", "--kind", "lexical").code == 0
    german = Path("news.de.txt").read_text(encoding="utf-8").splitlines()[0]
    plain, translated = (
        cli("search", "en.index", german, "--query-lang", "de", "--format", "trec", "-k", "100", *more)
        for more in ((), ("--lexicon", "l.parquet"))
    )
    assert plain.code == translated.code == 0
    assert len(translated.out.splitlines()) > len(plain.out.splitlines())
    for more, said in (
        (("--lexicon", "l.parquet"), "no way from 'und' to en; say with --query-lang"),
        (("--lexicon", "l.parquet", "--query-lang", "fr"), "no way from 'fr' to en; give another --lexicon"),
        (("--pivot", "de"), "--pivot is a language that a --lexicon is gone through by"),
    ):
        refused = cli("search", "en.index", german, *more)
        assert refused.code == 2 and said in refused.err
    Path("q.jsonl").write_text('{"id": "1", "text": "x", "lang": "de"}\n{"id": "2", "text": "x", "lang": "fr"}\n')
    warned = cli("search", "en.index", "--queries", "q.jsonl", "--lexicon", "l.parquet")
    assert warned.code == 0 and "'fr' to en: 1 queries are searched as they are written" in warned.err


def test_mistakes_are_told_in_one_line(sandbox: Path, cli: Cli) -> None:
    Path("unknown.txt").write_text("a text in no language\n", encoding="utf-8")
    for arguments, said in (
        (("index", "build", "unknown.txt", "-o", "i", "--kind", "lexical"), "choose one with --analyzer und=words"),
        (
            ("index", "build", "docs.jsonl", "-o", "i", "--kind", "lexical", "--analyzer", "de"),
            "write it like und=words",
        ),
        (("index", "build", "docs.jsonl", "-o", "i", "--backend", "lucene"), "--backend is for --kind lexical"),
        (("search", "docs.index", "rain", "--lexicon", "x"), "--lexicon is for indexes of kind lexical"),
        (("lexicon", "pairs.tsv", "-o", "l", "--src-lang", "de", "--tgt-lang", "de"), "both in 'de'"),
    ):
        called = cli(*arguments)
        assert called.code in (1, 2) and said in called.err and "Traceback" not in called.err
        assert not Path("i").exists()
    made = cli("index", "build", "unknown.txt", "-o", "i", "--kind", "lexical", "--analyzer", "und=words")
    assert made.code == 0
