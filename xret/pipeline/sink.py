"""Named outputs: a value written to the file that its extension asks for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa

from xret.artifact import MANIFEST, atomic_file, atomic_folder, read_manifest
from xret.atomic import real_place
from xret.errors import InputError
from xret.mapped import write_evenly
from xret.packed import PACKED
from xret.pipeline.kinds import FOLDERS
from xret.stages.stage import Value

__all__ = ["check_target", "folder_kind", "write_value"]

TABLE = (".tsv", ".json", ".jsonl", ".parquet", ".arrow")
TEXT = {"pairs": (".tsv", ".jsonl", ""), "run": (".trec", ".txt", ".run", ".jsonl", "")}
"""Extensions, "" being none, of the formats of a kind that may also be packed."""
WHOLE = {"pairs": (".json", ".parquet", ".arrow"), "run": (".parquet", ".arrow")}
"""Extensions of its other formats; all other tables have those of `TABLE`."""
FILES = {*PACKED, *TABLE, *TEXT["run"]} - {""}


def check_target(name: str, path: Path, kind: str) -> None:
    """Refuse, before anything is computed, an output that could not be written.

    Args:
        name: the output's, to begin the message with.
        path: where it is to go.
        kind: of the value (see `xret.pipeline.kinds`); kinds that are no folders are tables.

    Raises:
        InputError: its folder does not exist; the extension is not one for this kind of value; there is a folder where
            a file is to go, or something else than an artifact of the same kind where a folder is to go.
    """
    try:
        place = real_place(path)
        if place is not None and not place.parent.is_dir():
            raise InputError(f"{place.parent}: no such folder; make it first")
        if kind in FOLDERS:
            _check_folder(path, kind)
        else:
            _check_extension(path, kind)
            if path.is_dir():
                raise InputError(f"{path}: is a folder; give the name of a file to write")
    except InputError as error:
        raise InputError(f"output '{name}': {error}") from error


def folder_kind(path: Path) -> str:
    """The kind of artifact that a folder holds, as its manifest calls it.

    Raises:
        InputError: it is no artifact made by xret.
    """
    try:
        return str(json.loads((path / MANIFEST).read_text(encoding="utf-8"))["kind"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is no folder made by xret, or was interrupted") from error


def write_value(value: Value, path: Path, *, kind: str) -> None:
    """Write pairs, runs and other tables in the format of the extension; copy the folder of an artifact.

    A copy replaces an artifact of the same kind, and nothing else.

    Raises:
        InputError: as for `check_target`; or the format cannot hold this table.
    """
    if isinstance(value, Path):
        _copy_folder(value, path)
        return
    ending = _check_extension(path, kind)
    if kind == "run" and ending != ".arrow":
        from xret.runs import write_run

        write_run(value, path)
    elif kind == "pairs" and ending not in (".json", ".arrow"):
        from xret.bitext import write_pairs

        write_pairs(value, path)
    else:
        _write_table(value, path)


def _check_extension(path: Path, kind: str) -> str:
    """The extension that tells the format, without what tells that it is packed."""
    packed = path.suffix in PACKED
    ending = Path(path.stem).suffix if packed else path.suffix
    text, whole = TEXT.get(kind, ()), WHOLE.get(kind, TABLE)
    if ending in text or (ending in whole and not packed):
        return ending
    known = " ".join(each for each in (*text, *whole) if each)
    also = f"; {' '.join(each for each in text if each)} also {' and '.join(PACKED)}" if text else ""
    what = "pairs are" if kind == "pairs" else "a run is" if kind == "run" else "a table is"
    found = f"to '{''.join(path.suffixes[-2:]) if packed else ending}'" if path.suffix else "without an extension"
    raise InputError(f"{path}: {what} not written {found}; known: {known}{also}")


def _check_folder(path: Path, kind: str) -> None:
    if path.suffix in FILES:
        raise InputError(f"{path}: {kind} go to a folder, and '{path.suffix}' is for files; give another name")
    if path.is_dir():
        try:
            read_manifest(path, kind=kind)
        except InputError as error:
            raise InputError(f"{error}; not replaced: remove it or choose another name") from error
    elif path.exists() or path.is_symlink():
        raise InputError(f"{path}: exists and is no folder; remove it or choose another name")


def _copy_folder(source: Path, path: Path) -> None:
    if path.exists() and path.samefile(source):
        return
    if path.resolve().is_relative_to(source.resolve()):
        raise InputError(f"{path}: lies in {source}, which is to be copied there; choose another name")
    _check_folder(path, folder_kind(source))
    with atomic_folder(path, replace=True) as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True)


def _write_table(table: pa.Table, path: Path) -> None:
    with atomic_file(path) as temporary:
        if path.suffix in (".parquet", ".arrow"):
            write_evenly(table, str(temporary), parquet=path.suffix == ".parquet")
        elif path.suffix in (".json", ".jsonl"):
            _write_json(table, temporary, lines=path.suffix == ".jsonl")
        else:
            _write_tsv(table, temporary)


def _write_json(table: pa.Table, path: Path, *, lines: bool) -> None:
    with open(path, "w", encoding="utf-8") as out:
        if lines:
            for batch in table.to_batches():
                out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())
        else:
            json.dump(table.to_pylist(), out, ensure_ascii=False, indent=1)
            out.write("\n")


def _write_tsv(table: pa.Table, path: Path) -> None:
    with open(path, "w", encoding="utf-8") as out:
        out.write("\t".join(table.column_names) + "\n")
        for batch in table.to_batches():
            for row in zip(*batch.to_pydict().values(), strict=True):
                out.write("\t".join(_cell(value) for value in row) + "\n")


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("\t", " ").replace("\n", " ")
