"""Which texts go through the encoder together: of like length, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from xret.devices import is_cuda
from xret.encoders.reading.tokenizer import Tokens

__all__ = ["WINDOW_TEXTS", "batches", "pad", "token_budget", "windows"]

WINDOW_TEXTS, _WINDOW_CHARACTERS = 16_384, 4_000_000


def token_budget(*, device: str, precision: str = "fp32") -> int:
    """Padded tokens per batch.

    On a CPU the values between two layers shall stay in the core's cache. Texts per CPU second at 512, 1024, 2048 and
    4096 tokens, of the best: fp32 1, .95, .88, .80; int8 1, .92, .84, .76; bf16 (OpenVINO) .95, 1, .97, .92 (MiniLM-L6
    on one core of a Zen 5; a BERT of width 768 and two threads want the same). A GPU wants to be filled. The number
    does not follow the threads: the last bits of a vector depend on the shape of its batch, and results shall be the
    same on any number of cores.
    """
    if is_cuda(device):
        return 65_536
    return 1024 if precision == "bf16" else 512


def windows(texts: Sequence[str], most: int = WINDOW_TEXTS) -> Iterator[range]:
    """Successive row ranges that are tokenised and sorted at once; of at most so many texts, bounded in characters."""
    start = size = 0
    for row, text in enumerate(texts):
        size += len(text)
        if row > start and (size > _WINDOW_CHARACTERS or row - start >= most):
            yield range(start, row)
            start, size = row, len(text)
    if start < len(texts):
        yield range(start, len(texts))


def batches(tokens: Tokens, budget: int) -> Iterator[NDArray[np.int64]]:
    """Rows sorted by length, longest first, cut where rows x longest would pass `budget`; ties keep their order.

    Where the graph is told the language, a batch has one: its adapters are then two plain matrices.
    """
    adapter = np.zeros_like(tokens.lengths) if tokens.adapter is None else tokens.adapter
    order = np.lexsort((-tokens.lengths, adapter))
    start = 0
    while start < len(order):
        rows = max(1, budget // max(1, int(tokens.lengths[order[start]])))
        found = order[start : start + rows]
        yield (found := found[adapter[found] == adapter[found[0]]])
        start += len(found)


def pad(tokens: Tokens, rows: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """What the graph is fed for some texts of one language.

    Returns:
        ``input_ids`` and ``attention_mask``, both (rows, longest) and padded on the right with id 0, which is masked;
        ``lang_id`` (1,) where the texts have one; ``prompt_length`` (1,) where pooling leaves the prompt out.
    """
    lengths = tokens.lengths[rows]
    columns = np.arange(max(1, int(lengths.max(initial=0))))
    real = columns < lengths[:, None]
    at = np.where(real, tokens.starts[rows][:, None] + columns, 0)
    ids = np.where(real, tokens.ids[at] if len(tokens.ids) else 0, 0)
    seen = real if tokens.attended is None else columns < tokens.attended[rows][:, None]
    feed = {"input_ids": ids, "attention_mask": seen.astype(np.int64)}
    if tokens.adapter is not None:
        feed["lang_id"] = tokens.adapter[rows[:1]]
    if tokens.prompt is not None:
        feed["prompt_length"] = np.array([tokens.prompt], np.int64)
    return feed
