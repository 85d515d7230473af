"""`xret tune`: from files and options to what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.bitext_output import announce

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.bitext.calibration import Scoring
    from xret.stages.tune import Tuned
    from xret.stages.tune_blind import BlindTuned

__all__ = ["on_gold", "said_on_the_line", "without_gold"]

FEW_RIGHT = 0.3


def on_gold(table: pa.Table, gold: str, given: dict[str, Any], about: dict[str, Any]) -> Tuned:
    """Tune on gold, with the options of `xret tune`; `about` is kept in the calibration."""
    from xret.bitext import read_gold, read_pairs
    from xret.stages.tune import Parts, split, tune_on_gold

    table = _once(table, given)
    if given["test"]:
        parts = Parts(table, read_gold(gold), _once(read_pairs(given["test"]), given), read_gold(given["test_gold"]))
    else:
        parts = split(table, read_gold(gold), dev_share=given["dev_share"], seed=given["seed"])
    margin = _margin(table, given)
    about = {**about, "gold": Path(gold).name, "repeated": given["repeated"]}
    return tune_on_gold(parts, method=given["method"], columns=given["columns"], margin=margin, about=about)


def said_on_the_line(name: str) -> bool:
    """Whether an option was given, not left at its default."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _margin(table: pa.Table, given: dict[str, Any]) -> Scoring:
    """The margin of the scores: what the columns tell, else what the options say."""
    from xret.bitext.calibration import margin_of
    from xret.errors import MismatchError

    wanted: Scoring = given["margin"] + ("+tokens" if given["rescore"] else "")
    found, said = margin_of(table), said_on_the_line("margin") or given["rescore"] is not None
    if found is None:
        if not said:
            announce(f"PAIRS do not tell their margin, which is taken to be {wanted}; --margin and --rescore say it")
        return wanted
    if said and found != wanted:
        raise MismatchError(f"the scores are by {found} margin, not {wanted}; leave out --margin and --rescore")
    return found


def _once(table: pa.Table, given: dict[str, Any]) -> pa.Table:
    from xret.corpus import open_corpus
    from xret.eval.bucc import without_repeated
    from xret.stages.belonging import check_pairs

    if given["repeated"] == "keep":
        return table
    src, tgt = open_corpus(given["src"]), open_corpus(given["tgt"])
    check_pairs(table, src, tgt)
    return without_repeated(table, src, tgt)


def without_gold(table: pa.Table, given: dict[str, Any], about: dict[str, Any]) -> BlindTuned:
    """Tune on decoys, with the options of `xret tune`; `about` is kept in the calibration."""
    from xret.bitext.calibration import margin_of
    from xret.errors import MismatchError, UsageError
    from xret.stages.tune_blind import tune_blind

    found = margin_of(table)
    if found and found.endswith("+tokens"):
        raise UsageError("these pairs were scored again by tokens: their scores can be tuned on --gold alone")
    if found and found != given["margin"]:
        raise MismatchError(f"--margin {given['margin']}: but the scores are by {found} margin; give --margin {found}")
    decoys = _decoys(table, *_corpora(table, given), given)
    about |= {name: given[name] for name in ("encoder", "k", "retrieval", "seed")}
    tuned = tune_blind(
        decoys, margin=given["margin"], method=given["method"], near_misses=given["near_misses"], about=about
    )
    if tuned.parallel > 0.95 and given["src"] is None:
        said = f"{tuned.parallel:.0%} of the pairs look right: were they mined with a threshold?"
        announce(f"{said} Then the sentences of those below it are missing here; give --src and --tgt")
    if tuned.parallel < FEW_RIGHT:
        said = (
            f"only {tuned.parallel:.0%} of the pairs look right, and where so few are, P(parallel) comes out too high"
        )
        announce(f"{said}: take a higher threshold, or tune on --gold")
    return tuned


def _corpora(table: pa.Table, given: dict[str, Any]) -> tuple[pa.Table, pa.Table]:
    from xret.corpus import open_corpus
    from xret.stages.belonging import check_pairs
    from xret.stages.score import side_corpus

    langs = given["src_lang"], given["tgt_lang"]
    if given["src"]:
        src, tgt = open_corpus(given["src"], lang=langs[0]), open_corpus(given["tgt"], lang=langs[1])
        check_pairs(table, src, tgt)
        return src, tgt
    return side_corpus(table, "src", lang=langs[0] or "und"), side_corpus(table, "tgt", lang=langs[1] or "und")


def _decoys(table: pa.Table, src: pa.Table, tgt: pa.Table, given: dict[str, Any]) -> pa.Table:
    import pyarrow.compute as pc

    from xret.atomic import temporary_folder
    from xret.cli.bitext_output import both_encoded
    from xret.pipeline import Pipeline, Step
    from xret.stages.decoys import Decoys, negative_corpus
    from xret.stages.encode import Encode

    paired = pc.index_in(table["tgt_id"], value_set=tgt["id"]).to_numpy() if given["src"] else None
    negative = negative_corpus(tgt, seed=given["seed"], among=paired)
    options = {name: given[name] for name in ("k", "margin", "retrieval", "seed", "threads")}
    encode = Encode(encoder=given["encoder"], device=given["device"], threads=given["threads"])
    steps = [*both_encoded(given), Step(Decoys(**options))]
    if negative.num_rows:
        steps.insert(2, Step(encode, {"corpus": "negative_corpus"}, "negative_vectors"))
    values = {"src_corpus": src, "tgt_corpus": tgt, "negative_corpus": negative}
    with temporary_folder() as folder:
        work = Path(given["work"]) if given["work"] else None
        return Pipeline(tuple(steps))(values, work=work, scratch=None if work else folder)["decoys"]
