"""Tokenisers made from vocab.txt and SentencePiece models give transformers' and SentencePiece's own ids."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xret.encoders import load_encoder
from xret.encoders.reading.sentencepiece_model import read_sentencepiece
from xret.encoders.reading.tokenizer_files import tokenizer_json, tokenizer_sources
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
TEXTS = [
    "Hello, world!", "Größe ﬁne ① ½ Ａ１ Ω", "日本語の文です。漢字かな", "  many   spaces\t\ttabs\n\nlines ",
    "Привет, как дела?", "नमस्ते दुनिया", "مَرْحَبًا", "e\u0301t\u00e9 cafe\u0301 İstanbul", "", " ",
    "👩‍👩‍👧 \u200d \u200b zero",
    "ﷺ x\u00a0y\u2028z\x07", "ไม่มีช่องว่าง", "한국어 텍스트", "tiếng Việt", "don't-stop_it #1",
]  # fmt: skip
SPELLED = ["[MASK] in [SEP] a text", "a <mask> </s><s> b", "<extra_id_0> and <pad>", "x<mask>y"]
UNSEEN = ["ꙮ unseen ௵", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "a" * 130]  # of which SentencePiece chooses among equally good splits otherwise


def ids(path: Path, texts: list[str]) -> list[list[int]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    return [tokenizer.encode(text).ids for text in texts]


def theirs(folder: Path, texts: list[str]) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)(texts)["input_ids"]


def spm(path: Path, **options: Any) -> None:
    """Train a small unigram model with NFKC, as XLM-R's and T5's."""
    import sentencepiece

    sink = io.BytesIO()
    words = " ".join(TEXTS).split()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*TEXTS * 5, *(word + " " + word[::-1] for word in words * 3)]), model_writer=sink,
        vocab_size=230, hard_vocab_limit=False, minloglevel=2, character_coverage=1.0, num_threads=1, **options,
    )  # fmt: skip
    path.write_bytes(sink.getvalue())


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xlmr")
    spm(folder / "sentencepiece.bpe.model", unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "XLMRobertaTokenizer"}')
    (folder / "config.json").write_text('{"model_type": "xlm-roberta"}')
    return folder


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("t5")
    spm(folder / "spiece.model", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, user_defined_symbols=["<own>"])
    return folder


def test_xlmr_has_its_ids_and_sentencepiece_s_moved_by_one(xlmr: Path) -> None:
    import sentencepiece

    made = tokenizer_json(xlmr, family="xlm-roberta")
    texts = TEXTS + SPELLED + UNSEEN
    assert ids(made, texts) == theirs(xlmr, texts)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(xlmr / "sentencepiece.bpe.model"))
    moved = [[0, *(place + 1 if place else 3 for place in processor.encode(text)), 2] for text in TEXTS]
    assert ids(made, TEXTS) == moved
    assert tokenizer_json(xlmr, family="xlm-roberta") == made  # kept


def test_a_bert_with_xlmr_s_tokeniser(xlmr: Path, tmp_path: Path) -> None:
    """multilingual-e5-small: the config's pad id is 0, the tokeniser's 1; padding is masked, so neither matters."""
    folder = shutil.copytree(xlmr, tmp_path / "m")
    (folder / "config.json").write_text('{"model_type": "bert", "pad_token_id": 0}')
    assert ids(tokenizer_json(folder, family="bert"), TEXTS) == ids(tokenizer_json(xlmr, family="xlm-roberta"), TEXTS)


@pytest.mark.parametrize("extra", [100, 0])
def test_t5_has_its_ids(t5: Path, tmp_path: Path, extra: int) -> None:
    import sentencepiece

    folder = shutil.copytree(t5, tmp_path / "m")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "T5Tokenizer", "extra_ids": extra}))
    (folder / "config.json").write_text('{"model_type": "t5"}')
    made = tokenizer_json(folder, family="mt5")
    texts = TEXTS + SPELLED[1:] + UNSEEN
    if extra:
        assert ids(made, texts) == theirs(folder, texts)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(t5 / "spiece.model"))
    assert ids(made, TEXTS) == [[*processor.encode(text), 1] for text in TEXTS]


@pytest.mark.parametrize("lower", [True, False, None])
@pytest.mark.parametrize("accents", [True, False, None])
@pytest.mark.parametrize("chinese", [True, False])
def test_wordpiece_has_bert_s_ids(tmp_path: Path, lower: bool | None, accents: bool | None, chinese: bool) -> None:
    seen = sorted({letter for text in TEXTS for letter in text + text.lower() if not letter.isspace()})
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *seen,
        *(f"##{letter}" for letter in seen),
        "hel",
        "##lo",
        "日本語",
    ]
    (tmp_path / "vocab.txt").write_text("\n".join(dict.fromkeys(words)) + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer", "strip_accents": accents, "tokenize_chinese_chars": chinese}
    settings |= {} if lower is None else {"do_lower_case": lower}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    texts = TEXTS + SPELLED + UNSEEN
    assert ids(tokenizer_json(tmp_path, family="bert"), texts) == theirs(tmp_path, texts)


def test_casing_and_frame_that_tokenizer_json_lacks(tmp_path: Path) -> None:
    """tokenizer_config.json says otherwise, and transformers goes by it; so does the hash."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Über", "über", "uber"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    settings = tmp_path / "tokenizer_config.json"
    settings.write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": false}')
    cased = json.loads(tokenizer_json(tmp_path, family="bert").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps(cased))
    assert tokenizer_json(tmp_path, family="bert") == tmp_path / "tokenizer.json"
    assert list(tokenizer_sources(tmp_path)) == ["tokenizer.json"]
    (tmp_path / "tokenizer.json").write_text(json.dumps(cased | {"post_processor": None}))
    assert ids(tokenizer_json(tmp_path, family="bert"), ["Über"]) == [[2, 5, 3]]
    settings.write_text('{"tokenizer_class": "BertTokenizerFast", "do_lower_case": true, "strip_accents": false}')
    assert ids(tokenizer_json(tmp_path, family="bert"), ["Über"]) == [[2, 6, 3]]
    assert list(tokenizer_sources(tmp_path)) == ["tokenizer.json", "tokenizer_config.json"]


