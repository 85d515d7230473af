"""Where token vectors come from: an encoder, arrays or Arrow; read a few documents at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import digest
from xret.corpus import corpus_hash, gather
from xret.errors import InputError, VectorsError

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["ArrayTokens", "ArrowTokens", "EncodedTokens", "TokenSource", "kept_columns", "sound_tokens"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Similarity = Literal["sum", "mean"]


class TokenSource(Protocol):
    """n documents and their token vectors."""

    @property
    def table(self) -> pa.Table:
        """`id, lang` and perhaps `doc_id` and `text`."""

    @property
    def dim(self) -> int:
        """Values of a vector."""

    @property
    def encoder_name(self) -> str | None:
        """What made the vectors; None where unknown."""

    @property
    def encoder_hash(self) -> str | None:
        """Its content hash."""

    @property
    def similarity(self) -> Similarity:
        """How the model adds up MaxSim over a query's tokens."""

    def read(self, rows: Ints) -> list[Floats]:
        """(tokens, dim) float32 vectors of each of these documents."""

    def fingerprint(self) -> str:
        """A hash that another content does not have, for going on with a build that was killed."""


@dataclass(frozen=True, eq=False)
class EncodedTokens:
    """Documents of a corpus, encoded as they are read."""

    table: pa.Table
    """`id, text, lang` and perhaps `doc_id`."""
    encoder: Encoder

    @property
    def dim(self) -> int:
        """Width of the encoder's token vectors."""
        return self.encoder.token_dim

    @property
    def encoder_name(self) -> str | None:
        """Its name."""
        return self.encoder.name

    @property
    def encoder_hash(self) -> str | None:
        """Its content hash."""
        return self.encoder.hash

    @property
    def similarity(self) -> Similarity:
        """As the model was trained; the sum where it says nothing."""
        policy = self.encoder.recipe.multi_vector
        return policy.similarity if policy else "sum"

    def read(self, rows: Ints) -> list[Floats]:
        """See `TokenSource`."""
        texts, langs = (gather(self.table[name], rows).to_pylist() for name in ("text", "lang"))
        return self.encoder.encode_tokens(texts, role="document", lang=langs)

    def fingerprint(self) -> str:
        """See `TokenSource`."""
        return digest(corpus_hash(self.table), self.encoder.hash)


