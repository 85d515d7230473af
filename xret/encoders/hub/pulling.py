"""Makes an encoder ready: fetches it where it is not on disk, and builds its graphs."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xret import sample
from xret.artifact import atomic_file
from xret.encoders.cache import forget_graphs, graph_bytes
from xret.encoders.card import ModelCard, read_card
from xret.encoders.checkpoints.expert_models import find_expert_models, open_model
from xret.encoders.checkpoints.export import export_model
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.checkpoints.stated import STATED_FILE, Stated
from xret.encoders.crossencoders.reranker import load_reranker
from xret.encoders.hub.fetch import fetch_model, hub_folder, is_hub_id
from xret.encoders.load import identify, load_encoder
from xret.encoders.locate import locate
from xret.encoders.names import split_precision
from xret.encoders.recipe import Role
from xret.encoders.runtime.drift import Drift, drift
from xret.errors import ModelError, UsageError

__all__ = ["Pulled", "pull_model"]

_SAMPLE = ("news.de.txt", "news.en.txt")
SAMPLE = Path(sample.__file__).parent
logger = logging.getLogger("xret")


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """A model that is ready."""

    encoder: str  # its name from now on
    fetched: bool  # whether it came from a hub just now
    precision: str
    graph_bytes: int
    seconds: float  # for building
    drift: Drift | None  # of an int8 encoder from the same one in fp32, on the bundled sample's sentences
    card: ModelCard

    def fields(self) -> dict[str, Any]:
        """As plain values."""
        told = {"encoder": self.encoder, "fetched": self.fetched, "precision": self.precision}
        return {
            **told, "graph_bytes": self.graph_bytes, "seconds": round(self.seconds, 2),
            "drift": None if self.drift is None else asdict(self.drift), "model": self.card.fields(),
        }  # fmt: skip


def pull_model(
    name: str, *, output: Path | None = None, revision: str | None = None, stated: Stated | None = None
) -> Pulled:
    """Make a model ready for use without a network.

    Args:
        name: as for `load_encoder`; a hub id that is not on disk is fetched.
        output: a ready folder to make; without it, graphs go to the cache.
        revision: of a hub id: branch, tag or commit.
        stated: what is said of it besides.

    Raises:
        ModelError: not found, or not supported.
        UsageError: a revision of a model on disk, or something said of one without `output`.
        InputError: `output` exists, or the disk is full.
    """
    base, precision = split_precision(name)
    place = _place(str(base))
    if revision is not None and place is not None:
        raise UsageError(f"{base}: is on disk ({place}), where it has one revision; remove that folder first")
    fetched = place is None
    if fetched:
        fetch_model(str(base), revision=revision, stated=stated)
    elif stated is not None and output is None:
        _state(str(base), locate(base), stated)
    started = time.monotonic()
    if output is not None:
        export_model(name, output, stated=stated)
    encoder = str(output) if output is not None else name
    identity, used = _warmed(encoder, device="auto" if precision == "fp16" else "cpu")
    made = graph_bytes(identity) if output is None else sum(path.stat().st_size for path in output.rglob("*.onnx*"))
    seconds, card = time.monotonic() - started, read_card(encoder)
    alike = used == "int8" and card.recipe.dim > 0 and (stated is None or output is None)
    return Pulled(
        encoder=encoder, fetched=fetched, precision=used, graph_bytes=made, seconds=seconds, card=card,
        drift=_drift(encoder, f"{base}:fp32") if alike else None,
    )  # fmt: skip


def _drift(name: str, reference: str) -> Drift | None:
    """How far int8 is from fp32, whose graph is not kept if it was not there before; None for a ready folder."""
    try:
        identity = identify(reference)
    except ModelError:  # holds int8 graphs alone
        return None
    kept = graph_bytes(identity) > 0
    texts = [line for file in _SAMPLE for line in (SAMPLE / file).read_text(encoding="utf-8").splitlines() if line]
    try:
        return drift(load_encoder(name, device="cpu"), load_encoder(reference, device="cpu"), texts)
    finally:
        if not kept:
            forget_graphs(identity)


def _warmed(name: str, *, device: str) -> tuple[str, str]:
    """Have every graph of an encoder or a cross-encoder built and run once; gives its hash and precision."""
    folder = locate(split_precision(name)[0])
    checkpoint = None if find_expert_models(folder) else open_model(folder)
    if checkpoint and checkpoint.recipe.scores:
        reranker = load_reranker(name, device=device)
        reranker.score([""], [""])
        return reranker.hash, split_precision(name)[1] or checkpoint.precision or "fp32"
    encoder = load_encoder(name, device=device)
    told = encoder.recipe.languages
    if checkpoint is None and told:
        encoder.encode([""] * len(told.codes), lang=told.codes)
        return encoder.hash, encoder.precision
    roles: tuple[Role, ...] = ("query", "document")
    lang = [told.default] if told else None
    for role in roles:
        if encoder.dim:
            encoder.encode([""], role=role, lang=lang)
        encoder.encode_tokens([""], role=role, lang=lang)
    return encoder.hash, encoder.precision


def _place(name: str) -> Path | None:
    """Where a model is on disk; None for a hub id that is not."""
    try:
        return locate(name)
    except ModelError:
        if is_hub_id(name):
            return None
        raise


def _state(name: str, folder: Path, stated: Stated) -> None:
    """Keep what is said of a fetched model beside it; folders of others are not written into."""
    if not is_hub_id(name) or folder != hub_folder(name):
        raise UsageError(
            f"{name}: nothing is written into {folder}; make a ready folder with -o FOLDER, "
            f"or write {STATED_FILE} there"
        )
    path = folder / STATED_FILE
    content = {**read_json(path, missing={}), **stated.fields()}
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
