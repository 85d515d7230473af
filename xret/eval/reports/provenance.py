"""Where numbers come from."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from xret.errors import UsageError
from xret.eval.protocols import software

__all__ = ["provenance", "today"]


def provenance(
    more: Mapping[str, str] | None = None, *, hashes: Mapping[str, str] | None = None
) -> tuple[tuple[str, str], ...]:
    """Versions and hardware of this machine, what else is given, and content hashes.

    Args:
        more: name -> value: commands, files, encoders.
        hashes: of what -> hash.
    """
    cores = os.cpu_count() or 1
    machine = {**software(), "processor": f"{_processor()}, {cores} {'core' if cores == 1 else 'cores'}"}
    return (
        *(more or {}).items(),
        *machine.items(),
        *((f"hash of {name}", value) for name, value in (hashes or {}).items()),
    )


def today() -> str:
    """The date (UTC), or that of ``SOURCE_DATE_EPOCH``, with which pages can be made again to the byte.

    Raises:
        UsageError: the variable is no number of seconds.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = datetime.now(UTC) if given is None else datetime.fromtimestamp(int(given), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"SOURCE_DATE_EPOCH is '{given}'; wanted seconds since 1970, such as 1767225600") from error
    return moment.date().isoformat()


def _processor() -> str:
    """Its name as Linux tells it, or what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()
