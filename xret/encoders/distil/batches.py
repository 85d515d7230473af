"""What one training step compares: sentences with their translations, or documents with a line of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.hard import HardPairs
from xret.encoders.distil.questions import Questions
from xret.encoders.distil.sampling import PairSampler
from xret.encoders.distil.siblings import Siblings
from xret.encoders.distil.tokens import Tokens

__all__ = ["Batch", "TrainingData", "draw_batch"]

_Maker = Callable[["TrainingData", DistilConfig, int, np.random.Generator], "Batch"]
_SAME = 0.97  # cosine of the teacher's vectors from which on two strings say the same


@dataclass(frozen=True)
class TrainingData:
    """What the training loop reads.

    Attributes:
        texts: tokens of the target side, one text per pair.
        english: tokens of the distinct English strings.
        english_of: (pairs,) int64, which English string a pair has.
        targets: (distinct English strings, d) float16 or float32 teacher vectors, unit rows.
        sampler: draws the pairs.
        dev_texts: tokens of held-out pairs, target side.
        dev_english: tokens of held-out pairs, English side.
        dev_langs: language of each held-out pair.
        dev_english_of: which English string each held-out pair has; int64, equal for equal strings.
        hard: neighbours in the teacher's space; None where no batch is made of them.
        siblings: pairs by English string; None where no batch needs third languages.
        questions: with their passages; None without such data.
        mono: tokens of monolingual text; None without the masked-token objective.
        identity: hash of what the tokens and the teacher's vectors were made of.
    """

    texts: Tokens
    english: Tokens
    english_of: np.ndarray
    targets: np.ndarray
    sampler: PairSampler
    dev_texts: Tokens
    dev_english: Tokens
    dev_langs: list[str]
    dev_english_of: np.ndarray
    hard: HardPairs | None = None
    siblings: Siblings | None = None
    questions: Questions | None = None
    mono: Tokens | None = None
    identity: str = ""


@dataclass(frozen=True)
class Batch:
    """n left texts, of which each belongs to the right text of the same number.

    Attributes:
        ids: token ids of the left texts and then of the right ones, end to end; int64.
        lengths: (2n,) tokens of each; int64.
        english: (n,) the English string whose teacher vector the right text shall have; None where there is no such.
        same: (n, n) bool, true where left i and right j (i != j) are no negatives.
        translations: whether the left texts shall have that vector too.
    """

    ids: np.ndarray
    lengths: np.ndarray
    english: np.ndarray | None
    same: np.ndarray
    translations: bool


def draw_batch(data: TrainingData, config: DistilConfig, step: int) -> Batch:
    """The batch of a step, a function of the options' seed and the step."""
    rng = np.random.default_rng([config.seed, step, 1])
    batch = _maker(data, config, rng)(data, config, step, rng)
    return _drop_tokens(batch, config.token_dropout, rng)


def _maker(data: TrainingData, config: DistilConfig, rng: np.random.Generator) -> _Maker:
    """Which kind of batch is due."""
    if data.questions is not None and rng.random() < config.question_share:
        return _question_batch
    if config.document_sources and rng.random() < config.document_share:
        return _document_batch
    if data.hard is not None and rng.random() < config.hard_share:
        return _hard_batch
    return _pair_batch


def _pair_batch(data: TrainingData, config: DistilConfig, step: int, rng: np.random.Generator) -> Batch:
    return _translations(data, config, data.sampler.batch(step, config.batch_size), rng)


