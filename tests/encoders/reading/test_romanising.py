"""Romanisation: which letters, the same for a text alone or in company, and in tables that do not grow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.corpus.languages import iso_639_3, known_scripts
from xret.encoders.reading import uroman_tables
from xret.encoders.reading.romanising import ALL, Romaniser, romanise
from xret.encoders.reading.scripts import check_romanise, seen_scripts, stated_romaniser, words_for
from xret.errors import MissingExtraError, ModelError

REASON = "the `romanise` extra (uroman) is not installed"
MIXED = "The word ᏣᎳᎩ, მთა-წყალი and 山 in Москва, Tomé №5."
# Letters of many scripts, digits, marks, spaces; no lone surrogates, which are no text.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.fixture
def uroman() -> Any:
    return pytest.importorskip("uroman", reason=REASON)


def test_words_are_as_uroman_has_them(uroman: Any) -> None:
    tables = uroman.Uroman()
    texts = ["გამარჯობა მსოფლიო", "Прывітанне гэта горад", "გზა 12-ე", "ሰላም ለዓለም", "สวัสดี", "ᎣᏏᏲ"]
    for lang, code in (("ka", "kat"), ("be-BY", "bel"), ("rus", "rus"), (None, None), ("no such", None)):
        wanted = [" ".join(tables.romanize_string(word, code) for word in text.split()) for text in texts]
        assert romanise(texts, lang=[lang] * len(texts)) == wanted
    assert romanise(["Гэта"], lang=["be"]) != romanise(["Гэта"])


@pytest.mark.parametrize(
    ("romaniser", "lang", "wanted"),
    [
        (Romaniser(scripts=("Cher",)), None, "The word tsalagi, მთა-წყალი and 山 in Москва, Tomé №5."),
        (Romaniser(known=("Cher", "Cyrl", "Latn")), None, "The word ᏣᎳᎩ, mta-tsqali and shan in Москва, Tomé №5."),
        (Romaniser(languages=("ru",)), "ka", MIXED),
        (Romaniser(languages=("ru",)), "rus", "The word tsalagi, mta-tsqali and shan in Moskva, Tomé №5."),
        (Romaniser(scripts=("Cyrl",), beside=True), None, f"{MIXED} {MIXED.replace('Москва', 'Moskva')}"),
        (Romaniser(scripts=("Arab",), beside=True), None, MIXED),
    ],
)
@pytest.mark.usefixtures("uroman")
def test_only_what_is_wanted(romaniser: Romaniser, lang: str | None, wanted: str) -> None:
    assert romaniser([MIXED, "", "plain"], lang=[lang] * 3) == [wanted, "", "plain"]


@settings(deadline=None, max_examples=150)
@given(st.lists(TEXTS, max_size=4))
def test_a_text_is_the_same_in_any_company(texts: list[str]) -> None:
    pytest.importorskip("uroman", reason=REASON)
    together = ALL(texts)
    assert together == [ALL([text])[0] for text in texts] == ALL(texts[::-1])[::-1]
    for text in texts:
        latin = "".join(letter for letter in text if letter.isascii() or letter in "éßøŁ")
        assert ALL([latin]) == [latin]


@pytest.mark.usefixtures("uroman")
def test_tables_do_not_grow_and_long_words_are_cut() -> None:
    romanise(["აბგ"])
    tables = uroman_tables._tables()
    before = {name: len(table) for name, table in vars(tables).items() if isinstance(table, dict)}
    del before["abugida_cache"]  # syllables: as many as there are
    words = [chr(0x10D0 + at % 33) * (1 + at % 7) + str(at) + chr(0x960 + at % 9) for at in range(2000)]
    romanise(words)
    assert before == {name: len(getattr(tables, name)) for name in before}
    assert romanise(["ა" * 1000]) == ["a" * 1000]
    assert uroman_tables._kept.cache_info().maxsize is not None


@pytest.mark.usefixtures("uroman")
def test_unseen_asks_the_vocabulary(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from tokenizers.decoders import ByteLevel

    pieces = ["<unk>", "▁the", *(f"▁ა{'ბგდ'[at % 3] * at}" for at in range(120)), *map(chr, range(0x13A0, 0x13D0))]
    tokenizer = Tokenizer(models.WordLevel({piece: at for at, piece in enumerate(pieces)}, unk_token="<unk>"))
    path = tmp_path / "tokenizer.json"
    tokenizer.save(str(path))
    assert seen_scripts(path) == ("Geor", "Latn")
    assert stated_romaniser(["unseen"], path) == Romaniser(known=("Geor", "Latn"))
    written = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pieces are bytes, written as letters of their own
    spelled = [written.pre_tokenize_str("я" * (at + 1))[0][0] for at in range(110)]
    tokenizer = Tokenizer(models.WordLevel({piece: at for at, piece in enumerate(["<unk>", *spelled])}, "<unk>"))
    tokenizer.decoder = ByteLevel()
    tokenizer.save(str(path))
    assert seen_scripts(path) == ("Cyrl", "Latn")


def test_what_is_stated() -> None:
    wanted = Romaniser(scripts=("Cher", "Hani", "Hira", "Kana"), languages=("am", "ka"), beside=True)
    assert stated_romaniser(["jpan", "kat", "beside", "am", "Cher"], None) == wanted
    assert stated_romaniser(["all"], None) == ALL
    assert stated_romaniser(["none"], None) is stated_romaniser([], None) is None
    assert "letters of Cher Hani Hira Kana, texts in am ka, put behind the text" in str(wanted)
    for words in (
        ["all", "Cher"],
        ["all", "-Latn"],
        ["-Cyrl"],
        ["unseen", "-Cyrl"],
        ["Latn"],
        ["Maya"],
        ["Zyyy"],
        ["am-ET"],
        ["und"],
        [""],
        ["beside"],
        ["xx"],
    ):
        with pytest.raises(ModelError, match="romanise: '"):
            check_romanise(words)
    with pytest.raises(ModelError, match="name scripts or languages"):
        stated_romaniser(["unseen"], None)


def test_what_unseen_came_to_can_be_stated_without_the_tokeniser() -> None:
    spared = Romaniser(known=("Cyrl", "Hani", "Hira", "Kana", "Latn"), beside=True)
    assert stated_romaniser(["beside", "all", "-jpan", "-Cyrl"], None) == spared
    others = (ALL, Romaniser(known=("Latn",), beside=True), Romaniser(scripts=("Cher", "Hani"), languages=("am", "ka")))
    for romaniser in (spared, *others):
        assert stated_romaniser(words_for(romaniser), None) == romaniser


def test_every_script_that_can_be_stated_has_letters() -> None:
    pytest.importorskip("uroman", reason=REASON)
    for script in sorted(known_scripts()):
        try:
            romaniser = stated_romaniser([script], None)
        except ModelError:
            continue
        assert romaniser is not None
        romaniser.check()


def test_without_uroman_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uroman", None)
    with pytest.raises(MissingExtraError, match=r"needs the Python module 'uroman'.*pip install 'xret\[romanise\]'"):
        romanise(["text"])


@pytest.mark.usefixtures("uroman")
def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uroman_tables, "version", lambda package: "1.4.0")
    with pytest.raises(ModelError, match=r"with uroman 1.3.1, installed is 1.4.0; .*pip install 'uroman==1.3.1.\*'"):
        ALL.check()


def test_three_letters_of_a_language() -> None:
    found = [iso_639_3(code) for code in ("de-AT", "zho", "be", "chr", "iw", "no such")]
    assert found == ["deu", "zho", "bel", "chr", "heb", None]
