"""Which models a folder holds, what each says of itself, and which one a language goes to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from xret.encoders.builders import family_of
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.encoders.laser.layout import GENERAL, LaserFiles, LaserFolder, find_laser
from xret.encoders.laser.settings import read_settings, read_words
from xret.encoders.laser.tokeniser import LaserTokenizer
from xret.errors import InputError, ModelError

Laser = Callable[..., Path]

# The released experts (their authors' list).
EXPERTS = """
ace_Latn aka_Latn als_Latn amh_Ethi asm_Beng awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl bam_Latn ban_Latn bel_Cyrl
bem_Latn ben_Beng bho_Deva bjn_Latn bod_Tibt bug_Latn ceb_Latn cjk_Latn ckb_Arab crh_Latn cym_Latn dik_Latn diq_Latn
dyu_Latn dzo_Tibt ewe_Latn fao_Latn fij_Latn fon_Latn fur_Latn fuv_Latn gaz_Latn gla_Latn gle_Latn grn_Latn guj_Gujr
hat_Latn hau_Latn hin_Deva hne_Deva hye_Armn ibo_Latn ilo_Latn ind_Latn jav_Latn kab_Latn kac_Latn kam_Latn kan_Knda
kas_Arab kas_Deva kat_Geor kaz_Cyrl kbp_Latn kea_Latn khk_Cyrl khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn kmr_Latn
knc_Arab knc_Latn kon_Latn lao_Laoo lij_Latn lim_Latn lin_Latn lmo_Latn ltg_Latn ltz_Latn lua_Latn lug_Latn luo_Latn
lus_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Latn mlt_Latn mni_Beng mos_Latn mri_Latn mya_Mymr npi_Deva nso_Latn
nus_Latn nya_Latn ory_Orya pag_Latn pan_Guru pap_Latn pbt_Arab pes_Arab plt_Latn prs_Arab quy_Latn run_Latn sag_Latn
san_Deva sat_Beng scn_Latn shn_Mymr sin_Sinh smo_Latn sna_Latn snd_Arab som_Latn sot_Latn srd_Latn ssw_Latn sun_Latn
swh_Latn szl_Latn tam_Taml taq_Latn tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tpi_Latn tsn_Latn tso_Latn
tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab umb_Latn urd_Arab uzn_Latn vec_Latn war_Latn wol_Latn xho_Latn
ydd_Hebr yor_Latn zsm_Latn zul_Latn
"""


def test_models_of_a_folder(laser: Laser) -> None:
    folder = laser("wol_Latn", "ber_Latn", "wol_Latn")
    (folder / "laser3-wol_Latn.v2.pt").write_bytes((folder / "laser3-wol_Latn.v1.pt").read_bytes())
    (folder / "laser3-notes.pt").write_text("")
    found = find_laser(folder)
    assert found is not None and found.general is not None
    assert [model.code for model in found.models] == ["laser2", "ber_Latn", "wol_Latn"]
    assert found.experts["wol_Latn"].weights.name == "laser3-wol_Latn.v2.pt"
    assert found.experts["wol_Latn"].vocabulary == folder / "laser2.cvocab"
    assert found.experts["ber_Latn"].pieces == folder / "laser3-ber_Latn.v1.spm"
    assert set(found.files()) == {
        "laser2.pt", "laser2.spm", "laser2.cvocab", "laser3-wol_Latn.v2.pt", "laser3-ber_Latn.v1.pt",
        "laser3-ber_Latn.v1.spm", "laser3-ber_Latn.v1.cvocab",
    }  # fmt: skip


def test_other_folders_hold_none(tmp_path: Path) -> None:
    assert find_laser(tmp_path) is None
    assert find_laser(tmp_path / "none") is None
    (tmp_path / "laser2.pt").write_text("")
    with pytest.raises(ModelError, match=r"needs its tokeniser beside it, laser2\.spm"):
        find_laser(tmp_path)


def test_routes(laser: Laser) -> None:
    found = find_laser(laser("amh_Ethi", "wol_Latn"))
    assert found is not None
    tags = ["wo", "wol-Latn", "wol_Latn", "am", "amh", "fr", "deu_Latn", "zh-Hant", "tlh", None, "und", "nb", "yue"]
    routed = found.route(tags)
    assert [found.models[place].code for place in routed.index] == [
        *["wol_Latn"] * 3, *["amh_Ethi"] * 2, *["laser2"] * 8,
    ]  # fmt: skip
    assert routed.unknown == {"und": 2, "tlh": 1}
    codes = found.languages.codes
    assert [found.model_of(codes.index(code)).code for code in ("wol_Latn", "laser2", "fr")] == [
        "wol_Latn", "laser2", "laser2",
    ]  # fmt: skip


def test_routes_to_every_released_expert() -> None:
    def files(code: str) -> LaserFiles:
        return LaserFiles(code, Path(f"{code}.pt"), Path("laser2.spm"), None)

    codes = EXPERTS.split()
    found = LaserFolder(Path("laser"), {code: files(code) for code in sorted(codes)}, files(GENERAL))
    assert len(found.languages.codes) > len(codes) == 147
    for tags in (codes, [code.replace("_", "-") for code in codes]):
        routed = found.route(tags)
        assert [found.models[place].code for place in routed.index] == codes
        assert routed.unknown == {}
    others = ["en", "fr", "de", "es", "zh", "ja", "ru", "he", "ko", "pl"]  # which LASER2 alone knows
    assert {found.models[place].code for place in found.route(others).index} == {GENERAL}


def test_routes_without_laser2(laser: Laser, tmp_path: Path) -> None:
    folder = laser("amh_Ethi", "wol_Latn", general=False)
    found = find_laser(folder)
    assert found is not None
    assert [found.models[place].code for place in found.route(["wo", "am"]).index] == ["wol_Latn", "amh_Ethi"]
    with pytest.raises(
        InputError, match=r"no expert for 'fr' and no laser2\.pt for the others; experts: amh_Ethi, wol"
    ):
        found.route(["wo", "fr"])
    (folder / "laser3-amh_Ethi.v1.pt").unlink()
    alone = find_laser(folder)
    assert alone is not None
    assert alone.route(["fr"]).unknown == {"fr": 1}


def test_what_checkpoints_say(laser: Laser) -> None:
    found = find_laser(laser("wol_Latn"))
    assert found is not None
    general, expert = (read_settings(model) for model in found.models)
    assert general.config == {
        "model_type": "laser2", "vocab_size": 81, "pad_token_id": 1, "embedding_size": 6, "hidden_size": 8,
        "num_hidden_layers": 2, "bidirectional": True,
    }  # fmt: skip
    assert (general.pooling, general.prepend, expert.pooling, expert.prepend) == ("max", False, "cls", True)
    assert general.words == expert.words
    assert {general.words[word] for word in ("<s>", "<pad>", "</s>", "<unk>")} == {0, 1, 2, 3}
    assert expert.config["vocab_size"] == 82  # a row for <mask>
    assert expert.config["encoder_normalize_before"] is True


def vectors(folder: Path, place: int, texts: list[str]) -> Any:
    """The last hidden states of one model of a folder, through ONNX Runtime, and the tokens' mask."""
    import onnxruntime

    found = find_laser(folder)
    assert found is not None
    model = found.models[place]
    settings = read_settings(model)
    family, graph = family_of(settings.config), Graph()
    graph.input("input_ids")
    graph.input("attention_mask")
    graph.output(family.build(graph, Weights([model.weights]), settings.config).hidden, "hidden", ["b", "t", 16])
    length = family.positions(settings.config)
    reader = LaserTokenizer(model.pieces, settings.words, max_length=length, prepend=settings.prepend, threads=1)
    tokens = reader(texts)
    mask = (np.arange(tokens.lengths.max()) < tokens.lengths[:, None]).astype(np.int64)
    ids = np.full(mask.shape, 1)
    ids[mask == 1] = tokens.ids
    session = onnxruntime.InferenceSession(graph.serialized(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input_ids": ids, "attention_mask": mask})[0], ids, mask


def test_laser2_from_text_to_vector(laser: Laser) -> None:
    folder = laser()
    hidden, ids, mask = vectors(folder, 0, ["Kalo mine “tura”!", "", "mi " * 40])
    content = torch.load(folder / "laser2.pt", weights_only=True)
    table = torch.nn.functional.embedding(torch.tensor(ids), content["model"]["embed_tokens.weight"])
    lstm = torch.nn.LSTM(6, 8, 2, bidirectional=True)
    lstm.load_state_dict({k.removeprefix("lstm."): v for k, v in content["model"].items() if k.startswith("lstm.")})
    for row, length in enumerate(mask.sum(1)):  # each text alone, without padding
        with torch.no_grad():
            alone = lstm(table[row, :length, None])[0][:, 0].numpy()
        assert np.abs(hidden[row, :length].max(0) - alone.max(0)).max() < 1e-6


def test_laser3_does_not_see_padding(laser: Laser) -> None:
    folder = laser("ber_Latn")
    together, _, _ = vectors(folder, 1, ["Kalo mine", "mi " * 40])
    alone, _, _ = vectors(folder, 1, ["Kalo mine"])
    assert np.abs(together[0, 0] - alone[0, 0]).max() < 1e-6


def rewrite(path: Path, change: Callable[[Any], Any]) -> None:
    content = torch.load(path, weights_only=False)
    torch.save(change(content) or content, path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["params"].update(num_embeddings=3), "has 3 word vectors, its vocabulary wants 81"),
        (lambda c: c["params"].update(hidden_size="8"), "'hidden_size' is '8'"),
        (lambda c: c["params"].pop("num_embeddings") * 0, "'vocab_size' is None"),
        (lambda c: c["dictionary"].update(x=-1), "does not map words to row numbers"),
        (lambda c: c.pop("params") and None, "is no LASER checkpoint"),
        (lambda c: {"a": c["model"]["embed_tokens.weight"]}, "is no LASER checkpoint"),
        (lambda c: c.update(evil=os.system), "names 'posix.system'"),
    ],
)
def test_spoiled_laser2(change: Callable[[Any], Any], message: str, laser: Laser) -> None:
    folder = laser()
    rewrite(folder / "laser2.pt", change)
    found = find_laser(folder)
    assert found is not None
    with pytest.raises(ModelError, match=message) as error:
        read_settings(found.models[0])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.update(prepend_bos=False), "takes the vector of '<s>'"),
        (lambda a: a.update(encoder_layers=None), "'encoder_layers' is None"),
    ],
)
def test_spoiled_laser3(change: Callable[[Any], Any], message: str, laser: Laser) -> None:
    folder = laser("wol_Latn", general=False)
    rewrite(folder / "laser3-wol_Latn.v1.pt", lambda c: change(vars(c["cfg"]["model"])))
    found = find_laser(folder)
    assert found is not None
    with pytest.raises(ModelError, match=message):
        read_settings(found.models[0])


