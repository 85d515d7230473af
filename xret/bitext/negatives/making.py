"""Negatives of many texts."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from xret.bitext.negatives.entities import Names
from xret.bitext.negatives.negation import negated
from xret.bitext.negatives.numbers import other_number

__all__ = ["EDITS", "Edit", "Negatives", "make_negatives"]

Edit = Literal["number", "entity", "negation"]
EDITS: tuple[Edit, ...] = get_args(Edit)


@dataclass(frozen=True)
class Negatives:
    """m changed texts.

    Attributes:
        texts: m of them, by the row of the original, then in the order of `EDITS`.
        edits: the kind of each.
        rows: (m,) int64: the row of the original of each.
    """

    texts: list[str]
    edits: list[Edit]
    rows: npt.NDArray[np.int64]

    def counts(self) -> dict[Edit, int]:
        """How many of each kind."""
        return {edit: self.edits.count(edit) for edit in EDITS}


def make_negatives(texts: Sequence[str], lang: str, *, edits: Sequence[Edit] = EDITS, seed: int = 0) -> Negatives:
    """For each text at most one negative of each kind: those that it allows, and that are nobody's translation.

    A change is a matter of the text, the kind and the seed alone (and, for names, of which names there are), so that it
    does not depend on the order of the texts. Results that are equal to one of the texts are left out: they may be a
    true translation of something.

    Args:
        texts: sentences of one language.
        lang: BCP 47; ``und`` has numbers in digits and names, no negation.
        edits: kinds to make.
        seed: another one makes other changes.

    Source: Chen et al., "xSIM++: An improved proxy to bitext mining performance for low-resource languages", ACL 2023,
    which changes numbers, entities and causality (negation among it) of English by rules and word lists.
    """
    names = Names(texts, lang) if "entity" in edits else None
    real = set(texts)
    made: list[str] = []
    kinds: list[Edit] = []
    rows: list[int] = []
    for row, text in enumerate(texts):
        for edit in EDITS:
            changed = _changed(text, lang, edit, names, _chance(text, edit, seed)) if edit in edits else None
            if changed is not None and changed not in real:
                made.append(changed)
                kinds.append(edit)
                rows.append(row)
    return Negatives(made, kinds, np.array(rows, np.int64))


def _changed(text: str, lang: str, edit: Edit, names: Names | None, chance: random.Random) -> str | None:
    if edit == "number":
        return other_number(text, lang, chance)
    if edit == "negation":
        return negated(text, lang, chance)
    return names.other_name(text, chance) if names else None


def _chance(text: str, edit: Edit, seed: int) -> random.Random:
    return random.Random(hashlib.blake2b(f"{seed} {edit} {text}".encode(errors="replace"), digest_size=8).digest())
