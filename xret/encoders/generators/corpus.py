"""Queries for a whole corpus: generated in shards that survive a kill, joined to one table."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from xret.artifact import MANIFEST, atomic_file, digest, file_hash, read_manifest, write_manifest
from xret.corpus import corpus_hash
from xret.encoders.generators.generator import Generator
from xret.encoders.generators.prompts import Asked, Prompt
from xret.encoders.generators.sampling import Sampling
from xret.errors import InputError, MismatchError, UsageError
from xret.mapped import map_table, write_batches

__all__ = ["Generated", "Plan", "generate_queries"]

SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "docid", "lang", "text")])
_KIND = "generated-queries"
logger = logging.getLogger("xret")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be generated.

    Attributes:
        prompt: what the model is asked.
        samples: queries per passage and language.
        sampling: None for the likeliest query alone.
        max_tokens: of a query.
        shard_rows: passages per shard: what a kill can cost.
    """

    prompt: Prompt
    samples: int = 5
    sampling: Sampling | None = field(default_factory=Sampling)
    max_tokens: int = 64
    shard_rows: int = 256

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        for name in ("samples", "max_tokens", "shard_rows"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}; wanted 1 or more")
        if self.samples > 1 and self.sampling is None:
            raise UsageError(f"{self.samples} times the likeliest query is the same query; sample, or take 1")


@dataclass(frozen=True)
class Generated:
    """What a run came to."""

    passages: int
    queries: int
    new_queries: int  # by this run; the others were there
    empty: int  # that had no text and were left out


def generate_queries(
    corpus: pa.Table,
    work: Path,
    *,
    generator: Generator,
    plan: Plan,
    resume: bool = False,
    progress: bool = False,
    tell: Callable[[Generated], object] = lambda generated: None,
) -> pa.Table:
    """Queries for every passage, in the order of the corpus and of the languages.

    Args:
        corpus: `id`, `text` and perhaps `lang` and `title`; may be memory-mapped.
        work: a folder that is kept: a killed run leaves its finished shards there, for the same call with `resume` to
            go on from. It ends with the rows that an uninterrupted run gives.
        generator: see `load_generator`.
        plan: what is asked, and how often.
        resume: go on with what is in `work`.
        progress: a bar on stderr, where that is a terminal.
        tell: called at the end with what the run came to.

    Returns:
        `id` (``PASSAGE/LANGUAGE/NUMBER``), `docid`, `lang`, `text`, memory-mapped from `work`.

    Raises:
        MismatchError: what is in `work` was made with other settings, another model or another corpus.
        InputError: an interrupted run is there and `resume` is off, or a shard of it was changed; no text came out.
    """
    work, made = Path(work), _made(corpus, generator, plan)
    shards = _begun(work, made, resume)
    before = len(shards)
    with tqdm(total=corpus.num_rows, unit=" passages", disable=None if progress else True) as bar:
        bar.update(min(before * plan.shard_rows, corpus.num_rows))
        for start in range(before * plan.shard_rows, corpus.num_rows, plan.shard_rows):
            rows = corpus.slice(start, plan.shard_rows)
            table, empty = _generate(rows, generator, plan, bar.update)
            shards.append(_keep(work, len(shards), table, empty))
            _record(work, made, shards)
    table = _joined(work, shards)
    if not table.num_rows:
        raise InputError(
            f"no query came out of {corpus.num_rows:,} passages: the languages wanted are the passages' own, or "
            f"'{generator.name}' writes nothing; look at the prompts"
        )
    empty = sum(int(shard["empty"]) for shard in shards)
    if empty:
        logger.warning("%s: %s queries came out empty and were left out", generator.name, f"{empty:,}")
    new = sum(int(shard["rows"]) for shard in shards[before:])
    tell(Generated(corpus.num_rows, table.num_rows, new, empty))
    return table


def _made(corpus: pa.Table, generator: Generator, plan: Plan) -> str:
    """SHA-256 of all that decides the result."""
    titles = None
    if plan.prompt.titled and "title" in corpus.column_names:
        titled = pa.table({"id": corpus["id"], "text": corpus["title"].cast(pa.string()).fill_null("")})
        titles = corpus_hash(titled)
    return digest("generate", generator.hash, generator.max_length, asdict(plan), corpus_hash(corpus), titles)


def _begun(work: Path, made: str, resume: bool) -> list[dict[str, Any]]:
    """The finished shards of an interrupted run."""
    if not (work / MANIFEST).is_file():
        work.mkdir(parents=True, exist_ok=True)
        return []
    manifest = read_manifest(work, kind=_KIND)
    shards: list[dict[str, Any]] = list(manifest.get("shards", []))
    if not resume:
        count = sum(int(shard["rows"]) for shard in shards)
        raise InputError(f"{work}: holds an interrupted run ({count:,} queries); add --resume to go on, or remove it")
    if manifest.get("made") != made:
        raise MismatchError(
            f"{work}: holds an interrupted run with another corpus, model, prompt or other settings; remove it, or "
            "choose another name"
        )
    for shard in shards:
        path = work / Path(str(shard["file"])).name
        if not path.is_file() or file_hash(path) != shard["sha256"]:
            raise InputError(f"{path}: was changed since it was written; remove {work} and start again")
    return shards


def _generate(
    rows: pa.Table, generator: Generator, plan: Plan, advance: Callable[[int], object]
) -> tuple[pa.Table, int]:
    """The queries of some passages, and how many came out empty; `advance` is called with the passages done."""
    names = [name for name in ("id", "text", "lang", "title") if name in rows.column_names]
    asked = plan.prompt.ask(rows.select(names).to_pylist())
    done = told = 0

    def count(prompts: int) -> None:
        nonlocal done, told
        done += prompts
        passages = rows.num_rows * done // len(asked)
        advance(passages - told)
        told = passages

    if not asked:
        advance(rows.num_rows)
    written = generator.generate(
        [each.text for each in asked], samples=plan.samples, sampling=plan.sampling, max_tokens=plan.max_tokens,
        keys=[json.dumps([each.docid, each.lang]) for each in asked], advance=count,
    )  # fmt: skip
    found = [_row(each, n, text) for each, texts in zip(asked, written, strict=True) for n, text in enumerate(texts, 1)]
    kept = [row for row in found if row["text"]]
    return pa.Table.from_pylist(kept, SCHEMA), len(found) - len(kept)


def _row(asked: Asked, number: int, text: str) -> dict[str, str]:
    text = " ".join(text.split())  # one line
    return {"id": f"{asked.docid}/{asked.lang}/{number}", "docid": asked.docid, "lang": asked.lang, "text": text}


def _keep(work: Path, number: int, table: pa.Table, empty: int) -> dict[str, Any]:
    path = work / f"queries-{number:05d}.arrow"
    with atomic_file(path) as temporary:
        write_batches(temporary, table.to_batches(), SCHEMA)
    return {"file": path.name, "rows": table.num_rows, "empty": empty, "sha256": file_hash(path)}


def _record(work: Path, made: str, shards: list[dict[str, Any]]) -> None:
    write_manifest(work, {"kind": _KIND, "made": made, "shards": shards})


def _joined(work: Path, shards: list[dict[str, Any]]) -> pa.Table:
    tables = [map_table(work / str(shard["file"]), remedy="remove its folder and start again") for shard in shards]
    return pa.concat_tables([SCHEMA.empty_table(), *tables])
