"""One tiny checkpoint in the layout of each published model, its vectors against sentence-transformers or transformers.

The architectures and files are the true ones, sizes and weights are not.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.recipe import Role

pytestmark = pytest.mark.usefixtures("quiet")
Tiny = Callable[..., Path]
TEXTS = ["the old bird sees a river", "", "stone", "a blue house or the new river and unseen words", "under " * 60]
E5 = {"query": "query: ", "document": "passage: "}
TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "
OLD = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "max": "pooling_mode_max_tokens"}


def write(path: Path, **fields: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(fields))


def torch_only(folder: Path) -> None:
    """Weights as pytorch_model.bin alone, as old checkpoints have them."""
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def dense(folder: Path, out: int, *, torch_form: bool) -> None:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(out)
    tensors = {"linear.weight": torch.randn(out, 24), "linear.bias": torch.randn(out)}
    folder.mkdir()
    if torch_form:
        torch.save(tensors, folder / "pytorch_model.bin")
    else:
        save_file(tensors, folder / "model.safetensors")
    write(
        folder / "config.json", in_features=24, out_features=out, bias=True,
        activation_function="torch.nn.modules.activation.Tanh",
    )  # fmt: skip


def modules(
    folder: Path, pooling: str, *heads: str, length: int, settings: str = "bert", torch_form: bool = False
) -> None:
    """The files that sentence-transformers before 6 wrote."""
    kinds = ["Transformer", "Pooling", *(head.split()[0] for head in heads)]
    entries = [
        {
            "idx": at,
            "name": str(at),
            "path": f"{at}_{kind}" if at else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for at, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(entries))
    write(
        folder / "1_Pooling/config.json", word_embedding_dimension=24, **{old: m == pooling for m, old in OLD.items()}
    )
    write(folder / f"sentence_{settings}_config.json", max_seq_length=length, do_lower_case=False)
    for at, head in enumerate(heads, 2):
        if head.startswith("Dense"):
            dense(folder / f"{at}_Dense", int(head.split()[1]), torch_form=torch_form)


def copied(source: Path, folder: Path, *, card: str = "", tokeniser: Path | None = None) -> Path:
    shutil.copytree(source, folder)
    if tokeniser is not None:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(tokeniser / name, folder / name)
    if card:
        (folder / "README.md").write_text(
            f"---\ntags:\n- mteb\nmodel-index:\n- name: {card}\n  results:\n  - task:\n---\n"
        )
    return folder


def labse(tiny: Tiny, folder: Path) -> None:
    modules(copied(tiny("bert"), folder), "cls", "Dense 24", "Normalize", length=20)


def e5_small(tiny: Tiny, folder: Path) -> None:
    copied(tiny("bert"), folder, card="multilingual-e5-small", tokeniser=tiny("xlm-roberta"))
    modules(folder, "mean", "Normalize", length=31)


def e5_base(tiny: Tiny, folder: Path) -> None:
    modules(copied(tiny("xlm-roberta"), folder, card="multilingual-e5-base"), "mean", "Normalize", length=512)


def e5_instruct(tiny: Tiny, folder: Path) -> None:
    modules(copied(tiny("xlm-roberta"), folder, card="multilingual-e5-large-instruct"), "mean", "Normalize", length=512)


def minilm(tiny: Tiny, folder: Path) -> None:
    modules(copied(tiny("bert"), folder, tokeniser=tiny("xlm-roberta")), "mean", length=12)


def mpnet(tiny: Tiny, folder: Path) -> None:
    modules(copied(tiny("xlm-roberta"), folder), "mean", length=12)


def distiluse(tiny: Tiny, folder: Path) -> None:
    shape = {"dim": 24, "hidden_dim": 40, "n_layers": 2, "n_heads": 3, "max_position_embeddings": 32}
    copied(tiny("distilbert", **shape), folder, tokeniser=tiny("bert"))
    modules(folder, "mean", "Dense 7", length=12, settings="distilbert", torch_form=True)


def arctic(tiny: Tiny, folder: Path) -> None:
    modules(copied(tiny("xlm-roberta"), folder), "cls", "Normalize", length=8192)
    write(folder / "config_sentence_transformers.json", prompts={"query": "query: "}, default_prompt_name=None)


def indic(tiny: Tiny, folder: Path) -> None:
    modules(copied(tiny("bert"), folder), "mean", length=512)
    torch_only(folder)


@pytest.mark.parametrize(
    ("make", "prompts", "length", "dim"),
    [
        (labse, {}, 20, 24),
        (e5_small, E5, 31, 24),
        (e5_base, E5, 32, 24),
        (e5_instruct, {"query": TASK}, 32, 24),
        (minilm, {}, 12, 24),
        (mpnet, {}, 12, 24),
        (distiluse, {}, 12, 7),
        (arctic, {"query": "query: "}, 32, 24),
        (indic, {}, 32, 24),
    ],
)
def test_sentence_transformers_layouts(
    tiny: Tiny, tmp_path: Path, make: Callable[[Tiny, Path], None], prompts: dict[str, str], length: int, dim: int
) -> None:
    from sentence_transformers import SentenceTransformer

    make(tiny, folder := tmp_path / "m")
    encoder = load_encoder(folder, device="cpu", threads=1)
    assert (dict(encoder.recipe.prompts), encoder.max_length, encoder.dim) == (prompts, length, dim)
    model = SentenceTransformer(str(folder), device="cpu")
    model.max_seq_length = length  # it takes what XLM-R's table has rows for: two too many
    roles: tuple[Role | None, ...] = ("query", "document", None)
    for role in roles:
        prompt = prompts.get(role or "", "query: " if role is None and prompts == E5 else "")
        theirs: Any = model.encode(TEXTS, prompt=prompt, normalize_embeddings=True, show_progress_bar=False)
        assert np.abs(encoder.encode(TEXTS, role=role) - theirs).max() <= 1e-5


def mexma(tiny: Tiny, folder: Path) -> None:
    copied(tiny("xlm-roberta"), folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Citation\n@misc{janeiro2024mexma,\n}\n")


def mdpr(tiny: Tiny, folder: Path) -> None:
    torch_only(copied(tiny("bert"), folder))
    write(folder / "xret.json", pooling="cls", similarity="dot")


def contriever(tiny: Tiny, folder: Path) -> None:
    copied(tiny("bert"), folder)
    write(
        folder / "config.json", **json.loads((folder / "config.json").read_text()) | {"architectures": ["Contriever"]}
    )
    torch_only(folder)


@pytest.mark.parametrize(
    ("make", "pooling", "source", "similarity"),
    [
        (mexma, "cls", "preset: MEXMA", "cosine"),
        (mdpr, "cls", "given", "dot"),
        (contriever, "mean", "preset: Contriever", "dot"),
    ],
)
def test_bare_layouts(
    tiny: Tiny, tmp_path: Path, make: Callable[[Tiny, Path], None], pooling: str, source: str, similarity: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    import torch
    from transformers import AutoModel, AutoTokenizer

    make(tiny, folder := tmp_path / "m")
    checkpoint = open_checkpoint(folder)
    assert (checkpoint.recipe.pooling, checkpoint.sources["pooling"]) == ((pooling,), source)
    assert checkpoint.recipe.similarity == similarity
    with caplog.at_level(logging.WARNING, "xret"):
        vectors = load_encoder(folder, device="cpu", threads=1).encode(TEXTS[:4])
    assert ("was trained for 'dot' similarity" in caplog.text) == (similarity == "dot")
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    for text, mine in zip(TEXTS, vectors, strict=False):
        with torch.no_grad():
            ids = torch.tensor([tokenizer(text)["input_ids"]])
            hidden = model(input_ids=ids).last_hidden_state[0]
        vector = hidden[0] if pooling == "cls" else hidden.mean(0)
        assert np.abs((vector / vector.norm()).numpy() - mine).max() <= 1e-5


@pytest.mark.parametrize(
    "modes", ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", ("cls", "mean")]
)
def test_six_point_x_with_prompts_left_out_and_fewer_values(tiny: Tiny, tmp_path: Path, modes: Any) -> None:
    """What 6.x writes itself: modality_config, one pooling_mode, include_prompt, truncate_dim."""
    from sentence_transformers import SentenceTransformer, models

    declared = json.loads((copied(tiny("xlm-roberta"), tmp_path / "base") / "tokenizer_config.json").read_text())
    write(tmp_path / "base/tokenizer_config.json", **declared | {"bos_token": "<s>", "eos_token": "</s>"})
    first = models.Transformer(str(tmp_path / "base"), max_seq_length=30)
    pool = models.Pooling(24, pooling_mode=modes, include_prompt=False)
    prompts = {"query": "the blue bird finds ", "document": "old "}
    made = SentenceTransformer(
        modules=[first, pool, models.Dense(pool.get_embedding_dimension(), 9), models.Normalize()],
        prompts=prompts, default_prompt_name="document", device="cpu",
    )  # fmt: skip
    made.save(str(folder := tmp_path / "m"))
    settings = folder / "config_sentence_transformers.json"
    write(settings, **json.loads(settings.read_text()) | {"truncate_dim": 6, "similarity_fn_name": "dot"})
    assert "modality_config" in json.loads((folder / "sentence_bert_config.json").read_text())
    model = SentenceTransformer(str(folder), device="cpu")
    encoder = load_encoder(folder, device="cpu", threads=1)
    assert (encoder.dim, encoder.recipe.full_dim, encoder.recipe.include_prompt) == (6, 9, False)
    roles: tuple[Role | None, ...] = ("query", "document", None)
    for role in roles:
        prompt = prompts[role or "document"]
        theirs: Any = model.encode(TEXTS, prompt=prompt, normalize_embeddings=True, show_progress_bar=False)
        assert np.abs(encoder.encode(TEXTS, role=role) - theirs).max() <= 1e-5
    assert encoder.encode_tokens(TEXTS[:1], role="query")[0].shape[1] == 24
