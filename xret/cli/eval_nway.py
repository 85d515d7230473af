"""`xret eval nway`: xsim between every two of many languages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import device_option, encoder_option, json_option, threads_option, verbose_option

if TYPE_CHECKING:
    from xret.eval.nway import NwayScores

__all__ = ["command"]

EXAMPLE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret eval nway aligned.de.txt aligned.en.txt
  xret eval nway de=aligned.de.txt en=aligned.en.txt --margin absolute --json
"""


@click.command("nway", epilog=EXAMPLE)
@click.argument("files", nargs=-1, required=True, metavar="[LANG=]FILE...")
@encoder_option
@click.option(
    "--margin",
    type=click.Choice(["ratio", "distance", "absolute"]),
    default="ratio",
    show_default=True,
    help="Score of a pair against its neighbourhood.",
)
@click.option("--k", type=click.IntRange(min=1), default=4, show_default=True, help="Neighbours for the margin.")
@click.option("--by-line", is_flag=True, help="Choosing the same text from another line is an error too.")
@device_option
@threads_option
@json_option
@verbose_option
def command(files: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Error rates (xsim, as in LASER) between every two of many FILES, line i of all meaning the same.

    A file is called by its language where one is given, else by its name. Rows: from; columns: to; the last row and
    column are means, without the diagonal.
    """
    from xret.encoders import load_encoder
    from xret.eval.nway import xsim_nway
    from xret.eval.xsim import text_codes

    corpora = _read(files)
    model = load_encoder(given["encoder"], device=given["device"], threads=given["threads"])
    vectors = {name: model.encode(texts, lang=langs, progress=True) for name, (texts, langs) in corpora.items()}
    same = None if given["by_line"] else {name: text_codes(texts) for name, (texts, _) in corpora.items()}
    scores = xsim_nway(vectors, margin=given["margin"], k=given["k"], same=same)
    if as_json:
        rates = {src: dict(zip(scores.langs, row, strict=True)) for src, row in _rows(scores)}
        about = {"encoder": model.name, "margin": scores.margin, "k": scores.k, "sentences": scores.sentences}
        print_json({**about, "error": rates, "mean": scores.mean})
        return
    _print(scores)


def _read(files: tuple[str, ...]) -> dict[str, tuple[list[str], list[str]]]:
    from xret.corpus import check_lang, open_corpus
    from xret.errors import MismatchError, UsageError

    corpora: dict[str, tuple[list[str], list[str]]] = {}
    for each in files:
        lang, named, path = _parted(each)
        corpus = open_corpus(path, lang=check_lang(lang) if named else None)
        name = lang if named else Path(path).name
        if name in corpora:
            raise UsageError(f"{each}: '{name}' is there twice; call the files by LANG=FILE")
        corpora[name] = corpus["text"].to_pylist(), corpus["lang"].to_pylist()
        first = next(iter(corpora))
        if len(corpora[name][0]) != len(corpora[first][0]):
            found = f"{first} has {len(corpora[first][0])} lines, {name} has {len(corpora[name][0])}"
            raise MismatchError(f"{found}; wanted line i of all files to mean the same")
    return corpora


def _parted(argument: str) -> tuple[str, bool, str]:
    """Language, whether there is one, and file; a name that is there is a file's, also with a ``=`` in it."""
    lang, sign, path = argument.partition("=")
    named = bool(sign) and not Path(argument).exists()
    return (lang, True, path) if named else ("", False, argument)


def _rows(scores: NwayScores) -> list[tuple[str, list[float]]]:
    return list(zip(scores.langs, scores.rates.tolist(), strict=True))


def _print(scores: NwayScores) -> None:
    rows: list[dict[str, Any]] = []
    for (src, rates), mean in zip(_rows(scores), scores.from_each.tolist(), strict=True):
        rows.append({"from": src, **dict(zip(scores.langs, rates, strict=True)), "mean": mean})
    last = dict(zip(scores.langs, scores.to_each.tolist(), strict=True))
    rows.append({"from": "mean", **last, "mean": scores.mean})
    print_table(rows, ["from", *scores.langs, "mean"])
