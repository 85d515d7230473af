"""Terms: per language, for scripts with and without spaces, and never by accident."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.corpus import check_lang
from xret.errors import InputError
from xret.indexes.lexical.analyzers import analyzer, analyzer_for, analyzer_names, parse_spec, spec_of
from xret.indexes.lexical.analyzers.scripts import DENSE, SPARSE, pieces, words


@pytest.mark.parametrize(
    ("lang", "text", "terms"),
    [
        ("de", "Die Häuser am Fluß", ["die", "haus", "am", "fluss"]),
        ("en", "The dogs’ houses_running", ["the", "dog", "hous", "run"]),
        ("fr", "l’eau des maisons", ["l", "eau", "de", "maison"]),
        ("tr", "IŞIK İstanbul", ["ışık", "istanbul"]),  # dotless and dotted, by Turkish rules
        ("en", "ﬁne ＡＢＣ soft\u00adhyphen", ["fine", "abc", "softhyphen"]),
        ("ar", "الكِتَابُ", ["كتاب"]),  # without points and article
        ("he", "שָׁלוֹם", ["שלום"]),
        ("fa", "می\u200cخواهم", ["می", "خواهم"]),  # the joint parts them, as in Lucene
        ("zh", "从Basic到Python语言", ["从", "basic", "到", "python", "语言"]),
        ("zh-Hant", "語言學", ["語言", "言學"]),
        ("ja", "データの作成", ["デー", "ータ", "タの", "の作", "作成"]),
        ("ko", "데이터 집", ["데이", "이터", "집"]),
        ("th", "บ้าน", ["บ้า", "้าน"]),
        ("sl", "čolnih", ["čoln", "olni", "lnih"]),
        ("te", "తెలుగు", ["తెలు", "ెలుగ", "లుగు"]),
        ("sw", "Habari za asubuhi", ["habari", "za", "asubuhi"]),
    ],
)
def test_what_texts_become(lang: str, text: str, terms: list[str]) -> None:
    assert analyzer_for(lang).terms(text) == terms


@pytest.mark.parametrize("text", ["हिन्दी में लिखा", "বাংলা ভাষায়", "தமிழ் மொழி", "മലയാളം ഭാഷ", "සිංහල භාෂාව"])
def test_vowel_signs_do_not_break_words(text: str) -> None:
    assert words(text) == text.split()


def test_every_language_of_the_table_is_spelt_as_in_a_corpus_and_has_an_analyzer_that_works() -> None:
    for lang, spec in analyzer_names().items():
        assert check_lang(lang) == lang
        parse_spec(spec)
    assert len(analyzer_names()) > 150


@pytest.mark.parametrize("lang", ["und", "tlh", "zxx"])
def test_a_language_that_is_not_known_is_an_error_that_says_what_to_do(lang: str) -> None:
    with pytest.raises(InputError, match=f"no analyzer for .*{lang}.*--analyzer {lang}=words"):
        analyzer_for(lang)
    assert spec_of(lang, {lang: "grams:5"}) == "grams:5"
    assert spec_of(lang, {lang: "de"}) == "stem:german"  # written like German


@pytest.mark.parametrize("spec", ["stem:klingon", "grams:1", "grams:x", "words:2", "german", ""])
def test_analyzers_that_are_none(spec: str) -> None:
    with pytest.raises(InputError, match=r"stemmer|not an analyzer"):
        analyzer(spec)


def test_scripts_without_spaces_hold_their_letters_and_do_not_meet() -> None:
    dense, sparse = re.compile(f"[{DENSE}]"), re.compile(f"[{SPARSE}]")
    names = {"CJK UNIFIED": dense, "HIRAGANA LETTER": dense, "HANGUL SYLLABLE": dense, "THAI CHARACTER": sparse}
    names |= {"LAO LETTER": sparse, "KHMER LETTER": sparse, "KHMER VOWEL": sparse, "MYANMAR LETTER": sparse}
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        assert not (dense.match(char) and sparse.match(char))
        if unicodedata.category(char)[0] in "LM":
            name = unicodedata.name(char, "")
            assert all(script.match(char) for start, script in names.items() if name.startswith(start)), name


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60), st.sampled_from(["de", "zh", "th", "sl", "tr", "en", "hi"]))
def test_terms_hold_no_space_and_weights_sum_up_to_about_the_words(text: str, lang: str) -> None:
    analyze = analyzer_for(lang)
    terms, weights = analyze.terms(text), analyze.weighed(text)
    assert set(terms) == set(weights)
    assert all(term and not re.search(r"\s", term) for term in terms)
    parts = [piece for word in analyze.units(text) for piece in pieces(word)]
    low = len(parts)
    high = sum(max(1.0, len(part) / 2) for part in parts)
    assert low - 1e-9 <= sum(weights.values()) <= high + 1e-9


def test_analyses_do_not_depend_on_what_was_analysed_before() -> None:
    used = analyzer_for("en")
    used.terms("house houses housing")
    for text in ("houses", "the house", "housing"):
        assert used.terms(text) == analyzer_for("en").terms(text)
