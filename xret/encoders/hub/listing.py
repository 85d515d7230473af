"""What a model on a hub consists of, as the hub tells it: looked at before anything of it is written."""

from __future__ import annotations

import os
import re

from xret.encoders.hub.faults import endpoint, where
from xret.encoders.hub.files import Repository
from xret.errors import ModelError, require

__all__ = ["HUB_FILE", "look_up"]

HUB_FILE = "hub.json"  # says where a folder is from
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


def look_up(name: str, revision: str | None) -> Repository:
    """Ask the hub what a model consists of.

    Args:
        name: its hub id.
        revision: branch, tag or commit; None for the main branch.

    Raises:
        ModelError: fetching is forbidden, or what answers is no hub, or a file's name leads out of the model's folder.
        Exception: those of huggingface_hub and of its HTTP library.
    """
    for key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(key, "").upper() in ("1", "ON", "YES", "TRUE"):
            raise ModelError(f"{name}: is not on disk, and {key} forbids fetching it; unset {key}, or copy its folder")
    hub = require("huggingface_hub", extra="cpu", purpose="fetching a model")
    try:
        info = hub.HfApi(endpoint=endpoint()).model_info(name, revision=revision, files_metadata=True)
        sizes = {str(file.rfilename): int(file.size or 0) for file in info.siblings or ()}
        if not sizes or not _COMMIT.fullmatch(str(info.sha)):
            raise ValueError("no commit" if sizes else "no files")
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, (OSError, UnicodeError)) or type(error).__module__.startswith("huggingface_hub"):
            raise
        told = str(error).partition("\n")[0][:80]
        raise ModelError(
            f"{name}: what {where()} answers is no list of a model's files ({told}); "
            "see whether it is a hub, or a proxy's login page in its place"
        ) from error
    for file in sizes:
        if not _is_plain(file):
            raise ModelError(
                f"{name}: lists the file {file!r:.100}, which leads out of its folder or is no file's name"
            )
    sizes.pop(HUB_FILE, None)  # ours
    return Repository(name, str(info.sha), sizes)


def _is_plain(path: str) -> bool:
    """Whether a path stays inside its folder, on any system."""
    parts = path.split("/")
    return path.isprintable() and not set(path) & set("\\:") and all(0 < len(part.strip(".")) < 200 for part in parts)
