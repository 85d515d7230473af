"""Options of `xret plan`: numbers of the job and rates of the hardware."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.options import Command, json_option, verbose_option

if TYPE_CHECKING:
    from xret.planning import Rates

__all__ = [
    "Count",
    "Positive",
    "chosen_rates",
    "job_numbers",
    "job_options",
    "kept_rates_are_there",
    "measure_option",
    "rates_option",
]


if TYPE_CHECKING:
    _Param = click.ParamType[Any]
else:
    _Param = click.ParamType  # generic for type checkers from click 8.4 on only


class Count(_Param):
    """A whole number, which may be written 10e9 or 10_000_000."""

    name = "count"

    def __init__(self, least: int = 1) -> None:
        """Of at least so many."""
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not self.least <= number <= 1e15 or number != int(number):
            told = f"{value!r} is no whole number from {self.least} to 1e15; write it like 10e9 or 250000"
            self.fail(told, param, ctx)
        return int(number)


class Positive(_Param):
    """A positive number."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number <= 1e15:
            self.fail(f"{value!r} is no positive number; write it like 32 or 21e6", param, ctx)
        return number


class Range(_Param):
    """A positive number, or two: 30:100."""

    name = "range"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Both ends."""
        if isinstance(value, tuple):
            return value
        try:
            ends = [float(each) for each in str(value).split(":")]
        except ValueError:
            ends = []
        if len(ends) not in (1, 2) or not 0 < ends[0] <= ends[-1] < math.inf:
            self.fail(f"{value!r} is neither a positive number nor a range like 30:100", param, ctx)
        return ends[0], ends[-1]


OPTION_RATES = {
    "gpu_tflops": ("gpu_encode_tflops", "TFLOP/s that a GPU sustains in encoding, or a range."),
    "gpu_search_tflops": ("gpu_search_tflops", "TFLOP/s that a GPU sustains in searching."),
    "node_ram": ("node_ram_gbytes", "Memory of a node in GB (1e9 bytes), or a range."),
    "node_cores": ("node_cores", "Cores of a node."),
    "disk": ("disk_gbytes", "GB/s that a node reads or writes."),
}


def job_options(command: Command) -> Command:
    """What every job has, and the rates."""
    for option in reversed((
        click.option("--dim", type=Count(), default=384, show_default=True, help="Dimensions of the vectors."),
        click.option("--tokens", type=Positive(), default=32, show_default=True, help="Tokens of a text, on average."),
        click.option("--params", type=Positive(),
                     help="Parameters of the encoder, embeddings aside; xret-mini has 1e6.  [default: of 12 layers up "
                     "to --dim 768, 21e6 or 86e6, and of 24 above, 303e6]"),
        click.option("--codec", default="PQ64", show_default=True, help="PQ64, SQ8, RaBitQ or exact."),
        click.option("--lists", "--nlist", type=Count(0),
                     help="Inverted lists; 0 compares all with all.  [default: as many as 'auto' takes]"),
        click.option("--nprobe", type=Count(), help="Lists looked into.  [default: 32, or all where there are fewer]"),
        click.option("--coarse", type=Count(),
                     help="List centres compared with each row, where a graph leads to them.  [default: all; as 'auto' "
                     "does on cores in search]"),
        click.option("--shard-rows", type=Count(), default=1_000_000, show_default=True, help="Rows of a unit."),
        click.option("--gpus", type=Count(), default=8, show_default=True, help="GPUs that share the work."),
        click.option("--nodes", type=Count(), help="Machines.  [default: as many as the codes need]"),
        *(click.option("--" + name.replace("_", "-"), type=Range(), help=text)
          for name, (_, text) in OPTION_RATES.items()),
        rates_option, measure_option, json_option, verbose_option,
    )):  # fmt: skip
        command = option(command)
    return command


def rates_option(command: Command) -> Command:
    """``--rates FILE``."""
    return click.option(
        "--rates",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Rates of your hardware in TOML, by the names that 'xret plan rates' shows.",
    )(command)


def measure_option(command: Command) -> Command:
    """``--measure``."""
    return click.option(
        "--measure",
        is_flag=True,
        help="Measure this machine first, and the disk of this folder, on one thread for half a minute; keep that.",
    )(command)


def chosen_rates(options: dict[str, Any]) -> Rates:
    """Options over the file over what was measured over what is assumed."""
    from xret.errors import InputError
    from xret.planning.rates import KNOWN, Rate, Rates, kept_rates, read_rates, write_rates
    from xret.planning.span import Span

    kept = kept_rates()
    if options.get("measure"):
        from xret.planning.measure import measure_rates

        write_rates(measure_rates(), kept)
        click.echo(f"{kept}: measured; later plans use it", err=True)
    named = {name: (rate, options.get(name)) for name, (rate, _) in OPTION_RATES.items()}
    given = {
        rate: Rate(Span(*ends), KNOWN[rate].unit, f"--{name.replace('_', '-')}")
        for name, (rate, ends) in named.items() if ends is not None
    }  # fmt: skip
    file = read_rates(options["rates"]) if options["rates"] is not None else Rates()
    try:
        measured = read_rates(kept) if kept.is_file() else Rates()
    except InputError as error:
        raise InputError(f"{error}; measure again with xret plan rates --measure") from error
    return Rates(given).over(file).over(measured)


def kept_rates_are_there() -> bool:
    """Whether this machine was measured before."""
    from xret.planning.rates import kept_rates

    return kept_rates().is_file()


def job_numbers(options: dict[str, Any], lists: int) -> dict[str, Any]:
    """The options of a job, by the names that `Job` has.

    Args:
        options: of the command.
        lists: that ``auto`` would take, 0 for none.

    Raises:
        UsageError: an option of lists, where there are none.
    """
    from xret.errors import UsageError

    lists = lists if options["lists"] is None else options["lists"]
    for name in ("nprobe", "coarse"):
        if not lists and options[name] is not None:
            raise UsageError(f"--{name}: all is compared with all here, without lists; leave it out, or give --lists")
    probes = options["nprobe"] or (min(32, lists) if lists else 32)
    names = ("dim", "tokens", "params", "codec", "shard_rows", "gpus", "nodes")
    return {name: options[name] for name in names} | {"lists": lists, "probes": probes, "centres": options["coarse"]}
