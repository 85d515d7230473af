"""Reads what earlier runs kept in the work folder, and tokenisers: what is damaged is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xret.errors import InputError, ModelError

__all__ = ["kept", "open_tokeniser"]


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Around the reading of a file of the work folder.

    Raises:
        InputError: it is truncated, or holds something else.
    """
    try:
        yield
    except (OSError, ValueError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: is damaged ({reason}); delete it, and the same command makes it again") from error


def open_tokeniser(path: Path) -> Any:
    """The `tokenizers.Tokenizer` of a tokenizer.json.

    Raises:
        ModelError: it is missing or broken.
    """
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"{path}: cannot be read as a tokeniser ({error}); make or fetch it again") from error
