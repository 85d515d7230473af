"""`xret eval report`: a report of scored rows."""

from __future__ import annotations

import click

from xret.cli.options import verbose_option
from xret.cli.report_options import check_eval_report, file_hashes, save_eval_report
from xret.cli.rows_report import read_rows

__all__ = ["command"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret eval tatoeba tatoeba --save row.json
Examples:
  xret eval report row.json -o report.md
  xret eval report row.json -o report.tex --title "Sentences of the sample"
"""


@click.command("report", epilog=EXAMPLE)
@click.argument("results", nargs=-1, required=True, metavar="RESULTS...", type=click.Path())
@click.option(
    "-o", "--output", required=True, type=click.Path(), metavar="OUT",
    help="The report, by its name: .html (with plots; extra report), .md, .tex (booktabs) or .txt.",
)  # fmt: skip
@click.option("--title", metavar="T", help="Of the report.  [default: of the suite, or Evaluation]")
@click.option(
    "--seed", default=0, show_default=True, metavar="N", type=click.IntRange(min=0), help="Of intervals and tests."
)
@verbose_option
def command(results: tuple[str, ...], output: str, title: str | None, seed: int) -> None:
    """Write a report of RESULTS: rows that --save wrote, or folders of 'xret eval suite'.

    Rows of one protocol and data stand together, with intervals, significance and published numbers of the same
    protocol; others never stand in one table. The same rows give the same report, to the byte, on the same day (or with
    SOURCE_DATE_EPOCH).
    """
    from xret.eval.reports import rows_report, today

    check_eval_report(output, *results, option="-o")
    files = list(dict.fromkeys(results))
    found = [read_rows(name) for name in files]
    titles = {called for _, called, _ in found if called}
    report = rows_report(
        [row for rows, _, _ in found for row in rows],
        title=title or (titles.pop() if len(titles) == 1 else "Evaluation"),
        date=today(),
        provenance=tuple(file_hashes({f"results {place}": name for place, name in enumerate(files, 1)}).items()),
        notes=[note for _, _, notes in found for note in notes],
        seed=seed,
    )
    save_eval_report(report, output)
