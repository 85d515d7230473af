"""What a folder of LASER models holds: perhaps LASER2, which knows 93 languages, and LASER3 experts for one each.

Artetxe and Schwenk 2019; Heffernan, Çelebi and Schwenk 2022. All give vectors of one space. The files are those of the
release: ``laser2.pt``, ``laser2.spm``, ``laser2.cvocab`` and, per language, ``laser3-wol_Latn.v1.pt`` with an ``.spm``
and ``.cvocab`` of its own or LASER2's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from xret.corpus.languages import check_lang
from xret.encoders.reading.languages import Languages, Routed, route
from xret.errors import InputError, ModelError

__all__ = ["GENERAL", "LaserFiles", "LaserFolder", "find_laser"]

GENERAL = "laser2"  # stands for LASER2 among language codes
_EXPERT = re.compile(r"laser3-(?P<code>[A-Za-z]+(?:_[A-Za-z]+)?)\.v(?P<version>[0-9]{1,9})\.pt")

# LASER2's languages as its authors list them; Arabic, Chinese and the like once for their written varieties.
_GENERAL = """
acm acq aeb af ajp am apc ar ars ary arz ay azb az be bn bs bg ca cs ckb crh da de el en eo et eu fi fr ga gl ha he hi
hr hu hy id is it ja kab ka kk km ku ko lt lv ml mr mk mg my nl nb oc fa pl pt ro ru si sk sl sd so es sq sr sv sw ta
tt te tg tl th tr ug uk ur uz vi yue zh ms
"""


@dataclass(frozen=True)
class LaserFiles:
    """One model of the folder."""

    code: str  # of its language as its file spells it, or `GENERAL`
    weights: Path
    pieces: Path  # SentencePiece model
    vocabulary: Path | None  # fairseq's list of words; None where the weights' file has it


@dataclass(frozen=True)
class LaserFolder:
    """The models of a folder, which together are one encoder."""

    folder: Path
    experts: dict[str, LaserFiles]  # by code, sorted
    general: LaserFiles | None

    @property
    def models(self) -> tuple[LaserFiles, ...]:
        """LASER2 first, if it is there, then the experts."""
        return (*([self.general] if self.general else []), *self.experts.values())

    def files(self) -> dict[str, Path]:
        """The files that the vectors depend on, by their name in the folder."""
        paths = {path for model in self.models for path in (model.weights, model.pieces, model.vocabulary) if path}
        return {path.name: path for path in sorted(paths)}

    @cached_property
    def languages(self) -> Languages:
        """The models' codes, in the order of `models`, then LASER2's other languages (see `model_of`)."""
        models = tuple(model.code for model in self.models)
        own = {_language(code) for code in self.experts}
        rest = [code for code in _GENERAL.split() if _language(code) not in own] if self.general else []
        return Languages((*models, *rest), models[0], "checkpoint")

    def route(self, tags: Sequence[str | None]) -> Routed:
        """The place in `models` of each text's model.

        The expert for a text's language or, where there is none, LASER2; languages that it does not know either are
        `Routed.unknown`, and so are None and ``und``. A folder with one model has nothing to choose.

        Args:
            tags: BCP 47, one per text.

        Raises:
            InputError: there are several experts and no LASER2, and a text's language is none of theirs.
        """
        routed = route(tags, self.languages)
        if routed.unknown and self.general is None and len(self.experts) > 1:
            raise InputError(
                f"{self.folder}: has no expert for '{next(iter(routed.unknown))}' and no laser2.pt for the others; "
                f"experts: {', '.join(self.experts)}"
            )
        return Routed(np.where(routed.index < len(self.models), routed.index, 0), routed.unknown)

    def model_of(self, place: int) -> LaserFiles:
        """The model that a place in `languages.codes` means: LASER2 for those behind the models' own."""
        return self.models[place if place < len(self.models) else 0]


def find_laser(folder: Path) -> LaserFolder | None:
    """The LASER models of a folder, found by their files' names; None where there are none.

    Raises:
        ModelError: a model's SentencePiece model or word list is missing.
    """
    if not folder.is_dir():
        return None
    general = _with_pieces(folder, GENERAL, folder / "laser2.pt") if (folder / "laser2.pt").is_file() else None
    newest: dict[str, tuple[int, Path]] = {}
    for path in sorted(folder.glob("laser3-*.pt")):
        if match := _EXPERT.fullmatch(path.name):
            newest[match["code"]] = max(newest.get(match["code"], (-1, path)), (int(match["version"]), path))
    experts = {code: _with_pieces(folder, code, path) for code, (_, path) in sorted(newest.items())}
    return LaserFolder(folder, experts, general) if experts or general else None


def _with_pieces(folder: Path, code: str, weights: Path) -> LaserFiles:
    """An expert's tokeniser is its own where there is one, else LASER2's."""
    own = weights.with_suffix(".spm")
    pieces = own if own.is_file() else folder / "laser2.spm"
    if not pieces.is_file():
        raise ModelError(f"{weights}: needs its tokeniser beside it, {own.name} or laser2.spm; fetch that too")
    words = [weights.with_suffix(".cvocab"), pieces.with_suffix(".cvocab")]
    return LaserFiles(code, weights, pieces, next((path for path in words if path.is_file()), None))


def _language(code: str) -> str:
    try:
        return check_lang(code).partition("-")[0]
    except InputError:
        return code