def _hard_batch(data: TrainingData, config: DistilConfig, step: int, rng: np.random.Generator) -> Batch:
    """Groups of pairs near one another; those that say nearly the same by the teacher are no negatives."""
    assert data.hard is not None
    seeds = data.sampler.batch(step, max(1, config.batch_size // config.hard_group))
    pairs = data.hard.around(seeds, data.english_of, rng, group=config.hard_group)
    batch = _translations(data, config, pairs, rng)
    targets = data.targets[data.english_of[pairs]].astype(np.float32)
    same = batch.same | (targets @ targets.T > _SAME)
    np.fill_diagonal(same, False)
    return replace(batch, same=same)


def _translations(data: TrainingData, config: DistilConfig, pairs: np.ndarray, rng: np.random.Generator) -> Batch:
    english = data.english_of[pairs]
    left = data.texts.gather(pairs, limit=config.max_tokens)
    right = _other_side(data, config, pairs, rng)
    same = english[:, None] == english[None, :]
    np.fill_diagonal(same, False)
    return Batch(*_joined(left, right), english, same, translations=True)


def _other_side(
    data: TrainingData, config: DistilConfig, pairs: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(ids, lengths) of the pairs' English strings, `cross_share` of them in a third language where there is one."""
    english = data.english_of[pairs]
    if not config.cross_share:
        return data.english.gather(english, limit=config.max_tokens)
    assert data.siblings is not None
    others, met = data.siblings.abroad(pairs, english, rng)
    third = met & (rng.random(len(pairs)) < config.cross_share)
    return _either(
        data.texts.gather(others[third], limit=config.max_tokens),
        data.english.gather(english[~third], limit=config.max_tokens),
        third,
    )


def _either(
    one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], which: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(ids, lengths) of texts from two runs of them: the next of `one` where `which` is true, else of `other`."""
    lengths = np.empty(len(which), np.int64)
    lengths[which], lengths[~which] = one[1], other[1]
    from_one = np.repeat(which, lengths)
    ids = np.empty(len(from_one), np.int64)
    ids[from_one], ids[~from_one] = one[0], other[0]
    return ids, lengths


def _document_batch(data: TrainingData, config: DistilConfig, step: int, rng: np.random.Generator) -> Batch:
    """Runs of consecutive pairs of one source and language as documents; a line of each, on the other side, as query.

    The line is the run's first, which often is a heading, or any; `cloze_share` of the documents lack it (Lee et al.
    2019), and `cross_share` of the queries are in a third language. One side of all pairs gives the documents, the
    other the queries, drawn per step.
    """
    size = int(rng.integers(3, config.document_rows + 1))
    rows = data.sampler.runs(step, max(16, config.batch_size // 4), size, config.document_sources)
    place = np.where(rng.random(len(rows)) < 0.5, 0, rng.integers(0, size, len(rows)))
    english, each = data.english_of[rows], np.arange(len(rows))
    line = english[each, place]
    kept = np.ones(rows.shape, bool)
    if config.cloze_share:
        kept[each, place] = rng.random(len(rows)) >= config.cloze_share
    if rng.random() < 0.5:
        ids, lengths = data.texts.gather(rows[kept], limit=config.max_tokens)
        queries = _other_side(data, config, rows[each, place], rng)
    else:
        ids, lengths = data.english.gather(english[kept], limit=config.max_tokens)
        queries = data.texts.gather(rows[each, place], limit=config.max_tokens)
    same = (english[:, :, None] == line[None, None, :]).any(axis=1)
    np.fill_diagonal(same, False)
    owners = np.repeat(each, kept.sum(axis=1))
    documents = ids, np.bincount(owners, weights=lengths, minlength=len(rows)).astype(np.int64)
    return Batch(*_joined(documents, queries), line, same, translations=False)


def _question_batch(data: TrainingData, config: DistilConfig, _: int, rng: np.random.Generator) -> Batch:
    """Passages with their questions, among others of the same groups; the teacher says nothing of them."""
    assert data.questions is not None
    asked, answers = data.questions.draw(config.batch_size, group=config.question_group, rng=rng)
    passages = data.questions.passage.gather(answers, limit=config.max_tokens)
    questions = data.questions.question.gather(asked, limit=config.max_tokens)
    same = data.questions.answer[answers][:, None] == data.questions.answer[answers][None, :]
    same |= data.questions.asked[asked][:, None] == data.questions.asked[asked][None, :]
    np.fill_diagonal(same, False)
    return Batch(*_joined(passages, questions), None, same, translations=False)


def _joined(left: tuple[np.ndarray, np.ndarray], right: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([left[0], right[0]]), np.concatenate([left[1], right[1]])


def _drop_tokens(batch: Batch, share: float, rng: np.random.Generator) -> Batch:
    kept = rng.random(len(batch.ids)) >= share
    owners = np.repeat(np.arange(len(batch.lengths)), batch.lengths)
    lengths = np.bincount(owners[kept], minlength=len(batch.lengths))
    return Batch(batch.ids[kept], lengths, batch.english, batch.same, batch.translations)
