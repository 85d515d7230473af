"""Which languages the bundled encoder was made for: the ones a mean over "the main languages" is taken over."""

from __future__ import annotations

import json
from importlib.resources import files

__all__ = ["main_languages"]


def main_languages() -> frozenset[str]:
    """BCP 47 codes from the language list beside the bundled xret-mini; empty where it is not installed."""
    listing = files("xret.encoders").joinpath("bundled", "xret-mini", "languages.json")
    if not listing.is_file():
        return frozenset()
    return frozenset(json.loads(listing.read_text(encoding="utf-8"))["main"])
