"""`xret align --documents blank`: text files whose documents stand between blank lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["without_blank_lines"]

BLANK = "empty line"  # what a corpus calls them, which takes them for mistakes


def without_blank_lines(source: str, place: Path, *, lang: str | None, on_error: Any) -> pa.Table:
    """The lines of a text file, or of a folder of them, that hold something; their ids are their numbers.

    Args:
        source: the file; ``-`` is stdin.
        place: of the lines, as a file.
        lang: where names do not tell it.
        on_error: ``fail`` or ``skip``, for anything else than blank lines.

    Raises:
        UsageError: no text file.
        CorpusError: it cannot be read, or holds malformed lines and `on_error` is ``fail``.
    """
    import logging

    from xret.corpus import import_corpus, open_corpus
    from xret.corpus.problems import Skipped
    from xret.corpus.sources import find_source
    from xret.errors import CorpusError, UsageError

    if source != "-" and find_source(source).shards[0].format != "txt":
        raise UsageError(f"--documents blank: '{source}' is no text file; blank lines part nothing there")
    place.parent.mkdir(parents=True, exist_ok=True)
    found = import_corpus(source, place, lang=lang, on_error="skip", format="txt" if source == "-" else None)
    others = Skipped({reason: count for reason, count in found.counts.items() if reason != BLANK})
    if others.total and on_error == "fail":
        raise CorpusError(
            f"{source}: malformed lines ({others.summary()}); mend them, or --on-error skip leaves them out"
        )
    if others.total:
        logging.getLogger("xret").warning("%s: %s, each of which parts documents", source, others.summary())
    return open_corpus(place)
