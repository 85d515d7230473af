"""`xret eval nway`: xsim between every two of many languages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import Command, device_option, encoder_option, json_option, threads_option, verbose_option
from xret.cli.protocol_options import about, check_save, protocol_option, save_option, save_row

if TYPE_CHECKING:
    from xret.eval.nway import NwayScores
    from xret.eval.protocols import Protocol

    Corpora = dict[str, tuple[list[str], list[str]]]

__all__ = ["command", "margin_options", "run_nway"]

EXAMPLE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret eval nway aligned.de.txt aligned.en.txt
  xret eval nway de=aligned.de.txt en=aligned.en.txt --margin absolute --json
"""


def margin_options(command: Command) -> Command:
    """``--margin``, ``--k`` and ``--by-line``, the settings of xsim."""
    by_line = click.option("--by-line", is_flag=True, help="Choosing the same text from another line is an error too.")
    k = click.option("--k", type=click.IntRange(min=1), default=4, show_default=True, help="Neighbours for the margin.")
    margin = click.option(
        "--margin",
        type=click.Choice(["ratio", "distance", "absolute"]),
        default="ratio",
        show_default=True,
        help="Score of a pair against its neighbourhood.",
    )
    return margin(k(by_line(command)))


@click.command("nway", epilog=EXAMPLE)
@click.argument("files", nargs=-1, required=True, metavar="[LANG=]FILE...")
@encoder_option
@margin_options
@device_option
@threads_option
@protocol_option("nway")
@save_option
@json_option
@verbose_option
def command(files: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Error rates (xsim, as in LASER) between every two of many FILES, line i of all meaning the same.

    A file is called by its language where one is given, else by its name. Rows: from; columns: to; the last row and
    column are means, without the diagonal.
    """
    from xret.eval.protocols import protocol

    check_save(given["save"], *(_parted(each)[2] for each in files))
    definition = protocol("nway")
    corpora = _read(files)
    run_nway(corpora, definition, benchmark=" ".join(corpora), as_json=as_json, **given)


def run_nway(
    corpora: Corpora, definition: Protocol, *, benchmark: str, as_json: bool, matrix: bool = True, **given: Any
) -> None:
    """Encode, score, write the row and print; also what `xret eval flores` and `ntrex` do.

    Args:
        corpora: name of a language -> texts, and the language of each; line i of all meaning the same.
        definition: of the protocol, whose settings are varied by those given.
        benchmark: name of the data.
        as_json: print JSON.
        matrix: print the rate of every pair, not means per language alone.
        given: encoder, device, threads, margin, k, by_line and save of the command line.
    """
    from xret.encoders import load_encoder
    from xret.eval.nway import xsim_nway
    from xret.eval.protocols.rows import nway_row
    from xret.eval.xsim import text_codes

    model = load_encoder(given["encoder"], device=given["device"], threads=given["threads"])
    vectors = {name: model.encode(texts, lang=langs, progress=True) for name, (texts, langs) in corpora.items()}
    same = None if given["by_line"] else {name: text_codes(texts) for name, (texts, _) in corpora.items()}
    scores = xsim_nway(vectors, margin=given["margin"], k=given["k"], same=same)
    used = definition.varied(margin=given["margin"], k=given["k"], same="line" if given["by_line"] else "text")
    texts_of = {name: texts for name, (texts, _) in corpora.items()}
    save_row(given["save"], lambda: nway_row(used, scores, texts_of, system=model.name, benchmark=benchmark))
    if as_json:
        rates = {src: dict(zip(scores.langs, row, strict=True)) for src, row in _rows(scores)}
        head = {"encoder": model.name, "protocol": about(used), "margin": scores.margin, "k": scores.k}
        print_json({**head, "sentences": scores.sentences, "error": rates, "mean": scores.mean})
    elif matrix:
        _print(scores)
    else:
        _print_means(scores)


def _read(files: tuple[str, ...]) -> Corpora:
    from xret.corpus import check_lang, open_corpus
    from xret.errors import MismatchError, UsageError

    corpora: Corpora = {}
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


def _print_means(scores: NwayScores) -> None:
    means = zip(scores.langs, scores.from_each.tolist(), scores.to_each.tolist(), strict=True)
    rows: list[dict[str, Any]] = [{"lang": lang, "from": src, "to": tgt} for lang, src, tgt in means]
    print_table([*rows, {"lang": "mean", "from": scores.mean, "to": scores.mean}], ["lang", "from", "to"])
