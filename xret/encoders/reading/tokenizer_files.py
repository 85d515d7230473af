"""A checkpoint's tokeniser as a tokenizer.json: its own, or one made from ``vocab.txt`` or a SentencePiece model.

Ids are those that transformers gives. What tokenizer.json leaves to tokenizer_config.json (casing of a WordPiece, the
special tokens around a text) is taken from there, as transformers does.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

from xret.artifact import digest, file_hash
from xret.encoders.cache import cache_folder
from xret.encoders.reading.tokenizer_making import FRAMED, MAKERS, SPECIAL_FILES, Special, mend, recased
from xret.errors import ModelError

__all__ = ["TOKENIZER_FILES", "tokenizer_json", "tokenizer_sources"]

TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model", "spiece.model")
_TOLD_LANGUAGE = ("Nllb", "M2M100")  # classes whose settings say how a language's token is put
_VERSION = 1  # raised when a tokeniser is made in another way: the kept ones are then made again


def tokenizer_sources(folder: Path, *, like: str = "") -> dict[str, Path]:
    """The files that decide which ids a text gets, by name: tokenizer.json alone, or what one is made from.

    With tokenizer_config.json where that says what no tokenizer.json can: a language's token, which end is cut.

    Args:
        folder: of the transformer.
        like: a model that has the same tokeniser, if one is known.

    Raises:
        ModelError: there is no tokeniser.
    """
    files, special = _origin(folder, like=like), Special(folder)
    if _says_more(special) and (folder / SPECIAL_FILES[0]).is_file():
        files.setdefault(SPECIAL_FILES[0], folder / SPECIAL_FILES[0])
    return files


def _says_more(special: Special) -> bool:
    """Whether readers take more from tokenizer_config.json than a tokenizer.json that is made has in it."""
    told = any(special.settings.get(name) for name in ("truncation_side", "legacy_behaviour"))
    return told or special.kind in _TOLD_LANGUAGE


def _origin(folder: Path, *, like: str) -> dict[str, Path]:
    """Tokenizer.json alone, or the files that one is made from, that which decides its kind first."""
    found = next((name for name in TOKENIZER_FILES if (folder / name).is_file()), None)
    if found is None:
        hint = f"; copy that of {like} here" if like else ""
        raise ModelError(f"{folder / 'tokenizer.json'}: is missing, and so are {', '.join(TOKENIZER_FILES[1:])}{hint}")
    files = {found: folder / found}
    if found != "tokenizer.json" or _disagrees(folder):
        files |= {name: folder / name for name in SPECIAL_FILES if (folder / name).is_file()}
    return files


def tokenizer_json(folder: Path, *, family: str, like: str = "") -> Path:
    """A tokenizer.json for the model in `folder`: the one there, or one made from what is there and kept in the cache.

    Args:
        folder: of the transformer.
        family: config.json's `model_type`.
        like: see `tokenizer_sources`.

    Raises:
        ModelError: there is no tokeniser, it is broken, or none that can be made into one; or the cache cannot be
            written.
    """
    sources = _origin(folder, like=like)
    if set(sources) == {"tokenizer.json"}:
        return folder / "tokenizer.json"
    key = digest("tokenizer", _VERSION, family, {name: file_hash(path) for name, path in sources.items()})
    kept = cache_folder() / "tokenizers" / f"{key}.json"
    if kept.is_file():
        return kept
    name, special = next(iter(sources)), Special(folder)
    made = mend(folder / name, special) if name not in MAKERS else MAKERS[name](folder / name, special, family)
    return _keep(kept, made.to_str())


def _keep(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(temporary, path)
    except OSError as error:
        raise ModelError(
            f"{path.parent}: cannot keep the tokeniser made for this model ({error.strerror}); "
            "set XRET_CACHE to a folder that can be written"
        ) from error
    return path


def _disagrees(folder: Path) -> bool:
    """Whether tokenizer.json lacks what tokenizer_config.json says. Looks at its text: parsing it takes far longer."""
    special = Special(folder)
    if special.kind not in FRAMED:
        return False
    try:
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # whoever reads it says so
        return False
    if re.search(r'"post_processor"\s*:\s*null', text):
        return True
    flat = re.search(r'"normalizer"\s*:\s*(\{[^{}]*"BertNormalizer"[^{}]*\})', text)
    return flat is not None and recased(json.loads(flat.group(1)), special.settings)
