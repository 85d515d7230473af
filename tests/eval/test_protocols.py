"""Tatoeba, xsim and LAReQA against plain loops in float64, and the files they read."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet
import pytest

from xret.errors import EvalError, InputError, MismatchError, UsageError
from xret.eval import nearest
from xret.eval.lareqa import lareqa
from xret.eval.nearest import unit
from xret.eval.nway import xsim_nway
from xret.eval.tatoeba import read_tatoeba, score_tatoeba, tatoeba_accuracy
from xret.eval.xquad import read_xquad, score_xquad
from xret.eval.xsim import Margin, text_codes, xsim

Floats = npt.NDArray[np.float64]


class Letters:
    """A stand-in encoder: counts of letters, lower case, so that equal texts have equal vectors."""

    def encode(
        self,
        texts: Sequence[str],
        *,
        role: str | None = None,
        lang: Sequence[str] | None = None,
        progress: bool = False,
    ) -> npt.NDArray[np.float32]:
        assert lang is not None  # models that are told the language need it from every protocol
        assert len(lang) == len(texts)
        counts = np.array(
            [[text.lower().count(chr(97 + letter)) for letter in range(26)] for text in texts], np.float32
        )
        return np.asarray(counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9), np.float32)


def noisy(n: int, d: int, noise: float, seed: int) -> tuple[Floats, Floats]:
    """Two sides of n parallel vectors, not of unit length."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return x, 3 * (x + noise * rng.normal(size=(n, d)))


def cosines(x: Floats, y: Floats) -> Floats:
    return np.array([[float(a @ b / np.sqrt((a @ a) * (b @ b))) for b in y] for a in x])


@pytest.fixture(params=[1 << 23, 50], ids=["one block", "many blocks"])
def _cells(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "CELLS", request.param)


@pytest.mark.usefixtures("_cells")
def test_tatoeba_accuracy_is_that_of_loops() -> None:
    x, y = noisy(40, 6, 0.9, seed=1)
    table = cosines(x, y)
    there = float(np.mean([max(range(40), key=lambda j: table[i, j]) == i for i in range(40)]))
    back = float(np.mean([max(range(40), key=lambda i: table[i, j]) == j for j in range(40)]))
    assert there != back
    assert 0.2 < there < 0.9
    assert tatoeba_accuracy(x, y) == (there, back)


def test_equal_sentences_are_equally_near_whatever_the_product() -> None:
    """Tiles of a matrix product add up in their own order: the lowest row must win all the same, on any threads."""
    threadpool_limits = importlib.import_module("threadpoolctl").threadpool_limits
    rng = np.random.default_rng(7)
    some = unit(rng.normal(size=(61, 300)))
    y = some[np.concatenate([np.arange(61), rng.integers(0, 61, 452)])]
    first = [int(np.flatnonzero((y == row).all(axis=1))[0]) for row in y]
    for threads in (1, 2):
        with threadpool_limits(threads):
            for x in (y, y[:63]):
                assert nearest.nearest(x, y).tolist() == first[: len(x)]
                ids, cosines = nearest.top_k(x, y, 3)
                for row in range(len(x)):
                    same = np.flatnonzero((y == x[row]).all(axis=1))
                    assert ids[row, : len(same)].tolist() == same[:3].tolist()
                    assert (cosines[row, : len(same)] == cosines[row, 0]).all()
                    assert (cosines[row] == cosines[first[row]]).all()
            accuracy = len(set(first)) / len(y)
            assert tatoeba_accuracy(y, y) == (accuracy, accuracy)
            assert xsim(y, y, margin="absolute").errors == xsim(y, y).errors == len(y) - len(set(first))


@pytest.mark.usefixtures("_cells")
@pytest.mark.parametrize("margin", ["ratio", "distance", "absolute"])
@pytest.mark.parametrize("k", [1, 4, 99])
def test_xsim_is_that_of_loops(margin: Margin, k: int) -> None:
    x, y = noisy(30, 5, 1.0, seed=2)
    table, top = cosines(x, y), min(k, 30)
    errors = 0
    for i in range(30):
        candidates = sorted(range(30), key=lambda j: -table[i, j])[:top]
        mine = sum(table[i, j] for j in candidates) / top
        score = {}
        for j in candidates:
            mean = (mine + sum(sorted(table[:, j])[-top:]) / top) / 2
            ratio = table[i, j] / mean if mean > 0 else 0
            score[j] = {"ratio": ratio, "distance": table[i, j] - mean, "absolute": table[i, j]}[margin]
        errors += max(score, key=score.__getitem__) != i
    found = xsim(x, y, margin=margin, k=k)
    assert (found.errors, found.sentences, found.k) == (errors, 30, top)
    assert found.error == errors / 30
    assert 0 < found.errors < 30


