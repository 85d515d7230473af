"""What can go wrong on the way from a hub, in one line each."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xret.errors import InputError, ModelError, UsageError, XretError, require

__all__ = ["endpoint", "told", "where"]


def endpoint() -> str | None:
    """The hub that is set; None for huggingface_hub's own."""
    return os.environ.get("HF_ENDPOINT") or None


def where() -> str:
    """The hub's address."""
    return endpoint() or "https://huggingface.co"


@contextmanager
def told(name: str, part: Path) -> Iterator[None]:
    """Say in one line what went wrong on the way.

    Args:
        name: hub id.
        part: the folder that is fetched into.

    Raises:
        ModelError: in place of what huggingface_hub and its HTTP library raise.
        InputError: the disk is full or cannot be written.
        UsageError: no hub id, or no token.
    """
    errors = require("huggingface_hub.errors", extra="cpu", purpose="fetching a model")
    place = where()
    theirs = logging.getLogger("huggingface_hub.file_download")
    level = theirs.level
    theirs.setLevel(logging.ERROR)  # it tells of every try; what comes of them is told below
    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelError(
            f"{name}: has to be asked for; accept its conditions at {place}/{name}, then run 'hf auth login'"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(f"{name}: no such model at {place}, or a private one (then run 'hf auth login')") from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(f"{name}: has no such revision at {place}") from error
    except errors.HFValidationError as error:
        raise UsageError(f"'{name}' is no hub id; wanted organisation/model") from error
    except getattr(errors, "RemoteEntryNotFoundError", ()) as error:  # not in older versions
        raise ModelError(
            f"{name}: {place} lists a file that it does not have ({str(error).partition(chr(10))[0][:160]}); "
            "was the model changed just now? run the command again"
        ) from error
    except UnicodeEncodeError as error:
        raise UsageError("HF_TOKEN: holds a character that no token has; copy it again") from error
    except OSError as error:
        raise _of_system(name, place, part, error) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore", "requests", "huggingface_hub"):
            raise _cut_off(name, place, error) from error
        raise
    finally:
        theirs.setLevel(level)


def _of_system(name: str, place: str, part: Path, error: OSError) -> XretError:
    """What an error of the system, or one that huggingface_hub makes from a status, means."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        told = "run 'hf auth login' with an account that may read it, or set HF_TOKEN"
        return ModelError(f"{name}: {place} does not give it to you (HTTP {status}); {told}")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(f"{part.parent}: the disk is full; free some space and run the command again")
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOENT, errno.ENOTDIR):
        return InputError(f"{part.parent}: cannot write here ({error.strerror}); set XRET_CACHE")
    return _cut_off(name, place, error)


def _cut_off(name: str, place: str, error: Exception) -> ModelError:
    reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
    return ModelError(
        f"{name}: cannot be fetched from {place} ({reason}); what has been fetched is kept: run the command again, "
        "or copy the model's folder here and give its path"
    )
