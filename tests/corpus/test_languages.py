"""One canonical spelling per language, whatever standard it is written by; which file names tell one."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xret.corpus import check_lang
from xret.corpus.languages import guess_lang, is_lang
from xret.errors import InputError

# ISO 639-1 with ISO 639-2/T.
PAIRS = """
de=deu en=eng fr=fra es=spa it=ita pt=por nl=nld ru=rus uk=ukr pl=pol cs=ces sk=slk sl=slv hr=hrv sr=srp bg=bul mk=mkd
ro=ron hu=hun fi=fin et=est lv=lav lt=lit sv=swe da=dan nb=nob nn=nno no=nor is=isl fo=fao ga=gle gd=gla cy=cym br=bre
eu=eus ca=cat gl=glg mt=mlt sq=sqi el=ell tr=tur az=aze kk=kaz ky=kir uz=uzb tk=tuk tt=tat tg=tgk mn=mon ka=kat hy=hye
he=heb ar=ara fa=fas ps=pus ku=kur ur=urd hi=hin bn=ben pa=pan gu=guj mr=mar ne=nep or=ori ta=tam te=tel kn=kan ml=mal
si=sin th=tha lo=lao my=mya km=khm vi=vie id=ind ms=msa jv=jav su=sun tl=tgl zh=zho ja=jpn ko=kor bo=bod dz=dzo ug=uig
am=amh ti=tir so=som om=orm sw=swa rw=kin rn=run ny=nya sn=sna zu=zul xh=xho st=sot tn=tsn ts=tso ss=ssw ve=ven af=afr
ha=hau yo=yor ig=ibo wo=wol ff=ful mg=mlg eo=epo ia=ina la=lat sa=san yi=yid lb=ltz fy=fry oc=oci co=cos sc=srd rm=roh
mi=mri sm=smo to=ton fj=fij ht=hat gn=grn qu=que
"""


def test_three_letters_become_two() -> None:
    for two, three in (pair.split("=") for pair in PAIRS.split()):
        assert check_lang(two) == check_lang(three) == check_lang(three.upper()) == two


@pytest.mark.parametrize(
    ("code", "canonical"),
    [
        *[("ger", "de"), ("fre", "fr"), ("chi", "zh"), ("cze", "cs"), ("dut", "nl"), ("gre", "el"), ("per", "fa")],
        *[("cmn", "zh"), ("arb", "ar"), ("swh", "sw"), ("ekk", "et"), ("lvs", "lv"), ("pes", "fa"), ("zsm", "ms")],
        *[("npi", "ne"), ("khk", "mn"), ("uzn", "uz"), ("plt", "mg"), ("azj", "az"), ("iw", "he"), ("in", "id")],
        *[
            ("yue", "yue"),
            ("nds", "nds"),
            ("ckb", "ckb"),
            ("chr", "chr"),
            ("ber", "ber"),
            ("und", "und"),
            ("UND", "und"),
        ],
        *[("zh-hant", "zh-Hant"), ("ZHO_HANS", "zh-Hans"), ("arb_Arab", "ar-Arab"), ("pt_br", "pt-BR")],
        *[("sr-latn-rs", "sr-Latn-RS"), ("es-419", "es-419"), ("de-1996", "de-1996"), ("zh-yue", "yue")],
        *[("en-US-x-Shop", "en-US-x-shop"), ("x-klingon", "x-klingon"), (" de ", "de")],
    ],
)
def test_canonical_tags(code: str, canonical: str) -> None:
    assert check_lang(code) == canonical


@pytest.mark.parametrize(
    "code", ["", "d", "german", "test", "xx", "zzz", "de-", "de--DE", "de-EN", "en-test", "de en", "de-dev", "x-"]
)
def test_unknown_codes(code: str) -> None:
    with pytest.raises(InputError, match=f"^'{code}' is not a known language code; wanted BCP 47 such as de"):
        check_lang(code)
    assert not is_lang(code)


@pytest.mark.parametrize(
    ("name", "lang"),
    [
        *[
            ("de", "de"),
            ("deu", "de"),
            ("zh-Hant", "zh-Hant"),
            ("zh_Hans", "zh-Hans"),
            ("pt_BR", "pt-BR"),
            ("chr", "chr"),
        ],
        *[("test", None), ("dev", None), ("raw", None), ("src", None), ("tok", None), ("mar", None), ("v2", None)],
        *[("en-de", None), ("de-en", None), ("zh-test", None), ("DE", None), ("", None), ("train", None)],
    ],
)
def test_file_names(name: str, lang: str | None) -> None:
    assert guess_lang(name) == lang


def test_every_listed_code_is_known_and_canonical_tags_stay() -> None:
    text = files("xret.corpus").joinpath("subtags.txt").read_text(encoding="utf-8")
    two, three = (text.split(f"[{name}]")[1].split("[")[0].split() for name in ("two-letter", "three-letter"))
    assert (len(two), len(three)) == (184, 7842)  # ISO 639-1; ISO 639-3 and -5 without those, 2024
    codes = [code for pair in two for code in pair.split("=")] + three
    assert all(check_lang(check_lang(code)) == check_lang(code) for code in codes)


@given(st.text(st.sampled_from("abdehnrstxz-_ 149AZ"), max_size=14))
def test_canonical_is_a_fixed_point(code: str) -> None:
    if is_lang(code):
        assert check_lang(check_lang(code)) == check_lang(code)
