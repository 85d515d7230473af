"""Token ids in a checkpoint's settings: finding them, and writing the new ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xret.encoders.checkpoints.modules import read_json

__all__ = ["SETTINGS", "ids_in", "named_tokens", "renumber", "renumbered_file"]

SETTINGS = ("config.json", "generation_config.json", "tokenizer_config.json", "added_tokens.json", "xret.json")
_IDS = re.compile(r"(.*_)?token_ids?|(begin_)?suppress_tokens")
_MULTI = "multivector"  # of xret.json: all whole numbers in it but lengths are ids
_LENGTHS = re.compile(r".*_length")
_NAMED = re.compile(r".*_token|additional_special_tokens|extra_special_tokens")


def ids_in(settings: Any, *, within: str = "") -> Iterator[int]:
    """All ids that a settings file names, such as ``pad_token_id``.

    Args:
        settings: the content of a JSON file, or a part of it.
        within: the name of that part.
    """
    for key, value in settings.items() if isinstance(settings, dict) else ():
        if _is_id(key, within):
            values = value if isinstance(value, list) else [value]
            yield from (each for each in values if type(each) is int and each >= 0)
        else:
            yield from ids_in(value, within=key)


def _is_id(key: str, within: str) -> bool:
    return bool(_IDS.fullmatch(key)) or (within == _MULTI and not _LENGTHS.fullmatch(key))


def named_tokens(settings: Any) -> Iterator[str]:
    """The special tokens that tokenizer_config.json or special_tokens_map.json names by their text."""
    for key, value in settings.items() if isinstance(settings, dict) else ():
        if _NAMED.fullmatch(key):
            yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    """The texts in a token's name: alone, with settings of the token, or several of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in [value["content"]] if "content" in value else value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def renumber(settings: Any, new: Mapping[int, int], *, size: int, within: str = "") -> Any:
    """Settings with new ids, and the new size where ``vocab_size`` was `size`.

    Args:
        settings: the content of a JSON file.
        new: old id -> new id; others stay as they are.
        size: of the old vocabulary.
        within: the name of the part that `settings` is.
    """
    if not isinstance(settings, dict):
        return settings
    made: dict[str, Any] = {}
    for key, value in settings.items():
        if key == "vocab_size" and value == size:
            made[key] = len(new)
        elif _is_id(key, within):
            made[key] = [_moved(each, new) for each in value] if isinstance(value, list) else _moved(value, new)
        elif key == "added_tokens_decoder" and isinstance(value, dict):
            made[key] = {str(new[int(n)]): token for n, token in value.items() if n.isdigit() and int(n) in new}
        else:
            made[key] = renumber(value, new, size=size, within=key)
    return made


def _moved(value: Any, new: Mapping[int, int]) -> Any:
    return new.get(value, value) if type(value) is int else value


def renumbered_file(path: Path, new: Mapping[int, int], *, size: int) -> str:
    """The content of one of the `SETTINGS` with new ids.

    Raises:
        ModelError: broken JSON.
    """
    settings = read_json(path)
    if path.name == "added_tokens.json":
        made = {text: new[n] for text, n in settings.items() if n in new}
    else:
        made = renumber(settings, new, size=size)
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"
