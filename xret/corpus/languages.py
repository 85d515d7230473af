"""Language tags: BCP 47 with known subtags, one canonical spelling per language; reading them off file names.

Evaluation sets write ISO 639-3 (``deu``, ``cmn``, ``arb_Arab``), libraries ISO 639-2 (``ger``), everybody else BCP 47
(``de``, ``zh``). `check_lang` brings them together, so that one language is one string everywhere in xret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from xret.errors import InputError

__all__ = ["UNKNOWN", "check_lang", "guess_lang", "is_lang", "iso_639_3", "known_scripts"]

UNKNOWN = "und"

# ISO 639-2/B, the library codes, and codes withdrawn from ISO 639-1; kzj (now dtp) still has its own evaluation set.
_FORMER = """
alb=sq arm=hy baq=eu bur=my chi=zh cze=cs dut=nl fre=fr geo=ka ger=de gre=el ice=is mac=mk mao=mi may=ms per=fa rum=ro
slo=sk tib=bo wel=cy in=id iw=he ji=yi jw=jv mo=ro kzj=kzj
"""

# The member that everybody means by a macrolanguage's two-letter code (Unicode CLDR, languageAlias).
_REPRESENTATIVE = """
als=sq arb=ar ayr=ay azj=az cmn=zh cwd=cr ekk=et esk=ik fuc=ff gaz=om gug=gn ike=iu khk=mn kmr=ku knc=kr kng=kg kpv=kv
lvs=lv npi=ne ojg=oj ory=or pbu=ps pes=fa plt=mg quz=qu src=sc swh=sw uzn=uz ydd=yi zsm=ms zyb=za
"""

# Three-letter codes without a two-letter form that stand in file names of multilingual collections (Tatoeba, FLORES+).
# In names any other three letters are a word ("dev", "raw", "src", "tok" are languages too); so are those in _WORDS.
_IN_NAMES = """
ace acm acq aeb ajp als ang apc arq ars ary arz ast awa awe azb ban bem ber bho bjn bug cbk ceb chr cjk ckb crh csb
cym dsb dtp dyu fil fon fur fuv gsw hbs hne hsb ilo kab kam kbp kea kha kmb kmr kzj lfn lij lmo ltg lua luo lus lzh
mag mai mni mos nan nds nov nso nus nya orv oss pag pam pap pcm pms prs quy sat scn shn swg szl taq tpi tum tzl tzm
umb uzb vec war wuu yue zea zsm
"""
_WORDS = """
als and ban bis bug cor cos fur geo her ice iii ile lit lug mac mag mar may mon mos nav nov per que rum run sin src sun
ton vol war
"""

_PRIVATE = re.compile(r"x(-[a-z0-9]{1,8})+")
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<extended>[a-z]{3}))?(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<rest>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)"
)


@dataclass(frozen=True)
class _Subtags:
    languages: dict[str, str]  # every known code -> its canonical one
    scripts: frozenset[str]  # lower case
    regions: frozenset[str]  # lower case


@lru_cache(maxsize=1)
def _sections() -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    for line in files("xret.corpus").joinpath("subtags.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            words = sections.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            words.extend(line.split())
    return sections


@lru_cache(maxsize=1)
def _subtags() -> _Subtags:
    sections = _sections()
    languages = {code: code for code in sections["three-letter"]}
    for pair in sections["two-letter"]:
        two, three = pair.split("=")
        languages |= {two: two, three: two}
    for pair in (_FORMER + " " + _REPRESENTATIVE).split():
        code, canonical = pair.split("=")
        languages[code] = canonical
    scripts, regions = (frozenset(map(str.lower, sections[name])) for name in ("script", "region"))
    return _Subtags(languages, scripts, regions)


def check_lang(code: str) -> str:
    """The canonical BCP 47 tag of a language code.

    Case and ``_`` for ``-`` are forgiven; ISO 639-2 and 639-3 codes with a two-letter form become it, and so does the
    language usually meant by a macrolanguage: ``deu``, ``ger`` -> ``de``; ``cmn`` -> ``zh``; ``arb_Arab`` ->
    ``ar-Arab``; ``PT_br`` -> ``pt-BR``; ``zh-yue`` -> ``yue``. Script, region, variants and ``x-…`` stay.

    Raises:
        InputError: not the shape of a tag, or a language, script or region that no standard lists.
    """
    canonical = _canonical(code)
    if canonical is None:
        raise InputError(
            f"'{code[:40]}' is not a known language code; wanted BCP 47 such as de, zh-Hant or pt-BR "
            f"(ISO 639-3 such as deu works too), or {UNKNOWN} for unknown"
        )
    return canonical


def is_lang(code: str) -> bool:
    """Whether `check_lang` takes it."""
    return _canonical(code) is not None


def iso_639_3(code: str) -> str | None:
    """The three letters of a language code's language: ``de-AT`` -> ``deu``; None where `check_lang` refuses it."""
    tag = _canonical(code)
    language = tag.partition("-")[0] if tag else ""
    return language if len(language) == 3 else _three_letters().get(language)


@lru_cache(maxsize=1)
def _three_letters() -> dict[str, str]:
    pairs = (pair.partition("=") for pair in _sections()["two-letter"])
    return {two: three for two, _, three in pairs}


def known_scripts() -> frozenset[str]:
    """The scripts of ISO 15924, as in ``Latn``."""
    return frozenset(map(str.title, _subtags().scripts))


def guess_lang(name: str) -> str | None:
    """The canonical language that a dotted part of a file name tells (``de`` of ``news.de.txt``), or None.

    Stricter than `check_lang`: three letters count only when they are no likely word, and a region only in capitals,
    because ``en-de`` in a file name is a pair of languages.
    """
    language, _, rest = name.replace("_", "-").partition("-")
    if len(language) == 3 and language not in _in_names():
        return None
    if not language.islower() or (len(rest) == 2 and not rest.isupper()):
        return None
    return _canonical(name)


@lru_cache(maxsize=1)
def _in_names() -> frozenset[str]:
    shortened = {code for code, canonical in _subtags().languages.items() if len(code) == 3 > len(canonical)}
    return frozenset((shortened | set(_IN_NAMES.split())) - set(_WORDS.split()))


@lru_cache(maxsize=4096)
def _canonical(code: str) -> str | None:
    tag = code.strip().replace("_", "-").lower()
    if _PRIVATE.fullmatch(tag):
        return tag
    match = _TAG.fullmatch(tag)
    if match is None:
        return None
    known = _subtags()
    language, script, region = match["language"], match["script"], match["region"]
    if match["extended"]:  # "zh-yue": the second subtag alone names the language (RFC 5646, section 4.5)
        if language not in ("ar", "kok", "lv", "ms", "sgn", "sw", "uz", "zh"):
            return None
        language = match["extended"]
    if language not in known.languages or (script and script not in known.scripts):
        return None
    if region and region.isalpha() and region not in known.regions:
        return None
    parts = [known.languages[language], script and script.title(), region and region.upper()]
    return "-".join(part for part in parts if part) + match["rest"]