def test_a_whole_model_without_tokenizer_json(tiny: Callable[..., Path], tmp_path: Path) -> None:
    folder = shutil.copytree(tiny("bert"), tmp_path / "m")
    before = load_encoder(folder, device="cpu")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    after = load_encoder(folder, device="cpu")
    assert after.hash != before.hash
    assert (after.encode(["the old bird"]) == before.encode(["the old bird"])).all()
    (folder / "vocab.txt").write_text("\n".join([*vocabulary, "extra"]))
    with pytest.raises(ModelError, match=r"knows 25 tokens, config\.json only 24; they belong to different models"):
        load_encoder(folder, device="cpu")


def test_what_no_tokeniser_can_be_made_from(xlmr: Path, t5: Path, tmp_path: Path) -> None:
    whole = (xlmr / "sentencepiece.bpe.model").read_bytes()
    assert len(read_sentencepiece(xlmr / "sentencepiece.bpe.model").pieces) > 100
    path = tmp_path / "sentencepiece.bpe.model"
    for data in (whole[:-50], whole[1:], b"", b"\xff" * 40, b"no model"):
        path.write_bytes(data)
        with pytest.raises(ModelError, match=r"sentencepiece\.bpe\.model: cannot be read as a SentencePiece model"):
            tokenizer_json(tmp_path, family="xlm-roberta")
    path.write_bytes(whole)
    with pytest.raises(ModelError, match="no tokeniser of the kind 'camembert'"):
        tokenizer_json(tmp_path, family="camembert")
    path.unlink()
    shutil.copy(t5 / "spiece.model", tmp_path)
    with pytest.raises(ModelError, match="no tokeniser of the kind 'bert'"):
        tokenizer_json(tmp_path, family="bert")
    (tmp_path / "vocab.txt").write_text("no\nspecial\ntokens")
    with pytest.raises(ModelError, match=r"has no '\[UNK\]'"):
        tokenizer_json(tmp_path, family="bert")
    (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]")
    with pytest.raises(ModelError, match=r"has no token '\[SEP\]'"):
        tokenizer_json(tmp_path, family="bert")


def test_a_cache_that_cannot_be_written(xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XRET_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match=r"cannot keep the tokeniser.*XRET_CACHE"):
        tokenizer_json(xlmr, family="xlm-roberta")
