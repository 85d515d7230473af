"""Stanford's ColBERT layout against plain torch: which ids a text becomes, whose vectors count, and the vectors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.encoders.builders.test_jina3 import flash
from tests.encoders.multivector.conftest import first_pieces
from xret.encoders import load_encoder
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.stated import Stated
from xret.encoders.load import open_reader
from xret.errors import ModelError, XretError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
Worst = Callable[..., float]
Texts = list[str]
MASK, RIVER = 28, 16  # of the SentencePiece-like tokeniser


def read(folder: Path, text: str, role: Any) -> tuple[list[int], list[bool], int]:
    """What the reader makes of one text: ids, whose vectors count, how many attention sees."""
    tokens = open_reader(open_checkpoint(folder), threads=1)([text], role=role, kept=True)
    assert tokens.kept is not None
    attended = int(tokens.lengths[0] if tokens.attended is None else tokens.attended[0])
    return tokens.ids.tolist(), tokens.kept.tolist(), attended


def test_markers_that_the_tokeniser_lacks_are_the_unknown_token(
    make: Make, worst: Worst, texts: Texts, tmp_path: Path
) -> None:
    reference = make(tmp_path)  # ColBERT-XM's way
    assert (reference.query_marker, reference.document_marker) == (3, 3)
    ids, kept, attended = read(tmp_path, "river", "query")
    assert ids == [0, 3, 5, RIVER, 2, *[MASK] * 11] and all(kept) and attended == 5  # 5: what is left of the dot
    assert (ids, attended) == (reference.ids("river", query=True)[0], sum(reference.ids("river", query=True)[1]))
    ids, kept, attended = read(tmp_path, "river, stone.", "document")
    assert ids == [0, 3, 5, RIVER, 4, 17, 5, 2] and all(kept) and attended == 8
    ids, kept, _ = read(tmp_path, "river , stone", "document")
    assert ids == [0, 3, 5, RIVER, 6, 4, 17, 2] and kept == [True] * 4 + [False] + [True] * 3  # 6 is skipped, not 4
    encoder = load_encoder(tmp_path, device="cpu", threads=1)
    assert worst(encoder, reference, texts) <= 1e-5
    assert open_checkpoint(tmp_path).config["vocab_size"] == len(reference.tokenizer)  # no new rows


@pytest.mark.parametrize("in_tokeniser", [True, False])  # and as PLAID-X saves weights
def test_markers_added_to_the_vocabulary(
    make: Make, worst: Worst, texts: Texts, tmp_path: Path, in_tokeniser: bool
) -> None:
    import torch
    from safetensors.torch import load_file

    markers = ("[unused0]", "[unused1]")
    reference = make(tmp_path, added=markers if in_tokeniser else (), rows=0 if in_tokeniser else 2)
    if not in_tokeniser:  # PLAID-X's code adds them when it loads the tokeniser
        reference.tokenizer.add_tokens(list(markers))
        reference.query_marker, reference.document_marker = reference.tokenizer.convert_tokens_to_ids(list(markers))
        torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
        (tmp_path / "model.safetensors").unlink()
    assert (reference.query_marker, reference.document_marker) == (MASK + 1, MASK + 2)
    assert read(tmp_path, "river", "query")[0] == [0, MASK + 1, 5, RIVER, 2, *[MASK] * 11]
    assert read(tmp_path, "river", "document")[0] == [0, MASK + 2, 5, RIVER, 2]
    assert worst(load_encoder(tmp_path, device="cpu", threads=1), reference, texts) <= 1e-5


@pytest.mark.parametrize("attend", [True, False])
def test_markers_of_a_models_own_are_put_in(
    make: Make, worst: Worst, texts: Texts, tmp_path: Path, attend: bool
) -> None:
    names = {"query_token_id": "[QueryMarker]", "doc_token_id": "[DocumentMarker]"}  # jina-colbert-v2's
    reference = make(tmp_path, added=tuple(names.values()), dot=False, attend_to_mask_tokens=attend, **names)
    ids, kept, attended = read(tmp_path, "river", "query")
    assert ids == [0, MASK + 1, RIVER, 2, *[MASK] * 12] and all(kept) and attended == (16 if attend else 4)
    encoder = load_encoder(tmp_path, device="cpu", threads=1)
    assert worst(encoder, reference, texts) <= 1e-5
    assert [len(rows) for rows in encoder.encode_tokens(texts, role="query")] == [16] * len(texts)


@pytest.mark.parametrize("dot", [True, False])
def test_with_wordpiece_both_ways_are_one(make: Make, worst: Worst, texts: Texts, tmp_path: Path, dot: bool) -> None:
    reference = make(tmp_path, "bert", dot=dot)
    ids, _, attended = read(tmp_path, "river", "query")
    assert ids[:4] == [4, 1, reference.tokenizer.convert_tokens_to_ids("river"), 5] and attended == 4
    assert read(tmp_path, "river!", "document")[1] == [True, True, True, False, True]
    assert worst(load_encoder(tmp_path, device="cpu", threads=1), reference, texts) <= 1e-5


def test_a_long_text_is_cut_where_the_reference_cuts_it(make: Make, tmp_path: Path) -> None:
    text = " ".join(["river"] * 40)
    for name, dot in (("dot", True), ("inserted", False)):
        meta = {} if dot else {"meta": {"current_datetime": "Nov 03, 2025 ;  1:30PM UTC (+0000)"}}
        reference = make(tmp_path / name, dot=dot, **meta)
        for role in ("query", "document"):
            ids = read(tmp_path / name, text, role)[0]
            assert ids == reference.ids(text, query=role == "query")[0]
            assert ids.count(RIVER) == (16 if role == "query" else 24) - (4 if dot else 3)
        reader = open_reader(open_checkpoint(tmp_path / name), threads=1)
        assert reader([text, "river"], role="query").cut == 1 and reader(["river"] * 2, role="query").cut == 0


def test_when_the_checkpoint_was_saved_tells_how_it_was_marked(make: Make, tmp_path: Path) -> None:
    for day, mode in (("Aug 12, 2024", "overwrite_dot"), ("Aug 14, 2024", "insert"), ("soon", "overwrite_dot")):
        make(tmp_path / day, meta={"current_datetime": f"{day} ;  9:00AM UTC (+0000)"})
        policy = open_checkpoint(tmp_path / day).recipe.multi_vector
        assert policy is not None and policy.marker_mode == mode


def test_languages_choose_the_adapter(make: Make, worst: Worst, texts: Texts, tmp_path: Path) -> None:
    codes = ["en_XX", "de_DE", "sw_KE"]
    settings = {"languages": codes, "default_language": "en_XX"}
    reference = make(tmp_path, "xmod", settings=settings, attend_to_mask_tokens=True)
    encoder = load_encoder(tmp_path, device="cpu", threads=1)
    lang = [codes[at % 3] for at in range(len(texts))]
    assert worst(encoder, reference, texts, lang) <= 1e-5
    one, other = (encoder.encode_tokens(["river"], role="query", lang=[tag])[0] for tag in ("de", "sw"))
    assert np.abs(one - other).max() > 0.01
    unsaid = encoder.encode_tokens(["river"], role="query")[0]
    assert np.allclose(unsaid, encoder.encode_tokens(["river"], role="query", lang=["en"])[0], atol=1e-6)


def test_rotary_positions_and_code_of_its_own(worst: Worst, texts: Texts, parts: Any, tmp_path: Path) -> None:
    """As jina-colbert-v2 saves it: Jina's XLM-R under Stanford's names."""
    import torch
    from safetensors.torch import save_file

    unigram, _, backbone, reference = parts
    names = ("[QueryMarker]", "[DocumentMarker]")
    tokenizer = unigram(tmp_path, names)
    model = backbone("jina_embeddings_v3", len(tokenizer), type_vocab_size=1)
    linear = torch.nn.Linear(24, 8, bias=False)
    tensors = {**flash(model.state_dict()), "linear.weight": linear.weight.detach()}
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, tmp_path / "model.safetensors")
    own = {
        "model_type": "xlm-roberta", "position_embedding_type": "rotary", "rotary_emb_base": 20_000.0,
        "architectures": ["HF_ColBERT"],
        "auto_map": {"AutoModel": "jinaai/xlm-roberta-flash-implementation--modeling_xlm_roberta.XLMRobertaModel"},
    }  # fmt: skip
    shape = {key: value for key, value in model.config.to_dict().items() if not key.startswith("rope")}
    (tmp_path / "config.json").write_text(json.dumps(shape | own))
    metadata = {"query_maxlen": 16, "doc_maxlen": 24, "attend_to_mask_tokens": True}
    markers = dict(zip(("query_token_id", "doc_token_id"), names, strict=True))
    (tmp_path / "artifact.metadata").write_text(json.dumps(metadata | markers))
    ids = tokenizer.convert_tokens_to_ids(list(names))
    theirs = reference(tokenizer, model, linear, *ids, attend=True, skip=first_pieces(tokenizer))
    encoder = load_encoder(tmp_path, device="cpu", threads=1)
    assert encoder.token_dim == 8  # which its metadata does not say
    assert worst(encoder, theirs, texts) <= 1e-5


def test_what_a_user_says_goes_first(make: Make, worst: Worst, texts: Texts, tmp_path: Path) -> None:
    reference = make(tmp_path)
    said = {"marker_mode": "insert", "attend": True, "query_marker": "▁river", "skip": [4, "."], "query_length": 12}
    (tmp_path / "xret.json").write_text(json.dumps({"multivector": said}))
    reference.dot, reference.attend, reference.query_marker, reference.query_length = False, True, RIVER, 12
    reference.skip = {4, 5}
    assert worst(load_encoder(tmp_path, device="cpu", threads=1), reference, texts[:7]) <= 1e-5
    mistakes: list[tuple[Any, str]] = [
        ({"markers": 1}, "has no 'markers'"),
        ({"attend": 1}, "attend is 1; wanted bool"),
        ({"marker_mode": "put"}, "wanted none, insert, overwrite_dot"),
        (3, "not an object"),
    ]
    for wrong, message in mistakes:
        (tmp_path / "xret.json").write_text(json.dumps({"multivector": wrong}))
        with pytest.raises(ModelError, match=message):
            open_checkpoint(tmp_path)


def test_what_is_said_of_sentence_vectors_is_refused(make: Make, tmp_path: Path) -> None:
    make(tmp_path, "bert")
    assert open_checkpoint(tmp_path).sources["max_length"] == "artifact.metadata"
    for stated, name in (
        (Stated(pooling=("cls",)), "pooling"), (Stated(truncate_dim=4), "truncate_dim"),
        (Stated(max_length=12), "max_length"),
    ):  # fmt: skip
        with pytest.raises(ModelError, match=f"{name} is given, but the model makes token vectors only"):
            open_checkpoint(tmp_path, stated)
    (tmp_path / "xret.json").write_text('{"multivector": {"document_length": 12}}')
    checkpoint = open_checkpoint(tmp_path)
    assert (checkpoint.recipe.max_length, checkpoint.sources["max_length"]) == (16, "given")
    (tmp_path / "xret.json").unlink()
    (tmp_path / "artifact.metadata").unlink()
    assert open_checkpoint(tmp_path).sources["max_length"].startswith("assumed")


def test_it_gives_no_sentence_vectors(make: Make, tmp_path: Path) -> None:
    make(tmp_path, "bert")
    encoder = load_encoder(tmp_path, device="cpu", threads=1)
    assert (encoder.dim, encoder.token_dim) == (0, 8)
    with pytest.raises(XretError, match="gives token vectors, no sentence vectors"):
        encoder.encode(["river"])


def test_broken_checkpoints(make: Make, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    reference = make(tmp_path)
    metadata, config, weights = (tmp_path / name for name in ("artifact.metadata", "config.json", "model.safetensors"))

    def refused(path: Path, content: str, message: str) -> None:
        before = path.read_text()
        path.write_text(content)
        with pytest.raises(ModelError, match=message):
            load_encoder(tmp_path, device="cpu", threads=1)
        path.write_text(before)

    refused(metadata, "{", "artifact.metadata: broken JSON")
    refused(metadata, "[]", "artifact.metadata: is not a JSON object")
    refused(metadata, '{"query_maxlen": "32"}', "'query_maxlen' is '32', wanted int")
    refused(metadata, '{"dim": 9}', r"'linear.weight' is \(8, 24\), .* want \(9, 24\)")
    refused(metadata, '{"interaction": "flipr"}', "interaction 'flipr' is not supported")
    refused(metadata, '{"query_maxlen": 61}', "do not fit a model of at most 60")
    settings = json.loads(config.read_text())
    refused(config, json.dumps({**settings, "vocab_size": MASK}), "the expansion token has id 28, but the model has")
    tensors = load_file(weights)
    save_file({name: array for name, array in tensors.items() if name != "linear.weight"}, weights)
    with pytest.raises(ModelError, match=r"has no tensor 'linear.weight'"):
        load_encoder(tmp_path, device="cpu", threads=1)
    save_file({**tensors, "linear.weight": np.zeros((8, 23), np.float32)}, weights)
    with pytest.raises(ModelError, match=r"'linear.weight' is"):
        load_encoder(tmp_path, device="cpu", threads=1)
    assert reference.query_marker == 3
