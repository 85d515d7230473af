"""Which analyzer a language has.

Stemmers are Snowball's (Porter 2001, "Snowball: a language for stemming algorithms"). A language without one is cut
into character n-grams within words (McNamee & Mayfield 2004, "Character n-gram tokenization for European language text
retrieval") if its words change much, and taken as it is if they do not. Han, kana, hangul and the scripts of South-East
Asia are cut into n-grams whatever the language; a language written in them needs nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from xret.errors import InputError

__all__ = ["analyzer_names", "base_language", "spec_of"]

_STEMMED = """
ar=arabic ca=catalan cs=czech da=danish de=german el=greek en=english eo=esperanto es=spanish et=estonian eu=basque
fa=persian fi=finnish fr=french ga=irish hi=hindi hu=hungarian hy=armenian id=indonesian it=italian lt=lithuanian
ms=indonesian nb=norwegian ne=nepali nl=dutch nn=norwegian no=norwegian pl=polish pt=portuguese ro=romanian ru=russian
sr=serbian st=sesotho sv=swedish ta=tamil tr=turkish yi=yiddish
"""
_GRAMS = """
am as az ba be bg bn bs cv gl gu he hr hsb ka kk kn ky la lv mk ml mn mr or os pa rue sa sd si sk sl sq szl te tg ti tk
tt ug uk ur uz dsb csb
"""
_WORDS = """
ace af an ast bm br ceb co cy ee fil fo fy gd gv ha haw ht ia ig ilo is jv ku kw lb lg ln luo mg mi mt nds nso ny oc om
pap pcm qu rm rn rw sc scn sm sn so ss su sw tet tl tn to tpi ts tum tw ve vec vi wa war wo xh yo zu
ban bjn bug chr gaa guc min luy nia nij bbc btx mad
"""
_UNSPACED = "bo dz ja km ko lo my shn th yue zh"
GRAMS = "grams:4"


def base_language(tag: str) -> str:
    """The first subtag: ``zh`` of ``zh-Hant``."""
    return tag.partition("-")[0]


def analyzer_names() -> dict[str, str]:
    """The analyzer of every language that has one, languages in alphabetical order."""
    return dict(_table())


def spec_of(tag: str, given: Mapping[str, str] | None = None) -> str:
    """The analyzer of a language: ``stem:ALGORITHM``, ``grams:N`` or ``words``.

    Args:
        tag: BCP 47; subtags after the language do not matter.
        given: analyzers by language, which go before the table; the name of a language of the table means its own.

    Raises:
        InputError: a language that neither has. No analyzer fits an unknown language (``und``): to lower-case words is
            wrong for the half of all scripts.
    """
    base = base_language(tag)
    if given and base in given:
        return _table().get(given[base], given[base])
    found = _table().get(base)
    if found is None:
        what = "texts of unknown language (und)" if base == "und" else f"language '{tag}'"
        remedy = "say which language they are in with --lang, or " if base == "und" else ""
        raise InputError(
            f"there is no analyzer for {what}; {remedy}choose one with --analyzer {base}=words (or grams:4, or a "
            "language written like it)"
        )
    return found


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    table = {language: f"stem:{name}" for language, name in (pair.split("=") for pair in _STEMMED.split())}
    table |= dict.fromkeys(_GRAMS.split(), GRAMS) | dict.fromkeys(f"{_WORDS} {_UNSPACED}".split(), "words")
    return dict(sorted(table.items()))
