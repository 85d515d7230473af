"""Cuts a checkpoint's vocabulary down to the tokens that given corpora use (Abdaoui et al. 2020; Ushio et al. 2023)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xret.artifact import atomic_folder
from xret.corpus.problems import OnError
from xret.encoders.builders.family import must
from xret.encoders.checkpoints.checkpoint import Checkpoint, open_checkpoint
from xret.encoders.checkpoints.expert_folder import find_experts
from xret.encoders.checkpoints.faults import readable
from xret.encoders.checkpoints.made_from import check_place, rename_model
from xret.encoders.checkpoints.ready import Ready
from xret.encoders.laser.layout import find_laser
from xret.encoders.locate import locate
from xret.encoders.names import split_precision
from xret.encoders.trimming.checking import check_recipe, check_tokens, largest_difference
from xret.encoders.trimming.choosing import chosen, must_stay
from xret.encoders.trimming.counting import Corpora, Counted, TokenReader, count, texts_covered
from xret.encoders.trimming.folder import checked_weights, write_folder
from xret.encoders.trimming.report import CorpusCover, Trimmed, keep_record
from xret.encoders.trimming.subwords import Subwords
from xret.errors import ModelError

__all__ = ["trim_model"]

logger = logging.getLogger("xret")


def trim_model(
    name: str | Path,
    out: Path,
    corpora: Sequence[str | Path],
    *,
    lang: str | None = None,
    languages: Sequence[str] | None = None,
    on_error: OnError = "fail",
    min_count: int = 1,
    max_vocab: int | None = None,
    check: int = 200,
    threads: int | None = None,
) -> Trimmed:
    """Write a model with a smaller vocabulary, which gives the same vectors of texts whose tokens are all kept.

    Args:
        name: as for `load_encoder`, without a precision.
        out: the folder to make.
        corpora: what `xret.corpus.open_corpus` reads.
        lang: of texts that do not say.
        languages: BCP 47: count only texts in these; None for all.
        on_error: malformed rows of corpora.
        min_count: keep tokens used so often.
        max_vocab: keep at most so many tokens, the most frequent ones.
        check: texts to encode with both models.
        threads: for tokenising and encoding; None for all cores.

    Raises:
        ModelError: not found, of a kind that cannot be trimmed, damaged, or nothing would be left of its vocabulary.
        InputError: `out` exists, or a corpus cannot be read.
    """
    checkpoint = _opened(name)
    check_place(Path(out), checkpoint.folder)
    subwords, weights = _subwords(checkpoint), checked_weights(checkpoint)
    reader = TokenReader(checkpoint.tokenizer, checkpoint.recipe, threads=threads)
    with readable(checkpoint.folder):
        fixed = must_stay(checkpoint, subwords, reader)
    texts, size = Corpora(corpora, lang=lang, languages=languages, on_error=on_error), checkpoint.config["vocab_size"]
    counted = count(texts, reader, subwords, sample=check, size=size)
    try:
        kept = chosen(subwords, counted, fixed, min_count=min_count, max_vocab=max_vocab)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error
    covers, order = _covers(texts, reader, counted, kept, subwords.unknown), subwords.order(np.flatnonzero(kept))
    with atomic_folder(out) as folder:
        with readable(checkpoint.folder):
            left_out = write_folder(checkpoint, folder, weights, subwords, order)
            rename_model(folder, Path(out).name)
        made = check_recipe(checkpoint.recipe, folder, order)
        after = TokenReader(made.tokenizer, made.recipe, threads=threads)
        rows = check_tokens(counted.sample, reader, after, order, size)
        worst = largest_difference(name, folder, made.recipe, rows, threads=threads) if rows else None
        trimmed = Trimmed(
            folder=str(out), kind=subwords.kind, vocabulary_before=size, vocabulary=len(order),
            bytes_before=_bytes(checkpoint), bytes=_bytes(made), corpora=covers, checked=len(rows),
            largest_difference=worst, left_out=tuple(left_out),
        )  # fmt: skip
        keep_record(folder, name, trimmed, counted.languages, min_count=min_count, max_vocab=max_vocab)
    return trimmed


def _opened(name: str | Path) -> Checkpoint:
    """The checkpoint, unless it is of a kind that has no vocabulary of its own to trim."""
    base, precision = split_precision(name)
    if precision:
        raise ModelError(f"{name}: weights are trimmed as they are stored; leave out ':{precision}', and load with it")
    folder = locate(base)
    if find_laser(folder):
        raise ModelError(
            f"{name}: is a LASER model, whose vocabulary is in a .spm file and its .pt; only models with a "
            "tokenizer.json, vocab.txt or SentencePiece model of their own can be trimmed"
        )
    if find_experts(folder):
        raise ModelError(f"{name}: holds several encoders; trim the folder of each")
    if Ready.at(folder):
        raise ModelError(
            f"{name}: is a ready folder, whose graphs are finished; trim the model that it was made from, then run "
            "'xret models export' on the trimmed one"
        )
    checkpoint = open_checkpoint(folder)
    checkpoint.files()
    return checkpoint


def _bytes(checkpoint: Checkpoint) -> int:
    return sum(path.stat().st_size for path in checkpoint.files().values())


def _subwords(checkpoint: Checkpoint) -> Subwords:
    """The tokeniser's pieces, of which config.json has to know all (ModelError)."""
    subwords, size = Subwords(checkpoint.tokenizer), must(checkpoint.config, "vocab_size", int)
    if subwords.size > size:
        raise ModelError(
            f"{checkpoint.tokenizer}: knows {subwords.size} tokens, config.json only {size}; "
            "they belong to different models"
        )
    return subwords


def _covers(
    corpora: Corpora, reader: TokenReader, counted: Counted, kept: NDArray[np.bool_], unknown: int | None
) -> tuple[CorpusCover, ...]:
    """How much of each corpus is covered; reads them once more where not all is."""
    counts = counted.counts
    covered = texts_covered(corpora, reader, kept) if counts[:, ~kept].any() else counted.texts
    return tuple(
        CorpusCover(
            corpus=name, texts=counted.texts[place], texts_covered=covered[place], tokens=int(counts[place].sum()),
            tokens_covered=int(counts[place][kept].sum()),
            tokens_unknown=0 if unknown is None else int(counts[place][unknown]),
        )
        for place, name in enumerate(corpora.names)
    )  # fmt: skip
