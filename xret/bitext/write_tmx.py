"""Sentence pairs as TMX 1.4, the exchange format of translation memories.

A unit holds the two texts and, as properties, every other column: ``<prop type="x-score">``. The bytes do not depend on
the clock: the date of creation, which is optional, is left out.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa

from xret.bitext.columns import PAIR_COLUMNS, Langs
from xret.bitext.plain import json_text, plain_values
from xret.errors import UsageError

__all__ = ["write_tmx"]

logger = logging.getLogger("xret")
ROWS = 1 << 14  # units turned into text at once
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # characters that XML 1.0 cannot hold at all
_TEXTS = PAIR_COLUMNS[3:]


def write_tmx(pairs: pa.Table, stream: IO[bytes], langs: Langs) -> None:
    """Write all pairs, in their order.

    Characters that XML cannot hold (control characters) become U+FFFD; a warning says how many there were.

    Args:
        pairs: `src_text, tgt_text`, and others.
        stream: gets UTF-8.
        langs: of the source and of the target (BCP 47).

    Raises:
        UsageError: a language is not known.
    """
    from xret import __version__

    if "und" in langs:
        side = "source" if langs[0] == "und" else "target"
        raise UsageError(f"TMX names the language of every text: say which the {side} is in")
    header = (
        f'<header creationtool="xret" creationtoolversion={quoteattr(__version__)} segtype="sentence" o-tmf="xret" '
        f'adminlang="en" srclang={quoteattr(langs[0])} datatype="plaintext"/>'
    )
    stream.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4">\n')
    stream.write(f"{header}\n<body>\n".encode())
    replaced = 0
    for start in range(0, pairs.num_rows, ROWS):
        text, count = _NOT_XML.subn("\ufffd", "".join(_units(pairs.slice(start, ROWS), start, langs)))
        replaced += count
        stream.write(text.encode())
    stream.write(b"</body>\n</tmx>\n")
    if replaced:
        logger.warning(f"TMX: {replaced:,} control characters, which XML cannot hold, became U+FFFD")


def _units(rows: pa.Table, start: int, langs: Langs) -> Iterator[str]:
    others = [name for name in rows.column_names if name not in _TEXTS]
    columns = [plain_values(rows[name]) for name in others]
    marks = [f"<tuv xml:lang={quoteattr(lang)}><seg>" for lang in langs]
    kinds = [quoteattr(f"x-{name}") for name in others]
    texts = zip(*(rows[name].to_pylist() for name in _TEXTS), strict=True)
    for number, both in enumerate(texts, start + 1):
        lines = [f'<tu tuid="{number}">']
        values = (column[number - start - 1] for column in columns)
        lines += [
            f"<prop type={kind}>{_escaped(v)}</prop>" for kind, v in zip(kinds, values, strict=True) if v is not None
        ]
        lines += [f"{mark}{_escaped(text)}</seg></tuv>" for mark, text in zip(marks, both, strict=True)]
        yield "\n".join([*lines, "</tu>\n"])


def _escaped(value: Any) -> str:
    """A value as XML text; carriage returns as references: a bare one would be read as a line feed."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=json_text)
    return escape(text, {"\r": "&#13;"})
