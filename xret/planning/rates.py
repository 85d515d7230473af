"""What hardware does a second, each rate with where it is from: assumed, measured here, from a file, or an option."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xret.artifact import atomic_file
from xret.errors import InputError
from xret.planning.span import Span
from xret.suggest import did_you_mean

__all__ = ["KNOWN", "Rate", "Rates", "kept_rates", "read_rates", "write_rates"]

_HERE = "measured by 'xret plan rates --measure', 2026-11-22, one core of an AMD EPYC (Zen 5)"
_GUESS = "assumed; give your own"


@dataclass(frozen=True)
class Rate:
    """A rate, its unit and its source."""

    value: Span
    unit: str
    source: str


KNOWN: dict[str, Rate] = {
    "gpu_encode_tflops": Rate(Span(30, 100), "TFLOP/s, a GPU", "assumed: what fp16 encoders sustain; give your own"),
    "gpu_search_tflops": Rate(Span(50, 50), "TFLOP/s, a GPU", "assumed: what fp16 products of lists sustain"),
    "core_encode_gflops": Rate(
        Span(183, 183), "GFLOP/s, a core", "README: 166 texts of 52 tokens a core-second at 21.2 MFLOP a token, fp32"
    ),
    "core_exact_gflops": Rate(Span(194, 194), "GFLOP/s, a core", _HERE),
    "core_lists_gflops": Rate(Span(43.8, 43.8), "GFLOP/s, a core", _HERE),
    "core_scan_pq64": Rate(Span(43.5, 43.5), "M codes of 384 dimensions/s, a core", _HERE),
    "core_scan_sq8": Rate(Span(55.8, 55.8), "M codes of 384 dimensions/s, a core", _HERE),
    "core_scan_rabitq": Rate(Span(115, 115), "M codes of 384 dimensions/s, a core", _HERE),
    "core_scan_exact": Rate(Span(51.4, 51.4), "M codes of 384 dimensions/s, a core", _HERE),
    "disk_gbytes": Rate(Span(2, 2), "GB/s, a node", "assumed: one NVMe disk"),
    "node_ram_gbytes": Rate(Span(64, 96), "GB, a node", _GUESS),
    "node_ram_share": Rate(Span(0.8, 0.8), "of it for data", "assumed: the rest is the system's and the queries'"),
    "node_cores": Rate(Span(32, 32), "cores, a node", _GUESS),
}
"""Rates by name, as they are where nobody says otherwise."""

OWN = {"core_encode_texts": "texts/s, a core"}  # known only when measured, for one encoder


@dataclass(frozen=True)
class Rates:
    """Rates by name; a missing one is the assumed one of `KNOWN`."""

    given: Mapping[str, Rate] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Span:
        """The range of a rate."""
        return self.rate(name).value

    def __contains__(self, name: str) -> bool:
        """Whether there is one."""
        return name in self.given or name in KNOWN

    def rate(self, name: str) -> Rate:
        """A rate with its unit and source."""
        return self.given.get(name) or KNOWN[name]

    def over(self, other: Rates) -> Rates:
        """These, and of `other` what these do not say."""
        return Rates({**other.given, **self.given})

    def names(self) -> list[str]:
        """All that there are."""
        return [*KNOWN, *(name for name in self.given if name not in KNOWN)]


def read_rates(path: str | Path) -> Rates:
    """Rates from a TOML file, or from the JSON file that a measurement leaves.

    In TOML: ``gpu_encode_tflops = 60``, ``= [30, 100]`` for a range, ``= { value = 60, source = "data sheet" }``.

    Raises:
        InputError: no such file, neither format, an unknown name, or a value that is no positive number or range.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        fields = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); wanted rates in TOML or JSON") from error
    except ValueError as error:
        raise InputError(f"{path}: neither rates in TOML nor .json: {error}") from error
    if not isinstance(fields, dict):
        raise InputError(f"{path}: holds no rates; write lines like gpu_encode_tflops = 60")
    return Rates({name: _rate(path, name, value) for name, value in fields.items()})


def kept_rates() -> Path:
    """Where the measurement of this machine is kept: ``rates.json`` in xret's cache folder."""
    from xret.encoders.cache import cache_folder

    return cache_folder() / "rates.json"


def write_rates(rates: Rates, path: Path) -> None:
    """Write rates to a JSON file, whole or not at all."""
    fields = {
        name: {"value": [rate.value.low, rate.value.high], "source": rate.source} for name, rate in rates.given.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(fields, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _rate(path: Path, name: str, value: Any) -> Rate:
    if name not in KNOWN and name not in OWN:
        raise InputError(f"{path}: no rate '{name}'; {did_you_mean(name, [*KNOWN, *OWN])}")
    source = f"'{path.name}'"
    if isinstance(value, dict):
        if not isinstance(value.get("source", ""), str) or set(value) - {"value", "source"}:
            raise InputError(f'{path}: {name}: wanted {{ value = …, source = "…" }}; found {value!r}')
        source, value = value.get("source", source), value.get("value")
    ends = value if isinstance(value, list) else [value, value]
    sound = len(ends) == 2 and all(isinstance(each, int | float) and not isinstance(each, bool) for each in ends)
    if not sound or not 0 < ends[0] <= ends[1] < math.inf:
        raise InputError(f"{path}: {name}: wanted a positive number or a range [low, high]; found {value!r}")
    return Rate(Span(*map(float, ends)), KNOWN[name].unit if name in KNOWN else OWN[name], source)
