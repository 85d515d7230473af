"""`xret eval ntrex`: xsim between every two languages of NTREX-128."""

from __future__ import annotations

from typing import Any

import click

from xret.cli.eval_nway import margin_options, run_nway
from xret.cli.options import device_option, encoder_option, json_option, threads_option, verbose_option
from xret.cli.protocol_options import check_save, protocol_option, save_option

__all__ = ["command"]

EXAMPLE = """
\b
Examples:
  xret eval ntrex --protocol
"""


@click.command("ntrex", epilog=EXAMPLE)
@click.argument("folder", type=click.Path())
@encoder_option
@click.option("--langs", metavar="L,L", help="These languages only, as in deu,srp-Cyrl or de,en.")
@click.option("--matrix", is_flag=True, help="Print the rate of every pair, not means per language alone.")
@margin_options
@device_option
@threads_option
@protocol_option("ntrex")
@save_option
@json_option
@verbose_option
def command(folder: str, langs: str | None, as_json: bool, **given: Any) -> None:
    """Error rates (xsim, as in LASER) between every two languages of NTREX-128.

    FOLDER is NTREX or its folder NTREX-128: newstest2019-src.eng.txt, and a newstest2019-ref.XXX.txt for a language.
    Columns: mean error rate from a language to the others, and to it from the others.

    Data: https://github.com/MicrosoftTranslator/NTREX, CC BY-SA 4.0
    """
    from xret.eval.flores import read_ntrex
    from xret.eval.protocols import protocol

    check_save(given["save"])
    wanted = [lang for lang in (langs or "").split(",") if lang]
    found = read_ntrex(folder, langs=wanted)
    corpora = {name: (each.texts, [each.lang] * len(each.texts)) for name, each in found.items()}
    run_nway(corpora, protocol("ntrex"), benchmark="ntrex", as_json=as_json, **given)
