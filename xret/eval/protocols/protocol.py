"""What a protocol is: everything that must be equal before two numbers may stand in one table, as data."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from xret.artifact import digest
from xret.errors import UsageError

__all__ = ["Kind", "Protocol"]

Kind = Literal["retrieval", "pool", "bitext", "answers"]
NO_NUMBERS = frozenset({"title", "values", "source", "data", "licence"})  # rewording these changes no number
WIDTH = 110


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One protocol.

    Attributes:
        name: its one spelling, such as ``miracl``.
        title: one line.
        kind: what is scored: a run against judgements; a pool of passages to find in; vectors or pairs of parallel
            sentences; a run against answer strings.
        measures: spellings, the first being the headline.
        depth: documents per query kept before measuring; None: all.
        ties, pool, labels, missing, average: each a short sentence that is printed.
        macro: whether the headline is the mean of the languages' means (each weighing the same), not of all queries.
        drop_empty: queries without a relevant document (or answer) are left out, not counted as 0.
        relevant_from: least label that binary measures count.
        gains: label -> gain, where labels are not the gains.
        values: labels that may stand in the judgements; empty: not for this protocol to say.
        languages: of the queries, in the published order; of the documents, where all queries are English.
        options: settings that change numbers, and their values by the protocol (``margin`` -> ``ratio``).
        source: paper or repository.
        data: where to get it.
        licence: of the data.
    """

    name: str
    title: str
    kind: Kind
    measures: tuple[str, ...]
    depth: int | None
    ties: str
    pool: str
    labels: str
    missing: str
    average: str
    macro: bool = False
    drop_empty: bool = False
    relevant_from: int = 1
    gains: tuple[tuple[int, int], ...] = ()
    values: tuple[int, ...] = field(default=(), compare=False)
    languages: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    source: str = field(compare=False)
    data: str = field(compare=False)
    licence: str = field(compare=False)

    @property
    def headline(self) -> str:
        """The first of its measures."""
        return self.measures[0]

    @property
    def identity(self) -> str:
        """12 hex digits over all that changes numbers: rows of different identities are never compared."""
        return digest(self._numbers())[:12]

    def varied(self, **options: object) -> Protocol:
        """The same with other settings; under the same name, but with another identity if one differs.

        Raises:
            UsageError: a setting that the protocol does not have.
        """
        known = dict(self.options)
        for name in options:
            if name not in known:
                raise UsageError(f"protocol {self.name} has no setting '{name}'; it has {', '.join(known) or 'none'}")
        changed = {name: str(options.get(name, value)) for name, value in known.items()}
        return replace(self, options=tuple(changed.items()))

    def fields(self) -> dict[str, object]:
        """All of it as JSON has it, name first, with the identity."""
        every = {each.name: getattr(self, each.name) for each in fields(self)}
        every |= {name: dict(every[name]) for name in ("gains", "options")}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in every.items()}
        return {"name": self.name, "identity": self.identity, **plain}

    @staticmethod
    def from_fields(values: Mapping[str, Any]) -> Protocol:
        """What `fields` gave.

        Raises:
            KeyError: a part that is not there.
            ValueError: a part of another kind.
        """
        given = {each.name: values[each.name] for each in fields(Protocol)}
        given |= {name: tuple(map(str, given[name])) for name in ("measures", "languages")}
        given["values"] = tuple(map(int, given["values"]))
        given["gains"] = tuple((int(label), int(gain)) for label, gain in given["gains"].items())
        given["options"] = tuple((str(name), str(value)) for name, value in given["options"].items())
        return Protocol(**given)

    def definition(self) -> str:
        """The printed text: name and title, then a line or more for each part."""
        parts: dict[str, str] = {
            "measures": ", ".join(self.measures),
            "depth": self._depth(),
            "ties": self.ties,
            "pool": self.pool,
            "labels": self.labels,
            "missing": self.missing,
            "average": self.average,
            "settings": _pairs(self.options),
            "languages": " ".join(self.languages),
            "source": self.source,
            "data": self.data,
            "licence": self.licence,
            "identity": self.identity,
        }
        lines = [f"{self.name}: {self.title}"]
        for name, text in parts.items():
            if text:
                lines += _wrapped(f"  {name:<11}", text)
        return "\n".join(lines)

    def _depth(self) -> str:
        if self.depth is None:
            return (
                "all of the pool" if self.kind == "pool" else "" if self.kind == "bitext" else "all that was retrieved"
            )
        return f"{self.depth:,} {'nearest' if self.kind == 'bitext' else 'documents per query'}"

    def _numbers(self) -> dict[str, object]:
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in NO_NUMBERS}


def _wrapped(first: str, text: str) -> list[str]:
    later = " " * len(first)
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )


def _pairs(options: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name}={value}" for name, value in options)
