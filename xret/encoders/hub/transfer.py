"""One large file from a hub, gone on with where an earlier try stopped.

huggingface_hub by itself goes on within a call only: what a killed process had got of a file is lost.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from xret.artifact import file_hash
from xret.errors import ModelError, require

__all__ = ["transfer"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


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
    found = hub.get_hf_file_metadata(url)
    if urlsplit(found.location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # the storage behind the hub has no business with it
    target.parent.mkdir(parents=True, exist_ok=True)
    incomplete = target.with_name(f"{target.name}.incomplete")
    with open(incomplete, "ab") as stream:
        if found.size is None or stream.tell() > found.size:
            stream.truncate(0)
        if found.size is None or stream.tell() < found.size:
            get(found.location, stream, resume_size=stream.tell(), headers=headers, expected_size=found.size)
    wanted = (found.etag or "").strip('"')
    if _SHA256.fullmatch(wanted) and file_hash(incomplete) != wanted:
        incomplete.unlink()
        raise ModelError(f"{model}/{name}: did not come whole (another SHA-256 than the hub's); run the command again")
    incomplete.replace(target)
