"""Puts encoders of one space together in a folder, one for each language or group of languages."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xret.artifact import atomic_file, atomic_folder
from xret.corpus.languages import check_lang, is_lang
from xret.encoders.checkpoints.expert_folder import EXPERTS_FILE, find_experts
from xret.encoders.checkpoints.expert_models import find_expert_models, open_model
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.locate import locate
from xret.encoders.reading.languages import Languages, route, stand_ins
from xret.errors import InputError, MismatchError, UsageError

__all__ = ["add_experts", "make_experts"]

_GENERAL, _DEFAULT = "general", "und"
log = logging.getLogger("xret")
Experts = Sequence[tuple[Sequence[str], str | Path]]  # languages and their model
_Folders = dict[str, tuple[Sequence[str], str | Path]]


@dataclass(frozen=True)
class _Space:
    """What the models of a folder must have in common."""

    dim: int
    name: str | None  # as config.json says
    teacher: str | None  # as training.json of a student says

    @classmethod
    def of(cls, folder: Path) -> _Space:
        if find_expert_models(folder):
            raise InputError(f"{folder}: holds several encoders; give one model, or --add to that folder")
        told = read_json(folder / "training.json", missing={})
        checkpoint, teacher = open_model(folder), told.get("teacher") if isinstance(told, dict) else None
        return cls(checkpoint.recipe.dim, checkpoint.config.get("name"), teacher)


def make_experts(out: Path, *, general: str | Path, experts: Experts) -> dict[str, str]:
    """Make the folder `out` of a general model and experts; all are copied.

    Args:
        out: the folder to make.
        general: the model of all other languages (any name `load_encoder` takes but LASER's and experts' folders).
        experts: languages, and their model.

    Returns:
        language -> folder inside `out`, as in experts.json.

    Raises:
        InputError: `out` exists, or lies inside one of the models.
        UsageError: a language is none, or given twice.
        MismatchError: the models are not of one space.
        ModelError: a model is not found or not supported.
    """
    if out.exists():
        raise InputError(f"{out}: exists already; remove it, or add to it with --add")
    source = locate(general)
    space, folders = _Space.of(source), _named(experts, taken={_GENERAL})
    known = read_json(source / "languages.json", missing={})
    listed = [*known.get("main", []), *known.get("others", [])] if isinstance(known, dict) else []
    served = {_DEFAULT: _GENERAL} | {code: _GENERAL for code in listed if is_lang(code)}
    checked = {name: _fitting(model, space, general) for name, (_, model) in folders.items()}
    served |= {lang: name for name, (langs, _) in folders.items() for lang in langs}
    for model in (source, *checked.values()):
        if out.absolute().is_relative_to(model.absolute()):
            raise InputError(f"{out}: lies inside the model {model}, which is copied; choose another place")
    with atomic_folder(out) as folder:
        for name, model in {_GENERAL: source, **checked}.items():
            _copy(model, folder / name)
        _write(folder, served)
    return served


def add_experts(out: Path, *, experts: Experts, reroute: bool = False) -> dict[str, str]:
    """Add experts to a folder that `make_experts` made; no file of its models is touched.

    Args:
        out: the folder.
        experts: languages, and their model.
        reroute: also take languages that a model of the folder serves already: their vectors change.

    Returns:
        language -> folder inside `out`, as in experts.json.

    Raises:
        InputError: `out` is no folder of experts, has a language already, or a folder of that name.
        UsageError, MismatchError, ModelError: as `make_experts`.
    """
    found = find_experts(out)
    if found is None:
        raise InputError(f"{out}: has no {EXPERTS_FILE}; make the folder first, with --general")
    served = {
        code: path.relative_to(out).as_posix()
        for code, path in zip(found.languages.codes, found.folders, strict=True)
    }  # fmt: skip
    folders = _named(experts, taken=set(served.values()))
    moved = sorted({lang for langs, _ in folders.values() for lang in langs} & set(served))
    if moved and not reroute:
        raise InputError(
            f"{out}: serves {', '.join(moved)} already, by '{served[moved[0]]}'; with --reroute, their vectors change"
        )
    for lang in moved:
        log.warning("texts in '%s' went to '%s' and go to the new expert now", lang, served[lang])
    space = _Space.of(found.folders[0])
    checked = {name: _fitting(model, space, found.folders[0]) for name, (_, model) in folders.items()}
    for name in folders:
        if (out / name).exists():
            raise InputError(f"{out / name}: is there, but {EXPERTS_FILE} does not name it; remove it and add again")
    for name, model in checked.items():
        with atomic_folder(out / name) as folder:
            _copy(model, folder)
    served |= _pinned(found.languages, served, folders) | {
        lang: name for name, (langs, _) in folders.items() for lang in langs
    }
    _write(out, served, default=found.languages.default)
    return served


def _pinned(languages: Languages, served: Mapping[str, str], folders: _Folders) -> dict[str, str]:
    """Languages that a served one stood in for, and that a new one would take over: they stay with their model."""
    added = [lang for langs, _ in folders.values() for lang in langs]
    now = Languages(
        (*languages.codes, *(lang for lang in added if lang not in served)), languages.default, "checkpoint"
    )
    tags = [tag for tag in stand_ins() if tag not in added]
    before, after = (route(tags, known) for known in (languages, now))
    return {
        tag: served[languages.codes[old]]
        for tag, old, new in zip(tags, before.index, after.index, strict=True)
        if tag not in before.unknown and now.codes[new] in added
    }


def _copy(model: Path, folder: Path) -> None:
    """Copy a model's files.

    Raises:
        InputError: one cannot be read, or the disk is full.
    """
    try:
        shutil.copytree(model, folder, dirs_exist_ok=True)
    except shutil.Error as error:
        source, _, reason = error.args[0][0]
        raise InputError(f"{source}: cannot be copied ({reason})") from error


def _named(experts: Experts, *, taken: set[str]) -> _Folders:
    """Folder name -> (languages, model); a folder is called after its languages, in their canonical spelling."""
    if not experts:
        raise UsageError("no expert to put there; give --expert LANGUAGES=MODEL")
    folders: _Folders = {}
    seen: set[str] = set()
    for given, model in experts:
        if wrong := [lang for lang in given if not is_lang(lang) or check_lang(lang) == _DEFAULT]:
            raise UsageError(
                f"--expert {wrong[0]}=…: '{wrong[0]}' is no language; wanted BCP 47 tags, as in chr or jv,su"
            )
        langs = [check_lang(lang) for lang in given]
        for lang in langs:
            if lang in seen:
                raise UsageError(f"--expert: '{lang}' is given twice")
            seen.add(lang)
        name = "-".join(langs)
        name = name if len(name) <= 40 else f"{langs[0]}-and-{len(langs) - 1}"
        while name in taken or name in folders:
            name += "-2"
        folders[name] = langs, model
    return folders


def _fitting(model: str | Path, space: _Space, general: str | Path) -> Path:
    """The folder of a model of the space."""
    folder = locate(model)
    own = _Space.of(folder)
    if own.dim != space.dim:
        raise MismatchError(
            f"{model}: gives vectors of {own.dim} values, {general} of {space.dim}; experts must share one space"
        )
    if own.teacher and space.teacher and own.teacher not in (space.teacher, space.name, str(general)):
        log.warning(
            "%s: its teacher is called '%s', that of %s '%s'; are they one space?",
            model, own.teacher, general, space.teacher,
        )  # fmt: skip
    return folder


def _write(folder: Path, served: Mapping[str, str], *, default: str = _DEFAULT) -> None:
    rows = "\n".join(f"| {name} | {_listed(served, name)} |" for name in dict.fromkeys(served.values()))
    card = f"""# Experts

Encoders of one vector space. A text goes to the expert of its language (`lang`), or to that of `{default}`.

| folder | languages |
|---|---|
{rows}
"""
    for path, text in (
        (folder / "README.md", card),
        (folder / EXPERTS_FILE, json.dumps({"experts": dict(served), "default": default}, indent=1) + "\n"),
    ):
        with atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _listed(served: Mapping[str, str], name: str) -> str:
    return ", ".join(lang for lang, folder in served.items() if folder == name)
