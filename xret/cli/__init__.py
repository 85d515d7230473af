"""The command line: one file per command group, each imported only when its command is called."""

from __future__ import annotations

from xret.cli.root import main

__all__ = ["main"]
