"""`xret eval`: the group, and how its commands print."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from xret.cli.table import render

__all__ = ["evaluate", "print_json", "print_table"]

# command -> one-line help; `xret.cli.eval_<command>` holds it. Repeated here so that the group's help imports nothing.
COMMANDS = {
    "run": "Score runs against relevance judgements, as trec_eval does.",
    "fairness": "Measure how runs treat the languages of documents and queries.",
    "calibration": "Compare ways to one list over many languages: effectiveness beside fairness.",
    "bitext": "Score mined pairs against gold pairs.",
    "tatoeba": "Score an encoder by Tatoeba accuracy (LASER's protocol).",
    "xsim": "Score an encoder by margin-based retrieval errors (xsim, xsim++).",
    "nway": "Score an encoder by xsim between every two of many languages.",
    "flores": "Score an encoder by xsim between every two languages of FLORES.",
    "ntrex": "Score an encoder by xsim between every two languages of NTREX-128.",
    "pxsim": "Score two encoders together: one finds, the other chooses.",
    "xquad-r": "Score an encoder by mAP over one pool of many languages (LAReQA).",
    "report": "Write a report of scored rows or of a suite: HTML with plots, Markdown, LaTeX or text.",
    "suite": "Evaluate systems on benchmarks as a file says, cached and resumable.",
    "benchmark": "Read a published evaluation set (MIRACL, NeuCLIR, BEIR …), and score runs by its protocol.",
    "belebele": "Score an encoder by finding Belebele's passages, within and across languages.",
    "mfaq": "Score an encoder by finding answers on pages of questions (MFAQ).",
    "known-item": "Make queries and judgements of your own parallel documents, and score an encoder.",
    "protocols": "List the protocols, print their definitions, compare scored rows.",
}
EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
  xret search docs.index --queries queries.tsv -k 100 -o run.trec
  xret mine news.de.txt news.en.txt -o pairs.tsv
Examples:
  xret eval run qrels.txt run.trec
  xret eval bitext gold.tsv pairs.tsv
  xret eval tatoeba tatoeba
"""


class _Lazy(click.Group):
    """Imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"xret.cli.eval_{cmd_name.partition('-')[0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group("eval", cls=_Lazy, epilog=EXAMPLE)
def evaluate() -> None:
    """Score runs, mined pairs and encoders by the standard protocols."""


def print_json(value: object) -> None:
    """One JSON document on stdout; NaN and infinity become null, which JSON can say."""
    click.echo(json.dumps(_finite(value), ensure_ascii=False, indent=1))


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Aligned columns on stdout: numbers to the right, those with a point with four decimals, words to the left."""
    values = [[row[column] for column in columns] for row in rows]
    right = [
        place for place, column in enumerate(zip(*values, strict=True)) if not any(isinstance(v, str) for v in column)
    ]
    click.echo(render([[_cell(value) for value in row] for row in values], columns, right=right))


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
