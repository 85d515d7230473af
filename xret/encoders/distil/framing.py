"""What a transformer's tokeniser puts around a text, and the tokeniser of a new transformer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xret.artifact import atomic_file
from xret.encoders.distil.kept import open_tokeniser
from xret.errors import ModelError

__all__ = ["SETTINGS", "Framing", "add_specials", "framing_of", "lowercased"]

_BEGIN, _END, _MASK = "<s>", "</s>", "<mask>"
SPECIALS = 3
SETTINGS: dict[str, Any] = {
    "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "unk_token": "<unk>", "bos_token": _BEGIN,
    "cls_token": _BEGIN, "eos_token": _END, "sep_token": _END, "mask_token": _MASK,
}  # fmt: skip


@dataclass(frozen=True)
class Framing:
    """The special tokens of a tokeniser.

    Attributes:
        before: ids that come before every text.
        after: ids that come after it.
        mask: id of the hidden token; None where it has none.
        size: ids there are.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    mask: int | None
    size: int


def add_specials(tokenizer_file: Path) -> None:
    """Give a fitted tokeniser the tokens of a transformer: begin, end and hidden, the last three ids."""
    from tokenizers import AddedToken, processors

    tokenizer = open_tokeniser(tokenizer_file)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in (_BEGIN, _END, _MASK)])
    places = [(token, tokenizer.token_to_id(token)) for token in (_BEGIN, _END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{_BEGIN} $A {_END}", special_tokens=places)
    with atomic_file(tokenizer_file) as temporary:
        tokenizer.save(str(temporary), pretty=False)


def lowercased(source: Path, target: Path, *, lowercase: bool) -> None:
    """Copy a tokenizer.json; with `lowercase`, one that lowercases by itself.

    Raises:
        ModelError: it is missing or broken.
    """
    from tokenizers import normalizers

    tokenizer = open_tokeniser(source)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if lowercase:
        rest = [tokenizer.normalizer] if tokenizer.normalizer is not None else []
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *rest])
    with atomic_file(target) as temporary:
        tokenizer.save(str(temporary), pretty=False)


def framing_of(tokenizer_file: Path, *, settings: Path | None = None) -> Framing:
    """What the tokeniser puts around a text.

    Args:
        tokenizer_file: a tokenizer.json.
        settings: the folder of its tokenizer_config.json, which names the hidden token; None for a tokeniser of ours.

    Raises:
        ModelError: it is broken, or special tokens stand inside the text.
    """
    tokenizer = open_tokeniser(tokenizer_file)
    encoding = tokenizer.encode("a")
    own = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
    if own and own != list(range(own[0], own[-1] + 1)):
        raise ModelError(f"{tokenizer_file}: puts special tokens into texts; a student's stand before and after them")
    first, last = (own[0], own[-1] + 1) if own else (len(encoding.ids), len(encoding.ids))
    return Framing(
        tuple(encoding.ids[:first]), tuple(encoding.ids[last:]), _mask_id(tokenizer, settings),
        max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1,
    )  # fmt: skip


def _mask_id(tokenizer: Any, folder: Path | None) -> int | None:
    names: list[Any] = [_MASK, "[MASK]"]
    if folder is not None and (folder / "tokenizer_config.json").is_file():
        token = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get("mask_token")
        names.insert(0, token.get("content") if isinstance(token, dict) else token)
    found = (tokenizer.token_to_id(name) for name in names if name)
    return next((int(place) for place in found if place is not None), None)
