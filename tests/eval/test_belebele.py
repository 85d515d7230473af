"""Belebele as retrieval against plain loops, and its files."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.eval.test_protocols import Letters, cosines
from xret.errors import EvalError, MismatchError
from xret.eval import nearest
from xret.eval.belebele import belebele, score_belebele
from xret.eval.belebele_files import read_belebele
from xret.eval.file_languages import plain_tag


def line(code: str, link: int, number: int, passage: str, question: str, **changes: object) -> dict[str, Any]:
    answers = {f"mc_answer{n}": f"{code} {n}" for n in range(1, 5)}
    row = {"link": f"https://example.org/{link}", "question_number": number, "flores_passage": passage}
    return {**row, "question": question, **answers, "correct_answer_num": "2", "dialect": code, "ds": "2023", **changes}


def write(path: Path, *rows: dict[str, Any] | str) -> None:
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")


def both(folder: Path) -> Path:
    german = [line("deu_Latn", 1, 1, "Ein Fuchs bellt.", "Wer bellt?"), line("deu_Latn", 2, 1, "Jazz im Park", "Was?")]
    write(folder / "deu_Latn.jsonl", *german, line("deu_Latn", 1, 2, "Ein Fuchs bellt.", "Was tut der Fuchs?"))
    english = [
        line("eng_Latn", 1, 2, "A fox barks.", "What does the fox do?"),
        line("eng_Latn", 1, 1, "A fox barks.", "Who?"),
    ]
    write(folder / "eng_Latn.jsonl", *english, line("eng_Latn", 2, 1, "Jazz in the park", "What?"))
    return folder


@pytest.mark.parametrize("cells", [1 << 23, 60])
def test_values_are_those_of_loops(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "CELLS", cells)
    rng = np.random.default_rng(3)
    about = np.array([0, 0, 1, 2, 3, 4, 4, 5, 6])
    passages = [rng.normal(size=(7, 3)) for _ in range(3)]
    passages[1][2] = passages[0][5] = passages[0][1]  # equal cosines, within a language and across
    passages[2][6] = passages[2][0]
    questions = [each[about] + rng.normal(size=(9, 3)) for each in passages]
    found = belebele(questions, passages, about, ["a", "b", "c"])

    def values(scores: list[float], right: set[int]) -> list[float]:
        order = sorted(range(len(scores)), key=lambda place: (-round(scores[place], 6), place))[:10]
        hits = [rank for rank, place in enumerate(order, 1) if place in right]
        ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(10, len(right)) + 1))
        gain = sum(1 / math.log2(rank + 1) for rank in hits) / ideal
        return [gain, 1 / hits[0] if hits else 0.0, float(bool(hits) and hits[0] == 1)]

    pool = np.concatenate(passages)
    for a in range(3):
        table = cosines(questions[a], pool)
        every = [values(list(row), {p, p + 7, p + 14}) for row, p in zip(table, about.tolist(), strict=True)]
        np.testing.assert_allclose(found.values[a], every, atol=1e-12)
        np.testing.assert_allclose(found.pooled[a], np.mean(every, axis=0), atol=1e-12)
        for b in range(3):
            mine = [values(list(row[7 * b : 7 * b + 7]), {p}) for row, p in zip(table, about.tolist(), strict=True)]
            np.testing.assert_allclose(found.pairs[a, b], np.mean(mine, axis=0), atol=1e-12)
    means = found.means()
    assert means["cross nDCG@10"] == pytest.approx(
        np.mean([found.pairs[a, b, 0] for a in range(3) for b in range(3) if a != b])
    )
    assert means["mono Success@1"] == pytest.approx(np.mean([found.pairs[a, a, 2] for a in range(3)]))
    assert found.table()["all"].to_pylist() == found.pooled[:, 0].tolist()


def test_files_are_read_side_by_side(tmp_path: Path) -> None:
    data = read_belebele([both(tmp_path)])
    assert (data.langs, data.tags) == (("deu_Latn", "eng_Latn"), ("de-Latn", "en-Latn"))
    assert data.passages == [["Ein Fuchs bellt.", "Jazz im Park"], ["A fox barks.", "Jazz in the park"]]
    assert data.questions == [["Wer bellt?", "Was?", "Was tut der Fuchs?"], ["Who?", "What?", "What does the fox do?"]]
    assert data.about.tolist() == [0, 1, 0]
    scores = score_belebele(data, Letters())
    assert scores.values.shape == (2, 3, 3)
    packed = gzip.compress((tmp_path / "deu_Latn.jsonl").read_bytes())
    (tmp_path / "deu_Latn.jsonl").unlink()
    (tmp_path / "deu_Latn.jsonl.gz").write_bytes(packed)
    assert read_belebele([tmp_path]).questions == data.questions
    alone = score_belebele(read_belebele([tmp_path], langs=["de"]), Letters())
    assert alone.langs == ("de",) and math.isnan(alone.means()["cross RR@10"])
    np.testing.assert_allclose(alone.pairs[0, 0], scores.pairs[0, 0])


@pytest.mark.parametrize(
    ("tag", "plain"),
    [("de-Latn", "de"), ("ar-Arab", "ar"), ("ar-Latn", "ar-Latn"), ("zh-Hans", "zh"), ("zh-Hant", "zh-Hant"),
     ("sr-Latn", "sr-Latn"), ("ko-Hang", "ko"), ("de", "de"), ("pt-BR", "pt-BR")],
)  # fmt: skip
def test_tables_leave_out_the_usual_script(tag: str, plain: str) -> None:
    assert plain_tag(tag) == plain


GOOD = line("deu_Latn", 1, 1, "Ein Fuchs bellt.", "Wer bellt?")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([GOOD, '{"link": '], r"deu_Latn.jsonl:2: broken JSON"),
        ([GOOD, "7"], r"deu_Latn.jsonl:2: holds a int, wanted an object"),
        ([GOOD | {"question": " "}], r"deu_Latn.jsonl:1: 'question' is empty or no text"),
        ([GOOD | {"mc_answer3": None}], r"deu_Latn.jsonl:1: 'mc_answer3' is empty"),
        ([GOOD | {"correct_answer_num": "5"}], r"deu_Latn.jsonl:1: correct_answer_num is '5', wanted 1 to 4"),
        ([GOOD | {"question_number": 3}], r"deu_Latn.jsonl:1: question_number is 3, wanted 1 to 2"),
        ([GOOD | {"dialect": "fra_Latn"}], r"deu_Latn.jsonl:1: its dialect is 'fra_Latn', the file's 'deu_Latn'"),
        ([], r"deu_Latn.jsonl: has no questions"),
        ([GOOD], r"deu_Latn.jsonl: lacks question 2 about https://example.org/1, which eng_Latn.jsonl has"),
    ],
)
def test_bad_files_are_named(rows: list[Any], message: str, tmp_path: Path) -> None:
    write(both(tmp_path) / "deu_Latn.jsonl", *rows)
    with pytest.raises(EvalError, match=message) as caught:
        read_belebele([tmp_path])
    assert "\n" not in str(caught.value)


def test_missing_languages_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"has no \*.jsonl; wanted Belebele"):
        read_belebele([tmp_path])
    both(tmp_path)
    with pytest.raises(EvalError, match="has no file of the language 'fra_Latn'; it has deu_Latn, eng_Latn"):
        read_belebele([tmp_path], langs=["fra_Latn"])
    write(tmp_path / "qqq_Latn.jsonl", GOOD)
    with pytest.raises(EvalError, match="'qqq_Latn' is no known language code"):
        read_belebele([tmp_path])
    (tmp_path / "qqq_Latn.jsonl").rename(tmp_path / "german.jsonl")
    with pytest.raises(EvalError, match=r"german.jsonl: is not called by a language such as deu_Latn.jsonl"):
        read_belebele([tmp_path])
    with pytest.raises(MismatchError, match="do not fit one another"):
        belebele([np.eye(3)], [np.eye(2)], np.array([0]), ["a"])
