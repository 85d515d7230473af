"""What a step compares: third languages, documents without their query, questions with passages of one article."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.encoders.distil.conftest import WHAT, WHO, Toy, foreign
from xret.encoders.distil.batches import Batch, TrainingData, draw_batch
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.preparation import Preparation
from xret.encoders.distil.questions import read_questions
from xret.encoders.distil.students import make_student
from xret.encoders.distil.train import train
from xret.errors import CorpusError, UsageError

CONFIG = DistilConfig(
    vocab_size=400, chars_per_language=100_000, hidden_size=32, batch_size=32, steps=60, warmup_steps=5, dev_pairs=5,
    learning_rate=0.05, device="cpu", max_tokens=24, token_dropout=0.0, one_source_share=0.0, document_rows=6,
    document_sources=("made",), document_share=0.0,
)  # fmt: skip
LETTERS = {"eo": "bdfgklmnprstvz", "ia": "vwxyqjhkpt"}


def questions_file(path: Path) -> Path:
    """A passage of each person and thing, with a question in two languages; one group for each person."""
    rows = [
        {"question": told(f"what has {who}"), "passage": told(f"{who} has {what}"), "question_lang": lang,
         "passage_lang": lang, "id": f"{who} {what}", "group": who}
        for who in WHO for what in WHAT for lang, told in (("en", str), ("eo", foreign))
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def prepared(teacher: str, toy: Toy, tmp_path: Path) -> Any:
    """``prepared(options)``: (config, data, tokenizer, which English string each token run belongs to)."""

    def make(**options: Any) -> tuple[DistilConfig, TrainingData, Path]:
        config = replace(CONFIG, teacher=teacher, **options)
        files = [toy(lang, count=120, letters=letters) for lang, letters in LETTERS.items()]
        steps = Preparation(files, config, tmp_path / "work", threads=1)
        pairs, dev = steps.pairs()
        return config, steps.training_data(pairs, dev, tokenizer := steps.tokenizer(pairs)), tokenizer

    return make


def halves(batch: Batch) -> list[list[tuple[int, ...]]]:
    """The texts of both sides, as token ids."""
    texts = [tuple(part.tolist()) for part in np.split(batch.ids, np.cumsum(batch.lengths)[:-1])]
    return [texts[: len(texts) // 2], texts[len(texts) // 2 :]]


def spelled(data: TrainingData) -> tuple[dict[tuple[int, ...], set[int]], ...]:
    """Token ids -> the English strings they say, of the foreign texts and of English."""
    found: tuple[dict[tuple[int, ...], set[int]], ...] = ({}, {})
    for row, string in enumerate(data.english_of):
        found[0].setdefault(tuple(data.texts.gather(np.asarray([row]), limit=24)[0].tolist()), set()).add(int(string))
    for string in range(len(data.targets)):
        ids = tuple(data.english.gather(np.asarray([string]), limit=24)[0].tolist())
        found[1].setdefault(ids, set()).add(string)
    return found


def test_right_sides_in_third_languages_say_the_same(prepared: Any) -> None:
    config, data, _ = prepared(cross_share=0.5)
    texts, english = spelled(data)
    foreign_sides = 0
    for step in range(6):
        batch = draw_batch(data, config, step)
        left, right = halves(batch)
        assert batch.english is not None
        for one, other, string in zip(left, right, batch.english, strict=True):
            assert string in texts[one]
            assert string in (texts.get(other) or english[other])
            assert one != other  # another language, not the same text again
            foreign_sides += other in texts
    assert 0.35 < foreign_sides / (6 * config.batch_size) < 0.65
    plain = draw_batch(data, replace(config, cross_share=0.0), 0)
    assert all(other in english for other in halves(plain)[1])


def test_documents_without_the_line_that_asks_for_them(prepared: Any) -> None:
    config, data, _ = prepared(document_share=1.0, cloze_share=1.0, cross_share=1.0)
    texts, english = spelled(data)
    both = {**english, **texts}
    for step in range(4):
        batch = draw_batch(data, config, step)
        documents, queries = halves(batch)
        assert batch.english is not None and not batch.translations
        for document, query, string in zip(documents, queries, batch.english, strict=True):
            assert string in both[query]
            lines = {ids for ids, strings in both.items() if string in strings}
            assert not any(contains(document, line) for line in lines)
    whole = draw_batch(data, replace(config, cloze_share=0.0), 0)
    for document, string in zip(halves(whole)[0], whole.english, strict=True):  # type: ignore[arg-type]
        assert any(contains(document, ids) for ids, strings in both.items() if string in strings)


def contains(document: tuple[int, ...], line: tuple[int, ...]) -> bool:
    return any(document[start : start + len(line)] == line for start in range(len(document) - len(line) + 1))


def test_questions_come_with_their_passages_among_those_of_their_group(prepared: Any, tmp_path: Path) -> None:
    path = questions_file(tmp_path / "q.jsonl")
    config, data, _ = prepared(questions=(str(path),), question_share=1.0, question_group=4)
    table = read_questions([path]).to_pylist()
    asked, answers = data.questions.draw(64, group=4, rng=np.random.default_rng(0))
    assert len(set(asked)) == len(asked) > 40
    languages = set()
    for question, passage in zip(asked, answers, strict=True):
        assert table[question]["id"] == table[passage]["id"]
        languages.add((table[question]["question_lang"], table[passage]["passage_lang"]))
    assert len(languages) == 4  # each with each
    groups = [table[row]["group"] for row in asked]
    assert min(groups.count(group) for group in set(groups)) >= 2
    batch = draw_batch(data, config, 1)
    assert batch.english is None
    passages, questions = halves(batch)
    wrong = batch.same & (np.asarray([hash(p) for p in passages])[:, None] != np.asarray([hash(p) for p in passages]))
    assert not (wrong & (np.asarray([hash(q) for q in questions])[:, None] != [hash(q) for q in questions])).any()
    for i in range(len(passages)):
        assert all(batch.same[i, j] for j in range(len(passages)) if i != j and passages[i] == passages[j])


def test_a_student_learns_to_find_the_passage(prepared: Any, tmp_path: Path) -> None:
    path = questions_file(tmp_path / "q.jsonl")
    config, data, tokenizer = prepared(questions=(str(path),), question_share=0.5, cross_share=0.3, cloze_share=0.5)
    student = make_student(config, data, tokenizer)
    loss = [0.0, 0.0]
    for turn in range(2):
        batch = draw_batch(data, replace(config, question_share=1.0), 99)
        vectors = student.encode(batch.ids, batch.lengths).detach().numpy()
        scores = vectors[: len(vectors) // 2] @ vectors[len(vectors) // 2 :].T / 0.05
        scores[batch.same] = -99
        loss[turn] = float((np.log(np.exp(scores).sum(axis=0)) - scores.diagonal()).mean())
        if not turn:
            student = train(student, data, config, checkpoint=tmp_path / "c.safetensors", key="k")
    assert loss[1] < loss[0] - 0.5, loss


BAD = {
    "columns": ([{"question": "who", "text": "x"}], r"has columns \['question', 'text'\], but no passage"),
    "empty": ([{"question": "who", "passage": " "}], "holds no question with a passage"),
    "language": ([{"question": "who", "passage": "x", "passage_lang": "not one"}], "passage_lang 'not one' is no"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_of_questions(kind: str, tmp_path: Path) -> None:
    rows, message = BAD[kind]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "q.parquet")
    with pytest.raises(CorpusError, match=message):
        read_questions([tmp_path / "q.parquet"])
    with pytest.raises(CorpusError, match="absent"):
        read_questions([tmp_path / "absent.parquet"])


def test_options_that_would_change_nothing() -> None:
    from xret.encoders.distil.checks import check_config

    for options, message in (
        ({"document_sources": (), "cloze_share": 0.5}, "cloze_share is of documents"),
        ({"questions": ("q.jsonl",), "question_share": 0.0}, "questions are only contrasted"),
        ({"cross_share": 1.5}, "cross_share = 1.5; wanted a share"),
    ):
        with pytest.raises(UsageError, match=message):
            check_config(replace(CONFIG, **options))
