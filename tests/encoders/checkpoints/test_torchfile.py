"""The reader of torch checkpoints: equal to torch on honest files, and on others one line and nothing run."""

from __future__ import annotations

import argparse
import collections
import io
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xret.encoders.checkpoints.torchfile import is_torch, load_torch
from xret.encoders.checkpoints.weights import Weights
from xret.errors import ModelError

FORMS: list[dict[str, Any]] = [{}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 4}]
DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool,
]  # fmt: skip


def content() -> dict[str, Any]:
    """One of everything that is to be read."""
    random = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
    layer = torch.nn.Linear(3, 2)
    return {
        **{f"type.{dtype}": (random * 9).to(dtype) for dtype in DTYPES},
        "shared": random, "row": random[2], "transposed": random.T, "strided": random[1::2, ::3],
        "expanded": torch.arange(5).expand(1, -1), "scalar": torch.tensor(2.5), "empty": torch.empty(0, 4),
        "parameter": layer.weight,
        "model": layer.state_dict(),  # an OrderedDict with `_metadata`
        "list": [torch.ones(2), {"deep": torch.zeros(1)}],
        "params": {"num": 4, "on": True, "rate": 0.5, "none": None, "text": "é", "pair": (1, 2), "big": 2**70},
        "size": torch.Size([2, 3]), "numpy": np.float64(1.5), "count": np.int32(-3),
        "cfg": {"model": argparse.Namespace(cls="x", inner=argparse.Namespace(y=[1]))},
    }  # fmt: skip


