"""X-MOD against transformers: where adapters and norms are, both forms of ``lang_id``, chosen languages, poolings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders.builders import family_of
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.runtime.session import Session
from xret.encoders.runtime.sessions import build_graph
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
LANGUAGES = ["en_XX", "de_DE", "zh_CN", "ar_AR"]
LONGEST = 20
SETTINGS = {
    "max_position_embeddings": LONGEST + 2, "pad_token_id": 1, "type_vocab_size": 1, "languages": LANGUAGES,
    "default_language": "de_DE",
}  # fmt: skip
NORMS = [  # (adapter_layer_norm, adapter_reuse_layer_norm, ln_before_adapter)
    (False, True, True), (False, True, False), (True, False, True), (True, True, False), (False, False, True),
]  # fmt: skip


@pytest.mark.parametrize("pre_norm", [False, True])
@pytest.mark.parametrize("norms", NORMS, ids=str)
def test_hidden_state(
    pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make,
    norms: tuple[bool, bool, bool], pre_norm: bool,
) -> None:  # fmt: skip
    names = ("adapter_layer_norm", "adapter_reuse_layer_norm", "ln_before_adapter")
    folder, model = pretrained("xmod", **SETTINGS, **dict(zip(names, norms, strict=True)), pre_norm=pre_norm)
    graphs = {per_row: graph_of(folder, lang_per_row=per_row) for per_row in (False, True)}
    for number, (ids, mask) in enumerate(batches(LONGEST, pad=1)):
        rows = np.arange(number, number + len(ids)) % len(LANGUAGES)
        mixed = reference(model, ids, mask, lang_ids=rows)
        assert error(graphs[True], mixed, ids, mask, lang_id=rows) <= 1e-5
        one = rows[:1]
        same = reference(model, ids, mask, lang_ids=np.repeat(one, len(ids)))
        assert error(graphs[False], same, ids, mask, lang_id=one) <= 1e-5
        assert len(ids) == 1 or np.abs(same - mixed).max() > 0.1  # languages do differ


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("chosen", [["ar_AR"], ["zh_CN", "en_XX"], ["ar_AR", "zh_CN", "de_DE", "en_XX"]], ids=str)
def test_chosen_languages_in_any_order(
    pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make, chosen: list[str], per_row: bool
) -> None:
    folder, model = pretrained("xmod", task="AutoModelForMaskedLM", **SETTINGS, adapter_reduction_factor=3)
    graph = graph_of(folder, languages=chosen, lang_per_row=per_row)
    ids, mask = batches(LONGEST, pad=1)[3]
    for place, code in enumerate(chosen):
        wanted = reference(model.roberta, ids, mask, lang_ids=np.full(len(ids), LANGUAGES.index(code)))
        place_of = np.full(len(ids) if per_row else 1, place)
        assert error(graph, wanted, ids, mask, lang_id=place_of) <= 1e-5
    adapters = {name.partition(".adapter_modules.")[2]: array for name, array in graph._weights.items()}
    assert adapters["dense1.weight"].shape == (len(chosen), 24, 8)  # the others' are left out


@pytest.mark.parametrize("act", ["relu", "gelu_new"])
def test_activations(pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make, act: str) -> None:
    folder, model = pretrained("xmod", **SETTINGS, hidden_act=act)
    ids, mask = batches(LONGEST, pad=1)[4]
    ids[0, 0] = ids[3, 1] = 1  # padding tokens spelled out
    rows = np.arange(len(ids)) % 4
    graph = graph_of(folder, lang_per_row=True)
    assert error(graph, reference(model, ids, mask, lang_ids=rows), ids, mask, lang_id=rows) <= 1e-5


@pytest.mark.parametrize("pooling", ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_every_pooling(tiny: Make, tmp_path: Path, pooling: str) -> None:
    from sentence_transformers import SentenceTransformer, models

    first = models.Transformer(str(tiny("xmod", languages=LANGUAGES, default_language="zh_CN")))
    pool = models.Pooling(first.get_embedding_dimension(), pooling_mode=pooling)
    model = SentenceTransformer(modules=[first, pool], device="cpu")
    model.save(str(tmp_path / "m"))
    texts = ["the old bird sees a river", "stone", "a blue house or the new river runs under the old stone"]
    wanted = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    session = Session(build_graph(open_checkpoint(tmp_path / "m")).serialized(), device="cpu", threads=1)
    tokens = model.tokenizer(texts, padding=True, return_tensors="np")
    feed = {name: tokens[name] for name in ("input_ids", "attention_mask")} | {"lang_id": np.array([2])}
    assert np.abs(session.run(feed, "sentence_embedding") - wanted).max() <= 1e-5


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("pre_norm", [False, True])
def test_float16_graph_has_fitting_types(
    pretrained: Make, graph_of: Make, typed: Make, per_row: bool, pre_norm: bool
) -> None:
    folder, _ = pretrained("xmod", **SETTINGS, pre_norm=pre_norm, ln_before_adapter=False)
    typed(graph_of(folder, "fp16", lang_per_row=per_row))


def test_what_the_config_says_about_languages() -> None:
    shape = {"hidden_size": 24, "intermediate_size": 40, "num_attention_heads": 3}
    config = {"model_type": "xmod", **shape, **SETTINGS}
    family = family_of(config)
    assert family.languages(config) == tuple(LANGUAGES)
    assert family.default_language(config) == "de_DE"
    assert family.default_language({**config, "languages": ["en_XX"]}) == ""
    assert family.default_language({**config, "default_language": None}) == ""
    assert family_of({**config, "model_type": "bert"}).languages(config) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"languages": ["en_XX", "fr_XX"]}, "no adapter for language 'fr_XX'; it has ar_AR, de_DE, en_XX, zh_CN"),
        ({"languages": ["en"]}, "no adapter for language 'en'"),
        ({"languages": ["en_XX", "en_XX"]}, "names a language twice"),
        ({"languages": []}, r"'languages' is \[\]"),
        ({"languages": "en_XX"}, "wanted a list"),
        ({"languages": [["en_XX"]]}, "wanted a list"),
        ({"adapter_reduction_factor": 3}, r"en_XX.dense1.weight' is \(12, 24\), config.json wants \(8, 24\)"),
        ({"adapter_reduction_factor": 0}, "'adapter_reduction_factor' is 0"),
        ({"adapter_layer_norm": True}, "no tensor 'encoder.layer.0.output.adapter_layer_norm"),
        ({"pre_norm": True}, r"no tensor 'encoder.LayerNorm"),
        ({"num_hidden_layers": 2}, "layer.2.*does not have"),
        ({"num_hidden_layers": 4}, "it has none"),
        ({"hidden_act": "mish"}, "'mish' is not known"),
        ({"position_embedding_type": "relative_key"}, "only 'absolute'"),
    ],
)
def test_config_and_weights_that_do_not_fit(
    pretrained: Make, graph_of: Make, changes: dict[str, Any], message: str
) -> None:
    folder, _ = pretrained("xmod", **SETTINGS)
    with pytest.raises(ModelError, match=message):
        graph_of(folder, **changes)
