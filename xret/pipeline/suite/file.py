"""The suite file: benchmarks, systems and measures in TOML.

measures = ["nDCG@20", "R@100"]     # of benchmarks that do not say their own

[[benchmark]]
name = "news"
corpus = "docs.jsonl"               # paths from the folder of this file
queries = "queries.tsv"
qrels = "qrels.txt"

[[system]]
name = "dense"
kind = "dense"

[[system]]
name = "dense reranked"
kind = "rerank"
of = "dense"
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from xret.errors import InputError, UsageError
from xret.eval.measures import parse_measure
from xret.eval.scores import DEFAULT_MEASURES
from xret.pipeline.options import make_record
from xret.pipeline.suite.benchmark import BenchmarkEntry
from xret.pipeline.suite.order import check_system
from xret.pipeline.suite.places import Places
from xret.pipeline.suite.system import System
from xret.pipeline.suite.systems import KINDS
from xret.suggest import did_you_mean

__all__ = ["Suite", "read_suite"]

TABLES = ("benchmark", "system")
T = TypeVar("T", BenchmarkEntry, System)


@dataclass(frozen=True, kw_only=True)
class _Defaults:
    """What stands before the tables.

    Attributes:
        title: for reports.
        measures: of benchmarks of files that do not name their own.
        fairness: also of these: how fair runs are to the languages of documents.
        k: documents per query that searches find, where neither system nor benchmark says.
        sample: so many queries of each benchmark; None: all.
        seed: of the sample.
    """

    title: str = ""
    measures: tuple[str, ...] = DEFAULT_MEASURES
    fairness: bool = False
    k: int = 100
    sample: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 1:
            raise UsageError(f"k is {self.k}; ask for at least 1 document per query")
        if self.sample is not None and self.sample < 1:
            raise UsageError(f"sample is {self.sample}; take at least 1 query")
        for each in self.measures:
            parse_measure(each)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A suite as its file has it, checked as far as it can be without opening data and models.

    Attributes:
        path: the file.
        title: for reports.
        k: documents per query that searches find, where neither system nor benchmark says.
        benchmarks: name -> entry, in the order of the file, each collection by itself.
        groups: name of a set -> language -> name of the benchmark of its collection.
        systems: name -> system, in the order of the file.
    """

    path: Path
    title: str
    k: int
    benchmarks: Mapping[str, BenchmarkEntry]
    groups: Mapping[str, Mapping[str, str]]
    systems: Mapping[str, System]

    @property
    def work(self) -> Path:
        """The default work folder: ``suite.toml`` works in ``suite.work`` beside it."""
        return self.path.with_suffix(".work")

    @property
    def results(self) -> Path:
        """The default folder of results: ``suite.results`` beside the file."""
        return self.path.with_suffix(".results")


def read_suite(path: str | Path, *, sample: int | None = None, seed: int | None = None) -> Suite:
    """Read and check a suite file; data and models are not opened.

    Args:
        path: the TOML file.
        sample: instead of what the file says, for all benchmarks.
        seed: likewise.

    Raises:
        InputError: the file is missing or malformed, or says something that cannot be; with the line where known.
    """
    path = Path(path)
    text = _text(path)
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    places = Places(text)
    forced = {key: value for key, value in (("sample", sample), ("seed", seed)) if value is not None}
    defaults = _defaults(path, places, {key: value for key, value in fields.items() if key not in TABLES} | forced)
    shared: dict[str, Any] = {"seed": defaults.seed}
    if defaults.sample is not None:
        shared["sample"] = defaults.sample

    ours = {"measures": list(defaults.measures), "fairness": defaults.fairness}

    def benchmark(table: dict[str, Any]) -> BenchmarkEntry:
        own = shared | ({} if "protocol" in table else ours)
        made = make_record(BenchmarkEntry, {**own, **table, **forced}, f"benchmark '{table.get('name', '')}'")
        return made.located(path.parent)

    benchmarks = _tables(path, places, fields, "benchmark", benchmark)
    parts = _parts(path, places, benchmarks)
    groups = {
        name: {lang: part.name for lang, part in entry.parts().items()}
        for name, entry in benchmarks.items()
        if entry.collections is not None
    }
    systems = _tables(path, places, fields, "system", lambda table: _system(table, path.parent))
    for number, system in enumerate(systems.values()):
        with _place(path, places.table("system", number)):
            check_system(system, systems, (*parts, *groups))
    return Suite(path=path, title=defaults.title, k=defaults.k, benchmarks=parts, groups=groups, systems=systems)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start}); a suite file is TOML text") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); wanted a suite file in TOML") from error


