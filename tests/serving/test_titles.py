"""Titles: kept beside the texts where a corpus has them, through every change of an index, and given with hits."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.serving.conftest import make_index, mini, sample
from xret.encoders import encode_corpus
from xret.indexes.kinds import verbs
from xret.serving.asking import Asked, Asking, Job
from xret.serving.generation import Place
from xret.serving.generations import Systems

for _module in ("fastapi", "uvicorn", "prometheus_client", "httpx"):
    pytest.importorskip(_module, reason=f"{_module} is not installed (extra serve)")

from xret.serving import schema  # noqa: E402
from xret.serving.metrics import Metrics  # noqa: E402

QUERY = "rain Regen agua voda metro"
KINDS = ("dense", "lexical", "multivector")


def titled(corpus: pa.Table, *, less: int = 3) -> pa.Table:
    """With a title of its id, but for every third row."""
    titles = [None if at % less == 0 else f"TITLE-OF:{id_}" for at, id_ in enumerate(corpus["id"].to_pylist())]
    return corpus.append_column("title", pa.array(titles, pa.string()))


def found(folder: Path, kind: str) -> dict[str, str | None]:
    """Titles of all documents by id, as searches give them; without titles, nothing."""
    queries = pa.table({"id": ["1"], "text": [" ".join(sample()["text"].to_pylist())], "lang": ["und"]})
    given: dict[str, Any] = {} if kind == "lexical" else {"encoder": mini()}
    run = verbs(kind).search(verbs(kind).open_index(folder), queries, k=1000, text=True, threads=1, **given)
    assert "text" in run.column_names
    return (
        dict(zip(run["docid"].to_pylist(), run["title"].to_pylist(), strict=True))
        if "title" in run.schema.names
        else {}
    )


def grown(folder: Path, corpus: pa.Table, kind: str) -> None:
    given: dict[str, Any] = {} if kind == "lexical" else {"encoder": mini(), "threads": 1}
    if kind == "dense":
        vectors = folder.with_name(f"{folder.name}-{corpus['id'][0]}.vectors")
        given = {"vectors": encode_corpus(corpus, vectors, encoder=mini(), role="document")}
    verbs(kind).add(folder, corpus, **given)


@pytest.mark.parametrize("kind", KINDS)
def test_titles_stay_with_their_rows(tmp_path: Path, kind: str) -> None:
    corpus = titled(sample())
    expected = dict(zip(corpus["id"].to_pylist(), corpus["title"].to_pylist(), strict=True))
    folder = make_index(tmp_path / "titled", corpus.slice(0, 60), kind)
    assert found(folder, kind).items() <= dict(expected).items() and any(found(folder, kind).values())
    grown(folder, corpus.slice(60, 30), kind)
    grown(folder, sample().slice(90, 30), kind)  # these have none
    for id_ in sample()["id"].to_pylist()[90:]:
        expected[id_] = None
    gone = sample()["id"].to_pylist()[5:40]
    verbs(kind).delete(folder, gone)
    if kind != "dense":
        verbs(kind).compact(folder)
    titles = found(folder, kind)
    assert titles.items() <= expected.items() and len(titles) > 60 and not set(gone) & set(titles)
    verbs(kind).check(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_without_titles_takes_none_on(tmp_path: Path, kind: str) -> None:
    folder = make_index(tmp_path / "bare", sample().slice(0, 30), kind)
    grown(folder, titled(sample().slice(30, 30)), kind)
    assert found(folder, kind) == {}
    secret = make_index(tmp_path / "secret", titled(sample().slice(0, 30)), kind, text=False)
    assert not any(b"TITLE-OF:" in path.read_bytes() for path in secret.iterdir())  # nor where no texts are kept


def test_hits_have_their_titles_whatever_is_done_with_them(tmp_path: Path) -> None:
    corpus = titled(sample())
    places = [Place(kind, make_index(tmp_path / kind, corpus, kind)) for kind in KINDS]
    places.append(Place("bare", make_index(tmp_path / "bare", sample())))
    systems = Systems(places, lambda _: mini(), metrics=Metrics())
    expected = dict(zip(corpus["id"].to_pylist(), corpus["title"].to_pylist(), strict=True))
    asking = Asking(threads=1)
    options: list[dict[str, Any]] = [
        *({"system": kind} for kind in KINDS), {"fuse": list(KINDS)}, {"fuse": ["bare", "lexical", "dense"]},
        {"rerank": "light", "depth": 15}, {"calibrate": "zscore"}, {"languages": ["de"], "explain": True},
    ]  # fmt: skip
    for each in options:
        asked = schema.Options.model_validate({"k": 12, **each})
        with ExitStack() as held:
            leased = held.enter_context(systems.lease(asked.fuse or [asked.system or "dense"]))
            (answers,) = asking([Job([Asked("1", QUERY, "und")], asked, leased, held)])
        assert not isinstance(answers, BaseException)
        hits = [schema.Hit.model_validate(hit) for hit in answers[0].hits]
        assert [hit.title for hit in hits] == [expected[hit.id] for hit in hits] and any(hit.title for hit in hits)
        assert all("title" in hit for hit in answers[0].hits if expected[hit["id"]])
    systems.close()