def tensors(value: Any, path: str = "") -> dict[str, torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return {path: value.detach()}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: dict[str, torch.Tensor] = {}
    for key, inner in items:
        found |= tensors(inner, f"{path}.{key}" if path else str(key))
    return found


@pytest.mark.parametrize("form", FORMS)
def test_reads_what_torch_writes(form: dict[str, Any], tmp_path: Path) -> None:
    path, written = tmp_path / "any.name", content()
    torch.save(written, path, **form)
    assert is_torch(path)
    loaded, weights, wanted = load_torch(path), Weights([path]), tensors(written)
    assert set(loaded.tensors) == set(wanted)
    for name, tensor in wanted.items():
        assert loaded.tensors[name].shape == tuple(tensor.shape)
        assert not loaded.tensors[name].flags.writeable
        assert np.array_equal(weights.get(name), tensor.float().numpy()), name
    extra = loaded.extra
    assert extra["params"] == written["params"]
    assert (extra["size"], extra["numpy"], extra["count"]) == ((2, 3), 1.5, -3)
    assert extra["cfg"] == {"model": {"cls": "x", "inner": {"y": [1]}}}
    assert loaded.brain == {"type.torch.bfloat16"}
    assert extra["model"] == {}


def test_big_endian_numbers(tmp_path: Path) -> None:
    torch.save({"a": torch.arange(3.0)}, tmp_path / "little.pt")
    swap = {"byteorder": b"big", "data/0": struct.pack(">3f", 1, 2, 3)}
    rewrite(tmp_path / "little.pt", tmp_path / "big.pt", swap)
    assert Weights([tmp_path / "big.pt"]).get("a").tolist() == [1, 2, 3]


def rewrite(source: Path, target: Path, changes: dict[str, bytes], *, compress: int = zipfile.ZIP_STORED) -> Path:
    """A zip form file with the content of some entries changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compress) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name.partition("/")[2], old.read(name)))
    return target


def plain(path: Path) -> Path:
    torch.save({"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}, path)
    return path


class Runs:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class Custom:
    def __setstate__(self, state: Any) -> None:
        os.mkdir(state["path"])


def attacks(sentinel: Path) -> dict[str, Any]:
    """Objects whose unpickling makes `sentinel`, or would lead to something that does."""
    command, code = f"mkdir {sentinel}", f"__import__('os').mkdir({str(sentinel)!r})"
    custom = Custom()
    custom.__dict__["path"] = str(sentinel)
    inner = io.BytesIO()
    torch.save(Runs(os.mkdir, str(sentinel)), inner)
    return {
        "os.system": Runs(os.system, command),
        "mkdir": Runs(os.mkdir, str(sentinel)),
        "eval": Runs(eval, code),
        "exec": Runs(exec, code),
        "getattr": Runs(getattr, Runs(__import__, "os"), "mkdir"),
        "torch.load": Runs(torch.load, str(sentinel)),
        "load_from_bytes": Runs(torch.storage._load_from_bytes, inner.getvalue()),
        "pickle.loads": Runs(pickle.loads, pickle.dumps(Runs(os.mkdir, str(sentinel)))),
        "setstate": custom,
        "numpy object": np.array([Runs(os.mkdir, str(sentinel))], dtype=object),
        "default factory": collections.defaultdict(list),
        "namespace called": Runs(argparse.Namespace),
        "sparse": torch.eye(2).to_sparse(),
        "complex": torch.ones(2, dtype=torch.complex64),
        "module": torch.nn.Linear(2, 2),
        "tuple as key": {((),): 1},
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", list(attacks(Path("x"))))
def test_nothing_is_executed(name: str, form: dict[str, Any], tmp_path: Path) -> None:
    sentinel = tmp_path / "sentinel"
    torch.save({"a": torch.ones(2), "evil": attacks(sentinel)[name]}, tmp_path / "evil.pt", **form)
    refused(tmp_path / "evil.pt")
    assert not sentinel.exists()


def refused(path: Path, match: str = ".") -> None:
    with pytest.raises(ModelError, match=match) as error:
        load_torch(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_the_refusal_names_the_global(tmp_path: Path) -> None:
    torch.save({"a": Runs(os.system, "true")}, tmp_path / "evil.pt")
    refused(tmp_path / "evil.pt", match=r"names '(posix|nt)\.system'.*nothing in it was executed")


def spoiled(tmp_path: Path, code: bytes) -> Path:
    """A checkpoint whose pickle is `code`."""
    return rewrite(plain(tmp_path / "plain.pt"), tmp_path / "spoiled.pt", {"data.pkl": code})


def view(offset: int, sizes: list[int], strides: list[int], *, count: int = 6) -> bytes:
    """A pickle of {"a": a view of storage 0}, as torch would write it; numbers beyond 8 bytes too."""

    def number(value: int) -> bytes:
        data = value.to_bytes(12, "little", signed=True)
        return b"\x8a\x0c" + data

    def row(values: list[int]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    key = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu" + number(count) + b"tQ"
    made = key + number(offset) + row(sizes) + row(strides) + b"\x89ccollections\nOrderedDict\n)R"
    return b"\x80\x02}X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n(" + made + b"tRs."


def test_views_written_by_hand(tmp_path: Path) -> None:
    assert load_torch(spoiled(tmp_path, view(1, [2, 2], [3, 1]))).tensors["a"].tolist() == [[1, 2], [4, 5]]


@pytest.mark.parametrize(
    "view",
    [
        view(0, [7], [1]), view(5, [2], [1]), view(6, [1], [1]), view(-1, [2], [1]), view(0, [2, 3], [4, 1]),
        view(5, [2], [-1]), view(0, [-1], [1]), view(0, [2**40], [0]), view(0, [2**33, 2**33], [1, 1]),
        view(0, [2], [2**62]), view(2**80, [1], [1]), view(0, [2], [1, 1]), view(0, [1] * 40, [1] * 40),
        view(0, [2], [1], count=7), view(0, [2], [1], count=-1), view(0, [2], [1], count=2**61),
    ],
)  # fmt: skip
def test_no_view_reaches_out_of_its_storage(view: bytes, tmp_path: Path) -> None:
    refused(spoiled(tmp_path, view))


BOMBS = {
    "paths": b"\x80\x02](]q\x00" + b"".join(b"](h%ch%ceq%c" % (i, i, i + 1) for i in range(30)) + b"e.",
    "cycle": b"\x80\x02]q\x00h\x00a.",
    "deep": b"\x80\x02" + b")" + b"\x85" * 100_000 + b".",
    "deep key": b"\x80\x02})" + b"\x85" * 100_000 + b"Ns.",
    "memo": b"\x80\x02Nr\xff\xff\xff\xff.",
    "long number": b"\x80\x02\x8b\xff\xff\xff\x7f\x01.",
    "text number": b"\x80\x02I" + b"9" * 6000 + b"\n.",
    "steps": b"\x80\x02N" + b"q\x00" * 3_000_001 + b".",
    "frame": b"\x80\x04\x95" + b"\xff" * 8 + b"N.",
    "inst": b"(ios\nsystem\n.", "obj": b"(cos\nsystem\no.", "ext": b"\x80\x02\x82\x01.", "dup": b"\x80\x02]22.",
    "pop": b"\x80\x020.", "buffer": b"\x80\x05\x97.", "bytearray": b"\x80\x05\x96\x01\0\0\0\0\0\0\0a.",
    "persistent text": b"P1\n.", "newobj_ex": b"\x80\x04cos\nsystem\n)}\x92.", "nothing": b"", "no stop": b"\x80\x02N",
    "namespace state": b"\x80\x02cargparse\nNamespace\n)\x81Nb.",
    "attribute": b"\x80\x04\x8c\x05torch\x8c\x0dSize.__init__\x93.",
    "encode": b"\x80\x02c_codecs\nencode\nX\x02\0\0\0aaX\x05\0\0\0utf-8\x86R.",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_pickles_that_torch_does_not_write(name: str, tmp_path: Path) -> None:
    refused(spoiled(tmp_path, BOMBS[name]))


@pytest.mark.parametrize("name", ["../a", "/etc/a", "x/../../a", "x\\a", "plain/data.pkl"])
def test_names_of_entries(name: str, tmp_path: Path) -> None:
    path = plain(tmp_path / "plain.pt")
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")  # of a name that is there already
        archive.writestr(name, b"x")
    refused(path, match="which torch does not write")


def test_a_list_of_entries_as_long_as_the_file(tmp_path: Path) -> None:
    path, size = tmp_path / "list.pt", 40 << 20
    with open(path, "wb") as stream:
        stream.write(b"PK\x03\x04")
        stream.truncate(size)
        stream.seek(size)
        stream.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, size, 0, 0))
    refused(path, match="has a list of entries of 41,943,040 bytes")


def test_other_zip_files(tmp_path: Path) -> None:
    path = plain(tmp_path / "plain.pt")
    refused(rewrite(path, tmp_path / "deflated.pt", {}, compress=zipfile.ZIP_DEFLATED), match="compressed entry")
    refused(rewrite(path, tmp_path / "short.pt", {"data/0": b"1234"}), match="truncated")
    refused(rewrite(path, tmp_path / "order.pt", {"byteorder": b"middle"}), match="byte order")
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(tmp_path / "script.pt"))
    refused(tmp_path / "script.pt", match="TorchScript")
    with zipfile.ZipFile(tmp_path / "zip.pt", "w") as archive:
        archive.writestr("a", b"b")
    refused(tmp_path / "zip.pt", match="not a checkpoint of torch")
    torch.save({"a": 1}, tmp_path / "none.pt")
    refused(tmp_path / "none.pt", match="holds no tensors")


@pytest.mark.parametrize("form", FORMS)
def test_truncated_files(form: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "whole.pt"
    torch.save(content(), path, **form)
    whole = path.read_bytes()
    for length in [0, 1, 4, 20, *range(40, len(whole), 997), len(whole) - 1]:
        (tmp_path / "cut.pt").write_bytes(whole[:length])
        refused(tmp_path / "cut.pt")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    made = []
    for number, form in enumerate(FORMS):
        torch.save(content(), tmp_path_factory.mktemp("whole") / str(number), **form)
        made.append(next(tmp_path_factory.getbasetemp().glob(f"whole*/{number}")).read_bytes())
    return made


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(form=st.integers(0, len(FORMS) - 1), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6))
def test_any_bytes_may_be_flipped(
    form: int, flips: list[tuple[float, int]], whole: list[bytes], tmp_path: Path
) -> None:
    data = bytearray(whole[form])
    for place, value in flips:
        data[min(int(place * len(data)), len(data) - 1)] = value
    path = tmp_path / "flipped.pt"
    path.write_bytes(data)
    try:
        for array in load_torch(path).tensors.values():
            array.tobytes()
    except ModelError as error:
        assert "\n" not in str(error)
