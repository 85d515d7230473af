"""Loading a benchmark by its name."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from xret.corpus.languages import check_lang
from xret.errors import EvalError, UsageError
from xret.eval.benchmarks.benchmark import Benchmark
from xret.eval.benchmarks.checks import check
from xret.eval.benchmarks.family import Family, Loaded, Options, one_language
from xret.eval.benchmarks.found import Data, Files
from xret.eval.benchmarks.generic import GENERIC
from xret.eval.protocols import PROTOCOLS, Protocol
from xret.suggest import did_you_mean

__all__ = ["BENCHMARKS", "family_of", "load_benchmark", "load_benchmarks", "protocol_of"]

# name -> module of this package and the family in it; imported when asked for
BENCHMARKS = {
    "mrtydi": "mrtydi:FAMILY",
    "miracl": "miracl:MIRACL",
    "ciral": "miracl:CIRAL",
    "mmarco": "mmarco:MMARCO",
    "mrobust04": "mmarco:MROBUST",
    "hc4": "clir:HC4",
    "neuclir": "clir:NEUCLIR",
    "neuclir-mlir": "clir:NEUCLIR",
    "clef03": "clef:FAMILY",
    "clef03-mlir": "clef:FAMILY",
    "xor-retrieve": "answers:XOR",
    "mkqa": "answers:MKQA",
    "afriqa": "answers:AFRIQA",
    "beir": "folders:BEIR",
    "mteb": "folders:MTEB",
    "trec": "own:TREC",
    "xret": "own:OWN",
    "ir-datasets": "own:TREC",
}
UNPUBLISHED = tuple(each.name for each in GENERIC)


def load_benchmark(
    name: str, data: Data, *, lang: str | None = None, split: str | None = None, partial: bool = False, **options: Any
) -> Benchmark:
    """The data of one protocol in one language.

    Args:
        name: a key of `BENCHMARKS`.
        data: a folder with the files as they are published; or files by role (``corpus``, ``queries``, ``qrels``),
            with ``folder`` for the rest; or ``"ir_datasets:ID"``, or ``"ir_datasets:"`` for the set of the protocol.
        lang: of the collection; may be left out where the folder has but one. Of sets with all languages in one file:
            keep its questions only.
        split: default: the one usually reported.
        partial: documents of the judgements that the corpus lacks are counted in a warning, not refused.
        **options: `fields` (of a topic, in order), `source` (``original``, ``human``, ``machine``), `encoding`.

    Raises:
        EvalError: files are missing, malformed, or do not fit together; says which and how.
        UsageError: an unknown name, language or split; several languages and none chosen.
    """
    family, wanted = family_of(name), Options(lang=lang, split=split, name=name, **options)
    wanted = replace(wanted, split=_split(name, family, split))
    if str(data).startswith("ir_datasets:") or name == "ir-datasets":
        return check(_from_irds(name, str(data), wanted), family.labels, partial=partial)
    files = Files(data)
    if family.each and wanted.lang is None:
        wanted = replace(wanted, lang=one_language(family.languages(files, wanted), files))
    return check(_made(name, family, wanted, family.load(files, wanted), files), family.labels, partial=partial)


def load_benchmarks(name: str, data: Data, *, split: str | None = None, **options: Any) -> dict[str, Benchmark]:
    """Language -> benchmark: every collection of a folder; one, under ``""``, of sets that are one whole.

    Raises:
        EvalError, UsageError: as `load_benchmark`, or the folder has no language of this set.
    """
    family = family_of(name)
    if not family.each or str(data).startswith("ir_datasets:"):
        return {"": load_benchmark(name, data, split=split, **options)}
    files = Files(data)
    found = family.languages(files, Options(split=_split(name, family, split), name=name))
    if not found:
        one_language(found, files)
    return {lang: load_benchmark(name, data, lang=lang, split=split, **options) for lang in found}


def family_of(name: str) -> Family:
    """The family that loads a benchmark.

    Raises:
        UsageError: there is no such benchmark.
    """
    if name not in BENCHMARKS:
        near = did_you_mean(name, BENCHMARKS)
        other = "it is scored by a command of its own, see 'xret eval --help'; " if name in PROTOCOLS else ""
        raise UsageError(f"no benchmark '{name}'; {other}{near}")
    module, _, attribute = BENCHMARKS[name].partition(":")
    return cast("Family", getattr(importlib.import_module(f"xret.eval.benchmarks.{module}"), attribute))


def protocol_of(name: str) -> Protocol:
    """The protocol of a benchmark: a published one, or a generic one."""
    return {each.name: each for each in GENERIC}.get(name) or PROTOCOLS[name]


def _split(name: str, family: Family, split: str | None) -> str:
    if split is None:
        return family.splits[0]
    if name not in UNPUBLISHED and split not in family.splits:
        raise UsageError(f"--split {split}: {name} has no such split; {did_you_mean(split, family.splits)}")
    return split


def _made(name: str, family: Family, options: Options, loaded: Loaded, files: Files) -> Benchmark:
    tag = _tag(options.lang)
    folder = Path(files.label).resolve().name if name in UNPUBLISHED else ""
    protocol = loaded.protocol or protocol_of(name)
    parts = [protocol.name, folder, tag or "", options.split or ""]
    return Benchmark(
        protocol=protocol,
        name="/".join(part for part in parts if part),
        lang=tag if family.each else None,
        queries=loaded.queries,
        qrels=loaded.qrels,
        answers=loaded.answers,
        documents=loaded.documents,
        files=tuple((role, tuple(map(str, paths))) for role, paths in loaded.files if paths),
    )


def _tag(lang: str | None) -> str | None:
    return lang if lang in (None, "mlir") else check_lang(str(lang))


def _from_irds(name: str, data: str, options: Options) -> Benchmark:
    from xret.eval.benchmarks.irds import PREFIX, irds_name, load_irds

    asked = irds_name(name, data.removeprefix(PREFIX), options)
    loaded = load_irds(asked, options)
    if loaded.documents is None:
        raise EvalError(f"{asked}: has no documents")
    return Benchmark(
        protocol=protocol_of(name),
        name=asked if name == "ir-datasets" else f"{name}/{asked.partition('/')[2]}",
        lang=_tag(options.lang) if options.lang and name != "ir-datasets" else None,
        queries=loaded.queries,
        qrels=loaded.qrels,
        documents=loaded.documents,
        files=(("ir_datasets", (asked,)),),
    )
