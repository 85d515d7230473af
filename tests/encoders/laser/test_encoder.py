"""A folder of LASER models as one encoder: each text goes to the model of its language."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.card import read_card
from xret.encoders.checkpoints.export import export_model
from xret.encoders.laser.layout import find_laser
from xret.encoders.load import identify
from xret.errors import InputError, ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Laser = Callable[..., Path]
TEXTS = ["Kalo mine tura.", "«Sipo» né, Да ни!", "", "ma - mi 3 %", "kalo ka"]


def test_laser2_alone(laser: Laser, tmp_path: Path) -> None:
    folder = laser()
    encoder = load_encoder(folder, device="cpu", threads=1)
    together = encoder.encode(TEXTS)
    assert together.shape == (5, 16)
    assert encoder.max_length == 12_000
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.abs(together - alone).max() <= 1e-6
    assert identify(folder) == encoder.hash == read_card(folder).hash
    ready = load_encoder(export_model(folder, tmp_path / "ready"), device="cpu", threads=1)
    assert ready.hash == encoder.hash
    assert np.array_equal(ready.encode(TEXTS), together)


def test_every_text_goes_to_the_model_of_its_language(laser: Laser, caplog: pytest.LogCaptureFixture) -> None:
    folder = laser("wol_Latn", "ber_Latn")
    encoder = load_encoder(folder, device="cpu", threads=1)
    found = find_laser(folder)
    assert found is not None
    lang = ["wo", "de", "ber", "wol_Latn", "xx"]
    with caplog.at_level(logging.WARNING):
        together = encoder.encode(TEXTS, lang=lang)
    assert "does not know the language 'xx'; such texts are encoded as 'laser2'" in caplog.text
    assert "'de'" not in caplog.text  # LASER2 knows it
    for row, (text, tag) in enumerate(zip(TEXTS, lang, strict=True)):
        assert np.abs(encoder.encode([text], lang=[tag])[0] - together[row]).max() <= 1e-6
    assert np.abs(encoder.encode(TEXTS[:1], lang=["de"])[0] - together[0]).max() > 1e-2  # another model
    assert identify(folder) == encoder.hash == read_card(folder).hash
    with pytest.raises(ModelError, match="holds several encoders"):
        export_model(folder, folder.parent / "ready")


def test_experts_without_laser2(laser: Laser) -> None:
    encoder = load_encoder(laser("wol_Latn", "ber_Latn", general=False), device="cpu", threads=1)
    with pytest.raises(InputError, match=r"no expert for 'de'.*experts: ber_Latn, wol_Latn"):
        encoder.encode(TEXTS[:1], lang=["de"])
