"""Generation against transformers' `generate`: the same tokens greedily, the same logits, the same chances."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.encoders.generators.conftest import NAMES, seq2seq
from xret.encoders.builders.t5 import buckets
from xret.encoders.builders.t5_decoder import LOGITS
from xret.encoders.generators import Generator, Sampling, load_generator
from xret.encoders.generators.sampling import draws, pick
from xret.errors import InputError, ModelError, UsageError

pytestmark = pytest.mark.usefixtures("quiet")
TEXTS = [
    "the river runs under the old house", "blue bird", "", "a stone sleeps and a bird sees the green river " * 5, "new",
]  # fmt: skip


def load(folder: Path, **options: Any) -> Generator:
    return load_generator(folder, device="cpu", threads=1, **options)


def padded(generator: Generator, texts: list[str]) -> tuple[Any, Any]:
    """Ids and mask as torch tensors, padded on the right."""
    import torch

    tokens = generator._reader(texts)
    mask = np.arange(tokens.lengths.max()) < tokens.lengths[:, None]
    ids = np.zeros(mask.shape, np.int64)
    ids[mask] = tokens.ids
    return torch.from_numpy(ids), torch.from_numpy(mask.astype(np.int64))


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("t5", {}),
        ("t5", {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "num_layers": 2}),
        ("mt5", {}),
        ("mt5", {"num_layers": 1, "num_decoder_layers": 1, "num_heads": 1, "relative_attention_num_buckets": 32,
                 "relative_attention_max_distance": 128}),
        ("umt5", {"num_decoder_layers": 3}),
        ("umt5", {"relative_attention_num_buckets": 5, "relative_attention_max_distance": 7, "eos_token_id": [1, 7]}),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("seed", [1, 2])
def test_greedy_tokens_are_those_of_transformers(
    tmp_path: Path, tiny_seq2seq: Any, family: str, settings: dict[str, Any], seed: int
) -> None:
    import torch

    oracle = tiny_seq2seq(family, seed=seed, spread=0.15, **settings)
    generator = load(tmp_path / "model")
    ids, mask = padded(generator, TEXTS)
    with torch.no_grad():
        theirs = oracle.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=50, do_sample=False, num_beams=1
        ).numpy()[:, 1:]
    for (mine,), other in zip(generator.generate_ids(TEXTS, max_tokens=50), theirs, strict=True):
        assert mine.tolist() == other[: len(mine)].tolist()
        assert not other[len(mine) :].any()


def largest_error(generator: Generator, oracle: Any, samples: int) -> float:
    """Of the logits, over random continuations forced upon both; `samples` of each text side by side."""
    import torch

    ids, mask = padded(generator, TEXTS)
    forced = np.random.default_rng(5).integers(2, 20, (len(TEXTS) * samples, 30))
    forced[:, 0] = 0
    with torch.no_grad():
        theirs = oracle.double()(
            input_ids=ids.repeat_interleave(samples, 0), attention_mask=mask.repeat_interleave(samples, 0),
            decoder_input_ids=torch.from_numpy(forced),
        ).logits.numpy()  # fmt: skip
    writing = generator._steps.begin(generator._steps.read(ids.numpy(), mask.numpy()), samples)
    steps = [writing.advance(column, np.arange(len(forced)), 3, [LOGITS])[LOGITS] for column in forced.T]
    return float(np.abs(np.stack(steps, axis=1) - theirs).max())


@pytest.mark.parametrize("family", NAMES)
def test_logits_and_so_the_chances_of_sampling(tmp_path: Path, tiny_seq2seq: Any, family: str) -> None:
    oracle = tiny_seq2seq(family, spread=0.15)
    generator = load(tmp_path / "model")
    for samples in (1, 3):
        assert largest_error(generator, oracle, samples) <= 1e-4


def test_a_head_of_its_own_counts(tmp_path: Path, tiny_seq2seq: Any) -> None:
    """As in the published T5 1.1 and mT5: the matrix that scores words is not the table of words."""
    import torch
    from safetensors.numpy import load_file, save_file
    from transformers import MT5ForConditionalGeneration

    tiny_seq2seq("mt5", spread=0.15)
    path = tmp_path / "model" / "model.safetensors"
    tensors = load_file(path)
    head = np.random.default_rng(0).normal(0, 0.3, tensors["shared.weight"].shape).astype(np.float32)
    save_file({**tensors, "lm_head.weight": head}, path, {"format": "pt"})
    oracle = MT5ForConditionalGeneration.from_pretrained(tmp_path / "model").eval()
    assert torch.equal(oracle.lm_head.weight, torch.from_numpy(head))
    assert largest_error(load(tmp_path / "model"), oracle, 2) <= 1e-4


@pytest.mark.parametrize("longest", [5, 20, 33, 128])
@pytest.mark.parametrize("count", [4, 5, 8, 32])
def test_buckets_of_what_stands_before(count: int, longest: int) -> None:
    import torch
    from transformers.models.t5.modeling_t5 import T5Attention

    if longest <= count // 2:
        return
    distances = np.arange(-300, 1)
    theirs = T5Attention._relative_position_bucket(
        torch.tensor(distances), bidirectional=False, num_buckets=count, max_distance=longest
    ).numpy()
    assert (buckets(distances, count=count, longest=longest, both=False) == theirs).all()


def test_tokens_are_drawn_as_often_as_the_softmax_says() -> None:
    logits = np.array([[2.0, 1.5, 0.0, -1.0]], np.float32)
    drawn = draws(7, "text", 0, 40_000)
    for temperature in (1.0, 0.5):
        found = np.bincount(pick(np.repeat(logits, len(drawn), 0), drawn, temperature=temperature), minlength=4)
        shares = np.exp(logits[0] / temperature) / np.exp(logits[0] / temperature).sum()
        assert np.abs(found / len(drawn) - shares).max() <= 0.01
    assert pick(logits, np.array([0.0]), temperature=1.0) == 0
    assert pick(logits, np.array([np.nextafter(1.0, 0)]), temperature=1e-4) == 0  # nothing but the first is likely


def test_first_tokens_of_samples_follow_the_models_chances(tmp_path: Path, tiny_seq2seq: Any) -> None:
    """Over many samples of one text, against transformers' logits cut to the top k."""
    import torch

    oracle = tiny_seq2seq("umt5", spread=0.1)
    generator = load(tmp_path / "model")
    ids, mask = padded(generator, TEXTS[:1])
    with torch.no_grad():
        logits = oracle(input_ids=ids, attention_mask=mask, decoder_input_ids=torch.tensor([[0]])).logits[0, 0].numpy()
    best = np.argsort(-logits)[:4]
    shares = np.exp(logits[best]) / np.exp(logits[best]).sum()
    (rows,) = generator.generate_ids(TEXTS[:1], samples=4000, sampling=Sampling(top_k=4), max_tokens=1)
    found = Counter(int(row[0]) for row in rows)
    assert set(found) <= set(best.tolist())
    assert max(abs(found[int(id)] / 4000 - share) for id, share in zip(best, shares, strict=True)) <= 0.03


