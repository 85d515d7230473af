"""What a server takes on, and where it says no."""

from __future__ import annotations

from dataclasses import dataclass, fields

from xret.errors import UsageError

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on requests; each that is passed is answered with its name and value.

    Attributes:
        head: bytes of a request's address and headers.
        body: bytes of a request.
        text: characters of a query or of a text to encode or score.
        k: hits per query.
        depth: hits per query that are reranked, calibrated, fused or counted.
        texts: queries, texts or pairs of one request.
        characters: of all texts of one request.
        concurrency: requests that are worked on or wait; beyond, 429.
        connections: that are open at a time; beyond, 503.
        idle: seconds that a connection may take until a request's head is there, and until an answer is read.
        timeout: seconds that a request may take, its body included; beyond, 504 (408 where the body did not come).
        batch: queries that are answered together.
        wait: milliseconds that a query waits for others that are on their way.
        explain: hits per query that matching parts of texts are told of.
        grace: seconds that requests get to end when the server is told to stop.
    """

    head: int = 1 << 15
    body: int = 1 << 20
    text: int = 10_000
    k: int = 1000
    depth: int = 1000
    texts: int = 256
    characters: int = 500_000
    concurrency: int = 128
    connections: int = 512
    idle: float = 30.0
    timeout: float = 30.0
    batch: int = 32
    wait: float = 2.0
    explain: int = 50
    grace: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what lets nothing through.

        Raises:
            UsageError: a limit below 1 (of seconds and milliseconds: below 0, or no number).
        """
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0.0 if field.name in ("wait", "grace") else 0.001 if field.name in ("timeout", "idle") else 1
            if not value >= least or value == float("inf"):
                raise UsageError(f"the limit '{field.name}' is {value:g}; give a number of {least:g} or more")
