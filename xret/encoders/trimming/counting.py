"""How often corpora use each token, and how many of their texts use only some; streamed, in bounded memory."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from xret.corpus import check_lang, open_corpus
from xret.corpus.problems import OnError
from xret.encoders.reading.tokenizer import TextTokenizer
from xret.encoders.recipe import Recipe, Role
from xret.encoders.trimming.subwords import Subwords
from xret.errors import InputError

__all__ = ["Corpora", "Counted", "Row", "TokenReader", "count", "texts_covered"]

Row = tuple[str, str]  # text, language
_ENDLESS = 1 << 30  # tokens
_ROWS, _CHARACTERS = 4096, 1 << 20  # of a batch
_WORDS = 1 << 18  # unknown words remembered


class Corpora:
    """Corpora that can be read again and again.

    Attributes:
        names: of each.
    """

    def __init__(
        self, sources: Sequence[str | Path], *, lang: str | None, languages: Sequence[str] | None, on_error: OnError
    ) -> None:
        """Open them: see `xret.corpus.open_corpus`; `languages`, BCP 47, are those to read, None for all.

        Raises:
            InputError: one cannot be read, or a language is not known.
        """
        self.names = [str(source) for source in sources]
        self._tables = [open_corpus(source, lang=lang, on_error=on_error) for source in sources]
        self._languages = None if languages is None else {check_lang(tag) for tag in languages}
        self.rows = sum(table.num_rows for table in self._tables)

    def batches(self, place: int) -> Iterator[list[Row]]:
        """The texts of a corpus, some at a time."""
        held: list[Row] = []
        size = 0
        for batch in self._tables[place].select(["text", "lang"]).to_batches(max_chunksize=_ROWS):
            for text, lang in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
                if not self._wanted(lang):
                    continue
                held.append((text, lang))
                size += len(text)
                if len(held) >= _ROWS or size >= _CHARACTERS:
                    yield held
                    held, size = [], 0
        if held:
            yield held

    def _wanted(self, lang: str) -> bool:
        chosen = self._languages
        return chosen is None or lang in chosen or lang.partition("-")[0] in chosen


class TokenReader:
    """A model's texts to ids without an end: as its reader does, but that nothing is cut.

    Attributes:
        roles: those that put different prompts before a text.
    """

    def __init__(self, path: Path, recipe: Recipe, *, threads: int | None = None) -> None:
        """Load the tokeniser.

        Raises:
            ModelError: it cannot be read.
        """
        policy = recipe.multi_vector
        before = ". " if policy and policy.marker_mode == "overwrite_dot" else ""
        roles: tuple[Role | None, ...] = ("document", "query", None)
        self._prompts = {role: before + recipe.prompt(role) for role in roles}
        self.roles = list({text: role for role, text in self._prompts.items()}.values())
        self._romanise = recipe.romanise
        if self._romanise is not None:
            self._romanise.check()
        self.prompts = sorted({*self._prompts.values()} - {""})
        self._text = TextTokenizer(
            path, max_length=_ENDLESS, lowercase=recipe.lowercase, prompt=self._prompts.__getitem__, threads=threads
        )

    def prepared(self, rows: Sequence[Row]) -> list[str]:
        """The texts of rows as the tokeniser gets them, but for prompts."""
        texts = [text for text, _ in rows]
        return texts if self._romanise is None else self._romanise(texts, lang=[lang for _, lang in rows])

    def __call__(self, texts: Sequence[str], role: Role | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The ids of prepared texts in a role, end to end, and how many each has."""
        tokens = self._text(texts, role=role)
        return tokens.ids, tokens.lengths

    def words(self, text: str, subwords: Subwords, role: Role | None) -> set[str]:
        """What the model of the tokeniser is given of a text."""
        backend: Any = self._text._tokenizer
        found: set[str] = set()
        for part in subwords.around(self._prompts[role] + text):
            plain = backend.normalizer.normalize_str(part) if backend.normalizer else part
            for piece in subwords.around(plain):
                split = backend.pre_tokenizer.pre_tokenize_str(piece) if backend.pre_tokenizer else [(piece, None)]
                found.update(word for word, _ in split)
        return found


