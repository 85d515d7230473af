"""A multilingual unigram tokeniser for static students (Kudo 2018), fitted on text balanced over languages.

The library's trainer takes its seed pieces from the list of distinct words, blind to how often each occurs, so common
short words come out in shreds. For a bag of token vectors whole common words matter most: they are added here, all
scores are estimated again, and what is least used is dropped.
"""

from __future__ import annotations

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import atomic_file
from xret.errors import UsageError

__all__ = ["count_words", "fit_tokeniser", "merge_words", "word_splitter"]

log = logging.getLogger("xret")

# Marks and letter variants that writers use or leave out at will; a bag of pieces is better without them.
_FOLD = (
    ("[\u0300-\u036f]", ""),  # left-over combining marks, after NFKC (the dot of a lower-cased İ among them)
    ("[\u064b-\u065f\u0670\u0640\u0591-\u05c7]", ""),  # Arabic short vowels and tatweel, Hebrew points
    ("[أإآٱ]", "ا"),
    ("[يى]", "ی"),
    ("ك", "ک"),
    ("ة", "ه"),
    ("ё", "е"),
    ("[’ʼ`´]", "'"),
    ("[\u200b-\u200f\u2060\ufeff]", ""),
)
_NO_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"


def word_splitter() -> tuple[Any, Any]:
    """(normaliser, pre-tokeniser) of the `tokenizers` library.

    Every word begins with the word-start mark, also behind punctuation, so the mark never stands alone; runs of
    scripts written without spaces carry none, since where such a run begins says nothing about words.
    """
    from tokenizers import Regex, normalizers, pre_tokenizers

    folds = [normalizers.Replace(Regex(pattern) if len(pattern) > 1 else pattern, target) for pattern, target in _FOLD]
    normaliser = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), *folds])
    splitter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("isolated"),
            pre_tokenizers.Split(Regex(f"[{_NO_SPACES}]+"), "isolated"),
            pre_tokenizers.Metaspace(prepend_scheme="always"),
            pre_tokenizers.Split(Regex(f"^▁(?=[{_NO_SPACES}])"), "removed"),
        ]
    )
    return normaliser, splitter


_SPECIAL = ["<pad>", "<unk>"]
_MARK = "▁"
_LAST_RESORT = -30.0  # score of the lone mark, so that it stands alone only where nothing else fits


def fit_tokeniser(
    pairs: pa.Table, target: Path, *, vocab_size: int, chars_per_language: int, languages: Sequence[str], seed: int
) -> None:
    """Fit a unigram tokeniser and write it as `tokenizer.json`.

    Args:
        pairs: `en, text, lang, source`.
        target: file to write.
        vocab_size: most pieces, the two special ones (``<pad>`` 0, ``<unk>`` 1) included.
        chars_per_language: characters read of each of `languages` and, threefold, of English; a tenth of it of others.
        languages: BCP 47 codes that get the full share.
        seed: of the sampling.

    Raises:
        UsageError: `vocab_size` is less than the text has characters.
    """
    from tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = word_splitter()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=_SPECIAL, unk_token="<unk>", max_piece_length=16, show_progress=False
    )
    try:
        tokenizer.train_from_iterator(_balanced(pairs, chars_per_language, set(languages), seed), trainer)
    except Exception as error:  # the library raises bare Exception
        reason = str(error).splitlines()[0]
        raise UsageError(f"vocab_size = {vocab_size}: no tokeniser can be fitted ({reason}); take more") from error
    words = count_words(_balanced(pairs, chars_per_language, set(languages), seed))
    tokenizer = merge_words(tokenizer, words, vocab_size=vocab_size)
    with atomic_file(target) as temporary:
        tokenizer.save(str(temporary), pretty=False)


def count_words(batches: Iterable[list[str]]) -> Counter[str]:
    """How often each word, as `word_splitter` cuts them, occurs."""
    normaliser, splitter = word_splitter()
    counts: Counter[str] = Counter()
    for batch in batches:
        for text in batch:
            counts.update([word for word, _ in splitter.pre_tokenize_str(normaliser.normalize_str(text))])
    return counts


def merge_words(subwords: Any, words: Counter[str], *, vocab_size: int, rounds: int = 3) -> Any:
    """A tokeniser of the pieces of `subwords` and the common ones among `words`, cut to `vocab_size`.

    Scores are estimated by `rounds` of segmenting every word by its best path and counting (hard expectation
    maximisation); at each round the least used pieces above the (shrinking) limit are dropped. Single characters stay.
    Scores come from the frequencies in the text, so that common words are read whole; which pieces stay is decided by
    the square root of each word's frequency, so that parts of many rare words are not crowded out.
    """
    import json

    from tokenizers import Tokenizer

    total = sum(words.values())
    scores = {piece: score for piece, score in json.loads(subwords.to_str())["model"]["vocab"] if piece not in _SPECIAL}
    scores |= {_MARK + piece: score for piece, score in scores.items() if piece[0].isalpha() and len(piece) > 2}
    common = [word for word, count in words.most_common(vocab_size) if len(word) <= 24 and count >= 5]
    scores |= {word: math.log(words[word] / total) for word in common}
    characters = {character for word in words for character in word} - {_MARK}
    floor = math.log(0.5 / total)
    for character in sorted(characters):
        scores.setdefault(character, floor)
    firsts = {word[:2] for word in words if word[0] == _MARK and len(word) > 1}
    for first in sorted(firsts):
        scores.setdefault(first, floor)
    kept = characters | firsts
    for number in range(rounds):
        model = _model(scores)
        counts: defaultdict[str, int] = defaultdict(int)
        worth: defaultdict[str, float] = defaultdict(float)
        for word, count in words.items():
            for token in model.tokenize(word):
                counts[token.value] += count
                worth[token.value] += count**0.5
        limit = vocab_size - len(_SPECIAL) - 1 if number == rounds - 1 else vocab_size * (1.6 - 0.3 * number)
        ranked = sorted(scores, key=lambda piece: (piece not in kept, -worth[piece], piece))[: int(limit)]
        used = sum(counts[piece] for piece in ranked)
        scores = {piece: math.log(max(counts[piece], 0.5) / used) for piece in ranked if piece != _MARK}
    tokenizer = Tokenizer(_model(scores))
    tokenizer.normalizer, tokenizer.pre_tokenizer = word_splitter()
    log.info("tokeniser: %d pieces, %d of them whole words", len(scores), sum(piece in words for piece in scores))
    return tokenizer


def _model(scores: dict[str, float]) -> Any:
    from tokenizers import models

    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return models.Unigram([("<pad>", 0.0), ("<unk>", 0.0), (_MARK, _LAST_RESORT), *ranked], 1, False)


def _balanced(pairs: pa.Table, chars: int, languages: set[str], seed: int) -> Iterator[list[str]]:
    rng = np.random.default_rng(seed)
    yield from _sample(pc.unique(pairs["en"]), 3 * chars, rng)
    for lang in sorted(pc.unique(pairs["lang"]).to_pylist()):
        texts = pc.unique(pairs.filter(pc.equal(pairs["lang"], lang))["text"])
        yield from _sample(texts, chars if lang in languages else chars // 10, rng)


def _sample(texts: pa.Array, chars: int, rng: np.random.Generator) -> Iterator[list[str]]:
    order = rng.permutation(len(texts))
    ends = np.cumsum(pc.utf8_length(texts).to_numpy()[order])
    order = order[: int(np.searchsorted(ends, chars)) + 1]
    for start in range(0, len(order), 4096):
        yield texts.take(pa.array(order[start : start + 4096])).to_pylist()
