"""One state of a system: an index, opened and verified, with its encoder."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xret.artifact import MANIFEST, file_hash
from xret.errors import InputError, MismatchError
from xret.indexes.kinds import index_kind, verbs

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["Generation", "Place", "open_generation", "version_of"]

PROBE = "rain"  # asked once of every index that is opened, before anybody else asks


@dataclass(frozen=True)
class Place:
    """Where a system is found: `folder` may be a link, or change its content; it is looked at again at every swap."""

    name: str
    folder: Path
    encoder: str | None = None


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


def open_generation(place: Place, encoder: Callable[[str, str | None], Encoder]) -> Generation:
    """Open what lies in a folder now, with its encoder, and ask it something.

    Args:
        place: of the system.
        encoder: gives one by name and hash.

    Raises:
        InputError: no index there, one whose files are damaged, or one that does not say its encoder.
        MismatchError: the encoder is not the one that made the index.
    """
    folder = place.folder.resolve()  # a link may point elsewhere tomorrow
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
    """12 hex characters of the manifest's content."""
    return file_hash(Path(folder) / MANIFEST)[:12]


def _ask(made: Generation) -> None:
    """One search: what is made at first use is made now, and what is broken shows."""
    import pyarrow as pa

    queries = pa.table({"id": ["1"], "text": [PROBE], "lang": ["und"]})
    asked: dict[str, Any] = {} if made.kind == "lexical" else {"encoder": made.encoder}
    if made.rows:
        verbs(made.kind).search(made.index, queries, k=1, text=made.texts, threads=1, **asked)
