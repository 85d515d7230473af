"""Fetches a model from a hub: its settings first, which are looked at, and its weights only when they can be used.

Through huggingface_hub, which comes with `tokenizers`; ``HF_ENDPOINT``, ``HF_TOKEN`` and ``HF_HUB_OFFLINE`` are its
variables. What is fetched lies in ``<cache>/models/org--model``, where `locate` finds it, whole or not at all; what an
interrupted fetch has got is kept beside it and gone on with.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from xret.encoders.builders import family_of
from xret.encoders.cache import cache_folder
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.modules import read_json, read_modules
from xret.encoders.checkpoints.stated import STATED_FILE, Stated
from xret.encoders.checkpoints.weights import weight_files
from xret.encoders.crossencoders.layout import is_cross_encoder
from xret.encoders.hub.faults import endpoint, told
from xret.encoders.hub.files import Repository, is_shard
from xret.encoders.hub.listing import HUB_FILE, look_up
from xret.encoders.hub.transfer import transfer
from xret.encoders.load import open_reader
from xret.encoders.multivector import find_layout
from xret.encoders.reading.tokenizer_files import tokenizer_json
from xret.errors import InputError, ModelError, UsageError, require
from xret.locks import take_lock

__all__ = ["HUB_FILE", "fetch_model", "hub_folder", "is_hub_id"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_ROOM = 2  # times the weights: themselves, and the graph that is built from them


def is_hub_id(name: str | Path) -> bool:
    """Whether a name has the form ``organisation/model``."""
    return isinstance(name, str) and bool(_HUB_ID.fullmatch(name))


def hub_folder(name: str) -> Path:
    """Where a fetched model lies."""
    return cache_folder() / "models" / name.replace("/", "--")


def fetch_model(name: str, *, revision: str | None = None, stated: Stated | None = None) -> Path:
    """Fetch a model that is not there yet.

    Args:
        name: its hub id.
        revision: branch, tag or commit; None for the main branch.
        stated: kept in its ``xret.json``.

    Returns:
        Its folder.

    Raises:
        ModelError: no such model, no network, no permission, or one that xret cannot use: said before its weights are
            fetched.
        InputError: the disk is full or cannot be written.
    """
    if not is_hub_id(name):
        raise UsageError(f"'{name}' is no hub id; wanted organisation/model")
    target = hub_folder(name)
    part = target.with_name(f".{target.name}.part")
    with told(name, part):
        part.mkdir(parents=True, exist_ok=True)
        with _alone(part):
            if not part.is_dir():  # another process was first, and is done
                if not target.is_dir():
                    raise ModelError(f"{name}: another process that fetched it gave up; run the command again")
                return target
            found = look_up(name, revision)
            _forget_other(part, found)
            with _without_bars():
                _fetch(found, found.settings(), part)
            weights = _usable(found, part, stated)
            _check_room(found, weights, part)
            for file in weights:
                transfer(name, file, part / file, commit=found.commit, endpoint=endpoint())
            shutil.rmtree(part / ".cache", ignore_errors=True)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(part, target)
    return target


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process fetches into `folder`."""
    if os.name == "nt":  # which cannot open a folder
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        take_lock(handle)
        yield
    finally:
        os.close(handle)


def _forget_other(part: Path, found: Repository) -> None:
    """Begin anew where what was fetched before is of another commit."""
    marker = part / HUB_FILE
    told = {"model": found.name, "commit": found.commit}
    if marker.is_file() and read_json(marker) != told:
        for path in part.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    marker.write_text(json.dumps(told) + "\n", encoding="utf-8")


def _fetch(found: Repository, names: Iterable[str], part: Path) -> None:
    hub = require("huggingface_hub", extra="cpu", purpose="fetching a model")
    for name in names:
        hub.hf_hub_download(found.name, name, revision=found.commit, local_dir=part, endpoint=endpoint())


@contextmanager
def _without_bars() -> Iterator[None]:
    """No bar for each of the small files."""
    bars = require("huggingface_hub.utils", extra="cpu", purpose="fetching a model")
    if bars.are_progress_bars_disabled():
        yield
        return
    bars.disable_progress_bars()
    try:
        yield
    finally:
        bars.enable_progress_bars()


def _usable(found: Repository, part: Path, stated: Stated | None) -> list[str]:
    """The weights to fetch, after a look at everything else.

    Raises:
        ModelError: xret cannot use the model; its settings are then removed.
    """
    try:
        if stated is not None and stated.fields():
            content = {**read_json(part / STATED_FILE, missing={}), **stated.fields()}
            (part / STATED_FILE).write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
        inner = _looked_at(part)
        return _weights(found, inner.relative_to(part).as_posix(), part)
    except ModelError as error:
        shutil.rmtree(part, ignore_errors=True)
        text = str(error).replace(f"{part}{os.sep}", f"{found.name}/").replace(str(part), found.name)
        text = text if text.startswith(found.name) else f"{found.name}: {text}"
        raise ModelError(f"{text} (its weights were not fetched)") from error


def _looked_at(part: Path) -> Path:
    """The folder of the transformer, once all that can be known without weights is known to be good."""
    layout = find_layout(part)
    modules = list(layout.modules) if layout is not None and layout.modules else read_modules(part)
    inner = part / modules[0].path
    config = read_json(inner / "config.json", missing={})
    family_of(config)
    if (layout is not None and layout.modules) or is_cross_encoder(part, config, modules):
        tokenizer_json(inner, family=str(config.get("model_type")))
        return inner  # its recipe needs a look at the weights
    open_reader(open_checkpoint(part), threads=1)
    return inner


def _weights(found: Repository, inner: str, part: Path) -> list[str]:
    entries = read_json(part / "modules.json", missing=[])
    folders = [inner, *(str(entry.get("path", "")) for entry in entries if isinstance(entry, dict))]
    main = found.weights(inner)
    if not main:
        others = [name for name in found.sizes if name.endswith((".h5", ".msgpack", ".onnx", ".gguf", ".pt", ".pth"))]
        raise ModelError(
            f"{found.name}: has no model.safetensors and no pytorch_model.bin"
            + (f", only {', '.join(others[:4])}" if others else "")
        )
    if len(main) > 1 or is_shard(main[0]):
        there = {PurePosixPath(name).name for name in main}
        if absent := [path.name for path in weight_files(part / inner) if path.name not in there]:
            raise ModelError(f"{found.name}: lacks {', '.join(absent[:4])}, which its index of the weights names")
    return list(dict.fromkeys([*main, *(name for folder in folders for name in found.weights(folder))]))


def _check_room(found: Repository, names: list[str], part: Path) -> None:
    wanted = _ROOM * sum(found.sizes[name] for name in names if not (part / name).is_file())
    if (free := shutil.disk_usage(part).free) < wanted:
        raise InputError(
            f"{part.parent}: {free / 1e9:.1f} GB are free here, {found.name} and its graph need {wanted / 1e9:.1f} GB; "
            "free some space, or set XRET_CACHE to another disk"
        )