@dataclass(frozen=True, eq=False)
class ArrayTokens:
    """Vectors of all documents one after the other, in memory or mapped."""

    vectors: npt.NDArray[Any]
    """(tokens, dim) float16 or float32."""
    starts: Ints
    """(n + 1,) where each document's vectors begin."""
    table: pa.Table
    """`id, lang` and perhaps `doc_id` and `text`, n rows."""
    encoder_name: str | None = None
    encoder_hash: str | None = None
    similarity: Similarity = "sum"

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        ends = self.starts[-1] if len(self.starts) else -1
        if len(self.starts) != self.table.num_rows + 1 or ends != len(self.vectors) or (np.diff(self.starts) < 0).any():
            raise InputError(
                f"the starts of {len(self.starts) - 1:,} documents and {len(self.vectors):,} vectors do not fit a "
                f"table of {self.table.num_rows:,} rows; give one start per row and the end"
            )

    @cached_property
    def dim(self) -> int:
        """Values of a vector."""
        return int(self.vectors.shape[1])

    def read(self, rows: Ints) -> list[Floats]:
        """See `TokenSource`."""
        spans = zip(self.starts[rows], self.starts[rows + 1], strict=True)
        return [np.asarray(self.vectors[start:stop], np.float32) for start, stop in spans]

    def fingerprint(self) -> str:
        """See `TokenSource`; of a few of the vectors only, and so that nobody has to read all of them twice."""
        some = np.ascontiguousarray(self.vectors[:: max(1, len(self.vectors) // 1000)])
        return digest(some.tobytes(), np.ascontiguousarray(self.starts).tobytes(), self.table["id"].to_pylist())


@dataclass(frozen=True, eq=False)
class ArrowTokens:
    """A table `id, lang, tokens: list<fixed_size_list<float>[dim]>` (and perhaps `doc_id, text`), also mapped."""

    source: pa.Table
    encoder_name: str | None = None
    encoder_hash: str | None = None
    similarity: Similarity = "sum"

    def __post_init__(self) -> None:
        """Refuse another type."""
        names = self.source.column_names
        if "tokens" not in names or "id" not in names:
            raise InputError(f"the table of token vectors has {', '.join(names)}; wanted id, lang, tokens")
        kind = self.source["tokens"].type
        if not pa.types.is_list(kind) and not pa.types.is_large_list(kind):
            raise InputError(f"column 'tokens' is {kind}, wanted list<fixed_size_list<float>[dim]>")
        if not pa.types.is_fixed_size_list(kind.value_type) or not pa.types.is_floating(kind.value_type.value_type):
            raise InputError(f"column 'tokens' is {kind}, wanted list<fixed_size_list<float>[dim]>")

    @cached_property
    def table(self) -> pa.Table:
        """The columns but `tokens`; languages are ``und`` where there are none."""
        rest = self.source.drop_columns(["tokens"])
        if "lang" in rest.column_names:
            return rest
        return rest.append_column("lang", pa.repeat(pa.scalar("und"), rest.num_rows))

    @cached_property
    def dim(self) -> int:
        """Values of a vector."""
        return int(self.source["tokens"].type.value_type.list_size)

    def read(self, rows: Ints) -> list[Floats]:
        """See `TokenSource`."""
        column = gather(self.source["tokens"], rows)
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(np.int64)
        flat = np.asarray(column.flatten().flatten(), np.float32).reshape(-1, self.dim)
        ends = np.cumsum(lengths)
        return [flat[start:end] for start, end in zip(ends - lengths, ends, strict=True)]

    def fingerprint(self) -> str:
        """See `TokenSource`."""
        some = np.unique(np.linspace(0, self.source.num_rows - 1, 100).astype(np.int64))
        return digest(*(vectors.tobytes() for vectors in self.read(some)), self.table["id"].to_pylist())


def sound_tokens(source: TokenSource, rows: Ints) -> tuple[Floats, Ints]:
    """Vectors of some documents, brought to length 1: (tokens, dim) float32 and (len(rows),) how many each has.

    Vectors of length 0, which are near nothing, are left out.

    Raises:
        VectorsError: another width than promised, NaN or infinity; names the document.
    """
    found = source.read(rows)
    for row, vectors in zip(rows, found, strict=True):
        if vectors.ndim != 2 or vectors.shape[1] != source.dim or not np.isfinite(vectors).all():
            what = f"of shape {vectors.shape}, wanted (tokens, {source.dim})"
            if vectors.ndim == 2 and vectors.shape[1] == source.dim:
                what = "not all finite"
            raise VectorsError(
                f"the token vectors of id '{source.table['id'][int(row)]}' are {what}; encode the corpus again"
            )
    counts = np.array([len(vectors) for vectors in found], np.int64)
    flat = np.concatenate(found) if found else np.empty((0, source.dim), np.float32)
    lengths = np.linalg.norm(flat, axis=1)
    real = lengths > 1e-12
    if not real.all():
        owner = np.repeat(np.arange(len(rows)), counts)[real]
        flat, lengths, counts = flat[real], lengths[real], np.bincount(owner, minlength=len(rows))
    return np.asarray(flat / lengths[:, None], np.float32), counts


def kept_columns(table: pa.Table, *, text: bool) -> pa.Table:
    """The columns of `table` that an index keeps, as strings.

    Raises:
        InputError: texts are to be kept and there are none, or ids repeat.
    """
    if text and "text" not in table.column_names:
        raise InputError("the texts are to be stored, but there are none beside the vectors; leave texts out")
    optional = [name for name, wanted in (("doc_id", True), ("text", text)) if wanted and name in table.column_names]
    names: Sequence[str] = ["id", "lang", *optional]
    if pc.count_distinct(table["id"]).as_py() != table.num_rows:
        counted = pc.value_counts(table["id"])
        repeated = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
        raise InputError(f"id '{repeated[0]}' stands twice in the rows to index; ids must be unique")
    return table.select(names).cast(pa.schema([(name, pa.string()) for name in names]))
