"""LASER models say all of themselves: what is stated beside them is refused, not passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xret.encoders.checkpoints.export import export_model
from xret.encoders.checkpoints.stated import Stated
from xret.encoders.load import identify
from xret.errors import ModelError


@pytest.mark.parametrize("codes", [(), ("ber",)])
def test_a_statement_is_refused(laser: Callable[..., Path], tmp_path: Path, codes: tuple[str, ...]) -> None:
    folder = laser(*codes)
    with pytest.raises(ModelError, match=r"leave the options out|holds several encoders"):
        export_model(folder, tmp_path / "out", stated=Stated(romanise=("Cher",)))
    (folder / "xret.json").write_text('{"romanise": "unseen"}')
    with pytest.raises(ModelError, match=r"xret.json: the folder is a .*LASER model"):
        identify(folder)
