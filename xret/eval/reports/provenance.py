"""Where numbers come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime

from xret.errors import UsageError
from xret.machine import made_by

__all__ = ["provenance", "today"]


def provenance(
    more: Mapping[str, str] | None = None, *, hashes: Mapping[str, str] | None = None
) -> tuple[tuple[str, str], ...]:
    """Versions and hardware of this machine, what else is given, and content hashes.

    Args:
        more: name -> value: commands, files, encoders.
        hashes: of what -> hash.
    """
    return (
        *(more or {}).items(),
        *made_by().items(),
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
