"""`xret models trim`: a model with the tokens that given texts use, and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.options import checked_lang, json_option, on_error_option, threads_option, verbose_option

if TYPE_CHECKING:
    from xret.encoders.trimming.report import Trimmed

__all__ = ["trim"]

EXAMPLE = """
\b
Examples:
  xret models trim xret-mini -o mini-de --corpus news.de.txt --corpus news.en.txt
  xret encode news.de.txt --encoder mini-de -o news.de.vectors
"""


@click.command(epilog=EXAMPLE)
@click.argument("name")
@click.option(
    "-o", "--output", required=True, metavar="FOLDER", type=click.Path(path_type=Path), help="Folder to make."
)
@click.option(
    "--corpus", "corpora", required=True, multiple=True, metavar="FILE",
    help="Texts whose tokens stay: any corpus; may be given several times.",
)  # fmt: skip
@click.option("--lang", metavar="L", callback=checked_lang, help="Language of texts that do not say.")
@click.option("--keep-languages", metavar="L,L…", help="Count only texts in these languages.")
@click.option(
    "--min-count", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="Keep tokens used so often.",
)  # fmt: skip
@click.option("--max-vocab", type=click.IntRange(min=1), metavar="N", help="Keep the most frequent tokens, N at most.")
@click.option(
    "--check", type=click.IntRange(min=0), default=200, show_default=True, metavar="N",
    help="Texts to encode with both models, to compare their vectors.",
)  # fmt: skip
@on_error_option
@threads_option
@json_option
@verbose_option
def trim(name: str, output: Path, corpora: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Cut a model's vocabulary down to the tokens that your texts use.

    Most of a multilingual model is its table of tokens, and most tokens are of languages that you do not have. The new
    folder is a model like NAME: texts whose tokens are all kept get the very same vectors. Special tokens, single bytes
    and all characters seen are kept too, so that new words of the same languages are read by shorter tokens.

    NAME is a bundled model, a folder, or a hub id on disk.
    """
    from xret.cli.overwrite import refuse_stdout
    from xret.encoders.trimming.trim import trim_model

    refuse_stdout(output)
    wanted = options.pop("keep_languages")
    languages = None if wanted is None else [tag.strip() for tag in wanted.split(",")]
    trimmed = trim_model(name, output, corpora, languages=languages, **options)
    if as_json:
        click.echo(json.dumps(trimmed.fields(), ensure_ascii=False, indent=1))
    else:
        click.echo(_report(trimmed))
    if trimmed.left_out:
        click.echo(f"left out, as of the old vocabulary: {', '.join(trimmed.left_out)}", err=True)


def _report(trimmed: Trimmed) -> str:
    from xret.cli.model_text import size_text
    from xret.cli.table import render

    share = f"{100 * trimmed.vocabulary / trimmed.vocabulary_before:.1f} %"
    less = f"{100 * trimmed.bytes / trimmed.bytes_before:.1f} %"
    rows = [
        ("tokens", f"{trimmed.vocabulary_before:,}", f"{trimmed.vocabulary:,}", share),
        ("size", size_text(trimmed.bytes_before), size_text(trimmed.bytes), less),
    ]
    covers = [
        (each.corpus, f"{each.texts:,}", _percent(each.texts_covered, each.texts),
         _percent(each.tokens_covered, each.tokens), _percent(each.tokens_unknown, each.tokens))
        for each in trimmed.corpora
    ]  # fmt: skip
    tables = [
        render(rows, (trimmed.kind, "before", "after", "share"), right=(1, 2, 3)),
        render(covers, ("corpus", "texts", "texts covered", "tokens covered", "unknown"), right=(1, 2, 3, 4)),
    ]
    worst = trimmed.largest_difference
    told = "not compared" if worst is None else f"differ by at most {worst:.1g}" if worst else "are identical"
    return "\n\n".join([*tables, f"vectors of {trimmed.checked:,} covered texts {told}"])


def _percent(part: int, whole: int) -> str:
    """Rounded down, so that 100 % is all."""
    return f"{int(10000 * part / whole) / 100:.2f} %" if whole else "–"
