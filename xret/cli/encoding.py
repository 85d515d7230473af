"""What commands that need vectors share: encode a corpus, or open vectors; find the encoder of an index."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xret.encoders import Encoder
    from xret.indexes import Manifest
    from xret.vectors import Vectors

__all__ = ["encodable", "encoded", "given_vectors", "holds_vectors", "index_encoder", "work_folder"]


@contextmanager
def encoded(
    source: str,
    *,
    beside: Path,
    before: Callable[[Any, Encoder], None],
    encoder: str,
    lang: str | None,
    work: Path | None,
    on_error: Any,
    device: str,
    threads: int | None,
    dim: int | None = None,
) -> Iterator[tuple[Any, Vectors]]:
    """(corpus, vectors) of a corpus, encoded as documents, or (None, vectors) of a vectors folder.

    Args:
        source: a corpus, or a vectors folder (one with a manifest) or ``.npy`` file.
        beside: temporary files go into the folder of this path, unless there is `work`.
        before: called with corpus and encoder before hours of encoding, to raise what can be known by then.
        encoder: for a corpus.
        lang: of a corpus that does not say.
        work: keeps the vectors, to go on from when killed.
        on_error: malformed lines of a corpus.
        device: for encoding.
        threads: for encoding.
        dim: of the vectors of a corpus, if fewer than the encoder's.
    """
    from xret.vectors import Vectors

    if holds_vectors(source):
        yield None, Vectors.open(source)
        return
    from xret.corpus import open_corpus
    from xret.encoders import encode_corpus, load_encoder
    from xret.engines import current_engine

    with work_folder(work, beside) as folder:
        corpus = open_corpus(source, lang=lang, on_error=on_error, cache=folder)
        model = load_encoder(encoder, device=device, threads=threads)
        before(corpus, model)
        width = None if dim == model.dim else dim
        yield (
            corpus,
            encode_corpus(
                corpus,
                folder / "vectors",
                encoder=model,
                role="document",
                dim=width,
                resume=True,
                engine=current_engine(),
            ),
        )


@contextmanager
def given_vectors(source: str, vectors: str, options: dict[str, Any], *, beside: Path) -> Iterator[tuple[Any, Vectors]]:
    """(corpus, vectors) where both are there already.

    Args:
        source: a corpus.
        vectors: a vectors folder made of it.
        options: `lang`, `on_error` and `work` as in `encoded`; its `encoder` is refused where another made the vectors.
        beside: as in `encoded`.

    Raises:
        UsageError: `source` holds vectors itself.
    """
    from xret.cli.index_options import refuse_ignored
    from xret.corpus import open_corpus
    from xret.errors import UsageError
    from xret.vectors import Vectors

    if holds_vectors(source):
        raise UsageError(f"--vectors: '{source}' holds vectors itself; give the corpus that '{vectors}' was made of")
    refuse_ignored(vectors, lang=False)
    opened = Vectors.open(vectors)
    with work_folder(options["work"], beside) as folder:
        yield open_corpus(source, lang=options["lang"], on_error=options["on_error"], cache=folder), opened


def holds_vectors(source: str) -> bool:
    """Whether a name is of a vectors folder (one with a manifest) or ``.npy`` file, not of a corpus."""
    from xret.artifact import MANIFEST

    return source.endswith(".npy") or (bool(source) and Path(source, MANIFEST).is_file())


def encodable(text: str) -> bool:
    """Whether an argument of the command line was UTF-8: Python hands on other bytes as halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def index_encoder(folder: Path, manifest: Manifest, wanted: str | None) -> str:
    """The name of the encoder to use with an index: `wanted`, else the one that made it.

    Raises:
        InputError: neither is known, or the latter is not to be found from here.
    """
    from xret.encoders.locate import locate
    from xret.encoders.names import split_precision
    from xret.errors import InputError, ModelError

    if wanted:
        return wanted
    name = manifest.encoder
    if name is None:
        raise InputError(f"{folder}: does not say which encoder made its vectors; name it with --encoder")
    try:
        locate(split_precision(name)[0])
    except ModelError as error:
        raise InputError(f"{folder}: its encoder is not found; say with --encoder where it is now ({error})") from error
    return name


@contextmanager
def work_folder(work: Path | None, beside: Path) -> Iterator[Path]:
    """A folder for what is made on the way: `work`, which stays, or one beside `beside`, which does not."""
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
        yield work
        return
    with tempfile.TemporaryDirectory(prefix=f".{beside.name[:80]}.", suffix=".work", dir=beside.parent) as folder:
        yield Path(folder)
