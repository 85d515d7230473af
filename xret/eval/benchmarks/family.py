"""What a family of sets tells about itself, and what loading one gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from xret.corpus.languages import check_lang
from xret.errors import EvalError, UsageError
from xret.eval.benchmarks.clir_topics import Source
from xret.eval.benchmarks.documents import Documents
from xret.eval.benchmarks.found import Files
from xret.eval.protocols import Protocol
from xret.suggest import did_you_mean

__all__ = ["Family", "Loaded", "Options", "language_of", "one_language"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What of a set is wanted.

    Attributes:
        lang: the language that the set has parts of: of the documents, or of the questions where these vary.
        split: such as ``dev`` or ``test``; None is the family's first.
        fields: parts of a topic that make the query; None is what the protocol says.
        source: whose words of a topic: ``original``, ``human`` or ``machine`` translation.
        encoding: of marked-up text.
        name: of the set, where one family has several (``clef03-mlir``).
    """

    lang: str | None = None
    split: str | None = None
    fields: tuple[str, ...] | None = None
    source: Source = "original"
    encoding: str = "utf-8"
    name: str = ""

    def of(self, lang: str, split: str) -> Options:
        """The same for one language and split."""
        return replace(self, lang=lang, split=split)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """One language and split of a set, not yet checked."""

    queries: pa.Table
    qrels: pa.Table | None = None
    answers: dict[str, list[str]] | None = None
    documents: Documents | None = None
    files: tuple[tuple[str, Sequence[Path]], ...] = ()
    protocol: Protocol | None = None  # where the data say by which they are scored


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of sets that are published in one layout.

    Attributes:
        names: of its protocols.
        layout: its files, a line each, for help.
        load: reads one language and split (both given in the options).
        languages: the languages found in a folder, as ``--lang`` takes them.
        splits: the first is the one usually reported.
        labels: all that judgements may be; None: anything.
        each: whether a language is a collection of its own (else one file has them all).
    """

    names: tuple[str, ...]
    layout: str
    load: Callable[[Files, Options], Loaded]
    languages: Callable[[Files, Options], list[str]]
    splits: tuple[str, ...] = ("test",)
    labels: frozenset[int] | None = None
    each: bool = True


def language_of(options: Options, known: dict[str, str] | None = None) -> tuple[str, str]:
    """The canonical tag of the wanted language, and what the set's file names call it.

    Args:
        options: with `lang`.
        known: tag -> name in files, where these are not the tags.

    Raises:
        UsageError: none wanted, or one that the set does not have.
    """
    if options.lang is None:
        raise UsageError("say which language with --lang")
    tag = check_lang(options.lang)
    if known is None:
        return tag, options.lang
    if tag not in known:
        raise UsageError(f"--lang {options.lang}: {options.name} has no such language; {did_you_mean(tag, known)}")
    return tag, known[tag]


def one_language(found: list[str], files: Files) -> str:
    """The only language found.

    Raises:
        EvalError: none.
        UsageError: several.
    """
    if not found:
        raise EvalError(f"{files.label}: no file name tells a language of this set; check the folder, or give --lang")
    if len(found) > 1:
        raise UsageError(f"{files.label} has {', '.join(found)}; say which with --lang (or give runs as LANG=RUN)")
    return found[0]