def _defaults(path: Path, places: Places, top: dict[str, Any]) -> _Defaults:
    known = [field.name for field in dataclasses.fields(_Defaults)]
    for key, value in top.items():
        with _place(path, places.key(key)):
            if key not in known:
                raise UsageError(f"unknown key '{key}'; {did_you_mean(key, (*known, *TABLES))}")
            make_record(_Defaults, {key: value}, "the suite")
    return make_record(_Defaults, top, "the suite")


def _tables(
    path: Path, places: Places, fields: Mapping[str, Any], kind: str, make: Callable[[dict[str, Any]], T]
) -> dict[str, T]:
    """The tables of a kind by name."""
    tables = fields.get(kind)
    if not isinstance(tables, list) or not tables or not all(isinstance(each, dict) for each in tables):
        raise InputError(f'{path}: has no {kind}s; write each under a line [[{kind}]], with name = "…"')
    made: dict[str, T] = {}
    for number, table in enumerate(tables):
        line = places.table(kind, number)
        with _place(path, line):
            name = table.get("name")
            if not isinstance(name, str) or not name.strip() or "/" in name:
                raise UsageError(f"[[{kind}]] wants name = \"…\", a word or more without '/'; found {name!r}")
            if name in made:
                first = places.table(kind, list(made).index(name))
                where = f"the one on line {first}" if first else "one before it"
                raise UsageError(f"{kind} '{name}' has the name of {where}; give it another")
        with _place(path, line, partial(places.key, table=line)):
            made[name] = make(table)
    return made


def _parts(path: Path, places: Places, benchmarks: Mapping[str, BenchmarkEntry]) -> dict[str, BenchmarkEntry]:
    """Benchmarks by name, each collection by itself."""
    made: dict[str, BenchmarkEntry] = {}
    for number, entry in enumerate(benchmarks.values()):
        for part in entry.parts().values():
            if part.name in made or (part.name in benchmarks and part is not entry):
                with _place(path, places.table("benchmark", number)):
                    raise UsageError(f"benchmark '{entry.name}' has a collection called '{part.name}', as another is")
            made[part.name] = part
    return made


def _system(table: dict[str, Any], folder: Path) -> System:
    table = dict(table)
    kind, name = table.pop("kind", None), table["name"]
    if not isinstance(kind, str) or kind not in KINDS:
        found = f"kind '{kind}' is not known; {did_you_mean(str(kind), KINDS)}" if kind else 'has no kind = "…"'
        raise UsageError(f"system '{name}': {found}" + ("" if kind else f"; known: {', '.join(KINDS)}"))
    try:
        return make_record(KINDS[kind], table, f"system '{name}' ({kind})").located(folder)
    except UsageError as error:
        text = str(error)
        raise UsageError(text if f"'{name}'" in text else f"system '{name}' ({kind}): {text}") from error


@contextmanager
def _place(path: Path, line: int | None, key_line: Callable[[str], int | None] | None = None) -> Iterator[None]:
    """Put the file and the line before the messages of mistakes within."""
    try:
        yield
    except UsageError as error:
        named = re.search(r"option '(\w+)'", str(error))
        line = key_line(named[1]) if named and key_line else line
        raise InputError(f"{path}: {f'line {line}: ' if line else ''}{error}") from error
