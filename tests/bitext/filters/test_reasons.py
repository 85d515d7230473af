"""What each filter drops, against its definition."""

from __future__ import annotations

import itertools
import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.bitext.conftest import MakePairs
from xret.bitext.filters import Copies, Languages, LengthRatio, Letters, NearDuplicates, Repeats, ScoreCap, ScoreFloor
from xret.bitext.filters.filter import best_first
from xret.bitext.filters.forms import form, likeness, numberless
from xret.errors import MissingExtraError, UsageError


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Straße 12", "STRASSE, 12!", True),
        ("ﬁle", "File", True),
        ("ｆｕｌｌ　width", "Full Width", True),
        ("कि", "का", False),  # vowel signs are marks
        ("か", "が", False),
        ("ca", "cà", False),
        ("x+1", "x-1", False),
        ("…", "...", False),
        ("", "", True),
    ],
)
def test_forms(one: str, other: str, same: bool) -> None:
    assert (form(one) == form(other)) is same
    assert form(form(one)) == form(one)


def test_likeness_is_jaccard_of_grams() -> None:
    assert likeness("abcdef", "abcdeg") == 2 / 4
    assert likeness("ab", "ab") == 1 and likeness("ab", "abc") == 0
    assert numberless("Seite 1.234,5 von 7") == numberless("Seite 9 von 12") != numberless("Seite 9 von a")


def test_letters() -> None:
    for text, bare, half in (
        ("abc", True, True),
        ("1.234,5 – (7)", False, False),
        ("=A1", True, False),
        ("हिन्दी", True, True),
        ("第3章", True, True),
        ("  ", False, False),
    ):
        assert Letters().keeps("word", text) is Letters().keeps(text, "word") is bare
        assert Letters(0.5).keeps("word", text) is half


def test_copies() -> None:
    assert not Copies().keeps("Click OK!", "click ok")
    assert Copies().keeps("Click OK now", "Click OK")
    assert not Copies(0.7).keeps("Click the big OK now", "Click the big OK")


def random_rows(seed: int, size: int) -> list[tuple[float | None, str, str]]:
    """Pairs made from a few sentences by small changes."""
    draw = random.Random(seed)
    words = ["rot", "blau", "haus", "baum", "strasse", "fenster", "schnell", "langsam", "garten", "wasser"]
    stems = [" ".join(draw.choices(words, k=8)) for _ in range(5)]
    rows: list[tuple[float | None, str, str]] = []
    for _ in range(size):
        texts = []
        for _ in range(2):
            tokens = draw.choice(stems).split()
            for _ in range(draw.choice((0, 0, 1, 2))):
                tokens[draw.randrange(8)] = draw.choice(words)
            texts.append(" ".join(tokens) + draw.choice(("", "!", " 1", " 23")))
        rows.append((draw.choice((1.0, 1.1, 1.2, None)), texts[0], texts[1]))
    return rows


@pytest.mark.parametrize(("level", "shape"), [("form", form), ("numbers", numberless)])
def test_near_duplicates_keep_the_best(pairs_of: MakePairs, level: str, shape: object) -> None:
    assert callable(shape)
    pairs = pairs_of(random_rows(1, 300))
    rows, seen, wanted = pairs.to_pylist(), set(), np.zeros(300, bool)
    for place in sorted(range(300), key=lambda n: (-(rows[n]["score"] or 0), rows[n]["src_id"], rows[n]["tgt_id"])):
        key = (shape(rows[place]["src_text"]), shape(rows[place]["tgt_text"]))
        wanted[place] = key not in seen
        seen.add(key)
    found = NearDuplicates(level).judge(pairs)  # type: ignore[arg-type]
    assert np.array_equal(found.keep, wanted) and not wanted.all()


def test_alike_pairs_are_found_without_comparing_all(pairs_of: MakePairs) -> None:
    pairs = pairs_of(random_rows(2, 400))
    src, tgt = ([form(text) for text in pairs[name].to_pylist()] for name in ("src_text", "tgt_text"))
    keep, order = NearDuplicates(0.8).judge(pairs).keep, best_first(pairs).tolist()
    alike = {
        (one, other)
        for one, other in itertools.combinations(order, 2)
        if min(likeness(src[one], src[other]), likeness(tgt[one], tgt[other])) >= 0.8
    }
    assert 20 < (~keep).sum() < 380
    for row in np.flatnonzero(~keep).tolist():  # each has a better one that it repeats
        assert any(other == row for _, other in alike), row
    assert not [pair for pair in alike if keep[list(pair)].all()]  # and none was overlooked


@pytest.mark.parametrize("most", [1, 2])
def test_repeats(pairs_of: MakePairs, most: int) -> None:
    pairs = pairs_of(random_rows(3, 200))
    rows, used = pairs.to_pylist(), (Counter[str](), Counter[str]())
    wanted = np.zeros(200, bool)
    for place in best_first(pairs).tolist():
        forms = form(rows[place]["src_text"]), form(rows[place]["tgt_text"])
        if all(side[text] < most for side, text in zip(used, forms, strict=True)):
            wanted[place] = True
            for side, text in zip(used, forms, strict=True):
                side[text] += 1
    verdict = Repeats(most).judge(pairs)
    assert np.array_equal(verdict.keep, wanted)
    assert sum(verdict.details.values()) == (~wanted).sum() > 0


