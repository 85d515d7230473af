"""Encoders put together in a folder: adding one changes no vector of the others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import call
from xret.encoders import load_encoder
from xret.encoders.checkpoints.expert_making import add_experts, make_experts
from xret.errors import InputError, MismatchError, UsageError

Made = Callable[..., Path]
TEXTS = ["the old bird", "a river runs under a stone house", "", "blue stone", "green", "new house"]
LANG = ["de", "en", "chr", "chr", "de-AT", "xx"]


@pytest.fixture
def models(static: Made, tmp_path: Path) -> dict[str, Path]:
    """Three models of one width."""
    made = {}
    for number, name in enumerate(("general", "cherokee", "javanese")):
        made[name] = tmp_path / name
        shutil.copytree(static(position_decay=5 * number), made[name])
    (made["general"] / "languages.json").write_text('{"main": ["de", "en"], "others": ["id"]}')
    return made


def vectors(folder: Path, lang: list[str]) -> np.ndarray:
    return load_encoder(folder, device="cpu", threads=1).encode(TEXTS, lang=lang)


def test_adding_a_language_changes_no_vector(models: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "family"
    served = make_experts(out, general=models["general"], experts=[(["chr"], models["cherokee"])])
    assert served == {"und": "general", "de": "general", "en": "general", "id": "general", "chr": "chr"}
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.parent != out}
    old = vectors(out, LANG)
    chr_rows = [row for row, tag in enumerate(LANG) if tag == "chr"]
    assert (old[chr_rows] == load_encoder(models["cherokee"], device="cpu").encode([TEXTS[r] for r in chr_rows])).all()
    add_experts(out, experts=[(["jv", "su"], models["javanese"])])
    assert vectors(out, LANG).tobytes() == old.tobytes()
    assert all(path.read_bytes() == content for path, content in before.items())
    javanese = load_encoder(models["javanese"], device="cpu").encode(TEXTS)
    assert (vectors(out, ["su"] * len(TEXTS)) == javanese).all()


def test_a_language_is_taken_over_only_when_that_is_asked(models: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "family"
    make_experts(out, general=models["general"], experts=[(["chr"], models["cherokee"])])
    with pytest.raises(InputError, match="serves id already, by 'general'; with --reroute"):
        add_experts(out, experts=[(["id", "jv"], models["javanese"])])
    assert not (out / "id-jv").exists()
    served = add_experts(out, experts=[(["id", "jv"], models["javanese"])], reroute=True)
    assert served["id"] == served["jv"] == "id-jv" and served["de"] == "general"
    assert (vectors(out, ["id"] * len(TEXTS)) == load_encoder(models["javanese"], device="cpu").encode(TEXTS)).all()


def test_other_spellings_of_a_language_are_that_language(models: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "family"
    served = make_experts(out, general=models["general"], experts=[(["CHR"], models["cherokee"])])
    assert served["chr"] == "chr" and "CHR" not in served
    with pytest.raises(InputError, match="serves de already"):
        add_experts(out, experts=[(["deu"], models["javanese"])])
    with pytest.raises(UsageError, match="'ban' is given twice"):
        add_experts(out, experts=[(["ban", "Ban"], models["javanese"])])


def test_languages_that_another_stood_in_for_stay_with_it(models: dict[str, Path], tmp_path: Path) -> None:
    out, tags = tmp_path / "family", ["sh", "cnr", "sr-Latn", "sr", "bs", "xx"]
    make_experts(out, general=models["general"], experts=[(["sr"], models["cherokee"])])
    old = vectors(out, tags)
    served = add_experts(out, experts=[(["hr"], models["javanese"])])
    assert served["hr"] == "hr" and served["sh"] == "sr"
    kept = [tags.index(tag) for tag in tags if tag != "bs"]  # nobody stood in for Bosnian
    assert vectors(out, tags)[kept].tobytes() == old[kept].tobytes()


def test_places_where_nothing_can_be_made(
    models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = models["general"] / "family"
    with pytest.raises(InputError, match="lies inside the model"):
        make_experts(inside, general=models["general"], experts=[(["chr"], models["cherokee"])])
    assert not inside.exists()

    def full(source: Path, target: Path, **_: object) -> None:
        raise shutil.Error([(str(source / name), str(target / name), "No space left on device") for name in "ab"])

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(InputError, match=r"cannot be copied .*No space left on device") as raised:
        make_experts(tmp_path / "family", general=models["general"], experts=[(["chr"], models["cherokee"])])
    assert "\n" not in str(raised.value) and not (tmp_path / "family").exists()


def test_what_does_not_belong_together(models: dict[str, Path], static: Made, tmp_path: Path) -> None:
    out, expert = tmp_path / "family", [(["chr"], models["cherokee"])]
    with pytest.raises(InputError, match=r"has no experts\.json"):
        add_experts(models["general"], experts=expert)
    wide = tmp_path / "wide"
    shutil.copytree(static(out=7), wide)
    with pytest.raises(MismatchError, match=r"gives vectors of 7 values, .* of 5; experts must share one space"):
        make_experts(out, general=models["general"], experts=[(["chr"], wide)])
    for wrong in ([(["notalanguage"], wide)], [(["und"], wide)], [], [(["jv"], wide), (["su", "jv"], wide)]):
        with pytest.raises(UsageError):
            make_experts(out, general=models["general"], experts=wrong)
    assert not out.exists()
    make_experts(out, general=models["general"], experts=expert)
    with pytest.raises(InputError, match="exists already"):
        make_experts(out, general=models["general"], experts=expert)
    with pytest.raises(InputError, match="holds several encoders"):
        make_experts(tmp_path / "nested", general=out, experts=expert)
    (out / "jv").mkdir()
    with pytest.raises(InputError, match=r"is there, but experts\.json does not name it"):
        add_experts(out, experts=[(["jv"], models["javanese"])])


def test_the_command(models: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "family"
    expert = f"chr={models['cherokee']}"
    assert call("models", "experts", "-o", out, "--general", models["general"], "--expert", expert) == 0
    assert call("models", "experts", "-o", out, "--add", "--expert", f"jv,su={models['javanese']}") == 0
    assert "3 models for 7 languages" in capfd.readouterr().err
    assert call("models", "experts", "-o", out, "--expert", expert) == 2
    assert call("models", "experts", "-o", out, "--add", "--expert", "chr") == 2
