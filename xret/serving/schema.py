"""What the HTTP API is asked and what it answers: the one place where both are defined.

Limits that the operator sets (`xret.serving.limits.Limits`) are checked when a request is handled; those here hold for
every server, so that the OpenAPI document says them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "BatchQuery",
    "BatchRequest",
    "BatchResponse",
    "BatchResult",
    "EncodeRequest",
    "EncodeResponse",
    "Failure",
    "Health",
    "Hit",
    "Options",
    "ScoreRequest",
    "ScoreResponse",
    "SearchParameters",
    "SearchRequest",
    "SearchResponse",
    "SwapRequest",
    "SwapResponse",
    "System",
]

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Tag = Annotated[str, Field(min_length=2, max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
Text = Annotated[str, Field(min_length=1, max_length=1_000_000)]
Rerank = Literal["light", "maxsim", "cross"]
Count = Annotated[int, Field(ge=1, le=10_000)]


class _Strict(BaseModel):
    """A request: an unknown field is a mistake that is told, not ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Options(_Strict):
    """How to search; the same for one query and for many."""

    k: Count = Field(10, description="Hits per query.")
    system: Name | None = Field(None, description="Which system to ask (see /systems); without it, the first.")
    fuse: list[Name] | None = Field(
        None, min_length=2, max_length=8, description="Ask these systems and fuse their lists, instead of one system."
    )
    fusion: Literal["rrf", "zscore", "minmax", "combsum", "combmnz"] = Field("rrf", description="How lists are fused.")
    languages: list[Tag] | None = Field(
        None, max_length=100, description="Only documents of these languages; 'zh' takes in 'zh-Hant'."
    )
    rerank: Rerank | None = Field(
        None,
        description="Score the first `depth` hits again: MaxSim of token vectors, cosine plus MaxSim ('light'), or the "
        "server's cross-encoder, where it has one.",
    )
    depth: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Hits per query that are reranked, calibrated or fused; without it, the server's choice."
    )
    calibrate: Literal["zscore", "minmax", "rrf", "round-robin"] | None = Field(
        None, description="Make scores of documents in different languages comparable."
    )
    text: bool = Field(True, description="Answer with the documents' texts, where the index keeps them.")
    explain: bool = Field(
        False,
        description="Answer with the parts of scores and, where there are token vectors, the matching parts of texts.",
    )
    facets: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="Count languages among so many best documents, whatever `languages` says; 0: among the hits."
    )


class SearchRequest(Options):
    """One query."""

    query: Text = Field(description="The query, in any language.")
    lang: Tag | None = Field(None, description="Its language (BCP 47), for models and lexicons that are told.")


class SearchParameters(BaseModel):
    """One query in an address: /search?query=…&languages=de,fr."""

    model_config = ConfigDict(extra="forbid")

    query: Annotated[str, Field(min_length=1, max_length=8000)]
    lang: Tag | None = None
    k: Count = 10
    system: Name | None = None
    languages: Annotated[list[Annotated[str, Field(max_length=400)]], Field(max_length=100)] = Field(
        default_factory=list, description="Tags, several times or with commas between."
    )
    rerank: Rerank | None = None
    calibrate: Literal["zscore", "minmax", "rrf", "round-robin"] | None = None
    text: bool = True
    explain: bool = False
    facets: Annotated[int, Field(ge=0, le=1000)] = 0

    def request(self) -> SearchRequest:
        """The same as the body of a request.

        Raises:
            ValidationError: a language that is no tag.
        """
        tags = [tag.strip() for each in self.languages for tag in each.split(",") if tag.strip()]
        return SearchRequest.model_validate({**self.model_dump(exclude={"languages"}), "languages": tags or None})


