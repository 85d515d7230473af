"""The text that maps are fitted to and measured on: pairs with English, and text of one language."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import check_lang, read_corpus
from xret.encoders.distil.pairs import load_pairs, split_dev
from xret.errors import CorpusError, InputError, UsageError

__all__ = ["ENGLISH", "Examples", "Sources", "read_examples"]

ENGLISH = "en"  # of the column `en` of pairs
_HELD_SHARE = 20  # one text of so many is held out at most
logger = logging.getLogger("xret")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where text is from.

    Attributes:
        pairs: files as `xret models distil` reads them.
        texts: corpora in any format that `xret encode` reads, which tell each text's language.
        dev: files of pairs to measure on; none to hold out some of `pairs` and `texts`.
        languages: BCP 47, to take these alone; none for all.
        limit: the most pairs or texts of a language, drawn by `seed`.
        held_out: the most of a language that are held out, and never more than a twentieth.
        seed: of what is drawn.
    """

    pairs: Sequence[str | Path] = ()
    texts: Sequence[Path] = ()
    dev: Sequence[str | Path] = ()
    languages: Sequence[str] = ()
    limit: int = 5000
    held_out: int = 200
    seed: int = 1


@dataclass
class Examples:
    """Texts to encode.

    Attributes:
        anchors: each English sentence of the pairs, and each text of the corpora, once.
        anchor_langs: of the anchors.
        texts: translations of anchors.
        langs: of the translations.
        anchor_of: the place of each translation's anchor.
    """

    anchors: list[str] = field(default_factory=list)
    anchor_langs: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    langs: list[str] = field(default_factory=list)
    anchor_of: list[int] = field(default_factory=list)

    def add(self, rows: pa.Table, *, paired: bool) -> None:
        """Put in rows `en, text, lang, anchor`; `paired` ones come in as translations too."""
        places = {key: place for place, key in enumerate(zip(self.anchors, self.anchor_langs, strict=True))}
        for anchor, text, lang, of in zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True):
            place = places.setdefault((anchor, of), len(places))
            if place == len(self.anchors):
                self.anchors.append(anchor)
                self.anchor_langs.append(of)
            if paired:
                self.texts.append(text)
                self.langs.append(lang)
                self.anchor_of.append(place)


def read_examples(sources: Sources, *, alone: bool = False) -> tuple[Examples, Examples]:
    """What to fit to, and what to measure on: no English sentence of these is among those.

    Args:
        sources: where text is from.
        alone: whether a text without a translation can be measured too (as it comes to its teacher's vector).

    Raises:
        CorpusError: a file cannot be read, or its pairs lack a side.
        InputError: a language has no text, or is none; there is too little to hold some out.
        UsageError: no files, or none to measure on.
    """
    if not (sources.pairs or sources.texts):
        raise UsageError("there is nothing to fit a map to; give --pairs, or --texts")
    if not (sources.pairs or sources.dev or alone):
        raise UsageError("--texts tell nothing of retrieval; give pairs to measure it on, too (--dev)")
    kept = frozenset(_codes(sources.languages)) if sources.languages else None
    pairs = _only(_whole(sources.pairs), kept)
    texts = _only(_corpora(sources.texts), kept)
    _check_there(sources, pairs, texts)
    if sources.dev:
        dev = _only(_whole(sources.dev), kept)
        pairs, texts = (_without(rows, dev) for rows in (pairs, texts))
        if not pairs.num_rows + texts.num_rows:
            raise InputError("all text that was given to fit to is among what --dev measures on; give other text")
        held = [dev]
    else:
        pairs, held_pairs = _split(pairs, sources)
        texts, held_texts = _split(texts, sources) if alone else (texts, _empty())
        held = [held_pairs, held_texts]
    fit, measured = Examples(), Examples()
    fit.add(_limited(pairs, sources), paired=True)
    fit.add(_limited(texts, sources), paired=False)
    for rows in held:
        measured.add(rows, paired=True)
    if not measured.texts:
        raise InputError(
            f"{pairs.num_rows + texts.num_rows} texts are too few to hold some out (a twentieth of each language, of "
            "4 to 25 English words); give pairs to measure on (--dev)"
        )
    return fit, measured


