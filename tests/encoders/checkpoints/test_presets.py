"""Presets are found by what is in a folder; what a user states comes first, then the checkpoint, then the preset."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.model_readme import front_matter, model_index
from xret.encoders.checkpoints.presets import find_preset
from xret.encoders.checkpoints.stated import Stated
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
CARD = """---
language:
- de
- en
tags: [mteb, 'sentence-transformers']
license: mit
model-index:
- name: {name}
  results:
  - task:
      type: Retrieval
    dataset:
      name: e5-base
    metrics:
    - name: e5-small
      type: map
pipeline_tag: sentence-similarity
---
# A model
- name: e5-large
"""


@pytest.fixture
def folder(tiny: Callable[..., Path], tmp_path: Path) -> Path:
    return shutil.copytree(tiny("bert"), tmp_path / "multilingual-e5-base")


def card(folder: Path, name: str, more: str = "") -> None:
    (folder / "README.md").write_text(CARD.format(name=name).replace("license: mit", f"license: mit\n{more}"))


@pytest.mark.parametrize("name", ["multilingual-e5-small", "'multilingual-e5-large'", '"e5-base-v2"'])
def test_e5_by_its_card(folder: Path, name: str) -> None:
    assert open_checkpoint(folder).recipe.prompts == ()  # the folder's own name says nothing
    card(folder, name)
    checkpoint = open_checkpoint(folder)
    assert checkpoint.recipe.prompts == (("query", "query: "), ("document", "passage: "))
    assert checkpoint.sources["prompts"] == "preset: E5"
    assert checkpoint.recipe.prompt(None) == "query: "


@pytest.mark.parametrize("name", ["multilingual-e5-small-ru-law", "my-e5-base", "e5-mistral-7b-instruct", "other"])
def test_models_made_from_e5_are_not_e5(folder: Path, name: str) -> None:
    card(folder, name)
    assert open_checkpoint(folder).recipe.prompts == ()


def test_e5_by_its_config(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text()) | {"_name_or_path": "intfloat/multilingual-e5-base"}
    (folder / "config.json").write_text(json.dumps(config))
    assert open_checkpoint(folder).sources["prompts"] == "preset: E5"
    card(folder, "tuned", "base_model: intfloat/multilingual-e5-base")
    assert open_checkpoint(folder).sources["prompts"] == "none known"


def test_who_comes_first(folder: Path) -> None:
    card(folder, "multilingual-e5-base")
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {"query": "q: ", "document": ""}}')
    assert open_checkpoint(folder).recipe.prompts == (("query", "q: "),)
    (folder / "xret.json").write_text('{"prompts": {"document": "d: "}, "pooling": "cls", "max_length": 9}')
    checkpoint = open_checkpoint(folder)
    assert checkpoint.recipe.prompts == (("query", "q: "), ("document", "d: "))
    assert (checkpoint.recipe.pooling, checkpoint.recipe.max_length) == (("cls",), 9)
    assert {checkpoint.sources[part] for part in ("pooling", "prompts", "max_length")} == {"given"}
    stated = Stated(prompts=(("query", ""),), pooling=("cls", "mean"), truncate_dim=5)
    recipe = open_checkpoint(folder, stated).recipe
    assert recipe.prompts == (("document", "d: "),)
    assert (recipe.pooling, recipe.full_dim, recipe.dim) == (("cls", "mean"), 48, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "wanted a JSON object"),
        ("{", "broken JSON"),
        ('{"pooling": "median"}', "pooling 'median' is not known"),
        ('{"pooling": 3}', "it.pooling is 3, wanted a list"),
        ('{"max_length": "9"}', "max_length is '9', wanted int"),
        ('{"max_length": 0}', "max_length is 0, wanted 1 or more"),
        ('{"prompts": {"passage": "x"}}', "prompts: wanted an object with the roles query and document"),
        ('{"prompts": {"query": 3}}', "prompts.*is 3, wanted str"),
        ('{"similarity": "hamming"}', "similarity 'hamming' is not known"),
        ('{"dimension": 3}', "unknown field 'dimension'.*it may hold pooling, prompts"),
        ('{"languages": ["de"]}', "model_type 'bert' has no languages to choose from"),
    ],
)
def test_what_cannot_be_stated(folder: Path, content: str, message: str) -> None:
    (folder / "xret.json").write_text(content)
    with pytest.raises(ModelError, match=message) as error:
        open_checkpoint(folder)
    assert str(folder) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("file", "fields", "message"),
    [
        ("sentence_bert_config.json", {"transformer_task": "text-generation"}, "transformer_task 'text-generation'"),
        ("sentence_bert_config.json", {"modality_config": {"image": {}}}, "does not read text"),
        (
            "sentence_bert_config.json",
            {"modality_config": {"text": {"method": "forward", "method_output_name": "pooler_output"}}},
            "takes 'pooler_output' of 'forward'",
        ),
        (
            "sentence_bert_config.json",
            {"processing_kwargs": {"text": {"add_special_tokens": False}}},
            "add_special_tokens=false is not supported",
        ),
        ("config_sentence_transformers.json", {"truncate_dim": "many"}, "truncate_dim is 'many'"),
        ("config_sentence_transformers.json", {"default_prompt_name": "x"}, "default prompt 'x' is not among"),
    ],
)
def test_settings_that_are_not_supported(folder: Path, file: str, fields: dict[str, Any], message: str) -> None:
    (folder / file).write_text(json.dumps(fields))
    with pytest.raises(ModelError, match=message):
        open_checkpoint(folder)


def test_lengths_of_six_point_x(folder: Path) -> None:
    path = folder / "sentence_bert_config.json"
    path.write_text(json.dumps({"processor_kwargs": {"model_max_length": 11}}))
    assert open_checkpoint(folder).recipe.max_length == 11
    path.write_text(json.dumps({"max_seq_length": None, "processing_kwargs": {"text": {"max_length": 7}}}))
    assert open_checkpoint(folder).recipe.max_length == 7


def test_contriever_and_mexma(folder: Path) -> None:
    assert find_preset(folder, {"architectures": ["Contriever"]}).name == "Contriever"  # type: ignore[union-attr]
    (folder / "README.md").write_text("cites janeiro2024mexma")
    assert find_preset(folder, {"model_type": "xlm-roberta"}).name == "MEXMA"  # type: ignore[union-attr]
    assert find_preset(folder, {"model_type": "siglip"}) is None
    config = json.loads((folder / "config.json").read_text()) | {"model_type": "xlm-roberta"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").unlink()
    with pytest.raises(
        ModelError, match=r"tokenizer\.json: is missing.*copy that of FacebookAI/xlm-roberta-large here"
    ):
        _ = open_checkpoint(folder).tokenizer


def test_the_head_of_a_card() -> None:
    text = CARD.format(name="x")
    fields = front_matter(text)
    assert (fields["language"], fields["tags"], fields["license"]) == (
        ["de", "en"], ["mteb", "sentence-transformers"], ["mit"],
    )  # fmt: skip
    assert model_index(text) == ["x"]
    assert model_index("# no head\nmodel-index:\n- name: x") == [] and front_matter("") == {}
    assert front_matter("---\r\ntags:\r\n- arxiv:2409.12737\r\n---\r\n") == {"tags": ["arxiv:2409.12737"]}
