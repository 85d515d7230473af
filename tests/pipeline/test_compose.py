"""Composition, caching by content, and resuming after an interruption."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.conftest import CALLS, Count, Fold, Upper, corpus
from xret.artifact import write_manifest
from xret.errors import UsageError
from xret.pipeline import Pipeline, Step, StepReport, value_hash

PIPE = Upper() >> Fold() >> Count()


def test_a_pipeline_adds_each_output_to_the_bag() -> None:
    values: dict[str, Any] = PIPE({"corpus": corpus("eins", "zwei")})
    assert values["corpus"]["text"].to_pylist() == ["EINS!", "ZWEI!"]
    assert values["report"].to_pylist() == [{"n": 2}]
    assert (values["vectors"] / "half").is_file()


def test_composition_is_associative_and_names_can_be_changed() -> None:
    assert (Upper() >> (Fold() >> Count())).steps == ((Upper() >> Fold()) >> Count()).steps == PIPE.steps
    pipe = Pipeline((Step(Upper(), {"corpus": "src"}, "loud"), Step(Fold(), {"corpus": "loud", "extra": "src"})))
    values: dict[str, Any] = pipe({"src": corpus("a")})
    assert values["src"]["text"].to_pylist() == ["a"]
    assert values["loud"]["text"].to_pylist() == ["A!"]
    assert json.loads((values["vectors"] / "manifest.json").read_text())["extra"] is True


def run(work: Path, pipe: Pipeline = PIPE, texts: tuple[str, ...] = ("a", "b"), **options: Any) -> list[str]:
    """The statuses of the steps, after running over a corpus of `texts`."""
    reports: list[StepReport] = []
    pipe({"corpus": corpus(*texts)}, work=work, on_step=reports.append, **options)
    return [report.status for report in reports]


def test_only_what_changed_is_computed_again(tmp_path: Path) -> None:
    assert run(tmp_path) == ["computed"] * 3
    assert run(tmp_path) == ["cached"] * 3
    assert run(tmp_path, Upper(times=2) >> Fold() >> Count()) == ["computed"] * 3
    # Another option with the same effect: from the first equal value on, everything is found.
    assert run(tmp_path, Upper(mark="!", weight=1.0) >> Fold() >> Count()) == ["computed", "cached", "cached"]
    assert run(tmp_path, texts=("a", "c")) == ["computed"] * 3
    assert run(tmp_path) == ["cached"] * 3
    assert run(tmp_path, resume=False) == ["computed"] * 3
    report = next(tmp_path.glob("count-*")) / "manifest.json"
    assert json.loads(report.read_text())["options"] == {}


def test_cached_values_equal_computed_ones(tmp_path: Path) -> None:
    bags: list[dict[str, Any]] = [PIPE({"corpus": corpus("ß", "é")}, work=tmp_path) for _ in range(2)]
    first, second = bags
    assert first["corpus"].equals(second["corpus"]) and first["report"].equals(second["report"])
    assert first["vectors"] == second["vectors"]


def test_an_interrupted_stage_goes_on_with_its_own_work(tmp_path: Path) -> None:
    (tmp_path / "interrupt").touch()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    (tmp_path / "interrupt").unlink()
    CALLS.clear()
    assert run(tmp_path) == ["cached", "computed", "computed"]
    assert CALLS == ["fold", "count"]  # without "first half"


def test_a_result_that_was_damaged_or_removed_is_computed_again(tmp_path: Path) -> None:
    run(tmp_path)
    write_manifest(next(tmp_path.glob("fold-*")) / "work" / "vectors", {"kind": "vectors", "rows": 9})
    assert run(tmp_path) == ["cached", "computed", "cached"]
    (next(tmp_path.glob("upper-*")) / "output.arrow").unlink()
    assert run(tmp_path) == ["computed", "cached", "cached"]
    table = next(tmp_path.glob("count-*")) / "output.arrow"
    for damage in (b"ARROW1 no longer", table.read_bytes()[:-20], b"?" * table.stat().st_size):
        table.write_bytes(damage)
        assert run(tmp_path) == ["cached", "cached", "computed"]
    half = next(tmp_path.glob("fold-*")) / "work" / "vectors" / "half"
    half.write_text(half.read_text()[:-1])
    assert run(tmp_path) == ["cached", "computed", "cached"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.none() | st.text(max_size=4), st.none() | st.booleans(), st.none() | st.integers(0, 9))),
    st.data(),
)
def test_the_hash_of_a_table_sees_rows_and_not_chunks(rows: list[tuple[Any, Any, Any]], data: st.DataObject) -> None:
    types = {"t": pa.string(), "b": pa.bool_(), "n": pa.int32()}
    table = pa.table({k: pa.array([row[n] for row in rows], v) for n, (k, v) in enumerate(types.items())})
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=5)))
    edges = [0, *cuts, len(rows)]
    pieces = [table.slice(start, stop - start) for start, stop in itertools.pairwise(edges)]
    assert value_hash(pa.concat_tables(pieces)) == value_hash(table)
    sliced = pa.concat_tables([table.slice(0, 3), table]).combine_chunks().slice(min(3, len(rows)))
    assert value_hash(sliced) == value_hash(table)
    if rows:
        assert value_hash(table.slice(1)) != value_hash(table)
        assert value_hash(table.rename_columns(["t", "b", "m"])) != value_hash(table)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ((Count(),), "stage 1 ('count') reads 'vectors', which no input and no stage before it gives"),
        ((Count(), Fold()), "made only by stage 2 ('fold'), which comes later; move that stage up"),
        ((Step(Upper(), {"corpus": "x"}, "x"),), "reads 'x', which only it makes itself"),
        (
            (
                Step(Upper(), {"corpus": "b"}, "a"),
                Step(Upper(), {"corpus": "a"}, "c"),
                Step(Upper(), {"corpus": "c"}, "b"),
            ),
            "made by stage 3 ('upper'), which in turn needs its output 'a': a cycle",
        ),
        ((Step(Upper(), {"corpus": "corpsu"}),), "did you mean 'corpus'? known: corpus"),
        ((Step(Fold(), {"extra": "more"}),), "reads 'more', which no input"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_runs(stages: tuple[Any, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Pipeline(stages)({"corpus": corpus("a")})
    assert message in str(caught.value) and not CALLS


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (pa.table({"qid": ["q"], "score": [1.0]}), "found a table of qid, score, wanted a table of id, text"),
        (Path(__file__).parent, "which is no folder made by xret, wanted a table of id, text"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(value: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Pipeline((Step(Upper(), {"corpus": "run"}),))({"run": value})
    assert str(caught.value).startswith("stage 1 ('upper') reads 'run' as its 'corpus': ") and message in str(
        caught.value
    )
    with pytest.raises(UsageError, match="found a table of id, text, lang, wanted a folder of kind 'vectors'"):
        Pipeline((Step(Count(), {"vectors": "corpus"}),))({"corpus": corpus("a")})
    assert not CALLS
