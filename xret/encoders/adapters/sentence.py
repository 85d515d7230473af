"""An encoder that answers to what code written for ``SentenceTransformer`` calls."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.encoder import Encoder
from xret.encoders.load import load_encoder
from xret.encoders.recipe import Role
from xret.encoders.requests import check_rows
from xret.errors import UsageError

__all__ = ["SentenceEncoder"]

Vectors = NDArray[np.float32]
_ROLES: dict[str, Role] = {
    "query": "query", "document": "document", "passage": "document", "corpus": "document",
}  # fmt: skip


class SentenceEncoder:
    """Wraps an `Encoder`; vectors are NumPy and always of length 1.

    What is asked of batches is ignored: they are made by tokens, and a vector does not depend on them.

    Attributes:
        encoder: what is wrapped.
        prompts: role -> text, of the checkpoint.
        default_prompt_name: None, as in a checkpoint without one.
        similarity_fn_name: ``cosine``.
        truncate_dim: values kept of each vector; None for all.
    """

    default_prompt_name: str | None = None
    similarity_fn_name = "cosine"

    def __init__(
        self,
        model_name_or_path: Encoder | str | Path = "xret-mini",
        *,
        device: str | None = None,
        truncate_dim: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Load, or wrap what is loaded.

        Args:
            model_name_or_path: an encoder, or the name of one.
            device: as for `load_encoder`; None is ``auto``.
            truncate_dim: as in `encode`.
            threads: as for `load_encoder`.

        Raises:
            ModelError, DeviceError: as `load_encoder`.
        """
        name = model_name_or_path
        self.encoder = (
            name if isinstance(name, Encoder) else load_encoder(name, device=device or "auto", threads=threads)
        )
        self.prompts: dict[str, str] = dict(self.encoder.recipe.prompts)
        self.truncate_dim = truncate_dim

    @property
    def device(self) -> str:
        """``cpu``, ``cuda`` or ``cuda:N``."""
        return self.encoder.device

    @property
    def max_seq_length(self) -> int:
        """Tokens of a text that are read."""
        return self.encoder.max_length

    def get_sentence_embedding_dimension(self) -> int:
        """Values of a vector."""
        return self.truncate_dim or self.encoder.dim

    get_embedding_dimension = get_sentence_embedding_dimension

    def get_max_seq_length(self) -> int:
        """As `max_seq_length`."""
        return self.max_seq_length

    def encode(
        self,
        sentences: str | Sequence[str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: str = "sentence_embedding",
        precision: str = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        *,
        lang: str | Sequence[str] | None = None,
        **_: Any,
    ) -> Any:
        """Sentence vectors.

        Args:
            sentences: one text, or several.
            prompt_name: ``query``, or ``document`` (also ``passage``, ``corpus``): the checkpoint's prompt for these.
            prompt: text to put before each instead.
            batch_size: ignored.
            show_progress_bar: show one on a terminal.
            output_value: ``sentence_embedding`` or ``token_embeddings`` (a list of (tokens, d) arrays).
            precision: ``float32``.
            convert_to_numpy: False gives a list of vectors.
            convert_to_tensor: give a torch tensor; for callers that have imported torch.
            device: ignored; the encoder is where it was loaded.
            normalize_embeddings: ignored; vectors have length 1.
            truncate_dim: keep the first values, brought back to length 1.
            lang: of all, or of each, for encoders that are told the language.

        Returns:
            (texts, d) float32, or (d,) for one text.

        Raises:
            UsageError: an option that is not offered, or a table or no text at all.
            InputError: a text is not a string.
        """
        if precision != "float32":
            raise UsageError(f"precision '{precision}' is not offered; take float32, and quantise what it gives")
        if not hasattr(sentences, "__iter__"):
            raise UsageError(f"encode takes a text or several, not a {type(sentences).__name__}")
        check_rows(sentences)
        texts = [sentences] if isinstance(sentences, str) else list(sentences)
        role, before = self._role(prompt_name, prompt)
        if before:
            texts = [before + text if isinstance(text, str) else text for text in texts]
        tags = [lang] * len(texts) if isinstance(lang, str) else lang
        if output_value == "token_embeddings":
            rows = self.encoder.encode_tokens(texts, role=role, lang=tags)
            return rows[0] if isinstance(sentences, str) else rows
        if output_value != "sentence_embedding":
            raise UsageError(f"output_value '{output_value}' is not known; known: sentence_embedding, token_embeddings")
        dim = truncate_dim or self.truncate_dim
        vectors = self.encoder.encode(texts, role=role, lang=tags, dim=dim, progress=bool(show_progress_bar))
        found = vectors[0] if isinstance(sentences, str) else vectors
        if convert_to_tensor:
            return _tensor(found)
        return found if convert_to_numpy or isinstance(sentences, str) else list(found)

    def encode_query(self, sentences: str | Sequence[str], **options: Any) -> Any:
        """`encode` with the prompt for queries."""
        return self.encode(sentences, **{"prompt_name": "query", **options})

    def encode_document(self, sentences: str | Sequence[str], **options: Any) -> Any:
        """`encode` with the prompt for documents."""
        return self.encode(sentences, **{"prompt_name": "document", **options})

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Vectors:
        """(n, m) cosines of (n, d) and (m, d) vectors; one vector counts as a row."""
        return np.asarray(_unit(embeddings1) @ _unit(embeddings2).T)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Vectors:
        """(n,) cosines of (n, d) and (n, d) vectors, row by row."""
        return np.asarray(np.einsum("nd,nd->n", _unit(embeddings1), _unit(embeddings2)))

    def _role(self, name: str | None, prompt: str | None) -> tuple[Role | None, str]:
        """What to encode as, and what to put before each text."""
        if prompt is not None:
            recipe = self.encoder.recipe
            roles: tuple[Role | None, ...] = (None, "query", "document")
            free = [role for role in roles if not recipe.prompt(role)]
            if not free or not recipe.include_prompt:
                raise UsageError(f"prompt: {self.encoder.name} has prompts of its own only; take prompt_name")
            return free[0], prompt
        if name is not None and name not in _ROLES:
            raise UsageError(f"prompt_name '{name}' is not known; known: {', '.join(_ROLES)}")
        return None if name is None else _ROLES[name], ""


def _unit(vectors: Any) -> Vectors:
    rows = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12)))


def _tensor(vectors: Vectors) -> Any:
    torch = sys.modules.get("torch")
    if torch is None:
        raise UsageError("convert_to_tensor: torch is not imported here; import it, or take NumPy arrays")
    return torch.from_numpy(vectors)
