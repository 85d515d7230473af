"""Corpora as memory-mapped tables: importing files into Arrow IPC, and finding earlier imports again."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa

from xret.artifact import MANIFEST, atomic_file, atomic_folder, digest, file_hash, read_manifest, write_manifest
from xret.corpus.columnar import is_ipc_file
from xret.corpus.extras import Drift, Extras
from xret.corpus.languages import check_lang
from xret.corpus.problems import OnError, Skipped
from xret.corpus.reader import CorpusReader, parse
from xret.corpus.rows import CORE
from xret.corpus.sources import Source, find_source, readable
from xret.errors import InputError
from xret.mapped import map_table

__all__ = ["import_corpus", "open_corpus"]

VERSION = 1  # raised when the same file begins to give another table: empties caches
ROWS = 65536  # of a batch written
DATA = "corpus.arrow"

_log = logging.getLogger("xret")


def import_corpus(
    source: str | Path,
    target: Path,
    *,
    lang: str | None = None,
    on_error: OnError = "fail",
    format: str | None = None,
) -> Skipped:
    """Write a corpus to an Arrow IPC file in bounded memory; nothing is left at `target` when that fails.

    Args:
        source: what `read_corpus` reads, with `lang`, `on_error` and `format`.
        target: the file to write.

    Returns:
        What was skipped.

    Raises:
        CorpusError: `source` cannot be read.
        InputError: `target` cannot be written, or `lang` is unknown.
    """
    return _import(find_source(source, format=format), Path(target), lang=lang, on_error=on_error)


def open_corpus(
    source: str | Path,
    *,
    lang: str | None = None,
    on_error: OnError = "fail",
    cache: Path | None = None,
    format: str | None = None,
) -> pa.Table:
    """A corpus as a memory-mapped table with the columns id, text, lang and any further ones.

    A sound Arrow IPC file is mapped as it is. Everything else is imported first: into `cache`, where it is found again
    by content and options, or into a temporary file that lasts as long as the table. Skipped rows are logged as a
    warning.

    Args:
        source: what `read_corpus` reads, with `lang`, `on_error` and `format`.
        cache: a folder for imports; made if it is not there.

    Raises:
        CorpusError: `source` cannot be read.
        InputError: `cache` cannot be written, or `lang` is unknown.
    """
    found = find_source(source, format=format)
    table = _mapped_in_place(found, lang, on_error)
    if table is not None:
        return table
    if cache is None:
        table, skipped = _imported_for_now(found, lang, on_error)
    else:
        table, skipped = _imported_into(Path(cache), found, lang, on_error)
    if skipped.total:
        _log.warning("%s: %s", found.label, skipped.summary())
    return table


def _import(source: Source, target: Path, *, lang: str | None, on_error: OnError) -> Skipped:
    try:
        return _write(CorpusReader(source, lang=lang, on_error=on_error, batch_rows=ROWS), target)
    except Drift as drift:
        _log.info("%s; doing so", drift)
    extras = Extras()
    extras.grow(rows for shard in source.shards for rows in parse(shard, extras))
    reader = CorpusReader(source, lang=lang, on_error=on_error, batch_rows=ROWS, extras=extras)
    return _write(reader, target)


def _write(reader: CorpusReader, target: Path) -> Skipped:
    first = next(reader)
    with atomic_file(target) as temporary, pa.ipc.new_file(str(temporary), first.schema) as writer:
        writer.write_batch(first)
        for batch in reader:
            writer.write_batch(batch)
    return reader.skipped


def _mapped_in_place(source: Source, lang: str | None, on_error: OnError) -> pa.Table | None:
    """The table of an Arrow IPC file that needs no change, or None."""
    shard = source.shards[0]
    if len(source.shards) > 1 or shard.format != "arrow" or shard.label == "<stdin>" or not is_ipc_file(shard):
        return None
    reader = CorpusReader(source, lang=lang, on_error=on_error, batch_rows=ROWS)
    schema = None
    for batch in reader:
        schema = batch.schema
    if schema is None or not reader.unchanged or reader.skipped.total or not _lies_in(shard.path, schema):
        return None
    table = _map(shard.path)
    return table.select([*CORE, *(name for name in table.column_names if name not in CORE)])


def _map(path: Path) -> pa.Table:
    return map_table(path, remedy="write it again").replace_schema_metadata(None)


def _lies_in(path: Path, schema: pa.Schema) -> bool:
    """Whether a table of that schema lies in the file's bytes: compressed ones would be unpacked into memory."""
    mapped = pa.memory_map(str(path)).read_buffer()
    file = pa.ipc.open_file(pa.BufferReader(mapped))
    if set(file.schema.remove_metadata()) != set(schema):
        return False
    text = next(batch for place in range(file.num_record_batches) if len(batch := file.get_batch(place))).column("text")
    return bool(mapped.address <= text.buffers()[2].address < mapped.address + mapped.size)


def _imported_for_now(source: Source, lang: str | None, on_error: OnError) -> tuple[pa.Table, Skipped]:
    folder = Path(tempfile.mkdtemp(prefix="xret-corpus-"))
    try:
        skipped = _import(source, folder / DATA, lang=lang, on_error=on_error)
        return _map(folder / DATA), skipped
    finally:
        # The mapping keeps the bytes alive; without a name they cannot be left behind, however the process ends.
        shutil.rmtree(folder, ignore_errors=True)


def _imported_into(cache: Path, source: Source, lang: str | None, on_error: OnError) -> tuple[pa.Table, Skipped]:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{cache}: cannot keep imported corpora here ({error.strerror}); choose another folder"
        ) from error
    folder = cache / _key(source, lang, on_error)
    if folder.exists():
        kept = _kept(folder)
        if kept is not None:
            _log.info("%s: imported before, using %s", source.label, folder)
            return kept
        shutil.rmtree(folder, ignore_errors=True)  # it came there whole, so the disk or somebody has damaged it
    try:
        with atomic_folder(folder) as temporary:
            skipped = _import(source, temporary / DATA, lang=lang, on_error=on_error)
            write_manifest(
                temporary,
                {
                    "kind": "corpus", "version": VERSION, "source": source.label, "skipped": skipped.counts,
                    "sha256": file_hash(temporary / DATA),
                },
            )  # fmt: skip
    except (OSError, InputError):
        # Another process may have made the very same folder in the meantime: its content is ours too.
        if not (folder / MANIFEST).is_file():
            raise
    made = _kept(folder)
    if made is None:
        raise InputError(f"{folder}: an import that cannot be read back; remove it and run again")
    return made


def _kept(folder: Path) -> tuple[pa.Table, Skipped] | None:
    try:
        fields = read_manifest(folder, kind="corpus")
        if fields["sha256"] != file_hash(folder / DATA):
            return None
        return _map(folder / DATA), Skipped(dict(fields["skipped"]))
    except (InputError, KeyError, OSError):
        return None


def _key(source: Source, lang: str | None, on_error: OnError) -> str:
    shards = []
    for shard in source.shards:
        with readable(shard.label):
            shards.append([shard.format, shard.compression, shard.lang, shard.prefix, file_hash(shard.path)])
    return digest("corpus", VERSION, shards, lang and check_lang(lang), on_error)
