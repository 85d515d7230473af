"""Files of pairs: tables of several formats, or two text files whose lines belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xret.bitext.files import read_file
from xret.corpus.languages import is_lang
from xret.errors import CorpusError, UsageError
from xret.packed import existing, packing, plain_suffix, read_bytes

__all__ = ["PairSource", "as_source", "read_pair_file", "read_source", "read_texts"]

NAMES = ("en", "text", "lang", "source")
_LAYOUTS = (("score", "src_id", "tgt_id", "src_text", "tgt_text"), NAMES, NAMES[:3], NAMES[:2])
_ALIASES = {"src_text": "en", "tgt_text": "text"}  # what `xret mine` writes
_BLOCK = 1 << 26  # bytes; no row may be longer
_WHAT = "a Parquet, TSV, CSV or JSONL file of pairs (en, text, lang, source), or two text files A,B:LANG"


@dataclass(frozen=True, kw_only=True)
class PairSource:
    """Where pairs are from.

    Attributes:
        paths: one table, or two text files line by line: the teacher's side first.
        lang: BCP 47 of the student's side, where the file does not say it.
        source: the name that weights and caps go by; empty for the file's own column, or its name.
        weight: how much more often than by size it is drawn.
        columns: column of the file for each of `en`, `text`, `lang`, `source` that has another name there.
    """

    paths: tuple[Path, ...]
    lang: str = ""
    source: str = ""
    weight: float = 1.0
    columns: Mapping[str, str] = field(default_factory=dict)

    def existing(self) -> tuple[Path, ...]:
        """The paths.

        Raises:
            CorpusError: one is missing, or a folder.
        """
        return tuple(existing(path, what=_WHAT, error=CorpusError) for path in self.paths)

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return ",".join(map(str, self.paths))


def as_source(given: str | Path | Mapping[str, Any] | PairSource) -> PairSource:
    """A source from ``FILE``, ``FILE:LANG``, ``A,B``, ``A,B:LANG`` or a table of a TOML file.

    Raises:
        UsageError: a key of the table is unknown, or of another type.
    """
    if isinstance(given, PairSource):
        return given
    if isinstance(given, Mapping):
        return _from_table(given)
    text = str(given)
    if Path(text).exists():
        return PairSource(paths=(Path(text),))
    head, _, lang = text.rpartition(":")
    if not head or not is_lang(lang):
        head, lang = text, ""
    return PairSource(paths=tuple(Path(part) for part in head.split(",", 1)), lang=lang)


def _from_table(given: Mapping[str, Any]) -> PairSource:
    types = {"path": (str, list, tuple), "lang": str, "source": str, "weight": (int, float), "columns": dict}
    for name, value in given.items():
        if name not in types or not isinstance(value, types[name]):  # type: ignore[arg-type]
            raise UsageError(f"pairs: {name} = {value!r} is not understood; known: {', '.join(types)}")
    if not 0 < (weight := given.get("weight", 1)) < float("inf"):
        raise UsageError(f"pairs: weight = {weight}; wanted a number above 0")
    paths = given.get("path", ())
    parts = tuple(paths) if isinstance(paths, (list, tuple)) else as_source(paths).paths
    if not 1 <= len(parts) <= 2:
        raise UsageError("pairs: path names the file of a source, or its two text files; give one or two")
    rest = {name: value for name, value in given.items() if name != "path"}
    if isinstance(paths, str):
        rest.setdefault("lang", as_source(paths).lang)
    return PairSource(paths=tuple(map(Path, parts)), **rest)


def read_source(source: PairSource) -> pa.Table:
    """The pairs as a table `en, text, lang, source` of strings.

    Raises:
        CorpusError: a file is missing, broken, empty, one-sided or lacks a column, or two files differ in lines.
    """
    source.existing()
    table = (
        _aligned(source)
        if len(source.paths) == 2
        else _renamed(read_pair_file(source.paths[0], named=bool(source.columns)), source)
    )
    if "lang" not in table.column_names and source.lang:
        table = table.append_column("lang", pa.array([source.lang] * table.num_rows, pa.string()))
    if missing := [name for name in NAMES[:3] if name not in table.column_names]:
        raise CorpusError(f"{source.label}: has columns {table.column_names}, but no {', '.join(missing)}")
    if table.num_rows == 0:
        raise CorpusError(f"{source.label}: holds no pairs")
    if source.source or "source" not in table.column_names:
        name = source.source or _stem(source.paths[0])
        table = table.drop_columns([c for c in ("source",) if c in table.column_names])
        table = table.append_column("source", pa.array([name] * table.num_rows))
    try:
        table = table.select(list(NAMES)).cast(pa.schema([(name, pa.string()) for name in NAMES]))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise CorpusError(f"{source.label}: {', '.join(NAMES)} are not all text ({error})".splitlines()[0]) from error
    _check_sides(table, source)
    return table


def _stem(path: Path) -> str:
    name = path.stem if packing(path) else path.name
    return Path(name).stem


def _check_sides(table: pa.Table, source: PairSource) -> None:
    for name in NAMES[:3]:
        if table[name].null_count:
            table_row = pc.index(pc.is_null(table[name]), True).as_py()
            raise CorpusError(f"{source.label}: row {table_row + 1} has no '{name}'; drop such rows")
    for name, side in (("en", "teacher's"), ("text", "student's")):
        if pc.max(pc.utf8_length(pc.utf8_trim_whitespace(table[name]))).as_py() == 0:
            raise CorpusError(f"{source.label}: '{name}', the {side} side, is empty in every row; wanted translations")
    if unknown := [lang for lang in pc.unique(table["lang"]).to_pylist() if not is_lang(lang)]:
        raise CorpusError(f"{source.label}: lang '{unknown[0]}' is no language; wanted BCP 47 such as de or zh-Hant")


def _renamed(table: pa.Table, source: PairSource) -> pa.Table:
    renames = {**_ALIASES, **{theirs: ours for ours, theirs in source.columns.items()}}
    if unknown := sorted(set(source.columns.values()) - set(table.column_names)):
        raise CorpusError(f"{source.label}: has columns {table.column_names}, but no {', '.join(unknown)}")
    taken = set(renames.values()) & set(table.column_names) - set(_ALIASES.values())
    table = table.drop_columns([name for name in taken if name not in renames])
    return table.rename_columns([renames.get(name, name) for name in table.column_names])


def _aligned(source: PairSource) -> pa.Table:
    sides = [_lines(path) for path in source.paths]
    if len(sides[0]) != len(sides[1]):
        counts = " and ".join(f"{len(side):,}" for side in sides)
        raise CorpusError(f"{source.label}: have {counts} lines; lines that belong together must have one number")
    lang = source.lang or plain_suffix(source.paths[1]).removeprefix(".")
    if not is_lang(lang) or lang == "txt":
        raise CorpusError(f"{source.label}: of which language is the second? Put it behind: {source.label}:LANG")
    return pa.table({"en": sides[0], "text": sides[1], "lang": [lang] * len(sides[0])})


def _lines(path: Path) -> list[str]:
    data = read_bytes(path, what=_WHAT, error=CorpusError)
    try:
        lines = data.decode().replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 ({error.reason}); convert the file") from error
    return lines if lines[-1] else lines[:-1]


def read_pair_file(path: Path, *, named: bool = False) -> pa.Table:
    """The columns of a file: Parquet, JSONL, CSV, or TSV with `en`, `text`, `lang`, `source`, from the left.

    Args:
        path: the file.
        named: its first line has names of its own, also where it is TSV; CSV always has them.

    Raises:
        CorpusError: it cannot be read.
    """
    if plain_suffix(path) in (".jsonl", ".json") or packing(path):
        return read_file(path, _LAYOUTS, (), CorpusError, "pairs").table
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        return _read_named(path) if named or path.suffix == ".csv" else _read_tsv(path)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"{path}: cannot be read as pairs ({error}); wanted Parquet or TSV with en, text, lang, source"
        ) from error


def _read_named(path: Path) -> pa.Table:
    from pyarrow import csv

    tabs = path.suffix != ".csv"
    parse = csv.ParseOptions(delimiter="\t", quote_char=False) if tabs else csv.ParseOptions(newlines_in_values=True)
    return csv.read_csv(
        path,
        read_options=csv.ReadOptions(block_size=_BLOCK),
        parse_options=parse,
        convert_options=csv.ConvertOptions(strings_can_be_null=False),
    )


def _read_tsv(path: Path) -> pa.Table:
    from pyarrow import csv

    with open(path, encoding="utf-8-sig") as stream:
        line = stream.readline()
    if not line:
        raise CorpusError(f"{path}: holds no pairs")
    first = line.rstrip("\r\n").split("\t")
    names = list(next((layout for layout in _LAYOUTS if len(layout) == len(first)), NAMES))
    return csv.read_csv(
        path,
        read_options=csv.ReadOptions(column_names=names, skip_rows=int(first == names), block_size=_BLOCK),
        parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


def read_texts(paths: Sequence[str | Path]) -> pa.Array:
    """Distinct monolingual texts of files: lines, or the column `text` of JSONL or Parquet.

    Raises:
        CorpusError: a file is missing, broken or holds no text.
    """
    texts: list[str] = []
    for path in (existing(path, what="a file of monolingual text", error=CorpusError) for path in paths):
        if plain_suffix(path) in (".jsonl", ".parquet"):
            table = read_pair_file(path)
            if "text" not in table.column_names:
                raise CorpusError(f"{path}: has columns {table.column_names}, but no text")
            found = pc.cast(table["text"], pa.string()).drop_null().to_pylist()
        else:
            found = _lines(path)
        if not (found := [text for text in found if text.strip()]):
            raise CorpusError(f"{path}: holds no text")
        texts += found
    return pa.array(dict.fromkeys(texts), pa.string())
