"""Whether a lexical index that Lucene keeps is what its manifest says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xret.errors import InputError
from xret.indexes.lexical.check import Checked
from xret.indexes.lexical.lucene.java import java_class
from xret.indexes.lexical.lucene.layout import LuceneManifest
from xret.indexes.lexical.lucene.write import directory, reading

__all__ = ["check_lucene"]


def check_lucene(folder: Path) -> Checked:
    """Let Lucene look at all its files (`CheckIndex`), and compare the numbers of documents with the manifest.

    Raises:
        InputError: the first thing that is wrong.
    """
    folder = Path(folder)
    manifest = LuceneManifest.read(folder)
    files = size = 0
    for language, part in manifest.parts.items():
        place = folder / part.folder
        if not _status(place).clean:
            raise InputError(f"{place}: Lucene finds it damaged; build the index again")
        with reading(place) as reader:
            documents = int(reader.numDocs())
        found, wanted = documents, sum(part.tags.values())
        if found != wanted:
            raise InputError(
                f"{place}: has {found:,} documents in '{language}', the manifest says {wanted:,}; a change was "
                "interrupted or made from outside; build the index again"
            )
        found_files = [path for path in place.iterdir() if path.is_file()]
        files, size = files + len(found_files), size + sum(path.stat().st_size for path in found_files)
    return Checked(manifest.rows, files, size, None)


def _status(folder: Path) -> Any:
    checker = java_class("org.apache.lucene.index.CheckIndex")(directory(folder))
    try:
        return checker.checkIndex()
    except Exception as error:  # a JavaException: what Lucene cannot read at all
        raise InputError(
            f"{folder}: Lucene cannot read it ({str(error).splitlines()[0]}); build the index again"
        ) from error
    finally:
        checker.close()
