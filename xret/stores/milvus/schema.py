"""What a recipe is in Milvus: fields, indexes and search parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xret.errors import InputError, UsageError
from xret.indexes.factory import Factory, parse_factory
from xret.stores.recipe import Recipe

__all__ = [
    "ID_BYTES",
    "PIECES",
    "REST",
    "SPARSE",
    "TEXT_BYTES",
    "WORDS",
    "Vectored",
    "dense_field",
    "fill_schema",
    "is_lite",
    "refuse_lite",
    "vectored",
]

ID_BYTES, LANG_BYTES, TEXT_BYTES = 1024, 64, 65_535  # the last is the most that a VARCHAR holds
SPARSE, WORDS = "sparse", "words"
REST, PIECES = "rest", 500  # what a longer text goes on with, in pieces of TEXT_BYTES: a call takes no more than that
LITE = ("AUTOINDEX", "FLAT", "HNSW", "HNSW_SQ", "IVF_FLAT", "IVF_SQ8")
LEAST_EF, LISTS_SHARE = 128, 16
SERVERS = re.compile(r"[A-Z]+(_[A-Z0-9]+)*")  # a type in Milvus' own spelling; a factory string has digits or Flat


@dataclass(frozen=True)
class Vectored:
    """The index of the dense field.

    Attributes:
        kind: Milvus' name.
        build: parameters of building it.
        factory: what it was made from; None for a name that only the server knows.
    """

    kind: str
    build: Mapping[str, Any]
    factory: Factory | None

    def search(self, fetch: int, nprobe: int | None, where: object) -> dict[str, Any]:
        """Parameters of a search for `fetch` rows.

        Raises:
            UsageError: `nprobe` for an index without lists.
        """
        lists = self.factory.lists if self.factory else 0
        if nprobe is not None and not lists:
            raise UsageError(f"{where}: nprobe is for indexes with lists, this one is {self.kind}; leave nprobe out")
        if lists:
            return {"nprobe": min(lists, nprobe or max(8, lists // LISTS_SHARE))}
        return {"ef": max(LEAST_EF, 2 * fetch)} if self.factory and self.factory.links else {}


def vectored(index: str, dim: int) -> Vectored:
    """The index that a recipe's `index` is in Milvus.

    Raises:
        InputError: not known, or nothing that Milvus has.
    """
    if SERVERS.fullmatch(index):
        return Vectored(index, {}, None)  # DISKANN, GPU_CAGRA, IVF_RABITQ …: the server says whether it has them
    if index == "auto":
        return Vectored("AUTOINDEX", {}, None)
    factory = parse_factory(index, dim=dim)
    if factory.coarse or factory.fast or factory.code not in ("Flat", "SQ8", "PQ"):
        raise InputError(f"index '{index}' is nothing that Milvus has; write Flat, IVF1024,Flat, IVF1024,SQ8, "
                         "IVF1024,PQ48, HNSW32, HNSW32,SQ8, or a type of its own as DISKANN")  # fmt: skip
    if factory.links:
        sq = {"sq_type": "SQ8"} if factory.code == "SQ8" else {}
        return Vectored("HNSW_SQ" if sq else "HNSW", {"M": factory.links, "efConstruction": LEAST_EF, **sq}, factory)
    if not factory.lists:
        if factory.code != "Flat":
            raise InputError(f"index '{index}' is nothing that Milvus has without lists; write IVF1024,{factory.code}")
        return Vectored("FLAT", {}, factory)
    codes = {"m": factory.m, "nbits": factory.bits} if factory.code == "PQ" else {}
    name = {"Flat": "IVF_FLAT", "SQ8": "IVF_SQ8", "PQ": "IVF_PQ"}[factory.code]
    return Vectored(name, {"nlist": factory.lists, **codes}, factory)


def dense_field(recipe: Recipe) -> str:
    """The field of the vectors, called after their encoder.

    An alias may lead to vectors of another encoder between two searches: the server then refuses those who ask for the
    old field, in the search itself, where the same name would give them nonsense.
    """
    return f"dense_{recipe.encoder_hash[:8]}" if recipe.encoder_hash else "dense"


def is_lite(server: str) -> bool:
    """Whether a server's version is that of Milvus Lite."""
    return "lite" in server


def refuse_lite(index: Vectored, server: str, where: object) -> None:
    """Raise where the server is Milvus Lite and has not this index: it would take it, and search row by row instead.

    Args:
        index: what is wanted.
        server: its version, as it says itself.
        where: the place, for the message.

    Raises:
        InputError: naming what it has.
    """
    if is_lite(server) and index.kind not in LITE:
        raise InputError(
            f"{where}: Milvus Lite has no index {index.kind}; use Flat, IVF1024,Flat, IVF1024,SQ8 or HNSW32, or a full "
            "Milvus server"
        )


def fill_schema(library: Any, schema: Any, indexes: Any, recipe: Recipe, *, lite: bool) -> None:
    """Put a recipe's fields and indexes into an empty schema and an empty list of indexes of the client's.

    Args:
        library: `pymilvus`.
        schema: to fill.
        indexes: to fill.
        recipe: what is wanted.
        lite: whether the server is Milvus Lite.

    Raises:
        InputError: an index that Milvus does not have.
    """
    types = library.DataType
    found = vectored(recipe.index, recipe.dim)
    schema.add_field("id", types.VARCHAR, is_primary=True, max_length=ID_BYTES)
    schema.add_field("lang", types.VARCHAR, max_length=LANG_BYTES, is_partition_key=True)
    schema.add_field(dense_field(recipe), types.FLOAT_VECTOR, dim=recipe.dim)
    # Vectors come in at length 1 where the metric is the cosine: the inner product is it, and costs less.
    build = dict(found.build)
    if lite:  # it reads the parameters in one JSON value, and the client sends them one by one: they would be lost
        build["params"] = dict(found.build)
    indexes.add_index(dense_field(recipe), index_type=found.kind, metric_type="IP", params=build)
    if recipe.text:
        cut = {"enable_analyzer": True, "analyzer_params": {"tokenizer": recipe.analyzer, "filter": ["lowercase"]}}
        schema.add_field("text", types.VARCHAR, max_length=TEXT_BYTES, **(cut if recipe.words else {}))
        pieces = {"element_type": types.VARCHAR, "max_capacity": PIECES, "max_length": TEXT_BYTES}
        schema.add_field(REST, types.ARRAY, **pieces)
    if recipe.words:
        schema.add_field(WORDS, types.SPARSE_FLOAT_VECTOR)
        schema.add_function(
            library.Function(
                name="bm25",
                function_type=library.FunctionType.BM25,
                input_field_names=["text"],
                output_field_names=[WORDS],
            )
        )
        indexes.add_index(WORDS, index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    if recipe.sparse:
        schema.add_field(SPARSE, types.SPARSE_FLOAT_VECTOR)
        indexes.add_index(SPARSE, index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
