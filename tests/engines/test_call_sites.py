"""What commands and stages give to engines: the bytes of one process."""

from __future__ import annotations

import os
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xret.indexes.twoway.cells as cells
from tests.cli.conftest import Called, call
from tests.engines.conftest import corpus, tree
from xret.encoders import encode_corpus, load_encoder
from xret.engines import Engine, LocalEngine, use_engine
from xret.errors import InputError
from xret.indexes import build_index, open_index
from xret.indexes.kinds import verbs
from xret.indexes.twoway import open_search, two_way_knn
from xret.pipeline import read_pipeline
from xret.sample import export_sample
from xret.stages.index import Index
from xret.stages.retrieve import Retrieve
from xret.stages.searching import Asking, spread_search
from xret.vectors import Vectors

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of 2,500 documents and 90 queries."""
    folder, encoder = tmp_path_factory.mktemp("made"), load_encoder(device="cpu", threads=1)
    encode_corpus(corpus(2500), folder / "docs", encoder=encoder, shard_rows=900)
    encode_corpus(corpus(90, lang="de", step=2), folder / "queries", encoder=encoder)
    return folder


@pytest.mark.parametrize("factory", ["Flat", "IVF8,Flat"])
def test_an_index_of_several_parts_and_a_search_in_it(factory: str, made: Path, engine: Engine, tmp_path: Path) -> None:
    docs, queries = corpus(2500), corpus(90, lang="de", step=2)
    options: dict[str, Any] = {"corpus": docs, "factory": factory, "memory": 1}
    build_index(tmp_path / "one", Vectors.open(made / "docs"), **options)
    build_index(tmp_path / "many", Vectors.open(made / "docs"), engine=engine, **options)
    assert tree(tmp_path / "many") == tree(tmp_path / "one")
    assert (engine.executed, len(list(tmp_path.glob("many/part-*.faiss")))) == (3, 3)
    assert not (tmp_path / "many.units").exists()
    stage = Retrieve(k=5, text=True, threads=1, languages=("en",))
    found = stage.run(queries, made / "queries", tmp_path / "many", work=tmp_path)
    assert engine.executed == 6
    with use_engine(None):
        assert found.equals(stage.run(queries, made / "queries", tmp_path / "one", work=tmp_path))
    assert found.num_rows == 450


@pytest.mark.parametrize("kind", ["lexical", "multivector"])
def test_searches_by_words_and_by_tokens(kind: Any, engine: Engine, tmp_path: Path) -> None:
    queries = corpus(70)
    with use_engine(None):
        Index(kind=kind, device="cpu", threads=1).run(corpus(300), None, work=tmp_path)
    stage = Retrieve(k=4, device="cpu", threads=1)

    def run(name: str, candidates: Any = None) -> Any:
        (tmp_path / name).mkdir()
        return stage.run(queries, None, tmp_path / "index", candidates, work=tmp_path / name)

    found = run("a")
    assert engine.executed == {"lexical": 3, "multivector": 4}[kind], "three blocks, and the tokens of all queries"
    again = run("b", found)
    with use_engine(None):
        assert run("c").equals(found)
        assert run("d", found).equals(again)
    assert again.num_rows == found.num_rows


def test_a_dense_search_by_texts(engine: Engine, made: Path, tmp_path: Path) -> None:
    build_index(tmp_path / "index", Vectors.open(made / "docs"), corpus=corpus(2500))
    asking = Asking(index=tmp_path / "index", kind="dense", k=5, encoder="xret-mini", device="cpu", own={})
    queries = corpus(90, lang="de", step=2)
    found = spread_search(asking, queries, engine=engine, work=tmp_path, candidates=None, threads=1)
    assert engine.executed == 4, "three blocks, and the vectors of all queries"
    encoder = load_encoder(device="cpu", threads=1)
    assert found.equals(verbs("dense").search(open_index(tmp_path / "index"), queries, k=5, threads=1, encoder=encoder))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.tuples(st.integers(1, 40), st.integers(1, 40)), k=st.integers(1, 6), least=st.integers(4, 15),
    levels=st.integers(1, 9), share=st.floats(0, 1),
)  # fmt: skip
def test_cells_of_any_size_give_one_search(
    rows: tuple[int, int], k: int, least: int, levels: int, share: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = np.random.default_rng(rows[0] * 64 + rows[1])
    x, y = (rng.integers(0, levels, (each, 3)).astype(np.float32) + 0.5 for each in rows)  # with many ties
    before, cells.LEAST = cells.LEAST, least
    try:
        search, whole = open_search(x, y, k=k, threads=1), two_way_knn(x, y, k=k, threads=1)
        kept, work = search.x.rows.rows, tmp_path_factory.mktemp("cells")
        lists = cells.spread_lists(search, (0, kept), engine=LocalEngine(1), work=work)
        part = int(share * kept), kept
        if part[0] < kept:
            ahead, back = cells.spread_lists(search, part, engine=LocalEngine(1), work=work)
            plain = search.lists(*part)
            for found, wanted in ((ahead, plain[0]), (back, plain[1])):
                assert np.array_equal(found.ids, wanted.ids) and np.array_equal(found.values, wanted.values)
    finally:
        cells.LEAST = before
    merged = search.finished(*lists)
    for side in ("forward", "backward"):
        one, other = getattr(merged, side), getattr(whole, side)
        assert np.array_equal(one.ids, other.ids) and np.array_equal(one.cosines, other.cosines)


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample, as the current folder."""
    export_sample(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Callable[[str], Called]:
    """Calls `xret` with a line of arguments."""

    def invoke(line: str) -> Called:
        capfd.readouterr()
        code = call(*line.split())
        return Called(code, *capfd.readouterr())

    return invoke


LINES = (
    "encode docs.jsonl -o {}.vectors --shard-rows 40",
    "index build docs.jsonl -o {}.index",
    "search {}.index --queries queries.tsv -k 9 -o {}.trec",
    "rerank {}.trec --queries queries.tsv --corpus docs.jsonl --model light -o {}.two.trec",
    "mine news.de.txt news.en.txt -o {}.tsv",
    "mine news.de.txt news.en.txt --rescore tokens --search IVF4,Flat -o {}.near.tsv",
    "mine news.de.txt news.en.txt --shard 1/2 --work {}.shards",
    "mine news.de.txt news.en.txt --shard 2/2 --work {}.shards",
    "merge --work {}.shards -o {}.merged.tsv",
    "index build docs.jsonl --kind multivector -o {}.tokens",
    "run mine.toml --work {}.work --set outputs.pairs={}.jsonl",
)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands make in one process."""
    folder, before = tmp_path_factory.mktemp("one"), Path.cwd()
    export_sample(folder)
    os.chdir(folder)
    try:
        for line in LINES:
            assert call(*line.replace("{}", "made").split()) == 0, line
    finally:
        os.chdir(before)
    return folder


@pytest.mark.parametrize(
    ("options", "made"),
    [
        pytest.param("--workers 2", "vectors index trec two.trec tsv near.tsv merged.tsv tokens jsonl", id="local"),
        # what commands do by themselves; the stages behind the others have tests with every engine
        pytest.param("--engine ray", "vectors near.tsv jsonl", marks=pytest.mark.cluster, id="ray"),
    ],
)
def test_commands(
    options: str, made: str, one: Path, sample: Path, say: Callable[[str], Called], request: pytest.FixtureRequest
) -> None:
    if "ray" in options:
        request.getfixturevalue("there")
    for line in LINES:
        if line.split("{}.")[-1].split()[0] in (*made.split(), *["shards"] * ("merged.tsv" in made)):
            done = say(f"{line.replace('{}', 'made')} {options}")
            assert done.code == 0, done.err
    for suffix in made.split():
        path, before = Path(f"made.{suffix}"), one / f"made.{suffix}"
        assert tree(path) == tree(before) if path.is_dir() else path.read_bytes() == before.read_bytes()
    (vectors, *_) = sorted(Path("made.work").glob("encode-*/work/vectors/vectors-00000.arrow"))
    os.truncate(vectors, 900)
    again = say(f"run mine.toml --work made.work {options}")
    assert again.code == 0, again.err
    assert "this run mends it" in again.err
    assert again.out.count("computed") == 1, "vectors that are mended are those that were there"


def test_the_engine_of_a_pipeline_file(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, used = Path("mine.toml").read_text(), list[tuple[str, int | None]]()

    def make(name: str, workers: int | None = None) -> Engine:
        used.append((name, workers))
        return LocalEngine(1)

    monkeypatch.setattr("xret.pipeline.file.make_engine", make)
    Path("e.toml").write_text(text + '\n[engine]\nuse = "local"\nworkers = 2\n')
    read_pipeline("e.toml").run()
    with use_engine(LocalEngine(1)):  # who calls decides
        read_pipeline("e.toml").run()
    assert used == [("local", 2)]
    for wrong, said in (
        ('use = "rai"', r"\[engine\]: no engine 'rai'; did you mean 'ray'"),
        ('use = "ray"\nworkers = 0', r"\[engine\]: workers 0 must be positive"),
        ('use = "ray"\nworker = 2', r"\[engine\] has no option 'worker'; did you mean 'workers'"),
        ("workers = 2", r"\[engine\] needs the option 'use'"),
    ):
        Path("e.toml").write_text(f"{text}\n[engine]\n{wrong}\n")
        with pytest.raises(InputError, match=rf"^e\.toml: {said}"):
            read_pipeline("e.toml")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no cluster there (Connection refused)"),
        ("nonsense", "no cluster there (no HOST:PORT)"),
        ("ray://127.0.0.1:1", "no cluster there (Connection refused)"),
        ("127.0.0.1:{port}", "no cluster there (something else answers)"),
    ],
)
def test_clusters_that_are_not_there(
    address: str, said: str, sample: Path, say: Callable[[str], Called], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'xret[ray]'")
    with socketserver.TCPServer(("127.0.0.1", 0), _Deaf) as other:
        threading.Thread(target=other.serve_forever, args=(0.01,), daemon=True).start()
        address = address.format(port=other.server_address[1])
        monkeypatch.setenv("RAY_ADDRESS", address)
        done = say("mine news.de.txt news.en.txt -o pairs.tsv --engine ray")
        other.shutdown()
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err == (
        f"xret: RAY_ADDRESS {address}: {said}; start one with 'ray start --head', or unset it to use this machine\n"
    )
    assert not Path("pairs.tsv").exists()


class _Deaf(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"220 mail.example ESMTP\r\n")


def test_engines_that_are_none(sample: Path, say: Callable[[str], Called], monkeypatch: pytest.MonkeyPatch) -> None:
    done = say("mine news.de.txt news.en.txt -o pairs.tsv --engine dask")
    assert (done.code, "'dask' is not one of 'local', 'ray'" in done.err) == (2, True)
    assert say("encode docs.jsonl -o v --workers 0").code == 2
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    done = say("encode docs.jsonl -o v --engine ray")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.endswith("install it with: pip install 'xret[ray]'\n")
