"""From BCP 47 tags to the codes of real models (public lists of theirs), and to a tokeniser's language tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xret.corpus.languages import check_lang
from xret.encoders.reading.language_frame import LanguageFrame, nllb_languages, token_languages
from xret.encoders.reading.languages import Languages, route
from xret.errors import ModelError

XMOD_CODES = """
en_XX id_ID vi_VN ru_RU fa_IR sv_SE ja_XX fr_XX de_DE ro_RO ko_KR hu_HU es_XX fi_FI uk_UA da_DK pt_XX no_XX th_TH pl_PL
bg_BG nl_XX zh_CN he_IL el_GR it_IT sk_SK hr_HR tr_TR ar_AR cs_CZ lt_LT hi_IN zh_TW ca_ES ms_MY sl_SI lv_LV ta_IN bn_IN
et_EE az_AZ sq_AL sr_RS kk_KZ ka_GE tl_XX ur_PK is_IS hy_AM ml_IN mk_MK be_BY la_VA te_IN eu_ES gl_ES mn_MN kn_IN ne_NP
sw_KE si_LK mr_IN af_ZA gu_IN cy_GB eo_EO km_KH ky_KG uz_UZ ps_AF pa_IN ga_IE ha_NG am_ET lo_LA ku_TR so_SO my_MM or_IN
sa_IN
"""
XMOD = Languages(tuple(XMOD_CODES.split()), "en_XX", "adapter")


def nllb() -> Languages:
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    return Languages(tuple(FAIRSEQ_LANGUAGE_CODES), "eng_Latn", "token")


def m2m100() -> Languages:
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    return Languages(tuple(f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES["m2m100"]), "__en__", "token")


def codes(tags: str, languages: Languages) -> list[str]:
    return [languages.codes[place] for place in route(tags.split(), languages).index]


def pairs(text: str) -> tuple[str, list[str]]:
    left, right = zip(*(pair.split("=") for pair in text.split()), strict=True)
    return " ".join(left), list(right)


def test_nllb() -> None:
    tags, wanted = pairs(
        """de=deu_Latn de-AT=deu_Latn deu=deu_Latn ger=deu_Latn en-GB=eng_Latn pt-BR=por_Latn es-419=spa_Latn
        zh=zho_Hans cmn=zho_Hans zh-Hans=zho_Hans zh-CN=zho_Hans zh-SG=zho_Hans zh_CN=zho_Hans zh-Hant=zho_Hant
        zh-TW=zho_Hant zh-HK=zho_Hant zh-Hans-TW=zho_Hans zh-yue=yue_Hant yue=yue_Hant wuu=zho_Hans
        iw=heb_Hebr he=heb_Hebr no=nob_Latn nb=nob_Latn nn=nno_Latn fil=tgl_Latn tl=tgl_Latn ji=ydd_Hebr in=ind_Latn
        ar=arb_Arab arz=arz_Arab ar-EG=arb_Arab apd=arb_Arab fa=pes_Arab prs=prs_Arab ms=zsm_Latn et=est_Latn
        ekk=est_Latn lv=lvs_Latn sw=swh_Latn ne=npi_Deva mn=khk_Cyrl uz=uzn_Latn uz-Cyrl=uzn_Latn az=azj_Latn
        azb=azb_Arab ku=kmr_Latn ckb=ckb_Arab yi=ydd_Hebr ps=pbt_Arab sq=als_Latn or=ory_Orya om=gaz_Latn mg=plt_Latn
        qu=quy_Latn gn=grn_Latn ay=ayr_Latn ff=fuv_Latn din=dik_Latn ak=aka_Latn tw=twi_Latn
        sr=srp_Cyrl sr-Cyrl=srp_Cyrl sr-Latn=hrv_Latn sh=hrv_Latn bs=bos_Latn
        ks=kas_Arab ks-Deva=kas_Deva ace=ace_Latn ace-Arab=ace_Arab bjn=bjn_Latn kr=knc_Latn taq=taq_Latn
        taq-Tfng=taq_Tfng rw=kin_Latn srp_Cyrl=srp_Cyrl eng_Latn=eng_Latn ja=jpn_Jpan ko=kor_Hang"""
    )
    assert codes(tags, nllb()) == wanted
    assert route(tags.split(), nllb()).unknown == {}


def test_xmod() -> None:
    tags, wanted = pairs(
        """de=de_DE de-AT=de_DE en=en_XX zh=zh_CN zh-Hans=zh_CN cmn=zh_CN zh-TW=zh_TW zh-HK=zh_TW zh-Hant=zh_TW
        yue=zh_TW no=no_XX nb=no_XX nn=no_XX fil=tl_XX tl=tl_XX sw=sw_KE swh=sw_KE iw=he_IL ar=ar_AR ar-EG=ar_AR
        arz=ar_AR sr=sr_RS sr-Latn=sr_RS bs=hr_HR eo=eo_EO la=la_VA ku=ku_TR kmr=ku_TR pt-BR=pt_XX prs=fa_IR
        en_XX=en_XX zh_TW=zh_TW"""
    )
    assert codes(tags, XMOD) == wanted
    assert route(["ckb", "lb", "qu"], XMOD).unknown == {"ckb": 1, "lb": 1, "qu": 1}


def test_m2m100() -> None:
    tags, wanted = pairs("de=__de__ en=__en__ __fr__=__fr__ nso=__ns__ ns=__ns__ zh-TW=__zh__ nb=__no__ fil=__tl__")
    assert codes(tags, m2m100()) == wanted


def test_experts_and_students() -> None:
    experts = Languages(("eng", "kin_Latn", "fuv_Latn", "zul_Latn"), "eng", "checkpoint")
    assert codes("rw ff zu en xh kin", experts) == ["kin_Latn", "fuv_Latn", "zul_Latn", "eng", "eng", "kin_Latn"]
    students = Languages(("pt", "pt-BR", "sr-Latn", "sr", "zh-Hant", "zh"), "pt", "checkpoint")
    tags, wanted = pairs(
        "pt=pt pt-PT=pt pt-BR=pt-BR por-BR=pt-BR sr=sr sr-RS=sr sr-Latn-ME=sr-Latn sr-ME=sr-Latn zh-HK=zh-Hant zh-SG=zh"
    )
    assert codes(tags, students) == wanted


def test_what_is_unknown_is_counted() -> None:
    tags = ["de", "und", "tlh", "", None, "und", "no such tag", "en-de-fr", "x-mine", "_", "en"]
    routed = route(tags, nllb())
    assert routed.unknown == {"und": 4, "tlh": 1, "no such tag": 1, "en-de-fr": 1, "x-mine": 1, "_": 1}
    assert next(iter(routed.unknown)) == "und"
    assert [nllb().codes[place] for place in routed.index] == ["deu_Latn"] + ["eng_Latn"] * 10
    assert routed.index.dtype == np.int64
    assert route([], nllb()).index.shape == (0,)


@pytest.mark.parametrize("make", [nllb, m2m100, lambda: XMOD], ids=["nllb", "m2m100", "xmod"])
def test_every_code_finds_itself_in_every_spelling(make: Any) -> None:
    languages = make()
    assert route(languages.codes, languages).index.tolist() == list(range(len(languages.codes)))
    bare = [code.strip("_") for code in languages.codes]
    bare = [code.rpartition("_")[0] if code[-2:].isupper() and not code.startswith("zh") else code for code in bare]
    canonical = [check_lang("nso" if code == "ns" else code) for code in bare]
    assert route(canonical, languages).index.tolist() == list(range(len(languages.codes)))


@given(
    st.lists(st.one_of(st.none(), st.text(max_size=12), st.from_regex(r"[a-z]{2,3}([-_][A-Za-z]{2,4})?")), max_size=8)
)
def test_any_text_goes_somewhere(tags: list[str | None]) -> None:
    routed = route(tags, XMOD)
    assert ((routed.index >= 0) & (routed.index < len(XMOD.codes))).all()
    assert sum(routed.unknown.values()) <= len(tags)


@pytest.mark.parametrize(
    ("listed", "message"), [((), "no codes at all"), (("de", "en", "de"), "'de' is listed twice"), (("de",), "'en'")]
)
def test_lists_that_cannot_be(listed: tuple[str, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Languages(listed, "en", "token")


def tokenizer(*added: str) -> Any:
    from tokenizers import AddedToken, Tokenizer, models

    made = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "<unk>": 2, "eng_Latn": 3}, unk_token="<unk>"))
    made.add_special_tokens([AddedToken(text, special=True) for text in added])
    return made


def test_language_tokens() -> None:
    found, ids = nllb_languages(tokenizer("<mask>", "zul_Latn", "</s>", "deu_Latn", "__en__", "XX_Latn"))
    assert (found, ids.tolist()) == (("zul_Latn", "deu_Latn"), [5, 6])
    assert nllb_languages(tokenizer("__de__", "__en__"))[0] == ("__de__", "__en__")
    with pytest.raises(ModelError, match="no language tokens"):
        nllb_languages(tokenizer("<mask>", "[en]", "eng-Latn"))


def test_default_language_is_the_tokenisers() -> None:
    made = tokenizer("deu_Latn", "eng_Latn")
    assert token_languages(made, {}).default == "eng_Latn"
    assert token_languages(made, {"src_lang": "deu_Latn"}).default == "deu_Latn"
    assert token_languages(tokenizer("__de__", "__en__"), {"src_lang": "de"}).default == "__de__"
    with pytest.raises(ModelError, match="'fra_Latn' is not one of the model's own"):
        token_languages(made, {"src_lang": "fra_Latn"})
    with pytest.raises(ModelError, match="'eng_Latn'"):
        token_languages(tokenizer("deu_Latn"), {})


@pytest.mark.parametrize("legacy", [False, True])
def test_frames(legacy: bool) -> None:
    frame = LanguageFrame(
        tokenizer("deu_Latn", "eng_Latn"), {"legacy_behaviour": legacy, "eos_token": {"content": "</s>"}}
    )
    texts, code = [np.array([7, 8, 9]), np.array([], np.int64), np.array([2])], np.array([1, 0, 0])
    ids, lengths, own = frame.wrap(np.concatenate(texts), np.array([3, 0, 1]), code)
    by_hand = [[*frame.prefix(c), *text, *frame.suffix(c)] for text, c in zip(texts, code, strict=True)]
    assert ids.tolist() == np.concatenate(by_hand).tolist()
    assert lengths.tolist() == [len(row) for row in by_hand]
    assert by_hand[1] == ([1, 3] if legacy else [3, 1])
    assert ids[own].tolist() == [7, 8, 9, 2]


def test_frames_that_cannot_be() -> None:
    with pytest.raises(ModelError, match="no end token '<end>'"):
        LanguageFrame(tokenizer("deu_Latn"), {"eos_token": "<end>"})
    old = LanguageFrame(tokenizer("__de__"), {"legacy_behaviour": True})  # M2M100 has one frame only
    assert not old.legacy
