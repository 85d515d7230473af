"""How well the words of two sentences find one another: MaxSim between token vectors, both ways.

A sentence vector says what a sentence is about; two sentences about one thing that differ in a name or leave out a
clause lie close all the same. Their tokens do not all find a partner.
"""

from __future__ import annotations

import errno
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from xret.corpus import gather
from xret.errors import InputError
from xret.indexes.choice import readable_bytes
from xret.indexes.twoway.blas import single_threaded_blas

if TYPE_CHECKING:
    from xret.encoders import Encoder
    from xret.encoders.recipe import Role

__all__ = ["TEXTS", "TokenStore", "mutual_maxsim", "score_portion", "token_portion", "token_scores"]

logger = logging.getLogger("xret")
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
TEXTS = 2048  # encoded at a time
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PIECE = 16_384  # target tokens that one source meets at once: everybody may be a candidate of one sentence


def mutual_maxsim(src: Floats, tgts: Floats, starts: Ints) -> NDArray[np.float64]:
    """MaxSim of one sentence with several others, the lower of both directions.

    In one direction: the mean over a sentence's tokens, by weight, of the largest cosine to any token of the other
    (Khattab & Zaharia 2020, eq. 3, as a mean). The lower of both: neither sentence may say what the other does not.

    Args:
        src: (tokens, d) token vectors, each as long as its token's weight.
        tgts: (all their tokens, d) likewise, of c sentences one after the other.
        starts: (c + 1,) where each begins in `tgts`, and the end.

    Returns:
        (c,) from -1 to 1; 0 where a sentence has no token, or none that weighs anything.
    """
    result = np.zeros(len(starts) - 1, np.float64)
    filled = np.flatnonzero(np.diff(starts) > 0)
    if not len(src) or not len(filled):
        return result
    begin = starts[filled]
    own, weights = (np.linalg.norm(rows, axis=1).astype(np.float64) for rows in (src, tgts))
    cosines = (src @ tgts.T) / np.maximum(own[:, None] * weights, 1e-12)
    ahead = own @ np.maximum.reduceat(cosines, begin, axis=1)
    back = np.add.reduceat(weights * cosines.max(axis=0), begin)
    total = np.add.reduceat(weights, begin)
    sound = (own.sum() > 0) & (total > 0)
    lower = np.minimum(ahead / max(float(own.sum()), 1e-12), back / np.maximum(total, 1e-12))
    result[filled] = np.where(sound, lower, 0.0)
    return result


class TokenStore:
    """Token vectors of many sentences in a temporary file, float16: memory holds a part of them at a time."""

    def __init__(self, encoder: Encoder, texts: pa.ChunkedArray, langs: pa.ChunkedArray | None, path: Path) -> None:
        """Encode all of them.

        Args:
            encoder: anything with token vectors.
            texts: (n,) sentences.
            langs: (n,) BCP 47, for encoders that are told languages.
            path: the file to write.

        Raises:
            InputError: it does not fit the disk, as the first sentences tell, or in the end.
        """
        lengths: list[int] = []
        with _room_told(path), open(path, "wb") as stream:
            for start in _windows(len(texts), "tokens"):
                lengths += _write(stream, token_portion(encoder, texts, langs, start))
                if not start:
                    stream.flush()
                    _check_room(path, len(texts), len(lengths))
        self.starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        shape = (int(self.starts[-1]), encoder.token_dim)
        logger.info(
            f"tokens: {shape[0]:,} vectors of {len(lengths):,} sentences, {path.stat().st_size:,} bytes on disk"
        )
        self._rows = np.memmap(path, np.float16, "r", shape=shape) if shape[0] else np.empty(shape, np.float16)

    def of(self, numbers: Ints) -> tuple[Floats, Ints]:
        """The token vectors of some sentences, one after the other, and where each begins, with the end."""
        counts = self.starts[numbers + 1] - self.starts[numbers]
        starts = np.concatenate([[0], np.cumsum(counts)])
        rows = np.arange(starts[-1]) + np.repeat(self.starts[numbers] - starts[:-1], counts)
        return self._rows[rows].astype(np.float32), starts

    def pieces(self, places: Ints, numbers: Ints) -> Iterator[Ints]:
        """Divide places, each of the sentence `numbers[place]`, so that `PIECE` tokens or one sentence are together."""
        ends = np.cumsum(self.starts[numbers[places] + 1] - self.starts[numbers[places]])
        start = 0
        while start < len(places):
            before = ends[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + PIECE, side="right")))
            yield places[start:stop]
            start = stop


