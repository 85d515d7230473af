"""Loading and the swap of aliases, over every kind of store: verified before, atomic for searches that run."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest

from tests.stores.conftest import DIM, rows, unit, vectors_folder
from xret.errors import InputError, MismatchError
from xret.stores import Place, Recipe, create_store, drop_store, load, open_store, swap
from xret.stores.store import Floats
from xret.vectors import Vectors


def test_load_keeps_the_encoder_and_refuses_another(base: Place, tmp_path: Path) -> None:
    first, other = (vectors_folder(tmp_path / name, 300, hash=name * 64) for name in "ab")
    done = load(base, first, batch=128)
    assert (done.rows, done.skipped, done.verified.rows, done.verified.found) == (300, 0, 300, 1.0)
    assert load(base, first).verified.rows == 300  # again: nothing is doubled
    with pytest.raises(MismatchError, match="of encoder 'enc-a'"):
        load(base, other)
    with pytest.raises(MismatchError, match="of 16 dimensions"):
        load(base, Vectors.open(unit(3, dim=8)))
    assert not list(tmp_path.glob("*.load"))


def test_an_alias_leads_to_a_verified_store_only(base: Place, tmp_path: Path) -> None:
    live = base.beside(Path(base.name).name + "_live")
    names = [base.beside(Path(base.name).name + f"_{number}") for number in (1, 2)]
    for place in names:
        load(place, vectors_folder(tmp_path / "v", 100, hash="a" * 64))
    create_store(base, Recipe(dim=DIM)).close()
    with pytest.raises(InputError, match="holds 0 rows, wanted some"):
        swap(live, base)
    with pytest.raises(InputError, match="holds 100 rows, wanted 99"):
        swap(live, names[0], rows=99)
    assert swap(live, names[0], rows=100).before is None
    assert swap(live, names[1]).before == str(names[0])
    with pytest.raises(InputError, match="is a store, no alias"):
        swap(names[0], names[1])
    with pytest.raises(InputError, match="is an alias of"):
        drop_store(live)
    with pytest.raises(InputError, match="leads here"):
        drop_store(names[1])
    drop_store(names[0])
    opened = open_store(live)
    assert (opened.count(), opened.leads_to().name) == (100, names[1].name)
    opened.close()
    drop_other = base.beside(Path(base.name).name + "_3")
    load(drop_other, vectors_folder(tmp_path / "w", 100, hash="b" * 64))
    with pytest.raises(MismatchError, match="stop them and give --other-encoder"):
        swap(live, drop_other)
    assert swap(live, drop_other, other_encoder=True).before == str(names[1])


def test_a_load_that_was_not_finished_keeps_aliases_away(
    base: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server has some rows of it then, a folder none; the same load done to its end makes all well."""
    live, vectors = base.beside(Path(base.name).name + "_live"), vectors_folder(tmp_path / "v", 400, hash="a" * 64)
    whole, folder = Vectors.block, base.kind == "folder"

    def block(self: Vectors, start: int, stop: int) -> Floats:
        if stop > 200:
            raise OSError(5, "Input/output error")
        return whole(self, start, stop)

    with monkeypatch.context() as patch:
        patch.setattr(Vectors, "block", block)
        with pytest.raises((OSError, InputError), match="Input/output"):
            load(base, vectors, batch=100)
    with pytest.raises(InputError, match="no such" if folder else "a load into it was not finished"):
        swap(live, base)
    done = load(base, vectors, batch=100)
    assert (done.skipped, done.verified.rows) == (0 if folder else 200, 400)
    assert swap(live, base).verified.rows == 400


def test_who_searches_an_alias_learns_of_another_encoder(base: Place, tmp_path: Path) -> None:
    """A swap that was forced: no search of the old finds rows of the new, and no row is written there."""
    live = base.beside(Path(base.name).name + "_live")
    places = [base.beside(Path(base.name).name + f"_{name}") for name in "ab"]
    for place, letter in zip(places, "ab", strict=True):
        made = create_store(place, Recipe(dim=DIM, text=True, encoder=f"enc-{letter}", encoder_hash=letter * 64))
        made.upsert(rows(unit(50)))
        made.close()
    swap(live, places[0])
    opened = open_store(live)
    assert opened.search(unit(1), k=1).num_rows == 1
    with pytest.raises(MismatchError, match="give --other-encoder"):
        swap(live, places[1])
    swap(live, places[1], other_encoder=True)
    for ask in (lambda: opened.search(unit(1), k=1), lambda: opened.upsert(rows(unit(1), prefix="x"))):
        with pytest.raises(
            MismatchError, match="led to vectors of 'enc-a' in 16 dimensions, and leads to those of 'enc-b'"
        ):
            ask()
    opened.close()
    again = open_store(live)
    assert (again.recipe.encoder, again.count()) == ("enc-b", 50)
    again.close()


def test_a_swap_is_atomic_for_searches_that_run(base: Place) -> None:
    """Two stores with the same vectors under other ids: an answer is of the one or of the other, never of both."""
    vectors = unit(200)
    live = base.beside(Path(base.name).name + "_live")
    places = [base.beside(Path(base.name).name + f"_{name}") for name in "xy"]
    for place, name in zip(places, "xy", strict=True):
        made = create_store(place, Recipe(dim=DIM, text=True))
        made.upsert(rows(vectors, prefix=name))
        made.close()
    swap(live, places[0])
    seen: list[set[str]] = []
    failed: list[Exception] = []
    stop = threading.Event()

    def search() -> None:
        opened = open_store(live)
        try:
            while not stop.is_set():
                run = opened.search(vectors[:5], k=20)
                assert run.num_rows == 100
                seen.append({docid[0] for docid in run["docid"].to_pylist()})
        except Exception as error:
            failed.append(error)
        finally:
            opened.close()

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for target in itertools.islice(itertools.cycle([places[1], places[0]]), 8):
        before = len(seen)
        swap(live, target)
        while len(seen) < before + 4 and not failed:
            stop.wait(0.005)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed, failed
    assert all(each in ({"x"}, {"y"}) for each in seen)
    assert {"x"} in seen
    assert {"y"} in seen
