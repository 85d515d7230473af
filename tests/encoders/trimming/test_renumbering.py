"""Ids in settings files."""

from __future__ import annotations

from typing import Any

from xret.encoders.trimming.renumbering import ids_in, named_tokens, renumber

CONFIG: dict[str, Any] = {
    "vocab_size": 50, "pad_token_id": 7, "eos_token_id": [9, 8], "bos_token_id": None, "padding": 7, "hidden_size": 50,
    "decoder": {"decoder_start_token_id": 9, "vocab_size": 50}, "suppress_tokens": [8], "image_token": 7,
    "multivector": {"skip": [7, "a"], "query_marker": 9, "query_length": 8, "attend": True},
    "added_tokens_decoder": {"7": {"content": "<pad>"}, "40": {"content": "x"}},
}  # fmt: skip


def test_ids_move_and_nothing_else() -> None:
    assert sorted(set(ids_in(CONFIG))) == [7, 8, 9]
    assert renumber(CONFIG, {7: 0, 8: 1, 9: 2}, size=50) == {
        "vocab_size": 3, "pad_token_id": 0, "eos_token_id": [2, 1], "bos_token_id": None, "padding": 7,
        "hidden_size": 50, "decoder": {"decoder_start_token_id": 2, "vocab_size": 3}, "suppress_tokens": [1],
        "image_token": 7, "multivector": {"skip": [0, "a"], "query_marker": 2, "query_length": 8, "attend": True},
        "added_tokens_decoder": {"0": {"content": "<pad>"}},
    }  # fmt: skip


def test_named_tokens() -> None:
    settings = {
        "pad_token": "<pad>", "mask_token": {"content": "<mask>", "lstrip": True}, "bos_token": None, "add_bos": "no",
        "additional_special_tokens": ["<a>", {"content": "<b>"}], "extra_special_tokens": {"image": "<c>"},
    }  # fmt: skip
    assert list(named_tokens(settings)) == ["<pad>", "<mask>", "<a>", "<b>", "<c>"]
    assert list(named_tokens([])) == []
