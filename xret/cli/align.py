"""`xret align`: documents to documents, then segments within them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.align_lines import without_blank_lines
from xret.cli.align_report import check_golds, judge, say_left_out, summary, write_documents
from xret.cli.bitext_output import (
    announce,
    check_langs,
    check_output,
    format_option,
    langs_of,
    scratch,
    work_option,
    write_output,
)
from xret.cli.options import (
    checked_lang,
    device_option,
    encoder_option,
    on_error_option,
    threads_option,
    verbose_option,
)
from xret.cli.overwrite import refuse_overwriting, same_file
from xret.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.stages.segment import Segment

__all__ = ["align"]

EXAMPLE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret align aligned.de.txt aligned.en.txt -o aligned.tsv
  xret align aligned.de.txt aligned.en.txt -o aligned.jsonl --most 6 --threshold 0.2 --work align.work
"""


@click.command(epilog=EXAMPLE)
@click.argument("src", type=click.Path())
@click.argument("tgt", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), metavar="OUT", help="File to write; - is stdout.")
@click.option(
    "--src-lang", metavar="L", callback=checked_lang, help="Language of SRC (BCP 47) where the file does not tell."
)
@click.option(
    "--tgt-lang", metavar="L", callback=checked_lang, help="Language of TGT (BCP 47) where the file does not tell."
)
@encoder_option
@click.option(
    "--documents",
    type=click.Choice(["auto", "column", "row", "file", "blank"]),
    default="auto",
    show_default=True,
    help="What a document is: the rows of one doc_id (column), a row, a text file, or what stands between blank lines "
    "of one. auto: a text file; of others the doc_id where there is one, else a row.",
)
@click.option(
    "--split",
    type=click.Choice(["auto", "none", "lines", "sentences"]),
    default="auto",
    show_default=True,
    help="Of the rows' texts into segments. auto: into lines where a row is a document, else none.",
)
@click.option("--doc-pairs", type=click.Path(), metavar="FILE", help="Pairs of documents (src_id, tgt_id), if known.")
@click.option(
    "--doc-threshold", type=float, metavar="X", help="Align documents that cover each other by at least X (0 to 1)."
)
@click.option(
    "--doc-output", type=click.Path(), metavar="FILE", help="Write the pairs of documents: .tsv, .jsonl or .parquet."
)
@click.option(
    "--most",
    type=click.IntRange(2, 64),
    default=4,
    show_default=True,
    help="Segments of both sides together in a pair: 2 is 1-1 alone, 4 goes to 1-3, 2-2 and 3-1.",
)
@click.option(
    "--skip",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Price of a segment without counterpart, a quantile of the costs of random pairs: less skips more.",
)
@click.option(
    "--threshold",
    type=float,
    metavar="X",
    help="Keep pairs with a score of at least X; 0.3 drops what is hardly sure.  [default: keep all]",
)
@click.option(
    "--gold", type=click.Path(), metavar="FILE", help="True pairs (src_id, tgt_id; several ids with ' + '): print F1."
)
@click.option("--doc-gold", type=click.Path(), metavar="FILE", help="True pairs of documents: print P, R and F1.")
@format_option
@work_option
@device_option
@threads_option
@on_error_option
@verbose_option
def align(src: str, tgt: str, output: str, **given: Any) -> None:
    """Align the documents of SRC and TGT, and the sentences within them.

    Both are corpora (.txt, .tsv, .jsonl, .parquet, .arrow or a folder of them; - is stdin) with documents in order. OUT
    gets score, src_id, tgt_id, src_text and tgt_text in the order of SRC; ids of several segments are joined by ' + '.
    A score is 1 for sure and about 0 for random pairs. With --work, a run that was stopped goes on where it was.
    """
    _check(src, tgt, output, given)
    gold = _gold(given)
    with scratch(output, given["work"]) as folder:
        corpora = _corpora(src, tgt, folder or Path(given["work"]), given)
        langs = langs_of(*corpora)
        check_langs(output, given["format"], langs, src, tgt, given["gold"], given["doc_gold"], given["doc_pairs"])
        stages = [_segment(name, each, given) for name, each in zip((src, tgt), corpora, strict=True)]
        if any(each is not None for each in gold):
            check_golds(*gold, *(stage.run(each, work=Path()) for stage, each in zip(stages, corpora, strict=True)))
        bag = _aligned(corpora, stages, folder, given)
        pairs: pa.Table = bag["pairs"]
        if given["doc_output"]:
            write_documents(bag["documents"], Path(given["doc_output"]))
        write_output(pairs, output, given["format"], langs=langs)
        judge(bag, *gold)
    announce(summary(bag, src, tgt, output))