def test_the_length_ratio_is_learnt_and_wrong_pairs_do_not_move_it(pairs_of: MakePairs) -> None:
    draw = np.random.default_rng(0)
    rows: list[tuple[float | None, str, str]] = []
    for n in range(400):
        src = int(draw.integers(10, 200))
        right = n % 3 > 0
        tgt = max(1, round(0.4 * src + draw.normal() * np.sqrt(0.4 * src) / 2)) if right else int(draw.integers(1, 300))
        rows.append((1.5 if right else 1.0, "x" * src, "字" * tgt))
    true = np.array([row[0] == 1.5 for row in rows])
    for limit, recall in (("auto", 0.99), (1.8, 0.9)):
        verdict = LengthRatio(limit).judge(pairs_of(rows))  # type: ignore[arg-type]
        assert verdict.learnt.startswith(("usual length of tgt 0.40 x src", "usual length of tgt 0.39 x src"))
        assert verdict.keep[true].mean() >= recall and verdict.keep[~true].mean() < 0.4
        assert set(verdict.details) == {"tgt too long", "tgt too short"}
    few = LengthRatio().judge(pairs_of(rows[:29]))
    assert few.keep.all() and few.learnt == "too few pairs to learn a ratio from (29, wanted 30)"
    equal = LengthRatio().judge(pairs_of([(1.0, "x" * 40, "y" * 40)] * 50 + [(1.0, "x" * 40, "y" * 45)]))
    assert equal.keep.all()  # where lines hardly differ, a word may


DE = "Der Zug nach Hamburg hatte gestern wieder eine halbe Stunde Verspätung."
EN = "Yesterday the train to Hamburg was half an hour late once more."
FR = "Hier, le train pour Hambourg avait encore une demi-heure de retard."


def test_languages(pairs_of: MakePairs) -> None:
    pytest.importorskip("py3langid")
    texts = [(DE, EN), (EN, DE), (DE, DE), (FR, EN), ("12 : 30", "– 7"), ("PNG", "ZIP"), ("", "?")]
    verdict = Languages("deu", "en-GB").judge(pairs_of([(1.0, *both) for both in texts]))
    assert verdict.keep.tolist() == [True, False, False, False, True, True, True]
    assert verdict.details == {"src seems 'en'": 1, "tgt seems 'de'": 1, "src seems 'fr'": 1}
    norwegian = "Toget til Bergen var dessverre en halv time forsinket også i går kveld."
    assert Languages("nb", "en").judge(pairs_of([(1.0, norwegian, EN)])).keep.all()


@pytest.mark.parametrize(
    ("src", "tgt", "message"),
    [
        ("chr", "en", "does not know 'chr'; it knows .* de .* en"),
        ("hr", "sr-Cyrl", "cannot tell 'hr' and 'sr-Cyrl' apart"),
    ],
)
def test_languages_that_cannot_be_told(src: str, tgt: str, message: str) -> None:
    pytest.importorskip("py3langid")
    with pytest.raises(UsageError, match=message):
        Languages(src, tgt)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from xret.bitext.filters import languages

    languages._identifier.cache_clear()
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(MissingExtraError, match=r"xret\[lid\]"):
        Languages("de", "en")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ScoreFloor(float("nan")),
        lambda: ScoreCap(float("nan")),
        lambda: Letters(1.5),
        lambda: Copies(0),
        lambda: LengthRatio(0.5),
        lambda: LengthRatio(float("nan")),
        lambda: NearDuplicates(0.5),
        lambda: NearDuplicates("foms"),  # type: ignore[arg-type]
        lambda: NearDuplicates(1.0),
        lambda: Repeats(0),
    ],
)
def test_settings_that_make_no_sense(make: object) -> None:
    assert callable(make)
    with pytest.raises(UsageError):
        make()


MINING = Path(__file__).resolve().parents[4] / "shared" / "data" / "mining"


@pytest.mark.skipif(not MINING.is_dir(), reason="the shared data are not here")
@pytest.mark.parametrize("lang", ["de", "fi", "ru", "zh"])
def test_hardly_a_true_pair_of_manuals_is_lost(pairs_of: MakePairs, lang: str) -> None:
    pytest.importorskip("py3langid")
    folder = MINING / f"{lang}-en"
    texts = [
        dict(line.split("\t", 1) for line in (folder / f"{side}.tsv").read_text().splitlines()) for side in (lang, "en")
    ]
    gold = [line.split("\t") for line in (folder / "gold.tsv").read_text().splitlines()][:400]
    pairs = pairs_of([(None, texts[0][src], texts[1][tgt]) for src, tgt in gold])
    assert (~LengthRatio().judge(pairs).keep).mean() < 0.02
    assert (~Languages(lang, "en").judge(pairs).keep).mean() < 0.02
    swapped = pairs_of([(None, texts[0][src], texts[0][src]) for src, _ in gold])
    assert (~Languages(lang, "en").judge(swapped).keep).mean() > 0.9