def test_margins_are_those_of_mining() -> None:
    """Both sentences far from all others: the ratio is 0 for every candidate, and the nearest is chosen."""
    near, far = -0.1, -0.5
    rest = np.sqrt(1 - near**2 - far**2)
    x, y = np.eye(4)[:2], np.array([[near, far, rest, 0], [far, near, 0, rest]])
    assert xsim(x, y, margin="ratio", k=2).errors == 0
    assert xsim(x, y[::-1], margin="ratio", k=2).errors == 2


def test_margins_and_copies_make_a_difference_in_xsim() -> None:
    x, y = noisy(200, 5, 0.8, seed=3)
    assert xsim(x, y).errors < xsim(x, y, margin="absolute").errors
    twice = np.concatenate([y[:100], y[:100]])
    codes = text_codes([f"line {row % 100}" for row in range(200)])
    assert xsim(twice, twice).errors == 100
    assert xsim(twice, twice, same=codes).errors == 0


def test_sides_that_are_not_parallel_are_refused() -> None:
    x, y = noisy(4, 3, 0.1, seed=4)
    for call in (tatoeba_accuracy, xsim):
        with pytest.raises(MismatchError, match=r"found shapes \(4, 3\) and \(3, 3\)"):
            call(x, y[:3])
    with pytest.raises(InputError, match="src: wanted a matrix"):
        tatoeba_accuracy(np.full((4, 3), np.nan), y)
    with pytest.raises(UsageError, match="margin 'cosine' with k 4"):
        xsim(x, y, margin="cosine")  # type: ignore[arg-type]


@pytest.mark.usefixtures("_cells")
def test_lareqa_is_that_of_loops() -> None:
    rng = np.random.default_rng(5)
    langs, sizes = ("de", "en", "tr"), (7, 5, 6)
    candidate_langs = [lang for lang, size in zip(langs, sizes, strict=True) for _ in range(size)]
    candidates = rng.normal(size=(18, 4))
    candidates[3], candidates[9] = candidates[8], candidates[8]  # the same sentence thrice: ties by number
    start = np.cumsum([0, 7, 5])
    relevant = np.array([[start[lang] + rng.integers(sizes[lang]) for lang in range(3)] for _ in range(12)])
    relevant[4, 1], relevant[0, 1] = -1, 8
    questions = candidates[relevant[:, 0]] + rng.normal(size=(12, 4))
    question_langs = [langs[row % 3] for row in range(12)]
    table = cosines(questions, candidates).round(9)

    def average_precision(row: int, pool: list[int]) -> float | None:
        right = {int(number) for number in relevant[row] if number in pool}
        ranking = sorted(pool, key=lambda number: (-table[row, number], number))
        hits = [rank for rank, number in enumerate(ranking, 1) if number in right]
        return sum(place / rank for place, rank in enumerate(hits, 1)) / len(right) if right else None

    found = lareqa(questions, question_langs, candidates, candidate_langs, relevant)
    pooled = [average_precision(row, list(range(18))) or 0.0 for row in range(12)]
    assert found.map == pytest.approx(np.mean(pooled))
    for a, lang in enumerate(langs):
        rows = [row for row in range(12) if question_langs[row] == lang]
        assert found.pooled[a] == pytest.approx(np.mean([pooled[row] for row in rows]))
        for b, other in enumerate(langs):
            pool = [number for number in range(18) if candidate_langs[number] == other]
            values = [value for row in rows if (value := average_precision(row, pool)) is not None]
            assert found.pairs[a, b] == pytest.approx(np.mean(values))
    off = [found.pairs[a, b] for a in range(3) for b in range(3) if a != b]
    assert found.mono == pytest.approx(np.mean(np.diag(found.pairs)))
    assert found.cross == pytest.approx(np.mean(off))
    assert found.table()["lang"].to_pylist() == ["de", "en", "tr", "all"]


