"""Centring and SHIFT on vectors whose offsets are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from xret.errors import InputError, MismatchError, UsageError
from xret.indexes import add_to_index, build_index
from xret.stages.centre import Centre
from xret.stages.merging import offsets as module
from xret.stages.merging.offsets import Rows, mean_offsets, parallel_offsets
from xret.stages.merging.recentred import recentred_run
from xret.vectors import Vectors, write_vectors

LANGUAGES, TOPICS, DIM = ("de", "en", "zh"), 200, 24
RNG = np.random.default_rng(5)
TRUE = {lang: RNG.normal(size=DIM) * 1.2 for lang in LANGUAGES}
CORPUS = pa.table(
    {
        "id": [f"{topic}@{lang}" for topic in range(TOPICS) for lang in LANGUAGES],
        "text": ["x"] * TOPICS * 3,
        "lang": list(LANGUAGES) * TOPICS,
        "doc_id": [str(topic) for topic in range(TOPICS) for _ in LANGUAGES],
    }
)
MADE = np.repeat(RNG.normal(size=(TOPICS, DIM)), 3, axis=0) + [TRUE[lang] for lang in CORPUS["lang"].to_pylist()]
X: Rows = (MADE / np.linalg.norm(MADE, axis=1, keepdims=True)).astype(np.float32)


def table(ids: pa.ChunkedArray, x: Rows) -> pa.Table:
    return pa.table({"id": ids, "vector": pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), x.shape[1])})


def test_the_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 7)
    lang = np.array(CORPUS["lang"].to_pylist())
    shift = parallel_offsets(Vectors.open(X), CORPUS["lang"], CORPUS["doc_id"])
    expected = [(X[lang == one] - X[lang == "en"]).mean(axis=0, dtype=np.float64) for one in LANGUAGES]
    assert shift.languages.to_pylist() == list(LANGUAGES) and np.allclose(shift.values, expected, atol=1e-7)
    centred = mean_offsets(Vectors.open(X), CORPUS["lang"])
    means = np.array([X[lang == one].mean(axis=0, dtype=np.float64) for one in LANGUAGES])
    away = means - means.mean(axis=0)
    share = (centred.values * away).sum(axis=1) / (away**2).sum(axis=1)
    assert np.allclose(centred.values, share[:, None] * away, atol=1e-9) and (share > 0.95).all() and (share < 1).all()
    moved = centred.removed(X, CORPUS["lang"])
    assert np.allclose(np.linalg.norm(moved, axis=1), 1, atol=1e-6)
    unknown = centred.removed(X[:3], pa.array(["de", "fr", None]))
    assert np.array_equal(unknown[1:], X[1:3]) and not np.allclose(unknown[0], X[0])


def test_few_rows_keep_their_meaning() -> None:
    """The mean of one vector is that vector: taken off, nothing would be left of it."""
    lang = pa.array(["zh", *["en"] * 300, *["de"] * 299])
    free = RNG.normal(size=(600, DIM))  # no offsets at all
    flat: Rows = (free / np.linalg.norm(free, axis=1, keepdims=True)).astype(np.float32)
    moved = mean_offsets(Vectors.open(flat), lang).removed(flat, lang)
    assert (moved * flat).sum(axis=1).min() > 0.9
    alone = mean_offsets(Vectors.open(flat), pa.array(["en"] * 600))
    assert not alone.values.any()


def test_what_it_is_for(tmp_path: Path) -> None:
    """A query finds its topic in every language once the offsets are gone."""
    queries = CORPUS.slice(0, 90)
    shares = {}
    for name in ("mean", "shift"):
        parallel = (CORPUS.slice(300), table(CORPUS["id"].slice(300), X[300:])) if name == "shift" else None
        (tmp_path / name).mkdir()
        run = recentred_run(
            CORPUS, table(CORPUS["id"], X), queries, table(queries["id"], X[:90]), work=tmp_path / name,
            method=name, parallel=parallel, k=3, threads=1,
        )  # fmt: skip
        pairs = zip(run["qid"].to_pylist(), run["docid"].to_pylist(), strict=True)
        shares[name] = np.mean([q.split("@")[0] == d.split("@")[0] for q, d in pairs])
    assert shares["mean"] > 0.9 and shares["shift"] > 0.7, shares
    top = np.argsort(-(X[:90] @ X.T), axis=1)[:, :3]
    assert np.mean(top // 3 == np.arange(90)[:, None] // 3) < 0.6, "as they are"


def test_the_stage_keeps_where_vectors_come_from(tmp_path: Path) -> None:
    made = tmp_path / "made"
    fields = {"encoder": "toy", "encoder_hash": "ab" * 32, "corpus_hash": "cd" * 32}
    write_vectors(made, [(CORPUS["id"].to_pylist(), X)], dim=DIM, dtype="float32", fields=fields)
    out = Centre().run(CORPUS, made, None, None, work=tmp_path)
    assert Centre().run(CORPUS, made, None, None, work=tmp_path) == out  # there already
    found = Vectors.open(out, check=True)
    assert found.manifest["centred"] == "mean" and all(found.manifest[name] == value for name, value in fields.items())
    assert np.array_equal(found.block(0, 600), mean_offsets(Vectors.open(X), CORPUS["lang"]).removed(X, CORPUS["lang"]))


def test_nothing_is_added_beside_centred_vectors(tmp_path: Path) -> None:
    old, new = CORPUS.slice(0, 300), CORPUS.slice(300)
    plain = Vectors.open(table(old["id"], X[:300])), Vectors.open(table(new["id"], X[300:]))
    moved = [Centre().run(old, plain[0], work=tmp_path)]
    (tmp_path / "new").mkdir()
    moved.append(Centre().run(new, plain[1], work=tmp_path / "new"))
    build_index(tmp_path / "centred", Vectors.open(moved[0]), corpus=old, threads=1)
    build_index(tmp_path / "plain", plain[0], corpus=old, threads=1)
    with pytest.raises(MismatchError, match=r"centred: holds centred vectors \(mean\)"):
        add_to_index(tmp_path / "centred", plain[1], corpus=new)
    with pytest.raises(MismatchError, match=r"plain: holds vectors as they were encoded, .* are centred \(mean\)"):
        add_to_index(tmp_path / "plain", Vectors.open(moved[1]), corpus=new)


def test_refused(tmp_path: Path) -> None:
    vectors = table(CORPUS["id"], X)
    with pytest.raises(UsageError, match="no method 'lir'"):
        Centre(method="lir")  # type: ignore[arg-type]
    with pytest.raises(MismatchError, match="600 vectors for 5 texts"):
        Centre().run(CORPUS.slice(0, 5), vectors, work=tmp_path)
    turned = table(CORPUS["id"].combine_chunks()[::-1], X)  # as many rows, of other texts
    with pytest.raises(MismatchError, match="row 0 of the vectors is of '199@zh', row 0 of the corpus is '0@de'"):
        Centre().run(CORPUS, turned, work=tmp_path)
    with pytest.raises(MismatchError, match="row 0 of the parallel corpus is '0@de'"):
        Centre(method="shift").run(CORPUS, vectors, CORPUS, turned, work=tmp_path)
    with pytest.raises(UsageError, match="shift needs parallel texts"):
        Centre(method="shift").run(CORPUS, vectors, None, None, work=tmp_path)
    with pytest.raises(UsageError, match="no column 'doc_id'"):
        Centre(method="shift").run(CORPUS, vectors, CORPUS.drop_columns(["doc_id"]), vectors, work=tmp_path)
    with pytest.raises(InputError, match=r"none in 'fr' has a translation \(languages: de, en, zh\)"):
        Centre(method="shift", source="fr").run(CORPUS, vectors, CORPUS, vectors, work=tmp_path)