def _codes(tags: Iterable[str]) -> list[str]:
    return [check_lang(tag) for tag in tags]


def _empty() -> pa.Table:
    return pa.table({name: pa.array([], pa.string()) for name in ("en", "text", "lang", "anchor")})


def _whole(paths: Sequence[str | Path]) -> pa.Table:
    """The pairs of files that have both sides."""
    if not paths:
        return _empty()
    table, where = load_pairs(paths), ", ".join(map(str, paths))
    blank = (pc.equal(pc.utf8_trim_whitespace(table[name]), "") for name in ("en", "text"))
    rows = table.filter(pc.invert(pc.or_(*blank)))
    if not rows.num_rows:
        raise CorpusError(f"{where}: no pair has both sides; a map is fitted to both")
    if lost := table.num_rows - rows.num_rows:
        logger.warning("%s: %d of %d pairs lack a side and were left out", where, lost, table.num_rows)
    return _named(rows.select(["en", "text", "lang"]), where, ENGLISH)


def _named(rows: pa.Table, where: str, anchor: str | None) -> pa.Table:
    """With canonical language codes, and the language of the anchor: `anchor`, or the text's own."""
    lang = pc.fill_null(rows["lang"], "und").combine_chunks().dictionary_encode()
    try:
        codes = pa.array(_codes(lang.dictionary.to_pylist()), pa.string())
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    own = codes.take(lang.indices)
    of = own if anchor is None else pa.array([anchor] * rows.num_rows, pa.string())
    return pa.table({"en": rows["en"], "text": rows["text"], "lang": own, "anchor": of}).combine_chunks()


def _corpora(paths: Sequence[Path]) -> pa.Table:
    """Texts of one language, as their own anchors."""
    tables = [_empty()]
    for path in paths:
        batches = [batch.select(["text", "lang"]) for batch in read_corpus(path)]
        rows = pa.Table.from_batches(batches, pa.schema([("text", pa.string()), ("lang", pa.string())]))
        rows = rows.filter(pc.not_equal(pc.utf8_trim_whitespace(rows["text"]), ""))
        rows = rows.append_column("en", rows["text"])
        tables.append(_named(rows.select(["en", "text", "lang"]), str(path), None))
    return pa.concat_tables(tables).combine_chunks()


def _only(rows: pa.Table, kept: frozenset[str] | None) -> pa.Table:
    return rows if kept is None else rows.filter(pc.is_in(rows["lang"], pa.array(sorted(kept)))).combine_chunks()


def _check_there(sources: Sources, *tables: pa.Table) -> None:
    found = {lang for rows in tables for lang in pc.unique(rows["lang"]).to_pylist()}
    if missing := [code for code in _codes(sources.languages) if code not in found]:
        raise InputError(
            f"there is no text in '{missing[0]}' in what was given; leave it out, or add a file that has it"
        )
    if not found:
        raise InputError("what was given holds no text; give a file that does")


def _without(rows: pa.Table, dev: pa.Table) -> pa.Table:
    seen = pa.chunked_array([*dev["en"].chunks, *dev["text"].chunks], pa.string())
    left = rows.filter(pc.invert(pc.is_in(rows["en"], pc.unique(seen))))
    if lost := rows.num_rows - left.num_rows:
        logger.info("%d pairs were left out of what is fitted to: their English is among those measured on", lost)
    return left.combine_chunks()


def _split(rows: pa.Table, sources: Sources) -> tuple[pa.Table, pa.Table]:
    if not rows.num_rows:
        return rows, rows
    langs = sorted(pc.unique(rows["lang"]).to_pylist())
    fit, held = split_dev(rows, per_language=sources.held_out, languages=langs, seed=sources.seed)
    return fit, held.combine_chunks()


def _limited(rows: pa.Table, sources: Sources) -> pa.Table:
    """At most `limit` rows of a language."""
    lang = rows["lang"].combine_chunks().dictionary_encode()
    codes, rng = lang.indices.to_numpy(zero_copy_only=False), np.random.default_rng(sources.seed)
    order = np.lexsort((rng.random(len(codes)), codes))
    firsts = np.searchsorted(codes[order], codes[order])  # where each one's language begins
    return rows.take(pa.array(np.sort(order[np.arange(len(order)) - firsts < sources.limit]))).combine_chunks()