def test_lareqa_refuses_scattered_languages() -> None:
    x = np.eye(3)
    with pytest.raises(MismatchError, match="give each language's candidates together"):
        lareqa(x, ["a", "b", "a"], x, ["a", "b", "a"], np.zeros((3, 2), np.int64))


def test_tatoeba_files_of_both_kinds_give_the_same(tmp_path: Path) -> None:
    german = ["eine Katze", "zwei Hunde", "drei Wale"]
    english = ["a cat", "two dogs", "three whales"]
    (tmp_path / "tatoeba.deu-eng.deu").write_text("\n".join(german) + "\n")
    (tmp_path / "tatoeba.deu-eng.eng").write_text("\n".join(english))
    columns = {
        "lang": ["deu"] * 3,
        "line": [2, 0, 1],
        "eng": [english[2], *english[:2]],
        "text": [german[2], *german[:2]],
    }
    pa.parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert read_tatoeba(tmp_path, langs=["de"]) == read_tatoeba(tmp_path / "t.parquet")
    categories = {name: pa.array(columns[name]).dictionary_encode() for name in ("lang", "text")}
    pa.parquet.write_table(pa.table(columns | categories), tmp_path / "c.parquet")
    assert read_tatoeba(tmp_path / "c.parquet") == read_tatoeba(tmp_path / "t.parquet")
    row = score_tatoeba(read_tatoeba(tmp_path), Letters()).to_pylist()[0]
    assert (row["lang"], row["file_lang"], row["lines"]) == ("de", "deu", 3)
    assert row["mean"] == (row["to_en"] + row["from_en"]) / 2


def test_tatoeba_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="gone: no such file or folder"):
        read_tatoeba(tmp_path / "gone")
    with pytest.raises(EvalError, match=r"has no files named tatoeba.XXX-eng.eng"):
        read_tatoeba(tmp_path)
    (tmp_path / "tatoeba.fra-eng.eng").write_text("one\ntwo\n")
    with pytest.raises(EvalError, match=r"tatoeba.fra-eng.fra: no such file"):
        read_tatoeba(tmp_path)
    (tmp_path / "tatoeba.fra-eng.fra").write_text("un\n")
    with pytest.raises(EvalError, match=r"has 1 lines, tatoeba.fra-eng.eng has 2"):
        read_tatoeba(tmp_path)
    (tmp_path / "tatoeba.fra-eng.fra").write_text("un\ndeux\n")
    with pytest.raises(EvalError, match="has no language 'de'; it has fra"):
        read_tatoeba(tmp_path, langs=["de"])
    pa.parquet.write_table(pa.table({"lang": ["deu"]}), tmp_path / "t.parquet")
    with pytest.raises(EvalError, match=r"t.parquet: has no column 'line'"):
        read_tatoeba(tmp_path / "t.parquet")
    for side in ("eng", "fra"):
        (tmp_path / f"tatoeba.fra-eng.{side}").write_text("\n")
    with pytest.raises(EvalError, match=r"tatoeba.fra-eng.fra: is empty; wanted a sentence a line"):
        read_tatoeba(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lang": pa.array(["deu", None])}, "t.parquet: row 2 has no 'lang'"),
        ({"text": pa.array([None, "b"])}, "t.parquet: row 1 has no 'text'"),
        ({"eng": pa.array([1, 2])}, "t.parquet: 'eng' is int64, wanted text"),
        ({"line": pa.array(["1", "2"])}, "t.parquet: 'line' is string, wanted whole numbers"),
        ({}, "t.parquet: has no rows"),
    ],
)
def test_tatoeba_tables_that_do_not_fit_are_named(change: dict[str, pa.Array], message: str, tmp_path: Path) -> None:
    columns = {"lang": ["deu"] * 2, "line": [1, 2], "eng": ["a", "b"], "text": ["c", "d"]} | change
    table = pa.table(columns)
    pa.parquet.write_table(table if change else table.slice(0, 0), tmp_path / "t.parquet")
    with pytest.raises(EvalError, match=message):
        read_tatoeba(tmp_path / "t.parquet")


