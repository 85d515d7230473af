"""Options that cannot be, or would change nothing, are refused by name before anything is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xret.encoders.distil.checks import check_config
from xret.encoders.distil.config import DistilConfig, read_config
from xret.encoders.locate import BUNDLED
from xret.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.0}, r"temperature = 0\.0; wanted 0\.02 to 100"),
        ({"temperature": float("nan")}, "temperature = nan"),
        ({"margin": -0.1}, "margin"),
        ({"learning_rate": float("inf")}, "learning_rate = inf; wanted 0 or more"),
        ({"steps": 0}, "steps = 0; wanted 1 or more"),
        ({"batch_size": 1}, "batch_size"),
        ({"eval_every": 0}, "eval_every"),
        ({"document_rows": 2}, "document_rows = 2; wanted 3 or more"),
        ({"hard_group": 0}, "hard_group"),
        ({"student": "hybrid", "heads": 0}, "heads = 0"),
        ({"others_share": 2.0}, r"others_share = 2\.0; wanted a share"),
        ({"language_power": float("nan")}, "language_power"),
        ({"token_dropout": 1.0}, "token_dropout"),
        ({"seed": -1}, "seed"),
        ({"name": "one\ntwo"}, "name = 'one\\\\ntwo'; wanted a line of text"),
        ({"languages": ["de", "de"]}, "'de' is given twice"),
        ({"languages": ["no such"]}, "'no such' is no language"),
        ({"romanise": [3]}, "romanise: 3 is no name"),
        ({"caps": {"a": "many"}}, "caps: a = 'many'; wanted a number above 0"),
        ({"weights": {"a": 0}}, "weights: a = 0"),
        ({"pairs": [3]}, r"pairs: 3 is no table"),
        ({"texts": ["a.txt"]}, "give a masked_weight above 0"),
        ({"student": "hybrid", "masked_weight": 1.0, "masked_share": 0.0}, "no token would be hidden"),
        ({"contrast_weight": 0.0, "dims": [64]}, "dims and margin are of the contrast"),
        ({"contrast_weight": 0.0, "teacher_weight": 0.0, "teacher_contrast": 0.0}, "nothing to learn"),
        ({"student": "transformer", "init": "m", "tokeniser": "fit"}, "keeps the tokeniser of its init"),
        ({"student": "static", "layers": 3}, "layers: a static student has no layers"),
    ],
)
def test_each_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        read_config(None, changes)
    assert "\n" not in str(raised.value)


def test_what_is_no_table_of_options(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(InputError, match="holds a list; wanted an object of options"):
        read_config(tmp_path / "list.json", {})
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbfsteps = 5\n")
    assert read_config(tmp_path / "bom.toml", {}).steps == 5


def test_defaults_and_the_bundled_models_recipe_are_fine() -> None:
    check_config(DistilConfig())
    made = BUNDLED / "xret-mini"
    wanted = json.loads((made / "training.json").read_text(encoding="utf-8"))
    assert read_config(made / "training.json", {}).steps == wanted["steps"]
