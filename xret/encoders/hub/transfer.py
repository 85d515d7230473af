"""One large file from a hub, gone on with where an earlier try stopped.

huggingface_hub by itself goes on within a call only: what a killed process had got of a file is lost.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit

from xret.artifact import file_hash
from xret.errors import ModelError, require

__all__ = ["transfer"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_WAITS = (1, 4, 15)  # seconds before further tries where the hub is out of order
T = TypeVar("T")


def transfer(model: str, name: str, target: Path, *, commit: str, endpoint: str | None) -> None:
    """Fetch a file; what is there of it, under its name with ``.incomplete`` behind, is kept.

    Args:
        model: hub id.
        name: path of the file inside the model.
        target: where to.
        commit: of the model.
        endpoint: of the hub; None for huggingface.co.

    Raises:
        ModelError: what came is not what the hub says the file is.
        Exception: those of huggingface_hub and of its HTTP library.
    """
    if target.is_file():
        return
    hub = require("huggingface_hub", extra="cpu", purpose="fetching a model")
    get = require("huggingface_hub.file_download", extra="cpu", purpose="fetching a model").http_get
    headers = require("huggingface_hub.utils", extra="cpu", purpose="fetching a model").build_hf_headers()
    url = hub.hf_hub_url(model, name, revision=commit, endpoint=endpoint)
    found = _patiently(lambda: hub.get_hf_file_metadata(url))
    if urlsplit(found.location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # the storage behind the hub has no business with it
    target.parent.mkdir(parents=True, exist_ok=True)
    incomplete = target.with_name(f"{target.name}.incomplete")
    with open(incomplete, "ab") as stream:
        if found.size is None or stream.tell() > found.size:
            stream.truncate(0)
        if found.size is None or stream.tell() < found.size:
            _patiently(lambda: _go_on(get, found, stream, headers))
    wanted = (found.etag or "").strip('"')
    if _SHA256.fullmatch(wanted) and file_hash(incomplete) != wanted:
        incomplete.unlink()
        raise ModelError(f"{model}/{name}: did not come whole (another SHA-256 than the hub's); run the command again")
    incomplete.replace(target)


def _go_on(get: Callable[..., object], found: Any, stream: IO[bytes], headers: dict[str, str]) -> None:
    get(found.location, stream, resume_size=stream.tell(), headers=headers, expected_size=found.size)


def _patiently(ask: Callable[[], T]) -> T:
    """What `ask` gives, asked again after a while where the hub answers with a 5xx status."""
    errors = require("huggingface_hub.errors", extra="cpu", purpose="fetching a model")
    for wait in _WAITS:
        try:
            return ask()
        except errors.HfHubHTTPError as error:
            if getattr(error.response, "status_code", 0) < 500:
                raise
            time.sleep(wait)
    return ask()