def paragraph(sentences: list[str], questions: dict[str, tuple[str, int]]) -> dict[str, object]:
    """A paragraph as in XQuAD-R; questions: id -> (text, start of the answer)."""
    ends = np.cumsum([len(sentence) + 1 for sentence in sentences]).tolist()
    breaks = [[end - len(sentence) - 1, end - 1] for end, sentence in zip(ends, sentences, strict=True)]
    qas = [
        {"id": key, "question": text, "answers": [{"answer_start": at, "text": "?"}]}
        for key, (text, at) in questions.items()
    ]
    return {"context": " ".join(sentences), "sentence_breaks": breaks, "qas": qas}


def write_xquad(path: Path, *paragraphs: dict[str, object]) -> None:
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": list(paragraphs)}]}))


def test_xquad_pool_and_scores(tmp_path: Path) -> None:
    write_xquad(
        tmp_path / "de.json", paragraph(["Der Fuchs bellt.", "Jazz!"], {"1": ("Wer bellt?", 4), "2": ("Was?", 17)})
    )
    write_xquad(tmp_path / "en.json", paragraph(["Jazz!", "A fox barks."], {"2": ("Jazz?", 0), "1": ("Who barks?", 8)}))
    pool = read_xquad([tmp_path])
    assert pool.sentences == ["Der Fuchs bellt.", "Jazz!", "Jazz!", "A fox barks."]
    assert pool.relevant.tolist() == [[0, 3], [1, 2], [1, 2], [0, 3]]
    scores = score_xquad(pool, Letters())
    assert (scores.langs, scores.questions.tolist()) == (("de", "en"), [2, 2])
    assert scores.pairs[1, 1] == 1.0
    alone = score_xquad(read_xquad([tmp_path / "de.json", tmp_path / "en.json"], langs=["en"]), Letters())
    assert (alone.langs, alone.map, alone.mono) == (("en",), 1.0, 1.0)
    assert np.isnan(alone.cross)


def test_xquad_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="gone: no such file or folder"):
        read_xquad([tmp_path / "gone"])
    with pytest.raises(EvalError, match=r"has no \*.json"):
        read_xquad([tmp_path])
    (tmp_path / "en.json").write_text('{"data": 1}')
    with pytest.raises(EvalError, match=r"en.json: is not XQuAD-R's JSON"):
        read_xquad([tmp_path])
    write_xquad(tmp_path / "en.json", {"context": "x", "qas": []})
    with pytest.raises(EvalError, match=r"article 1, paragraph 1 is not as in XQuAD-R \(KeyError: 'sentence_breaks'\)"):
        read_xquad([tmp_path])
    with pytest.raises(EvalError, match=r"has no fr.json; there are en"):
        read_xquad([tmp_path], langs=["fr"])


@pytest.mark.parametrize("k", [1, 3, 20])
def test_the_best_of_a_row_are_those_of_a_stable_sort(k: int) -> None:
    rng = np.random.default_rng(k)
    for values in (4, 1000):  # many ties, few ties
        block = rng.integers(values, size=(50, 90)).astype(np.float32)
        ids, found = nearest.best(block, k)
        np.testing.assert_array_equal(ids, np.argsort(-block, axis=1, kind="stable")[:, :k])
        np.testing.assert_array_equal(found, np.take_along_axis(block, ids, axis=1))


@pytest.mark.parametrize("margin", ["ratio", "distance", "absolute"])
def test_errors_between_many_languages_are_those_of_each_pair(margin: Margin) -> None:
    base = noisy(40, 6, 0.0, 2)[0]
    sides = {name: base + 1.2 * np.random.default_rng(seed).normal(size=base.shape) for seed, name in enumerate("abc")}
    codes = {name: text_codes(["same" if row in (3, 30) else f"{name}{row}" for row in range(40)]) for name in sides}
    found = xsim_nway(sides, margin=margin, same=codes)
    for row, one in enumerate(sides):
        for column, other in enumerate(sides):
            if one != other:
                each = xsim(sides[one], sides[other], margin=margin, same=codes[other])
                assert (found.errors[row, column], found.k) == (each.errors, each.k) and each.errors
    with pytest.raises(MismatchError, match=r"a has shape \(40, 6\), b \(40, 5\)"):
        xsim_nway({"a": base, "b": base[:, :5]})