class Hit(BaseModel):
    """A document that was found."""

    id: str
    lang: str = Field(description="BCP 47; 'und' where unknown.")
    score: float = Field(description="What hits are ordered by.")
    rank: int = Field(description="From 1.")
    text: str | None = None
    title: str | None = Field(None, description="Where the corpus has titles; given with the text.")
    parts: dict[str, float] | None = Field(
        None,
        description="With `explain`: what the score is from: 'raw', 'fused', 'reranked', 'calibrated' or a system.",
    )
    matches: list[tuple[int, int, float]] | None = Field(
        None,
        description="With `explain`: [start, end, weight]: code points of `text` that match the query, weight 0-1, "
        "ascending, apart.",
    )


class SearchResponse(BaseModel):
    """The hits of one query, best first."""

    hits: list[Hit]
    languages: dict[str, int] = Field(description="Hits (or the best `facets` documents) by language, most first.")
    took_ms: float
    system: str = Field(description="The name of the system, or of those fused, with '+' between.")
    version: str = Field(
        description="Which state of the index answered: changes with every swap. (A store answers from where its alias "
        "leads at once, and has the version of the last swap until the next.)"
    )


class BatchQuery(_Strict):
    """A query of several."""

    id: Annotated[str, Field(min_length=1, max_length=512)]
    query: Text
    lang: Tag | None = None


class BatchRequest(Options):
    """Several queries with one set of options."""

    queries: list[BatchQuery] = Field(min_length=1, max_length=10_000)


class BatchResult(BaseModel):
    """The hits of a query of several."""

    id: str
    hits: list[Hit]
    languages: dict[str, int]


class BatchResponse(BaseModel):
    """The hits of several queries, in their order."""

    results: list[BatchResult]
    took_ms: float
    system: str
    version: str


class EncodeRequest(_Strict):
    """Texts to turn into vectors."""

    texts: list[Text] = Field(min_length=1, max_length=10_000)
    role: Literal["query", "document"] | None = Field(None, description="Which of the model's prompts to use.")
    lang: list[Tag] | None = Field(None, max_length=10_000, description="One for each text, or left out.")
    system: Name | None = Field(None, description="Whose encoder; without it, the first system that has one.")


class EncodeResponse(BaseModel):
    """Sentence vectors of length 1."""

    vectors: list[list[float]]
    dim: int
    encoder: str
    hash: str = Field(description="Of the encoder: vectors of equal hashes can be compared.")
    took_ms: float


class ScoreRequest(_Strict):
    """Pairs of texts to score."""

    pairs: list[Annotated[list[Text], Field(min_length=2, max_length=2)]] = Field(
        min_length=1, max_length=10_000, description="[query or source, document or target] each."
    )
    method: Literal["cosine", "maxsim", "light", "cross"] = "cosine"
    system: Name | None = Field(None, description="Whose encoder; without it, the first system that has one.")


class ScoreResponse(BaseModel):
    """Scores in the order of the pairs."""

    scores: list[float]
    method: str
    encoder: str
    took_ms: float


class System(BaseModel):
    """An index that can be asked."""

    name: str
    kind: Literal["dense", "lexical", "multivector", "store"]
    rows: int
    languages: dict[str, int] = Field(description="Documents by language, most first.")
    texts: bool = Field(description="Whether hits have texts.")
    encoder: str | None = None
    matches: bool = Field(description="Whether `explain` gives matching parts of texts.")
    rerank: list[str] = Field(description="What can be asked as `rerank`.")
    version: str


class SwapRequest(_Strict):
    """Which systems to open again."""

    system: Name | None = Field(None, description="Without it, all of them.")


class SwapResponse(BaseModel):
    """The state of the systems after a swap."""

    systems: dict[str, str] = Field(description="Versions by name of system.")


class Health(BaseModel):
    """Whether the server is there, and whether it takes requests."""

    status: Literal["ok", "starting", "stopping"]
    version: str
    systems: int


class Failure(BaseModel):
    """Why a request was not answered."""

    error: str = Field(description="A short name: 'invalid', 'too_large', 'busy', 'timeout', 'unauthorized', …")
    what: str = Field(description="What was found and what to do, one line.")
    limit: float | None = Field(None, description="The limit that was passed, where one was.")
    request_id: str
