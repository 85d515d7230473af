"""An index exchanged under load: no request fails, and every answer is wholly of one state."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import Serve, Served, make_index, renamed, sample, until
from xret.indexes.kinds import verbs
from xret.serving.generation import Place, version_of
from xret.serving.generations import Systems
from xret.serving.metrics import Metrics

for _module in ("fastapi", "uvicorn", "prometheus_client", "httpx"):
    pytest.importorskip(_module, reason=f"{_module} is not installed (extra serve)")

import httpx  # noqa: E402


def point(link: Path, folder: Path) -> None:
    """Have the link point elsewhere, in one step."""
    fresh = link.with_name(f"{link.name}.new")
    fresh.symlink_to(folder)
    fresh.replace(link)


@contextmanager
def load(server: Served, bodies: list[dict[str, Any]], clients: int = 6) -> Iterator[list[dict[str, Any]]]:
    """Clients that ask all the time; gives the answers, which must all be answers."""
    answers: list[dict[str, Any]] = []
    wrong: list[str] = []
    end = threading.Event()

    def ask(seed: int) -> None:
        chance = random.Random(seed)
        with httpx.Client(base_url=server.url, timeout=30) as client:
            while not end.is_set():
                body = chance.choice(bodies)
                try:
                    answer = client.post("/search", json=body)
                except httpx.HTTPError as error:
                    wrong.append(repr(error))
                    return
                if answer.status_code != 200:
                    wrong.append(answer.text)
                    return
                answers.append({**answer.json(), "asked": body})

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[0]


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two states of a dense and of a lexical index; the ids of one begin with "old-", of the other with "new-"."""
    folder = tmp_path_factory.mktemp("states")
    corpora = {"old": renamed(sample(), "old-"), "new": renamed(sample(), "new-").slice(0, 120)}
    return {
        f"{kind}-{name}": make_index(folder / f"{kind}-{name}", corpus, kind)
        for kind in ("dense", "lexical")
        for name, corpus in corpora.items()
    }


def linked(states: dict[str, Path], folder: Path, kind: str) -> Path:
    (folder / kind).symlink_to(states[f"{kind}-old"])
    return folder / kind


def shows(server: Served, version: str) -> bool:
    """Whether the second system is in a state."""
    return bool(server.client.get("/systems").json()[1]["version"] == version)


def longer(answers: list[dict[str, Any]], count: int) -> bool:
    return len(answers) > count


def test_a_swap_under_load(launch: Serve, states: dict[str, Path], tmp_path: Path, queries: list[str]) -> None:
    links = {kind: linked(states, tmp_path, kind) for kind in ("dense", "lexical")}
    server = launch(*links.values(), "--encoder", "xret-mini")
    version = {name: version_of(folder) for name, folder in states.items()}
    bodies: list[dict[str, Any]] = [
        {"query": query, "k": 10, **more}
        for query in queries[:8]
        for more in ({}, {"system": "lexical"}, {"explain": True}, {"languages": ["de", "en"], "facets": 30})
    ]
    bodies += [{"query": queries[0], "rerank": "light", "depth": 10}, {"query": queries[0], "calibrate": "zscore"}]
    expected = {}
    for name in ("old", "new", "old"):
        for kind, link in links.items():
            point(link, states[f"{kind}-{name}"])
        assert server.client.post("/admin/swap", json={}).json()["systems"]["dense"] == version[f"dense-{name}"]
        expected[name] = {str(body): server.search(**body)["hits"] for body in bodies}
    assert expected["old"] != expected["new"]
    with load(server, bodies) as answers:
        for turn in range(8):
            name = ("new", "old")[turn % 2]
            for kind, link in links.items():
                point(link, states[f"{kind}-{name}"])
                if turn % 4 < 2:
                    assert server.client.post("/admin/swap", json={"system": kind}).status_code == 200
            if turn % 4 >= 2:
                server.process.send_signal(signal.SIGHUP)
            until(partial(shows, server, version[f"lexical-{name}"]))
            until(partial(longer, answers, len(answers) + 12))
    seen = set()
    for answer in answers:
        kind = answer["system"]
        name = next(name for name in ("old", "new") if version[f"{kind}-{name}"] == answer["version"])
        assert answer["hits"] == expected[name][str(answer["asked"])]
        seen.add((kind, name))
    assert seen == {(kind, name) for kind in ("dense", "lexical") for name in ("old", "new")}
    gone = str(states["dense-new"].resolve())  # the old one is open again: nothing of the other may be left
    until(lambda: gone not in Path(f"/proc/{server.process.pid}/maps").read_text())
    assert server.stop() == 0


def test_killed_amid_swaps(launch: Serve, states: dict[str, Path], tmp_path: Path) -> None:
    """Nothing of a swap outlives the server: started again, it serves what the link says, from files as they were."""
    before = {path: path.read_bytes() for state in states.values() for path in state.iterdir()}
    link, chance = linked(states, tmp_path, "dense"), random.Random(5)
    for _ in range(2):
        server = launch(link, "--watch", "0.01")
        for turn in range(chance.randint(4, 9)):
            name = ("new", "old")[turn % 2]
            point(link, states[f"dense-{name}"])
            server.process.send_signal(signal.SIGHUP)
            server.search("rain")
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    again = launch(link)
    found = again.search("rain", k=100)
    assert found["version"] == version_of(states[f"dense-{name}"])
    assert all(hit["id"].startswith(f"{name}-") for hit in found["hits"])
    assert {path: path.read_bytes() for state in states.values() for path in state.iterdir()} == before
    again.stop()