def token_scores(
    encoder: Encoder, src: pa.Table, tgt: pa.Table, pairs: tuple[Ints, Ints], *, work: Path, progress: bool = False
) -> Floats:
    """`mutual_maxsim` of pairs of sentences; every sentence that occurs is encoded once.

    Args:
        encoder: anything with token vectors; in models with weighted tokens, weighted.
        src: corpus `text` and, where known, `lang`.
        tgt: likewise.
        pairs: (n,) rows of `src` and (n,) rows of `tgt`.
        work: folder for a temporary file: the token vectors of the target sentences, two bytes a number.
        progress: bars on stderr, where that is a terminal.

    Returns:
        (n,) float32, in the order of the pairs.

    Raises:
        InputError: the file does not fit the disk.
    """
    scores = np.empty(len(pairs[0]), np.float32)
    sources, src_at = np.unique(pairs[0], return_inverse=True)
    targets, tgt_at = np.unique(pairs[1], return_inverse=True)
    order = np.argsort(src_at, kind="stable")
    begin = np.searchsorted(src_at[order], np.arange(len(sources) + 1))
    path = Path(work) / "tokens.f16"
    try:
        store = TokenStore(encoder, *_texts(encoder, tgt, targets), path)
        texts, langs = _texts(encoder, src, sources)
        for start in _windows(len(sources), "pairs" if progress else ""):
            vectors = token_portion(encoder, texts, langs, start)
            borders = begin[start : start + len(vectors) + 1]
            score_portion(vectors, store, [order[a:b] for a, b in pairwise(borders)], tgt_at, scores)
    finally:
        path.unlink(missing_ok=True)
    return scores


def token_portion(encoder: Encoder, texts: pa.ChunkedArray, langs: pa.ChunkedArray | None, start: int) -> list[Floats]:
    """Token vectors of `TEXTS` of the sentences, from one on.

    In a model with token weights those of queries carry them; in others all weigh the same.
    """
    role: Role | None = "query" if encoder.recipe.token_weights else None
    lang = None if langs is None else langs.slice(start, TEXTS).to_pylist()
    return encoder.encode_tokens(texts.slice(start, TEXTS).to_pylist(), role=role, lang=lang)


def score_portion(vectors: list[Floats], store: TokenStore, places: list[Ints], targets: Ints, scores: Floats) -> None:
    """Score the pairs of some sources.

    Args:
        vectors: the sources' token vectors.
        store: of all targets.
        places: for each source the places of its pairs in the next two.
        targets: (pairs,) numbers in the store.
        scores: (pairs,) to fill.
    """
    with single_threaded_blas():  # sums whose order would depend on the number of threads
        for tokens, own in zip(vectors, places, strict=True):
            for mine in store.pieces(own, targets):
                scores[mine] = mutual_maxsim(tokens, *store.of(targets[mine]))


@contextmanager
def _room_told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InputError(
            f"{path}: cannot keep the token vectors here ({error.strerror}); give --work a folder on a larger disk, or "
            "leave --rescore out"
        ) from error


def _check_room(path: Path, texts: int, done: int) -> None:
    """Say how large the file becomes, by what the first sentences took, and refuse it where there is no room."""
    written, free = path.stat().st_size, shutil.disk_usage(path.parent).free
    whole = written * texts // max(1, done)
    logger.info(f"tokens: about {readable_bytes(whole)} on disk for {texts:,} sentences, {readable_bytes(free)} free")
    if whole - written > free:
        raise InputError(
            f"{path}: the token vectors of {texts:,} sentences take about {readable_bytes(whole)}, but "
            f"{readable_bytes(free + written)} are free; give --work a folder on a larger disk, or leave --rescore out"
        )


def _texts(encoder: Encoder, corpus: pa.Table, rows: Ints) -> tuple[pa.ChunkedArray, pa.ChunkedArray | None]:
    told = encoder.recipe.languages is not None and "lang" in corpus.column_names
    return gather(corpus["text"], rows), gather(corpus["lang"], rows) if told else None


def _write(stream: IO[bytes], vectors: list[Floats]) -> list[int]:
    for rows in vectors:
        stream.write(rows.astype(np.float16).tobytes())
    return [len(rows) for rows in vectors]


def _windows(total: int, what: str) -> Iterator[int]:
    bar = tqdm(range(0, total, TEXTS), desc=what, unit_scale=TEXTS, unit=" texts", disable=None if what else True)
    yield from bar
