"""One state of a system: an index, opened and verified, with its encoder."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xret.artifact import MANIFEST, file_hash
from xret.errors import InputError, MismatchError
from xret.indexes.kinds import STORE, index_kind, verbs
from xret.stores.place import is_remote, parse_place

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["Generation", "Place", "open_generation", "place_of", "version_of"]

PROBE = "rain"  # asked once of every index that is opened, before anybody else asks


@dataclass(frozen=True)
class Place:
    """Where a system is found: `folder` may be a link, or change its content; it is looked at again at every swap.

    It may also be the place of a store, as ``milvus://host:port/collection``.
    """

    name: str
    folder: Path
    encoder: str | None = None

    @property
    def fixed(self) -> Path:
        """Where a link leads now, for it may lead elsewhere tomorrow; a store's own place, which answers for itself."""
        return self.folder if is_remote(self.folder) else self.folder.resolve()


@dataclass(eq=False)
class Generation:
    """One state of a system, open for reading.

    Attributes:
        place: whose.
        kind: of `xret.indexes.kinds.KINDS`.
        index: opened.
        encoder: for queries, reranking and matches; None where there is none.
        version: of its manifest: 12 hex characters.
    """

    place: Place
    kind: str
    index: Any
    encoder: Encoder | None
    version: str
    leases: int = 0
    retired: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def rows(self) -> int:
        """Documents that can be found."""
        return int(self.index.manifest.rows)

    @property
    def texts(self) -> bool:
        """Whether the documents' texts are kept."""
        return bool(self.index.manifest.text)

    @property
    def languages(self) -> Mapping[str, int]:
        """Documents by language, most first."""
        counts = {tag: rows for tag, rows in self.index.manifest.languages.items() if rows}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def known(self, languages: Sequence[str] | None) -> tuple[str, ...] | None:
        """Those of the languages that it has documents of; None for no choice."""
        if languages is None:
            return None
        has = [tag.lower() for tag in self.languages]
        wanted = dict.fromkeys(languages)
        return tuple(one for one in wanted if any(f"{tag}-".startswith(f"{one.lower()}-") for tag in has))


def place_of(given: str, encoder: str | None) -> Place:
    """``NAME=FOLDER`` or ``FOLDER``, whose name is the folder's without ``.index``; or a store's place for the folder.

    Raises:
        InputError: a name that is none.
        UsageError: a store's place that is none.
    """
    name, equals, folder = given.partition("=")
    if is_remote(folder) or is_remote(given):
        store = parse_place(given if is_remote(given) else folder)
        name, folder = name if is_remote(folder) else store.name.strip("_"), str(store)
    elif not equals or "/" in name or Path(given).exists():
        name, folder = Path(given).resolve().name if Path(given).name in ("", ".", "..") else Path(given).name, given
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", name.removesuffix(".index")).strip("-.") or "index"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise InputError(f"'{given}': '{name}' is no name; write NAME=FOLDER with letters, digits, '.', '_' and '-'")
    return Place(name, Path(folder), encoder)


def open_generation(
    place: Place, encoder: Callable[[str, str | None], Encoder], folder: Path | None = None
) -> Generation:
    """Open what lies in a folder now, with its encoder, and ask it something.

    Args:
        place: of the system.
        encoder: gives one by name and hash.
        folder: where its link led when it was verified; None for where it leads now.

    Raises:
        InputError: no index there, one whose files are damaged, or one that does not say its encoder.
        MismatchError: the encoder is not the one that made the index.
    """
    folder = folder or place.fixed
    for _ in range(8):
        kind, version = index_kind(folder), version_of(folder)
        index = verbs(kind).open_index(folder)
        if version_of(folder) == version:  # else it was changed meanwhile
            break
    stated = index.manifest
    model = None
    if kind != "lexical":
        name = place.encoder or stated.encoder
        if name is None:
            raise InputError(f"{place.folder}: does not say which encoder made its vectors; name it with --encoder")
        model = encoder(name, stated.encoder_hash)
        index.refuse_other_encoder(model.name, model.hash)
        width = model.token_dim if kind == "multivector" else model.dim
        if width < stated.dim:
            raise MismatchError(
                f"{place.folder}: holds vectors of {stated.dim} dimensions, encoder '{model.name}' gives {width}; "
                "build the index again"
            )
    elif place.encoder is not None:
        model = encoder(place.encoder, None)
    made = Generation(place, kind, index, model, version)
    _ask(made)
    return made


def version_of(folder: Path) -> str:
    """12 hex characters of the manifest's content; for a store, of which one it is, whatever its rows."""
    if index_kind(folder) == STORE:
        from xret.stores.verbs import version

        return version(folder)
    return file_hash(Path(folder) / MANIFEST)[:12]


def _ask(made: Generation) -> None:
    """One search: what is made at first use is made now, and what is broken shows."""
    import pyarrow as pa

    queries = pa.table({"id": ["1"], "text": [PROBE], "lang": ["und"]})
    asked: dict[str, Any] = {} if made.kind == "lexical" else {"encoder": made.encoder}
    if made.rows:
        verbs(made.kind).search(made.index, queries, k=1, text=made.texts, threads=1, **asked)
