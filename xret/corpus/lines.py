"""Text files to numbered lines: blocks of bytes are split and checked at once, line by line only when one is bad."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.corpus.problems import Faults
from xret.corpus.sources import Shard, open_stream
from xret.errors import CorpusError

__all__ = ["Lines", "read_lines"]

BLOCK = 4 << 20  # bytes read at once
LONGEST = 64 << 20  # bytes of a line; longer means that this is no text file with a sentence a line

_FOREIGN = (
    (b"\xff\xfe\x00\x00", "UTF-32 text", "convert it: iconv -f UTF-32 -t UTF-8"),
    (b"\x00\x00\xfe\xff", "UTF-32 text", "convert it: iconv -f UTF-32 -t UTF-8"),
    (b"\xff\xfe", "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"),
    (b"\x1f\x8b", "gzip data", "let its name end in .gz"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data", "let its name end in .zst"),
    (b"PAR1", "a Parquet file", "let its name end in .parquet"),
    (b"ARROW1", "an Arrow file", "let its name end in .arrow"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
)


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of one file, without line ends; malformed ones are in `faults` instead."""

    text: pa.StringArray
    numbers: npt.NDArray[np.int64]  # (n,), from 1
    faults: Faults


def read_lines(shard: Shard) -> Iterator[Lines]:
    """The lines of a text file, a few MiB at a time. A ``\\r`` before the line end and a leading BOM are dropped.

    Raises:
        CorpusError: the file cannot be read, is truncated, is no UTF-8 text at all, or has an absurdly long line.
            (Single lines that are not UTF-8 become faults.)
    """
    for number, block in _blocks(shard):
        faults = Faults(shard.place)
        lines = _split(block)
        numbers = np.arange(number, number + len(lines), dtype=np.int64)
        if not _is_text(block):
            lines, numbers = _decode_each(lines, numbers, faults)
        yield Lines(lines, numbers, faults)


def _blocks(shard: Shard) -> Iterator[tuple[int, bytes]]:
    """Pairs of the first line's number and whole lines, each with its line end (but perhaps the file's last)."""
    number, rest = 1, b""
    with open_stream(shard) as stream:
        data = _start(stream.read(BLOCK), shard)
        while data:
            cut = data.rfind(b"\n") + 1
            if cut:
                block, rest = rest + data[:cut], data[cut:]
                yield number, block
                number += block.count(b"\n")
            else:
                rest += data
            if len(rest) > LONGEST:
                raise CorpusError(
                    f"{shard.place.replace('{}', str(number))}: line of more than {LONGEST >> 20} MiB; "
                    "wanted one sentence or document a line"
                )
            data = stream.read(BLOCK)
    if rest:
        yield number, rest


def _start(data: bytes, shard: Shard) -> bytes:
    """The first block without a byte order mark, after a look at whether this is text at all."""
    for magic, found, remedy in _FOREIGN:
        if data.startswith(magic):
            raise CorpusError(f"{shard.label}: holds {found}, wanted UTF-8 text; {remedy}")
    if data[:4096].count(0) * 3 > len(data[:4096]):
        raise CorpusError(
            f"{shard.label}: looks like UTF-16 text without a byte order mark (many NUL bytes), wanted UTF-8; "
            "convert it: iconv -f UTF-16LE -t UTF-8"
        )
    return data.removeprefix(b"\xef\xbb\xbf")


def _is_text(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in block


def _split(block: bytes) -> pa.BinaryArray:
    """The lines of a block as bytes viewed as strings: the newlines are squeezed out and become offsets."""
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
        block = block[:-1] if block.endswith(b"\r") else block
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    offsets = np.zeros(len(ends) + 1, np.int32)
    offsets[1:] = ends - np.arange(len(ends))
    data = block.translate(None, b"\n")
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(data))


def _decode_each(
    lines: pa.StringArray, numbers: npt.NDArray[np.int64], faults: Faults
) -> tuple[pa.StringArray, npt.NDArray[np.int64]]:
    kept = []
    texts = []
    for row, line in enumerate(lines.cast(pa.binary()).to_pylist()):
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            found = f"byte {error.start + 1} of the line is 0x{line[error.start]:02x}, which is not UTF-8"
            faults.add(numbers[row : row + 1], "invalid UTF-8", f"{found}; save the file as UTF-8")
            continue
        if "\0" in text:
            at = line.index(b"\0") + 1
            faults.add(numbers[row : row + 1], "NUL byte", f"byte {at} of the line is NUL; remove it")
            continue
        kept.append(row)
        texts.append(text)
    return pa.array(texts, pa.string()), numbers[kept]
