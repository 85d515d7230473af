"""Adapted models: saved, they encode as the map in memory did, in every precision, and say what they are."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.encoders.adapting.conftest import Pairs, sentences, translation
from xret.cli.model_text import model_lines
from xret.encoders import load_encoder
from xret.encoders.adapting.adaptation import adapt
from xret.encoders.adapting.examples import Sources
from xret.encoders.adapting.plan import Plan
from xret.encoders.card import read_card
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.export import export_model
from xret.encoders.graphs.heads import SENTENCE, TOKENS
from xret.encoders.load import identify
from xret.encoders.runtime.sessions import build_graph
from xret.errors import InputError, ModelError, UsageError

pytestmark = pytest.mark.usefixtures("quiet")
TEXTS = [*sentences(6, 3), "", "unheard of"]
LANGS = ["de", "en", "fr", "de", "sw", "und"] + ["en"] * (len(TEXTS) - 6)


@pytest.fixture
def base(static: Callable[..., Path]) -> Path:
    return static(hidden=20, out=16)


def by_hand(base: Path, folder: Path, row_of: dict[str, int], **load: Any) -> np.ndarray:
    """The vectors of TEXTS by the tables on disk."""
    plain = load_encoder(base, device="cpu", threads=1).encode(TEXTS, **load)
    tables = load_file(folder / "map.safetensors")
    rows = np.array([row_of.get(lang, 0) for lang in LANGS])
    weight = tables["weight"][rows if len(tables["weight"]) > 1 else np.zeros_like(rows)]
    mapped = np.einsum("nd,ndt->nt", plain, weight) + tables["offset"][rows]
    return np.asarray(mapped / np.linalg.norm(mapped, axis=1, keepdims=True))


PLANS = {
    "linear": Plan(fit="linear"),
    "centre": Plan(centre=True),
    "narrow": Plan(whiten=True, dim=8),
    "each": Plan(centre=True, whiten=True, dim=9, fit="orthogonal", per_language=True),
}


@pytest.mark.parametrize("plan", PLANS)
def test_the_saved_model_encodes_as_the_tables_say(base: Path, pairs: Pairs, tmp_path: Path, plan: str) -> None:
    made = adapt(base, PLANS[plan], Sources(pairs=[pairs()]), out=tmp_path / "new", device="cpu", threads=1)
    new = load_encoder(tmp_path / "new", device="cpu", threads=1)
    vectors = new.encode(TEXTS, lang=LANGS)
    row_of = {"de": 1, "en": 2, "fr": 3} if PLANS[plan].by_language else {}
    assert vectors == pytest.approx(by_hand(base, tmp_path / "new", row_of), abs=2e-6)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert new.dim == made.dim == vectors.shape[1] and new.hash == made.hash == identify(tmp_path / "new")
    assert new.hash != identify(base)
    assert len({path.stat().st_mode for path in (tmp_path / "new").iterdir()}) == 1  # whoever reads one reads all
    plain = load_encoder(base, device="cpu", threads=1)
    for one, other in zip(new.encode_tokens(TEXTS, lang=LANGS), plain.encode_tokens(TEXTS), strict=True):
        assert np.array_equal(one, other)  # maps are of sentence vectors
    lines = model_lines(read_card(tmp_path / "new"))
    assert lines["map"].startswith(f"to {made.dim} values: {made.steps[0]}") and lines["name"] == "new"
    assert lines["vectors"].startswith("16 values (tokens")
    ready = export_model(tmp_path / "new", tmp_path / "ready")
    shutil.rmtree(tmp_path / "new")
    shutil.rmtree(base)
    there = load_encoder(ready, device="cpu", threads=1)
    assert there.hash == new.hash and np.array_equal(there.encode(TEXTS, lang=LANGS), vectors)


def test_every_precision(tiny: Callable[..., Path], pairs: Pairs, tmp_path: Path) -> None:
    plan = Plan(centre=True, fit="linear")
    adapt(folder := tiny("bert"), plan, Sources(pairs=[pairs()]), out=tmp_path / "new", device="cpu", threads=1)
    wanted = by_hand(folder, tmp_path / "new", {"de": 1, "en": 2, "fr": 3})
    for precision, close in (("", 0.9999), (":int8", 0.9), (":bf16", 0.99)):
        encoder = load_encoder(f"{tmp_path / 'new'}{precision}", device="cpu", threads=1)
        found = encoder.encode(TEXTS, lang=LANGS)
        assert np.einsum("nd,nd->n", found, wanted).mean() > close, precision
        assert len(encoder.encode_tokens(TEXTS, lang=LANGS)) == len(TEXTS)
    import onnx

    for outputs in ((SENTENCE,), (TOKENS,), (SENTENCE, TOKENS)):  # float16 has no kernels here, but must be typed right
        graph = build_graph(open_checkpoint(tmp_path / "new"), outputs, precision="fp16")
        model = onnx.load_from_string(graph.serialized())
        onnx.shape_inference.infer_shapes(model, strict_mode=True)
        assert [given.name for given in model.graph.input] == ["input_ids", "attention_mask", "lang_id"]


def xmod(tiny: Callable[..., Path], _: Path) -> tuple[Path, dict[str, int]]:
    return tiny("xmod", languages=["en_XX", "fi_FI", "de_DE", "fr_XX"], default_language="en_XX"), {
        "en": 1,
        "de": 2,
        "fr": 3,
    }


def sonar_like(_: Callable[..., Path], folder: Path) -> tuple[Path, dict[str, int]]:
    from tests.encoders.builders.test_m2m100 import sonar

    sonar(folder / "sonar")
    return folder / "sonar", {"de": 1, "en": 2}


@pytest.mark.parametrize("make", [xmod, sonar_like])
def test_models_with_languages_of_their_own(
    make: Callable[..., tuple[Path, dict[str, int]]], tiny: Callable[..., Path], pairs: Pairs, tmp_path: Path
) -> None:
    folder, row_of = make(tiny, tmp_path)
    sources = Sources(pairs=[pairs()], languages=[] if "fr" in row_of else ["de"])
    plan = Plan(centre=True, fit="linear", per_language=True)
    adapt(folder, plan, sources, out=tmp_path / "new", device="cpu", threads=1)
    new, base = (load_encoder(name, device="cpu", threads=1) for name in (tmp_path / "new", folder))
    assert new.recipe.languages == base.recipe.languages
    default = row_of["en"]  # a language that the model does not know is its default one to the map, too
    rows = {**dict.fromkeys(("sw", "und", "fr"), default), **row_of}
    assert new.encode(TEXTS, lang=LANGS) == pytest.approx(by_hand(folder, tmp_path / "new", rows, lang=LANGS), abs=1e-5)
    tables = load_file(tmp_path / "new" / "map.safetensors")
    assert tables["weight"].shape[0] == len(row_of) + 1  # and languages without text have no tables


def test_unknown_languages_are_told_and_get_what_all_together_gave(
    base: Path, pairs: Pairs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    adapt(base, Plan(centre=True), Sources(pairs=[pairs()]), out=tmp_path / "new", device="cpu", threads=1)
    new = load_encoder(tmp_path / "new", device="cpu", threads=1)
    with caplog.at_level(logging.WARNING, "xret"):
        swahili, losses = new.encode_counted(TEXTS, lang=["sw"] * len(TEXTS))
        untold = new.encode(TEXTS)
    assert np.array_equal(swahili, untold) and losses.unknown == {"sw": len(TEXTS)}
    assert "does not know the language 'sw'; such texts are encoded as 'all languages'" in caplog.text
    assert "wants a text's language" in caplog.text
    assert np.array_equal(new.encode(TEXTS, lang=["de-AT"] * len(TEXTS)), new.encode(TEXTS, lang=["de"] * len(TEXTS)))


def test_centring_helps_where_languages_lie_apart_and_is_measured(base: Path, pairs: Pairs) -> None:
    made = adapt(base, Plan(centre=True), Sources(pairs=[pairs()], held_out=20), device="cpu", threads=1)
    assert made.before and made.after.accuracy > made.before.accuracy and made.after.mixed > made.before.mixed
    assert made.after.mean_cosine < made.before.mean_cosine and made.hash is None
    assert made.fitted_to["de"] == made.fitted_to["fr"] > 100


def test_into_another_encoders_space(base: Path, pairs: Pairs, tmp_path: Path, tiny: Callable[..., Path]) -> None:
    teacher = str(tiny("bert"))  # of 24 values
    lines = [f"{translation(one, 'de')}\n" for one in sentences(300, 5)]
    (tmp_path / "more.de.txt").write_text("".join(lines))
    sources = Sources(pairs=[pairs()], texts=[tmp_path / "more.de.txt"])
    out = tmp_path / "new"
    made = adapt(base, Plan(fit="linear", ridge=1), sources, teacher=teacher, out=out, device="cpu", threads=1)
    assert made.before is None and made.dim == 24 and made.after.accuracy > 0.1
    mine = load_encoder(out, device="cpu", threads=1).encode(held := sentences(50, 9))
    theirs = load_encoder(teacher, device="cpu", threads=1).encode(held)
    assert np.einsum("nd,nd->n", mine, theirs).mean() > 0.9
    assert json.loads((out / "map.json").read_text())["teacher"]["name"] == teacher
    with pytest.raises(InputError, match=r"16 values, .* 24; take --linear"):
        adapt(base, Plan(fit="orthogonal"), sources, teacher=teacher)
    with pytest.raises(UsageError, match="a matrix leads there"):
        adapt(base, Plan(whiten=True), sources, teacher=teacher)


def test_models_that_cannot_be_adapted(base: Path, pairs: Pairs, tmp_path: Path, tiny: Callable[..., Path]) -> None:
    sources, plan = Sources(pairs=[pairs()]), Plan(remove_top=1)
    adapt(base, plan, sources, out=tmp_path / "new", device="cpu", threads=1)
    before = sorted(tmp_path.iterdir())
    for name, message in (
        (tmp_path / "new", "is adapted already"),
        (export_model(base, tmp_path / "ready"), "is a ready folder"),
        (f"{base}:int8", "serves every precision"),
        (tmp_path / "none", "no such"),
    ):
        with pytest.raises(ModelError, match=message):
            adapt(name, plan, sources, out=tmp_path / "other")
    (tmp_path / "experts").mkdir()
    shutil.copytree(base, tmp_path / "experts" / "one")
    (tmp_path / "experts" / "experts.json").write_text('{"experts": {"de": "one"}}')
    with pytest.raises(ModelError, match="holds several encoders"):
        adapt(tmp_path / "experts", plan, sources)
    with pytest.raises(InputError, match="exists already"):
        adapt(base, plan, sources, out=tmp_path / "new")
    with pytest.raises(InputError, match="lies inside the model"):
        adapt(base, plan, sources, out=base / "new")
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "experts", tmp_path / "ready"])


def test_damaged_maps(base: Path, pairs: Pairs, tmp_path: Path) -> None:
    adapt(base, Plan(centre=True), Sources(pairs=[pairs()]), out=tmp_path / "new", device="cpu", threads=1)
    path, tensors = tmp_path / "new" / "map.json", tmp_path / "new" / "map.safetensors"
    good, tables = json.loads(path.read_text()), load_file(tensors)

    def refused(message: str) -> None:
        with pytest.raises(ModelError, match=message) as raised:
            load_encoder(tmp_path / "new", device="cpu", threads=1)
        assert "\n" not in str(raised.value)

    for change, message in (
        ({"format": 2}, "install a newer xret"),
        ({"map": {**good["map"], "in_features": 99}}, "maps vectors of 99 values, the model gives 16"),
        ({"map": {**good["map"], "rows": [0]}}, "has 1 rows for 4 languages"),
        ({"map": {"in_features": 16}}, "is malformed"),
        ({"map": {**good["map"], "rows": [-1, 0, 0, 0]}}, "has a row below 0"),
        ({"languages": 7}, "is malformed"),
    ):
        path.write_text(json.dumps({**good, **change}))
        refused(message)
    path.write_text("null")
    refused("is no map")
    path.unlink()
    refused("map.json: is missing, but map.safetensors is there")
    path.write_text(json.dumps(good))
    save_file({**tables, "offset": tables["offset"][:1]}, tensors)
    refused("tensor 'offset'")
    save_file({**tables, "weight": tables["weight"][:, :3].copy()}, tensors)
    refused("'weight' is")
    save_file({**tables, "weight": tables["weight"] * np.float32("nan")}, tensors)
    refused("no numbers")
    tensors.unlink()
    refused("map.safetensors")


def test_models_of_several_folders_or_outputs(tiny: Callable[..., Path], pairs: Pairs, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer, models

    from tests.encoders.multivector.conftest import backbone, unigram
    from tests.encoders.multivector.test_bge import bge

    first = models.Transformer(str(tiny("bert")))
    dense = models.Dense(first.get_embedding_dimension(), 14)
    pool = models.Pooling(first.get_embedding_dimension(), pooling_mode="cls")
    SentenceTransformer(modules=[first, pool, dense, models.Normalize()], device="cpu").save(str(tmp_path / "parts"))
    bge(tmp_path / "more", (unigram, unigram, backbone, backbone))  # two of them for what is not asked for
    plan = Plan(centre=True, fit="orthogonal")
    shutil.copytree(tmp_path / "more" / "model", tmp_path / "bge")
    for name in ("parts", "bge"):
        adapt(tmp_path / name, plan, Sources(pairs=[pairs()]), out=tmp_path / f"{name}.new", device="cpu", threads=1)
        new, base = (load_encoder(tmp_path / which, device="cpu", threads=1) for which in (f"{name}.new", name))
        wanted = by_hand(tmp_path / name, tmp_path / f"{name}.new", {"de": 1, "en": 2, "fr": 3})
        assert new.encode(TEXTS, lang=LANGS) == pytest.approx(wanted, abs=1e-5)
    both, plain = new.encode_all(TEXTS, lang=LANGS), base.encode_all(TEXTS)
    assert both.sentences == pytest.approx(wanted, abs=1e-5)
    for one, other in zip(both.tokens, plain.tokens, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