def test_what_is_written_for_a_text_does_not_depend_on_the_others(tmp_path: Path, tiny_seq2seq: Any) -> None:
    tiny_seq2seq("umt5", spread=0.2)
    generator = load(tmp_path / "model")
    options: dict[str, Any] = {"samples": 3, "sampling": Sampling(top_k=6, seed=4), "max_tokens": 12}
    keys = list("vwxyz")
    together = generator.generate(TEXTS, keys=keys, **options)
    assert len({text for texts in together for text in texts}) > 8
    for text, key, found in zip(TEXTS, keys, together, strict=True):
        assert generator.generate([text], keys=[key], **options) == [found]
    assert generator.generate(TEXTS[::-1], keys=keys[::-1], **options) == together[::-1]
    other = generator.generate(TEXTS, keys=keys, samples=3, sampling=Sampling(top_k=6, seed=5), max_tokens=12)
    assert other != together
    generator._rows, generator._budget = 4, 30  # one text a batch
    assert generator.generate(TEXTS, keys=keys, **options) == together
    assert load_generator(tmp_path / "model", device="cpu", threads=2).generate(TEXTS, keys=keys, **options) == together


def test_many_samples_of_a_text_are_written_some_at_a_time(
    tmp_path: Path, tiny_seq2seq: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_seq2seq("t5")
    generator = load(tmp_path / "model")
    options: dict[str, Any] = {"samples": 7, "sampling": Sampling(seed=3), "max_tokens": 6}
    whole = generator.generate_ids(TEXTS[:3], **options)
    rows, write = list[int](), generator._write
    generator._rows = 3

    def counts(tokens: Any, some: Any, samples: int, *given: Any) -> Any:
        rows.append(len(some) * samples)
        return write(tokens, some, samples, *given)

    monkeypatch.setattr(generator, "_write", counts)
    split = generator.generate_ids(TEXTS[:3], **options)
    assert rows == [3, 3, 1] * 3
    assert [[ids.tolist() for ids in text] for text in split] == [[ids.tolist() for ids in text] for text in whole]


def test_long_texts_are_cut_and_counted(tmp_path: Path, tiny_seq2seq: Any, caplog: pytest.LogCaptureFixture) -> None:
    tiny_seq2seq("t5")
    short, usual = load(tmp_path / "model", max_length=5), load(tmp_path / "model")
    assert short.generate(["the river runs under the old house"]) == usual.generate(["the river runs under"])
    assert "1 of 1 texts are longer than 5 tokens and were cut" in caplog.text
    assert usual.generate([]) == []


def test_int8_writes_too(tmp_path: Path, tiny_seq2seq: Any) -> None:
    oracle = tiny_seq2seq("mt5", spread=0.05)
    generator = load_generator(f"{tmp_path / 'model'}:int8", device="cpu", threads=1)
    assert generator.hash != load(tmp_path / "model").hash
    scale = float(next(p for name, p in oracle.named_parameters() if name == "shared.weight").abs().max())
    assert 1e-6 < largest_error(generator, oracle, 2) <= 0.5 * max(1.0, scale)


def test_a_tokeniser_made_from_a_sentencepiece_model_writes_words(tmp_path: Path) -> None:
    """Bytes that are no piece are put together again, and words stand apart."""
    from tokenizers import Tokenizer, models

    from xret.encoders.generators.generator import _text_maker

    pieces = ["<pad>", "</s>", "<unk>", "▁the", "▁ri", "ver", "<0xC3>", "<0xA9>"]
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], 2, False))
    tokenizer.add_special_tokens(["<pad>", "</s>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert _text_maker(tmp_path / "tokenizer.json")([[3, 4, 5, 6, 7, 1, 0], [1]]) == ["the riveré", ""]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "bert"}, "model_type 'bert' is no sequence-to-sequence model"),
        ({"num_decoder_layers": 3}, r"no tensor 'decoder\.block\.2"),
        ({"num_decoder_layers": 1}, r"holds 'decoder\.block\.1\."),
        ({"num_decoder_layers": "2"}, "'num_decoder_layers' is '2'"),
        ({"relative_attention_max_distance": 4}, "distance 4 for a decoder with 8 buckets"),
        (
            {"relative_attention_max_distance": 10**9},
            "'relative_attention_max_distance' is 1,000,000,000, wanted 100,000",
        ),
        ({"decoder_start_token_id": 99}, "'decoder_start_token_id' is 99, wanted a token id below"),
        ({"eos_token_id": []}, r"'eos_token_id' is \[\]"),
        ({"d_ff": 40}, r"wi_0\.weight' is \(48, 32\)"),
        ({"vocab_size": 20}, "knows 23 tokens, config.json only 20"),
    ],
    ids=str,
)
def test_refusals(tmp_path: Path, tiny_seq2seq: Any, change: dict[str, Any], message: str) -> None:
    tiny_seq2seq("mt5")
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    (tmp_path / "model" / "generation_config.json").unlink()
    with pytest.raises(ModelError, match=message) as caught:
        load(tmp_path / "model")
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_encoders_are_refused_and_precisions_that_overflow(tmp_path: Path, tiny_seq2seq: Callable[..., Any]) -> None:
    model = tiny_seq2seq("t5")
    model.get_encoder().save_pretrained(tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "is_decoder": False}))
    with pytest.raises(ModelError, match="has no decoder, so it cannot write"):
        load(tmp_path / "model")
    for suffix in ("fp16", "bf16"):
        with pytest.raises(ModelError, match="overflow float16"):
            load_generator(f"{tmp_path / 'model'}:{suffix}")


def test_requests_that_cannot_be(tmp_path: Path, tiny_seq2seq: Callable[..., Any]) -> None:
    seq2seq(tmp_path / "model")
    generator = load(tmp_path / "model")
    for options, message in (
        ({"samples": 2}, "2 samples of the likeliest tokens are all alike"),
        ({"samples": 0}, "both must be positive"),
        ({"max_tokens": 0}, "both must be positive"),
        ({"keys": ["a"]}, "1 keys for 2 texts"),
    ):
        with pytest.raises(UsageError, match=message):
            generator.generate(["a", "b"], **options)
    with pytest.raises(InputError, match="text 1"):
        generator.generate(["a", 3])  # type: ignore[list-item]
    for bad in ({"top_k": 0}, {"temperature": 0.0}, {"temperature": float("nan")}):
        with pytest.raises(UsageError, match=next(iter(bad))):
            Sampling(**bad)
