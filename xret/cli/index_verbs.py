"""What `xret index` does with indexes of any kind, through `xret.indexes.kinds`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.encoders import Encoder

__all__ = ["add_kind", "build_kind", "describe", "loader", "refuse_foreign", "report", "report_check"]


def refuse_foreign(kind: str, given: Mapping[str, Any]) -> None:
    """Refuse options that were given and are another kind's.

    Raises:
        UsageError: naming the kinds that have it.
    """
    from xret.errors import UsageError
    from xret.indexes.kinds import BUILD_OPTIONS, foreign_option

    name = foreign_option(BUILD_OPTIONS, kind, given)
    if name is not None:
        flag = "--analyzer" if name == "analyzers" else f"--{name}"
        raise UsageError(f"{flag} is for --kind {' or '.join(BUILD_OPTIONS[name])}, not {kind}; leave it out")


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
    from xret.indexes.kinds import BUILD_OPTIONS, verbs
    from xret.stages.index import shared_tokens

    if (
        kind == "lexical"
        and options["backend"] == "lucene"
        and Path(source).is_dir()
        and any(Path(source).glob("segments_*"))
    ):
        return _adopted(source, output, options)
    _refuse_encoder(kind, source)
    with work_folder(options["work"], output) as folder:
        corpus = _corpus(kind, source, options, folder)
        own = {name: options.get(name) for name, kinds in BUILD_OPTIONS.items() if kind in kinds}
        if options.get("queries"):
            own["queries"] = open_corpus(options["queries"], lang=None, on_error=options["on_error"])
        if kind == "multivector" and "tokens" not in corpus.column_names:
            own["sharing"] = shared_tokens(
                options["encoder"], output, device=options["device"], threads=options["threads"]
            )
        return verbs(kind).build(
            output, corpus, encoder=loader(options["encoder"], options), threads=options["threads"],
            text=not options["no_text"], progress=True, **own,
        )  # fmt: skip


def add_kind(kind: str, index: Path, source: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add a corpus to an index that is not dense; arguments as for `build_kind`."""
    from xret.cli.encoding import index_encoder, work_folder
    from xret.indexes.kinds import verbs

    own: dict[str, Any] = {"analyzers": options["analyzers"]} if kind == "lexical" else {}
    _refuse_encoder(kind, source)
    with work_folder(options["work"], index) as folder:
        corpus, encoder = _corpus(kind, source, options, folder), None
        if kind == "multivector" and "tokens" not in corpus.column_names:
            name = index_encoder(index, verbs(kind).open_index(index).manifest, options["encoder"])
            encoder = loader(name, options)
        return verbs(kind).add(
            index, corpus, encoder=encoder,
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
    from xret.indexes.lexical.analyzers import base_language
    from xret.indexes.lexical.lucene.write import adopt_lucene
    from xret.indexes.lexical.verbs import given_analyzers

    if not options["lang"]:
        raise UsageError(f"'{source}' is a Lucene index; say with --lang which language it is in")
    analyzer = given_analyzers(options["analyzers"]).get(base_language(options["lang"]))
    adopt_lucene(output, Path(source), lang=options["lang"], analyzer=analyzer)
    return verbs("lexical").fields(output)


def loader(name: str, options: Mapping[str, Any]) -> Callable[[], Encoder]:
    """What loads an encoder, when it is needed."""

    def load() -> Encoder:
        from xret.encoders import load_encoder

        return load_encoder(name, device=options["device"], threads=options["threads"])

    return load


def _refuse_encoder(kind: str, source: str) -> None:
    """Refuse an ``--encoder`` that would encode nothing.

    Raises:
        UsageError: it was given.
    """
    from xret.errors import UsageError

    context = click.get_current_context()
    if context.get_parameter_source("encoder") is not ParameterSource.COMMANDLINE or not context.params["encoder"]:
        return
    if kind == "lexical":
        raise UsageError("--encoder: a lexical index holds words, and nothing is encoded; leave it out")
    if _tokens(source) is not None:
        raise UsageError(f"--encoder: '{source}' holds token vectors, which are encoded already; leave it out")


def _tokens(source: str) -> pa.Table | None:
    """The table of an Arrow file with token vectors."""
    from xret.mapped import map_table

    if not source.endswith(".arrow") or not Path(source).is_file():
        return None
    table = map_table(Path(source), remedy="make it again")
    return table if "tokens" in table.column_names else None


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
    table = _tokens(source) if kind == "multivector" else None
    if table is not None:
        return _with_language(table, options["lang"])
    return open_corpus(source, lang=options["lang"], on_error=options["on_error"], cache=folder)


def _with_language(table: pa.Table, lang: str | None) -> pa.Table:
    """The rows that do not say their language are in this one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if lang is None:
        return table
    if "lang" not in table.column_names:
        return table.append_column("lang", pa.repeat(pa.scalar(lang), table.num_rows))
    given = table["lang"].cast(pa.string())
    given = pc.coalesce(pc.if_else(pc.equal(given, ""), None, given), lang)
    return table.set_column(table.column_names.index("lang"), "lang", given)
