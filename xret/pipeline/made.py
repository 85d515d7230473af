"""When, by what and on which machine a result was made: kept beside results, never in what is hashed."""

from __future__ import annotations

from datetime import UTC, datetime

from xret.machine import hardware, versions

__all__ = ["made_here"]


def made_here() -> dict[str, object]:
    """`date` (UTC, seconds), `versions` and `hardware`, now and here."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "versions": dict(versions()),
        "hardware": dict(hardware()),
    }