@dataclass(frozen=True)
class Counted:
    """What the corpora use."""

    counts: NDArray[np.int64]  # (corpora, ids)
    texts: tuple[int, ...]  # of each corpus
    needed: frozenset[int]  # further ids without which unknown words would be read otherwise
    sample: tuple[Row, ...]
    languages: frozenset[str]  # of the texts; ``und`` where some do not say


def count(corpora: Corpora, reader: TokenReader, subwords: Subwords, *, sample: int, size: int) -> Counted:
    """Count the tokens of all texts, in every role.

    Args:
        corpora: the texts.
        reader: makes ids of them.
        subwords: of the same tokeniser.
        sample: how many texts to draw, each with the same chance.
        size: ids there are.

    Raises:
        InputError: no texts are left.
    """
    counts, texts = np.zeros((len(corpora.names), size), np.int64), [0] * len(corpora.names)
    unknown, drawn, languages = _Unknown(reader, subwords), _Draw(sample), set[str]()
    with tqdm(total=corpora.rows, desc="count", unit=" texts", unit_scale=True, disable=None) as bar:
        for place in range(len(corpora.names)):
            for rows in corpora.batches(place):
                words = reader.prepared(rows)
                for role in reader.roles:
                    ids, lengths = reader(words, role)
                    counts[place] += np.bincount(ids, minlength=size)
                    unknown.look(words, ids, lengths, role)
                drawn.offer(rows)
                languages.update(lang for _, lang in rows)
                texts[place] += len(rows)
                bar.update(len(rows))
    if not sum(texts):
        raise InputError(f"{', '.join(corpora.names)}: no text is in the languages to keep; check their 'lang' column")
    return Counted(counts, tuple(texts), frozenset(unknown.needed), tuple(drawn.rows), frozenset(languages))


def texts_covered(corpora: Corpora, reader: TokenReader, kept: NDArray[np.bool_]) -> list[int]:
    """How many texts of each corpus have kept tokens only, in every role.

    Args:
        corpora: the texts.
        reader: makes ids of them.
        kept: (ids,) which are.
    """
    covered = [0] * len(corpora.names)
    with tqdm(total=corpora.rows, desc="coverage", unit=" texts", unit_scale=True, disable=None) as bar:
        for place in range(len(corpora.names)):
            for rows in corpora.batches(place):
                whole, words = np.ones(len(rows), np.bool_), reader.prepared(rows)
                for role in reader.roles:
                    ids, lengths = reader(words, role)
                    lost = np.repeat(np.arange(len(rows)), lengths)[~kept[ids]]
                    whole[lost] = False
                covered[place] += int(whole.sum())
                bar.update(len(rows))
    return covered


class _Unknown:
    """Collects what WordPiece matches in words that it does not know (see `Subwords.unknown_prefix`)."""

    def __init__(self, reader: TokenReader, subwords: Subwords) -> None:
        self._reader, self._subwords = reader, subwords
        self._seen: set[str] = set()
        self.needed: set[int] = set()

    def look(self, texts: Sequence[str], ids: NDArray[np.int64], lengths: NDArray[np.int64], role: Role | None) -> None:
        subwords = self._subwords
        if subwords.kind != "WordPiece" or subwords.unknown is None:
            return
        for row in np.unique(np.repeat(np.arange(len(texts)), lengths)[ids == subwords.unknown]).tolist():
            for word in self._reader.words(texts[row], subwords, role) - self._seen:
                self.needed |= subwords.unknown_prefix(word)
                self._seen.add(word)
        if len(self._seen) > _WORDS:
            self._seen.clear()


class _Draw:
    """Some of many rows, each with the same chance: those with the lowest of random numbers."""

    def __init__(self, size: int) -> None:
        self._size, self._random = size, random.Random(0)
        self._held: list[tuple[float, Row]] = []

    def offer(self, rows: Sequence[Row]) -> None:
        limit = self._held[-1][0] if len(self._held) >= self._size > 0 else 1.0
        lots = [(lot, row) for row in rows if (lot := self._random.random()) < limit]
        self._held = sorted([*self._held, *lots])[: self._size]

    @property
    def rows(self) -> list[Row]:
        return [row for _, row in self._held]
