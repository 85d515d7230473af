"""Between BCP 47 tags and the language codes of a model: XMOD's adapters, NLLB's and SONAR's tokens, LASER3's experts.

Every model spells languages in its own way (``en_XX``, ``eng_Latn``, ``eng``, ``en``). Nothing here knows the models:
tags and the codes a checkpoint lists are both read with `xret.corpus.languages`, which brings a language's spellings
together, and then matched by language, script and region.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xret.corpus.languages import UNKNOWN, check_lang, is_lang
from xret.errors import ModelError

__all__ = ["Languages", "Routed", "route", "stand_ins"]

_REGIONAL = re.compile(r"[a-z]{2,3}_[A-Z]{2}")

# Codes that no standard lists: M2M100 writes Northern Sotho "ns".
_OWN = {"ns": "nso"}

# What to take where a model lacks a language: its macrolanguage, the member usually meant by one, or the other members
# (ISO 639-3); Filipino is standard Tagalog.
_NEAR = """
no=nb,nn nb=no,nn nn=no,nb fil=tl tl=fil ak=tw tw=ak fat=ak,tw ps=pbt,pst pbt=ps pst=ps,pbt qu=quy quy=qu quz=qu,quy
ff=fuv fuv=ff fub=ff,fuv din=dik dik=din prs=fa azb=az swc=sw vro=et ltg=lv zgh=tzm ber=tzm,kab ajp=apc,ar
sh=hr,bs,sr hr=sh,bs bs=sh,hr sr=sh,hr,bs cnr=sr,sh,hr,bs
aao=ar abh=ar abv=ar acm=ar acq=ar acw=ar acx=ar acy=ar adf=ar aeb=ar aec=ar afb=ar apc=ajp,ar apd=ar arq=ar ars=ar
ary=ar arz=ar auz=ar avl=ar ayh=ar ayl=ar ayn=ar ayp=ar pga=ar shu=ar ssh=ar
cjy=zh czh=zh gan=zh hak=zh hsn=zh lzh=zh mnp=zh nan=zh wuu=zh yue=zh
"""

# The script of a tag that names none, where it is not Latin (CLDR, likely subtags). Only asked where a model has
# several scripts of a language.
_SCRIPTS = """
ar=Arab az-IR=Arab fa=Arab hi=Deva kk=Cyrl kk-CN=Arab kok=Deva ks=Arab ku-IQ=Arab ku-IR=Arab ky=Cyrl mn=Cyrl mn-CN=Mong
mni=Beng ne=Deva pa=Guru pa-PK=Arab ru=Cyrl sa=Deva sat=Olck sd=Arab sd-IN=Deva sr=Cyrl sr-ME=Latn tg=Cyrl tt=Cyrl
ug=Arab uk=Cyrl ur=Arab uz-AF=Arab yi=Hebr yue=Hant yue-CN=Hans zh=Hans zh-HK=Hant zh-MO=Hant zh-TW=Hant
"""


@dataclass(frozen=True)
class Languages:
    """The languages a model is told."""

    codes: tuple[str, ...]  # the model's own, in its own order
    default: str  # for unknown languages
    kind: Literal["adapter", "token", "checkpoint", "map"]  # how it reaches the model

    def __post_init__(self) -> None:
        """Refuse what cannot be routed to.

        Raises:
            ModelError: no codes, one twice, or a default that is not among them.
        """
        if len(set(self.codes)) < len(self.codes):
            raise ModelError(f"language '{Counter(self.codes).most_common(1)[0][0]}' is listed twice in the checkpoint")
        if self.default not in self.codes:
            known = f"{len(self.codes)} codes: {', '.join(self.codes[:8])}, …" if self.codes else "no codes at all"
            raise ModelError(f"the default language '{self.default}' is not one of the model's own ({known})")


@dataclass(frozen=True)
class Routed:
    """Where texts go."""

    index: NDArray[np.int64]  # (texts,) places in `Languages.codes`
    unknown: dict[str, int]  # tag -> texts that took the default, commonest first


def route(tags: Sequence[str | None], languages: Languages) -> Routed:
    """The place of each text's language among the model's codes.

    A tag that is one of the model's own codes is that. Else the codes of its language count, and where there are none
    those of the nearest one (`no` for `nb`, `ar` for `arz`); among several, first the one in the tag's script, then
    the one of its region, then the first. All other tags, None and ``und`` take the default and are counted.

    Args:
        tags: BCP 47, in any spelling that `check_lang` takes (``de-AT``, ``zh_TW``, ``cmn``, ``iw``).
        languages: of the model.
    """
    known = _known(languages)
    places = {tag: _place(known, tag) for tag in set(tags)}
    default = languages.codes.index(languages.default)
    found = (default if (place := places[tag]) is None else place for tag in tags)
    unknown = Counter(tag or UNKNOWN for tag in tags if places[tag] is None)
    return Routed(np.fromiter(found, np.int64, len(tags)), dict(unknown.most_common()))


def stand_ins() -> tuple[str, ...]:
    """The languages that `route` gives to another one where a model lacks them."""
    return tuple(_table(_NEAR))


@dataclass(frozen=True)
class _Tag:
    language: str  # canonical
    script: str | None
    region: str | None

    @property
    def likely_script(self) -> str:
        scripts = _table(_SCRIPTS)
        return self.script or scripts.get(f"{self.language}-{self.region}") or scripts.get(self.language, "Latn")


@dataclass(frozen=True)
class _Known:
    exact: dict[str, int]  # the codes' own spellings -> places
    codes: tuple[_Tag | None, ...]  # None where a code is no language anybody knows


@lru_cache(maxsize=8)
def _known(languages: Languages) -> _Known:
    places = {code: place for place, code in enumerate(languages.codes)}
    bare = {code.strip("_"): place for code, place in places.items()}  # M2M100: "en" for "__en__"
    return _Known({**{f"__{code}__": at for code, at in bare.items()}, **bare, **places}, tuple(map(_read, places)))


@lru_cache(maxsize=4)
def _table(text: str) -> dict[str, str]:
    return {left: right for left, _, right in (pair.partition("=") for pair in text.split())}


def _read(code: str) -> _Tag | None:
    """A tag or code by its parts; a region that is none (``en_XX``, ``eo_EO``) does not count."""
    code = code.strip("_ ")
    for text in (_OWN.get(code, code), code[:-3] if _REGIONAL.fullmatch(code) else ""):
        if text and is_lang(text):
            language, *rest = check_lang(text).split("-")
            script = next((part for part in rest[:1] if len(part) == 4 and part.isalpha()), None)
            region = next((part for part in rest[:2] if part.isupper() and len(part) == 2), None)
            return _Tag(language, script, region)
    return None


def _place(known: _Known, tag: str | None) -> int | None:
    if not tag:
        return None
    if tag in known.exact:
        return known.exact[tag]
    wanted = _read(tag)
    if wanted is None or wanted.language == UNKNOWN:
        return None
    near = [wanted.language, *_table(_NEAR).get(wanted.language, "").split(",")]
    ranks = [
        (*_distance(wanted, code, near), place)
        for place, code in enumerate(known.codes)
        if code is not None and code.language in near
    ]
    return min(ranks)[-1] if ranks else None


def _distance(wanted: _Tag, code: _Tag, near: Sequence[str]) -> tuple[int, int, int, int]:
    """How badly a code fits, the gravest first: a script that was not asked for, language, likely script, region."""
    other_script = wanted.script is not None and code.script not in (None, wanted.script)
    region = 0 if code.region == wanted.region else 1 if code.region is None else 2
    return (int(other_script), near.index(code.language), int(code.likely_script != wanted.likely_script), region)
