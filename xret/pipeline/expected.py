"""What a stage will make, as far as its options and inputs say: rows and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from xret.pipeline.store import rows_of, stated
from xret.stages.encode import Encode
from xret.stages.index import Index
from xret.stages.load import Load
from xret.stages.retrieve import Retrieve
from xret.stages.stage import Stage, Value

__all__ = ["Expected", "expected", "of_value"]


@dataclass(frozen=True)
class Expected:
    """A value that is there, or is to be made.

    Attributes:
        rows: None where nothing says.
        at_most: whether `rows` is a bound.
        dim: of vectors.
        bytes: on disk, when it is made; the texts' and the vectors' own, without what holds them together.
        text: bytes of the texts, of a corpus that is there.
    """

    rows: int | None = None
    at_most: bool = False
    dim: int | None = None
    bytes: int | None = None
    text: int = 0


def of_value(value: Value) -> Expected:
    """What is known of a value that is there."""
    if isinstance(value, pa.Table):
        text = value["text"].nbytes if "text" in value.column_names else 0
        return Expected(rows=value.num_rows, text=text)
    return Expected(rows=rows_of(value), dim=stated(value, "dim"))


def expected(stage: Stage, known: Mapping[str, Expected]) -> Expected:
    """What a stage will make.

    Args:
        stage: the stage.
        known: its inputs, by the names that it declares.

    Raises:
        InputError: an index that cannot be made of these rows, or an encoder that is not there.
    """
    if isinstance(stage, Encode):
        rows, dim = known["corpus"].rows, stage.dim or _width(stage.encoder)
        size = None if rows is None or dim is None else rows * dim * (2 if stage.dtype == "float16" else 4)
        return Expected(rows, known["corpus"].at_most, dim, size)
    if isinstance(stage, Index):
        return Expected(known["corpus"].rows, known["corpus"].at_most, bytes=_index_bytes(stage, known))
    if isinstance(stage, Load):
        return Expected(known["vectors"].rows, known["vectors"].at_most)
    if isinstance(stage, Retrieve):
        queries = known["queries"].rows
        return Expected(None if queries is None else queries * stage.k, at_most=True)
    if stage.name in ("centre", "expand"):
        return Expected(known["vectors"].rows, known["vectors"].at_most, known["vectors"].dim)
    if stage.name in ("rerank", "calibrate-run"):
        return Expected(known["run"].rows, at_most=True)
    if stage.name in ("filter", "score", "calibrate"):
        return Expected(known["pairs"].rows, at_most=True)
    if stage.name == "fuse":
        runs = [each.rows for each in known.values()]
        return Expected(None if None in runs else sum(each or 0 for each in runs), at_most=True)
    return Expected()


def _width(encoder: str) -> int | None:
    """Values of its vectors; None for a model of token vectors alone."""
    from xret.encoders.checkpoints.expert_models import find_expert_models
    from xret.encoders.composing.composed import open_named
    from xret.encoders.composing.names import split_modules
    from xret.encoders.locate import locate
    from xret.encoders.names import split_precision

    base, _ = split_precision(encoder)
    plain, modules = split_modules(base)
    models = None if modules else find_expert_models(locate(plain))
    return (models.recipe() if models else open_named(base).recipe).dim or None


def _index_bytes(stage: Index, known: Mapping[str, Expected]) -> int | None:
    """Of a dense index: its vectors, and the texts that it keeps."""
    from xret.indexes.choice import choose_factory, parse_bytes
    from xret.indexes.factory import check_factory, parse_factory

    vectors = known.get("vectors")
    if stage.kind != "dense" or vectors is None or vectors.dim is None or not vectors.rows:
        return None
    rows, dim = vectors.rows, vectors.dim
    if stage.factory == "auto":
        memory = parse_bytes(stage.memory) if stage.memory else 8 << 30
        factory = choose_factory(rows=rows, dim=dim, memory=memory).factory
    else:
        check_factory(stage.factory, rows=rows, dim=dim)
        factory = parse_factory(stage.factory, dim=dim)
    return int(rows * factory.bytes_per_row(dim)) + (known["corpus"].text if stage.text else 0)
