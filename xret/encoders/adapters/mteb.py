"""An encoder for MTEB 2: ``mteb.evaluate(MTEBEncoder("xret-mini"), tasks)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from xret.encoders.adapters.sentence import SentenceEncoder
from xret.encoders.encoder import Encoder
from xret.encoders.recipe import Role
from xret.errors import InputError, require

__all__ = ["MTEBEncoder"]

_UNORDERED = ("BUCC",)  # tasks whose two sides MTEB takes from a set, in an order that changes from run to run


class MTEBEncoder:
    """Fulfils MTEB's ``EncoderProtocol``.

    Queries and documents get the checkpoint's prompts for them; texts of tasks without these roles its default one.
    Encoders that are told the language are told the subset's, where it has one. Of a bitext subset (``deu-eng``) MTEB
    encodes `sentence1`, then `sentence2`, without saying which: calls for it are taken in turn (but not of BUCC, the
    first version, whose order is left to chance). Texts of any other subset with several languages go as ``und``.
    """

    def __init__(
        self, model_name: Encoder | str | Path, revision: str | None = None, *, device: str | None = None, **_: Any
    ) -> None:
        """Load, or wrap what is loaded.

        Args:
            model_name: an encoder, or the name of one.
            revision: ignored; content is known by its hash.
            device: as for `load_encoder`; None is ``auto``.

        Raises:
            ModelError, DeviceError: as `load_encoder`.
        """
        self._sentences = SentenceEncoder(model_name, device=device)
        self.encoder = self._sentences.encoder
        self._turns: Counter[tuple[str, str, str]] = Counter()

    def encode(
        self,
        inputs: Iterable[Mapping[str, Any]],
        *,
        task_metadata: Any,
        hf_split: str,
        hf_subset: str,
        prompt_type: Any = None,
        **_: Any,
    ) -> NDArray[np.float32]:
        """Sentence vectors.

        Args:
            inputs: batches with a list of strings under ``text``.
            task_metadata: MTEB's record of the task.
            hf_split: of its data.
            hf_subset: of its data; tells the language.
            prompt_type: ``query``, ``document`` or None.

        Returns:
            (texts, d) float32 rows of length 1.

        Raises:
            InputError: the task is not one of texts.
        """
        texts: list[str] = []
        for batch in inputs:
            if "text" not in batch:
                raise InputError(f"task {task_metadata.name}: batches hold {sorted(batch)}, wanted 'text'")
            texts += batch["text"]
        role: Role | None = getattr(prompt_type, "value", prompt_type)
        lang = self._language(task_metadata, hf_split, hf_subset)
        return self.encoder.encode(texts, role=role, lang=None if lang is None else [lang] * len(texts))

    def similarity(self, embeddings1: Any, embeddings2: Any) -> NDArray[np.float32]:
        """(n, m) cosines of (n, d) and (m, d) vectors."""
        return self._sentences.similarity(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> NDArray[np.float32]:
        """(n,) cosines, row by row."""
        return self._sentences.similarity_pairwise(embeddings1, embeddings2)

    @cached_property
    def mteb_model_meta(self) -> Any:
        """MTEB's record of the model; its revision is the encoder's content hash.

        Raises:
            MissingExtraError: MTEB is not installed.
        """
        module = require("mteb.models.model_meta", extra="mteb", purpose="evaluating by MTEB")
        encoder, known = self.encoder, get_args(module.FRAMEWORKS)
        return module.ModelMeta(
            loader=None, name=f"xret/{_plain(encoder.name)}", revision=encoder.hash[:12], release_date=None,
            languages=None, n_parameters=None, memory_usage_mb=None, max_tokens=encoder.max_length,
            embed_dim=encoder.dim, license=None, open_weights=None, public_training_code=None,
            public_training_data=None, framework=[name for name in ("ONNX",) if name in known],  # not in the first 2.x
            similarity_fn_name="cosine", use_instructions=bool(encoder.recipe.prompts), training_datasets=None,
        )  # fmt: skip

    def _language(self, task: Any, split: str, subset: str) -> str | None:
        """The tag of a call's texts, for encoders that are told it."""
        if self.encoder.recipe.languages is None:
            return None
        known: Mapping[str, list[str]] = task.hf_subsets_to_langscripts
        tags = list(dict.fromkeys(known.get(subset, ())))
        if len(tags) == 1:
            return tags[0]
        if task.type != "BitextMining" or task.name in _UNORDERED:
            return "und"
        if len(tags) == 2:
            turn = self._turns[task.name, split, subset]
            self._turns[task.name, split, subset] += 1
            return known[subset][turn % 2]
        return subset  # of tasks whose columns are languages: the column's name


def _plain(name: str) -> str:
    """A name without what MTEB takes for folders."""
    return name.strip("./").replace("/", "__")
