"""`xret models adapt`: fit a map to a finished model's vectors, and keep it if asked to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.options import device_option, json_option, threads_option, verbose_option

if TYPE_CHECKING:
    from xret.encoders.adapting.adaptation import Adapted

__all__ = ["adapt"]

EPILOG = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret models adapt xret-mini --pairs training-pairs.tsv --centre
  xret models adapt xret-mini --pairs training-pairs.tsv --whiten --shrinkage 0.1 -o whitened
  xret models info whitened
"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option(
    "--pairs",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Parquet or TSV of pairs: en, text, lang. May be repeated.",
)
@click.option(
    "--texts",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Corpus that tells its language. May be repeated.",
)
@click.option(
    "--dev",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Pairs to measure on.  [default: some are held out]",
)
@click.option("--to", "teacher", metavar="E", help="Encoder into whose space the matrix leads.")
@click.option(
    "--outliers", type=click.Choice(["standardise", "zero"]), help="Standardise all dimensions, or zero rogue ones."
)
@click.option(
    "--outlier-share",
    type=float,
    default=0.05,
    show_default=True,
    metavar="X",
    help="Part of the mean cosine that makes a dimension rogue.",
)
@click.option("--centre", is_flag=True, help="Subtract the mean of the text's language.")
@click.option(
    "--remove-top", type=click.IntRange(min=0), default=0, metavar="N", help="Take out N principal components."
)
@click.option("--whiten", is_flag=True, help="Make the covariance the identity.")
@click.option(
    "--shrinkage", type=float, default=0.3, show_default=True, metavar="X", help="Of that covariance, 0 to 1."
)
@click.option("--dim", type=click.IntRange(min=1), metavar="N", help="Values of the whitened vectors to keep.")
@click.option("--orthogonal", is_flag=True, help="Rotate texts to their English (Procrustes).")
@click.option("--linear", is_flag=True, help="Map texts to their English (ridge regression).")
@click.option(
    "--ridge", type=float, default=1000, show_default=True, metavar="N", help="Texts that weigh against any change."
)
@click.option("--per-language", is_flag=True, help="A matrix for each language, not one for all.")
@click.option("--languages", metavar="L,L…", help="Only these.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=5000,
    show_default=True,
    metavar="N",
    help="Pairs of a language to fit to.",
)
@click.option(
    "--least",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="Texts for a row of a language's own.",
)
@click.option(
    "--held-out",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    metavar="N",
    help="Pairs of a language to measure on.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, metavar="N",
    help="Of what is drawn and held out.",
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Model folder to make; without it, nothing is kept.",
)
@json_option
@device_option
@threads_option
@verbose_option
def adapt(
    name: str, output: Path | None, as_json: bool, teacher: str | None, orthogonal: bool, linear: bool,
    device: str, threads: int | None, least: int, **options: Any,
) -> None:  # fmt: skip
    """Fit a map to the vectors of a finished model, and tell what it does to held-out pairs.

    Steps are taken in the order of the options here: outliers, centre, remove-top, whiten, orthogonal or linear. With
    -o, the model is written with the map in it; any xret command takes the folder. --centre and --per-language need a
    text's language when encoding; texts of other languages get what was fitted to all together.

    Matrices are drawn to leaving vectors as they are (with --to, to 0), and those of one language to that of all, as
    if by --ridge further texts: a few hundred pairs of a language are enough for --linear --per-language to gain.

    The table tells, for each language, how often a text's nearest English sentence, among those of all languages, is
    its translation (to en), and how often that of an English sentence is, among the language's texts (from en).
    """
    from xret.cli.overwrite import refuse_stdout
    from xret.encoders.adapting.adaptation import adapt as run
    from xret.encoders.adapting.examples import Sources
    from xret.encoders.adapting.plan import Plan
    from xret.errors import UsageError

    if orthogonal and linear:
        raise UsageError("--orthogonal and --linear: are two ways to one matrix; give one of them")
    if output is not None:
        refuse_stdout(output)
    languages = options.pop("languages")
    sources = Sources(
        languages=[part.strip() for part in languages.split(",")] if languages is not None else (),
        **{key: options.pop(key) for key in ("pairs", "texts", "dev", "limit", "held_out", "seed")},
    )
    plan = Plan(fit="orthogonal" if orthogonal else "linear" if linear else None, **options)
    made = run(name, plan, sources, teacher=teacher, out=output, least=least, device=device, threads=threads)
    click.echo(json.dumps(made.fields(), ensure_ascii=False, indent=1) if as_json else _table(made))
    told = f"{output}: {'; '.join(made.steps)}" if output else "nothing was kept; give -o FOLDER to keep the map"
    click.echo(told, err=True)


def _table(made: Adapted) -> str:
    """Before and after, language by language, and below it the means."""
    from xret.cli.table import render

    before, after = made.before, made.after
    rows = []
    for lang, now in after.languages.items():
        was = before.languages[lang] if before else None
        old = (_percent(was.to_anchor), _percent(was.from_anchor)) if was else ("–", "–")
        rows.append((lang, now.pairs, old[0], _percent(now.to_anchor), old[1], _percent(now.from_anchor)))
    lines = [render(rows, ("lang", "pairs", "to en", "after", "from en", "after"), right=range(1, 6)), ""]
    for what, field in (("mean of both", "accuracy"), ("all languages in one pool", "mixed")):
        old_value = _percent(getattr(before, field)) if before else "–"
        lines.append(f"{what}: {old_value} -> {_percent(getattr(after, field))}")
    cosine = f"{before.mean_cosine:.3f}" if before else "–"
    lines.append(f"mean cosine of two texts: {cosine} -> {after.mean_cosine:.3f}")
    lines.append(
        "largest shares of it: " + ", ".join(f"dimension {at} {share:.3f}" for at, share in made.shares.items())
    )
    return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
