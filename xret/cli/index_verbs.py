"""What `xret index` does with indexes of any kind, through `xret.indexes.kinds`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["add_kind", "build_kind", "describe", "refuse_foreign", "report", "report_check"]

OWN = {  # options of `build` and the kinds they are for
    "factory": ("dense",),
    "memory": ("dense", "multivector"),
    "codec": ("multivector",),
    "pool": ("multivector",),
    "queries": ("multivector",),
    "backend": ("lexical",),
    "analyzers": ("lexical",),
}


def refuse_foreign(kind: str, given: Mapping[str, Any]) -> None:
    """Refuse options that were given and are another kind's.

    Raises:
        UsageError: naming the kinds that have it.
    """
    from xret.errors import UsageError

    for name, value in given.items():
        if value is not None and kind not in OWN[name]:
            flag = "--analyzer" if name == "analyzers" else f"--{name}"
            raise UsageError(f"{flag} is for --kind {' or '.join(OWN[name])}, not {kind}; leave it out")


def build_kind(kind: str, source: str, output: Path, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Build an index that is not dense; gives what `fields` says of it.

    Args:
        kind: of `xret.indexes.kinds.KINDS`.
        source: a corpus, or an Arrow file with the column `tokens`.
        output: the folder to make.
        options: of the command; None where not given.
    """
    from xret.cli.encoding import work_folder
    from xret.corpus import open_corpus
    from xret.indexes.kinds import verbs

    if (
        kind == "lexical"
        and options["backend"] == "lucene"
        and Path(source).is_dir()
        and any(Path(source).glob("segments_*"))
    ):
        return _adopted(source, output, options)
    with work_folder(options["work"], output) as folder:
        corpus = _corpus(kind, source, options, folder)
        own = {name: options.get(name) for name in OWN if kind in OWN[name]}
        if options.get("queries"):
            own["queries"] = open_corpus(options["queries"], lang=None, on_error=options["on_error"])
        return verbs(kind).build(
            output, corpus, encoder=options["encoder"], device=options["device"], threads=options["threads"],
            text=not options["no_text"], progress=True, **own,
        )  # fmt: skip


def add_kind(kind: str, index: Path, source: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add a corpus to an index that is not dense; arguments as for `build_kind`."""
    from xret.cli.encoding import work_folder
    from xret.indexes.kinds import verbs

    own: dict[str, Any] = {"analyzers": options["analyzers"]} if kind == "lexical" else {}
    with work_folder(options["work"], index) as folder:
        return verbs(kind).add(
            index, _corpus(kind, source, options, folder), encoder=options["encoder"], device=options["device"],
            threads=options["threads"], replace=options["replace"] or None, progress=True, **own,
        )  # fmt: skip


def describe(folder: Path, *, as_json: bool) -> None:
    """Print what an index holds."""
    from xret.cli.table import render
    from xret.indexes.kinds import verbs_of

    kind = verbs_of(folder)
    if as_json:
        click.echo(json.dumps(kind.fields(folder), ensure_ascii=False))
    else:
        click.echo("\n".join(render([(name, value) for name, value in kind.info(folder)], ("", "")).splitlines()[2:]))


def report(made: Mapping[str, Any], *, as_json: bool) -> None:
    """Say what was made: one line on stderr, or JSON on stdout."""
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False))
        return
    what = made.get("factory") or made["kind"]
    click.echo(f"{made['index']}: {made['rows']:,} rows, {len(made['languages'])} languages, {what}", err=True)


def report_check(folder: Path, checked: Mapping[str, Any], *, as_json: bool) -> None:
    """Say what a check looked at."""
    if as_json:
        click.echo(json.dumps({"index": str(folder), "ok": True, **checked}))
        return
    share = checked.get("found_themselves")
    said = "" if share is None else f", {share:.0%} of a sample find themselves"
    click.echo(f"{folder}: ok: {checked['rows']:,} rows, {checked['files']} files{said}")


def _adopted(source: str, output: Path, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """An index folder for a Lucene index that Pyserini or Anserini made.

    Raises:
        UsageError: its language was not given.
    """
    from xret.errors import UsageError
    from xret.indexes.kinds import verbs
    from xret.indexes.lexical.lucene.write import adopt_lucene
    from xret.indexes.lexical.verbs import given_analyzers

    if not options["lang"]:
        raise UsageError(f"'{source}' is a Lucene index; say with --lang which language it is in")
    analyzer = given_analyzers(options["analyzers"]).get(options["lang"])
    adopt_lucene(output, Path(source), lang=options["lang"], analyzer=analyzer)
    return verbs("lexical").fields(output)


def _corpus(kind: str, source: str, options: Mapping[str, Any], folder: Path) -> pa.Table:
    """The corpus, or a table with the column `tokens`.

    Raises:
        UsageError: dense vectors.
    """
    from xret.cli.encoding import holds_vectors
    from xret.corpus import open_corpus
    from xret.errors import UsageError

    if holds_vectors(source):
        raise UsageError(f"'{source}' holds one vector for each text, for --kind dense; give the corpus")
    if kind == "multivector" and source.endswith(".arrow"):
        from xret.mapped import map_table

        table = map_table(Path(source), remedy="make it again")
        if "tokens" in table.column_names:
            return table
    return open_corpus(source, lang=options["lang"], on_error=options["on_error"], cache=folder)
