"""Derives the recipe of a checkpoint: part by part, from whoever answers first.

The user's statement comes before the checkpoint's own files, these before what is known of the model (presets), and
that before what is usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xret.encoders.checkpoints.evidence import SETTINGS, Evidence
from xret.encoders.checkpoints.modules import Module, dense_head, pooling_modes, text_settings
from xret.encoders.reading.language_frame import token_languages
from xret.encoders.reading.languages import Languages
from xret.encoders.reading.romanising import Romaniser
from xret.encoders.reading.scripts import stated_romaniser
from xret.encoders.recipe import Dense, Normalize, Recipe, Role
from xret.errors import ModelError

__all__ = ["derive_recipe"]

_DOCUMENT_NAMES = ("document", "passage", "corpus")  # what the document role's prompt is called, in this order
_TOLD_BY_TOKEN = ("m2m_100",)  # and so SONAR and NLLB


def derive_recipe(evidence: Evidence, modules: Sequence[Module]) -> Recipe:
    """The recipe of a checkpoint, but for token vectors and scores of pairs.

    Args:
        evidence: what is known of it; who answered is noted in its `sources`.
        modules: those behind the transformer.

    Raises:
        ModelError: a module, pooling or activation is not supported, or files are malformed.
    """
    return _Derivation(evidence).recipe(modules)


class _Derivation:
    def __init__(self, evidence: Evidence) -> None:
        self._of = evidence

    def recipe(self, modules: Sequence[Module]) -> Recipe:
        """The recipe; `modules` are those behind the transformer."""
        width = self._of.family.width(self._of.config)
        pooling, counts_prompt = self._pooling(next((module for module in modules if module.kind == "Pooling"), None))
        heads = self._heads(modules, width * len(pooling))
        prompts, default = self._prompts()
        length, lowercase = self._lengths()
        dense = [head.out_features for head in heads if isinstance(head, Dense)]
        token_head = self._of.family.token_head(self._of.config)
        return Recipe(
            family=self._of.config["model_type"], pooling=pooling, heads=heads, max_length=length,
            token_dim=token_head[0] if token_head else width,
            dim=self._dim(dense[-1] if dense else width * len(pooling)), lowercase=lowercase, prompts=prompts,
            default_prompt=default, token_weights=self._of.family.token_weights,
            include_prompt=counts_prompt or not (prompts or default), similarity=self._similarity(),
            languages=self._languages(), tasks=self._tasks(), romanise=self._romanise(),
            token_head=token_head and token_head[1],
        )  # fmt: skip

    def _told(self, part: str, *answers: tuple[str, Any]) -> Any:
        """The first answer that is one, and remember whose it is."""
        whose, answer = next((whose, answer) for whose, answer in answers if answer is not None)
        self._of.sources[part] = whose
        return answer

    def _languages(self) -> Languages | None:
        """Those that have a token, or adapters, which a text's language chooses."""
        if self._of.config["model_type"] in _TOLD_BY_TOKEN:
            from tokenizers import Tokenizer

            try:
                return token_languages(Tokenizer.from_file(str(self._of.tokenizer)), self._of.tokenizer_settings)
            except ModelError:
                raise
            except Exception as error:  # the library raises bare Exception
                raise ModelError(f"{self._of.tokenizer}: cannot be read as a tokeniser ({error})") from error
        codes = self._of.family.languages(self._of.config)
        usual = (self._of.family.default_language(self._of.config), "en_XX", codes[0] if codes else "")
        default = next((code for code in usual if code in codes), "")
        return Languages(codes, default, "adapter") if codes else None

    def _romanise(self) -> Romaniser | None:
        """What is stated of it, or the model says in its config.json (`distil` writes it there)."""
        own = self._of.config.get("romanise")
        own = (own,) if isinstance(own, str) else own
        if own is not None and not (isinstance(own, (list, tuple)) and all(isinstance(word, str) for word in own)):
            raise ModelError(f"config.json: 'romanise' is {own!r:.60}, wanted a list of scripts and languages")
        given = self._of.stated.romanise
        if given is None and own is None:
            return None
        stated: tuple[str, ...] = self._told("romanise", ("given", given), ("config.json", tuple(own or ())))
        return stated_romaniser(stated, self._of.tokenizer if "unseen" in stated else None)

    def _tasks(self) -> tuple[tuple[Role | None, str], ...]:
        """The adaptations that texts in a role go through."""
        folders = tuple(path.name for path in self._of.inner.iterdir() if path.is_dir())
        return tuple(self._of.family.tasks(self._of.config, folders).items())

    def _pooling(self, module: Module | None) -> tuple[tuple[str, ...], bool]:
        """The poolings, and whether they count the prompt."""
        own = pooling_modes(module) if module and module.path else None
        answers = (
            ("given", self._of.stated.pooling),
            (f"{module.path}/config.json" if module else "", own),
            (f"preset: {self._of.preset.name}", self._of.preset.pooling),
            ("the family's own", ("mean",) if self._of.family.token_weights else None),
            ("assumed: the checkpoint does not say", ("mean",)),
        )
        return self._told("pooling", *answers), not module or bool(module.settings.get("include_prompt", True))

    def _heads(self, modules: Sequence[Module], width: int) -> tuple[Dense | Normalize, ...]:
        heads: list[Dense | Normalize] = []
        for module in modules:
            if module.kind == "Pooling" and heads:
                raise ModelError("modules.json: a head comes before Pooling, which is not supported")
            if module.kind == "Dense":
                heads.append(head := dense_head(module, width))
                width = head.out_features
            elif module.kind == "Normalize":
                heads.append(Normalize(folder=module.path))
        return tuple(heads)

    def _dim(self, full: int) -> int:
        own = self._of.settings.get("truncate_dim")
        found = self._told("dim", ("given", self._of.stated.truncate_dim), (SETTINGS, own), ("the last layer", full))
        if not isinstance(found, int) or found < 1:
            raise ModelError(f"{SETTINGS}: truncate_dim is {found!r}, wanted a positive number")
        return min(found, full)

    def _similarity(self) -> str:
        own = self._of.settings.get("similarity_fn_name")
        answers = (("given", self._of.stated.similarity), (SETTINGS, own))
        preset = (f"preset: {self._of.preset.name}", self._of.preset.similarity)
        return str(self._told("similarity", *answers, preset, ("assumed: the checkpoint does not say", "cosine")))

    def _prompts(self) -> tuple[tuple[tuple[str, str], ...], str]:
        known: dict[str, str] = self._of.settings.get("prompts") or {}
        document = next((known[name] for name in _DOCUMENT_NAMES if known.get(name)), "")
        own = {role: text for role, text in (("query", known.get("query")), ("document", document)) if text}
        default = self._of.settings.get("default_prompt_name")
        if default is not None and default not in known:
            raise ModelError(f"{SETTINGS}: default prompt '{default}' is not among {sorted(known)}")
        preset = None if self._of.preset.prompts is None else dict(self._of.preset.prompts)
        stated = self._of.family.instructions(self._of.config) or None
        answers = ((SETTINGS, own or None), (f"preset: {self._of.preset.name}", preset), ("config.json", stated))
        found = dict(self._told("prompts", *answers, ("none known", {})))
        usual = self._of.preset.default_prompt if self._of.sources["prompts"].startswith("preset") else ""
        usual = usual if default is None else known[default] or ""
        if self._of.stated.prompts is not None:
            found |= dict(self._of.stated.prompts)
            self._of.sources["prompts"] = "given"
        return tuple((role, text) for role, text in found.items() if text), usual

    def _lengths(self) -> tuple[int, bool]:
        limit = self._of.family.positions(self._of.config)
        settings = text_settings(self._of.folder, self._of.inner)
        tokeniser = self._of.tokenizer_settings.get("model_max_length")
        answers = (
            ("given", self._of.stated.max_length),
            ("sentence_bert_config.json", settings.get("max_seq_length") or None),
            ("tokenizer_config.json", tokeniser),
        )
        usable = [(whose, length) for whose, length in answers if isinstance(length, (int, float)) and length >= 1]
        whose, length = usable[0] if usable else ("config.json", limit)
        self._of.sources["max_length"] = whose if length <= limit else "config.json"
        length = min(length, limit)
        return int(length), bool(settings.get("do_lower_case", False))