def test_word_list_of_another_model(laser: Laser) -> None:
    folder = laser("ber_Latn")
    for name in ("spm", "cvocab"):  # as if they had not been fetched: LASER2's would be taken
        (folder / f"laser3-ber_Latn.v1.{name}").unlink()
    found = find_laser(folder)
    assert found is not None
    with pytest.raises(ModelError, match=r"has 62 word vectors, laser2\.cvocab makes 82; fetch the \.spm and \.cvocab"):
        read_settings(found.experts["ber_Latn"])


def test_word_lists(tmp_path: Path) -> None:
    path = tmp_path / "x.cvocab"
    path.write_text("▁a 5\nb c 4\n\u00a0 3\n▁a 1 #fairseq:overwrite\n", "utf-8")
    words = read_words(path)
    assert {word: at for word, at in words.items() if at > 3} == {"b c": 5, "\u00a0": 6, "▁a": 7}
    for text, message in [("a\n", "line 1: wanted a word"), ("a 1\na 2\n", "line 2: names the word 'a' a second time"),
                          ("a 1\n\nb 2\n", "line 2"), ("a x\n", "line 1")]:  # fmt: skip
        path.write_text(text)
        with pytest.raises(ModelError, match=message):
            read_words(path)
    path.write_bytes(b"\xff 1\n")
    with pytest.raises(ModelError, match="cannot be read as a word list"):
        read_words(path)
