"""What is asked of an encoder wrongly is refused, not answered with other vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from xret.encoders import load_encoder
from xret.encoders.adapters import SentenceEncoder
from xret.encoders.locate import locate
from xret.errors import InputError, ModelError, UsageError


@pytest.mark.parametrize(
    ("texts", "options", "error", "message"),
    [
        ("the", {}, UsageError, "wrap it in a list"),
        ({"the"}, {}, UsageError, "not a set"),
        ((text for text in "ab"), {}, UsageError, "not a generator"),
        (np.array("the"), {}, UsageError, "of 0 dimensions"),
        (np.array([["the"]]), {}, UsageError, "of 2 dimensions"),
        (pa.array(["the"]), {}, UsageError, "give a column to encode_arrow"),
        (["the", None], {}, InputError, "text 1: is NoneType"),
        (["the"], {"role": "Query"}, UsageError, "role 'Query' is not known"),
        (["the", "old"], {"lang": "de"}, UsageError, r"give \['de'\] \* len"),
        (["the"], {"lang": ["de", "en"]}, UsageError, "2 languages for 1 texts"),
        (["the"], {"lang": [3]}, InputError, "language of text 0: is int"),
        (["the"], {"dim": 2.0}, UsageError, "dim 2.0 is outside"),
        (["the"], {"dim": 0}, UsageError, "dim 0 is outside"),
    ],
)
def test_refused(
    static: Callable[..., Path], texts: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    encoder = load_encoder(static(), device="cpu", threads=1)
    with pytest.raises(error, match=message):
        encoder.encode(texts, **options)
    if "dim" not in options and isinstance(texts, list):
        with pytest.raises(error, match=message):
            encoder.encode_tokens(texts, **options)


@pytest.mark.parametrize("texts", [np.array("the"), np.array([["the"]]), pa.array(["the"]), None, 3])
def test_refused_by_the_adapter(static: Callable[..., Path], texts: Any) -> None:
    encoder = SentenceEncoder(load_encoder(static(), device="cpu", threads=1))
    with pytest.raises(UsageError, match="encode takes"):
        encoder.encode(texts)


def test_numpy_s_strings_and_numbers(static: Callable[..., Path]) -> None:
    encoder = load_encoder(static(), device="cpu", threads=1)
    texts: Any = np.array(["the", "old"])
    assert encoder.encode(texts, dim=int(np.int64(3))).shape == encoder.encode(texts, dim=np.int64(3)).shape  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "name is empty"), ("org/model:int4", "'int4' is no precision; known: fp32"), ("package:a/b:FP8", "'FP8'")],
)
def test_names(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        locate(name)
