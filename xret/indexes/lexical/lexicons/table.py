"""Lexicons on disk: Parquet, `src_lang, tgt_lang, src, tgt, probability`, and the analyzers that made its terms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from xret.artifact import atomic_file
from xret.errors import InputError, MismatchError
from xret.indexes.lexical.terms import Terms

__all__ = ["COLUMNS", "METADATA", "Lexicon", "encoded", "open_lexicon", "write_lexicon"]

METADATA = b"xret.lexicon"
COLUMNS = pa.schema(
    [
        ("src_lang", pa.string()),
        ("tgt_lang", pa.string()),
        ("src", pa.string()),
        ("tgt", pa.string()),
        ("probability", pa.float32()),
    ]
)


@dataclass(frozen=True, eq=False)
class _Direction:
    """Translations from one language into another."""

    sources: Terms
    targets: pa.ChunkedArray
    probabilities: npt.NDArray[np.float32]

    def of(self, term: str) -> tuple[tuple[str, float], ...]:
        place = self.sources.place(term)
        if place is None:
            return ()
        start, stop = self.sources.span(place)
        targets = self.targets.slice(start, stop - start).to_pylist()
        return tuple(zip(targets, self.probabilities[start:stop].tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Translation probabilities between any number of languages; see `open_lexicon`.

    Attributes:
        analyzers: of every language in it.
        directions: by source and target language.
    """

    analyzers: Mapping[str, str]
    directions: Mapping[tuple[str, str], _Direction]

    def has(self, source: str, target: str) -> bool:
        """Whether it translates from one language into the other."""
        return (source, target) in self.directions

    def translate(self, term: str, source: str, target: str) -> tuple[tuple[str, float], ...]:
        """The translations of a term with their probabilities, likeliest first; none for an unknown term."""
        direction = self.directions.get((source, target))
        return direction.of(term) if direction else ()


def encoded(analyzers: Mapping[str, str]) -> bytes:
    """The metadata of a table."""
    return json.dumps({"analyzers": dict(sorted(analyzers.items()))}, sort_keys=True).encode()


def write_lexicon(path: str | Path, table: pa.Table) -> None:
    """Write what `estimate_lexicon` gave; the same table gives the same bytes.

    Raises:
        InputError: the place cannot be written.
    """
    with atomic_file(Path(path)) as temporary:
        pyarrow.parquet.write_table(table, temporary, compression="zstd")


def open_lexicon(paths: Iterable[str | Path] | str | Path) -> Lexicon:
    """One or several lexicons as one.

    Raises:
        InputError: no such file, or no lexicon.
        MismatchError: two of them analyse a language differently, or translate between the same languages.
    """
    paths = [paths] if isinstance(paths, str | Path) else paths
    analyzers: dict[str, str] = {}
    directions: dict[tuple[str, str], _Direction] = {}
    for path in paths:
        table, specs = _read(Path(path))
        for language, spec in specs.items():
            if analyzers.setdefault(language, spec) != spec:
                raise MismatchError(
                    f"{path}: analyses language '{language}' with {spec}, another lexicon with {analyzers[language]}; "
                    "make one of them again"
                )
        for key, direction in _directions(path, table):
            if key in directions:
                raise MismatchError(
                    f"{path}: translates {key[0]} to {key[1]}, as another lexicon does; give one of them"
                )
            directions[key] = direction
    return Lexicon(analyzers, directions)


def _read(path: Path) -> tuple[pa.Table, dict[str, str]]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; wanted a lexicon made by xret lexicon")
    try:
        table = pyarrow.parquet.read_table(path)
        found = json.loads((table.schema.metadata or {})[METADATA])["analyzers"]
        table = table.select(COLUMNS.names).cast(COLUMNS)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: is not a lexicon made by xret ({said}); make one with xret lexicon") from error
    return table, dict(found)


def _directions(path: str | Path, table: pa.Table) -> Iterable[tuple[tuple[str, str], _Direction]]:
    langs = pc.binary_join_element_wise(table["src_lang"], table["tgt_lang"], "\t").combine_chunks()
    for name in pc.unique(langs).to_pylist():
        own = table.filter(pc.equal(langs, name))
        runs = pc.run_end_encode(own["src"].combine_chunks())
        runs = pa.concat_arrays(runs.chunks) if isinstance(runs, pa.ChunkedArray) else runs
        sources, ends = runs.values, runs.run_ends.to_numpy().astype(np.int64)
        order = pc.sort_indices(sources).to_numpy()
        if not np.array_equal(order, np.arange(len(order))) or pc.count_distinct(sources).as_py() < len(order):
            raise InputError(f"{path}: its terms are not in order; make it again with xret lexicon")
        source, _, target = name.partition("\t")
        terms = Terms.of(pa.table({"term": sources, "end": ends}))
        probability = own["probability"].combine_chunks().to_numpy()
        yield (source, target), _Direction(terms, own["tgt"].combine_chunks(), probability)
