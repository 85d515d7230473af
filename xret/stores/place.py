"""How a store is called.

    FOLDER                              an index folder of xret's own (FAISS)
    milvus://HOST:PORT/COLLECTION       a Milvus server: cluster, standalone or Lite (port 19530 unless it is said)
    milvus+https://HOST:PORT/…          the same with TLS
    milvus://HOST:PORT/DATABASE/…       in another database than the default one
    milvus:PATH.db/COLLECTION           a file of Milvus Lite, opened in this process

A key is never part of the name: ``XRET_MILVUS_TOKEN`` holds it (``user:password`` or an API key).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from xret.errors import UsageError

__all__ = ["Place", "is_remote", "parse_place"]

REMOTE = re.compile(r"milvus(?P<tls>\+https)?:(?P<slashes>/*)(?P<rest>.*)", re.DOTALL)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")  # Milvus' own rule
PORT = 19530
FORMS = "milvus://HOST:PORT/COLLECTION, milvus:FILE.db/COLLECTION or a folder"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a store is.

    Attributes:
        kind: ``folder`` or ``milvus``.
        server: the address of the server, or the file of Milvus Lite; empty for folders.
        name: of the collection (or its alias), or the folder's path.
        database: of a server; empty for the default one.
    """

    kind: Literal["folder", "milvus"]
    name: str
    server: str = ""
    database: str = ""

    def __str__(self) -> str:
        """The one spelling."""
        if self.kind == "folder":
            return self.name
        parts = "/".join(part for part in (self.database, self.name) if part)
        if self.server.startswith(("http://", "https://")):
            tls, address = self.server.split("://", 1)
            return f"milvus{'+https' if tls == 'https' else ''}://{address}/{parts}"
        return f"milvus:{self.server}/{parts}"

    @property
    def folder(self) -> Path:
        """The path of a folder."""
        return Path(self.name)

    def beside(self, name: str) -> Place:
        """Another collection of the same server, or a folder beside this one.

        Args:
            name: a bare name, or a whole place, which must be on the same server or in the same folder.

        Raises:
            UsageError: it is elsewhere, so no alias can lead there.
        """
        if self.kind == "folder":
            made = Path(name) if "/" in name else self.folder.parent / name
            if made.parent.resolve() != self.folder.parent.resolve():
                raise UsageError(f"{name}: does not lie beside {self}; an alias leads to a folder beside it")
            return replace(self, name=str(made))
        other = parse_place(name) if is_remote(name) else replace(self, name=_collection(name, name))
        if (other.server, other.database) != (self.server, self.database):
            raise UsageError(f"{name}: is not on the same server and database as {self}; give its name there")
        return other


def is_remote(name: str | Path) -> bool:
    """Whether a name is that of a store on a server (or of a server's file) and not of a folder."""
    return REMOTE.fullmatch(str(name)) is not None


def parse_place(name: str | Path) -> Place:
    """The place that a name spells; a slash that `pathlib.Path` took out of ``://`` is not missed.

    Raises:
        UsageError: it starts like a server's and goes on like nothing that is known.
    """
    text = str(name)
    found = REMOTE.fullmatch(text)
    if found is None:
        return Place(kind="folder", name=text)
    if "@" in found["rest"]:
        raise UsageError(f"{text.split(':')[0]}: names no user here; set XRET_MILVUS_TOKEN=user:password instead")
    file, dot, collection = found["rest"].rpartition(".db/")
    if dot:
        path = ("/" if found["slashes"] else "") + file + ".db"
        return Place(kind="milvus", server=path, name=_collection(collection, text))
    address, *parts = found["rest"].split("/")
    if not found["slashes"] or not address or not 1 <= len(parts) <= 2:
        raise UsageError(f"'{text}' is no place of a store; write {FORMS}")
    host, colon, port = address.rpartition(":")
    if colon and not port.isdigit():
        raise UsageError(f"'{text}': '{port}' is no port; write {FORMS}")
    server = f"{'https' if found['tls'] else 'http'}://{host if colon else address}:{port if colon else PORT}"
    database = _collection(parts[0], text) if len(parts) == 2 else ""
    return Place(kind="milvus", server=server, name=_collection(parts[-1], text), database=database)


def _collection(name: str, text: str) -> str:
    if NAME.fullmatch(name) is None:
        raise UsageError(
            f"'{text}': '{name}' cannot be the name of a collection; write letters, digits and _, no digit first"
        )
    return name
