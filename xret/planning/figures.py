"""Estimates, each with its formula and the rates that stand in it."""

from __future__ import annotations

from dataclasses import dataclass

from xret.planning.span import Span

__all__ = ["Figure", "readable", "short"]

_BYTES = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_SMALLER = {"d": ("h", 24), "h": ("min", 60), "min": ("s", 60), "s": ("ms", 1000), "ms": ("µs", 1000)}


@dataclass(frozen=True)
class Figure:
    """One estimate.

    Attributes:
        part: the section it belongs to: ``bytes``, ``GPU hours``, ``core hours``, ``disk hours``, ``a query``,
            ``machines``.
        name: what is estimated.
        value: from, to.
        unit: ``B`` (bytes), ``d``, ``h``, ``s``, or empty for a count.
        formula: how, with the job's own numbers in it.
        rates: names in `xret.planning.rates.KNOWN` of the rates in the formula.
    """

    part: str
    name: str
    value: Span
    unit: str
    formula: str
    rates: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The range for people: ``7.7 TB``, ``37-124 h``, ``17 s-1.2 min``."""
        low, high = readable(self.value.low, self.unit), readable(self.value.high, self.unit)
        unit = high.partition(" ")[2]
        return low if low == high else f"{low.removesuffix(f' {unit}') if unit else low}-{high}"


def readable(value: float, unit: str) -> str:
    """A number of two to three digits with its unit: bytes in powers of 1,000, as disks are sold; times from 1 on."""
    if unit == "B":
        place = 0
        while value >= 999.5 and place < len(_BYTES) - 1:
            value, place = value / 1000, place + 1
        return f"{_digits(value)} {_BYTES[place]}"
    while unit in _SMALLER and value < 0.995:
        unit, times = _SMALLER[unit]
        value *= times
    return f"{_digits(value)} {unit}".strip()


def short(value: float) -> str:
    """A count inside a formula: ``10e9``, ``262,144``, ``21e6``."""
    if value >= 1e6:
        for power in (12, 9, 6):
            scaled = value / 10**power
            if scaled >= 1 and scaled == round(scaled, 2):
                return f"{scaled:g}e{power}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


def _digits(value: float) -> str:
    if value >= 99.5:
        return f"{value:,.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if value < 9.995 else f"{value:.1f}".removesuffix(".0")
