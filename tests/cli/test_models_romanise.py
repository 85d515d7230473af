"""`xret models export --romanise` and what `xret models info` tells of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def models(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XRET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: cli("models", *arguments)


def test_export_and_info(models: Any) -> None:
    pytest.importorskip("uroman", reason="the `romanise` extra (uroman) is not installed")
    called = models("export", "xret-mini", "-o", "made", "--romanise", "Cher, yid,beside")
    assert called.code == 0, called.err
    told = models("info", "made").out
    assert "romanised   letters of Cher, texts in yi, put behind the text (uroman 1.3.1) [given]" in told
    assert "romanised" not in models("info", "xret-mini").out
    card, plain = (json.loads(models("info", name, "--json").out) for name in ("made", "xret-mini"))
    assert card["recipe"]["romanise"] == {
        "scripts": ["Cher"], "known": [], "languages": ["yi"], "beside": True, "uroman": "1.3.1",
    }  # fmt: skip
    assert card["hash"] != plain["hash"] and plain["recipe"]["romanise"] is None


def test_what_means_nothing_is_refused(models: Any, tmp_path: Path) -> None:
    for words in ("Latn", "all,Cher", "beside", "Cher,nonsense", "", "all,-Nope", "-Cyrl", "unseen,all"):
        called = models("export", "xret-mini", "-o", "made", "--romanise", words)
        assert called.code == 1 and called.err.count("\n") == 1 and "romanise: '" in called.err, called.err
    assert not (tmp_path / "made").exists()
