"""Named outputs: a value written to the file that its extension asks for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa

from xret.artifact import atomic_file, atomic_folder
from xret.errors import InputError
from xret.stages.stage import Value

__all__ = ["check_target", "write_arrow", "write_value"]

FORMATS = (".tsv", ".jsonl", ".json", ".parquet", ".arrow", ".txt", ".trec", ".gz", ".zst")


def check_target(name: str, path: Path) -> None:
    """Refuse, before anything is computed, an output that could not be written.

    Raises:
        InputError: its folder does not exist, it is a folder, or its extension is unknown.
    """
    if not path.parent.is_dir():
        raise InputError(f"output '{name}': {path.parent}: no such folder; make it first")
    if path.suffix and path.suffix not in FORMATS:
        raise InputError(f"output '{name}': {path}: unknown extension '{path.suffix}'; known: {' '.join(FORMATS)}")


def write_value(value: Value, path: Path) -> None:
    """Write pairs, runs and other tables in the format of the extension; copy the folder of an artifact.

    Raises:
        InputError: the format cannot hold this table, or the place cannot be written.
    """
    if isinstance(value, Path):
        _copy_folder(value, path)
        return
    names = set(value.column_names)
    if {"qid", "docid", "score", "rank"} <= names and path.suffix not in (".json", ".tsv", ".arrow"):
        from xret.runs import write_run

        write_run(value, path)
    elif {"score", "src_id", "tgt_id"} <= names and path.suffix in (".tsv", ".jsonl", ".parquet", ".gz", ".zst"):
        from xret.bitext import write_pairs

        write_pairs(value, path)
    else:
        _write_table(value, path)


def _copy_folder(source: Path, path: Path) -> None:
    if path.is_dir():  # an earlier run's copy of the same artifact kind: ours to replace, whatever else is not
        if not (path / "manifest.json").is_file():
            raise InputError(f"{path}: exists and was not made by xret; remove it or choose another name")
        shutil.rmtree(path)
    with atomic_folder(path) as temporary:
        shutil.copytree(source, temporary, dirs_exist_ok=True)


def _write_table(table: pa.Table, path: Path) -> None:
    with atomic_file(path) as temporary:
        if path.suffix == ".parquet":
            import pyarrow.parquet as parquet

            parquet.write_table(table, temporary)
        elif path.suffix == ".arrow":
            write_arrow(table, temporary)
        elif path.suffix in (".json", ".jsonl"):
            _write_json(table, temporary, lines=path.suffix == ".jsonl")
        elif path.suffix == ".tsv":
            _write_tsv(table, temporary)
        else:
            raise InputError(f"{path}: tables of this kind go to .tsv, .json, .jsonl, .parquet or .arrow files")


def write_arrow(table: pa.Table, path: Path) -> None:
    """Write an Arrow IPC file, the format that can be mapped; not atomic by itself."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)


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
