"""From parallel texts to a table of translations, in both directions."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.corpus import check_lang
from xret.errors import InputError
from xret.indexes.lexical.analyzers import Analyzer, analyzer, base_language, spec_of
from xret.indexes.lexical.lexicons.model1 import Texts, Translations, chosen_pairs, translations
from xret.indexes.lexical.lexicons.table import COLUMNS, METADATA, encoded

__all__ = ["estimate_lexicon", "whole_words"]

logger = logging.getLogger("xret")
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def estimate_lexicon(
    pairs: pa.Table,
    langs: tuple[str, str],
    *,
    analyzers: Mapping[str, str] | None = None,
    rounds: int = 5,
    most: int = 16,
    mass: float = 0.97,
    least: float = 0.005,
    seed: int = 0,
) -> pa.Table:
    """Translation probabilities of terms, both ways, from sentence pairs, mined or made by people.

    A probability is that of Model 1 times that of the other direction, brought to sum 1: a pair of terms must choose
    each other (Wang & Oard 2006, "Combining bidirectional translation and synonymy for cross-language information
    retrieval"). Of every term's translations the best are kept.

    Args:
        pairs: `src_text, tgt_text`.
        langs: of source and target, BCP 47.
        analyzers: by language, as for an index; languages cut into n-grams are left in words here.
        rounds: of expectation and maximisation.
        most: translations per term.
        mass: of probability to keep; the rarest beyond it go.
        least: probability worth keeping.
        seed: of the choice of pairs, where there are too many.

    Returns:
        `src_lang, tgt_lang, src, tgt: string, probability: float32`; for every term of a language its translations,
        likeliest first. See `write_lexicon`.

    Raises:
        InputError: no pairs with terms on both sides, one language twice, or a language without an analyzer.
    """
    codes = [base_language(check_lang(lang)) for lang in langs]
    if codes[0] == codes[1]:
        raise InputError(f"source and target are both in '{codes[0]}'; a lexicon needs two languages")
    specs = {code: whole_words(spec_of(code, analyzers)) for code in codes}
    source, target = (
        _texts(pairs[name], analyzer(specs[code])) for name, code in zip(("src_text", "tgt_text"), codes, strict=True)
    )
    rows = chosen_pairs(source, target, seed=seed)
    if not len(rows):
        raise InputError(f"no pair of {pairs.num_rows:,} has words on both sides; a lexicon needs parallel texts")
    logger.info("lexicon: %s of %s pairs, %s", f"{len(rows):,}", f"{pairs.num_rows:,}", "-".join(codes))
    source, target = source.of(rows), target.of(rows)
    there, back = translations(source, target, rounds=rounds), translations(target, source, rounds=rounds)
    there, back = _agreed(there, back, len(target.terms)), _agreed(back, there, len(source.terms))
    tables = [
        _table(codes[0], codes[1], source.terms, target.terms, _best(there, most, mass, least)),
        _table(codes[1], codes[0], target.terms, source.terms, _best(back, most, mass, least)),
    ]
    return pa.concat_tables(tables).replace_schema_metadata({METADATA: encoded(specs)})


def whole_words(spec: str) -> str:
    """The analyzer for a lexicon: words that an index cuts into n-grams are translated whole."""
    return "words" if spec.startswith("grams:") else spec


def _texts(column: pa.ChunkedArray, analyze: Analyzer) -> Texts:
    numbers: dict[str, int] = {}
    found: list[int] = []
    lengths: list[int] = []
    for chunk in column.chunks:
        for text in chunk.to_pylist():
            terms = analyze.terms(text)
            found += [numbers.setdefault(term, len(numbers)) for term in terms]
            lengths.append(len(terms))
    return Texts(list(numbers), np.array(found, np.int64), np.array(lengths, np.int64))


def _agreed(one: Translations, other: Translations, targets: int) -> Translations:
    """The product of both directions, of the pairs that both have, as probabilities of `one`'s targets."""
    key, reverse = one.source * targets + one.target, other.target * targets + other.source
    order = np.argsort(reverse)
    place = np.minimum(np.searchsorted(reverse, key, sorter=order), len(reverse) - 1)
    both = reverse[order[place]] == key
    product = one.probability[both] * other.probability[order[place[both]]]
    source = one.source[both]
    return Translations(source, one.target[both], product / np.bincount(source, product)[source])


def _best(found: Translations, most: int, mass: float, least: float) -> Translations:
    """Of every source term the likeliest targets, brought to sum 1, likeliest first."""
    order = np.lexsort((found.target, -found.probability, found.source))
    source, target, probability = found.source[order], found.target[order], found.probability[order]
    first = np.flatnonzero(np.diff(source, prepend=-1))
    sizes = np.diff(np.append(first, len(source)))
    place = np.arange(len(source)) - np.repeat(first, sizes)
    before = np.cumsum(probability) - probability
    before -= np.repeat(before[first], sizes)
    kept = (place < most) & ((place == 0) | ((before < mass) & (probability >= least)))
    source, target, probability = source[kept], target[kept], probability[kept]
    return Translations(source, target, probability / np.bincount(source, probability)[source])


def _table(source: str, target: str, sources: Sequence[str], targets: Sequence[str], found: Translations) -> pa.Table:
    """Rows in the order of the source terms' bytes."""
    order = np.array(sorted(range(len(sources)), key=lambda number: sources[number].encode()), np.int64)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    rows = np.argsort(rank[found.source], kind="stable")
    size = len(rows)
    return pa.table(
        {
            "src_lang": pa.repeat(pa.scalar(source, pa.string()), size),
            "tgt_lang": pa.repeat(pa.scalar(target, pa.string()), size),
            "src": pa.array(sources, pa.string()).take(pa.array(found.source[rows])),
            "tgt": pa.array(targets, pa.string()).take(pa.array(found.target[rows])),
            "probability": pa.array(found.probability[rows].astype(np.float32)),
        },
        schema=COLUMNS,
    )
