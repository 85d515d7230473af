"""Queries mixed into passages' vectors, against the formula, and to the byte where nothing is to change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.encoders.conftest import WORDS, write_static
from xret.corpus.passage_queries import open_passage_queries
from xret.encoders import Encoder, encode_corpus, load_encoder
from xret.errors import InputError, MismatchError, UsageError, VectorsError, XretError
from xret.indexes import build_index
from xret.pipeline import Pipeline
from xret.stages.centre import Centre
from xret.stages.encode import Encode
from xret.stages.expand import Expand
from xret.stages.index import Index
from xret.stages.mixing import Mixed, expand_vectors, mix
from xret.stages.passages import assign
from xret.vectors import Vectors

IDS = [f"p{n}" for n in range(11)]
CORPUS = pa.table({"id": IDS, "text": [" ".join(WORDS[n : n + 4]) for n in range(11)], "lang": ["en"] * 11})
QUERIES = pa.table(
    {
        "docid": ["p7", "p0", "p7", "p7", "p10", "p0", "p7"],
        "text": ["bird", "old house", "green stone", "river", "and", "blue", "runs"],
        "lang": ["de", "de", "fr", "de", "zh-Hant", "fr", "de"],
    }
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_static(tmp_path_factory.mktemp("model"))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XRET_CACHE", str(tmp_path_factory.getbasetemp() / "graphs"))


@pytest.fixture
def encoder(model: Path) -> Encoder:
    return load_encoder(model, device="cpu", threads=1)


@pytest.fixture
def store(tmp_path: Path, encoder: Encoder) -> Callable[..., Vectors]:
    """``store(dtype=…, dim=…)``: the vectors of `CORPUS` in shards of four."""
    return lambda **options: encode_corpus(
        CORPUS, tmp_path / "vectors", encoder=encoder, role="document", shard_rows=4, **options
    )


def wanted(vectors: Vectors, encoder: Encoder, alpha: float, combine: str, queries: list[dict[str, str]]) -> Any:
    """The formula, passage by passage."""
    out = vectors.block(0, vectors.rows).astype(np.float64)
    for row, docid in enumerate(vectors.ids().to_pylist()):
        texts = [query["text"] for query in queries if query["docid"] == docid]
        if texts and alpha:
            found = encoder.encode(texts, role="query", dim=None if vectors.dim == encoder.dim else vectors.dim)
            total = found.astype(np.float64).sum(axis=0) / (len(texts) if combine == "mean" else 1)
            mixed = (1 - alpha) * out[row] / np.linalg.norm(out[row]) + alpha * total
            out[row] = mixed / np.linalg.norm(mixed)
    return out


@pytest.mark.parametrize("combine", ["sum", "mean"])
@pytest.mark.parametrize("alpha", [0.02, 0.5, 1.0])
@pytest.mark.parametrize(("dtype", "dim", "error"), [("float32", None, 1e-6), ("float16", 3, 1e-3)])
def test_the_formula(
    store: Any, encoder: Encoder, tmp_path: Path, alpha: float, combine: Any, dtype: str, dim: int | None, error: float
) -> None:
    vectors, told = store(dtype=dtype, dim=dim), list[Mixed]()
    made = expand_vectors(
        vectors, assign(vectors, QUERIES), tmp_path / "out", encoder=encoder, alpha=alpha, combine=combine,
        tell=told.append,
    )  # fmt: skip
    found = made.block(0, made.rows)
    assert np.abs(found - wanted(vectors, encoder, alpha, combine, QUERIES.to_pylist())).max() <= error
    untouched = [row for row, docid in enumerate(IDS) if docid not in QUERIES["docid"].to_pylist()]
    assert (found[untouched] == vectors.block(0, 11)[untouched]).all()
    assert told == [Mixed(11, 3, 7, {"de": 4, "fr": 2, "zh-Hant": 1})]
    kept = ("encoder", "encoder_hash", "corpus_hash", "role", "dim", "dtype", "rows")
    assert {name: made.manifest[name] for name in kept} == {name: vectors.manifest[name] for name in kept}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_alpha_0_changes_no_byte(store: Any, tmp_path: Path, dtype: str) -> None:
    vectors = store(dtype=dtype)
    made = expand_vectors(vectors, assign(vectors, QUERIES), tmp_path / "out", encoder=None, alpha=0)
    for name in ("vectors-00000.arrow", "vectors-00001.arrow", "vectors-00002.arrow"):
        assert (tmp_path / "vectors" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    for name, each in (("before", vectors), ("after", made)):
        build_index(tmp_path / name, each, corpus=CORPUS, threads=1)
    files = sorted(path.name for path in (tmp_path / "before").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "after").iterdir())
    assert all((tmp_path / "before" / f).read_bytes() == (tmp_path / "after" / f).read_bytes() for f in files)


def test_an_expansion_of_an_expansion(store: Any, encoder: Encoder, tmp_path: Path) -> None:
    """Each mixes into what the one before left, and all of them are told; alpha 0 keeps the record, too."""
    vectors = store(dtype="float32")
    first = expand_vectors(vectors, assign(vectors, QUERIES), tmp_path / "1", encoder=encoder, alpha=0.2)
    more = pa.table({"docid": ["p7", "p3"], "text": ["night", "sun"]})
    second = expand_vectors(first, assign(first, more), tmp_path / "2", encoder=encoder, alpha=0.1)
    found = second.block(0, 11)
    assert np.abs(found - wanted(first, encoder, 0.1, "sum", more.to_pylist())).max() <= 1e-6
    third = expand_vectors(second, assign(second, more), tmp_path / "3", encoder=None, alpha=0)
    told = third.manifest["expansion"]
    assert [one["alpha"] for one in told] == [0.2, 0.1, 0] and told[:2] == second.manifest["expansion"]
    assert np.array_equal(third.block(0, 11), found)
    (tmp_path / "work").mkdir()
    moved = Vectors.open(Centre().run(CORPUS, tmp_path / "2", work=tmp_path / "work"))
    again = expand_vectors(moved, assign(moved, more), tmp_path / "4", encoder=encoder, alpha=0.1)
    assert again.manifest["centred"] == "mean" and [one["alpha"] for one in again.manifest["expansion"]] == [
        0.2, 0.1, 0.1,
    ]  # fmt: skip


def test_arrays_and_tables(store: Any, encoder: Encoder, tmp_path: Path) -> None:
    """Vectors from elsewhere, of any length, whose ids are their places."""
    array = (store(dtype="float32").block(0, 11) * 3).copy()
    np.save(tmp_path / "vectors.npy", array)
    vectors = Vectors.open(tmp_path / "vectors.npy")
    queries = pa.table({"id": ["2", "2"], "text": ["bird", "stone"]})
    made = expand_vectors(vectors, assign(vectors, queries), tmp_path / "out", encoder=encoder, alpha=0.3)
    rows = [{"docid": "2", "text": text} for text in ("bird", "stone")]
    assert np.abs(made.block(0, 11) - wanted(vectors, encoder, 0.3, "sum", rows)).max() <= 1e-6
    assert Expand(alpha=0.0).run(vectors.table(), queries, work=tmp_path).is_dir()
    with pytest.raises(InputError, match="does not say which encoder"):
        Expand(alpha=0.1).run(vectors.table(), queries, work=tmp_path / "other")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["de", "fr", "zh-Hant"])), max_size=30),
       st.sampled_from([None, 1, 2]), st.sampled_from([None, ("de",), ("zh", "fr")]))  # fmt: skip
def test_which_queries_are_used(drawn: list[tuple[int, str]], most: int | None, languages: Any) -> None:
    columns = {"docid": [f"p{n}" for n, _ in drawn], "text": [str(n) for n in range(len(drawn))]}
    table = pa.table({name: pa.array(each, pa.string()) for name, each in columns.items()})
    table = table.append_column("lang", pa.array([tag for _, tag in drawn], pa.string()))
    ones = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(22, np.float32)), 2)
    vectors = Vectors.open(pa.table({"id": IDS, "vector": ones}))
    expected: list[tuple[int, int]] = []
    for row in range(11):
        seen: dict[str, int] = {}
        for place, (passage, tag) in enumerate(drawn):
            allowed = languages is None or tag.partition("-")[0] in languages
            if passage == row and allowed and seen.get(tag, 0) < (most or 99):
                seen[tag] = seen.get(tag, 0) + 1
                expected.append((row, place))
    if not expected:
        with pytest.raises(MismatchError, match="is left to use"):
            assign(vectors, table, languages=languages, most=most, unknown="skip")
        return
    found = assign(vectors, table, languages=languages, most=most, unknown="skip")
    assert list(zip(found.rows.tolist(), found.places.tolist(), strict=True)) == expected
    assert (found.queries, found.passages) == (len(expected), len({row for row, _ in expected}))
    for start, stop in ((0, 4), (4, 8), (8, 11)):
        low, high = found.span(start, stop)
        assert found.slice(low, high)[1].tolist() == [row for row, _ in expected if start <= row < stop]


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    store: Any, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = store()
    assigned = assign(vectors, QUERIES)
    expand_vectors(vectors, assigned, tmp_path / "whole", encoder=encoder, alpha=0.2)
    calls, encode = [0], encoder.encode_counted

    def dies(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt
        return encode(*arguments, **options)

    monkeypatch.setattr(encoder, "encode_counted", dies)
    with pytest.raises(KeyboardInterrupt):
        expand_vectors(vectors, assigned, tmp_path / "out", encoder=encoder, alpha=0.2)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match=r"out\.partial: holds an interrupted run"):
        expand_vectors(vectors, assigned, tmp_path / "out", encoder=encoder, alpha=0.2)
    with pytest.raises(MismatchError, match="other vectors, queries, encoder or alpha"):
        expand_vectors(vectors, assigned, tmp_path / "out", encoder=encoder, alpha=0.3, resume=True)
    expand_vectors(vectors, assigned, tmp_path / "out", encoder=encoder, alpha=0.2, resume=True)
    assert calls[0] == 4  # the first shard was not encoded again
    for path in sorted((tmp_path / "whole").iterdir()):
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()


def test_as_a_stage_between_encode_and_index(model: Path, tmp_path: Path) -> None:
    encode = Encode(encoder=str(model), role="document", device="cpu", threads=1)
    for alpha in (0.4, 0.0):
        stages = Pipeline((encode, Expand(alpha=alpha, device="cpu", threads=1), Index(threads=1)))
        bag = stages({"corpus": CORPUS, "expansion_queries": QUERIES.append_column("id", pa.array(list("abcdefg")))},
                     work=tmp_path / "work")  # fmt: skip
        expanded = json.loads((bag["index"] / "manifest.json").read_text())
        assert expanded["text"] and expanded["rows"] == 11  # the corpus is accepted as that of the vectors
    again = stages({"corpus": CORPUS, "expansion_queries": QUERIES.append_column("id", pa.array(list("abcdefg")))},
                   work=tmp_path / "work")  # fmt: skip
    assert again["index"] == bag["index"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.tsv", "p7\tde\tbird\np0\tde\told house\np7\tfr\tgreen stone\n"),
        ("q.tsv", "docid\ttext\tlang\np7\tbird\tde\np0\told house\tde\np7\tgreen stone\tfr\n"),
        ("q.jsonl", '{"id": "1", "docid": "p7", "text": "bird", "lang": "de"}\n'
                    '{"id": "2", "docid": "p0", "text": "old house", "lang": "deu"}\n'
                    '{"id": "3", "docid": "p7", "text": "green stone", "lang": "fr"}\n'),
        ("q.jsonl", '{"docid": "p7", "text": "bird", "lang": "de"}\n'
                    '{"docid": "p0", "text": "old house", "lang": "de"}\n'
                    '{"docid": "p7", "text": "green stone", "lang": "fr"}\n'),
    ],
)  # fmt: skip
def test_queries_of_every_format(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert open_passage_queries(tmp_path / name).to_pylist() == [
        {"docid": "p7", "text": "bird", "lang": "de"}, {"docid": "p0", "text": "old house", "lang": "de"},
        {"docid": "p7", "text": "green stone", "lang": "fr"},
    ]  # fmt: skip


def test_passages_with_lists_of_queries(tmp_path: Path) -> None:
    """The layout of xQG's published data set, and that of doc2query's tools."""
    path = tmp_path / "q.jsonl"
    path.write_text(
        '{"docid": 7, "text": "passage", "generated_queries": {"ar": ["one", "two"], "fin": ["three", " "]}}\n'
        '{"docid": 8, "text": "passage", "generated_queries": {"ar": ["four"], "ja": null}}\n'
    )
    rows = [("7", "one", "ar"), ("7", "two", "ar"), ("7", "three", "fi"), ("8", "four", "ar")]
    wanted = [dict(zip(("docid", "text", "lang"), row, strict=True)) for row in rows]
    assert open_passage_queries(path).to_pylist() == wanted
    nested = pa.array([{"ar": ["one", "two"], "fi": ["three"]}, {"ar": ["four"], "fi": None}])
    pa.parquet.write_table(
        pa.table({"docid": ["7", "8"], "text": ["passage"] * 2, "generated_queries": nested}), tmp_path / "q.parquet"
    )
    assert open_passage_queries(tmp_path / "q.parquet").to_pylist() == wanted
    path.write_text('{"id": "a", "text": "x", "lang": "de", "predicted_queries": ["one", "two"]}\n')
    assert [row["lang"] for row in open_passage_queries(path).to_pylist()] == ["de", "de"]
    for bad in ('{"ar": [1]}', '"one"', '{"ar": "one"}', '{"arabic": ["one"]}'):
        path.write_text(f'{{"id": "a", "text": "x", "queries": {bad}}}\n')
        with pytest.raises(InputError, match=r"q\.jsonl: .*(holds no list|is not a known language)"):
            open_passage_queries(path)


def test_columns_that_change_on_the_way(tmp_path: Path) -> None:
    lines = ['{"docid": 1, "text": "x"}'] * 70_000 + ['{"docid": "p7", "text": "x", "score": 2}']
    (tmp_path / "q.jsonl").write_text("\n".join(lines) + "\n")
    table = open_passage_queries(tmp_path / "q.jsonl")
    assert table.num_rows == 70_001 and table["docid"][-1].as_py() == "p7" and table["docid"][0].as_py() == "1"


def test_queries_without_passages(tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("bird\n")
    with pytest.raises(
        InputError, match=r"q\.txt: lines of text name no passages; wanted columns docid, text and lang"
    ):
        open_passage_queries(tmp_path / "q.txt")
    (tmp_path / "q.jsonl").write_text(
        '{"id": "a", "docid": "p7", "text": "x"}\n{"id": "b", "docid": null, "text": "y"}\n'
    )
    with pytest.raises(InputError, match=r"q\.jsonl: row 1 names no passage in 'docid'"):
        open_passage_queries(tmp_path / "q.jsonl")
    (tmp_path / "q.tsv").write_text("p7\t \n")
    with pytest.raises(InputError, match=r"q\.tsv:1"):
        open_passage_queries(tmp_path / "q.tsv")


def test_refusals(store: Any, encoder: Encoder, tmp_path: Path) -> None:
    vectors = store(dtype="float32")
    unknown = pa.table({"docid": ["p1", "q9", "q8"], "text": ["bird"] * 3})

    def run(queries: pa.Table = QUERIES, alpha: float = 0.1, encoder: Encoder = encoder, **options: Any) -> None:
        expand_vectors(vectors, assign(vectors, queries, **options), tmp_path / "out", encoder=encoder, alpha=alpha)

    cases: list[tuple[Any, type[XretError], str]] = [
        (lambda: run(unknown), MismatchError, r"no passage 'q9', which a query is for \(2 of 3 queries"),
        (lambda: run(alpha=1.5), UsageError, "alpha is 1.5"),
        (lambda: run(alpha=float("nan")), UsageError, "alpha is nan"),
        (lambda: run(most=0), UsageError, "most is 0"),
        (lambda: run(languages=["xx"]), InputError, "'xx' is not a known language"),
        (lambda: run(pa.table({"docid": ["p1"]})), InputError, "found: docid"),
        (
            lambda: run(encoder=load_encoder("xret-mini", device="cpu", threads=1)),
            MismatchError,
            "was made by .* would be",
        ),
        (lambda: Expand(alpha=-1.0), UsageError, "alpha is -1.0"),
    ]
    for call, kind, message in cases:
        with pytest.raises(kind, match=message):
            call()
        assert not (tmp_path / "out").exists()
    run(unknown, unknown="skip")
    with pytest.raises(InputError, match="exists already"):
        run()


def test_damage_is_found(store: Any, encoder: Encoder, tmp_path: Path) -> None:
    vectors = store()
    for name, alpha in (("vectors-00000.arrow", 0.1), ("vectors-00002.arrow", 0.0)):
        path = tmp_path / "vectors" / name
        sound = path.read_bytes()
        path.write_bytes(sound[:-400] + bytes([sound[-400] ^ 1]) + sound[-399:])
        with pytest.raises(VectorsError, match=f"{name}: was changed"):
            expand_vectors(vectors, assign(vectors, QUERIES), tmp_path / f"out{alpha}", encoder=encoder, alpha=alpha)
        path.write_bytes(sound)


def test_what_cancels_out_is_told() -> None:
    one = np.eye(2, dtype=np.float32)[:1]
    assert (mix(one, -one.astype(np.float64), np.array([1]), alpha=0.5) == 0).all()
    assert np.allclose(mix(one * 9, np.array([[0.0, 2.0]]), np.array([2]), alpha=0.5, combine="mean"), 0.5**0.5)
