"""Cross-encoders against sentence-transformers' CrossEncoder on random checkpoints: heads, layouts, cuts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.encoders.crossencoders.conftest import WORDS, Folder
from xret.encoders import load_encoder, load_reranker
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.stated import Stated
from xret.errors import DeviceError, InputError, ModelError, UsageError

pytestmark = pytest.mark.usefixtures("quiet")
QUERIES = ["the old bird", "", "river stone", " ".join(WORDS * 3), "zzz", "blue", "a house", " ".join(WORDS)]
DOCUMENTS = ["a bird sleeps", "stone", "", " ".join(WORDS), " ".join(WORDS * 4), "blue", "qqq the house", "over"]


def oracle(folder: Path, queries: list[str], documents: list[str]) -> Any:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu")
    pairs = list(zip(queries, documents, strict=True))
    return np.array([float(model.predict([pair], show_progress_bar=False)[0]) for pair in pairs])


def agrees(folder: Path) -> float:
    reranker = load_reranker(folder, device="cpu", threads=1)
    mine = reranker.score(QUERIES, DOCUMENTS)
    assert mine.dtype == np.float32 and mine.shape == (len(QUERIES),)
    worst = float(np.abs(mine - oracle(folder, QUERIES, DOCUMENTS)).max())
    assert worst <= 1e-5, worst
    assert np.ptp(mine) > 1e-2  # the scores are not all one
    return worst


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "roberta", "camembert", "distilbert", "mpnet"])
def test_every_family(classifier: Folder, kind: str) -> None:
    agrees(classifier(kind))


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("bias", [True, False])
def test_modernbert(classifier: Folder, pooling: str, bias: bool) -> None:
    agrees(classifier("modernbert", settings={"classifier_pooling": pooling, "classifier_bias": bias}))


def test_a_bert_whose_tokeniser_does_not_tell_texts_apart(classifier: Folder) -> None:
    agrees(classifier("bert", model_input_names=["input_ids", "attention_mask"]))


def test_a_tokeniser_made_from_a_word_list(classifier: Folder) -> None:
    folder = classifier("bert")
    settings = {"tokenizer_class": "BertTokenizer", "model_max_length": 32, "do_lower_case": False}
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]))
    agrees(folder)


@pytest.mark.parametrize("name", ["torch.nn.modules.linear.Identity", "torch.nn.modules.activation.Tanh"])
@pytest.mark.parametrize("place", ["sentence_transformers", "sbert_ce_default_activation_function", "new"])
def test_where_the_activation_is_kept(classifier: Folder, tmp_path: Path, name: str, place: str) -> None:
    from sentence_transformers import CrossEncoder
    from torch import nn

    folder = classifier("xlm-roberta")
    if place == "new":
        activation = nn.Tanh() if name.endswith("Tanh") else nn.Identity()
        CrossEncoder(str(folder), device="cpu", activation_fn=activation).save_pretrained(str(tmp_path / "new"))
        agrees(tmp_path / "new")
        return
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config[place] = {"activation_fn": name, "version": "4.0"} if place == "sentence_transformers" else name
    path.write_text(json.dumps(config))
    agrees(folder)


def test_xmod_reads_a_pair_in_the_documents_language(classifier: Folder, caplog: pytest.LogCaptureFixture) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    codes = ["en_XX", "de_DE"]
    folder = classifier("xmod", settings={"languages": codes, "default_language": "en_XX"})
    tokenizer, model = (kind.from_pretrained(folder) for kind in (AutoTokenizer, AutoModelForSequenceClassification))
    lang = [at % 2 for at in range(len(QUERIES))]
    wanted = []
    for query, document, code in zip(QUERIES, DOCUMENTS, lang, strict=True):
        coded = tokenizer([query], [document], truncation="longest_first", max_length=32, return_tensors="pt")
        with torch.no_grad():
            logits = model.eval()(**coded, lang_ids=torch.tensor([code])).logits
        wanted.append(float(torch.sigmoid(logits)))
    reranker = load_reranker(folder, device="cpu", threads=1)
    assert (
        np.abs(reranker.score(QUERIES, DOCUMENTS, lang=["en" if at == 0 else "de" for at in lang]) - wanted).max()
        <= 1e-5
    )
    caplog.clear()
    english, other = (reranker.score(["a"] * 2, ["stone"] * 2, lang=[code] * 2) for code in ("en", "sw"))
    assert np.array_equal(english, other)
    reranker.score(["a"], ["stone"], lang=["sw"])
    told = f"{folder}: does not know the language of some pairs (2 in 'sw'); read as 'en_XX'"
    assert [record.message for record in caplog.records] == [told]  # once
    with pytest.raises(UsageError, match="1 languages for 2 pairs"):
        reranker.score(["a", "b"], ["a", "b"], lang=["de"])


def test_exported_and_reranking_a_run(classifier: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xret.cli import main
    from xret.encoders.checkpoints.export import export_model
    from xret.runs import read_run

    folder = classifier("bert")
    export_model(folder, tmp_path / "ready")
    scores = load_reranker(folder, device="cpu", threads=1).score(QUERIES, DOCUMENTS)
    ready = load_reranker(tmp_path / "ready", device="cpu", threads=1).score(QUERIES, DOCUMENTS)
    assert np.array_equal(ready, scores)
    monkeypatch.chdir(tmp_path)
    for name, texts in (("queries", QUERIES), ("docs", DOCUMENTS)):
        lines = (json.dumps({"id": f"{name[0]}{at}", "text": text or "."}) for at, text in enumerate(texts))
        Path(f"{name}.jsonl").write_text("\n".join(lines))
    Path("run.trec").write_text("".join(f"q{at} Q0 d{at} 1 1 x\n" for at in range(len(QUERIES))))
    paths = ["run.trec", "--queries", "queries.jsonl", "--corpus", "docs.jsonl", "-o", "out.parquet"]
    with pytest.raises(SystemExit, match="0"):
        main(["rerank", *paths, "--model", str(folder), "--device", "cpu"])
    run = read_run("out.parquet")
    assert set(run["tag"].to_pylist()) == {"bert"}
    found = {row["qid"]: row["score"] for row in run.to_pylist()}
    assert all(abs(found[f"q{at}"] - scores[at]) <= 1e-5 for at in range(len(QUERIES)) if QUERIES[at] and DOCUMENTS[at])


def test_pairs_are_cut_as_the_oracle_cuts_them(classifier: Folder, caplog: pytest.LogCaptureFixture) -> None:
    folder = classifier("bert", model_max_length=16)
    random = np.random.default_rng(4)
    lengths = random.integers(0, 40, (60, 2))
    texts = [[" ".join(random.choice(WORDS, n)) for n in pair] for pair in lengths]
    queries, documents = ([pair[part] for pair in texts] for part in (0, 1))
    reranker = load_reranker(folder, device="cpu", threads=1)
    scores = reranker.score(queries, documents)
    assert np.abs(scores - oracle(folder, queries, documents)).max() <= 1e-5
    assert f"{int((lengths.sum(axis=1) > 13).sum())} of 60 pairs are longer than 16 tokens" in caplog.text
    alone = [float(reranker.score([q], [d])[0]) for q, d in zip(queries, documents, strict=True)]
    assert np.abs(scores - np.array(alone)).max() <= 1e-6
    assert reranker.score([], []).shape == (0,)


def test_int8_stays_on_the_cpu_where_there_is_a_gpu(classifier: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = classifier("bert")
    wanted = load_reranker(f"{folder}:int8", device="cpu", threads=1).score(QUERIES, DOCUMENTS)
    # All CUDA needs would be found: whoever asked for it would go on to the GPU.
    monkeypatch.setattr("xret.devices._missing", lambda runtime, device: None)
    assert np.array_equal(load_reranker(f"{folder}:int8", threads=1).score(QUERIES, DOCUMENTS), wanted)
    for precision in ("int8", "bf16"):
        with pytest.raises(DeviceError, match=f"{precision} is for CPUs; on cuda take .*bert:fp16"):
            load_reranker(f"{folder}:{precision}", device="cuda")


def test_what_is_refused(classifier: Folder, tiny: Folder, tmp_path: Path) -> None:
    folder = classifier("bert")
    reranker = load_reranker(folder, device="cpu", threads=1)
    with pytest.raises(UsageError, match="2 queries for 1 documents"):
        reranker.score(["a", "b"], ["a"])
    with pytest.raises(UsageError, match="wrap it in a list"):
        reranker.score("a", ["a"])
    with pytest.raises(InputError, match="document 0: is int"):
        reranker.score(["a"], [3])  # type: ignore[list-item]
    with pytest.raises(InputError, match="lone surrogate"):
        reranker.score(["a"], ["\ud800"])
    with pytest.raises(ModelError, match=r"is a cross-encoder, .*--model"):
        load_encoder(folder, device="cpu")
    with pytest.raises(DeviceError, match="fp16 is for GPUs; on the CPU take :bf16, :int8 or no suffix"):
        load_reranker(f"{folder}:fp16", device="cpu")
    with pytest.raises(ModelError, match=r"is no cross-encoder .*--model maxsim --encoder"):
        load_reranker(tiny("bert"), device="cpu")
    with pytest.raises(ModelError, match="truncate_dim is given, but the model is a cross-encoder"):
        open_checkpoint(folder, Stated(truncate_dim=4))
    path = folder / "config.json"
    config = json.loads(path.read_text())

    def refused(message: str, **changes: Any) -> None:
        path.write_text(json.dumps({**config, **changes}))
        with pytest.raises(ModelError, match=message):
            load_reranker(folder, device="cpu")

    refused("activation 'evil.Run' of the score is not known", sbert_ce_default_activation_function="evil.Run")
    refused("is no cross-encoder", id2label={"0": "no", "1": "yes"})
    (folder / "config_sentence_transformers.json").write_text('{"model_type": "CrossEncoder"}')
    refused("gives 2 values a pair, wanted one score", id2label={"0": "no", "1": "yes"})
    from safetensors.numpy import load_file, save_file

    path.write_text(json.dumps(config))
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, "classifier.weight": np.zeros((1, 23), np.float32)}, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"'classifier.weight' is \(1, 23\), wanted \(1, 24\)"):
        load_reranker(folder, device="cpu")
    del tensors["bert.pooler.dense.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"has no 'bert.pooler.dense.weight'"):
        load_reranker(folder, device="cpu")


def test_both_texts_of_a_pair_are_romanised(classifier: Folder) -> None:
    pytest.importorskip("uroman", reason="the `romanise` extra (uroman) is not installed")
    folder = classifier("bert")
    wanted = load_reranker(folder, device="cpu", threads=1).score(["old bird", "stone"], ["river", "the house"])
    (folder / "xret.json").write_text('{"romanise": ["Geor", "am"]}')
    reranker = load_reranker(folder, device="cpu", threads=1)
    found = reranker.score(["ოლდ bird", "stone"], ["რივერ", "თჰე house"], lang=["ka", "en"])
    assert np.array_equal(found, wanted) and wanted[0] != wanted[1]
