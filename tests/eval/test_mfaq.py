"""MFAQ against plain loops, and its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.eval.test_protocols import Letters, cosines
from xret.errors import EvalError, MismatchError
from xret.eval.mfaq import mfaq, read_mfaq, score_mfaq


def page(name: int, *pairs: tuple[str, str], **more: object) -> dict[str, Any]:
    qa_pairs = [{"question": question, "answer": answer} for question, answer in pairs]
    return {"id": name, "domain": "example.org", "num_pairs": len(pairs), "qa_pairs": qa_pairs, **more}


def write(path: Path, *rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def test_ranks_are_those_of_loops() -> None:
    rng = np.random.default_rng(1)
    sizes, langs = [3, 1, 5], ["de", "fr", "de"]
    answers = rng.normal(size=(9, 4))
    answers[6] = answers[4]  # equal answers on a page: the first stands first
    questions = answers + rng.normal(size=(9, 4))
    found = mfaq(questions, answers, sizes, langs)
    values, means = [], []
    for end, size in zip(np.cumsum(sizes), sizes, strict=True):
        table = cosines(questions[end - size : end], answers[end - size : end])
        ranks = [
            1 + sum((-score, place) < (-row[own], own) for place, score in enumerate(row))
            for own, row in enumerate(table)
        ]
        values += [1 / rank for rank in ranks]
        means.append(np.mean([1 / rank for rank in ranks]))
    np.testing.assert_allclose(found.values, values)
    assert found.global_mrr == pytest.approx(np.mean(values)) and found.per_page_mrr == pytest.approx(np.mean(means))
    assert values[3] == 1.0
    german, french, every = found.table().to_pylist()
    assert (german["lang"], german["pages"], german["questions"]) == ("de", 2, 8)
    assert german["per_page_mrr"] == pytest.approx((means[0] + means[2]) / 2)
    assert (french["global_mrr"], every["questions"], every["global_mrr"]) == (1.0, 9, found.global_mrr)
    with pytest.raises(MismatchError, match="2 pages of 8 and 3 languages"):
        mfaq(questions, answers, [3, 5], langs)


def test_pages_are_read(tmp_path: Path) -> None:
    write(tmp_path / "de" / "valid.jsonl", page(7, ("Wer?", "Ich."), ("Wo?", "Hier.")), "", page(8, ("Was?", "Das.")))
    other = write(tmp_path / "x.jsonl", page(7, ("Qui ?", "Moi."), language="fr"))
    pages = read_mfaq([tmp_path])
    assert [(each.id, each.lang, each.questions) for each in pages] == [
        ("7", "de", ["Wer?", "Wo?"]),
        ("8", "de", ["Was?"]),
        ("7", "fr", ["Qui ?"]),
    ]
    assert read_mfaq([other], lang="it")[0].lang == "it"
    assert score_mfaq(pages, Letters()).values.shape == (4,)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([page(1, ("a", "b")), '{"id": 2,'], r"en.jsonl:2: broken JSON"),
        ([{"id": 1, "qa_pairs": []}], r"en.jsonl:1: has no id or no qa_pairs"),
        ([{"qa_pairs": [{"question": "a", "answer": "b"}]}], r"en.jsonl:1: has no id or no qa_pairs"),
        ([page(1, ("a", "b"), (" ", "c"))], r"en.jsonl:1: the question of pair 2 is empty"),
        ([page(1, ("a", ""))], r"en.jsonl:1: the answer of pair 1 is empty"),
        ([page(1, ("a", "b")), page(1, ("c", "d"))], r"en.jsonl:2: page '1' stands there twice"),
        ([page(1, ("a", "b"), language="qqq")], r"en.jsonl:1: 'qqq' is not a known language code"),
        ([], r"en.jsonl: has no pages"),
    ],
)
def test_bad_files_are_named(rows: list[object], message: str, tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=message) as caught:
        read_mfaq([write(tmp_path / "en.jsonl", *rows)])
    assert "\n" not in str(caught.value)
    with pytest.raises(EvalError, match="gone: no such file or folder"):
        read_mfaq([tmp_path / "gone"])
