"""What a store keeps, and of which encoder: written into it when it is made, and compared at every door."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Literal

from xret.errors import InputError, MismatchError, UsageError

__all__ = ["Recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a store is made for.

    Attributes:
        dim: values per vector.
        index: a FAISS factory string (`xret.indexes.factory`), which every store takes in its own way, or a type that
            a server alone knows, in its own spelling, as ``DISKANN``.
        metric: ``cosine`` (vectors are brought to length 1) or ``ip`` (as they are; not for folders).
        encoder: name of the encoder that made the vectors; None where unknown.
        encoder_hash: its content hash.
        text: whether texts are kept.
        words: whether the store counts the texts' words, for BM25 (needs `text`).
        analyzer: how it cuts them: a tokenizer of the server's; for folders, analyzers by language as
            ``und=words,sw=grams:4``, or ``standard`` for every language's own.
        sparse: whether rows bring token weights (`xret.encoders.Encoder.encode_sparse`).
        made: a mark of this making, so that a store made anew under the same name is told from the old one.
    """

    dim: int
    index: str = "Flat"
    metric: Literal["cosine", "ip"] = "cosine"
    encoder: str | None = None
    encoder_hash: str | None = None
    text: bool = False
    words: bool = False
    analyzer: str = "standard"
    sparse: bool = False
    made: str = ""

    def __post_init__(self) -> None:
        """Refuse what no store could mend."""
        if self.dim < 1:
            raise UsageError(f"vectors of {self.dim} dimensions cannot be stored; give 1 or more")
        if self.metric not in ("cosine", "ip"):
            raise UsageError(f"metric '{self.metric}' is not known; write cosine or ip")
        if self.words and not self.text:
            raise UsageError("words are counted in the texts, which are left out; keep the texts, or leave words out")

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @staticmethod
    def from_json(text: str, where: object) -> Recipe:
        """The recipe that a store keeps; fields of later versions are left out.

        Raises:
            InputError: it is none.
        """
        try:
            found = json.loads(text)
            names = {field.name for field in fields(Recipe)}
            return Recipe(**{name: value for name, value in found.items() if name in names})
        except (ValueError, TypeError, AttributeError, UsageError) as error:
            raise InputError(f"{where}: keeps a recipe that cannot be read ({error}); load it again") from error

    def refuse_other_encoder(self, where: object, name: str | None, hash: str | None) -> None:
        """Raise unless vectors come from the encoder that made the store's (unknown origins are let pass).

        Raises:
            MismatchError: with both names.
        """
        if hash and self.encoder_hash and hash != self.encoder_hash:
            raise MismatchError(
                f"{where}: holds vectors of encoder '{self.encoder}' ({self.encoder_hash[:12]}), those given come from "
                f"'{name}' ({hash[:12]}); use --encoder {self.encoder}, or load a new store with '{name}'"
            )

    def other_since(self, where: object, now: Recipe) -> MismatchError:
        """What to raise where an alias led to this store, and now leads to one of another make."""
        return MismatchError(
            f"{where}: led to vectors of '{self.encoder}' in {self.dim} dimensions, and leads to those of "
            f"'{now.encoder}' in {now.dim} since; start again"
        )

    def refuse_other_dim(self, where: object, dim: int, what: str) -> None:
        """Raise unless vectors have the store's dimensions.

        Raises:
            MismatchError: with both numbers.
        """
        if dim != self.dim:
            raise MismatchError(f"{where}: holds vectors of {self.dim} dimensions, {what} have {dim}")
