"""What cannot be trimmed is told in one line, and nothing is left behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.encoders.laser.conftest import train_pieces, write_laser2
from xret.encoders.checkpoints.export import export_model
from xret.encoders.trimming.trim import trim_model
from xret.errors import InputError, ModelError, XretError

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def old(static: Callable[..., Path]) -> Path:
    return static()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def settle(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "weights": (lambda old: cut(old / "model.safetensors"), "cannot be read as safetensors"),
    "tokeniser": (lambda old: cut(old / "tokenizer.json"), "cannot be read as a tokeniser"),
    "no tokeniser": (lambda old: (old / "tokenizer.json").unlink(), "tokenizer.json: is missing"),
    "no weights": (lambda old: (old / "model.safetensors").unlink(), "has no model.safetensors"),
    "settings": (lambda old: cut(old / "config.json"), "config.json: broken JSON"),
    "more settings": (lambda old: (old / "tokenizer_config.json").write_text("{"), "tokenizer_config.json: broken"),
    "odd settings": (lambda old: (old / "added_tokens.json").write_text("[1]"), "its settings cannot be read"),
    "fewer rows": (lambda old: settle(old / "config.json", vocab_size=5), "knows 22 tokens, config.json only 5"),
    "more rows": (lambda old: settle(old / "config.json", vocab_size=99), "no tensor has a row for each of the 99"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_models(kind: str, old: Path, tmp_path: Path) -> None:
    damage, message = DAMAGE[kind]
    damage(old)
    (tmp_path / "c.txt").write_text("river\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(ModelError, match=message) as error:
        trim_model(old, tmp_path / "new", [tmp_path / "c.txt"], threads=1)
    assert "\n" not in str(error.value) and sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("zebra zebra\n", {}, "reads the corpora as unknown tokens only"),
        ("river river\nstone\n", {"min_count": 5}, r"no token is used 5 times \(the most: 2\)"),
        ("river\n", {"max_vocab": 1}, "needs 2 tokens whatever the texts"),
        ("river\n", {"max_vocab": 2}, "needs 2 tokens whatever the texts; --max-vocab 2 has no room for others"),
        ("river\n", {"languages": ["de"]}, "no text is in the languages to keep"),
        ("river\n", {"languages": ["nonsense!"]}, "nonsense!"),
        ("", {}, "is empty"),
    ],
)
def test_corpora_that_keep_nothing(text: str, options: dict[str, Any], message: str, old: Path, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text(text)
    with pytest.raises(XretError, match=message):
        trim_model(old, tmp_path / "new", [tmp_path / "c.txt"], threads=1, **options)
    assert not (tmp_path / "new").exists()


def test_beginnings_of_words_are_not_known_tokens(tiny_model: Callable[[str], Path], tmp_path: Path) -> None:
    """SentencePiece marks where an unknown word begins, too."""
    (tmp_path / "c.txt").write_text("𓀀𓀁 𓀂\n")
    with pytest.raises(ModelError, match="reads the corpora as unknown tokens only"):
        trim_model(tiny_model("xlm-roberta"), tmp_path / "new", [tmp_path / "c.txt"], threads=1)


def test_places(old: Path, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("river\n")
    for out, message in [(tmp_path, "exists already"), (old / "new", "lies inside"), (tmp_path / "a/b", "no folder")]:
        with pytest.raises(InputError, match=message):
            trim_model(old, out, [tmp_path / "c.txt"])
    with pytest.raises(InputError, match=r"none\.txt: no such file"):
        trim_model(old, tmp_path / "new", [tmp_path / "none.txt"])


def test_models_of_other_kinds(old: Path, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("river\n")
    laser = tmp_path / "laser"
    laser.mkdir()
    train_pieces(laser / "laser2.spm")
    write_laser2(laser)
    experts = tmp_path / "experts"
    shutil.copytree(old, experts / "de")
    (experts / "experts.json").write_text('{"experts": {"de": "de"}}')
    ready = export_model(old, tmp_path / "ready")
    kinds: list[tuple[str | Path, str]] = [
        (laser, "is a LASER model"), (experts, "trim the folder of each"), (f"{old}:int8", "leave out ':int8'"),
        (ready, "is a ready folder.*'xret models export'"), (tmp_path / "none", "no such encoder"),
    ]  # fmt: skip
    for name, message in kinds:
        with pytest.raises(ModelError, match=message):
            trim_model(name, tmp_path / "new", [tmp_path / "c.txt"])
