"""What a checkpoint needs besides its weights: a frozen record, derived from its own files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from xret.encoders.checkpoints.plain import from_plain
from xret.encoders.reading.languages import Languages
from xret.encoders.reading.romanising import Romaniser
from xret.errors import ModelError

__all__ = ["Dense", "MultiVector", "Normalize", "PostMap", "Recipe", "Role", "Scores", "Sparse", "TokenHead"]

Role = Literal["query", "document"]


@dataclass(frozen=True, kw_only=True)
class Dense:
    """A linear layer after pooling: activation(x @ weight.T + bias), plus the input where `residual`."""

    folder: str  # its folder (or file) inside the checkpoint, e.g. "2_Dense"; "" if it is among the encoder's tensors
    in_features: int
    out_features: int
    bias: bool
    activation: str  # "identity", "tanh", "relu", "sigmoid" or "gelu"
    residual: bool = False
    tensor: str = "linear"  # what its tensors are called before ".weight" and ".bias"; "" for nothing


@dataclass(frozen=True, kw_only=True)
class Normalize:
    """L2 normalisation where the checkpoint asks for it. The final vectors have length 1 whether it does or not."""

    folder: str


@dataclass(frozen=True, kw_only=True)
class MultiVector:
    """How token vectors are made and compared by MaxSim (Khattab & Zaharia 2020), as the model was trained.

    The vectors are of length 1; of a query (n vectors) and a document, the score is the sum or the mean over the
    query's vectors of the largest dot product with any of the document's.
    """

    projections: tuple[Dense, ...]  # from the last hidden state to the vectors, before L2
    query_length: int  # tokens, special ones and the marker included
    document_length: int
    marker_mode: Literal["none", "insert", "overwrite_dot", "text"] = "none"
    """How a text is marked: not at all; an id put in after the first token; ". " put before the text, and the token
    after the first overwritten with an id (what else comes of the dot stays); or by a prompt that is read as text."""
    query_marker: int | None = None  # token ids
    document_marker: int | None = None
    expansion: Literal["none", "fixed", "min"] = "none"
    """Of queries: none; cut or filled up to `query_length`; filled up to `expansion_length`, cut at `query_length`."""
    expansion_length: int = 0  # tokens
    expansion_token: int | None = None  # the id they are filled up with
    attend: bool = False  # whether attention sees the filling; its vectors count in either case
    skip: tuple[int, ...] = ()  # ids whose vectors do not count in documents
    skip_in_queries: bool = False  # nor in queries
    padding: int | None = None  # the id that is read as `expansion_token` where a query spells it out
    first: bool = True  # whether the first token's vector counts
    similarity: Literal["sum", "mean"] = "sum"

    def length(self, role: Role | None) -> int:
        """Tokens of a text that are read; texts without a role are documents."""
        return self.query_length if role == "query" else self.document_length

    def __str__(self) -> str:
        """In words."""
        marks = f"{self.marker_mode} {self.query_marker}/{self.document_marker}"
        filled = self.query_length if self.expansion == "fixed" else self.expansion_length
        seen = "attended" if self.attend else "unattended"
        parts = (
            f"queries {self.query_length} tokens" + (f", filled to {filled} ({seen})" if filled else ""),
            f"documents {self.document_length}, {len(self.skip)} tokens skipped",
            f"markers {marks if self.query_marker is not None else self.marker_mode}",
            f"{self.similarity} of MaxSim" + ("" if self.first else ", first token left out"),
        )
        return "; ".join(parts)


@dataclass(frozen=True, kw_only=True)
class TokenHead:
    """Token vectors for MaxSim that a model of sentence vectors makes beside them, as its family's builder says.

    Before a text's tokens stands its sentence vector, cut to their width (`Recipe.token_dim`): words and the whole are
    compared in one go. Rows are as long as the root of their weight (see `Recipe.token_weights`).
    """

    hidden: int  # width of the token vectors that the sentence vector is pooled of
    document_tokens: int  # the first so many tokens of a document count, the text's own vector aside; 0 for all
    fade: float = 0.0
    """The i-th vector of a document (from 0) counts 1 / sqrt(1 + i / fade) of its dot products; 0: all count alike.
    Of two pages that both name a thing, the one that begins with it is about it."""
    similarity: Literal["sum", "mean"] = "mean"

    def __str__(self) -> str:
        """In words."""
        some = f"the first {self.document_tokens} tokens" if self.document_tokens else "tokens"
        fade = f", fading by 1/sqrt(1 + i/{self.fade:g})" if self.fade else ""
        return f"a document's own vector and {some}{fade}; {self.similarity} of MaxSim"


@dataclass(frozen=True, kw_only=True)
class Sparse:
    """A weight per token of the vocabulary: the largest that any of a text's tokens has (Chen et al. 2024)."""

    head: Dense  # to one value per token, before ReLU
    ignored: tuple[int, ...]  # ids of special tokens, which weigh nothing


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A cross-encoder: one score for a pair of texts read together (Nogueira & Cho 2019)."""

    layers: tuple[Dense, ...]  # from the first token's last hidden state (or the mean of all) to the score
    pooling: str = "cls"
    token_types: bool = False  # whether the graph is told which text a token is of
    norm: str = ""  # name of a LayerNorm before the last layer, "" for none
    epsilon: float = 0.0  # of that norm


@dataclass(frozen=True, kw_only=True)
class PostMap:
    """An affine map of the finished sentence vectors, fitted after training: unit(x @ weight + offset)."""

    in_features: int
    out_features: int
    steps: tuple[str, ...]  # what it was composed of, in words
    rows: tuple[int, ...] = ()  # of its tables, by the text's place in `Recipe.languages`; () where one serves all

    def __str__(self) -> str:
        """In words."""
        return ", ".join(self.steps) + (", by the text's language" if self.rows else "")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How texts become vectors, or scores."""

    family: str  # config.json's model_type
    pooling: tuple[str, ...]  # several are concatenated in this order
    heads: tuple[Dense | Normalize, ...]
    max_length: int  # tokens, special ones included
    token_dim: int  # width of the token vectors
    dim: int  # width of the sentence vectors (see `full_dim`); 0 in multi-vector models and cross-encoders
    token_weights: bool = False  # the length of a token's vector tells how much it counts (static models)
    lowercase: bool = False
    prompts: tuple[tuple[str, str], ...] = ()  # (role, text put before every text in that role)
    default_prompt: str = ""  # put before a text without a role
    languages: Languages | None = None  # where the model is told a text's language
    tasks: tuple[tuple[Role | None, str], ...] = ()  # (role, adaptation merged into the weights for it)
    multi_vector: MultiVector | None = None  # where token vectors are made for MaxSim
    sparse: Sparse | None = None
    scores: Scores | None = None  # of a cross-encoder
    include_prompt: bool = True  # whether pooling counts the prompt's tokens
    similarity: str = "cosine"  # what the model was trained for; vectors have length 1 in any case
    romanise: Romaniser | None = None  # what is done to texts before all else
    post_map: PostMap | None = None  # of the sentence vectors
    token_head: TokenHead | None = None  # where token vectors are made for MaxSim beside the sentence vectors

    @property
    def max_similarity(self) -> Literal["sum", "mean"]:
        """How MaxSim adds up over a query's vectors: as the model was trained; the sum where it was not."""
        trained = self.multi_vector or self.token_head
        return trained.similarity if trained else "sum"

    @property
    def fade(self) -> float:
        """See `TokenHead`."""
        return self.token_head.fade if self.token_head else 0.0

    @property
    def document_tokens(self) -> int:
        """Tokens of a document, special ones included, that MaxSim sees at most."""
        if self.multi_vector:
            return self.multi_vector.document_length
        return (self.token_head and self.token_head.document_tokens) or self.max_length

    @property
    def layers(self) -> tuple[Dense, ...]:
        """Every dense layer that follows the encoder, whatever it is for."""
        tokens = self.multi_vector.projections if self.multi_vector else ()
        sparse = (self.sparse.head,) if self.sparse else ()
        scores = self.scores.layers if self.scores else ()
        return (*(head for head in self.heads if isinstance(head, Dense)), *tokens, *sparse, *scores)

    def prompt(self, role: Role | None) -> str:
        """The text that goes before a text in `role`."""
        return self.default_prompt if role is None else dict(self.prompts).get(role, "")

    @property
    def base_dim(self) -> int:
        """Width of the sentence vectors before `post_map`."""
        return self.post_map.in_features if self.post_map else self.dim

    @property
    def full_dim(self) -> int:
        """Width of the sentence vectors before they are cut down to `base_dim`."""
        dense = [head.out_features for head in self.heads if isinstance(head, Dense)]
        width = self.token_head.hidden if self.token_head else self.token_dim
        width = self.multi_vector.projections[0].in_features if self.multi_vector else width
        return dense[-1] if dense else width * len(self.pooling)

    def fields(self) -> dict[str, Any]:
        """As plain values, for hashing and JSON."""
        return asdict(self)

    def essence(self) -> dict[str, Any]:
        """The fields that say more than their default does, and change vectors: what an encoder's hash is over.

        So a field that is new, and at its default for all models there were, leaves their hashes as they are.
        """
        plain = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in self.fields().items() if name != "similarity" and value != plain[name]}

    @classmethod
    def from_fields(cls, values: dict[str, Any]) -> Recipe:
        """A recipe from what `fields` gave, also by way of JSON.

        Raises:
            ModelError: a field is missing, unknown or of another type; names it.
        """
        try:
            return from_plain(cls, values)
        except ValueError as error:
            raise ModelError(f"recipe: {error}; it is damaged, or of another version of xret") from error
