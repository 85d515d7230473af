"""`xret eval flores`: xsim between every two languages of FLORES-200 or FLORES+."""

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
  xret eval flores --protocol
"""


@click.command("flores", epilog=EXAMPLE)
@click.argument("folder", type=click.Path())
@encoder_option
@click.option(
    "--split", type=click.Choice(["dev", "devtest"]), default="devtest", show_default=True, help="Which sentences."
)
@click.option("--langs", metavar="L,L", help="These languages only, as in deu_Latn,eng_Latn or de,en.")
@click.option("--matrix", is_flag=True, help="Print the rate of every pair, not means per language alone.")
@margin_options
@device_option
@threads_option
@protocol_option("flores")
@save_option
@json_option
@verbose_option
def command(folder: str, langs: str | None, as_json: bool, **given: Any) -> None:
    """Error rates (xsim, as in LASER) between every two languages of FLORES-200 or FLORES+.

    FOLDER has the folders dev and devtest of FLORES-200 (eng_Latn.devtest) or of FLORES+ (devtest.eng_Latn).
    Columns: mean error rate from a language to the others, and to it from the others.

    Data: https://github.com/facebookresearch/flores (FLORES-200) or https://github.com/openlanguagedata/flores
    (FLORES+), CC BY-SA 4.0; its keepers ask not to publish it as plain text
    """
    from xret.eval.flores import read_flores
    from xret.eval.protocols import protocol

    check_save(given["save"])
    wanted = [lang for lang in (langs or "").split(",") if lang]
    found = read_flores(folder, split=given["split"], langs=wanted)
    corpora = {name: (each.texts, [each.lang] * len(each.texts)) for name, each in found.items()}
    definition = protocol("flores").varied(split=given["split"])
    run_nway(corpora, definition, benchmark=f"flores/{given['split']}", as_json=as_json, **given)
