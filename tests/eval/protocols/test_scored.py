"""Scored rows: written and read back, and compared only with their like."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
from pathlib import Path

import pyarrow as pa
import pytest

from xret.errors import EvalError, MismatchError, UsageError
from xret.eval.protocols import Scored, compare, protocol, read_scored, write_scored
from xret.eval.protocols.comparison import unlike
from xret.eval.protocols.rows import per_query

HASHES = {"corpus": "c" * 64, "queries": "q" * 64, "qrels": "r" * 64, "model": "m" * 64}


def row(**changes: object) -> Scored:
    languages = pa.table({"lang": ["sw", "te"], "queries": [2, 1], "nDCG@10": [0.5, 1 / 3], "R@100": [math.nan] * 2})
    given: dict[str, object] = {
        "system": "one",
        "benchmark": "miracl/sw/dev",
        "protocol": protocol("miracl"),
        "measures": {"nDCG@10": 0.1 + 0.2, "R@100": math.nan},
        "by_language": languages,
        "per_query": per_query(["1", "2", "é"], ["sw", "sw", "te"], "nDCG@10", [0.1, 0.2, 1 / 3]),
        "hashes": HASHES,
    }
    return Scored(**given | changes)  # type: ignore[arg-type]


def test_a_row_comes_back_as_it_was(tmp_path: Path) -> None:
    one = row()
    write_scored(one, tmp_path / "row.json")
    again = read_scored(tmp_path / "row.json")
    assert again.to_json() == one.to_json() == (tmp_path / "row.json").read_text()
    assert again.protocol == one.protocol and again.measures["nDCG@10"] == 0.1 + 0.2
    assert math.isnan(again.measures["R@100"]) and "NaN" not in one.to_json()
    assert again.by_language.schema == one.by_language.schema and again.per_query.equals(one.per_query)
    assert (again.hashes, again.versions, again.protocol_identity) == (
        HASHES,
        one.versions,
        protocol("miracl").identity,
    )
    assert {"xret", "python", "cpu", "system"} <= again.versions.keys()
    empty = Scored(system="s", benchmark="b", protocol=protocol("xsim"), measures={"error": 0.5})
    assert Scored.from_json(empty.to_json()).to_json() == empty.to_json()


def test_topics_come_back_and_rows_of_before_them_are_read() -> None:
    values = per_query(["a.de", "a.en", "b"], ["de", "en", "de"], "nDCG@10", [0.1, 0.2, 0.3], ["a", "a", None])
    again = Scored.from_json((one := row(per_query=values, topics="by hand")).to_json())
    assert again.per_query.equals(values) and again.topics == "by hand"
    assert again.to_json() == one.to_json()
    parts = json.loads(row().to_json())
    assert "topics" not in parts and list(parts["per_query"]) == ["qid", "lang", "measure", "value"]
    old = Scored.from_json(json.dumps(parts))
    assert old.per_query["topic"].to_pylist() == [None] * 3 and old.topics == ""


def test_like_rows_stand_side_by_side(caplog: pytest.LogCaptureFixture) -> None:
    other = row(system="two", measures={"R@100": 0.9, "nDCG@10": 0.4, "AP": 0.1}, hashes=HASHES | {"model": "x"})
    table = compare([row(), other])
    assert table.column_names == ["system", "nDCG@10", "R@100"]
    assert table["system"].to_pylist() == ["one", "two"] and table["nDCG@10"].to_pylist() == [0.1 + 0.2, 0.4]
    unknown = row(hashes={name: HASHES[name] for name in ("queries", "qrels")})
    with caplog.at_level(logging.WARNING):
        compare([row(), unknown], ["a.json", "b.json"])
    assert "corpus of a.json or b.json is not known" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": protocol("mrtydi")}, "protocol miracl against mrtydi"),
        ({"protocol": dataclasses.replace(protocol("miracl"), depth=1000)}, "miracl with depth 100 against 1000"),
        ({"hashes": HASHES | {"corpus": "d" * 64}}, "different corpora .hash cccccccccccc against dddddddddddd"),
        (
            {"hashes": HASHES | {"queries": "d" * 64}, "benchmark": "miracl/te/dev"},
            "queries of miracl/sw/dev and miracl/te",
        ),
        ({"hashes": HASHES | {"qrels": "d" * 64}}, "different judgements"),
        ({"hashes": {}, "benchmark": "miracl/te/dev"}, "miracl/sw/dev against miracl/te/dev, and no hashes tell"),
        ({"measures": {"AP": 0.3}}, r"share no measure: nDCG@10, R@100 .* \| AP"),
    ],
)
def test_unlike_rows_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(MismatchError, match=message) as caught:
        compare([row(), row(), row(**changes)], ["a.json", "b.json", "c.json"])
    assert "\n" not in str(caught.value) and "c.json" in str(caught.value)


def test_settings_and_numbers_of_rows_are_told() -> None:
    one = row(protocol=protocol("xsim"))
    with pytest.raises(MismatchError, match="one and one cannot be compared: xsim with k = 4 against 8; same = text"):
        compare([one, row(protocol=protocol("xsim").varied(k=8, same="line"))])
    with pytest.raises(UsageError, match="found 1 rows, wanted two or more"):
        compare([one])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "bad.json: not JSON"),
        ("[" * 200_000, "bad.json: not JSON"),
        ("[1]", "bad.json: is 'list', wanted 'xret scored 1'"),
        ('{"format": "xret scored 1"}', "bad.json: has no 'system'"),
        (row().to_json().replace('"depth": 100', '"depth": 10'), "has identity .* it claims .*: edited"),
        (row().to_json().replace('"nDCG@10": 0.3', '"nDCG@10": "x0.3"'), "bad.json"),
    ],
)
def test_files_that_are_no_rows_are_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(EvalError, match=message) as caught:
        read_scored(tmp_path / "bad.json")
    assert "\n" not in str(caught.value)
    with pytest.raises(EvalError, match=r"gone.json: cannot be read"):
        read_scored(tmp_path / "gone.json")


def test_json_of_other_programs_reads_it() -> None:
    parts = json.loads(row().to_json())
    assert parts["protocol"]["identity"] == protocol("miracl").identity and parts["measures"]["R@100"] is None
    assert parts["per_query"]["qid"] == ["1", "2", "é"]


def test_being_alike_goes_both_ways() -> None:
    kinds = [protocol("miracl"), protocol("xsim"), protocol("xsim").varied(k=2)]
    hashes = [{}, HASHES, HASHES | {"corpus": "d" * 64}, {"queries": "x" * 64}]
    rows = [row(protocol=kind, hashes=each, benchmark=name) for kind in kinds for each in hashes for name in ("a", "b")]
    for one in rows:
        assert unlike(one, one) is None
        for other in rows:
            assert (unlike(one, other) is None) == (unlike(other, one) is None)
            same = one.protocol_identity == other.protocol_identity
            assert same or unlike(one, other) is not None
