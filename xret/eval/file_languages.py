"""Languages of sets with a file a language: tags of the codes in file names, and choosing among them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path

from xret.corpus.languages import check_lang
from xret.errors import EvalError, InputError

__all__ = ["chosen_codes", "plain_tag", "tag_of"]

# The script that a language is usually written in, where it is not Latin (CLDR, likely subtags): of FLORES' languages,
# which are Belebele's. FLORES says Hang where CLDR says Kore.
_SCRIPTS = """
Arab=acm,acq,aeb,ajp,apc,ar,ars,ary,arz,azb,ckb,fa,ks,pbt,prs,ps,sd,ug,ur Armn=hy Beng=as,bn,mni
Cyrl=ba,be,bg,crh,kk,ky,mk,mn,ru,sr,tg,tt,uk Deva=awa,bho,hi,hne,kok,mag,mai,mr,ne,sa Ethi=am,ti Geor=ka Grek=el
Gujr=gu Guru=pa Hang=ko Hans=zh Hant=yue Hebr=he,yi Jpan=ja Khmr=km Knda=kn Laoo=lo Mlym=ml Mymr=my,shn Olck=sat Orya=or
Sinh=si Taml=ta Telu=te Thaa=dv Thai=th Tibt=bo,dz
"""


def tag_of(code: str, path: Path) -> str:
    """The BCP 47 tag of a code such as ``eng_Latn``, ``srp-Cyrl`` or ``apc_Arab_nort3139`` (the glottocode aside).

    Raises:
        EvalError: it is no language's; names the file.
    """
    try:
        return check_lang("_".join(code.split("_")[:2]))
    except InputError as error:
        raise EvalError(f"{path}: '{code}' is no known language code; rename or remove the file") from error


def plain_tag(tag: str) -> str:
    """A canonical tag without the script that its language is usually written in: ``de-Latn`` -> ``de``."""
    language, _, script = tag.partition("-")
    return language if script == _usual().get(language, "Latn") else tag


@lru_cache(maxsize=1)
def _usual() -> dict[str, str]:
    """Language -> script, of those that are not usually written in Latin."""
    pairs = (pair.partition("=") for pair in _SCRIPTS.split())
    return {language: script for script, _, languages in pairs for language in languages.split(",")}


def chosen_codes(tags: Mapping[str, str], langs: Collection[str], where: str | Path) -> list[str]:
    """The codes wanted, in the order of `tags`; all of them where no languages are named.

    Args:
        tags: code -> BCP 47 tag.
        langs: codes, tags, or bare languages (``de`` for ``de-Latn``) that fit a single file.
        where: the folder, for messages.

    Raises:
        EvalError: a language that is not there, or that several files fit.
    """
    if not langs:
        return list(tags)
    chosen = set()
    for lang in langs:
        fits = [code for code, tag in tags.items() if lang in (code, tag)]
        fits = fits or [code for code, tag in tags.items() if lang == tag.partition("-")[0]]
        if not fits:
            raise EvalError(f"{where}: has no file of the language '{lang}'; it has {', '.join(tags)}")
        if len(fits) > 1:
            raise EvalError(f"{where}: '{lang}' may be {' or '.join(fits)}; name one of them")
        chosen.add(fits[0])
    return [code for code in tags if code in chosen]
