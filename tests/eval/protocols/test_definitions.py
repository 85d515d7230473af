"""Definitions of protocols: complete, printed, told apart by what changes numbers."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from xret.errors import UsageError
from xret.eval.measures import parse_measure
from xret.eval.protocols import PROTOCOLS, Protocol, protocol

WANTED = (
    "tatoeba-laser bucc xsim xsim++ flores ntrex xquad-r mrtydi miracl mmarco xor-retrieve mkqa clef03 hc4 neuclir "
    "neuclir-mlir ciral afriqa mrobust04 mfaq belebele known-item"
)
EVERY = pytest.mark.parametrize("each", PROTOCOLS.values(), ids=list(PROTOCOLS))


def test_every_preset_is_there_and_is_one_of_its_own() -> None:
    assert set(WANTED.split()) <= PROTOCOLS.keys()
    assert len({each.identity for each in PROTOCOLS.values()}) == len(PROTOCOLS)


@EVERY
def test_a_definition_says_everything(each: Protocol) -> None:
    text = each.definition()
    words = " ".join(text.split())
    for part in (each.title, each.ties, each.pool, each.labels, each.missing, each.average, each.source, each.licence):
        assert part and " ".join(part.split()) in words
    assert all(measure in text for measure in each.measures)
    assert each.identity in text and max(map(len, text.splitlines())) <= 110
    if each.kind == "retrieval":
        assert each.depth and each.values and [str(parse_measure(name)) for name in each.measures] == [*each.measures]


@EVERY
def test_json_gives_the_definition_back(each: Protocol) -> None:
    fields = json.loads(json.dumps(each.fields()))
    again = Protocol.from_fields(fields)
    assert (again, again.identity, again.licence) == (each, fields["identity"], each.licence)


def test_only_what_changes_numbers_changes_the_identity() -> None:
    miracl = protocol("miracl")
    assert dataclasses.replace(miracl, licence="another", data="elsewhere", title="x").identity == miracl.identity
    changes: dict[str, Any] = {
        "depth": 1000,
        "measures": ("nDCG@20",),
        "missing": "dropped",
        "gains": ((1, 3),),
        "macro": False,
    }
    for name, value in changes.items():
        assert dataclasses.replace(miracl, **{name: value}).identity != miracl.identity
    xsim = protocol("xsim")
    assert xsim.varied(k=4, margin="ratio") == xsim and xsim.varied(k=4).identity == xsim.identity
    assert xsim.varied(k=8).identity != xsim.identity
    with pytest.raises(UsageError, match="xsim has no setting 'depth'; it has margin, k, same"):
        xsim.varied(depth=4)


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(UsageError, match="no protocol 'mircl'; did you mean 'miracl'"):
        protocol("mircl")
