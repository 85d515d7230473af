"""Suites: a TOML of systems x benchmarks x measures to a table of results, cached by content and resumable.

file.py        `read_suite`: the file, checked before anything is opened
places.py      lines of a TOML file, for messages
benchmark.py   the entry of a benchmark
data.py        its data, restricted and sampled; sources.py and xquad.py: where they come from
sentences.py   benchmarks scored by vectors, not runs; parallel.py, mining.py, pools.py: the kinds; vectored.py: by name
system.py      what all systems have; searches.py and derived.py the kinds, systems.py their names
order.py       what systems say of each other
plan.py        `Plan`: units of work, each a stage and its sources, and the cells they lead to
crossfit.py, scoring.py   stages that only suites have
work.py        units found or made in the store of `xret.pipeline`
run.py         `open_suite`: from the file to results; groups.py: rows of several collections as one
results.py     `SuiteResults`, written and read again by `load_results`
"""

from xret.pipeline.suite.file import Suite, read_suite
from xret.pipeline.suite.results import Missing, SuiteResults, load_results, save_results
from xret.pipeline.suite.run import Planned, SuiteRun, open_suite
from xret.pipeline.suite.work import Progress

__all__ = [
    "Missing",
    "Planned",
    "Progress",
    "Suite",
    "SuiteResults",
    "SuiteRun",
    "load_results",
    "open_suite",
    "read_suite",
    "save_results",
]