def test_fused_answers_are_of_leased_states(launch: Serve, states: dict[str, Path], tmp_path: Path) -> None:
    links = [linked(states, tmp_path, kind) for kind in ("dense", "lexical")]
    server = launch(*links)
    with load(server, [{"query": "rain", "fuse": ["dense", "lexical"], "k": 60}], 3) as answers:
        for name in ("new", "old", "new"):
            for link in links:
                point(link, states[f"{link.name}-{name}"])
                assert server.client.post("/admin/swap", json={"system": link.name}).status_code == 200
    version = {version_of(folder): name.rpartition("-")[2] for name, folder in states.items()}
    for answer in answers:
        named = {version[one] for one in answer["version"].split("+")}
        assert {hit["id"].partition("-")[0] for hit in answer["hits"]} <= named
    server.stop()


@pytest.fixture(scope="module")
def firm(launch: Serve, states: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Served, Path]:
    """A server that is never given anything better than what it has, and its link."""
    link = linked(states, tmp_path_factory.mktemp("firm"), "dense")
    return launch(link), link


@pytest.mark.parametrize("wrong", ["encoder", "truncated", "missing", "another kind of thing"])
def test_what_cannot_be_used_is_not_swapped_in(
    firm: tuple[Served, Path], states: dict[str, Path], tmp_path: Path, wrong: str
) -> None:
    (server, link), bad = firm, tmp_path / "bad"
    swaps, said = server.metric("xret_swaps_total"), len(server.said)
    before = server.search("rain")
    shutil.copytree(states["dense-new"], bad)
    manifest = bad / "manifest.json"
    if wrong == "encoder":
        text = manifest.read_text()
        one = next(part for part in text.split('"') if len(part) == 64 and part in text.split("encoder_hash")[1][:80])
        manifest.write_text(text.replace(one, "0" * 64))
    elif wrong == "truncated":
        part = next(bad.glob("part-*.faiss"))
        data = bytearray(part.read_bytes())
        data[len(data) // 2] ^= 255  # of the right size: only reading all of it tells
        part.write_bytes(data)
    elif wrong == "missing":
        shutil.rmtree(bad)
    else:
        manifest.write_text('{"kind": "vectors"}')
    point(link, bad)
    answer = server.client.post("/admin/swap", json={"system": "dense"})
    assert answer.status_code == 409 and answer.json()["error"] == "not_swapped"
    told = server.said[said:]
    assert str(link) in told or str(bad) in told  # the log tells, the answer does not
    assert str(link.parent) not in answer.text and str(tmp_path) not in answer.text
    server.process.send_signal(signal.SIGHUP)
    after = server.search("rain")
    assert (after["hits"], after["version"]) == (before["hits"], before["version"])
    assert server.client.get("/health/ready").status_code == 200
    assert server.metric("xret_swaps_total") > swaps


def test_what_is_opened_is_what_was_verified(
    states: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, kind = linked(states, tmp_path, "lexical"), verbs("lexical")
    systems = Systems([Place("words", link)], lambda *_: pytest.fail("nothing to encode"), metrics=Metrics())
    check = kind.check

    def slow(folder: Path) -> Any:
        found = check(folder)
        point(link, states["lexical-old"])  # which nobody has verified this time
        return found

    monkeypatch.setattr(kind, "check", slow)
    point(link, states["lexical-new"])
    assert systems.swap("words") == {"words": version_of(states["lexical-new"])}
    systems.close()


def test_one_of_two_that_is_refused_leaves_both(launch: Serve, states: dict[str, Path], tmp_path: Path) -> None:
    links = [linked(states, tmp_path, kind) for kind in ("dense", "lexical")]
    server = launch(*links, "--encoder", "xret-mini", "-v")
    before, rows = server.client.get("/systems").json(), server.metric("xret_index_rows")
    point(links[0], states["dense-new"])  # smaller, and good
    point(links[1], tmp_path / "nothing")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "manifest.json").write_text('{"kind": "index", "type": "lexical"}')
    assert server.post("/admin/swap").status_code == 409
    assert server.client.get("/systems").json() == before
    assert server.metric("xret_index_rows") == rows == sum(one["rows"] for one in before)
    assert "closed" in server.said  # the good one is not kept open for nobody
    point(links[1], states["lexical-new"])
    assert server.post("/admin/swap").status_code == 200
    assert server.metric("xret_index_rows") == sum(one["rows"] for one in server.client.get("/systems").json()) < rows
    assert server.stop() == 0


def test_an_index_that_grows_is_seen(launch: Serve, states: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "words"
    shutil.copytree(states["lexical-new"], folder)
    server = launch(folder, "--watch", "0.1")
    corpus = renamed(sample(), "more-").slice(120)
    rare = corpus["text"][0].as_py()
    with load(server, [{"query": rare, "k": 3}], 2) as answers:
        verbs("lexical").add(folder, corpus)
        until(lambda: any(hit["id"].startswith("more-") for hit in server.search(rare, k=3)["hits"]))
        verbs("lexical").delete(folder, corpus["id"].to_pylist())
        until(lambda: not any(hit["id"].startswith("more-") for hit in server.search(rare, k=3)["hits"]))
    assert len({answer["version"] for answer in answers}) == 3
    assert os.path.isdir(folder) and server.stop() == 0
