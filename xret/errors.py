"""Every error xret raises on purpose; each message says what was found, what was wanted and what to do.

XretError                     exit code 1 (2 for UsageError)
├── InputError                a file or a value the user gave is wrong (names the file, and the line where there is one)
│   ├── CorpusError           text, TSV, JSONL, Parquet and Arrow corpora
│   ├── VectorsError          vector stores: wrong dimension, NaN, truncated shard, wrong checksum
│   ├── ModelError            checkpoints and recipes
│   ├── EvalError             runs, qrels, gold files
│   └── UnreachableError      a server that does not answer
├── MismatchError             two artifacts do not belong together (index and encoder, vectors and corpus)
├── MissingExtraError         an optional part is not installed; names the extra
├── DeviceError               the device asked for cannot be used
└── UsageError                options that contradict one another
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "CorpusError",
    "DeviceError",
    "EvalError",
    "InputError",
    "MismatchError",
    "MissingExtraError",
    "ModelError",
    "UnreachableError",
    "UsageError",
    "VectorsError",
    "XretError",
    "require",
]


class XretError(Exception):
    """Base of all errors that are the user's to mend; the command line prints the message alone, no traceback."""

    exit_code = 1


class UsageError(XretError):
    """Options that do not go together."""

    exit_code = 2


class InputError(XretError):
    """A file or value given by the user cannot be used."""


class CorpusError(InputError):
    """A corpus file is malformed."""


class VectorsError(InputError):
    """A vector store or array is malformed."""


class ModelError(InputError):
    """A checkpoint folder or recipe cannot be loaded."""


class EvalError(InputError):
    """A run, qrels or gold file is malformed or does not fit the others."""


class UnreachableError(InputError):
    """A server that holds what was asked for does not answer; the same may go well later."""


class MismatchError(XretError):
    """Two artifacts do not belong together."""


class MissingExtraError(XretError):
    """An optional dependency is not installed."""


class DeviceError(XretError):
    """The requested device is not usable."""


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional module, or say which extra installs it.

    Args:
        module: dotted module name, e.g. ``"faiss"``.
        extra: the extra that brings it, e.g. ``"cpu"``.
        purpose: what it is needed for, e.g. ``"searching an index"``.

    Raises:
        MissingExtraError: the module cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the Python module '{module}', which cannot be imported ({error}); "
            f"install it with: pip install 'xret[{extra}]'"
        ) from error
