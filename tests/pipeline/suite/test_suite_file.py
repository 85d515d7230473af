"""What a suite file may say, and how it is told what it may not: one line with the file and the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from xret.errors import InputError
from xret.pipeline.suite import read_suite
from xret.sample import export_sample

GOOD = """\
measures = ["nDCG@10"]
[[benchmark]]
name = "docs"
corpus = "docs.jsonl"
queries = "queries.tsv"
qrels = "qrels.txt"
[[system]]
name = "dense"
kind = "dense"
[[system]]
name = "fair"
kind = "calibrate"
of = "dense"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    export_sample(tmp_path)
    return tmp_path


def test_the_sample_suite_is_read(folder: Path) -> None:
    suite = read_suite(folder / "suite.toml", sample=5)
    assert list(suite.benchmarks) == ["docs", "tatoeba"] and suite.benchmarks["docs"].sample == 5
    assert {system.kind for system in suite.systems.values()} == {
        "lexical", "dense", "multivector", "rerank", "fuse", "calibrate",
    }  # fmt: skip
    assert suite.work == folder / "suite.work" and suite.results == folder / "suite.results"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("measures", "mesures", "line 1: unknown key 'mesures'; did you mean 'measures'?"),
        ('"nDCG@10"', '"nDGC@10"', "line 1: unknown measure 'nDGC@10'"),
        ("measures", "k = 0\nmeasures", "line 1: k is 0"),
        ('kind = "dense"', 'kind = "dens"', "line 7: system 'dense': kind 'dens' is not known; did you mean 'dense'?"),
        ('kind = "dense"', 'kind = "dense"\nfactroy = "Flat"', "line 10: system 'dense' (dense) has no option"),
        ('kind = "dense"', 'kind = "dense"\ndim = "x"', "line 10: system 'dense' (dense), option 'dim': found 'x'"),
        ('kind = "dense"\n', "", "system 'dense': has no kind"),
        ('name = "fair"', 'name = "dense"', "line 10: system 'dense' has the name of the one on line 7"),
        ('name = "fair"', 'name = "a/b"', "line 10: [[system]] wants name"),
        ('of = "dense"', 'of = "dens"', "made of 'dens', which is no system; did you mean 'dense'?"),
        ('of = "dense"', 'of = "fair"', "line 10: systems go in a circle: fair of fair"),
        ('of = "dense"', 'of = "x"\n[[system]]\nname = "x"\nkind = "rerank"\nof = "fair"', "circle: fair of x of fair"),
        ('of = "dense"', 'of = "dense"\non = ["doc"]', "names 'doc', which is no benchmark; did you mean 'docs'?"),
        ('of = "dense"', 'of = "dense"\nfit_on = "docs"', "fit_on is for method 'logistic'"),
        ('of = "dense"', 'of = "dense"\nmethod = "logistics"', "line 14: system 'fair' (calibrate), option 'method'"),
        ('"qrels.txt"', '"qrel.txt"', "line 6: benchmark 'docs', option 'qrels': "),
        ('qrels = "qrels.txt"\n', "", "line 2: benchmark 'docs' has no qrels"),
        ('qrels = "qrels.txt"', 'qrels = "qrels.txt"\nsample = 0', "line 7: benchmark 'docs', option 'sample'"),
        ('qrels = "qrels.txt"', 'qrels = "qrels.txt"\nmeasures = ["nDCG@x"]', "line 7: benchmark 'docs', option"),
        (
            'corpus = "docs.jsonl"',
            'protocol = "miracl"',
            "line 2: benchmark 'docs' wants corpus, queries and",
        ),
        ("[[benchmark]]", "[benchmark]", "has no benchmarks; write each under a line [[benchmark]]"),
        ("[[benchmark]]", "[[benchmark]", "not TOML"),
    ],
)
def test_mistakes_are_told_in_a_line_with_their_place(old: str, new: str, message: str, folder: Path) -> None:
    path = folder / "my.toml"
    assert GOOD.count(old)
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_suite(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and message in text and "\n" not in text, text


def test_a_protocol_of_a_published_set_fixes_its_measures(folder: Path) -> None:
    text = '[[benchmark]]\nname = "t"\nprotocol = "{}"\npath = "tatoeba"\n{}[[system]]\nname = "d"\nkind = "dense"\n'
    path = folder / "my.toml"
    path.write_text(text.format("tatoeba-laser", ""))
    assert read_suite(path).benchmarks["t"].measures == ()
    for protocol, more, message in (
        ("tatoeba-lasr", "", "did you mean 'tatoeba-laser'?"),
        ("tatoeba-laser", 'measures = ["AP"]\n', "has measures, which its protocol fixes"),
    ):
        path.write_text(text.format(protocol, more))
        with pytest.raises(InputError, match=message.replace("?", r"\?")):
            read_suite(path)
