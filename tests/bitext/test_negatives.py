"""Changed sentences: what changes, what stays, and what is left alone."""

from __future__ import annotations

import random
import re
import unicodedata
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.bitext.negatives import EDITS, make_negatives
from xret.bitext.negatives.entities import Names, names_of
from xret.bitext.negatives.negation import negated
from xret.bitext.negatives.numbers import other_number

CHANCE = random.Random(0)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.integers(0, 9))
def test_only_one_number_changes_and_keeps_its_script_and_length(text: str, seed: int) -> None:
    changed = other_number(text, "und", random.Random(seed))
    if changed is None:
        return
    assert changed != text and len(changed) == len(text)
    places = [at for at, (old, new) in enumerate(zip(text, changed, strict=True)) if old != new]
    assert re.fullmatch(r"\d+", text[places[0] : places[-1] + 1])
    for at in places:
        zeros = [ord(each[at]) - unicodedata.decimal(each[at]) for each in (text, changed)]
        assert zeros[0] == zeros[1]


@pytest.mark.parametrize(
    ("text", "lang", "pattern"),
    [
        ("Version 2019 ist da", "de", r"Version [1-9]\d{3} ist da"),
        ("tap x86 or MP3", "en", None),
        ("Twelve months", "en", r"[A-Z][a-z]+ months"),
        ("zwölf Monate", "de-AT", r"\w+ Monate"),
        ("zwölf Monate", "und", None),
        ("第३章", "ja", None),  # letters on both sides: it may be a name
        ("पृष्ठ ३४", "hi", r"पृष्ठ [१-९][०-९]"),
    ],
)
def test_numbers(text: str, lang: str, pattern: str | None) -> None:
    changed = other_number(text, lang, CHANCE)
    assert (changed is None) == (pattern is None)
    assert changed is None or (changed != text and pattern is not None and re.fullmatch(pattern, changed))


@pytest.mark.parametrize(
    ("text", "lang", "names"),
    [
        ("The cat met Ada Lovelace. Then it slept.", "en", ["Ada", "Lovelace"]),
        ("Der Hund mag LibreOffice und MP3", "de", ["LibreOffice", "MP3"]),
        ("Открыть Москву в LibreOffice", "ru", ["Москву", "LibreOffice"]),
        ("在LibreOffice中打开Writer", "zh", ["LibreOffice", "Writer"]),
        ("ここにメッセージを書く", "ja", ["メッセージ"]),
        ("no names at all", "en", []),
    ],
)
def test_what_looks_like_a_name(text: str, lang: str, names: list[str]) -> None:
    assert [match.group() for match in names_of(text, lang)] == names


def test_a_name_is_replaced_everywhere_by_one_that_is_not_there() -> None:
    names = Names(["we saw Paris", "we saw Rome", "and saw Paris and Parisians"], "en")
    assert names.names == ("Paris", "Rome", "Parisians")
    found = {names.other_name("to Paris, from Paris by Rome", random.Random(seed)) for seed in range(40)}
    assert found == {"to Parisians, from Parisians by Rome", "to Paris, from Paris by Parisians"}
    assert Names(["only Paris"], "en").other_name("in Paris", CHANCE) is None


@pytest.mark.parametrize(
    ("text", "lang", "changed"),
    [
        ("It is late", "en", "It is not late"),
        ("It is not late", "en", "It is late"),
        ("This", "en", None),  # no word of its own
        ("Keine Datei", "de", "Eine Datei"),
        ("Cela ne peut pas durer", "fr", "Cela peut durer"),
        ("Здесь нельзя курить", "ru-RU", "Здесь можно курить"),
        ("保存できません", "ja", "保存できます"),
        ("这是书", "zh-Hant", "这不是书"),
        ("It is late", "sw", None),
    ],
)
def test_negation(text: str, lang: str, changed: str | None) -> None:
    assert negated(text, lang, CHANCE) == changed


def test_the_table_of_negations_is_well_formed() -> None:
    lines = (files("xret.bitext.negatives") / "negation.tsv").read_text(encoding="utf-8").splitlines()
    rows = [tuple(line.split("\t")) for line in lines]
    assert len(set(rows)) == len(rows) and {len(row) for row in rows} == {3}
    assert len({row[0] for row in rows}) >= 35
    for lang, plain, negative in rows:
        assert plain == plain.lower() and negative == negative.lower() and plain != negative
        assert negated(plain, lang, CHANCE) not in (None, plain)


def test_negatives_do_not_depend_on_order_and_are_nobodys_sentence() -> None:
    texts = [
        "Ada is 3 years old",
        "we met Eve and Bob",
        "they saw Eve",
        "nothing to change here",
        "It is 7",
        "It is not 7",
    ]
    found = make_negatives(texts, "en")
    assert set(found.edits) == set(EDITS)
    made = set(zip(found.texts, found.edits, [texts[row] for row in found.rows], strict=True))
    assert not {text for text, _, _ in made} & set(texts)  # "It is not 7" is a sentence of its own
    assert ("It is not 7", "negation", "It is 7") not in made
    again = make_negatives(texts[::-1], "en", edits=("number", "negation"))
    back = [texts[::-1][row] for row in again.rows]
    assert set(zip(again.texts, again.edits, back, strict=True)) == {each for each in made if each[1] != "entity"}
    assert found.counts()["number"] == found.edits.count("number") == 3
    assert make_negatives([], "en").texts == []
