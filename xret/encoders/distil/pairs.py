"""Parallel training data: read from any number of files, cleaned, and held as one Arrow table."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.encoders.distil.sources import PairSource, as_source, read_source

__all__ = ["cap_cells", "cell_codes", "clean_pairs", "load_pairs", "split_dev"]

log = logging.getLogger("xret")

# Localisation strings carry codes that no sentence has. RE2 syntax.
_CODES = (
    (
        r"%\([A-Za-z_]+\)[sdif]|%(?:\d+\$)?[-+0#]*\d*(?:\.\d+)?l?[sdiufxcg]\b|\$\([A-Z0-9_]+\)|\$\{?[A-Za-z_]+\}?|\{[A-Za-z0-9_]*\}",
        " ",
    ),
    (r"</?[A-Za-z][^<>]{0,80}>|<[a-z, ]{1,20}$|\\[nrt]|&[a-z]{2,6};", " "),  # tags; cut-off grammar marks: "Hund <masc"
    (r"\([_&^~]?\p{Latin}\)", " "),  # mnemonics of scripts without Latin letters: ファイル(F)
    (r"(^|\s|\()[_&~](\p{L})", r"\1\2"),  # mnemonics at a word's start: _File
    (r"(\p{L})[_^~&](\p{Ll})", r"\1\2"),  # … and inside it: Up^grade
    (r"\s+", " "),
)
_SENSE_NUMBER = r"^(.*\p{L}\)?) \d$"  # dictionaries number the senses: "sana 2"


def load_pairs(paths: Sequence[str | Path | PairSource]) -> pa.Table:
    """Pairs of all `paths` as one table `en, text, lang, source` of strings.

    Raises:
        CorpusError: a file is missing, empty, truncated, one-sided or lacks a column.
    """
    return pa.concat_tables([read_source(as_source(path)) for path in paths]).combine_chunks()


def clean_pairs(table: pa.Table, *, max_chars: int = 1200) -> pa.Table:
    """Pairs worth training on: codes and mnemonics removed; untranslated, letterless, lopsided, repeated ones dropped.

    Args:
        table: `en, text, lang, source`.
        max_chars: longest side kept, in characters.
    """
    before = table.num_rows
    en, text = (_strip_codes(table[name]) for name in ("en", "text"))
    numbered = pc.and_(pc.match_substring_regex(text, _SENSE_NUMBER), pc.invert(pc.match_substring_regex(en, r"\d")))
    text = pc.if_else(numbered, pc.replace_substring_regex(text, _SENSE_NUMBER, r"\1"), text)
    table = table.set_column(0, "en", en).set_column(1, "text", text)
    lengths = [pc.utf8_length(side) for side in (en, text)]
    ratio = pc.divide(pc.cast(pc.add(lengths[0], 12), pa.float32()), pc.cast(pc.add(lengths[1], 12), pa.float32()))
    keep = pc.not_equal(pc.utf8_lower(en), pc.utf8_lower(text))
    for side, length in zip((en, text), lengths, strict=True):
        keep = pc.and_(keep, pc.match_substring_regex(side, r"\p{L}"))
        keep = pc.and_(keep, pc.and_(pc.greater(length, 0), pc.less_equal(length, max_chars)))
    keep = pc.and_(
        keep, pc.and_(pc.greater(ratio, 0.3), pc.less(ratio, 6.0))
    )  # Chinese says it in a quarter of the letters
    table = table.filter(keep)
    table = table.group_by(["en", "text", "lang"], use_threads=False).aggregate([("source", "first")])
    table = table.rename_columns(["en", "text", "lang", "source"]).combine_chunks()
    log.info("pairs: %d of %d kept after cleaning", table.num_rows, before)
    return table


def _strip_codes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    for pattern, replacement in _CODES:
        column = pc.replace_substring_regex(column, pattern, replacement)
    return pc.utf8_trim_whitespace(column)


def split_dev(table: pa.Table, *, per_language: int, languages: Sequence[str], seed: int) -> tuple[pa.Table, pa.Table]:
    """(train, dev): `per_language` pairs of four words or more leave training per language, with all their English.

    A dev pair's English string appears in no training pair of any language.
    """
    rng = np.random.default_rng(seed)
    words = pc.add(pc.count_substring(table["en"], " "), 1)
    long = pc.and_(pc.greater_equal(words, 4), pc.less_equal(words, 25)).to_numpy(zero_copy_only=False)
    lang = table["lang"].combine_chunks().dictionary_encode()
    codes, names = lang.indices.to_numpy(), lang.dictionary.to_pylist()
    chosen = []
    for name in languages:
        rows = np.flatnonzero((codes == names.index(name)) & long) if name in names else np.empty(0, np.int64)
        chosen.append(rng.permutation(rows)[: min(per_language, len(rows) // 20)])
    dev = table.take(pa.array(np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.int64)))
    held = pc.is_in(table["en"], value_set=pc.unique(dev["en"]))
    return table.filter(pc.invert(held)).combine_chunks(), dev


def cap_cells(table: pa.Table, caps: Mapping[str, int], *, seed: int) -> pa.Table:
    """At most ``caps[source]`` pairs per language of each source named.

    Where a source is cut (dictionaries), the pairs stay whose English string occurs in most pairs of the whole table,
    for these are the commoner words; ties are drawn by `seed`.
    """
    counts = pc.value_counts(table["en"])
    known = pc.index_in(table["en"], value_set=counts.field("values"))
    occurrences = counts.field("counts").take(known.combine_chunks()).to_numpy()
    keep = np.ones(table.num_rows, dtype=bool)
    cells, lang_of, source_of = cell_codes(table)
    rng = np.random.default_rng(seed)
    for cell in range(len(lang_of)):
        rows = np.flatnonzero(cells == cell) if source_of[cell] in caps else np.empty(0, np.int64)
        cap = caps.get(source_of[cell], 0)
        if len(rows) > cap > 0:
            order = np.lexsort((rng.random(len(rows)), -occurrences[rows]))
            keep[rows[order[cap:]]] = False
    kept = table.filter(pa.array(keep)).combine_chunks()
    log.info("pairs: %d of %d kept under the caps", kept.num_rows, table.num_rows)
    return kept


def cell_codes(table: pa.Table) -> tuple[np.ndarray, list[str], list[str]]:
    """(code, languages, sources): each row's (language, source) cell as an int64 code, and what the codes stand for."""
    lang = table["lang"].combine_chunks().dictionary_encode()
    source = table["source"].combine_chunks().dictionary_encode()
    width = len(source.dictionary)
    joint = lang.indices.to_numpy().astype(np.int64) * width + source.indices.to_numpy()
    values, codes = np.unique(joint, return_inverse=True)
    langs, sources = lang.dictionary.to_pylist(), source.dictionary.to_pylist()
    return codes, [langs[v // width] for v in values], [sources[v % width] for v in values]
