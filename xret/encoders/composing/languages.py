"""Composed names that leave a language open: ``bert+adapters/{dlang}+adapters/ranking``.

Litschko, Vulić & Glavaš (2022) put the module of the documents' language, or of the queries', under the ranking module.
In a list over many languages that is another one for every language: each names a model of its own.
"""

from __future__ import annotations

from glob import escape, glob
from pathlib import Path

from xret.artifact import digest, file_hash
from xret.encoders.composing.composed import open_module
from xret.encoders.composing.names import split_modules
from xret.encoders.load import identify
from xret.encoders.locate import locate
from xret.encoders.names import split_precision
from xret.errors import ModelError, UsageError

__all__ = ["identify_open", "is_open", "with_languages"]

PLACES = ("{qlang}", "{dlang}")


def is_open(name: str) -> bool:
    """Whether a name leaves the language of the query or the document open.

    Raises:
        UsageError: it does so in the base model, which is one for all languages.
    """
    found = any(place in name for place in PLACES)
    if found and any(place in str(split_modules(name)[0]) for place in PLACES):
        raise UsageError(f"{name}: the language is open in the base model; give BASE+FOLDER/{{dlang}}")
    return found


def with_languages(name: str, *, query: str, document: str) -> str:
    """The name with the languages filled in: a module's folder is called as the language, or as its first part.

    Args:
        name: see `is_open`.
        query: BCP 47.
        document: BCP 47.

    Raises:
        ModelError: no module for a language.
    """
    plain, precision = split_precision(name)
    base, modules = split_modules(plain)
    filled = [_filled(module, query, document) for module in modules]
    return "+".join([str(base), *filled]) + (f":{precision}" if precision else "")


def _filled(module: str, query: str, document: str) -> str:
    exact = module.replace(PLACES[0], query).replace(PLACES[1], document)
    first = module.replace(PLACES[0], query.partition("-")[0]).replace(PLACES[1], document.partition("-")[0])
    for name in (exact, first):
        try:
            locate(name)
        except ModelError:
            continue
        return name
    raise ModelError(
        f"{module}: there is no module {exact} for queries in '{query}' and documents in '{document}'; train one, or "
        "rerank these languages with another"
    )


def identify_open(name: str) -> str:
    """A hash over the base model and every module that the name could mean: changes when any of their files does.

    Raises:
        ModelError: as `identify`.
    """
    plain, precision = split_precision(name)
    base, modules = split_modules(plain)
    found: list[list[str]] = []
    for module in modules:
        pattern = escape(module)
        for place in PLACES:
            pattern = pattern.replace(escape(place), "*")
        open_place = any(place in module for place in PLACES)
        folders = sorted(map(Path, glob(pattern))) if open_place else [locate(module)]
        parts = [path for folder in folders if folder.is_dir() for path in open_module(folder).files]
        found.append([f"{path.parent.name}/{path.name} {file_hash(path)}" for path in parts])
    return digest("open", identify(base), precision, modules, found)