def _check(src: str, tgt: str, output: str, given: dict[str, Any]) -> None:
    from xret.bitext import format_of

    if given["src_lang"] == given["tgt_lang"] not in (None, "und"):
        raise UsageError(f"--src-lang and --tgt-lang are both '{given['src_lang']}'; give texts of two languages")
    if same_file(src, tgt):
        raise UsageError(f"SRC and TGT are both '{src}'; give two")
    for name in ("threshold", "doc_threshold"):
        if given[name] is not None and math.isnan(given[name]):
            raise UsageError(f"--{name.replace('_', '-')} nan: no score reaches that; give a number")
    if given["doc_pairs"] and given["doc_threshold"] is not None:
        raise UsageError("--doc-threshold is for pairs that are looked for; leave it out with --doc-pairs")
    read = (src, tgt, given["gold"], given["doc_gold"], given["doc_pairs"])
    refuse_overwriting(output, *read)
    check_output(output, given["format"])
    _check_outputs((src, tgt), output, given["doc_output"])
    if given["doc_output"]:
        refuse_overwriting(given["doc_output"], *read)
        check_output(given["doc_output"], None)
        if format_of(Path(given["doc_output"])) not in ("tsv", "jsonl", "parquet"):
            raise UsageError(f"--doc-output {given['doc_output']}: pairs of documents are TSV, JSONL or Parquet")


def _check_outputs(sources: tuple[str, str], *outputs: str | None) -> None:
    named = [output for output in outputs if output not in (None, "-")]
    if len(named) == 2 and Path(named[0]).resolve() == Path(named[1]).resolve():
        raise UsageError(f"-o and --doc-output are both '{named[1]}'; give each a name of its own")
    for output in named:
        for source in sources:
            if Path(source).is_dir() and Path(output).resolve().parent == Path(source).resolve():
                raise UsageError(f"{output}: lies in '{source}', all files of which are read; write it elsewhere")


def _gold(given: dict[str, Any]) -> list[pa.Table | None]:
    from xret.bitext import read_gold

    return [read_gold(given[name]) if given[name] else None for name in ("gold", "doc_gold")]


def _corpora(src: str, tgt: str, folder: Path, given: dict[str, Any]) -> tuple[pa.Table, pa.Table]:
    from xret.corpus import open_corpus

    say_left_out(src, tgt)
    sides = ((src, given["src_lang"]), (tgt, given["tgt_lang"]))
    cache, skipped = folder / "inputs", given["on_error"]
    if given["documents"] == "blank":
        first, second = (
            without_blank_lines(name, cache / f"{side}-lines.arrow", lang=lang, on_error=skipped)
            for side, (name, lang) in zip(("src", "tgt"), sides, strict=True)
        )
    else:
        first, second = (open_corpus(name, lang=lang, on_error=skipped, cache=cache) for name, lang in sides)
    return first, second


def _aligned(
    corpora: tuple[pa.Table, pa.Table], segment: list[Segment], folder: Path | None, given: dict[str, Any]
) -> dict[str, Any]:
    """All that the pipeline makes, by name: src_corpus (segments), documents, pairs and so on."""
    from xret.bitext import read_gold
    from xret.pipeline import Pipeline, Step
    from xret.stages.align import Align
    from xret.stages.documents import PairDocuments
    from xret.stages.encode import Encode

    encode = Encode(encoder=given["encoder"], device=given["device"], threads=given["threads"])
    encoder = {name: given[name] for name in ("encoder", "device", "threads")}
    stage = Align(most=given["most"], skip=given["skip"], threshold=given["threshold"], **encoder)
    steps: list[Any] = []
    inputs: dict[str, Any] = {}
    for side, corpus, cut in zip(("src", "tgt"), corpora, segment, strict=True):
        inputs[f"{side}_whole_corpus"] = corpus
        name = f"{side}_corpus"
        steps.append(Step(cut, {"corpus": f"{side}_whole_corpus"}, name))
        steps.append(Step(encode, {"corpus": name}, f"{side}_vectors"))
    if given["doc_pairs"]:
        inputs["documents"] = read_gold(given["doc_pairs"])
    else:
        steps.append(Step(PairDocuments(threshold=given["doc_threshold"], threads=given["threads"])))
    work = Path(given["work"]) if given["work"] else None
    return dict(Pipeline((*steps, Step(stage)))(inputs, work=work, scratch=folder))


def _segment(source: str, corpus: pa.Table, given: dict[str, Any]) -> Segment:
    """What cuts a corpus into segments; of text files, each is a document unless told otherwise."""
    from xret.corpus.sources import find_source
    from xret.stages.segment import Segment

    documents = given["documents"]
    if documents == "auto" and "doc_id" not in corpus.column_names:
        if source == "-":
            raise UsageError("-: say with --documents whether the whole of stdin is a document (file) or a row is one")
        documents = "file" if find_source(source).shards[0].format == "txt" else "row"
    return Segment(documents=documents, split=given["split"], title=Path(source).name)
