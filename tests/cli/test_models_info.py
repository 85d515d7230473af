"""`xret models info`: one model, and several in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.encoders.conftest import write_static
from xret.encoders.checkpoints.expert_making import make_experts


def lines(text: str) -> dict[str, str]:
    """What `models info` prints, by what stands before."""
    return {line[:11].rstrip(): line[11:].strip() for line in text.splitlines()}


def test_the_bundled_model_tells_all_of_itself(tmp_path: Path, cli: Cli) -> None:
    told, card = (
        lines(cli("models", "info", "xret-mini").out),
        json.loads(cli("models", "info", "xret-mini", "--json").out),
    )
    assert told["hash"] == card["hash"] and told["licence"] == card["licence"] == "Apache-2.0"
    assert told["languages"].split() == [f"{len(card['languages'])}:", *card["languages"]]
    assert told["also seen"].split() == [f"{len(card['more_languages'])}:", *card["more_languages"]]
    assert told["size"] == f"{card['size'] / 1e6:.1f} MB" and card["experts"] == []
    assert dict(part.rsplit(": ", 1) for part in told["quality"].split("; ")) == {
        measure: str(value) for measure, value in card["quality"].items()
    }
    assert told["family"] == "xret-hybrid" and cli("models", "info", "xret-mini:int8").code == 0
    refused = cli("models", "info", f"{write_static(tmp_path / 'table')}:int8")
    assert refused.code == 1 and refused.out == "" and "no linear layers to compute in int8" in refused.err


def test_each_expert_of_a_folder(tmp_path: Path, cli: Cli) -> None:
    pytest.importorskip("uroman", reason="the `romanise` extra (uroman) is not installed")
    general, own = (
        write_static(tmp_path / "a", license="mit"),
        write_static(tmp_path / "b", dtype="float16", license="mit"),
    )
    (own / "xret.json").write_text('{"romanise": ["Cher", "beside"]}')
    (general / "languages.json").write_text('{"main": ["de", "en"], "others": ["gl"]}')
    (own / "quality.json").write_text('{"chr to en": 41.5}')
    make_experts(tmp_path / "family", general=general, experts=[(["chr", "jv"], own)])
    hashes = [json.loads(cli("models", "info", folder, "--json").out)["hash"] for folder in (general, own)]
    card = json.loads(cli("models", "info", tmp_path / "family", "--json").out)
    assert card["languages"] == ["de", "en", "gl", "chr", "jv"] and card["licence"] == "mit"
    assert [(each["name"], each["languages"]) for each in card["experts"]] == [
        ("general", ["und", "de", "en", "gl"]), ("chr-jv", ["chr", "jv"]),
    ]  # fmt: skip
    assert [each["hash"] for each in card["experts"]] == hashes and card["hash"] not in hashes
    assert card["size"] == sum(each["size"] for each in card["experts"])
    told = lines(cli("models", "info", tmp_path / "family").out)
    assert told["  chr-jv"].startswith("languages 2: chr jv; family xret-static, 0.0 MB, hash " + hashes[1][:12])
    assert told["  chr-jv"].endswith(
        "; licence mit; romanised letters of Cher, put behind the text (uroman 1.3.1) [given]; quality chr to en: 41.5"
    )
    assert "romanised" not in told["  general"] and "romanised" not in told and "quality" not in told
    config = tmp_path / "family/chr-jv/config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "license": None}))
    assert lines(cli("models", "info", tmp_path / "family").out)["licence"] == "not stated"
