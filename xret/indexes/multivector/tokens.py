"""Where token vectors come from: an encoder, arrays or Arrow; read a few documents at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import digest
from xret.corpus import check_lang, corpus_hash, gather
from xret.errors import InputError, VectorsError
from xret.indexes.dense.rows import shown_columns
from xret.indexes.encoding import TextEncoder

__all__ = [
    "ArrayTokens",
    "ArrowTokens",
    "EncodedTokens",
    "TokenSource",
    "kept_columns",
]

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

    @property
    def fade(self) -> float:
        """What vectors count by their place in the document, see `xret.fading.faded`."""

    @property
    def text_first(self) -> bool:
        """Whether a document's first vector stands for the whole text (`xret.encoders.recipe.TokenHead`)."""

    def read(self, rows: Ints) -> list[Floats]:
        """(tokens, dim) float32 vectors of each of these documents."""

    def most_tokens(self, rows: Ints) -> Ints:
        """At most so many vectors that each of these documents has; told without reading or encoding any."""

    def fingerprint(self) -> str:
        """A hash that another content does not have, for going on with a build that was killed."""


@dataclass(frozen=True, eq=False)
class EncodedTokens:
    """Documents of a corpus, encoded as they are read."""

    table: pa.Table
    """`id, text, lang` and perhaps `doc_id`."""
    encoder: TextEncoder

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
        found: Similarity = self.encoder.recipe.max_similarity
        return found

    @property
    def fade(self) -> float:
        """As the model was trained."""
        return float(self.encoder.recipe.fade)

    @property
    def text_first(self) -> bool:
        """As the model's head makes them."""
        return self.encoder.recipe.token_head is not None

    def read(self, rows: Ints) -> list[Floats]:
        """See `TokenSource`."""
        texts, langs = (gather(self.table[name], rows).to_pylist() for name in ("text", "lang"))
        return self.encoder.encode_tokens(texts, role="document", lang=langs)

    @cached_property
    def _bounds(self) -> Ints:
        longest = self.encoder.recipe.document_tokens + 1  # the text's own vector, where there is one
        # No tokenizer makes more tokens of a text than its bytes, and a prompt and special ones beside.
        sizes = pc.fill_null(pc.binary_length(self.table["text"]), 0).to_numpy().astype(np.int64)
        return np.asarray(np.minimum(sizes + 64, longest), np.int64)

    def most_tokens(self, rows: Ints) -> Ints:
        """See `TokenSource`."""
        return self._bounds[rows]

    def fingerprint(self) -> str:
        """See `TokenSource`."""
        return digest(corpus_hash(self.table), _documents(self.table), self.encoder.hash)


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
    fade: float = 0.0
    text_first: bool = False

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

    def most_tokens(self, rows: Ints) -> Ints:
        """See `TokenSource`."""
        return np.asarray(self.starts[rows + 1] - self.starts[rows], np.int64)

    def fingerprint(self) -> str:
        """See `TokenSource`; of a few of the vectors only, and so that nobody has to read all of them twice."""
        some = np.ascontiguousarray(self.vectors[:: max(1, len(self.vectors) // 1000)])
        return digest(some.tobytes(), np.ascontiguousarray(self.starts).tobytes(), _rows(self.table))


@dataclass(frozen=True, eq=False)
class ArrowTokens:
    """A table `id, lang, tokens: list<fixed_size_list<float>[dim]>` (and perhaps `doc_id, text`), also mapped."""

    source: pa.Table
    encoder_name: str | None = None
    encoder_hash: str | None = None
    similarity: Similarity = "sum"
    fade: float = 0.0
    text_first: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no table of token vectors."""
        names = self.source.column_names
        if "tokens" not in names or "id" not in names:
            raise InputError(f"the table of token vectors has {', '.join(names)}; wanted id, lang, tokens")
        kind = self.source["tokens"].type
        if not pa.types.is_list(kind) and not pa.types.is_large_list(kind):
            raise InputError(f"column 'tokens' is {kind}, wanted list<fixed_size_list<float>[dim]>")
        if not pa.types.is_fixed_size_list(kind.value_type) or not pa.types.is_floating(kind.value_type.value_type):
            raise InputError(f"column 'tokens' is {kind}, wanted list<fixed_size_list<float>[dim]>")
        if kind.value_type.list_size < 1:
            raise InputError(f"column 'tokens' is {kind}: its vectors have no values; encode the documents again")
        if self.source["id"].null_count:
            row = pc.index(pc.is_null(self.source["id"]), True).as_py()
            raise InputError(f"row {row + 1:,} of the table of token vectors has no id; give each row one")
        wrong = [name for name in ("id", "lang", "doc_id", "text") if name in names and not _named(self.source[name])]
        if wrong:
            raise InputError(
                f"column '{wrong[0]}' of the table of token vectors is {self.source[wrong[0]].type}, wanted string"
            )

    @cached_property
    def table(self) -> pa.Table:
        """The columns but `tokens`; languages are canonical, and ``und`` where there are none.

        Raises:
            InputError: a language that no standard lists.
        """
        rest = self.source.drop_columns(["tokens"])
        if "lang" not in rest.column_names:
            return rest.append_column("lang", pa.repeat(pa.scalar("und"), rest.num_rows))
        coded = pc.fill_null(rest["lang"].cast(pa.string()), "").combine_chunks().dictionary_encode()
        tags = [check_lang(tag) if tag.strip() else "und" for tag in coded.dictionary.to_pylist()]
        lang = pa.array(tags, pa.string()).take(coded.indices)
        return rest.set_column(rest.column_names.index("lang"), "lang", lang)

    @cached_property
    def dim(self) -> int:
        """Values of a vector."""
        return int(self.source["tokens"].type.value_type.list_size)

    def read(self, rows: Ints) -> list[Floats]:
        """See `TokenSource`."""
        column = gather(self.source["tokens"], rows)
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        lengths, vectors = self._lengths[rows], column.flatten()
        ends = np.cumsum(lengths)
        if vectors.null_count:  # flattened they would be left out, and what follows would go to other documents
            at = pc.index(pc.is_null(vectors), True).as_py()
            owner = self.source["id"][int(rows[np.searchsorted(ends, at, side="right")])]
            raise VectorsError(f"a token vector of id '{owner}' is null; encode the documents again, or leave it out")
        flat = np.asarray(vectors.flatten(), np.float32).reshape(-1, self.dim)
        return [flat[start:end] for start, end in zip(ends - lengths, ends, strict=True)]

    @cached_property
    def _lengths(self) -> Ints:
        lengths = pc.fill_null(pc.list_value_length(self.source["tokens"]), 0)
        return np.asarray(lengths.to_numpy(), np.int64)

    def most_tokens(self, rows: Ints) -> Ints:
        """See `TokenSource`."""
        return self._lengths[rows]

    def fingerprint(self) -> str:
        """See `TokenSource`."""
        some = np.unique(np.linspace(0, self.source.num_rows - 1, 100).astype(np.int64))
        return digest(*(vectors.tobytes() for vectors in self.read(some)), self._lengths.tobytes(), _rows(self.table))


def kept_columns(table: pa.Table, *, text: bool) -> pa.Table:
    """The columns of `table` that an index keeps, as strings.

    Raises:
        InputError: texts are to be kept and there are none, or ids repeat.
    """
    if text and "text" not in table.column_names:
        raise InputError("the texts are to be stored, but there are none beside the vectors; use --no-text")
    groups = ["doc_id"] if "doc_id" in table.column_names else []
    names: Sequence[str] = ["id", "lang", *groups, *shown_columns(table, text=text)]
    if pc.count_distinct(table["id"]).as_py() != table.num_rows:
        counted = pc.value_counts(table["id"])
        repeated = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
        raise InputError(f"id '{repeated[0]}' stands twice in the rows to index; ids must be unique")
    return table.select(names).cast(pa.schema([(name, pa.string()) for name in names]))


def _rows(table: pa.Table) -> list[str]:
    """Hashes of the columns that an index may keep."""
    return [
        f"{name} {_column(table, name)}"
        for name in ("id", "lang", "doc_id", "title", "text")
        if name in table.column_names
    ]


def _column(table: pa.Table, name: str) -> str:
    batches = table.select([name]).to_batches(max_chunksize=65_536)
    return digest(*(digest(batch.column(0).to_pylist()) for batch in batches))


def _documents(table: pa.Table) -> str | None:
    return _column(table, "doc_id") if "doc_id" in table.column_names else None


def _named(column: pa.ChunkedArray) -> bool:
    """Whether a column has names: strings, or whole numbers."""
    kind = column.type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
                or pa.types.is_integer(kind) or pa.types.is_null(kind))  # fmt: skip
