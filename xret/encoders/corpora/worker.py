"""The other side of `workers`: a process that encodes the shards it is sent until there are no more.

It reads an Arrow stream on stdin, one batch (`id`, `text`, `lang`) per shard, and writes JSON lines to stdout:
``{"done": rows}`` on the way, ``{"shard": …}`` for each finished file, ``{"log": …}``, and ``{"error": …}`` at the end.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import IO, Any

from xret.errors import ModelError, XretError

__all__ = ["serve"]

_TELL = 256  # texts from one progress line to the next


def serve() -> None:
    """Work by the specification (JSON) in the last argument of the command line, until stdin ends."""
    # Libraries print; what they print must not come between the lines of JSON.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    spec = json.loads(sys.argv[-1])
    logger = logging.getLogger("xret")
    logger.setLevel(spec["level"])
    logger.addHandler(_Sent(out))
    logger.propagate = False
    try:
        _work(spec, out)
    except BrokenPipeError:  # the parent has gone
        os._exit(1)
    except XretError as error:
        _last(out, type(error).__name__, str(error))
    except Exception as error:
        _last(out, "", f"{type(error).__name__}: {error}".partition("\n")[0])


def _last(out: IO[str], kind: str, message: str) -> None:
    """Say what ended the work, where anybody still listens: without a parent, its stream is cut off too."""
    try:
        _say(out, error={"kind": kind, "message": message})
    except BrokenPipeError:
        os._exit(1)


def _work(spec: dict[str, Any], out: IO[str]) -> None:
    import pyarrow as pa

    from xret.encoders.load import load_encoder

    encoder = load_encoder(spec["name"], device=spec["device"], threads=spec["threads"])
    if encoder.hash != spec["hash"]:
        raise ModelError(f"{spec['name']}: was changed, or is another model here, since the run began; start again")
    for number, batch in enumerate(pa.ipc.open_stream(sys.stdin.buffer)):
        _say(out, shard=_encode(encoder, pa.Table.from_batches([batch]), number, spec, out))


def _encode(encoder: Any, rows: Any, number: int, spec: dict[str, Any], out: IO[str]) -> dict[str, Any]:
    """Write the vectors to a file of this process' own and describe it."""
    from xret.artifact import file_hash
    from xret.encoders.corpora.shards import encode_rows, facts
    from xret.vectors.shard import write_shard
    from xret.vectors.writer import checked

    waiting = [0]

    def advance(texts: int) -> None:
        waiting[0] += texts
        if waiting[0] >= _TELL:
            _say(out, done=waiting[0])
            waiting[0] = 0

    dtype = spec["dtype"]
    vectors, losses = encode_rows(encoder, rows, role=spec["role"], dim=spec["dim"], dtype=dtype, advance=advance)
    _say(out, done=waiting[0])
    ids = rows["id"].combine_chunks()
    values = checked(ids, vectors, dim=vectors.shape[1], dtype=dtype, where=spec["out"])
    path = Path(spec["folder"], f".worker-{os.getpid()}-{number}.part")
    try:
        write_shard(path, ids, values)
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())
    except OSError as error:
        raise XretError(
            f"{spec['out']}: writing failed ({error.strerror}); free some space or choose another place"
        ) from error
    return {"file": path.name, "rows": len(ids), "sha256": file_hash(path), **facts(losses)}


def _say(out: IO[str], **message: Any) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


class _Sent(logging.Handler):
    """Log lines to the parent, which says each once."""

    def __init__(self, out: IO[str]) -> None:
        super().__init__()
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        _say(self._out, log=[record.levelno, record.getMessage()])


if __name__ == "__main__":
    serve()
